// Work that ends with its page (files on their way): whoever leaves by a link, a key or the browser's
// history is asked before.
import { useEffect } from 'preact/hooks'
import { t } from '../text'
import { ask } from './dialog'

let busyParts = 0

/** Whether what is shown may go: nothing is on its way, or it may be left behind. */
export async function mayLeave(): Promise<boolean> {
  return busyParts === 0 || ask({ ...t.session.leaving, danger: true })
}

const pathOf = (url: string) => new URL(url).hash.split('?')[0]

/** Asks before the page is left while `busy`. */
export function useStay(busy: boolean): void {
  useEffect(() => {
    if (!busy) return
    busyParts++
    let asking = false
    let leaving = false
    const unload = (e: BeforeUnloadEvent) => e.preventDefault()
    // An address that has changed is put back before the page hears of it: that covers links, keys
    // and the history alike.
    const moved = async (e: HashChangeEvent) => {
      if (leaving || pathOf(e.newURL) === pathOf(e.oldURL)) return
      e.stopImmediatePropagation()
      history.replaceState(null, '', e.oldURL)
      if (asking) return
      asking = true
      leaving = await mayLeave()
      asking = false
      if (leaving) location.href = e.newURL
    }
    addEventListener('beforeunload', unload)
    addEventListener('hashchange', moved, true)
    return () => {
      busyParts--
      removeEventListener('beforeunload', unload)
      removeEventListener('hashchange', moved, true)
    }
  }, [busy])
}
