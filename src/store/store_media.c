/* SPDX-License-Identifier: Apache-2.0
 * store - the media themselves, content addressed by SHA-256, so that each is kept once: as files,
 * of which one that has its name is either right or damaged, never old; or as rows of media_bytes,
 * where the database holds them. */
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
    if (st->media == NULL) {
        (void)espy_fail(cx, ESPY_E_ARG, "the database holds the media; they are no files");
        return NULL;
    }
    return espy_sprintf(cx, "%s/%.2s/%s", st->media, digest, digest);
}

char *espy_media_shown(espy_ctx *cx, const espy_store *st, const char *digest)
{
    return st->media != NULL ? espy_store_media_path(cx, st, digest)
                             : espy_sprintf(cx, "media %s", digest);
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
    return espy_sprintf(cx, "%s/%.2s", st->media, digest);
}

static char *media_part(espy_ctx *cx, const espy_store *st, const char *digest)
{
    return espy_sprintf(cx, "%s/%.2s/%s.part", st->media, digest, digest);
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

/* Whether the media is filed already, by its name and size. */
static espy_err media_filed(espy_ctx *cx, espy_store *st, const char *digest, size_t size,
                            bool *there)
{
    static const char sql[] =
        "SELECT count(*) FROM media_bytes WHERE digest = $1 AND length(bytes) = $2";
    int64_t n = 0;
    *there = false;
    if (st->media == NULL) {
        ESPY_TRY(espy_db_number(cx, st, sql, DB_ARGS(DB_TEXT(digest), DB_INT((int64_t)size)), &n));
        *there = n != 0;
        return ESPY_E_OK;
    }
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    *there = media_there(path, size);
    espy_free(cx, path);
    for (size_t i = 0; i < st->parts_n && !*there; i++)
        *there = memcmp(st->parts[i].digest, digest, ESPY_DIGEST_HEX) == 0;
    return ESPY_E_OK;
}

espy_err espy_media_put(espy_ctx *cx, espy_store *st, espy_span bytes, const char *digest)
{
    static const char sql[] = "INSERT INTO media_bytes (digest, bytes) VALUES ($1, $2)"
                              " ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes";
    char actual[ESPY_DIGEST_HEX];
    bool there = false;
    if (!espy_digest_valid(digest))
        return espy_fail(cx, ESPY_E_ARG, "a media digest has 64 hexadecimal digits");
    ESPY_TRY(media_filed(cx, st, digest, bytes.size, &there));
    if (there)
        return ESPY_E_OK;
    espy_digest(bytes.data, bytes.size, actual);
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) != 0)
        return espy_fail(cx, ESPY_E_DIGEST, "the bytes have another digest than %s", digest);
    if (st->media != NULL)
        return media_part_write(cx, st, bytes, digest);
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_TEXT(digest), DB_BLOB(bytes.data, bytes.size)));
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
    espy_err e = ESPY_E_OK;
    if (st->parts_n > MEDIA_FEW && cx->io->sync_all != NULL)
        return media_sync_one(cx, st->media, cx->io->sync_all);
    for (size_t i = 0; i < st->parts_n && e == ESPY_E_OK; i++) {
        const char *digest = st->parts[i].digest;
        char *path = folders ? media_folder(cx, st, digest) : media_part(cx, st, digest);
        e = path == NULL ? ESPY_E_NOMEM : media_sync_one(cx, path, cx->io->sync);
        espy_free(cx, path);
    }
    if (e == ESPY_E_OK && folders) /* the folders themselves may be new */
        e = media_sync_one(cx, st->media, cx->io->sync);
    char *parent = e == ESPY_E_OK && folders ? espy_path_join(cx, st->media, "..") : NULL;
    if (e == ESPY_E_OK && folders)
        e = parent == NULL ? ESPY_E_NOMEM : espy_dir_sync(cx, parent);
    espy_free(cx, parent);
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

/* Reads the file. */
static espy_err media_file_read(espy_ctx *cx, const espy_store *st, const char *digest, size_t max,
                                espy_buf *out)
{
    char *path = espy_store_media_path(cx, st, digest);
    if (path == NULL)
        return media_path_failed(cx);
    espy_err e = espy_file_exists(path) ? espy_file_read(cx, path, max, out) : ESPY_E_NOT_FOUND;
    espy_free(cx, path);
    return e;
}

/* Reads the row.  Its length is asked for first, so that more than max is never fetched. */
static espy_err media_row_read(espy_ctx *cx, espy_store *st, const char *digest, size_t max,
                               espy_buf *out)
{
    static const char size[] = "SELECT length(bytes) FROM media_bytes WHERE digest = $1";
    static const char read[] = "SELECT bytes FROM media_bytes WHERE digest = $1";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_span s = {0};
    int64_t n = 0;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, size, DB_ARGS(DB_TEXT(digest)), &found, &n));
    if (!found)
        return ESPY_E_NOT_FOUND;
    if ((uint64_t)n > max)
        return espy_fail(cx, ESPY_E_LIMIT, "media %s has %lld bytes; the limit is %zu", digest,
                         (long long)n, max);
    ESPY_TRY(ops->query(cx, st->db, read, DB_ARGS(DB_TEXT(digest)), &rows));
    ESPY_GO(ops->next(cx, rows, &found));
    if (found)
        ESPY_GO(ops->bytes(cx, rows, 0, &s));
    e = found ? espy_buf_append(cx, out, s.data, s.size) : ESPY_E_NOT_FOUND;
out:
    ops->done(rows);
    return e;
}

/* The bytes, checked.  The failures NOT_FOUND and DIGEST say what to do, but not which media. */
static espy_err media_read(espy_ctx *cx, espy_store *st, const char *digest, size_t max,
                           espy_buf *out)
{
    char actual[ESPY_DIGEST_HEX];
    const char *remove = st->media != NULL ? "delete it and " : "";
    espy_buf_init(out, max);
    espy_err e = st->media != NULL ? media_file_read(cx, st, digest, max, out)
                                   : media_row_read(cx, st, digest, max, out);
    if (e == ESPY_E_NOT_FOUND)
        return espy_fail(cx, e, "is missing; add the original file again");
    if (e != ESPY_E_OK)
        return e;
    espy_digest(out->data, out->size, actual);
    if (memcmp(actual, digest, ESPY_DIGEST_HEX) == 0)
        return e;
    espy_buf_free(cx, out);
    return espy_fail(cx, ESPY_E_DIGEST, "is damaged; %sadd the original file again", remove);
}

espy_err espy_store_media_bytes(espy_ctx *cx, espy_store *st, const char *digest, size_t max,
                                espy_buf *out)
{
    espy_buf b;
    if (!espy_digest_valid(digest))
        return espy_fail(cx, ESPY_E_ARG, "a media digest has 64 hexadecimal digits");
    espy_err e = media_read(cx, st, digest, max, &b);
    if (e == ESPY_E_OK)
        *out = b;
    if (e != ESPY_E_NOT_FOUND && e != ESPY_E_DIGEST)
        return e;
    espy_ctx sub = espy_ctx_child(cx);
    char *name = espy_media_shown(&sub, st, digest);
    e = name == NULL ? e : espy_fail_in(cx, "%s", name);
    espy_free(&sub, name);
    return e;
}

espy_err espy_media_check(espy_ctx *cx, espy_store *st, const char *digest)
{
    espy_buf b;
    espy_err e = media_read(cx, st, digest, cx->max.file_bytes, &b);
    if (e == ESPY_E_OK)
        espy_buf_free(cx, &b);
    return e;
}

/* -- forgetting -------------------------------------------------------------------------------- */
static espy_err media_named(espy_ctx *cx, espy_store *st, const char *digest, bool *out)
{
    static const char sql[] = "SELECT id FROM media WHERE digest = $1 LIMIT 1";
    int64_t id;
    return espy_db_find(cx, st, sql, DB_ARGS(DB_TEXT(digest)), out, &id);
}

espy_err espy_media_forget(espy_ctx *cx, espy_store *st, const char *digest)
{
    static const char row[] = "DELETE FROM media_bytes WHERE digest = $1";
    static const char later[] = "INSERT INTO unlinks (digest) VALUES ($1) ON CONFLICT DO NOTHING";
    bool named = false;
    ESPY_TRY(media_named(cx, st, digest, &named));
    if (named)
        return ESPY_E_OK;
    return espy_db_exec(cx, st, st->media == NULL ? row : later, DB_ARGS(DB_TEXT(digest)));
}

/* Deletes one file, unless the media has come back since. */
static espy_err media_unlink(espy_ctx *cx, espy_store *st, const char *digest)
{
    bool named = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(media_named(cx, st, digest, &named));
    if (named)
        return ESPY_E_OK;
    char *path = espy_store_media_path(cx, st, digest), *folder = media_folder(cx, st, digest);
    if (path == NULL || folder == NULL)
        e = media_path_failed(cx);
    else if (espy_file_exists(path) && cx->io->unlink(path) != 0)
        e = espy_fail(cx, ESPY_E_IO, "%s: cannot be deleted; delete it, then run `espy doctor`",
                      path);
    else if (espy_dir_exists(folder))
        e = espy_dir_sync(cx, folder);
    espy_free(cx, path);
    espy_free(cx, folder);
    return e;
}

/* The next digest that waits; "" when there is none. */
static espy_err media_unlink_next(espy_ctx *cx, espy_store *st, char digest[ESPY_DIGEST_HEX])
{
    static const char sql[] = "SELECT digest FROM unlinks ORDER BY digest LIMIT 1";
    espy_db_rows *rows = NULL;
    bool more = false;
    digest[0] = '\0';
    ESPY_TRY(st->db->ops->query(cx, st->db, sql, NULL, 0, &rows));
    espy_err e = st->db->ops->next(cx, rows, &more);
    if (e == ESPY_E_OK && more)
        e = espy_db_digest(cx, st, rows, 0, digest);
    st->db->ops->done(rows);
    return e;
}

espy_err espy_media_sweep(espy_ctx *cx, espy_store *st)
{
    static const char done[] = "DELETE FROM unlinks WHERE digest = $1";
    char digest[ESPY_DIGEST_HEX];
    espy_err e = ESPY_E_OK;
    ESPY_TRY(media_unlink_next(cx, st, digest));
    if (digest[0] == '\0' || st->media == NULL)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st)); /* whoever adds the media again waits until it is gone */
    for (;;) {
        ESPY_GO(media_unlink_next(cx, st, digest));
        if (digest[0] == '\0')
            break;
        ESPY_GO(media_unlink(cx, st, digest));
        ESPY_GO(espy_db_exec(cx, st, done, DB_ARGS(DB_TEXT(digest))));
    }
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}
