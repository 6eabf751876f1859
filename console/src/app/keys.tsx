// Keys: each page says which it has, and "?" lists them.
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../text'
import { Dialog } from '../parts/dialog'

export interface KeyHint {
  key: string // as KeyboardEvent.key says it, "ctrl+z", or two in a row: "g h"
  does: string
  run: (e: KeyboardEvent) => void
  typing?: boolean // also while a field has the focus
}

const layers: { current: KeyHint[] }[] = []
let before = ''
let beforeAt = 0

function typing(e: KeyboardEvent): boolean {
  const at = e.target as HTMLElement
  return at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)
}

/** Space and Enter press the button that has the focus, whatever the page means by them. */
function pressing(e: KeyboardEvent): boolean {
  return (e.key === ' ' || e.key === 'Enter') && (e.target as HTMLElement).closest('button, a[href], summary') !== null
}

function pressed(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.isComposing || e.altKey || pressing(e)) return
  if (document.querySelector('dialog[open]') && e.key !== '?') return
  const held = e.ctrlKey || e.metaKey ? 'ctrl+' : ''
  const key = held + e.key
  const pair = performance.now() - beforeAt < 1000 ? `${before} ${key}` : ''
  for (const layer of [...layers].reverse()) {
    const hit =
      layer.current.find((k) => k.key === pair) ?? layer.current.find((k) => k.key === key)
    if (!hit || (typing(e) && !hit.typing)) continue
    e.preventDefault()
    before = ''
    hit.run(e)
    return
  }
  before = key
  beforeAt = performance.now()
}

addEventListener('keydown', pressed)

/** These keys work while the component is there; the component that came last goes first. */
export function useKeys(keys: KeyHint[]): void {
  const held = useRef(keys)
  held.current = keys
  useEffect(() => {
    layers.push(held)
    return () => {
      layers.splice(layers.indexOf(held), 1)
    }
  }, [])
}

export function KeyHelp() {
  const [open, set] = useState(false)
  useKeys([{ key: '?', does: t.keys.help, run: () => set((o) => !o) }])
  if (!open) return null
  const seen = new Set<string>()
  const rows = [...layers]
    .reverse()
    .flatMap((l) => l.current)
    .filter((k) => !seen.has(k.key) && seen.add(k.key))
  return (
    <Dialog title={t.keys.title} close={() => set(false)}>
      <dl class="keys">
        {rows.map((k) => (
          <div key={k.key}>
            <dt>
              {k.key.split(' ').map((one) => (
                <kbd key={one}>{t.keys.names[one] ?? one}</kbd>
              ))}
            </dt>
            <dd>{k.does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
