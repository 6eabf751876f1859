/* SPDX-License-Identifier: Apache-2.0
 * base - zip archives (zip.h). */
#include "base/zip.h"

#include <string.h>
#include <zip.h>

#include "base/text.h"

#define ZIP_CHUNK 65536u
#define ZIP_DATE 0x0021u               /* 1980-01-01 in MS-DOS's form */
#define ZIP_UNIX_MODE (0100600u << 16) /* a regular file, its owner's to read and write */

/* `what` failed; libzip said why. */
static espy_err zip_failed(espy_ctx *cx, const zip_error_t *why, const char *what)
{
    espy_err e = ESPY_E_FORMAT;
    switch (zip_error_code_zip(why)) {
    case ZIP_ER_MEMORY:
        e = ESPY_E_NOMEM;
        break;
    case ZIP_ER_COMPNOTSUPP:
    case ZIP_ER_ENCRNOTSUPP:
    case ZIP_ER_NOPASSWD:
        e = ESPY_E_UNSUPPORTED;
        break;
    case ZIP_ER_NOENT:
    case ZIP_ER_OPEN:
    case ZIP_ER_READ:
    case ZIP_ER_SEEK:
        e = ESPY_E_IO;
        break;
    case ZIP_ER_NOZIP:
        return espy_fail(cx, e, "%s is not a zip archive", what);
    default:
        break;
    }
    zip_error_t copy = *why; /* the text is made on demand and kept in it */
    copy.str = NULL;
    e = espy_fail(cx, e, "%s: %s", what, zip_error_strerror(&copy));
    zip_error_fini(&copy);
    return e;
}

/* ---- reading ---- */

/* Unpacks a file that declares `size` bytes. */
static espy_err zip_unpack(espy_ctx *cx, zip_file_t *f, const char *name, zip_uint64_t size,
                           espy_buf *out)
{
    uint8_t chunk[ZIP_CHUNK];
    zip_uint64_t got = 0;
    for (;;) {
        zip_int64_t n = zip_fread(f, chunk, sizeof chunk);
        if (n < 0)
            return zip_failed(cx, zip_file_get_error(f), name);
        if (n == 0)
            break;
        got += (zip_uint64_t)n;
        if (got > size)
            break;
        ESPY_TRY(espy_buf_append(cx, out, chunk, (size_t)n));
    }
    if (got != size)
        return espy_fail(cx, ESPY_E_FORMAT, "%s in the archive is not as long as it declares",
                         name);
    return ESPY_E_OK;
}

static espy_err zip_member(espy_ctx *cx, zip_t *z, const char *name, espy_buf *out)
{
    zip_stat_t st;
    if (zip_get_num_entries(z, 0) > ESPY_ZIP_ENTRIES)
        return espy_fail(cx, ESPY_E_LIMIT, "an archive of more than %d files is not read",
                         ESPY_ZIP_ENTRIES);
    if (zip_stat(z, name, 0, &st) != 0 || !(st.valid & ZIP_STAT_SIZE))
        return espy_fail(cx, ESPY_E_FORMAT, "the archive holds no file %s", name);
    if (st.size > out->max - out->size)
        return espy_fail(cx, ESPY_E_LIMIT, "%s in the archive is larger than %zu bytes", name,
                         out->max - out->size);
    zip_file_t *f = zip_fopen_index(z, st.index, 0);
    if (!f)
        return zip_failed(cx, zip_get_error(z), name);
    espy_err e = zip_unpack(cx, f, name, st.size, out);
    zip_fclose(f);
    return e;
}

/* Takes over `source`. */
static espy_err zip_read_source(espy_ctx *cx, zip_source_t *source, zip_error_t *error,
                                const char *name, espy_buf *out)
{
    zip_t *z = source ? zip_open_from_source(source, ZIP_RDONLY, error) : NULL;
    if (!z) {
        zip_source_free(source);
        return zip_failed(cx, error, "this");
    }
    espy_err e = zip_member(cx, z, name, out);
    zip_discard(z);
    return e;
}

espy_err espy_zip_read(espy_ctx *cx, espy_span archive, const char *name, espy_buf *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(archive.data, archive.size, 0, &error);
    espy_err e = zip_read_source(cx, source, &error, name, out);
    zip_error_fini(&error);
    return e;
}

espy_err espy_zip_read_file(espy_ctx *cx, const char *path, const char *name, espy_buf *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_file_create(path, 0, -1, &error);
    espy_err e = zip_read_source(cx, source, &error, name, out);
    zip_error_fini(&error);
    return e ? espy_fail_in(cx, "%s", path) : ESPY_E_OK;
}

/* ---- reading all ---- */

/* Entry i; *left: what may still be unpacked in all. */
static espy_err zip_entry(espy_ctx *cx, zip_t *z, zip_uint64_t i, const espy_zip_limits *limits,
                          size_t *left, const char **name, espy_buf *out)
{
    zip_stat_t st;
    if (zip_stat_index(z, i, 0, &st) != 0 || !(st.valid & ZIP_STAT_SIZE) || !st.name)
        return espy_fail(cx, ESPY_E_FORMAT, "entry %llu of the archive cannot be read",
                         (unsigned long long)i + 1);
    *name = st.name;
    if (!espy_utf8_valid(st.name, strlen(st.name)))
        return espy_fail(cx, ESPY_E_ARG, "a file's name in the archive is not UTF-8");
    if (st.size > limits->each)
        return espy_fail(cx, ESPY_E_LIMIT, "unpacked it is larger than %zu bytes", limits->each);
    if (st.size > *left) {
        *left = 0; /* nothing more is read */
        return espy_fail(cx, ESPY_E_LIMIT, "the archive unpacks to more than %zu bytes",
                         limits->all);
    }
    zip_file_t *f = zip_fopen_index(z, i, 0);
    if (!f)
        return zip_failed(cx, zip_get_error(z), "this file");
    espy_err e = zip_unpack(cx, f, "this file", st.size, out);
    zip_fclose(f);
    *left -= out->size < *left ? out->size : *left;
    return e;
}

static espy_err zip_walk(espy_ctx *cx, zip_t *z, const espy_zip_limits *limits, espy_zip_fn *each,
                         void *self)
{
    zip_int64_t n = zip_get_num_entries(z, 0);
    size_t left = limits->all;
    espy_buf content;
    espy_err e = ESPY_E_OK;
    if (n < 0 || (zip_uint64_t)n > limits->files)
        return espy_fail(cx, ESPY_E_LIMIT, "an archive of at most %zu files is taken",
                         limits->files);
    for (zip_uint64_t i = 0; i < (zip_uint64_t)n && e == ESPY_E_OK; i++) {
        const char *name = "";
        espy_buf_init(&content, limits->each);
        ESPY_TRY(espy_cancelled(cx));
        e = zip_entry(cx, z, i, limits, &left, &name, &content);
        size_t length = strlen(name);
        bool folder = length > 0 && name[length - 1] == '/';
        bool over = e == ESPY_E_LIMIT && left == 0;
        if (e == ESPY_E_NOMEM || over || folder) {
            espy_buf_free(cx, &content);
            if (folder && !over && e != ESPY_E_NOMEM) {
                espy_clear(cx);
                e = ESPY_E_OK;
            }
            continue;
        }
        espy_err told = each(cx, self, name, e, espy_span_of(&content));
        espy_buf_free(cx, &content);
        e = told;
    }
    return e;
}

espy_err espy_zip_each(espy_ctx *cx, espy_span archive, const espy_zip_limits *limits,
                       espy_zip_fn *each, void *self)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(archive.data, archive.size, 0, &error);
    zip_t *z = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    espy_err e;
    if (z) {
        e = zip_walk(cx, z, limits, each, self);
        zip_discard(z);
    } else {
        zip_source_free(source);
        e = zip_failed(cx, &error, "this");
    }
    zip_error_fini(&error);
    return e;
}

/* ---- writing ---- */

static espy_err zip_put(espy_ctx *cx, zip_t *z, const espy_zip_member *m)
{
    zip_source_t *content = zip_source_buffer(z, m->content.data, m->content.size, 0);
    zip_int64_t at = content ? zip_file_add(z, m->name, content, ZIP_FL_ENC_UTF_8) : -1;
    if (at < 0) {
        zip_source_free(content);
        bool twice = zip_error_code_zip(zip_get_error(z)) == ZIP_ER_EXISTS;
        return twice ? espy_fail(cx, ESPY_E_ARG, "two files %s in one archive", m->name)
                     : zip_failed(cx, zip_get_error(z), m->name);
    }
    zip_uint64_t i = (zip_uint64_t)at;
    if (zip_set_file_compression(z, i, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(z, i, 0, ZIP_DATE, 0) != 0 ||
        zip_file_set_external_attributes(z, i, 0, ZIP_OPSYS_UNIX, ZIP_UNIX_MODE) != 0)
        return zip_failed(cx, zip_get_error(z), m->name);
    return ESPY_E_OK;
}

/* The bytes of a source that was written to. */
static espy_err zip_take(espy_ctx *cx, zip_source_t *source, espy_buf *out)
{
    uint8_t chunk[ZIP_CHUNK];
    espy_err e = ESPY_E_OK;
    zip_int64_t n;
    if (zip_source_open(source) != 0)
        return zip_failed(cx, zip_source_error(source), "the new archive");
    while (e == ESPY_E_OK && (n = zip_source_read(source, chunk, sizeof chunk)) != 0)
        e = n < 0 ? zip_failed(cx, zip_source_error(source), "the new archive")
                  : espy_buf_append(cx, out, chunk, (size_t)n);
    zip_source_close(source);
    return e;
}

espy_err espy_zip_write(espy_ctx *cx, const espy_zip_member *members, size_t n, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *z = source ? zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL;
    if (!z)
        ESPY_GO(zip_failed(cx, &error, "a new archive"));
    zip_source_keep(source); /* one reference for z, one for us */
    for (size_t i = 0; i < n; i++)
        ESPY_GO(zip_put(cx, z, &members[i]));
    if (zip_close(z) != 0)
        ESPY_GO(zip_failed(cx, zip_get_error(z), "the new archive"));
    z = NULL;
    ESPY_GO(zip_take(cx, source, out));
out:
    if (z)
        zip_discard(z);
    zip_source_free(source);
    zip_error_fini(&error);
    return e;
}
