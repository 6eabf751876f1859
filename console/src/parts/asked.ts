// A file that the version which answers is asked about; it is not kept.
import { useEffect, useState } from 'preact/hooks'
import { upload } from '../api/client'
import type { Collection, Identified } from '../api/types'

export interface Asked {
    answer?: Identified
    error?: unknown
    share: number // of the file that has gone out
    again: () => void
    stop: () => void
}

/** Asks as soon as there are a file and a version that answers. */
export function useAsked(collection: Collection & { live: number | null }, file: Blob | null, name: string): Asked {
    const [state, set] = useState<{ answer?: Identified; error?: unknown; share: number }>({ share: 0 })
    const [turn, setTurn] = useState(0)
    const [stop, setStop] = useState(new AbortController())
    useEffect(() => {
        set({ share: 0 })
        if (!file || collection.live === null) return
        let over = false
        const now = new AbortController()
        setStop(now)
        const form = new FormData()
        form.set('file', file, name)
        const share = (to: number) => set((s) => ({ ...s, share: to }))
        upload<Identified>(`/v1/collections/${collection.id}/identify`, form, share, now.signal).then(
            (answer) => set({ answer, share: 1 }),
            (error) => !over && set({ error, share: 0 }),
        )
        return () => {
            over = true
            now.abort()
        }
    }, [collection.id, collection.live, file, name, turn])
    return { ...state, again: () => setTurn((n) => n + 1), stop: () => stop.abort() }
}
