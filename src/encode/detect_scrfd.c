/* SPDX-License-Identifier: Apache-2.0
 * encode - SCRFD (Guo, Deng, Lattas, Zafeiriou: "Sample and Computation Redistribution for
 * Efficient Face Detection", 2021).
 *
 * Anchor-free: for each stride 8, 16, 32 and each cell a score (already a probability), the four
 * distances left, top, right, bottom to the box edges and five points, all in units of the stride
 * from the cell's corner cell * stride. */
#include "encode/detect.h"

typedef struct scrfd {
    espy_net *net;
    espy_detector_settings set;
} scrfd;

enum { SCRFD_LEVELS = 3, SCRFD_OUTPUTS = 9 };

/* The tensor of one kind (1 score, 4 distances, 10 points) with the level-th most rows: exporters
 * differ in order, names and in whether they keep the leading 1. */
static const espy_tensor *scrfd_pick(const espy_tensor *out, size_t n, int64_t columns, int level)
{
    for (size_t i = 0; i < n; i++) {
        if (out[i].rank < 1 || out[i].dims[out[i].rank - 1] != columns)
            continue;
        int larger = 0;
        for (size_t j = 0; j < n; j++)
            larger += out[j].rank >= 1 && out[j].dims[out[j].rank - 1] == columns &&
                      espy_tensor_count(&out[j]) > espy_tensor_count(&out[i]);
        if (larger == level)
            return &out[i];
    }
    return NULL;
}

espy_err espy_scrfd_decode(espy_ctx *cx, const espy_tensor *out, size_t n, int width, int height,
                           float min_score, espy_faces *faces)
{
    for (int level = 0; level < SCRFD_LEVELS; level++) {
        const int stride = 8 << level;
        const size_t columns = (size_t)(width / stride),
                     cells = columns * (size_t)(height / stride);
        const espy_tensor *score = scrfd_pick(out, n, 1, level),
                          *box = scrfd_pick(out, n, 4, level);
        const espy_tensor *point = scrfd_pick(out, n, 10, level);
        size_t rows = score ? espy_tensor_count(score) : 0;
        if (!box || !cells || rows == 0 || rows % cells != 0 ||
            espy_tensor_count(box) != 4 * rows || (point && espy_tensor_count(point) != 10 * rows))
            return espy_fail(
                cx, ESPY_E_FORMAT,
                "the detector's outputs are not those of SCRFD at stride %d; choose the "
                "\"detector.type\" that fits the file",
                stride);
        const size_t anchors = rows / cells;
        for (size_t i = 0; i < rows; i++) {
            if (!(score->data[i] >= min_score))
                continue;
            const size_t cell = i / anchors;
            const float s = (float)stride, x = (float)(cell % columns) * s,
                        y = (float)(cell / columns) * s, *d = box->data + 4 * i;
            espy_face f = {.box = {x - d[0] * s, y - d[1] * s, x + d[2] * s, y + d[3] * s},
                           .score = score->data[i],
                           .has_points = point != NULL};
            for (int k = 0; k < 5 && point; k++) {
                f.points[k][0] = x + point->data[10 * i + 2 * (size_t)k] * s;
                f.points[k][1] = y + point->data[10 * i + 2 * (size_t)k + 1] * s;
            }
            ESPY_TRY(espy_faces_add(cx, faces, &f));
        }
    }
    return ESPY_E_OK;
}

static void scrfd_close(espy_ctx *cx, void *self)
{
    scrfd *s = self;
    if (s)
        espy_net_destroy(cx, &s->net);
    espy_free(cx, s);
}

static espy_err scrfd_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                           const espy_net_options *options, void **self)
{
    espy_err e;
    scrfd *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    ESPY_GO(espy_detector_settings_read(cx, block, &s->set));
    s->set.scale_by_height = true;
    if (s->set.prep.width % 32 != 0 || s->set.prep.height % 32 != 0)
        ESPY_GO(
            espy_fail(cx, ESPY_E_FORMAT, "\"detector.input\" of scrfd must be multiples of 32"));
    ESPY_GO(espy_pack_net(cx, pack, "detector", options, &s->net));
    size_t n = espy_net_output_count(s->net);
    if (n != SCRFD_OUTPUTS && n != 6)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "an SCRFD file has 6 or 9 outputs, this one %zu", n));
    *self = s;
    s = NULL;
out:
    scrfd_close(cx, s);
    return e;
}

static espy_err scrfd_detect(espy_ctx *cx, const void *self, const espy_image *im, float border,
                             float min_score, espy_faces *faces)
{
    const scrfd *s = self;
    espy_err e;
    espy_tensor in = {0}, out[SCRFD_OUTPUTS] = {{0}};
    espy_fit fit;
    size_t n = espy_net_output_count(s->net), from = faces->n;
    ESPY_GO(espy_fit_input(cx, &s->set, s->net, im, border, &in, &fit));
    ESPY_GO(espy_net_run(cx, s->net, &in, 1, out, n));
    ESPY_GO(espy_scrfd_decode(cx, out, n, fit.width, fit.height, min_score, faces));
    espy_fit_back(&fit, faces, from);
    espy_faces_suppress(faces, s->set.overlap, ESPY_OVERLAP_UNION, 1.0f);
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, SCRFD_OUTPUTS);
    return e;
}

static const char *const scrfd_roles[] = {"detector", NULL};

const espy_detector_ops espy_detector_scrfd = {
    .name = "scrfd",
    .help = "SCRFD: one network, strides 8, 16, 32, five points",
    .open = scrfd_open,
    .detect = scrfd_detect,
    .close = scrfd_close,
    .roles = scrfd_roles,
};
