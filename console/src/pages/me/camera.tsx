// The camera's picture, and what it shows as a file.
import { useEffect, useRef, useState } from 'preact/hooks'
import { useKeys } from '../../app/keys'
import { Problem } from '../../parts/load'
import { t } from '../../text'
import { snap } from '../live/frames'

function explain(error: unknown): Error {
    const name = (error as Error).name
    return new Error(name === 'NotAllowedError' ? t.me.cameraDenied : t.me.cameraMissing)
}

export function Camera({ take, close }: { take: (picture: File) => void; close: () => void }) {
    const video = useRef<HTMLVideoElement>(null)
    const [error, setError] = useState<Error>()
    const [on, setOn] = useState(false)
    useEffect(() => {
        if (!navigator.mediaDevices) {
            setError(new Error(t.me.cameraInsecure))
            return
        }
        let gone = false
        let stream: MediaStream | undefined
        const end = () => stream?.getTracks().forEach((track) => track.stop())
        navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 } } }).then(
            (s) => {
                stream = s
                if (gone) return end()
                video.current!.srcObject = s
                void video.current!.play()
                setOn(true)
            },
            (e) => setError(explain(e)),
        )
        return () => {
            gone = true
            end()
        }
    }, [])
    const shoot = async () => {
        if (!on || !video.current?.videoWidth) return
        const picture = await snap(video.current, Infinity, 0.92) // not mirrored, as what is shown
        if (picture) take(new File([picture], `camera-${Date.now()}.jpg`, { type: picture.type }))
    }
    useKeys([{ key: 'p', does: t.me.take, run: () => void shoot() }])
    return (
        <div class="camera">
            {error ? <Problem error={error} /> : <video ref={video} muted playsInline aria-label={t.me.camera} />}
            <div class="actions">
                {!error && (
                    <button type="button" class="primary" disabled={!on} onClick={() => void shoot()}>
                        {t.me.take} <kbd>p</kbd>
                    </button>
                )}
                <button type="button" onClick={close}>
                    {t.me.cameraStop}
                </button>
            </div>
        </div>
    )
}
