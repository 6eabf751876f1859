// What was heard, as parts of the recording.
import type { Answer } from '../../api/types'
import { csv } from '../../parts/csv'
import { labelText, percent } from '../../parts/face'
import { KIND } from '../../parts/photo'
import { t } from '../../text'

export interface Span {
    id: number
    start: number
    end: number
    name: string
    percent: string
    kind: 'known' | 'unknown' | 'doubtful'
    answer: Answer
}

export function spansOf(answers: Answer[]): Span[] {
    return answers.map((answer, id) => ({
        id,
        start: answer.start ?? 0,
        end: answer.end ?? 0,
        name: answer.decision === 'known' ? labelText(answer.label, answer.name) : t.decisions[answer.decision]!,
        percent: answer.decision === 'known' ? percent(answer.probability) : '',
        kind: KIND[answer.decision],
        answer,
    }))
}

/** The spans of one name each, in the order in which they are first heard. */
export function lanesOf(spans: Span[]): { name: string; spans: Span[] }[] {
    const lanes = new Map<string, Span[]>()
    for (const span of spans) lanes.set(span.name, [...(lanes.get(span.name) ?? []), span])
    return [...lanes].map(([name, of]) => ({ name, spans: of }))
}

export function csvOf(spans: Span[]): string {
    const number = (x: number | null) => (x === null ? '' : x)
    return csv([
        t.listen.columns,
        ...spans.map(({ start, end, answer: a }) => [
            start,
            end,
            a.label ?? '',
            a.name ?? '',
            a.decision,
            number(a.probability),
            number(a.similarity),
            a.candidates.map((c) => `${c.label} ${c.probability?.toFixed(4) ?? ''}`).join('; '),
        ]),
    ])
}

/** Lines of start, end and text, as Audacity imports them. */
export function audacityOf(spans: Span[]): string {
    return spans
        .map(
            (s) =>
                `${s.start.toFixed(6)}\t${s.end.toFixed(6)}\t${`${s.name} ${s.percent}`.trim().replace(/[\t\r\n]/g, ' ')}\n`,
        )
        .join('')
}
