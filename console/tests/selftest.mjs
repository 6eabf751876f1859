// SPDX-License-Identifier: Apache-2.0
// The harness itself: it hears complaints, sees what axe-core should, and its camera and microphone
// show what they were given.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { axe, faces, folder, fps, launch, makeAudio, makeVideo, run, sounds, startServer } from './harness.mjs'

let server

async function theServerAnswers() {
    server = await startServer({ conf: 'trigger = 0', args: ['--workers', '1'] })
    assert.equal((await server.api('GET', '/v1/auth/me')).user.name, 'admin')
    await assert.rejects(server.api('GET', '/v1/collections/none'), /404/)
    const trusted = await startServer({ trustLoopback: true })
    assert.ok((await trusted.api('GET', '/v1/collections')).items)
    await trusted.stop()
}

async function complaintsAreHeard() {
    const browser = await launch()
    const page = await browser.open(server.url)
    browser.check()
    await page.evaluate(() => console.error('one'))
    await page.evaluate(() =>
        setTimeout(() => {
            throw new Error('two')
        }),
    )
    await page.evaluate(() =>
        document.body.append(Object.assign(document.createElement('script'), { text: 'three()' })),
    )
    await page.evaluate(() => {
        location.href = 'http://127.0.0.1:9/four'
    })
    await page.waitForTimeout(500)
    assert.throws(
        () => browser.check(),
        (error) => {
            for (const part of [
                /console: one/,
                /page: Error: two/,
                /inline script/,
                /asked http:\/\/127.0.0.1:9\/four/,
            ]) {
                assert.match(error.message, part)
            }
            return true
        },
    )
}

async function whatIsExpectedIsNoComplaint() {
    const browser = await launch()
    const page = await browser.open(server.url, { expected: [/console: one/] })
    await page.evaluate(() => console.error('one'))
    await page.waitForTimeout(200)
    await browser.close()
}

async function whatNobodyCanReadIsFound() {
    const browser = await launch()
    const page = await browser.open(server.url, { size: 'phone', theme: 'dark' })
    assert.ok(await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches))
    await page.evaluate(() => document.querySelector('#app').append(document.createElement('button')))
    assert.match((await axe(page)).join('\n'), /button-name/)
    await browser.close()
}

async function framesAreCounted() {
    const browser = await launch()
    const page = await browser.open(server.url)
    const smooth = await fps(page, () => page.waitForTimeout(500))
    assert.ok(smooth.frames > 5 && smooth.worst < 500, JSON.stringify(smooth))
    const stuck = await fps(page, async () => {
        await page.waitForTimeout(100)
        await page.evaluate(() => {
            for (const end = performance.now() + 300; performance.now() < end;);
        })
        await page.waitForTimeout(100)
    })
    assert.ok(stuck.worst >= 200, JSON.stringify(stuck))
    await browser.close()
}

async function withoutDevicesThereAreNone() {
    const browser = await launch()
    const page = await browser.open(server.url)
    const said = await page.evaluate(() => navigator.mediaDevices.getUserMedia({ video: true }).catch((e) => e.name))
    assert.equal(said, 'NotFoundError')
    await browser.close()
}

/** What camera and microphone of a page give: a picture as JPEG, and the loudest sample. */
function perceived() {
    return navigator.mediaDevices.getUserMedia({ video: true, audio: true }).then(async (stream) => {
        const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true })
        await video.play()
        const ears = new AudioContext()
        const analyser = ears.createAnalyser()
        ears.createMediaStreamSource(stream).connect(analyser)
        const values = new Float32Array(analyser.fftSize)
        let loudest = 0
        for (let i = 0; i < 60; i++) {
            await new Promise((resolve) => setTimeout(resolve, 50))
            analyser.getFloatTimeDomainData(values)
            loudest = Math.max(loudest, ...values.map(Math.abs))
        }
        const canvas = Object.assign(document.createElement('canvas'), {
            width: video.videoWidth,
            height: video.videoHeight,
        })
        canvas.getContext('2d').drawImage(video, 0, 0)
        return { picture: canvas.toDataURL('image/jpeg'), loudest }
    })
}

async function cameraAndMicrophoneGiveWhatTheyWereGiven() {
    const people = await faces()
    const noises = await sounds()
    const at = folder()
    assert.ok(people.labels.length >= 3 && people.strangers.length >= 3 && people.groups.length >= 3)
    assert.ok(noises.labels.length >= 3 && noises.strangers.length >= 3)
    const browser = await launch({
        video: await makeVideo([people.labels[0].files[0]], join(at, 'film.mjpeg')),
        audio: await makeAudio([noises.labels[0].files[0]], join(at, 'sound.wav')),
    })
    const page = await browser.open(server.url)
    const { picture, loudest } = await page.evaluate(perceived)
    assert.ok(loudest > 0.05, `loudest sample ${loudest}`)
    await server.learn('people', { ...people, labels: people.labels.slice(0, 3) })
    await server.learn('noises', noises)
    const found = await server.api('POST', '/v1/collections/people/identify', { file: picture })
    assert.equal(found.samples[0].label, people.labels[0].label, JSON.stringify(found))
    await browser.close()
    await server.stop()
}

await run({
    theServerAnswers,
    complaintsAreHeard,
    whatIsExpectedIsNoComplaint,
    whatNobodyCanReadIsFound,
    framesAreCounted,
    withoutDevicesThereAreNone,
    cameraAndMicrophoneGiveWhatTheyWereGiven,
})
