// A photo with its boxes. Boxes are in the pixels of the whole photo, whatever size is shown.
import { useState } from 'preact/hooks'
import { t } from '../text'
import { Problem } from './load'

export interface Boxed {
  id: number
  box: [number, number, number, number]
  text: string
  kind: 'known' | 'unknown' | 'doubtful' | 'marked'
}

export function Photo({
  src,
  width,
  height,
  boxes,
  chosen,
  choose,
  alt,
}: {
  src: string
  width: number
  height: number
  boxes: Boxed[]
  chosen?: number | undefined
  choose?: (id: number) => void
  alt: string
}) {
  const [broken, setBroken] = useState(false)
  if (broken) return <Problem error={new Error(t.common.noPicture)} />
  return (
    <figure class="photo" style={{ aspectRatio: `${width} / ${height}`, width: `min(100%, ${(78 * width) / height}vh)` }}>
      <img src={src} alt={alt} onError={() => setBroken(true)} />
      {boxes.map((b) => {
        const place = {
          left: `${(100 * b.box[0]) / width}%`,
          top: `${(100 * b.box[1]) / height}%`,
          width: `${(100 * b.box[2]) / width}%`,
          height: `${(100 * b.box[3]) / height}%`,
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
    </figure>
  )
}
