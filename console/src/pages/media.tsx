// A photo with its boxes, and what the chosen face is most like; a recording with its sounds.
import { all, api } from '../api/client'
import { doneWithUndo } from '../api/labels'
import type { Collection, Label, Media, Neighbour, Sample } from '../api/types'
import { go, Link, type Params, useQuery, useTitle } from '../app/router'
import { useMay } from '../app/session'
import { failed } from '../app/toast'
import { ask } from '../parts/dialog'
import { Face, figure, labelText, mediaPicture, sampleText } from '../parts/face'
import { Await, Empty, useLoad } from '../parts/load'
import { type Boxed, Photo } from '../parts/photo'
import { SampleBoard } from '../parts/samples'
import { when } from '../parts/when'
import { t } from '../text'
import '../style/media.css'

/** The labelled samples that a sample is most like: why it would be named so. */
export function Nearest({ sample, sound }: { sample: number; sound: boolean }) {
    const near = useLoad((s) => api.get<{ items: Neighbour[] }>(`/v1/samples/${sample}/similar`, { k: 5 }, s), [sample])
    return (
        <section class="card" aria-label={t.media.why}>
            <h2>{t.media.why}</h2>
            <p class="quiet">{t.media.whyText}</p>
            <Await from={near}>
                {({ items }) =>
                    items.length ? (
                        <ol class="nearest">
                            {items.map((n) => (
                                <li key={n.sample}>
                                    {!sound && <Face sample={n.sample} size={64} />}
                                    <span>{labelText(n.code, n.name)}</span>
                                    <strong>{figure(n.similarity)}</strong>
                                </li>
                            ))}
                        </ol>
                    ) : (
                        <p>{t.media.noNeighbours}</p>
                    )
                }
            </Await>
        </section>
    )
}

function kindOf(s: Sample): Boxed['kind'] {
    if (!s.code) return 'unknown'
    return s.grouped || s.labelled_by === 'job' ? 'doubtful' : 'known'
}

async function readAll(params: Params, signal: AbortSignal) {
    const base = `/v1/collections/${params.collection}`
    const [media, collection, labels, samples] = await Promise.all([
        api.get<Media>(`/v1/media/${params.media}`, {}, signal),
        api.get<Collection>(base, {}, signal),
        all<Label>(`${base}/labels`, {}, signal),
        all<Sample>(`${base}/samples`, { media: params.media }, signal),
    ])
    return { media, collection, labels, samples }
}

function Facts({ media, sound }: { media: Media; sound: boolean }) {
    const f = t.media.facts
    const size = sound ? `${(media.width / 1000).toFixed(1)} s` : `${media.width} × ${media.height}`
    return (
        <p class="quiet">
            {size} · {sound ? t.media.sounds(media.samples) : t.media.faces(media.samples)} · {f.added}{' '}
            {when(media.created)}
            {media.error && <span class="error"> · {media.error}</span>}
        </p>
    )
}

export default function Page({ params }: { params: Params }) {
    const may = useMay('enroll')
    const [chosen, choose] = useQuery('sample')
    const everything = useLoad((s) => readAll(params, s), [params.media])
    const file = everything.data?.media
    useTitle(file && (file.source ?? String(file.id)))
    const remove = async (media: Media) => {
        const name = media.source ?? String(media.id)
        if (!(await ask({ ...t.media.sure(name), danger: true }))) return
        try {
            const gone = await api.del(`/v1/media/${media.id}`)
            const here = `/c/${media.collection}/m/${media.id}`
            doneWithUndo(t.media.removed, media.collection, () => go(here), [gone])
            go(media.session ? `/c/${media.collection}/s/${media.session}` : `/c/${media.collection}`)
        } catch (e) {
            failed(e)
        }
    }
    return (
        <Await from={everything}>
            {({ media, collection, labels, samples }) => {
                const sound = collection.modality === 'sound'
                const name = media.source ?? String(media.id)
                return (
                    <>
                        <div class="head">
                            <h1>{name}</h1>
                            <div class="actions">
                                {media.session && (
                                    <Link class="button" to={`/c/${collection.id}/s/${media.session}`}>
                                        {t.session.title}
                                    </Link>
                                )}
                                {sound && (
                                    <Link class="button" to={`/c/${collection.id}/listen?media=${media.id}`}>
                                        {t.media.openListen}
                                    </Link>
                                )}
                                <a class="button" href={`/v1/media/${media.id}/content`} download={name}>
                                    {t.media.original}
                                </a>
                                {may && (
                                    <button type="button" onClick={() => void remove(media)}>
                                        {t.media.remove}
                                    </button>
                                )}
                            </div>
                        </div>
                        <Facts media={media} sound={sound} />
                        <div class="columns">
                            <div>
                                {!sound && media.width > 0 && (
                                    <Photo
                                        src={mediaPicture(media.id, 1600)}
                                        width={media.width}
                                        height={media.height}
                                        alt={t.media.photoOf(name)}
                                        boxes={samples.map((s) => ({
                                            id: s.id,
                                            box: s.box,
                                            text: sampleText(s),
                                            kind: kindOf(s),
                                        }))}
                                        chosen={Number(chosen)}
                                        choose={(id) => choose(String(id))}
                                    />
                                )}
                                {sound && <audio controls src={`/v1/media/${media.id}/content`} />}
                                {samples.length ? (
                                    <SampleBoard
                                        collection={collection}
                                        samples={samples}
                                        labels={labels}
                                        label={name}
                                        changed={(to) => everything.set((e) => ({ ...e, samples: to }))}
                                        reload={everything.reload}
                                    />
                                ) : (
                                    <Empty {...(sound ? t.media.noneSound : t.media.none)} />
                                )}
                            </div>
                            {chosen && <Nearest sample={Number(chosen)} sound={sound} />}
                        </div>
                    </>
                )
            }}
        </Await>
    )
}
