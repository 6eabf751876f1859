// What is set for the whole server, and vectors under another of its packs.
import { useState } from 'preact/hooks'
import type { CollectionFull, Pack, System, Trigger } from '../../api/types'
import { useMay } from '../../app/session'
import { Field, Form, Select } from '../../parts/form'
import { JobProgress } from '../../parts/job'
import { Problem } from '../../parts/load'
import { useOrder } from '../../parts/order'
import { t } from '../../text'
import { automaticTexts } from '../train/automatic'

const s = t.settings

const SETTINGS = ['trigger', 'schedule', 'schedule_trigger', 'min_accuracy'] as const

function SettingsTable({ system }: { system: System }) {
    return (
        <div class="scroll" role="region" aria-label={s.automatic} tabIndex={0}>
            <table class="server-settings">
                <thead>
                    <tr>
                        <th scope="col">{s.setting}</th>
                        <th scope="col">{s.value}</th>
                        <th scope="col">{s.meaning}</th>
                    </tr>
                </thead>
                <tbody>
                    {SETTINGS.map((name) => (
                        <tr key={name}>
                            <th scope="row">
                                <code>{name}</code>
                            </th>
                            <td>{system[name] ?? <span class="quiet">{s.notSet}</span>}</td>
                            <td>{s.set[name]}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

export function Automatic({ system, trigger }: { system: System | null; trigger: Trigger }) {
    return (
        <section class="card">
            <h2>{s.automatic}</h2>
            <p>{s.automaticText}</p>
            {automaticTexts(trigger, system).map((text) => (
                <p key={text}>{text}</p>
            ))}
            {system ? <SettingsTable system={system} /> : <p>{s.notTold}</p>}
            <p>{s.lines}</p>
            <pre tabIndex={0}>{s.conf.join('\n')}</pre>
        </section>
    )
}

interface Computed {
    pack: string
    samples: number
    errors: number
}

/** The packs that could give this collection other vectors. */
function otherPacks(collection: CollectionFull, system: System | null): Pack[] {
    return (system?.packs ?? []).filter((p) => p.modality === collection.modality && p.name !== collection.encoder)
}

function about(pack: Pack | undefined): string | undefined {
    return pack && [pack.summary, s.values(pack.dimension), pack.licence].filter(Boolean).join(' · ')
}

function Barred({ packs }: { packs: Pack[] }) {
    if (!packs.length) return null
    return (
        <details>
            <summary>{s.barred(packs.length)}</summary>
            <ul>
                {packs.map((p) => (
                    <li key={p.name}>
                        {p.name}: {p.why}
                    </li>
                ))}
            </ul>
        </details>
    )
}

export function Vectors({ collection, system }: { collection: CollectionFull; system: System | null }) {
    const may = useMay('enroll')
    const order = useOrder(collection.id, ['embed'], 'embed')
    const { job } = order.watched
    const packs = otherPacks(collection, system)
    const usable = packs.filter((p) => p.usable)
    const [chosen, choose] = useState('')
    const pack = chosen || usable[0]?.name || ''
    const computed = job?.state === 'done' ? (job.result as unknown as Computed) : null
    return (
        <section class="card">
            <h2>{s.vectors}</h2>
            <p>{s.vectorsText}</p>
            {may && usable.length > 0 && !order.running && (
                <Form submit={() => order.start(`/v1/collections/${collection.id}/embed`, { pack })} save={s.compute}>
                    {(wrong) => (
                        <Field label={s.pack} error={wrong('pack')} help={about(usable.find((p) => p.name === pack))}>
                            <Select value={pack} change={choose} options={usable.map((p) => [p.name, p.name])} />
                        </Field>
                    )}
                </Form>
            )}
            {!usable.length && <p>{s.noPack}</p>}
            <Barred packs={packs.filter((p) => !p.usable)} />
            <JobProgress watched={order.watched} what={s.computing} />
            {job?.state === 'failed' && <Problem error={new Error(job.error ?? s.computeFailed)} />}
            {computed && (
                <p role="status">
                    {s.computed(computed.samples, computed.pack)}{' '}
                    {computed.errors > 0 && s.computedErrors(computed.errors)}
                </p>
            )}
        </section>
    )
}
