// Every page, and the address it is at.
import { t } from '../text'
import type { Route } from './router'

export const routes: Route[] = [
    { path: '/', title: t.shell.home, load: () => import('../pages/home') },
    { path: '/collections', title: t.shell.collections, load: () => import('../pages/collections') },
    { path: '/c/:collection', title: t.shell.overview, load: () => import('../pages/collection') },
    { path: '/c/:collection/s/:session', title: t.session.title, load: () => import('../pages/session') },
    { path: '/c/:collection/m/:media', title: t.media.title, load: () => import('../pages/media') },
    { path: '/c/:collection/l/:label', title: t.label.title, load: () => import('../pages/label') },
    { path: '/c/:collection/review', title: t.shell.review, load: () => import('../pages/review') },
    { path: '/c/:collection/live', title: t.shell.live, load: () => import('../pages/live') },
    { path: '/c/:collection/listen', title: t.shell.listen, load: () => import('../pages/listen') },
    { path: '/c/:collection/train', title: t.shell.train, load: () => import('../pages/train') },
    { path: '/c/:collection/versions', title: t.shell.versions, load: () => import('../pages/versions') },
    { path: '/c/:collection/settings', title: t.shell.settings, load: () => import('../pages/settings') },
    { path: '/people', title: t.shell.people, load: () => import('../pages/people') },
    { path: '/system', title: t.shell.system, load: () => import('../pages/system') },
    { path: '/account', title: t.shell.account, load: () => import('../pages/account') },
    { path: '/me', title: t.shell.me, load: () => import('../pages/me') },
]
