import type { Answer, Label } from '../../api/types'

/** Candidates come with their codes alone: here with their names, too. */
export function withNames<T extends Answer>(samples: T[], labels: Label[]): T[] {
    const names = new Map(labels.map((l) => [l.code, l.name]))
    return samples.map((s) => ({
        ...s,
        candidates: s.candidates.map((c) => ({ ...c, name: names.get(c.label) ?? null })),
    }))
}
