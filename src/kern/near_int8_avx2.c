/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines of int8 codes with AVX2: |a| times b with a's sign, whose sums of two, at most
 * 2 x 127 x 127, fit the 16 bits of maddubs. */
#include "kern/near_levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NEAR_LANES 8
#define NEAR_GROUP 2
#define NEAR_TAIL 1
typedef __m256i near_rows, near_sum;

static inline __m256i near_start(const uint32_t *query, size_t words)
{
    (void)query;
    (void)words;
    return _mm256_setzero_si256();
}

static inline __m256i near_load(const uint32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline __m256i near_fill(const uint32_t *p)
{
    return _mm256_set1_epi32((int)*p);
}

static inline __m256i near_step(__m256i s, __m256i rows, __m256i query)
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(rows), _mm256_sign_epi8(query, rows));
    return _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline void near_end(float *to, __m256i s, const uint32_t *row_tails, const uint32_t *tail)
{
    __m256 scale = _mm256_castsi256_ps(near_fill(tail));
    __m256 scales = _mm256_castsi256_ps(near_load(row_tails));
    _mm256_storeu_ps(to, _mm256_mul_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(s), scales), scale));
}

#include "kern/near_tile.h"

static float near_one(const uint32_t *a, const uint32_t *b, size_t words)
{
    __m256i s = _mm256_setzero_si256();
    for (size_t w = 0; w < words; w += 8)
        s = near_step(s, near_load(a + w), near_load(b + w));
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    __m128 scale_a = _mm_castsi128_ps(_mm_cvtsi32_si128((int)a[words]));
    __m128 scale_b = _mm_castsi128_ps(_mm_cvtsi32_si128((int)b[words]));
    return _mm_cvtss_f32(_mm_mul_ss(_mm_cvtepi32_ps(h), _mm_mul_ss(scale_a, scale_b)));
}

const espy_near espy_near_int8_avx2 = {near_one, near_tile};
#else
typedef int near_nothing_here;
#endif
