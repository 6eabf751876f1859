/* SPDX-License-Identifier: Apache-2.0
 * index - the file, which is mapped and searched as it lies (docs/formats/index.md).
 *
 * A header of 512 bytes, then codes, ids, f32 rows and upper links without gaps; numbers are
 * little-endian.  All sizes follow from the header, which has the SHA-256 of each part and, at its
 * end, of itself. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "index/index_parts.h"

enum {
    FILE_HEADER = 512,
    FILE_PARTS = 4,
    FILE_FIELDS = 8,    /* where the numbers begin, behind the magic word */
    FILE_DIGESTS = 128, /* where the parts' digests begin, 64 hexadecimal digits each */
    FILE_DIGEST = 448,  /* where that of the bytes before it begins */
    FILE_REVISION = 1
};
#define FILE_MAGIC "espy-idx"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "an index is mapped as it lies, which needs a little-endian CPU"
#endif

/* The numbers of a header, 64 bits each, in the order of the file. */
typedef struct file_fields {
    uint64_t revision, kind, method, keep, dim, links, effort, n, gone, upper_n, entry, top;
} file_fields;

/* The parts of an index's file in their order. */
static void file_parts(const espy_index *ix, espy_span parts[FILE_PARTS])
{
    parts[0] = (espy_span){(const uint8_t *)ix->codes, espy_index_code_bytes(ix, ix->n)};
    parts[1] = (espy_span){(const uint8_t *)ix->ids, ix->n * sizeof *ix->ids};
    parts[2] = (espy_span){(const uint8_t *)ix->rows,
                           ix->opt.keep ? ix->n * ix->dim * sizeof *ix->rows : 0};
    parts[3] = (espy_span){(const uint8_t *)ix->upper, ix->upper_n * sizeof *ix->upper};
}

static void file_digest(const uint8_t *p, size_t n, char *to)
{
    char hex[ESPY_DIGEST_HEX];
    espy_digest(p, n, hex);
    memcpy(to, hex, ESPY_DIGEST_HEX - 1);
}

espy_err espy_index_save(espy_ctx *cx, const espy_index *ix, const char *path)
{
    char header[FILE_HEADER] = {0};
    espy_span parts[1 + FILE_PARTS] = {{(const uint8_t *)header, FILE_HEADER}};
    const file_fields f = {FILE_REVISION,
                           (uint64_t)ix->opt.kind,
                           (uint64_t)ix->opt.method,
                           ix->opt.keep,
                           ix->dim,
                           ix->opt.links,
                           ix->opt.effort,
                           ix->n,
                           ix->gone,
                           ix->upper_n,
                           ix->entry,
                           ix->top};

    file_parts(ix, parts + 1);
    memcpy(header, FILE_MAGIC, FILE_FIELDS);
    memcpy(header + FILE_FIELDS, &f, sizeof f);
    for (size_t i = 0; i < FILE_PARTS; i++)
        file_digest(parts[1 + i].data, parts[1 + i].size, header + FILE_DIGESTS + 64 * i);
    file_digest((const uint8_t *)header, FILE_DIGEST, header + FILE_DIGEST);
    return espy_file_write_parts(cx, path, parts, 1 + FILE_PARTS);
}

/* The header's numbers as an index without arrays. */
static espy_err file_shape(espy_ctx *cx, espy_span file, espy_index *ix)
{
    file_fields f;
    if (file.size < FILE_HEADER || memcmp(file.data, FILE_MAGIC, FILE_FIELDS) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "this is not an index of espy");
    memcpy(&f, file.data + FILE_FIELDS, sizeof f);
    if (f.revision != FILE_REVISION)
        return espy_fail(cx, ESPY_E_FORMAT, "an index of another revision; build it again");
    if (f.kind >= ESPY_NEAR_KINDS || f.method > ESPY_INDEX_GRAPH || f.keep > 1 || f.dim < 1 ||
        f.dim > ESPY_INDEX_DIM || f.links > ESPY_INDEX_LINKS || f.effort > ESPY_INDEX_EFFORT ||
        f.n > ESPY_INDEX_MOST || f.gone > f.n || f.upper_n > UINT32_MAX || f.entry > UINT32_MAX ||
        f.top > UINT32_MAX)
        return espy_fail(cx, ESPY_E_FORMAT, "the header of the index is damaged");
    const espy_index_options options = {(espy_near_kind)f.kind, (espy_index_method)f.method,
                                        f.keep == 1, (uint32_t)f.links, (uint32_t)f.effort};
    if (espy_index_shape(cx, (size_t)f.dim, &options, ix) != ESPY_E_OK ||
        ix->opt.links != f.links || ix->opt.effort != f.effort || ix->opt.keep != options.keep) {
        espy_clear(cx);
        return espy_fail(cx, ESPY_E_FORMAT, "the header of the index is damaged");
    }
    ix->n = ix->room = (size_t)f.n;
    ix->gone = (size_t)f.gone;
    ix->upper_n = ix->upper_room = (size_t)f.upper_n;
    ix->entry = (uint32_t)f.entry;
    ix->top = (uint32_t)f.top;
    return ESPY_E_OK;
}

/* Points the arrays into the file, which has the size that they need. */
static espy_err file_arrays(espy_ctx *cx, espy_span file, espy_index *ix)
{
    espy_span parts[FILE_PARTS];
    const uint8_t *at = file.data + FILE_HEADER;
    size_t left = file.size - FILE_HEADER;

    file_parts(ix, parts);
    for (size_t i = 0; i < FILE_PARTS; i++) {
        if (parts[i].size > left)
            return espy_fail(cx, ESPY_E_FORMAT, "the index is cut off");
        parts[i].data = at;
        at += parts[i].size;
        left -= parts[i].size;
    }
    if (left)
        return espy_fail(cx, ESPY_E_FORMAT, "there is something behind the end of the index");
    /* never written through: a change copies them first */
    ix->codes = (uint32_t *)(uintptr_t)parts[0].data;
    ix->ids = (int64_t *)(uintptr_t)parts[1].data;
    ix->rows = ix->opt.keep ? (float *)(uintptr_t)parts[2].data : NULL;
    ix->upper = (uint32_t *)(uintptr_t)parts[3].data;
    return ESPY_E_OK;
}

espy_err espy_index_parse(espy_ctx *cx, espy_span file, espy_index **out)
{
    espy_index ix;
    ESPY_TRY(file_shape(cx, file, &ix));
    ESPY_TRY(file_arrays(cx, file, &ix));
    if (ix.opt.method == ESPY_INDEX_GRAPH)
        ESPY_TRY(espy_index_graph_check(cx, &ix));
    else if (ix.gone || ix.upper_n)
        return espy_fail(cx, ESPY_E_FORMAT, "the header of the index is damaged");
    *out = espy_alloc(cx, sizeof **out);
    if (!*out)
        return cx->code;
    ix.borrowed = true;
    **out = ix;
    return ESPY_E_OK;
}

static espy_err file_undamaged(espy_ctx *cx, espy_span file, const espy_index *ix)
{
    char digests[FILE_DIGEST - FILE_DIGESTS], own[64];
    espy_span parts[FILE_PARTS];
    size_t at = FILE_HEADER;

    memset(digests, 0, sizeof digests);
    file_parts(ix, parts);
    for (size_t i = 0; i < FILE_PARTS; i++, at += parts[i - 1].size)
        file_digest(file.data + at, parts[i].size, digests + 64 * i);
    file_digest(file.data, FILE_DIGEST, own);
    if (memcmp(digests, file.data + FILE_DIGESTS, sizeof digests) != 0 ||
        memcmp(own, file.data + FILE_DIGEST, sizeof own) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the index is damaged; build it again");
    return ESPY_E_OK;
}

/* Maps a whole file. */
static espy_err file_map(espy_ctx *cx, const char *path, void **map, size_t *bytes)
{
    struct stat st;
    int fd = -1;
    ESPY_TRY(espy_file_open(cx, path, &fd));
    *map = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size >= FILE_HEADER) {
        *bytes = (size_t)st.st_size;
        *map = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (*map == MAP_FAILED)
            espy_fail(cx, ESPY_E_IO, "the file cannot be mapped into memory");
    } else {
        espy_fail(cx, ESPY_E_FORMAT, "this is not an index of espy");
    }
    cx->io->close(fd);
    return *map == MAP_FAILED ? cx->code : ESPY_E_OK;
}

espy_err espy_index_open(espy_ctx *cx, const char *path, espy_index **out)
{
    void *map = NULL;
    size_t bytes = 0;
    espy_index *ix = NULL;
    ESPY_TRY(file_map(cx, path, &map, &bytes));
    const espy_span file = {map, bytes};
    espy_err e = espy_index_parse(cx, file, &ix);
    if (e == ESPY_E_OK)
        e = file_undamaged(cx, file, ix);
    if (e != ESPY_E_OK) {
        espy_free(cx, ix);
        munmap(map, bytes);
        return espy_fail_in(cx, "%s", path);
    }
    ix->map = map;
    ix->map_bytes = bytes;
    *out = ix;
    return ESPY_E_OK;
}
