// Before the pages: signing in, or a student's new account.
import { useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { Me } from '../api/types'
import { signIn } from '../app/session'
import { Toasts } from '../app/toast'
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

function Login({ entered }: { entered: (me: Me) => void }) {
  const [name, setName] = useState('')
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
                autoFocus
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

export function SignIn({ ended, entered }: { ended: boolean; entered: (me: Me) => void }) {
  const [registering, setRegistering] = useState(false)
  return (
    <main class="sign-in">
      <p class="brand">{t.shell.product}</p>
      {registering ? (
        <Register entered={entered} back={() => setRegistering(false)} />
      ) : (
        <>
          <section class="card">
            <h1>{t.signIn.title}</h1>
            {ended && (
              <p class="note" role="status">
                {t.signIn.ended}
              </p>
            )}
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
