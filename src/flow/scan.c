/* SPDX-License-Identifier: Apache-2.0
 * flow - the encode step. */
#include "flow/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"

/* Files in work at once: enough that the last ones of a group do not leave a core idle for long,
 * few enough that their bytes stay in tens of megabytes. */
#define SCAN_GROUP 24

typedef struct scan_item {
    const char *path;
    espy_buf bytes;
    char digest[ESPY_DIGEST_HEX];
    espy_scan scan;
    bool known; /* came from the store */
} scan_item;

typedef struct scan_group {
    const espy_scan_job *job;
    scan_item *at;
} scan_group;

/* Failures that belong to the file and not to the run. */
static bool scan_tolerable(espy_err e)
{
    return e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_IO || e == ESPY_E_NOT_FOUND ||
           e == ESPY_E_UNSUPPORTED;
}

/* Turns a tolerable failure into the scan's error text. */
static espy_err scan_excuse(espy_ctx *cx, espy_err e, espy_scan *scan)
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
    const espy_image **crops = NULL;
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
        crops = espy_array(cx, found.n, sizeof *crops);
        scan.vectors = crops ? espy_floats(cx, found.n * dim) : NULL;
        if (!scan.vectors)
            ESPY_GO(cx->code);
        for (size_t i = 0; i < found.n; i++) {
            crops[i] = &found.at[i].crop;
            scan.at[i].embedding = scan.vectors + i * dim;
        }
        ESPY_GO(espy_encoder_embed(cx, encoder, crops, found.n, scan.vectors));
    }
    *out = scan;
    scan = (espy_scan){0};
out:
    espy_scan_free(cx, &scan);
    espy_free(cx, (void *)crops);
    espy_samples_free(cx, &found);
    return e;
}

static espy_err scan_read(espy_ctx *cx, void *self, size_t i, unsigned worker)
{
    (void)worker;
    scan_item *it = &((scan_group *)self)->at[i];
    espy_err e = espy_file_read(cx, it->path, cx->max.file_bytes, &it->bytes);
    if (e != ESPY_E_OK)
        return scan_excuse(cx, e, &it->scan);
    espy_digest(it->bytes.data, it->bytes.size, it->digest);
    return ESPY_E_OK;
}

static espy_err scan_fresh(espy_ctx *cx, void *self, size_t i, unsigned worker)
{
    (void)worker;
    scan_group *g = self;
    scan_item *it = &g->at[i];
    if (it->known || it->scan.error)
        return ESPY_E_OK;
    espy_err e = espy_flow_scan_memory(cx, g->job->encoder, &g->job->find, espy_span_of(&it->bytes),
                                       &it->scan);
    return e == ESPY_E_OK ? e : scan_excuse(cx, e, &it->scan);
}

static const char *scan_mode(const espy_find_options *f)
{
    if (f->central)
        return f->whole_if_none ? "central+whole" : "central";
    if (f->whole_if_none)
        return f->largest ? "largest+whole" : "all+whole";
    return f->largest ? "largest" : "all";
}

static espy_err scan_look_up(espy_ctx *cx, const espy_scan_job *job, scan_item *it)
{
    if (!job->store || it->scan.error)
        return ESPY_E_OK;
    espy_err e =
        espy_store_scan_get(cx, job->store, job->collection, it->digest, scan_mode(&job->find),
                            espy_encoder_digest(job->encoder), &it->scan);
    if (e == ESPY_E_NOT_FOUND)
        return ESPY_E_OK;
    it->known = e == ESPY_E_OK;
    if (it->known)
        espy_buf_free(cx, &it->bytes);
    return e;
}

static espy_err scan_keep(espy_ctx *cx, const espy_scan_job *job, scan_item *it)
{
    int64_t media;
    if (!job->store || it->known || !it->digest[0])
        return ESPY_E_OK;
    char *source = realpath(it->path, NULL); /* people and later runs must find it again */
    espy_err e = espy_store_media(cx, job->store, job->collection, espy_span_of(&it->bytes),
                                  it->digest, source ? source : it->path, &media);
    free(source);
    ESPY_TRY(e);
    return espy_store_scan_put(cx, job->store, media, scan_mode(&job->find),
                               espy_encoder_digest(job->encoder),
                               espy_encoder_detector_digest(job->encoder), &it->scan);
}

/* One group: read, look up, encode what is new, keep it, tell the caller. */
static espy_err scan_group_run(espy_ctx *cx, const espy_scan_job *job, scan_item *at, size_t n,
                               size_t first, size_t total, espy_scan_fn *each, void *self)
{
    scan_group g = {job, at};
    ESPY_TRY(espy_parallel(cx, n, scan_read, &g));
    for (size_t i = 0; i < n; i++)
        ESPY_TRY(scan_look_up(cx, job, &at[i]));
    ESPY_TRY(espy_parallel(cx, n, scan_fresh, &g));
    if (job->store)
        ESPY_TRY(espy_store_begin(cx, job->store));
    for (size_t i = 0; i < n; i++) {
        espy_err e = scan_keep(cx, job, &at[i]);
        if (e == ESPY_E_OK)
            e = each(cx, self, first + i, &at[i].scan, !at[i].known);
        if (e != ESPY_E_OK) {
            if (job->store)
                espy_store_rollback(cx, job->store);
            return e;
        }
        espy_progress_step(job->progress, job->stage, first + i + 1, total);
    }
    return job->store ? espy_store_commit(cx, job->store) : ESPY_E_OK;
}

espy_err espy_flow_scan(espy_ctx *cx, const espy_scan_job *job, const char *const *paths, size_t n,
                        espy_scan_fn *each, void *self)
{
    scan_item *at = espy_array(cx, SCAN_GROUP, sizeof *at);
    if (!at)
        return cx->code;
    espy_err e = ESPY_E_OK;
    for (size_t first = 0; e == ESPY_E_OK && first < n; first += SCAN_GROUP) {
        size_t k = n - first < SCAN_GROUP ? n - first : SCAN_GROUP;
        for (size_t i = 0; i < k; i++)
            at[i].path = paths[first + i];
        e = scan_group_run(cx, job, at, k, first, n, each, self);
        for (size_t i = 0; i < k; i++) {
            espy_buf_free(cx, &at[i].bytes);
            espy_scan_free(cx, &at[i].scan);
        }
        memset(at, 0, SCAN_GROUP * sizeof *at);
    }
    espy_free(cx, at);
    return e;
}
