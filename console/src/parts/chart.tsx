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

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

/** `label` says what the chart shows; `x` are the numbers below it. */
export function Chart({
  label,
  x,
  lines,
  height = 220,
  range,
  xName,
  marks = [],
}: {
  label: string
  x: number[]
  lines: Line[]
  height?: number
  range?: [number, number]
  xName: string
  marks?: { x: number; text: string }[] // vertical lines
}) {
  const at = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = at.current!
    const draw = () => {
      const names = ['one', 'two', 'three', 'four'] as const
      const axis = { stroke: colour('quiet'), grid: { stroke: colour('line') }, ticks: { stroke: colour('line') } }
      const plot = new uPlot(
        {
          width: Math.max(200, el.clientWidth),
          height,
          scales: { x: { time: false }, ...(range ? { y: { range } } : {}) },
          axes: [{ ...axis, label: xName, labelSize: 18 }, { ...axis, size: 48 }],
          series: [
            { label: xName },
            ...lines.map((l, i) => ({
              label: l.name,
              stroke: colour(`chart-${l.colour ?? names[i % 4]!}`),
              width: 2,
              ...(l.dashed ? { dash: [6, 4] } : {}),
              points: { show: x.length < 3 },
              value: (_: uPlot, v: number | null) => (v === null ? '–' : v.toFixed(3)),
            })),
          ],
          hooks: {
            draw: [
              (u) => {
                for (const m of marks) {
                  const px = u.valToPos(m.x, 'x', true)
                  u.ctx.save()
                  u.ctx.strokeStyle = colour('text')
                  u.ctx.setLineDash([3, 3])
                  u.ctx.beginPath()
                  u.ctx.moveTo(px, u.bbox.top)
                  u.ctx.lineTo(px, u.bbox.top + u.bbox.height)
                  u.ctx.stroke()
                  u.ctx.fillStyle = colour('text')
                  u.ctx.fillText(m.text, px + 4, u.bbox.top + 12)
                  u.ctx.restore()
                }
              },
            ],
          },
        },
        [x, ...lines.map((l) => l.y)],
        el,
      )
      return plot
    }
    let plot = draw()
    const again = () => {
      plot.destroy()
      plot = draw()
    }
    const fit = new ResizeObserver(() => plot.setSize({ width: Math.max(200, el.clientWidth), height }))
    fit.observe(el)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', again)
    return () => {
      fit.disconnect()
      dark.removeEventListener('change', again)
      plot.destroy()
    }
  }, [x, lines, height, range?.[0], range?.[1], xName, marks])
  return <div class="chart" ref={at} role="img" aria-label={label} />
}
