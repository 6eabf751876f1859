// SPDX-License-Identifier: Apache-2.0
// History: what was deleted, renamed or labelled is taken back when the message that told of it is long
// gone, by keyboard too; what is not one's to take back is not offered; a deleted collection comes back.
import assert from 'node:assert/strict'
import { axe, faces, launch, run, SIZES, startServer } from './harness.mjs'

const EXPECTED = [/status of 409/] // a name is taken by now

const UPLOADED = 4 // files that came with a label: each can be taken back, too

let material, server, browser, page, id
let ann, bob, photo, session // ids

const button = (name) => page.getByRole('button', { name })
const api = (method, path, body) => server.api(method, path, body)
const there = async (path) => (await api('GET', `/v1/collections/${id}/${path}`)).items
const codes = async () => (await there('labels')).map((l) => l.code).sort()
const undoable = () => api('GET', `/v1/events?collection=${id}&order=newest&undoable=true`)
const focusIs = (text) => page.waitForFunction((text) => document.activeElement.textContent === text, text)
const row = (what) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: what }) })
const about = (what) => row(what).first().locator('.about')

async function clean() {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function history(query = '') {
    await page.goto(`${server.url}/#/c/${id}?tab=history${query}`)
    await page.reload()
    await page.getByRole('region', { name: 'What happened' }).waitFor()
}

async function aCollectionWhereThingsHappened() {
    material = await faces()
    server = await startServer({ trustLoopback: true })
    browser = await launch()
    ;({ id } = await api('POST', '/v1/collections', { name: 'Class 3b', encoder: material.encoder }))
    session = (await api('POST', `/v1/collections/${id}/sessions`, { name: 'Monday' })).id
    for (const [i, label] of ['Ann', 'Bob'].entries()) {
        await server.upload(id, material.labels[i].files.slice(0, UPLOADED / 2), { label })
    }
    ;[ann, bob] = (await there('labels')).map((l) => l.id)
    photo = (await there('media'))[0].id
    await api('PATCH', `/v1/labels/${bob}`, { code: 'Robert', name: 'Robert' })
    await api('DELETE', `/v1/labels/${ann}`)
    await api('DELETE', `/v1/media/${photo}`)
    assert.deepEqual(await codes(), ['Robert'])
    assert.equal((await there('media')).length, 3)
}

async function everythingIsListed() {
    page = await browser.open(`${server.url}/#/c/${id}`, { expected: EXPECTED })
    await page.getByRole('tab', { name: 'History' }).click()
    await page.waitForURL(/tab=history/)
    await about('Photos or recordings were taken away').getByText('1 photo').waitFor()
    await about('A label was taken away').getByText('Ann, 2 faces').waitFor()
    await about('A label got another code').getByRole('link', { name: 'Bob → Robert' }).waitFor()
    assert.equal(await button(/^Undo:/).count(), 3 + UPLOADED)
    await clean()
}

async function eachIsTakenBack() {
    await history()
    await button(/^Undo: Photos or recordings were taken away/).click()
    await focusIs('taken back')
    assert.equal((await there('media')).length, 4)
    await about('Photos or recordings').getByRole('link', { name: '1 photo' }).waitFor()
    await button(/^Undo: A label was taken away/).focus()
    await page.keyboard.press('Enter')
    await focusIs('taken back')
    assert.deepEqual(await codes(), ['Ann', 'Robert'])
    assert.equal((await there('labels'))[0].samples, 2)
    await about('A label was taken away').getByRole('link', { name: 'Ann' }).waitFor()
    await button(/^Undo: A label got another code or name \(Bob → Robert\)/).click()
    await focusIs('taken back')
    assert.deepEqual(await codes(), ['Ann', 'Bob'])
}

async function onceEach() {
    assert.equal((await undoable()).items.length, UPLOADED)
    await history()
    assert.equal(await button(/^Undo:/).count(), UPLOADED)
    assert.equal(await page.locator('td.take-back .badge').count(), 3)
    await about('Something was taken back').getByText('A label got another code or name').waitFor()
    await clean()
}

async function onlyWhatCanBeTakenBack() {
    await page.getByRole('checkbox', { name: 'Only what can be taken back' }).check()
    await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, UPLOADED)
    for (const { id: event } of (await undoable()).items) {
        await api('POST', `/v1/collections/${id}/undo`, { event })
    }
    await page.reload()
    await page.getByText('Nothing to take back').waitFor()
    await clean()
    for (let i = 0; i < 55; i++) {
        await api('PATCH', `/v1/labels/${bob}`, { name: `Bob ${i}` })
    }
    await page.reload()
    await page.getByRole('region', { name: 'What happened' }).waitFor()
    assert.ok(await page.getByRole('checkbox', { name: 'Only what can be taken back' }).isChecked())
    assert.equal(await button(/^Undo:/).count(), 50)
    await button('Older').click()
    await page.waitForFunction(() => document.querySelectorAll('td.take-back button').length === 5)
    assert.ok(await button('Older').isDisabled())
    // the row goes, and the next one has the focus; after the last one, what is around has it
    for (let left = 4; left >= 0; left--) {
        await button(/^Undo:/)
            .first()
            .click()
        await page.waitForFunction((n) => document.querySelectorAll('td.take-back button').length === n, left)
        await page.waitForFunction((n) => (document.activeElement.textContent === 'Undo') === n > 0, left)
        await page.waitForFunction(() => document.activeElement !== document.body)
    }
    assert.equal((await undoable()).items.length, 50)
    await button('Show all').click()
    await page
        .getByRole('rowheader', { name: /^Something was taken back/ })
        .first()
        .waitFor()
}

async function aNameThatIsTaken() {
    await api('DELETE', `/v1/sessions/${session}`)
    const other = await api('POST', `/v1/collections/${id}/sessions`, { name: 'Monday' })
    await history()
    const undo = button(/^Undo: A session was taken away/)
    await undo.click()
    await page
        .getByRole('alert')
        .getByText(/has the name by now/)
        .waitFor()
    await focusIs('Undo')
    await api('PATCH', `/v1/sessions/${other.id}`, { name: 'Tuesday' })
    await undo.click()
    await focusIs('taken back')
    await about('A session was taken away').getByRole('link', { name: 'Monday' }).waitFor()
    assert.deepEqual((await there('sessions')).map((s) => s.name).sort(), ['Monday', 'Tuesday'])
}

async function aSampleLeadsToItsPhoto() {
    const [sample] = await there('samples')
    await api('POST', `/v1/collections/${id}/samples/label`, { samples: [sample.id], label: 'Cleo' })
    await history()
    await about('Samples were labelled').getByRole('button', { name: '1 face' }).click()
    await page.waitForURL(new RegExp(`/m/${sample.media}$`))
}

/** It is gone by one key, and comes back with its label. */
async function notAFaceComesBack() {
    const labelled = async () => (await there('samples')).map((s) => [s.id, s.label])
    const before = await labelled()
    await page.goto(`${server.url}/#/c/${id}?tab=samples`)
    await page.locator('[data-at]').first().focus()
    await page.keyboard.press('Delete')
    await page.getByText('1 sample removed. The photo stays.').waitFor()
    assert.equal((await labelled()).length, before.length - 1)
    await history()
    await button(/^Undo: Samples were removed/).click()
    await focusIs('taken back')
    assert.deepEqual(await labelled(), before)
    await about('Samples were removed').getByRole('button', { name: '1 face' }).click()
    await page.waitForURL(/\/m\/\d+$/)
}

async function whoMayOnlyLook() {
    await page.route('**/v1/auth/me', async (route) => {
        const answer = await route.fetch()
        await route.fulfill({ response: answer, json: { ...(await answer.json()), may: ['read'] } })
    })
    await history()
    assert.equal(await button(/^Undo:/).count(), 0)
    await page.goto(`${server.url}/#/collections`)
    await page.getByRole('heading', { name: 'Class 3b' }).waitFor()
    await page.unroute('**/v1/auth/me')
}

async function aDeletedCollection() {
    await api('DELETE', `/v1/collections/${id}`)
    await page.goto(`${server.url}/#/collections`)
    await page.reload()
    await page.getByRole('heading', { name: 'Deleted collections' }).waitFor()
    await clean()
    await button('Restore Class 3b').click()
    await page.getByRole('heading', { name: 'Class 3b' }).waitFor()
    await page.getByRole('heading', { name: 'Deleted collections' }).waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.activeElement !== document.body)
    assert.equal((await api('GET', `/v1/collections/${id}`)).name, 'Class 3b')
    await history()
    await row('A collection came back').waitFor()
    assert.equal(await button(/^Undo: A collection/).count(), 0)
}

async function axeFindsNothing() {
    await api('DELETE', `/v1/collections/${(await api('POST', '/v1/collections', { name: 'Old' })).id}`)
    await page.context().close()
    for (const size of Object.keys(SIZES)) {
        for (const theme of ['light', 'dark']) {
            page = await browser.open(server.url, { size, theme, expected: EXPECTED })
            await history()
            await clean()
            await page.goto(`${server.url}/#/collections`)
            await page.getByRole('heading', { name: 'Deleted collections' }).waitFor()
            await clean()
            await page.context().close()
        }
    }
}

async function nothingToComplainOf() {
    await browser.close()
    await server.stop()
}

await run({
    aCollectionWhereThingsHappened,
    everythingIsListed,
    eachIsTakenBack,
    onceEach,
    onlyWhatCanBeTakenBack,
    aNameThatIsTaken,
    aSampleLeadsToItsPhoto,
    notAFaceComesBack,
    whoMayOnlyLook,
    aDeletedCollection,
    axeFindsNothing,
    nothingToComplainOf,
})
