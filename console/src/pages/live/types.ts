import type { Answer } from '../../api/types'

/** What several looks at one face agree on. */
interface Track {
    id: number
    frames: number
    consensus: 'known' | 'unknown' | 'undecided'
    label: string | null
    marked: 'new' | 'already' | null
}

export interface LiveSample extends Answer {
    box: [number, number, number, number]
    track: Track | null
}

export interface FaceFrame {
    samples: LiveSample[]
    frame: number
    width: number
    height: number
}

interface SoundEvent {
    id: number
    label: string
    name: string | null
    start: number // seconds of the stream
    end: number
    open: boolean
    probability: number | null
    similarity: number | null
}

export interface SoundFrame {
    heard: number // seconds of the stream so far
    events: SoundEvent[]
}
