// Addresses are behind the #, so that a reload or a bookmark needs nothing of the server.
import type { ComponentChildren, ComponentType, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { t } from '../text'

export type Params = Record<string, string>

function current(): string {
    return location.hash.slice(1) || '/'
}

/** Goes to a path such as "/collections/3". */
export function go(path: string, replace = false): void {
    if (replace) location.replace('#' + path)
    else location.hash = path
}

/** The path that is shown, without its query. */
export function usePath(): string {
    const [path, set] = useState(current)
    useEffect(() => {
        const changed = () => set(current())
        addEventListener('hashchange', changed)
        return () => removeEventListener('hashchange', changed)
    }, [])
    return path.split('?')[0]!
}

/** The values behind the "?" of the address, and how to change one: what a page shows outlives a
 *  reload so. */
export function useQuery(name: string, fallback = ''): [string, (value: string) => void] {
    const read = () => new URLSearchParams(current().split('?')[1] ?? '').get(name) ?? fallback
    const [value, set] = useState(read)
    useEffect(() => {
        const changed = () => set(read())
        addEventListener('hashchange', changed)
        return () => removeEventListener('hashchange', changed)
    }, [])
    const change = (to: string) => {
        const [path, query] = current().split('?')
        const values = new URLSearchParams(query ?? '')
        if (to === fallback) values.delete(name)
        else values.set(name, to)
        history.replaceState(null, '', '#' + path + (values.size ? '?' + values : ''))
        set(to)
    }
    return [value, change]
}

/** What the window is called while the component is there; nothing is changed while there is no text. */
export function useTitle(text: string | null | undefined): void {
    useEffect(() => {
        if (text) document.title = `${text} · ${t.shell.product}`
    }, [text])
}

/** The parameters of a path that fits a pattern such as "/c/:collection"; null: none. All of them are
 *  ids: anything but digits is at no page, so that no page asks for it. */
export function match(pattern: string, path: string): Params | null {
    const wanted = pattern.split('/')
    const given = path.split('/')
    if (wanted.length !== given.length) return null
    const params: Params = {}
    for (const [i, part] of wanted.entries()) {
        const value = given[i]!
        if (part.startsWith(':') && /^\d+$/.test(value)) params[part.slice(1)] = value
        else if (part !== value) return null
    }
    return params
}

export interface Route {
    path: string
    title: string
    load: () => Promise<{ default: ComponentType<{ params: Params }> }>
}

export function Link({
    to,
    children,
    ...rest
}: { to: string; children: ComponentChildren } & Omit<JSX.HTMLAttributes<HTMLAnchorElement>, 'href'>) {
    return (
        <a href={'#' + to} {...rest}>
            {children}
        </a>
    )
}
