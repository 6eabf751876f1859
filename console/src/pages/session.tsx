// One occasion: photos or recordings come in, what is in them gets its names, who was there is known.
import { useMemo, useState } from 'preact/hooks'
import { all, api } from '../api/client'
import { doneWithUndo, mergeLabel, renameLabel, setLabel, type Told } from '../api/labels'
import type { Collection, Label, Media, Sample, Session } from '../api/types'
import type { Params } from '../app/router'
import { go, Link, useQuery, useTitle } from '../app/router'
import { useMay } from '../app/session'
import { failed, tell } from '../app/toast'
import { ask, Dialog } from '../parts/dialog'
import { Drop } from '../parts/drop'
import { mediaPicture, labelText } from '../parts/face'
import { Field, Form, TextInput } from '../parts/form'
import { Await, Empty, useLoad } from '../parts/load'
import { LabelPicker, type Picked } from '../parts/picker'
import { SampleBoard } from '../parts/samples'
import { mayLeave } from '../parts/stay'
import { Tabs } from '../parts/tabs'
import { day } from '../parts/when'
import { t } from '../text'
import '../style/session.css'
import { Attendance } from './session/attendance'
import { Orders } from './session/order'

interface Inside {
    label: Label
    count: number
}

/** The labels that a session's samples have: groups first, then by how often. */
function inside(samples: Sample[], labels: Label[]): Inside[] {
    const count = new Map<string, number>()
    for (const s of samples) if (s.code) count.set(s.code, (count.get(s.code) ?? 0) + 1)
    return labels
        .filter((l) => count.has(l.code))
        .map((label) => ({ label, count: count.get(label.code)! }))
        .sort((a, b) => Number(b.label.grouped) - Number(a.label.grouped) || b.count - a.count)
}

const NOBODY = '-'
const STRANGER = '!'
const SUGGESTED = '?'

function fits(s: Sample, who: string): boolean {
    if (!who) return true
    if (who === NOBODY) return !s.code && s.labelled_by !== 'user'
    if (who === STRANGER) return !s.code && s.labelled_by === 'user'
    if (who === SUGGESTED) return s.labelled_by === 'job' && !s.grouped
    return s.code === who
}

/** Samples of one label side by side: groups, people, then nobody's. */
function ordered(samples: Sample[], people: Inside[]): Sample[] {
    const rank = new Map(people.map((p, i) => [p.label.code, i]))
    const place = (s: Sample) => (s.code ? (rank.get(s.code) ?? people.length) : people.length + 1)
    return [...samples].sort((a, b) => place(a) - place(b) || a.id - b.id)
}

/** What a session of a school has beside its name; kept in its detail, as SmartAttendance has them. */
const DETAILS = ['course', 'section_id', 'year', 'session_type', 'time_block']

export function EditSession({
    session,
    close,
    save,
}: {
    session: Partial<Session>
    close: () => void
    save: (to: object) => Promise<void>
}) {
    const [name, setName] = useState(session.name ?? '')
    const [date, setDate] = useState(session.id ? (session.date ?? '') : day(new Date()))
    const [start, setStart] = useState(session.start_time ?? '')
    const [end, setEnd] = useState(session.end_time ?? '')
    const [notes, setNotes] = useState(session.notes ?? '')
    const [details, setDetails] = useState<Record<string, string>>(() =>
        Object.fromEntries(DETAILS.map((d) => [d, String(session.detail?.[d] ?? '')])),
    )
    const f = t.session.fields
    const submit = () => {
        const detail = { ...session.detail }
        for (const d of DETAILS) {
            if (details[d]) detail[d] = details[d]
            else delete detail[d]
        }
        const fields = { date, start_time: start, end_time: end, notes }
        // of a new session only what is there is sent; of one that is there also what was cleared
        const sent = Object.entries(fields).filter(([, value]) => value || session.id)
        return save({
            name,
            ...Object.fromEntries(sent),
            ...(Object.keys(detail).length || session.id ? { detail } : {}),
        })
    }
    return (
        <Dialog title={session.id ? t.session.edit : t.collection.newSession} close={close}>
            <Form submit={submit} save={session.id ? t.common.save : t.common.create} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={f.name} error={wrong('name')}>
                            <TextInput value={name} change={setName} autoFocus required />
                        </Field>
                        <div class="fields">
                            <Field label={f.date} error={wrong('date')}>
                                <TextInput type="date" value={date} change={setDate} />
                            </Field>
                            <Field label={f.start} error={wrong('start_time')}>
                                <TextInput type="time" value={start} change={setStart} />
                            </Field>
                            <Field label={f.end} error={wrong('end_time')}>
                                <TextInput type="time" value={end} change={setEnd} />
                            </Field>
                        </div>
                        <Field label={f.notes} error={wrong('notes')}>
                            <TextInput value={notes} change={setNotes} />
                        </Field>
                        <details open={DETAILS.some((d) => details[d])}>
                            <summary>{f.lesson}</summary>
                            <div class="fields">
                                {DETAILS.map((d) => (
                                    <Field key={d} label={f.details[d]!}>
                                        <TextInput
                                            value={details[d]!}
                                            change={(to) => setDetails({ ...details, [d]: to })}
                                            list={f.choices[d] && `${d}-choices`}
                                        />
                                    </Field>
                                ))}
                            </div>
                            {Object.entries(f.choices).map(([d, choices]) => (
                                <datalist key={d} id={`${d}-choices`}>
                                    {choices.map((c) => (
                                        <option key={c} value={c} />
                                    ))}
                                </datalist>
                            ))}
                        </details>
                    </>
                )}
            </Form>
        </Dialog>
    )
}

/** A group gets its name here: a new one renames it, one that is there takes it in. Whoever names it
 *  has looked at it: its samples are confirmed with that. */
function GroupTools({
    label,
    labels,
    samples,
    named,
}: {
    label: Label
    labels: Label[]
    samples: Sample[]
    named: (what: Told[], name: string) => void
}) {
    const pick = async (to: Picked) => {
        const there = labels.find((l) => l.code === to.code && l.id !== label.id)
        const name = there?.name ?? to.name ?? to.code
        const work = there ? mergeLabel(label.id, there.id) : renameLabel(label.id, { code: to.code, name })
        const ids = samples.map((s) => s.id)
        try {
            named([await work, await setLabel(label.collection, ids, { code: to.code })], name)
        } catch (e) {
            failed(e)
        }
    }
    return (
        <div class="group-tools">
            <LabelPicker
                labels={labels.filter((l) => !l.grouped && l.id !== label.id)}
                label={label.grouped ? t.session.nameGroup(samples.length) : t.session.mergeInto}
                pick={(to) => void pick(to)}
                autofocus={label.grouped}
            />
        </div>
    )
}

function Filter({
    people,
    samples,
    who,
    choose,
}: {
    people: Inside[]
    samples: Sample[]
    who: string
    choose: (who: string) => void
}) {
    const rows: [string, string, number, boolean][] = [
        ['', t.session.everybody, samples.length, false],
        [NOBODY, t.common.nobody, samples.filter((s) => fits(s, NOBODY)).length, false],
        [SUGGESTED, t.session.doubtful, samples.filter((s) => fits(s, SUGGESTED)).length, false],
        [STRANGER, t.common.stranger, samples.filter((s) => fits(s, STRANGER)).length, false],
        ...people.map(
            (p) =>
                [p.label.code, labelText(p.label.code, p.label.name), p.count, p.label.grouped] as [
                    string,
                    string,
                    number,
                    boolean,
                ],
        ),
    ]
    return (
        <ul class="filter" aria-label={t.session.peopleInside}>
            {rows.map(([code, name, n, grouped]) => (
                <li key={code}>
                    <button
                        type="button"
                        aria-pressed={who === code}
                        class={grouped ? 'group' : ''}
                        onClick={() => choose(code)}
                    >
                        <span>{name}</span>
                        <small>{n}</small>
                    </button>
                </li>
            ))}
        </ul>
    )
}

function Samples({
    session,
    collection,
    labels,
    samples,
    reload,
    set,
}: {
    session: Session
    collection: Collection
    labels: Label[]
    samples: Sample[]
    reload: () => void
    set: (change: (old: Sample[]) => Sample[]) => void
}) {
    const may = useMay('enroll')
    const [who, choose] = useQuery('who')
    const people = useMemo(() => inside(samples, labels), [samples, labels])
    const shown = useMemo(() => ordered(samples, people).filter((s) => fits(s, who)), [samples, people, who])
    const one = people.find((p) => p.label.code === who)?.label
    if (!samples.length) return <Empty {...t.session.empty[collection.modality]} />
    /** On to the next group that has no name. */
    const named = (what: Told[], name: string) => {
        doneWithUndo(t.samples.named(shown.length, name), collection.id, reload, what)
        choose(people.find((p) => p.label.grouped && p.label.id !== one?.id)?.label.code ?? '')
        reload()
    }
    const changed = (to: Sample[]) => {
        const by = new Map(to.map((s) => [s.id, s]))
        const before = new Set(shown.map((s) => s.id))
        set((old) => old.flatMap((s) => (before.has(s.id) ? (by.get(s.id) ?? []) : s)))
    }
    return (
        <div class="session-samples">
            <Filter people={people} samples={samples} who={who} choose={choose} />
            <div>
                {one && may && <GroupTools key={one.id} label={one} labels={labels} samples={shown} named={named} />}
                {shown.length ? (
                    <SampleBoard
                        key={who}
                        collection={collection}
                        samples={shown}
                        labels={labels}
                        label={session.name}
                        changed={changed}
                        reload={reload}
                        of={one}
                    />
                ) : (
                    <Empty {...t.session.nothingHere}>
                        <button type="button" onClick={() => choose('')}>
                            {t.session.allShown}
                        </button>
                    </Empty>
                )}
            </div>
        </div>
    )
}

function Photos({ session, sound }: { session: Session; sound: boolean }) {
    const media = useLoad(
        (s) => all<Media>(`/v1/collections/${session.collection}/media`, { session: session.id }, s),
        [session.id, session.media],
    )
    return (
        <Await from={media}>
            {(list) =>
                list.length ? (
                    <ul class="photos">
                        {list.map((m) => (
                            <li key={m.id}>
                                <Link to={`/c/${m.collection}/m/${m.id}`}>
                                    {!sound && <img src={mediaPicture(m.id, 320)} alt="" loading="lazy" />}
                                    <span>{m.source ?? m.id}</span>
                                    <small>
                                        {m.error ?? (sound ? t.media.sounds(m.samples) : t.media.faces(m.samples))}
                                    </small>
                                </Link>
                            </li>
                        ))}
                    </ul>
                ) : (
                    <Empty {...t.session.empty[sound ? 'sound' : 'face']} />
                )
            }
        </Await>
    )
}

function Head({ session, reload }: { session: Session; reload: () => void }) {
    const may = useMay('enroll')
    const [editing, edit] = useState(false)
    const open = session.state === 'open'
    const change = async (to: object) => {
        await api.patch(`/v1/sessions/${session.id}`, to)
        reload()
    }
    const remove = async () => {
        if (!(await ask({ ...t.session.sure(session.name), danger: true }))) return
        const here = `/c/${session.collection}/s/${session.id}`
        try {
            const gone = await api.del(`/v1/sessions/${session.id}`)
            doneWithUndo(t.session.removed, session.collection, () => go(here), [gone])
            go(`/c/${session.collection}`)
        } catch (e) {
            failed(e)
        }
    }
    return (
        <div class="head">
            <div>
                <h1>{session.name}</h1>
                <span class="quiet">
                    {session.date} {session.start_time} {session.end_time && `– ${session.end_time}`}{' '}
                    {DETAILS.map((d) => session.detail?.[d])
                        .filter(Boolean)
                        .join(' · ')}
                </span>{' '}
                <span class={'badge' + (open ? ' known' : '')}>{open ? t.session.open : t.session.closed}</span>
            </div>
            {may && (
                <div class="actions">
                    <button
                        type="button"
                        onClick={() =>
                            void mayLeave().then((yes) => yes && tell(change({ state: open ? 'closed' : 'open' })))
                        }
                    >
                        {open ? t.session.close : t.session.reopen}
                    </button>
                    <button type="button" onClick={() => edit(true)}>
                        {t.session.edit}
                    </button>
                    <button type="button" onClick={() => void remove()}>
                        {t.common.remove}
                    </button>
                </div>
            )}
            {session.notes && <p class="quiet notes">{session.notes}</p>}
            {editing && (
                <EditSession
                    session={session}
                    close={() => edit(false)}
                    save={async (to) => {
                        await change(to)
                        edit(false)
                    }}
                />
            )}
        </div>
    )
}

interface Everything {
    session: Session
    collection: Collection
    labels: Label[]
    samples: Sample[]
}

async function readAll(params: Params, signal: AbortSignal): Promise<Everything> {
    const base = `/v1/collections/${params.collection}`
    const [session, collection, labels, samples] = await Promise.all([
        api.get<Session>(`/v1/sessions/${params.session}`, {}, signal),
        api.get<Collection>(base, {}, signal),
        all<Label>(`${base}/labels`, {}, signal),
        all<Sample>(`${base}/samples`, { session: params.session }, signal),
    ])
    return { session, collection, labels, samples }
}

export default function Page({ params }: { params: Params }) {
    const may = useMay('enroll')
    const [tab, setTab] = useQuery('tab', 'samples')
    const everything = useLoad((s) => readAll(params, s), [params.session])
    useTitle(everything.data?.session.name)
    return (
        <Await from={everything}>
            {({ session, collection, labels, samples }) => {
                const kind = collection.modality
                return (
                    <>
                        <Head session={session} reload={everything.reload} />
                        {may &&
                            (session.state === 'open' ? (
                                <Drop
                                    modality={kind}
                                    path={`/v1/collections/${collection.id}/media`}
                                    fields={{ session: String(session.id) }}
                                    came={everything.reload}
                                />
                            ) : (
                                <p class="quiet">{t.session.closedHint}</p>
                            ))}
                        <Tabs
                            label={session.name}
                            tabs={[
                                ['samples', `${t.session.tabs[kind]} (${samples.length})`],
                                [
                                    'media',
                                    `${kind === 'face' ? t.session.tabs.facePhotos : t.session.tabs.soundPhotos} (${session.media})`,
                                ],
                                ['attendance', t.session.tabs.attendance],
                            ]}
                            on={tab}
                            choose={setTab}
                        >
                            {tab === 'samples' && (
                                <>
                                    {may && samples.length > 0 && (
                                        <div class="actions orders">
                                            <Orders
                                                collection={collection.id}
                                                session={session.id}
                                                changed={everything.reload}
                                            />
                                            <Link
                                                class="button"
                                                to={`/c/${collection.id}/review?session=${session.id}`}
                                            >
                                                {t.shell.review}
                                            </Link>
                                        </div>
                                    )}
                                    <Samples
                                        session={session}
                                        collection={collection}
                                        labels={labels}
                                        samples={samples}
                                        reload={everything.reload}
                                        set={(change) => everything.set((e) => ({ ...e, samples: change(e.samples) }))}
                                    />
                                </>
                            )}
                            {tab === 'media' && <Photos session={session} sound={kind === 'sound'} />}
                            {tab === 'attendance' && <Attendance session={session} labels={labels} />}
                        </Tabs>
                    </>
                )
            }}
        </Await>
    )
}
