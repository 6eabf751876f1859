// The microphone: what is heard now, and what was heard.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { CollectionFull } from '../../api/types'
import { useKeys } from '../../app/keys'
import { Link } from '../../app/router'
import { Select } from '../../parts/form'
import { labelText, percent } from '../../parts/face'
import { Problem } from '../../parts/load'
import { clock } from '../../parts/when'
import { t } from '../../text'
import { randomName, useDevices } from './devices'
import { type Heard, useHeard } from './heard'
import { decibels, type Health, LevelMeter, useHealth } from './level'
import { useMicrophone } from './microphone'
import { type Result, ResultCard } from './result'
import { type Feed, Rolling } from './rolling'
import { Sender } from './sender'

function resultOf(list: Heard[], health: Health): Result {
    const now = list.filter((h) => h.open)
    if (now.length)
        return {
            kind: 'known',
            title: now.map((h) => labelText(h.label, h.name)).join(', '),
            word: t.live.hearing,
            percent: now.map((h) => percent(h.probability)).join(', '),
        }
    return health === 'sound'
        ? { kind: 'unknown', title: t.live.nothingKnown, word: t.live.nothingKnownHelp }
        : { kind: 'none', title: t.live.silence, word: '' }
}

function EventRow({ h }: { h: Heard }) {
    return (
        <tr>
            <th scope="row">
                {labelText(h.label, h.name)} {h.open && <span class="badge known">{t.live.goingOn}</span>}
            </th>
            <td>
                <time dateTime={new Date(h.from).toISOString()}>{clock(h.from, true)}</time>
            </td>
            <td>{h.open ? '' : clock(h.to, true)}</td>
            <td class="number">{((h.to - h.from) / 1000).toFixed(1)}</td>
            <td class="number">{percent(h.probability)}</td>
        </tr>
    )
}

function Events({ list, clear }: { list: Heard[]; clear: () => void }) {
    return (
        <section class="card">
            <div class="head">
                <h2>{t.live.events}</h2>
                {list.length > 0 && (
                    <button type="button" class="small" onClick={clear}>
                        {t.live.clear}
                    </button>
                )}
            </div>
            {list.length === 0 ? (
                <p class="quiet">{t.live.eventsNone}</p>
            ) : (
                <div class="scroll live-events" tabIndex={0} role="region" aria-label={t.live.events}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{t.live.event}</th>
                                <th scope="col">{t.live.from}</th>
                                <th scope="col">{t.live.to}</th>
                                <th scope="col" class="number">
                                    {t.live.length}
                                </th>
                                <th scope="col" class="number">
                                    {t.live.probability}
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {list.map((h) => (
                                <EventRow key={h.key} h={h} />
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
        </section>
    )
}

/** Sends what is heard; a stream for each time that it is switched on, for the server hears the last
 *  seconds of a stream again and a pause would be missing there. */
function useSender(collection: number, on: boolean, heard: ReturnType<typeof useHeard>) {
    const [problem, setProblem] = useState<unknown>()
    const sender = useRef<Sender | null>(null)
    useEffect(() => {
        setProblem(undefined)
        if (!on) return
        const stream = randomName()
        sender.current = new Sender(`/v1/collections/${collection}/live/${stream}/frames`, {
            answered: (frame, ended) => {
                setProblem(undefined)
                heard.frame(stream, frame, ended)
            },
            failed: setProblem,
            behind: () => setProblem(new Error(t.live.behind)),
        })
        return () => {
            sender.current?.close()
            sender.current = null
            heard.over()
        }
    }, [on, collection])
    return { problem, sender }
}

export function Sounds({ collection }: { collection: CollectionFull }) {
    const devices = useDevices('audioinput')
    const heard = useHeard(collection.id)
    const feed = useRef<Feed>(null)
    const watch = useRef<(db: number) => void>(null)
    const show = useRef<(db: number) => void>(null)
    const microphone = useMicrophone(devices.chosen, devices.look, (block, rate) => {
        const db = decibels(block)
        feed.current?.(block, rate)
        watch.current?.(db)
        show.current?.(db)
        sender.current?.add(block, rate)
    })
    const on = microphone.power === 'on'
    const { problem, sender } = useSender(collection.id, on, heard)
    const health = useHealth(watch, on)
    const toggle = microphone.power === 'off' ? microphone.start : microphone.stop
    useKeys([{ key: 's', does: t.live.keyStart, run: toggle }])
    return (
        <>
            <div class="live-bar">
                <button type="button" class={on ? '' : 'primary'} onClick={toggle}>
                    {microphone.power === 'off' ? t.live.start : t.live.stop}
                </button>
                <label class="live-choice">
                    <span>{t.live.microphone}</span>
                    <Select value={devices.chosen} change={devices.choose} options={devices.options} />
                </label>
                {on && <LevelMeter show={show} />}
                <Link to={`/c/${collection.id}/listen`} class="button">
                    {t.live.openListen}
                </Link>
            </div>
            {microphone.problem && <Problem error={microphone.problem} />}
            {problem !== undefined && <Problem error={problem} />}
            {on && health === 'nothing' && <Problem error={new Error(t.live.hearsNothing)} />}
            {on && health === 'stalled' && <Problem error={new Error(t.live.stalled)} />}
            <div class="columns">
                <div>
                    {on ? (
                        <Rolling feed={feed} />
                    ) : (
                        <div class="live-off">
                            <p>
                                <strong>
                                    {microphone.power === 'starting' ? t.live.starting : t.live.off.audioinput}
                                </strong>
                            </p>
                            {microphone.power === 'off' && <p class="quiet">{t.live.offHelp.audioinput}</p>}
                        </div>
                    )}
                </div>
                <div class="live-side">{on && <ResultCard result={resultOf(heard.list, health)} />}</div>
            </div>
            <Events list={heard.list} clear={heard.clear} />
        </>
    )
}
