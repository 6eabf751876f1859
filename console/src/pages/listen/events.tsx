// The same as a table, to be read, played one by one, and taken along.
import { save } from '../../parts/csv'
import { figure, labelText, percent } from '../../parts/face'
import { t } from '../../text'
import { audacityOf, csvOf, type Span } from './spans'
import { timeText } from './time'

function Row({
    span,
    on,
    playable,
    choose,
}: {
    span: Span
    on: boolean
    playable: boolean
    choose: (s: Span) => void
}) {
    const a = span.answer
    return (
        <tr class={on ? 'on' : ''}>
            <th scope="row">
                <button
                    type="button"
                    class="small"
                    aria-pressed={on}
                    aria-label={(playable ? t.listen.playEvent : t.listen.showEvent)(span.name, timeText(span.start))}
                    onClick={() => choose(span)}
                >
                    {playable && '▶ '}
                    {span.name}
                </button>
            </th>
            <td class="number">{timeText(span.start)}</td>
            <td class="number">{timeText(span.end)}</td>
            <td>
                <span class={'badge ' + span.kind}>{t.decisions[a.decision]}</span>
            </td>
            <td class="number">{percent(a.probability, 1)}</td>
            <td class="number">{figure(a.similarity)}</td>
            <td class="event-candidates">
                {a.candidates
                    .slice(0, 3)
                    .map((c) => t.listen.candidate(labelText(c.label, c.name), percent(c.probability)))
                    .join(', ')}
            </td>
        </tr>
    )
}

export function EventTable({
    spans,
    chosen,
    playable,
    choose,
    file,
}: {
    spans: Span[]
    chosen: number | null
    playable: boolean
    choose: (s: Span) => void
    file: string // what the recording is called
}) {
    if (!spans.length) return <p class="note">{t.listen.eventsNone}</p>
    const stem = file.replace(/\.[^.]*$/, '')
    return (
        <section class="card">
            <div class="head">
                <h2>{t.listen.events}</h2>
                <div class="actions">
                    <button type="button" class="small" onClick={() => save(`${stem}.csv`, 'text/csv', csvOf(spans))}>
                        {t.listen.csv}
                    </button>
                    <button
                        type="button"
                        class="small"
                        onClick={() => save(`${stem}.txt`, 'text/plain', audacityOf(spans))}
                    >
                        {t.listen.audacity}
                    </button>
                </div>
            </div>
            <div class="scroll">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{t.listen.event}</th>
                            <th scope="col" class="number">
                                {t.listen.start}
                            </th>
                            <th scope="col" class="number">
                                {t.listen.end}
                            </th>
                            <th scope="col">{t.listen.decision}</th>
                            <th scope="col" class="number">
                                {t.listen.probability}
                            </th>
                            <th scope="col" class="number">
                                {t.listen.similarity}
                            </th>
                            <th scope="col">{t.listen.candidates}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {spans.map((s) => (
                            <Row key={s.id} span={s} on={s.id === chosen} playable={playable} choose={choose} />
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    )
}
