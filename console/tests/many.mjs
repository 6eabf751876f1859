// SPDX-License-Identifier: Apache-2.0
// A session of 500 faces and a collection of 10,000 samples: only what is in sight is drawn, the
// time to Home and frames while it scrolls are told (a figure of docs/performance.md, not an assertion), and a hundred
// faces are named with the keyboard alone.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { faces, fps, launch, run, skip, startServer, workspace } from './harness.mjs'

const at = workspace()
let id, session, browser, server

/** Copies the samples of a collection, a little beside where they are, until there are `most`. */
function multiply(most, where) {
    const columns =
        'detector_digest, box_y, box_w, box_h, points, whole, score, sharpness, label, labelled_by, created, confidence'
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})
    INSERT INTO samples (media, box_x, ${columns})
    SELECT s.media, s.box_x + n.i * 0.001, ${columns
        .split(', ')
        .map((c) => `s.${c}`)
        .join(', ')}
    FROM n JOIN samples s JOIN media m ON m.id = s.media WHERE ${where}
    LIMIT ${most} - (SELECT count(*) FROM samples s JOIN media m ON m.id = s.media WHERE ${where});`
    const told = spawnSync('sqlite3', [join(at, 'store.db'), sql], { encoding: 'utf8' })
    if (told.error) {
        skip('needs sqlite3 (packages/check.txt)')
    }
    assert.equal(told.status, 0, told.stderr)
}

async function thereAreMany() {
    const material = await faces()
    const first = await startServer({ trustLoopback: true, at })
    id = (await first.api('POST', '/v1/collections', { name: 'many', modality: 'face', encoder: material.encoder })).id
    session = (await first.api('POST', `/v1/collections/${id}/sessions`, { name: 'Assembly' })).id
    await first.upload(id, material.groups.slice(0, 6), { session })
    await first.upload(
        id,
        material.labels.slice(0, 3).flatMap((l) => l.files),
    )
    await first.stop()
    multiply(500, `m.session = ${session}`)
    multiply(9500, 'm.session IS NULL')
    server = await startServer({ trustLoopback: true, at })
    assert.equal((await server.api('GET', `/v1/sessions/${session}`)).samples, 500)
    assert.equal((await server.api('GET', `/v1/collections/${id}`)).counts.samples, 10000)
    browser = await launch()
}

/** From the address to a page that can be used, in a browser that has nothing of it yet. */
async function homeIsThere() {
    for (const turn of ['first', 'then']) {
        const began = performance.now()
        const page = await browser.open(server.url)
        await page.getByRole('link', { name: 'many', exact: true }).first().click()
        console.log(`Home, ${turn}: used after ${(performance.now() - began).toFixed(0)} ms`)
        await page.getByRole('heading', { name: 'many', level: 1 }).waitFor()
        await page.context().close()
    }
}

/** Scrolls from one end to the other as a wheel does, twice: pictures are there the second time. */
async function scroll(page, what) {
    const wheel = async () => {
        for (let i = 0; i < 60; i++) {
            await page.mouse.wheel(0, 240)
            await page.waitForTimeout(16)
        }
    }
    await page.mouse.move(700, 500)
    const first = await fps(page, wheel)
    await page.evaluate(() => scrollTo(0, 0))
    await page.waitForTimeout(300)
    const again = await fps(page, wheel)
    const text = (f) => `${f.fps.toFixed(1)} frames/s, longest ${f.worst.toFixed(0)} ms`
    console.log(`${what}: ${text(first)}; with the pictures there: ${text(again)}`)
    const drawn = await page.getByRole('gridcell').count()
    assert.ok(drawn > 20 && drawn < 250, `${drawn} cells are drawn`)
}

async function aSessionScrolls() {
    const page = await browser.open(`${server.url}/#/c/${id}/s/${session}`)
    await page.getByRole('gridcell').first().waitFor()
    await scroll(page, 'session of 500 faces')
    await page.context().close()
}

async function aCollectionScrolls() {
    const page = await browser.open(`${server.url}/#/c/${id}?tab=samples`)
    await page.getByRole('gridcell').first().waitFor({ timeout: 60000 })
    await scroll(page, 'collection of 10,000 samples')
    await page.evaluate(() => scrollTo(0, 0))
    await page.locator('[data-at="0"]').focus()
    await page.keyboard.press('End')
    await page.waitForFunction(() => document.activeElement?.dataset.at === '9999')
    await page.context().close()
}

async function aHundredAreNamedByKeyboard() {
    const page = await browser.open(`${server.url}/#/c/${id}/s/${session}?who=-`)
    await page.getByRole('gridcell').first().waitFor()
    await page.getByRole('gridcell').first().focus()
    const began = Date.now()
    for (let i = 0; i < 100; i++) {
        if (i % 10 === 0) {
            await page.keyboard.press('Enter')
            await page.keyboard.type(`STU${i} Person ${i}`)
            await page.keyboard.press('Enter')
        } else {
            await page.keyboard.press('r') // the same again
        }
        await page.waitForFunction(() => document.activeElement?.role === 'gridcell')
        await page.waitForTimeout(50)
    }
    console.log(`100 faces named in ${((Date.now() - began) / 1000).toFixed(1)} s`)
    for (let i = 0; i < 100; i++) {
        if ((await server.api('GET', `/v1/sessions/${session}`)).labelled === 100) {
            break
        }
        await page.waitForTimeout(100)
    }
    assert.equal((await server.api('GET', `/v1/sessions/${session}`)).labelled, 100)
    const { items } = await server.api('GET', `/v1/collections/${id}/labels`)
    assert.deepEqual(
        items.map((l) => l.samples),
        new Array(10).fill(10),
    )
    await browser.close()
    await server.stop()
}

await run({ thereAreMany, homeIsThere, aSessionScrolls, aCollectionScrolls, aHundredAreNamedByKeyboard })
