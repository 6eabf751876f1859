/* SPDX-License-Identifier: Apache-2.0
 * kern - vector kernels.  One file per CPU level; plain C fills the table, each level the CPU has
 * overwrites its entries.  Kernels cannot fail, allocate or log. */
#ifndef ESPY_KERN_KERN_H
#define ESPY_KERN_KERN_H

#include <stddef.h>
#include <stdint.h>

/* AVX512: F, VL, DQ, BW.  VNNI and BF16: AVX512 with products of bytes, of bf16. */
enum {
    ESPY_CPU_AVX2 = 1u << 0,
    ESPY_CPU_AVX512 = 1u << 1,
    ESPY_CPU_VNNI = 1u << 2,
    ESPY_CPU_BF16 = 1u << 3
};

typedef struct espy_kern {
    /* sum of a[i]*b[i]; error within 2 n eps sum|a_i b_i| of the exact value */
    float (*dot)(const float *a, const float *b, size_t n);
    /* the same summed in double, error within n 2^-52 sum|a_i b_i|; the same bits for (b, a) */
    double (*dot_double)(const float *a, const float *b, size_t n);
    /* y[i] += s * x[i] */
    void (*axpy)(float s, const float *x, float *y, size_t n);
    /* the i with x[i] >= limit into at (room for n), in order; returns how many */
    size_t (*reach)(const float *x, size_t n, float limit, uint32_t *at);
} espy_kern;

/* What this CPU has, masked by the environment variable ESPY_CPU = none | avx2 | avx512. */
unsigned espy_cpu_detect(void);

/* Fills a table for a set of levels.  Keep it in the object that uses it; filling is quick. */
void espy_kern_init(espy_kern *k, unsigned cpu);

#endif
