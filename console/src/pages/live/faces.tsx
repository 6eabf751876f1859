// The camera: who is in view, and whom the session marks.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { all, api, ApiError, upload } from '../../api/client'
import type { CollectionFull, Label, Session, Uploaded } from '../../api/types'
import { useKeys } from '../../app/keys'
import { Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { done, failed, tell } from '../../app/toast'
import { ask } from '../../parts/dialog'
import { Check, Select } from '../../parts/form'
import { type Loaded, Problem, useLoad } from '../../parts/load'
import { Boxes } from '../../parts/photo'
import { clock, day } from '../../parts/when'
import { t } from '../../text'
import { AttendanceList, useAttendance, useMarks } from './attendance'
import { type Power, useCamera } from './camera'
import { streamName, useDevices } from './devices'
import { snap, useFrames } from './frames'
import { withNames } from './names'
import { ResultCard } from './result'
import { type Marks, resultOf, seenOf } from './seen'
import { SessionPicker } from './session'
import type { FaceFrame } from './types'

/** The sessions that are open, and the one of the address. */
function useSessions(collection: number, may: boolean) {
    const [id, setId] = useQuery('session')
    const list = useLoad(
        (signal) =>
            may
                ? all<Session>(`/v1/collections/${collection}/sessions`, { state: 'open' }, signal)
                : Promise.resolve([] as Session[]),
        [collection, may],
    )
    const open = list.data ?? []
    const session = open.find((s) => String(s.id) === id) ?? null
    const made = (s: Session) => {
        list.set((old) => [s, ...old])
        setId(String(s.id))
        done(t.live.sessionMade(s.name))
    }
    const end = async (s: Session) => {
        if (!(await ask({ title: t.live.endTitle(s.name), text: t.live.endText, yes: t.live.end }))) return
        if (!(await tell(api.patch(`/v1/sessions/${s.id}`, { state: 'closed' })))) return
        setId('')
        list.reload()
        done(t.live.ended(s.name), async () => {
            await api.patch(`/v1/sessions/${s.id}`, { state: 'open' })
            list.reload()
            setId(String(s.id))
        })
    }
    const lost = () => {
        setId('')
        list.reload()
        failed(new Error(t.live.sessionClosed))
    }
    return { open, session, choose: setId, made, end, lost }
}

function Preview({
    video,
    power,
    frame,
    marks,
    mirrored,
}: {
    video: { current: HTMLVideoElement | null }
    power: Power
    frame: FaceFrame | null
    marks: Marks | null
    mirrored: boolean
}) {
    const boxes = (frame?.samples ?? []).map((s, id) => {
        const { kind, name, percent } = seenOf(s, marks)
        return { id, box: s.box, kind, text: percent ? t.live.boxText(name, percent) : name }
    })
    return (
        <figure class={'photo live-view' + (mirrored ? ' mirrored' : '')}>
            <video ref={video} muted playsInline aria-label={t.live.preview} hidden={power !== 'on'} />
            {power === 'on' && frame && (
                <Boxes boxes={boxes} width={frame.width} height={frame.height} mirrored={mirrored} />
            )}
            {power !== 'on' && (
                <div class="live-off">
                    <p>
                        <strong>{power === 'starting' ? t.live.starting : t.live.off.videoinput}</strong>
                    </p>
                    {power === 'off' && <p class="quiet">{t.live.offHelp.videoinput}</p>}
                </div>
            )}
        </figure>
    )
}

const MIRROR = 'espy.mirror'

function useMirror(): [boolean, (on: boolean) => void] {
    const [on, set] = useState(localStorage.getItem(MIRROR) === '1')
    const change = (to: boolean) => {
        localStorage.setItem(MIRROR, to ? '1' : '0')
        set(to)
    }
    return [on, change]
}

/** Keeps what the camera shows now, in full size, with the session. */
async function keepPhoto(video: HTMLVideoElement, session: Session): Promise<void> {
    const picture = await snap(video, Infinity, 0.92)
    if (!picture) return
    const form = new FormData()
    form.set('session', String(session.id))
    const now = new Date()
    form.set('file', picture, `${day(now)}_${clock(now, true).replaceAll(':', '')}.jpg`)
    const told = await upload<Uploaded>(`/v1/collections/${session.collection}/media`, form, () => {})
    const item = told.items[0]!
    if (item.status === 'known') return done(t.live.photoKnown)
    if (item.media === null) throw new Error(item.error ?? item.status)
    done(t.live.photoKept(item.samples.length), async () => {
        await api.del(`/v1/media/${item.media}`)
        done(t.common.undone)
    })
}

export function Faces({ collection, labels }: { collection: CollectionFull; labels: Loaded<Label[]> }) {
    const may = useMay('enroll')
    const sessions = useSessions(collection.id, may)
    const { session } = sessions
    const list = useAttendance(collection.id, session)
    const { marks, told } = useMarks(list)
    const [mirrored, mirror] = useMirror()
    const [frame, setFrame] = useState<FaceFrame | null>(null)
    const [keeping, setKeeping] = useState(false)
    const video = useRef<HTMLVideoElement>(null)
    const devices = useDevices('videoinput')
    const camera = useCamera(video, devices.chosen, devices.look)
    const on = camera.power === 'on'
    const path = useMemo(() => `/v1/collections/${collection.id}/live/${streamName()}/frames`, [collection.id])

    const problem = useFrames(video, on, path, session?.id ?? null, (f) => {
        for (const s of f.samples) if (s.track?.marked === 'new') told(s.track.label!)
        setFrame({ ...f, samples: withNames(f.samples, labels.data ?? []) })
    })
    const closed = problem instanceof ApiError && problem.status === 409 && problem.code === 'closed'
    useEffect(() => {
        if (closed) sessions.lost()
    }, [closed])
    useEffect(() => {
        if (!on) setFrame(null)
    }, [on])

    const shown = session ? marks : null
    const toggle = camera.power === 'off' ? camera.start : camera.stop
    const photo = async () => {
        if (!on || !session || keeping) return
        setKeeping(true)
        await tell(keepPhoto(video.current!, session))
        setKeeping(false)
    }
    useKeys([
        { key: 's', does: t.live.keyStart, run: toggle },
        ...(session ? [{ key: 'p', does: t.live.keyPhoto, run: () => void photo() }] : []),
    ])
    return (
        <>
            <div class="live-bar">
                <button type="button" class={on ? '' : 'primary'} onClick={toggle}>
                    {camera.power === 'off' ? t.live.start : t.live.stop}
                </button>
                <label class="live-choice">
                    <span>{t.live.camera}</span>
                    <Select value={devices.chosen} change={devices.choose} options={devices.options} />
                </label>
                {may && <SessionPicker collection={collection.id} {...sessions} />}
                <Check label={t.live.mirror} on={mirrored} change={mirror} />
            </div>
            {camera.problem && <Problem error={camera.problem} />}
            {problem !== undefined && !closed && <Problem error={problem} />}
            <div class="columns live-columns">
                <div>
                    <Preview video={video} power={camera.power} frame={frame} marks={shown} mirrored={mirrored} />
                    {session && (
                        <div class="actions live-session">
                            <button type="button" disabled={!on} aria-busy={keeping} onClick={() => void photo()}>
                                {t.live.photo}
                            </button>
                            <Link to={`/c/${collection.id}/s/${session.id}`} class="button">
                                {t.live.openSession}
                            </Link>
                            <button type="button" onClick={() => void sessions.end(session)}>
                                {t.live.end}
                            </button>
                        </div>
                    )}
                </div>
                <div class="live-side">
                    {on && (
                        <ResultCard
                            result={frame ? resultOf(frame, shown) : { kind: 'none', title: t.live.waiting, word: '' }}
                        />
                    )}
                    {session && <AttendanceList session={session} list={list} labels={labels} />}
                </div>
            </div>
        </>
    )
}
