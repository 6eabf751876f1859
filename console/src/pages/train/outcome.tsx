// What came of a training.
import { useState } from 'preact/hooks'
import type { CollectionFull, Job, Versions } from '../../api/types'
import { Link } from '../../app/router'
import { useMay } from '../../app/session'
import { Problem } from '../../parts/load'
import { t } from '../../text'
import { AnswerDialog } from './answering'
import { Changes } from './changes'
import { Evaluation } from './evaluation'
import { useLostFocus } from '../../parts/focus'
import { Log } from './progress'

function headline(version: number, promoted: boolean, live: number | null): string {
    if (live === version) return t.train.promoted(version)
    return promoted && live !== null ? t.train.back(version, live) : t.train.refused(version)
}

function Learned({
    collection,
    number,
    promoted,
    versions,
    changed,
}: {
    collection: CollectionFull
    number: number
    promoted: boolean
    versions: Versions
    changed: () => void
}) {
    const may = useMay('enroll')
    const [asks, ask] = useState<number | null>(null)
    const { live, previous } = versions
    const answers = live === number
    const version = versions.items.find((v) => v.version === number)
    const before = versions.items.find((v) => v.version === (answers ? previous : live))
    if (!version) return null
    return (
        <>
            <p role="status" class="outcome">
                <strong>{headline(number, promoted, live)}</strong>
            </p>
            {!answers && !promoted && <p>{live === null ? t.train.refusedNone : t.train.refusedLive(live)}</p>}
            <div class="actions after">
                {may && answers && previous !== null && (
                    <button type="button" onClick={() => ask(previous)}>
                        {t.answering.rollBack}
                    </button>
                )}
                {may && !answers && (
                    <button type="button" class="primary" onClick={() => ask(number)}>
                        {t.answering.promote}
                    </button>
                )}
                <Link to={`/c/${collection.id}/versions?open=${number}`} class="button">
                    {t.train.inVersions}
                </Link>
            </div>
            <Evaluation version={version} before={before} />
            {before && (
                <Changes
                    collection={collection.id}
                    modality={collection.modality}
                    version={number}
                    before={before.version}
                />
            )}
            {asks !== null && (
                <AnswerDialog
                    collection={collection.id}
                    version={asks}
                    live={live}
                    changed={changed}
                    close={() => ask(null)}
                />
            )}
        </>
    )
}

/** `job` is over. */
export function Outcome({
    job,
    log,
    collection,
    versions,
    changed,
}: {
    job: Job
    log: string[]
    collection: CollectionFull
    versions: Versions
    changed: () => void
}) {
    const result = job.result as {
        version?: number
        promoted?: boolean
        trained?: boolean
        new_samples?: number
    } | null
    const at = useLostFocus<HTMLHeadingElement>()
    return (
        <section>
            <h2 ref={at} class="now" tabIndex={-1}>
                {t.train.outcome}
            </h2>
            {job.state === 'failed' && (
                <>
                    <Problem error={new Error(job.error ?? t.train.failed)} />
                    <p>{t.train.failedHow}</p>
                </>
            )}
            {job.state === 'cancelled' && <p role="status">{t.train.cancelled}</p>}
            {result?.trained === false && <p role="status">{t.train.notDue(result.new_samples ?? 0)}</p>}
            {result?.version !== undefined && (
                <Learned
                    collection={collection}
                    number={result.version}
                    promoted={!!result.promoted}
                    versions={versions}
                    changed={changed}
                />
            )}
            <Log lines={log} />
        </section>
    )
}
