import type { Sample } from '../api/types'
import { t } from '../text'

/** The address of a face, cut out, its longer side at most `size` pixels. */
function facePicture(sample: number, size: number): string {
    return `/v1/samples/${sample}/picture?size=${size * (devicePixelRatio > 1 ? 2 : 1)}`
}

/** The address of a photo, upright. */
export function mediaPicture(media: number, size: number): string {
    return `/v1/media/${media}/picture?size=${size}`
}

/** What a person reads for a label: its name, else its code; a group that nobody has named is told by
 *  its number, for the name that grouping gave it is long and the same up to that. */
export function labelText(code: string | null, name: string | null): string {
    if (!code) return t.common.nobody
    const group = /^Unknown .*_Cluster_(\d+)$/.exec(name ?? '')
    if (group) return t.common.group(group[1]!)
    return name && name !== code ? name : code
}

/** A face; `alt` "" where a text beside it says who it is. */
export function Face({ sample, size, alt = '' }: { sample: number; size: number; alt?: string }) {
    return (
        <img
            class="face"
            src={facePicture(sample, size)}
            alt={alt}
            width={size}
            height={size}
            loading="lazy"
            decoding="async"
            draggable={false}
        />
    )
}

/** Who a sample is, and who says so. */
export function sampleText(s: Sample): string {
    if (!s.code) return s.labelled_by === 'user' ? t.common.stranger : t.common.nobody
    const name = labelText(s.code, s.name)
    return s.labelled_by === 'job' && s.confidence !== null ? `${name} ${percent(s.confidence)}` : name
}

/** 0.973 as "97 %". */
export function percent(share: number | null | undefined, digits = 0): string {
    return share === null || share === undefined ? '–' : `${(100 * share).toFixed(digits)} %`
}

/** Cosines and probabilities with two digits. */
export function figure(x: number | null | undefined, digits = 2): string {
    return x === null || x === undefined ? '–' : x.toFixed(digits)
}
