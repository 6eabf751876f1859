// Short news at the edge of the page: what was done, with the way back where there is one.
import { useEffect, useState } from 'preact/hooks'
import { explain } from '../parts/load'
import { t } from '../text'

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
  change([...shown.slice(-2), toast])
  setTimeout(() => drop(toast.id), toast.kind === 'failed' ? 12000 : 8000)
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

export function Toasts() {
  const [, redraw] = useState(0)
  useEffect(() => {
    const fn = () => redraw((n) => n + 1)
    listeners.add(fn)
    return () => {
      listeners.delete(fn)
    }
  }, [])
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} class={'toast ' + one.kind}>
          <span>{one.text}</span>
          {one.undo && (
            <button
              type="button"
              class="plain"
              onClick={() => {
                drop(one.id)
                void tell(one.undo!())
              }}
            >
              {t.common.undo}
            </button>
          )}
          <button type="button" class="plain" aria-label={t.common.dismiss} onClick={() => drop(one.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  )
}
