/* SPDX-License-Identifier: Apache-2.0
 * flow - embed. */
#include "flow/embed.h"

#include <string.h>

#include "base/pool.h"
#include "flow/scan.h"
#include "store/group.h"

#define EMBED_BATCH 24 /* media that are in memory at once, and in one transaction */

/* One media and its samples. */
typedef struct embed_media {
    const espy_bare_sample *at;
    size_t n;
    espy_buf bytes;
    float *x; /* n x dim; NULL: it could not be used */
    char *error;
} embed_media;

typedef struct embed_run {
    espy_workspace *ws;
    const espy_encoder *encoder;
    size_t dim;
    embed_media media[EMBED_BATCH];
} embed_run;

static void embed_media_free(espy_ctx *cx, embed_media *m)
{
    espy_buf_free(cx, &m->bytes);
    espy_free(cx, m->x);
    espy_free(cx, m->error);
    *m = (embed_media){0};
}

/* Failures that belong to the media become its error text. */
static espy_err embed_excuse(espy_ctx *cx, espy_err e, embed_media *m)
{
    espy_scan scan = {0};
    if (e == ESPY_E_DIGEST || e == ESPY_E_DATA) {
        m->error = espy_strdup(cx, cx->text);
        espy_clear(cx);
        return m->error ? ESPY_E_OK : ESPY_E_NOMEM;
    }
    ESPY_TRY(espy_scan_excuse(cx, e, &scan));
    m->error = scan.error;
    return ESPY_E_OK;
}

static espy_err embed_vectors(espy_ctx *cx, const embed_run *r, embed_media *m)
{
    espy_samples s = {0};
    espy_err e = ESPY_E_OK;
    s.at = espy_array(cx, m->n, sizeof *s.at);
    if (!s.at)
        return cx->code;
    s.n = m->n;
    for (size_t i = 0; i < m->n; i++) {
        const espy_bare_sample *b = &m->at[i];
        memcpy(s.at[i].box, b->box, sizeof b->box);
        memcpy(s.at[i].points, b->points, sizeof b->points);
        s.at[i].has_points = b->has_points;
        s.at[i].whole = b->whole;
        s.at[i].score = b->score;
    }
    ESPY_GO(espy_encoder_cut(cx, r->encoder, espy_span_of(&m->bytes), &s));
    m->x = espy_floats(cx, m->n * r->dim);
    if (!m->x)
        ESPY_GO(cx->code);
    e = espy_encoder_embed(cx, r->encoder, &s, m->x);
    if (e != ESPY_E_OK) {
        espy_free(cx, m->x);
        m->x = NULL;
    }
out:
    espy_samples_free(cx, &s);
    return e;
}

static espy_err embed_one(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    embed_run *r = self;
    embed_media *m = &r->media[item];
    (void)worker;
    if (m->error)
        return ESPY_E_OK;
    espy_err e = embed_vectors(cx, r, m);
    return e == ESPY_E_OK || e == ESPY_E_UNSUPPORTED ? e : embed_excuse(cx, e, m);
}

static espy_err embed_file(espy_ctx *cx, const embed_run *r, size_t n, espy_embedded *out)
{
    const char *digest = espy_encoder_digest(r->encoder);
    espy_store *st = r->ws->store;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    for (size_t i = 0; i < n; i++) {
        const embed_media *m = &r->media[i];
        if (m->error)
            espy_log(cx, ESPY_LOG_WARN, "media %s: %s", m->at[0].digest, m->error);
        for (size_t k = 0; m->x && k < m->n; k++) {
            e = espy_store_embed(cx, st, m->at[k].sample, digest, m->x + k * r->dim, r->dim);
            if (e == ESPY_E_NOT_FOUND) { /* erased meanwhile */
                espy_clear(cx);
                continue;
            }
            ESPY_GO(e);
            out->samples++;
        }
        out->errors += m->x ? 0 : m->n;
    }
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* The next media of the list, at most a batch of them; *used: how many samples they have. */
static espy_err embed_batch(espy_ctx *cx, embed_run *r, const espy_bare_sample *at, size_t n,
                            size_t *used, espy_embedded *out)
{
    size_t media = 0, i = 0;
    espy_err e = ESPY_E_OK;
    while (i < n && media < EMBED_BATCH) {
        embed_media *m = &r->media[media++];
        *m = (embed_media){.at = &at[i]};
        while (i < n && strcmp(at[i].digest, m->at[0].digest) == 0) {
            m->n++;
            i++;
        }
        e = espy_store_media_bytes(cx, r->ws->store, m->at[0].digest, cx->max.file_bytes,
                                   &m->bytes);
        if (e != ESPY_E_OK)
            ESPY_GO(embed_excuse(cx, e, m));
    }
    ESPY_GO(espy_parallel(cx, media, embed_one, r));
    ESPY_GO(embed_file(cx, r, media, out));
    *used = i;
out:
    for (size_t k = 0; k < media; k++)
        embed_media_free(cx, &r->media[k]);
    return e;
}

espy_err espy_flow_embed(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_encoder *encoder, const char *session,
                         const espy_progress *progress, espy_embedded *out)
{
    embed_run r = {.ws = ws, .encoder = encoder, .dim = espy_encoder_dim(encoder)};
    espy_bare_sample *at = NULL;
    size_t n = 0;
    int64_t id = 0;
    espy_err e = ESPY_E_OK;
    *out = (espy_embedded){0};
    if (strcmp(espy_encoder_modality(encoder)->name, c->modality) != 0)
        return espy_fail(cx, ESPY_E_ARG, "collection \"%s\" is of %ss; encoder %s is for %ss",
                         c->name, c->modality, espy_encoder_pack(encoder)->name,
                         espy_encoder_modality(encoder)->name);
    if (session)
        ESPY_TRY(espy_store_session_find(cx, ws->store, c->id, session, &id));
    ESPY_TRY(
        espy_store_bare_samples(cx, ws->store, c->id, id, espy_encoder_digest(encoder), &at, &n));
    for (size_t done = 0, used = 0; done < n; done += used) {
        ESPY_GO(embed_batch(cx, &r, at + done, n - done, &used, out));
        espy_progress_step(progress, "embedding", done + used, n);
    }
out:
    espy_free(cx, at);
    return e;
}

espy_err espy_flow_embed_found(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const espy_encoder *encoder, const espy_progress *progress)
{
    espy_embedded done;
    if (espy_encoder_modality(encoder)->hears)
        return ESPY_E_OK;
    return espy_flow_embed(cx, ws, c, encoder, NULL, progress, &done);
}

/* -- the described names ----------------------------------------------------------------------- */
static espy_err model_try(espy_ctx *cx, const espy_workspace *ws, const char *pack, size_t dim,
                          bool *good)
{
    espy_pack *p = NULL;
    *good = false;
    espy_err e = espy_pack_open(cx, pack, ws->dir, &p);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    *good = p->dim == dim && strcmp(p->modality, "face") == 0;
    for (size_t i = 0; i < p->n_files && *good; i++)
        *good = p->files[i].path != NULL;
    espy_pack_destroy(cx, &p);
    return ESPY_E_OK;
}

espy_err espy_flow_model(espy_ctx *cx, const espy_workspace *ws, const char *name, char **pack)
{
    static const char *const small[] = {"face-api", NULL};
    static const char *const large[] = {"arcface-r50", "arcface-mbf", "facenet", "edgeface", NULL};
    const bool arcface = strcmp(name, "arcface") == 0;
    const size_t dim = arcface ? 512 : 128;
    const char *const *order = arcface ? large : small;
    const char *only[2] = {NULL, NULL}, *set = NULL;
    bool good = false;
    if (!arcface && strcmp(name, "facenet") != 0)
        return espy_fail(cx, ESPY_E_ARG, "there is no model \"%.40s\": say facenet or arcface",
                         name);
    set = espy_workspace_setting(ws, name);
    if (set) {
        ESPY_TRY(model_try(cx, ws, set, dim, &good));
        if (!good)
            return espy_fail(
                cx, ESPY_E_DATA,
                "espy.conf: %s = %s is no installed pack of faces with %zu values; see "
                "espy models list",
                name, set, dim);
        only[0] = set;
        order = only;
    }
    for (size_t i = 0; order[i] && !good; i++) {
        ESPY_TRY(model_try(cx, ws, order[i], dim, &good));
        set = order[i];
    }
    if (!good)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "no pack of %zu values is installed; get one with: espy models fetch %s",
                         dim, order[0]);
    *pack = espy_strdup(cx, set);
    return *pack ? ESPY_E_OK : cx->code;
}
