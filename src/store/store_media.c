/* SPDX-License-Identifier: Apache-2.0
 * store - the files under media/: content addressed by SHA-256, so each is kept once, and a file
 * that has its name is either right or damaged, never old. */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/store_internal.h"

char *espy_store_media_path(espy_ctx *cx, const espy_store *st, const char *digest)
{
    if (!espy_digest_valid(digest)) {
        (void)espy_fail(cx, ESPY_E_ARG, "a media digest has 64 hexadecimal digits");
        return NULL;
    }
    return espy_sprintf(cx, "%s/media/%.2s/%s", st->dir, digest, digest);
}

/* A failure of espy_store_media_path() as a code. */
static espy_err media_path_failed(const espy_ctx *cx)
{
    return cx->code == ESPY_E_OK ? ESPY_E_NOMEM : cx->code;
}

/* Whether the file is there with this size: a shorter one was cut off by a crash of the system. */
static bool media_there(const char *path, size_t size)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= 0 && (size_t)s.st_size == size;
}

espy_err espy_media_file_put(espy_ctx *cx, espy_store *st, espy_span bytes, const char *digest)
{
    char actual[ESPY_DIGEST_HEX];
    espy_err e = ESPY_E_OK;
    char *folder = NULL;
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    if (media_there(path, bytes.size))
        goto out;
    espy_digest(bytes.data, bytes.size, actual);
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) != 0) {
        e = espy_fail(cx, ESPY_E_DIGEST, "the bytes have another digest than %s", digest);
        goto out;
    }
    folder = espy_sprintf(cx, "%s/media/%.2s", st->dir, digest);
    if (folder == NULL) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    ESPY_GO(espy_dir_make(cx, folder));
    ESPY_GO(espy_file_write(cx, path, bytes.data, bytes.size));
out:
    espy_free(cx, folder);
    espy_free(cx, path);
    return e;
}

espy_err espy_store_media_bytes(espy_ctx *cx, espy_store *st, const char *digest, size_t max,
                                espy_buf *out)
{
    char actual[ESPY_DIGEST_HEX];
    espy_buf b;
    espy_buf_init(&b, max);
    espy_err e = ESPY_E_OK;
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    if (!espy_file_exists(path)) {
        e = espy_fail(cx, ESPY_E_NOT_FOUND, "%s: is missing; add the original file again", path);
        goto out;
    }
    ESPY_GO(espy_file_read(cx, path, max, &b));
    espy_digest(b.data, b.size, actual);
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) != 0) {
        e = espy_fail(cx, ESPY_E_DIGEST,
                      "%s: is damaged; delete it and add the original file again", path);
        goto out;
    }
    *out = b;
    espy_buf_init(&b, 0);
out:
    espy_buf_free(cx, &b);
    espy_free(cx, path);
    return e;
}

espy_err espy_media_file_check(espy_ctx *cx, espy_store *st, const char *digest)
{
    char actual[ESPY_DIGEST_HEX];
    espy_err e = ESPY_E_OK;
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    if (!espy_file_exists(path)) {
        e = espy_fail(cx, ESPY_E_NOT_FOUND, "is missing; add the original file again");
        goto out;
    }
    ESPY_GO(espy_digest_file(cx, path, actual));
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) != 0)
        e = espy_fail(cx, ESPY_E_DIGEST, "is damaged; delete it and add the original file again");
out:
    espy_free(cx, path);
    return e;
}
