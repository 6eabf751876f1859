/* SPDX-License-Identifier: Apache-2.0
 * Crashes, full disks and several processes.  Every outside effect is counted, the database's own
 * (through a SQLite VFS) and the files' (through espy_io); a child ends at the n-th one, for all n.
 * Afterwards the store is as before or as after, never in between (S1-S4 of store_internal.h). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "store/erase.h"
#include "store/group.h"
#include "store/label.h"
#include "store/store.h"
#include "store_case.h"
#include "support/support.h"

/* -- counting effects -------------------------------------------------------------------------- */
static struct {
    long countdown; /* 1: the next effect; 0: none */
    bool crash;     /* end the process there, else fail with a full disk */
    bool sticky;    /* all later ones fail too */
    bool hit;
    int unsynced[64]; /* files written since their last sync, by espy_io */
    int unsynced_n;
} effect;

/* As after a power cut: what was not synced is cut in half, whatever name it has by now. */
static void effect_crash(void)
{
    for (int i = 0; i < effect.unsynced_n; i++) {
        struct stat s;
        if (fstat(effect.unsynced[i], &s) == 0 && ftruncate(effect.unsynced[i], s.st_size / 2) != 0)
            _exit(3);
    }
    _exit(9);
}

/* True when this effect fails. */
static bool effect_next(void)
{
    if (effect.countdown == 0 || --effect.countdown > 0)
        return false;
    effect.hit = true;
    if (effect.crash)
        effect_crash();
    if (effect.sticky)
        effect.countdown = 1;
    return true;
}

static bool effect_fails(void)
{
    if (!effect_next())
        return false;
    errno = ENOSPC;
    return true;
}

static int io_open(const char *path, int flags, unsigned mode)
{
    if ((flags & O_CREAT) != 0 && effect_fails())
        return -1;
    return open(path, flags, mode);
}

static ssize_t io_write(int fd, const void *p, size_t n)
{
    bool known = false;
    for (int i = 0; i < effect.unsynced_n; i++)
        known = known || effect.unsynced[i] == fd;
    if (!known && effect.unsynced_n < 64)
        effect.unsynced[effect.unsynced_n++] = fd;
    if (effect_fails())
        return -1;
    return write(fd, p, n);
}

static int io_sync(int fd)
{
    struct stat synced, other;
    if (effect_fails())
        return -1;
    for (int i = effect.unsynced_n - 1; i >= 0 && fstat(fd, &synced) == 0; i--) {
        if (fstat(effect.unsynced[i], &other) == 0 && other.st_ino == synced.st_ino &&
            other.st_dev == synced.st_dev)
            effect.unsynced[i] = effect.unsynced[--effect.unsynced_n];
    }
    return fsync(fd);
}

/* Files that were not synced stay open in secret, so that a crash can cut them. */
static int io_close(int fd)
{
    for (int i = 0; i < effect.unsynced_n; i++) {
        if (effect.unsynced[i] == fd)
            effect.unsynced[i] = dup(fd);
    }
    return close(fd);
}

static int io_rename(const char *from, const char *to)
{
    return effect_fails() ? -1 : rename(from, to);
}

static int io_sync_all(int fd)
{
    if (effect_fails())
        return -1;
    effect.unsynced_n = 0;
    return syncfs(fd);
}

static int io_unlink(const char *path)
{
    return effect_fails() ? -1 : unlink(path);
}

static const espy_io io_counted = {
    .open = io_open,
    .read = read,
    .write = io_write,
    .sync = io_sync,
    .close = io_close,
    .rename = io_rename,
    .unlink = io_unlink,
    .sync_all = io_sync_all,
};
/* The same without the call for the whole file system. */
static const espy_io io_one_by_one = {
    .open = io_open,
    .read = read,
    .write = io_write,
    .sync = io_sync,
    .close = io_close,
    .rename = io_rename,
    .unlink = io_unlink,
};

/* A VFS on top of the default one. */
typedef struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real;
} vfs_file;

#define REAL(f) (((vfs_file *)(f))->real)

static int vfs_close(sqlite3_file *f)
{
    return REAL(f)->pMethods->xClose(REAL(f));
}
static int vfs_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
static int vfs_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (effect.countdown == 1 && effect.crash) /* a torn write */
        REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
    return effect_next() ? SQLITE_FULL : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int vfs_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return effect_next() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int vfs_sync(sqlite3_file *f, int flags)
{
    return effect_next() ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int vfs_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), n);
}
static int vfs_lock(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xLock(REAL(f), how);
}
static int vfs_unlock(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), how);
}
static int vfs_reserved(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int vfs_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int vfs_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int vfs_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int vfs_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}
static int vfs_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}
static void vfs_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int vfs_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods vfs_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_device,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static sqlite3_vfs *vfs_real, vfs_counted;

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    vfs_file *file = (vfs_file *)f;
    file->real = (sqlite3_file *)(file + 1);
    int rc = vfs_real->xOpen(vfs_real, name, file->real, flags, out);
    f->pMethods = file->real->pMethods == NULL ? NULL : &vfs_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    return effect_next() ? SQLITE_IOERR_DELETE : vfs_real->xDelete(vfs_real, name, sync);
}

static void vfs_install(void)
{
    vfs_real = sqlite3_vfs_find(NULL);
    vfs_counted = *vfs_real;
    vfs_counted.zName = "counted";
    vfs_counted.szOsFile = vfs_real->szOsFile + (int)sizeof(vfs_file);
    vfs_counted.xOpen = vfs_open;
    vfs_counted.xDelete = vfs_delete;
    assert_int_equal(sqlite3_vfs_register(&vfs_counted, 1), SQLITE_OK);
}

/* -- the life that is cut short ---------------------------------------------------------------- */
enum { LIFE_MEDIA = 5 }; /* enough that one transaction syncs them together */
static const char head_old[] = "the old head", head_new[] = "the new head, somewhat longer";

/* A store with one labelled sample and version 1, live. */
static int64_t life_prepare(espy_ctx *cx, const char *dir)
{
    espy_store *st = NULL;
    int64_t label = 0;
    CASE_OK(cx, espy_dir_remove(cx, dir));
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    int64_t c = case_collection(cx, st, "c");
    int64_t s = case_sample(cx, st, c, 1, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &label));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "folder"));
    assert_int_equal(case_version(cx, st, c, head_old, &s, 1), 1);
    CASE_OK(cx, espy_store_promote(cx, st, c, 1, "first"));
    espy_store_close(cx, &st);
    return c;
}

static espy_err life_steps(espy_ctx *cx, espy_store *st, int64_t c, espy_json *json,
                           espy_scan *scan)
{
    char photo[] = "a new photo, number 0", digest[ESPY_DIGEST_HEX];
    int64_t media = 0, label = 0, number = 0;
    espy_span bytes = {(const uint8_t *)photo, sizeof photo},
              head = {(const uint8_t *)head_new, sizeof head_new};
    for (int i = 0; i < LIFE_MEDIA; i++) {
        photo[sizeof photo - 2]++;
        espy_digest(bytes.data, bytes.size, digest);
        ESPY_TRY(espy_store_media(cx, st, c, bytes, digest, "new.jpg", &media));
    }
    ESPY_TRY(espy_store_scan_put(cx, st, media, "all", "enc", "det", scan));
    ESPY_TRY(espy_store_label(cx, st, c, "B", NULL, &label));
    ESPY_TRY(espy_store_sample_label(cx, st, scan->at[0].id, label, "folder"));
    ESPY_TRY(espy_store_version_add(cx, st, c, "svm", json, head, &scan->at[0].id, 1, &number));
    return espy_store_promote(cx, st, c, number, "second");
}

/* Opens, adds media, sample, label and version 2, promotes it, closes.  whole: as one transaction.
 */
static espy_err life(espy_ctx *cx, const char *dir, int64_t c, bool whole)
{
    espy_store *st = NULL;
    espy_scan scan = case_scan(cx, 1, 4, 2);
    espy_json *json = espy_json_object();
    espy_err e = espy_store_open(cx, dir, &st);
    if (e == ESPY_E_OK && whole)
        e = espy_store_begin(cx, st);
    if (e == ESPY_E_OK) {
        e = life_steps(cx, st, c, json, &scan);
        if (e == ESPY_E_OK && whole)
            e = espy_store_commit(cx, st);
        if (e != ESPY_E_OK && whole)
            espy_store_rollback(cx, st);
    }
    espy_store_close(cx, &st);
    espy_scan_free(cx, &scan);
    espy_json_free(json);
    return e;
}

/* A folder that has a version's name holds that version, complete. */
static void life_check_files(espy_ctx *cx, espy_store *st, int64_t c, int64_t versions)
{
    for (int64_t n = 1; n <= 3; n++) {
        const char *want = n == 1 ? head_old : head_new;
        size_t size = n == 1 ? strlen(head_old) : sizeof head_new;
        char folder[400], path[440];
        snprintf(folder, sizeof folder, "%s/collections/%lld/versions/%lld", espy_store_dir(st),
                 (long long)c, (long long)n);
        if (espy_dir_exists(folder)) {
            assert_true(n <= versions);
            snprintf(path, sizeof path, "%s/version.json", folder);
            assert_true(espy_file_exists(path));
            snprintf(path, sizeof path, "%s/head.safetensors", folder);
            espy_buf b = test_read(cx, path);
            assert_int_equal(b.size, size);
            assert_memory_equal(b.data, want, size);
            espy_buf_free(cx, &b);
        }
        if (n <= versions) { /* and the store gives it, files or not */
            espy_version v;
            CASE_OK(cx, espy_store_version(cx, st, c, n, &v));
            assert_int_equal(v.bytes.size, size);
            assert_memory_equal(v.bytes.data, want, size);
            espy_version_free(cx, &v);
            assert_true(espy_dir_exists(folder));
        }
    }
}

/* Returns the live version. */
static int64_t life_check(espy_ctx *cx, const char *dir, int64_t c, bool whole)
{
    espy_store *st = NULL;
    espy_counts n;
    espy_finding *f = NULL;
    size_t findings = 0;
    int64_t live = 0;
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    CASE_OK(cx, espy_store_counts(cx, st, c, &n));
    CASE_OK(cx, espy_store_alias(cx, st, c, "live", &live));
    assert_true(live == 1 || (live == 2 && n.versions == 2));
    if (whole) {
        bool after = live == 2;
        assert_true(n.versions == 1 + after && n.media == (after ? 1 + LIFE_MEDIA : 1));
        assert_true(n.samples == 1 + after && n.labels == 1 + after && n.labelled == 1 + after &&
                    n.embeddings == 1 + after);
    }
    life_check_files(cx, st, c, n.versions);
    CASE_OK(cx, espy_store_check(cx, st, &f, &findings));
    for (size_t i = 0; i < findings; i++)
        fail_msg("%s: %s", f[i].item, f[i].text);
    espy_findings_free(cx, f, findings);
    espy_store_close(cx, &st);
    return live;
}

enum { LIFE_STEPS, LIFE_WHOLE, LIFE_WHOLE_ONE_BY_ONE, LIFE_MODES };
static const char *const life_mode[LIFE_MODES] = {"a transaction each", "one transaction",
                                                  "one transaction, syncs one by one"};

static void effect_arm(espy_ctx *cx, long n, bool crash, bool sticky, int mode)
{
    memset(&effect, 0, sizeof effect);
    effect.countdown = n;
    effect.crash = crash;
    effect.sticky = sticky;
    cx->io = n == 0 ? &espy_io_posix : mode == LIFE_WHOLE_ONE_BY_ONE ? &io_one_by_one : &io_counted;
}

static void run_crashes(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    for (int mode = 0; mode < LIFE_MODES; mode++) {
        bool whole = mode != LIFE_STEPS;
        long before = 0, after = 0;
        for (long n = 1;; n++) {
            int64_t c = life_prepare(&cx, dir);
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                effect_arm(&cx, n, true, false, mode);
                _exit(life(&cx, dir, c, whole) == ESPY_E_OK ? 0 : 1);
            }
            int status = 0;
            assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
            assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
            int64_t live = life_check(&cx, dir, c, whole);
            live == 1 ? before++ : after++;
            if (WEXITSTATUS(status) == 0) {
                assert_int_equal(live, 2);
                break;
            }
        }
        printf("%s: %ld crashes left the old state, %ld the new\n", life_mode[mode], before,
               after - 1);
        assert_true(before > 10 && after > 3);
    }
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

static void run_full_disk(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    for (int i = 0; i < 2 * LIFE_MODES; i++) {
        int mode = i / 2;
        bool whole = mode != LIFE_STEPS, sticky = i % 2;
        for (long n = 1;; n++) {
            int64_t c = life_prepare(&cx, dir);
            effect_arm(&cx, n, false, sticky, mode);
            espy_err e = life(&cx, dir, c, whole);
            bool hit = effect.hit;
            effect_arm(&cx, 0, false, false, mode);
            if (e != ESPY_E_OK) {
                assert_true(hit && e == cx.code);
                assert_true(e == ESPY_E_IO || e == ESPY_E_STORE);
                assert_true(strlen(cx.text) > 10 && strchr(cx.text, '\n') == NULL);
            }
            espy_clear(&cx);
            int64_t live = life_check(&cx, dir, c, whole);
            if (e == ESPY_E_OK)
                assert_int_equal(live, 2);
            if (!hit)
                break;
        }
    }
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- going back -------------------------------------------------------------------------------- */
static espy_err back(espy_ctx *cx, const char *dir, int64_t c)
{
    espy_store *st = NULL;
    espy_err e = espy_store_open(cx, dir, &st);
    if (e == ESPY_E_OK)
        e = espy_store_promote(cx, st, c, 1, "rollback");
    espy_store_close(cx, &st);
    return e;
}

/* S4 for a move to an older version: `live` and `previous` change places, or neither moves, and the
 * event is there exactly when they did. */
static void run_rollback_crashes(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    long before = 0, after = 0;
    for (long n = 1;; n++) {
        espy_store *st = NULL;
        espy_event *ev = NULL;
        size_t events = 0;
        int64_t live = 0, previous = 0, c = life_prepare(&cx, dir);
        CASE_OK(&cx, life(&cx, dir, c, true));
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            effect_arm(&cx, n, true, false, LIFE_STEPS);
            _exit(back(&cx, dir, c) == ESPY_E_OK ? 0 : 1);
        }
        int status = 0;
        assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
        CASE_OK(&cx, espy_store_open(&cx, dir, &st));
        CASE_OK(&cx, espy_store_alias(&cx, st, c, "live", &live));
        CASE_OK(&cx, espy_store_alias(&cx, st, c, "previous", &previous));
        CASE_OK(&cx, espy_store_events(&cx, st, c, 0, 100, &ev, &events));
        bool told = ev[events - 1].version == 1 && ev[events - 1].detail != NULL &&
                    strstr(ev[events - 1].detail, "rollback") != NULL;
        espy_events_free(&cx, ev, events);
        espy_store_close(&cx, &st);
        assert_true((live == 2 && previous == 1 && !told) || (live == 1 && previous == 2 && told));
        live == 2 ? before++ : after++;
        if (WEXITSTATUS(status) == 0) {
            assert_int_equal(live, 1);
            break;
        }
    }
    printf("rollback: %ld crashes left the old state, %ld the new\n", before, after - 1);
    assert_true(before > 2 && after > 1);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- what people say --------------------------------------------------------------------------- */
enum { PEOPLE_SAMPLES = 5, PEOPLE_STEPS = 11 };

static espy_err people_blank(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4],
                             size_t n, espy_buf *out)
{
    (void)self;
    (void)boxes;
    (void)n;
    espy_buf_init(out, 1000);
    ESPY_TRY(espy_buf_append(cx, out, media.data, media.size));
    return espy_buf_text(cx, out, ", blanked");
}

/* Step k of eleven, each of which is acknowledged alone. */
static espy_err people_step(espy_ctx *cx, espy_store *st, int64_t c, const int64_t *s, int k)
{
    int64_t a = 1, b = 2, made = 0; /* the ids of the labels of people_prepare() */
    espy_new_label fresh = {.code = "cluster_1_1", .name = "Unknown"};
    const espy_pool_sample seen = {.sample = s[3]};
    espy_filing filing = {s[3], -1, 0.5, &seen, false};
    espy_undone u = {0};
    espy_json *receipt = NULL;
    size_t n = 0, m = 0;
    espy_err e = ESPY_E_OK;
    switch (k) {
    case 0:
        return espy_store_label_set(cx, st, c, a, s, 2);
    case 1:
        return espy_store_label_set(cx, st, c, b, &s[2], 1);
    case 2:
        return espy_store_file(cx, st, c, "group", &fresh, 1, &filing, 1, &n);
    case 3:
        return espy_store_label_merge(cx, st, c, b, a, "user", &n, &m);
    case 4:
        return espy_store_label_split(cx, st, c, a, s, 1, "N", "New", "user", &made);
    case 5:
        return espy_store_label_reject(cx, st, c, a, &s[1], 1);
    case 6:
        e = espy_store_undo(cx, st, c, 0, "user", &u);
        espy_free(cx, u.action);
        return e;
    case 7:
        return espy_store_label_rename(cx, st, c, a, "AA", "Ada", "user");
    case 8:
        return espy_store_label_delete(cx, st, c, a, "user");
    case 9:
        e = espy_store_undo(cx, st, c, 0, "user", &u);
        espy_free(cx, u.action);
        return e;
    default:
        e = espy_store_erase(cx, st, c, a, people_blank, NULL, &receipt);
        espy_json_free(receipt);
        return e;
    }
}

/* Five samples, the first two of one photo, and two labels. */
static int64_t people_prepare(espy_ctx *cx, const char *dir, int64_t *s)
{
    espy_store *st = NULL;
    int64_t label = 0;
    CASE_OK(cx, espy_dir_remove(cx, dir));
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    int64_t c = case_collection(cx, st, "c");
    espy_scan scan = case_scan(cx, 2, 4, 3);
    int64_t media = case_media(cx, st, c, 0, NULL);
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "all", "enc", "det", &scan));
    s[0] = scan.at[0].id;
    s[1] = scan.at[1].id;
    espy_scan_free(cx, &scan);
    for (int i = 2; i < PEOPLE_SAMPLES; i++)
        s[i] = case_sample(cx, st, c, i, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &label));
    assert_true(label == 1);
    CASE_OK(cx, espy_store_label(cx, st, c, "B", NULL, &label));
    espy_store_close(cx, &st);
    return c;
}

/* All steps; each one that is done is told through the pipe. */
static espy_err people(espy_ctx *cx, const char *dir, int64_t c, const int64_t *s, int told)
{
    espy_store *st = NULL;
    espy_err e = espy_store_open(cx, dir, &st);
    for (int k = 0; k < PEOPLE_STEPS && e == ESPY_E_OK; k++) {
        e = people_step(cx, st, c, s, k);
        if (e == ESPY_E_OK && write(told, "+", 1) != 1)
            e = ESPY_E_IO;
    }
    espy_store_close(cx, &st);
    return e;
}

/* What the store shows, which must be whole. */
static void people_check(espy_ctx *cx, const char *dir, int64_t c, char *out, size_t room)
{
    espy_store *st = NULL;
    espy_finding *f = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    CASE_OK(cx, espy_store_check(cx, st, &f, &n));
    for (size_t i = 0; i < n; i++)
        fail_msg("%s: %s", f[i].item, f[i].text);
    espy_findings_free(cx, f, n);
    case_picture(cx, st, c, out, room);
    espy_store_close(cx, &st);
}

/* The process dies at every effect in turn: the store is what it was after the steps that were
 * acknowledged, or after the one that was under way. */
static void run_people_crashes(void **state)
{
    (void)state;
    static char want[PEOPLE_STEPS + 1][2000];
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    int64_t s[PEOPLE_SAMPLES], c = people_prepare(&cx, dir, s);
    char now[2000], byte;
    for (int k = 0; k <= PEOPLE_STEPS; k++) {
        espy_store *st = NULL;
        people_check(&cx, dir, c, want[k], sizeof want[k]);
        if (k == PEOPLE_STEPS)
            break;
        CASE_OK(&cx, espy_store_open(&cx, dir, &st));
        CASE_OK(&cx, people_step(&cx, st, c, s, k));
        espy_store_close(&cx, &st);
    }
    long crashes = 0, ahead = 0;
    for (bool over = false; !over; crashes++) {
        int told[2], acked = 0, status = 0;
        c = people_prepare(&cx, dir, s);
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            effect_arm(&cx, crashes + 1, true, false, LIFE_STEPS);
            _exit(people(&cx, dir, c, s, told[1]) == ESPY_E_OK ? 0 : 1);
        }
        close(told[1]);
        while (read(told[0], &byte, 1) == 1)
            acked++;
        close(told[0]);
        assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
        over = WEXITSTATUS(status) == 0;
        people_check(&cx, dir, c, now, sizeof now);
        bool next = acked < PEOPLE_STEPS && strcmp(now, want[acked + 1]) == 0;
        if (strcmp(now, want[acked]) != 0 && !next)
            fail_msg("crash %ld after %d steps: %s", crashes + 1, acked, now);
        ahead += next && strcmp(want[acked], want[acked + 1]) != 0;
    }
    printf("people: %ld crashes, no acknowledged word lost, %ld steps done though not told\n",
           crashes - 1, ahead);
    assert_true(crashes > 3 * PEOPLE_STEPS);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- kill -9 ----------------------------------------------------------------------------------- */
/* Adds three samples per transaction until somebody ends it. */
static void writer_forever(espy_ctx *cx, const char *dir, int64_t c)
{
    espy_store *st = NULL;
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    for (int i = 0;; i++) {
        CASE_OK(cx, espy_store_begin(cx, st));
        for (int k = 0; k < 3; k++)
            case_sample(cx, st, c, 1000 * (int)getpid() + 3 * i + k, NULL);
        CASE_OK(cx, espy_store_commit(cx, st));
    }
}

static void run_kills(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    espy_store *st = NULL;
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    int64_t c = case_collection(&cx, st, "c"), last = 0;
    espy_store_close(&cx, &st);
    for (int i = 0; i < 12; i++) {
        espy_counts n;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            writer_forever(&cx, dir, c);
        usleep((useconds_t)(20000 + 7001 * i));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        CASE_OK(&cx, espy_store_open(&cx, dir, &st));
        CASE_OK(&cx, espy_store_counts(&cx, st, c, &n));
        assert_int_equal(n.samples % 3, 0);
        assert_true(n.samples == n.media && n.samples == n.embeddings && n.samples >= last);
        last = n.samples;
        espy_store_close(&cx, &st);
    }
    assert_true(last > 0);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- several processes ------------------------------------------------------------------------- */
enum { WRITERS = 3, ROUNDS = 25 };

static espy_err writer_rounds(espy_ctx *cx, const char *dir, int me)
{
    espy_store *st = NULL;
    espy_collection c = {0};
    int64_t id = 0, label = 0;
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    espy_err e = espy_store_collection_create(cx, st, &case_template("c"), &id);
    if (e == ESPY_E_EXISTS) {
        espy_clear(cx);
        CASE_OK(cx, espy_store_collection(cx, st, "c", &c));
        id = c.id;
    }
    for (int i = 0; i < ROUNDS; i++) {
        char code[32];
        snprintf(code, sizeof code, "W%d-%d", me, i);
        CASE_OK(cx, espy_store_begin(cx, st));
        CASE_OK(cx, espy_store_label(cx, st, id, code, NULL, &label));
        CASE_OK(cx, espy_store_label(cx, st, id, "shared", NULL, &label));
        int64_t s = case_sample(cx, st, id, i, NULL); /* the same photos in all */
        CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "folder"));
        CASE_OK(cx, espy_store_commit(cx, st));
        if (case_version(cx, st, id, code, &s, 1) < 1)
            return ESPY_E_STORE;
        CASE_OK(cx, espy_store_promote(cx, st, id, 1, "any"));
    }
    espy_collection_free(cx, &c);
    espy_store_close(cx, &st);
    return ESPY_E_OK;
}

static void run_processes(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *dir = case_dir(&cx);
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork(); /* all of them make the store, too */
        assert_true(child >= 0);
        if (child == 0)
            _exit(writer_rounds(&cx, dir, i) == ESPY_E_OK ? 0 : 1);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        wait(&status);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    espy_store *st = NULL;
    espy_counts n;
    espy_finding *f = NULL;
    size_t findings = 0;
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, WRITERS * ROUNDS + 1);
    assert_int_equal(n.media, ROUNDS);
    assert_int_equal(n.samples, ROUNDS);
    assert_int_equal(n.labelled, ROUNDS);
    assert_int_equal(n.versions, WRITERS * ROUNDS);
    for (int64_t v = 1; v <= n.versions; v++) { /* numbered without a gap */
        espy_version got;
        CASE_OK(&cx, espy_store_version(&cx, st, 1, v, &got));
        espy_version_free(&cx, &got);
    }
    CASE_OK(&cx, espy_store_check(&cx, st, &f, &findings));
    assert_int_equal(findings, 0);
    espy_findings_free(&cx, f, findings);
    espy_store_close(&cx, &st);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- folders that cannot be written ------------------------------------------------------------ */
/* In a child that is nobody, for root may write everywhere. */
static void expect_refusal(espy_ctx *cx, const char *dir)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        espy_store *st = NULL;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(77);
        espy_err e = espy_store_open(cx, dir, &st);
        printf("refused: %s\n", cx->text);
        fflush(stdout);
        _exit(e == ESPY_E_IO && st == NULL && strstr(cx->text, dir) != NULL ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        printf("SKIP: cannot become another user\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void run_unwritable(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_store *st = NULL;
    const char *dir = case_dir(&cx);
    CASE_OK(&cx, espy_dir_make(&cx, dir));
    assert_int_equal(chmod(dir, 0555), 0);
    expect_refusal(&cx, dir);
    expect_refusal(&cx, case_path(dir, "below"));
    assert_int_equal(chmod(dir, 0755), 0);
    life_prepare(&cx, dir);
    assert_int_equal(chmod(dir, 0555), 0);
    assert_int_equal(chmod(case_path(dir, "store.db"), 0444), 0);
    expect_refusal(&cx, dir);
    assert_int_equal(chmod(dir, 0755), 0);
    CASE_FAILS(&cx, IO, espy_store_open(&cx, case_path(dir, "store.db/inside"), &st));
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_crashes),
                                       cmocka_unit_test(run_full_disk),
                                       cmocka_unit_test(run_rollback_crashes),
                                       cmocka_unit_test(run_people_crashes),
                                       cmocka_unit_test(run_kills),
                                       cmocka_unit_test(run_processes),
                                       cmocka_unit_test(run_unwritable)};
    vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
