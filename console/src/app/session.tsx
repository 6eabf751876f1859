// Who is signed in.
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { api, setCsrf } from '../api/client'
import type { Me, Scope } from '../api/types'

/** Who is signed in, or null. */
export async function whoIsThere(): Promise<Me | null> {
    try {
        const me = await api.get<Me>('/v1/auth/me')
        setCsrf(me.csrf ?? '')
        return me
    } catch (e) {
        if ((e as { status?: number }).status === 401) return null
        throw e
    }
}

export async function signIn(name: string, password: string): Promise<Me> {
    await api.post('/v1/auth/login', { name, password, cookie: true })
    const me = await whoIsThere()
    if (!me) throw new Error('the browser keeps no cookie of this page')
    return me
}

export async function signOut(): Promise<void> {
    await api.post('/v1/auth/logout')
    setCsrf('')
    sessionStorage.clear()
}

const OWNER = 'espy.user'

/** What a tab remembers is one person's: it goes when another comes. */
export function ownTab(id: number | null): void {
    if (sessionStorage.getItem(OWNER) !== String(id)) sessionStorage.clear()
    sessionStorage.setItem(OWNER, String(id))
}

export const SessionContext = createContext<{ me: Me; leave: () => Promise<void> } | null>(null)

/** Who is signed in; only below the shell, where somebody is. */
export function useMe(): Me {
    return useContext(SessionContext)!.me
}

export function useMay(scope: Scope): boolean {
    return useMe().may.includes(scope)
}

/** How to sign out; what is to be told on the page to sign in is told after it. */
export function useLeave(): () => Promise<void> {
    return useContext(SessionContext)!.leave
}
