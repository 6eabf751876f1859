import { t } from '../text'

/** 67108864 as "64 MiB". */
export function bytesText(n: number): string {
    const units = t.units.bytes
    const step = Math.min(units.length - 1, n > 0 ? Math.floor(Math.log2(n) / 10) : 0)
    const value = n / 1024 ** step
    return `${value.toFixed(value < 10 && step ? 1 : 0)} ${units[step]}`
}
