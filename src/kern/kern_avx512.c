/* SPDX-License-Identifier: Apache-2.0
 * kern - AVX-512 (F, VL, DQ, BW). */
#include "kern/levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

static __mmask16 rest_mask(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

static float dot_avx512(const float *a, const float *b, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
        s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
        s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
        s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
    }
    for (; i + 16 <= n; i += 16)
        s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    if (i < n) {
        __mmask16 m = rest_mask(n - i);
        s1 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i), s1);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

static double dot_double_avx512(const float *a, const float *b, size_t n)
{
    __m512d s[4] = {_mm512_setzero_pd(), _mm512_setzero_pd(), _mm512_setzero_pd(),
                    _mm512_setzero_pd()};
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (size_t j = 0; j < 4; j++)
            s[j] = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(a + i + 8 * j)),
                                   _mm512_cvtps_pd(_mm256_loadu_ps(b + i + 8 * j)), s[j]);
    for (; i < n; i += 8) {
        __mmask8 m = n - i < 8 ? (__mmask8)rest_mask(n - i) : 0xff;
        s[0] = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(m, a + i)),
                               _mm512_cvtps_pd(_mm256_maskz_loadu_ps(m, b + i)), s[0]);
    }
    return _mm512_reduce_add_pd(
        _mm512_add_pd(_mm512_add_pd(s[0], s[1]), _mm512_add_pd(s[2], s[3])));
}

static void axpy_avx512(float s, const float *x, float *y, size_t n)
{
    __m512 v = _mm512_set1_ps(s);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_fmadd_ps(v, _mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i)));
    if (i < n) {
        __mmask16 m = rest_mask(n - i);
        __m512 sum =
            _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, y + i));
        _mm512_mask_storeu_ps(y + i, m, sum);
    }
}

static size_t reach_avx512(const float *x, size_t n, float limit, uint32_t *at)
{
    const __m512 v = _mm512_set1_ps(limit);
    size_t found = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = n - i < 16 ? rest_mask(n - i) : (__mmask16)0xffff;
        m = _mm512_mask_cmp_ps_mask(m, _mm512_maskz_loadu_ps(m, x + i), v, _CMP_GE_OQ);
        for (unsigned left = m; left; left &= left - 1)
            at[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(left);
    }
    return found;
}

void espy_kern_avx512(espy_kern *k)
{
    k->dot = dot_avx512;
    k->dot_double = dot_double_avx512;
    k->axpy = axpy_avx512;
    k->reach = reach_avx512;
}
#else
typedef int kern_nothing_here;
#endif
