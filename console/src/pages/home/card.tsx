// A collection at a glance: what answers, how good it has become, what waits, and what to do next.
import { useEffect } from 'preact/hooks'
import { api } from '../../api/client'
import type { Collection, CollectionFull, Page, Session, System, Trigger, Version, Versions } from '../../api/types'
import { Link } from '../../app/router'
import { useMay } from '../../app/session'
import { percent } from '../../parts/face'
import { Icon } from '../../parts/icons'
import { Await, useLoad } from '../../parts/load'
import { Spark } from '../../parts/spark'
import { When } from '../../parts/time'
import { t } from '../../text'

const SHOWN = 20 // versions in the line

interface State {
    full: CollectionFull
    versions: Versions
    trigger: Trigger
    session: Session | undefined // the newest that is open
}

/** How many new samples begin a training by themselves; 0: nothing does. */
export function threshold(system: System | undefined): number {
    return system?.trigger || (system?.schedule && system.schedule_trigger) || 0
}

async function look(id: number, signal: AbortSignal): Promise<State> {
    const at = `/v1/collections/${id}`
    const [full, versions, trigger, sessions] = await Promise.all([
        api.get<CollectionFull>(at, {}, signal),
        api.get<Versions>(`${at}/versions`, {}, signal),
        api.get<Trigger>(`${at}/trigger`, {}, signal),
        api.get<Page<Session>>(`${at}/sessions`, { state: 'open', limit: 1 }, signal),
    ])
    return { full, versions, trigger, session: sessions.items[0] }
}

function Answers({ versions }: { versions: Versions }) {
    const live = versions.items.find((v) => v.version === versions.live)
    if (!live) return <p class="quiet">{t.home.noLive}</p>
    const accuracy = live.detail.metrics.accuracy
    return (
        <div class="answers">
            <p>
                {t.home.answers(live.version, live.head)}
                <br />
                <small>
                    {accuracy !== undefined && <b>{t.home.right(percent(accuracy, 1))} · </b>}
                    {t.home.learned} <When at={live.created} />
                </small>
            </p>
            <Trend versions={versions.items} />
        </div>
    )
}

/** How the share of right answers went, oldest version first. */
function Trend({ versions }: { versions: Version[] }) {
    const measured = versions
        .flatMap((v) =>
            v.detail.metrics.accuracy === undefined ? [] : [{ v: v.version, y: v.detail.metrics.accuracy }],
        )
        .slice(0, SHOWN)
        .reverse()
    if (measured.length < 2) return null
    const words = measured.map((m) => t.home.trendPoint(m.v, percent(m.y, 1))).join(', ')
    return <Spark label={t.home.trend(words)} points={measured.map((m) => m.y)} />
}

function Waiting({ collection, counts }: { collection: Collection; counts: CollectionFull['counts'] }) {
    const waiting = counts.samples - counts.labelled
    const what = collection.modality === 'face' ? t.common.faceWord : t.common.soundWord
    if (counts.samples === 0)
        return (
            <p>
                {t.home.noSamples} <Link to={`/c/${collection.id}`}>{t.home.addSamples}</Link>
            </p>
        )
    if (waiting <= 0) return <p class="quiet">{t.home.nothingToLabel}</p>
    return (
        <p>
            <Link to={`/c/${collection.id}/review`}>{t.home.toLabel(waiting, what)}</Link>
        </p>
    )
}

function New({ trigger, least }: { trigger: Trigger; least: number }) {
    const n = Math.max(0, trigger.new_samples)
    if (!least) return <p class="quiet">{t.home.fresh(n)}</p>
    const text = n >= least ? t.home.enough(n) : t.home.untilTraining(n, least)
    return (
        <div class="until">
            <progress max={least} value={Math.min(n, least)} aria-label={text} />
            <small>{text}</small>
        </div>
    )
}

function Actions({ state }: { state: State }) {
    const enroll = useMay('enroll')
    const base = `/c/${state.full.id}`
    const trainNext = enroll && state.full.counts.labelled > 0 && (!state.full.live || state.trigger.new_samples > 0)
    return (
        <div class="actions">
            {state.session && (
                <Link class="button" to={`${base}/s/${state.session.id}`}>
                    {t.home.session(state.session.name)}
                </Link>
            )}
            {state.full.live !== null && (
                <Link class="button" to={`${base}/live`}>
                    <Icon name="live" />
                    {t.shell.live}
                </Link>
            )}
            {enroll && state.full.counts.labelled > 0 && (
                <Link class={trainNext ? 'button primary' : 'button'} to={`${base}/train`}>
                    <Icon name="train" />
                    {t.shell.train}
                </Link>
            )}
        </div>
    )
}

/** `least` new samples begin a training; `turn` grows when something happened to the collection. */
export function CollectionCard({ collection, least, turn }: { collection: Collection; least: number; turn: number }) {
    const state = useLoad((s) => look(collection.id, s), [collection.id])
    useEffect(() => {
        if (turn) state.reload()
    }, [turn])
    return (
        <section class="card at-a-glance">
            <h3>
                <Link to={`/c/${collection.id}`}>{collection.name}</Link>
                <span class="badge">{collection.modality === 'face' ? t.common.faces : t.common.sounds}</span>
            </h3>
            <Await from={state}>
                {(s) => (
                    <>
                        <Answers versions={s.versions} />
                        <Waiting collection={collection} counts={s.full.counts} />
                        {s.versions.items.length > 0 && <New trigger={s.trigger} least={least} />}
                        <Actions state={s} />
                    </>
                )}
            </Await>
        </section>
    )
}
