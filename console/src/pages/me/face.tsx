// A student's own pictures: taken or chosen, looked at, sent.
import { useEffect, useRef, useState } from 'preact/hooks'
import { upload } from '../../api/client'
import { ACCEPT } from '../../parts/accept'
import { Problem } from '../../parts/load'
import { t } from '../../text'
import { Camera } from './camera'

const MOST = 50 // pictures that the server takes at once

interface Registered {
    registered: number
    refused: { file: string; reason: string }[]
}

interface Picture {
    file: File
    url: string
}

function Thumbs({ pictures, remove }: { pictures: Picture[]; remove: (i: number) => void }) {
    return (
        <ul class="thumbs">
            {pictures.map((p, i) => (
                <li key={p.url}>
                    <img src={p.url} alt={t.me.picture(i + 1)} />
                    <button
                        type="button"
                        class="small"
                        aria-label={t.me.removePicture(i + 1)}
                        onClick={() => remove(i)}
                    >
                        ×
                    </button>
                </li>
            ))}
        </ul>
    )
}

function Outcome({ of }: { of: Registered }) {
    return (
        <div role="status">
            <p class="note">
                {t.me.taken(of.registered)} {t.me.learned}
            </p>
            {of.refused.length > 0 && (
                <div class="scroll" role="region" aria-label={t.me.refused} tabIndex={0}>
                    <table>
                        <caption>{t.me.refused}</caption>
                        <thead>
                            <tr>
                                <th scope="col">{t.me.file}</th>
                                <th scope="col">{t.me.reason}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {of.refused.map((one, i) => (
                                <tr key={i}>
                                    <th scope="row">{one.file}</th>
                                    <td>{one.reason}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
        </div>
    )
}

/** Sends the pictures; how far that is, and a way to stop it. */
function useSending(sent: () => void) {
    const [share, setShare] = useState<number | null>(null)
    const [outcome, setOutcome] = useState<Registered>()
    const [error, setError] = useState<unknown>()
    const stop = useRef<AbortController>()
    useEffect(() => () => stop.current?.abort(), [])
    const send = async (pictures: Picture[]) => {
        const form = new FormData()
        for (const p of pictures) form.append('images', p.file)
        stop.current = new AbortController()
        setOutcome(undefined)
        setError(undefined)
        setShare(0)
        try {
            setOutcome(await upload<Registered>('/api/students/register-face', form, setShare, stop.current.signal))
            sent()
        } catch (e) {
            if ((e as Error).name !== 'AbortError') setError(e)
        }
        setShare(null)
    }
    return { share, outcome, error, send, cancel: () => stop.current?.abort() }
}

export function RegisterFace({ count, changed }: { count: number; changed: () => void }) {
    const [camera, setCamera] = useState(false)
    const [pictures, setPictures] = useState<Picture[]>([])
    const kept = useRef(pictures)
    kept.current = pictures
    const drop = (some: Picture[]) => some.forEach((p) => URL.revokeObjectURL(p.url))
    useEffect(() => () => drop(kept.current), [])
    const add = (files: File[]) =>
        setPictures((all) =>
            [...all, ...files.map((file) => ({ file, url: URL.createObjectURL(file) }))].slice(0, MOST),
        )
    const sending = useSending(() => {
        drop(pictures)
        setPictures([])
        setCamera(false)
        changed()
    })
    const remove = (i: number) => {
        drop([pictures[i]!])
        setPictures(pictures.filter((_, k) => k !== i))
    }
    return (
        <section class="card" aria-labelledby="me-face">
            <h2 id="me-face">{t.me.face}</h2>
            <p>{count ? t.me.registered(count) : t.me.unregistered}</p>
            <p class="quiet">{t.me.faceText}</p>
            {sending.outcome && <Outcome of={sending.outcome} />}
            {sending.error !== undefined && <Problem error={sending.error} />}
            {camera && <Camera take={(picture) => add([picture])} close={() => setCamera(false)} />}
            <div class="actions">
                {!camera && (
                    <button type="button" onClick={() => setCamera(true)}>
                        {t.me.camera}
                    </button>
                )}
                <label class="button">
                    {t.me.files}
                    <input
                        class="visually-hidden"
                        type="file"
                        accept={ACCEPT.face}
                        multiple
                        onChange={(e) => {
                            add([...(e.currentTarget.files ?? [])])
                            e.currentTarget.value = ''
                        }}
                    />
                </label>
            </div>
            <Thumbs pictures={pictures} remove={remove} />
            {sending.share !== null ? (
                <div class="job">
                    <div class="job-text">
                        <span role="status">{t.me.sending}</span>
                    </div>
                    <progress max={1} value={sending.share < 1 ? sending.share : undefined} aria-label={t.me.sending} />
                    <button type="button" onClick={sending.cancel}>
                        {t.common.stop}
                    </button>
                </div>
            ) : (
                pictures.length > 0 && (
                    <button type="button" class="primary" onClick={() => void sending.send(pictures)}>
                        {t.me.send(pictures.length)}
                    </button>
                )
            )}
        </section>
    )
}
