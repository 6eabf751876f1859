// The list of a session as it fills, and what a person says about it.
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { all, api } from '../../api/client'
import { say } from '../../api/presence'
import type { Attendance, Label, Session } from '../../api/types'
import { done, failed, tell } from '../../app/toast'
import { Face, labelText } from '../../parts/face'
import { Await, type Loaded, useLoad } from '../../parts/load'
import { LabelPicker, type Picked } from '../../parts/picker'
import { clock, day } from '../../parts/when'
import { t } from '../../text'
import type { Marks } from './seen'

const AGAIN = 10000 // ms: another camera, or another person, may mark too
const FRESH = 4000 // ms in which a mark is news

/** Who is marked on the day of the session (today where it has none). */
export function useAttendance(collection: number, session: Session | null): Loaded<Attendance[]> {
    const on = session?.date ?? day(new Date())
    const list = useLoad(
        (signal) =>
            session
                ? all<Attendance>(
                      `/v1/collections/${collection}/attendance`,
                      { session: session.id, from: on, to: on },
                      signal,
                  )
                : Promise.resolve([]),
        [session?.id, on],
    )
    useEffect(() => {
        if (!session) return
        const timer = setInterval(list.reload, AGAIN)
        return () => clearInterval(timer)
    }, [session?.id])
    return list
}

/** The list by code, with what frames told within the last seconds. */
export function useMarks(list: Loaded<Attendance[]>) {
    const news = useRef(new Map<string, number>())
    const byCode = useMemo(() => new Map((list.data ?? []).map((a) => [a.code, a])), [list.data])
    const marks: Marks = {
        of: (code) => byCode.get(code),
        justNow: (code) => performance.now() - (news.current.get(code) ?? -FRESH) < FRESH,
    }
    const told = (code: string) => {
        news.current.set(code, performance.now())
        list.reload()
    }
    return { marks, told }
}

function Row({ a, act, text, name }: { a: Attendance; act: () => void; text: string; name: string }) {
    return (
        <li>
            {a.sample !== null && <Face sample={a.sample} size={40} />}
            <span class="here-name">
                {labelText(a.code, a.name)}
                {a.present && a.manual && <span class="badge">{t.live.byHand}</span>}
            </span>
            {a.present && a.time && <time dateTime={a.time}>{clock(a.time)}</time>}
            <button type="button" class="small" aria-label={name} onClick={act}>
                {text}
            </button>
        </li>
    )
}

export function AttendanceList({
    session,
    list,
    labels,
}: {
    session: Session
    list: Loaded<Attendance[]>
    labels: Loaded<Label[]>
}) {
    const mark = async (label: number, name: string) => {
        const on = session.date ?? day(new Date())
        const before = list.data?.find((a) => a.label === label)
        if (!(await tell(say(session.id, label, true, on)))) return
        list.reload()
        done(t.live.handMarked(name), async () => {
            await say(session.id, label, before ? before.present : null, on)
            list.reload()
        })
    }
    const takeBack = async (a: Attendance) => {
        // what a camera saw stays seen: only a person's word goes before it
        if (!(await tell(say(session.id, a.label, a.manual ? null : false, a.day)))) return
        list.reload()
        done(t.live.tookBack(labelText(a.code, a.name)), async () => {
            await say(session.id, a.label, true, a.day)
            list.reload()
        })
    }
    const pick = async (to: Picked) => {
        try {
            let label = labels.data?.find((l) => l.code === to.code)
            if (!label) {
                label = await api.post<Label>(`/v1/collections/${session.collection}/labels`, {
                    code: to.code,
                    name: to.name ?? to.code,
                })
                labels.reload()
            }
            await mark(label.id, labelText(label.code, label.name))
        } catch (e) {
            failed(e)
        }
    }
    return (
        <section class="card here" aria-label={t.live.here}>
            <h2>
                {t.live.here}{' '}
                <span class="quiet">{t.live.hereCount((list.data ?? []).filter((a) => a.present).length)}</span>
            </h2>
            <LabelPicker labels={labels.data ?? []} pick={(to) => void pick(to)} label={t.live.markByHand} />
            <Await from={list}>
                {(rows) => {
                    const here = rows.filter((a) => a.present)
                    const absent = rows.filter((a) => !a.present)
                    return (
                        <>
                            {here.length === 0 && <p class="quiet">{t.live.nobodyYet}</p>}
                            <ul class="here-list">
                                {here.map((a) => (
                                    <Row
                                        key={a.id}
                                        a={a}
                                        act={() => void takeBack(a)}
                                        text={t.live.takeBack}
                                        name={t.live.takeBackOf(labelText(a.code, a.name))}
                                    />
                                ))}
                            </ul>
                            {absent.length > 0 && (
                                <>
                                    <h3>{t.live.absent}</h3>
                                    <ul class="here-list">
                                        {absent.map((a) => (
                                            <Row
                                                key={a.id}
                                                a={a}
                                                act={() => void mark(a.label, labelText(a.code, a.name))}
                                                text={t.live.markAgain}
                                                name={t.live.markAgainOf(labelText(a.code, a.name))}
                                            />
                                        ))}
                                    </ul>
                                </>
                            )}
                        </>
                    )
                }}
            </Await>
        </section>
    )
}
