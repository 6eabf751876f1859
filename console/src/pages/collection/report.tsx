// The matrix of people and sessions. A click says present, then absent, then nothing again.
import { useMemo } from 'preact/hooks'
import { api } from '../../api/client'
import type { CollectionFull, Label, PresenceCell, Session } from '../../api/types'
import { Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { tell } from '../../app/toast'
import { csv, save } from '../../parts/csv'
import { labelText, percent } from '../../parts/face'
import { Await, Empty, useLoad } from '../../parts/load'
import { t } from '../../text'
import { say, type Said } from '../session/attendance'

const key = (label: number, session: number) => `${label} ${session}`

function stateText(cell: PresenceCell | undefined): string {
  const s = t.collection.state
  if (cell && cell.said !== null) return cell.said ? s.saidPresent : s.saidAbsent
  return cell?.present ? s.seen : s.notSeen
}

const next = (cell: PresenceCell | undefined): Said =>
  !cell || cell.said === null ? !cell?.present : cell.said === !cell.samples ? !cell.said : null

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
  const cells = useLoad(
    (s) =>
      api
        .get<{ items: PresenceCell[] }>(`/v1/collections/${c.id}/presence`, {}, s)
        .then((p) => new Map(p.items.map((x) => [key(x.label, x.session), x]))),
    [c.id],
  )
  if (!people.length || !sessions.length) return <Empty {...r.none} />
  const mark = async (label: number, session: number, cell: PresenceCell | undefined) => {
    const said = next(cell)
    cells.set((old) => {
      const samples = cell?.samples ?? 0
      return new Map(old).set(key(label, session), { label, session, samples, said, present: said ?? samples > 0 })
    })
    if (!(await tell(say(session, label, said)))) cells.reload()
  }
  const download = (at: Map<string, PresenceCell>) =>
    save(
      `${c.name}.csv`,
      'text/csv',
      csv([
        [t.common.code, t.common.name, ...days.map((s) => [s.date, s.name].filter(Boolean).join(' ')), r.total],
        ...people.map((l) => {
          const there = days.map((s) => (at.get(key(l.id, s.id))?.present ? 1 : 0))
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
              {r.from}{' '}
              <input type="date" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />
            </label>
            <label>
              {r.to}{' '}
              <input type="date" value={to} onInput={(e) => setTo(e.currentTarget.value)} />
            </label>
            <button type="button" onClick={() => download(at)}>
              {r.csv}
            </button>
          </div>
          {may && <p class="quiet">{r.legend}</p>}
          <div class="scroll report" tabIndex={0} role="region" aria-label={t.collection.tabs.report}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{r.person}</th>
                  {days.map((s) => (
                    <th scope="col" key={s.id}>
                      <Link to={`/c/${c.id}/s/${s.id}?tab=attendance`}>{s.name}</Link>
                      <small>{s.date}</small>
                    </th>
                  ))}
                  <th scope="col" class="number">
                    {r.rate}
                  </th>
                </tr>
              </thead>
              <tbody>
                {people.map((l) => {
                  const there = days.filter((s) => at.get(key(l.id, s.id))?.present).length
                  return (
                    <tr key={l.id}>
                      <th scope="row">
                        <Link to={`/c/${c.id}/l/${l.id}`}>{labelText(l.code, l.name)}</Link>
                      </th>
                      {days.map((s) => {
                        const cell = at.get(key(l.id, s.id))
                        const kind = `mark ${cell?.present ? 'there' : 'away'}${cell && cell.said !== null ? ' said' : ''}`
                        const name = r.cell(labelText(l.code, l.name), s.name, stateText(cell))
                        return (
                          <td key={s.id}>
                            <button
                              type="button"
                              class={kind}
                              aria-label={name}
                              title={stateText(cell)}
                              disabled={!may}
                              onClick={() => void mark(l.id, s.id, cell)}
                            >
                              {cell?.present ? '✓' : cell?.said === false ? '✕' : '–'}
                            </button>
                          </td>
                        )
                      })}
                      <td class="number">{days.length ? percent(there / days.length) : '–'}</td>
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
