// Who is taken for whom: as a table while one can read it, and the pairs that were mixed up most.
import { t } from '../../text'
import { confused, matrixOf } from './figures'
import { useName } from './names'

const e = t.evaluation

const READABLE = 30 // labels
const PAIRS = 20

function Matrix({ classes, confusion }: { classes: string[]; confusion: [number, number, number][] }) {
    const name = useName()
    return (
        <div class="scroll" role="region" aria-label={e.confusion} tabIndex={0}>
            <table class="confusion">
                <thead>
                    <tr>
                        <th scope="col">{e.confusionCorner}</th>
                        {classes.map((code) => (
                            <th key={code} scope="col">
                                <span>{name(code)}</span>
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {matrixOf(classes.length, confusion).map((row, is) => {
                        const sum = row.reduce((a, b) => a + b, 0)
                        return (
                            <tr key={is}>
                                <th scope="row">{name(classes[is]!)}</th>
                                {row.map((n, answer) => (
                                    <td
                                        key={answer}
                                        class={n === 0 ? '' : is === answer ? 'right' : 'wrong'}
                                        style={n ? { '--heat': `${10 + (30 * n) / sum}%` } : {}}
                                    >
                                        {n || ''}
                                    </td>
                                ))}
                            </tr>
                        )
                    })}
                </tbody>
            </table>
        </div>
    )
}

function Pairs({ classes, confusion }: { classes: string[]; confusion: [number, number, number][] }) {
    const name = useName()
    const pairs = confused(confusion).slice(0, PAIRS)
    if (!pairs.length) return <p>{e.confusionNone}</p>
    return (
        <div class="scroll" role="region" aria-label={e.confusedPairs} tabIndex={0}>
            <table>
                <caption>{e.confusedPairs}</caption>
                <thead>
                    <tr>
                        <th scope="col">{e.is}</th>
                        <th scope="col">{e.answer}</th>
                        <th scope="col" class="number">
                            {e.times}
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {pairs.map((p) => (
                        <tr key={`${p.is} ${p.answer}`}>
                            <th scope="row">{name(classes[p.is]!)}</th>
                            <td>{name(classes[p.answer]!)}</td>
                            <td class="number">{p.count}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

export function Confusion({ classes, confusion }: { classes: string[]; confusion: [number, number, number][] }) {
    const readable = classes.length <= READABLE
    return (
        <section class="card">
            <h3>{e.confusion}</h3>
            <p>{readable ? e.confusionText : e.confusionMany(classes.length)}</p>
            {readable && <Matrix classes={classes} confusion={confusion} />}
            <Pairs classes={classes} confusion={confusion} />
        </section>
    )
}
