// The recordings of the collection, newest first. The server pages them; names are looked for page
// by page until enough are found.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { CollectionFull, Media, Page } from '../../api/types'
import { Link, useQuery } from '../../app/router'
import { TextInput } from '../../parts/form'
import { Empty, Problem } from '../../parts/load'
import { When } from '../../parts/time'
import { t } from '../../text'
import { clockText } from './time'

const SHOWN = 50 // that one look adds at least, where there are so many

interface Found {
    items: Media[]
    cursor: string | null
}

export function nameOf(m: Media): string {
    return m.source ?? t.listen.unnamed(m.id)
}

async function lookOn(collection: number, typed: string, cursor: string | null, signal: AbortSignal): Promise<Found> {
    const want = typed.trim().toLocaleLowerCase()
    const items: Media[] = []
    do {
        const limit = want ? 1000 : SHOWN
        const page = await api.get<Page<Media>>(`/v1/collections/${collection}/media`, { limit, cursor }, signal)
        items.push(...page.items.filter((m) => nameOf(m).toLocaleLowerCase().includes(want)))
        cursor = page.next_cursor
    } while (cursor && items.length < SHOWN)
    return { items, cursor }
}

function useRecordings(collection: number, typed: string) {
    const [found, setFound] = useState<Found | null>(null)
    const [error, setError] = useState<unknown>()
    const [turn, setTurn] = useState(0) // 0: from the start
    useEffect(() => setTurn(0), [typed, collection])
    useEffect(() => {
        const stop = new AbortController()
        const before = turn > 0 ? found : null
        setError(undefined)
        lookOn(collection, typed, before?.cursor ?? null, stop.signal).then(
            (more) => setFound({ ...more, items: [...(before?.items ?? []), ...more.items] }),
            (e) => !stop.signal.aborted && setError(e),
        )
        return () => stop.abort()
    }, [collection, typed, turn])
    return { found, error, more: () => setTurn((n) => n + 1) }
}

export function Recordings({ collection }: { collection: CollectionFull }) {
    const [typed, setTyped] = useQuery('search')
    const { found, error, more } = useRecordings(collection.id, typed)
    if (collection.counts.media === 0) return <Empty title={t.listen.none} text={t.listen.noneText} />
    return (
        <section>
            <h2>{t.listen.recordings}</h2>
            <TextInput
                type="search"
                class="listen-search"
                value={typed}
                change={setTyped}
                aria-label={t.listen.search}
                placeholder={t.listen.search}
            />
            {error !== undefined && <Problem error={error} retry={more} />}
            {found && found.items.length === 0 && typed && <p class="note">{t.listen.nothingFound(typed)}</p>}
            {found && found.items.length > 0 && (
                <div class="scroll">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{t.listen.name}</th>
                                <th scope="col" class="number">
                                    {t.listen.length}
                                </th>
                                <th scope="col">{t.listen.labelled}</th>
                                <th scope="col">{t.listen.added}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {found.items.map((m) => (
                                <tr key={m.id}>
                                    <th scope="row">
                                        <Link
                                            to={`/c/${collection.id}/listen?media=${m.id}`}
                                            aria-label={t.listen.listenTo(nameOf(m))}
                                        >
                                            {nameOf(m)}
                                        </Link>
                                    </th>
                                    <td class="number">{clockText(m.width / 1000)}</td>
                                    <td>{m.error ?? t.common.of(m.labelled, m.samples)}</td>
                                    <td>
                                        <When at={m.created} />
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
            {found?.cursor && (
                <button type="button" onClick={more}>
                    {t.listen.moreOf}
                </button>
            )}
        </section>
    )
}
