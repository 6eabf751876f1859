export type Theme = 'auto' | 'light' | 'dark'

const KEPT = 'espy.theme'

export function theme(): Theme {
    const kept = localStorage.getItem(KEPT)
    return kept === 'light' || kept === 'dark' ? kept : 'auto'
}

export function setTheme(to: Theme): void {
    if (to === 'auto') localStorage.removeItem(KEPT)
    else localStorage.setItem(KEPT, to)
    document.documentElement.dataset.theme = to
    dispatchEvent(new Event('themechange'))
}
