// What one face of a frame means: its colour, its name, its word.
import type { Attendance } from '../../api/types'
import type { Boxed } from '../../parts/photo'
import { labelText, percent } from '../../parts/face'
import { clock } from '../../parts/when'
import { t } from '../../text'
import type { Result } from './result'
import type { FaceFrame, LiveSample } from './types'

/** What is known of the session beside the frame; without a session nobody is marked. */
export interface Marks {
    of: (code: string) => Attendance | undefined
    justNow: (code: string) => boolean
}

export interface Seen {
    kind: Boxed['kind']
    name: string
    word: string
    percent: string
    fresh: boolean
}

function known(s: LiveSample, code: string, marks: Marks | null): Seen {
    const it = s.candidates.find((c) => c.label === code)
    const name = labelText(code, s.label === code ? s.name : (it?.name ?? null))
    const seen: Seen = { kind: 'known', name, word: t.live.known, percent: percent(it?.probability), fresh: false }
    if (!marks) return seen
    const mark = marks.of(code)
    if (marks.justNow(code)) return { ...seen, word: t.live.marked, fresh: true }
    if (mark && !mark.present) return { ...seen, word: t.live.takenBackByHand }
    return mark ? { ...seen, kind: 'marked', word: mark.time ? t.live.already(clock(mark.time)) : t.live.marked } : seen
}

export function seenOf(s: LiveSample, marks: Marks | null): Seen {
    if (s.track?.consensus === 'known' && s.track.label) return known(s, s.track.label, marks)
    const poor = s.decision === 'poor_quality' || s.decision === 'ambiguous'
    const undecided = !s.track || s.track.consensus === 'undecided'
    if (poor || undecided) {
        const name = poor ? t.decisions[s.decision]! : t.live.looking
        return { kind: 'doubtful', name, word: '', percent: '', fresh: false }
    }
    return { kind: 'unknown', name: t.live.unknown, word: '', percent: percent(s.probability), fresh: false }
}

const area = (s: LiveSample) => s.box[2] * s.box[3]

/** The frame as one card: whoever was marked just now, else the face that is nearest. */
export function resultOf(frame: FaceFrame, marks: Marks | null): Result {
    const faces = [...frame.samples].sort((a, b) => area(b) - area(a)).map((s) => seenOf(s, marks))
    const first = faces.find((f) => f.fresh) ?? faces[0]
    if (!first) return { kind: 'none', title: t.live.noFace, word: t.live.noFaceHelp }
    return {
        kind: first.kind,
        title: first.name,
        word: first.word,
        ...(first.percent && first.kind !== 'unknown' ? { percent: first.percent } : {}),
        ...(faces.length > 1 ? { more: t.live.others(faces.length - 1) } : {}),
    }
}
