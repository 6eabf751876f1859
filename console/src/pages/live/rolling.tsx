// The spectrogram of the last seconds, the newest at the right.
import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { paint, Spectrogram } from '../../parts/spectrogram'
import { t } from '../../text'

const COLUMNS = 50 // in a second
const SECONDS = 12
const BANDS = 96
const SIZE = 2048

export type Feed = (block: Float32Array, rate: number) => void

/** `feed.current` takes the sound. */
export function Rolling({ feed }: { feed: RefObject<Feed> }) {
    const at = useRef<HTMLCanvasElement>(null)
    useEffect(() => {
        const pen = at.current!.getContext('2d')!
        let maker: { of: Spectrogram; rate: number } | undefined
        let sound = new Float32Array(0)
        let next = SIZE / 2 // the middle of the next column
        feed.current = (block, rate) => {
            if (maker?.rate !== rate) maker = { of: new Spectrogram(rate, SIZE, BANDS), rate }
            const joined = new Float32Array(sound.length + block.length)
            joined.set(sound)
            joined.set(block, sound.length)
            const hop = rate / COLUMNS
            const count = Math.max(0, Math.floor((joined.length - SIZE / 2 - next) / hop) + 1)
            const levels = new Uint8Array(count * BANDS)
            for (let i = 0; i < count; i++) maker.of.column(joined, next + i * hop, levels, i * BANDS)
            next += count * hop
            const past = Math.max(0, Math.floor(next - SIZE / 2))
            sound = joined.slice(past)
            next -= past
            if (!count) return
            const image = new ImageData(count, BANDS)
            paint(levels, BANDS, 0, 1, count, new Uint32Array(image.data.buffer))
            pen.drawImage(at.current!, -count, 0)
            pen.putImageData(image, COLUMNS * SECONDS - count, 0)
        }
        return () => {
            feed.current = null
        }
    }, [])
    return (
        <canvas
            ref={at}
            class="spectrogram"
            width={COLUMNS * SECONDS}
            height={BANDS}
            role="img"
            aria-label={t.live.spectrogram}
        />
    )
}
