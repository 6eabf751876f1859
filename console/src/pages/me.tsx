// What a student sees: when they were there, and their own face.
import { api, ApiError } from '../api/client'
import { useQuery } from '../app/router'
import { percent } from '../parts/face'
import { Field } from '../parts/form'
import { Await, Empty, useLoad } from '../parts/load'
import '../style/me.css'
import { t } from '../text'
import { RegisterFace } from './me/face'

interface Profile {
    student_id: string
    name: string
    face_images_count: number
}

interface Record {
    id: number
    session_name: string
    date: string
    time: string
    confidence: number | null
    status: 'present' | 'absent'
    manual: boolean
}

/** The own profile; null for an account that is no student's. */
async function profile(signal: AbortSignal): Promise<Profile | null> {
    try {
        return await api.get<Profile>('/api/students/profile', {}, signal)
    } catch (e) {
        if (e instanceof ApiError && e.status === 404) return null
        throw e
    }
}

function Totals({ records, pictures }: { records: Record[]; pictures: number }) {
    const there = records.filter((r) => r.status === 'present')
    const last = there
        .map((r) => r.date)
        .sort()
        .at(-1)
    const figures: [name: string, value: string | number][] = [
        [t.me.present, there.length],
        [t.me.absent, records.length - there.length],
        [t.me.last, last ?? '–'],
        [t.me.pictures, pictures],
    ]
    return (
        <dl class="figures">
            {figures.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    )
}

function Rows({ records }: { records: Record[] }) {
    return (
        <div class="scroll" role="region" aria-label={t.me.history} tabIndex={0}>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{t.me.day}</th>
                        <th scope="col">{t.me.session}</th>
                        <th scope="col">{t.me.time}</th>
                        <th scope="col">{t.me.was}</th>
                        <th scope="col">{t.me.sure}</th>
                    </tr>
                </thead>
                <tbody>
                    {records.map((r) => (
                        <tr key={r.id}>
                            <th scope="row">{r.date}</th>
                            <td>{r.session_name}</td>
                            <td>{r.time.slice(0, 5)}</td>
                            <td>
                                <span class={'badge ' + (r.status === 'present' ? 'known' : 'doubtful')}>
                                    {r.status === 'present' ? t.me.there : t.me.notThere}
                                </span>
                            </td>
                            <td>
                                {r.manual ? t.me.byHand : r.confidence === null ? t.me.seen : percent(r.confidence)}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

function DayField({ label, value, change }: { label: string; value: string; change: (to: string) => void }) {
    return (
        <Field label={label}>
            <input type="date" value={value} onChange={(e) => change(e.currentTarget.value)} />
        </Field>
    )
}

function History({ pictures }: { pictures: number }) {
    const [from, setFrom] = useQuery('from')
    const [to, setTo] = useQuery('to')
    const read = useLoad(
        (s) => api.get<{ attendance: Record[] }>('/api/students/attendance', { start_date: from, end_date: to }, s),
        [from, to],
    )
    return (
        <section class="card" aria-labelledby="me-history">
            <h2 id="me-history">{t.me.history}</h2>
            <div class="actions filters">
                <DayField label={t.me.from} value={from} change={setFrom} />
                <DayField label={t.me.to} value={to} change={setTo} />
            </div>
            <Await from={read}>
                {({ attendance }) => (
                    <>
                        <Totals records={attendance} pictures={pictures} />
                        {attendance.length ? (
                            <Rows records={attendance} />
                        ) : from || to ? (
                            <p class="quiet">{t.me.noHistoryBetween}</p>
                        ) : (
                            <Empty title={t.me.noHistory} text={t.me.noHistoryText} />
                        )}
                    </>
                )}
            </Await>
        </section>
    )
}

export default function MyAttendance() {
    const own = useLoad(profile, [])
    return (
        <>
            <div class="head">
                <h1>{t.shell.me}</h1>
                {own.data && (
                    <span class="quiet">
                        {own.data.name} · {own.data.student_id}
                    </span>
                )}
            </div>
            <Await from={own}>
                {(student) =>
                    student ? (
                        <div class="columns">
                            <History pictures={student.face_images_count} />
                            <RegisterFace count={student.face_images_count} changed={own.reload} />
                        </div>
                    ) : (
                        <Empty title={t.me.noStudent} text={t.me.noStudentText} />
                    )
                }
            </Await>
        </>
    )
}
