/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines of bf16 codes with AVX-512: a bf16 is the upper half of an f32. */
#include "kern/near_levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NEAR_LANES 16
#define NEAR_GROUP 8
#define NEAR_TAIL 0
typedef __m512i near_rows;
typedef __m512 near_sum;

static inline __m512 near_start(const uint32_t *query, size_t words)
{
    (void)query;
    (void)words;
    return _mm512_setzero_ps();
}

static inline __m512i near_load(const uint32_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline __m512i near_fill(const uint32_t *p)
{
    return _mm512_set1_epi32((int)*p);
}

static inline __m512 near_low(__m512i v)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16));
}

static inline __m512 near_high(__m512i v)
{
    return _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32((int)0xffff0000u)));
}

static inline __m512 near_step(__m512 s, __m512i rows, __m512i query)
{
    s = _mm512_fmadd_ps(near_low(rows), near_low(query), s);
    return _mm512_fmadd_ps(near_high(rows), near_high(query), s);
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
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    size_t w = 0;
    for (; w + 32 <= words; w += 32) {
        s0 = near_step(s0, near_load(a + w), near_load(b + w));
        s1 = near_step(s1, near_load(a + w + 16), near_load(b + w + 16));
    }
    if (w < words)
        s0 = near_step(s0, near_load(a + w), near_load(b + w));
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

const espy_near espy_near_bf16_avx512 = {near_one, near_tile};
#else
typedef int near_nothing_here;
#endif
