// Arithmetic over what was measured of a version.
import type { ThresholdRow, VersionDetail } from '../../api/types'

interface Confused {
    is: number
    answer: number
    count: number
}

/** What was mixed up, most often first. */
export function confused(confusion: [number, number, number][]): Confused[] {
    return confusion
        .filter(([is, answer]) => is !== answer)
        .map(([is, answer, count]) => ({ is, answer, count }))
        .sort((a, b) => b.count - a.count)
}

/** Counts by truth and answer. */
export function matrixOf(classes: number, confusion: [number, number, number][]): number[][] {
    const rows = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
    for (const [is, answer, count] of confusion) if (rows[is]) rows[is][answer] = count
    return rows
}

/** The interval that holds the true share with 95 % certainty, by Wilson: `k` of `n` were seen. */
export function wilson(k: number, n: number): [number, number] {
    const z = 1.959964
    const share = k / n
    const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
    const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))
    return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

export type WithStrangers = ThresholdRow & { strangers: number; named: number }

/** The thresholds at which strangers were asked, lowest first. */
export function withStrangers(rows: ThresholdRow[]): WithStrangers[] {
    return rows
        .filter((r): r is WithStrangers => !!r.strangers && r.named !== undefined)
        .sort((a, b) => a.threshold - b.threshold)
}

/** The lowest threshold that lets at most this share of strangers be named.  Few strangers prove little: where the
 *  interval does not lie below the share, a threshold below the one that answers is not proposed. */
export function aimFor(detail: VersionDetail, rows: WithStrangers[], share: number): WithStrangers | undefined {
    const proved = rows.find((r) => wilson(r.named, r.strangers)[1] <= share)
    const careful = rows.find((r) => r.threshold >= detail.threshold && r.named / r.strangers <= share)
    return proved && (!careful || proved.threshold < careful.threshold) ? proved : careful
}

/** A share with as many digits as it needs: "0.3 %", "12 %". */
export function share(x: number): string {
    const percent = 100 * x
    return `${percent > 0 && percent < 10 ? percent.toFixed(1).replace(/\.0$/, '') : percent.toFixed(0)} %`
}

/** What was typed as a number; nothing: undefined; what is none stays text, for the server to object. */
export function numberOf(text: string): number | string | undefined {
    const typed = text.trim().replace(',', '.')
    if (typed === '') return undefined
    return Number.isFinite(Number(typed)) ? Number(typed) : typed
}
