// Samples to be looked at and named: a grid, and what can be said of those that are chosen.
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import { doneWithUndo, reject, removeSample, setLabel, setNobody, splitLabel, type Told } from '../api/labels'
import type { Collection, Label, Sample } from '../api/types'
import { type KeyHint, useKeys } from '../app/keys'
import { go } from '../app/router'
import { useMay } from '../app/session'
import { failed } from '../app/toast'
import { t } from '../text'
import { Face, labelText, sampleText } from './face'
import { Grid } from './grid'
import { LabelPicker, type Picked } from './picker'

interface BoardProps {
    collection: Collection
    samples: Sample[]
    labels: Label[]
    label: string // what the grid shows
    changed: (samples: Sample[]) => void // as they are now; also called when something was taken back
    reload: () => void
    of?: Label | undefined // all of them are this label's: a part can become another
}

/** "3.2 s – 7.0 s" */
export function soundSpan(s: Sample): string {
    return `${s.box[0].toFixed(1)} – ${(s.box[0] + s.box[2]).toFixed(1)} s`
}

function SoundCell({ s, on, toggle }: { s: Sample; on: boolean; toggle: () => void }) {
    return (
        <>
            <button
                type="button"
                class="small"
                tabIndex={-1}
                aria-pressed={on}
                aria-label={on ? t.samples.pause : t.samples.play}
                onClick={(e) => {
                    e.stopPropagation()
                    toggle()
                }}
            >
                {on ? '❚❚' : '▶'}
            </button>
            <span>{soundSpan(s)}</span>
        </>
    )
}

/** One sound plays at a time. */
function Player({ s, ended }: { s: Sample; ended: () => void }) {
    const span = `#t=${s.box[0]},${s.box[0] + s.box[2]}`
    return <audio key={s.id} src={`/v1/media/${s.media}/content${span}`} autoPlay onPause={ended} onEnded={ended} />
}

const touch = matchMedia('(hover: none)').matches
const style = (s: Sample) =>
    !s.code
        ? s.labelled_by === 'user'
            ? 'said'
            : ''
        : s.grouped
          ? 'group'
          : s.labelled_by === 'job'
            ? 'guessed'
            : 'said'

function Who({ s }: { s: Sample }) {
    return <span class={'who ' + style(s)}>{s.code ? labelText(s.code, s.name) : sampleText(s)}</span>
}

const noLabel = { label: null, code: null, name: null, grouped: false }

/** Does something with the samples of each label, one label after the other. */
async function byLabel(samples: Sample[], work: (code: string, some: number[]) => Promise<Told>): Promise<Told[]> {
    const told: Told[] = []
    for (const code of new Set(samples.map((s) => s.code)))
        if (code)
            told.push(
                await work(
                    code,
                    samples.filter((s) => s.code === code).map((s) => s.id),
                ),
            )
    return told
}

const REST = 300 // ms without a word after which the page is read again

/** What is said of samples is shown at once and sent behind, one after the other; the page is read
 *  again when all has been sent, so that nothing old comes back in between. */
function useSaying(p: BoardProps) {
    const sending = useRef<Promise<unknown>>(Promise.resolve())
    const waiting = useRef(0)
    const rest = useRef(0)
    const now = useRef(p)
    now.current = p
    const show = (samples: Sample[], change: (s: Sample) => Sample | null) => {
        const ids = new Set(samples.map((s) => s.id))
        p.changed(p.samples.flatMap((s) => (ids.has(s.id) ? (change(s) ?? []) : s)))
    }
    const send = (work: () => Promise<Told[]>, text: string) => {
        waiting.current++
        clearTimeout(rest.current)
        sending.current = sending.current
            .then(work)
            .then((told) => doneWithUndo(text, p.collection.id, () => now.current.reload(), told))
            .catch(failed)
            .then(() => {
                if (--waiting.current === 0) rest.current = setTimeout(() => now.current.reload(), REST)
            })
    }
    const at = p.collection.id
    const ids = (samples: Sample[]) => samples.map((s) => s.id)
    const one = (work: () => Promise<Told>) => async () => [await work()]
    return {
        name(samples: Sample[], to: Picked) {
            const known = p.labels.find((l) => l.code === to.code)
            const name = known?.name ?? to.name ?? to.code
            const label = { label: known?.id ?? 0, code: to.code, name, grouped: known?.grouped ?? false }
            show(samples, (s) => ({ ...s, ...label, labelled_by: 'user' }))
            send(
                one(() => setLabel(at, ids(samples), to)),
                t.samples.named(samples.length, name),
            )
        },
        /** What was suggested is so. */
        confirm(samples: Sample[]) {
            const guessed = samples.filter((s) => s.code && s.labelled_by === 'job')
            if (!guessed.length) return
            show(guessed, (s) => ({ ...s, labelled_by: 'user' }))
            send(
                () => byLabel(guessed, (code, some) => setLabel(at, some, { code })),
                t.samples.confirmed(guessed.length),
            )
        },
        nobody(samples: Sample[]) {
            show(samples, (s) => ({ ...s, ...noLabel, labelled_by: 'user' }))
            send(
                one(() => setNobody(at, ids(samples))),
                t.samples.toNobody(samples.length),
            )
        },
        reject(samples: Sample[]) {
            const named = samples.filter((s) => s.code)
            if (!named.length) return
            show(named, (s) => ({ ...s, ...noLabel, labelled_by: null }))
            send(() => byLabel(named, (code, some) => reject(at, some, code)), t.samples.rejected(named.length))
        },
        split(samples: Sample[], to: Picked) {
            show(samples, () => null)
            send(
                one(() => splitLabel(p.of!.id, ids(samples), to)),
                t.samples.split(samples.length, to.name ?? to.code),
            )
        },
        remove(samples: Sample[]) {
            show(samples, () => null)
            const work = async () => {
                const told: Told[] = []
                for (const { id } of samples) {
                    try {
                        told.push(await removeSample(id))
                    } catch (e) {
                        // somebody else may have done it
                        if (!(e instanceof ApiError) || e.status !== 404) failed(e)
                    }
                }
                return told
            }
            send(work, t.samples.removed(samples.length, p.collection.modality === 'sound'))
        },
    }
}

/** The grid, and below it what can be said of those that are chosen (or else of the one with the
 *  focus). */
export function SampleBoard(p: BoardProps & { children?: ComponentChildren }) {
    const sound = p.collection.modality === 'sound'
    const may = useMay('enroll')
    const [selected, select] = useState<Set<number>>(new Set())
    const [asking, setAsking] = useState<'' | 'name' | 'split'>('')
    const last = useRef<Picked | null>(null)
    const board = useRef<HTMLDivElement>(null)
    const saying = useSaying(p)
    const [playing, play] = useState<Sample | null>(null)
    const toggle = (s: Sample) => play(playing?.id === s.id ? null : s)

    const focused = () => {
        const el = document.activeElement?.closest('[data-at]') as HTMLElement | null
        return el && board.current?.contains(el) ? p.samples[Number(el.dataset.at)] : undefined
    }
    const aimed = useRef<Sample | undefined>()
    const chosen = (): Sample[] => {
        const one = focused() ?? aimed.current
        return selected.size ? p.samples.filter((s) => selected.has(s.id)) : one ? [one] : []
    }
    const focus = (sample: Sample | undefined) =>
        // two frames: the grid has been drawn with what was said by then
        requestAnimationFrame(() =>
            requestAnimationFrame(() =>
                board.current
                    ?.querySelector<HTMLElement>(sample ? `[data-id="${sample.id}"]` : '[data-at][tabindex="0"]')
                    ?.focus(),
            ),
        )
    /** The one behind what was just spoken of: labelling goes on there. */
    const after = (samples: Sample[]): Sample | undefined => {
        const ids = new Set(samples.map((s) => s.id))
        const last = p.samples.findLastIndex((s) => ids.has(s.id))
        return p.samples.slice(last + 1).find((s) => !ids.has(s.id)) ?? p.samples.findLast((s) => !ids.has(s.id))
    }
    const back = () => {
        setAsking('')
        focus(aimed.current)
        aimed.current = undefined
    }
    const over = (work: (samples: Sample[]) => void) => () => {
        const samples = chosen()
        if (!samples.length) return
        select(new Set())
        focus(after(samples))
        work(samples)
    }
    const start = (what: 'name' | 'split') => () => {
        aimed.current = focused()
        if (chosen().length) setAsking(what)
    }
    const pick = (to: Picked) => {
        const samples = chosen()
        const what = asking
        last.current = to
        select(new Set())
        setAsking('')
        aimed.current = undefined
        focus(after(samples))
        if (what === 'split') saying.split(samples, to)
        else saying.name(samples, to)
    }
    const keys: KeyHint[] = may
        ? [
              { key: 'n', does: t.samples.keys.name, run: start('name') },
              {
                  key: 'r',
                  does: t.samples.keys.again,
                  run: () => last.current && over((s) => saying.name(s, last.current!))(),
              },
              { key: 'c', does: t.samples.keys.confirm, run: over(saying.confirm) },
              { key: 'x', does: t.samples.keys.reject, run: over(saying.reject) },
              { key: '0', does: t.samples.keys.nobody, run: over(saying.nobody) },
              { key: 'Delete', does: t.samples.keys.remove(sound), run: over(saying.remove) },
              ...(sound ? [{ key: 'p', does: t.samples.keys.play, run: () => focused() && toggle(focused()!) }] : []),
              ...(p.of ? [{ key: 's', does: t.samples.keys.split, run: start('split') }] : []),
              { key: 'o', does: t.samples.keys.open, run: () => open(focused()) },
          ]
        : []
    useKeys(keys)
    const open = (s: Sample | undefined) => s && go(`/c/${p.collection.id}/m/${s.media}?sample=${s.id}`)

    const count = selected.size
    return (
        <div ref={board}>
            <Grid
                items={p.samples}
                id={(s) => s.id}
                name={(s) => `${sound ? soundSpan(s) : t.samples.face(s.id)}, ${sampleText(s)}`}
                label={p.label}
                width={sound ? 150 : 112}
                height={sound ? 84 : 136}
                selected={selected}
                select={select}
                open={may ? () => start('name')() : open}
                cell={(s, passing) => (
                    <>
                        {sound ? (
                            <SoundCell s={s} on={playing?.id === s.id} toggle={() => toggle(s)} />
                        ) : passing ? (
                            <div class="face passing" />
                        ) : (
                            <Face sample={s.id} size={96} />
                        )}
                        <Who s={s} />
                    </>
                )}
            />
            {playing && <Player s={playing} ended={() => play(null)} />}
            {may && (
                <div class="board-bar" role="toolbar" aria-label={t.samples.chosen}>
                    {asking ? (
                        <>
                            <span>{asking === 'split' ? t.samples.splitTo : t.samples.whoIs(count || 1)}</span>
                            <div class="picker-up">
                                <LabelPicker
                                    labels={p.labels}
                                    pick={pick}
                                    leave={back}
                                    label={t.samples.who(sound)}
                                    autofocus
                                />
                            </div>
                            <button type="button" onClick={back}>
                                {t.common.cancel}
                            </button>
                        </>
                    ) : (
                        <>
                            <span aria-live="polite">
                                {count ? t.samples.count(count) : touch ? t.samples.touchHint : t.samples.hint}
                            </span>
                            {count > 0 && (
                                <>
                                    <button type="button" class="primary" onClick={start('name')}>
                                        {t.samples.do.name} <kbd>n</kbd>
                                    </button>
                                    <button type="button" onClick={over(saying.confirm)}>
                                        {t.samples.do.confirm} <kbd>c</kbd>
                                    </button>
                                    <button type="button" onClick={over(saying.reject)}>
                                        {t.samples.do.reject} <kbd>x</kbd>
                                    </button>
                                    <button type="button" onClick={over(saying.nobody)}>
                                        {t.samples.do.nobody} <kbd>0</kbd>
                                    </button>
                                    {p.of && (
                                        <button type="button" onClick={start('split')}>
                                            {t.samples.do.split} <kbd>s</kbd>
                                        </button>
                                    )}
                                    <button type="button" onClick={over(saying.remove)}>
                                        {t.samples.do.remove(sound)}
                                    </button>
                                    <button type="button" onClick={() => select(new Set())}>
                                        {t.samples.do.clear}
                                    </button>
                                </>
                            )}
                            {p.children}
                        </>
                    )}
                </div>
            )}
        </div>
    )
}
