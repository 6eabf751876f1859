/* SPDX-License-Identifier: Apache-2.0
 * learn - the SMO loops for AVX2; compiled with -mavx2. */
#if defined(__x86_64__)
#include <immintrin.h>

static inline double smo_avx2_top(__m256d a)
{
    __m128d h = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));

    return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
}

#define LANES 4
#define vec __m256d
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, a) _mm256_storeu_pd(p, a)
#define SET(x) _mm256_set1_pd(x)
#define ADD(a, b) _mm256_add_pd(a, b)
#define SUB(a, b) _mm256_sub_pd(a, b)
#define MUL(a, b) _mm256_mul_pd(a, b)
#define DIV(a, b) _mm256_div_pd(a, b)
#define MAX(a, b) _mm256_max_pd(a, b)
#define WIDEN(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define TOP(a) smo_avx2_top(a)
#define EQ(a, b) ((unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_EQ_OQ)))
#define FLANES 8
#define fvec __m256
#define FLOAD(p) _mm256_loadu_ps(p)
#define FSTORE(p, a) _mm256_storeu_ps(p, a)
#define FSET(x) _mm256_set1_ps(x)
#define FSUB(a, b) _mm256_sub_ps(a, b)
#define FMUL(a, b) _mm256_mul_ps(a, b)
#include "learn/smo_loop.h"

const espy_smo_ops espy_smo_avx2 = {smo_loop, smo_subtract, smo_invert};
#endif
