// Grouping and assigning: what is asked before, and what came of it.
import { useState } from 'preact/hooks'
import { doneWithUndo, type Told } from '../../api/labels'
import type { Job } from '../../api/types'
import { done, failed } from '../../app/toast'
import { Dialog } from '../../parts/dialog'
import { Check, Field, Form, Select, TextInput } from '../../parts/form'
import { JobProgress } from '../../parts/job'
import { useOrder } from '../../parts/order'
import { t } from '../../text'

type What = 'cluster' | 'assign'

const number = (text: string) => (text.trim() === '' ? undefined : Number(text))

function Asked({ what, order, close }: { what: What; order: (body: object) => Promise<void>; close: () => void }) {
    const [method, setMethod] = useState('average')
    const [threshold, setThreshold] = useState('')
    const [most, setMost] = useState('')
    const [identified, setIdentified] = useState(false)
    const [k, setK] = useState('5')
    const [voting, setVoting] = useState(true)
    const [preview, setPreview] = useState(false)
    const submit = () =>
        order(
            what === 'cluster'
                ? { method, threshold: number(threshold), max_clusters: number(most), include_identified: identified }
                : { threshold: number(threshold), k: number(k), use_voting: voting, commit: !preview },
        )
    const s = t.session
    return (
        <Dialog title={what === 'cluster' ? s.group : s.assign} close={close}>
            <p>{what === 'cluster' ? s.groupText : s.assignText}</p>
            <Form submit={submit} save={what === 'cluster' ? s.group : s.assign} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={s.threshold} help={s.thresholdHelp} error={wrong('threshold')}>
                            <TextInput
                                type="number"
                                min={0}
                                max={1}
                                step={0.01}
                                value={threshold}
                                change={setThreshold}
                            />
                        </Field>
                        {what === 'cluster' ? (
                            <>
                                <Field label={s.maxClusters} help={s.maxClustersHelp} error={wrong('max_clusters')}>
                                    <TextInput type="number" min={1} max={200} value={most} change={setMost} />
                                </Field>
                                <Field label={s.method}>
                                    <Select value={method} change={setMethod} options={Object.entries(s.methods)} />
                                </Field>
                                <Check label={s.includeIdentified} on={identified} change={setIdentified} />
                            </>
                        ) : (
                            <>
                                <Field label={s.k} help={s.kHelp} error={wrong('k')}>
                                    <TextInput type="number" min={1} max={50} value={k} change={setK} />
                                </Field>
                                <Check label={s.voting} on={voting} change={setVoting} />
                                <Check label={s.preview} on={preview} change={setPreview} />
                            </>
                        )}
                    </>
                )}
            </Form>
        </Dialog>
    )
}

const whatText = (job: Job) => (job.kind === 'cluster' ? t.session.grouping : t.session.assigning)

/** The two buttons, and the progress of what they began; also of what was begun before a reload. */
export function Orders({
    collection,
    session,
    changed,
}: {
    collection: number
    session?: number | undefined
    changed: () => void
}) {
    const [asking, setAsking] = useState<What | null>(null)
    const ended = (j: Job) => {
        const what = whatText(j)
        if (j.state !== 'done') failed(new Error(t.session.failed(what, j.error ?? t.jobs.state[j.state]!)))
        else {
            const r = j.result as never
            const told = j.request?.['commit'] === false
            const text = j.kind === 'cluster' ? t.session.grouped(r) : t.session.assigned(r, told)
            if (told) done(text)
            else doneWithUndo(text, collection, changed, [j.result as Told])
        }
        order.forget()
        changed()
    }
    const order = useOrder(collection, ['cluster', 'assign'], 'order', ended)
    const { job } = order.watched
    const start = async (body: object) => {
        const place = session ? { session: String(session) } : {}
        await order.start(`/v1/collections/${collection}/${asking}`, { ...body, ...place })
        setAsking(null)
    }
    return (
        <>
            <button type="button" disabled={order.running} onClick={() => setAsking('cluster')}>
                {t.session.group}
            </button>
            <button type="button" disabled={order.running} onClick={() => setAsking('assign')}>
                {t.session.assign}
            </button>
            {asking && <Asked what={asking} order={start} close={() => setAsking(null)} />}
            {job && (
                <div class="full">
                    <JobProgress watched={order.watched} what={whatText(job)} />
                </div>
            )}
        </>
    )
}
