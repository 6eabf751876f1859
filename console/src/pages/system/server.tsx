// What the server is, how it is, and what it refuses.
import { api, ApiError } from '../../api/client'
import type { System } from '../../api/types'
import { bytesText } from '../../parts/bytes'
import { percent } from '../../parts/face'
import { Await, useLoad } from '../../parts/load'
import { when } from '../../parts/when'
import { t } from '../../text'

function facts(s: System): [name: string, value: string][] {
    return [
        [t.system.version, s.version],
        [t.system.since, when(s.started)],
        [t.system.listen, s.listen],
        [t.system.store, t.system.stores[s.store]],
        [t.system.workers, String(s.workers)],
        [t.system.memory, bytesText(s.memory_bytes)],
        [t.system.cpu, t.system.cpus[s.cpu]],
        ...(s.trigger ? [[t.system.trigger, t.system.triggerText(s.trigger)] as [string, string]] : []),
        ...(s.schedule
            ? [[t.system.schedule, t.system.scheduleText(s.schedule, s.schedule_trigger)] as [string, string]]
            : []),
        ...(s.min_accuracy ? [[t.system.minAccuracy, percent(s.min_accuracy)] as [string, string]] : []),
    ]
}

function Facts({ system }: { system: System }) {
    return (
        <section class="card">
            <dl class="server-facts">
                {facts(system).map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </section>
    )
}

/** Whether a probe says yes; what it says otherwise. */
async function probe(path: string, signal: AbortSignal): Promise<string> {
    try {
        await api.get(path, {}, signal)
        return ''
    } catch (e) {
        if (e instanceof ApiError) return e.message || t.system.bad
        throw e
    }
}

function Health() {
    const health = useLoad(async (s) => ({ lives: await probe('/healthz', s), ready: await probe('/readyz', s) }), [])
    const line = (name: string, wrong: string) => (
        <li>
            <span class={'badge ' + (wrong ? 'unknown' : 'known')}>{wrong ? t.system.bad : t.system.good}</span> {name}
            {wrong && <small class="error below">{wrong}</small>}
        </li>
    )
    return (
        <section class="card">
            <div class="head">
                <h2>{t.system.health}</h2>
                <button type="button" class="small" onClick={health.reload}>
                    {t.system.check}
                </button>
            </div>
            <Await from={health}>
                {(h) => (
                    <div role="status">
                        <ul class="plain-list">
                            {line(t.system.lives, h.lives)}
                            {line(t.system.ready, h.ready)}
                        </ul>
                    </div>
                )}
            </Await>
            <h2>{t.system.links}</h2>
            <ul class="plain-list">
                <li>
                    <a href="/metrics">{t.system.metrics}</a>
                </li>
                <li>
                    <a href="/openapi.json">{t.system.openapi}</a>
                </li>
            </ul>
        </section>
    )
}

type Limit = keyof System['limits']
const LIMITS = Object.keys(t.system.limitNames) as Limit[]

function limitText(limit: Limit, value: number): string {
    return limit === 'body' || limit === 'file' ? bytesText(value) : value.toLocaleString('en')
}

function Limits({ limits }: { limits: System['limits'] }) {
    return (
        <section class="card">
            <h2>{t.system.limits}</h2>
            <p class="quiet">{t.system.limitsText}</p>
            <div class="scroll" role="region" aria-label={t.system.limits} tabIndex={0}>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{t.system.limit}</th>
                            <th scope="col" class="number">
                                {t.system.value}
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {LIMITS.map((limit) => (
                            <tr key={limit}>
                                <th scope="row">{t.system.limitNames[limit]}</th>
                                <td class="number">{limitText(limit, limits[limit])}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    )
}

export function Server({ system }: { system: System }) {
    return (
        <div class="columns">
            <div>
                <Facts system={system} />
                <Limits limits={system.limits} />
            </div>
            <Health />
        </div>
    )
}
