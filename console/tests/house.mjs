// SPDX-License-Identifier: Apache-2.0
// The house in order: signing in, collections and their first examples, accounts, keys, and what each
// account sees; every page of it without a finding of axe-core, on a phone and on a desk, by day and
// by night.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { axe, faces, launch, run, startServer } from './harness.mjs'
import { zip } from './zip.mjs'

const PAGES = [
    '/',
    '/collections',
    '/collections?new=1',
    '/people',
    '/people?tab=keys',
    '/people?tab=webhooks',
    '/system',
    '/system?tab=packs',
    '/system?tab=jobs',
    '/system?tab=clear',
    '/account',
    '/me',
]
const EXPECTED = [/status of 401/] // nobody is signed in yet, or the password is wrong
const NOBODY = [/status of 404/] // an account that is no student's has no attendance

let material, server, browser
let password // of the instructor

function button(page, name) {
    return page.getByRole('button', { name, exact: true })
}

async function enter(page, name, password) {
    await page.getByLabel('User name').fill(name)
    await page.getByLabel('Password').fill(password)
    await button(page, 'Sign in').click()
}

async function signedIn(name, password, options = {}) {
    const page = await browser.open(server.url, { ...options, expected: [...EXPECTED, ...NOBODY] })
    await enter(page, name, password)
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    return page
}

async function at(page, path, heading) {
    await page.goto(`${server.url}/#${path}`)
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
}

/** Two people, and a file in no folder. */
function archive() {
    const entries = material.labels
        .slice(0, 2)
        .flatMap(({ label, files }) =>
            files.slice(0, 3).map((file) => [`${label}/${basename(file)}`, readFileSync(file)]),
        )
    return { name: 'club.zip', mimeType: 'application/zip', buffer: zip([...entries, ['loose.jpg', Buffer.from('x')]]) }
}

async function aNewServer() {
    material = await faces()
    server = await startServer()
    browser = await launch()
}

async function aWrongPassword() {
    const page = await browser.open(server.url, { expected: EXPECTED })
    await enter(page, 'admin', 'not the password')
    await page.getByText('Name or password is wrong.').waitFor()
    await page.context().close()
}

async function theFirstPassword() {
    const page = await signedIn('admin', server.password)
    await page.getByRole('heading', { name: 'Start with a collection' }).waitFor()
    await page.context().close()
}

async function aCollectionOfAnArchive() {
    const page = await signedIn('admin', server.password)
    await page.getByRole('link', { name: 'Make a collection' }).click()
    await page.getByLabel('Name').fill('Class 3b')
    await page.locator('option', { hasText: material.encoder }).first().waitFor({ state: 'attached' })
    await page.getByLabel('Encoder pack').selectOption(material.encoder)
    await page.getByText(/numbers for each sample/).waitFor()
    await page.getByLabel('Examples, as a zip archive').setInputFiles(archive())
    await button(page, 'Make it').click()
    await page.getByRole('cell', { name: /lies in no folder/ }).waitFor()
    const figures = await page.locator('dialog .figures').innerText()
    if (!/added\s*6\s*known already\s*0\s*refused\s*1/.test(figures)) {
        throw new Error(`the import told: ${figures}`)
    }
    await button(page, 'Go to Class 3b').click()
    await page.waitForURL(/#\/c\/1$/)
    await page.context().close()
}

async function anInstructorAndAKey() {
    const page = await signedIn('admin', server.password)
    await at(page, '/people', 'People and keys')
    await button(page, 'Add an account').click()
    await page.getByLabel('User name').fill('ann')
    await page.getByLabel('Full name').fill('Ann Lee')
    await button(page, 'Make one').click()
    await button(page, 'Add').click()
    await page.getByRole('heading', { name: 'The password of ann' }).waitFor()
    password = await page.locator('.secret input').inputValue()
    await page.locator('dialog .primary').click()
    await page.getByRole('rowheader', { name: /^ann/ }).waitFor()

    await page.getByRole('tab', { name: 'Keys' }).click()
    await button(page, 'Make a key').click()
    await page.getByLabel('What uses it').fill('the door')
    await page.getByRole('checkbox', { name: /^read/ }).check()
    await page.locator('dialog .primary').click()
    await page.getByRole('heading', { name: 'The key of the door' }).waitFor()
    const key = await page.locator('.secret input').inputValue()
    const seen = await server.ask('GET', '/v1/collections', undefined, { 'x-api-key': key })
    if (seen.items.length !== 1) {
        throw new Error(`the key sees ${seen.items.length} collections`)
    }
    await page.locator('dialog .primary').click()
    await page.getByRole('rowheader', { name: 'the door' }).waitFor()
    await page.context().close()
}

async function anInstructorSeesTheirOwn() {
    const page = await signedIn('ann', password)
    await page.getByRole('heading', { name: 'Start with a collection' }).waitFor()
    await at(page, '/collections', 'Collections')
    await button(page, 'New collection').first().click()
    await page.getByLabel('Name').fill("Ann's own")
    await button(page, 'Make it').click()
    await page.waitForURL(/#\/c\/2$/)
    await at(page, '/collections', 'Collections')
    const names = await page.locator('.collection h2').allInnerTexts()
    if (names.join() !== "Ann's own") {
        throw new Error(`ann sees ${names}`)
    }
    if (await page.getByRole('link', { name: 'People and keys' }).count()) {
        throw new Error('an instructor is offered what administrators do')
    }
    await page.context().close()
}

/** The session ends while a form is half filled: one signs in over it and goes on. */
async function theSessionEndsMeanwhile() {
    const page = await signedIn('admin', server.password)
    await at(page, '/collections', 'Collections')
    await button(page, 'New collection').first().click()
    await page.getByLabel('Name').fill('Half typed')
    await page.context().clearCookies()
    await button(page, 'Make it').click()
    const again = page.getByRole('dialog', { name: 'Sign in' })
    await again.waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    if ((await again.getByLabel('User name').inputValue()) !== 'admin') {
        throw new Error('the page does not know who was signed in')
    }
    const found = await axe(page)
    if (found.length > 0) {
        throw new Error(found.join('\n'))
    }
    await again.getByLabel('Password').fill(server.password)
    await button(again, 'Sign in').click()
    await again.waitFor({ state: 'detached' })
    await button(page, 'Make it').click()
    await page.waitForURL(/#\/c\/\d+$/)
    await page
        .locator('.nav-foot')
        .getByRole('button', { name: /^Sign out/ })
        .click()
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    if (await page.getByText('Your session has ended').count()) {
        throw new Error('who signs out is told that the session has ended')
    }
    const kept = await page.evaluate(() => sessionStorage.length)
    if (kept > 0) {
        throw new Error('the tab remembers who has signed out')
    }
    await page.context().close()
}

/** Somebody else signs in over the page: they get a page of their own. */
async function anotherSignsIn() {
    const page = await signedIn('admin', server.password)
    await at(page, '/collections', 'Collections')
    await button(page, 'New collection').first().click()
    await page.getByLabel('Name').fill('Not for ann')
    await page.context().clearCookies()
    await button(page, 'Make it').click()
    const again = page.getByRole('dialog', { name: 'Sign in' })
    await again.getByLabel('User name').fill('ann')
    await again.getByLabel('Password').fill(password)
    await button(again, 'Sign in').click()
    await button(page, 'Sign out · ann').waitFor()
    await again.waitFor({ state: 'detached' })
    // the address still asks for the form, which is a new one
    if (await page.getByLabel('Name').inputValue()) {
        throw new Error('ann sees what admin typed')
    }
    await page.context().close()
}

async function choosingACollectionByKeys() {
    const page = await signedIn('admin', server.password)
    await at(page, '/collections', 'Collections')
    await page.locator('.nav-collection summary').focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    if (!/#\/collections$/.test(page.url())) {
        throw new Error(`looking at the collections went to ${page.url()}`)
    }
    await page.keyboard.press('Enter')
    await page.waitForURL(/#\/c\/\d+$/)
    if (await page.locator('.nav-collection[open]').count()) {
        throw new Error('the list of collections stays open')
    }
    await page.context().close()
}

/** An address with no number in it asks the server for nothing. */
async function addressesOfNothing() {
    const page = await signedIn('admin', server.password)
    const asked = []
    page.on('request', (request) => asked.push(request.url()))
    for (const path of ['/c/abc/train', '/c/%/review', '/c/1/s/x', '/nowhere']) {
        await at(page, path, 'No such page')
        await page.waitForTimeout(200)
    }
    if (asked.some((url) => /NaN|abc|%|nowhere/.test(url) && url.includes('/v1/'))) {
        throw new Error(`asked for ${asked.join()}`)
    }
    if ((await page.title()) !== 'No such page · espy') {
        throw new Error(`the window is called ${await page.title()}`)
    }
    await page.context().close()
}

/** The files of a page are there no more: espy was updated. */
async function aPageOfAnOlderEspy() {
    const page = await signedIn('admin', server.password)
    await page.route(/account.*\.js/, (route) => route.fulfill({ status: 404, body: '' }))
    await page.goto(`${server.url}/#/account`)
    await page.getByText(/espy was updated/).waitFor()
    await page.unroute(/account.*\.js/)
    await button(page, 'Reload').click()
    await page.getByRole('heading', { level: 1, name: 'Your account' }).waitFor()
    await page.context().close()
}

/** Until nothing is read any more. */
async function settled(page) {
    await page.locator('main h1, dialog h2').first().waitFor()
    await page.waitForFunction(() => !document.querySelector('.loading, [aria-busy="true"]'))
}

async function axeFindsNothing() {
    for (const size of ['phone', 'desktop']) {
        for (const theme of ['light', 'dark']) {
            const found = []
            const look = async (page, path) => found.push(...(await axe(page)).map((line) => `${path}: ${line}`))
            const outside = await browser.open(server.url, { size, theme, expected: EXPECTED })
            await button(outside, 'Sign in').waitFor()
            await look(outside, 'signing in')
            await outside.context().close()
            const page = await signedIn('admin', server.password, { size, theme })
            for (const path of PAGES) {
                await page.goto(`${server.url}/#${path}`)
                await settled(page)
                await look(page, path)
                if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) {
                    found.push(`${path}: is wider than the window`)
                }
            }
            await page.context().close()
            if (found.length > 0) {
                throw new Error(`${size}, ${theme}:\n${found.join('\n')}`)
            }
        }
    }
}

async function nothingToComplainOf() {
    await browser.close()
    await server.stop()
}

await run({
    aNewServer,
    aWrongPassword,
    theFirstPassword,
    aCollectionOfAnArchive,
    anInstructorAndAKey,
    anInstructorSeesTheirOwn,
    theSessionEndsMeanwhile,
    anotherSignsIn,
    choosingACollectionByKeys,
    addressesOfNothing,
    aPageOfAnOlderEspy,
    axeFindsNothing,
    nothingToComplainOf,
})
