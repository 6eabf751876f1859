// Jobs in a table: what they do, how far they are, what they said, and a way to stop them.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Job, JobState, Page } from '../api/types'
import { useCollections } from '../app/collection'
import { Link } from '../app/router'
import { useMay } from '../app/session'
import { tell } from '../app/toast'
import { t } from '../text'
import { Dialog } from './dialog'
import { percent } from './face'
import { Await, type Loaded, useLoad } from './load'
import { When } from './time'

const goesOn = (job: Job) => job.state === 'running' || job.state === 'queued'

/** What a kind of job is called. */
function kindText(kind: string): string {
    return t.jobs.kind[kind] ?? kind
}

/** Jobs, newest first; asked for again every few seconds while one of them goes on. */
export function useJobs(query: Record<string, string | number | null>): Loaded<Page<Job>> {
    const jobs = useLoad((s) => api.get<Page<Job>>('/v1/jobs', query, s), [JSON.stringify(query)])
    const every = jobs.data?.items.some(goesOn) ? 2000 : 15000
    useEffect(() => {
        const timer = setInterval(() => !document.hidden && jobs.reload(), every)
        return () => clearInterval(timer)
    }, [every])
    return jobs
}

const badges: Record<JobState, string> = {
    queued: '',
    running: 'marked',
    done: 'known',
    failed: 'unknown',
    cancelled: 'doubtful',
}

function State({ job }: { job: Job }) {
    return (
        <>
            <span class={'badge ' + badges[job.state]}>{job.stopping ? t.jobs.stopping : t.jobs.state[job.state]}</span>
            {job.state === 'running' && (
                <div class="job-share">
                    <progress max={1} value={job.progress} aria-label={t.jobs.progress} />
                    <span>{percent(job.progress)}</span>
                </div>
            )}
            {job.error && <small class="error job-error">{job.error}</small>}
        </>
    )
}

function Where({ id }: { id: number | null }) {
    const all = useCollections().data ?? []
    if (id === null) return <>{t.jobs.whole}</>
    return <Link to={`/c/${id}`}>{all.find((c) => c.id === id)?.name ?? `#${id}`}</Link>
}

const pretty = (value: unknown) => JSON.stringify(value, null, 2)

/** What a job was asked, what it said and what came of it. */
function JobLog({ id, close }: { id: number; close: () => void }) {
    const read = useLoad(
        async (s) => {
            const [job, log] = await Promise.all([
                api.get<Job>(`/v1/jobs/${id}`, {}, s),
                api.text(`/v1/jobs/${id}/log`),
            ])
            return { job, log }
        },
        [id],
    )
    const on = read.data && goesOn(read.data.job)
    useEffect(() => {
        if (!on) return
        const timer = setInterval(read.reload, 2000)
        return () => clearInterval(timer)
    }, [on])
    return (
        <Dialog title={t.jobs.logOf(id, read.data ? kindText(read.data.job.kind) : '')} close={close} wide>
            <Await from={read}>
                {({ job, log }) => (
                    <>
                        <p>
                            <State job={job} /> <When at={job.finished ?? job.started ?? job.created} />
                        </p>
                        <h3>{t.jobs.log}</h3>
                        <pre tabIndex={0}>{log || t.jobs.noLog}</pre>
                        {job.request && (
                            <details>
                                <summary>{t.jobs.asked}</summary>
                                <pre tabIndex={0}>{pretty(job.request)}</pre>
                            </details>
                        )}
                        {job.result && (
                            <details>
                                <summary>{t.jobs.result}</summary>
                                <pre tabIndex={0}>{pretty(job.result)}</pre>
                            </details>
                        )}
                    </>
                )}
            </Await>
        </Dialog>
    )
}

export function JobTable({ jobs, label, changed }: { jobs: Job[]; label: string; changed: () => void }) {
    const enroll = useMay('enroll')
    const [logOf, showLogOf] = useState<number | null>(null)
    const stop = async (job: Job) => {
        if (await tell(api.post(`/v1/jobs/${job.id}/cancel`))) changed()
    }
    return (
        <>
            <div class="scroll" role="region" aria-label={label} tabIndex={0}>
                <table class="jobs">
                    <thead>
                        <tr>
                            <th scope="col">{t.jobs.what}</th>
                            <th scope="col">{t.shell.collection}</th>
                            <th scope="col">{t.common.status}</th>
                            <th scope="col" class="job-when">
                                {t.common.when}
                            </th>
                            <th scope="col">
                                <span class="visually-hidden">{t.common.more}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {jobs.map((job) => (
                            <tr key={job.id}>
                                <th scope="row">
                                    {kindText(job.kind)} <small>#{job.id}</small>
                                </th>
                                <td>
                                    <Where id={job.collection} />
                                </td>
                                <td>
                                    <State job={job} />
                                </td>
                                <td class="job-when">
                                    <When at={job.finished ?? job.started ?? job.created} />
                                </td>
                                <td>
                                    <div class="actions end one-line">
                                        {enroll && goesOn(job) && (
                                            <button
                                                type="button"
                                                class="small"
                                                disabled={job.stopping}
                                                aria-label={t.jobs.stop(`${kindText(job.kind)} #${job.id}`)}
                                                onClick={() => void stop(job)}
                                            >
                                                {t.common.stop}
                                            </button>
                                        )}
                                        <button
                                            type="button"
                                            class="small"
                                            aria-label={t.jobs.showLog(`${kindText(job.kind)} #${job.id}`)}
                                            onClick={() => showLogOf(job.id)}
                                        >
                                            {t.jobs.log}
                                        </button>
                                    </div>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            {logOf !== null && <JobLog id={logOf} close={() => showLogOf(null)} />}
        </>
    )
}
