/* SPDX-License-Identifier: Apache-2.0
 * encode - statistics of a log-mel spectrogram: the embedding of the pack melstats. */
#include <math.h>

#include "encode/encoder_sound.h"

enum { STATS_CEPSTRA = 31, STATS_DIM = ESPY_STATS_DIM };
#define STATS_STILL 0.05 /* added to deviations, so that silence has a logarithm */

/* Mean and deviation of each value over 168 recordings of six classes (chainsaw, dog, engine, gun
 * shot, rain, siren) and 96 sentences in eight synthetic voices. */
static const float stats_mean[STATS_DIM] = {
    2.608f,  0.004f,  1.218f,  -0.266f, -0.411f, 0.273f,  -0.578f, -0.115f, -0.098f, 0.171f,
    0.044f,  0.034f,  -0.026f, 0.250f,  -0.166f, 0.005f,  0.108f,  -0.061f, -0.048f, -0.023f,
    0.068f,  -0.102f, -0.047f, 0.033f,  -0.068f, -0.007f, -0.043f, -0.071f, -0.009f, -0.016f,
    1.696f,  0.781f,  0.395f,  0.415f,  0.244f,  0.193f,  0.195f,  0.115f,  -0.006f, -0.060f,
    -0.048f, -0.130f, -0.147f, -0.160f, -0.236f, -0.227f, -0.300f, -0.333f, -0.352f, -0.430f,
    -0.454f, -0.515f, -0.492f, -0.558f, -0.597f, -0.624f, -0.638f, -0.668f, -0.721f, -0.742f,
    -0.745f, 0.994f,  0.295f,  0.009f,  0.020f,  -0.109f, -0.116f, -0.109f, -0.137f, -0.200f,
    -0.227f, -0.239f, -0.292f, -0.320f, -0.316f, -0.357f, -0.364f, -0.404f, -0.438f, -0.457f,
    -0.484f, -0.514f, -0.560f, -0.539f, -0.591f, -0.617f, -0.629f, -0.651f, -0.672f, -0.695f,
    -0.713f, -0.723f};

static const float stats_deviation[STATS_DIM] = {
    3.119f, 2.129f, 2.308f, 1.177f, 1.166f, 1.024f, 1.156f, 0.613f, 0.570f, 0.479f, 0.520f, 0.504f,
    0.414f, 0.523f, 0.568f, 0.292f, 0.274f, 0.335f, 0.290f, 0.220f, 0.320f, 0.247f, 0.244f, 0.218f,
    0.184f, 0.168f, 0.197f, 0.199f, 0.194f, 0.186f, 0.938f, 0.825f, 0.604f, 0.787f, 0.713f, 0.682f,
    0.707f, 0.662f, 0.520f, 0.502f, 0.522f, 0.452f, 0.445f, 0.460f, 0.386f, 0.415f, 0.344f, 0.353f,
    0.333f, 0.267f, 0.259f, 0.228f, 0.257f, 0.217f, 0.202f, 0.216f, 0.211f, 0.200f, 0.199f, 0.196f,
    0.188f, 0.768f, 0.520f, 0.307f, 0.389f, 0.288f, 0.295f, 0.322f, 0.305f, 0.237f, 0.215f, 0.210f,
    0.171f, 0.156f, 0.158f, 0.142f, 0.153f, 0.131f, 0.132f, 0.134f, 0.126f, 0.133f, 0.148f, 0.121f,
    0.142f, 0.153f, 0.146f, 0.147f, 0.150f, 0.153f, 0.165f, 0.148f};

/* cosine[k * bands + b]: the DCT's matrix. */
static void stats_matrix(int bands, float *cosine)
{
    const double pi = acos(-1.0);
    for (int k = 0; k < STATS_CEPSTRA; k++)
        for (int b = 0; b < bands; b++)
            cosine[k * bands + b] =
                (float)(sqrt((k ? 2.0 : 1.0) / bands) * cos(pi * k * (2 * b + 1) / (2.0 * bands)));
}

/* Mean, deviation, and deviation of the changes of one cepstrum over time. */
static void stats_of(const float *c, int frames, double *mean, double *spread, double *motion)
{
    double sum = 0, square = 0, change = 0, change_square = 0;
    for (int t = 0; t < frames; t++) {
        double v = (double)c[t * STATS_CEPSTRA];
        double d = t ? v - (double)c[(t - 1) * STATS_CEPSTRA] : 0;
        sum += v;
        square += v * v;
        change += d;
        change_square += d * d;
    }
    *mean = sum / frames;
    *spread = sqrt(fmax(square / frames - *mean * *mean, 0));
    change /= frames - 1;
    *motion = sqrt(fmax(change_square / (frames - 1) - change * change, 0));
}

espy_err espy_stats_embed(espy_ctx *cx, const float *patch, int frames, int bands, float *out)
{
    float *cosine = espy_floats(cx, (size_t)STATS_CEPSTRA * (size_t)bands);
    float *cepstra = espy_floats(cx, (size_t)STATS_CEPSTRA * (size_t)frames);
    espy_err e = ESPY_E_OK;
    if (!cosine || !cepstra)
        ESPY_GO(cx->code);
    stats_matrix(bands, cosine);
    for (int t = 0; t < frames; t++)
        for (int k = 0; k < STATS_CEPSTRA; k++) {
            float sum = 0;
            for (int b = 0; b < bands; b++)
                sum += cosine[k * bands + b] * patch[t * bands + b];
            cepstra[t * STATS_CEPSTRA + k] = sum;
        }
    for (int k = 0; k < STATS_CEPSTRA; k++) {
        double mean, spread, motion;
        stats_of(cepstra + k, frames, &mean, &spread, &motion);
        if (k)
            out[k - 1] = (float)mean;
        out[STATS_CEPSTRA - 1 + k] = (float)log(spread + STATS_STILL);
        out[2 * STATS_CEPSTRA - 1 + k] = (float)log(motion + STATS_STILL);
    }
    for (int i = 0; i < STATS_DIM; i++)
        out[i] = (out[i] - stats_mean[i]) / stats_deviation[i];
out:
    espy_free(cx, cosine);
    espy_free(cx, cepstra);
    return e;
}
