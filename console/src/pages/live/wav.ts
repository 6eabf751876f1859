/** Samples from -1 to 1 as a WAV file of one channel, 16 bits each. */
export function wav(samples: Float32Array, rate: number): Blob {
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length))
    const text = (at: number, what: string) => [...what].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)))
    text(0, 'RIFF')
    view.setUint32(4, 36 + 2 * samples.length, true)
    text(8, 'WAVEfmt ')
    view.setUint32(16, 16, true)
    view.setUint16(20, 1, true) // PCM
    view.setUint16(22, 1, true) // channels
    view.setUint32(24, rate, true)
    view.setUint32(28, 2 * rate, true) // bytes in a second
    view.setUint16(32, 2, true) // bytes in a sample
    view.setUint16(34, 16, true) // bits
    text(36, 'data')
    view.setUint32(40, 2 * samples.length, true)
    samples.forEach((v, i) => view.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, v)) * 32767), true))
    return new Blob([view], { type: 'audio/wav' })
}
