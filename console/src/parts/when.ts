// Times as people of every country read them: 2026-11-26 08:11.
const pad = (n: number) => String(n).padStart(2, '0')

export function day(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
}

/** A time of the server in the time zone of the reader; "" for none. */
export function when(time: string | null | undefined): string {
  if (!time) return ''
  const at = new Date(time)
  return `${day(at)} ${pad(at.getHours())}:${pad(at.getMinutes())}`
}
