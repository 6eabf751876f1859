/* SPDX-License-Identifier: Apache-2.0
 * encode - face detectors behind one table.
 *
 * A new family is one file, detect_<name>.c, that ends with its espy_detector_ops, and one line in
 * the registry of detect.c. */
#ifndef ESPY_ENCODE_DETECT_H
#define ESPY_ENCODE_DETECT_H

#include "encode/pack.h"
#include "encode/prep.h"

/* Candidates kept from one picture before suppression; a hostile picture or network cannot make
 * suppression quadratic in more than this. */
#define ESPY_FACES_MAX 5000

typedef struct espy_face {
    float box[4]; /* x1, y1, x2, y2 */
    float score;  /* 0..1 */
    bool has_points;
    float points[5][2]; /* left eye, right eye, nose, left and right mouth corner, as seen */
} espy_face;

typedef struct espy_faces {
    espy_face *at;
    size_t n, room;
} espy_faces;

/* Appends; what is not finite, or beyond ESPY_FACES_MAX, is left out.  Errors: NOMEM. */
espy_err espy_faces_add(espy_ctx *cx, espy_faces *f, const espy_face *face) ESPY_NODISCARD;
void espy_faces_free(espy_ctx *cx, espy_faces *f);
/* Best score first; ties by position, so the order never depends on the sort. */
void espy_faces_sort(espy_faces *f);

typedef enum espy_overlap { ESPY_OVERLAP_UNION, ESPY_OVERLAP_LEAST } espy_overlap;
/* Non-maximum suppression: sorts, then drops every box whose overlap with a better one passes
 * `limit`.  Overlap is intersection over union, or over the smaller area.  `pixel` is 1 where the
 * family counts x2 - x1 + 1 pixels, else 0. */
void espy_faces_suppress(espy_faces *f, float limit, espy_overlap kind, float pixel);

/* How a picture is brought to a network's input. */
typedef enum espy_fit_kind {
    ESPY_FIT_LETTERBOX, /* keeping its shape, resized, rest black */
    ESPY_FIT_STRETCH,   /* to the input's shape */
    ESPY_FIT_SAMPLE     /* as letterbox, but point-sampled without half-pixel offset and without
                           smoothing, as TensorFlow.js does for face-api */
} espy_fit_kind;

/* Settings that every family shares. */
typedef struct espy_detector_settings {
    espy_prep prep;
    float min_score, overlap;
    espy_fit_kind kind;
    bool scale_by_height; /* map back by the height's scale on both axes: the sides are cut to whole
                             pixels, so the scales differ, and InsightFace takes this one */
    int step;             /* networks of free size: sides are rounded up to a multiple of it */
} espy_detector_settings;
espy_err espy_detector_settings_read(espy_ctx *cx, const espy_json *block,
                                     espy_detector_settings *out) ESPY_NODISCARD;

/* Where a picture went in a network's input: picture = (input - offset) * scale, in pixels. */
typedef struct espy_fit {
    float scale[2], offset[2];
    int width, height; /* of the input */
} espy_fit;

/* Puts a picture, with a black border of `border` times its width and height on each side, into an
 * input tensor [1, 3, h, w]: scaled to fit, at the top left (plus the border), rest black.  Where
 * `net` has free sides they become the smallest multiple of settings->step that holds the picture.
 * in->data is new, the caller frees it with espy_free(). */
espy_err espy_fit_input(espy_ctx *cx, const espy_detector_settings *settings, const espy_net *net,
                        const espy_image *im, float border, espy_tensor *in,
                        espy_fit *fit) ESPY_NODISCARD;
/* Maps faces i >= from out of input coordinates. */
void espy_fit_back(const espy_fit *fit, espy_faces *f, size_t from);

typedef struct espy_detector_ops {
    const char *name; /* "detector.type" in a manifest */
    const char *help;
    /* Loads the networks.  *self is new; close() frees it. */
    espy_err (*open)(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                     const espy_net_options *options, void **self);
    /* Appends the faces of one picture in its own pixels, suppressed. */
    espy_err (*detect)(espy_ctx *cx, const void *self, const espy_image *im, float border,
                       float min_score, espy_faces *out);
    void (*close)(espy_ctx *cx, void *self); /* NULL-safe */
    const char *const *roles;                /* files it needs, NULL-terminated */
    bool dense_pyramid; /* looks at every scale: needs no second look, reads max_side pixels */
} espy_detector_ops;

/* All families, NULL-terminated; tests and `espy doctor` walk it. */
extern const espy_detector_ops *const espy_detectors[];

typedef struct espy_detector {
    const espy_detector_ops *ops;
    void *self;
    float min_score;
    int side; /* a picture whose longer side is at least this loses nothing */
} espy_detector;

/* Opens the family that the manifest's "detector" names. */
espy_err espy_detector_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_detector *out) ESPY_NODISCARD;
void espy_detector_close(espy_ctx *cx, espy_detector *d);

/* Faces of a picture in its own pixels, best first.  Finds none: looks again with a border of a
 * third of the width and height on each side, since these networks miss a face that fills the
 * picture. */
espy_err espy_detector_find(espy_ctx *cx, const espy_detector *d, const espy_image *im,
                            espy_faces *out) ESPY_NODISCARD;

/* Reads a file of the pack by role and loads it. */
espy_err espy_pack_net(espy_ctx *cx, const espy_pack *pack, const char *role,
                       const espy_net_options *options, espy_net **out) ESPY_NODISCARD;

/* Post-processing on raw outputs, apart from the networks so that golden tensors can test it.
 * Faces are appended in input pixels, not yet suppressed.  FORMAT when the outputs are not of the
 * family's shape. */
espy_err espy_scrfd_decode(espy_ctx *cx, const espy_tensor *out, size_t n, int width, int height,
                           float min_score, espy_faces *faces) ESPY_NODISCARD;
espy_err espy_rfb_decode(espy_ctx *cx, const espy_tensor *out, size_t n, int width, int height,
                         float min_score, espy_faces *faces) ESPY_NODISCARD;
espy_err espy_yunet_decode_priors(espy_ctx *cx, const espy_tensor *out, size_t n, int width,
                                  int height, float min_score, espy_faces *faces) ESPY_NODISCARD;
espy_err espy_yunet_decode_grid(espy_ctx *cx, const espy_tensor *out, size_t n, int width,
                                int height, float min_score, espy_faces *faces) ESPY_NODISCARD;

#endif
