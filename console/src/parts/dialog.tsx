import type { ComponentChildren } from 'preact'
import { render } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../text'

/** A dialog over the page: Escape and the cross close it, the focus goes back to where it was. Without
 *  `close` it stays until it is taken away. */
export function Dialog({
    title,
    close,
    wide,
    children,
}: {
    title: string
    close?: () => void
    wide?: boolean
    children: ComponentChildren
}) {
    const at = useRef<HTMLDialogElement>(null)
    const id = useId()
    useLayoutEffect(() => {
        const dialog = at.current!
        dialog.showModal()
        // an open one keeps the focus from where it was
        return () => dialog.close()
    }, [])
    return (
        <dialog
            ref={at}
            class={wide ? 'wide' : ''}
            aria-labelledby={id}
            onCancel={(e) => {
                // a file field tells so, too, when no file was chosen
                if (e.target !== e.currentTarget) return
                e.preventDefault()
                close?.()
            }}
            onClose={() => {
                if (!at.current) return
                // browsers close at the second Escape whatever the first one was answered
                if (close) close()
                else at.current.showModal()
            }}
        >
            <header>
                <h2 id={id}>{title}</h2>
                {close && (
                    <button type="button" class="plain" aria-label={t.common.close} onClick={close}>
                        ×
                    </button>
                )}
            </header>
            {children}
        </dialog>
    )
}

/** Asks before something is taken away; true: go on. */
export function ask(question: { title: string; text: string; yes: string; danger?: boolean }): Promise<boolean> {
    return new Promise((resolve) => {
        const place = document.body.appendChild(document.createElement('div'))
        const end = (answer: boolean) => {
            render(null, place)
            place.remove()
            resolve(answer)
        }
        render(
            <Dialog title={question.title} close={() => end(false)}>
                <p>{question.text}</p>
                <div class="actions end">
                    <button type="button" onClick={() => end(false)}>
                        {t.common.cancel}
                    </button>
                    <button type="button" class={question.danger ? 'danger' : 'primary'} onClick={() => end(true)}>
                        {question.yes}
                    </button>
                </div>
            </Dialog>,
            place,
        )
    })
}
