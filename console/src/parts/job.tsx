// Long work: its progress as it goes on, and a way to stop it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, listen } from '../api/client'
import type { Epoch, Job } from '../api/types'
import { tell } from '../app/toast'
import { t } from '../text'

export interface Watched {
    job: Job | undefined
    log: string[]
    epochs: Epoch[]
    stage: string
}

const EPOCH = /^Epoch (\d+)\/(\d+): loss: ([\d.]+), acc: ([\d.]+)(?:, val_loss: ([\d.]+), val_acc: ([\d.]+))?/

/** An epoch, as the log tells it. */
function epochOf(line: string): Epoch[] {
    const m = EPOCH.exec(line)
    if (!m) return []
    const [epoch, epochs, loss, accuracy] = m.slice(1, 5).map(Number) as [number, number, number, number]
    const held = m[5] !== undefined
    return [
        {
            epoch,
            epochs,
            loss,
            accuracy,
            val_loss: held ? Number(m[5]) : null,
            val_accuracy: held ? Number(m[6]) : null,
        },
    ]
}

/** With what was said before the stream began. */
function caughtUp(s: Watched, text: string): Watched {
    const said = text.split('\n').filter(Boolean)
    const from = s.log.length ? said.lastIndexOf(s.log[0]!) : -1
    const before = from < 0 ? said : said.slice(0, from)
    const first = s.epochs[0]?.epoch ?? Infinity
    return {
        ...s,
        log: [...before, ...s.log].slice(-LINES),
        epochs: [...said.flatMap(epochOf).filter((e) => e.epoch < first), ...s.epochs],
    }
}

const LINES = 1000 // of the log that are kept

const over = (job: Job) => job.state === 'done' || job.state === 'failed' || job.state === 'cancelled'

/** Follows a job; `ended` is called once, when it is over (also when it was before). */
export function useJob(id: number | null, ended?: (job: Job) => void): Watched {
    const [state, set] = useState<Watched>({ job: undefined, log: [], epochs: [], stage: '' })
    const end = useRef(ended)
    end.current = ended
    useEffect(() => {
        set({ job: undefined, log: [], epochs: [], stage: '' })
        if (id === null) return
        let told = false
        let stop = () => {}
        const take = (job: Job) => {
            set((s) => ({ ...s, job }))
            if (!over(job) || told) return
            told = true
            stop()
            clearInterval(timer)
            end.current?.(job)
        }
        const look = () => void api.get<Job>(`/v1/jobs/${id}`).then(take, () => {}) // the timer asks again
        stop = listen(`/v1/jobs/${id}/stream`, {
            state: (d) => take(d as Job),
            progress: (d) => {
                const p = d as { stage: string; done: number; total: number }
                const share = p.total ? p.done / p.total : 0
                set((s) => ({ ...s, stage: p.stage, job: s.job && { ...s.job, state: 'running', progress: share } }))
            },
            epoch: (d) => set((s) => ({ ...s, epochs: [...s.epochs, d as Epoch] })),
            log: (d) => set((s) => ({ ...s, log: [...s.log.slice(1 - LINES), (d as { line: string }).line] })),
        })
        const timer = setInterval(look, 2000)
        const left = new AbortController()
        api.text(`/v1/jobs/${id}/log`).then(
            (text) => left.signal.aborted || set((s) => caughtUp(s, text)),
            () => {}, // what comes is told all the same
        )
        return () => {
            left.abort()
            stop()
            clearInterval(timer)
        }
    }, [id])
    return state
}

/** A bar with what is going on. */
export function JobProgress({ watched, what }: { watched: Watched; what: string }) {
    const job = watched.job
    if (!job || over(job)) return null
    return (
        <div class="job" role="group" aria-label={what}>
            <div class="job-text">
                <span>{what}</span>
                <span class="quiet">
                    {job.stopping ? t.jobs.stopping : job.state === 'queued' ? t.jobs.queued : watched.stage}
                </span>
            </div>
            <progress max={1} value={job.state === 'queued' ? undefined : job.progress} aria-label={what} />
            <button
                type="button"
                disabled={job.stopping}
                onClick={() => void tell(api.post(`/v1/jobs/${job.id}/cancel`))}
            >
                {t.common.stop}
            </button>
        </div>
    )
}
