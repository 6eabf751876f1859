// A job that this page orders, or finds running: its number stands in the address, so that a reload
// shows it again.
import { useEffect } from 'preact/hooks'
import { all, api, ApiError } from '../api/client'
import type { Job } from '../api/types'
import { useQuery } from '../app/router'
import { useJob, type Watched } from './job'

export interface Order {
    watched: Watched
    running: boolean
    start: (path: string, request: object) => Promise<void>
    forget: () => void
}

/** A job; null where there is none by now. */
async function readJob(id: string, signal: AbortSignal): Promise<Job | null> {
    try {
        return await api.get<Job>(`/v1/jobs/${id}`, {}, signal)
    } catch (e) {
        if (e instanceof ApiError && (e.status === 404 || e.status === 400)) return null
        throw e
    }
}

/** The newest of these kinds that waits or runs in a collection. */
async function findJob(collection: number, kinds: string[], signal?: AbortSignal): Promise<Job | undefined> {
    const lists = await Promise.all(
        ['running', 'queued'].map((state) => all<Job>('/v1/jobs', { collection, state }, signal)),
    )
    return lists.flat().find((job) => kinds.includes(job.kind))
}

/** Jobs of these kinds in a collection; `name` is what stands in the address for them. */
export function useOrder(collection: number, kinds: string[], name: string, ended?: (job: Job) => void): Order {
    const [asked, ask] = useQuery(name)
    const watched = useJob(asked ? Number(asked) : null, ended)
    const find = async (signal?: AbortSignal) => {
        const job = await findJob(collection, kinds, signal)
        if (job && !signal?.aborted) ask(String(job.id))
        return job
    }
    useEffect(() => {
        const left = new AbortController()
        const look = async () => {
            const job = asked ? await readJob(asked, left.signal) : null
            if (job?.collection !== collection && !(await find(left.signal)) && asked) ask('')
        }
        look().catch(() => {}) // what cannot be found is not shown
        return () => left.abort()
    }, [collection])
    const state = watched.job?.state
    return {
        watched,
        running: state === 'running' || state === 'queued',
        start: async (path, request) => {
            try {
                ask(String((await api.post<Job>(path, request)).id))
            } catch (e) {
                if (!(e instanceof ApiError && e.status === 409 && (await find()))) throw e // another one runs: it is shown
            }
        },
        forget: () => ask(''),
    }
}
