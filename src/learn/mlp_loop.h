/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of mlp_columns.h, compiled once per CPU level (mlp_*.c); LOOP(name) gives the
 * level's function, LOOP_TABLE is
 * the name of its table.  Sums run down the rows, so the compiler may use any vector width and the
 * bits stay the same. */
#include <math.h>
#include <string.h>

#include "learn/mlp_columns.h"

static void LOOP(rectify)(float *restrict r, const float *restrict bias, float *restrict sum,
                          size_t m, size_t w, size_t stride)
{
    memset(sum, 0, w * sizeof *sum);
    for (size_t i = 0; i < m; i++, r += stride)
        for (size_t c = 0; c < w; c++) {
            float v = r[c] + bias[c];
            r[c] = v > 0 ? v : 0;
            sum[c] += r[c];
        }
}

static void LOOP(variance)(const float *restrict r, const float *restrict mean, float *restrict sum,
                           size_t m, size_t w, size_t stride)
{
    memset(sum, 0, w * sizeof *sum);
    for (size_t i = 0; i < m; i++, r += stride)
        for (size_t c = 0; c < w; c++) {
            float d = r[c] - mean[c];
            sum[c] += d * d;
        }
}

static void LOOP(normalise)(const float *restrict r, const espy_mlp_norm *n,
                            const espy_mlp_drop *drop, float *restrict a, size_t m, size_t w,
                            size_t stride)
{
    const float *restrict mean = n->mean, *restrict inverse = n->inverse;
    const float *restrict gamma = n->gamma, *restrict beta = n->beta;
    const uint32_t key = drop->key, below = drop->below;
    const float times = drop->times;

    for (size_t i = 0; i < m; i++, r += stride, a += stride) {
        uint32_t at = (uint32_t)(i * drop->width + drop->first);
        for (size_t c = 0; c < w; c++) {
            float v = (r[c] - mean[c]) * inverse[c] * gamma[c] + beta[c];
            a[c] = v * (espy_mlp_keeps(key, below, at + (uint32_t)c) ? times : 0);
        }
    }
}

static void LOOP(back)(float *restrict d, const float *restrict r, const espy_mlp_norm *n,
                       const espy_mlp_drop *drop, float *restrict g_bias, float *restrict g_gamma,
                       float *restrict g_beta, size_t m, size_t w, size_t stride)
{
    const float *restrict mean = n->mean, *restrict inverse = n->inverse;
    const float *restrict gamma = n->gamma;
    const uint32_t key = drop->key, below = drop->below;
    const float times = drop->times, share = 1.0f / (float)m;

    memset(g_bias, 0, w * sizeof *g_bias);
    memset(g_gamma, 0, w * sizeof *g_gamma);
    memset(g_beta, 0, w * sizeof *g_beta);
    for (size_t i = 0; i < m; i++) {
        uint32_t at = (uint32_t)(i * drop->width + drop->first);
        float *restrict di = d + i * stride;
        const float *restrict ri = r + i * stride;
        for (size_t c = 0; c < w; c++) {
            float v = di[c] * (espy_mlp_keeps(key, below, at + (uint32_t)c) ? times : 0);
            di[c] = v;
            g_beta[c] += v;
            g_gamma[c] += v * ((ri[c] - mean[c]) * inverse[c]);
        }
    }
    /* Ioffe, Szegedy 2015, section 3, gathered; then through the ReLU. */
    for (size_t i = 0; i < m; i++) {
        float *restrict di = d + i * stride;
        const float *restrict ri = r + i * stride;
        for (size_t c = 0; c < w; c++) {
            float x = (ri[c] - mean[c]) * inverse[c];
            float v = gamma[c] * inverse[c] * (di[c] - share * (g_beta[c] + x * g_gamma[c]));
            di[c] = ri[c] > 0 ? v : 0;
            g_bias[c] += di[c];
        }
    }
}

static void LOOP(infer)(float *restrict z, const float *restrict bias, const float *restrict scale,
                        const float *restrict shift, size_t m, size_t w, size_t stride)
{
    for (size_t i = 0; i < m; i++, z += stride)
        for (size_t c = 0; c < w; c++) {
            float v = z[c] + bias[c];
            z[c] = (v > 0 ? v : 0) * scale[c] + shift[c];
        }
}

/* Moments that have faded to nothing become 0: arithmetic on denormal numbers is slow, and a unit
 * that is dead would hold them for good. */
static void LOOP(adam)(float *restrict p, float *restrict first, float *restrict second,
                       const float *restrict gradient, float alpha, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i];
        float f = first[i] + (g - first[i]) * 0.1f;
        float s = second[i] + (g * g - second[i]) * 0.001f;
        f = fabsf(f) < 1e-30f ? 0 : f;
        s = s < 1e-36f ? 0 : s;
        first[i] = f;
        second[i] = s;
        p[i] -= alpha * f / (sqrtf(s) + 1e-7f);
    }
}

const espy_mlp_columns LOOP_TABLE = {
    .rectify = LOOP(rectify),
    .variance = LOOP(variance),
    .normalise = LOOP(normalise),
    .back = LOOP(back),
    .infer = LOOP(infer),
    .adam = LOOP(adam),
};
