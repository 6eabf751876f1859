// Another version answers: promotion and rollback, with a reason, and the way back.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import { done } from '../../app/toast'
import { Dialog } from '../../parts/dialog'
import { Field, Form, TextInput } from '../../parts/form'
import { t } from '../../text'

const a = t.answering

function letAnswer(collection: number, version: number, reason: string): Promise<unknown> {
    return api.put(`/v1/collections/${collection}/aliases/live`, {
        version,
        ...(reason.trim() ? { reason: reason.trim() } : {}),
    })
}

/** Asks whether `version` is to answer instead of `live`. */
export function AnswerDialog({
    collection,
    version,
    live,
    changed,
    close,
}: {
    collection: number
    version: number
    live: number | null
    changed: () => void
    close: () => void
}) {
    const [reason, setReason] = useState('')
    const takeBack = async (to: number) => {
        await letAnswer(collection, to, a.undoReason)
        done(a.undone(to))
        changed()
    }
    const submit = async () => {
        await letAnswer(collection, version, reason)
        done(a.done(version), live === null ? undefined : () => takeBack(live))
        close()
        changed()
    }
    return (
        <Dialog title={a.title(version)} close={close}>
            <Form submit={submit} save={a.promote} cancel={close}>
                {(wrong) => (
                    <>
                        <p>{a.text(version, live)}</p>
                        <Field label={a.reason} help={a.reasonHelp} error={wrong('reason')}>
                            <TextInput value={reason} change={setReason} maxLength={255} />
                        </Field>
                    </>
                )}
            </Form>
        </Dialog>
    )
}
