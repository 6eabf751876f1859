// Lines over numbers (uPlot), in the page's colours; the figures are there as a table, too.
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
    name: string
    y: (number | null)[]
    colour?: 'one' | 'two' | 'three' | 'four'
    dashed?: boolean
}

interface ChartProps {
    label: string // what it shows
    x: number[]
    lines: Line[]
    height?: number
    range?: [number, number]
    xName: string
    marks?: { x: number; text: string }[] // vertical lines
    points?: boolean // a point for each number, where there are few
}

/** A colour of the page, as a canvas understands it. */
function colour(at: HTMLElement, name: string): string {
    at.style.color = `var(--${name})`
    const found = getComputedStyle(at).color
    at.style.color = ''
    return found
}

const whole = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]

const names = ['one', 'two', 'three', 'four'] as const

function drawMarks(u: uPlot, marks: { x: number; text: string }[], ink: string): void {
    for (const m of marks) {
        const at = u.valToPos(m.x, 'x', true)
        if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) continue
        const right = at > u.bbox.left + u.bbox.width / 2
        u.ctx.save()
        u.ctx.strokeStyle = ink
        u.ctx.fillStyle = ink
        u.ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`
        u.ctx.textAlign = right ? 'right' : 'left'
        u.ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
        u.ctx.beginPath()
        u.ctx.moveTo(at, u.bbox.top)
        u.ctx.lineTo(at, u.bbox.top + u.bbox.height)
        u.ctx.stroke()
        u.ctx.fillText(m.text, at + (right ? -6 : 6), u.bbox.top + 14 * devicePixelRatio)
        u.ctx.restore()
    }
}

function make(el: HTMLElement, p: () => ChartProps): uPlot {
    const { xName, lines, range, height = 220, points } = p()
    const edge = { stroke: colour(el, 'line') }
    const axis = { stroke: colour(el, 'quiet'), grid: edge, ticks: edge }
    const ink = colour(el, 'text')
    const steps = p().x.every(Number.isInteger) ? { incrs: whole } : {}
    return new uPlot(
        {
            width: Math.max(200, el.clientWidth),
            height,
            scales: { x: { time: false }, ...(range ? { y: { range } } : {}) },
            axes: [
                { ...axis, ...steps, label: xName, labelSize: 18 },
                { ...axis, size: 48 },
            ],
            series: [
                { label: xName, value: (_: uPlot, v: number | null) => (v === null ? '' : String(v)) },
                ...lines.map((l, i) => ({
                    label: l.name,
                    stroke: colour(el, `chart-${l.colour ?? names[i % 4]!}`),
                    width: 2,
                    ...(l.dashed ? { dash: [6, 4] } : {}),
                    points: { show: (u: uPlot) => !!points || u.data[0].length < 3, size: 7 },
                    value: (_: uPlot, v: number | null) => (v === null ? '' : v.toFixed(3)),
                })),
            ],
            hooks: { draw: [(u) => drawMarks(u, p().marks ?? [], ink)] },
        },
        [p().x, ...lines.map((l) => l.y)],
        el,
    )
}

export function Chart(props: ChartProps) {
    const at = useRef<HTMLDivElement>(null)
    const plot = useRef<uPlot>()
    const latest = useRef(props)
    latest.current = props
    const { label, x, lines, height = 220, range, xName, marks, points } = props
    useEffect(() => {
        const el = at.current!
        const draw = () => {
            plot.current?.destroy()
            plot.current = make(el, () => latest.current)
        }
        draw()
        const fit = new ResizeObserver(() => plot.current!.setSize({ width: Math.max(200, el.clientWidth), height }))
        fit.observe(el)
        const dark = matchMedia('(prefers-color-scheme: dark)')
        dark.addEventListener('change', draw)
        addEventListener('themechange', draw)
        return () => {
            fit.disconnect()
            dark.removeEventListener('change', draw)
            removeEventListener('themechange', draw)
            plot.current?.destroy()
            plot.current = undefined
        }
    }, [lines.map((l) => l.name).join('\n'), height, range?.[0], range?.[1], xName, points])
    useEffect(() => {
        plot.current?.setData([x, ...lines.map((l) => l.y)])
    }, [x, lines, marks])
    return <div class="chart" ref={at} role="img" aria-label={label} />
}
