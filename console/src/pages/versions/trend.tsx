// How well each version did, oldest first.
import { useMemo } from 'preact/hooks'
import type { Versions } from '../../api/types'
import { Chart } from '../../parts/chart'
import { percent } from '../../parts/face'
import { t } from '../../text'

const s = t.versions

export function Trend({ versions }: { versions: Versions }) {
    const { x, y, lines, marks } = useMemo(() => {
        const measured = versions.items.filter((v) => v.detail.metrics.accuracy !== undefined).reverse()
        const y = measured.map((v) => v.detail.metrics.accuracy!)
        return {
            x: measured.map((v) => v.version),
            y,
            lines: [{ name: s.trendLine, y }],
            marks: versions.live === null ? [] : [{ x: versions.live, text: s.trendNow }],
        }
    }, [versions])
    if (x.length < 2) return null
    const range: [number, number] = [Math.max(0, Math.floor(10 * Math.min(...y) - 0.5) / 10), 1.02]
    return (
        <section class="card">
            <h2>{s.trend}</h2>
            <p>
                {s.trendSummary(x.length, percent(y[0], 1), percent(y[y.length - 1], 1))} {s.trendHeld}
            </p>
            <Chart
                label={s.trend}
                x={x}
                lines={lines}
                marks={marks}
                range={range}
                xName={s.version}
                height={200}
                points
            />
        </section>
    )
}
