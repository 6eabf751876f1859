/* SPDX-License-Identifier: Apache-2.0
 * base - named arrays in one file (tensors.h).
 *
 * Layout: u64 little-endian n, n bytes of JSON, data.  The JSON maps each name to its type, shape
 * and byte range within the data; "__metadata__" maps strings to strings.  A file is accepted only
 * when
 *   T1  the header lies within the file and is a JSON object;
 *   T2  every range is exactly as long as type and shape say, without overflow;
 *   T3  the ranges, in order of their start, cover the data without gap, overlap or remainder.
 * Ranges may start at any byte, so each entry is copied to an aligned place of its own. */
#include "base/tensors.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are copied as they are stored");

#define TENSORS_ALIGN 8u
#define TENSORS_HEADER_MAX (16u << 20) /* bytes of JSON; a head needs a few hundred */
#define TENSORS_META "__metadata__"

typedef struct tensors_range {
    size_t begin, end; /* within the data area of the file */
} tensors_range;

struct espy_tensors {
    espy_json *header; /* owns the names */
    espy_tensor_entry *entries;
    tensors_range *ranges; /* of the entry with the same number */
    size_t n;
    uint8_t *data; /* the entries one after another, each aligned */
};

static const struct {
    const char *name;
    size_t size; /* bytes of one element */
} tensors_types[] = {
    [ESPY_F32] = {"F32", 4},
    [ESPY_F64] = {"F64", 8},
    [ESPY_I64] = {"I64", 8},
    [ESPY_U8] = {"U8", 1},
};
#define TENSORS_TYPES (sizeof(tensors_types) / sizeof(tensors_types[0]))

static size_t tensors_pad(size_t n)
{
    return (TENSORS_ALIGN - n % TENSORS_ALIGN) % TENSORS_ALIGN;
}

/* Bytes that type and shape need; false when they do not fit a size_t. */
static bool tensors_bytes(espy_dtype dtype, int rank, const size_t *dims, size_t *out)
{
    size_t n = tensors_types[dtype].size;
    for (int i = 0; i < rank; i++)
        if (!espy_mul_size(n, dims[i], &n))
            return false;
    *out = n;
    return true;
}

/* Names are shown in one-line errors, so they hold no control characters. */
static bool tensors_name_ok(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static espy_err tensors_index(espy_ctx *cx, const espy_json *array, size_t i, const char *name,
                              size_t *out)
{
    const espy_json *v = espy_json_at(array, i);
    int64_t n = espy_json_int(v, -1);
    if (!espy_json_is_int(v) || n < 0)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "array \"%.64s\": its shape or data_offsets hold something else than "
                         "whole numbers; the file is damaged",
                         name);
    *out = (size_t)n;
    return ESPY_E_OK;
}

/* One member of the header: fills entry and range (rule T2). */
static espy_err tensors_member(espy_ctx *cx, const char *name, const espy_json *v,
                               espy_tensor_entry *entry, tensors_range *range)
{
    if (!tensors_name_ok(name))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "an array's name holds a control character; the file is damaged");
    const char *type = espy_json_string(espy_json_get(v, "dtype"), "");
    size_t t = 0;
    while (t < TENSORS_TYPES && strcmp(type, tensors_types[t].name) != 0)
        t++;
    if (t == TENSORS_TYPES)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "array \"%.64s\": its type is none of F32, F64, I64, U8", name);
    const espy_json *shape = espy_json_get(v, "shape");
    const espy_json *offsets = espy_json_get(v, "data_offsets");
    if (!espy_json_is_array(shape) || espy_json_count(shape) > ESPY_TENSOR_RANK)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "array \"%.64s\": its shape is not a list of at most %d numbers", name,
                         ESPY_TENSOR_RANK);
    if (!espy_json_is_array(offsets) || espy_json_count(offsets) != 2)
        return espy_fail(cx, ESPY_E_FORMAT, "array \"%.64s\": its data_offsets are not two numbers",
                         name);
    entry->name = name;
    entry->dtype = (espy_dtype)t;
    entry->rank = (int)espy_json_count(shape);
    for (int i = 0; i < entry->rank; i++)
        ESPY_TRY(tensors_index(cx, shape, (size_t)i, name, &entry->dims[i]));
    ESPY_TRY(tensors_index(cx, offsets, 0, name, &range->begin));
    ESPY_TRY(tensors_index(cx, offsets, 1, name, &range->end));
    if (!tensors_bytes(entry->dtype, entry->rank, entry->dims, &entry->bytes) ||
        range->end < range->begin || range->end - range->begin != entry->bytes)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "array \"%.64s\": %zu..%zu is not the room its shape needs", name,
                         range->begin, range->end);
    return ESPY_E_OK;
}

static int tensors_by_begin(const void *a, const void *b)
{
    const tensors_range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Rule T3 over a copy of the ranges. */
static espy_err tensors_cover(espy_ctx *cx, const espy_tensors *t, size_t size)
{
    tensors_range *sorted = espy_array(cx, t->n, sizeof *sorted);
    if (!sorted)
        return cx->code;
    if (t->n)
        memcpy(sorted, t->ranges, t->n * sizeof *sorted);
    qsort(sorted, t->n, sizeof *sorted, tensors_by_begin);
    size_t at = 0;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < t->n && !e; i++) {
        if (sorted[i].begin != at || sorted[i].end > size)
            e = espy_fail(cx, ESPY_E_FORMAT,
                          "the arrays overlap or leave a gap at byte %zu of %zu; the file is cut "
                          "off or damaged",
                          at, size);
        at = sorted[i].end;
    }
    if (!e && at != size)
        e = espy_fail(cx, ESPY_E_FORMAT, "%zu bytes of data follow the last array", size - at);
    espy_free(cx, sorted);
    return e;
}

/* Reads all members of the header into entries and ranges. */
static espy_err tensors_members(espy_ctx *cx, espy_tensors *t)
{
    size_t room = espy_json_count(t->header);
    t->entries = espy_array(cx, room, sizeof *t->entries);
    t->ranges = espy_array(cx, room, sizeof *t->ranges);
    if (!t->entries || !t->ranges)
        return cx->code;
    void *it = NULL;
    const char *key;
    const espy_json *v;
    while (espy_json_next(t->header, &it, &key, &v)) {
        if (strcmp(key, TENSORS_META) == 0) {
            if (!espy_json_is_object(v))
                return espy_fail(cx, ESPY_E_FORMAT, "%s is not an object", TENSORS_META);
            continue;
        }
        ESPY_TRY(tensors_member(cx, key, v, &t->entries[t->n], &t->ranges[t->n]));
        t->n++;
    }
    return ESPY_E_OK;
}

/* Copies every array to its aligned place. */
static espy_err tensors_copy(espy_ctx *cx, espy_tensors *t, const uint8_t *from)
{
    size_t total = 0; /* cannot overflow: T3 bounds the sum, and the padding is small */
    for (size_t i = 0; i < t->n; i++)
        total += t->entries[i].bytes + tensors_pad(t->entries[i].bytes);
    t->data = espy_zalloc(cx, total);
    if (!t->data)
        return cx->code;
    uint8_t *to = t->data;
    for (size_t i = 0; i < t->n; i++) {
        espy_tensor_entry *entry = &t->entries[i];
        if (entry->bytes)
            memcpy(to, from + t->ranges[i].begin, entry->bytes);
        entry->data = to;
        to += entry->bytes + tensors_pad(entry->bytes);
    }
    return ESPY_E_OK;
}

espy_err espy_tensors_parse(espy_ctx *cx, espy_span bytes, espy_tensors **out)
{
    espy_err e = ESPY_E_OK;
    uint64_t head = 0;
    if (bytes.size < sizeof head)
        return espy_fail(cx, ESPY_E_FORMAT, "%zu bytes are too few for a safetensors file",
                         bytes.size);
    memcpy(&head, bytes.data, sizeof head);
    if (head > bytes.size - sizeof head || head > TENSORS_HEADER_MAX)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "not a safetensors file, or cut off: its header would have %llu bytes",
                         (unsigned long long)head);
    espy_tensors *t = espy_zalloc(cx, sizeof *t);
    if (!t)
        return cx->code;
    ESPY_GO(espy_json_parse(cx, bytes.data + sizeof head, (size_t)head, &t->header));
    if (!espy_json_is_object(t->header)) {
        e = espy_fail(cx, ESPY_E_FORMAT, "the safetensors header is not a JSON object");
        goto out;
    }
    ESPY_GO(tensors_members(cx, t));
    ESPY_GO(tensors_cover(cx, t, bytes.size - sizeof head - (size_t)head));
    ESPY_GO(tensors_copy(cx, t, bytes.data + sizeof head + (size_t)head));
    *out = t;
    t = NULL;
out:
    espy_tensors_destroy(cx, &t);
    return e;
}

void espy_tensors_destroy(espy_ctx *cx, espy_tensors **tensors)
{
    espy_tensors *t = *tensors;
    if (!t)
        return;
    espy_json_free(t->header);
    espy_free(cx, t->entries);
    espy_free(cx, t->ranges);
    espy_free(cx, t->data);
    espy_free(cx, t);
    *tensors = NULL;
}

size_t espy_tensors_count(const espy_tensors *t)
{
    return t->n;
}

const espy_tensor_entry *espy_tensors_at(const espy_tensors *t, size_t i)
{
    return i < t->n ? &t->entries[i] : NULL;
}

const espy_tensor_entry *espy_tensors_find(const espy_tensors *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->entries[i].name, name) == 0)
            return &t->entries[i];
    return NULL;
}

espy_err espy_tensors_need(espy_ctx *cx, const espy_tensors *t, const char *name, espy_dtype dtype,
                           int rank, const espy_tensor_entry **out)
{
    const espy_tensor_entry *entry = espy_tensors_find(t, name);
    if (!entry)
        return espy_fail(cx, ESPY_E_FORMAT, "the array \"%s\" is missing", name);
    if (entry->dtype != dtype || entry->rank != rank)
        return espy_fail(cx, ESPY_E_FORMAT, "the array \"%s\" is %s of rank %d, not %s of rank %d",
                         name, tensors_types[entry->dtype].name, entry->rank,
                         tensors_types[dtype].name, rank);
    *out = entry;
    return ESPY_E_OK;
}

const char *espy_tensors_meta(const espy_tensors *t, const char *key)
{
    return espy_json_string(espy_json_get(espy_json_get(t->header, TENSORS_META), key), NULL);
}

static espy_err tensors_numbers(espy_ctx *cx, espy_json *object, const char *key, const size_t *v,
                                size_t n)
{
    espy_err e = ESPY_E_OK;
    espy_json *list = espy_json_array();
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_json_append(cx, list, espy_json_of_int((int64_t)v[i])));
    e = espy_json_set(cx, object, key, list);
    list = NULL; /* taken also on failure */
out:
    espy_json_free(list);
    return e;
}

/* The header's member for one array that starts at *at. */
static espy_err tensors_describe(espy_ctx *cx, espy_json *header, const espy_tensor_entry *entry,
                                 size_t *at)
{
    size_t bytes, range[2] = {*at, *at};
    if (entry->rank < 0 || entry->rank > ESPY_TENSOR_RANK ||
        (unsigned)entry->dtype >= TENSORS_TYPES ||
        !tensors_bytes(entry->dtype, entry->rank, entry->dims, &bytes) || bytes != entry->bytes ||
        !espy_add_size(*at, bytes, &range[1]))
        return espy_fail(cx, ESPY_E_ARG, "array \"%s\": type, shape and size disagree",
                         entry->name);
    if (!tensors_name_ok(entry->name) || strcmp(entry->name, TENSORS_META) == 0 ||
        espy_json_get(header, entry->name))
        return espy_fail(cx, ESPY_E_ARG, "\"%s\" cannot name an array, or names two", entry->name);
    espy_err e = ESPY_E_OK;
    espy_json *member = espy_json_object();
    ESPY_GO(
        espy_json_set(cx, member, "dtype", espy_json_of_string(tensors_types[entry->dtype].name)));
    ESPY_GO(tensors_numbers(cx, member, "shape", entry->dims, (size_t)entry->rank));
    ESPY_GO(tensors_numbers(cx, member, "data_offsets", range, 2));
    e = espy_json_set(cx, header, entry->name, member);
    member = NULL; /* taken also on failure */
    *at = range[1];
out:
    espy_json_free(member);
    return e;
}

static espy_err tensors_describe_meta(espy_ctx *cx, espy_json *header, const espy_json *metadata)
{
    void *it = NULL;
    const char *key;
    const espy_json *v;
    if (!espy_json_is_object(metadata))
        return espy_fail(cx, ESPY_E_ARG, "metadata must be an object of strings");
    while (espy_json_next(metadata, &it, &key, &v))
        if (!espy_json_is_string(v))
            return espy_fail(cx, ESPY_E_ARG, "metadata \"%s\" is not a string", key);
    return espy_json_set(cx, header, TENSORS_META, espy_json_ref((espy_json *)metadata));
}

espy_err espy_tensors_write(espy_ctx *cx, const espy_tensor_entry *entries, size_t n,
                            const espy_json *metadata, espy_buf *out)
{
    static const char spaces[TENSORS_ALIGN] = "       ";
    espy_err e = ESPY_E_OK;
    espy_buf text;
    espy_buf_init(&text, TENSORS_HEADER_MAX - TENSORS_ALIGN);
    espy_json *header = espy_json_object();
    if (!header) {
        e = espy_fail(cx, ESPY_E_NOMEM, "out of memory");
        goto out;
    }
    if (metadata)
        ESPY_GO(tensors_describe_meta(cx, header, metadata));
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        ESPY_GO(tensors_describe(cx, header, &entries[i], &at));
    ESPY_GO(espy_json_print(cx, header, 0, &text));
    /* Spaces after the JSON let the data begin at a multiple of 8. */
    uint64_t head = text.size + tensors_pad(text.size);
    ESPY_GO(espy_buf_append(cx, out, &head, sizeof head));
    ESPY_GO(espy_buf_append(cx, out, text.data, text.size));
    ESPY_GO(espy_buf_append(cx, out, spaces, tensors_pad(text.size)));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_buf_append(cx, out, entries[i].data, entries[i].bytes));
out:
    espy_json_free(header);
    espy_buf_free(cx, &text);
    return e;
}
