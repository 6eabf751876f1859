// Who may sign in, and as what.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Role, User } from '../../api/types'
import { useQuery } from '../../app/router'
import { useMe } from '../../app/session'
import { done, tell } from '../../app/toast'
import { ask, Dialog } from '../../parts/dialog'
import { useRowFocus } from '../../parts/focus'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { Await, Empty, type Loaded } from '../../parts/load'
import { Secret } from '../../parts/secret'
import { When } from '../../parts/time'
import { Table } from '../../parts/table'
import { t } from '../../text'

const ROLES: Role[] = ['admin', 'instructor', 'student']

/** 16 characters that nobody mistakes for another one. */
function makePassword(): string {
    const letters = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
    const fair = 256 - (256 % letters.length) // bytes beyond would make the first letters likelier
    const picked: string[] = []
    while (picked.length < 16)
        for (const byte of crypto.getRandomValues(new Uint8Array(32)))
            if (byte < fair && picked.length < 16) picked.push(letters[byte % letters.length]!)
    return picked.join('')
}

function PasswordField({
    value,
    change,
    error,
}: {
    value: string
    change: (to: string) => void
    error?: string | undefined
}) {
    return (
        <div class="with-button">
            <Field label={t.people.password} help={t.people.passwordHelp} error={error}>
                <TextInput value={value} change={change} autoComplete="off" spellcheck={false} required />
            </Field>
            <button type="button" onClick={() => change(makePassword())}>
                {t.people.makeOne}
            </button>
        </div>
    )
}

function RoleField({ role, change, error }: { role: Role; change: (to: Role) => void; error?: string | undefined }) {
    return (
        <Field label={t.people.role} help={t.people.roleHelp[role]} error={error}>
            <Select
                value={role}
                change={(to) => change(to as Role)}
                options={ROLES.map((r): [string, string] => [r, t.people.roles[r]!])}
            />
        </Field>
    )
}

/** A new account (`user` null), or another name, role, address of one. */
function AccountDialog({ user, changed, close }: { user: User | null; changed: () => void; close: () => void }) {
    const [name, setName] = useState(user?.name ?? '')
    const [fullName, setFullName] = useState(user?.full_name ?? '')
    const [email, setEmail] = useState(user?.email ?? '')
    const [role, setRole] = useState<Role>(user?.role ?? 'instructor')
    const [password, setPassword] = useState('')
    const [made, setMade] = useState(false)
    const submit = async () => {
        const wanted = { name: name.trim(), full_name: fullName.trim(), email: email.trim(), role }
        if (user) await api.patch(`/v1/users/${user.id}`, wanted)
        else await api.post('/v1/users', { ...wanted, password })
        changed()
        if (user) return close()
        done(t.people.added(wanted.name))
        setMade(true)
    }
    if (made) return <PasswordTold name={name} password={password} close={close} />
    return (
        <Dialog title={user ? t.people.editOf(user.name) : t.people.add} close={close}>
            <Form submit={submit} save={user ? t.common.save : t.common.add} cancel={close}>
                {(wrong) => (
                    <>
                        <div class="fields">
                            <Field label={t.people.name} help={t.people.nameHelp} error={wrong('name')}>
                                <TextInput value={name} change={setName} autoComplete="off" autoFocus required />
                            </Field>
                            <Field label={t.people.fullName} error={wrong('full_name')}>
                                <TextInput value={fullName} change={setFullName} autoComplete="off" />
                            </Field>
                        </div>
                        <Field label={t.people.email} error={wrong('email')}>
                            <TextInput type="email" value={email} change={setEmail} autoComplete="off" />
                        </Field>
                        <RoleField role={role} change={setRole} error={wrong('role')} />
                        {!user && <PasswordField value={password} change={setPassword} error={wrong('password')} />}
                    </>
                )}
            </Form>
        </Dialog>
    )
}

function PasswordTold({ name, password, close }: { name: string; password: string; close: () => void }) {
    return (
        <Dialog title={t.people.passwordSet(name)} close={close}>
            <Secret label={t.people.password} text={password} note={t.people.passwordOnce} />
            <div class="actions end">
                <button type="button" class="primary" onClick={close}>
                    {t.common.close}
                </button>
            </div>
        </Dialog>
    )
}

function PasswordDialog({ user, close }: { user: User; close: () => void }) {
    const [password, setPassword] = useState('')
    const [set, setSet] = useState(false)
    const submit = async () => {
        await api.patch(`/v1/users/${user.id}`, { password })
        setSet(true)
    }
    if (set) return <PasswordTold name={user.name} password={password} close={close} />
    return (
        <Dialog title={t.people.newPasswordOf(user.name)} close={close}>
            <p>{t.people.signedOut}</p>
            <Form submit={submit} save={t.common.save} cancel={close}>
                {(wrong) => <PasswordField value={password} change={setPassword} error={wrong('password')} />}
            </Form>
        </Dialog>
    )
}

function Row({ user, changed, open }: { user: User; changed: () => void; open: (what: Open) => void }) {
    const own = useMe().user.id === user.id
    const turn = async (enabled: boolean) => {
        const set = (to: boolean) => api.patch(`/v1/users/${user.id}`, { enabled: to }).then(changed)
        if (await tell(set(enabled)))
            done(enabled ? t.people.switchedOn(user.name) : t.people.switchedOff(user.name), () => set(!enabled))
    }
    const remove = async () => {
        const question = {
            title: t.people.removeTitle(user.name),
            text: t.people.removeText,
            yes: t.common.remove,
            danger: true,
        }
        if (!(await ask(question)) || !(await tell(api.del(`/v1/users/${user.id}`)))) return
        done(t.people.removed(user.name))
        changed()
    }
    return (
        <tr>
            <th scope="row">
                {user.name} {own && <span class="badge marked">{t.people.you}</span>}
                {user.full_name && <small class="below">{user.full_name}</small>}
            </th>
            <td>{t.people.roles[user.role]}</td>
            <td>{user.email ?? '–'}</td>
            <td>
                <span class={'badge ' + (user.enabled ? 'known' : 'doubtful')}>
                    {user.enabled ? t.people.enabled : t.people.disabled}
                </span>
            </td>
            <td>
                <When at={user.created} />
            </td>
            <td>
                <div class="actions end one-line" role="group" aria-label={t.people.actionsFor(user.name)}>
                    <button
                        type="button"
                        class="small"
                        aria-label={t.people.edit(user.name)}
                        onClick={() => open({ edit: user })}
                    >
                        {t.common.edit}
                    </button>
                    <button
                        type="button"
                        class="small"
                        aria-label={t.people.newPasswordOf(user.name)}
                        onClick={() => open({ password: user })}
                    >
                        {t.people.newPassword}
                    </button>
                    {!own && (
                        <>
                            <button
                                type="button"
                                class="small"
                                aria-label={user.enabled ? t.people.disableOf(user.name) : t.people.enableOf(user.name)}
                                onClick={() => void turn(!user.enabled)}
                            >
                                {user.enabled ? t.people.disable : t.people.enable}
                            </button>
                            <button
                                type="button"
                                class="small"
                                aria-label={t.people.remove(user.name)}
                                onClick={() => void remove()}
                            >
                                {t.common.remove}
                            </button>
                        </>
                    )}
                </div>
            </td>
        </tr>
    )
}

type Open = { add: true } | { edit: User } | { password: User }

function AccountTable({ users, changed, open }: { users: User[]; changed: () => void; open: (what: Open) => void }) {
    return (
        <Table
            label={t.people.tabs.accounts}
            columns={[t.people.name, t.people.role, t.people.email, t.common.status, t.people.created]}
            actions
        >
            {users.map((u) => (
                <Row key={u.id} user={u} changed={changed} open={open} />
            ))}
        </Table>
    )
}

function fits(user: User, search: string, role: string): boolean {
    const text = `${user.name} ${user.full_name ?? ''} ${user.email ?? ''}`.toLocaleLowerCase()
    return (!role || user.role === role) && text.includes(search.trim().toLocaleLowerCase())
}

export function Accounts({ users }: { users: Loaded<User[]> }) {
    const [search, setSearch] = useQuery('q')
    const [role, setRole] = useQuery('role')
    const [open, setOpen] = useState<Open | null>(null)
    const close = () => setOpen(null)
    const around = useRowFocus<HTMLDivElement>(users.data?.length ?? 0)
    return (
        <>
            <div class="actions filters">
                <TextInput
                    type="search"
                    value={search}
                    change={setSearch}
                    aria-label={t.people.search}
                    placeholder={t.people.search}
                />
                <Select
                    aria-label={t.people.role}
                    value={role}
                    change={setRole}
                    options={[['', t.people.anyRole], ...ROLES.map((r): [string, string] => [r, t.people.roles[r]!])]}
                />
                <button type="button" class="primary" onClick={() => setOpen({ add: true })}>
                    {t.people.add}
                </button>
            </div>
            <div {...around}>
                <Await from={users}>
                    {(all) => {
                        const shown = all.filter((u) => fits(u, search, role))
                        if (shown.length) return <AccountTable users={shown} changed={users.reload} open={setOpen} />
                        return (
                            <Empty title={t.people.noAccounts} text={t.people.noAccountsText}>
                                <button
                                    type="button"
                                    onClick={() => {
                                        setSearch('')
                                        setRole('')
                                    }}
                                >
                                    {t.people.showAll}
                                </button>
                            </Empty>
                        )
                    }}
                </Await>
            </div>
            {open && 'add' in open && <AccountDialog user={null} changed={users.reload} close={close} />}
            {open && 'edit' in open && <AccountDialog user={open.edit} changed={users.reload} close={close} />}
            {open && 'password' in open && <PasswordDialog user={open.password} close={close} />}
        </>
    )
}
