// Media that were kept long enough go for good.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Job, Page } from '../../api/types'
import { useMay } from '../../app/session'
import { done, failed } from '../../app/toast'
import { ask } from '../../parts/dialog'
import { Field, Form, TextInput } from '../../parts/form'
import { JobProgress, useJob } from '../../parts/job'
import { Empty } from '../../parts/load'
import { t } from '../../text'

const KINDS = ['probes', 'unknowns', 'deleted'] as const
type Kind = (typeof KINDS)[number]
type Days = Record<Kind, string>

/** The clearing that goes on already, or null. */
async function goingOn(): Promise<number | null> {
    for (const state of ['running', 'queued']) {
        const page = await api.get<Page<Job>>('/v1/jobs', { kind: 'expire', state, limit: 1 })
        if (page.items[0]) return page.items[0].id
    }
    return null
}

const help: Record<Kind, string> = {
    probes: t.system.probesHelp,
    unknowns: t.system.unknownsHelp,
    deleted: t.system.deletedHelp,
}

function ClearForm({ ordered }: { ordered: (job: number) => void }) {
    const [days, setDays] = useState<Days>({ probes: '', unknowns: '', deleted: '' })
    const submit = async () => {
        const wanted = KINDS.filter((kind) => days[kind].trim())
        if (wanted.length === 0) throw new Error(t.system.chooseOne)
        const what = wanted.map((kind) => t.system.clearWhat(t.system[kind], Number(days[kind]))).join('; ')
        const question = {
            title: t.system.clearAsk,
            text: t.system.clearAskText(what),
            yes: t.system.clear,
            danger: true,
        }
        if (!(await ask(question))) return
        const order = Object.fromEntries(wanted.map((kind) => [kind, Number(days[kind])]))
        ordered((await api.post<Job>('/v1/expire', order)).id)
    }
    return (
        <Form submit={submit} save={t.system.clear} danger>
            {(wrong) =>
                KINDS.map((kind) => (
                    <Field key={kind} label={t.system.olderThan(t.system[kind])} help={help[kind]} error={wrong(kind)}>
                        <TextInput
                            type="number"
                            min={1}
                            max={36500}
                            inputMode="numeric"
                            value={days[kind]}
                            change={(to) => setDays((d) => ({ ...d, [kind]: to }))}
                        />
                    </Field>
                ))
            }
        </Form>
    )
}

function Clearing() {
    const [id, setId] = useState<number | null>(null)
    const watched = useJob(id, (job) => {
        if (job.state === 'done') done(t.system.cleared)
        else if (job.error) failed(new Error(job.error))
    })
    useEffect(() => {
        goingOn().then(setId, failed)
    }, [])
    const job = watched.job
    return (
        <section class="card clearing">
            <h2>{t.system.clearTitle}</h2>
            <p>{t.system.clearText}</p>
            <JobProgress watched={watched} what={t.system.clearing} />
            {job?.result && (
                <details>
                    <summary>{t.system.clearedOf}</summary>
                    <pre tabIndex={0}>{JSON.stringify(job.result, null, 2)}</pre>
                </details>
            )}
            <ClearForm ordered={setId} />
        </section>
    )
}

export function Clear() {
    return useMay('admin') ? <Clearing /> : <Empty title={t.system.clearTitle} text={t.system.clearAdmins} />
}
