// Name, description and owner.
import { useState } from 'preact/hooks'
import { all, api } from '../../api/client'
import type { CollectionFull, User } from '../../api/types'
import { useMay } from '../../app/session'
import { done } from '../../app/toast'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { useLoad } from '../../parts/load'
import { t } from '../../text'

const s = t.settings

function ownerOptions(users: User[]): [string, string][] {
    const may = users.filter((u) => u.role !== 'student' && u.id !== null)
    return [['0', s.administrators], ...may.map((u): [string, string] => [String(u.id), u.full_name || u.name])]
}

function Facts({ collection }: { collection: CollectionFull }) {
    return (
        <>
            <dl class="facts">
                <div>
                    <dt>{s.modality}</dt>
                    <dd>{collection.modality === 'face' ? t.common.faces : t.common.sounds}</dd>
                </div>
                <div>
                    <dt>{s.encoder}</dt>
                    <dd>{collection.encoder}</dd>
                </div>
                <div>
                    <dt>{s.precision}</dt>
                    <dd>{collection.precision}</dd>
                </div>
            </dl>
            <small>{s.encoderHelp}</small>
        </>
    )
}

export function General({ collection, changed }: { collection: CollectionFull; changed: () => void }) {
    const may = useMay('enroll')
    const admin = useMay('admin')
    const was = {
        name: collection.name,
        description: collection.description ?? '',
        owner: String(collection.owner ?? 0),
    }
    const [is, set] = useState(was)
    const users = useLoad((signal) => (admin ? all<User>('/v1/users', {}, signal) : Promise.resolve([])), [admin])
    const path = `/v1/collections/${collection.id}`
    const save = async (to: typeof was) => {
        await api.patch(path, {
            name: to.name,
            description: to.description,
            ...(admin ? { owner: Number(to.owner) } : {}),
        })
        set(to)
        changed()
    }
    const submit = async () => {
        await save(is)
        done(s.saved, async () => {
            await save(was)
            done(t.common.undone)
        })
    }
    return (
        <section class="card">
            <h2>{s.general}</h2>
            {may && (
                <Form submit={submit} save={t.common.save}>
                    {(wrong) => (
                        <>
                            <Field label={s.name} error={wrong('name')}>
                                <TextInput
                                    value={is.name}
                                    maxLength={255}
                                    required
                                    change={(name) => set({ ...is, name })}
                                />
                            </Field>
                            <Field label={s.description} error={wrong('description')}>
                                <textarea
                                    rows={3}
                                    maxLength={4096}
                                    value={is.description}
                                    onInput={(e) => set({ ...is, description: e.currentTarget.value })}
                                />
                            </Field>
                            {admin && users.data && (
                                <Field label={s.owner} help={s.ownerHelp} error={wrong('owner')}>
                                    <Select
                                        value={is.owner}
                                        change={(owner) => set({ ...is, owner })}
                                        options={ownerOptions(users.data)}
                                    />
                                </Field>
                            )}
                        </>
                    )}
                </Form>
            )}
            {!may && collection.description && <p>{collection.description}</p>}
            <Facts collection={collection} />
        </section>
    )
}
