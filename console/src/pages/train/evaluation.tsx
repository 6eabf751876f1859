// What was measured of a version: the same view after a training and in the history.
import { useMemo } from 'preact/hooks'
import type { Version } from '../../api/types'
import { t } from '../../text'
import { Beside } from './beside'
import { Classes } from './classes'
import { Confusion } from './confusion'
import { Curves, epochsOf } from './curves'
import { Gate } from './gate'
import { Thresholds } from './thresholds'

const e = t.evaluation

/** With `before` its figures stand beside another version's. */
export function Evaluation({ version, before }: { version: Version; before?: Version | undefined }) {
    const { evaluation, history, gate, threshold, classes, best_epoch } = version.detail
    const epochs = useMemo(() => (history ? epochsOf(history) : []), [history])
    return (
        <div class="evaluation">
            <section class="card">
                <h3>{e.figures}</h3>
                <Beside version={version} before={before} />
            </section>
            <Gate gate={gate} />
            {evaluation ? (
                <>
                    <section class="card">
                        <h3>{e.thresholds}</h3>
                        <Thresholds rows={evaluation.thresholds} at={threshold} />
                    </section>
                    <Classes rows={evaluation.per_class} />
                    <Confusion classes={classes} confusion={evaluation.confusion} />
                </>
            ) : (
                <p class="note">
                    {e.missing} {e.missingHow}
                </p>
            )}
            {epochs.length > 0 && <Curves epochs={epochs} best={best_epoch} />}
        </div>
    )
}
