// Asking the server: the session's cookie goes along by itself, what changes something brings the
// CSRF value of the login.
import type { Page } from './types'

/** What the server refused, and why. `status` 0: it was not reached. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly details: Record<string, string[]> = {},
        readonly requestId = '',
    ) {
        super(message)
    }
}

let csrf = ''
let unauthenticated: () => void = () => {}

/** What changes something has to bring this; "" where the server trusts the machine. */
export function setCsrf(value: string): void {
    csrf = value
}

/** Called when a request is refused because nobody is signed in any more. */
export function onUnauthenticated(fn: () => void): void {
    unauthenticated = fn
}

type Query = Record<string, string | number | boolean | null | undefined>

function withQuery(path: string, query?: Query): string {
    const all = new URLSearchParams()
    for (const [name, value] of Object.entries(query ?? {}))
        if (value !== undefined && value !== null && value !== '') all.set(name, String(value))
    const text = all.toString()
    return text ? `${path}?${text}` : path
}

function failure(status: number, text: string, request: string): ApiError {
    try {
        const told = JSON.parse(text)
        // /v1 tells {error: {code, message}}, the described systems {error: text} or {detail: text}
        const e = typeof told.error === 'object' ? told.error : { message: told.error ?? told.detail ?? told.message }
        return new ApiError(status, e.code ?? '', e.message ?? text, e.details ?? {}, told.request_id ?? request)
    } catch {
        return new ApiError(status, '', text.slice(0, 200), {}, request)
    }
}

/** `sent`: the CSRF value of when it was asked; an answer to an earlier login says nothing of this one. */
function refused(e: ApiError, path: string, sent: string): ApiError {
    if (e.status === 401 && sent === csrf && !path.startsWith('/v1/auth/')) unauthenticated()
    return e
}

function headers(method: string): Record<string, string> {
    return method === 'GET' || !csrf ? {} : { 'X-CSRF-Token': csrf }
}

async function send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const form = body instanceof FormData
    const sent = csrf
    const init: RequestInit = { method, credentials: 'same-origin', headers: headers(method) }
    if (signal) init.signal = signal
    if (body !== undefined) {
        init.body = form ? (body as FormData) : JSON.stringify(body)
        if (!form) (init.headers as Record<string, string>)['Content-Type'] = 'application/json'
    }
    let answer: Response
    try {
        answer = await fetch(path, init)
    } catch (e) {
        if ((e as Error).name === 'AbortError') throw e
        throw new ApiError(0, 'offline', '')
    }
    if (!answer.ok)
        throw refused(failure(answer.status, await answer.text(), answer.headers.get('X-Request-Id') ?? ''), path, sent)
    return answer
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const answer = await send(method, path, body, signal)
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T)
}

export const api = {
    get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
        json<T>('GET', withQuery(path, query), undefined, signal),
    post: <T>(path: string, body: unknown = {}, signal?: AbortSignal) => json<T>('POST', path, body, signal),
    put: <T>(path: string, body: unknown = {}) => json<T>('PUT', path, body),
    patch: <T>(path: string, body: unknown) => json<T>('PATCH', path, body),
    /** Takes something away; the answer tells the event that can be taken back. */
    del: async (path: string, query?: Query): Promise<{ event: number | null }> => {
        const answer = await send('DELETE', withQuery(path, query), undefined)
        const event = answer.headers.get('X-Espy-Event')
        return { event: event === null ? null : Number(event) }
    },
    text: async (path: string) => (await send('GET', path, undefined)).text(),
    blob: async (path: string, signal?: AbortSignal) => (await send('GET', path, undefined, signal)).blob(),
}

/** All items of a list, page after page. */
export async function all<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T[]> {
    const items: T[] = []
    let cursor: string | null = null
    do {
        const page: Page<T> = await api.get<Page<T>>(path, { limit: 1000, ...query, cursor }, signal)
        items.push(...page.items)
        cursor = page.next_cursor
    } while (cursor)
    return items
}

/** Sends a form and tells how much of it has gone out (0..1). A 422 is an answer here: it tells for
 *  each file why it did not come in. */
export function upload<T>(
    path: string,
    form: FormData,
    progress: (share: number) => void,
    signal?: AbortSignal,
): Promise<T> {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) throw new DOMException('', 'AbortError')
        const x = new XMLHttpRequest()
        const sent = csrf
        x.open('POST', path)
        if (csrf) x.setRequestHeader('X-CSRF-Token', csrf)
        x.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total)
        x.onerror = () => reject(new ApiError(0, 'offline', ''))
        x.onabort = () => reject(new DOMException('', 'AbortError'))
        x.onload = () => {
            const told = x.status < 300 || (x.status === 422 && x.responseText.includes('"items"'))
            if (told) resolve(JSON.parse(x.responseText) as T)
            else
                reject(
                    refused(failure(x.status, x.responseText, x.getResponseHeader('X-Request-Id') ?? ''), path, sent),
                )
        }
        signal?.addEventListener('abort', () => x.abort())
        x.send(form)
    })
}

/** Server-sent events by name. The browser connects again by itself, but for where it was refused: that
 *  is tried again here, as somebody may sign in meanwhile. Returns how to end it. */
export function listen(path: string, on: Record<string, (data: unknown) => void>): () => void {
    let source: EventSource
    let timer: ReturnType<typeof setTimeout> | undefined
    const open = () => {
        source = new EventSource(path)
        for (const [name, fn] of Object.entries(on))
            source.addEventListener(name, (e) => fn(JSON.parse((e as MessageEvent<string>).data)))
        source.onerror = () => {
            if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 5000)
        }
    }
    open()
    return () => {
        source.close()
        clearTimeout(timer)
    }
}
