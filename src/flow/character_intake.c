/* SPDX-License-Identifier: Apache-2.0
 * flow - what the character system learns from. */
#include "flow/character_intake.h"

#include <math.h>
#include <string.h>

#include "artifact/npy.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/text.h"
#include "dsp/dsp.h"
#include "flow/scan.h"
#include "media/media.h"

#define INTAKE_NPY ".npy"

static bool intake_ready(const char *path)
{
    return espy_ends_with_nocase(path, INTAKE_NPY);
}

espy_err espy_intake_folders(espy_ctx *cx, const char *dir, espy_dataset *out)
{
    static const char *const suffixes[] = {"*", INTAKE_NPY, NULL};
    return espy_dataset_read(cx, dir, ESPY_FOLDER_WHOLE, espy_modality_find("face"), suffixes, out);
}

bool espy_intake_needs_encoder(const espy_dataset *folders)
{
    for (size_t f = 0; f < folders->n; f++)
        for (size_t i = 0; i < folders->at[f].n_files; i++)
            if (!intake_ready(folders->at[f].files[i]))
                return true;
    return false;
}

/* ---- quality ---- */

/* Mean and deviation of luma (Rec. 601) over a rectangle inside the picture. */
static void quality_luma(const espy_image *im, const int r[4], double *mean, double *deviation)
{
    double sum = 0, squares = 0, n = (double)r[2] * r[3];
    for (int y = r[1]; y < r[1] + r[3]; y++)
        for (int x = r[0]; x < r[0] + r[2]; x++) {
            const uint8_t *p = im->px + 3 * ((size_t)y * (size_t)im->width + (size_t)x);
            double v = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            sum += v;
            squares += v * v;
        }
    *mean = sum / n;
    *deviation = sqrt(fmax(0, squares / n - *mean * *mean));
}

double espy_face_quality(const espy_image *im, const float box[4], float score)
{
    double edge[4], mean, deviation;
    const double side[2] = {im->width, im->height};
    for (int c = 0; c < 2; c++) {
        edge[c] = fmin(fmax(floor((double)box[c]), 0), side[c]);
        edge[2 + c] = fmin(fmax(ceil((double)box[c] + (double)box[2 + c]), 0), side[c]);
    }
    const int r[4] = {(int)edge[0], (int)edge[1], (int)(edge[2] - edge[0]),
                      (int)(edge[3] - edge[1])};
    if (r[2] < 1 || r[3] < 1)
        return 0;
    quality_luma(im, r, &mean, &deviation);
    double area = (double)r[2] * r[3] / (side[0] * side[1]);
    double sharp = espy_image_sharpness(im, r[0], r[1], r[2], r[3]);
    double image = 0.3 * fmin(1, 10 * area) + 0.3 * fmin(1, sharp / 100) +
                   0.2 * (1 - fabs(mean - 128) / 128) + 0.1 * fmin(1, deviation / 50) +
                   0.1 * (1 - 0.5 * fabs((double)r[2] / r[3] - 1));
    return (fmin(fmax(image, 0), 1) + (double)score) / 2;
}

/* ---- the work ---- */

/* A file that is looked at. */
typedef struct intake_file {
    const char *path;
    size_t folder;
    float *x; /* rows x dim: embeddings that were kept, owned */
    size_t rows, dim, faces;
    double best;  /* quality of the best face that was not kept */
    char *reason; /* why there are none, owned */
} intake_file;

typedef struct intake_job {
    const espy_encoder *encoder;
    double min_quality;
    intake_file *at;
} intake_job;

/* A failure of the file becomes its reason. */
static espy_err intake_excuse(espy_ctx *cx, espy_err e, intake_file *f)
{
    espy_scan scan = {0};
    if (e == ESPY_E_OK)
        return e;
    ESPY_TRY(espy_scan_excuse(cx, e, &scan));
    f->reason = scan.error;
    return ESPY_E_OK;
}

static espy_err intake_keep(espy_ctx *cx, const intake_job *job, const espy_image *im,
                            const espy_scan *scan, intake_file *f)
{
    f->x = espy_floats(cx, scan->n * scan->dim);
    if (!f->x)
        return cx->code;
    f->dim = scan->dim;
    f->faces = scan->n;
    for (size_t i = 0; i < scan->n; i++) {
        const espy_scan_sample *s = &scan->at[i];
        double quality = espy_face_quality(im, s->box, s->score);
        if (quality < job->min_quality) {
            f->best = fmax(f->best, quality);
            continue;
        }
        memcpy(f->x + f->rows++ * f->dim, s->embedding, f->dim * sizeof *f->x);
    }
    if (f->rows)
        return ESPY_E_OK;
    f->reason =
        scan->n ? espy_sprintf(cx, "no face is good enough (the best has quality %.2f)", f->best)
                : espy_strdup(cx, "no face was found");
    return f->reason ? ESPY_E_OK : cx->code;
}

static espy_err intake_picture(espy_ctx *cx, const intake_job *job, intake_file *f)
{
    const espy_find_options find = {0};
    espy_scan scan = {0};
    espy_image im = {0};
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_GO(espy_file_read(cx, f->path, cx->max.file_bytes, &b));
    ESPY_GO(espy_flow_scan_memory(cx, job->encoder, &find, espy_span_of(&b), &scan));
    if (scan.n)
        ESPY_GO(espy_image_decode(cx, espy_span_of(&b), 0, &im));
    ESPY_GO(intake_keep(cx, job, &im, &scan, f));
out:
    espy_buf_free(cx, &b);
    espy_scan_free(cx, &scan);
    espy_image_free(cx, &im);
    return intake_excuse(cx, e, f);
}

static espy_err intake_one(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const intake_job *job = self;
    intake_file *f = &job->at[item];
    (void)worker;
    ESPY_TRY(espy_cancelled(cx));
    if (intake_ready(f->path))
        return intake_excuse(cx, espy_npy_load_rows(cx, f->path, &f->x, &f->rows, &f->dim), f);
    return intake_picture(cx, job, f);
}

/* On all cores, some at a time, so that progress can be told. */
static espy_err intake_all(espy_ctx *cx, intake_job *job, size_t n, const espy_progress *progress)
{
    intake_file *first = job->at;
    size_t some = 8 * (size_t)espy_pool_size(cx->pool);
    espy_err e = ESPY_E_OK;
    for (size_t at = 0; at < n && e == ESPY_E_OK; at += some) {
        size_t m = n - at < some ? n - at : some;
        job->at = first + at;
        e = espy_parallel(cx, m, intake_one, job);
        if (e == ESPY_E_OK)
            espy_progress_step(progress, "encoding", at + m, n);
    }
    job->at = first;
    return e;
}

/* ---- what came in ---- */

/* The files to look at: all arrays, the first pictures. */
static size_t intake_list(const espy_dataset *d, size_t most, intake_file *at,
                          espy_intake_character *characters)
{
    size_t n = 0;
    for (size_t f = 0; f < d->n; f++) {
        espy_intake_character *c = &characters[f];
        c->name = d->at[f].code;
        for (size_t i = 0; i < d->at[f].n_files; i++) {
            const char *path = d->at[f].files[i];
            if (intake_ready(path))
                c->files++;
            else if (c->pictures < most)
                c->pictures++;
            else
                continue;
            at[n++] = (intake_file){.path = path, .folder = f};
        }
    }
    return n;
}

static espy_err intake_skip(espy_ctx *cx, espy_intake *r, const intake_file *f)
{
    espy_skip *s = &r->skipped[r->n_skipped];
    s->path = espy_strdup(cx, f->path);
    s->reason = s->path ? espy_strdup(cx, f->reason) : NULL;
    if (!s->reason) {
        espy_free(cx, s->path);
        return cx->code;
    }
    r->n_skipped++;
    return ESPY_E_OK;
}

/* Rows of all files, which must be of one size, in order of their characters. */
static espy_err intake_gather(espy_ctx *cx, const intake_file *at, size_t n, espy_intake *r)
{
    const intake_file *first = NULL;
    size_t rows = 0, cells, last = SIZE_MAX;
    espy_rows *out = &r->data.rows;
    for (size_t i = 0; i < n; i++) {
        if (!at[i].rows)
            continue;
        if (first && at[i].dim != first->dim)
            return espy_fail(cx, ESPY_E_DATA,
                             "%s gives embeddings of %zu values, %s of %zu: all must come from one "
                             "encoder",
                             first->path, first->dim, at[i].path, at[i].dim);
        first = first ? first : &at[i];
        rows += at[i].rows;
    }
    size_t dim = first ? first->dim : 0;
    if (!espy_mul_size(rows, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu embeddings are too many", rows);
    r->x = espy_floats(cx, cells);
    r->y = espy_array(cx, rows, sizeof *r->y);
    if (!r->x || !r->y)
        return cx->code;
    *out = (espy_rows){r->x, r->y, rows, dim, 0, NULL};
    rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!at[i].rows)
            continue;
        if (at[i].folder != last) {
            last = at[i].folder;
            r->names[out->classes++] = r->at[last].name;
        }
        memcpy(r->x + rows * dim, at[i].x, at[i].rows * dim * sizeof *r->x);
        for (size_t k = 0; k < at[i].rows; k++)
            r->y[rows++] = (uint32_t)(out->classes - 1);
    }
    return ESPY_E_OK;
}

static espy_err intake_result(espy_ctx *cx, const intake_file *at, size_t n, espy_intake *r)
{
    for (size_t i = 0; i < n; i++) {
        espy_intake_character *c = &r->at[at[i].folder];
        c->faces += at[i].faces;
        c->embeddings += at[i].rows;
        if (at[i].reason)
            ESPY_TRY(intake_skip(cx, r, &at[i]));
    }
    ESPY_TRY(intake_gather(cx, at, n, r));
    r->data.names = r->names;
    return ESPY_E_OK;
}

espy_err espy_intake_read(espy_ctx *cx, const espy_dataset *d, const espy_encoder *encoder,
                          const espy_intake_options *o, espy_intake *out)
{
    espy_intake r = {.n_at = d->n};
    intake_job job = {.encoder = encoder, .min_quality = o->min_quality};
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    job.at = espy_array(cx, d->files, sizeof *job.at);
    r.at = espy_array(cx, d->n, sizeof *r.at);
    r.names = espy_array(cx, d->n, sizeof *r.names);
    r.skipped = espy_array(cx, d->files, sizeof *r.skipped);
    if (!job.at || !r.at || !r.names || !r.skipped)
        ESPY_GO(cx->code);
    n = intake_list(d, o->max_images ? o->max_images : ESPY_CHARACTER_IMAGES, job.at, r.at);
    ESPY_GO(intake_all(cx, &job, n, o->progress));
    ESPY_GO(intake_result(cx, job.at, n, &r));
    if (encoder) {
        r.data.encoder = espy_encoder_pack(encoder)->name;
        r.data.precision = espy_encoder_precision_name(encoder);
        r.data.encoder_digest = espy_encoder_digest(encoder);
    }
    *out = r;
    r = (espy_intake){0};
out:
    for (size_t i = 0; job.at && i < n; i++) {
        espy_free(cx, job.at[i].x);
        espy_free(cx, job.at[i].reason);
    }
    espy_free(cx, job.at);
    espy_intake_free(cx, &r);
    return e;
}

void espy_intake_free(espy_ctx *cx, espy_intake *r)
{
    for (size_t i = 0; i < r->n_skipped; i++) {
        espy_free(cx, r->skipped[i].path);
        espy_free(cx, r->skipped[i].reason);
    }
    espy_free(cx, r->skipped);
    espy_free(cx, (void *)r->names);
    espy_free(cx, r->x);
    espy_free(cx, r->y);
    espy_free(cx, r->at);
    *r = (espy_intake){0};
}
