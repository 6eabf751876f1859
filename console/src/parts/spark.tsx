// A line of a few figures beside a text, drawn without any library.

const WIDTH = 120
const HEIGHT = 32
const EDGE = 4

/** `label` says in words what the line shows. */
export function Spark({ label, points }: { label: string; points: number[] }) {
    const low = Math.min(...points)
    const span = Math.max(...points) - low || 1
    const at = (y: number, i: number): [number, number] => [
        EDGE + (i * (WIDTH - 2 * EDGE)) / Math.max(1, points.length - 1),
        HEIGHT - EDGE - ((y - low) / span) * (HEIGHT - 2 * EDGE),
    ]
    const places = points.map(at)
    const last = places[places.length - 1]
    if (!last) return null
    return (
        <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
            <polyline points={places.map((p) => p.map((x) => x.toFixed(1)).join(',')).join(' ')} />
            <circle cx={last[0]} cy={last[1]} r={3} />
        </svg>
    )
}
