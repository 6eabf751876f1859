/* SPDX-License-Identifier: Apache-2.0
 * encode - any ONNX embedder, described by a manifest. */
#ifndef ESPY_ENCODE_EMBED_H
#define ESPY_ENCODE_EMBED_H

#include "encode/detect.h"

typedef struct espy_embedder {
    espy_net *net;
    espy_prep prep;
    size_t dim, output;           /* length of a vector, index of the output that has it */
    size_t batch;                 /* most pictures in one run */
    char digest[ESPY_DIGEST_HEX]; /* of the file's bytes */
} espy_embedder;

espy_err espy_embedder_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_embedder *out) ESPY_NODISCARD;
void espy_embedder_close(espy_ctx *cx, espy_embedder *m);

/* n x dim floats, rows of unit length.  Crops must have the input's size. */
espy_err espy_embedder_run(espy_ctx *cx, const espy_embedder *m, const espy_image *const *crops,
                           size_t n, float *out) ESPY_NODISCARD;

#endif
