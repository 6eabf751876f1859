// How a network learned, epoch by epoch: while it does, and afterwards.
import { useMemo } from 'preact/hooks'
import type { Epoch, VersionDetail } from '../../api/types'
import { Chart, type Line } from '../../parts/chart'
import { figure, percent } from '../../parts/face'
import { t } from '../../text'

const e = t.evaluation

/** The epochs that a version remembers. */
export function epochsOf(history: NonNullable<VersionDetail['history']>): Epoch[] {
    return history.loss.map((loss, i) => ({
        epoch: i + 1,
        epochs: history.loss.length,
        loss,
        accuracy: history.accuracy[i] ?? 0,
        val_loss: history.val_loss[i] ?? null,
        val_accuracy: history.val_accuracy[i] ?? null,
    }))
}

function linesOf(epochs: Epoch[], own: keyof Epoch, held: keyof Epoch, names: [string, string]): Line[] {
    const lines: Line[] = [{ name: names[0], y: epochs.map((p) => p[own]), colour: 'one' }]
    if (epochs.some((p) => p[held] !== null))
        lines.push({ name: names[1], y: epochs.map((p) => p[held]), colour: 'two', dashed: true })
    return lines
}

function Table({ epochs }: { epochs: Epoch[] }) {
    return (
        <div class="scroll" role="region" aria-label={e.curves} tabIndex={0}>
            <table>
                <thead>
                    <tr>
                        {[e.epoch, e.lossTraining, e.lossHeld, e.accuracyTraining, e.accuracyHeld].map((text) => (
                            <th key={text} scope="col" class="number">
                                {text}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {epochs.map((p) => (
                        <tr key={p.epoch}>
                            <th scope="row" class="number">
                                {p.epoch}
                            </th>
                            <td class="number">{figure(p.loss, 4)}</td>
                            <td class="number">{figure(p.val_loss, 4)}</td>
                            <td class="number">{percent(p.accuracy, 1)}</td>
                            <td class="number">{percent(p.val_accuracy, 1)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

/** `best` is the epoch whose weights were kept, once it is known. */
export function Curves({ epochs, best }: { epochs: Epoch[]; best?: number | undefined }) {
    const { x, loss, accuracy, marks } = useMemo(
        () => ({
            x: epochs.map((p) => p.epoch),
            loss: linesOf(epochs, 'loss', 'val_loss', [e.lossTraining, e.lossHeld]),
            accuracy: linesOf(epochs, 'accuracy', 'val_accuracy', [e.accuracyTraining, e.accuracyHeld]),
            marks: best ? [{ x: best, text: e.best(best) }] : [],
        }),
        [epochs, best],
    )
    const last = epochs[epochs.length - 1]
    if (!last) return null
    return (
        <section class="card">
            <h3>{best ? e.curves : e.curvesNow}</h3>
            <p>
                {e.curvesSummary(
                    last.epoch,
                    last.epochs,
                    figure(last.val_loss ?? last.loss, 3),
                    percent(last.val_accuracy ?? last.accuracy, 1),
                )}
            </p>
            <div class="curves">
                <Chart label={e.loss} x={x} lines={loss} marks={marks} xName={e.epoch} height={200} />
                <Chart
                    label={e.accuracy}
                    x={x}
                    lines={accuracy}
                    marks={marks}
                    xName={e.epoch}
                    height={200}
                    range={[0, 1.02]}
                />
            </div>
            <details>
                <summary>{e.asTable}</summary>
                <Table epochs={epochs} />
            </details>
        </section>
    )
}
