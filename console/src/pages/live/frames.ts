// Pictures of the camera, asked about one after the other.
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { FaceFrame } from './types'

const LEAST_GAP = 300 // ms from one frame to the next
const AFTER_FAILURE = 2000
const LONGER_SIDE = 1280

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What the video shows now, as JPEG, its longer side at most `longest` pixels. */
export function snap(video: HTMLVideoElement, longest: number, quality: number): Promise<Blob | null> {
    const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(video.videoWidth * scale)
    canvas.height = Math.round(video.videoHeight * scale)
    canvas.getContext('2d')!.drawImage(video, 0, 0, canvas.width, canvas.height)
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
}

async function askAbout(video: HTMLVideoElement, path: string, session: number | null, signal: AbortSignal) {
    const picture = video.videoWidth ? await snap(video, LONGER_SIDE, 0.85) : null
    if (!picture) return null
    const form = new FormData()
    form.set('file', picture, 'frame.jpg')
    if (session !== null) form.set('session', String(session))
    return api.post<FaceFrame>(path, form, signal)
}

/** Sends frames while `on`, never two at once; what went wrong last is told until one is answered. */
export function useFrames(
    video: RefObject<HTMLVideoElement>,
    on: boolean,
    path: string,
    session: number | null,
    answered: (frame: FaceFrame) => void,
): unknown {
    const [problem, setProblem] = useState<unknown>()
    const tell = useRef(answered)
    tell.current = answered
    useEffect(() => {
        setProblem(undefined)
        if (!on) return
        const stop = new AbortController()
        const go = async () => {
            while (!stop.signal.aborted) {
                const began = performance.now()
                let gap = LEAST_GAP
                try {
                    const frame = video.current && (await askAbout(video.current, path, session, stop.signal))
                    if (stop.signal.aborted) return
                    setProblem(undefined)
                    if (frame) tell.current(frame)
                } catch (e) {
                    if (stop.signal.aborted) return
                    setProblem(e)
                    gap = AFTER_FAILURE
                }
                await pause(Math.max(0, began + gap - performance.now()))
            }
        }
        void go()
        return () => stop.abort()
    }, [on, path, session])
    return problem
}
