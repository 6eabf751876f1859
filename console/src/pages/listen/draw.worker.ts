// Makes the columns of a recording's spectrogram beside the page, and tells them part by part.
import { Spectrogram } from '../../parts/spectrogram'

export interface Order {
    channels: Float32Array[]
    rate: number
    hop: number // samples from one column to the next
    size: number
    bands: number
}

export interface Part {
    first: number // column
    levels: Uint8Array
}

const PART = 1000 // columns

function mixed(channels: Float32Array[]): Float32Array {
    const [first, ...rest] = channels
    const sum = first!
    for (const channel of rest) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + channel[i]!
    if (rest.length) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! / channels.length
    return sum
}

addEventListener('message', (e: MessageEvent<Order>) => {
    const { channels, rate, hop, size, bands } = e.data
    const samples = mixed(channels)
    const spectrogram = new Spectrogram(rate, size, bands)
    const columns = Math.ceil(samples.length / hop)
    for (let first = 0; first < columns; first += PART) {
        const count = Math.min(PART, columns - first)
        const levels = new Uint8Array(count * bands)
        for (let i = 0; i < count; i++) spectrogram.column(samples, (first + i + 0.5) * hop, levels, i * bands)
        const part: Part = { first, levels }
        postMessage(part, { transfer: [levels.buffer] })
    }
})
