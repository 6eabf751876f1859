// Precision, recall, F1 and support of each label.
import { useState } from 'preact/hooks'
import type { ClassFigures } from '../../api/types'
import { percent } from '../../parts/face'
import { t } from '../../text'
import { useName } from './names'

const e = t.evaluation

type Key = keyof ClassFigures

const columns: [Key, string][] = [
    ['label', e.label],
    ['precision', e.precision],
    ['recall', e.recall],
    ['f1', e.f1],
    ['support', e.support],
]

function sorted(rows: ClassFigures[], by: Key, down: boolean, name: (code: string) => string): ClassFigures[] {
    const order = (a: ClassFigures, b: ClassFigures) =>
        by === 'label' ? name(a.label).localeCompare(name(b.label)) : a[by] - b[by]
    return [...rows].sort((a, b) => (down ? -order(a, b) : order(a, b)))
}

/** The worst first, until another order is asked for. */
export function Classes({ rows }: { rows: ClassFigures[] }) {
    const name = useName()
    const [by, setBy] = useState<Key>('f1')
    const [down, setDown] = useState(false)
    const sort = (key: Key) => {
        setDown(key === by ? !down : false)
        setBy(key)
    }
    return (
        <section class="card">
            <h3>{e.classes}</h3>
            <p>{e.classesText}</p>
            <div class="scroll" role="region" aria-label={e.classes} tabIndex={0}>
                <table class="sortable">
                    <thead>
                        <tr>
                            {columns.map(([key, text]) => (
                                <th
                                    key={key}
                                    scope="col"
                                    class={key === 'label' ? '' : 'number'}
                                    aria-sort={key !== by ? 'none' : down ? 'descending' : 'ascending'}
                                >
                                    <button type="button" class="plain" onClick={() => sort(key)}>
                                        {text}
                                        <span aria-hidden="true">{key !== by ? '' : down ? ' ↓' : ' ↑'}</span>
                                    </button>
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {sorted(rows, by, down, name).map((r) => (
                            <tr key={r.label}>
                                <th scope="row">{name(r.label)}</th>
                                <td class="number">{percent(r.precision, 1)}</td>
                                <td class="number">{percent(r.recall, 1)}</td>
                                <td class="number">{percent(r.f1, 1)}</td>
                                <td class="number">{r.support}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    )
}
