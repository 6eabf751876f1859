// The labels of a collection, and examples for one of them.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, ApiError } from '../../api/client'
import type { CollectionFull, Label } from '../../api/types'
import { Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { done } from '../../app/toast'
import { rowsOf } from '../../parts/csv'
import { Dialog } from '../../parts/dialog'
import { Drop } from '../../parts/drop'
import { labelText } from '../../parts/face'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { Empty, explain } from '../../parts/load'
import { LabelPicker, labelsLike, type Picked } from '../../parts/picker'
import { t } from '../../text'
import '../../style/session.css'

/** First who it is, then the files. */
export function Enroll({
    c,
    labels,
    whose,
    came,
}: {
    c: CollectionFull
    labels: Label[]
    whose?: Picked
    came: () => void
}) {
    const [chosen, choose] = useState<Picked | undefined>(whose)
    const name = labels.find((l) => l.code === chosen?.code)?.name ?? chosen?.name ?? chosen?.code
    return (
        <section class="card">
            <h2>{t.collection.enroll}</h2>
            <p class="quiet">{t.collection.enrollText[c.modality]}</p>
            {!whose && (
                <div class="group-tools">
                    <LabelPicker labels={labels} label={t.collection.enrollWho[c.modality]} pick={choose} />
                </div>
            )}
            {chosen && (
                <>
                    {!whose && <p>{t.collection.enrollFor(name!)}</p>}
                    <Drop
                        modality={c.modality}
                        path={`/v1/collections/${c.id}/media`}
                        fields={{ label: chosen.code, faces: 'largest', ...(chosen.name ? { name: chosen.name } : {}) }}
                        came={came}
                    />
                </>
            )}
        </section>
    )
}

export function LabelState({ label }: { label: Label }) {
    const l = t.collection
    return (
        <span class={'badge' + (label.grouped ? ' doubtful' : label.learned ? ' known' : '')}>
            {label.grouped ? l.grouped : label.learned ? l.learned : l.notLearned}
        </span>
    )
}

function makeLabel(collection: number, code: string, name: string): Promise<Label> {
    return api.post<Label>(`/v1/collections/${collection}/labels`, { code, name: name || code })
}

function NewLabel({ collection, changed, close }: { collection: number; changed: () => void; close: () => void }) {
    const [code, setCode] = useState('')
    const [name, setName] = useState('')
    const submit = async () => {
        const made = await makeLabel(collection, code.trim(), name.trim())
        done(t.collection.created(labelText(made.code, made.name)))
        close()
        changed()
    }
    return (
        <Dialog title={t.collection.newLabel} close={close}>
            <Form submit={submit} save={t.common.create} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={t.common.code} help={t.collection.codeHelp} error={wrong('code')}>
                            <TextInput value={code} change={setCode} autoComplete="off" autoFocus required />
                        </Field>
                        <Field label={t.common.name} help={t.collection.nameHelp} error={wrong('name')}>
                            <TextInput value={name} change={setName} autoComplete="off" />
                        </Field>
                    </>
                )}
            </Form>
        </Dialog>
    )
}

interface Listed {
    done: number
    made: number
    there: number
    refused: { line: string; why: string }[]
}

const NONE_LISTED: Listed = { done: 0, made: 0, there: 0, refused: [] }

/** The codes and names of a list; a first line that names the columns is none. */
function listed(text: string): [code: string, name: string][] {
    const rows = rowsOf(text)
        .map(([code = '', name = '']): [string, string] => [code.trim(), name.trim()])
        .filter(([code, name]) => code || name)
    return rows[0]?.[0].toLowerCase() === 'code' ? rows.slice(1) : rows
}

/** Makes the labels of a CSV file one by one, and tells what came of them. */
function LabelList({
    collection,
    file,
    changed,
    close,
}: {
    collection: number
    file: File
    changed: () => void
    close: () => void
}) {
    const l = t.collection.list
    const [all, setAll] = useState<number>()
    const [told, tell] = useState(NONE_LISTED)
    const over = useRef(false)
    const one = async (code: string, name: string): Promise<Partial<Listed>> => {
        try {
            await makeLabel(collection, code, name)
            return { made: 1 }
        } catch (e) {
            if (e instanceof ApiError && e.status === 409) return { there: 1 }
            return { refused: [{ line: name ? `${code}, ${name}` : code, why: explain(e) }] }
        }
    }
    useEffect(() => {
        const read = async () => {
            const rows = listed(await file.text())
            setAll(rows.length)
            for (const [code, name] of rows) {
                if (over.current) break
                const { made = 0, there = 0, refused = [] } = await one(code, name)
                tell((s) => ({
                    done: s.done + 1,
                    made: s.made + made,
                    there: s.there + there,
                    refused: [...s.refused, ...refused],
                }))
            }
            changed()
        }
        void read()
        return () => {
            over.current = true
        }
    }, [])
    const going = all === undefined || told.done < all
    return (
        <Dialog title={l.title} close={close}>
            {going && <progress max={all ?? 1} value={told.done} aria-label={l.going} />}
            <p role="status">{going ? l.going : l.told(told.made, told.there, told.refused.length)}</p>
            {told.refused.length > 0 && (
                <ul>
                    {told.refused.map((r, i) => (
                        <li key={i}>
                            <strong>{r.line}</strong>: {r.why}
                        </li>
                    ))}
                </ul>
            )}
            <div class="actions end">
                <button type="button" class="primary" onClick={close}>
                    {going ? t.common.stop : t.common.close}
                </button>
            </div>
        </Dialog>
    )
}

/** Labels before there is anything of them. */
function Make({ collection, changed }: { collection: number; changed: () => void }) {
    const [making, make] = useState(false)
    const [file, setFile] = useState<File | null>(null)
    const input = useRef<HTMLInputElement>(null)
    return (
        <>
            <button type="button" onClick={() => make(true)}>
                {t.collection.newLabel}
            </button>
            <button type="button" title={t.collection.list.help} onClick={() => input.current?.click()}>
                {t.collection.list.choose}
            </button>
            <input
                ref={input}
                type="file"
                hidden
                accept=".csv,text/csv"
                aria-label={t.collection.list.choose}
                onChange={(e) => {
                    setFile(e.currentTarget.files?.[0] ?? null)
                    e.currentTarget.value = ''
                }}
            />
            {making && <NewLabel collection={collection} changed={changed} close={() => make(false)} />}
            {file && <LabelList collection={collection} file={file} changed={changed} close={() => setFile(null)} />}
        </>
    )
}

export function Labels({ c, labels, reload }: { c: CollectionFull; labels: Label[]; reload: () => void }) {
    const may = useMay('enroll')
    const [search, setSearch] = useQuery('label')
    const [which, setWhich] = useQuery('labels', 'all')
    const k = t.collection.label
    const kind =
        which === 'groups'
            ? labels.filter((l) => l.grouped)
            : which === 'named'
              ? labels.filter((l) => !l.grouped)
              : labels
    const shown = labelsLike(kind, search)
    return (
        <>
            {labels.length > 0 ? (
                <div class="actions orders">
                    <input
                        type="search"
                        aria-label={t.collection.searchLabels}
                        placeholder={t.collection.searchLabels}
                        value={search}
                        onInput={(e) => setSearch(e.currentTarget.value)}
                    />
                    <Select
                        aria-label={t.collection.onlyGroups}
                        value={which}
                        change={setWhich}
                        options={Object.entries(t.collection.groupsShown)}
                    />
                    {may && <Make collection={c.id} changed={reload} />}
                </div>
            ) : (
                <Empty {...t.collection.noLabels}>{may && <Make collection={c.id} changed={reload} />}</Empty>
            )}
            {labels.length > 0 && !shown.length && <Empty {...t.collection.noFit} />}
            {shown.length > 0 && (
                <div class="scroll labels">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{k.name}</th>
                                <th scope="col">{k.code}</th>
                                <th scope="col" class="number">
                                    {k.samples}
                                </th>
                                <th scope="col" class="number">
                                    {k.sessions}
                                </th>
                                <th scope="col">{k.state}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {shown.map((l) => (
                                <tr key={l.id}>
                                    <th scope="row">
                                        <Link to={`/c/${c.id}/l/${l.id}`}>{labelText(l.code, l.name)}</Link>
                                    </th>
                                    <td>{l.code}</td>
                                    <td class="number">{l.samples}</td>
                                    <td class="number">{l.sessions}</td>
                                    <td>
                                        <LabelState label={l} />
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
            {may && <Enroll c={c} labels={labels} came={reload} />}
        </>
    )
}
