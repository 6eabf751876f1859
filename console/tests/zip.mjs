// SPDX-License-Identifier: Apache-2.0
// A zip archive of files as they are (method 0), for what the console imports.

const TABLE = Array.from({ length: 256 }, (_, n) => {
    let c = n
    for (let k = 0; k < 8; k++) {
        c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    }
    return c >>> 0
})

function crc32(bytes) {
    let c = 0xffffffff
    for (const byte of bytes) {
        c = TABLE[(c ^ byte) & 0xff] ^ (c >>> 8)
    }
    return (c ^ 0xffffffff) >>> 0
}

/** What the header of a file and its entry in the directory have in common. */
function common(name, bytes) {
    const b = Buffer.alloc(26)
    b.writeUInt16LE(20, 0) // version 2.0
    b.writeUInt16LE(0x21, 8) // 1 January 1980
    b.writeUInt32LE(crc32(bytes), 10)
    b.writeUInt32LE(bytes.length, 14)
    b.writeUInt32LE(bytes.length, 18)
    b.writeUInt16LE(name.length, 22)
    return b
}

function directoryEntry(name, shared, offset) {
    const b = Buffer.alloc(46)
    b.writeUInt32LE(0x02014b50, 0)
    b.writeUInt16LE(20, 4)
    shared.copy(b, 6)
    b.writeUInt32LE(offset, 42)
    return Buffer.concat([b, name])
}

function end(count, size, offset) {
    const b = Buffer.alloc(22)
    b.writeUInt32LE(0x06054b50, 0)
    b.writeUInt16LE(count, 8)
    b.writeUInt16LE(count, 10)
    b.writeUInt32LE(size, 12)
    b.writeUInt32LE(offset, 16)
    return b
}

/** entries: [name, bytes], ... */
export function zip(entries) {
    const files = []
    const directory = []
    let offset = 0
    for (const [text, bytes] of entries) {
        const name = Buffer.from(text)
        const shared = common(name, bytes)
        const file = Buffer.concat([Buffer.from('PK\x03\x04'), shared, name, bytes])
        directory.push(directoryEntry(name, shared, offset))
        files.push(file)
        offset += file.length
    }
    const all = Buffer.concat(directory)
    return Buffer.concat([...files, all, end(entries.length, all.length, offset)])
}
