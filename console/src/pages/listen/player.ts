// Playing a recording, or a part of it.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { tell } from '../../app/toast'

export interface Player {
    audio: HTMLAudioElement
    playing: boolean
    toggle: () => void
    seek: (to: number) => void
    play: (from: number, to: number) => void
}

/** The sound is an element that is on no page: what is seen of it is drawn by others. */
export function usePlayer(blob: Blob | null): Player {
    const audio = useMemo(() => new Audio(), [])
    const until = useRef(Infinity)
    const [playing, setPlaying] = useState(false)
    useEffect(() => {
        const changed = () => setPlaying(!audio.paused)
        const events = ['play', 'pause', 'ended', 'emptied'] as const
        for (const name of events) audio.addEventListener(name, changed)
        return () => {
            for (const name of events) audio.removeEventListener(name, changed)
            audio.pause()
        }
    }, [audio])
    useEffect(() => {
        if (!blob) return
        const url = URL.createObjectURL(blob)
        audio.src = url
        return () => {
            audio.removeAttribute('src')
            audio.load()
            URL.revokeObjectURL(url)
        }
    }, [blob])
    useEffect(() => {
        if (!playing) return
        let frame = 0
        const look = () => {
            if (audio.currentTime >= until.current) audio.pause()
            else frame = requestAnimationFrame(look)
        }
        frame = requestAnimationFrame(look)
        return () => cancelAnimationFrame(frame)
    }, [playing])
    const start = (to: number) => {
        until.current = to
        void tell(audio.play())
    }
    return {
        audio,
        playing,
        toggle: () => (audio.paused ? start(Infinity) : audio.pause()),
        seek: (to) => {
            until.current = Infinity
            audio.currentTime = Math.max(0, Math.min(audio.duration || 0, to))
        },
        play: (from, to) => {
            audio.currentTime = from
            start(to)
        },
    }
}
