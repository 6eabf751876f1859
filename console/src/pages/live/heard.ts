// The list of what was heard: it outlives a reload of the page.
import { useEffect, useState } from 'preact/hooks'
import type { SoundFrame } from './types'

const MOST = 300

export interface Heard {
    key: string // of the stream and the event
    label: string
    name: string | null
    from: number // ms since 1970
    to: number
    open: boolean
    probability: number | null
}

function read(kept: string): Heard[] {
    const all = JSON.parse(sessionStorage.getItem(kept) ?? '[]') as Heard[]
    return all.map((h) => ({ ...h, open: false }))
}

/** The list with an answer's events: those that it goes on with, and new ones first. */
function withFrame(list: Heard[], stream: string, frame: SoundFrame, ended: number): Heard[] {
    const zero = ended - 1000 * frame.heard
    const told = frame.events.map((e): Heard => ({
        key: `${stream} ${e.id}`,
        label: e.label,
        name: e.name,
        from: zero + 1000 * e.start,
        to: zero + 1000 * e.end,
        open: e.open,
        probability: e.probability,
    }))
    const now = new Map(told.map((h) => [h.key, h]))
    const before = new Set(list.map((h) => h.key))
    const fresh = told.filter((h) => !before.has(h.key)).reverse()
    const rest = list.map((h) => {
        const again = now.get(h.key)
        // the clock of the first time holds, so that a beginning does not move
        return again ? { ...again, from: h.from } : h.open ? { ...h, open: false } : h
    })
    return [...fresh, ...rest].slice(0, MOST)
}

export function useHeard(collection: number) {
    const kept = `espy.heard.${collection}`
    const [list, set] = useState<Heard[]>(() => read(kept))
    useEffect(() => sessionStorage.setItem(kept, JSON.stringify(list)), [list])
    return {
        list,
        frame: (stream: string, frame: SoundFrame, ended: number) => set((l) => withFrame(l, stream, frame, ended)),
        over: () => set((l) => l.map((h) => ({ ...h, open: false }))),
        clear: () => set([]),
    }
}
