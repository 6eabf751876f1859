// A grid that shows only the rows that are in sight, so that ten thousand cells scroll like ten.
import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

interface GridProps<T> {
    items: T[]
    id: (item: T) => number
    cell: (item: T, passing: boolean) => ComponentChildren // passing: it flies by, leave its picture away
    name: (item: T) => string // what a screen reader says of a cell
    label: string
    width: number // of a cell, pixels at least; all of a row share what is left
    height: number
    selected: Set<number>
    select: (ids: Set<number>) => void
    open?: (item: T) => void // Enter
}

const OVER = 3 // rows kept on each side of what is in sight
const FAST = 4 // pixels a millisecond from which on nobody can tell one cell from another
const SETTLED = 120 // ms without scrolling after which pictures are asked for

/** The rows that are on the page, and what they were drawn from. */
interface Drawn<T> {
    of: GridProps<T> | null
    columns: number
    at: number
    rows: Map<number, VNode>
}

/** Cells in rows: arrow keys move, space chooses, shift with either chooses a range, ctrl+a all. */
export function Grid<T>(p: GridProps<T>) {
    const box = useRef<HTMLDivElement>(null)
    const [columns, setColumns] = useState(1)
    const [range, setRange] = useState<[number, number]>([0, 12])
    const [at, setAt] = useState(0)
    const anchor = useRef(0)
    const moved = useRef(false)
    const drawn = useRef<Drawn<T>>({ of: null, columns: 0, at: 0, rows: new Map() })
    const rows = Math.ceil(p.items.length / columns)
    const [passing, setPassing] = useState(false)
    const motion = useRef({ y: 0, at: 0, settle: 0 })

    const settle = () => {
        drawn.current.of = null
        setPassing(false)
    }
    const speed = (y: number) => {
        const m = motion.current
        const now = performance.now()
        const fast = Math.abs(y - m.y) > FAST * Math.max(1, now - m.at) && now - m.at < SETTLED
        m.y = y
        m.at = now
        if (fast) setPassing(true)
        clearTimeout(m.settle)
        if (fast || passing) m.settle = setTimeout(settle, SETTLED)
    }

    const look = () => {
        const el = box.current
        if (!el) return
        const top = el.getBoundingClientRect().top
        speed(top)
        const first = Math.max(0, Math.floor(-top / p.height) - OVER)
        const last = Math.ceil((innerHeight - top) / p.height) + OVER
        setRange((r) => (r[0] === first && r[1] === last ? r : [first, last]))
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
    const latest = useRef(look)
    latest.current = look
    useEffect(() => {
        const again = () => latest.current()
        again()
        addEventListener('scroll', again, { passive: true, capture: true })
        addEventListener('resize', again)
        return () => {
            removeEventListener('scroll', again, { capture: true })
            removeEventListener('resize', again)
        }
    }, [rows])
    useEffect(() => {
        if (!moved.current) return
        const cell = box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)
        if (!cell) return // far away: it is drawn once the page has scrolled there
        moved.current = false
        cell.focus({ preventScroll: true })
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

    const draw = (r: number) => {
        const row = []
        for (let i = r * columns; i < Math.min((r + 1) * columns, p.items.length); i++) {
            const item = p.items[i]!
            const on = p.selected.has(p.id(item))
            row.push(
                <div
                    key={p.id(item)}
                    role="gridcell"
                    class={'cell' + (on ? ' on' : '')}
                    aria-selected={on}
                    aria-colindex={(i % columns) + 1}
                    aria-label={p.name(item)}
                    tabIndex={i === current ? 0 : -1}
                    data-at={i}
                    data-id={p.id(item)}
                    onFocus={() => setAt(i)}
                    onClick={(e) => choose(i, { range: e.shiftKey, add: true })}
                    onDblClick={() => p.open?.(item)}
                >
                    {p.cell(item, passing)}
                </div>,
            )
        }
        const place = { transform: `translateY(${r * p.height}px)`, height: p.height }
        return (
            <div
                key={r}
                role="row"
                aria-rowindex={r + 1}
                class="grid-row"
                style={{ ...place, gridTemplateColumns: `repeat(${columns}, 1fr)` }}
            >
                {row}
            </div>
        )
    }

    const current = Math.min(at, Math.max(0, p.items.length - 1))
    // While the page scrolls only rows come and go: those that stay are the same nodes as before, which
    // costs nothing.
    if (drawn.current.of !== p || drawn.current.columns !== columns || drawn.current.at !== current)
        drawn.current = { of: p, columns, at: current, rows: new Map() }
    const cells = []
    for (let r = range[0]; r < Math.min(rows, range[1]); r++) {
        const row = drawn.current.rows.get(r) ?? draw(r)
        drawn.current.rows.set(r, row)
        cells.push(row)
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
