// Keys for programs: what each may, and when it was used last.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Key, Scope, User } from '../../api/types'
import { useCollections } from '../../app/collection'
import { useQuery } from '../../app/router'
import { done, tell } from '../../app/toast'
import { ask, Dialog } from '../../parts/dialog'
import { useRowFocus } from '../../parts/focus'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { Await, Empty, useLoad } from '../../parts/load'
import { Secret } from '../../parts/secret'
import { When } from '../../parts/time'
import { when } from '../../parts/when'
import { Table } from '../../parts/table'
import { t } from '../../text'
import { itemsOf, OwnerFields, OwnerFilter, ownerText, useFirstOwner } from './whose'

const SCOPES: Scope[] = ['read', 'identify', 'enroll', 'admin']

function Scopes({ on, change, forOne }: { on: Scope[]; change: (to: Scope[]) => void; forOne: boolean }) {
    const turn = (scope: Scope, to: boolean) => change(SCOPES.filter((s) => (s === scope ? to : on.includes(s))))
    return (
        <fieldset>
            <legend>{t.people.scopes}</legend>
            {SCOPES.filter((s) => s !== 'admin' || !forOne).map((scope) => (
                <label key={scope} class="check">
                    <input
                        type="checkbox"
                        checked={on.includes(scope)}
                        onChange={(e) => turn(scope, e.currentTarget.checked)}
                    />
                    <span>
                        <code>{scope}</code> {t.people.scopeText[scope]}
                    </span>
                </label>
            ))}
        </fieldset>
    )
}

function KeyDialog({ users, changed, close }: { users: User[]; changed: () => void; close: () => void }) {
    const collections = useCollections().data ?? []
    const [name, setName] = useState('')
    const [owner, setOwner] = useState(useFirstOwner(users))
    const [collection, setCollection] = useState('')
    const [scopes, setScopes] = useState<Scope[]>(['identify'])
    const [days, setDays] = useState('365')
    const [made, setMade] = useState<string>()
    const submit = async () => {
        const wanted = scopes.filter((s) => s !== 'admin' || !collection)
        if (wanted.length === 0) throw new Error(t.people.chooseScope)
        const answer = await api.post<{ key: string }>('/v1/keys', {
            name: name.trim(),
            scopes: wanted,
            owner: Number(owner),
            ...(collection ? { collection } : {}),
            ...(days ? { expires_days: Number(days) } : {}),
        })
        changed()
        setMade(answer.key)
    }
    if (made)
        return (
            <Dialog title={t.people.keyMade(name)} close={close}>
                <Secret label={t.people.tabs.keys} text={made} note={t.people.secretOnce} />
                <p class="quiet">{t.people.keyUse}</p>
                <div class="actions end">
                    <button type="button" class="primary" onClick={close}>
                        {t.common.close}
                    </button>
                </div>
            </Dialog>
        )
    return (
        <Dialog title={t.people.makeKey} close={close}>
            <Form submit={submit} save={t.people.makeKey} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={t.people.keyName} help={t.people.keyNameHelp} error={wrong('name')}>
                            <TextInput value={name} change={setName} autoComplete="off" autoFocus required />
                        </Field>
                        <OwnerFields
                            {...{ users, owner, setOwner, collections, collection, setCollection, wrong }}
                            every={t.people.everyCollection}
                        />
                        <Scopes on={scopes} change={setScopes} forOne={collection !== ''} />
                        <Field label={t.people.days} error={wrong('expires_days')}>
                            <Select value={days} change={setDays} options={t.people.dayChoices} />
                        </Field>
                    </>
                )}
            </Form>
        </Dialog>
    )
}

function Ends({ at }: { at: string | null }) {
    if (!at) return <>–</>
    if (Date.parse(at) < Date.now()) return <span class="badge doubtful">{t.people.expired}</span>
    return <time dateTime={at}>{when(at)}</time>
}

function Row({ one, users, changed }: { one: Key; users: User[]; changed: () => void }) {
    const collections = useCollections().data ?? []
    const revoke = async () => {
        const question = {
            title: t.people.revokeTitle(one.name),
            text: t.people.revokeText,
            yes: t.people.revoke,
            danger: true,
        }
        if (!(await ask(question)) || !(await tell(api.del(`/v1/keys/${one.id}`)))) return
        done(t.people.revoked(one.name))
        changed()
    }
    return (
        <tr>
            <th scope="row">{one.name}</th>
            <td>{ownerText(users, one.owner)}</td>
            <td>
                {one.scopes.map((s) => (
                    <code key={s} class="badge">
                        {s}
                    </code>
                ))}
            </td>
            <td>
                {one.collection === null
                    ? t.people.everyCollection
                    : (collections.find((c) => c.id === one.collection)?.name ?? `#${one.collection}`)}
            </td>
            <td>
                <When at={one.used} never={t.people.never} />
            </td>
            <td>
                <Ends at={one.expires} />
            </td>
            <td>
                <div class="actions end one-line">
                    <button
                        type="button"
                        class="small"
                        aria-label={t.people.revokeOf(one.name)}
                        onClick={() => void revoke()}
                    >
                        {t.people.revoke}
                    </button>
                </div>
            </td>
        </tr>
    )
}

export function Keys({ users }: { users: User[] }) {
    const [owner, setOwner] = useQuery('owner')
    const [making, setMaking] = useState(false)
    const keys = useLoad((s) => itemsOf<Key>('/v1/keys', owner, s), [owner])
    const around = useRowFocus<HTMLDivElement>(keys.data?.length ?? 0)
    const make = (
        <button type="button" class="primary" onClick={() => setMaking(true)}>
            {t.people.makeKey}
        </button>
    )
    return (
        <>
            <div {...around}>
                <Await from={keys}>
                    {(all) => (
                        <>
                            <div class="actions filters">
                                <OwnerFilter users={users} value={owner} change={setOwner} />
                                {all.length > 0 && make}
                            </div>
                            {all.length ? (
                                <Table
                                    label={t.people.tabs.keys}
                                    columns={[
                                        t.people.keyName,
                                        t.people.owner,
                                        t.people.scopes,
                                        t.people.collection,
                                        t.people.used,
                                        t.people.expires,
                                    ]}
                                    actions
                                >
                                    {all.map((k) => (
                                        <Row key={k.id} one={k} users={users} changed={keys.reload} />
                                    ))}
                                </Table>
                            ) : (
                                <Empty title={t.people.noKeys} text={t.people.noKeysText}>
                                    {make}
                                </Empty>
                            )}
                        </>
                    )}
                </Await>
            </div>
            {making && <KeyDialog users={users} changed={keys.reload} close={() => setMaking(false)} />}
        </>
    )
}
