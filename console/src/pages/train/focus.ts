import { useEffect, useRef } from 'preact/hooks'

/** Takes the focus where what had it has just gone (a form that was sent, work that has ended), so
 *  that keyboard and screen reader go on with what came instead. */
export function useLostFocus<T extends HTMLElement>() {
  const at = useRef<T>(null)
  useEffect(() => {
    if (document.activeElement && document.activeElement !== document.body) return
    at.current?.focus({ preventScroll: true })
    at.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return at
}
