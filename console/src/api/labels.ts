// What people say about samples and labels: all of it can be taken back.
import { done } from '../app/toast'
import { t } from '../text'
import { api } from './client'
import type { Label } from './types'

/** An answer with the event that can be taken back; none where nothing was changed. */
export interface Told {
    event?: number | null
}

/** Takes back what was said or done. */
export async function undo(collection: number, what: Told): Promise<void> {
    if (what.event) await api.post(`/v1/collections/${collection}/undo`, { event: what.event })
}

/** Tells that something was done, with the way back; `after` shows the state of then. */
export function doneWithUndo(text: string, collection: number, after: () => void, what: Told | Told[]): void {
    done(text, async () => {
        for (const one of [what].flat().reverse()) await undo(collection, one)
        done(t.common.undone)
        after()
    })
}

/** These samples are this label's; one that is not there is made. */
export function setLabel(collection: number, samples: number[], to: { code: string; name?: string | undefined }) {
    return api.post<Told>(`/v1/collections/${collection}/samples/label`, {
        samples,
        label: to.code,
        ...(to.name ? { name: to.name } : {}),
    })
}

/** These samples are nobody's that is known. */
export function setNobody(collection: number, samples: number[]) {
    return api.post<Told>(`/v1/collections/${collection}/samples/label`, { samples })
}

/** These samples are not this label's, and are not suggested as such again. */
export function reject(collection: number, samples: number[], code: string) {
    return api.post<Told>(`/v1/collections/${collection}/samples/reject`, { samples, label: code })
}

/** A sample that is none: no face, no sound of interest. */
export function removeSample(sample: number) {
    return api.del(`/v1/samples/${sample}`)
}

export function renameLabel(label: number, to: { code: string; name: string }) {
    return api.patch<Label & Told>(`/v1/labels/${label}`, to)
}

export function mergeLabel(label: number, into: number) {
    return api.post<Told>(`/v1/labels/${label}/merge`, { into })
}

export function splitLabel(label: number, samples: number[], to: { code: string; name?: string | undefined }) {
    return api.post<Label & Told>(`/v1/labels/${label}/split`, {
        samples,
        code: to.code,
        ...(to.name ? { name: to.name } : {}),
    })
}
