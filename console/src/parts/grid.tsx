// A grid that shows only the rows that are in sight, so that ten thousand cells scroll like ten.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface GridProps<T> {
  items: T[]
  id: (item: T) => number
  cell: (item: T, state: { on: boolean; at: boolean }) => ComponentChildren
  name: (item: T) => string // what a screen reader says of a cell
  label: string
  width: number // of a cell, pixels at least; all of a row share what is left
  height: number
  selected: Set<number>
  select: (ids: Set<number>) => void
  open?: (item: T) => void // Enter
  more?: () => void // called when the end comes near
}

const OVER = 3 // rows kept on each side of what is in sight

/** Cells in rows: arrow keys move, space chooses, shift with either chooses a range, ctrl+a all. */
export function Grid<T>(p: GridProps<T>) {
  const box = useRef<HTMLDivElement>(null)
  const [columns, setColumns] = useState(1)
  const [range, setRange] = useState<[number, number]>([0, 12])
  const [at, setAt] = useState(0)
  const anchor = useRef(0)
  const moved = useRef(false)
  const rows = Math.ceil(p.items.length / columns)

  const look = () => {
    const el = box.current
    if (!el) return
    const top = el.getBoundingClientRect().top
    const first = Math.max(0, Math.floor(-top / p.height) - OVER)
    const last = Math.ceil((innerHeight - top) / p.height) + OVER
    setRange((r) => (r[0] === first && r[1] === last ? r : [first, last]))
    if (p.more && last >= rows) p.more()
  }
  useLayoutEffect(() => {
    const el = box.current!
    const fit = () => {
      setColumns(Math.max(1, Math.floor(el.clientWidth / p.width)))
      look()
    }
    const watch = new ResizeObserver(fit)
    watch.observe(el)
    fit()
    return () => watch.disconnect()
  }, [p.width])
  useEffect(() => {
    look()
    addEventListener('scroll', look, { passive: true, capture: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look, { capture: true })
      removeEventListener('resize', look)
    }
  })
  useEffect(() => {
    if (!moved.current) return
    moved.current = false
    box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)?.focus()
  })

  const choose = (i: number, how: { range: boolean; add: boolean }) => {
    const item = p.items[i]
    if (!item) return
    if (how.range) {
      const [a, b] = [Math.min(anchor.current, i), Math.max(anchor.current, i)]
      p.select(new Set([...(how.add ? p.selected : []), ...p.items.slice(a, b + 1).map(p.id)]))
      return
    }
    anchor.current = i
    const next = new Set(p.selected)
    if (!next.delete(p.id(item))) next.add(p.id(item))
    p.select(next)
  }
  const move = (to: number, e: KeyboardEvent) => {
    const i = Math.max(0, Math.min(p.items.length - 1, to))
    e.preventDefault()
    moved.current = true
    setAt(i)
    if (e.shiftKey) choose(i, { range: true, add: false })
    const el = box.current!
    const y = el.getBoundingClientRect().top + Math.floor(i / columns) * p.height
    if (y < 80) scrollBy(0, y - 80)
    else if (y + p.height > innerHeight - 90) scrollBy(0, y + p.height - innerHeight + 90)
  }
  const key = (e: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      PageDown: columns * 4,
      PageUp: -columns * 4,
    }
    if (steps[e.key] !== undefined) move(at + steps[e.key]!, e)
    else if (e.key === 'Home') move(0, e)
    else if (e.key === 'End') move(p.items.length - 1, e)
    else if (e.key === ' ') {
      e.preventDefault()
      choose(at, { range: e.shiftKey, add: true })
    } else if (e.key === 'a' && (e.ctrlKey || e.metaKey)) {
      e.preventDefault()
      p.select(new Set(p.items.map(p.id)))
    } else if (e.key === 'Escape' && p.selected.size) {
      e.preventDefault()
      p.select(new Set())
    } else if (e.key === 'Enter' && p.open && p.items[at]) {
      e.preventDefault()
      p.open(p.items[at]!)
    }
  }

  const current = Math.min(at, Math.max(0, p.items.length - 1))
  const cells = []
  for (let r = range[0]; r < Math.min(rows, range[1]); r++) {
    const row = []
    for (let c = 0; c < columns && r * columns + c < p.items.length; c++) {
      const i = r * columns + c
      const item = p.items[i]!
      const on = p.selected.has(p.id(item))
      row.push(
        <div
          key={p.id(item)}
          role="gridcell"
          class={'cell' + (on ? ' on' : '')}
          aria-selected={on}
          aria-colindex={c + 1}
          aria-label={p.name(item)}
          tabIndex={i === current ? 0 : -1}
          data-at={i}
          data-id={p.id(item)}
          onFocus={() => setAt(i)}
          onClick={(e) => choose(i, { range: e.shiftKey, add: true })}
          onDblClick={() => p.open?.(item)}
        >
          {p.cell(item, { on, at: i === current })}
        </div>,
      )
    }
    cells.push(
      <div
        key={r}
        role="row"
        aria-rowindex={r + 1}
        class="grid-row"
        style={{ transform: `translateY(${r * p.height}px)`, height: p.height, gridTemplateColumns: `repeat(${columns}, 1fr)` }}
      >
        {row}
      </div>,
    )
  }
  return (
    <div
      ref={box}
      class="grid"
      role="grid"
      aria-label={p.label}
      aria-multiselectable="true"
      aria-rowcount={rows}
      aria-colcount={columns}
      style={{ height: rows * p.height }}
      onKeyDown={key}
    >
      {cells}
    </div>
  )
}
