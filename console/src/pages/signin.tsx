// Before the pages: signing in, or a student's new account.
import { useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { Me } from '../api/types'
import { useTitle } from '../app/router'
import { signIn } from '../app/session'
import { Toasts } from '../app/toast'
import { Dialog } from '../parts/dialog'
import { Check, Field, Form, TextInput } from '../parts/form'
import '../style/signin.css'
import { t } from '../text'
import { Register } from './signin/register'

/** What a refused login means. */
function refused(error: unknown): unknown {
    if (!(error instanceof ApiError)) return error
    if (error.status === 401) return new Error(t.signIn.wrong)
    if (error.status === 429) return new Error(t.signIn.wait)
    return error
}

/** `code` within backticks. */
function Hint({ text }: { text: string }) {
    return <p class="quiet">{text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</p>
}

function Login({ known = '', entered }: { known?: string; entered: (me: Me) => void }) {
    const [name, setName] = useState(known)
    const [password, setPassword] = useState('')
    const [shown, setShown] = useState(false)
    const at = useRef<HTMLDivElement>(null)
    const submit = async () => {
        try {
            entered(await signIn(name.trim(), password))
        } catch (e) {
            at.current?.querySelector<HTMLInputElement>('input[name=password]')?.select()
            throw refused(e)
        }
    }
    return (
        <div ref={at}>
            <Form submit={submit} save={t.signIn.go}>
                {(wrong) => (
                    <>
                        <Field label={t.signIn.name} error={wrong('name')}>
                            <TextInput
                                value={name}
                                change={setName}
                                autoComplete="username"
                                autoCapitalize="none"
                                spellcheck={false}
                                autoFocus={!known}
                                required
                            />
                        </Field>
                        <Field label={t.signIn.password} error={wrong('password')}>
                            <TextInput
                                name="password"
                                type={shown ? 'text' : 'password'}
                                value={password}
                                change={setPassword}
                                autoComplete="current-password"
                                autoFocus={!!known}
                                required
                            />
                        </Field>
                        <Check label={t.signIn.show} on={shown} change={setShown} />
                    </>
                )}
            </Form>
        </div>
    )
}

/** Over the page of somebody whose session has ended. */
export function SignInAgain({ name, entered }: { name: string; entered: (me: Me) => void }) {
    return (
        <Dialog title={t.signIn.title}>
            <p class="note" role="status">
                {t.signIn.ended}
            </p>
            <Login known={name} entered={entered} />
        </Dialog>
    )
}

export function SignIn({ entered }: { entered: (me: Me) => void }) {
    const [registering, setRegistering] = useState(false)
    useTitle(t.signIn.title)
    return (
        <main class="sign-in">
            <p class="brand">{t.shell.product}</p>
            {registering ? (
                <Register entered={entered} back={() => setRegistering(false)} />
            ) : (
                <>
                    <section class="card">
                        <h1>{t.signIn.title}</h1>
                        <Login entered={entered} />
                    </section>
                    <p class="student">
                        {t.signIn.student}{' '}
                        <button type="button" class="small" onClick={() => setRegistering(true)}>
                            {t.signIn.register}
                        </button>
                    </p>
                    <details>
                        <summary>{t.signIn.help}</summary>
                        <Hint text={t.signIn.first} />
                        <Hint text={t.signIn.lost} />
                    </details>
                </>
            )}
            <Toasts />
        </main>
    )
}
