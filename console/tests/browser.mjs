// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, with what a test wants to know of a page: whether it complained, whom it asked,
// what axe-core finds, how it scrolls.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, ROOT, skip } from './run.mjs'

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } }
const PROGRAM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const PACKAGES = join(ROOT, 'console', 'node_modules')

/** A page asks who is logged in, and nobody is: browsers write every such answer to the console. */
const NOBODY = /^console: .*status of 401 .*\/v1\/auth\/me\)$/

/** The browser alone; flags: more of its options. */
export async function start(flags = []) {
    if (!existsSync(PROGRAM)) {
        skip(`no ${PROGRAM}: install chromium, or name another in CHROMIUM`)
    }
    if (!existsSync(join(PACKAGES, 'playwright-core'))) {
        skip('no playwright-core: npm ci in console/')
    }
    const { chromium } = await import('playwright-core')
    const browser = await chromium.launch({
        executablePath: PROGRAM,
        args: flags,
        chromiumSandbox: process.getuid() !== 0, // root may not have one
    })
    after(() => browser.close())
    return browser
}

function devices({ video, audio }) {
    if (!video && !audio) {
        return []
    }
    const flags = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
    if (video) {
        flags.push(`--use-file-for-fake-video-capture=${video}`)
    }
    if (audio) {
        flags.push(`--use-file-for-fake-audio-capture=${audio}`)
    }
    return flags
}

/** Whether a request stays with the server, or needs nobody. */
function stays(url, origin) {
    return /^(data|blob|about):/.test(url) || new URL(url).host === new URL(origin).host
}

class Browser {
    constructor(browser) {
        this.browser = browser
        this.complaints = []
    }

    listen(context, origin, expected) {
        const tell = (what) => {
            if (![NOBODY, ...expected].some((pattern) => pattern.test(what))) {
                this.complaints.push(what)
            }
        }
        context.on('console', (message) => {
            if (message.type() === 'error') {
                tell(`console: ${message.text()} (${message.location().url})`)
            }
        })
        context.on('weberror', (error) => tell(`page: ${error.error().stack}`))
        context.on('request', (request) => {
            if (!stays(request.url(), origin)) {
                tell(`asked ${request.url()}`)
            }
        })
        context.on('page', (page) => {
            page.on('websocket', (socket) => tell(`asked ${socket.url()}`))
            page.on('crash', () => tell('the page crashed'))
        })
    }

    /** A page in a context of its own (no cookies of another).
     *  size: "phone", "desktop";  theme: "light", "dark";  expected: patterns of complaints that the
     *  test provokes;  more: what playwright's newContext() takes */
    async open(url, { size = 'desktop', theme = 'light', expected = [], ...more } = {}) {
        const context = await this.browser.newContext({
            viewport: SIZES[size],
            hasTouch: size === 'phone',
            colorScheme: theme,
            ...more,
        })
        context.setDefaultTimeout(60000) // the machine may be busy with other tests
        this.listen(context, url, expected)
        const page = await context.newPage()
        await page.goto(url)
        return page
    }

    /** Fails where a page complained, or asked another host. */
    check() {
        const all = this.complaints.splice(0)
        if (all.length > 0) {
            throw new Error(`the pages complained:\n${all.join('\n')}`)
        }
    }

    async close() {
        await this.browser.close()
        this.check()
    }
}

/** video, audio: files that camera and microphone show (makeVideo, makeAudio), and the permission to
 *  use them; without either there are no devices.
 *  .open(url, options), .check(), .close() */
export async function launch({ video, audio } = {}) {
    return new Browser(await start(devices({ video, audio })))
}

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** What axe-core finds against WCAG 2.2 A and AA, a line for each element; none: []. */
export async function axe(page) {
    await page.evaluate(readFileSync(join(PACKAGES, 'axe-core', 'axe.min.js'), 'utf8'))
    const { violations } = await page.evaluate(
        (rules) => window.axe.run({ runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] }),
        RULES,
    )
    return violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${rule.help}: ${node.target.join(' ')}`),
    )
}

/** Frames that the page draws while `act` runs: {fps, worst: milliseconds of the longest, frames}. */
export async function fps(page, act) {
    await page.evaluate(() => {
        const times = (window.espyFrames = [])
        const frame = (now) => {
            times.push(now)
            window.espyNext = requestAnimationFrame(frame)
        }
        window.espyNext = requestAnimationFrame(frame)
    })
    await act(page)
    const times = await page.evaluate(() => {
        cancelAnimationFrame(window.espyNext)
        return window.espyFrames
    })
    const gaps = times.slice(1).map((time, i) => time - times[i])
    const whole = times[times.length - 1] - times[0]
    return { fps: (1000 * gaps.length) / whole, worst: Math.max(...gaps), frames: times.length }
}
