// A list in columns; a wide one scrolls within the page, by keyboard too.
import type { ComponentChildren } from 'preact'
import { t } from '../text'

/** `columns` are the heads; `actions`: one more column holds the buttons of a row. */
export function Table({
    label,
    columns,
    actions,
    children,
}: {
    label: string
    columns: string[]
    actions?: boolean
    children: ComponentChildren
}) {
    return (
        <div class="scroll" role="region" aria-label={label} tabIndex={0}>
            <table>
                <thead>
                    <tr>
                        {columns.map((name) => (
                            <th key={name} scope="col">
                                {name}
                            </th>
                        ))}
                        {actions && (
                            <th scope="col">
                                <span class="visually-hidden">{t.common.actions}</span>
                            </th>
                        )}
                    </tr>
                </thead>
                <tbody>{children}</tbody>
            </table>
        </div>
    )
}
