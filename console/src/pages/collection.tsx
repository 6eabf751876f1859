// A collection: its sessions, its labels, who was when, everything that was found, and what happened.
import { useState } from 'preact/hooks'
import { all, api } from '../api/client'
import type { CollectionFull, Label, Session } from '../api/types'
import { go, Link, type Params, useQuery, useTitle } from '../app/router'
import { useMay } from '../app/session'
import { Await, Empty, useLoad } from '../parts/load'
import { mayLeave } from '../parts/stay'
import { Tabs } from '../parts/tabs'
import { t } from '../text'
import '../style/session.css'
import '../style/collection.css'
import { History } from './collection/history'
import { Labels } from './collection/labels'
import { Report } from './collection/report'
import { AllSamples } from './collection/samples'
import { EditSession } from './session'

function Counts({ c }: { c: CollectionFull }) {
    const k = t.collection.counts
    const figures: [string, string | number][] = [
        [k.labels, c.counts.labels],
        [k.media[c.modality], c.counts.media],
        [k.samples[c.modality], c.counts.samples],
        [k.labelled, c.counts.labelled],
        [k.live, c.live ? t.collection.version(c.live) : t.collection.noVersion],
    ]
    return (
        <>
            <dl class="figures">
                {figures.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value.toLocaleString('en')}</dd>
                    </div>
                ))}
            </dl>
            {!c.live && <p class="note">{t.collection.noVersionHint}</p>}
        </>
    )
}

function Sessions({ c, sessions, create }: { c: CollectionFull; sessions: Session[]; create: () => void }) {
    const may = useMay('enroll')
    const [search, setSearch] = useQuery('session')
    const s = t.collection.session
    if (!sessions.length)
        return (
            <Empty {...t.collection.noSessions}>
                {may && (
                    <button type="button" class="primary" onClick={create}>
                        {t.collection.newSession}
                    </button>
                )}
            </Empty>
        )
    const shown = sessions.filter((x) => x.name.toLowerCase().includes(search.toLowerCase()))
    return (
        <>
            <div class="actions orders">
                <input
                    type="search"
                    aria-label={t.collection.searchSessions}
                    placeholder={t.collection.searchSessions}
                    value={search}
                    onInput={(e) => setSearch(e.currentTarget.value)}
                />
            </div>
            {shown.length ? (
                <div class="scroll">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{s.name}</th>
                                <th scope="col">{s.date}</th>
                                <th scope="col" class="number">
                                    {s.media}
                                </th>
                                <th scope="col" class="number">
                                    {s.samples}
                                </th>
                                <th scope="col" class="number">
                                    {s.labelled}
                                </th>
                                <th scope="col">{s.state}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {shown.map((x) => (
                                <tr key={x.id}>
                                    <th scope="row">
                                        <Link to={`/c/${c.id}/s/${x.id}`}>{x.name}</Link>
                                    </th>
                                    <td>{x.date}</td>
                                    <td class="number">{x.media}</td>
                                    <td class="number">{x.samples}</td>
                                    <td class="number">{x.labelled}</td>
                                    <td>
                                        <span class={'badge' + (x.state === 'open' ? ' known' : '')}>
                                            {x.state === 'open' ? t.session.open : t.session.closed}
                                        </span>
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            ) : (
                <Empty {...t.collection.noFit} />
            )}
        </>
    )
}

export interface Everything {
    c: CollectionFull
    sessions: Session[]
    labels: Label[]
}

async function readAll(id: string, signal: AbortSignal): Promise<Everything> {
    const base = `/v1/collections/${id}`
    const [c, sessions, labels] = await Promise.all([
        api.get<CollectionFull>(base, {}, signal),
        all<Session>(`${base}/sessions`, {}, signal),
        all<Label>(`${base}/labels`, {}, signal),
    ])
    return { c, sessions, labels }
}

export default function Page({ params }: { params: Params }) {
    const may = useMay('enroll')
    const [tab, setTab] = useQuery('tab', 'sessions')
    const [making, make] = useState(false)
    const everything = useLoad((s) => readAll(params.collection!, s), [params.collection])
    useTitle(everything.data?.c.name)
    return (
        <Await from={everything}>
            {({ c, sessions, labels }) => (
                <>
                    <div class="head">
                        <div>
                            <h1>{c.name}</h1>
                            {c.description && <span class="quiet">{c.description}</span>}
                        </div>
                        {may && (
                            <div class="actions">
                                <button type="button" class="primary" onClick={() => make(true)}>
                                    {t.collection.newSession}
                                </button>
                                <Link class="button" to={`/c/${c.id}/review`}>
                                    {t.shell.review}
                                </Link>
                                <Link class="button" to={`/c/${c.id}/train`}>
                                    {t.shell.train}
                                </Link>
                            </div>
                        )}
                    </div>
                    <Counts c={c} />
                    <Tabs
                        label={c.name}
                        tabs={[
                            ['sessions', t.collection.tabs.sessions],
                            ['labels', t.collection.tabs.labels],
                            ['report', t.collection.tabs.report],
                            ['samples', t.collection.tabs.samples],
                            ['history', t.collection.tabs.history],
                        ]}
                        on={tab}
                        choose={(to) => void mayLeave().then((yes) => yes && setTab(to))}
                    >
                        {tab === 'sessions' && <Sessions c={c} sessions={sessions} create={() => make(true)} />}
                        {tab === 'labels' && <Labels c={c} labels={labels} reload={everything.reload} />}
                        {tab === 'report' && <Report c={c} sessions={sessions} labels={labels} />}
                        {tab === 'samples' && <AllSamples c={c} labels={labels} reload={everything.reload} />}
                        {tab === 'history' && (
                            <History c={c} sessions={sessions} labels={labels} reload={everything.reload} />
                        )}
                    </Tabs>
                    {making && (
                        <EditSession
                            session={{}}
                            close={() => make(false)}
                            save={async (to) => {
                                const s = await api.post<Session>(`/v1/collections/${c.id}/sessions`, to)
                                go(`/c/${c.id}/s/${s.id}`)
                            }}
                        />
                    )}
                </>
            )}
        </Await>
    )
}
