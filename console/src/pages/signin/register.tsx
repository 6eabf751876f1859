// A student makes an account; where that is switched off, the server says whom to ask.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Me } from '../../api/types'
import { go } from '../../app/router'
import { signIn } from '../../app/session'
import { Field, Form, TextInput } from '../../parts/form'
import { t } from '../../text'

const OPTIONAL = ['department', 'year', 'section'] as const

export function Register({ entered, back }: { entered: (me: Me) => void; back: () => void }) {
    const [username, setUsername] = useState('')
    const [password, setPassword] = useState('')
    const [name, setName] = useState('')
    const [email, setEmail] = useState('')
    const [number, setNumber] = useState('')
    const [more, setMore] = useState({ department: '', year: '', section: '' })
    const submit = async () => {
        const given = OPTIONAL.filter((field) => more[field].trim()).map((field) => [field, more[field].trim()])
        await api.post('/api/auth/register-student', {
            username: username.trim(),
            password,
            name: name.trim(),
            email: email.trim(),
            student_id: number.trim(),
            ...Object.fromEntries(given),
        })
        const me = await signIn(username.trim(), password)
        go('/me', true)
        entered(me)
    }
    return (
        <section class="card">
            <h1>{t.signIn.registerTitle}</h1>
            <Form submit={submit} save={t.signIn.make} cancel={back}>
                {() => (
                    <>
                        <Field label={t.signIn.fullName}>
                            <TextInput value={name} change={setName} autoComplete="name" autoFocus required />
                        </Field>
                        <Field label={t.signIn.studentId} help={t.signIn.studentIdHelp}>
                            <TextInput value={number} change={setNumber} autoComplete="off" required />
                        </Field>
                        <Field label={t.signIn.email}>
                            <TextInput type="email" value={email} change={setEmail} autoComplete="email" required />
                        </Field>
                        <div class="fields">
                            {OPTIONAL.map((field) => (
                                <Field key={field} label={t.signIn[field]} help={t.signIn.optional}>
                                    <TextInput
                                        value={more[field]}
                                        change={(to) => setMore((m) => ({ ...m, [field]: to }))}
                                        autoComplete="off"
                                    />
                                </Field>
                            ))}
                        </div>
                        <Field label={t.signIn.name}>
                            <TextInput
                                value={username}
                                change={setUsername}
                                autoComplete="username"
                                autoCapitalize="none"
                                required
                            />
                        </Field>
                        <Field label={t.signIn.password} help={t.signIn.passwordHelp}>
                            <TextInput
                                type="password"
                                value={password}
                                change={setPassword}
                                autoComplete="new-password"
                                required
                            />
                        </Field>
                    </>
                )}
            </Form>
        </section>
    )
}
