// Who was there: what was seen, and what a person says over it.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import { say, type Said } from '../../api/presence'
import type { Label, PresenceCell, Session } from '../../api/types'
import { useMay } from '../../app/session'
import { tell } from '../../app/toast'
import { csv, save } from '../../parts/csv'
import { labelText } from '../../parts/face'
import { Await, Empty, useLoad } from '../../parts/load'
import { labelsLike } from '../../parts/picker'
import { t } from '../../text'

export function MarkBadge({ cell }: { cell: PresenceCell | undefined }) {
    const a = t.session.attendance
    const present = cell?.present ?? false
    return (
        <span class={'badge' + (present ? ' known' : cell?.said === false ? ' unknown' : '')}>
            {present ? a.present : a.absent}
        </span>
    )
}

export function Attendance({ session, labels }: { session: Session; labels: Label[] }) {
    const a = t.session.attendance
    const may = useMay('enroll')
    const [search, setSearch] = useState('')
    const cells = useLoad(
        (s) =>
            api
                .get<{ items: PresenceCell[] }>(
                    `/v1/collections/${session.collection}/presence`,
                    { sessions: session.id },
                    s,
                )
                .then((p) => new Map(p.items.map((c) => [c.label, c]))),
        [session.id, session.samples, session.labelled],
    )
    const people = labels.filter((l) => !l.grouped)
    if (!people.length) return <Empty {...a.none} />
    const mark = async (label: Label, said: Said, now: Said) => {
        if (said === now) return
        await tell(say(session.id, label.id, said))
        cells.reload()
    }
    const download = (seen: Map<number, PresenceCell>) =>
        save(
            `${session.name}.csv`,
            'text/csv',
            csv([
                [t.common.code, t.common.name, a.state, t.common.date],
                ...people.map((l) => [
                    l.code,
                    l.name,
                    seen.get(l.id)?.present ? a.present : a.absent,
                    session.date ?? '',
                ]),
            ]),
        )
    return (
        <Await from={cells}>
            {(seen) => (
                <>
                    <div class="head">
                        <strong>
                            {a.counted(people.filter((l) => seen.get(l.id)?.present).length, people.length)}
                        </strong>
                        <div class="actions">
                            <input
                                type="search"
                                aria-label={a.search}
                                placeholder={a.search}
                                value={search}
                                onInput={(e) => setSearch(e.currentTarget.value)}
                            />
                            <button type="button" onClick={() => download(seen)}>
                                {a.csv}
                            </button>
                        </div>
                    </div>
                    <div class="scroll">
                        <table>
                            <thead>
                                <tr>
                                    <th scope="col">{a.person}</th>
                                    <th scope="col">{a.state}</th>
                                    {may && <th scope="col">{a.mark}</th>}
                                </tr>
                            </thead>
                            <tbody>
                                {labelsLike(people, search).map((l) => {
                                    const cell = seen.get(l.id)
                                    return (
                                        <tr key={l.id}>
                                            <th scope="row">
                                                {labelText(l.code, l.name)}{' '}
                                                {l.name !== l.code && <small>{l.code}</small>}
                                            </th>
                                            <td>
                                                <MarkBadge cell={cell} />{' '}
                                                <small>
                                                    {cell && cell.said !== null ? a.by : a.seen(cell?.samples ?? 0)}
                                                </small>
                                            </td>
                                            {may && (
                                                <td>
                                                    <div
                                                        class="actions"
                                                        role="group"
                                                        aria-label={labelText(l.code, l.name)}
                                                    >
                                                        {(
                                                            [
                                                                [true, a.present],
                                                                [false, a.absent],
                                                                [null, a.auto],
                                                            ] as [Said, string][]
                                                        ).map(([said, text]) => (
                                                            <button
                                                                key={text}
                                                                type="button"
                                                                class="small"
                                                                aria-pressed={(cell?.said ?? null) === said}
                                                                onClick={() => void mark(l, said, cell?.said ?? null)}
                                                            >
                                                                {text}
                                                            </button>
                                                        ))}
                                                    </div>
                                                </td>
                                            )}
                                        </tr>
                                    )
                                })}
                            </tbody>
                        </table>
                    </div>
                </>
            )}
        </Await>
    )
}
