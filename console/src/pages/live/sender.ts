// Sound on its way to the server: a second or so at a time, never two requests at once. While one is
// out the rest gathers, and goes along with the next.
import { api } from '../../api/client'
import type { SoundFrame } from './types'
import { wav } from './wav'

const CHUNK = 1 // seconds at least
const MOST = 10 // seconds that wait at most; the server hears 12 again
const AFTER_FAILURE = 2000 // ms

export interface Told {
    answered: (frame: SoundFrame, ended: number) => void // `ended`: when its last sample was heard
    failed: (error: unknown) => void
    behind: () => void
}

export class Sender {
    private waiting: Float32Array[] = []
    private samples = 0
    private busy = false
    private readonly stop = new AbortController()

    constructor(
        private readonly path: string,
        private readonly told: Told,
    ) {}

    add(block: Float32Array, rate: number): void {
        this.waiting.push(block)
        this.samples += block.length
        while (this.samples > MOST * rate) {
            this.samples -= this.waiting.shift()!.length
            this.told.behind()
        }
        if (!this.busy && this.samples >= CHUNK * rate) void this.send(rate)
    }

    close(): void {
        this.stop.abort()
    }

    private async send(rate: number): Promise<void> {
        const sound = new Float32Array(this.samples)
        let at = 0
        for (const block of this.waiting) {
            sound.set(block, at)
            at += block.length
        }
        this.waiting = []
        this.samples = 0
        this.busy = true
        const ended = Date.now()
        try {
            const form = new FormData()
            form.set('file', wav(sound, rate), 'chunk.wav')
            const frame = await api.post<SoundFrame>(this.path, form, this.stop.signal)
            if (!this.stop.signal.aborted) this.told.answered(frame, ended)
        } catch (e) {
            if (this.stop.signal.aborted) return
            this.told.failed(e)
            await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE))
        }
        this.busy = false
    }
}
