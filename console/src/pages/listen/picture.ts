// A recording as the browser reads it: how long it is, and its spectrogram as it comes.
import { useEffect, useState } from 'preact/hooks'
import type { Order, Part } from './draw.worker'

const RATE = 32000 // frequencies up to 16 kHz are seen
const COLUMNS = 100 // in a second
const SIZE = 1024
export const BANDS = 128

/** `levels` fills from the left: `ready` columns of `columns` are there. */
export interface Picture {
    seconds: number
    rate: number
    perSecond: number
    columns: number
    ready: number
    levels: Uint8Array
}

export type Reading = { state: 'reading' } | { state: 'unreadable' } | { state: 'read'; picture: Picture }

async function samplesOf(blob: Blob): Promise<AudioBuffer> {
    return new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer())
}

export function usePicture(blob: Blob | null): Reading {
    const [state, set] = useState<Reading>({ state: 'reading' })
    useEffect(() => {
        set({ state: 'reading' })
        if (!blob) return
        let worker: Worker | undefined
        let over = false
        const draw = (sound: AudioBuffer) => {
            if (over) return
            const hop = RATE / COLUMNS
            const columns = Math.ceil(sound.length / hop)
            const picture: Picture = {
                seconds: sound.duration,
                rate: RATE,
                perSecond: COLUMNS,
                columns,
                ready: 0,
                levels: new Uint8Array(columns * BANDS),
            }
            set({ state: 'read', picture })
            worker = new Worker(new URL('./draw.worker.ts', import.meta.url), { type: 'module' })
            worker.onmessage = (e: MessageEvent<Part>) => {
                const { first, levels } = e.data
                picture.levels.set(levels, first * BANDS)
                picture.ready = first + levels.length / BANDS
                set({ state: 'read', picture: { ...picture } })
            }
            const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i).slice())
            const order: Order = { channels, rate: RATE, hop, size: SIZE, bands: BANDS }
            worker.postMessage(
                order,
                channels.map((c) => c.buffer),
            )
        }
        samplesOf(blob).then(draw, () => !over && set({ state: 'unreadable' }))
        return () => {
            over = true
            worker?.terminate()
        }
    }, [blob])
    return state
}
