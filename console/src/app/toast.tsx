// Short news at the edge of the page: what was done, with the way back where there is one.
import { useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../parts/load'
import { t } from '../text'
import { useKeys } from './keys'

interface Toast {
    id: number
    text: string
    kind: 'done' | 'failed'
    undo?: (() => Promise<void>) | undefined
}

let next = 1
let shown: Toast[] = []
const listeners = new Set<() => void>()

function change(to: Toast[]): void {
    shown = to
    for (const fn of listeners) fn()
}

function drop(id: number): void {
    change(shown.filter((one) => one.id !== id))
}

/** Tells that something was done; `undo` takes it back. */
export function done(text: string, undo?: () => Promise<void>): void {
    add({ id: next++, text, kind: 'done', undo })
}

/** Tells that something failed, and what to do. */
export function failed(error: unknown): void {
    if ((error as Error)?.name === 'AbortError') return
    add({ id: next++, text: explain(error), kind: 'failed' })
}

function add(toast: Toast): void {
    // an error stays until it was read; the same one twice is one
    const rest = shown.filter((one) => one.kind === 'done' || one.text !== toast.text)
    const old = rest.filter((one) => one.kind === 'done').slice(0, -2)
    change([...rest.filter((one) => !old.includes(one)), toast])
}

/** What was told to one person is not for the next. */
export function clearToasts(): void {
    change([])
}

/** Runs a promise and tells when it fails; whether it came through. */
export async function tell(work: Promise<unknown>): Promise<boolean> {
    try {
        await work
        return true
    } catch (e) {
        failed(e)
        return false
    }
}

function takeBack(toast: Toast | undefined): void {
    if (!toast?.undo) return
    drop(toast.id)
    void tell(toast.undo())
}

const SHOWN = 8000 // ms
const SHOWN_UNDO = 20000
const LOOK_AGAIN = 2000 // while somebody is at the toasts

function One({ toast }: { toast: Toast }) {
    const at = useRef<HTMLDivElement>(null)
    // a live region tells what changes in it: the text comes when the region is there
    const [there, set] = useState(false)
    useEffect(() => {
        set(true)
        if (toast.kind === 'failed') return
        const end = () => {
            if (at.current!.parentElement!.matches(':hover, :focus-within')) timer = setTimeout(end, LOOK_AGAIN)
            else drop(toast.id)
        }
        let timer = setTimeout(end, toast.undo ? SHOWN_UNDO : SHOWN)
        return () => clearTimeout(timer)
    }, [])
    return (
        <div ref={at} class={'toast ' + toast.kind}>
            <span role={toast.kind === 'failed' ? 'alert' : 'status'}>{there && <span>{toast.text}</span>}</span>
            {toast.undo && (
                <button type="button" class="plain" onClick={() => takeBack(toast)}>
                    {t.common.undo}
                </button>
            )}
            <button type="button" class="plain" aria-label={t.common.dismiss} onClick={() => drop(toast.id)}>
                ×
            </button>
        </div>
    )
}

export function Toasts() {
    const [, redraw] = useState(0)
    useEffect(() => {
        const fn = () => redraw((n) => n + 1)
        listeners.add(fn)
        return () => {
            listeners.delete(fn)
        }
    }, [])
    useKeys([{ key: 'ctrl+z', does: t.keys.undo, run: () => takeBack(shown.findLast((one) => one.undo)) }])
    return (
        <div class="toasts">
            {shown.map((one) => (
                <One key={one.id} toast={one} />
            ))}
        </div>
    )
}
