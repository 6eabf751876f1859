import { useLayoutEffect, useRef } from 'preact/hooks'

/** Takes the focus where what had it has just gone (a form that was sent, work that has ended), so
 *  that keyboard and screen reader go on with what came instead. */
export function useLostFocus<T extends HTMLElement>() {
    const at = useRef<T>(null)
    useLayoutEffect(() => {
        if (document.activeElement && document.activeElement !== document.body) return
        at.current?.focus({ preventScroll: true })
        at.current?.scrollIntoView({ block: 'nearest' })
    }, [])
    return at
}

/** Around a table whose rows may go: when the row that has the focus is gone, the next one takes it,
 *  or else what is around. `rows` is how many there are; `first` tells that others came before them. */
export function useRowFocus<T extends HTMLElement>(rows: number, first = 0) {
    const at = useRef<T>(null)
    const row = useRef(-1)
    const all = () => [...(at.current?.querySelectorAll('tbody tr') ?? [])]
    useLayoutEffect(() => {
        if (row.current < 0 || document.activeElement !== document.body) return
        const next = all()[Math.min(row.current, rows - 1)]?.querySelector('button')
        ;(next ?? at.current)?.focus()
    }, [rows, first])
    const onFocusIn = (e: FocusEvent) => {
        const focused = (e.target as HTMLElement).closest('tbody tr')
        row.current = focused ? all().indexOf(focused) : -1
    }
    return { ref: at, tabIndex: -1, onFocusIn }
}
