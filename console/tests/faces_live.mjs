// SPDX-License-Identifier: Apache-2.0
// The camera as a teacher uses it: signed in as an instructor; a session made on the page, who comes into view is named and
// marked once, taken back, marked by hand; a photo is kept; the session ends; a photo is tried.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { axe, faces, folder, launch, makeVideo, run, startServer } from './harness.mjs'

const LOOK = { timeout: 60000 }

let server, browser, page, material, club, person

const card = () => page.getByRole('region', { name: 'Last decision' })
const here = () => page.locator('.here-list li')
const marks = () => server.api('GET', `/v1/collections/${club.id}/attendance`)

async function clean() {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function withoutAVersionThePageTeaches() {
    material = await faces()
    server = await startServer()
    const teacher = { name: 'teacher', password: 'a long password', role: 'instructor' }
    const { id: owner } = await server.api('POST', '/v1/users', teacher)
    const people = material.labels.slice(0, 4).map(({ label, files }) => ({ label, files: files.slice(0, 5) }))
    person = material.labels[0]
    const film = await makeVideo([person.files.at(-1)], join(folder(), 'class.mjpeg'))
    browser = await launch({ video: film })
    const empty = await server.api('POST', '/v1/collections', {
        name: 'empty',
        modality: 'face',
        encoder: material.encoder,
    })
    await server.api('PATCH', `/v1/collections/${empty.id}`, { owner })
    page = await browser.open(`${server.url}/#/c/${empty.id}/live`, { expected: [/401/, /409/] })
    await page.getByLabel('User name').fill(teacher.name)
    await page.getByLabel('Password', { exact: true }).fill(teacher.password)
    await page.keyboard.press('Enter')
    await page.getByText('Nobody is known yet').waitFor()
    await clean()
    club = await server.learn('club', { ...material, labels: people })
    await server.api('PATCH', `/v1/collections/${club.id}`, { owner })
}

async function whoComesIntoViewIsMarkedOnce() {
    await page.goto(`${server.url}/#/c/${club.id}/live`)
    await page.getByLabel('Session').selectOption('New session…')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Week 1')
    await clean()
    await dialog.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Who is here' }).waitFor()
    await page.getByRole('button', { name: 'Start' }).click()
    await card()
        .getByText(/^✓Marked$/)
        .waitFor(LOOK)
    await here().first().waitFor()
    await clean()
    await card()
        .getByText(/Already marked at \d\d:\d\d$/)
        .waitFor(LOOK)
    await page.waitForTimeout(1500) // some more frames
    const all = await marks()
    assert.equal(all.items.length, 1)
    assert.ok(person.label.startsWith(all.items[0].code))
    assert.equal(all.items[0].present, true)
    assert.equal(await here().count(), 1)
    assert.ok((await page.locator('.live-view .box.marked .tag').textContent()).includes(all.items[0].name))
}

async function aPersonsWordGoesBeforeTheCamera() {
    await here()
        .getByRole('button', { name: /^Take back/ })
        .click()
    await card().getByText('Taken back by hand').waitFor(LOOK)
    assert.equal((await marks()).items[0].present, false)
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await card()
        .getByText(/Already marked/)
        .waitFor(LOOK)
    const picker = page.getByRole('combobox', { name: 'Mark by hand: name or code' })
    await picker.fill('Somebody New')
    await picker.press('Enter')
    await here().getByText('Somebody New').waitFor()
    await clean()
}

async function aReloadLosesNothing() {
    await page.reload()
    await here().getByText('Somebody New').waitFor()
    assert.equal(await here().count(), 2)
}

async function aPhotoIsKeptWithTheSession() {
    await page.getByRole('button', { name: 'Start' }).click()
    await card()
        .getByText(/Already marked/)
        .waitFor(LOOK)
    await page.keyboard.press('p')
    await page.getByText(/^Photo kept with the session: \d+ faces?\.$/).waitFor()
    const { items } = await server.api('GET', `/v1/collections/${club.id}/sessions`)
    assert.equal(items[0].media, 1)
}

async function theSessionEndsAndOpensAgain() {
    const state = async () => (await server.api('GET', `/v1/collections/${club.id}/sessions`)).items[0].state
    await page.getByRole('button', { name: 'End session' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End session' }).click()
    const news = page.locator('.toast').filter({ hasText: 'has ended' })
    await news.waitFor()
    assert.equal(await state(), 'closed')
    await news.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('heading', { name: 'Who is here' }).waitFor()
    assert.equal(await state(), 'open')
}

async function aSessionThatIsClosedElsewhereIsLetGo() {
    await card()
        .getByText(/Already marked/)
        .waitFor(LOOK)
    const { items } = await server.api('GET', `/v1/collections/${club.id}/sessions`)
    await server.api('PATCH', `/v1/sessions/${items[0].id}`, { state: 'closed' })
    await page.getByText('The session was ended elsewhere.').waitFor()
    await card()
        .getByText(/^✓Known$/)
        .waitFor(LOOK) // it goes on looking
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('The camera is off.').waitFor()
}

async function aPhotoIsTried() {
    await page.getByRole('tab', { name: 'Try a photo' }).click()
    await page.locator('input[type=file]').setInputFiles(person.files[0])
    await page.getByText(/^Known: probability .* and similarity .* are both high enough\.$/).waitFor(LOOK)
    await clean()
    await page.locator('input[type=file]').setInputFiles(material.strangers.at(-1))
    await page
        .getByText(/^Unknown: the /)
        .first()
        .waitFor(LOOK)
    browser.check()
}

/** The page in another browser, where the same teacher is signed in. */
async function signedIn(other) {
    const storageState = await page.context().storageState()
    return other.open(`${server.url}/#/c/${club.id}/live`, { storageState })
}

async function aStrangerIsUnknown() {
    const other = await launch({
        video: await makeVideo([material.strangers.at(-1)], join(folder(), 'stranger.mjpeg')),
    })
    const there = await signedIn(other)
    await there.getByRole('button', { name: 'Start' }).click()
    await there.getByRole('region', { name: 'Last decision' }).getByText('Unknown').first().waitFor(LOOK)
    await other.close()
}

async function withoutACameraThePageSaysWhatToDo() {
    const blind = await launch()
    const other = await signedIn(blind)
    await other.getByRole('button', { name: 'Start' }).click()
    await other.getByText('No camera was found.').waitFor()
    await blind.close()
    const insecure = await signedIn(browser)
    await insecure.addInitScript(() => Object.defineProperty(window, 'isSecureContext', { value: false }))
    await insecure.goto(`${server.url}/?again#/c/${club.id}/live`)
    await insecure.getByText('Browsers give the camera only to https:// or localhost.').waitFor()
    await browser.close()
    await server.stop()
}

await run({
    withoutAVersionThePageTeaches,
    whoComesIntoViewIsMarkedOnce,
    aPersonsWordGoesBeforeTheCamera,
    aReloadLosesNothing,
    aPhotoIsKeptWithTheSession,
    theSessionEndsAndOpensAgain,
    aSessionThatIsClosedElsewhereIsLetGo,
    aPhotoIsTried,
    aStrangerIsUnknown,
    withoutACameraThePageSaysWhatToDo,
})
