// One file that is asked about: chosen, or dropped.
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Modality } from '../../api/types'
import { ACCEPT } from '../../parts/accept'

export function PickButton({
    modality,
    text,
    pick,
    primary,
}: {
    modality: Modality
    text: string
    pick: (file: File) => void
    primary?: boolean
}) {
    const input = useRef<HTMLInputElement>(null)
    return (
        <>
            <button type="button" class={primary ? 'primary' : ''} onClick={() => input.current?.click()}>
                {text}
            </button>
            <input
                ref={input}
                type="file"
                hidden
                accept={ACCEPT[modality]}
                onChange={(e) => {
                    const file = e.currentTarget.files?.[0]
                    e.currentTarget.value = ''
                    if (file) pick(file)
                }}
            />
        </>
    )
}

/** Files may be dropped anywhere on what is inside. */
export function DropHere({ pick, children }: { pick: (file: File) => void; children: ComponentChildren }) {
    const [over, setOver] = useState(false)
    return (
        <div
            class={'drop-here' + (over ? ' over' : '')}
            onDragOver={(e) => {
                e.preventDefault()
                setOver(true)
            }}
            onDragLeave={(e) => !e.currentTarget.contains(e.relatedTarget as Node | null) && setOver(false)}
            onDrop={(e) => {
                e.preventDefault()
                setOver(false)
                const file = e.dataTransfer?.files[0]
                if (file) pick(file)
            }}
        >
            {children}
        </div>
    )
}
