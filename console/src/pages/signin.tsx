import { useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { Me } from '../api/types'
import { signIn } from '../app/session'
import { Field, Form, TextInput } from '../parts/form'
import { t } from '../text'

export function SignIn({ ended, entered }: { ended: boolean; entered: (me: Me) => void }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const submit = async () => {
    try {
      entered(await signIn(name, password))
    } catch (e) {
      if (!(e instanceof ApiError) || (e.status !== 401 && e.status !== 429)) throw e
      throw new Error(e.status === 401 ? t.signIn.wrong : t.signIn.wait)
    }
  }
  return (
    <main class="sign-in">
      <h1 class="brand">{t.shell.product}</h1>
      {ended && <p class="note">{t.signIn.ended}</p>}
      <Form submit={submit} save={t.signIn.go}>
        {() => (
          <>
            <Field label={t.signIn.name}>
              <TextInput value={name} change={setName} autoComplete="username" autoFocus required />
            </Field>
            <Field label={t.signIn.password}>
              <TextInput
                type="password"
                value={password}
                change={setPassword}
                autoComplete="current-password"
                required
              />
            </Field>
          </>
        )}
      </Form>
      <p class="quiet">{t.signIn.first}</p>
      <p class="quiet">{t.signIn.lost}</p>
    </main>
  )
}
