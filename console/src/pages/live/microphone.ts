// The microphone's sound in blocks of a twentieth of a second, for as long as it is on.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Power } from './camera'
import { deviceProblem, noDevices } from './devices'

const BLOCKS = 20 // in a second
const recorder = new URL('./recorder.js', import.meta.url).href

// What a call wants cleaned away is what is to be heard here.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }

export function useMicrophone(device: string, opened: () => void, heard: (block: Float32Array, rate: number) => void) {
    const [wanted, setWanted] = useState(false)
    const [power, setPower] = useState<Power>('off')
    const [problem, setProblem] = useState<Error | null>(noDevices('audioinput'))
    const take = useRef(heard)
    take.current = heard
    useEffect(() => {
        if (!wanted) return
        let stream: MediaStream | undefined
        let over = false
        const fail = (error: unknown) => {
            if (over) return
            setProblem(deviceProblem('audioinput', error as Error))
            setWanted(false)
        }
        setProblem(null)
        setPower('starting')
        const context = new AudioContext()
        const open = async () => {
            stream = await navigator.mediaDevices.getUserMedia({
                audio: device ? { ...RAW, deviceId: { exact: device } } : RAW,
            })
            if (over) return close()
            await context.audioWorklet.addModule(recorder)
            await context.resume()
            if (over) return
            stream.getAudioTracks()[0]!.addEventListener('ended', () => fail({ name: 'gone' }))
            const block = Math.round(context.sampleRate / BLOCKS)
            const node = new AudioWorkletNode(context, 'recorder', { processorOptions: { block } })
            node.port.onmessage = (e: MessageEvent<Float32Array>) => take.current(e.data, context.sampleRate)
            // it says nothing itself, but only what leads to the loudspeakers is run
            context.createMediaStreamSource(stream).connect(node).connect(context.destination)
            setPower('on')
            opened()
        }
        const close = () => stream?.getTracks().forEach((track) => track.stop())
        open().catch(fail)
        return () => {
            over = true
            close()
            void context.close()
            setPower('off')
        }
    }, [wanted, device])
    return { power, problem, start: () => setWanted(true), stop: () => setWanted(false) }
}
