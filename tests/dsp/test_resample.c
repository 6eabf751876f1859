/* SPDX-License-Identifier: Apache-2.0
 * The resampler: pieces, lengths, what passes and what is kept out. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dsp/sound.h"

#define PI 3.14159265358979323846

/* All of x at another rate, given in random pieces of up to `most` and taken in such of up to
 * `room`; *n is the number of values. */
static float *resample(espy_ctx *cx, int from, int to, const float *x, size_t size, size_t most,
                       size_t room, size_t *n)
{
    espy_resampler *r = NULL;
    espy_random random;
    float *out = calloc((size_t)((double)size * to / from) + room + 64, sizeof *out);
    size_t at = 0;
    *n = 0;
    espy_random_seed(&random, most * 31 + room, 1);
    if (espy_resampler_create(cx, from, to, &r) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    for (bool ended = false; !ended;) {
        size_t give = 1 + espy_random_below(&random, (uint32_t)most), taken, made;
        const size_t take = 1 + espy_random_below(&random, (uint32_t)room);
        give = give < size - at ? give : size - at;
        assert_int_equal(
            espy_resampler_run(cx, r, give ? x + at : NULL, give, &taken, out + *n, take, &made),
            ESPY_E_OK);
        assert_true(taken <= give && made <= take);
        ended = give == 0 && made == 0;
        at += taken;
        *n += made;
    }
    espy_resampler_destroy(cx, &r);
    return out;
}

static void test_pieces(void **state)
{
    (void)state;
    static const int rates[] = {8000,  11025, 16000,  22050, 44100,
                                48000, 96000, 192000, 1000,  767999};
    static const size_t pieces[][2] = {{1, 1}, {1, 5000}, {4096, 3}, {977, 733}, {100000, 100000}};
    espy_ctx cx;
    espy_random random;
    espy_ctx_init(&cx);
    espy_random_seed(&random, 1, 2);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const size_t size = 5000 + (size_t)rates[i] / 20;
        float *x = calloc(size, sizeof *x), *want = NULL;
        size_t n, n_want = 0;
        for (size_t k = 0; k < size; k++)
            x[k] = (float)(0.2 * espy_random_normal(&random));
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            float *got = resample(&cx, rates[i], 16000, x, size, pieces[p][0], pieces[p][1], &n);
            if (!want) {
                want = got;
                n_want = n;
                const double length = (double)size * 16000 / rates[i];
                if (fabs((double)n - length) > 1)
                    fail_msg("%d Hz: %zu values, not %.1f", rates[i], n, length);
                continue;
            }
            assert_int_equal(n, n_want);
            assert_memory_equal(got, want, n * sizeof *got);
            free(got);
        }
        if (rates[i] == 16000)
            assert_memory_equal(want, x, size * sizeof *x);
        free(want);
        free(x);
    }
}

/* What becomes of a tone of `hz`, over the middle of a second, in dB: its gain, the ratio of it to
 * everything else, and its shift in values.  Of a tone above half the new rate: the ratio of what
 * is left to what it was. */
static void tone(espy_ctx *cx, int from, double hz, double *gain, double *ratio, double *shift)
{
    const size_t size = (size_t)from;
    float *x = calloc(size, sizeof *x);
    size_t n;
    double c = 0, s = 0, rest = 0;
    for (size_t i = 0; i < size; i++)
        x[i] = (float)(0.5 * sin(2 * PI * hz * (double)i / from));
    float *y = resample(cx, from, 16000, x, size, 4096, 4096, &n);
    const size_t lo = 4000, hi = 12000; /* whole periods of any even number of Hz */
    for (size_t i = lo; i < hi; i++) {
        c += (double)y[i] * cos(2 * PI * hz * (double)i / 16000) * 2 / (double)(hi - lo);
        s += (double)y[i] * sin(2 * PI * hz * (double)i / 16000) * 2 / (double)(hi - lo);
    }
    if (hz > 8000)
        c = s = 0;
    for (size_t i = lo; i < hi; i++) {
        const double v = (double)y[i] - c * cos(2 * PI * hz * (double)i / 16000) -
                         s * sin(2 * PI * hz * (double)i / 16000);
        rest += v * v;
    }
    const double was = 0.125 * (double)(hi - lo);
    *gain = 20 * log10(sqrt(c * c + s * s) / 0.5 + 1e-12);
    *ratio = 10 * log10(hz > 8000 ? (rest + 1e-15) / was : was / (rest + 1e-15));
    *shift = atan2(c, s) / (2 * PI * hz) * 16000;
    free(x);
    free(y);
}

static void test_response(void **state)
{
    (void)state;
    static const int rates[] = {8000, 22050, 44100, 48000, 96000};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        double least = 1e9, flat = 0, moved = 0, alias = -1e9, gain, ratio, shift;
        const double top = 0.75 * fmin(8000, 0.5 * rates[i]);
        for (double hz = 50; hz <= top; hz += 230) {
            tone(&cx, rates[i], hz, &gain, &ratio, &shift);
            least = fmin(least, ratio);
            flat = fmax(flat, fabs(gain));
            moved = fmax(moved, fabs(shift));
        }
        for (double hz = 9700; hz < 0.49 * rates[i]; hz += 1310) {
            tone(&cx, rates[i], hz, &gain, &ratio, &shift);
            alias = fmax(alias, ratio);
        }
        print_message(
            "%d Hz: least SNR %.0f dB, flat to %.4f dB up to %.0f Hz, shifts %.1e values, "
            "aliases %.0f dB\n",
            rates[i], least, flat, top, moved, alias > -1e9 ? alias : 0);
        assert_true(least >= 100);
        assert_true(flat <= 0.011); /* soxr's word: 0.01 dB */
        assert_true(moved <= 1e-4);
        assert_true(alias <= -100);
    }
}

/* Nothing in, nothing out; one value in; and an impulse stays where it was. */
static void test_edges(void **state)
{
    (void)state;
    espy_ctx cx;
    size_t n;
    espy_ctx_init(&cx);
    float *x = calloc(44100, sizeof *x);
    free(resample(&cx, 44100, 16000, x, 0, 1, 16, &n));
    assert_int_equal(n, 0);
    free(resample(&cx, 44100, 16000, x, 1, 1, 16, &n));
    assert_in_range(n, 0, 2);
    x[22050] = 1;
    float *y = resample(&cx, 44100, 16000, x, 44100, 4096, 4096, &n);
    size_t top = 0;
    for (size_t i = 1; i < n; i++)
        top = y[i] > y[top] ? i : top;
    assert_int_equal(top, 8000);
    assert_in_range(n, 15999, 16001);
    free(y);
    free(x);
    espy_resampler *r = NULL;
    espy_resampler_destroy(&cx, &r);
    assert_int_equal(espy_resampler_create(&cx, 0, 16000, &r), ESPY_E_UNSUPPORTED);
    assert_null(r);
    espy_clear(&cx);
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_resampler *r = NULL;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, espy_resampler_create(&cx, 44100, 16000, &r),
                    espy_resampler_destroy(&cx, &r));
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
