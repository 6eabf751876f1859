/* SPDX-License-Identifier: Apache-2.0
 * encode - landmark networks: 68 points for detectors that give boxes only. */
#ifndef ESPY_ENCODE_LANDMARKS_H
#define ESPY_ENCODE_LANDMARKS_H

#include "encode/align.h"
#include "encode/detect.h"

typedef struct espy_landmarker {
    espy_net *net; /* NULL: the pack has none */
    espy_prep prep;
} espy_landmarker;

/* Opens the manifest's "landmarks", if it has any. */
espy_err espy_landmarker_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                              espy_landmarker *out) ESPY_NODISCARD;
void espy_landmarker_close(espy_ctx *cx, espy_landmarker *l);

/* Finds the points of one face in the picture's own pixels and sets the face's five from them.
 * A box outside the picture is left without points. */
espy_err espy_landmarker_find(espy_ctx *cx, const espy_landmarker *l, const espy_image *im,
                              espy_face *face, float dense[ESPY_DENSE_POINTS][2]) ESPY_NODISCARD;

#endif
