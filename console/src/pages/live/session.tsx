// Which session the camera marks for: one that is open, a new one, or none.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Session } from '../../api/types'
import { Dialog } from '../../parts/dialog'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { day } from '../../parts/when'
import { t } from '../../text'

const NEW = 'new'

function NewSession({
    collection,
    made,
    close,
}: {
    collection: number
    made: (session: Session) => void
    close: () => void
}) {
    const [name, setName] = useState('')
    const [date, setDate] = useState(day(new Date()))
    const save = async () => made(await api.post<Session>(`/v1/collections/${collection}/sessions`, { name, date }))
    return (
        <Dialog title={t.live.newSessionTitle} close={close}>
            <Form submit={save} save={t.common.create} cancel={close}>
                {(wrong) => (
                    <div class="fields">
                        <Field label={t.live.sessionName} error={wrong('name')}>
                            <TextInput value={name} change={setName} required maxLength={255} />
                        </Field>
                        <Field label={t.live.sessionDate} error={wrong('date')}>
                            <TextInput type="date" value={date} change={setDate} />
                        </Field>
                    </div>
                )}
            </Form>
        </Dialog>
    )
}

const sessionText = (s: Session) => (s.date ? `${s.name} · ${s.date}` : s.name)

export function SessionPicker({
    collection,
    open,
    session,
    choose,
    made,
}: {
    collection: number
    open: Session[]
    session: Session | null
    choose: (id: string) => void
    made: (session: Session) => void
}) {
    const [making, setMaking] = useState(false)
    return (
        <>
            <label class="live-choice">
                <span>{t.live.session}</span>
                <Select
                    value={session ? String(session.id) : ''}
                    change={(to) => (to === NEW ? setMaking(true) : choose(to))}
                    options={[
                        ['', t.live.noSession],
                        ...open.map((s): [string, string] => [String(s.id), sessionText(s)]),
                        [NEW, t.live.newSession],
                    ]}
                />
            </label>
            {making && (
                <NewSession
                    collection={collection}
                    close={() => setMaking(false)}
                    made={(s) => {
                        setMaking(false)
                        made(s)
                    }}
                />
            )}
        </>
    )
}
