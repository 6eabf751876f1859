/* SPDX-License-Identifier: Apache-2.0
 * encode - YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023) in its two
 * published forms.
 *
 * 2021: loc [n, 14], conf [n, 2], iou [n, 1] over prior boxes of several sizes per cell, SSD coding
 * with variances 0.1 (centre, width, points) and 0.2 (height).
 * 2023: for strides 8, 16, 32 cls, obj (probabilities), bbox (centre in cells, log size) and kps,
 * one row per cell, anchor-free. */
#include <math.h>
#include <string.h>

#include "encode/detect.h"

typedef struct yunet {
    espy_net *net;
    espy_detector_settings set;
} yunet;

enum { YUNET_PRIOR_OUTPUTS = 3, YUNET_GRID_OUTPUTS = 12, YUNET_LEVELS = 4, YUNET_SIZES = 3 };

/* Prior sizes in input pixels per level, 0 ends a row; level l has stride 8 << l. */
static const float yunet_prior[YUNET_LEVELS][YUNET_SIZES] = {
    {10.0f, 16.0f, 24.0f}, {32.0f, 48.0f, 0.0f}, {64.0f, 96.0f, 0.0f}, {128.0f, 192.0f, 256.0f}};

static float yunet_score(float a, float b)
{
    a = a < 0.0f ? 0.0f : a > 1.0f ? 1.0f : a;
    b = b < 0.0f ? 0.0f : b > 1.0f ? 1.0f : b;
    return sqrtf(a * b);
}

static espy_err yunet_misfit(espy_ctx *cx)
{
    return espy_fail(
        cx, ESPY_E_FORMAT,
        "the detector's outputs are not those of YuNet (2021: loc, conf, iou; 2023: cls, "
        "obj, bbox, kps for strides 8, 16, 32); choose the \"detector.type\" that fits");
}

static const espy_tensor *yunet_columns(const espy_tensor *out, size_t n, int64_t columns)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].rank && out[i].dims[out[i].rank - 1] == columns)
            return &out[i];
    return NULL;
}

espy_err espy_yunet_decode_priors(espy_ctx *cx, const espy_tensor *out, size_t n, int width,
                                  int height, float min_score, espy_faces *faces)
{
    const espy_tensor *loc = yunet_columns(out, n, 14), *conf = yunet_columns(out, n, 2);
    const espy_tensor *iou = yunet_columns(out, n, 1);
    const size_t rows = iou ? espy_tensor_count(iou) : 0;
    if (!loc || !conf || espy_tensor_count(loc) != 14 * rows || espy_tensor_count(conf) != 2 * rows)
        return yunet_misfit(cx);
    /* the first convolution pair rounds up, the poolings after it round down */
    int w = (width + 1) / 2 / 2, h = (height + 1) / 2 / 2;
    size_t row = 0;
    for (int level = 0; level < YUNET_LEVELS; level++) {
        const float stride = (float)(8 << level);
        w /= 2;
        h /= 2;
        for (int cell = 0; cell < w * h; cell++) {
            for (int k = 0; k < YUNET_SIZES && yunet_prior[level][k] > 0.0f; k++, row++) {
                if (row >= rows)
                    return yunet_misfit(cx);
                const float *l = loc->data + 14 * row, size = yunet_prior[level][k];
                float score = yunet_score(conf->data[2 * row + 1], iou->data[row]);
                if (!(score >= min_score))
                    continue;
                const float x = ((float)(cell % w) + 0.5f) * stride,
                            y = ((float)(cell / w) + 0.5f) * stride;
                const float cx_ = x + 0.1f * l[0] * size, cy = y + 0.1f * l[1] * size;
                const float bw = size * expf(0.1f * l[2]), bh = size * expf(0.2f * l[3]);
                espy_face f = {.box = {cx_ - bw / 2, cy - bh / 2, cx_ + bw / 2, cy + bh / 2},
                               .score = score,
                               .has_points = true};
                for (int p = 0; p < 5; p++) {
                    f.points[p][0] = x + 0.1f * l[4 + 2 * p] * size;
                    f.points[p][1] = y + 0.1f * l[5 + 2 * p] * size;
                }
                ESPY_TRY(espy_faces_add(cx, faces, &f));
            }
        }
    }
    return row == rows ? ESPY_E_OK : yunet_misfit(cx);
}

/* Outputs in the published order: cls x 3, obj x 3, bbox x 3, kps x 3, strides rising. */
espy_err espy_yunet_decode_grid(espy_ctx *cx, const espy_tensor *out, size_t n, int width,
                                int height, float min_score, espy_faces *faces)
{
    if (n != YUNET_GRID_OUTPUTS)
        return yunet_misfit(cx);
    for (size_t level = 0; level < 3; level++) {
        const espy_tensor *cls = &out[level], *obj = &out[3 + level], *box = &out[6 + level],
                          *kps = &out[9 + level];
        const int stride = 8 << level;
        const size_t columns = (size_t)(width / stride), rows = columns * (size_t)(height / stride);
        if (rows == 0 || espy_tensor_count(cls) != rows || espy_tensor_count(obj) != rows ||
            espy_tensor_count(box) != 4 * rows || espy_tensor_count(kps) != 10 * rows)
            return yunet_misfit(cx);
        for (size_t i = 0; i < rows; i++) {
            float score = yunet_score(cls->data[i], obj->data[i]);
            if (!(score >= min_score))
                continue;
            const float s = (float)stride, column = (float)(i % columns),
                        line = (float)(i / columns);
            const float *b = box->data + 4 * i, *k = kps->data + 10 * i;
            const float x = (column + b[0]) * s, y = (line + b[1]) * s;
            const float w = expf(b[2]) * s, h = expf(b[3]) * s;
            espy_face f = {.box = {x - w / 2, y - h / 2, x + w / 2, y + h / 2},
                           .score = score,
                           .has_points = true};
            for (int p = 0; p < 5; p++) {
                f.points[p][0] = (column + k[2 * p]) * s;
                f.points[p][1] = (line + k[2 * p + 1]) * s;
            }
            ESPY_TRY(espy_faces_add(cx, faces, &f));
        }
    }
    return ESPY_E_OK;
}

static void yunet_close(espy_ctx *cx, void *self)
{
    yunet *s = self;
    if (s)
        espy_net_destroy(cx, &s->net);
    espy_free(cx, s);
}

static espy_err yunet_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                           const espy_net_options *options, void **self)
{
    espy_err e;
    yunet *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    ESPY_GO(espy_detector_settings_read(cx, block, &s->set));
    ESPY_GO(espy_pack_net(cx, pack, "detector", options, &s->net));
    size_t n = espy_net_output_count(s->net);
    if (n != YUNET_PRIOR_OUTPUTS && n != YUNET_GRID_OUTPUTS)
        ESPY_GO(yunet_misfit(cx));
    *self = s;
    s = NULL;
out:
    yunet_close(cx, s);
    return e;
}

/* The 2023 outputs by name where the file has the published names: some exporters reorder them. */
static void yunet_order(const espy_net *net, espy_tensor *out)
{
    static const char *const names[YUNET_GRID_OUTPUTS] = {"cls_8",   "cls_16", "cls_32", "obj_8",
                                                          "obj_16",  "obj_32", "bbox_8", "bbox_16",
                                                          "bbox_32", "kps_8",  "kps_16", "kps_32"};
    espy_tensor sorted[YUNET_GRID_OUTPUTS] = {{0}};
    for (size_t i = 0; i < YUNET_GRID_OUTPUTS; i++) {
        size_t j = 0;
        while (j < YUNET_GRID_OUTPUTS && strcmp(espy_net_output(net, j)->name, names[i]) != 0)
            j++;
        if (j == YUNET_GRID_OUTPUTS)
            return;
        sorted[i] = out[j];
    }
    memcpy(out, sorted, sizeof sorted);
}

static espy_err yunet_detect(espy_ctx *cx, const void *self, const espy_image *im, float border,
                             float min_score, espy_faces *faces)
{
    const yunet *s = self;
    espy_err e;
    espy_tensor in = {0}, out[YUNET_GRID_OUTPUTS] = {{0}};
    espy_fit fit;
    size_t n = espy_net_output_count(s->net), from = faces->n;
    ESPY_GO(espy_fit_input(cx, &s->set, s->net, im, border, &in, &fit));
    ESPY_GO(espy_net_run(cx, s->net, &in, 1, out, n));
    if (n == YUNET_GRID_OUTPUTS) {
        yunet_order(s->net, out);
        ESPY_GO(espy_yunet_decode_grid(cx, out, n, fit.width, fit.height, min_score, faces));
    } else {
        ESPY_GO(espy_yunet_decode_priors(cx, out, n, fit.width, fit.height, min_score, faces));
    }
    espy_fit_back(&fit, faces, from);
    espy_faces_suppress(faces, s->set.overlap, ESPY_OVERLAP_UNION, 0.0f);
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, YUNET_GRID_OUTPUTS);
    return e;
}

static const char *const yunet_roles[] = {"detector", NULL};

const espy_detector_ops espy_detector_yunet = {
    .name = "yunet",
    .help = "YuNet, the 2021 (priors) and 2023 (grid) files, five points",
    .open = yunet_open,
    .detect = yunet_detect,
    .close = yunet_close,
    .roles = yunet_roles,
};
