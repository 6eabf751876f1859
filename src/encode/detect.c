/* SPDX-License-Identifier: Apache-2.0
 * encode - what face detectors share: the registry, fitting a picture into a network's input,
 * suppression of overlapping boxes, the second look. */
#include "encode/detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/dsp.h"

/* Border of the second look, DESIGN 4.2: the face then fills at most 3/5 of the input. */
#define DETECT_BORDER (1.0f / 3.0f)

/* A network is compiled (and tuned) once per input shape.  Of 640 pixels, multiples of 96 hold 4:3
 * and 16:9 exactly and 3:2 nearly, with few shapes in all. */
#define DETECT_STEP 96

extern const espy_detector_ops espy_detector_scrfd, espy_detector_mtcnn, espy_detector_yunet,
    espy_detector_ssd, espy_detector_tiny, espy_detector_rfb;

const espy_detector_ops *const espy_detectors[] = {
    &espy_detector_scrfd,
    &espy_detector_mtcnn,
    &espy_detector_yunet,
    &espy_detector_ssd,
    &espy_detector_tiny,
    &espy_detector_rfb,
    NULL,
};

static bool detect_finite(const espy_face *f)
{
    float sum = f->score;
    for (int i = 0; i < 4; i++)
        sum += f->box[i];
    for (int i = 0; i < 5 && f->has_points; i++)
        sum += f->points[i][0] + f->points[i][1];
    return isfinite(sum) && f->box[2] > f->box[0] && f->box[3] > f->box[1];
}

espy_err espy_faces_add(espy_ctx *cx, espy_faces *f, const espy_face *face)
{
    if (!detect_finite(face) || f->n >= ESPY_FACES_MAX)
        return ESPY_E_OK;
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 64;
        espy_face *at = espy_resize(cx, f->at, room, sizeof *at);
        if (!at)
            return cx->code;
        f->at = at;
        f->room = room;
    }
    f->at[f->n++] = *face;
    return ESPY_E_OK;
}

void espy_faces_free(espy_ctx *cx, espy_faces *f)
{
    espy_free(cx, f->at);
    *f = (espy_faces){0};
}

static int detect_compare(const void *pa, const void *pb)
{
    const espy_face *a = pa, *b = pb;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    for (int i = 0; i < 4; i++)
        if (a->box[i] != b->box[i])
            return a->box[i] < b->box[i] ? -1 : 1;
    return 0;
}

void espy_faces_sort(espy_faces *f)
{
    if (f->n > 1)
        qsort(f->at, f->n, sizeof *f->at, detect_compare);
}

static float detect_overlap(const espy_face *a, const espy_face *b, espy_overlap kind, float pixel)
{
    float w = fminf(a->box[2], b->box[2]) - fmaxf(a->box[0], b->box[0]) + pixel;
    float h = fminf(a->box[3], b->box[3]) - fmaxf(a->box[1], b->box[1]) + pixel;
    if (w <= 0.0f || h <= 0.0f)
        return 0.0f;
    float area_a = (a->box[2] - a->box[0] + pixel) * (a->box[3] - a->box[1] + pixel);
    float area_b = (b->box[2] - b->box[0] + pixel) * (b->box[3] - b->box[1] + pixel);
    float both = w * h;
    return both / (kind == ESPY_OVERLAP_LEAST ? fminf(area_a, area_b) : area_a + area_b - both);
}

void espy_faces_suppress(espy_faces *f, float limit, espy_overlap kind, float pixel)
{
    espy_faces_sort(f);
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool keep = true;
        for (size_t j = 0; j < kept && keep; j++)
            keep = detect_overlap(&f->at[j], &f->at[i], kind, pixel) <= limit;
        if (keep)
            f->at[kept++] = f->at[i];
    }
    f->n = kept;
}

static espy_err detect_kind(espy_ctx *cx, const espy_json *fit, espy_fit_kind *out)
{
    static const char *const words[] = {"letterbox", "stretch", "sample"};
    const char *word = espy_json_string(fit, fit ? "" : words[0]);
    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (espy_fit_kind)i;
            return ESPY_E_OK;
        }
    return espy_fail(cx, ESPY_E_FORMAT,
                     "\"detector.fit\" must be \"letterbox\", \"stretch\" or \"sample\"");
}

espy_err espy_detector_settings_read(espy_ctx *cx, const espy_json *block,
                                     espy_detector_settings *out)
{
    static const char *const keys[] = {"type",      "input", "mean", "std",  "order", "layout",
                                       "min_score", "nms",   "fit",  "step", NULL};
    double min_score, overlap, step;
    *out = (espy_detector_settings){0};
    ESPY_TRY(espy_json_only(cx, block, "detector", keys));
    ESPY_TRY(espy_prep_read(cx, block, "detector", &out->prep));
    if (out->prep.nhwc)
        return espy_fail(cx, ESPY_E_UNSUPPORTED, "\"detector.layout\" must be \"nchw\"");
    ESPY_TRY(espy_json_may_number(cx, block, "min_score", 0.01, 1.0, 0.5, &min_score));
    ESPY_TRY(espy_json_may_number(cx, block, "nms", 0.0, 1.0, 0.4, &overlap));
    ESPY_TRY(espy_json_may_number(cx, block, "step", 32, ESPY_PREP_SIDE, DETECT_STEP, &step));
    ESPY_TRY(detect_kind(cx, espy_json_get(block, "fit"), &out->kind));
    if (fmod(step, 32.0) != 0.0)
        return espy_fail(cx, ESPY_E_FORMAT, "\"detector.step\" must be a multiple of 32");
    out->min_score = (float)min_score;
    out->overlap = (float)overlap;
    out->step = (int)step;
    return ESPY_E_OK;
}

/* The smallest multiple of step that holds n pixels, at most the setting's own side. */
static int detect_round_up(int n, int step, int most)
{
    int up = (n + step - 1) / step * step;
    return up < most ? up : most;
}

static espy_err detect_scaled(espy_ctx *cx, const espy_image *im, int w, int h, espy_image *out)
{
    /* Bilinear sampling skips pixels once it shrinks by more than 2: average instead. */
    if (im->width > 2 * w || im->height > 2 * h)
        return espy_image_shrink(cx, im, w, h, out);
    return espy_image_resize(cx, im, w, h, out);
}

espy_err espy_fit_input(espy_ctx *cx, const espy_detector_settings *settings, const espy_net *net,
                        const espy_image *im, float border, espy_tensor *in, espy_fit *fit)
{
    espy_err e;
    espy_image scaled = {0}, canvas = {0};
    float *data = NULL;
    const espy_prep *prep = &settings->prep;
    const espy_net_port *port = net ? espy_net_input(net, 0) : NULL;
    /* sizes follow from the full picture, whatever scale it was decoded at */
    const double full[2] = {im->full_width > 0 ? im->full_width : im->width,
                            im->full_height > 0 ? im->full_height : im->height};
    const double whole = 1.0 + 2.0 * (double)border; /* picture with border, in pictures */
    double sx = prep->width / (full[0] * whole), sy = prep->height / (full[1] * whole);
    if (settings->kind != ESPY_FIT_STRETCH)
        sx = sy = fmin(sx, sy);
    /* the small term keeps e.g. 640 * (w / w) from becoming 639; face-api rounds, others cut */
    const double up = settings->kind == ESPY_FIT_SAMPLE ? 0.5 : 1e-6;
    int w = (int)(full[0] * sx + up), h = (int)(full[1] * sy + up);
    const int left = (int)((double)border * full[0] * sx),
              top = (int)((double)border * full[1] * sy);
    w = w > 0 ? w : 1;
    h = h > 0 ? h : 1;
    *fit = (espy_fit){{(float)im->width / (float)w, (float)im->height / (float)h},
                      {(float)left, (float)top},
                      prep->width,
                      prep->height};
    if (settings->scale_by_height)
        fit->scale[0] = (float)(full[1] / h * im->width / full[0]);
    if (port && port->rank == 4 && port->dims[2] < 0 && port->dims[3] < 0 &&
        settings->kind != ESPY_FIT_STRETCH) {
        fit->width =
            detect_round_up((int)ceil(full[0] * whole * sx - 1e-6), settings->step, prep->width);
        fit->height =
            detect_round_up((int)ceil(full[1] * whole * sy - 1e-6), settings->step, prep->height);
    }
    if (settings->kind == ESPY_FIT_SAMPLE) {
        const double m[6] = {sx * full[0] / im->width, 0, left, 0, sy * full[1] / im->height, top};
        ESPY_GO(espy_image_warp(cx, im, m, fit->width, fit->height, &canvas));
    } else {
        ESPY_GO(detect_scaled(cx, im, w, h, &scaled));
        ESPY_GO(espy_image_create(cx, fit->width, fit->height, &canvas));
        espy_draw_image(&canvas, &scaled, left, top);
    }
    data = espy_floats(cx, 3 * (size_t)fit->width * (size_t)fit->height);
    if (!data) {
        e = cx->code;
        goto out;
    }
    espy_prep_fill(prep, &canvas, data);
    *in = (espy_tensor){data, 4, {1, 3, fit->height, fit->width}};
    data = NULL;
    e = ESPY_E_OK;
out:
    espy_image_free(cx, &scaled);
    espy_image_free(cx, &canvas);
    espy_free(cx, data);
    return e;
}

void espy_fit_back(const espy_fit *fit, espy_faces *f, size_t from)
{
    for (size_t i = from; i < f->n; i++) {
        espy_face *a = &f->at[i];
        for (int k = 0; k < 4; k++)
            a->box[k] = (a->box[k] - fit->offset[k % 2]) * fit->scale[k % 2];
        for (int k = 0; k < 5; k++)
            for (int c = 0; c < 2; c++)
                a->points[k][c] = (a->points[k][c] - fit->offset[c]) * fit->scale[c];
    }
}

espy_err espy_pack_net(espy_ctx *cx, const espy_pack *pack, const char *role,
                       const espy_net_options *options, espy_net **out)
{
    espy_buf b;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_TRY(espy_pack_read(cx, pack, role, &b));
    espy_err e = espy_net_load(cx, espy_span_of(&b), options, out);
    espy_buf_free(cx, &b);
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "pack %s, %s", pack->name, role);
}

espy_err espy_detector_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_detector *out)
{
    const espy_json *block = espy_json_get(pack->json, "detector");
    const char *type = espy_json_string(espy_json_get(block, "type"), "");
    size_t i = 0;
    while (espy_detectors[i] && strcmp(espy_detectors[i]->name, type) != 0)
        i++;
    if (!espy_detectors[i])
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "pack %s: \"detector.type\" \"%.40s\" is not one of scrfd, mtcnn, yunet, ssd, "
            "tiny, rfb",
            pack->name, type);
    espy_detector d = {.ops = espy_detectors[i]};
    const espy_json *size = espy_json_get(block, "input");
    int64_t w = espy_json_int(espy_json_at(size, 0), 0),
            h = espy_json_int(espy_json_at(size, 1), 0);
    d.side = (int)(w > h ? w : h);
    if (d.ops->dense_pyramid)
        d.side = (int)espy_json_int(espy_json_get(block, "max_side"), 1280);
    d.min_score = (float)espy_json_number(espy_json_get(block, "min_score"), 0.5);
    espy_err e = d.ops->open(cx, pack, block, options, &d.self);
    if (e != ESPY_E_OK)
        return espy_fail_in(cx, "pack %s", pack->name);
    *out = d;
    return ESPY_E_OK;
}

void espy_detector_close(espy_ctx *cx, espy_detector *d)
{
    if (d->ops)
        d->ops->close(cx, d->self);
    *d = (espy_detector){0};
}

espy_err espy_detector_find(espy_ctx *cx, const espy_detector *d, const espy_image *im,
                            espy_faces *out)
{
    ESPY_TRY(d->ops->detect(cx, d->self, im, 0.0f, d->min_score, out));
    if (out->n == 0)
        ESPY_TRY(d->ops->detect(cx, d->self, im, DETECT_BORDER, d->min_score, out));
    espy_faces_sort(out);
    return ESPY_E_OK;
}
