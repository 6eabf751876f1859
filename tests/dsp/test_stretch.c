/* SPDX-License-Identifier: Apache-2.0
 * Longer and shorter, higher and lower: what a tone becomes. */
#include <math.h>

#include "dsp/sound.h"
#include "support/support.h"

enum { RATE = 16000, N = 2 * RATE };

static espy_ctx cx;
static test_memory memory;
static float x[N];

static void tone(double hz)
{
    for (int i = 0; i < N; i++)
        x[i] = (float)(0.5 * sin(2 * acos(-1.0) * hz * i / RATE));
}

/* Where the power of the middle of a sound is greatest, in steps of 2 Hz. */
static double loudest(const float *y, size_t n)
{
    const size_t from = n / 4, count = RATE / 2;
    double best = 0, most = -1;
    for (int hz = 200; hz < 1000; hz += 2) {
        double re = 0, im = 0, w = 2 * acos(-1.0) * hz / RATE;
        for (size_t i = 0; i < count; i++) {
            re += (double)y[from + i] * cos(w * (double)i);
            im += (double)y[from + i] * sin(w * (double)i);
        }
        if (re * re + im * im > most) {
            most = re * re + im * im;
            best = hz;
        }
    }
    return best;
}

static double level(const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = n / 4; i < n * 3 / 4; i++)
        sum += (double)y[i] * (double)y[i];
    return sqrt(sum / ((double)n / 2));
}

static void test_stretch_keeps_the_pitch(void **state)
{
    (void)state;
    const double factors[] = {0.5, 0.9, 1, 1.1, 1.7, 2};
    tone(440);
    const double before = level(x, N);
    for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
        float *y = NULL;
        size_t n = 0;
        assert_int_equal(espy_sound_stretch(&cx, x, N, RATE, factors[k], &y, &n), ESPY_E_OK);
        assert_int_equal(n, (size_t)(N * factors[k] + 0.5));
        assert_true(fabs(loudest(y, n) - 440) <= 4);
        assert_true(fabs(level(y, n) / before - 1) < 0.05); /* no gaps, no doubling */
        espy_free(&cx, y);
    }
}

static void test_pitch_keeps_the_length(void **state)
{
    (void)state;
    const double steps[] = {-12, -2, 2, 12};
    tone(440);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        float *y = NULL;
        size_t n = 0;
        const double want = 440 * pow(2, steps[k] / 12);
        assert_int_equal(espy_sound_pitch(&cx, x, N, RATE, steps[k], &y, &n), ESPY_E_OK);
        assert_true(n <= N && n + RATE / 50 >= N);
        if (fabs(loudest(y, n) - want) > 0.01 * want)
            fail_msg("%g semitones: %g Hz, not %g", steps[k], loudest(y, n), want);
        espy_free(&cx, y);
    }
}

/* A click stays where it belongs in time. */
static void test_stretch_moves_events(void **state)
{
    (void)state;
    float *y = NULL;
    size_t n = 0, top = 0;
    for (int i = 0; i < N; i++)
        x[i] = i >= N / 2 && i < N / 2 + 200 ? (float)(0.8 * sin(i * 0.7)) : 0;
    assert_int_equal(espy_sound_stretch(&cx, x, N, RATE, 1.5, &y, &n), ESPY_E_OK);
    for (size_t i = 0; i < n; i++)
        if (fabsf(y[i]) > fabsf(y[top]))
            top = i;
    assert_true(fabs((double)top - N / 2 * 1.5) < 0.05 * RATE);
    espy_free(&cx, y);
}

static void test_edges(void **state)
{
    (void)state;
    float *y = NULL;
    size_t n = 0;
    for (size_t length = 0; length < 3000; length += 251) {
        assert_int_equal(espy_sound_stretch(&cx, x, length, RATE, 1.1, &y, &n), ESPY_E_OK);
        assert_int_equal(n, (size_t)((double)length * 1.1 + 0.5));
        espy_free(&cx, y);
        assert_int_equal(espy_sound_pitch(&cx, x, length, RATE, -2, &y, &n), ESPY_E_OK);
        espy_free(&cx, y);
    }
    assert_int_equal(espy_sound_stretch(&cx, x, N, RATE, 3, &y, &n), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_sound_pitch(&cx, x, N, RATE, NAN, &y, &n), ESPY_E_ARG);
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &memory, espy_sound_pitch(&cx, x, 3000, RATE, 2, &y, &n),
                    espy_free(&cx, y));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stretch_keeps_the_pitch),
                                       cmocka_unit_test(test_pitch_keeps_the_length),
                                       cmocka_unit_test(test_stretch_moves_events),
                                       cmocka_unit_test(test_edges)};
    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
