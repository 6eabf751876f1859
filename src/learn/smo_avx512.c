/* SPDX-License-Identifier: Apache-2.0
 * learn - the SMO loops for AVX-512F; compiled with -mavx512f. */
#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 16
#define vec __m512
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, a) _mm512_storeu_ps(p, a)
#define SET(x) _mm512_set1_ps(x)
#define ADD(a, b) _mm512_add_ps(a, b)
#define SUB(a, b) _mm512_sub_ps(a, b)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define DIV(a, b) _mm512_div_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define TOP(a) _mm512_reduce_max_ps(a)
#define EQ(a, b) ((unsigned)_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ))
#define LAST(bits) ((size_t)(31 - __builtin_clz(bits)))
#include "learn/smo_loop.h"

const espy_smo_ops espy_smo_avx512 = {smo_loop, smo_invert};
#endif
