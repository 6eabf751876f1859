/* SPDX-License-Identifier: Apache-2.0
 * learn - the SMO loops for AVX2; compiled with -mavx2. */
#if defined(__x86_64__)
#include <immintrin.h>

static inline float smo_avx2_top(__m256 a)
{
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    h = _mm_max_ss(h, _mm_movehdup_ps(h));
    return _mm_cvtss_f32(h);
}

#define LANES 8
#define vec __m256
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, a) _mm256_storeu_ps(p, a)
#define SET(x) _mm256_set1_ps(x)
#define ADD(a, b) _mm256_add_ps(a, b)
#define SUB(a, b) _mm256_sub_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define DIV(a, b) _mm256_div_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define TOP(a) smo_avx2_top(a)
#define EQ(a, b) ((unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)))
#define LAST(bits) ((size_t)(31 - __builtin_clz(bits)))
#include "learn/smo_loop.h"

const espy_smo_ops espy_smo_avx2 = {smo_loop, smo_invert};
#endif
