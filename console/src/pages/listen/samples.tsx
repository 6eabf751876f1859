// What the collection keeps of a recording, and what a person says it is.
import { useState } from 'preact/hooks'
import { all } from '../../api/client'
import { doneWithUndo, reject, setLabel, type Told } from '../../api/labels'
import type { Label, Media, Sample } from '../../api/types'
import { useMay } from '../../app/session'
import { failed } from '../../app/toast'
import { labelText } from '../../parts/face'
import { Await, type Loaded, useLoad } from '../../parts/load'
import { LabelPicker, type Picked } from '../../parts/picker'
import { t } from '../../text'
import type { Span } from './spans'
import { timeText } from './time'

const endOf = (s: Sample) => s.box[0] + s.box[2]

/** What the answer says of most of the sample; null: nothing that is known. */
function guessOf(s: Sample, spans: Span[]): { code: string; name: string } | null {
    const shared = (a: Span) => Math.min(a.end, endOf(s)) - Math.max(a.start, s.box[0])
    const best = spans
        .filter((a) => a.kind === 'known' && shared(a) > 0.5 * s.box[2])
        .sort((a, b) => shared(b) - shared(a))[0]
    return best?.answer.label ? { code: best.answer.label, name: best.name } : null
}

function Row({
    s,
    guess,
    labels,
    play,
    name,
    refuse,
}: {
    s: Sample
    guess: { code: string; name: string } | null
    labels: Label[]
    play: (() => void) | null
    name: (to: Picked) => void
    refuse: (of: { code: string; name: string }) => void
}) {
    const may = useMay('enroll')
    const [asking, setAsking] = useState(false)
    const own = s.code ? { code: s.code, name: labelText(s.code, s.name) } : guess
    const part = `${timeText(s.box[0])} – ${timeText(endOf(s))}`
    return (
        <tr>
            <th scope="row">
                {play ? (
                    <button type="button" class="small" onClick={play}>
                        ▶ {part}
                    </button>
                ) : (
                    part
                )}
            </th>
            <td>{labelText(s.code, s.name)}</td>
            <td>{s.labelled_by ? t.listen.saidBy[s.labelled_by] : ''}</td>
            {may && (
                <td>
                    {asking ? (
                        <LabelPicker
                            labels={labels}
                            label={t.listen.what}
                            autofocus
                            leave={() => setAsking(false)}
                            pick={(to) => {
                                setAsking(false)
                                name(to)
                            }}
                        />
                    ) : (
                        <div class="actions">
                            <button type="button" class="small" onClick={() => setAsking(true)}>
                                {s.code ? t.listen.change : t.listen.say}
                            </button>
                            {own && (
                                <button type="button" class="small" onClick={() => refuse(own)}>
                                    {t.listen.not(own.name)}
                                </button>
                            )}
                        </div>
                    )}
                </td>
            )}
        </tr>
    )
}

export function Samples({
    media,
    labels,
    spans,
    play,
}: {
    media: Media
    labels: Loaded<Label[]>
    spans: Span[]
    play: ((from: number, to: number) => void) | null // null: it cannot be played
}) {
    const may = useMay('enroll')
    const { id, collection } = media
    const samples = useLoad((s) => all<Sample>(`/v1/collections/${collection}/samples`, { media: id }, s), [id])
    const again = () => {
        samples.reload()
        labels.reload()
    }
    const say = async (what: Promise<Told>, text: string) => {
        try {
            doneWithUndo(text, collection, again, await what)
        } catch (e) {
            failed(e)
        }
        again()
    }
    return (
        <section class="card listen-samples">
            <h2>{t.listen.samples}</h2>
            <Await from={samples}>
                {(list) =>
                    list.length === 0 ? (
                        <p class="quiet">{t.listen.samplesNone}</p>
                    ) : (
                        <>
                            {may && <p class="quiet">{t.listen.samplesHelp}</p>}
                            <table>
                                <thead>
                                    <tr>
                                        <th scope="col">{t.listen.span}</th>
                                        <th scope="col">{t.listen.label}</th>
                                        <th scope="col">{t.listen.by}</th>
                                        {may && <th scope="col">{t.listen.say}</th>}
                                    </tr>
                                </thead>
                                <tbody>
                                    {list.map((s) => (
                                        <Row
                                            key={s.id}
                                            s={s}
                                            guess={guessOf(s, spans)}
                                            labels={labels.data ?? []}
                                            play={play && (() => play(s.box[0], endOf(s)))}
                                            name={(to) => {
                                                const name =
                                                    labels.data?.find((l) => l.code === to.code)?.name ??
                                                    to.name ??
                                                    to.code
                                                void say(setLabel(collection, [s.id], to), t.listen.said(name))
                                            }}
                                            refuse={(of) =>
                                                void say(
                                                    reject(collection, [s.id], of.code),
                                                    t.listen.rejected(of.name),
                                                )
                                            }
                                        />
                                    ))}
                                </tbody>
                            </table>
                        </>
                    )
                }
            </Await>
        </section>
    )
}
