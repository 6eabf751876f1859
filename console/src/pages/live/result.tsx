// What was decided last, in letters that are read from across a room.
import { t } from '../../text'

export interface Result {
    kind: 'known' | 'marked' | 'unknown' | 'doubtful' | 'none'
    title: string
    word: string
    percent?: string
    more?: string
}

const SIGN = { known: '✓', marked: '✓', unknown: '?', doubtful: '…', none: '–' }

export function ResultCard({ result }: { result: Result }) {
    return (
        <section class={`card result ${result.kind}`} aria-label={t.live.result}>
            {/* only name and word are told aloud, when they change: the percent changes with each look */}
            <div role="status">
                <p class="result-title">{result.title}</p>
                <p class="result-word">
                    <span class="result-sign" aria-hidden="true">
                        {SIGN[result.kind]}
                    </span>
                    {result.word}
                </p>
            </div>
            {result.percent && <p class="result-percent">{result.percent}</p>}
            {result.more && <p class="result-more">{result.more}</p>}
        </section>
    )
}
