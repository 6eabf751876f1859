/* SPDX-License-Identifier: Apache-2.0
 * encode - how pixels become a network's input, and small helpers for reading manifest blocks. */
#ifndef ESPY_ENCODE_PREP_H
#define ESPY_ENCODE_PREP_H

#include "base/image.h"
#include "base/json.h"
#include "nn/nn.h"

/* Longest side that a manifest may ask for; bounds every tensor before it is allocated. */
#define ESPY_PREP_SIDE 2048

/* value = (pixel - mean) / std, pixels 0..255 */
typedef struct espy_prep {
    int width, height;     /* of the network's input, pixels */
    float mean[3], std[3]; /* in the network's channel order */
    bool bgr, nhwc;
} espy_prep;

/* Reads input, mean, std, order and layout of a manifest block.  FORMAT names the key. */
espy_err espy_prep_read(espy_ctx *cx, const espy_json *block, const char *where,
                        espy_prep *out) ESPY_NODISCARD;

/* The same settings as canonical JSON members: what a digest is taken over. */
espy_err espy_prep_describe(espy_ctx *cx, const espy_prep *p, espy_json *into) ESPY_NODISCARD;

/* Writes one picture as width x height x 3 floats in the network's order and layout. */
void espy_prep_fill(const espy_prep *p, const espy_image *im, float *out);

/* FORMAT when `block` is no object or has a member that is not in the NULL-terminated list: a
 * misspelt key must not pass silently. */
espy_err espy_json_only(espy_ctx *cx, const espy_json *block, const char *where,
                        const char *const *keys) ESPY_NODISCARD;

/* A member that may be absent; FORMAT when it is of another type or out of range. */
espy_err espy_json_may_number(espy_ctx *cx, const espy_json *block, const char *key, double lo,
                              double hi, double otherwise, double *out) ESPY_NODISCARD;
espy_err espy_json_may_bool(espy_ctx *cx, const espy_json *block, const char *key, bool otherwise,
                            bool *out) ESPY_NODISCARD;

/* Frees the data of n tensors that espy_net_run() made. */
void espy_tensors_release(espy_ctx *cx, espy_tensor *t, size_t n);

/* Elements of a tensor; 0 when a dimension is not positive or the product does not fit. */
size_t espy_tensor_count(const espy_tensor *t);

#endif
