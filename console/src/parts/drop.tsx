// Files that come in: dropped or chosen, sent two at a time, each told of as it is done.
import { useEffect, useRef, useState } from 'preact/hooks'
import { upload } from '../api/client'
import type { Modality, Uploaded } from '../api/types'
import { failed } from '../app/toast'
import { t } from '../text'
import { ACCEPT } from './accept'
import { explain } from './load'
import { useStay } from './stay'

interface Waiting {
    file: File
    fields: Record<string, string> // as they were when it was added
    share: number
}

interface Told {
    file: string
    text: string
}

interface DropProps {
    modality: Modality
    path: string // where they are sent
    fields: Record<string, string> // sent along with each
    came: (answer: Uploaded) => void
}

const AT_ONCE = 2

/** What a form with one file means. */
function formOf(file: File, fields: Record<string, string>): FormData {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    form.set('file', file)
    return form
}

export function Drop({ modality, path, fields, came }: DropProps) {
    const [queue, setQueue] = useState<Waiting[]>([])
    const [going, setGoing] = useState<Waiting[]>([])
    const [count, setCount] = useState({ done: 0, all: 0, samples: 0 })
    const [refused, setRefused] = useState<Told[]>([])
    const [over, setOver] = useState(false)
    const stop = useRef(new AbortController())
    const input = useRef<HTMLInputElement>(null)
    const busy = queue.length + going.length > 0

    const add = (files: Iterable<File>) => {
        const fresh = [...files].filter((f) => f.size > 0)
        if (!fresh.length) return
        if (!busy) {
            stop.current = new AbortController()
            setRefused([])
            setCount({ done: 0, all: 0, samples: 0 })
        }
        setCount((c) => ({ ...c, all: c.all + fresh.length }))
        setQueue((q) => [...q, ...fresh.map((file) => ({ file, fields, share: 0 }))])
    }
    const one = async ({ file, fields }: Waiting) => {
        const share = (to: number) => setGoing((g) => g.map((w) => (w.file === file ? { ...w, share: to } : w)))
        try {
            const answer = await upload<Uploaded>(path, formOf(file, fields), share, stop.current.signal)
            const item = answer.items[0]
            const samples = item?.samples.length ?? 0
            if (item && (answer.refused || item.elsewhere))
                setRefused((r) => [
                    ...r,
                    {
                        file: file.name,
                        text: item.elsewhere ? t.session.elsewhere : (t.session.status[item.status] ?? item.status),
                    },
                ])
            setCount((c) => ({ ...c, samples: c.samples + samples }))
            came(answer)
        } catch (e) {
            if ((e as Error).name !== 'AbortError') setRefused((r) => [...r, { file: file.name, text: explain(e) }])
        }
        setCount((c) => ({ ...c, done: c.done + 1 }))
        setGoing((g) => g.filter((w) => w.file !== file))
    }
    useEffect(() => {
        const next = queue.slice(0, AT_ONCE - going.length)
        if (!next.length) return
        setQueue((q) => q.slice(next.length))
        setGoing((g) => [...g, ...next])
        for (const w of next) void one(w)
    }, [queue, going])
    useStay(busy)
    const left = useRef(0)
    left.current = queue.length + going.length
    useEffect(
        () => () => {
            stop.current.abort()
            if (left.current) failed(new Error(t.session.cutOff(left.current)))
        },
        [],
    )

    const share = count.all ? (count.done + going.reduce((sum, w) => sum + w.share / 2, 0)) / count.all : 0
    const found = t.session.found(count.samples, modality === 'sound')
    return (
        <div
            class={'drop' + (over ? ' over' : '')}
            onDragOver={(e) => {
                e.preventDefault()
                setOver(true)
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(e) => {
                e.preventDefault()
                setOver(false)
                add(e.dataTransfer?.files ?? [])
            }}
        >
            <p>
                {t.session.drop[modality]}{' '}
                <button type="button" class="small" onClick={() => input.current?.click()}>
                    {t.session.choose}
                </button>
                <input
                    ref={input}
                    type="file"
                    multiple
                    hidden
                    accept={ACCEPT[modality]}
                    onChange={(e) => {
                        add(e.currentTarget.files ?? [])
                        e.currentTarget.value = ''
                    }}
                />
            </p>
            {/* begin and end are told aloud, not each file */}
            <p class="visually-hidden" role="status">
                {count.all > 0 && (busy ? t.session.sending : t.session.sent(found, refused.length))}
            </p>
            {count.all > 0 && (
                <div class="drop-state">
                    {busy && (
                        <>
                            <progress max={1} value={share} aria-label={t.session.uploading(count.done, count.all)} />
                            <button
                                type="button"
                                class="small"
                                onClick={() => {
                                    setQueue([])
                                    stop.current.abort()
                                }}
                            >
                                {t.common.stop}
                            </button>
                        </>
                    )}
                    <span>
                        {t.session.uploading(count.done, count.all)} · {found}
                    </span>
                </div>
            )}
            {refused.length > 0 && (
                <details open={refused.length < 4}>
                    <summary>{t.session.refused(refused.length)}</summary>
                    <ul>
                        {refused.map((r, i) => (
                            <li key={i}>
                                <strong>{r.file}</strong>: {r.text}
                            </li>
                        ))}
                    </ul>
                </details>
            )}
        </div>
    )
}
