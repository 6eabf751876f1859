/* SPDX-License-Identifier: Apache-2.0
 * base - named arrays in one file: the safetensors container (8-byte little-endian header length,
 * JSON header, data; see huggingface/safetensors, "Format").  Types F32, F64, I64, U8. */
#ifndef ESPY_BASE_TENSORS_H
#define ESPY_BASE_TENSORS_H

#include "base/json.h"

typedef enum espy_dtype { ESPY_F32, ESPY_F64, ESPY_I64, ESPY_U8 } espy_dtype;

#define ESPY_TENSOR_RANK 4

typedef struct espy_tensor_entry {
    const char *name;
    espy_dtype dtype;
    int rank;
    size_t dims[ESPY_TENSOR_RANK];
    const void *data; /* row-major, 8-byte aligned */
    size_t bytes;
} espy_tensor_entry;

typedef struct espy_tensors espy_tensors; /* a file's content, owns a copy of the bytes */

/* Checks every offset, overlap and size before anything is handed out.  Errors: FORMAT, NOMEM. */
espy_err espy_tensors_parse(espy_ctx *cx, espy_span bytes, espy_tensors **out) ESPY_NODISCARD;
void espy_tensors_destroy(espy_ctx *cx, espy_tensors **t);
size_t espy_tensors_count(const espy_tensors *t);
const espy_tensor_entry *espy_tensors_at(const espy_tensors *t, size_t i);
const espy_tensor_entry *espy_tensors_find(const espy_tensors *t, const char *name); /* or NULL */
/* The entry with this name, type and rank; FORMAT naming it otherwise. */
espy_err espy_tensors_need(espy_ctx *cx, const espy_tensors *t, const char *name, espy_dtype dtype,
                           int rank, const espy_tensor_entry **out) ESPY_NODISCARD;
/* The "__metadata__" string under a key, or NULL. */
const char *espy_tensors_meta(const espy_tensors *t, const char *key);

/* Appends deterministic bytes to `out` (initialised by the caller, who frees it also on failure):
 * entries in the given order, metadata as an object of strings (or NULL).
 * Errors: ARG (shape and size disagree, a name twice), LIMIT (beyond out's maximum), NOMEM. */
espy_err espy_tensors_write(espy_ctx *cx, const espy_tensor_entry *entries, size_t n,
                            const espy_json *metadata, espy_buf *out) ESPY_NODISCARD;

#endif
