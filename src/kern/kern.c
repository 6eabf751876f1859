/* SPDX-License-Identifier: Apache-2.0
 * kern - the plain C kernels and the choice of level. */
#include "kern/kern.h"

#include <stdlib.h>
#include <string.h>

#include "kern/levels.h"

/* Four sums keep the rounding error near that of the vector kernels and let the compiler overlap.
 */
static float dot_c(const float *a, const float *b, size_t n)
{
    float s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            s[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static double dot_double_c(const float *a, const float *b, size_t n)
{
    double s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)a[i + j] * (double)b[i + j];
    for (; i < n; i++)
        s[0] += (double)a[i] * (double)b[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static void axpy_c(float s, const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += s * x[i];
}

static size_t reach_c(const float *x, size_t n, float limit, uint32_t *at)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] >= limit)
            at[found++] = (uint32_t)i;
    return found;
}

unsigned espy_cpu_detect(void)
{
    unsigned cpu = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        cpu |= ESPY_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        cpu |= ESPY_CPU_AVX512;
    if (cpu & ESPY_CPU_AVX512 && __builtin_cpu_supports("avx512vnni"))
        cpu |= ESPY_CPU_VNNI;
    if (cpu & ESPY_CPU_AVX512 && __builtin_cpu_supports("avx512bf16"))
        cpu |= ESPY_CPU_BF16;
#endif
    const char *mask = getenv("ESPY_CPU");
    if (mask && strcmp(mask, "none") == 0)
        cpu = 0;
    else if (mask && strcmp(mask, "avx2") == 0)
        cpu &= ESPY_CPU_AVX2;
    return cpu;
}

void espy_kern_init(espy_kern *k, unsigned cpu)
{
    k->dot = dot_c;
    k->dot_double = dot_double_c;
    k->axpy = axpy_c;
    k->reach = reach_c;
#if defined(__x86_64__)
    if (cpu & ESPY_CPU_AVX2)
        espy_kern_avx2(k);
    if (cpu & ESPY_CPU_AVX512)
        espy_kern_avx512(k);
#else
    (void)cpu;
#endif
}
