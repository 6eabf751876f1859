// Which answers differ between two versions: asked for when wanted, for it asks about every sample.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Modality, VersionAnswer, VersionChanges } from '../../api/types'
import { Link } from '../../app/router'
import { Face, labelText, percent } from '../../parts/face'
import { Await, useLoad } from '../../parts/load'
import { t } from '../../text'
import { useName } from './names'

const c = t.changes

const FIRST = 60
const MOST = 1000

function answerText(a: VersionAnswer): string {
    if (!a.label) return t.decisions[a.decision] ?? a.decision
    const name = labelText(a.label, a.name)
    return a.decision === 'known'
        ? c.answer(name, percent(a.probability))
        : c.candidate(t.decisions[a.decision] ?? a.decision, name, percent(a.probability))
}

function Verdict({ item }: { item: VersionChanges['items'][number] }) {
    if (!item.code) return null
    const right = (a: VersionAnswer) => a.decision === 'known' && a.label === item.code
    if (right(item.after) && !right(item.before)) return <span class="badge known">{c.better}</span>
    if (right(item.before) && !right(item.after)) return <span class="badge unknown">{c.worse}</span>
    return null
}

function Sample({
    collection,
    modality,
    item,
}: {
    collection: number
    modality: Modality
    item: VersionChanges['items'][number]
}) {
    return (
        <Link to={`/c/${collection}/m/${item.media}`} class="changed-sample">
            {modality === 'face' ? (
                <Face sample={item.sample} size={56} alt={c.picture(item.sample)} />
            ) : (
                c.recording(item.media)
            )}
        </Link>
    )
}

function Table({ collection, modality, told }: { collection: number; modality: Modality; told: VersionChanges }) {
    const name = useName()
    return (
        <div class="scroll" role="region" aria-label={c.title} tabIndex={0}>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{c.sample}</th>
                        <th scope="col">{c.before(told.with)}</th>
                        <th scope="col">{c.after(told.version)}</th>
                        <th scope="col">{c.said}</th>
                    </tr>
                </thead>
                <tbody>
                    {told.items.map((item) => (
                        <tr key={item.sample}>
                            <th scope="row">
                                <Sample collection={collection} modality={modality} item={item} />
                            </th>
                            <td>{answerText(item.before)}</td>
                            <td>{answerText(item.after)}</td>
                            <td>
                                {item.code ? name(item.code) : <span class="quiet">{c.nothing}</span>}{' '}
                                <Verdict item={item} />
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

interface ChangesProps {
    collection: number
    modality: Modality
    version: number
    before: number
}

function Told({ collection, modality, version, before }: ChangesProps) {
    const [limit, setLimit] = useState(FIRST)
    const told = useLoad(
        (s) =>
            api.get<VersionChanges>(
                `/v1/collections/${collection}/versions/${version}/changes`,
                { with: before, limit },
                s,
            ),
        [collection, version, before, limit],
    )
    return (
        <Await from={told}>
            {(d) => (
                <>
                    <p role="status">
                        {d.changed ? c.some(d.changed, d.asked) : c.none(d.asked)}{' '}
                        {d.labelled > 0 && c.right(d.right_before, d.right_after, d.labelled)}
                    </p>
                    <p class="quiet">{c.learned}</p>
                    {d.items.length > 0 && <Table collection={collection} modality={modality} told={d} />}
                    {d.items.length < d.changed && limit < MOST && (
                        <button type="button" disabled={told.busy} onClick={() => setLimit(Math.min(MOST, 4 * limit))}>
                            {c.more}
                        </button>
                    )}
                </>
            )}
        </Await>
    )
}

export function Changes(props: ChangesProps) {
    const asked = `${props.version} ${props.before}`
    const [shown, show] = useState('')
    return (
        <section class="card">
            <h3>{c.title}</h3>
            {shown === asked ? (
                <Told {...props} />
            ) : (
                <>
                    <p>{c.lookText(props.before, props.version)}</p>
                    <button type="button" onClick={() => show(asked)}>
                        {c.look}
                    </button>
                </>
            )}
        </section>
    )
}
