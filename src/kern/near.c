/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines in plain C, and the choice of level. */
#include "kern/near.h"

#include <string.h>

#include "kern/kern.h"
#include "kern/near_levels.h"

static float near_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float near_f32(uint32_t a, uint32_t b)
{
    return near_float(a) * near_float(b);
}

static float near_bf16(uint32_t a, uint32_t b)
{
    return near_float(a << 16) * near_float(b << 16) +
           near_float(a & 0xffff0000u) * near_float(b & 0xffff0000u);
}

static int32_t near_int8(uint32_t a, uint32_t b)
{
    int32_t s = 0;
    for (int shift = 0; shift < 32; shift += 8)
        s += (int8_t)(a >> shift) * (int8_t)(b >> shift);
    return s;
}

static float one_f32(const uint32_t *a, const uint32_t *b, size_t words)
{
    float s = 0;
    for (size_t w = 0; w < words; w++)
        s += near_f32(a[w], b[w]);
    return s;
}

static float one_bf16(const uint32_t *a, const uint32_t *b, size_t words)
{
    float s = 0;
    for (size_t w = 0; w < words; w++)
        s += near_bf16(a[w], b[w]);
    return s;
}

static float one_int8(const uint32_t *a, const uint32_t *b, size_t words)
{
    int32_t s = 0;
    for (size_t w = 0; w < words; w++)
        s += near_int8(a[w], b[w]);
    return (float)s * (near_float(a[words]) * near_float(b[words]));
}

static void tile_f32(const uint32_t *blocks, size_t n, const uint32_t *queries, size_t nq,
                     size_t words, float *scores)
{
    for (size_t q = 0; q < nq; q++, queries += words)
        for (size_t b = 0; b < n; b++, scores += ESPY_NEAR_ROWS) {
            const uint32_t *at = blocks + b * words * ESPY_NEAR_ROWS;
            float s[ESPY_NEAR_ROWS] = {0};
            for (size_t w = 0; w < words; w++, at += ESPY_NEAR_ROWS)
                for (size_t r = 0; r < ESPY_NEAR_ROWS; r++)
                    s[r] += near_f32(at[r], queries[w]);
            memcpy(scores, s, sizeof s);
        }
}

static void tile_bf16(const uint32_t *blocks, size_t n, const uint32_t *queries, size_t nq,
                      size_t words, float *scores)
{
    for (size_t q = 0; q < nq; q++, queries += words)
        for (size_t b = 0; b < n; b++, scores += ESPY_NEAR_ROWS) {
            const uint32_t *at = blocks + b * words * ESPY_NEAR_ROWS;
            float s[ESPY_NEAR_ROWS] = {0};
            for (size_t w = 0; w < words; w++, at += ESPY_NEAR_ROWS)
                for (size_t r = 0; r < ESPY_NEAR_ROWS; r++)
                    s[r] += near_bf16(at[r], queries[w]);
            memcpy(scores, s, sizeof s);
        }
}

static void tile_int8(const uint32_t *blocks, size_t n, const uint32_t *queries, size_t nq,
                      size_t words, float *scores)
{
    for (size_t q = 0; q < nq; q++, queries += words + 1)
        for (size_t b = 0; b < n; b++, scores += ESPY_NEAR_ROWS) {
            const uint32_t *at = blocks + b * (words + 1) * ESPY_NEAR_ROWS;
            int32_t s[ESPY_NEAR_ROWS] = {0};
            for (size_t w = 0; w < words; w++, at += ESPY_NEAR_ROWS)
                for (size_t r = 0; r < ESPY_NEAR_ROWS; r++)
                    s[r] += near_int8(at[r], queries[w]);
            for (size_t r = 0; r < ESPY_NEAR_ROWS; r++)
                scores[r] = (float)s[r] * near_float(at[r]) * near_float(queries[words]);
        }
}

void espy_near_init(espy_near near[ESPY_NEAR_KINDS], unsigned cpu)
{
    near[ESPY_NEAR_F32] = (espy_near){one_f32, tile_f32};
    near[ESPY_NEAR_BF16] = (espy_near){one_bf16, tile_bf16};
    near[ESPY_NEAR_INT8] = (espy_near){one_int8, tile_int8};
#if defined(__x86_64__)
    if (cpu & ESPY_CPU_AVX2) {
        near[ESPY_NEAR_F32] = espy_near_f32_avx2;
        near[ESPY_NEAR_BF16] = espy_near_bf16_avx2;
        near[ESPY_NEAR_INT8] = espy_near_int8_avx2;
    }
    if (cpu & ESPY_CPU_AVX512) {
        near[ESPY_NEAR_F32] = espy_near_f32_avx512;
        near[ESPY_NEAR_BF16] = espy_near_bf16_avx512;
    }
    if (cpu & ESPY_CPU_VNNI)
        near[ESPY_NEAR_INT8] = espy_near_int8_vnni;
    if (cpu & ESPY_CPU_BF16)
        near[ESPY_NEAR_BF16] = espy_near_bf16_bf16;
#else
    (void)cpu;
#endif
}
