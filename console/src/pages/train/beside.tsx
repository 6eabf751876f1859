// The figures of one version, or of two side by side.
import type { Version } from '../../api/types'
import { figure, percent } from '../../parts/face'
import { when } from '../../parts/when'
import { t } from '../../text'

const e = t.evaluation

type Row = [name: string, told: (v: Version) => string, number?: (v: Version) => number | undefined, percents?: boolean]

const rows: Row[] = [
    [e.rows.accuracy, (v) => measured(v.detail.metrics.accuracy, 1), (v) => v.detail.metrics.accuracy, true],
    [e.rows.macroF1, (v) => measured(v.detail.metrics.macro_f1, 1), (v) => v.detail.metrics.macro_f1, true],
    [e.rows.heldOut, (v) => count(v.detail.metrics.held_out ?? 0), (v) => v.detail.metrics.held_out],
    [e.rows.labels, (v) => count(v.detail.classes.length), (v) => v.detail.classes.length],
    [e.rows.samples, (v) => count(v.detail.samples), (v) => v.detail.samples],
    [e.rows.threshold, (v) => figure(v.detail.threshold), (v) => v.detail.threshold],
    [e.rows.rule, (v) => e.rules[v.detail.threshold_rule] ?? v.detail.threshold_rule],
    [e.rows.floor, (v) => figure(v.detail.floor), (v) => v.detail.floor],
    [e.rows.head, (v) => v.head],
    [e.rows.epochs, (v) => (v.detail.epochs ? e.epochs(v.detail.epochs, v.detail.best_epoch) : '')],
    [e.rows.reason, (v) => v.detail.reason],
    [e.rows.seed, (v) => String(v.detail.seed)],
    [e.rows.created, (v) => (v.created ? when(v.created) : '')],
]

function measured(x: number | undefined, digits: number): string {
    return x === undefined ? e.notMeasured : percent(x, digits)
}

function count(n: number): string {
    return n.toLocaleString('en')
}

function difference(row: Row, a: Version, b: Version): string {
    const [from, to] = [row[2]?.(a), row[2]?.(b)]
    if (from === undefined || to === undefined) return ''
    const d = (row[3] ? 100 : 1) * (to - from)
    if (Math.abs(d) < 0.005) return '='
    const digits = row[3] ? 1 : Number.isInteger(d) ? 0 : 2
    return `${d > 0 ? '+' : '−'}${Math.abs(d).toFixed(digits)}`
}

/** With `before` the other one stands to its left. */
export function Beside({ version, before }: { version: Version; before?: Version | undefined }) {
    const shown = rows.filter(([, told]) => told(version) || (before && told(before)))
    return (
        <div class="scroll" role="region" aria-label={e.figures} tabIndex={0}>
            <table class="beside">
                <thead>
                    <tr>
                        <th scope="col">{e.figure}</th>
                        {before && (
                            <th scope="col" class="number">
                                {e.version(before.version)}
                            </th>
                        )}
                        <th scope="col" class="number">
                            {e.version(version.version)}
                        </th>
                        {before && (
                            <th scope="col" class="number">
                                {e.difference}
                            </th>
                        )}
                    </tr>
                </thead>
                <tbody>
                    {shown.map((row) => (
                        <tr key={row[0]}>
                            <th scope="row">{row[0]}</th>
                            {before && <td class="number">{row[1](before) || '–'}</td>}
                            <td class="number">{row[1](version) || '–'}</td>
                            {before && <td class="number">{difference(row, before, version)}</td>}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}
