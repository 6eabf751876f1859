/* SPDX-License-Identifier: Apache-2.0
 * kern - AVX2 and FMA. */
#include "kern/levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

static float dot_avx2(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
        s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
        s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
    }
    for (; i + 8 <= n; i += 8)
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s0 = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(s0), _mm256_extractf128_ps(s0, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    h = _mm_add_ss(h, _mm_movehdup_ps(h));
    float s = _mm_cvtss_f32(h);
    for (; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static double dot_double_avx2(const float *a, const float *b, size_t n)
{
    __m256d s[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                    _mm256_setzero_pd()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t j = 0; j < 4; j++)
            s[j] = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i + 4 * j)),
                                   _mm256_cvtps_pd(_mm_loadu_ps(b + i + 4 * j)), s[j]);
    double four[4], sum;
    _mm256_storeu_pd(four, _mm256_add_pd(_mm256_add_pd(s[0], s[1]), _mm256_add_pd(s[2], s[3])));
    sum = (four[0] + four[1]) + (four[2] + four[3]);
    for (; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void axpy_avx2(float s, const float *x, float *y, size_t n)
{
    __m256 v = _mm256_set1_ps(s);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(v, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        y[i] += s * x[i];
}

static size_t reach_avx2(const float *x, size_t n, float limit, uint32_t *at)
{
    const __m256 v = _mm256_set1_ps(limit);
    size_t found = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 over = _mm256_cmp_ps(_mm256_loadu_ps(x + i), v, _CMP_GE_OQ);
        for (unsigned m = (unsigned)_mm256_movemask_ps(over); m; m &= m - 1)
            at[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(m);
    }
    for (; i < n; i++)
        if (x[i] >= limit)
            at[found++] = (uint32_t)i;
    return found;
}

void espy_kern_avx2(espy_kern *k)
{
    k->dot = dot_avx2;
    k->dot_double = dot_double_avx2;
    k->axpy = axpy_avx2;
    k->reach = reach_avx2;
}
#else
typedef int kern_nothing_here;
#endif
