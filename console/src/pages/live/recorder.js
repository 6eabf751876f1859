// Runs beside the page, where sound comes in 128 samples at a time: gathers them, one channel, into
// blocks that the page takes. A file of its own, as the browser wants it; the build copies it.
class Recorder extends AudioWorkletProcessor {
    constructor({ processorOptions }) {
        super()
        this.block = new Float32Array(processorOptions.block)
        this.filled = 0
    }

    process([channels]) {
        const length = channels[0]?.length ?? 0
        for (let i = 0; i < length; i++) {
            let sum = 0
            for (const channel of channels) sum += channel[i]
            this.block[this.filled++] = sum / channels.length
            if (this.filled === this.block.length) this.send()
        }
        return true
    }

    send() {
        const full = this.block
        this.block = new Float32Array(full.length)
        this.filled = 0
        this.port.postMessage(full, [full.buffer])
    }
}

registerProcessor('recorder', Recorder)
