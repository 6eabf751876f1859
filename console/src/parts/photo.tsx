// A photo with its boxes. Boxes are in the pixels of the whole photo, whatever size is shown.
import { useState } from 'preact/hooks'
import type { Decision } from '../api/types'
import { t } from '../text'
import { Problem } from './load'

export interface Boxed {
    id: number
    box: [number, number, number, number]
    text: string
    kind: 'known' | 'unknown' | 'doubtful' | 'marked'
}

/** What an answer looks like. */
export const KIND: Record<Decision, 'known' | 'unknown' | 'doubtful'> = {
    known: 'known',
    unknown: 'unknown',
    ambiguous: 'doubtful',
    poor_quality: 'doubtful',
}

/** Boxes over whatever shows the picture; `mirrored` where it is shown the other way round. */
export function Boxes({
    boxes,
    width,
    height,
    chosen,
    choose,
    mirrored,
}: {
    boxes: Boxed[]
    width: number
    height: number
    chosen?: number | undefined
    choose?: ((id: number) => void) | undefined
    mirrored?: boolean
}) {
    return (
        <>
            {boxes.map((b) => {
                const [x, y, w, h] = b.box
                const place = {
                    left: `${(100 * (mirrored ? width - x - w : x)) / width}%`,
                    top: `${(100 * y) / height}%`,
                    width: `${(100 * w) / width}%`,
                    height: `${(100 * h) / height}%`,
                }
                const inside = <span class="tag">{b.text}</span>
                const style = `box ${b.kind}${b.id === chosen ? ' on' : ''}`
                return choose ? (
                    <button key={b.id} type="button" class={style} style={place} onClick={() => choose(b.id)}>
                        {inside}
                    </button>
                ) : (
                    <div key={b.id} class={style} style={place}>
                        {inside}
                    </div>
                )
            })}
        </>
    )
}

interface PhotoProps {
    src: string
    width: number
    height: number
    boxes: Boxed[]
    chosen?: number | undefined
    choose?: (id: number) => void
    alt: string
}

function Picture({ src, width, height, boxes, chosen, choose, alt }: PhotoProps) {
    const [broken, setBroken] = useState(false)
    if (broken) return <Problem error={new Error(t.common.noPicture)} />
    return (
        <figure
            class="photo"
            style={{ aspectRatio: `${width} / ${height}`, width: `min(100%, ${(78 * width) / height}vh)` }}
        >
            <img src={src} alt={alt} onError={() => setBroken(true)} />
            <Boxes boxes={boxes} width={width} height={height} chosen={chosen} choose={choose} />
        </figure>
    )
}

/** Another picture is tried anew: that one could not be shown says nothing of the next. */
export function Photo(props: PhotoProps) {
    return <Picture key={props.src} {...props} />
}
