// What the quality gate asked, in plain words.
import type { GateCheck, VersionDetail } from '../../api/types'
import { figure } from '../../parts/face'
import { t } from '../../text'
import { share } from './figures'

const e = t.evaluation

function told(k: GateCheck): string {
    if (k.value === null || k.limit === null) return ''
    if (k.name === 'min_accuracy') return e.told.min_accuracy(share(k.value), share(k.limit))
    if (k.name === 'live') return e.told.live(share(k.value), share(k.limit))
    if (k.name === 'left_out') return e.told.left_out(share(k.value), share(k.limit))
    const text = e.told.canary(figure(k.value), figure(k.limit))
    return k.passed && k.value >= k.limit ? `${text} ${e.told.canaryPassed}` : text
}

/** What the server remarks, as a sentence of its own. */
function sentence(note: string): string {
    return note.charAt(0).toLocaleUpperCase('en') + note.slice(1) + (/[.!?]$/.test(note) ? '' : '.')
}

function Outcome({ check }: { check: GateCheck }) {
    if (check.passed) return <span class="badge known">{e.outcomes.passed}</span>
    if (check.warning) return <span class="badge doubtful">{e.outcomes.warning}</span>
    return <span class="badge unknown">{e.outcomes.refused}</span>
}

function gateText(gate: VersionDetail['gate']): string {
    if (!gate) return e.gateNone
    return gate.passed ? e.gatePassed : gate.forced ? e.gateForced : e.gateRefused
}

export function Gate({ gate }: { gate: VersionDetail['gate'] }) {
    return (
        <section class="card">
            <h3>{e.gate}</h3>
            <p>{gateText(gate)}</p>
            {gate && gate.checks.length > 0 && (
                <div class="scroll" role="region" aria-label={e.gate} tabIndex={0}>
                    <table class="gate">
                        <thead>
                            <tr>
                                <th scope="col">{e.check}</th>
                                <th scope="col">{e.outcome}</th>
                                <th scope="col">{e.found}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {gate.checks.map((k) => (
                                <tr key={k.name}>
                                    <th scope="row">{e.checks[k.name] ?? k.name}</th>
                                    <td>
                                        <Outcome check={k} />
                                    </td>
                                    <td>
                                        {told(k)} {k.note && sentence(k.note)}
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
        </section>
    )
}
