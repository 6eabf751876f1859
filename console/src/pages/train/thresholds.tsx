// What each threshold would do to held-out samples and to strangers.
import { useMemo } from 'preact/hooks'
import type { ThresholdRow } from '../../api/types'
import { Chart, type Line } from '../../parts/chart'
import { figure, percent } from '../../parts/face'
import { t } from '../../text'
import { share, withStrangers } from './figures'

const e = t.evaluation

function Table({ rows, strangers }: { rows: ThresholdRow[]; strangers: boolean }) {
    return (
        <div class="scroll" role="region" aria-label={e.thresholds} tabIndex={0}>
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="number">
                            {e.threshold}
                        </th>
                        <th scope="col" class="number">
                            {e.accuracyLine}
                        </th>
                        <th scope="col" class="number">
                            {e.coverageLine}
                        </th>
                        {strangers && (
                            <th scope="col" class="number">
                                {e.falseLine}
                            </th>
                        )}
                    </tr>
                </thead>
                <tbody>
                    {rows.map((r) => (
                        <tr key={r.threshold}>
                            <th scope="row" class="number">
                                {figure(r.threshold)}
                            </th>
                            <td class="number">{r.accepted ? percent(r.accuracy, 1) : '–'}</td>
                            <td class="number">
                                {percent(r.coverage, 1)} ({e.accepted(r.accepted, r.total)})
                            </td>
                            {strangers && (
                                <td class="number">
                                    {r.strangers
                                        ? `${share((r.named ?? 0) / r.strangers)} (${e.accepted(r.named ?? 0, r.strangers)})`
                                        : '–'}
                                </td>
                            )}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

/** `at` is the version's own threshold. */
export function Thresholds({ rows, at }: { rows: ThresholdRow[]; at: number }) {
    const strangers = withStrangers(rows).length > 0
    const { x, lines, marks } = useMemo(() => {
        const lines: Line[] = [
            { name: e.accuracyLine, y: rows.map((r) => (r.accepted ? r.accuracy : null)), colour: 'one' },
            { name: e.coverageLine, y: rows.map((r) => r.coverage), colour: 'three', dashed: true },
        ]
        if (strangers)
            lines.push({
                name: e.falseLine,
                y: rows.map((r) => (r.strangers ? (r.named ?? 0) / r.strangers : null)),
                colour: 'two',
            })
        return { x: rows.map((r) => r.threshold), lines, marks: [{ x: at, text: e.thresholdsMark(figure(at)) }] }
    }, [rows, at])
    const [low, high] = [x[0] ?? 0, x[x.length - 1] ?? 1]
    return (
        <>
            <p>{e.thresholdsText}</p>
            {at < low && <p>{e.thresholdsBelow(figure(at))}</p>}
            {at > high && <p>{e.thresholdsAbove(figure(at))}</p>}
            <Chart label={e.thresholds} x={x} lines={lines} marks={marks} range={[0, 1.02]} xName={e.threshold} />
            {!strangers && <p class="quiet">{e.noStrangers}</p>}
            <details>
                <summary>{e.asTable}</summary>
                <Table rows={rows} strangers={strangers} />
            </details>
        </>
    )
}
