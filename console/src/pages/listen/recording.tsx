// One recording: seen, heard, and what the server hears in it.
import { useState } from 'preact/hooks'
import { api, upload } from '../../api/client'
import type { CollectionFull, Label, Media, Uploaded } from '../../api/types'
import { go, Link } from '../../app/router'
import { useMay } from '../../app/session'
import { done, tell } from '../../app/toast'
import { type Asked, useAsked } from '../../parts/asked'
import { Await, type Loaded, Problem, useLoad } from '../../parts/load'
import { t } from '../../text'
import { withNames } from '../live/names'
import { RuleText, useRule } from '../live/why'
import { EventTable } from './events'
import { nameOf } from './list'
import { type Reading, usePicture } from './picture'
import { usePlayer } from './player'
import { Samples } from './samples'
import { type Span, spansOf } from './spans'
import { Timeline } from './timeline'

function Asking({ asked }: { asked: Asked }) {
    if (asked.answer) return null
    if ((asked.error as Error)?.name === 'AbortError')
        return (
            <p>
                <button type="button" onClick={asked.again}>
                    {t.common.retry}
                </button>
            </p>
        )
    if (asked.error !== undefined) return <Problem error={asked.error} retry={asked.again} />
    const what = asked.share < 1 ? t.listen.sending : t.listen.hearing
    return (
        <div class="job" role="group" aria-label={what}>
            <div class="job-text" role="status">
                {what}
            </div>
            <progress max={1} value={asked.share < 1 ? asked.share : undefined} aria-label={what} />
            <button type="button" onClick={asked.stop}>
                {t.common.stop}
            </button>
        </div>
    )
}

function Untrained({ collection }: { collection: CollectionFull }) {
    return (
        <p class="note">
            {t.listen.untrained} <Link to={`/c/${collection.id}/train`}>{t.listen.train}</Link>
        </p>
    )
}

function ReadingState({ reading }: { reading: Reading }) {
    if (reading.state === 'unreadable') return <p class="note">{t.listen.cannotPlay}</p>
    const drawn = reading.state === 'read' ? reading.picture.ready / reading.picture.columns : 0
    if (drawn === 1) return null
    const what = reading.state === 'reading' ? t.listen.reading : t.listen.drawing
    return (
        <div class="listen-reading">
            <span class="quiet">{what}</span>
            <progress max={1} value={reading.state === 'reading' ? undefined : drawn} aria-label={what} />
        </div>
    )
}

/** Uploads the recording; then it is one of the collection's. */
function Keep({ collection, file, name }: { collection: number; file: Blob; name: string }) {
    const [share, setShare] = useState<number | null>(null)
    const keep = async () => {
        setShare(0)
        const form = new FormData()
        form.set('file', file, name)
        const sent = upload<Uploaded>(`/v1/collections/${collection}/media`, form, setShare).then((told) => {
            const { media, status, error } = told.items[0]!
            if (media === null) throw new Error(error ?? status)
            go(`/c/${collection}/listen?media=${media}`, true)
            if (status === 'known') return done(t.listen.keptKnown(name))
            done(t.listen.kept(name), async () => {
                await api.del(`/v1/media/${media}`)
                go(`/c/${collection}/listen`, true)
            })
        })
        if (!(await tell(sent))) setShare(null)
    }
    return (
        <button type="button" disabled={share !== null} aria-busy={share !== null} onClick={() => void keep()}>
            {share === null ? t.listen.keep : t.listen.keeping}
        </button>
    )
}

export function Recording({
    collection,
    labels,
    file,
    name,
    media,
}: {
    collection: CollectionFull
    labels: Loaded<Label[]>
    file: Blob
    name: string
    media: Media | null // null: a file that is not kept
}) {
    const may = useMay('enroll')
    const reading = usePicture(file)
    const player = usePlayer(file)
    const asked = useAsked(collection, file, name)
    const rule = useRule(collection)
    const [chosen, setChosen] = useState<number | null>(null)
    const picture = reading.state === 'read' ? reading.picture : null
    const spans = spansOf(withNames(asked.answer?.samples ?? [], labels.data ?? []))
    const seconds = picture?.seconds ?? (media ? media.width / 1000 : (spans.at(-1)?.end ?? 0))
    const choose = (s: Span) => {
        setChosen(s.id)
        if (picture) player.play(s.start, s.end)
    }
    return (
        <>
            <div class="actions listen-title">
                <h2>{name}</h2>
                {!media && may && <Keep collection={collection.id} file={file} name={name} />}
            </div>
            {collection.live === null ? <Untrained collection={collection} /> : <Asking asked={asked} />}
            <ReadingState reading={reading} />
            {seconds > 0 && (
                <Timeline
                    seconds={seconds}
                    picture={picture}
                    spans={spans}
                    player={player}
                    chosen={chosen}
                    choose={choose}
                />
            )}
            {asked.answer?.error && <Problem error={new Error(asked.answer.error)} />}
            {asked.answer && !asked.answer.error && (
                <>
                    <EventTable spans={spans} chosen={chosen} playable={picture !== null} choose={choose} file={name} />
                    {rule.data && <RuleText rule={rule.data} />}
                </>
            )}
            {media && <Samples media={media} labels={labels} spans={spans} play={picture && player.play} />}
        </>
    )
}

/** A recording of the collection, fetched. */
export function KeptRecording({
    collection,
    labels,
    id,
}: {
    collection: CollectionFull
    labels: Loaded<Label[]>
    id: string
}) {
    const kept = useLoad(
        async (signal) => {
            const media = await api.get<Media>(`/v1/media/${id}`, {}, signal)
            return { media, file: await api.blob(`/v1/media/${id}/content`, signal) }
        },
        [id],
    )
    return (
        <Await from={kept}>
            {({ media, file }) => (
                <Recording
                    key={id}
                    collection={collection}
                    labels={labels}
                    file={file}
                    name={nameOf(media)}
                    media={media}
                />
            )}
        </Await>
    )
}
