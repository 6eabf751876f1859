// What the server does by itself; only Train and Settings tell of it.
import { api, ApiError } from '../../api/client'
import type { System, Trigger } from '../../api/types'
import { t } from '../../text'

/** The server's settings; null where it does not tell them. */
export async function readSystem(signal?: AbortSignal): Promise<System | null> {
    try {
        return await api.get<System>('/v1/system', {}, signal)
    } catch (e) {
        if (e instanceof ApiError && (e.status === 404 || e.status === 403)) return null
        throw e
    }
}

export function readTrigger(collection: number, system: System | null, signal?: AbortSignal): Promise<Trigger> {
    return api.get<Trigger>(
        `/v1/collections/${collection}/trigger`,
        { min_new_samples: system?.trigger ?? null },
        signal,
    )
}

/** How far the next training is that begins by itself. */
export function automaticTexts(trigger: Trigger, system: System | null): string[] {
    const s = t.train
    if (!system) return [s.fresh(trigger.new_samples)]
    return [
        system.trigger ? s.automatic(trigger.new_samples, system.trigger) : s.fresh(trigger.new_samples),
        ...(system.schedule ? [s.scheduled(system.schedule, system.schedule_trigger ?? 50)] : []),
        ...(system.trigger || system.schedule ? [] : [s.byHand]),
    ]
}
