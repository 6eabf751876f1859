/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines of int8 codes with VNNI, which multiplies bytes without a sign by bytes with one:
 * sum a b = sum (a + 128) b - 128 sum b. */
#include "kern/near_levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NEAR_LANES 16
#define NEAR_GROUP 8
#define NEAR_TAIL 1
typedef __m512i near_rows, near_sum;

/* 128 in every byte: added to a byte with a sign it is the same as a change of the top bit. */
static inline __m512i near_shift(void)
{
    return _mm512_set1_epi8((char)0x80);
}

static inline __m512i near_start(const uint32_t *query, size_t words)
{
    __m512i s = _mm512_setzero_si512();
    for (size_t w = 0; w < words; w += 16)
        s = _mm512_dpbusd_epi32(s, near_shift(), _mm512_loadu_si512(query + w));
    return _mm512_set1_epi32(-_mm512_reduce_add_epi32(s));
}

static inline __m512i near_load(const uint32_t *p)
{
    return _mm512_xor_si512(_mm512_loadu_si512(p), near_shift());
}

static inline __m512i near_fill(const uint32_t *p)
{
    return _mm512_set1_epi32((int)*p);
}

static inline __m512i near_step(__m512i s, __m512i rows, __m512i query)
{
    return _mm512_dpbusd_epi32(s, rows, query);
}

static inline void near_end(float *to, __m512i s, const uint32_t *row_tails, const uint32_t *tail)
{
    __m512 scale = _mm512_castsi512_ps(near_fill(tail));
    __m512 scales = _mm512_loadu_ps(row_tails);
    _mm512_storeu_ps(to, _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(s), scales), scale));
}

#include "kern/near_tile.h"

static float near_one(const uint32_t *a, const uint32_t *b, size_t words)
{
    __m512i s = _mm512_setzero_si512(), shift = s;
    for (size_t w = 0; w < words; w += 16) {
        __m512i v = _mm512_loadu_si512(b + w);
        s = near_step(s, near_load(a + w), v);
        shift = near_step(shift, near_shift(), v);
    }
    int32_t sum = _mm512_reduce_add_epi32(_mm512_sub_epi32(s, shift));
    __m128 scale_a = _mm_castsi128_ps(_mm_cvtsi32_si128((int)a[words]));
    __m128 scale_b = _mm_castsi128_ps(_mm_cvtsi32_si128((int)b[words]));
    return _mm_cvtss_f32(_mm_mul_ss(_mm_set_ss((float)sum), _mm_mul_ss(scale_a, scale_b)));
}

const espy_near espy_near_int8_vnni = {near_one, near_tile};
#else
typedef int near_nothing_here;
#endif
