/* SPDX-License-Identifier: Apache-2.0
 * encode - Ultra-Light-Fast-Generic-Face-Detector (RFB-320, RFB-640, slim).
 *
 * Two outputs: scores [.., n, 2] (background, face; after softmax) and boxes [.., n, 4], decoded,
 * x1 y1 x2 y2 relative to the input.  No points: faces are aligned by their box. */
#include "encode/detect.h"

typedef struct rfb {
    espy_net *net;
    espy_detector_settings set;
} rfb;

enum { RFB_OUTPUTS = 2 };

espy_err espy_rfb_decode(espy_ctx *cx, const espy_tensor *out, size_t n, int width, int height,
                         float min_score, espy_faces *faces)
{
    const espy_tensor *score = NULL, *box = NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t columns = out[i].rank ? out[i].dims[out[i].rank - 1] : 0;
        score = columns == 2 ? &out[i] : score;
        box = columns == 4 ? &out[i] : box;
    }
    if (!score || !box || espy_tensor_count(box) != 2 * espy_tensor_count(score))
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "the detector's outputs are not scores [n, 2] and boxes [n, 4]; choose the "
            "\"detector.type\" that fits the file");
    const size_t rows = espy_tensor_count(score) / 2;
    const float side[2] = {(float)width, (float)height};
    for (size_t i = 0; i < rows; i++) {
        espy_face f = {.score = score->data[2 * i + 1]};
        if (!(f.score >= min_score))
            continue;
        for (size_t k = 0; k < 4; k++)
            f.box[k] = box->data[4 * i + k] * side[k % 2];
        ESPY_TRY(espy_faces_add(cx, faces, &f));
    }
    return ESPY_E_OK;
}

static void rfb_close(espy_ctx *cx, void *self)
{
    rfb *s = self;
    if (s)
        espy_net_destroy(cx, &s->net);
    espy_free(cx, s);
}

static espy_err rfb_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                         const espy_net_options *options, void **self)
{
    espy_err e;
    rfb *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    ESPY_GO(espy_detector_settings_read(cx, block, &s->set));
    ESPY_GO(espy_pack_net(cx, pack, "detector", options, &s->net));
    if (espy_net_output_count(s->net) != RFB_OUTPUTS)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "an RFB file has 2 outputs, this one %zu",
                          espy_net_output_count(s->net)));
    *self = s;
    s = NULL;
out:
    rfb_close(cx, s);
    return e;
}

static espy_err rfb_detect(espy_ctx *cx, const void *self, const espy_image *im, float border,
                           float min_score, espy_faces *faces)
{
    const rfb *s = self;
    espy_err e;
    espy_tensor in = {0}, out[RFB_OUTPUTS] = {{0}};
    espy_fit fit;
    size_t from = faces->n;
    ESPY_GO(espy_fit_input(cx, &s->set, s->net, im, border, &in, &fit));
    ESPY_GO(espy_net_run(cx, s->net, &in, 1, out, RFB_OUTPUTS));
    ESPY_GO(espy_rfb_decode(cx, out, RFB_OUTPUTS, fit.width, fit.height, min_score, faces));
    espy_fit_back(&fit, faces, from);
    espy_faces_suppress(faces, s->set.overlap, ESPY_OVERLAP_UNION, 0.0f);
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, RFB_OUTPUTS);
    return e;
}

static const char *const rfb_roles[] = {"detector", NULL};

const espy_detector_ops espy_detector_rfb = {
    .name = "rfb",
    .help = "Ultra-light RFB: one small network, boxes only",
    .open = rfb_open,
    .detect = rfb_detect,
    .close = rfb_close,
    .roles = rfb_roles,
};
