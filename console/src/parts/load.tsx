// What is read from the server: loading, failed with a remedy, empty with the next step.
import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import { t } from '../text'

/** What the person at this page can do about it is ours to say; the rest the server knows better. */
function remedy(error: ApiError): string | undefined {
    if (error.status === 0) return t.errors.offline
    if (error.status === 409) return undefined // "busy" is a job then, and the server says which
    // without a code it was not espy that answered
    if (error.status >= 500 && (!error.code || error.code === 'internal')) return t.errors.internal
    return t.errors.remedy[error.code]
}

/** An error as one line that says what to do. */
export function explain(error: unknown): string {
    if (!(error instanceof ApiError)) return String((error as Error)?.message ?? error)
    const fields = Object.entries(error.details).map(([field, why]) => t.errors.field(field, [why].flat().join(', ')))
    const text = remedy(error) ?? (fields.join(' ') || error.message || t.errors.internal)
    return error.status >= 500 && error.requestId ? `${text} ${t.errors.request(error.requestId)}` : text
}

export interface Loaded<T> {
    data: T | undefined
    error: unknown
    busy: boolean
    reload: () => void
    set: (change: (old: T) => T) => void
}

/** Reads with `fn` when the page appears and whenever one of `deps` changes; what was read stays
 *  visible while it is read again. */
export function useLoad<T>(fn: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
    const [state, setState] = useState<{ data?: T; error?: unknown; busy: boolean }>({ busy: true })
    const [turn, setTurn] = useState(0)
    const latest = useRef(fn)
    latest.current = fn
    useEffect(() => {
        const stop = new AbortController()
        setState((s) => ({ ...s, busy: true }))
        latest.current(stop.signal).then(
            (data) => !stop.signal.aborted && setState({ data, busy: false }),
            (error) => !stop.signal.aborted && setState((s) => ({ ...s, error, busy: false })),
        )
        return () => stop.abort()
        // NaN is never the same as NaN for the hook: it would read for ever
    }, [...deps.map((one) => (Number.isNaN(one) ? 'NaN' : one)), turn])
    const reload = useCallback(() => setTurn((n) => n + 1), [])
    const set = useCallback(
        (change: (old: T) => T) => setState((s) => (s.data === undefined ? s : { ...s, data: change(s.data) })),
        [],
    )
    return { data: state.data, error: state.error, busy: state.busy, reload, set }
}

export function Problem({
    error,
    retry,
    again = t.common.retry,
}: {
    error: unknown
    retry?: () => void
    again?: string // what the button says
}) {
    return (
        <div class="problem" role="alert">
            <p>{explain(error)}</p>
            {retry && (
                <button type="button" onClick={retry}>
                    {again}
                </button>
            )}
        </div>
    )
}

/** What there is to see: the data once they are there, else why not. */
export function Await<T>({ from, children }: { from: Loaded<T>; children: (data: T) => ComponentChildren }) {
    if (from.error && from.data === undefined) return <Problem error={from.error} retry={from.reload} />
    if (from.data === undefined)
        return (
            <div class="loading" aria-busy="true">
                <span class="spinner" />
                <span class="quiet">{t.common.loading}</span>
            </div>
        )
    return (
        <>
            {from.error !== undefined && <Problem error={from.error} retry={from.reload} />}
            {children(from.data)}
        </>
    )
}

/** Nothing there yet: what it is for, and the next step. */
export function Empty({ title, text, children }: { title: string; text: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {children && <div class="actions">{children}</div>}
        </div>
    )
}
