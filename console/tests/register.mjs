// SPDX-License-Identifier: Apache-2.0
// A class before its first lesson: labels by hand and from a list, examples whose files are not left
// behind, who was there, and lists that keep the focus.
import assert from 'node:assert/strict'
import { axe, faces, launch, run, startServer } from './harness.mjs'

const LIST = `code,name\r\nN1,Nora\r\nN2,"Lee, Ann ""Annie"" B."\r\nN3\r\n,nobody\r\n`

let material, server, browser, page, id

const button = (name) => page.getByRole('button', { name, exact: true })
const go = (to) => page.evaluate((hash) => (location.hash = hash), to)
const focused = () => page.evaluate(() => document.activeElement.ariaLabel)
const labels = async () => (await server.api('GET', `/v1/collections/${id}/labels`)).items

async function clean() {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function aCollectionWithNothingInIt() {
    material = await faces()
    server = await startServer({ trustLoopback: true })
    browser = await launch()
    ;({ id } = await server.api('POST', '/v1/collections', { name: 'Class 3b', encoder: material.encoder }))
    // a label that is there already, and a line that has no code
    page = await browser.open(`${server.url}/#/c/${id}?tab=labels`, { expected: [/status of 4(00|09|22)/] })
    await page.getByText('No labels yet').waitFor()
    assert.equal(await page.title(), 'Class 3b · espy')
}

async function labelsByHandAndFromAList() {
    await button('New label').click()
    await page.getByLabel('Code').fill('N1')
    await page.getByLabel('Name', { exact: true }).fill('Nora')
    await button('Create').click()
    await page.getByRole('rowheader', { name: 'Nora' }).waitFor()
    const [choosing] = await Promise.all([page.waitForEvent('filechooser'), button('List from CSV').click()])
    await choosing.setFiles({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(LIST) })
    await page.getByText('2 made, 1 there already, 1 refused.').waitFor()
    await clean()
    await page.locator('dialog .primary').click()
    await page.getByRole('rowheader', { name: 'Lee, Ann "Annie" B.' }).waitFor()
    assert.deepEqual((await labels()).map((l) => l.code).sort(), ['N1', 'N2', 'N3'])
}

async function filesOnTheirWayAreNotLeft() {
    let release
    const released = new Promise((resolve) => (release = resolve))
    await page.route(`**/v1/collections/${id}/media`, (route) => released.then(() => route.continue()))
    for (const [i, name] of ['Nora', 'N3'].entries()) {
        await page.getByRole('combobox', { name: 'Whose photos are they?' }).fill(name)
        await page.keyboard.press('Enter')
        await page.getByText(`Examples of ${name}:`).waitFor()
        await page.locator('.drop input[type=file]').setInputFiles(material.labels[i].files[0])
    }
    await page.getByText('0 of 2 files').waitFor()
    const ways = [
        () => page.getByRole('link', { name: 'System' }).click(),
        () => go('/'),
        async () => {
            await page.keyboard.press('g')
            await page.keyboard.press('h')
        },
    ]
    for (const leave of ways) {
        await leave()
        await page.getByRole('dialog', { name: 'Files are still on their way' }).waitFor()
        await button('Cancel').click()
        await page.getByRole('dialog').waitFor({ state: 'detached' })
        assert.match(page.url(), /\?tab=labels$/)
        await page.locator('body').click({ position: { x: 1, y: 1 } })
    }
    await page.getByRole('tab', { name: 'Report' }).click()
    await button('Cancel').click()
    release()
    await page.getByText(/^2 of 2 files/).waitFor()
    const samples = Object.fromEntries((await labels()).map((l) => [l.code, l.samples]))
    assert.deepEqual(samples, { N1: 1, N2: 0, N3: 1 }, 'each file has the label that it was added with')
    await page.getByRole('link', { name: 'System' }).click()
    await page.getByRole('heading', { level: 1, name: 'System' }).waitFor()
}

async function theReportIsMarkedByKeyboard() {
    const sessions = []
    for (const name of ['Monday', 'Tuesday']) {
        sessions.push(await server.api('POST', `/v1/collections/${id}/sessions`, { name, date: '2026-11-23' }))
    }
    await go(`/c/${id}?tab=report`)
    const report = page.getByRole('grid', { name: 'Report' })
    await report.waitFor()
    await clean()
    assert.equal(await report.locator("[tabindex='0']").count(), 1)
    await report.getByRole('link', { name: 'Nora' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    assert.equal(await focused(), 'Nora, Tuesday: not seen')
    assert.equal(await report.locator("[tabindex='0']").count(), 1)
    const told = []
    page.on('response', (r) => r.url().includes('/attendance/') && told.push(r.request().method()))
    for (let i = 0; i < 3; i++) {
        await page.keyboard.press('Enter')
    }
    while (told.length < 3) {
        await page.waitForTimeout(50)
    }
    assert.deepEqual(told, ['PUT', 'DELETE', 'PUT'])
    await page.waitForFunction(() => document.activeElement.ariaLabel === 'Nora, Tuesday: present, said by a person')
    const { items } = await server.api('GET', `/v1/collections/${id}/presence`)
    assert.deepEqual(
        items.filter((c) => c.said !== null).map((c) => [c.session, c.present]),
        [[sessions[1].id, true]],
    )
}

/** The button that asked has it after a no; after a yes, the next row. */
async function theFocusStaysInAList() {
    await server.api('POST', '/v1/users', { name: 'ann', password: 'a long password', role: 'instructor' })
    const { items } = await server.api('GET', '/v1/users')
    for (const name of ['the door', 'the gate']) {
        await server.api('POST', '/v1/keys', { name, scopes: ['read'], owner: items.at(-1).id })
    }
    await go('/people?tab=keys')
    await button('Revoke the key of the gate').click()
    await button('Cancel').click()
    assert.equal(await focused(), 'Revoke the key of the gate')
    await page.keyboard.press('Enter')
    await button('Revoke').click()
    await page.getByRole('rowheader', { name: 'the gate' }).waitFor({ state: 'detached' })
    assert.equal(await focused(), 'Revoke the key of the door')
    await clean()
    await browser.close()
    await server.stop()
}

await run({
    aCollectionWithNothingInIt,
    labelsByHandAndFromAList,
    filesOnTheirWayAreNotLeft,
    theReportIsMarkedByKeyboard,
    theFocusStaysInAList,
})
