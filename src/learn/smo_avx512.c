/* SPDX-License-Identifier: Apache-2.0
 * learn - the SMO loops for AVX-512F; compiled with -mavx512f. */
#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 8
#define vec __m512d
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, a) _mm512_storeu_pd(p, a)
#define SET(x) _mm512_set1_pd(x)
#define ADD(a, b) _mm512_add_pd(a, b)
#define SUB(a, b) _mm512_sub_pd(a, b)
#define MUL(a, b) _mm512_mul_pd(a, b)
#define DIV(a, b) _mm512_div_pd(a, b)
#define MAX(a, b) _mm512_max_pd(a, b)
#define WIDEN(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define TOP(a) _mm512_reduce_max_pd(a)
#define EQ(a, b) ((unsigned)_mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ))
#define FLANES 16
#define fvec __m512
#define FLOAD(p) _mm512_loadu_ps(p)
#define FSTORE(p, a) _mm512_storeu_ps(p, a)
#define FSET(x) _mm512_set1_ps(x)
#define FSUB(a, b) _mm512_sub_ps(a, b)
#define FMUL(a, b) _mm512_mul_ps(a, b)
#include "learn/smo_loop.h"

const espy_smo_ops espy_smo_avx512 = {smo_loop, smo_subtract, smo_invert};
#endif
