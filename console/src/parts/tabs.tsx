import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

/** Tabs (ARIA): arrow keys go from one to the next. The chosen one is in sight, however many there are. */
export function Tabs({
    label,
    tabs,
    on,
    choose,
    children,
}: {
    label: string
    tabs: [id: string, text: string][]
    on: string
    choose: (id: string) => void
    children: ComponentChildren
}) {
    const id = useId()
    const strip = useRef<HTMLDivElement>(null)
    useLayoutEffect(() => {
        const tab = document.getElementById(`${id}-${on}`)?.getBoundingClientRect()
        const seen = strip.current!.getBoundingClientRect()
        if (tab) strip.current!.scrollLeft += Math.max(0, tab.right - seen.right) - Math.max(0, seen.left - tab.left)
    }, [on])
    const key = (e: KeyboardEvent) => {
        const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0
        if (!step) return
        e.preventDefault()
        const i = tabs.findIndex(([tab]) => tab === on)
        const next = tabs[(i + step + tabs.length) % tabs.length]!
        choose(next[0])
        requestAnimationFrame(() => document.getElementById(`${id}-${next[0]}`)?.focus())
    }
    return (
        <>
            <div ref={strip} role="tablist" aria-label={label} class="tabs" onKeyDown={key}>
                {tabs.map(([tab, text]) => (
                    <button
                        key={tab}
                        type="button"
                        role="tab"
                        id={`${id}-${tab}`}
                        aria-selected={tab === on}
                        aria-controls={`${id}-panel`}
                        tabIndex={tab === on ? 0 : -1}
                        onClick={() => choose(tab)}
                    >
                        {text}
                    </button>
                ))}
            </div>
            <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${on}`} tabIndex={-1}>
                {children}
            </div>
        </>
    )
}
