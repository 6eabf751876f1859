/* SPDX-License-Identifier: Apache-2.0
 * artifact - numpy's array file (numpy.lib.format): written as version 1.0, read as 1 to 3.
 * Depends on: base. */
#ifndef ESPY_ARTIFACT_NPY_H
#define ESPY_ARTIFACT_NPY_H

#include "base/mem.h"

typedef enum espy_npy_type {
    ESPY_NPY_F32,  /* '<f4' */
    ESPY_NPY_F64,  /* '<f8' */
    ESPY_NPY_I32,  /* '<i4' */
    ESPY_NPY_I64,  /* '<i8' */
    ESPY_NPY_U8,   /* '|u1' */
    ESPY_NPY_TEXT, /* '<U{n}': n code points of 4 bytes, padded with zeros */
} espy_npy_type;

#define ESPY_NPY_RANK 4

typedef struct espy_npy {
    espy_npy_type type;
    int rank;
    size_t dims[ESPY_NPY_RANK];
    size_t n;   /* elements */
    void *data; /* n elements in C order; for TEXT an array of n `char *`, UTF-8; owned */
} espy_npy;

/* Reads an array in C order (vectors in either).  The shape must match the number of bytes exactly.
 * Errors: FORMAT, UNSUPPORTED (another element type, Fortran order), NOMEM. */
espy_err espy_npy_parse(espy_ctx *cx, espy_span bytes, espy_npy *out) ESPY_NODISCARD;
/* The same from a file of at most cx->max.file_bytes. */
espy_err espy_npy_load(espy_ctx *cx, const char *path, espy_npy *out) ESPY_NODISCARD;
/* Embeddings: real numbers of shape (n, dim) or (dim,), as n x dim floats, all finite, at least
 * one. *x: the caller's.  Errors: FORMAT also for anything else. */
espy_err espy_npy_load_rows(espy_ctx *cx, const char *path, float **x, size_t *n,
                            size_t *dim) ESPY_NODISCARD;
void espy_npy_free(espy_ctx *cx, espy_npy *a); /* leaves an empty array */

/* Append a whole file to `out`; the bytes equal numpy.save's.  dims[rank] in C order.
 * Text: ARG when a string is not UTF-8; the width is the longest string's (at least 1). */
espy_err espy_npy_put_f32(espy_ctx *cx, espy_buf *out, const float *x, int rank,
                          const size_t *dims) ESPY_NODISCARD;
espy_err espy_npy_put_i64(espy_ctx *cx, espy_buf *out, const int64_t *v, size_t n) ESPY_NODISCARD;
espy_err espy_npy_put_text(espy_ctx *cx, espy_buf *out, const char *const *s,
                           size_t n) ESPY_NODISCARD;

/* numpy's '<U{width}' elements, also used inside pickles.  *width: code points of the longest
 * string, at least 1.  ARG when a string is not UTF-8. */
espy_err espy_npy_text_width(espy_ctx *cx, const char *const *s, size_t n,
                             size_t *width) ESPY_NODISCARD;
espy_err espy_npy_text_put(espy_ctx *cx, espy_buf *out, const char *const *s, size_t n,
                           size_t width) ESPY_NODISCARD;
/* The reverse: n elements of `width` code points as one block of n `char *`, freed with
 * espy_free(). */
espy_err espy_npy_text_get(espy_ctx *cx, const uint8_t *p, size_t n, size_t width,
                           char ***out) ESPY_NODISCARD;

#endif
