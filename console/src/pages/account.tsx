// One's own account: who one is, the password, colours, keys, the way out.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import { useLeave, useMe } from '../app/session'
import { lettersAreKeys, setLettersAreKeys } from '../app/keys'
import { setTheme, theme, type Theme } from '../app/theme'
import { done } from '../app/toast'
import { Check, Field, Form, Select, TextInput } from '../parts/form'
import { when } from '../parts/when'
import '../style/account.css'
import { t } from '../text'

function Who() {
    const { user, may } = useMe()
    const rows: [string, string | null][] = [
        [t.account.user, user.name],
        [t.account.fullName, user.full_name],
        [t.account.email, user.email],
        [t.account.role, t.people.roles[user.role] ?? user.role],
        [t.account.since, when(user.created)],
    ]
    return (
        <section class="card">
            <h2>{t.account.who}</h2>
            <dl class="who-am-i">
                {rows.map(
                    ([name, value]) =>
                        value && (
                            <div key={name}>
                                <dt>{name}</dt>
                                <dd>{value}</dd>
                            </div>
                        ),
                )}
            </dl>
            <h3>{t.account.may}</h3>
            <ul>
                {may.length ? (
                    may.map((scope) => <li key={scope}>{t.people.scopeText[scope]}</li>)
                ) : (
                    <li>{t.people.roleHelp[user.role]}</li>
                )}
            </ul>
        </section>
    )
}

/** The server ends every login with the old password; so the page asks to sign in again. */
function Password() {
    const leave = useLeave()
    const [current, setCurrent] = useState('')
    const [fresh, setFresh] = useState('')
    const [again, setAgain] = useState('')
    const [shown, setShown] = useState(false)
    const type = shown ? 'text' : 'password'
    const submit = async () => {
        if (fresh !== again) throw new Error(t.account.different)
        await api.put('/v1/auth/password', { current, password: fresh })
        await leave()
        done(t.account.changed)
    }
    return (
        <section class="card">
            <h2>{t.account.password}</h2>
            <p>{t.account.changes}</p>
            <Form submit={submit} save={t.account.change}>
                {(wrong) => (
                    <>
                        <Field label={t.account.current} error={wrong('current')}>
                            <TextInput
                                type={type}
                                value={current}
                                change={setCurrent}
                                autoComplete="current-password"
                                required
                            />
                        </Field>
                        <Field label={t.account.fresh} help={t.account.freshHelp} error={wrong('password')}>
                            <TextInput
                                type={type}
                                value={fresh}
                                change={setFresh}
                                autoComplete="new-password"
                                required
                            />
                        </Field>
                        <Field label={t.account.again}>
                            <TextInput
                                type={type}
                                value={again}
                                change={setAgain}
                                autoComplete="new-password"
                                required
                            />
                        </Field>
                        <Check label={t.account.show} on={shown} change={setShown} />
                    </>
                )}
            </Form>
        </section>
    )
}

function Colours() {
    const [shown, set] = useState<Theme>(theme())
    useEffect(() => {
        const changed = () => set(theme()) // here, or beside the navigation
        addEventListener('themechange', changed)
        return () => removeEventListener('themechange', changed)
    }, [])
    return (
        <Field label={t.account.colours}>
            <Select
                value={shown}
                change={(to) => setTheme(to as Theme)}
                options={Object.entries(t.shell.themes) as [string, string][]}
            />
        </Field>
    )
}

const everywhere: [keys: string[], does: string][] = [
    [['?'], t.account.help],
    [['g', 'h'], t.keys.goHome],
    [['g', 'c'], t.keys.goCollections],
    [['g', 's'], t.keys.goSessions],
    [['g', 'r'], t.keys.goReview],
    [['g', 't'], t.keys.goTrain],
]

function KeyHints() {
    const [letters, setLetters] = useState(lettersAreKeys())
    return (
        <>
            <h2>{t.account.keys}</h2>
            <p>{t.account.keysText}</p>
            <dl class="keys">
                {everywhere.map(([keys, does]) => (
                    <div key={does}>
                        <dt>
                            {keys.map((k) => (
                                <kbd key={k}>{k}</kbd>
                            ))}
                        </dt>
                        <dd>{does}</dd>
                    </div>
                ))}
            </dl>
            <Check
                label={t.account.letters}
                on={letters}
                change={(on) => {
                    setLettersAreKeys(on)
                    setLetters(on)
                }}
            />
        </>
    )
}

export default function Account() {
    const me = useMe()
    const leave = useLeave()
    const signedIn = me.csrf !== null
    return (
        <>
            <div class="head">
                <h1>{t.shell.account}</h1>
                {signedIn && (
                    <button type="button" title={t.account.leaveText} onClick={leave}>
                        {t.account.leave}
                    </button>
                )}
            </div>
            <div class="halves">
                <div>
                    <Who />
                    <section class="card">
                        <Colours />
                        <KeyHints />
                    </section>
                </div>
                {signedIn ? <Password /> : <p class="note">{t.account.trusted}</p>}
            </div>
        </>
    )
}
