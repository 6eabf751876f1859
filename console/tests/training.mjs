// SPDX-License-Identifier: Apache-2.0
// A collection of sounds learns in the console: recordings with a class, training with a reason and
// parameters, watching it, the history, and back again; then a threshold.
import assert from 'node:assert/strict'
import { axe, launch, run, sounds, startServer } from './harness.mjs'

async function upload(page, label, files) {
    await page.getByRole('combobox', { name: 'What is to be heard in them?' }).fill(label)
    await page.keyboard.press('Enter')
    await page.getByText(`Examples of ${label}:`).waitFor()
    await page.locator('.drop input[type=file]').setInputFiles(files)
    await page.getByText(new RegExp(`^${files.length} of ${files.length} files`)).waitFor()
}

async function train(page, head, reason, epochs) {
    await page.getByRole('radio', { name: head }).check()
    await page.getByLabel('Reason', { exact: true }).fill(reason)
    await page.getByText('Advanced', { exact: true }).click()
    if (epochs) {
        await page.getByLabel('Epochs at most').fill(String(epochs))
    }
    await page.getByLabel('Let it answer whatever the gate finds').check()
    await page.getByRole('button', { name: 'Start training' }).click()
}

async function result(page, version) {
    await page.getByText(`Version ${version} was learned and answers now.`).waitFor({ timeout: 120000 })
}

async function clean(page) {
    assert.deepEqual(await axe(page), [])
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= window, `the page is ${wide} pixels wide`)
}

async function soundsLearn() {
    const material = await sounds()
    const server = await startServer({ trustLoopback: true })
    const browser = await launch()
    const { modality, encoder, labels } = material
    const { id } = await server.api('POST', '/v1/collections', { name: 'yard', modality, encoder })
    const page = await browser.open(`${server.url}/#/c/${id}/train`)
    const go = (to) => page.evaluate((hash) => (location.hash = hash), `/c/${id}/${to}`)

    await page.getByText('Nothing to learn from yet').waitFor()
    for (const { label, files } of labels) {
        await upload(page, label, files.slice(0, 8))
    }
    await clean(page)

    await train(page, /Logistic regression/, 'the first')
    await result(page, 1)
    await page.getByRole('button', { name: 'Train again' }).click()

    await train(page, /Neural network/, 'a network', 60)
    await page.getByText(/^Log \(/).waitFor({ timeout: 120000 })
    await page.reload() // a training is found again
    await result(page, 2)
    await page.getByRole('img', { name: 'Loss' }).waitFor()
    await clean(page)

    await page.getByRole('link', { name: 'See it in Versions' }).click()
    const history = page.getByRole('region', { name: 'History' })
    await history.getByText('a network').waitFor()
    await page.getByRole('img', { name: 'Accuracy over the versions' }).waitFor()
    await page.getByLabel('Beside it').selectOption('1')
    await page.getByRole('button', { name: 'Compare the answers' }).click()
    await page.getByText(/answers change\.|same answer/).waitFor()
    await clean(page)

    await page.getByRole('button', { name: 'Roll back to version 1' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('the network was too sure')
    await dialog.getByRole('button', { name: 'Let it answer' }).click()
    await page.getByText('Version 1 answers now.').waitFor()
    assert.equal((await server.api('GET', `/v1/collections/${id}/versions`)).live, 1)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Version 2 answers again.').waitFor()
    assert.equal((await server.api('GET', `/v1/collections/${id}/versions`)).live, 2)

    await go('settings')
    await page.getByLabel('The threshold', { exact: true }).selectOption('hand')
    await page.getByLabel('Threshold', { exact: true }).fill('0.8')
    await page.getByRole('button', { name: 'Learn with 0.80' }).click()
    await page.getByText(/Version 3 was learned/).waitFor({ timeout: 120000 })
    await clean(page)
    const { detail } = await server.api('GET', `/v1/collections/${id}/versions/3`)
    assert.equal(detail.threshold, 0.8)
    assert.equal(detail.threshold_rule, 'fixed')

    await browser.close()
    await server.stop()
}

await run({ soundsLearn })
