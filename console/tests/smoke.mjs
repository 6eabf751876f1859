// SPDX-License-Identifier: Apache-2.0
// The page opens: on a phone and on a desk, by day and by night, with nothing to complain of.
import { launch, run, startServer } from './harness.mjs'

async function thePageOpens() {
    const server = await startServer()
    const browser = await launch()
    for (const size of ['phone', 'desktop']) {
        for (const theme of ['light', 'dark']) {
            const page = await browser.open(server.url, { size, theme })
            await page.waitForFunction(() => document.querySelector('#app')?.childElementCount > 0)
        }
    }
    await browser.close()
    await server.stop()
}

await run({ thePageOpens })
