/* SPDX-License-Identifier: Apache-2.0
 * flow - the encode step. */
#include "flow/scan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/pool.h"

/* Files read and not yet told.  It bounds memory, and leaves the other threads enough to do while
 * the calling one keeps and tells what is ready. */
#define SCAN_WINDOW 48

/* Files, and bytes of files, that are kept in one transaction: each waits for the disk. */
#define SCAN_KEEP 24
#define SCAN_KEEP_BYTES ((size_t)16 << 20)

#define SCAN_NAP 50000000 /* ns between looks at the cancel flag while waiting */

typedef struct scan_item {
    espy_buf bytes;
    char digest[ESPY_DIGEST_HEX];
    espy_scan scan;
    bool known; /* came from the store, from this collection */
    bool made;  /* need not be made: it came from the store, perhaps from another collection */
    bool done;  /* waits to be told */
} scan_item;

/* Any thread reads, looks up and encodes a file; the calling one (worker 0) keeps and tells, in
 * order, between files of its own, so that no thread waits for the slowest of a group.
 *
 *   S1  `taken`, `told`, `stopped` and each item's `done` are guarded by `lock`
 *   S2  item i lies at ring[i % SCAN_WINDOW] and belongs to the thread that works on it until it is
 *       done, then to the calling thread until it is told; i < told + SCAN_WINDOW
 *   S3  the store has one connection: `store` is held while it is used */
typedef struct scan_road {
    const espy_scan_job *job;
    const char *const *paths;
    size_t n;
    espy_scan_fn *each;
    void *self;
    scan_item *ring;
    size_t taken; /* files that threads have begun, which is the index of the next one */
    size_t told;  /* files told, likewise */
    bool stopped; /* something failed: nobody shall wait for a file that will never be done */
    pthread_mutex_t lock, store;
    pthread_cond_t moved;
} scan_road;

static scan_item *scan_at(const scan_road *r, size_t i)
{
    return &r->ring[i % SCAN_WINDOW];
}

/* Failures that belong to the file and not to the run. */
static bool scan_tolerable(espy_err e)
{
    return e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_IO || e == ESPY_E_NOT_FOUND ||
           e == ESPY_E_UNSUPPORTED;
}

espy_err espy_scan_excuse(espy_ctx *cx, espy_err e, espy_scan *scan)
{
    if (!scan_tolerable(e))
        return e;
    char text[sizeof cx->text];
    memcpy(text, cx->text, sizeof text);
    espy_clear(cx);
    scan->error = espy_strdup(cx, text);
    return scan->error ? ESPY_E_OK : cx->code;
}

espy_err espy_flow_scan_memory(espy_ctx *cx, const espy_encoder *encoder,
                               const espy_find_options *find, espy_span file, espy_scan *out)
{
    espy_scan scan = {0};
    espy_samples found = {0};
    size_t dim = espy_encoder_dim(encoder);
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_encoder_find(cx, encoder, file, find, &found));
    scan.width = found.width;
    scan.height = found.height;
    scan.dim = dim;
    scan.at = espy_array(cx, found.n, sizeof *scan.at);
    if (!scan.at)
        ESPY_GO(cx->code);
    scan.n = found.n;
    for (size_t i = 0; i < found.n; i++) {
        const espy_sample *s = &found.at[i];
        espy_scan_sample *t = &scan.at[i];
        memcpy(t->box, s->box, sizeof t->box);
        memcpy(t->points, s->points, sizeof t->points);
        t->has_points = s->has_points;
        t->whole = s->whole;
        t->score = s->score;
        t->sharpness = s->sharpness;
    }
    if (found.n && !find->no_crops) {
        scan.vectors = espy_floats(cx, found.n * dim);
        if (!scan.vectors)
            ESPY_GO(cx->code);
        for (size_t i = 0; i < found.n; i++)
            scan.at[i].embedding = scan.vectors + i * dim;
        ESPY_GO(espy_encoder_embed(cx, encoder, &found, scan.vectors));
    }
    *out = scan;
    scan = (espy_scan){0};
out:
    espy_scan_free(cx, &scan);
    espy_samples_free(cx, &found);
    return e;
}

const char *espy_scan_mode(const espy_find_options *f)
{
    if (f->central)
        return f->whole_if_none ? "central+whole" : "central";
    if (f->whole_if_none)
        return f->largest ? "largest+whole" : "all+whole";
    return f->largest ? "largest" : "all";
}

bool espy_scan_serves(const espy_scan *s, bool again)
{
    return s->n || (s->gone && !again);
}

static espy_err scan_stored(espy_ctx *cx, const espy_scan_job *job, const scan_item *it,
                            espy_scan *out)
{
    ESPY_TRY(espy_store_scan_get(cx, job->store, job->collection, it->digest,
                                 espy_scan_mode(&job->find), espy_encoder_digest(job->encoder),
                                 out));
    if (espy_scan_serves(out, job->again))
        return ESPY_E_OK;
    espy_scan_free(cx, out);
    return ESPY_E_NOT_FOUND;
}

/* A scan of another collection is only read here: it is copied when the file is kept, so that
 * samples are numbered in the order of the files, whichever thread was quicker. */
static espy_err scan_look_up(espy_ctx *cx, scan_road *r, scan_item *it)
{
    const espy_scan_job *job = r->job;
    bool own = false;
    if (!job->store)
        return ESPY_E_OK;
    espy_digest(it->bytes.data, it->bytes.size, it->digest);
    pthread_mutex_lock(&r->store);
    espy_err e = espy_store_scan_read(cx, job->store, job->collection, it->digest,
                                      espy_scan_mode(&job->find), espy_encoder_digest(job->encoder),
                                      &own, &it->scan);
    pthread_mutex_unlock(&r->store);
    it->made = e == ESPY_E_OK && espy_scan_serves(&it->scan, job->again);
    it->known = it->made && own;
    if (!it->made)
        espy_scan_free(cx, &it->scan);
    return e == ESPY_E_NOT_FOUND ? ESPY_E_OK : e;
}

static espy_err scan_make(espy_ctx *cx, scan_road *r, const char *path, scan_item *it)
{
    espy_err e = espy_file_read(cx, path, cx->max.file_bytes, &it->bytes);
    if (e != ESPY_E_OK)
        return espy_scan_excuse(cx, e, &it->scan);
    ESPY_TRY(scan_look_up(cx, r, it));
    if (!it->made) {
        e = espy_flow_scan_memory(cx, r->job->encoder, &r->job->find, espy_span_of(&it->bytes),
                                  &it->scan);
        if (e != ESPY_E_OK)
            ESPY_TRY(espy_scan_excuse(cx, e, &it->scan));
    }
    if (it->known || !r->job->store)
        espy_buf_free(cx, &it->bytes);
    return ESPY_E_OK;
}

/* Keeps what is new.  A second file with the same bytes was new when it was looked up, but is not
 * now: whether it counts as fresh must not depend on which thread was quicker. */
static espy_err scan_keep(espy_ctx *cx, const espy_scan_job *job, const char *path, scan_item *it)
{
    int64_t media;
    espy_scan same = {0};
    if (!job->store || it->known || !it->digest[0])
        return ESPY_E_OK;
    espy_err e = scan_stored(cx, job, it, &same);
    if (e == ESPY_E_OK) {
        espy_scan_free(cx, &it->scan);
        it->scan = same;
        it->known = true;
    }
    if (e != ESPY_E_NOT_FOUND)
        return e;
    char *source = realpath(path, NULL); /* people and later runs must find it again */
    e = espy_store_media(cx, job->store, job->collection, espy_span_of(&it->bytes), it->digest,
                         source ? source : path, &media);
    free(source);
    ESPY_TRY(e);
    it->scan.again = job->again;
    return espy_store_scan_put(cx, job->store, media, espy_scan_mode(&job->find),
                               espy_encoder_digest(job->encoder),
                               espy_encoder_detector_digest(job->encoder), &it->scan);
}

static espy_err scan_keep_and_tell(espy_ctx *cx, scan_road *r, size_t n)
{
    const espy_scan_job *job = r->job;
    if (job->store)
        ESPY_TRY(espy_store_begin(cx, job->store));
    for (size_t i = r->told; i < r->told + n; i++) {
        scan_item *it = scan_at(r, i);
        espy_err e = scan_keep(cx, job, r->paths[i], it);
        if (e == ESPY_E_OK)
            e = r->each(cx, r->self, i, &it->scan, !it->known);
        if (e != ESPY_E_OK) {
            if (job->store)
                espy_store_rollback(cx, job->store);
            return e;
        }
        espy_progress_step(job->progress, job->stage, i + 1, r->n);
    }
    espy_err e = job->store ? espy_store_commit(cx, job->store) : ESPY_E_OK;
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, job->store);
    return e;
}

static void scan_item_free(espy_ctx *cx, scan_item *it)
{
    espy_buf_free(cx, &it->bytes);
    espy_scan_free(cx, &it->scan);
    *it = (scan_item){0};
}

/* Tells the files that are next and done; with `wait`, not before there are enough for a
 * transaction.  In the calling thread only. */
static espy_err scan_tell(espy_ctx *cx, scan_road *r, bool wait)
{
    size_t n = 0, bytes = 0;
    pthread_mutex_lock(&r->lock);
    while (n < SCAN_KEEP && r->told + n < r->n && scan_at(r, r->told + n)->done)
        bytes += scan_at(r, r->told + n++)->bytes.size;
    pthread_mutex_unlock(&r->lock);
    if (n == 0 || (wait && r->job->store && n < SCAN_KEEP && bytes < SCAN_KEEP_BYTES))
        return ESPY_E_OK;
    pthread_mutex_lock(&r->store);
    espy_err e = scan_keep_and_tell(cx, r, n);
    pthread_mutex_unlock(&r->store);
    ESPY_TRY(e);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++)
        scan_item_free(cx, scan_at(r, r->told + i));
    r->told += n;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    return ESPY_E_OK;
}

/* Takes the next file when it has a place in the ring, or waits a little; *over when there will be
 * none any more. */
static bool scan_take(scan_road *r, bool calling, size_t *i, bool *over)
{
    pthread_mutex_lock(&r->lock);
    bool taken = !r->stopped && r->taken < r->n && r->taken < r->told + SCAN_WINDOW;
    if (taken)
        *i = r->taken++;
    *over = r->stopped || r->taken == r->n;
    if (!taken && !*over && !(calling && scan_at(r, r->told)->done)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += SCAN_NAP;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&r->moved, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}

static void scan_finish(scan_road *r, scan_item *it, espy_err e)
{
    pthread_mutex_lock(&r->lock);
    if (e != ESPY_E_OK)
        r->stopped = true;
    else
        it->done = true;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
}

/* The work of one thread: files until all are taken.  No thread holds a file that has no place yet,
 * and the calling one tells until then, so that there always will be one. */
static espy_err scan_seat(espy_ctx *cx, void *self, size_t seat, unsigned worker)
{
    (void)seat;
    scan_road *r = self;
    bool calling = worker == 0, over = false, full = false;
    espy_err e = ESPY_E_OK;
    while (e == ESPY_E_OK && !over) {
        size_t i = 0;
        if (calling)
            e = scan_tell(cx, r, !full);
        if (e == ESPY_E_OK)
            e = espy_cancelled(cx);
        bool taken = e == ESPY_E_OK && scan_take(r, calling, &i, &over);
        if (taken)
            e = scan_make(cx, r, r->paths[i], scan_at(r, i));
        if (taken || e != ESPY_E_OK)
            scan_finish(r, scan_at(r, i), e);
        full = !taken;
    }
    return e;
}

espy_err espy_flow_scan(espy_ctx *cx, const espy_scan_job *job, const char *const *paths, size_t n,
                        espy_scan_fn *each, void *self)
{
    scan_road r = {.job = job, .paths = paths, .n = n, .each = each, .self = self};
    r.ring = espy_array(cx, SCAN_WINDOW, sizeof *r.ring);
    if (!r.ring)
        return cx->code;
    pthread_mutex_init(&r.lock, NULL);
    pthread_mutex_init(&r.store, NULL);
    pthread_cond_init(&r.moved, NULL);
    espy_err e = espy_parallel(cx, espy_pool_size(cx->pool), scan_seat, &r);
    while (e == ESPY_E_OK && r.told < n)
        e = scan_tell(cx, &r, false);
    for (size_t i = 0; i < SCAN_WINDOW; i++)
        scan_item_free(cx, &r.ring[i]);
    pthread_cond_destroy(&r.moved);
    pthread_mutex_destroy(&r.store);
    pthread_mutex_destroy(&r.lock);
    espy_free(cx, r.ring);
    return e;
}
