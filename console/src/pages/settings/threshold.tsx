// From which probability on somebody is known: by the false alarms that may happen, by hand, or
// found by itself. Each of them learns anew.
import { useState } from 'preact/hooks'
import type { CollectionFull, Label, Version, VersionDetail, Versions } from '../../api/types'
import { Link } from '../../app/router'
import { useMay } from '../../app/session'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { figure, percent } from '../../parts/face'
import { useOrder } from '../../parts/order'
import { t } from '../../text'
import { aimFor, numberOf, share, wilson, withStrangers, type WithStrangers } from '../train/figures'
import type { TrainRequest } from '../train/form'
import { NamesContext, namesOf } from '../train/names'
import { Outcome } from '../train/outcome'
import { Progress } from '../train/progress'
import { Thresholds } from '../train/thresholds'

const s = t.settings

type How = 'target' | 'hand' | 'find'

function Seen({ named, strangers, target }: { named: number; strangers: number; target: number }) {
    const [low, high] = wilson(named, strangers)
    const needed = Math.ceil(3 / target) // none of so many: below the target with 95 % certainty
    return (
        <>
            <p>{s.seen(named, strangers, share(low), share(high))}</p>
            {strangers < needed && <p class="quiet">{s.tooFew(strangers, needed)}</p>}
        </>
    )
}

/** What a target comes to, told in words. */
function Target({
    aim,
    own,
    highest,
    target,
}: {
    aim: WithStrangers | undefined
    own: number
    highest: WithStrangers
    target: number
}) {
    if (!aim) return <p>{s.noneReaches(figure(highest.threshold), share(highest.named / highest.strangers))}</p>
    const told = figure(aim.threshold)
    return (
        <>
            <p>
                <strong>{aim.threshold === own ? s.own(told) : s.lowest(told)}</strong>
            </p>
            <Seen named={aim.named} strangers={aim.strangers} target={target} />
            {aim.threshold !== own && (
                <p>
                    {aim.accepted
                        ? s.cost(percent(aim.coverage), aim.accepted, aim.total, percent(aim.accuracy, 1))
                        : s.costAll}
                </p>
            )}
        </>
    )
}

function requestOf(how: How, threshold: number | undefined, target: number): TrainRequest {
    if (how === 'find' || threshold === undefined) return { threshold: null, reason: s.reasonFind }
    const told = figure(threshold)
    return { threshold, reason: how === 'hand' ? s.reasonHand(told) : s.reasonTarget(told, share(target)) }
}

function Choice({ detail, start }: { detail: VersionDetail; start: (request: TrainRequest) => Promise<void> }) {
    const rows = withStrangers(detail.evaluation?.thresholds ?? [])
    const [how, setHow] = useState<How>(rows.length ? 'target' : 'hand')
    const [target, setTarget] = useState('0.01')
    const [hand, setHand] = useState('')
    const aim = aimFor(detail, rows, Number(target))
    const typed = numberOf(hand)
    const chosen =
        how === 'hand'
            ? typeof typed === 'number'
                ? typed
                : undefined
            : how === 'target'
              ? aim && aim.threshold !== detail.threshold
                  ? aim.threshold
                  : undefined
              : undefined
    const highest = rows[rows.length - 1]
    return (
        <Form
            submit={() => start(requestOf(how, chosen, Number(target)))}
            save={how === 'find' ? s.applyFind : chosen === undefined ? s.applyNothing : s.apply(figure(chosen))}
            ready={how === 'find' || chosen !== undefined}
        >
            {(wrong) => (
                <>
                    <div class="fields">
                        <Field label={s.how}>
                            <Select value={how} change={(to) => setHow(to as How)} options={Object.entries(s.hows)} />
                        </Field>
                        {how === 'target' && highest && (
                            <Field label={s.target}>
                                <Select value={target} change={setTarget} options={s.targets} />
                            </Field>
                        )}
                        {how === 'hand' && (
                            <Field
                                label={s.hand}
                                help={s.handHelp}
                                error={wrong('threshold') ?? (typeof typed === 'string' ? s.handHelp : undefined)}
                            >
                                <TextInput inputMode="decimal" value={hand} change={setHand} />
                            </Field>
                        )}
                    </div>
                    <div role="status">
                        {how === 'target' && highest && (
                            <Target aim={aim} own={detail.threshold} highest={highest} target={Number(target)} />
                        )}
                        {how === 'find' && <p>{s.findText}</p>}
                    </div>
                    {!highest && how !== 'find' && (
                        <p>
                            {s.noFigures} {s.noFiguresHow}
                        </p>
                    )}
                    {how === 'target' && highest && <p class="quiet">{s.strangersAre}</p>}
                    <p class="note">{s.applies}</p>
                </>
            )}
        </Form>
    )
}

function Rule({ live, modality }: { live: Version; modality: string }) {
    const { threshold, floor, threshold_rule } = live.detail
    return (
        <p>
            {s.rule(figure(threshold), figure(floor), live.version)}{' '}
            {s.ruleWas(t.evaluation.rules[threshold_rule] ?? threshold_rule)} {modality === 'face' && s.ruleFaces}
        </p>
    )
}

export function Threshold({
    collection,
    labels,
    versions,
    changed,
}: {
    collection: CollectionFull
    labels: Label[]
    versions: Versions
    changed: () => void
}) {
    const may = useMay('enroll')
    const order = useOrder(collection.id, ['train', 'retrain_sounds'], 'job', changed)
    const live = versions.items.find((v) => v.version === versions.live)
    const { job, log } = order.watched
    return (
        <NamesContext.Provider value={namesOf(labels)}>
            <section class="card">
                <h2>{s.threshold}</h2>
                {live ? (
                    <>
                        <Rule live={live} modality={collection.modality} />
                        {may && !order.running && (
                            <Choice
                                key={live.version}
                                detail={live.detail}
                                start={(request) => order.start(`/v1/collections/${collection.id}/train`, request)}
                            />
                        )}
                        {live.detail.evaluation && (
                            <details>
                                <summary>{s.curves}</summary>
                                <Thresholds rows={live.detail.evaluation.thresholds} at={live.detail.threshold} />
                            </details>
                        )}
                    </>
                ) : (
                    <p>
                        {s.unlearned} <Link to={`/c/${collection.id}/train`}>{s.toTrain}</Link>
                    </p>
                )}
            </section>
            {order.running && <Progress watched={order.watched} />}
            {job && !order.running && (
                <Outcome job={job} log={log} collection={collection} versions={versions} changed={changed} />
            )}
        </NamesContext.Provider>
    )
}
