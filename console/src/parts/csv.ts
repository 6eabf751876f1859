// Tables as CSV (RFC 4180); those that leave are UTF-8 with a mark so that spreadsheets know.

/** A cell that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: string | number): string {
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function csv(rows: (string | number)[][]): string {
    return '\ufeff' + rows.map((row) => row.map(cell).join(',') + '\r\n').join('')
}

/** The cells of a CSV text, line by line. */
export function rowsOf(text: string): string[][] {
    const rows: string[][] = []
    let row: string[] = []
    // a cell in quotes, in which two quotes are one, or a bare one; then what ends it
    for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n|\n|\r|$)/g)) {
        row.push(quoted?.replaceAll('""', '"') ?? bare ?? '')
        if (end === ',') continue
        rows.push(row)
        row = []
        if (end === '') break
    }
    return rows
}

/** Lets the browser save a text as a file. */
export function save(name: string, type: string, text: string): void {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([text], { type }))
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10000)
}
