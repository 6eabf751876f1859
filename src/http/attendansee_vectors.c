/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: which encoder is meant, and embedding face crops with it. */
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "flow/embed.h"
#include "http/attendansee.h"
#include "http/serving.h"
#include "store/group.h"

/* -- the encoder ------------------------------------------------------------------------------- */
espy_err espy_see_encoder(espy_call *call, const espy_collection *c, const char *field,
                          const espy_encoder **encoder, const char **model)
{
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    const char *asked = espy_call_text(call, field);
    char *pack = NULL;
    espy_err e = espy_flow_model(cx, call->ws, asked ? asked : "facenet", &pack);
    if (e == ESPY_E_NOT_FOUND && !asked) {
        espy_clear(cx);
        ESPY_TRY(espy_models_encoder(cx, models, call->ws, c, encoder));
    } else {
        if (e == ESPY_E_NOT_FOUND || e == ESPY_E_DATA)
            call->refused = 400;
        ESPY_TRY(e);
        if (strcmp(pack, c->encoder) == 0)
            e = espy_models_encoder(cx, models, call->ws, c, encoder);
        else
            e = espy_models_pack(cx, models, call->ws, pack, encoder);
        espy_free(cx, pack);
        ESPY_TRY(e);
    }
    *model = espy_see_model(espy_encoder_dim(*encoder), espy_encoder_pack(*encoder)->name);
    return ESPY_E_OK;
}

espy_err espy_see_through(espy_call *call, const espy_encoder *encoder, espy_collection *c)
{
    espy_ctx *cx = call->cx;
    char *name = espy_strdup(cx, espy_encoder_pack(encoder)->name);
    char *digest = espy_strdup(cx, espy_encoder_digest(encoder));
    char *precision = espy_strdup(cx, espy_encoder_precision_name(encoder));
    if (!name || !digest || !precision) {
        espy_free(cx, name);
        espy_free(cx, digest);
        espy_free(cx, precision);
        return cx->code;
    }
    espy_free(cx, c->encoder);
    espy_free(cx, c->encoder_digest);
    espy_free(cx, c->precision);
    c->encoder = name;
    c->encoder_digest = digest;
    c->precision = precision;
    return ESPY_E_OK;
}

/* -- embedding --------------------------------------------------------------------------------- */
typedef struct vectors_item {
    const espy_sample_info *sample;
    size_t at; /* its place in what was asked for */
} vectors_item;

static int vectors_order(const void *a, const void *b)
{
    const vectors_item *x = a, *y = b;
    int by = strcmp(x->sample->digest, y->sample->digest);
    return by ? by : (x->at > y->at) - (x->at < y->at);
}

/* Cuts the samples out of their photo and embeds them: x has n x dim numbers. */
static espy_err vectors_of(espy_call *call, const espy_encoder *encoder, const vectors_item *items,
                           size_t n, float *x)
{
    espy_ctx *cx = call->cx;
    espy_samples s = {.at = espy_array(cx, n, sizeof *s.at), .n = n};
    espy_buf bytes;
    espy_err e = s.at ? ESPY_E_OK : cx->code;
    espy_buf_init(&bytes, 0);
    ESPY_GO(e);
    for (size_t i = 0; i < n; i++) {
        const espy_sample_info *from = items[i].sample;
        memcpy(s.at[i].box, from->box, sizeof from->box);
        memcpy(s.at[i].points, from->points, sizeof from->points);
        s.at[i].has_points = from->has_points;
        s.at[i].whole = from->whole;
        s.at[i].score = from->score;
    }
    ESPY_GO(espy_store_media_bytes(cx, call->ws->store, items[0].sample->digest, cx->max.file_bytes,
                                   &bytes));
    ESPY_GO(espy_encoder_cut(cx, encoder, espy_span_of(&bytes), &s));
    e = espy_encoder_embed(cx, encoder, &s, x);
out:
    espy_buf_free(cx, &bytes);
    if (s.at)
        espy_samples_free(cx, &s);
    return e;
}

/* Failures of reading and embedding that are the photo's own; what the store refuses to keep is
 * none, such as with a full disk. */
static bool vectors_excused(espy_err e)
{
    return e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_IO || e == ESPY_E_NOT_FOUND ||
           e == ESPY_E_DIGEST || e == ESPY_E_DATA;
}

/* The samples of one photo that need a vector. */
static espy_err vectors_photo(espy_call *call, const espy_encoder *encoder,
                              const vectors_item *items, size_t n, const char **said)
{
    espy_ctx *cx = call->cx;
    const size_t dim = espy_encoder_dim(encoder);
    float *x = espy_floats(cx, n * dim);
    espy_err e = x ? vectors_of(call, encoder, items, n, x) : cx->code;
    const bool excused = vectors_excused(e);
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
        e = espy_store_embed(cx, call->ws->store, items[i].sample->id, espy_encoder_digest(encoder),
                             x + i * dim, dim);
        said[items[i].at] = "success";
    }
    espy_free(cx, x);
    if (!excused && e != ESPY_E_NOT_FOUND) /* one that was removed meanwhile */
        return e;
    espy_log(cx, ESPY_LOG_WARN, "media %s: %s", items[0].sample->digest, cx->text);
    espy_clear(cx);
    for (size_t i = 0; i < n; i++)
        said[items[i].at] = NULL;
    return ESPY_E_OK;
}

static espy_err vectors_has(espy_call *call, const espy_encoder *encoder, int64_t sample, bool *has)
{
    float *x = NULL;
    size_t dim;
    espy_err e = espy_store_sample_vector(call->cx, call->ws->store, sample,
                                          espy_encoder_digest(encoder), &x, &dim);
    *has = e == ESPY_E_OK;
    espy_free(call->cx, x);
    return e == ESPY_E_NOT_FOUND ? ESPY_E_OK : e;
}

espy_err espy_see_embed(espy_call *call, const espy_encoder *encoder,
                        const espy_sample_info *samples, size_t n, bool again, const char **said)
{
    espy_ctx *cx = call->cx;
    vectors_item *items = espy_array(cx, n, sizeof *items);
    size_t count = 0, end;
    espy_err e = items ? ESPY_E_OK : cx->code;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
        bool has = false;
        if (!again)
            e = vectors_has(call, encoder, samples[i].id, &has);
        if (has)
            said[i] = "skipped";
        else
            items[count++] = (vectors_item){&samples[i], i};
    }
    ESPY_GO(e);
    if (count)
        qsort(items, count, sizeof *items, vectors_order);
    for (size_t i = 0; i < count; i = end) {
        end = i + 1;
        while (end < count && strcmp(items[end].sample->digest, items[i].sample->digest) == 0)
            end++;
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(vectors_photo(call, encoder, items + i, end - i, said));
    }
out:
    espy_free(cx, items);
    return e;
}
