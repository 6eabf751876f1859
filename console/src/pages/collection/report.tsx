// The matrix of people and sessions. A click says the opposite of what is shown; another one takes
// that back.
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { api } from '../../api/client'
import { say, type Said } from '../../api/presence'
import type { CollectionFull, Label, PresenceCell, Session } from '../../api/types'
import { Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { failed, tell } from '../../app/toast'
import { csv, save } from '../../parts/csv'
import { labelText, percent } from '../../parts/face'
import { Await, Empty, type Loaded, useLoad } from '../../parts/load'
import { t } from '../../text'

type Row = Map<number, PresenceCell> // by session
type Matrix = Map<number, Row> // by label

const NOWHERE: Row = new Map()

function stateText(cell: PresenceCell | undefined): string {
    const s = t.collection.state
    if (cell && cell.said !== null) return cell.said ? s.saidPresent : s.saidAbsent
    return cell?.present ? s.seen : s.notSeen
}

const next = (cell: PresenceCell | undefined): Said => (cell && cell.said !== null ? null : !cell?.present)

async function readPresence(collection: number, sessions: number | undefined, signal?: AbortSignal): Promise<Matrix> {
    const path = `/v1/collections/${collection}/presence`
    const { items } = await api.get<{ items: PresenceCell[] }>(path, { sessions }, signal)
    const at: Matrix = new Map()
    for (const cell of items)
        at.set(cell.label, (at.get(cell.label) ?? new Map<number, PresenceCell>()).set(cell.session, cell))
    return at
}

/** Says the next thing of a cell. Clicks on one cell wait for each other, and each is followed by what
 *  the server makes of it: somebody may be present whom no sample shows. */
function useMark(collection: number, cells: Loaded<Matrix>) {
    const last = useRef(new Map<string, Promise<PresenceCell | undefined>>())
    const show = (label: number, session: number, cell: PresenceCell | undefined) =>
        cells.set((old) => {
            const row = new Map(old.get(label))
            if (cell) row.set(session, cell)
            else row.delete(session)
            return new Map(old).set(label, row)
        })
    const one = async (label: number, session: number, was: PresenceCell | undefined) => {
        const said = next(was)
        const { samples = 0, present = false } = was ?? {}
        show(label, session, { label, session, samples, said, present: said ?? present })
        await tell(say(session, label, said))
        try {
            const is = (await readPresence(collection, session)).get(label)?.get(session)
            show(label, session, is)
            return is
        } catch (e) {
            failed(e)
            show(label, session, was)
            return was
        }
    }
    return (label: number, session: number, shown: PresenceCell | undefined) => {
        const key = `${label} ${session}`
        const before = last.current.get(key) ?? Promise.resolve(shown)
        const now = before.then((was) => one(label, session, was))
        last.current.set(key, now)
        void now.then(() => last.current.get(key) === now && last.current.delete(key))
    }
}

const STEPS: Record<string, [down: number, right: number]> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
}

const inside = (cell: Element | null | undefined) => cell?.querySelector<HTMLElement>('a, button')

/** One stop of the tab key for the whole table; arrows go from cell to cell. Set beside what is
 *  rendered, so that a step does not draw thousands of cells again. */
function useRoving() {
    const table = useRef<HTMLTableElement>(null)
    useEffect(() => {
        const first = table.current?.querySelector('[tabindex="0"]') ?? inside(table.current?.tBodies[0])
        first?.setAttribute('tabindex', '0')
    })
    const focused = (e: FocusEvent) => {
        table.current?.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1')
        ;(e.target as HTMLElement).setAttribute('tabindex', '0')
    }
    const key = (e: KeyboardEvent) => {
        const cell = (e.target as HTMLElement).closest('td, th') as HTMLTableCellElement | null
        const row = cell?.parentElement as HTMLTableRowElement | null
        if (!cell || !row) return
        const step = STEPS[e.key]
        const to = step
            ? inside(table.current!.rows[row.rowIndex + step[0]]?.cells[cell.cellIndex + step[1]])
            : e.key === 'Home'
              ? inside(row)
              : e.key === 'End'
                ? [...row.querySelectorAll<HTMLElement>('a, button')].at(-1)
                : undefined
        if (!to) return
        e.preventDefault()
        to.focus()
    }
    return { ref: table, onFocusIn: focused, onKeyDown: key }
}

function Mark({
    who,
    session,
    cell,
    mark,
}: {
    who: string
    session: Session
    cell: PresenceCell | undefined
    mark?: (() => void) | undefined
}) {
    const state = stateText(cell)
    return (
        <td role="gridcell">
            <button
                type="button"
                class={`mark ${cell?.present ? 'there' : 'away'}${cell && cell.said !== null ? ' said' : ''}`}
                aria-label={t.collection.report.cell(who, session.name, state)}
                title={state}
                aria-disabled={!mark}
                tabIndex={-1}
                onClick={mark}
            >
                {cell?.present ? '✓' : cell?.said === false ? '✕' : '–'}
            </button>
        </td>
    )
}

/** A row is drawn again only when something in it changed. */
function Person({
    label,
    days,
    row,
    mark,
}: {
    label: Label
    days: Session[]
    row: Row
    mark: ReturnType<typeof useMark> | null
}) {
    return useMemo(() => {
        const who = labelText(label.code, label.name)
        const there = days.filter((s) => row.get(s.id)?.present).length
        return (
            <tr role="row">
                <th scope="row" role="rowheader">
                    <Link to={`/c/${label.collection}/l/${label.id}`} tabIndex={-1}>
                        {who}
                    </Link>
                </th>
                {days.map((s) => {
                    const cell = row.get(s.id)
                    return (
                        <Mark
                            key={s.id}
                            who={who}
                            session={s}
                            cell={cell}
                            mark={mark ? () => mark(label.id, s.id, cell) : undefined}
                        />
                    )
                })}
                <td role="gridcell" class="number">
                    {days.length ? percent(there / days.length) : '–'}
                </td>
            </tr>
        )
    }, [label, days, row, !mark])
}

export function Report({ c, sessions, labels }: { c: CollectionFull; sessions: Session[]; labels: Label[] }) {
    const may = useMay('enroll')
    const r = t.collection.report
    const [from, setFrom] = useQuery('from')
    const [to, setTo] = useQuery('to')
    const people = useMemo(() => labels.filter((l) => !l.grouped), [labels])
    const days = useMemo(
        () =>
            sessions
                .filter((s) => (!from || (s.date ?? '') >= from) && (!to || (s.date ?? '9') <= to))
                .sort((a, b) => (a.date ?? '').localeCompare(b.date ?? '') || a.id - b.id),
        [sessions, from, to],
    )
    const cells = useLoad((s) => readPresence(c.id, undefined, s), [c.id])
    const mark = useMark(c.id, cells)
    const roving = useRoving()
    if (!people.length || !sessions.length) return <Empty {...r.none} />
    const download = (at: Matrix) =>
        save(
            `${c.name}.csv`,
            'text/csv',
            csv([
                [t.common.code, t.common.name, ...days.map((s) => [s.date, s.name].filter(Boolean).join(' ')), r.total],
                ...people.map((l) => {
                    const there = days.map((s) => (at.get(l.id)?.get(s.id)?.present ? 1 : 0))
                    return [l.code, l.name, ...there, there.reduce((a: number, b) => a + b, 0)]
                }),
            ]),
        )
    return (
        <Await from={cells}>
            {(at) => (
                <>
                    <div class="actions orders">
                        <label>
                            {r.from} <input type="date" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />
                        </label>
                        <label>
                            {r.to} <input type="date" value={to} onInput={(e) => setTo(e.currentTarget.value)} />
                        </label>
                        <button type="button" onClick={() => download(at)}>
                            {r.csv}
                        </button>
                    </div>
                    {may && <p class="quiet">{r.legend}</p>}
                    <div class="scroll report" style={{ '--days': days.length }}>
                        <table role="grid" aria-label={t.collection.tabs.report} {...roving}>
                            <thead role="rowgroup">
                                <tr role="row">
                                    <th scope="col" role="columnheader">
                                        {r.person}
                                    </th>
                                    {days.map((s) => (
                                        <th scope="col" role="columnheader" key={s.id}>
                                            <Link to={`/c/${c.id}/s/${s.id}?tab=attendance`} tabIndex={-1}>
                                                {s.name}
                                            </Link>
                                            <small>{s.date}</small>
                                        </th>
                                    ))}
                                    <th scope="col" role="columnheader" class="number">
                                        {r.rate}
                                    </th>
                                </tr>
                            </thead>
                            <tbody role="rowgroup">
                                {people.map((l) => (
                                    <Person
                                        key={l.id}
                                        label={l}
                                        days={days}
                                        row={at.get(l.id) ?? NOWHERE}
                                        mark={may ? mark : null}
                                    />
                                ))}
                            </tbody>
                        </table>
                    </div>
                </>
            )}
        </Await>
    )
}
