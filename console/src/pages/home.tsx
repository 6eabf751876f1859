// Home: how the collections are, what runs, what happens.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Collection, Job, System } from '../api/types'
import { useCollections } from '../app/collection'
import { Link } from '../app/router'
import { useMay } from '../app/session'
import { JobTable, useJobs } from '../parts/jobs'
import { Await, Empty, useLoad } from '../parts/load'
import '../style/home.css'
import { t } from '../text'
import { CollectionCard, threshold } from './home/card'
import { News, useNews } from './home/news'

const CARDS = 12
const JOBS = 8

function Start() {
    const may = useMay('enroll')
    return (
        <>
            <Empty title={t.home.emptyTitle} text={may ? t.home.emptyText : t.home.askAdmin}>
                {may && (
                    <Link class="button primary" to="/collections?new=1">
                        {t.home.make}
                    </Link>
                )}
            </Empty>
            {may && (
                <ol class="steps">
                    {t.home.steps.map(([title, text]) => (
                        <li key={title} class="card">
                            <h2>{title}</h2>
                            <p>{text}</p>
                        </li>
                    ))}
                </ol>
            )}
        </>
    )
}

/** Deliveries to webhooks that came through are no news. */
const worthTelling = (job: Job) => job.kind !== 'webhook' || job.state !== 'done'

function Overview({ collections }: { collections: Collection[] }) {
    const [turns, setTurns] = useState<Record<number, number>>({})
    const all = useCollections()
    const system = useLoad((s) => api.get<System>('/v1/system', {}, s), [])
    const jobs = useJobs({ limit: 30 })
    const news = useNews((touched) => {
        setTurns((old) => ({ ...old, ...Object.fromEntries([...touched].map((id) => [id, (old[id] ?? 0) + 1])) }))
        jobs.reload()
        if ([...touched].some((id) => !collections.some((c) => c.id === id))) all.reload()
    })
    return (
        <>
            <section aria-labelledby="home-collections">
                <h2 id="home-collections">{t.home.collectionsTitle}</h2>
                <div class="cards wide">
                    {collections.slice(0, CARDS).map((c) => (
                        <CollectionCard
                            key={c.id}
                            collection={c}
                            least={threshold(system.data)}
                            turn={turns[c.id] ?? 0}
                        />
                    ))}
                </div>
                {collections.length > CARDS && (
                    <p>
                        <Link to="/collections">{t.home.allCollections(collections.length)}</Link>
                    </p>
                )}
            </section>
            <div class="columns">
                <section class="card" aria-labelledby="home-jobs">
                    <div class="head">
                        <h2 id="home-jobs">{t.home.jobs}</h2>
                        <Link to="/system?tab=jobs">{t.home.allJobs}</Link>
                    </div>
                    <Await from={jobs}>
                        {(page) => {
                            const shown = page.items.filter(worthTelling).slice(0, JOBS)
                            return shown.length ? (
                                <JobTable jobs={shown} label={t.home.jobs} changed={jobs.reload} />
                            ) : (
                                <p class="quiet">{t.home.noJobs}</p>
                            )
                        }}
                    </Await>
                </section>
                <section class="card" aria-labelledby="home-news">
                    <h2 id="home-news">{t.home.news}</h2>
                    <News items={news} />
                </section>
            </div>
        </>
    )
}

export default function Home() {
    const collections = useCollections()
    return (
        <>
            <div class="head">
                <h1>{t.shell.home}</h1>
            </div>
            <Await from={collections}>{(all) => (all.length ? <Overview collections={all} /> : <Start />)}</Await>
        </>
    )
}
