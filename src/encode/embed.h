/* SPDX-License-Identifier: Apache-2.0
 * encode - any ONNX embedder, described by a manifest. */
#ifndef ESPY_ENCODE_EMBED_H
#define ESPY_ENCODE_EMBED_H

#include "encode/detect.h"

typedef struct espy_embedder {
    espy_net *net;
    espy_prep prep;
    size_t dim, output;       /* length of a vector, index of the output that has it */
    size_t batch;             /* most inputs in one run */
    size_t scores, scores_at; /* values of the output of scores and its index; 0: there is none */
    char digest[ESPY_DIGEST_HEX]; /* of the file's bytes */
} espy_embedder;

espy_err espy_embedder_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_embedder *out) ESPY_NODISCARD;
void espy_embedder_close(espy_ctx *cx, espy_embedder *m);

/* The same for a network whose input is [N, 1, frames, bands]: prep is not used. */
espy_err espy_embedder_open_patches(espy_ctx *cx, const espy_pack *pack,
                                    const espy_net_options *options, int frames, int bands,
                                    espy_embedder *out) ESPY_NODISCARD;

/* Runs the network on n inputs that lie one after the other, at most m->batch of them.  vectors: n
 * x dim as they come out.  scores (may be NULL): n x m->scores values of the output of scores. */
espy_err espy_embedder_values(espy_ctx *cx, const espy_embedder *m, espy_tensor *in, float *vectors,
                              float *scores) ESPY_NODISCARD;

/* Scales n rows of dim to unit length.  DATA when one has no length. */
espy_err espy_embedder_unit(espy_ctx *cx, float *rows, size_t n, size_t dim) ESPY_NODISCARD;

/* n x dim floats, rows of unit length.  Crops must have the input's size. */
espy_err espy_embedder_run(espy_ctx *cx, const espy_embedder *m, const espy_image *const *crops,
                           size_t n, float *out) ESPY_NODISCARD;

#endif
