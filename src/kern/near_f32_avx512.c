/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines of f32 codes with AVX-512. */
#include "kern/near_levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NEAR_LANES 16
#define NEAR_GROUP 8
#define NEAR_TAIL 0
typedef __m512 near_rows, near_sum;

static inline __m512 near_start(const uint32_t *query, size_t words)
{
    (void)query;
    (void)words;
    return _mm512_setzero_ps();
}

static inline __m512 near_load(const uint32_t *p)
{
    return _mm512_loadu_ps(p);
}

static inline __m512 near_fill(const uint32_t *p)
{
    return _mm512_castsi512_ps(_mm512_set1_epi32((int)*p));
}

static inline __m512 near_step(__m512 s, __m512 rows, __m512 query)
{
    return _mm512_fmadd_ps(rows, query, s);
}

static inline void near_end(float *to, __m512 s, const uint32_t *row_tails, const uint32_t *tail)
{
    (void)row_tails;
    (void)tail;
    _mm512_storeu_ps(to, s);
}

#include "kern/near_tile.h"

static float near_one(const uint32_t *a, const uint32_t *b, size_t words)
{
    __m512 s[4] = {near_start(b, words), near_start(b, words), near_start(b, words),
                   near_start(b, words)};
    size_t w = 0;
    for (; w + 64 <= words; w += 64)
        for (size_t i = 0; i < 4; i++)
            s[i] = near_step(s[i], near_load(a + w + 16 * i), near_load(b + w + 16 * i));
    for (; w < words; w += 16)
        s[0] = near_step(s[0], near_load(a + w), near_load(b + w));
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3])));
}

const espy_near espy_near_f32_avx512 = {near_one, near_tile};
#else
typedef int near_nothing_here;
#endif
