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
    return (
        (e.key === ' ' || e.key === 'Enter') && (e.target as HTMLElement).closest('button, a[href], summary') !== null
    )
}

/** As the list of keys names it; Caps Lock makes no other key of a letter. */
function keyOf(e: KeyboardEvent): string {
    const held = e.ctrlKey || e.metaKey ? 'ctrl+' : ''
    return held + (e.key.length === 1 && !e.shiftKey ? e.key.toLowerCase() : e.key)
}

/** The hint for a key, of the layer that came last. */
function find(key: string): KeyHint | undefined {
    for (const layer of [...layers].reverse()) {
        const hit = layer.current.find((k) => k.key === key)
        if (hit) return hit
    }
    return undefined
}

const KEPT = 'espy.letters'

/** Whether single letters are keys: who speaks to the machine, or hits keys unawares, turns them off. */
export function lettersAreKeys(): boolean {
    return localStorage.getItem(KEPT) !== 'off'
}

export function setLettersAreKeys(on: boolean): void {
    if (on) localStorage.removeItem(KEPT)
    else localStorage.setItem(KEPT, 'off')
}

/** The first key of a pair waits for the second one, which then means nothing by itself. */
function hintOf(key: string): KeyHint | undefined {
    const waiting = performance.now() - beforeAt < 1000 ? before : ''
    before = ''
    if (waiting) return find(`${waiting} ${key}`)
    if (layers.some((l) => l.current.some((k) => k.key.startsWith(`${key} `)))) {
        before = key
        beforeAt = performance.now()
        return undefined
    }
    return find(key)
}

function pressed(e: KeyboardEvent): void {
    if (e.defaultPrevented || e.isComposing || e.altKey || e.repeat || pressing(e) || e.key === 'Shift') return
    if (document.querySelector('dialog[open]') && e.key !== '?') return
    if (e.key.length === 1 && e.key !== ' ' && !e.ctrlKey && !e.metaKey && (typing(e) || !lettersAreKeys())) return
    const hint = hintOf(keyOf(e))
    if (!hint || (typing(e) && !hint.typing)) return
    e.preventDefault()
    hint.run(e)
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
