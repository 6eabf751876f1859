// Fields with their label, help and the server's objection.
import type { ComponentChildren, JSX } from 'preact'
import { cloneElement, type VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import { t } from '../text'
import { Problem } from './load'

export function Field({
    label,
    help,
    error,
    children,
}: {
    label: string
    help?: string | undefined
    error?: string | undefined
    children: VNode<JSX.HTMLAttributes<HTMLElement>>
}) {
    const id = useId()
    const described = error ? `${id}e` : help ? `${id}h` : undefined
    return (
        <div class={'field' + (error ? ' wrong' : '')}>
            <label for={id}>{label}</label>
            {cloneElement(children, {
                id,
                ...(described ? { 'aria-describedby': described } : {}),
                ...(error ? { 'aria-invalid': 'true' } : {}),
            } as JSX.HTMLAttributes<HTMLElement>)}
            {error ? (
                <small id={`${id}e`} class="error">
                    {error}
                </small>
            ) : (
                help && <small id={`${id}h`}>{help}</small>
            )}
        </div>
    )
}

/** A form that sends once: what the server objects to stands at its field (`wrong(name)`), the rest
 *  above the buttons. */
export function Form({
    submit,
    save,
    cancel,
    children,
    danger,
    ready = true,
}: {
    submit: () => Promise<void>
    save: string
    cancel?: (() => void) | undefined
    danger?: boolean
    ready?: boolean // whether there is something to send
    children: (wrong: (name: string) => string | undefined) => ComponentChildren
}) {
    const [error, setError] = useState<unknown>()
    const [busy, setBusy] = useState(false)
    const details = error instanceof ApiError ? error.details : {}
    const asked = new Set<string>()
    const wrong = (name: string) => {
        asked.add(name)
        return [details[name] ?? []].flat().join(', ') || undefined
    }
    const inside = children(wrong)
    const elsewhere = error !== undefined && !Object.keys(details).some((name) => asked.has(name))
    return (
        <form
            noValidate
            onSubmit={(e) => {
                e.preventDefault()
                if (busy || !ready) return
                setBusy(true)
                setError(undefined)
                submit().then(
                    () => setBusy(false),
                    (why) => {
                        setBusy(false)
                        setError(why)
                    },
                )
            }}
        >
            {inside}
            {elsewhere && <Problem error={error} />}
            <div class="actions end">
                {cancel && (
                    <button type="button" onClick={cancel}>
                        {t.common.cancel}
                    </button>
                )}
                <button type="submit" class={danger ? 'danger' : 'primary'} aria-busy={busy} disabled={busy || !ready}>
                    {save}
                </button>
            </div>
        </form>
    )
}

export function TextInput({
    value,
    change,
    ...rest
}: { value: string; change: (to: string) => void } & Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'value'>) {
    return <input {...rest} value={value} onInput={(e) => change(e.currentTarget.value)} />
}

export function Select({
    value,
    change,
    options,
    ...rest
}: {
    value: string
    change: (to: string) => void
    options: [value: string, text: string][]
} & Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, 'value'>) {
    return (
        <select {...rest} value={value} onChange={(e) => change(e.currentTarget.value)}>
            {options.map(([v, text]) => (
                <option key={v} value={v}>
                    {text}
                </option>
            ))}
        </select>
    )
}

export function Check({ label, on, change }: { label: string; on: boolean; change: (to: boolean) => void }) {
    return (
        <label class="check">
            <input type="checkbox" checked={on} onChange={(e) => change(e.currentTarget.checked)} />
            <span>{label}</span>
        </label>
    )
}
