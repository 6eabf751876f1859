// What happened last and what happens, the newest first; what happens many times in a row is one line.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api, listen } from '../../api/client'
import type { Event, Page } from '../../api/types'
import { useCollections } from '../../app/collection'
import { Link } from '../../app/router'
import { When } from '../../parts/time'
import { t } from '../../text'

const KEPT = 12 // lines
const READ = 100 // events that are looked at for them

interface Item {
    event: Event
    times: number
}

function joined(items: Item[], event: Event): Item[] {
    const last = items[0]
    if (last && last.event.action === event.action && last.event.collection === event.collection)
        return [{ event, times: last.times + 1 }, ...items.slice(1)]
    return [{ event, times: 1 }, ...items].slice(0, KEPT)
}

/** Two lists of events as one, the oldest first. */
function merged(old: Event[], more: Event[]): Event[] {
    const all = new Map([...old, ...more].map((e) => [e.id, e]))
    return [...all.values()].sort((a, b) => a.id - b.id).slice(-READ)
}

/** The last events; `settled` is called a moment after the last of a row that came meanwhile. */
export function useNews(settled: (collections: Set<number>) => void): Item[] {
    const [events, set] = useState<Event[]>([])
    const call = useRef(settled)
    call.current = settled
    useEffect(() => {
        api.get<Page<Event>>('/v1/events', { order: 'newest', limit: READ }).then(
            (page) => set((old) => merged(old, page.items)),
            () => {}, // what is new comes all the same
        )
        let touched = new Set<number>()
        let timer: ReturnType<typeof setTimeout> | undefined
        const stop = listen('/v1/events/stream', {
            event: (data) => {
                const event = data as Event
                set((old) => merged(old, [event]))
                if (event.collection !== null) touched.add(event.collection)
                clearTimeout(timer)
                timer = setTimeout(() => {
                    call.current(touched)
                    touched = new Set()
                }, 700)
            },
        })
        return () => {
            stop()
            clearTimeout(timer)
        }
    }, [])
    return useMemo(() => events.reduce(joined, [] as Item[]), [events])
}

export function News({ items }: { items: Item[] }) {
    const all = useCollections().data ?? []
    if (items.length === 0) return <p class="quiet">{t.home.noNews}</p>
    return (
        <ul class="news">
            {items.map(({ event, times }) => (
                <li key={event.id}>
                    {t.events[event.action] ?? event.action} {times > 1 && <b>{t.home.times(times)}</b>}
                    <br />
                    <small>
                        {event.collection !== null && (
                            <>
                                <Link to={`/c/${event.collection}`}>
                                    {all.find((c) => c.id === event.collection)?.name ?? `#${event.collection}`}
                                </Link>
                                {' · '}
                            </>
                        )}
                        <When at={event.time} />
                    </small>
                </li>
            ))}
        </ul>
    )
}
