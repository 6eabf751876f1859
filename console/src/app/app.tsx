// Signed in or not: the shell, or the page to sign in.
import { useCallback, useEffect, useLayoutEffect, useState } from 'preact/hooks'
import { onUnauthenticated } from '../api/client'
import type { Me } from '../api/types'
import { Problem } from '../parts/load'
import { SignIn, SignInAgain } from '../pages/signin'
import { ownTab, SessionContext, signOut, whoIsThere } from './session'
import { Shell } from './shell'
import { clearToasts, tell } from './toast'

export function App() {
    const [me, setMe] = useState<Me | null | undefined>()
    const [ended, setEnded] = useState(false)
    const [error, setError] = useState<unknown>()
    const look = useCallback(() => {
        setError(undefined)
        whoIsThere().then(setMe, setError)
    }, [])
    useEffect(() => {
        onUnauthenticated(() => setEnded(true))
        look()
    }, [])
    const id = me?.user.id
    useLayoutEffect(() => {
        if (id === undefined) return
        clearToasts()
        ownTab(id)
    }, [id])
    const entered = (who: Me) => {
        setMe(who)
        setEnded(false)
    }
    const leave = async () => {
        if (!(await tell(signOut()))) return
        clearToasts()
        setMe(null)
        setEnded(false)
    }
    if (error !== undefined) return <Problem error={error} retry={look} />
    if (me === undefined) return null
    if (me === null) return <SignIn entered={entered} />
    // the page stays below the dialog: what was typed and chosen there is not lost with the session;
    // somebody else begins anew
    return (
        <SessionContext.Provider value={{ me, leave }}>
            <Shell key={me.user.id} />
            {ended && <SignInAgain name={me.user.name} entered={entered} />}
        </SessionContext.Provider>
    )
}
