// SPDX-License-Identifier: Apache-2.0
// The microphone: what was learned is listed as it is heard. A recording: seen, played, taken along,
// kept and labelled.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, folder, launch, makeAudio, run, sounds, startServer } from './harness.mjs'

const HEAR = { timeout: 60000 }

let server, browser, page, material, yard, tape

const rows = () => page.locator('tbody tr')

async function clean() {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function saved(button) {
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: button }).click(),
    ])
    return readFileSync(await file.path(), 'utf8')
}

async function whatIsHeardIsListed() {
    material = await sounds()
    tape = await makeAudio(
        material.labels.map((l) => l.files[0]),
        join(folder(), 'tape.wav'),
        { pause: 2 },
    )
    server = await startServer({ trustLoopback: true })
    browser = await launch({ audio: tape })
    yard = await server.learn('yard', material)
    page = await browser.open(`${server.url}/#/c/${yard.id}/live`)
    await clean()
    await page.keyboard.press('s')
    await page.getByText('going on').first().waitFor(HEAR)
    await page.getByRole('status').getByText('Hearing').waitFor(HEAR)
    await clean()
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length >= 2, null, HEAR)
    const names = await rows().locator('th').allTextContents()
    assert.ok(
        names.every((name) => material.labels.some((l) => name.startsWith(l.label))),
        names.join(),
    )
    const drawn = await page.locator('canvas.spectrogram').evaluate((canvas) => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
        return new Set(new Uint32Array(pixels.buffer)).size
    })
    assert.ok(drawn > 20, `the spectrogram has ${drawn} colours`)
    await page.keyboard.press('s')
    await page.getByText('The microphone is off.').waitFor()
    await page.getByText('going on').first().waitFor({ state: 'detached' })
}

async function aReloadKeepsTheList() {
    const before = await rows().count()
    await page.reload()
    await rows().first().waitFor()
    assert.equal(await rows().count(), before)
}

async function aRecordingIsHeardAndNotKept() {
    await page.getByRole('link', { name: 'Open a recording instead' }).click()
    await page.getByRole('heading', { name: 'Recordings of the collection' }).waitFor()
    await clean()
    const { total } = await server.api('GET', `/v1/collections/${yard.id}/media?probe=false`)
    await page.locator('input[type=file]').setInputFiles(tape)
    await page.getByRole('heading', { name: 'What was heard' }).waitFor(HEAR)
    await page.locator('.listen-reading').waitFor({ state: 'detached', timeout: HEAR.timeout })
    await clean()
    assert.equal((await server.api('GET', `/v1/collections/${yard.id}/media?probe=false`)).total, total)
}

async function itPlaysByKeyboard() {
    const position = async () => parseFloat((await page.locator('.position').textContent()).split(':')[1])
    await page.getByRole('slider').focus()
    await page.keyboard.press('ArrowRight')
    await page.waitForFunction(() => document.querySelector('.position').textContent.startsWith('0:02.0'))
    await page.keyboard.press(' ')
    await page.waitForFunction(() => parseFloat(document.querySelector('.position').textContent.slice(2)) > 2.4)
    await page.keyboard.press(' ')
    await page.keyboard.press('ArrowLeft')
    await page.waitForFunction(() => parseFloat(document.querySelector('.position').textContent.slice(2)) < 2)
    for (let i = 0; i < 6; i++) {
        await page.keyboard.press('+')
    }
    assert.ok(await page.locator('.timeline-box').evaluate((box) => box.scrollWidth > 4 * box.clientWidth))
    await page.getByRole('button', { name: 'Whole recording' }).click()
    assert.ok(await page.locator('.timeline-box').evaluate((box) => box.scrollWidth <= box.clientWidth))
    await rows().last().getByRole('button').click() // its part is played, and ends
    const start = parseFloat((await rows().last().locator('td').first().textContent()).split(':')[1])
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    assert.ok((await position()) >= start - 0.2)
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor({ timeout: 20000 })
}

async function itIsTakenAlong() {
    const table = (await saved('Save as CSV')).trim().split('\r\n')
    assert.equal(table.length, 1 + (await rows().count()))
    assert.match(table[0], /^start,end,label,/)
    const labels = (await saved('Save labels for Audacity')).trim().split('\n')
    assert.equal(labels.length, table.length - 1)
    for (const line of labels) {
        assert.match(line, /^\d+\.\d{6}\t\d+\.\d{6}\t\S/)
    }
}

async function itIsKeptAndLabelled() {
    const sample = async () => {
        const media = Number(/media=(\d+)/.exec(page.url())[1])
        return (await server.api('GET', `/v1/collections/${yard.id}/samples?media=${media}`)).items[0]
    }
    await page.getByRole('button', { name: 'Keep it in the collection' }).click()
    const part = page.locator('.listen-samples')
    await part.getByRole('button', { name: 'Label it' }).click()
    await part.getByRole('combobox').fill(material.labels[1].label)
    await page.keyboard.press('Enter')
    await part.getByRole('button', { name: `Not ${material.labels[1].label}` }).waitFor()
    assert.equal((await sample()).code, material.labels[1].label)
    await clean()
    await part.getByRole('button', { name: `Not ${material.labels[1].label}` }).click()
    const news = page.locator('.toast').filter({ hasText: 'not suggested as such again' })
    await news.waitFor()
    assert.equal((await sample()).code, null)
    await news.getByRole('button', { name: 'Undo' }).click()
    await part.getByRole('button', { name: `Not ${material.labels[1].label}` }).waitFor()
    assert.equal((await sample()).code, material.labels[1].label)
}

async function silenceIsTold() {
    const silent = await launch({ audio: await makeAudio([], join(folder(), 'silence.wav')) })
    const other = await silent.open(`${server.url}/#/c/${yard.id}/live`)
    await other.getByRole('button', { name: 'Start' }).click()
    await other.getByRole('status').getByText('Silence').waitFor(HEAR)
    await other.getByText('The microphone hears nothing.').waitFor(HEAR)
    await silent.close()
    await browser.close()
    await server.stop()
}

await run({
    whatIsHeardIsListed,
    aReloadKeepsTheList,
    aRecordingIsHeardAndNotKept,
    itPlaysByKeyboard,
    itIsTakenAlong,
    itIsKeptAndLabelled,
    silenceIsTold,
})
