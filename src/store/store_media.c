/* SPDX-License-Identifier: Apache-2.0
 * store - the files under media/: content addressed by SHA-256, so each is kept once, and a file
 * that has its name is either right or damaged, never old. */
#include <fcntl.h>
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

/* "DIR/media/ab" of a digest, and the name under which a file waits for the commit; caller owns. */
static char *media_folder(espy_ctx *cx, const espy_store *st, const char *digest)
{
    return espy_sprintf(cx, "%s/media/%.2s", st->dir, digest);
}

static char *media_part(espy_ctx *cx, const espy_store *st, const char *digest)
{
    return espy_sprintf(cx, "%s/media/%.2s/%s.part", st->dir, digest, digest);
}

/* Writes the waiting file anew: one that a crash left is not trusted.  Nobody else writes it, for
 * the transaction holds the write lock. */
static espy_err media_part_write(espy_ctx *cx, espy_store *st, espy_span bytes, const char *digest)
{
    espy_err e = ESPY_E_NOMEM;
    char *folder = media_folder(cx, st, digest), *part = media_part(cx, st, digest);
    if (folder == NULL || part == NULL)
        goto out;
    ESPY_GO(
        espy_store_grow(cx, (void **)&st->parts, st->parts_n, &st->parts_room, sizeof *st->parts));
    ESPY_GO(espy_dir_make(cx, folder));
    (void)cx->io->unlink(part);
    ESPY_GO(espy_file_append(cx, part, bytes.data, bytes.size));
    memcpy(st->parts[st->parts_n++].digest, digest, ESPY_DIGEST_HEX);
out:
    if (e != ESPY_E_OK && part != NULL)
        (void)cx->io->unlink(part);
    espy_free(cx, folder);
    espy_free(cx, part);
    return e;
}

espy_err espy_media_file_put(espy_ctx *cx, espy_store *st, espy_span bytes, const char *digest)
{
    char actual[ESPY_DIGEST_HEX];
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    bool there = media_there(path, bytes.size);
    espy_free(cx, path);
    for (size_t i = 0; i < st->parts_n && !there; i++)
        there = memcmp(st->parts[i].digest, digest, ESPY_DIGEST_HEX) == 0;
    if (there)
        return ESPY_E_OK;
    espy_digest(bytes.data, bytes.size, actual);
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) != 0)
        return espy_fail(cx, ESPY_E_DIGEST, "the bytes have another digest than %s", digest);
    return media_part_write(cx, st, bytes, digest);
}

/* Syncs one file or folder, or with sync_all the file system that it is on. */
static espy_err media_sync_one(espy_ctx *cx, const char *path, int (*sync)(int fd))
{
    int fd = cx->io->open(path, O_RDONLY | O_CLOEXEC, 0);
    bool fine = fd >= 0 && sync(fd) == 0;
    if (fd >= 0)
        cx->io->close(fd);
    if (!fine)
        return espy_fail(cx, ESPY_E_IO,
                         "%s: could not be written to the disk; check its free space", path);
    return ESPY_E_OK;
}

/* Syncs the waiting files, or the folders that they were renamed in.  Few: one by one.  Many: the
 * whole file system at once, because each sync of its own waits for the disk. */
static espy_err media_sync(espy_ctx *cx, espy_store *st, bool folders)
{
    enum { MEDIA_FEW = 4 };
    char *media = espy_path_join(cx, st->dir, "media");
    espy_err e = media == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    if (e == ESPY_E_OK && st->parts_n > MEDIA_FEW && cx->io->sync_all != NULL) {
        e = media_sync_one(cx, media, cx->io->sync_all);
        espy_free(cx, media);
        return e;
    }
    for (size_t i = 0; i < st->parts_n && e == ESPY_E_OK; i++) {
        const char *digest = st->parts[i].digest;
        char *path = folders ? media_folder(cx, st, digest) : media_part(cx, st, digest);
        e = path == NULL ? ESPY_E_NOMEM : media_sync_one(cx, path, cx->io->sync);
        espy_free(cx, path);
    }
    if (e == ESPY_E_OK && folders) /* the folders themselves may be new */
        e = media_sync_one(cx, media, cx->io->sync);
    if (e == ESPY_E_OK && folders)
        e = espy_dir_sync(cx, st->dir);
    espy_free(cx, media);
    return e;
}

static espy_err media_rename(espy_ctx *cx, const espy_store *st, const char *digest)
{
    char *part = media_part(cx, st, digest), *path = espy_store_media_path(cx, st, digest);
    espy_err e = part == NULL || path == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    if (e == ESPY_E_OK && cx->io->rename(part, path) != 0)
        e = espy_fail(cx, ESPY_E_IO, "%s: cannot be made; check its folder and the free space",
                      path);
    espy_free(cx, part);
    espy_free(cx, path);
    return e;
}

espy_err espy_media_settle(espy_ctx *cx, espy_store *st)
{
    if (st->parts_n == 0)
        return ESPY_E_OK;
    ESPY_TRY(media_sync(cx, st, false));
    for (size_t i = 0; i < st->parts_n; i++)
        ESPY_TRY(media_rename(cx, st, st->parts[i].digest));
    ESPY_TRY(media_sync(cx, st, true));
    st->parts_n = 0;
    return ESPY_E_OK;
}

void espy_media_drop(espy_ctx *cx, espy_store *st)
{
    espy_ctx sub = espy_ctx_child(cx);
    for (size_t i = 0; i < st->parts_n; i++) {
        char *part = media_part(&sub, st, st->parts[i].digest);
        if (part != NULL)
            (void)cx->io->unlink(part); /* what stays is written anew by the next who needs it */
        espy_free(&sub, part);
    }
    st->parts_n = 0;
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
