// What a person should look at, most useful first: one key a decision, and why it was suggested.
import { useEffect, useRef, useState } from 'preact/hooks'
import { all, api } from '../api/client'
import { reject, removeSample, setLabel, setNobody, type Told, undo } from '../api/labels'
import type { Collection, Label, Media, ReviewItem, ReviewQueue } from '../api/types'
import { useKeys } from '../app/keys'
import { Link, type Params, useQuery } from '../app/router'
import { done, failed, tell } from '../app/toast'
import { Face, figure, labelText, mediaPicture, percent, sampleText } from '../parts/face'
import { Await, Empty, useLoad } from '../parts/load'
import { Photo } from '../parts/photo'
import { LabelPicker } from '../parts/picker'
import { soundSpan } from '../parts/samples'
import { t } from '../text'
import '../style/review.css'

const AT_ONCE = 60 // items read at a time
const FEW = 10 // that are left when the next are read

interface Decided {
    item: ReviewItem
    text: string
    told: Promise<Told>
}

/** The queue, what is decided, and the way back. Decisions are sent one after the other. */
function useQueue(collection: Collection, queue: ReviewQueue, reload: () => void) {
    const [items, setItems] = useState(queue.items)
    const [history, setHistory] = useState<Decided[]>([])
    const [since, setSince] = useState(0) // decisions since the queue was read
    const sending = useRef<Promise<unknown>>(Promise.resolve())
    const began = useRef(performance.now())
    useEffect(() => {
        // what came meanwhile joins behind what is shown
        setItems((old) => {
            const shown = new Set(old.map((i) => i.sample.id))
            return [...old, ...queue.items.filter((i) => !shown.has(i.sample.id))]
        })
        setSince(0)
    }, [queue])
    const waiting = Math.max(items.length, queue.total - since)
    useEffect(() => {
        if (items.length <= FEW && waiting > items.length) void sending.current.then(reload)
    }, [items.length <= FEW, waiting > items.length])

    const restore = (item: ReviewItem) => setItems((old) => [item, ...old.filter((i) => i !== item)])
    const drop = (item: ReviewItem) => {
        setItems((old) => old.filter((i) => i !== item))
        setSince((n) => n + 1)
    }
    const decide = (item: ReviewItem, text: string, work: () => Promise<Told>) => {
        const told = sending.current.then(work)
        const decided = { item, text, told }
        sending.current = told.catch(() => {})
        setHistory((h) => [...h, decided])
        drop(item)
        told.catch((e) => {
            failed(e)
            setHistory((h) => h.filter((one) => one !== decided))
            restore(item)
        })
    }
    const takeBack = async () => {
        const last = history.at(-1)
        if (!last) return
        setHistory((h) => h.slice(0, -1))
        if (await tell(last.told.then((told) => undo(collection.id, told)))) {
            restore(last.item)
            setSince((n) => n - 1)
            done(t.common.undone)
        }
    }
    const later = (item: ReviewItem) => setItems((old) => [...old.filter((i) => i !== item), item])
    const minutes = (performance.now() - began.current) / 60000
    const rate = minutes > 0.2 ? history.length / minutes : 0
    return { items, waiting, history, decide, takeBack, later, rate }
}

function Context({ item }: { item: ReviewItem }) {
    const media = useLoad((s) => api.get<Media>(`/v1/media/${item.sample.media}`, {}, s), [item.sample.media])
    return (
        <Await from={media}>
            {(m) => (
                <>
                    <Photo
                        key={m.id}
                        src={mediaPicture(m.id, 1024)}
                        width={m.width}
                        height={m.height}
                        alt={t.review.context}
                        boxes={
                            m.id === item.sample.media
                                ? [{ id: item.sample.id, box: item.sample.box, text: '', kind: 'marked' }]
                                : []
                        }
                    />
                    <p class="quiet">
                        <Link to={`/c/${m.collection}/m/${m.id}?sample=${item.sample.id}`}>{m.source}</Link>
                    </p>
                </>
            )}
        </Await>
    )
}

function Candidates({ item, sound, choose }: { item: ReviewItem; sound: boolean; choose: (i: number) => void }) {
    if (!item.candidates.length) return <p>{t.review.noCandidates}</p>
    return (
        <ol class="candidates">
            {item.candidates.map((c, i) => (
                <li key={c.label}>
                    <button type="button" aria-keyshortcuts={String(i + 1)} onClick={() => choose(i)}>
                        <kbd>{i + 1}</kbd>
                        {!sound && c.reference !== null && <Face sample={c.reference} size={72} />}
                        <span class="candidate">
                            <strong>{labelText(c.label, c.name)}</strong>
                            <small>
                                {t.review.probability} {percent(c.probability)} · {t.review.similarity}{' '}
                                {figure(c.similarity)}
                            </small>
                            <progress
                                max={1}
                                value={Math.max(0, c.probability ?? c.similarity ?? 0)}
                                aria-hidden="true"
                            />
                        </span>
                    </button>
                </li>
            ))}
        </ol>
    )
}

function Heard({ item, audio }: { item: ReviewItem; audio: { current: HTMLAudioElement | null } }) {
    const s = item.sample
    return (
        <div class="card">
            <p>{soundSpan(s)}</p>
            <audio
                ref={audio}
                controls
                key={s.id}
                src={`/v1/media/${s.media}/content#t=${s.box[0]},${s.box[0] + s.box[2]}`}
            />
        </div>
    )
}

/** What is heard when an item comes: why it is asked, and who it might be. */
function told(item: ReviewItem): string {
    const first = item.candidates[0]
    const reason = t.review.reason[item.reason]!
    return first ? `${reason} ${t.review.candidate(1, labelText(first.label, first.name))}` : reason
}

function Desk({
    collection,
    labels,
    queue,
    refill,
}: {
    collection: Collection
    labels: Label[]
    queue: ReviewQueue
    refill: () => void
}) {
    const sound = collection.modality === 'sound'
    const q = useQueue(collection, queue, refill)
    const [naming, name] = useState(false)
    const audio = useRef<HTMLAudioElement>(null)
    const card = useRef<HTMLElement>(null)
    const item = q.items[0]
    useEffect(() => {
        name(false)
        card.current?.focus({ preventScroll: true })
    }, [item])

    const is = (code: string, shown: string, fresh?: string) =>
        item &&
        q.decide(item, t.review.said(shown), () => setLabel(collection.id, [item.sample.id], { code, name: fresh }))
    const choose = (i: number) => {
        const c = item?.candidates[i]
        if (c) is(c.label, labelText(c.label, c.name))
    }
    const notFirst = () => {
        const c = item?.candidates[0]
        if (!item || !c) return
        const work = () => reject(collection.id, [item.sample.id], c.label)
        q.decide(item, t.review.saidNot(labelText(c.label, c.name)), work)
    }
    const nobody = () => item && q.decide(item, t.review.saidNobody, () => setNobody(collection.id, [item.sample.id]))
    const none = () =>
        item && q.decide(item, t.review.saidNone[collection.modality], () => removeSample(item.sample.id))
    const k = t.review.keys
    useKeys([
        { key: '1', does: k.one, run: () => choose(0) },
        // one key too many must not name a stranger
        {
            key: 'Enter',
            does: k.confirm,
            run: () => item && (item.sample.code || item.reason !== 'unknown') && choose(0),
        },
        { key: '2', does: k.two, run: () => choose(1) },
        { key: '3', does: k.three, run: () => choose(2) },
        { key: 'n', does: k.name, run: () => name(true) },
        { key: 'x', does: k.reject, run: notFirst },
        { key: '0', does: k.nobody, run: nobody },
        { key: 'Delete', does: k.remove, run: none },
        { key: 'l', does: k.skip, run: () => item && q.later(item) },
        { key: 'u', does: k.undo, run: () => void q.takeBack() },
        { key: 'ctrl+z', does: k.undo, run: () => void q.takeBack() },
        ...(sound
            ? [{ key: ' ', does: k.play, run: () => void tell(audio.current?.play() ?? Promise.resolve()) }]
            : []),
    ])

    const bar = (
        <div class="head">
            <h1>{t.shell.review}</h1>
            <div class="actions">
                <span class="badge">{t.review.waiting(q.waiting)}</span>
                <span class="quiet">
                    {t.review.decided(q.history.length)}
                    {q.rate > 0 && ` · ${t.review.perMinute(Math.round(q.rate))}`}
                </span>
                {q.history.length > 0 && (
                    <button type="button" class="small" onClick={() => void q.takeBack()}>
                        {t.common.undo}: {q.history.at(-1)!.text} <kbd>u</kbd>
                    </button>
                )}
            </div>
        </div>
    )
    if (!item && q.waiting > 0)
        return (
            <>
                {bar}
                <div class="loading" aria-busy="true">
                    <span class="spinner" />
                </div>
            </>
        )
    if (!item)
        return (
            <>
                {bar}
                <Empty {...t.review.empty}>
                    <Link class="button primary" to={`/c/${collection.id}`}>
                        {t.review.toCollection}
                    </Link>
                </Empty>
            </>
        )
    return (
        <>
            {bar}
            <div class="desk">
                <section ref={card} tabIndex={-1} aria-label={told(item)}>
                    <div class="subject">
                        {sound ? (
                            <Heard item={item} audio={audio} />
                        ) : (
                            <Face sample={item.sample.id} size={224} alt="" />
                        )}
                        <div>
                            <p>
                                <span
                                    class={
                                        'badge ' +
                                        (item.decision === 'known'
                                            ? 'known'
                                            : item.decision === 'unknown'
                                              ? 'unknown'
                                              : 'doubtful')
                                    }
                                >
                                    {t.decisions[item.decision]}
                                </span>{' '}
                                {t.review.reason[item.reason]}
                            </p>
                            {item.sample.code && <p>{t.review.now(sampleText(item.sample))}</p>}
                            <p class="quiet">
                                {queue.version === null
                                    ? t.review.noRule
                                    : t.review.rule(figure(queue.threshold), figure(queue.floor), queue.version)}{' '}
                                {item.margin !== null && t.review.margin(figure(item.margin))}
                            </p>
                        </div>
                    </div>
                    <Candidates item={item} sound={sound} choose={choose} />
                    {naming && (
                        <LabelPicker
                            labels={labels}
                            label={t.review.who[collection.modality]}
                            autofocus
                            leave={() => name(false)}
                            pick={(to) =>
                                is(to.code, labels.find((l) => l.code === to.code)?.name ?? to.name ?? to.code, to.name)
                            }
                        />
                    )}
                    <div class="actions">
                        <button type="button" aria-expanded={naming} onClick={() => name(!naming)}>
                            {t.review.who[collection.modality]} <kbd>n</kbd>
                        </button>
                        <button type="button" onClick={notFirst}>
                            {t.review.reject} <kbd>x</kbd>
                        </button>
                        <button type="button" onClick={nobody}>
                            {t.review.nobody} <kbd>0</kbd>
                        </button>
                        <button type="button" onClick={none}>
                            {t.review.remove[collection.modality]} <kbd>{t.keys.names.Delete}</kbd>
                        </button>
                        <button type="button" onClick={() => q.later(item)}>
                            {t.review.skip} <kbd>l</kbd>
                        </button>
                    </div>
                    {!sound && q.items.length > 1 && (
                        <ul class="coming" aria-label={t.review.next}>
                            {q.items.slice(1, 9).map((i) => (
                                <li key={i.sample.id}>
                                    <Face sample={i.sample.id} size={48} />
                                </li>
                            ))}
                        </ul>
                    )}
                </section>
                {!sound && (
                    <section aria-label={t.review.context}>
                        <Context item={item} />
                    </section>
                )}
            </div>
        </>
    )
}

export default function Page({ params }: { params: Params }) {
    const [session] = useQuery('session')
    const base = `/v1/collections/${params.collection}`
    const fixed = useLoad(
        async (s) => {
            const [collection, labels] = await Promise.all([
                api.get<Collection>(base, {}, s),
                all<Label>(`${base}/labels`, {}, s),
            ])
            return { collection, labels }
        },
        [params.collection],
    )
    const queue = useLoad(
        (s) => api.get<ReviewQueue>(`${base}/review`, { session, limit: AT_ONCE }, s),
        [params.collection, session],
    )
    return (
        <>
            <Await from={fixed}>
                {({ collection, labels }) => (
                    <Await from={queue}>
                        {(found) => (
                            <Desk
                                collection={collection}
                                labels={labels}
                                queue={found}
                                refill={() => {
                                    queue.reload()
                                    fixed.reload()
                                }}
                            />
                        )}
                    </Await>
                )}
            </Await>
        </>
    )
}
