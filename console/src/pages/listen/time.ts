/** 83.46 as "1:23.5". */
export function timeText(seconds: number): string {
    const tenths = Math.round(10 * seconds)
    const minutes = Math.floor(tenths / 600)
    return `${minutes}:${String(Math.floor((tenths % 600) / 10)).padStart(2, '0')}.${tenths % 10}`
}

/** 83 as "1:23". */
export function clockText(seconds: number): string {
    const whole = Math.round(seconds)
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
