/* SPDX-License-Identifier: Apache-2.0
 * Log-mel spectrograms against YAMNet's mel matrix and the golden spectrograms of the shared files;
 * without them, against a transform written out here. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dsp/sound.h"

static const espy_mel_options yamnet = {.rate = 16000,
                                        .window = 400,
                                        .hop = 160,
                                        .fft = 512,
                                        .bands = 64,
                                        .low = 125,
                                        .high = 7500,
                                        .offset = 0.001f};

static espy_mel *make(espy_ctx *cx, const espy_mel_options *o)
{
    espy_mel *m = NULL;
    if (espy_mel_create(cx, o, &m) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return m;
}

static void test_matrix(void **state)
{
    (void)state;
    const char *path = test_shared("golden/yamnet/mel_matrix_64x257.npy");
    if (!path) {
        print_message("the golden mel matrix is not here\n");
        skip();
    }
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_mel *m = make(&cx, &yamnet);
    test_array want = test_npy(path);
    double worst = 0;
    assert_true(want.kind == 'f' && want.dims[0] == 64 && want.dims[1] == 257);
    for (int b = 0; b < 64; b++)
        for (int k = 0; k <= 256; k++)
            worst = fmax(worst, fabs((double)espy_mel_weight(m, b, k) -
                                     (double)((float *)want.data)[b * 257 + k]));
    print_message("mel matrix: largest difference %.1e\n", worst);
    assert_true(worst <= 1e-6);
    test_array_free(&want);
    espy_mel_destroy(&cx, &m);
}

/* The frames of 16-bit values in a WAV file, whose last patch is filled up with zeros. */
static double golden(espy_ctx *cx, const espy_mel *m, const float *x, size_t n, const char *logmel)
{
    char path[200];
    double worst = 0;
    snprintf(path, sizeof path, "golden/yamnet/yamnet_examples__%s_logmel.npy", logmel);
    test_array want = test_npy(test_shared(path));
    const size_t bands = 64, frames = want.n / bands, need = (frames - 1) * 160 + 400;
    assert_int_equal(want.dims[want.rank - 1], bands);
    float *padded = calloc(n > need ? n : need, sizeof *padded);
    float *got = calloc(frames * bands, sizeof *got);
    memcpy(padded, x, n * sizeof *x);
    assert_int_equal(espy_mel_frames(cx, m, padded, frames, got), ESPY_E_OK);
    for (size_t i = 0; i < frames * bands; i++)
        worst = fmax(worst, fabs((double)got[i] - (double)((float *)want.data)[i]));
    print_message("%s: %zu frames, largest difference %.1e\n", logmel, frames, worst);
    free(padded);
    free(got);
    test_array_free(&want);
    return worst;
}

static void test_golden(void **state)
{
    (void)state;
    static const char *const wavs[] = {"dog_975ms", "baby_975ms", "baby_5000ms", "jingle_975ms"};
    const char *path = test_shared("golden/yamnet/yamnet_examples__dog_975ms_waveform16k.npy");
    if (!path) {
        print_message("the golden spectrograms are not here\n");
        skip();
    }
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_mel *m = make(&cx, &yamnet);
    test_array wave = test_npy(path);
    assert_true(golden(&cx, m, wave.data, wave.n, "dog_975ms") <= 1e-3);
    for (size_t i = 0; i < sizeof wavs / sizeof *wavs; i++) {
        char name[200];
        snprintf(name, sizeof name, "data/sounds/yamnet_examples/%s.wav", wavs[i]);
        espy_buf file = test_read(&cx, test_shared(name));
        uint32_t rate;
        memcpy(&rate, file.data + 24, sizeof rate);
        if (rate == 16000) { /* the others were resampled: tests/encode/test_sound.c */
            const size_t n = (file.size - 44) / 2;
            float *x = calloc(n, sizeof *x);
            for (size_t k = 0; k < n; k++) {
                int16_t v;
                memcpy(&v, file.data + 44 + 2 * k, sizeof v);
                x[k] = (float)v / 32768;
            }
            assert_true(golden(&cx, m, x, n, wavs[i]) <= 1e-3);
            free(x);
        }
        espy_buf_free(&cx, &file);
    }
    test_array_free(&wave);
    espy_mel_destroy(&cx, &m);
}

/* The definition in dsp/sound.h, slowly, in double precision. */
static void slowly(const espy_mel_options *o, const float *x, double *out)
{
    const double pi = acos(-1.0);
    double low = 1127 * log(1 + (double)o->low / 700),
           step = (1127 * log(1 + (double)o->high / 700) - low) / (o->bands + 1);
    for (int b = 0; b < o->bands; b++)
        out[b] = 0;
    for (int k = 1; k <= o->fft / 2; k++) {
        double re = 0, im = 0, mel = 1127 * log(1 + (double)k * o->rate / o->fft / 700);
        for (int i = 0; i < o->window; i++) {
            const double v = (double)x[i] * (0.5 - 0.5 * cos(2 * pi * i / o->window));
            const double turn = 2 * pi * fmod((double)k * i, o->fft) / o->fft;
            re += v * cos(turn);
            im -= v * sin(turn);
        }
        for (int b = 0; b < o->bands; b++) {
            const double up = (mel - (low + b * step)) / step,
                         down = (low + (b + 2) * step - mel) / step;
            out[b] += fmax(0, fmin(up, down)) * sqrt(re * re + im * im);
        }
    }
    for (int b = 0; b < o->bands; b++)
        out[b] = log(out[b] + (double)o->offset);
}

static void test_definition(void **state)
{
    (void)state;
    static const espy_mel_options kinds[] = {
        {16000, 400, 160, 512, 64, 125, 7500, 0.001f}, {22050, 511, 100, 1000, 40, 0, 11025, 1e-5f},
        {8000, 100, 7, 100, 5, 20, 3000, 0.01f},       {44100, 2048, 512, 2048, 128, 0, 16000, 1},
        {16000, 2, 1, 16, 1, 0, 8000, 1e-9f},          {16000, 30, 10, 34, 512, 0, 8000, 1e-3f},
    };
    espy_ctx cx;
    espy_random r;
    espy_ctx_init(&cx);
    espy_random_seed(&r, 3, 3);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const espy_mel_options *o = &kinds[i];
        const size_t frames = 5, n = (size_t)o->window + (frames - 1) * (size_t)o->hop;
        float *x = calloc(n, sizeof *x), *got = calloc(frames * (size_t)o->bands, sizeof *got);
        double *want = calloc((size_t)o->bands, sizeof *want), worst = 0;
        for (size_t k = 0; k < n; k++)
            x[k] = (float)(0.3 * espy_random_normal(&r));
        espy_mel *m = make(&cx, o);
        assert_int_equal(espy_mel_frames(&cx, m, x, frames, got), ESPY_E_OK);
        for (size_t f = 0; f < frames; f++) {
            slowly(o, x + f * (size_t)o->hop, want);
            for (int b = 0; b < o->bands; b++)
                worst = fmax(worst, fabs((double)got[f * (size_t)o->bands + (size_t)b] - want[b]));
        }
        print_message("%d Hz, window %d, transform %d, %d bands: largest difference %.1e\n",
                      o->rate, o->window, o->fft, o->bands, worst);
        assert_true(worst <= 1e-3);
        /* one frame at a time gives the same bits */
        float one[ESPY_MEL_BANDS];
        for (size_t f = 0; f < frames; f++) {
            assert_int_equal(espy_mel_frames(&cx, m, x + f * (size_t)o->hop, 1, one), ESPY_E_OK);
            assert_memory_equal(one, got + f * (size_t)o->bands, (size_t)o->bands * sizeof *one);
        }
        espy_mel_destroy(&cx, &m);
        free(x);
        free(got);
        free(want);
    }
}

/* Silence and the loudest values stay finite. */
static void test_extremes(void **state)
{
    (void)state;
    espy_ctx cx;
    float x[400], out[64];
    espy_ctx_init(&cx);
    espy_mel *m = make(&cx, &yamnet);
    memset(x, 0, sizeof x);
    assert_int_equal(espy_mel_frames(&cx, m, x, 1, out), ESPY_E_OK);
    for (int b = 0; b < 64; b++)
        assert_float_equal(out[b], logf(0.001f), 1e-6);
    for (int i = 0; i < 400; i++)
        x[i] = i % 2 ? 1000 : -1000;
    assert_int_equal(espy_mel_frames(&cx, m, x, 1, out), ESPY_E_OK);
    for (int b = 0; b < 64; b++)
        assert_true(isfinite(out[b]));
    assert_int_equal(espy_mel_frames(&cx, m, x, 0, out), ESPY_E_OK);
    espy_mel_destroy(&cx, &m);
    espy_mel_destroy(&cx, &m); /* again is fine */
}

static void test_refused(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (int i = 0; i < 14; i++) {
        espy_mel_options o = yamnet;
        espy_mel *m = NULL;
        switch (i) {
        case 0:
            o.rate = 0;
            break;
        case 1:
            o.rate = 1 << 30;
            break;
        case 2:
            o.window = 0;
            break;
        case 3:
            o.window = 513;
            break;
        case 4:
            o.hop = 0;
            break;
        case 5:
            o.fft = 511;
            break;
        case 6:
            o.fft = 1 << 20;
            break;
        case 7:
            o.bands = 0;
            break;
        case 8:
            o.bands = 100000;
            break;
        case 9:
            o.low = -1;
            break;
        case 10:
            o.high = 8001;
            break;
        case 11:
            o.high = o.low;
            break;
        case 12:
            o.offset = 0;
            break;
        default:
            o.low = (float)NAN;
            break;
        }
        assert_int_equal(espy_mel_create(&cx, &o, &m), ESPY_E_ARG);
        assert_null(m);
        assert_true(cx.text[0] && !strchr(cx.text, '\n'));
        espy_clear(&cx);
    }
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_mel *m = NULL;
    float x[560] = {0}, out[128];
    test_memory_init(&cx, &mem);
    TEST_FAULT_LOOP(&cx, &mem, espy_mel_create(&cx, &yamnet, &m), espy_mel_destroy(&cx, &m));
    assert_int_equal(espy_mel_create(&cx, &yamnet, &m), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &mem, espy_mel_frames(&cx, m, x, 2, out), (void)0);
    espy_mel_destroy(&cx, &m);
    assert_int_equal(mem.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),     cmocka_unit_test(test_golden),
        cmocka_unit_test(test_definition), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
