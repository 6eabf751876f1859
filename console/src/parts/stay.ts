// Work that ends with its page (files on their way): whoever leaves by a link, a key or the browser's
// history is asked before.
import { useEffect } from 'preact/hooks'
import { t } from '../text'
import { ask } from './dialog'

let busyParts = 0
let asking = false
let leaving = ''

/** Whether what is shown may go: nothing is on its way, or it may be left behind. */
export async function mayLeave(): Promise<boolean> {
    return busyParts === 0 || ask({ ...t.session.leaving, danger: true })
}

const pathOf = (url: string) => new URL(url).hash.split('?')[0]

/** Puts an address that has changed back before any page hears of it: that covers links, keys and the
 *  history alike. */
async function moved(e: HashChangeEvent): Promise<void> {
    const meant = leaving === e.newURL
    leaving = ''
    if (meant || busyParts === 0 || pathOf(e.newURL) === pathOf(e.oldURL)) return
    e.stopImmediatePropagation()
    history.replaceState(null, '', e.oldURL)
    if (asking) return
    asking = true
    const yes = await mayLeave()
    asking = false
    if (!yes) return
    leaving = e.newURL
    location.href = e.newURL
}

// Listeners of the window are called in the order in which they came: main.tsx brings this one first.
addEventListener('hashchange', (e) => void moved(e))

/** Asks before the page is left while `busy`. */
export function useStay(busy: boolean): void {
    useEffect(() => {
        if (!busy) return
        const unload = (e: BeforeUnloadEvent) => e.preventDefault()
        busyParts++
        addEventListener('beforeunload', unload)
        return () => {
            busyParts--
            removeEventListener('beforeunload', unload)
        }
    }, [busy])
}
