// What stands around every page: where one is, where one can go, who is signed in.
import type { ComponentChildren, ComponentType } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { all } from '../api/client'
import type { Collection } from '../api/types'
import { Icon, type IconName } from '../parts/icons'
import { Select } from '../parts/form'
import { Problem, useLoad } from '../parts/load'
import { t } from '../text'
import { chosenCollection, CollectionsContext, keepCollection } from './collection'
import { KeyHelp, useKeys } from './keys'
import { go, Link, match, type Params, usePath, useTitle } from './router'
import { routes } from './routes'
import { useLeave, useMay, useMe } from './session'
import { setTheme, theme, type Theme } from './theme'
import { Toasts } from './toast'

interface Place {
    to: string
    icon: IconName
    text: string
}

function places(collection: Collection | undefined, may: { read: boolean; enroll: boolean; admin: boolean }) {
    const base = `/c/${collection?.id}`
    const about: Place[] = collection
        ? [
              { to: base, icon: 'overview', text: t.shell.overview },
              { to: `${base}/review`, icon: 'review', text: t.shell.review },
              { to: `${base}/live`, icon: 'live', text: t.shell.live },
              ...(collection.modality === 'sound'
                  ? [{ to: `${base}/listen`, icon: 'listen' as const, text: t.shell.listen }]
                  : []),
              { to: `${base}/train`, icon: 'train', text: t.shell.train },
              { to: `${base}/versions`, icon: 'versions', text: t.shell.versions },
              { to: `${base}/settings`, icon: 'settings', text: t.shell.settings },
          ]
        : []
    const general: Place[] = may.read
        ? [
              { to: '/', icon: 'home', text: t.shell.home },
              { to: '/collections', icon: 'collections', text: t.shell.collections },
          ]
        : [{ to: '/me', icon: 'home', text: t.shell.me }]
    const rest: Place[] = [
        ...(may.admin ? [{ to: '/people', icon: 'people' as const, text: t.shell.people }] : []),
        ...(may.read ? [{ to: '/system', icon: 'system' as const, text: t.shell.system }] : []),
        { to: '/account', icon: 'account', text: t.shell.account },
    ]
    return { general, about, rest }
}

function Places({ all, path }: { all: Place[]; path: string }) {
    return (
        <ul>
            {all.map((p) => (
                <li key={p.to}>
                    <Link to={p.to} aria-current={path === p.to ? 'page' : undefined}>
                        <Icon name={p.icon} />
                        {p.text}
                    </Link>
                </li>
            ))}
        </ul>
    )
}

/** A list of links, and no select: that would go elsewhere with every key that only looks for one. */
function Chooser({ collection, collections }: { collection: Collection | undefined; collections: Collection[] }) {
    const at = useRef<HTMLDetailsElement>(null)
    const close = () => {
        at.current!.open = false
        at.current!.querySelector('summary')!.focus()
    }
    return (
        <details ref={at} class="nav-collection" onKeyDown={(e) => e.key === 'Escape' && close()}>
            <summary>
                <small>{t.shell.collection}</small>
                <b>{collection?.name}</b>
            </summary>
            <ul>
                {collections.map((c) => (
                    <li key={c.id}>
                        <Link to={`/c/${c.id}`} aria-current={c === collection ? 'true' : undefined} onClick={close}>
                            {c.name}
                        </Link>
                    </li>
                ))}
            </ul>
        </details>
    )
}

function Navigation({
    collection,
    collections,
    path,
}: {
    collection?: Collection | undefined
    collections: Collection[]
    path: string
}) {
    const may = { read: useMay('read'), enroll: useMay('enroll'), admin: useMay('admin') }
    const { general, about, rest } = places(collection, may)
    return (
        <nav aria-label={t.shell.navigation}>
            <Places all={general} path={path} />
            {may.read && collections.length > 0 && (
                <>
                    <Chooser collection={collection} collections={collections} />
                    <Places all={about} path={path} />
                </>
            )}
            <hr />
            <Places all={rest} path={path} />
        </nav>
    )
}

function Foot() {
    const me = useMe()
    const leave = useLeave()
    const [shown, set] = useState<Theme>(theme())
    return (
        <div class="nav-foot">
            <label>
                <span>{t.shell.theme}</span>
                <Select
                    value={shown}
                    change={(to) => {
                        setTheme(to as Theme)
                        set(to as Theme)
                    }}
                    options={Object.entries(t.shell.themes) as [string, string][]}
                />
            </label>
            {me.csrf !== null && (
                <button type="button" class="plain" onClick={() => void leave()}>
                    {t.shell.signOut} · {me.user.name}
                </button>
            )}
        </div>
    )
}

interface Shown {
    page: ComponentType<{ params: Params }>
    params: Params
    path: string
}

type Lack = 'missing' | 'notLoaded'

/** The page of the address, loaded when it is asked for; or why there is none. */
function usePage(path: string): Shown | Lack | null {
    const [shown, set] = useState<Shown | Lack | null>(null)
    const want = useRef(path)
    useEffect(() => {
        want.current = path
        for (const route of routes) {
            const params = match(route.path, path)
            if (!params) continue
            route.load().then(
                (m) => {
                    if (want.current !== path) return
                    document.title = `${route.title} · ${t.shell.product}`
                    set({ page: m.default, params, path })
                },
                () => want.current === path && set('notLoaded'),
            )
            return
        }
        set('missing')
    }, [path])
    return shown
}

function NoPage({ why }: { why: Lack }) {
    useTitle(t.shell.lack[why])
    return (
        <>
            <h1>{t.shell.lack[why]}</h1>
            {why === 'missing' ? (
                <Problem error={new Error(t.common.notFound)} />
            ) : (
                // the files of a page are named anew with every espy: only a reload knows the new names
                <Problem error={new Error(t.errors.updated)} retry={() => location.reload()} again={t.common.reload} />
            )}
        </>
    )
}

function Main({ path, children }: { path: string; children: ComponentChildren }) {
    const at = useRef<HTMLElement>(null)
    const first = useRef(true)
    useEffect(() => {
        if (!first.current) {
            at.current?.focus({ preventScroll: true })
            scrollTo(0, 0)
        }
        first.current = false
    }, [path])
    return (
        <main id="main" ref={at} tabIndex={-1}>
            {children}
        </main>
    )
}

export function Shell() {
    const path = usePath()
    const me = useMe()
    const read = useMay('read')
    const [open, setOpen] = useState(false)
    // read again also when the same person has signed in again
    const collections = useLoad((s) => (read ? all<Collection>('/v1/collections', {}, s) : Promise.resolve([])), [me])
    const list = collections.data ?? []
    const collection = useMemo(() => chosenCollection(path, list), [path, list])
    const shown = usePage(path)
    useEffect(() => {
        setOpen(false)
        const asked = /^\/c\/(\d+)/.exec(path)?.[1]
        if (asked) keepCollection(asked)
        if (!read && path === '/') go('/me', true)
    }, [path])
    const about = (page: string) => () => collection && go(`/c/${collection.id}${page}`)
    useKeys([
        { key: 'g h', does: t.keys.goHome, run: () => go('/') },
        { key: 'g c', does: t.keys.goCollections, run: () => go('/collections') },
        { key: 'g s', does: t.keys.goSessions, run: about('') },
        { key: 'g r', does: t.keys.goReview, run: about('/review') },
        { key: 'g t', does: t.keys.goTrain, run: about('/train') },
    ])
    return (
        <CollectionsContext.Provider value={collections}>
            <a
                class="skip"
                href="#main"
                onClick={(e) => {
                    e.preventDefault()
                    document.getElementById('main')?.focus()
                }}
            >
                {t.shell.skip}
            </a>
            <div class={'shell' + (open ? ' open' : '')}>
                <header class="top">
                    <button
                        type="button"
                        class="plain"
                        aria-label={t.shell.menu}
                        aria-expanded={open}
                        aria-controls="side"
                        onClick={() => setOpen(!open)}
                    >
                        <Icon name="menu" />
                    </button>
                    <Link to="/" class="brand">
                        {t.shell.product}
                    </Link>
                </header>
                <aside id="side">
                    <Link to="/" class="brand">
                        {t.shell.product}
                    </Link>
                    <Navigation collection={collection} collections={list} path={path} />
                    <Foot />
                </aside>
                <Main path={path}>
                    {typeof shown === 'string' ? (
                        <NoPage why={shown} />
                    ) : (
                        shown && <shown.page key={shown.path} params={shown.params} />
                    )}
                </Main>
            </div>
            <KeyHelp />
            <Toasts />
        </CollectionsContext.Provider>
    )
}
