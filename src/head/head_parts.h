/* SPDX-License-Identifier: Apache-2.0
 * head - what fitted heads consist of, for those who write or read them in foreign formats
 * (artifact). */
#ifndef ESPY_HEAD_PARTS_H
#define ESPY_HEAD_PARTS_H

#include "head/head.h"
#include "learn/logistic.h"
#include "learn/prototypes.h"
#include "learn/scaler.h"
#include "learn/svm.h"

/* Parts of a head, borrowed; NULL when it has none of the kind.  A scaler without mean passes rows
 * unchanged. */
const espy_svm *espy_head_svm_model(const espy_head *head);
const espy_logistic *espy_head_logistic_model(const espy_head *head);
const espy_scaler *espy_head_scaler(const espy_head *head);

/* A network of layers with the constants that its input is normalised by: (x - mean) / std. */
typedef struct espy_head_network {
    const espy_mlp *mlp;
    double mean, std;
    const espy_mlp_history *history; /* of the training; n = 0 in a head that was loaded */
} espy_head_network;
/* False when the head is of another kind. */
bool espy_head_mlp_network(const espy_head *head, espy_head_network *out);

/* Centres per label and what their cosines are divided by before the softmax. */
typedef struct espy_head_prototypes_parts {
    const espy_prototypes *model;
    double temperature;
} espy_head_prototypes_parts;
/* False when the head is of another kind. */
bool espy_head_prototypes_model(const espy_head *head, espy_head_prototypes_parts *out);

/* Fits the scaler on the rows and points rows->x at their scaled copy *x, both the caller's. */
espy_err espy_head_scale(espy_ctx *cx, espy_rows *rows, espy_scaler *scaler,
                         float **x) ESPY_NODISCARD;

/* Heads from parts that were read elsewhere.  On success *scaler (may hold no mean) and *model
 * belong to the head and are cleared; on failure they stay the caller's. Errors: FORMAT (parts that
 * do not fit together), NOMEM. */
espy_err espy_head_svm_take(espy_ctx *cx, espy_scaler *scaler, espy_svm **model,
                            espy_head **out) ESPY_NODISCARD;
espy_err espy_head_logistic_take(espy_ctx *cx, espy_scaler *scaler, espy_logistic **model,
                                 espy_head **out) ESPY_NODISCARD;
espy_err espy_head_mlp_take(espy_ctx *cx, double mean, double std, espy_mlp **model,
                            espy_head **out) ESPY_NODISCARD;

#endif
