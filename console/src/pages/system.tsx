// The server: what it is, the packs it has, its jobs, and what it may forget.
import { api } from '../api/client'
import type { System } from '../api/types'
import { useQuery } from '../app/router'
import { Await, useLoad } from '../parts/load'
import { Tabs } from '../parts/tabs'
import '../style/system.css'
import { t } from '../text'
import { Clear } from './system/clear'
import { Jobs } from './system/jobs'
import { Packs } from './system/packs'
import { Server } from './system/server'

function Tab({ name }: { name: string }) {
    const system = useLoad((s) => api.get<System>('/v1/system', {}, s), [])
    if (name === 'jobs') return <Jobs />
    if (name === 'clear') return <Clear />
    return (
        <Await from={system}>
            {(s) => (
                <>
                    {s.trust_loopback && (
                        <div class="note trusted">
                            <span class="badge doubtful">{t.system.trusted}</span>
                            <p>{t.system.trustedText}</p>
                        </div>
                    )}
                    {name === 'packs' ? <Packs packs={s.packs} /> : <Server system={s} />}
                </>
            )}
        </Await>
    )
}

export default function SystemPage() {
    const [tab, setTab] = useQuery('tab', 'server')
    return (
        <>
            <div class="head">
                <h1>{t.shell.system}</h1>
            </div>
            <Tabs
                label={t.shell.system}
                tabs={Object.entries(t.system.tabs) as [string, string][]}
                on={tab}
                choose={setTab}
            >
                <Tab name={tab} />
            </Tabs>
        </>
    )
}
