// What a training is asked: which head learns, why, and what few need to change.
import { useState } from 'preact/hooks'
import type { System, Version } from '../../api/types'
import { Check, Field, Form, Select, TextInput } from '../../parts/form'
import { figure } from '../../parts/face'
import { t } from '../../text'
import { numberOf } from './figures'

const s = t.train

const HEADS = ['', 'svm', 'logistic', 'knn', 'mlp', 'prototypes']
const FEW = ['', 'knn', 'prototypes'] // learn a label from one sample

export interface TrainRequest {
    head?: string
    epochs?: number | string
    seed?: number | string
    threshold?: number | string | null
    min_accuracy?: number | string
    force?: boolean
    reason?: string
}

interface Wish {
    head: string
    reason: string
    epochs: string
    threshold: 'usual' | 'find' | 'fix'
    fixed: string
    minAccuracy: string
    seed: string
    force: boolean
}

const NOTHING: Wish = {
    head: '',
    reason: '',
    epochs: '',
    threshold: 'usual',
    fixed: '',
    minAccuracy: '',
    seed: '',
    force: false,
}

/** What was not touched is not sent: the server knows what is usual. */
function requestOf(w: Wish, network: boolean): TrainRequest {
    const threshold = w.threshold === 'fix' ? numberOf(w.fixed) : w.threshold === 'find' ? null : undefined
    const given = {
        head: w.head || undefined,
        reason: w.reason.trim() || undefined,
        epochs: network ? numberOf(w.epochs) : undefined,
        threshold,
        min_accuracy: numberOf(w.minAccuracy),
        seed: numberOf(w.seed),
        force: w.force || undefined,
    }
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as TrainRequest
}

function Heads({
    value,
    live,
    single,
    choose,
}: {
    value: string
    live: Version | undefined
    single: number
    choose: (head: string) => void
}) {
    return (
        <fieldset class="heads">
            <legend>{s.head}</legend>
            {HEADS.map((head) => (
                <label key={head} class={'head-choice' + (head === value ? ' on' : '')}>
                    <input
                        type="radio"
                        name="head"
                        value={head}
                        checked={head === value}
                        onChange={() => choose(head)}
                    />
                    <span>
                        <strong>{s.heads[head]}</strong>
                        <small>{head ? s.fits[head] : live ? s.keeps(live.head) : s.usual}</small>
                        {head === value && single > 0 && !FEW.includes(head) && (
                            <small class="error">{s.needsTwo(single)}</small>
                        )}
                    </span>
                </label>
            ))}
        </fieldset>
    )
}

type Fill = (change: Partial<Wish>) => void
type Wrong = Record<'threshold' | 'epochs' | 'min_accuracy' | 'seed', string | undefined>

function ThresholdFields({
    wish,
    fill,
    live,
    wrong,
}: {
    wish: Wish
    fill: Fill
    live: Version | undefined
    wrong: Wrong
}) {
    const chosen = live?.detail.threshold_rule === 'fixed'
    const options: [string, string][] = chosen
        ? [
              ['usual', s.thresholdKeep(figure(live.detail.threshold))],
              ['find', s.thresholdFind],
              ['fix', s.thresholdFix],
          ]
        : [
              ['usual', s.thresholdFind],
              ['fix', s.thresholdFix],
          ]
    return (
        <>
            <Field label={s.threshold} help={s.thresholdHelp}>
                <Select
                    value={wish.threshold}
                    change={(to) => fill({ threshold: to as Wish['threshold'] })}
                    options={options}
                />
            </Field>
            {wish.threshold === 'fix' && (
                <Field label={s.thresholdValue} help={s.thresholdValueHelp} error={wrong.threshold}>
                    <TextInput inputMode="decimal" required value={wish.fixed} change={(fixed) => fill({ fixed })} />
                </Field>
            )}
        </>
    )
}

function Advanced({
    wish,
    fill,
    live,
    network,
    wrong,
    system,
}: {
    wish: Wish
    fill: Fill
    live: Version | undefined
    network: boolean
    wrong: Wrong
    system: System | null
}) {
    return (
        <details class="advanced">
            <summary>{s.advanced}</summary>
            <div class="fields">
                {network && (
                    <Field label={s.epochs} help={s.epochsHelp} error={wrong.epochs}>
                        <TextInput inputMode="numeric" value={wish.epochs} change={(epochs) => fill({ epochs })} />
                    </Field>
                )}
                <ThresholdFields wish={wish} fill={fill} live={live} wrong={wrong} />
                <Field
                    label={s.minAccuracy}
                    help={s.minAccuracyHelp(system?.min_accuracy ? String(system.min_accuracy) : null)}
                    error={wrong.min_accuracy}
                >
                    <TextInput
                        inputMode="decimal"
                        value={wish.minAccuracy}
                        change={(minAccuracy) => fill({ minAccuracy })}
                    />
                </Field>
                <Field label={s.seed} help={s.seedHelp} error={wrong.seed}>
                    <TextInput inputMode="numeric" value={wish.seed} change={(seed) => fill({ seed })} />
                </Field>
            </div>
            <Check label={s.force} on={wish.force} change={(force) => fill({ force })} />
        </details>
    )
}

export function TrainForm({
    live,
    single,
    system,
    start,
}: {
    live: Version | undefined
    single: number // labels with one sample
    system: System | null
    start: (request: TrainRequest) => Promise<void>
}) {
    const [wish, setWish] = useState(NOTHING)
    const fill: Fill = (change) => setWish((w) => ({ ...w, ...change }))
    const network = (wish.head || live?.head) === 'mlp'
    return (
        <section class="card">
            <h2>{s.order}</h2>
            <Form submit={() => start(requestOf(wish, network))} save={s.start}>
                {(wrong) => (
                    <>
                        <Heads value={wish.head} live={live} single={single} choose={(head) => fill({ head })} />
                        <Field label={s.reason} help={s.reasonHelp} error={wrong('reason')}>
                            <TextInput value={wish.reason} maxLength={255} change={(reason) => fill({ reason })} />
                        </Field>
                        <Advanced
                            wish={wish}
                            fill={fill}
                            live={live}
                            network={network}
                            system={system}
                            wrong={{
                                threshold: wrong('threshold'),
                                epochs: wrong('epochs'),
                                min_accuracy: wrong('min_accuracy'),
                                seed: wrong('seed'),
                            }}
                        />
                    </>
                )}
            </Form>
        </section>
    )
}
