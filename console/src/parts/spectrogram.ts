// Sound as a picture: power spectra of short windows, gathered in bands from low to high, one byte
// each. Nothing here knows of the page, so that a worker can use it.

/** Power spectra of windows of `size` samples (a power of two) under a Hann window. A sine of
 *  amplitude a has a²/2, as with scipy's scaling "spectrum". */
export class Spectrum {
    readonly bins: number
    private readonly window: Float64Array
    private readonly cos: Float64Array
    private readonly sin: Float64Array
    private readonly order: Uint32Array
    private readonly re: Float64Array
    private readonly im: Float64Array
    private readonly scale: number

    constructor(readonly size: number) {
        this.bins = size / 2 + 1
        this.window = new Float64Array(size)
        this.cos = new Float64Array(size / 2)
        this.sin = new Float64Array(size / 2)
        this.order = new Uint32Array(size)
        this.re = new Float64Array(size)
        this.im = new Float64Array(size)
        let sum = 0
        for (let i = 0; i < size; i++) {
            this.window[i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size)
            sum += this.window[i]!
            this.order[i] = (this.order[i >> 1]! >> 1) | (i & 1 ? size >> 1 : 0)
        }
        for (let i = 0; i < size / 2; i++) {
            this.cos[i] = Math.cos((2 * Math.PI * i) / size)
            this.sin[i] = -Math.sin((2 * Math.PI * i) / size)
        }
        this.scale = 1 / (sum * sum)
    }

    /** The window that begins at sample `at`; outside of the samples there is silence. */
    power(samples: Float32Array, at: number, out: Float64Array): void {
        const { size, re, im } = this
        for (let i = 0; i < size; i++) {
            const from = this.order[i]!
            re[i] = (samples[at + from] ?? 0) * this.window[from]!
            im[i] = 0
        }
        this.transform()
        for (let k = 0; k < this.bins; k++) {
            const both = k === 0 || k === size / 2 ? 1 : 2 // a frequency and its mirror
            out[k] = both * this.scale * (re[k]! * re[k]! + im[k]! * im[k]!)
        }
    }

    /** The fast Fourier transform in place, of values that are in bit-reversed order. */
    private transform(): void {
        const { size, re, im, cos, sin } = this
        for (let half = 1; half < size; half *= 2) {
            const step = size / (2 * half)
            for (let block = 0; block < size; block += 2 * half) {
                for (let i = 0; i < half; i++) {
                    const a = block + i
                    const b = a + half
                    const c = cos[i * step]!
                    const s = sin[i * step]!
                    const x = re[b]! * c - im[b]! * s
                    const y = re[b]! * s + im[b]! * c
                    re[b] = re[a]! - x
                    im[b] = im[a]! - y
                    re[a] = re[a]! + x
                    im[a] = im[a]! + y
                }
            }
        }
    }
}

const LOW = 40 // Hz, where the lowest band begins
const QUIET = -105 // dB, byte 0
const LOUD = -20 // dB, byte 255

const mel = (hz: number) => 2595 * Math.log10(1 + hz / 700)
const hertz = (m: number) => 700 * (10 ** (m / 2595) - 1)

/** The frequency at a share (0..1) of the picture's height, and the other way round. */
export function frequencyAt(share: number, rate: number): number {
    return hertz(mel(LOW) + share * (mel(rate / 2) - mel(LOW)))
}

export function shareOf(frequency: number, rate: number): number {
    return (mel(frequency) - mel(LOW)) / (mel(rate / 2) - mel(LOW))
}

/** Columns of a picture: bands of equal width in mel, each the mean power around its middle. */
export class Spectrogram {
    private readonly spectrum: Spectrum
    private readonly bins: Float64Array
    private readonly weights: { first: number; of: Float64Array }[]

    constructor(
        rate: number,
        size: number,
        readonly bands: number,
    ) {
        this.spectrum = new Spectrum(size)
        this.bins = new Float64Array(this.spectrum.bins)
        const width = rate / size
        this.weights = Array.from({ length: bands }, (_, band) => {
            const middle = frequencyAt((band + 0.5) / bands, rate)
            // at least as wide as a bin, so that no band is without one
            const reach = Math.max(width, frequencyAt((band + 1.5) / bands, rate) - middle)
            const first = Math.max(0, Math.ceil((middle - reach) / width))
            const last = Math.min(this.spectrum.bins - 1, Math.floor((middle + reach) / width))
            const of = new Float64Array(last - first + 1)
            let sum = 0
            for (let k = first; k <= last; k++) {
                of[k - first] = 1 - Math.abs(k * width - middle) / reach
                sum += of[k - first]!
            }
            return { first, of: of.map((w) => (sum ? w / sum : 1 / of.length)) }
        })
    }

    /** One column, around sample `middle`: from `out[at]` on, a byte for each band, the lowest first. */
    column(samples: Float32Array, middle: number, out: Uint8Array, at: number): void {
        this.spectrum.power(samples, Math.round(middle) - this.spectrum.size / 2, this.bins)
        for (const [band, { first, of }] of this.weights.entries()) {
            let power = 1e-12
            for (let i = 0; i < of.length; i++) power += of[i]! * this.bins[first + i]!
            const share = (10 * Math.log10(power) - QUIET) / (LOUD - QUIET)
            out[at + band] = Math.max(0, Math.min(255, Math.round(255 * share)))
        }
    }
}

/** From silence to loud: dark, violet, red, yellow; as the pixels of a canvas. */
const colours = (() => {
    const stops = [
        [0, 0, 8],
        [40, 11, 84],
        [101, 21, 110],
        [159, 42, 99],
        [212, 72, 66],
        [245, 125, 21],
        [250, 193, 39],
        [252, 255, 200],
    ]
    const table = new Uint8ClampedArray(4 * 256)
    for (let i = 0; i < 256; i++) {
        const at = (i / 255) * (stops.length - 1)
        const a = stops[Math.floor(at)]!
        const b = stops[Math.min(stops.length - 1, Math.floor(at) + 1)]!
        for (let c = 0; c < 3; c++) table[4 * i + c] = a[c]! + (at % 1) * (b[c]! - a[c]!)
        table[4 * i + 3] = 255
    }
    return new Uint32Array(table.buffer)
})()

/** Paints `width` pixels of the columns from `from` on, `step` columns to a pixel, the loudest of
 *  them shown; `pixels` has `width` x `bands`, the highest band on top. */
export function paint(
    levels: Uint8Array,
    bands: number,
    from: number,
    step: number,
    width: number,
    pixels: Uint32Array,
): void {
    const loudest = new Uint8Array(bands)
    const columns = levels.length / bands
    for (let x = 0; x < width; x++) {
        const first = Math.floor(from + x * step)
        const last = Math.min(columns, Math.max(first + 1, Math.floor(from + (x + 1) * step)))
        loudest.fill(0)
        for (let c = first; c < last; c++)
            for (let band = 0; band < bands; band++)
                if (levels[c * bands + band]! > loudest[band]!) loudest[band] = levels[c * bands + band]!
        for (let band = 0; band < bands; band++) pixels[(bands - 1 - band) * width + x] = colours[loudest[band]!]!
    }
}
