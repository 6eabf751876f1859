import type { Modality } from '../api/types'

/** What a file dialog offers; some systems do not count the named ones among pictures and sounds. */
export const ACCEPT: Record<Modality, string> = {
    face: 'image/*,.heic,.heif,.avif',
    sound: 'audio/*,.flac,.ogg,.opus,.aiff,.aif,.wav',
}
