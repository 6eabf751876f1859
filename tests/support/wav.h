/* SPDX-License-Identifier: Apache-2.0
 * WAV files in memory (Microsoft, IBM 1991), right and wrong ones. */
#ifndef ESPY_TESTS_WAV_H
#define ESPY_TESTS_WAV_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct test_wav {
    int rate, channels;
    int bits;            /* 8, 16, 24, 32 of whole numbers; -32, -64 of floating point */
    const float *values; /* frames x channels; NULL: all zero */
    size_t frames;
    /* what the header says instead of the truth, where not 0 */
    int told_rate, told_channels;
    uint32_t told_size; /* of the data; TEST_WAV_ZERO says 0 */
} test_wav;
#define TEST_WAV_HEADER 44
#define TEST_WAV_ZERO UINT32_C(0xfffffffe)

static inline void test_wav_put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static inline void test_wav_value(uint8_t *to, int bits, float x)
{
    if (bits == -64) {
        const double d = (double)x;
        memcpy(to, &d, sizeof d);
    } else if (bits == -32) {
        memcpy(to, &x, sizeof x);
    } else {
        const double most = ldexp(1, bits - 1);
        const double v = fmin(fmax(round((double)x * most), -most), most - 1);
        test_wav_put(to, (uint64_t)(int64_t)v + (bits == 8 ? 128 : 0), bits / 8);
    }
}

static inline void test_wav_header(const test_wav *w, uint8_t header[TEST_WAV_HEADER])
{
    const int bytes = (w->bits < 0 ? -w->bits : w->bits) / 8;
    const int channels = w->told_channels ? w->told_channels : w->channels;
    const int rate = w->told_rate ? w->told_rate : w->rate;
    uint32_t size = (uint32_t)(w->frames * (size_t)(w->channels * bytes));
    if (w->told_size)
        size = w->told_size == TEST_WAV_ZERO ? 0 : w->told_size;
    memcpy(header, "RIFF....WAVEfmt ", 16);
    test_wav_put(header + 4, size == 0 || size > UINT32_MAX - 36 ? size : size + 36, 4);
    test_wav_put(header + 16, 16, 4);
    test_wav_put(header + 20, w->bits < 0 ? 3 : 1, 2);
    test_wav_put(header + 22, (uint64_t)channels, 2);
    test_wav_put(header + 24, (uint64_t)rate, 4);
    test_wav_put(header + 28, (uint64_t)rate * (uint64_t)(channels * bytes), 4);
    test_wav_put(header + 32, (uint64_t)(channels * bytes), 2);
    test_wav_put(header + 34, (uint64_t)(8 * bytes), 2);
    memcpy(header + 36, "data", 4);
    test_wav_put(header + 40, size, 4);
}

/* The caller frees it with espy_buf_free(). */
static inline espy_buf test_wav_make(espy_ctx *cx, const test_wav *w)
{
    const size_t bytes = (size_t)(w->bits < 0 ? -w->bits : w->bits) / 8;
    const size_t n = w->frames * (size_t)w->channels;
    uint8_t header[TEST_WAV_HEADER];
    espy_buf b;
    espy_buf_init(&b, SIZE_MAX / 2);
    test_wav_header(w, header);
    uint8_t *data = calloc(n + 1, bytes);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++)
        test_wav_value(data + i * bytes, w->bits, w->values ? w->values[i] : 0);
    assert_int_equal(espy_buf_append(cx, &b, header, sizeof header), ESPY_E_OK);
    assert_int_equal(espy_buf_append(cx, &b, data, n * bytes), ESPY_E_OK);
    free(data);
    return b;
}

/* 16 bits, one channel. */
static inline espy_buf test_wav_mono(espy_ctx *cx, int rate, const float *values, size_t frames)
{
    const test_wav w = {
        .rate = rate, .channels = 1, .bits = 16, .values = values, .frames = frames};
    return test_wav_make(cx, &w);
}

#endif
