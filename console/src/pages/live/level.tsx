// How loud it is, and whether anything comes at all.
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../../text'

const FLOOR = -70 // dB that the meter shows at least
const NOTHING = -65 // dB: less than any room has
const QUIET = -50 // dB: nobody would call it a sound
const PATIENCE = 10000 // ms of nothing before it is said
const STALL = 3000 // ms without a block

/** The root mean square in decibels, FLOOR at least. */
export function decibels(block: Float32Array): number {
    let sum = 0
    for (const v of block) sum += v * v
    return Math.max(FLOOR, 10 * Math.log10(sum / block.length + 1e-12))
}

/** What the level says: "stalled" where no blocks come, "nothing" where they have long been silent. */
export type Health = 'sound' | 'quiet' | 'nothing' | 'stalled'

/** Watches levels as they come through `level.current`, while `on`. */
export function useHealth(level: RefObject<(db: number) => void>, on: boolean): Health {
    const [health, set] = useState<Health>('quiet')
    useEffect(() => {
        if (!on) return
        let came = performance.now()
        let something = came
        let loud = -Infinity
        level.current = (db) => {
            came = performance.now()
            if (db > NOTHING) something = came
            if (db > QUIET) loud = came
        }
        const timer = setInterval(() => {
            const now = performance.now()
            if (now - came > STALL) set('stalled')
            else if (now - something > PATIENCE) set('nothing')
            else set(now - loud < 1000 ? 'sound' : 'quiet')
        }, 250)
        return () => {
            clearInterval(timer)
            level.current = null
        }
    }, [on])
    return health
}

/** `show.current` sets it. */
export function LevelMeter({ show }: { show: RefObject<(db: number) => void> }) {
    const meter = useRef<HTMLMeterElement>(null)
    useEffect(() => {
        show.current = (db) => {
            meter.current!.value = db
            meter.current!.textContent = t.live.levelText(Math.round(db))
        }
        return () => {
            show.current = null
        }
    }, [])
    return (
        <label class="level">
            <span>{t.live.level}</span>
            <meter ref={meter} min={FLOOR} max={0} low={QUIET} high={-6} optimum={-20} value={FLOOR} />
        </label>
    )
}
