/* SPDX-License-Identifier: Apache-2.0
 * artifact - a bounded reader of HDF5 files (hdf5.h).
 *
 * A path is walked from the root group, one name at a time:
 *   object header (IV.A.1.a)  messages in one or more blocks; a group has a symbol table message
 *   B-tree (III.A.1)          nodes by level, down to symbol table nodes
 *   symbol table node (III.B) entries: where the name is, where the object's header is
 *   local heap (III.D)        the names
 * Nothing is trusted:
 *   H1  every read goes through hdf5_at(), which knows the file's end;
 *   H2  a child's level is one below its parent's, so the tree has no cycle, and levels are few;
 *   H3  looking up one name takes HDF5_STEPS nodes and entries at most, whatever the nodes claim;
 *   H4  an object header takes HDF5_MESSAGES messages and HDF5_BLOCKS blocks at most;
 *   H5  an array's elements lie within the file and are as many as its shape says. */
#include "artifact/hdf5.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are stored");

enum {
    HDF5_LEVELS = 8,
    HDF5_STEPS = 65536,
    HDF5_MESSAGES = 1024,
    HDF5_BLOCKS = 64,
    HDF5_NAME = 256 /* bytes of one name in a path, with its end */
};

#define HDF5_NOWHERE UINT64_MAX /* an address that was never given */
#define HDF5_SIGNATURE "\x89HDF\r\n\x1a\n"

/* Message types (IV.A.2). */
enum {
    MESSAGE_SPACE = 0x01,
    MESSAGE_LINK_INFO = 0x02,
    MESSAGE_TYPE = 0x03,
    MESSAGE_LINK = 0x06,
    MESSAGE_EXTERNAL = 0x07,
    MESSAGE_LAYOUT = 0x08,
    MESSAGE_FILTER = 0x0b,
    MESSAGE_CONTINUATION = 0x10,
    MESSAGE_TABLE = 0x11
};

/* ---- bytes ---- */

/* n bytes at an address, or NULL when they do not all lie within the file. */
static const uint8_t *hdf5_at(const espy_hdf5 *h, uint64_t address, uint64_t n)
{
    if (address > h->bytes.size || n > h->bytes.size - address)
        return NULL;
    return h->bytes.data + address;
}

static unsigned hdf5_u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t hdf5_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t hdf5_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static espy_err hdf5_damaged(espy_ctx *cx, const char *what)
{
    return espy_fail(cx, ESPY_E_FORMAT, "the HDF5 file is damaged: its %s cannot be", what);
}

static espy_err hdf5_unread(espy_ctx *cx, const char *what)
{
    return espy_fail(cx, ESPY_E_UNSUPPORTED,
                     "HDF5 with %s is not read; save it with Keras as it comes", what);
}

/* ---- superblock (II.A) ---- */

espy_err espy_hdf5_open(espy_ctx *cx, espy_span bytes, espy_hdf5 *out)
{
    espy_hdf5 h = {.bytes = bytes};
    const uint8_t *p = hdf5_at(&h, 0, 100); /* version 1 with its root entry */
    if (!p || memcmp(p, HDF5_SIGNATURE, 8) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "not an HDF5 file");
    if (p[8] > 1)
        return hdf5_unread(cx, "a superblock of version 2 or later (libver=\"latest\")");
    if (p[13] != 8 || p[14] != 8)
        return hdf5_unread(cx, "addresses that are not of 8 bytes");
    h.leaves = 2 * hdf5_u16(p + 16);
    h.branches = 2 * hdf5_u16(p + 18);
    const uint8_t *q = p + (p[8] == 0 ? 24 : 28);
    if (hdf5_u64(q) != 0)
        return hdf5_unread(cx, "a base address");
    uint64_t end = hdf5_u64(q + 16);
    if (end > bytes.size)
        return espy_fail(cx, ESPY_E_FORMAT, "the HDF5 file is cut off: %zu of %llu bytes are there",
                         bytes.size, (unsigned long long)end);
    h.bytes.size = (size_t)end;
    /* The root's symbol table entry (III.C); its scratch space must tell tree and heap. */
    const uint8_t *root = q + 32;
    if (hdf5_u32(root + 16) != 1)
        return hdf5_unread(cx, "groups of the new style (libver=\"latest\")");
    h.tree = hdf5_u64(root + 24);
    h.heap = hdf5_u64(root + 32);
    *out = h;
    return ESPY_E_OK;
}

/* ---- groups ---- */

/* One name that is looked up in one group. */
typedef struct hdf5_search {
    const espy_hdf5 *h;
    const char *name;
    const uint8_t *names; /* the heap's data */
    uint64_t names_size;
    int steps;
    uint64_t found; /* address of the object's header, or HDF5_NOWHERE */
} hdf5_search;

static espy_err hdf5_step(espy_ctx *cx, hdf5_search *s)
{
    if (++s->steps > HDF5_STEPS)
        return espy_fail(cx, ESPY_E_LIMIT, "a group of the HDF5 file has more than %d entries",
                         HDF5_STEPS);
    return ESPY_E_OK;
}

static espy_err hdf5_heap(espy_ctx *cx, hdf5_search *s, uint64_t address)
{
    const uint8_t *p = hdf5_at(s->h, address, 32);
    if (!p || memcmp(p, "HEAP", 4) != 0 || p[4] != 0)
        return hdf5_damaged(cx, "local heap");
    s->names_size = hdf5_u64(p + 8);
    s->names = hdf5_at(s->h, hdf5_u64(p + 24), s->names_size);
    return s->names ? ESPY_E_OK : hdf5_damaged(cx, "local heap");
}

/* Whether the zero-terminated name at an offset of the heap is the one that is looked for. */
static bool hdf5_named(const hdf5_search *s, uint64_t offset)
{
    size_t n = strlen(s->name) + 1;
    return offset <= s->names_size && n <= s->names_size - offset &&
           memcmp(s->names + offset, s->name, n) == 0;
}

static espy_err hdf5_symbols(espy_ctx *cx, hdf5_search *s, uint64_t address)
{
    const uint8_t *p = hdf5_at(s->h, address, 8);
    if (!p || memcmp(p, "SNOD", 4) != 0 || p[4] != 1)
        return hdf5_damaged(cx, "symbol table node");
    unsigned n = hdf5_u16(p + 6);
    const uint8_t *entry = hdf5_at(s->h, address + 8, n * 40ull);
    if (n > s->h->leaves || !entry)
        return hdf5_damaged(cx, "symbol table node");
    for (; n > 0; n--, entry += 40) {
        ESPY_TRY(hdf5_step(cx, s));
        if (!hdf5_named(s, hdf5_u64(entry)))
            continue;
        if (hdf5_u32(entry + 16) > 1)
            return hdf5_unread(cx, "soft links");
        s->found = hdf5_u64(entry + 8);
        return ESPY_E_OK;
    }
    return ESPY_E_OK;
}

/* level: that the node must have; < 0: any, as for the root. */
static espy_err hdf5_tree(espy_ctx *cx, hdf5_search *s, uint64_t address, int level)
{
    const uint8_t *p = hdf5_at(s->h, address, 24);
    ESPY_TRY(hdf5_step(cx, s));
    if (!p || memcmp(p, "TREE", 4) != 0 || p[4] != 0 || p[5] >= HDF5_LEVELS ||
        (level >= 0 && p[5] != level))
        return hdf5_damaged(cx, "B-tree");
    unsigned n = hdf5_u16(p + 6);
    const uint8_t *child = hdf5_at(s->h, address + 24, n * 16ull); /* key, child, key, child ... */
    if (n > s->h->branches || !child)
        return hdf5_damaged(cx, "B-tree");
    level = p[5];
    for (; n > 0 && s->found == HDF5_NOWHERE; n--, child += 16) {
        uint64_t below = hdf5_u64(child + 8);
        if (level == 0)
            ESPY_TRY(hdf5_symbols(cx, s, below));
        else
            ESPY_TRY(hdf5_tree(cx, s, below, level - 1));
    }
    return ESPY_E_OK;
}

/* *found: HDF5_NOWHERE when the group has no such name. */
static espy_err hdf5_lookup(espy_ctx *cx, const espy_hdf5 *h, uint64_t tree, uint64_t heap,
                            const char *name, uint64_t *found)
{
    hdf5_search s = {.h = h, .name = name, .found = HDF5_NOWHERE};
    ESPY_TRY(hdf5_heap(cx, &s, heap));
    ESPY_TRY(hdf5_tree(cx, &s, tree, -1));
    *found = s.found;
    return ESPY_E_OK;
}

/* ---- object headers ---- */

/* What the messages of one header said. */
typedef struct hdf5_object {
    espy_span space, type, layout; /* data NULL: no such message */
    uint64_t tree, heap;           /* of a group, or HDF5_NOWHERE */
    bool filtered, external, new_style;
} hdf5_object;

typedef struct hdf5_block {
    uint64_t address, size;
} hdf5_block;

static espy_err hdf5_message(espy_ctx *cx, unsigned type, espy_span data, hdf5_object *o)
{
    switch (type) {
    case MESSAGE_SPACE:
        o->space = data;
        break;
    case MESSAGE_TYPE:
        o->type = data;
        break;
    case MESSAGE_LAYOUT:
        o->layout = data;
        break;
    case MESSAGE_FILTER:
        o->filtered = true;
        break;
    case MESSAGE_EXTERNAL:
        o->external = true;
        break;
    case MESSAGE_LINK_INFO:
    case MESSAGE_LINK:
        o->new_style = true;
        break;
    case MESSAGE_TABLE:
        if (data.size < 16)
            return hdf5_damaged(cx, "symbol table message");
        o->tree = hdf5_u64(data.data);
        o->heap = hdf5_u64(data.data + 8);
        break;
    default: /* times, fill values, attributes: not needed */
        break;
    }
    return ESPY_E_OK;
}

/* Reads the messages of one block; continuation blocks are appended to the list. */
static espy_err hdf5_messages(espy_ctx *cx, const espy_hdf5 *h, hdf5_block *blocks, size_t i,
                              size_t *n_blocks, unsigned *left, hdf5_object *o)
{
    uint64_t at = 0, size = blocks[i].size;
    const uint8_t *p = hdf5_at(h, blocks[i].address, size);
    if (!p)
        return hdf5_damaged(cx, "object header");
    while (*left > 0 && size - at >= 8) {
        unsigned type = hdf5_u16(p + at), bytes = hdf5_u16(p + at + 2), flags = p[at + 4];
        at += 8;
        if (bytes > size - at)
            return hdf5_damaged(cx, "object header");
        --*left;
        espy_span data = {p + at, bytes};
        at += bytes;
        if (type == MESSAGE_CONTINUATION) {
            if (bytes < 16 || *n_blocks == HDF5_BLOCKS)
                return hdf5_damaged(cx, "object header");
            blocks[(*n_blocks)++] = (hdf5_block){hdf5_u64(data.data), hdf5_u64(data.data + 8)};
            continue;
        }
        if (flags & 2 && type != 0) /* kept elsewhere in the file */
            return hdf5_unread(cx, "shared messages");
        ESPY_TRY(hdf5_message(cx, type, data, o));
    }
    return ESPY_E_OK;
}

static espy_err hdf5_header(espy_ctx *cx, const espy_hdf5 *h, uint64_t address, hdf5_object *o)
{
    const uint8_t *p = hdf5_at(h, address, 16);
    *o = (hdf5_object){.tree = HDF5_NOWHERE, .heap = HDF5_NOWHERE};
    if (p && memcmp(p, "OHDR", 4) == 0)
        return hdf5_unread(cx, "object headers of the new style (libver=\"latest\")");
    if (!p || p[0] != 1)
        return hdf5_damaged(cx, "object header");
    unsigned left = hdf5_u16(p + 2);
    if (left > HDF5_MESSAGES)
        return espy_fail(cx, ESPY_E_LIMIT, "an object of the HDF5 file has more than %d messages",
                         HDF5_MESSAGES);
    hdf5_block blocks[HDF5_BLOCKS] = {{address + 16, hdf5_u32(p + 8)}};
    size_t n_blocks = 1;
    for (size_t i = 0; i < n_blocks; i++)
        ESPY_TRY(hdf5_messages(cx, h, blocks, i, &n_blocks, &left, o));
    return ESPY_E_OK;
}

/* ---- paths ---- */

/* The header of the object under a path; *there false when a name on the way is missing. */
static espy_err hdf5_walk(espy_ctx *cx, const espy_hdf5 *h, const char *path, hdf5_object *o,
                          bool *there)
{
    *o = (hdf5_object){.tree = h->tree, .heap = h->heap};
    *there = false;
    for (;;) {
        char name[HDF5_NAME];
        size_t n = strcspn(path, "/");
        if (n == 0 || n >= sizeof name)
            return espy_fail(cx, ESPY_E_ARG, "\"%s\" is no path in an HDF5 file", path);
        memcpy(name, path, n);
        name[n] = '\0';
        if (o->new_style)
            return hdf5_unread(cx, "groups of the new style (libver=\"latest\")");
        if (o->tree == HDF5_NOWHERE) /* an array has nothing below it */
            return ESPY_E_OK;
        uint64_t address;
        ESPY_TRY(hdf5_lookup(cx, h, o->tree, o->heap, name, &address));
        if (address == HDF5_NOWHERE)
            return ESPY_E_OK;
        ESPY_TRY(hdf5_header(cx, h, address, o));
        if (!path[n])
            break;
        path += n + 1;
    }
    *there = true;
    return ESPY_E_OK;
}

espy_err espy_hdf5_has(espy_ctx *cx, const espy_hdf5 *h, const char *path, bool *out)
{
    hdf5_object o;
    return hdf5_walk(cx, h, path, &o, out);
}

/* ---- arrays ---- */

/* Dataspace message (IV.A.2.b). */
static espy_err hdf5_space(espy_ctx *cx, espy_span m, espy_hdf5_array *a)
{
    size_t head = m.size > 0 && m.data[0] == 1 ? 8 : 4;
    if (m.size < head || m.data[0] < 1 || m.data[0] > 2 || (m.data[0] == 2 && m.data[3] > 1))
        return hdf5_damaged(cx, "array shape");
    a->rank = m.data[1];
    if (a->rank > ESPY_HDF5_RANK)
        return hdf5_unread(cx, "arrays of more than 4 dimensions");
    if (m.size - head < (size_t)a->rank * 8)
        return hdf5_damaged(cx, "array shape");
    a->n = 1;
    for (int i = 0; i < a->rank; i++) {
        uint64_t d = hdf5_u64(m.data + head + (size_t)i * 8);
        if (d > SIZE_MAX || !espy_mul_size(a->n, (size_t)d, &a->n))
            return hdf5_damaged(cx, "array shape");
        a->dims[i] = (size_t)d;
    }
    return ESPY_E_OK;
}

/* Datatype message (IV.A.2.d): whole numbers, and IEEE numbers exactly as a PC has them. */
static espy_err hdf5_type(espy_ctx *cx, espy_span m, espy_hdf5_array *a, size_t *element)
{
    /* bit offset, precision; exponent at and size; mantissa at and size; bias */
    static const uint8_t f32[12] = {0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0};
    static const uint8_t f64[12] = {0, 0, 64, 0, 52, 11, 0, 52, 0xff, 0x03, 0, 0};
    if (m.size < 12)
        return hdf5_damaged(cx, "element type");
    unsigned class = m.data[0] & 0x0f;
    uint32_t size = hdf5_u32(m.data + 4);
    bool big = m.data[1] & 1;
    *element = size;
    if (class == 0 && size >= 1 && size <= 8) {
        a->type = ESPY_HDF5_INT;
        return ESPY_E_OK;
    }
    /* bits: little-endian without padding, mantissa with a hidden one, sign on top */
    if (class == 1 && !big && m.size >= 20 && m.data[1] == 0x20 && m.data[2] == size * 8 - 1) {
        a->type = size == 4 ? ESPY_HDF5_F32 : ESPY_HDF5_F64;
        if ((size == 4 && memcmp(m.data + 8, f32, sizeof f32) == 0) ||
            (size == 8 && memcmp(m.data + 8, f64, sizeof f64) == 0))
            return ESPY_E_OK;
    }
    return hdf5_unread(cx, "elements other than whole numbers and little-endian float32 and "
                           "float64");
}

/* Data layout message, version 3 (IV.A.2.i), and 4, which says the same here. */
static espy_err hdf5_layout(espy_ctx *cx, const espy_hdf5 *h, espy_span m, espy_hdf5_array *a)
{
    if (m.size < 2 || m.data[0] < 3 || m.data[0] > 4)
        return hdf5_unread(cx, "arrays in another layout than version 3 or 4");
    uint64_t size;
    if (m.data[1] == 0 && m.size >= 4) { /* compact: here */
        size = hdf5_u16(m.data + 2);
        a->data = size <= m.size - 4 ? m.data + 4 : NULL;
    } else if (m.data[1] == 1 && m.size >= 18) { /* contiguous: elsewhere */
        uint64_t address = hdf5_u64(m.data + 2);
        size = hdf5_u64(m.data + 10);
        if (a->n == 0) /* has no place */
            address = size = 0;
        a->data = hdf5_at(h, address, size);
    } else {
        return hdf5_unread(cx, "arrays in pieces (chunks=, compression=)");
    }
    if (!a->data || size != a->bytes)
        return hdf5_damaged(cx, "array");
    return ESPY_E_OK;
}

espy_err espy_hdf5_array_at(espy_ctx *cx, const espy_hdf5 *h, const char *path,
                            espy_hdf5_array *out)
{
    hdf5_object o;
    bool there;
    espy_hdf5_array a = {0};
    size_t element;
    ESPY_TRY(hdf5_walk(cx, h, path, &o, &there));
    if (!there || !o.space.data || !o.type.data || !o.layout.data)
        return espy_fail(cx, ESPY_E_FORMAT, "the HDF5 file has no array %s", path);
    if (o.filtered)
        return hdf5_unread(cx, "compressed arrays");
    if (o.external)
        return hdf5_unread(cx, "arrays in other files");
    ESPY_TRY(hdf5_space(cx, o.space, &a));
    ESPY_TRY(hdf5_type(cx, o.type, &a, &element));
    if (!espy_mul_size(a.n, element, &a.bytes))
        return hdf5_damaged(cx, "array shape");
    ESPY_TRY(hdf5_layout(cx, h, o.layout, &a));
    *out = a;
    return ESPY_E_OK;
}

espy_err espy_hdf5_floats(espy_ctx *cx, const espy_hdf5_array *a, const char *path, float *to)
{
    switch (a->type) {
    case ESPY_HDF5_F32:
        if (a->bytes)
            memcpy(to, a->data, a->bytes);
        return ESPY_E_OK;
    case ESPY_HDF5_F64:
        for (size_t i = 0; i < a->n; i++) {
            double d;
            memcpy(&d, a->data + i * sizeof d, sizeof d);
            to[i] = (float)d;
        }
        return ESPY_E_OK;
    case ESPY_HDF5_INT:
        break;
    }
    return espy_fail(cx, ESPY_E_UNSUPPORTED, "%s holds whole numbers, not weights", path);
}
