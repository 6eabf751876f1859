// One photo, asked about and not kept.
import { useEffect, useState } from 'preact/hooks'
import type { Answer, CollectionFull, Label } from '../../api/types'
import { useAsked } from '../../parts/asked'
import { labelText, percent } from '../../parts/face'
import { Empty, Problem } from '../../parts/load'
import { KIND, Photo } from '../../parts/photo'
import { t } from '../../text'
import { withNames } from './names'
import { DropHere, PickButton } from './pick'
import { Candidates, reason, RuleText, useRule } from './why'

interface Shown {
    url: string
    width: number // 0: the browser cannot show it
    height: number
}

/** The picture as the browser shows it, upright. */
function usePicture(file: File | null): Shown | null {
    const [shown, set] = useState<Shown | null>(null)
    useEffect(() => {
        set(null)
        if (!file) return
        const url = URL.createObjectURL(file)
        const image = new Image()
        image.onload = () => set({ url, width: image.naturalWidth, height: image.naturalHeight })
        image.onerror = () => set({ url, width: 0, height: 0 })
        image.src = url
        return () => URL.revokeObjectURL(url)
    }, [file])
    return shown
}

function nameOf(a: Answer): string {
    return a.decision === 'known' ? labelText(a.label, a.name) : t.decisions[a.decision]!
}

export function TryPhoto({
    collection,
    labels,
    file,
    pick,
}: {
    collection: CollectionFull
    labels: Label[]
    file: File | null
    pick: (file: File) => void
}) {
    const picture = usePicture(file)
    const { answer, error } = useAsked(collection, file, file?.name ?? '')
    const rule = useRule(collection)
    const [chosen, choose] = useState(0)
    useEffect(() => choose(0), [file])
    if (!file)
        return (
            <DropHere pick={pick}>
                <Empty title={t.live.tabs.photo!} text={t.live.drop.face}>
                    <PickButton modality="face" text={t.live.choose.face} pick={pick} primary />
                </Empty>
            </DropHere>
        )
    const faces = withNames(answer?.samples ?? [], labels)
    const boxes = faces.map((a, id) => ({ id, box: a.box!, kind: KIND[a.decision], text: nameOf(a) }))
    const face = faces[chosen]
    return (
        <DropHere pick={pick}>
            <div class="columns">
                <div>
                    {picture &&
                        (picture.width ? (
                            <Photo
                                src={picture.url}
                                width={picture.width}
                                height={picture.height}
                                boxes={boxes}
                                chosen={chosen}
                                choose={choose}
                                alt={t.live.photoAlt(file.name)}
                            />
                        ) : (
                            <p class="note">{t.live.cannotShow}</p>
                        ))}
                </div>
                <div>
                    <div class="actions live-session">
                        <PickButton modality="face" text={t.live.another.face} pick={pick} />
                        <span class="quiet" role="status">
                            {answer ? t.live.faces(faces.length) : error === undefined && t.live.asking}
                        </span>
                    </div>
                    {error !== undefined && <Problem error={error} />}
                    {answer?.error && <Problem error={new Error(answer.error)} />}
                    {answer && !answer.error && faces.length === 0 && <p class="note">{t.live.noFaces}</p>}
                    {faces.length > 1 && (
                        <div class="face-choice" role="group" aria-label={t.live.faces(faces.length)}>
                            {faces.map((a, i) => (
                                <button
                                    key={i}
                                    type="button"
                                    class="small"
                                    aria-pressed={i === chosen}
                                    onClick={() => choose(i)}
                                >
                                    {nameOf(a)}
                                </button>
                            ))}
                        </div>
                    )}
                    {face && (
                        <section class="card" aria-live="polite">
                            <h2>
                                {nameOf(face)}{' '}
                                {face.decision === 'known' && <span class="quiet">{percent(face.probability)}</span>}
                            </h2>
                            {rule.data && <p>{reason(face, rule.data)}</p>}
                            <Candidates of={face} />
                            {rule.data && <RuleText rule={rule.data} />}
                        </section>
                    )}
                </div>
            </div>
        </DropHere>
    )
}
