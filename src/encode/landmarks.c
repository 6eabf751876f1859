/* SPDX-License-Identifier: Apache-2.0
 * encode - 68 points by the face-api package's network.
 *
 * Input: the box cut out of the picture in whole pixels, centred in a black square, scaled without
 * half-pixel offset.  Output: x0, y0, x1, y1, ... in units of the square. */
#include "encode/landmarks.h"

#include <math.h>
#include <string.h>

#include "dsp/dsp.h"

/* First and one past the last of the 68 points that make each of the five. */
static const int landmarks_five[5][2] = {{36, 42}, {42, 48}, {30, 31}, {48, 49}, {54, 55}};

espy_err espy_landmarker_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                              espy_landmarker *out)
{
    static const char *const keys[] = {"type", "input", "mean", "std", "order", "layout", NULL};
    const espy_json *block = espy_json_get(pack->json, "landmarks");
    espy_landmarker l = {0};
    *out = l;
    if (!block)
        return ESPY_E_OK;
    ESPY_TRY(espy_json_only(cx, block, "landmarks", keys));
    if (strcmp(espy_json_string(espy_json_get(block, "type"), ""), "points68") != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "\"landmarks.type\" must be \"points68\"");
    ESPY_TRY(espy_prep_read(cx, block, "landmarks", &l.prep));
    if (l.prep.width != l.prep.height || l.prep.nhwc)
        return espy_fail(cx, ESPY_E_FORMAT, "\"landmarks.input\" must be square and \"nchw\"");
    ESPY_TRY(espy_pack_net(cx, pack, "landmarks", options, &l.net));
    if (espy_net_output_count(l.net) != 1) {
        espy_net_destroy(cx, &l.net);
        return espy_fail(cx, ESPY_E_FORMAT, "the landmark network must have one output [n, 136]");
    }
    *out = l;
    return ESPY_E_OK;
}

void espy_landmarker_close(espy_ctx *cx, espy_landmarker *l)
{
    espy_net_destroy(cx, &l->net);
}

/* The box cut at the picture's edges, in whole pixels; false when nothing is left. */
static bool landmarks_cut(const espy_image *im, const espy_face *face, int cut[4])
{
    const int side[2] = {im->width, im->height};
    for (int c = 0; c < 2; c++) {
        const float from = fminf(fmaxf(face->box[c], 0.0f), (float)side[c]);
        const float to = fminf(fmaxf(face->box[2 + c], 0.0f), (float)side[c]);
        cut[c] = (int)from;
        cut[2 + c] = (int)(to - from);
    }
    return cut[2] > 0 && cut[3] > 0;
}

espy_err espy_landmarker_find(espy_ctx *cx, const espy_landmarker *l, const espy_image *im,
                              espy_face *face, float dense[ESPY_DENSE_POINTS][2])
{
    espy_err e = ESPY_E_OK;
    espy_image piece = {0}, square = {0};
    espy_tensor in = {0}, out = {0};
    int cut[4];
    const int side = l->prep.width;
    if (!landmarks_cut(im, face, cut))
        return ESPY_E_OK;
    const double longer = cut[2] > cut[3] ? cut[2] : cut[3], s = side / longer;
    const double m[6] = {s, 0, floor((longer - cut[2]) / 2) * s,
                         0, s, floor((longer - cut[3]) / 2) * s};
    ESPY_GO(espy_image_crop(cx, im, cut[0], cut[1], cut[2], cut[3], &piece));
    ESPY_GO(espy_image_warp(cx, &piece, m, side, side, &square));
    in = (espy_tensor){espy_floats(cx, 3 * (size_t)side * (size_t)side), 4, {1, 3, side, side}};
    if (!in.data) {
        e = cx->code;
        goto out;
    }
    espy_prep_fill(&l->prep, &square, in.data);
    ESPY_GO(espy_net_run(cx, l->net, &in, 1, &out, 1));
    if (espy_tensor_count(&out) != 2 * ESPY_DENSE_POINTS)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "the landmark network must have one output [n, 136]"));
    for (int i = 0; i < ESPY_DENSE_POINTS; i++)
        for (int c = 0; c < 2; c++) {
            const double pad = (longer - cut[2 + c]) / 2; /* in picture pixels, not rounded */
            dense[i][c] =
                (float)((double)out.data[2 * i + c] * longer - pad + (double)face->box[c]);
        }
    for (int p = 0; p < 5; p++)
        for (int c = 0; c < 2; c++) {
            const int from = landmarks_five[p][0], to = landmarks_five[p][1];
            float sum = 0.0f;
            for (int i = from; i < to; i++)
                sum += dense[i][c];
            face->points[p][c] = sum / (float)(to - from);
        }
    face->has_points = true;
out:
    espy_image_free(cx, &piece);
    espy_image_free(cx, &square);
    espy_free(cx, in.data);
    espy_tensors_release(cx, &out, 1);
    return e;
}
