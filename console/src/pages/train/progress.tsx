// A training as it goes on.
import { JobProgress, type Watched } from '../../parts/job'
import { t } from '../../text'
import { Curves } from './curves'
import { useLostFocus } from '../../parts/focus'

export function Log({ lines }: { lines: string[] }) {
    if (!lines.length) return null
    return (
        <details>
            <summary>{t.train.log(lines.length)}</summary>
            <pre class="log" tabIndex={0}>
                {lines.join('\n')}
            </pre>
        </details>
    )
}

export function Progress({ watched }: { watched: Watched }) {
    const at = useLostFocus<HTMLDivElement>()
    return (
        <div ref={at} class="now" tabIndex={-1}>
            <JobProgress watched={watched} what={t.train.running} />
            {watched.job?.state === 'queued' && <p role="status">{t.train.queued}</p>}
            {watched.epochs.length > 0 && <Curves epochs={watched.epochs} />}
            <Log lines={watched.log} />
        </div>
    )
}
