/* SPDX-License-Identifier: Apache-2.0
 * learn - loops over the decision values of one class, compiled once per CPU level (logistic_*.c);
 * LOOP(name) gives the level's function.  Sixteen sums are kept apart, folded into doubles every
 * LOOP_FOLD values, so the compiler may use any vector width and the bits stay the same.
 * n is a multiple of 16; pads hold z = ESPY_LOGISTIC_PAD. */
#include <string.h>

#include "learn/logistic_sums.h"

enum { LOOP_FOLD = 256, LOOP_LANES = ESPY_LOGISTIC_LANES };

/* exp(x) for x <= 0 within 2e-7 relative, 0 below -87: 2^k e^r, |r| <= ln 2 / 2, Taylor to r^7. */
static inline float loop_exp(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float t = x < -87.0f ? -87.0f : x;
    float k = (t * 1.44269504f + shift) - shift;
    float r = (t - k * 0.693359375f) + k * 2.12194440e-4f; /* ln 2 in two parts */
    float e = 1.0f / 5040;
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    int32_t bits = ((int32_t)k + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.0f ? 0.0f : e * scale;
}

static inline float loop_sigmoid(float z)
{
    float e = loop_exp(z < 0 ? z : -z), over = 1.0f / (1.0f + e);

    return (z < 0 ? e : 1.0f) * over;
}

static inline double loop_fold(float *lanes)
{
    double sum = 0;

    for (size_t l = 0; l < LOOP_LANES; l++) {
        sum += lanes[l];
        lanes[l] = 0;
    }
    return sum;
}

static double LOOP(slope)(const float *z, const float *dz, float length, size_t n)
{
    float lanes[LOOP_LANES] = {0};
    double sum = 0;

    for (size_t i = 0; i < n;) {
        size_t end = n - i < LOOP_FOLD ? n : i + LOOP_FOLD;
        for (; i < end; i += LOOP_LANES)
            for (size_t l = 0; l < LOOP_LANES; l++) {
                float d = dz[i + l];
                lanes[l] += loop_sigmoid(z[i + l] + length * d) * d;
            }
        sum += loop_fold(lanes);
    }
    return sum;
}

static void LOOP(move)(float *z, const float *dz, float length, float shift, size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] = (z[i] + length * dz[i]) + shift;
}

static void LOOP(mass)(const float *z, float shift, size_t n, double *mass, double *curve)
{
    float p_lanes[LOOP_LANES] = {0}, d_lanes[LOOP_LANES] = {0};

    *mass = *curve = 0;
    for (size_t i = 0; i < n;) {
        size_t end = n - i < LOOP_FOLD ? n : i + LOOP_FOLD;
        for (; i < end; i += LOOP_LANES)
            for (size_t l = 0; l < LOOP_LANES; l++) {
                float p = loop_sigmoid(z[i + l] + shift);
                p_lanes[l] += p;
                d_lanes[l] += p * (1.0f - p);
            }
        *mass += loop_fold(p_lanes);
        *curve += loop_fold(d_lanes);
    }
}

static double LOOP(residual)(const float *z, float weight, size_t n, float *r, float *w)
{
    float lanes[LOOP_LANES] = {0};
    double sum = 0;

    for (size_t i = 0; i < n;) {
        size_t end = n - i < LOOP_FOLD ? n : i + LOOP_FOLD;
        for (; i < end; i += LOOP_LANES)
            for (size_t l = 0; l < LOOP_LANES; l++) {
                float p = loop_sigmoid(z[i + l]);
                r[i + l] = weight * p;
                w[i + l] = weight * p * (1.0f - p);
                lanes[l] += weight * p;
            }
        sum += loop_fold(lanes);
    }
    return sum;
}
