/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines of f32 codes with AVX2 and FMA. */
#include "kern/near_levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NEAR_LANES 8
#define NEAR_GROUP 3
#define NEAR_TAIL 0
typedef __m256 near_rows, near_sum;

static inline __m256 near_start(const uint32_t *query, size_t words)
{
    (void)query;
    (void)words;
    return _mm256_setzero_ps();
}

static inline __m256 near_load(const uint32_t *p)
{
    return _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)p));
}

static inline __m256 near_fill(const uint32_t *p)
{
    return _mm256_castsi256_ps(_mm256_set1_epi32((int)*p));
}

static inline __m256 near_step(__m256 s, __m256 rows, __m256 query)
{
    return _mm256_fmadd_ps(rows, query, s);
}

static inline void near_end(float *to, __m256 s, const uint32_t *row_tails, const uint32_t *tail)
{
    (void)row_tails;
    (void)tail;
    _mm256_storeu_ps(to, s);
}

#include "kern/near_tile.h"

static float near_one(const uint32_t *a, const uint32_t *b, size_t words)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (size_t w = 0; w < words; w += 16) {
        s0 = near_step(s0, near_load(a + w), near_load(b + w));
        s1 = near_step(s1, near_load(a + w + 8), near_load(b + w + 8));
    }
    s0 = _mm256_add_ps(s0, s1);
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(s0), _mm256_extractf128_ps(s0, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
}

const espy_near espy_near_f32_avx2 = {near_one, near_tile};
#else
typedef int near_nothing_here;
#endif
