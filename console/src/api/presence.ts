// Who was in which session.
import { api } from './client'

export type Said = boolean | null

/** Says that somebody was there, was not, or (null) takes back what was said; without `day` it is the
 *  session's. */
export function say(session: number, label: number, said: Said, day?: string): Promise<unknown> {
    const path = `/v1/sessions/${session}/attendance/${label}`
    return said === null ? api.del(path, { day }) : api.put(path, { present: said, day })
}
