// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the documents: a workspace as a school would have it, then its pages.
//
//   node console/tests/screenshots.mjs build/espy docs/screens       (make screenshots)
//
// Only what may be published is in them: the photos of the face-api pack and espeak-ng's voices.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

process.env.ESPY = process.argv[2] ?? 'build/espy'
process.env.ESPY_SHARED = '/nowhere' // read by the harness
const { faces, folder, launch, makeAudio, makeVideo, run, sounds, startServer } = await import('./harness.mjs')

const OUT = resolve(process.argv[3] ?? 'docs/screens')
const WIDE = { width: 1280, height: 840 }

let server, browser, workshop, people, voices
const club = {} // the collection of faces: id, sessions, photos
const radio = {} // of sounds

const post = (path, body) => server.api('POST', path, body)
const photo = (name) => people.groups.find((file) => basename(file) === name)

/* -- a picture ---------------------------------------------------------------------------------- */

/** As WebP: without loss where that is small, as it is without photos. */
async function small(png) {
    const made = await workshop.evaluate(async (data) => {
        const image = new Image()
        image.src = `data:image/png;base64,${data}`
        await image.decode()
        const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
        canvas.getContext('2d').drawImage(image, 0, 0)
        const [exact, near] = [1, 0.82].map((quality) => canvas.toDataURL('image/webp', quality))
        return exact.length < 80000 || exact.length < near.length ? exact : near
    }, png.toString('base64'))
    return Buffer.from(made.slice(made.indexOf(',') + 1), 'base64')
}

/** Until everything is there and nothing moves. */
async function settled(page) {
    await page.locator('main h1').first().waitFor()
    await page.waitForFunction(
        () =>
            !document.querySelector('.loading, [aria-busy="true"]') &&
            [...document.images].every((image) => image.complete || image.loading === 'lazy'),
    )
    await page.waitForTimeout(500)
}

async function take(page, name) {
    await page.mouse.move(2, 2) // on nothing
    await settled(page)
    const png = await page.screenshot({ animations: 'disabled', caret: 'hide' })
    writeFileSync(join(OUT, `${name}.webp`), await small(png))
    console.log('  ', name)
}

/** Scrolls until something is near the top. */
async function top(locator) {
    await locator.first().waitFor()
    await locator.first().evaluate((at) => {
        at.scrollIntoView()
        scrollBy(0, -60)
    })
}

async function enter(page) {
    await page.getByLabel('User name').fill('admin')
    await page.getByLabel('Password').fill(server.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
}

const LOOKS = [
    ['', { viewport: WIDE }],
    ['-dark', { viewport: WIDE, theme: 'dark' }],
    ['-phone', { size: 'phone' }],
]

/** Does something with a page of an administrator, in one look or in all. */
async function signedIn(work, looks = LOOKS.slice(0, 1), by = browser) {
    for (const [suffix, look] of looks) {
        const page = await by.open(server.url, { ...look, expected: [/status of 401/] })
        await enter(page)
        await work(
            page,
            (name) => take(page, name + suffix),
            (to) => page.goto(`${server.url}/#${to}`),
        )
        await page.context().close()
    }
}

/* -- the workspace ------------------------------------------------------------------------------ */

/** The views of a person under names that tell them apart. */
function named(material) {
    const at = folder()
    return material.labels.map(({ label, files }) => {
        const [, code, name] = /^([^_]+)_(.*)$/.exec(label)
        const mine = files.map((file, i) => join(at, `${code.toLowerCase()}-${i + 1}.jpg`))
        mine.forEach((to, i) => copyFileSync(files[i], to))
        return { code, name: name.replaceAll('_', ' '), files: mine }
    })
}

async function begin() {
    mkdirSync(OUT, { recursive: true })
    people = await faces()
    people.labels = named(people)
    voices = await sounds()
    server = await startServer()
    browser = await launch()
    workshop = await browser.browser.newPage()
}

async function session(name, date, files) {
    const made = await post(`/v1/collections/${club.id}/sessions`, { name, date })
    for (let i = 0; i < files.length; i += 20) {
        await server.upload(club.id, files.slice(i, i + 20), { session: made.id })
    }
    return made.id
}

async function ordered(what, body = {}, collection = club.id) {
    const { id } = await post(`/v1/collections/${collection}/${what}`, body)
    return server.job(id)
}

const all = async (what) => (await server.api('GET', `/v1/collections/${club.id}/${what}`)).items

/** Whoever most of a group's samples come from gets it; two groups of one person become one. */
async function nameGroups(but) {
    const media = new Map((await all('media?limit=1000')).map((m) => [m.id, m.source]))
    const samples = await all('samples?limit=1000')
    const done = new Map()
    for (const label of (await all('labels?limit=1000')).filter((l) => l.grouped)) {
        const sources = samples.filter((s) => s.label === label.id).map((s) => basename(media.get(s.media)))
        const person = people.labels.find((p) => sources.some((s) => s.startsWith(`${p.code.toLowerCase()}-`)))
        if (!person || but.includes(person.code)) {
            continue
        }
        if (done.has(person.code)) {
            await post(`/v1/labels/${label.id}/merge`, { into: done.get(person.code) })
        } else {
            await server.api('PATCH', `/v1/labels/${label.id}`, { code: person.code, name: person.name })
            done.set(person.code, label.id)
        }
    }
    for (const code of done.keys()) {
        const samples = (await all('samples?limit=1000')).filter((s) => s.code === code).map((s) => s.id)
        await post(`/v1/collections/${club.id}/samples/label`, { samples, label: code })
    }
}

async function aClassIsGroupedAndNamed() {
    const made = { name: 'Class 3b', modality: 'face', encoder: people.encoder, description: 'Mondays, room 12' }
    club.id = (await post('/v1/collections', made)).id
    const views = (from, to) => people.labels.flatMap((p) => p.files.slice(from, to))
    const groups = ['sample1.jpg', 'sample3.jpg', 'sample4.jpg', 'sample5.jpg'].map(photo)
    club.first = await session('Week 1', '2026-09-07', [...views(0, 2), ...groups])
    await ordered('cluster', { session: club.first, threshold: 0.96 })
    await nameGroups(['P06', 'P09'])
    await ordered('train', { force: true, head: 'knn', reason: 'the first week' })
    club.second = await session('Week 2', '2026-09-14', [...views(2, 3).slice(1), photo('sample2.jpg')])
    await ordered('assign', { session: club.second })
    const absent = (await all('labels?limit=1000')).find((l) => l.code === 'P01')
    await server.api('PUT', `/v1/sessions/${club.second}/attendance/${absent.id}`, { present: true })
    club.third = await session('Week 3', '2026-09-21', [...views(3, 5).filter((_, i) => i % 3), photo('sample6.jpg')])
    club.live = await session('Week 4', '2026-09-28', [])
}

async function soundsAreLearned() {
    const made = {
        name: 'Voices',
        modality: 'sound',
        encoder: voices.encoder,
        description: 'Who speaks on the intercom',
    }
    radio.id = (await post('/v1/collections', made)).id
    const learn = (reason) => ordered('train', { force: true, head: 'logistic', reason }, radio.id)
    const next = (label) => voices.labels[(voices.labels.findIndex((one) => one.label === label) + 1) % 3].label
    for (const { label, files } of voices.labels) {
        await server.upload(radio.id, files.slice(0, 3), { label })
        await server.upload(radio.id, files.slice(3, 5), { label: next(label) }) // mistaken
    }
    await learn('the first try')
    for (const { label, files } of voices.labels) {
        await server.upload(radio.id, files.slice(3, 4), { label }) // the last word counts
        await server.upload(radio.id, files.slice(5, 6), { label })
    }
    await learn('three labels corrected')
    for (const { label, files } of voices.labels) {
        await server.upload(radio.id, files.slice(4, 8), { label })
    }
    await learn('all labels corrected')
    const parts = [voices.labels[0].files[1], voices.strangers[0], voices.labels[1].files[2], voices.labels[2].files[3]]
    radio.long = await makeAudio(parts, join(folder(), 'intercom.wav'), { pause: 1.5 })
}

async function peopleAndKeys() {
    const users = [
        ['ann', 'Ann Lee', 'instructor'],
        ['ben', 'Ben Okoye', 'instructor'],
        ['clara', 'Clara Moreau', 'admin'],
    ]
    for (const [name, full_name, role] of users) {
        await post('/v1/users', { name, full_name, role, password: 'a long password' })
    }
    await post('/v1/keys', { name: 'camera at the door', scopes: ['identify'], collection: club.id })
    await post('/v1/keys', { name: 'figures', scopes: ['read'] })
}

/* -- the pages ---------------------------------------------------------------------------------- */

async function signingIn() {
    const page = await browser.open(server.url, { viewport: WIDE, expected: [/status of 401/] })
    await page.getByLabel('User name').waitFor()
    await take(page, 'signin')
    await page.context().close()
}

async function pagesInOneLook() {
    const [p1] = (await all('media?limit=1000')).filter((m) => m.source.endsWith('sample5.jpg'))
    const face = (await all('samples?limit=1000')).find((s) => s.media === p1.id)
    const pages = {
        collections: '/collections',
        collection: `/c/${club.id}`,
        labels: `/c/${club.id}?tab=labels`,
        report: `/c/${club.id}?tab=report`,
        history: `/c/${club.id}?tab=history&undoable=1`,
        'session-second': `/c/${club.id}/s/${club.second}`,
        'session-photos': `/c/${club.id}/s/${club.first}?tab=media`,
        photo: `/c/${club.id}/m/${p1.id}?sample=${face.id}`,
        people: '/people',
        keys: '/people?tab=keys',
        system: '/system',
    }
    await signedIn(async (page, picture, go) => {
        for (const [name, path] of Object.entries(pages)) {
            await go(path)
            await page.waitForTimeout(300)
            await picture(name)
        }
    })
}

/** What Home tells as it happens. */
async function something() {
    const labels = await all('labels?limit=1000')
    for (const code of ['P02', 'P04']) {
        const { id } = labels.find((one) => one.code === code)
        await server.api('PUT', `/v1/sessions/${club.third}/attendance/${id}`, { present: true })
    }
    const [sample] = (await all(`samples?session=${club.third}&limit=1000`)).filter((s) => !s.code)
    await post(`/v1/collections/${club.id}/samples/label`, { samples: [sample.id], label: 'P03' })
    await post(`/v1/collections/${club.id}/undo`)
}

async function pagesInAllLooks() {
    const pages = {
        home: '/',
        session: `/c/${club.id}/s/${club.first}`,
        review: `/c/${club.id}/review`,
    }
    await signedIn(async (page, picture, go) => {
        for (const [name, path] of Object.entries(pages)) {
            await go(path)
            await page.waitForTimeout(300)
            if (name === 'home') {
                await settled(page)
                await something()
                await page.waitForTimeout(1500)
            }
            await picture(name)
        }
    }, LOOKS)
}

async function theCamera() {
    const film = await makeVideo(['sample5.jpg', 'sample3.jpg'].map(photo), join(folder(), 'class.mjpeg'), {
        seconds: 8,
    })
    const seeing = await launch({ video: film })
    await signedIn(
        async (page, picture, go) => {
            await go(`/c/${club.id}/live`)
            await page.getByRole('combobox', { name: /^Session/ }).selectOption(String(club.live))
            await page.getByRole('button', { name: 'Start' }).click()
            await page.waitForFunction(() => document.querySelectorAll('.live-side li').length >= 5, null, {
                timeout: 60000,
            })
            await page.waitForTimeout(6000) // what was told goes
            await picture('live')
            await page.getByRole('button', { name: 'Stop' }).click()
        },
        LOOKS,
        seeing,
    )
    await seeing.close()
}

async function listening() {
    await signedIn(async (page, picture, go) => {
        await go(`/c/${radio.id}/listen`)
        await page.getByRole('button', { name: 'Choose a recording' }).waitFor()
        await page.locator('input[type=file]').setInputFiles(radio.long)
        await page.getByRole('heading', { name: 'What was heard' }).waitFor({ timeout: 60000 })
        await page.waitForTimeout(2000)
        await picture('listen')
    })
}

async function aTraining() {
    await signedIn(async (page, picture, go) => {
        await go(`/c/${radio.id}/train`)
        await page.getByRole('radio', { name: /Neural network/ }).check()
        await page.getByLabel('Reason', { exact: true }).fill('a network instead')
        await page.getByText('Advanced', { exact: true }).click()
        await page.getByLabel('Epochs at most').fill('60')
        await page.getByLabel('Let it answer whatever the gate finds').check()
        await page.getByRole('button', { name: 'Start training' }).click()
        await page.getByText(/was learned and answers now/).waitFor({ timeout: 120000 })
        await top(page.getByRole('img', { name: 'Loss' }))
        await picture('train')
        await page.getByRole('link', { name: 'See it in Versions' }).click()
        await page.getByLabel('Beside it').selectOption('1')
        await page.getByRole('button', { name: 'Compare the answers' }).click()
        await page.getByText(/answers change\.|same answer/).waitFor()
        await page.evaluate(() => scrollTo(0, 0))
        await picture('versions')
        await top(page.getByRole('heading', { name: 'Figures', exact: true }))
        await picture('comparison')
        await go(`/c/${radio.id}/settings`)
        await top(page.getByRole('heading', { name: 'Who is known, and who is not' }))
        await picture('settings')
    })
}

async function end() {
    await browser.close()
    await server.stop()
}

await run({
    begin,
    aClassIsGroupedAndNamed,
    soundsAreLearned,
    peopleAndKeys,
    signingIn,
    theCamera,
    pagesInAllLooks,
    pagesInOneLook,
    listening,
    aTraining,
    end,
})
