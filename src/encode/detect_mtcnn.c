/* SPDX-License-Identifier: Apache-2.0
 * encode - MTCNN (Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment using Multi-task
 * Cascaded Convolutional Networks", 2016): P-net proposes over a pyramid of scales, R-net and O-net
 * refine.  Details that the paper leaves open (area resampling, suppression limits 0.5 and 0.7,
 * boxes counted from 1 with both ends in) follow what facenet-pytorch computes, so that results
 * agree. */
#include <math.h>
#include <string.h>

#include "dsp/dsp.h"
#include "encode/detect.h"

enum { MTCNN_PNET, MTCNN_RNET, MTCNN_ONET, MTCNN_NETS };
enum { MTCNN_CELL = 12, MTCNN_STRIDE = 2, MTCNN_BATCH = 32, MTCNN_OUTPUTS = 3 };

typedef struct mtcnn {
    espy_net *net[MTCNN_NETS];
    float threshold[MTCNN_NETS];
    double factor; /* from one scale of the pyramid to the next */
    double min_face;
    int max_side;
} mtcnn;

static const char *const mtcnn_roles[] = {"pnet", "rnet", "onet", NULL};
static const int mtcnn_outputs[MTCNN_NETS] = {2, 2, 3};

/* Mean over the source cells that each target cell touches, each counted whole ("adaptive" average
 * pooling), as three planes of (p - 127.5) / 128.  x0, y0, w, h lie inside the picture. */
static espy_err mtcnn_resample(espy_ctx *cx, const espy_image *im, int x0, int y0, int w, int h,
                               int to_w, int to_h, float *out)
{
    uint32_t *sum = espy_array(cx, 3 * (size_t)w, sizeof *sum);
    if (!sum)
        return cx->code;
    const size_t plane = (size_t)to_w * (size_t)to_h, row = 3 * (size_t)im->width;
    for (int y = 0; y < to_h; y++) {
        int from = (int)((int64_t)y * h / to_h);
        int to = (int)(((int64_t)(y + 1) * h + to_h - 1) / to_h);
        memset(sum, 0, 3 * (size_t)w * sizeof *sum);
        for (int r = from; r < to; r++) {
            const uint8_t *px = im->px + (size_t)(y0 + r) * row + 3 * (size_t)x0;
            for (int i = 0; i < 3 * w; i++)
                sum[i] += px[i];
        }
        for (int x = 0; x < to_w; x++) {
            int left = (int)((int64_t)x * w / to_w);
            int right = (int)(((int64_t)(x + 1) * w + to_w - 1) / to_w);
            uint64_t s[3] = {0, 0, 0};
            for (int i = left; i < right; i++)
                for (int c = 0; c < 3; c++)
                    s[c] += sum[3 * i + c];
            const double area = (double)(right - left) * (double)(to - from);
            for (int c = 0; c < 3; c++)
                out[(size_t)c * plane + (size_t)y * (size_t)to_w + (size_t)x] =
                    (float)(((double)s[c] / area - 127.5) * 0.0078125);
        }
    }
    espy_free(cx, sum);
    return ESPY_E_OK;
}

/* Until a stage's regression is applied it travels in the first four floats of the points. */
static float *mtcnn_offsets(espy_face *f)
{
    return f->points[0];
}

static const espy_tensor *mtcnn_columns(const espy_tensor *out, int n, int64_t channels)
{
    for (int i = 0; i < n; i++)
        if (out[i].rank >= 2 && out[i].dims[1] == channels)
            return &out[i];
    return NULL;
}

static espy_err mtcnn_misfit(espy_ctx *cx, const char *role)
{
    return espy_fail(
        cx, ESPY_E_FORMAT,
        "%s does not have the outputs of MTCNN (boxes 4, probabilities 2, and for onet "
        "landmarks 10); name the right file in the manifest",
        role);
}

/* Proposals of one scale. */
static espy_err mtcnn_propose(espy_ctx *cx, const mtcnn *m, const espy_image *im, double scale,
                              espy_faces *faces)
{
    espy_err e;
    espy_tensor out[2] = {{0}}, in = {0};
    espy_faces found = {0};
    const int w = (int)(im->width * scale + 1), h = (int)(im->height * scale + 1);
    in = (espy_tensor){espy_floats(cx, 3 * (size_t)w * (size_t)h), 4, {1, 3, h, w}};
    if (!in.data)
        return cx->code;
    ESPY_GO(mtcnn_resample(cx, im, 0, 0, im->width, im->height, w, h, in.data));
    ESPY_GO(espy_net_run(cx, m->net[MTCNN_PNET], &in, 1, out, 2));
    const espy_tensor *reg = mtcnn_columns(out, 2, 4), *prob = mtcnn_columns(out, 2, 2);
    if (!reg || !prob || reg->rank != 4 || prob->rank != 4 ||
        espy_tensor_count(reg) != 2 * espy_tensor_count(prob))
        ESPY_GO(mtcnn_misfit(cx, "pnet"));
    const size_t columns = (size_t)prob->dims[3], cells = columns * (size_t)prob->dims[2];
    for (size_t i = 0; i < cells; i++) {
        espy_face f = {.score = prob->data[cells + i]};
        if (!(f.score >= m->threshold[MTCNN_PNET]))
            continue;
        /* in float, so that the floors fall as they do in the original */
        const float x = (float)(MTCNN_STRIDE * (i % columns)),
                    y = (float)(MTCNN_STRIDE * (i / columns)), by = (float)scale;
        f.box[0] = floorf((x + 1) / by);
        f.box[1] = floorf((y + 1) / by);
        f.box[2] = floorf((x + MTCNN_CELL) / by);
        f.box[3] = floorf((y + MTCNN_CELL) / by);
        for (size_t k = 0; k < 4; k++)
            mtcnn_offsets(&f)[k] = reg->data[k * cells + i];
        ESPY_GO(espy_faces_add(cx, &found, &f));
    }
    espy_faces_suppress(&found, 0.5f, ESPY_OVERLAP_UNION, 0.0f);
    for (size_t i = 0; i < found.n; i++)
        ESPY_GO(espy_faces_add(cx, faces, &found.at[i]));
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, 2);
    espy_faces_free(cx, &found);
    return e;
}

/* Moves the edges by the offsets in units of the box; `pixel` as in espy_faces_suppress(). */
static void mtcnn_regress(espy_face *f, float pixel)
{
    const float size[2] = {f->box[2] - f->box[0] + pixel, f->box[3] - f->box[1] + pixel};
    for (int k = 0; k < 4; k++)
        f->box[k] += mtcnn_offsets(f)[k] * size[k % 2];
}

/* Grows a box to the square of its longer side about its centre. */
static void mtcnn_square(espy_face *f)
{
    const float w = f->box[2] - f->box[0], h = f->box[3] - f->box[1], side = fmaxf(w, h);
    f->box[0] += w * 0.5f - side * 0.5f;
    f->box[1] += h * 0.5f - side * 0.5f;
    f->box[2] = f->box[0] + side;
    f->box[3] = f->box[1] + side;
}

/* Pixels of a box that counts from 1 with both ends in; false when none lies in the picture. */
static bool mtcnn_window(const espy_face *f, const espy_image *im, int *x, int *y, int *w, int *h)
{
    const float limit = 1e6f;
    for (int k = 0; k < 4; k++)
        if (!(fabsf(f->box[k]) < limit))
            return false;
    int x1 = (int)f->box[0], y1 = (int)f->box[1], x2 = (int)f->box[2], y2 = (int)f->box[3];
    x1 = x1 < 1 ? 1 : x1;
    y1 = y1 < 1 ? 1 : y1;
    x2 = x2 > im->width ? im->width : x2;
    y2 = y2 > im->height ? im->height : y2;
    *x = x1 - 1;
    *y = y1 - 1;
    *w = x2 - *x;
    *h = y2 - *y;
    return *w > 0 && *h > 0;
}

/* Turns the O-net's landmarks (relative to the box) into points; keeps the offsets in between. */
static void mtcnn_points(espy_face *f, const float *landmarks)
{
    const float w = f->box[2] - f->box[0] + 1.0f, h = f->box[3] - f->box[1] + 1.0f;
    const float x = f->box[0] - 1.0f, y = f->box[1] - 1.0f;
    mtcnn_regress(f, 1.0f);
    for (int k = 0; k < 5; k++) {
        f->points[k][0] = w * landmarks[k] + x;
        f->points[k][1] = h * landmarks[5 + k] + y;
    }
    f->has_points = true;
}

/* Runs R-net or O-net over the windows of faces[0..n), n <= MTCNN_BATCH, and keeps what passes. */
static espy_err mtcnn_batch(espy_ctx *cx, const mtcnn *m, int stage, const espy_image *im,
                            const espy_face *faces, size_t n, espy_faces *kept)
{
    espy_err e = ESPY_E_OK;
    const int side = stage == MTCNN_RNET ? 24 : 48;
    const size_t one = 3 * (size_t)side * (size_t)side;
    espy_tensor out[MTCNN_OUTPUTS] = {{0}};
    /* powers of two, so that the network is compiled for few batch sizes */
    size_t batch = 1;
    while (batch < n)
        batch *= 2;
    espy_tensor in = {espy_floats(cx, batch * one), 4, {(int64_t)batch, 3, side, side}};
    if (!in.data)
        return cx->code;
    for (size_t i = 0; i < n; i++) {
        int x, y, w, h;
        if (mtcnn_window(&faces[i], im, &x, &y, &w, &h))
            ESPY_GO(mtcnn_resample(cx, im, x, y, w, h, side, side, in.data + i * one));
    }
    const int n_out = mtcnn_outputs[stage];
    ESPY_GO(espy_net_run(cx, m->net[stage], &in, 1, out, (size_t)n_out));
    const espy_tensor *reg = mtcnn_columns(out, n_out, 4), *prob = mtcnn_columns(out, n_out, 2);
    const espy_tensor *marks = mtcnn_columns(out, n_out, 10);
    if (!reg || !prob || espy_tensor_count(reg) != 4 * batch ||
        espy_tensor_count(prob) != 2 * batch ||
        (stage == MTCNN_ONET && (!marks || espy_tensor_count(marks) != 10 * batch)))
        ESPY_GO(mtcnn_misfit(cx, mtcnn_roles[stage]));
    for (size_t i = 0; i < n; i++) {
        espy_face f = faces[i];
        int x, y, w, h;
        f.score = prob->data[2 * i + 1];
        if (!(f.score > m->threshold[stage]) || !mtcnn_window(&f, im, &x, &y, &w, &h))
            continue;
        memcpy(mtcnn_offsets(&f), reg->data + 4 * i, 4 * sizeof(float));
        if (stage == MTCNN_ONET)
            mtcnn_points(&f, marks->data + 10 * i);
        ESPY_GO(espy_faces_add(cx, kept, &f));
    }
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, MTCNN_OUTPUTS);
    return e;
}

static espy_err mtcnn_refine(espy_ctx *cx, const mtcnn *m, int stage, const espy_image *im,
                             espy_faces *faces)
{
    espy_err e = ESPY_E_OK;
    espy_faces kept = {0};
    for (size_t i = 0; i < faces->n; i += MTCNN_BATCH) {
        size_t n = faces->n - i < MTCNN_BATCH ? faces->n - i : MTCNN_BATCH;
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(mtcnn_batch(cx, m, stage, im, faces->at + i, n, &kept));
    }
    espy_faces_free(cx, faces);
    *faces = kept;
    kept = (espy_faces){0};
out:
    espy_faces_free(cx, &kept);
    return e;
}

static espy_err mtcnn_cascade(espy_ctx *cx, const mtcnn *m, const espy_image *im, espy_faces *faces)
{
    const double least = im->width < im->height ? im->width : im->height;
    for (double scale = MTCNN_CELL / m->min_face; least * scale >= MTCNN_CELL; scale *= m->factor) {
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(mtcnn_propose(cx, m, im, scale, faces));
    }
    espy_faces_suppress(faces, 0.7f, ESPY_OVERLAP_UNION, 0.0f);
    for (size_t i = 0; i < faces->n; i++) {
        mtcnn_regress(&faces->at[i], 0.0f);
        mtcnn_square(&faces->at[i]);
    }
    ESPY_TRY(mtcnn_refine(cx, m, MTCNN_RNET, im, faces));
    espy_faces_suppress(faces, 0.7f, ESPY_OVERLAP_UNION, 0.0f);
    for (size_t i = 0; i < faces->n; i++) {
        mtcnn_regress(&faces->at[i], 1.0f);
        mtcnn_square(&faces->at[i]);
    }
    ESPY_TRY(mtcnn_refine(cx, m, MTCNN_ONET, im, faces));
    espy_faces_suppress(faces, 0.7f, ESPY_OVERLAP_LEAST, 1.0f);
    return ESPY_E_OK;
}

/* Keeps what scores at least `min_score` and maps it into the picture's own pixels. */
static void mtcnn_map(espy_faces *f, float min_score, float left, float top, const float scale[2])
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        espy_face a = f->at[i];
        const float offset[2] = {left, top};
        for (int k = 0; k < 4; k++)
            a.box[k] = (a.box[k] - offset[k % 2]) * scale[k % 2];
        for (int k = 0; k < 5; k++)
            for (int c = 0; c < 2; c++)
                a.points[k][c] = (a.points[k][c] - offset[c]) * scale[c];
        if (a.score >= min_score)
            f->at[kept++] = a;
    }
    f->n = kept;
}

static espy_err mtcnn_detect(espy_ctx *cx, const void *self, const espy_image *im, float border,
                             float min_score, espy_faces *faces)
{
    const mtcnn *m = self;
    espy_err e;
    espy_image small = {0}, padded = {0};
    const espy_image *at = im;
    const uint8_t black[3] = {0, 0, 0};
    const int longer = im->width > im->height ? im->width : im->height;
    if (longer > m->max_side) {
        int w = (int)((int64_t)im->width * m->max_side / longer);
        int h = (int)((int64_t)im->height * m->max_side / longer);
        ESPY_GO(espy_image_shrink(cx, im, w > 0 ? w : 1, h > 0 ? h : 1, &small));
        at = &small;
    }
    const float scale[2] = {(float)im->width / (float)at->width,
                            (float)im->height / (float)at->height};
    const int left = (int)(border * (float)at->width), top = (int)(border * (float)at->height);
    if (left || top) {
        ESPY_GO(espy_image_pad(cx, at, left, top, left, top, black, &padded));
        at = &padded;
    }
    ESPY_GO(mtcnn_cascade(cx, m, at, faces));
    mtcnn_map(faces, min_score, (float)left, (float)top, scale);
out:
    espy_image_free(cx, &small);
    espy_image_free(cx, &padded);
    return e;
}

static void mtcnn_close(espy_ctx *cx, void *self)
{
    mtcnn *m = self;
    for (int i = 0; m && i < MTCNN_NETS; i++)
        espy_net_destroy(cx, &m->net[i]);
    espy_free(cx, m);
}

static espy_err mtcnn_settings(espy_ctx *cx, const espy_json *block, mtcnn *m)
{
    static const char *const keys[] = {"type",     "min_score", "thresholds", "factor",
                                       "min_face", "max_side",  NULL};
    static const double usual[MTCNN_NETS] = {0.6, 0.7, 0.7};
    double max_side;
    ESPY_TRY(espy_json_only(cx, block, "detector", keys));
    ESPY_TRY(espy_json_may_number(cx, block, "factor", 0.3, 0.95, 0.709, &m->factor));
    ESPY_TRY(espy_json_may_number(cx, block, "min_face", 12, 1000, 20, &m->min_face));
    ESPY_TRY(espy_json_may_number(cx, block, "max_side", 64, 8192, 1280, &max_side));
    m->max_side = (int)max_side;
    const espy_json *t = espy_json_get(block, "thresholds");
    for (size_t i = 0; i < MTCNN_NETS; i++) {
        double v = t ? espy_json_number(espy_json_at(t, i), -1.0) : usual[i];
        if (!(v >= 0.01 && v <= 1.0) || (t && espy_json_count(t) != MTCNN_NETS))
            return espy_fail(cx, ESPY_E_FORMAT,
                             "\"detector.thresholds\" must be three numbers from 0.01 to 1");
        m->threshold[i] = (float)v;
    }
    return ESPY_E_OK;
}

static espy_err mtcnn_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                           const espy_net_options *options, void **self)
{
    espy_err e;
    mtcnn *m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    ESPY_GO(mtcnn_settings(cx, block, m));
    for (int i = 0; i < MTCNN_NETS; i++) {
        ESPY_GO(espy_pack_net(cx, pack, mtcnn_roles[i], options, &m->net[i]));
        if (espy_net_output_count(m->net[i]) != (size_t)mtcnn_outputs[i])
            ESPY_GO(mtcnn_misfit(cx, mtcnn_roles[i]));
    }
    *self = m;
    m = NULL;
out:
    mtcnn_close(cx, m);
    return e;
}

const espy_detector_ops espy_detector_mtcnn = {
    .name = "mtcnn",
    .help = "MTCNN: three networks over a pyramid of scales, five points",
    .open = mtcnn_open,
    .detect = mtcnn_detect,
    .close = mtcnn_close,
    .roles = mtcnn_roles,
    .dense_pyramid = true,
};
