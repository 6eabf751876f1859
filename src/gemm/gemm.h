/* SPDX-License-Identifier: Apache-2.0
 * gemm - the one matrix product.  Row-major, f32.  Large products are cut into fixed tiles over the
 * pool of the context, so the result has the same bits on any number of threads. */
#ifndef ESPY_GEMM_GEMM_H
#define ESPY_GEMM_GEMM_H

#include "base/ctx.h"

/* C (m x n) = alpha * op(A) (m x k) * op(B) (k x n) + beta * C.
 * op transposes when trans_* is set; ld* are row strides in elements of the stored matrices. */
espy_err espy_gemm(espy_ctx *cx, bool trans_a, bool trans_b, size_t m, size_t n, size_t k,
                   float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                   float *c, size_t ldc) ESPY_NODISCARD;

/* Whether espy_gemm_bytes() is of use here: only where a CPU has dot products of bytes (VNNI) is it
 * faster, and only there do sums of bytes not run over in between. */
bool espy_gemm_bytes_ready(void);

/* C (m x n) = A (m x k) * B (n x k) transposed, in the calling thread; exact for k <= 2^16.  To be
 * called only where it is ready. */
espy_err espy_gemm_bytes(espy_ctx *cx, size_t m, size_t n, size_t k, const int8_t *a, size_t lda,
                         const int8_t *b, size_t ldb, int32_t *c, size_t ldc) ESPY_NODISCARD;

#endif
