/* SPDX-License-Identifier: Apache-2.0
 * encode - the two detectors of the face-api package, as models/convert/face_api.py exports them:
 * SSD MobileNet v1 ("ssd") and the tiny YOLO v2 variant ("tiny").
 *
 * Both give boxes [1, n, 4] as y1, x1, y2, x2 relative to the square input, decoded in the network,
 * and scores [1, n] after the sigmoid.  No points: the pack's landmark network finds them. */
#include "encode/detect.h"

typedef struct ssd {
    espy_net *net;
    espy_detector_settings set;
    bool clip; /* the package cuts the SSD's boxes at the input's edges, the tiny one's not */
} ssd;

enum { SSD_OUTPUTS = 2 };

static espy_err ssd_decode(espy_ctx *cx, const espy_tensor *out, bool clip, int width, int height,
                           float min_score, espy_faces *faces)
{
    bool box_first = out[0].rank && out[0].dims[out[0].rank - 1] == 4;
    const espy_tensor *box = &out[box_first ? 0 : 1], *score = &out[box_first ? 1 : 0];
    const size_t rows = espy_tensor_count(score);
    if (rows == 0 || espy_tensor_count(box) != 4 * rows)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the detector's outputs are not boxes [n, 4] and scores [n]; convert the "
                         "package again with models/convert/face_api.py");
    const float side[2] = {(float)width, (float)height};
    for (size_t i = 0; i < rows; i++) {
        espy_face f = {.score = score->data[i]};
        if (!(f.score > min_score))
            continue;
        for (size_t k = 0; k < 4; k++) {
            float v = box->data[4 * i + (k ^ 1)]; /* y, x to x, y */
            if (clip)
                v = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
            f.box[k] = v * side[k % 2];
        }
        ESPY_TRY(espy_faces_add(cx, faces, &f));
    }
    return ESPY_E_OK;
}

static void ssd_close(espy_ctx *cx, void *self)
{
    ssd *s = self;
    if (s)
        espy_net_destroy(cx, &s->net);
    espy_free(cx, s);
}

static espy_err ssd_open_as(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                            const espy_net_options *options, bool clip, void **self)
{
    espy_err e;
    ssd *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    s->clip = clip;
    ESPY_GO(espy_detector_settings_read(cx, block, &s->set));
    ESPY_GO(espy_pack_net(cx, pack, "detector", options, &s->net));
    if (espy_net_output_count(s->net) != SSD_OUTPUTS)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "this detector has 2 outputs, the file %zu",
                          espy_net_output_count(s->net)));
    *self = s;
    s = NULL;
out:
    ssd_close(cx, s);
    return e;
}

static espy_err ssd_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                         const espy_net_options *options, void **self)
{
    return ssd_open_as(cx, pack, block, options, true, self);
}

static espy_err ssd_open_tiny(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                              const espy_net_options *options, void **self)
{
    return ssd_open_as(cx, pack, block, options, false, self);
}

static espy_err ssd_detect(espy_ctx *cx, const void *self, const espy_image *im, float border,
                           float min_score, espy_faces *faces)
{
    const ssd *s = self;
    espy_err e;
    espy_tensor in = {0}, out[SSD_OUTPUTS] = {{0}};
    espy_fit fit;
    size_t from = faces->n;
    ESPY_GO(espy_fit_input(cx, &s->set, s->net, im, border, &in, &fit));
    ESPY_GO(espy_net_run(cx, s->net, &in, 1, out, SSD_OUTPUTS));
    ESPY_GO(ssd_decode(cx, out, s->clip, fit.width, fit.height, min_score, faces));
    espy_fit_back(&fit, faces, from);
    espy_faces_suppress(faces, s->set.overlap, ESPY_OVERLAP_UNION, 0.0f);
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, out, SSD_OUTPUTS);
    return e;
}

static const char *const ssd_roles[] = {"detector", NULL};

const espy_detector_ops espy_detector_ssd = {
    .name = "ssd",
    .help = "face-api's SSD MobileNet v1: one network, boxes only",
    .open = ssd_open,
    .detect = ssd_detect,
    .close = ssd_close,
    .roles = ssd_roles,
};

const espy_detector_ops espy_detector_tiny = {
    .name = "tiny",
    .help = "face-api's tiny detector: one small network, boxes only",
    .open = ssd_open_tiny,
    .detect = ssd_detect,
    .close = ssd_close,
    .roles = ssd_roles,
};
