// Signed in or not: the shell, or the page to sign in.
import { useCallback, useEffect, useState } from 'preact/hooks'
import { onUnauthenticated } from '../api/client'
import type { Me } from '../api/types'
import { Problem } from '../parts/load'
import { SignIn } from '../pages/signin'
import { SessionContext, signOut, whoIsThere } from './session'
import { Shell } from './shell'
import { tell } from './toast'

export function App() {
  const [me, setMe] = useState<Me | null | undefined>()
  const [ended, setEnded] = useState(false)
  const [error, setError] = useState<unknown>()
  const look = useCallback(() => {
    setError(undefined)
    whoIsThere().then(setMe, setError)
  }, [])
  useEffect(() => {
    onUnauthenticated(() => {
      setEnded(true)
      setMe(null)
    })
    look()
  }, [])
  if (error !== undefined) return <Problem error={error} retry={look} />
  if (me === undefined) return null
  if (me === null) return <SignIn ended={ended} entered={setMe} />
  const leave = () => void tell(signOut().then(() => setMe(null)))
  return (
    <SessionContext.Provider value={{ me, leave }}>
      <Shell />
    </SessionContext.Provider>
  )
}
