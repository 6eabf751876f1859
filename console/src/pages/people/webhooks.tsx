// Addresses that are told what happens.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { User, Webhook } from '../../api/types'
import { useCollections } from '../../app/collection'
import { useQuery } from '../../app/router'
import { done, tell } from '../../app/toast'
import { ask, Dialog } from '../../parts/dialog'
import { useRowFocus } from '../../parts/focus'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { Await, Empty, useLoad } from '../../parts/load'
import { Secret } from '../../parts/secret'
import { When } from '../../parts/time'
import { Table } from '../../parts/table'
import { t } from '../../text'
import { itemsOf, OwnerFields, OwnerFilter, ownerText, useFirstOwner } from './whose'

const NAMES = Object.keys(t.events)
const all = (events: string[]) => events.includes('*')

function EventsField({
    on,
    change,
    error,
}: {
    on: string[]
    change: (to: string[]) => void
    error?: string | undefined
}) {
    const turn = (name: string, to: boolean) => change(NAMES.filter((n) => (n === name ? to : on.includes(n))))
    return (
        <>
            <Field label={t.people.events} error={error}>
                <Select
                    value={all(on) ? '*' : ''}
                    change={(to) => change(to ? ['*'] : ['version.promote', 'job.failed', 'gate.refused'])}
                    options={[
                        ['*', t.people.everything],
                        ['', t.people.some],
                    ]}
                />
            </Field>
            {!all(on) && (
                <fieldset class="events">
                    <legend>{t.people.eventNames}</legend>
                    {NAMES.map((name) => (
                        <label key={name} class="check">
                            <input
                                type="checkbox"
                                checked={on.includes(name)}
                                onChange={(e) => turn(name, e.currentTarget.checked)}
                            />
                            <span>
                                <code>{name}</code> {t.events[name]}
                            </span>
                        </label>
                    ))}
                </fieldset>
            )}
        </>
    )
}

/** A new webhook (`hook` null), or another address or other events of one. */
function HookDialog({
    hook,
    users,
    changed,
    close,
}: {
    hook: Webhook | null
    users: User[]
    changed: () => void
    close: () => void
}) {
    const collections = useCollections().data ?? []
    const [url, setUrl] = useState(hook?.url ?? '')
    const [events, setEvents] = useState(hook?.events ?? ['*'])
    const [owner, setOwner] = useState(useFirstOwner(users))
    const [collection, setCollection] = useState('')
    const [secret, setSecret] = useState<string>()
    const submit = async () => {
        if (events.length === 0) throw new Error(t.people.chooseEvent)
        const wanted = { url: url.trim(), events }
        if (hook) {
            await api.patch(`/v1/webhooks/${hook.id}`, wanted)
            changed()
            return close()
        }
        const made = await api.post<{ secret: string }>('/v1/webhooks', {
            ...wanted,
            owner: Number(owner),
            ...(collection ? { collection } : {}),
        })
        changed()
        setSecret(made.secret)
    }
    if (secret)
        return (
            <Dialog title={t.people.hookMade} close={close}>
                <Secret label={t.people.hookMade} text={secret} note={t.people.secretOnce} />
                <p class="quiet">{t.people.hookUse}</p>
                <div class="actions end">
                    <button type="button" class="primary" onClick={close}>
                        {t.common.close}
                    </button>
                </div>
            </Dialog>
        )
    return (
        <Dialog title={hook ? t.people.hookTitle : t.people.makeHook} close={close}>
            <Form submit={submit} save={hook ? t.common.save : t.people.makeHook} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={t.people.url} help={t.people.urlHelp} error={wrong('url')}>
                            <TextInput
                                type="url"
                                value={url}
                                change={setUrl}
                                placeholder="https://"
                                autoFocus
                                required
                            />
                        </Field>
                        {!hook && (
                            <OwnerFields
                                {...{ users, owner, setOwner, collections, collection, setCollection, wrong }}
                                every={t.people.everyCollectionHook}
                            />
                        )}
                        <EventsField on={events} change={setEvents} error={wrong('events')} />
                    </>
                )}
            </Form>
        </Dialog>
    )
}

function Row({ hook, users, changed, edit }: { hook: Webhook; users: User[]; changed: () => void; edit: () => void }) {
    const collections = useCollections().data ?? []
    const turn = async (enabled: boolean) => {
        const set = (to: boolean) => api.patch(`/v1/webhooks/${hook.id}`, { enabled: to }).then(changed)
        if (await tell(set(enabled)))
            done(enabled ? t.people.hookSwitchedOn : t.people.hookSwitchedOff, () => set(!enabled))
    }
    const remove = async () => {
        const question = {
            title: t.people.hookRemoveTitle,
            text: t.people.hookRemoveText(hook.url),
            yes: t.common.remove,
            danger: true,
        }
        if (!(await ask(question)) || !(await tell(api.del(`/v1/webhooks/${hook.id}`)))) return
        done(t.people.hookRemoved)
        changed()
    }
    return (
        <tr>
            <th scope="row">{hook.url}</th>
            <td>{ownerText(users, hook.owner)}</td>
            <td title={hook.events.join(', ')}>
                {all(hook.events) ? t.people.everything : t.people.eventsTold(hook.events.length)}
            </td>
            <td>
                {hook.collection === null
                    ? t.people.everyCollectionHook
                    : (collections.find((c) => c.id === hook.collection)?.name ?? `#${hook.collection}`)}
            </td>
            <td>
                <span class={'badge ' + (hook.enabled ? 'known' : 'doubtful')}>
                    {hook.enabled ? t.people.hookOn : t.people.hookOff}
                </span>
            </td>
            <td>
                <When at={hook.created} />
            </td>
            <td>
                <div class="actions end one-line">
                    <button type="button" class="small" aria-label={t.people.hookEdit(hook.url)} onClick={edit}>
                        {t.common.edit}
                    </button>
                    <button
                        type="button"
                        class="small"
                        aria-label={hook.enabled ? t.people.hookDisable(hook.url) : t.people.hookEnable(hook.url)}
                        onClick={() => void turn(!hook.enabled)}
                    >
                        {hook.enabled ? t.people.disable : t.people.enable}
                    </button>
                    <button
                        type="button"
                        class="small"
                        aria-label={t.people.hookRemove(hook.url)}
                        onClick={() => void remove()}
                    >
                        {t.common.remove}
                    </button>
                </div>
            </td>
        </tr>
    )
}

export function Webhooks({ users }: { users: User[] }) {
    const [owner, setOwner] = useQuery('owner')
    const [open, setOpen] = useState<Webhook | 'new' | null>(null)
    const hooks = useLoad((s) => itemsOf<Webhook>('/v1/webhooks', owner, s), [owner])
    const around = useRowFocus<HTMLDivElement>(hooks.data?.length ?? 0)
    const make = (
        <button type="button" class="primary" onClick={() => setOpen('new')}>
            {t.people.makeHook}
        </button>
    )
    return (
        <>
            <div {...around}>
                <Await from={hooks}>
                    {(list) => (
                        <>
                            <div class="actions filters">
                                <OwnerFilter users={users} value={owner} change={setOwner} />
                                {list.length > 0 && make}
                            </div>
                            {list.length ? (
                                <Table
                                    label={t.people.tabs.webhooks}
                                    columns={[
                                        t.people.url,
                                        t.people.owner,
                                        t.people.events,
                                        t.people.collection,
                                        t.common.status,
                                        t.people.created,
                                    ]}
                                    actions
                                >
                                    {list.map((h) => (
                                        <Row
                                            key={h.id}
                                            hook={h}
                                            users={users}
                                            changed={hooks.reload}
                                            edit={() => setOpen(h)}
                                        />
                                    ))}
                                </Table>
                            ) : (
                                <Empty title={t.people.noHooks} text={t.people.noHooksText}>
                                    {make}
                                </Empty>
                            )}
                        </>
                    )}
                </Await>
            </div>
            {open && (
                <HookDialog
                    hook={open === 'new' ? null : open}
                    users={users}
                    changed={hooks.reload}
                    close={() => setOpen(null)}
                />
            )}
        </>
    )
}
