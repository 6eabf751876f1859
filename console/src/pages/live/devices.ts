// Cameras and microphones: which there are, which one was chosen, and why there is none.
import { useCallback, useEffect, useState } from 'preact/hooks'
import { t } from '../../text'

export type Kind = 'videoinput' | 'audioinput'

/** Why opening a device failed, and what to do. */
export function deviceProblem(kind: Kind, error: unknown): Error {
    const why = {
        NotAllowedError: t.live.device.denied,
        SecurityError: t.live.device.denied,
        NotFoundError: t.live.device.missing,
        OverconstrainedError: t.live.device.missing,
        gone: t.live.device.gone,
    }[(error as { name: string }).name]
    return new Error((why ?? t.live.device.busy)[kind])
}

/** Why this page gets no device at all; null: it does. */
export function noDevices(kind: Kind): Error | null {
    return isSecureContext && navigator.mediaDevices ? null : new Error(t.live.device.insecure[kind])
}

/** The devices by name (names are told once one of them was opened), and the one that was chosen;
 *  "" is the browser's own choice. */
export function useDevices(kind: Kind) {
    const kept = `espy.${kind}`
    const [all, setAll] = useState<MediaDeviceInfo[]>([])
    const [chosen, setChosen] = useState(localStorage.getItem(kept) ?? '')
    const look = useCallback(() => {
        navigator.mediaDevices
            ?.enumerateDevices()
            .then((list) =>
                setAll(list.filter((d) => d.kind === kind && d.deviceId !== '' && d.deviceId !== 'default')),
            )
            .catch(() => setAll([])) // the browser's own choice is left
    }, [])
    useEffect(() => {
        look()
        navigator.mediaDevices?.addEventListener('devicechange', look)
        return () => navigator.mediaDevices?.removeEventListener('devicechange', look)
    }, [])
    const choose = (id: string) => {
        localStorage.setItem(kept, id)
        setChosen(id)
    }
    const options: [string, string][] = [
        ['', t.live.usual],
        ...all.map((d, i): [string, string] => [d.deviceId, d.label || t.live.deviceNumber[kind](i + 1)]),
    ]
    return { options, chosen: all.some((d) => d.deviceId === chosen) ? chosen : '', choose, look }
}

/** A name for this page's stream of frames; a reload goes on with it. */
export function streamName(): string {
    const KEPT = 'espy.stream'
    const name = sessionStorage.getItem(KEPT) ?? randomName()
    sessionStorage.setItem(KEPT, name)
    return name
}

export function randomName(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('')
}
