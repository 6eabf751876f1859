// What happens while the page is open, the newest first; what happens many times in a row is one line.
import { useEffect, useRef, useState } from 'preact/hooks'
import { listen } from '../../api/client'
import type { Event } from '../../api/types'
import { useCollections } from '../../app/collection'
import { Link } from '../../app/router'
import { When } from '../../parts/time'
import { t } from '../../text'

const KEPT = 12

export interface Item {
    event: Event
    times: number
}

function joined(items: Item[], event: Event): Item[] {
    const last = items[0]
    if (last && last.event.action === event.action && last.event.collection === event.collection)
        return [{ event, times: last.times + 1 }, ...items.slice(1)]
    return [{ event, times: 1 }, ...items].slice(0, KEPT)
}

/** The events since the page was opened; `settled` is called a moment after the last of a row. */
export function useNews(settled: (collections: Set<number>) => void): Item[] {
    const [items, set] = useState<Item[]>([])
    const call = useRef(settled)
    call.current = settled
    useEffect(() => {
        let touched = new Set<number>()
        let timer: ReturnType<typeof setTimeout> | undefined
        const stop = listen('/v1/events/stream', {
            event: (data) => {
                const event = data as Event
                set((old) => joined(old, event))
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
    return items
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
