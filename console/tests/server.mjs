// SPDX-License-Identifier: Apache-2.0
// `espy serve` of a new workspace, on a free port, and asking it as a program would.
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { after, folder, ROOT, skip } from './run.mjs'

const ENV = { ...process.env, ESPY_SOURCE_ROOT: process.env.ESPY_SOURCE_ROOT ?? ROOT }

function program() {
    const named = process.env.ESPY ?? join(ROOT, 'build', 'espy')
    return existsSync(named) ? resolve(named) : skip(`no program ${named}: make build, or name another in ESPY`)
}

/** A workspace; conf: lines of espy.conf. */
export function workspace(conf = '') {
    const at = join(folder(), 'workspace')
    if (conf) {
        const made = spawnSync(program(), ['init', '--workspace', at], { env: ENV, encoding: 'utf8' })
        if (made.status !== 0) {
            throw new Error(`espy init: ${made.stderr}`)
        }
        appendFileSync(join(at, 'espy.conf'), `${conf}\n`)
    }
    return at
}

class Server {
    constructor(child) {
        this.child = child
        this.said = ''
        this.token = null
        this.ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)))
        child.stderr.setEncoding('utf8').on('data', (text) => {
            this.said += text
        })
    }

    /** The first group of a line that the server says. */
    async line(pattern, seconds = 60) {
        for (let i = 0; i < seconds * 20; i++) {
            const found = pattern.exec(this.said)
            if (found) {
                return found[1]
            }
            if (this.child.exitCode !== null) {
                break
            }
            await pause(50)
        }
        throw new Error(`the server never said ${pattern}:\n${this.said}`)
    }

    async begin(trusted) {
        this.url = await this.line(/Listening on (http:\S+:\d+)/)
        this.password = trusted ? null : await this.line(/administrator is "admin" with the password (\S+)/)
        while (!(await fetch(`${this.url}/readyz`)).ok) {
            await pause(50)
        }
        const page = await fetch(this.url, { headers: { accept: 'text/html' } })
        if (!page.headers.get('content-type').includes('html')) {
            skip(`${program()} was built without the console (-Dconsole=false)`)
        }
        return this
    }

    async login(name = 'admin', password = this.password) {
        const said = await this.ask('POST', '/v1/auth/login', { name, password })
        return said.access
    }

    /** What the server answers, read as JSON where it is; a status of 400 and more is an error.
     *  body: an object for JSON, or FormData.  Asked as the administrator. */
    async api(method, path, body) {
        this.token ??= this.password && (await this.login())
        return this.ask(method, path, body, this.token ? { authorization: `Bearer ${this.token}` } : {})
    }

    async ask(method, path, body, headers = {}) {
        const form = body instanceof FormData || body === undefined
        const answer = await fetch(this.url + path, {
            method,
            headers: form ? headers : { ...headers, 'content-type': 'application/json' },
            body: form ? body : JSON.stringify(body),
        })
        const text = await answer.text()
        if (!answer.ok) {
            throw new Error(`${method} ${path}: ${answer.status} ${text}`)
        }
        return answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
    }

    /** Files into a collection.  fields: label, session, ... */
    async upload(collection, files, fields = {}) {
        const form = new FormData()
        for (const [name, value] of Object.entries(fields)) {
            form.append(name, String(value))
        }
        for (const file of files) {
            form.append('file', new Blob([readFileSync(file)]), basename(file))
        }
        return this.api('POST', `/v1/collections/${collection}/media`, form)
    }

    /** Until the job has ended well. */
    async job(id, seconds = 300) {
        for (let i = 0; i < seconds * 10; i++) {
            const job = await this.api('GET', `/v1/jobs/${id}`)
            if (job.state === 'done') {
                return job
            }
            if (job.state !== 'queued' && job.state !== 'running') {
                throw new Error(`job ${id}: ${JSON.stringify(job)}`)
            }
            await pause(100)
        }
        throw new Error(`job ${id} does not end`)
    }

    /** A collection that has learned: material as faces() and sounds() give it. */
    async learn(name, material) {
        const { modality, encoder } = material
        const made = await this.api('POST', '/v1/collections', { name, modality, encoder })
        for (const { label, files } of material.labels) {
            await this.upload(name, files, { label })
        }
        const { id } = await this.api('POST', `/v1/collections/${name}/train`, { force: true })
        await this.job(id)
        return made
    }

    /** Ends it; what a sanitizer said is an error. */
    async stop() {
        this.child.kill('SIGTERM')
        const code = await this.ended
        const bad = this.said
            .split('\n')
            .filter(
                (line) =>
                    /runtime error:|(ERROR|WARNING): \w+Sanitizer/.test(line) && !/zero offset to null/.test(line),
            )
        if (![0, 130].includes(code) || bad.length > 0) {
            throw new Error(`the server ended with ${code}:\n${bad.join('\n')}\n${this.said}`)
        }
    }
}

/** A server of a new workspace.
 *  trustLoopback: nobody has to log in.  conf: lines of espy.conf.  args: more options.
 *  at: a workspace() that may have been served before (with trustLoopback); else a new one.
 *  .url, .password (of "admin"), .api(method, path, body), .upload(), .job(), .learn(), .login(),
 *  .line(pattern), .stop() */
export async function startServer({ trustLoopback = false, conf = '', args = [], at = workspace(conf) } = {}) {
    const options = ['serve', '--workspace', at, '--port', '0', '--verbose', ...args]
    if (trustLoopback) {
        options.push('--trust-loopback')
    }
    const child = spawn(program(), options, { env: ENV, cwd: folder(), stdio: ['ignore', 'ignore', 'pipe'] })
    const server = new Server(child)
    after(() => {
        if (child.exitCode === null) {
            child.kill('SIGKILL')
            return server.ended
        }
    })
    return server.begin(trustLoopback)
}
