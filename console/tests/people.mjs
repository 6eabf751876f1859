// SPDX-License-Identifier: Apache-2.0
// People without labels, as a teacher works: the first session is grouped and named, the second is
// assigned and the rest named by hand, then the whole class again; who was there; review; all of it
// with the keyboard where it matters, and back again.
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { axe, faces, launch, run, startServer } from './harness.mjs'

let server, browser, page, material, id

const go = (to) => page.evaluate((hash) => (location.hash = hash), to)
const cells = () => page.getByRole('gridcell')
const samples = (query = '') => server.api('GET', `/v1/collections/${id}/samples?limit=1000${query}`)
const toast = (text) => page.getByRole('status').getByText(text).first().waitFor()

/** A toast may tell of what is still on its way. */
async function eventually(is) {
    for (let i = 0; i < 50 && !(await is()); i++) {
        await page.waitForTimeout(100)
    }
    assert.ok(await is())
}

async function clean() {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function newSession(name) {
    await go(`/c/${id}`)
    await page.getByRole('button', { name: 'New session' }).first().click()
    await page.getByRole('textbox', { name: 'Name' }).fill(name)
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name, level: 1 }).waitFor()
}

async function drop(files) {
    await page.locator('input[type=file]').setInputFiles(files)
    await page.getByText(new RegExp(`^${files.length} of ${files.length} files`)).waitFor({ timeout: 120000 })
}

async function theInstructorSignsIn() {
    material = await faces()
    server = await startServer()
    browser = await launch()
    await server.api('POST', '/v1/users', { name: 'teacher', password: 'a long password', role: 'instructor' })
    page = await browser.open(server.url, { expected: [/401/, /422/] })
    await page.getByLabel('User name').fill('teacher')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('Name or password is wrong.').waitFor()
    await clean()
    await page.getByLabel('Password').fill('a long password')
    await page.keyboard.press('Enter')
    await page.getByRole('navigation').waitFor()
    await page.reload() // still signed in
    await page.getByRole('link', { name: 'Collections' }).click()
    await page.getByRole('button', { name: 'New collection' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('Math 101')
    await dialog.getByRole('button', { name: 'Make it' }).click()
    await page.getByRole('heading', { name: 'Math 101', level: 1 }).waitFor()
    id = Number(/c\/(\d+)/.exec(page.url())[1])
    await page.getByText('No session yet').waitFor()
    await clean()
}

async function theFirstSessionIsGroupedAndNamed() {
    const people = material.labels.slice(0, 3)
    await newSession('Week 1')
    await page.getByText('No faces yet').waitFor()
    await drop(people.flatMap((p) => p.files.slice(0, 3)))
    await cells().first().waitFor()
    await clean()
    await page.getByRole('button', { name: 'Group' }).click()
    await clean()
    await page.getByRole('dialog').getByRole('button', { name: 'Group' }).click()
    await toast(/groups, \d+ samples in them/)
    const groups = page.getByRole('list', { name: 'Who is in it' }).locator('button.group')
    await groups.first().waitFor()
    for (let n = await groups.count(), i = 1; n > 0; n--, i++) {
        await groups.first().click()
        await page.getByRole('combobox', { name: /^Name these/ }).fill(`STU00${i} Person ${i}`)
        await page.keyboard.press('Enter')
        await page.getByRole('button', { name: new RegExp(`^Person ${i} `) }).waitFor()
    }
    await page.getByRole('tab', { name: 'Who was there' }).click()
    await page.getByText(/were there$/).waitFor()
    await clean()
    const named = (await samples('&labelled=true')).items
    assert.ok(
        named.every((s) => /^Person \d$/.test(s.name)),
        'attendance shows the new names',
    )
    assert.ok(new Set(named.map((s) => s.code)).size >= 2)
}

async function theNextSessionIsAssigned() {
    await newSession('Week 2')
    await drop([...material.labels.slice(0, 3).map((p) => p.files[3]), material.strangers.at(-1)])
    await page.getByRole('button', { name: 'Assign' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Assign' }).click()
    await toast(/assigned, \d+ like nobody/)
    const found = (await samples()).items.filter((s) => s.labelled_by === 'job' && !s.grouped)
    assert.ok(found.length >= 2, 'people of the first session are known in the second')
    const { items: media } = await server.api('GET', `/v1/collections/${id}/media`)
    const stranger = media.find((m) => m.source === basename(material.strangers.at(-1))).id
    const theirs = (await samples(`&media=${stranger}`)).items
    assert.ok(theirs.length > 0 && theirs.every((s) => s.label === null), 'a stranger is assigned to nobody')
    await page.getByRole('tab', { name: /Photos/ }).click()
    await page.locator('.photos a').first().click()
    await page.locator('button.box').first().click()
    await page.getByRole('heading', { name: 'Most like' }).waitFor()
    await clean()
    await page.goBack()
}

async function theRestIsNamedByKeyboard() {
    await page.getByRole('tab', { name: /Faces/ }).click()
    await page.getByRole('button', { name: /Nobody yet/ }).click()
    const before = await cells().count()
    assert.ok(before >= 1)
    await cells().first().focus()
    await page.keyboard.press('Enter')
    await page.keyboard.type('A Visitor')
    await page.keyboard.press('Enter')
    await toast('A Visitor')
    await page.getByRole('button', { name: /^A Visitor/ }).waitFor()
    await page.keyboard.press('g')
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await toast('Taken back.')
    await page.getByRole('button', { name: /^A Visitor/ }).waitFor({ state: 'detached' })
}

async function theReportIsMarked() {
    await go(`/c/${id}?tab=report`)
    const cell = page.getByRole('button', { name: /^Person 1, Week 2/ })
    await cell.waitFor()
    await clean()
    const was = await cell.getAttribute('aria-label')
    await Promise.all([page.waitForResponse((r) => r.url().includes('/attendance/')), cell.click()])
    await page.waitForFunction((old) => !document.querySelector(`[aria-label="${old}"]`), was)
    const { items } = await server.api('GET', `/v1/collections/${id}/presence`)
    assert.ok(items.some((c) => c.said !== null))
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download CSV' }).click(),
    ])
    assert.equal(file.suggestedFilename(), 'Math 101.csv')
}

async function theClassIsGroupedAgainAndKeepsItsNames() {
    await go(`/c/${id}?tab=samples`)
    await page.getByRole('button', { name: 'Group' }).click()
    await page.getByLabel('Also those that have a name').check()
    await page.getByRole('dialog').getByRole('button', { name: 'Group' }).click()
    await toast(/groups, \d+ samples in them/)
    const { items } = await server.api('GET', `/v1/collections/${id}/labels`)
    assert.ok(items.filter((l) => /^Person \d$/.test(l.name)).length >= 2)
}

async function reviewTakesOneKeyADecision() {
    const { id: job } = await server.api('POST', `/v1/collections/${id}/train`, { force: true })
    await server.job(job)
    await server.upload(id, [...material.labels.slice(0, 3).map((p) => p.files[4]), material.strangers.at(-2)])
    await go(`/c/${id}/review`)
    await page.getByText(/wait for you$/).waitFor()
    await page.locator('.candidates button').first().waitFor()
    await clean()
    const { total } = await server.api('GET', `/v1/collections/${id}/review`)
    await page.keyboard.press('1')
    await page.getByText('1 decided').waitFor()
    const waits = async () => (await server.api('GET', `/v1/collections/${id}/review`)).total
    await eventually(async () => (await waits()) === total - 1)
    await page.keyboard.press('u')
    await eventually(async () => (await waits()) === total)
    await page.keyboard.press('0')
    await page.getByText('1 decided').waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByText('Nobody that is known').waitFor()
    await clean()
    await page.keyboard.press('Escape')
}

async function aLabelIsSplitRenamedMergedAndDeleted() {
    const list = async () => (await server.api('GET', `/v1/collections/${id}/labels`)).items
    const one = (await list()).find((l) => l.samples >= 3 && !l.grouped)
    await go(`/c/${id}/l/${one.id}`)
    await page.getByRole('heading', { name: one.name, level: 1 }).waitFor()
    await cells().first().waitFor()
    await cells().first().focus()
    await page.keyboard.press('s')
    await page.getByRole('toolbar').getByRole('combobox').waitFor()
    await page.keyboard.type('TWIN1 A Twin')
    await page.keyboard.press('Enter')
    await toast('are now A Twin')
    const twin = (await list()).find((l) => l.code === 'TWIN1')
    assert.equal(twin.samples, 1)
    await go(`/c/${id}/l/${twin.id}`)
    await page.getByRole('heading', { name: 'A Twin', level: 1 }).waitFor()
    await clean()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('The Twin')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'The Twin', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Merge into…' }).click()
    await page.getByRole('dialog').getByRole('combobox').fill(one.code)
    await page.keyboard.press('Enter')
    await toast('Merged into')
    assert.ok(!(await list()).some((l) => l.code === 'TWIN1'))
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await toast('The label is deleted.')
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await eventually(async () => (await list()).some((l) => l.code === one.code))
    await page.waitForURL(`**/l/${one.id}`) // it is shown again
}

async function aClosedSessionTakesNothing() {
    await go(`/c/${id}`)
    await page.getByRole('link', { name: 'Week 2' }).click()
    await page.getByRole('button', { name: 'Close session' }).click()
    await page.getByText('The session is closed: open it again').waitFor()
    await page.getByRole('button', { name: 'Open again' }).click()
    await drop([process.argv[1]]) // no picture
    await page.getByText(/cannot be read/).waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await toast('The session is deleted.')
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await page.getByRole('heading', { name: 'Week 2', level: 1 }).waitFor()
    await browser.close()
    await server.stop()
}

await run({
    theInstructorSignsIn,
    theFirstSessionIsGroupedAndNamed,
    theNextSessionIsAssigned,
    theRestIsNamedByKeyboard,
    theReportIsMarked,
    theClassIsGroupedAgainAndKeepsItsNames,
    reviewTakesOneKeyADecision,
    aLabelIsSplitRenamedMergedAndDeleted,
    aClosedSessionTakesNothing,
})
