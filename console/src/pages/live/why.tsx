// Why it was decided so: the candidates, and what the version that answers asks of them.
import { api } from '../../api/client'
import type { Answer, CollectionFull, VersionDetail, Versions } from '../../api/types'
import { figure, labelText, percent } from '../../parts/face'
import { type Loaded, useLoad } from '../../parts/load'
import { t } from '../../text'

/** What the live version asks for; null: none is live. */
export function useRule(collection: CollectionFull): Loaded<VersionDetail | null> {
    return useLoad(
        async (signal) => {
            const all = await api.get<Versions>(`/v1/collections/${collection.id}/versions`, {}, signal)
            return all.items.find((v) => v.version === all.live)?.detail ?? null
        },
        [collection.id, collection.live],
    )
}

export function RuleText({ rule }: { rule: VersionDetail }) {
    return <p class="quiet">{t.live.rule(percent(rule.threshold, 1), figure(rule.floor), rule.version)}</p>
}

/** One sentence: what the decision rests on. */
export function reason(a: Answer, rule: VersionDetail): string {
    const [p, s] = [percent(a.probability, 1), figure(a.similarity)]
    if (a.decision === 'known') return t.live.why.known(p, s)
    if (a.decision === 'poor_quality') return t.live.why.poor
    if (a.decision === 'ambiguous') return t.live.why.ambiguous
    return (a.probability ?? 0) < rule.threshold
        ? t.live.why.unlikely(p, percent(rule.threshold, 1))
        : t.live.why.unlike(s, figure(rule.floor))
}

export function Candidates({ of }: { of: Answer }) {
    return (
        <table class="candidates">
            <caption class="visually-hidden">{t.live.candidates}</caption>
            <thead>
                <tr>
                    <th scope="col">{t.live.candidate}</th>
                    <th scope="col" class="number">
                        {t.live.probability}
                    </th>
                    <th scope="col" class="number">
                        {t.live.similarity}
                    </th>
                </tr>
            </thead>
            <tbody>
                {of.candidates.map((c) => (
                    <tr key={c.label}>
                        <th scope="row">{labelText(c.label, c.name)}</th>
                        <td class="number">{percent(c.probability, 1)}</td>
                        <td class="number">{figure(c.similarity)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    )
}
