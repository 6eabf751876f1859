/* SPDX-License-Identifier: Apache-2.0
 * store - backups: the parts of a store in one tar archive, which ends with SHA256SUMS, the digests
 * of all of them (docs/formats/backup.md). */
#include <string.h>

#include "base/file.h"
#include "base/tar.h"
#include "store/store_dump.h"

#define BACKUP_SUMS "SHA256SUMS" /* the last file */
#define BACKUP_MAX ((size_t)3 << 30)

/* -- reading ----------------------------------------------------------------------------------- */
/* Gives every part to `part` (NULL: to nobody) and notes it; at the end proves them. */
static espy_err backup_read(espy_ctx *cx, const char *path, espy_part_fn *part, void *self,
                            espy_dump_list *list)
{
    espy_tar t = {.fd = -1};
    espy_buf content = {0};
    char name[ESPY_TAR_NAME];
    bool more = false, sums = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_tar_open(cx, path, &t));
    while (!sums) {
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(espy_tar_next(cx, &t, BACKUP_MAX, name, &content, &more));
        bool first = list->sums.size == 0;
        if (!more || (first && strcmp(name, DUMP_HEAD) != 0))
            ESPY_GO(
                espy_fail(cx, ESPY_E_FORMAT, "%s: is no backup of espy, or not all of it", path));
        sums = strcmp(name, BACKUP_SUMS) == 0;
        if (sums)
            break;
        ESPY_GO(espy_dump_note(cx, list, name, espy_span_of(&content)));
        if (part != NULL)
            ESPY_GO(part(cx, self, name, espy_span_of(&content)));
        espy_buf_free(cx, &content);
    }
    if (content.size != list->sums.size || memcmp(content.data, list->sums.data, content.size) != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_DIGEST, "%s: is damaged; use another backup", path));
    espy_buf_free(cx, &content);
    ESPY_GO(espy_tar_next(cx, &t, BACKUP_MAX, name, &content, &more));
    if (more)
        e = espy_fail(cx, ESPY_E_FORMAT, "%s: goes on after its end", path);
out:
    espy_buf_free(cx, &content);
    espy_tar_close(cx, &t);
    return e;
}

/* -- writing ----------------------------------------------------------------------------------- */
typedef struct backup_state {
    espy_tar tar;
    espy_dump_list list;
} backup_state;

static espy_err backup_part(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    backup_state *b = self;
    ESPY_TRY(espy_dump_note(cx, &b->list, name, bytes));
    return espy_tar_add(cx, &b->tar, name, bytes);
}

static espy_err backup_write(espy_ctx *cx, espy_store *st, const char *path,
                             const espy_progress *progress, espy_dump_list *list)
{
    backup_state b = {.tar = {.fd = -1}, .list = *list};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_tar_create(cx, path, &b.tar));
    ESPY_GO(espy_store_dump(cx, st, progress, backup_part, &b));
    ESPY_GO(espy_tar_add(cx, &b.tar, BACKUP_SUMS, espy_span_of(&b.list.sums)));
    e = espy_tar_finish(cx, &b.tar);
out:
    espy_tar_close(cx, &b.tar);
    *list = b.list;
    return e;
}

/* What is there now must be what was written. */
static espy_err backup_prove(espy_ctx *cx, const char *path, const espy_dump_list *written)
{
    espy_dump_list is;
    espy_dump_list_init(&is);
    espy_err e = backup_read(cx, path, NULL, NULL, &is);
    if (e == ESPY_E_OK && (is.sums.size != written->sums.size ||
                           memcmp(is.sums.data, written->sums.data, is.sums.size) != 0))
        e = espy_fail(cx, ESPY_E_DIGEST, "%s: does not read back as it was written", path);
    espy_buf_free(cx, &is.sums);
    return e;
}

espy_err espy_store_backup(espy_ctx *cx, espy_store *st, const char *path,
                           const espy_progress *progress, espy_copied *out)
{
    espy_dump_list list;
    espy_err e = ESPY_E_OK;
    const char *name = espy_path_name(path);
    char *part = espy_sprintf(cx, "%s.part", path);
    char *folder =
        name == path ? espy_strdup(cx, ".") : espy_strndup(cx, path, (size_t)(name - path));
    espy_dump_list_init(&list);
    if (part == NULL || folder == NULL)
        ESPY_GO(ESPY_E_NOMEM);
    e = backup_write(cx, st, part, progress, &list);
    if (e == ESPY_E_OK)
        e = backup_prove(cx, part, &list);
    if (e == ESPY_E_OK && cx->io->rename(part, path) != 0)
        e = espy_fail(cx, ESPY_E_IO, "%s: cannot be made; check its folder", path);
    if (e != ESPY_E_OK) {
        (void)cx->io->unlink(part);
        goto out;
    }
    ESPY_GO(espy_dir_sync(cx, folder));
    espy_dump_list_copied(&list, out);
out:
    espy_buf_free(cx, &list.sums);
    espy_free(cx, part);
    espy_free(cx, folder);
    return e;
}

/* -- restoring --------------------------------------------------------------------------------- */
static espy_err restore_part(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    return espy_store_load(cx, self, name, bytes);
}

/* Every media that a row names must have been among the parts, at least as a missing one. */
static espy_err restore_whole(espy_ctx *cx, espy_store *st, const char *path,
                              const espy_dump_list *list)
{
    static const char sql[] = "SELECT count(DISTINCT digest) FROM media";
    int64_t n = 0;
    ESPY_TRY(espy_db_number(cx, st, sql, NULL, 0, &n));
    if ((uint64_t)n != list->media + list->missing)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: does not hold the media that it names", path);
    return ESPY_E_OK;
}

/* The same file again, into the store: it may have been exchanged since it was proved. */
static espy_err restore_fill(espy_ctx *cx, espy_store *st, const char *path, espy_dump_list *list)
{
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_dump_empty(cx, st));
    e = backup_read(cx, path, restore_part, st, list);
    if (e != ESPY_E_OK) {
        if (e != ESPY_E_NOMEM && strstr(cx->text, path) == NULL)
            e = espy_fail_in(cx, "%s", path);
        goto out;
    }
    ESPY_GO(restore_whole(cx, st, path, list));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_restore(espy_ctx *cx, espy_store *st, const char *path,
                            const espy_progress *progress, espy_copied *out)
{
    espy_dump_list sound, list;
    espy_err e = ESPY_E_OK;
    espy_dump_list_init(&sound);
    espy_dump_list_init(&list);
    ESPY_GO(espy_dump_empty(cx, st)); /* told before a long file is read */
    ESPY_GO(backup_read(cx, path, NULL, NULL, &sound));
    ESPY_GO(restore_fill(cx, st, path, &list));
    ESPY_GO(espy_dump_prove(cx, st, progress, &list));
    espy_dump_list_copied(&list, out);
out:
    espy_buf_free(cx, &sound.sums);
    espy_buf_free(cx, &list.sums);
    return e;
}
