// Times as people of every country read them: 2026-11-26 08:11.
const pad = (n: number) => String(n).padStart(2, '0')

export function day(at: Date): string {
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
}

/** The time of the day where the reader is: 08:11, or 08:11:30 with `seconds`. */
export function clock(time: string | number | Date, seconds = false): string {
    const at = new Date(time)
    const parts = [at.getHours(), at.getMinutes(), ...(seconds ? [at.getSeconds()] : [])]
    return parts.map(pad).join(':')
}

/** A time of the server in the time zone of the reader; "" for none. */
export function when(time: string | null | undefined): string {
    return time ? `${day(new Date(time))} ${clock(time)}` : ''
}
