// SPDX-License-Identifier: Apache-2.0
// Runs the cases of a test, and cleans up behind them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const SHARED = process.env.ESPY_SHARED ?? join(dirname(ROOT), 'shared')

class Skip extends Error {}

const ends = []

/** Something the test needs is not there: it ends with status 77. */
export function skip(why) {
    throw new Skip(why)
}

/** Does this when the test ends, however it does; the last one first. */
export function after(end) {
    ends.push(end)
}

/** A temporary folder that is gone when the test ends. */
export function folder() {
    const path = mkdtempSync(join(tmpdir(), 'espy-console-'))
    after(() => rmSync(path, { recursive: true, force: true }))
    return path
}

async function cleanUp() {
    while (ends.length > 0) {
        await ends.pop()()
    }
}

/** Runs functions by name, one after the other; the first that fails ends the test with status 1. */
export async function run(cases) {
    let status = 0
    try {
        for (const [name, one] of Object.entries(cases)) {
            console.log('--', name)
            await one()
        }
        console.log('all', Object.keys(cases).length, 'passed')
    } catch (error) {
        status = error instanceof Skip ? 77 : 1
        console.log(error instanceof Skip ? `SKIP: ${error.message}` : error)
    }
    try {
        await cleanUp()
    } catch (error) {
        console.log(error)
        status = status || 1
    }
    process.exit(status)
}
