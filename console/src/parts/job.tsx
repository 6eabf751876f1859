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
    const look = async () => {
      const job = await api.get<Job>(`/v1/jobs/${id}`)
      set((s) => ({ ...s, job }))
      if (over(job) && !told) {
        told = true
        stop()
        clearInterval(timer)
        end.current?.(job)
      }
    }
    const look2 = () => void look().catch(() => {}) // the timer asks again
    stop = listen(`/v1/jobs/${id}/stream`, {
      progress: (d) => {
        const p = d as { stage?: string; progress?: number }
        set((s) => ({
          ...s,
          stage: p.stage ?? s.stage,
          job: s.job && { ...s.job, state: 'running', progress: p.progress ?? s.job.progress },
        }))
      },
      epoch: (d) => set((s) => ({ ...s, epochs: [...s.epochs, d as Epoch] })),
      log: (d) => set((s) => ({ ...s, log: [...s.log.slice(-199), (d as { line: string }).line] })),
      end: look2,
      done: look2,
    })
    const timer = setInterval(look2, 2000)
    look2()
    return () => {
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
      <button type="button" disabled={job.stopping} onClick={() => void tell(api.post(`/v1/jobs/${job.id}/cancel`))}>
        {t.common.stop}
      </button>
    </div>
  )
}
