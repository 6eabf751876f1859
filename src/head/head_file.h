/* SPDX-License-Identifier: Apache-2.0
 * head - what the saved files of all heads share: the mark in the metadata and the scaler.
 *
 * A file is a safetensors container (base/tensors.h) whose metadata hold "format": "espy-head",
 * "revision": "1" and "head": the head's name. */
#ifndef ESPY_HEAD_FILE_H
#define ESPY_HEAD_FILE_H

#include "base/tensors.h"
#include "head/head.h"
#include "learn/scaler.h"

#define ESPY_HEAD_TENSORS (6 * ESPY_MLP_LAYERS + 2) /* most entries of a file */

/* How the heads that scale begin. */
typedef struct espy_head_scaled {
    espy_head head;
    espy_scaler scaler;
} espy_head_scaled;

/* Entries being gathered for writing. */
typedef struct espy_head_file {
    espy_tensor_entry at[ESPY_HEAD_TENSORS];
    size_t n;
    int64_t scaler_n;
} espy_head_file;

/* dims: one or two; second 0 for a vector.  data is borrowed until the file is written. */
void espy_head_file_add(espy_head_file *f, const char *name, espy_dtype dtype, size_t rows,
                        size_t columns, const void *data);
void espy_head_file_add_scaler(espy_head_file *f, const espy_scaler *s);
espy_err espy_head_file_write(espy_ctx *cx, const espy_head_file *f, const char *head,
                              espy_buf *out) ESPY_NODISCARD;

/* Opens a file of this head; FORMAT when it is of another one. */
espy_err espy_head_file_open(espy_ctx *cx, espy_span bytes, const char *head,
                             espy_tensors **out) ESPY_NODISCARD;
/* The tensor with this shape; columns 0: a vector; either may be SIZE_MAX: any, at least 1.
 * Values of F32 and F64 must be finite.  FORMAT otherwise. */
espy_err espy_head_file_need(espy_ctx *cx, const espy_tensors *t, const char *name,
                             espy_dtype dtype, size_t rows, size_t columns,
                             const espy_tensor_entry **out) ESPY_NODISCARD;
/* The one integer within [lo, hi]. */
espy_err espy_head_file_need_int(espy_ctx *cx, const espy_tensors *t, const char *name, int64_t lo,
                                 int64_t hi, int64_t *out) ESPY_NODISCARD;
/* The scaler of dim columns, empty when the file has none. */
espy_err espy_head_file_need_scaler(espy_ctx *cx, const espy_tensors *t, size_t dim,
                                    espy_scaler *out) ESPY_NODISCARD;

#endif
