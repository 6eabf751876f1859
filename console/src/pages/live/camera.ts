// The camera's picture in a video element, for as long as it is on.
import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { deviceProblem, noDevices } from './devices'

export type Power = 'off' | 'starting' | 'on'

/** The screen stays lit while somebody watches it; where that cannot be had it is no loss. */
function keepAwake(): () => void {
    const lock = navigator.wakeLock?.request('screen').catch(() => null)
    return () => void lock?.then((l) => l?.release())
}

export function useCamera(video: RefObject<HTMLVideoElement>, device: string, opened: () => void) {
    const [wanted, setWanted] = useState(false)
    const [power, setPower] = useState<Power>('off')
    const [problem, setProblem] = useState<Error | null>(noDevices('videoinput'))
    useEffect(() => {
        if (!wanted) return
        let stream: MediaStream | undefined
        let over = false
        const fail = (error: unknown) => {
            if (over) return
            setProblem(deviceProblem('videoinput', error))
            setWanted(false)
        }
        setProblem(null)
        setPower('starting')
        const sleepless = keepAwake()
        const open = async () => {
            const size = { width: { ideal: 1920 }, height: { ideal: 1080 } }
            stream = await navigator.mediaDevices.getUserMedia({
                video: device ? { ...size, deviceId: { exact: device } } : size,
            })
            if (over) return close()
            stream.getVideoTracks()[0]!.addEventListener('ended', () => fail({ name: 'gone' }))
            video.current!.srcObject = stream
            await video.current!.play()
            setPower('on')
            opened()
        }
        const close = () => stream?.getTracks().forEach((track) => track.stop())
        open().catch(fail)
        return () => {
            over = true
            close()
            sleepless()
            if (video.current) video.current.srcObject = null
            setPower('off')
        }
    }, [wanted, device])
    return { power, problem, start: () => setWanted(true), stop: () => setWanted(false) }
}
