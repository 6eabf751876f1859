// SPDX-License-Identifier: Apache-2.0
// Real photos and recordings for the tests: the shared test data beside the checkout, else the photos
// of the face-api pack and espeak-ng's voices.  Pictures and sounds are converted by the browser, so
// that no other program is needed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { start } from './browser.mjs'
import { folder, ROOT, SHARED, skip } from './run.mjs'

const FACES = join(SHARED, 'data', 'faces')
const SOUNDS = join(SHARED, 'data', 'sounds')
const PACK = join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'espy/models/face-api')
const TYPES = { '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.png': 'image/png' }

function files(at, suffix) {
    return readdirSync(at)
        .sort()
        .filter((name) => suffix.test(name))
        .map((name) => join(at, name))
}

/* -- the browser as a workshop ------------------------------------------------------------------ */
async function workshop(work) {
    const browser = await start()
    try {
        return await work(await browser.newPage())
    } finally {
        await browser.close()
    }
}

function address(file) {
    const type = TYPES[extname(file).toLowerCase()]
    return `data:${type};base64,${readFileSync(file).toString('base64')}`
}

/** A part of a picture (whole: none), fitted into width x height, as JPEG. */
async function picture(page, file, { part, width, height, filter = 'none', turn = 0 }) {
    const made = await page.evaluate(
        async ({ url, part, width, height, filter, turn }) => {
            const image = new Image()
            image.src = url
            await image.decode()
            const [x, y, w, h] = part ?? [0, 0, image.width, image.height]
            const scale = Math.min(width / w, height / h)
            const canvas = Object.assign(document.createElement('canvas'), { width, height })
            const pen = canvas.getContext('2d')
            pen.fillStyle = '#808080'
            pen.fillRect(0, 0, width, height)
            pen.filter = filter
            pen.translate(width / 2, height / 2)
            pen.rotate((turn * Math.PI) / 180)
            pen.drawImage(image, x, y, w, h, (-w * scale) / 2, (-h * scale) / 2, w * scale, h * scale)
            return canvas.toDataURL('image/jpeg', 0.92)
        },
        { url: address(file), part, width, height, filter, turn },
    )
    return Buffer.from(made.slice(made.indexOf(',') + 1), 'base64')
}

/** A film for the camera: each photo for some seconds, over and over.  Returns the file's name. */
export async function makeVideo(photos, file, { width = 640, height = 480, seconds = 2 } = {}) {
    const rate = 30 // the browser shows so many pictures of such a file in a second
    const frames = await workshop(async (page) => {
        const all = []
        for (const photo of photos) {
            all.push(...Array(Math.round(rate * seconds)).fill(await picture(page, photo, { width, height })))
        }
        return all
    })
    writeFileSync(file, Buffer.concat(frames))
    return file
}

function wave(samples, rate) {
    const head = Buffer.alloc(44)
    head.write('RIFF', 0)
    head.writeUInt32LE(36 + samples.length, 4)
    head.write('WAVEfmt ', 8)
    head.writeUInt32LE(16, 16)
    head.writeUInt16LE(1, 20) // PCM
    head.writeUInt16LE(1, 22) // one channel
    head.writeUInt32LE(rate, 24)
    head.writeUInt32LE(2 * rate, 28)
    head.writeUInt16LE(2, 32)
    head.writeUInt16LE(16, 34)
    head.write('data', 36)
    head.writeUInt32LE(samples.length, 40)
    return Buffer.concat([head, samples])
}

/** A recording as 16-bit samples of one channel. */
async function samples(page, file, rate) {
    const made = await page.evaluate(
        async ({ text, rate }) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
            const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes.buffer)
            const values = Int16Array.from(sound.getChannelData(0), (v) => Math.max(-1, Math.min(1, v)) * 32767)
            let out = ''
            new Uint8Array(values.buffer).forEach((b) => (out += String.fromCharCode(b)))
            return btoa(out)
        },
        { text: readFileSync(file).toString('base64'), rate },
    )
    return Buffer.from(made, 'base64')
}

/** A WAV file for the microphone: recordings one after the other with pauses, over and over. */
export async function makeAudio(recordings, file, { pause = 1 } = {}) {
    const rate = 48000
    const parts = await workshop(async (page) => {
        const all = []
        for (const recording of recordings) {
            all.push(await samples(page, recording, rate), Buffer.alloc(2 * Math.round(rate * pause)))
        }
        return all
    })
    writeFileSync(file, wave(Buffer.concat(parts), rate))
    return file
}

/* -- faces -------------------------------------------------------------------------------------- */
function sharedFaces() {
    const people = join(FACES, 'lfw10')
    return {
        modality: 'face',
        encoder: 'edgeface',
        labels: readdirSync(people)
            .sort()
            .map((label) => ({ label, files: files(join(people, label), /\.jpe?g$/) })),
        strangers: files(join(FACES, 'unknown'), /\.jpe?g$/),
        groups: files(join(FACES, 'groups'), /\.jpe?g$/),
    }
}

/** The face in the middle, with as much around it. */
function around([x, y, w, h]) {
    return [x - w / 2, y - h / 2, 2 * w, 2 * h]
}

const VIEWS = [{}, { filter: 'brightness(0.7)' }, { turn: 6 }, { turn: -6 }, { filter: 'brightness(1.2)' }]

/** Pictures of one face in several views. */
async function views(page, at, photo, box) {
    mkdirSync(at, { recursive: true })
    const made = []
    for (const [i, view] of VIEWS.entries()) {
        const file = join(at, `${basename(at)}-${i + 1}.jpg`)
        writeFileSync(file, await picture(page, photo, { part: around(box), width: 320, height: 420, ...view }))
        made.push(file)
    }
    return made
}

async function packFaces() {
    const plan = JSON.parse(readFileSync(join(ROOT, 'demo', 'people.json'), 'utf8'))
    const at = folder()
    const photo = (one) => join(PACK, 'photos', one.file)
    return workshop(async (page) => {
        const labels = []
        const strangers = []
        for (const person of plan.people) {
            const label = `${person.label}_${person.name.replaceAll(' ', '_')}`
            labels.push({ label, files: await views(page, join(at, label), photo(person), person.box) })
        }
        for (const [i, stranger] of plan.strangers.entries()) {
            strangers.push((await views(page, join(at, `stranger${i}`), photo(stranger), stranger.box))[0])
        }
        return {
            modality: 'face',
            encoder: 'face-api',
            labels,
            strangers,
            groups: files(join(PACK, 'photos'), /\.jpg$/),
        }
    })
}

/** {modality, encoder, labels: [{label, files}], strangers: [file], groups: [file]}: photos of people,
 *  of people whom nobody enrolls, and of several people. */
export async function faces() {
    if (existsSync(join(FACES, 'lfw10')) && existsSync(join(SHARED, 'models', 'edgeface_xxs_deq.onnx'))) {
        return sharedFaces()
    }
    if (existsSync(join(PACK, 'pack.json'))) {
        return packFaces()
    }
    return skip('needs ../shared or the face-api pack (scripts/get-face-api.sh)')
}

/* -- sounds ------------------------------------------------------------------------------------- */
function sharedSounds() {
    const recordings = (label) => files(join(SOUNDS, label), /\.(ogg|wav)$/).slice(0, 12)
    return {
        modality: 'sound',
        encoder: 'melstats',
        labels: ['dog_bark', 'rain', 'siren'].map((label) => ({ label, files: recordings(label) })),
        strangers: recordings('chainsaw'),
    }
}

/** Two sentences of a voice: more than the four seconds that espy hears. */
function speak(plan, voice, at, sentences) {
    mkdirSync(at, { recursive: true })
    const made = []
    for (let i = 0; i + 1 < sentences.length; i += 2) {
        const file = join(at, `${i / 2 + 1}.wav`)
        const text = `${sentences[i]} ${sentences[i + 1]}`
        const said = spawnSync('espeak-ng', [...plan.voices[voice], '-w', file, text], { encoding: 'utf8' })
        if (said.status !== 0) {
            skip('needs ../shared/data/sounds or espeak-ng (packages/demo.txt)')
        }
        made.push(file)
    }
    return made
}

function voices() {
    const plan = JSON.parse(readFileSync(join(ROOT, 'demo', 'voices.json'), 'utf8'))
    const at = folder()
    const sentences = plan.sentences.learned.slice(0, 16)
    const said = (voice) => speak(plan, voice, join(at, voice), sentences)
    return {
        modality: 'sound',
        encoder: 'melstats',
        labels: plan.learned.slice(0, 3).map((label) => ({ label, files: said(label) })),
        strangers: said(plan.strangers[0]),
    }
}

/** {modality, encoder, labels: [{label, files}], strangers: [file]} */
export async function sounds() {
    return existsSync(SOUNDS) ? sharedSounds() : voices()
}
