// What Train and Settings know of a collection and its server.
import { all, api } from '../../api/client'
import type { CollectionFull, Label, System, Trigger, Versions } from '../../api/types'
import { readSystem, readTrigger } from './automatic'

export interface Known {
    collection: CollectionFull
    labels: Label[]
    versions: Versions
    system: System | null
    trigger: Trigger
}

export async function readKnown(id: number, signal: AbortSignal): Promise<Known> {
    const [collection, labels, versions, system] = await Promise.all([
        api.get<CollectionFull>(`/v1/collections/${id}`, {}, signal),
        all<Label>(`/v1/collections/${id}/labels`, { grouped: false }, signal),
        api.get<Versions>(`/v1/collections/${id}/versions`, {}, signal),
        readSystem(signal),
    ])
    return { collection, labels, versions, system, trigger: await readTrigger(id, system, signal) }
}
