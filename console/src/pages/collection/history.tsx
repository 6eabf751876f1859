// What happened in a collection, the newest first, and taking it back.
import { useRef, useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { CollectionFull, Event, Label, Page, Sample, Session, Undone } from '../../api/types'
import { go, Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { done, tell } from '../../app/toast'
import { labelText } from '../../parts/face'
import { useLostFocus, useRowFocus } from '../../parts/focus'
import { Check } from '../../parts/form'
import { Await, Empty, useLoad } from '../../parts/load'
import { Pages } from '../../parts/pages'
import { Table } from '../../parts/table'
import { When } from '../../parts/time'
import { t } from '../../text'

const h = t.collection.history
const SHOWN = 50 // events on a page

interface Around {
    c: CollectionFull
    sessions: Session[]
    labels: Label[]
}

/** One thing that an event was about; `to`: its page, or how to get there. */
interface Thing {
    text: string
    to?: string | (() => Promise<void>)
}

/** A list of the detail (docs/formats/store.md, "Changes"). */
function listOf(event: Event, name: string): unknown[][] {
    const list = event.detail?.[name]
    return Array.isArray(list) ? (list as unknown[][]) : []
}

function aboutLabels(event: Event, { c, labels }: Around): Thing[] {
    const named = (id: unknown): Thing => {
        const label = labels.find((l) => l.id === id)
        if (!label) return { text: h.gone }
        return { text: labelText(label.code, label.name), to: `/c/${c.id}/l/${label.id}` }
    }
    const rows = listOf(event, 'labels')
    // [id, code, name, ... and further back the code and the name that it got]; a new one: [id]
    const changed = rows
        .filter((row) => row.length > 1)
        .map(([id, code, name, , , , newCode, newName]): Thing => {
            const was = labelText(String(code), String(name))
            const is = newCode === undefined ? was : labelText(String(newCode), String(newName))
            return { ...named(id), text: is === was ? was : h.became(was, is) }
        })
    const own = event.label === null || rows.some(([id]) => id === event.label) ? [] : [named(event.label)]
    const [label] = own
    const made = rows.find((row) => row.length === 1)
    if (event.action === 'label.merge' && label && changed[0])
        return [{ ...label, text: h.became(changed[0].text, label.text) }]
    if (event.action === 'label.split' && label && made) {
        const part = named(made[0])
        return [{ ...part, text: h.became(label.text, part.text) }]
    }
    if (event.action === 'label.create') return [named(event.label)]
    return [...own, ...changed]
}

function aboutSamples(event: Event, { c }: Around): Thing[] {
    const ids = new Set(['samples', 'refused', 'allowed'].flatMap((name) => listOf(event, name).map(([id]) => id)))
    if (event.sample !== null) ids.add(event.sample)
    if (ids.size === 0) return []
    const [id] = ids
    const open = async () => {
        const sample = await api.get<Sample>(`/v1/samples/${id}`)
        go(`/c/${c.id}/m/${sample.media}`)
    }
    const there = ids.size === 1 && (event.undone || event.action !== 'sample.delete')
    return [{ text: t.common.count(ids.size, ...h.samples[c.modality]!), ...(there && { to: open }) }]
}

function aboutMedia(event: Event, { c, sessions }: Around): Thing[] {
    const session = (id: unknown): Thing => {
        const one = sessions.find((s) => s.id === id)
        return one ? { text: one.name, to: `/c/${c.id}/s/${one.id}` } : { text: h.session }
    }
    const away = listOf(event, 'sessions').map(([id]) => session(id))
    const said = event.detail?.session ? [session(event.detail.session)] : []
    const media = listOf(event, 'media').map(([id]) => id)
    if (typeof event.detail?.media === 'number') media.push(event.detail.media)
    if (media.length === 0) return [...away, ...said]
    const there = media.length === 1 && (event.undone || event.action === 'media.restore')
    return [
        ...away,
        ...said,
        {
            text: t.common.count(media.length, ...h.media[c.modality]!),
            ...(there && { to: `/c/${c.id}/m/${media[0]}` }),
        },
    ]
}

/** What an event was about: links to what is still there. */
function about(event: Event, around: Around, events: Event[]): Thing[] {
    const of = events.find((e) => event.action === 'undo' && e.id === event.detail?.event)
    if (of) return [{ text: what(of) }, ...about(of, around, [])]
    const version = event.version && {
        text: t.collection.version(event.version),
        to: `/c/${around.c.id}/versions?open=${event.version}`,
    }
    return [
        ...aboutLabels(event, around),
        ...aboutSamples(event, around),
        ...aboutMedia(event, around),
        ...(version ? [version] : []),
    ]
}

function what(event: Event): string {
    return t.events[event.action] ?? event.action
}

function One({ thing: { text, to } }: { thing: Thing }) {
    if (typeof to === 'string') return <Link to={to}>{text}</Link>
    if (!to) return <>{text}</>
    return (
        <button type="button" class="as-link" onClick={() => void tell(to())}>
            {text}
        </button>
    )
}

/** It has just been taken back: the focus was on the button. */
function JustUndone() {
    return (
        <span ref={useLostFocus<HTMLSpanElement>()} class="badge" tabIndex={-1}>
            {h.undone}
        </span>
    )
}

interface RowProps {
    event: Event
    things: Thing[]
    undo: (() => Promise<boolean>) | null // whether it came through; null: cannot be, or may not
    just: boolean
}

function Row({ event, things, undo, just }: RowProps) {
    const [busy, setBusy] = useState(false)
    const run = async () => {
        if (busy) return
        setBusy(true)
        setBusy(await undo!()) // what was taken back cannot be again
    }
    return (
        <tr>
            <th scope="row">
                <span class="what">{what(event)}</span>{' '}
                <span class="about">
                    {things.map((thing, i) => (
                        <span key={i}>
                            {i > 0 && ', '}
                            <One thing={thing} />
                        </span>
                    ))}
                </span>
                <small class="below">
                    <When at={event.time} /> · {h.by[event.actor] ?? event.actor}
                </small>
            </th>
            <td class="take-back">
                {undo ? (
                    <button
                        type="button"
                        class="small"
                        aria-label={h.undo(what(event), things.map((thing) => thing.text).join(', '))}
                        aria-busy={busy}
                        onClick={() => void run()}
                    >
                        {t.common.undo}
                    </button>
                ) : just && event.undone ? (
                    <JustUndone />
                ) : (
                    event.undone && <span class="badge">{h.undone}</span>
                )}
            </td>
        </tr>
    )
}

export function History({ reload, ...around }: Around & { reload: () => void }) {
    const may = useMay('enroll')
    const [only, setOnly] = useQuery('undoable')
    const [before, setBefore] = useQuery('before')
    const last = useRef(0) // the event that was taken back last
    const { c } = around
    const events = useLoad(
        (s) =>
            api.get<Page<Event>>(
                '/v1/events',
                { collection: c.id, order: 'newest', limit: SHOWN, undoable: only && true, cursor: before },
                s,
            ),
        [c.id, only, before],
    )
    const rows = events.data?.items ?? []
    const rowFocus = useRowFocus<HTMLDivElement>(rows.length, rows[0]?.id)
    const turn = (to: string) => {
        last.current = 0
        setBefore(to)
    }
    const undo = async (event: Event) => {
        const work = async () => {
            const told = await api.post<Undone>(`/v1/collections/${c.id}/undo`, { event: event.id })
            last.current = event.id
            done(told.kept ? h.undoneBut(told.kept) : t.common.undone)
        }
        const through = await tell(work())
        events.reload()
        reload()
        return through
    }
    return (
        <div {...rowFocus}>
            <div class="actions orders">
                <Check
                    label={h.only}
                    on={only !== ''}
                    change={(on) => {
                        setBefore('')
                        setOnly(on ? '1' : '')
                    }}
                />
            </div>
            <Await from={events}>
                {(page) =>
                    page.items.length ? (
                        <>
                            <Table label={h.label} columns={[h.label]} actions>
                                {page.items.map((event) => (
                                    <Row
                                        key={event.id}
                                        event={event}
                                        things={about(event, around, page.items)}
                                        undo={may && event.undoable ? () => undo(event) : null}
                                        just={event.id === last.current}
                                    />
                                ))}
                            </Table>
                            <Pages before={before} next={page.next_cursor} turn={turn} />
                        </>
                    ) : (
                        <Empty {...(only ? h.noneOnly : h.none)}>
                            {(only || before) && (
                                <button
                                    type="button"
                                    onClick={() => {
                                        setBefore('')
                                        setOnly('')
                                    }}
                                >
                                    {t.common.showAll}
                                </button>
                            )}
                        </Empty>
                    )
                }
            </Await>
        </div>
    )
}
