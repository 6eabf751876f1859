// One label: its samples, the sessions it was in, and what can be done with it.
import { useState } from 'preact/hooks'
import { all, api } from '../api/client'
import { doneWithUndo, mergeLabel, type Told } from '../api/labels'
import type { CollectionFull, Label, PresenceCell, Sample, Session } from '../api/types'
import { go, Link, type Params, useQuery, useTitle } from '../app/router'
import { useMay } from '../app/session'
import { done, failed } from '../app/toast'
import { ask, Dialog } from '../parts/dialog'
import { labelText } from '../parts/face'
import { Field, Form, TextInput } from '../parts/form'
import { Await, Empty, useLoad } from '../parts/load'
import { LabelPicker } from '../parts/picker'
import { SampleBoard } from '../parts/samples'
import { Tabs } from '../parts/tabs'
import { t } from '../text'
import '../style/session.css'
import { Enroll, LabelState } from './collection/labels'
import { MarkBadge } from './session/attendance'

interface Everything {
    label: Label
    collection: CollectionFull
    labels: Label[]
    samples: Sample[]
}

async function readAll(params: Params, signal: AbortSignal): Promise<Everything> {
    const base = `/v1/collections/${params.collection}`
    const [label, collection, labels, samples] = await Promise.all([
        api.get<Label>(`/v1/labels/${params.label}`, {}, signal),
        api.get<CollectionFull>(base, {}, signal),
        all<Label>(`${base}/labels`, {}, signal),
        all<Sample>(`${base}/samples`, { label: params.label }, signal),
    ])
    return { label, collection, labels, samples }
}

function Rename({ label, close, changed }: { label: Label; close: () => void; changed: () => void }) {
    const [code, setCode] = useState(label.code)
    const [name, setName] = useState(label.name)
    const [email, setEmail] = useState(label.email ?? '')
    const submit = async () => {
        const named = { ...(code !== label.code ? { code } : {}), ...(name !== label.name ? { name } : {}) }
        const other = email !== (label.email ?? '') ? { email } : {}
        const told = await api.patch<Told>(`/v1/labels/${label.id}`, { ...named, ...other })
        // a code and a name can be taken back, an address cannot
        if (Object.keys(named).length) doneWithUndo(t.label.renamed, label.collection, changed, [told])
        else if (Object.keys(other).length) done(t.label.saved)
        close()
        changed()
    }
    return (
        <Dialog title={t.label.edit} close={close}>
            <Form submit={submit} save={t.common.save} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={t.common.name} error={wrong('name')}>
                            <TextInput value={name} change={setName} autoFocus />
                        </Field>
                        <Field label={t.common.code} error={wrong('code')}>
                            <TextInput value={code} change={setCode} />
                        </Field>
                        <Field label={t.label.email} error={wrong('email')}>
                            <TextInput type="email" value={email} change={setEmail} />
                        </Field>
                    </>
                )}
            </Form>
        </Dialog>
    )
}

function Merge({ label, labels, close }: { label: Label; labels: Label[]; close: () => void }) {
    const into = async (code: string) => {
        const other = labels.find((l) => l.code === code)
        if (!other) return
        try {
            const told = await mergeLabel(label.id, other.id)
            close()
            const here = `/c/${label.collection}/l/${label.id}`
            doneWithUndo(t.label.merged(labelText(other.code, other.name)), label.collection, () => go(here), [told])
            go(`/c/${label.collection}/l/${other.id}`)
        } catch (e) {
            failed(e)
        }
    }
    return (
        <Dialog title={t.label.merge} close={close}>
            <p>{t.label.mergeText}</p>
            <LabelPicker
                labels={labels.filter((l) => l.id !== label.id)}
                label={t.common.name}
                pick={(to) => void into(to.code)}
                only
                autofocus
            />
        </Dialog>
    )
}

function Erase({ label, close }: { label: Label; close: () => void }) {
    const [typed, setTyped] = useState('')
    const submit = async () => {
        const receipt = await api.post<{ token: string }>(`/v1/labels/${label.id}/erase`, { confirm: typed })
        done(t.label.receipt(receipt.token))
        go(`/c/${label.collection}?tab=labels`)
    }
    return (
        <Dialog title={t.label.eraseTitle(labelText(label.code, label.name))} close={close}>
            <p>{t.label.eraseText}</p>
            <Form submit={submit} save={t.label.erase} cancel={close} danger>
                {(wrong) => (
                    <Field label={t.label.eraseConfirm(label.code)} error={wrong('confirm')}>
                        <TextInput value={typed} change={setTyped} autoComplete="off" autoFocus />
                    </Field>
                )}
            </Form>
        </Dialog>
    )
}

function Head({ label, labels, changed }: { label: Label; labels: Label[]; changed: () => void }) {
    const may = useMay('enroll')
    const admin = useMay('admin')
    const [open, setOpen] = useState<'' | 'rename' | 'merge' | 'erase'>('')
    const close = () => setOpen('')
    const name = labelText(label.code, label.name)
    const remove = async () => {
        if (!(await ask({ ...t.label.sure(name, label.samples), danger: true }))) return
        try {
            const gone = await api.del(`/v1/labels/${label.id}`)
            doneWithUndo(t.label.removed, label.collection, () => go(`/c/${label.collection}/l/${label.id}`), [gone])
            go(`/c/${label.collection}?tab=labels`)
        } catch (e) {
            failed(e)
        }
    }
    return (
        <div class="head">
            <div>
                <h1>{name}</h1>
                <span class="quiet">{label.code}</span> <LabelState label={label} />
            </div>
            {may && (
                <div class="actions">
                    <button type="button" onClick={() => setOpen('rename')}>
                        {t.label.edit}
                    </button>
                    <button type="button" onClick={() => setOpen('merge')}>
                        {t.label.merge}
                    </button>
                    <button type="button" onClick={() => void remove()}>
                        {t.common.remove}
                    </button>
                    {admin && (
                        <button type="button" onClick={() => setOpen('erase')}>
                            {t.label.erase}
                        </button>
                    )}
                </div>
            )}
            {open === 'rename' && <Rename label={label} close={close} changed={changed} />}
            {open === 'merge' && <Merge label={label} labels={labels} close={close} />}
            {open === 'erase' && <Erase label={label} close={close} />}
        </div>
    )
}

function Sessions({ label }: { label: Label }) {
    const base = `/v1/collections/${label.collection}`
    const both = useLoad(
        async (s) => {
            const [sessions, cells] = await Promise.all([
                all<Session>(`${base}/sessions`, {}, s),
                api.get<{ items: PresenceCell[] }>(`${base}/presence`, {}, s),
            ])
            const at = new Map(cells.items.filter((c) => c.label === label.id).map((c) => [c.session, c]))
            return sessions.filter((one) => at.has(one.id)).map((one) => ({ one, cell: at.get(one.id) }))
        },
        [label.id],
    )
    return (
        <Await from={both}>
            {(rows) =>
                rows.length ? (
                    <div class="scroll">
                        <table>
                            <thead>
                                <tr>
                                    <th scope="col">{t.session.title}</th>
                                    <th scope="col">{t.common.date}</th>
                                    <th scope="col">{t.label.there}</th>
                                    <th scope="col" class="number">
                                        {t.label.samples}
                                    </th>
                                </tr>
                            </thead>
                            <tbody>
                                {rows.map(({ one, cell }) => (
                                    <tr key={one.id}>
                                        <th scope="row">
                                            <Link to={`/c/${label.collection}/s/${one.id}`}>{one.name}</Link>
                                        </th>
                                        <td>{one.date}</td>
                                        <td>
                                            <MarkBadge cell={cell} />
                                        </td>
                                        <td class="number">{cell?.samples}</td>
                                    </tr>
                                ))}
                            </tbody>
                        </table>
                    </div>
                ) : (
                    <Empty {...t.label.noSessions} />
                )
            }
        </Await>
    )
}

export default function Page({ params }: { params: Params }) {
    const may = useMay('enroll')
    const [tab, setTab] = useQuery('tab', 'samples')
    const everything = useLoad((s) => readAll(params, s), [params.label])
    const shown = everything.data?.label
    useTitle(shown && labelText(shown.code, shown.name))
    return (
        <Await from={everything}>
            {({ label, collection, labels, samples }) => (
                <>
                    <Head label={label} labels={labels} changed={everything.reload} />
                    <Tabs
                        label={labelText(label.code, label.name)}
                        tabs={[
                            ['samples', `${t.label.samples} (${samples.length})`],
                            ['sessions', t.label.attendance],
                        ]}
                        on={tab}
                        choose={setTab}
                    >
                        {tab === 'samples' &&
                            (samples.length ? (
                                <SampleBoard
                                    collection={collection}
                                    samples={samples}
                                    labels={labels}
                                    label={labelText(label.code, label.name)}
                                    of={label}
                                    // what became another's is not shown here any more
                                    changed={(to) =>
                                        everything.set((e) => ({
                                            ...e,
                                            samples: to.filter((s) => s.code === label.code),
                                        }))
                                    }
                                    reload={everything.reload}
                                />
                            ) : (
                                <Empty {...t.label.noSamples} />
                            ))}
                        {tab === 'sessions' && <Sessions label={label} />}
                    </Tabs>
                    {may && (
                        <Enroll
                            c={collection}
                            labels={labels}
                            whose={{ code: label.code, name: label.name }}
                            came={everything.reload}
                        />
                    )}
                </>
            )}
        </Await>
    )
}
