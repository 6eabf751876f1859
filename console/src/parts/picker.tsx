// Who is it? Type ahead among the labels of a collection, or make a new one (ARIA combobox).
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Label } from '../api/types'
import { t } from '../text'
import { labelText } from './face'

export interface Picked {
    code: string
    name?: string | undefined
}

const wordsOf = (text: string) => text.toLocaleLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')

/** Labels whose code or name has all that was typed; those that begin with it first. */
export function labelsLike(labels: Label[], typed: string): Label[] {
    const want = wordsOf(typed.trim())
    if (!want) return labels
    const rank = (l: Label) => {
        const texts = [wordsOf(l.name ?? ''), wordsOf(l.code)]
        if (texts.some((x) => x.startsWith(want))) return 0
        if (texts.some((x) => x.includes(' ' + want))) return 1
        return texts.some((x) => x.includes(want)) ? 2 : 3
    }
    return labels
        .map((l) => ({ l, r: rank(l) }))
        .filter((x) => x.r < 3)
        .sort((a, b) => a.r - b.r)
        .map((x) => x.l)
}

/** What typing a new label means: "STU001 Ann Lee" and "STU001_Ann_Lee" are code and name, else the
 *  whole text is both. */
export function newLabel(typed: string): Picked {
    const text = typed.trim()
    const parts = /^(\p{L}+\d+)[_ ]+(.+)$/u.exec(text)
    return parts ? { code: parts[1]!, name: parts[2]!.replaceAll('_', ' ') } : { code: text, name: text }
}

export function LabelPicker({
    labels,
    pick,
    leave,
    label,
    only,
    autofocus,
}: {
    labels: Label[]
    pick: (to: Picked) => void
    leave?: () => void
    label: string
    only?: boolean // no new ones
    autofocus?: boolean
}) {
    const [typed, setTyped] = useState('')
    const [at, setAt] = useState(0)
    const [open, setOpen] = useState(false)
    const id = useId()
    const input = useRef<HTMLInputElement>(null)
    const hits = useMemo(() => labelsLike(labels, typed).slice(0, 8), [labels, typed])
    const exact = hits.some(
        (l) => wordsOf(l.code) === wordsOf(typed.trim()) || wordsOf(l.name) === wordsOf(typed.trim()),
    )
    const options = [
        ...hits.map((l) => ({
            key: l.code,
            text: labelText(l.code, l.name),
            note: l.code,
            to: { code: l.code } as Picked,
        })),
        ...(typed.trim() && !exact && !only
            ? [{ key: ' new', text: t.picker.make(typed.trim()), note: '', to: newLabel(typed) }]
            : []),
    ]
    useLayoutEffect(() => {
        if (autofocus) input.current?.focus()
    }, [autofocus])
    const choose = (i: number) => {
        const option = options[i]
        if (!option) return
        setTyped('')
        setOpen(false)
        pick(option.to)
    }
    const key = (e: KeyboardEvent) => {
        if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
            e.preventDefault()
            setOpen(true)
            const step = e.key === 'ArrowDown' ? 1 : -1
            setAt((n) => (n + step + options.length) % Math.max(1, options.length))
        } else if (e.key === 'Enter' && options.length) {
            e.preventDefault()
            choose(at)
        } else if (e.key === 'Escape' && (leave || (open && typed))) {
            // in a dialog the next Escape closes that
            e.preventDefault()
            e.stopPropagation()
            setTyped('')
            setOpen(false)
            leave?.()
        }
    }
    return (
        <div class="picker">
            <input
                ref={input}
                type="text"
                autofocus={autofocus}
                role="combobox"
                aria-expanded={open && options.length > 0}
                aria-controls={id}
                aria-autocomplete="list"
                aria-activedescendant={open && options[at] ? `${id}-${at}` : undefined}
                aria-label={label}
                placeholder={label}
                autoComplete="off"
                value={typed}
                onInput={(e) => {
                    setTyped(e.currentTarget.value)
                    setAt(0)
                    setOpen(true)
                }}
                onFocus={() => setOpen(true)}
                onBlur={() => setTimeout(() => setOpen(false), 150)}
                onKeyDown={key}
            />
            <ul id={id} role="listbox" aria-label={label} hidden={!open || options.length === 0}>
                {options.map((o, i) => (
                    <li
                        key={o.key}
                        id={`${id}-${i}`}
                        role="option"
                        aria-selected={i === at}
                        onMouseDown={(e) => {
                            e.preventDefault()
                            choose(i)
                        }}
                    >
                        <span>{o.text}</span>
                        {o.note && o.note !== o.text && <small>{o.note}</small>}
                    </li>
                ))}
            </ul>
        </div>
    )
}
