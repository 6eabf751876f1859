// SPDX-License-Identifier: Apache-2.0
// Writes the files of a folder as C, compressed: node embed.mjs FOLDER NAME OUT.c
// NAME goes into the first line.  The same files make the same text.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

const TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.png': 'image/png',
    '.woff2': 'font/woff2',
}

const [folder, name, out] = process.argv.slice(2)
const files = readdirSync(folder)
    .filter((file) => !file.startsWith('.'))
    .sort()

const parts = files.map((file, number) => {
    const type = TYPES[extname(file)]
    if (!type) {
        throw new Error(`console: ${file} has a suffix that embed.mjs does not know`)
    }
    const bytes = readFileSync(join(folder, file))
    const gzip = gzipSync(bytes, { level: 9 })
    const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
    const rows = []
    for (let at = 0; at < gzip.length; at += 32) {
        rows.push(`    ${[...gzip.subarray(at, at + 32)].join(',')},`)
    }
    return {
        data: `static const unsigned char file_${number}[] = {\n${rows.join('\n')}\n};\n`,
        entry: `    {"${file}", "${type}", "\\"${tag}\\"", file_${number}, sizeof file_${number}},\n`,
    }
})

const text = `/* ${name} */
#include "http/console.h"

${parts.map((part) => part.data).join('\n')}
const espy_console_file espy_console_files[] = {
${parts.map((part) => part.entry).join('')}    {0}};
`
// whoever reads OUT meanwhile reads all of it
writeFileSync(`${out}.part`, text)
renameSync(`${out}.part`, out)
