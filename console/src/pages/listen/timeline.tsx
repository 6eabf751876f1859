// The spectrogram of a whole recording with what was heard below it: as wide as the zoom wants, and
// scrolled; only the tiles that are in sight are drawn.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useKeys } from '../../app/keys'
import { frequencyAt, paint, shareOf } from '../../parts/spectrogram'
import { t } from '../../text'
import { BANDS, type Picture } from './picture'
import type { Player } from './player'
import { lanesOf, type Span } from './spans'
import { clockText, timeText } from './time'

const TILE = 512 // pixels
const CLOSEST = 800 // pixels to a second
const FACTOR = 1.5
const SEEK = 2 // seconds
const NARROW = 24 // pixels: nobody hits less
const RULER = 80 // pixels between two times at least
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]
const FREQUENCIES = [100, 500, 1000, 2000, 4000, 8000, 16000]

function Tile({ picture, from, width, scale }: { picture: Picture; from: number; width: number; scale: number }) {
    const at = useRef<HTMLCanvasElement>(null)
    const step = picture.perSecond / scale
    const ready = Math.min(picture.ready, Math.ceil((from + width) * step)) // of what this tile shows
    useEffect(() => {
        const image = new ImageData(width, BANDS)
        paint(picture.levels, BANDS, from * step, step, width, new Uint32Array(image.data.buffer))
        at.current!.getContext('2d')!.putImageData(image, 0, 0)
    }, [picture.levels, ready, from, width, step])
    return <canvas ref={at} width={width} height={BANDS} style={{ left: from, width }} aria-hidden="true" />
}

function Ruler({ scale, seconds, seen }: { scale: number; seconds: number; seen: [number, number] }) {
    const step = STEPS.find((s) => s * scale >= RULER) ?? STEPS.at(-1)!
    const first = Math.floor(seen[0] / scale / step)
    const last = Math.min(Math.floor(seconds / step), Math.ceil(seen[1] / scale / step))
    const times = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step)
    return (
        <div class="ruler" aria-hidden="true">
            {times.map((s) => (
                <span key={s} style={{ left: s * scale }}>
                    {step < 1 ? timeText(s) : clockText(s)}
                </span>
            ))}
        </div>
    )
}

function Frequencies({ rate }: { rate: number }) {
    return (
        <div class="frequencies" aria-hidden="true">
            {FREQUENCIES.filter((f) => f < frequencyAt(0.97, rate)).map((f) => (
                <span key={f} style={{ bottom: `${100 * shareOf(f, rate)}%` }}>
                    {f < 1000 ? f : `${f / 1000} k`}
                </span>
            ))}
        </div>
    )
}

/** A part of the recording where something was heard. One that is too narrow to be hit is only seen:
 *  the table has it too, and zooming in makes it wide enough. */
function SpanMark({
    span,
    scale,
    on,
    playable,
    choose,
}: {
    span: Span
    scale: number
    on: boolean
    playable: boolean
    choose: (span: Span) => void
}) {
    const text = `${span.name} ${span.percent}`.trim()
    const width = Math.max(2, (span.end - span.start) * scale - 1)
    const place = { left: span.start * scale, width }
    const style = `span ${span.kind}${on ? ' on' : ''}`
    if (width < NARROW) return <div class={style} style={place} title={text} />
    return (
        <button
            type="button"
            class={style}
            style={place}
            aria-label={(playable ? t.listen.playEvent : t.listen.showEvent)(text, timeText(span.start))}
            aria-pressed={on}
            onClick={() => choose(span)}
        >
            {text}
        </button>
    )
}

function Lanes({
    spans,
    scale,
    chosen,
    playable,
    choose,
}: {
    spans: Span[]
    scale: number
    playable: boolean
    chosen: number | null
    choose: (span: Span) => void
}) {
    return (
        <>
            {lanesOf(spans).map((lane) => (
                <div key={lane.name} class="lane">
                    <span class="lane-name">{lane.name}</span>
                    <div class="lane-spans">
                        {lane.spans.map((s) => (
                            <SpanMark
                                key={s.id}
                                span={s}
                                scale={scale}
                                on={s.id === chosen}
                                playable={playable}
                                choose={choose}
                            />
                        ))}
                    </div>
                </div>
            ))}
        </>
    )
}

/** How many pixels a second has, from the whole recording in sight up to CLOSEST. */
function useZoom(seconds: number) {
    const box = useRef<HTMLDivElement>(null)
    const [room, setRoom] = useState(800)
    const [wanted, setWanted] = useState(0) // 0: all of it in sight
    const [scrolled, setScrolled] = useState(0)
    const least = room / seconds
    const scale = Math.max(least, Math.min(Math.max(CLOSEST, least), wanted))
    const keep = useRef<{ time: number; x: number } | null>(null) // what stays where it is
    useLayoutEffect(() => {
        const el = box.current!
        const watch = new ResizeObserver(() => setRoom(el.clientWidth))
        watch.observe(el)
        setRoom(el.clientWidth)
        return () => watch.disconnect()
    }, [])
    useLayoutEffect(() => {
        const held = keep.current
        keep.current = null
        if (held) box.current!.scrollLeft = held.time * scale - held.x
        setScrolled(box.current!.scrollLeft)
    }, [scale])
    /** `x`: the pixel of the box that stays at its time. */
    const zoom = (by: number, x: number) => {
        keep.current = { time: (box.current!.scrollLeft + x) / scale, x }
        const to = scale * by
        setWanted(to <= least ? 0 : Math.min(CLOSEST, to))
    }
    return { box, room, scale, scrolled, setScrolled, zoom, whole: () => setWanted(0) }
}

/** Moves the line to where the sound is, and the view along with it while it plays. */
function usePlayhead(player: Player, scale: number, box: { current: HTMLDivElement | null }) {
    const line = useRef<HTMLDivElement>(null)
    const [second, setSecond] = useState(0)
    const { audio, playing } = player
    useEffect(() => {
        let frame = 0
        const show = () => {
            line.current!.style.transform = `translateX(${audio.currentTime * scale}px)`
            setSecond(Math.floor(audio.currentTime * 10) / 10)
        }
        const follow = () => {
            show()
            const el = box.current!
            const x = audio.currentTime * scale - el.scrollLeft
            if (x < 0 || x > el.clientWidth - 10) el.scrollLeft += x - 40
            frame = requestAnimationFrame(follow)
        }
        if (playing) follow()
        else show()
        audio.addEventListener('seeked', show)
        return () => {
            cancelAnimationFrame(frame)
            audio.removeEventListener('seeked', show)
        }
    }, [audio, playing, scale])
    return { line, second }
}

export function Timeline({
    seconds,
    picture,
    spans,
    player,
    chosen,
    choose,
}: {
    seconds: number
    picture: Picture | null // null: the browser cannot read the sound
    spans: Span[]
    player: Player
    chosen: number | null
    choose: (span: Span) => void
}) {
    const { box, room, scale, scrolled, setScrolled, zoom, whole } = useZoom(seconds)
    const { line, second } = usePlayhead(player, scale, box)
    const width = Math.max(1, Math.floor(seconds * scale))
    const nearer = () => zoom(FACTOR, middle())
    const farther = () => zoom(1 / FACTOR, middle())
    const middle = () => {
        const x = player.audio.currentTime * scale - box.current!.scrollLeft
        return x >= 0 && x <= room ? x : room / 2
    }
    const seekBy = (by: number) => player.seek(player.audio.currentTime + by)
    useKeys([
        ...(picture
            ? [
                  { key: ' ', does: t.listen.keys.play, run: player.toggle },
                  { key: 'ArrowLeft', does: t.listen.keys.back, run: () => seekBy(-SEEK) },
                  { key: 'ArrowRight', does: t.listen.keys.forth, run: () => seekBy(SEEK) },
              ]
            : []),
        { key: '+', does: t.listen.keys.zoomIn, run: nearer },
        { key: '-', does: t.listen.keys.zoomOut, run: farther },
    ])
    const wheel = useRef<(e: WheelEvent) => void>(() => {})
    wheel.current = (e) => {
        if (!e.ctrlKey) return
        e.preventDefault() // the browser would enlarge the page
        zoom(e.deltaY < 0 ? FACTOR : 1 / FACTOR, e.clientX - box.current!.getBoundingClientRect().left)
    }
    useEffect(() => {
        const el = box.current!
        const turned = (e: WheelEvent) => wheel.current(e)
        el.addEventListener('wheel', turned, { passive: false })
        return () => el.removeEventListener('wheel', turned)
    }, [])
    const seen: [number, number] = [scrolled - TILE, scrolled + room + TILE]
    const first = Math.max(0, Math.floor(seen[0] / TILE))
    const last = Math.min(Math.ceil(width / TILE), Math.ceil(seen[1] / TILE))
    const tiles = Array.from({ length: Math.max(0, last - first) }, (_, i) => (first + i) * TILE)
    return (
        <section class="card timeline" aria-label={t.listen.player}>
            <div class="actions">
                {picture && (
                    <>
                        <button type="button" class="primary" onClick={player.toggle}>
                            {player.playing ? t.listen.pause : t.listen.play}
                        </button>
                        <button type="button" onClick={() => seekBy(-SEEK)}>
                            {t.listen.back}
                        </button>
                        <button type="button" onClick={() => seekBy(SEEK)}>
                            {t.listen.forth}
                        </button>
                        <span class="position">{t.listen.positionText(timeText(second), timeText(seconds))}</span>
                    </>
                )}
                <span class="zoom">
                    <button type="button" aria-label={t.listen.zoomOut} onClick={farther}>
                        −
                    </button>
                    <button type="button" aria-label={t.listen.zoomIn} onClick={nearer}>
                        +
                    </button>
                    <button type="button" onClick={whole}>
                        {t.listen.whole}
                    </button>
                </span>
            </div>
            <div class="timeline-view">
                {picture && <Frequencies rate={picture.rate} />}
                <div
                    ref={box}
                    class="timeline-box"
                    role="group"
                    tabIndex={picture ? undefined : 0}
                    aria-label={t.listen.spectrogram}
                    onScroll={(e) => setScrolled(e.currentTarget.scrollLeft)}
                >
                    <div class="timeline-inside" style={{ width }}>
                        {picture && (
                            <div
                                class="tiles"
                                role="slider"
                                tabIndex={0}
                                aria-label={t.listen.position}
                                aria-valuemin={0}
                                aria-valuemax={Math.round(seconds)}
                                aria-valuenow={Math.round(second)}
                                aria-valuetext={t.listen.positionText(timeText(second), timeText(seconds))}
                                onClick={(e) =>
                                    player.seek((e.clientX - e.currentTarget.getBoundingClientRect().left) / scale)
                                }
                            >
                                {tiles.map((from) => (
                                    <Tile
                                        key={from}
                                        picture={picture}
                                        from={from}
                                        width={Math.min(TILE, width - from)}
                                        scale={scale}
                                    />
                                ))}
                            </div>
                        )}
                        <Ruler scale={scale} seconds={seconds} seen={seen} />
                        <Lanes
                            spans={spans}
                            scale={scale}
                            playable={picture !== null}
                            chosen={chosen}
                            choose={choose}
                        />
                        <div ref={line} class="playhead" hidden={!picture} />
                    </div>
                </div>
            </div>
        </section>
    )
}
