/* SPDX-License-Identifier: Apache-2.0
 * flow - erasing a person for good. */
#include "flow/erase.h"

#include <math.h>
#include <string.h>

#include "flow/renew.h"
#include "media/media.h"
#include "media/sound.h"
#include "store/erase.h"

#define ERASE_MARGIN 0.3f /* of a face's box is blanked around it: hair, ears, chin */
#define ERASE_QUALITY 95  /* of the JPEG that a blanked photo becomes */

/* -- blanking ---------------------------------------------------------------------------------- */
static void erase_fill(espy_image *im, const float box[4])
{
    float scale = (float)im->width / (float)im->full_width;
    float mx = ERASE_MARGIN * box[2], my = ERASE_MARGIN * box[3];
    int x0 = (int)floorf((box[0] - mx) * scale), x1 = (int)ceilf((box[0] + box[2] + mx) * scale);
    int y0 = (int)floorf((box[1] - my) * scale), y1 = (int)ceilf((box[1] + box[3] + my) * scale);
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 > im->width ? im->width : x1;
    y1 = y1 > im->height ? im->height : y1;
    for (int y = y0; y < y1; y++)
        if (x1 > x0)
            memset(im->px + ((size_t)y * (size_t)im->width + (size_t)x0) * 3, 128,
                   (size_t)(x1 - x0) * 3);
}

/* A photo as it was but for grey faces; nothing of the old file is kept (EXIF, thumbnails). */
static espy_err erase_blank_photo(espy_ctx *cx, espy_span media, const float (*boxes)[4], size_t n,
                                  espy_buf *out)
{
    espy_image_info info;
    espy_image im = {0};
    ESPY_TRY(espy_image_probe(cx, media, &info));
    ESPY_TRY(espy_image_decode(cx, media, 0, &im));
    for (size_t i = 0; i < n; i++)
        erase_fill(&im, boxes[i]);
    espy_err e = strcmp(info.format, "png") == 0 ? espy_image_to_png(cx, &im, out)
                                                 : espy_image_to_jpeg(cx, &im, ERASE_QUALITY, out);
    espy_image_free(cx, &im);
    return e;
}

/* All values of a recording. */
static espy_err erase_hear(espy_ctx *cx, espy_span media, float **x, size_t *n, int *rate)
{
    enum { PIECE = 1 << 16 };
    espy_sound_file *f = NULL;
    float *all = NULL;
    size_t count = 0, got = PIECE;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_sound_open_memory(cx, media, &f));
    while (got == PIECE) {
        float *more = espy_resize(cx, all, count + PIECE, sizeof *all);
        if (!more)
            ESPY_GO(cx->code);
        all = more;
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(espy_sound_read(cx, f, all + count, PIECE, &got));
        count += got;
    }
    *rate = espy_sound_info_of(f)->rate;
    *x = all;
    *n = count;
    all = NULL;
out:
    espy_free(cx, all);
    espy_sound_close(cx, &f);
    return e;
}

/* A recording with silent stretches: x of a box is its start and width its length, in seconds. */
static espy_err erase_silence(espy_ctx *cx, espy_span media, const float (*boxes)[4], size_t n,
                              espy_buf *out)
{
    float *x = NULL;
    size_t count = 0;
    int rate = 0;
    ESPY_TRY(erase_hear(cx, media, &x, &count, &rate));
    for (size_t i = 0; i < n; i++) {
        double from = floor((double)boxes[i][0] * rate);
        double to = ceil(((double)boxes[i][0] + (double)boxes[i][2]) * rate);
        for (size_t k = from < 0 ? 0 : (size_t)from; k < count && (double)k < to; k++)
            x[k] = 0;
    }
    espy_buf_init(out, (size_t)4 << 30);
    espy_err e = espy_sound_to_wav(cx, x, count, rate, out);
    espy_free(cx, x);
    return e;
}

static espy_err erase_blank(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4],
                            size_t n, espy_buf *out)
{
    const espy_modality *modality = self;
    return modality->hears ? erase_silence(cx, media, boxes, n, out)
                           : erase_blank_photo(cx, media, boxes, n, out);
}

/* -- learning anew ----------------------------------------------------------------------------- */
/* A collection and what answered in it before. */
typedef struct erase_live {
    int64_t number;
    char *head;
    uint64_t seed;
    double threshold; /* < 0: it was not given but found */
} erase_live;

static espy_err erase_live_note(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                                erase_live *out)
{
    espy_version v = {0};
    *out = (erase_live){.threshold = -1};
    ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "live", &out->number));
    if (!out->number)
        return ESPY_E_OK;
    espy_err e = espy_store_version(cx, ws->store, c->id, out->number, &v);
    if (e == ESPY_E_DIGEST || e == ESPY_E_FORMAT) { /* damaged: it cannot tell, and goes as well */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    out->head = v.head;
    v.head = NULL;
    out->seed = (uint64_t)espy_json_int(espy_json_get(v.json, "seed"), 0);
    if (strcmp(espy_json_string(espy_json_get(v.json, "threshold_rule"), ""), "fixed") == 0)
        out->threshold = espy_json_number(espy_json_get(v.json, "threshold"), -1);
    espy_version_free(cx, &v);
    return ESPY_E_OK;
}

static espy_err erase_floor(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                            double *floor)
{
    espy_pack *pack = NULL;
    espy_err e = espy_pack_open(cx, c->encoder, ws->dir, &pack);
    *floor = 0;
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    *floor = (double)pack->floor;
    espy_pack_destroy(cx, &pack);
    return ESPY_E_OK;
}

/* Trains as the version that is gone was trained.  *version 0: too little is left. */
static espy_err erase_relearn(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const erase_live *was, int64_t *version)
{
    const espy_modality *m = espy_modality_find(c->modality);
    espy_renewal r = {0};
    espy_fit_options fit = {.head = was->head,
                            .settings = {.balanced = true, .scale = true, .seed = was->seed},
                            .test_share = 0.2,
                            .rule =
                                was->threshold >= 0 ? ESPY_THRESHOLD_FIXED : ESPY_THRESHOLD_FOLDS,
                            .percent = 99,
                            .threshold = fmax(was->threshold, 0),
                            .usual = m->head,
                            .floor_loss = m->floor_loss};
    *version = 0;
    ESPY_TRY(erase_floor(cx, ws, c, &fit.floor));
    const espy_renew_options options = {.fit = &fit, .reason = "erase"};
    espy_err e = espy_flow_renew(cx, ws, c, &options, &r);
    if (e == ESPY_E_DATA) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    *version = r.version;
    espy_renewal_free(cx, &r);
    return ESPY_E_OK;
}

/* Appends {"collection", "version"} for a collection that had an answer and has none now. */
static espy_err erase_restore(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const erase_live *was, espy_json *list)
{
    int64_t now = 0, version = 0;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "live", &now));
    if (!was->number || now)
        return ESPY_E_OK;
    ESPY_TRY(erase_relearn(cx, ws, c, was, &version));
    o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "collection", espy_json_of_string(c->name)));
    ESPY_GO(espy_json_set(cx, o, "version",
                          version ? espy_json_of_int(version) : espy_json_null_value()));
    ESPY_GO(espy_json_append(cx, list, espy_json_ref(o)));
out:
    espy_json_free(o);
    return e;
}

espy_err espy_flow_erase(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t label,
                         espy_json **receipt)
{
    espy_collection *all = NULL;
    espy_json *made = NULL, *list = espy_json_array();
    erase_live *was = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_collections(cx, ws->store, &all, &n));
    was = espy_array(cx, n, sizeof *was);
    if (!was)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < n; i++)
        ESPY_GO(erase_live_note(cx, ws, &all[i], &was[i]));
    ESPY_GO(espy_store_erase(cx, ws->store, c->id, label, erase_blank,
                             (void *)(uintptr_t)espy_modality_find(c->modality), &made));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(erase_restore(cx, ws, &all[i], &was[i], list));
    ESPY_GO(espy_json_set(cx, made, "retrained", espy_json_ref(list)));
    *receipt = made;
    made = NULL;
out:
    for (size_t i = 0; i < n; i++) {
        if (was)
            espy_free(cx, was[i].head);
        espy_collection_free(cx, &all[i]);
    }
    espy_free(cx, was);
    espy_free(cx, all);
    espy_json_free(list);
    espy_json_free(made);
    return e;
}
