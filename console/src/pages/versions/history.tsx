// All versions, newest first.
import type { Version, VersionDetail, Versions } from '../../api/types'
import { percent } from '../../parts/face'
import { when } from '../../parts/when'
import { t } from '../../text'

const s = t.versions

function GateBadge({ gate }: { gate: VersionDetail['gate'] }) {
    if (!gate) return <span class="quiet">{s.notAsked}</span>
    if (gate.passed) return <span class="badge known">{s.passed}</span>
    if (gate.forced) return <span class="badge doubtful">{s.forced}</span>
    return <span class="badge unknown">{s.refused}</span>
}

interface HistoryProps {
    versions: Versions
    open: string // number of the one that is looked at
    look: (version: number) => void
    answer: ((version: number) => void) | null // null: may not
}

function Row({ v, versions, open, look, answer }: HistoryProps & { v: Version }) {
    const { version, created, head, detail } = v
    const live = version === versions.live
    return (
        <tr class={String(version) === open ? 'open' : ''}>
            <th scope="row">
                <button
                    type="button"
                    class="small"
                    aria-expanded={String(version) === open}
                    onClick={() => look(version)}
                >
                    {s.one(version)}
                </button>
                {live && <span class="badge marked">{s.live}</span>}
                {version === versions.previous && <span class="badge">{s.previous}</span>}
            </th>
            <td class="when">{created ? when(created) : '–'}</td>
            <td>{head}</td>
            <td class="number">{detail.classes.length.toLocaleString('en')}</td>
            <td class="number">{detail.samples.toLocaleString('en')}</td>
            <td class="number">{detail.epochs ?? '–'}</td>
            <td class="number">{percent(detail.metrics.accuracy, 1)}</td>
            <td>
                <GateBadge gate={detail.gate} />
            </td>
            <td class="reason">{detail.reason}</td>
            <td>
                {answer && !live && (
                    <button type="button" class="small" aria-label={s.answer(version)} onClick={() => answer(version)}>
                        {t.answering.promote}
                    </button>
                )}
            </td>
        </tr>
    )
}

const columns: [text: string, number: boolean][] = [
    [s.version, false],
    [s.date, false],
    [s.head, false],
    [s.labels, true],
    [s.samples, true],
    [s.epochs, true],
    [s.accuracy, true],
    [s.gate, false],
    [s.reason, false],
]

export function History(props: HistoryProps) {
    return (
        <section class="card">
            <h2>{s.history}</h2>
            <div class="scroll" role="region" aria-label={s.history} tabIndex={0}>
                <table class="history">
                    <thead>
                        <tr>
                            {columns.map(([text, number]) => (
                                <th key={text} scope="col" class={number ? 'number' : ''}>
                                    {text}
                                </th>
                            ))}
                            <th scope="col">
                                <span class="visually-hidden">{t.common.more}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {props.versions.items.map((v) => (
                            <Row key={v.version} v={v} {...props} />
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    )
}
