// The collections, and which one the pages are about.
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Collection } from '../api/types'
import type { Loaded } from '../parts/load'

export const CollectionsContext = createContext<Loaded<Collection[]> | null>(null)

/** All collections that may be seen; `reload()` after one was made, renamed or taken away. */
export function useCollections(): Loaded<Collection[]> {
    return useContext(CollectionsContext)!
}

const KEPT = 'espy.collection'

export function keepCollection(id: string): void {
    localStorage.setItem(KEPT, id)
}

/** The collection of the address, else the one that was shown last, else the first. */
export function chosenCollection(path: string, all: Collection[]): Collection | undefined {
    const asked = /^\/c\/([^/]+)/.exec(path)?.[1] ?? localStorage.getItem(KEPT)
    return all.find((c) => String(c.id) === asked) ?? all[0]
}
