// What the labels of a collection are called; a version knows them by their codes of then.
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Label } from '../../api/types'
import { labelText } from '../../parts/face'

export const NamesContext = createContext<Map<string, string>>(new Map())

export function namesOf(labels: Label[]): Map<string, string> {
    return new Map(labels.map((l) => [l.code, labelText(l.code, l.name)]))
}

/** Gives a name for a code; a code that has gone stays one. */
export function useName(): (code: string) => string {
    const names = useContext(NamesContext)
    return (code) => names.get(code) ?? code
}
