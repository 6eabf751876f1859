// A secret that the server tells once: to read, to copy, and a warning.
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../text'

export function Secret({ label, text, note }: { label: string; text: string; note: string }) {
    const [copied, setCopied] = useState(false)
    const input = useRef<HTMLInputElement>(null)
    useEffect(() => input.current?.select(), [])
    const copy = async () => {
        input.current?.select()
        try {
            await navigator.clipboard.writeText(text)
        } catch {
            document.execCommand('copy') // without TLS there is no clipboard to write to
        }
        setCopied(true)
    }
    return (
        <div class="secret">
            <label>
                <span>{label}</span>
                <input ref={input} readOnly value={text} spellcheck={false} />
            </label>
            <button type="button" onClick={() => void copy()}>
                {t.common.copy}
            </button>
            <p class="note">{note}</p>
            <span class="visually-hidden" role="status">
                {copied ? t.common.copied : ''}
            </span>
        </div>
    )
}
