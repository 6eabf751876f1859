/* SPDX-License-Identifier: Apache-2.0
 * learn - what the ways of clustering share. */
#ifndef ESPY_LEARN_CLUSTER_ROWS_H
#define ESPY_LEARN_CLUSTER_ROWS_H

#include "learn/cluster.h"

/* Errors: ARG (threshold not in 0..1, no values), LIMIT. */
espy_err espy_cluster_rows_check(espy_ctx *cx, const espy_cluster_rows *rows,
                                 double threshold) ESPY_NODISCARD;

/* group: n numbers below n, equal for rows that are together; negative: noise. */
espy_err espy_cluster_number(espy_ctx *cx, const int32_t *group, size_t n,
                             espy_clusters *out) ESPY_NODISCARD;

#endif
