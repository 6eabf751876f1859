/* SPDX-License-Identifier: Apache-2.0
 * Sound files of every format, depth, rate and number of channels against the values that were put
 * in; seeking; what damaged, lying and foreign files get.  The compressed files are written by
 * libsndfile itself, so that nothing else has to be installed. */
#include "support/support.h"

#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "media/sound.h"
#include "support/wav.h"

#define PI 3.14159265358979323846

/* Tones of 440 and 1000 Hz; channel c has (c + 1) / channels of them. */
static float *tones(int rate, int channels, size_t frames)
{
    float *x = calloc(frames * (size_t)channels + 1, sizeof *x);
    for (size_t i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++)
            x[i * (size_t)channels + (size_t)c] =
                (float)((0.5 * sin(2 * PI * 440 * (double)i / rate) +
                         0.2 * sin(2 * PI * 1000 * (double)i / rate + 1)) *
                        (c + 1) / channels);
    return x;
}

typedef struct heard {
    float *x;
    size_t n;
    espy_err e;
    char text[512]; /* of the error */
} heard;

/* Reads to the end in pieces of `piece` values. */
static heard hear(espy_ctx *cx, espy_sound_file *f, size_t piece)
{
    heard h = {0};
    size_t room = 0, got = piece;
    while (got == piece && h.e == ESPY_E_OK) {
        if (h.n + piece > room) {
            room = 2 * (h.n + piece);
            h.x = realloc(h.x, room * sizeof *h.x);
            assert_non_null(h.x);
        }
        h.e = espy_sound_read(cx, f, h.x + h.n, piece, &got);
        if (h.e == ESPY_E_OK)
            h.n += got;
    }
    return h;
}

static void one_line(const char *text)
{
    assert_true(text[0] && !strchr(text, '\n'));
}

/* Opens, reads, closes: path NULL takes the bytes. */
static heard hear_file(espy_ctx *cx, const char *path, espy_span bytes, size_t piece,
                       espy_sound_info *info)
{
    heard h = {0};
    espy_sound_file *f = NULL;
    h.e = path ? espy_sound_open(cx, path, &f) : espy_sound_open_memory(cx, bytes, &f);
    assert_true((h.e == ESPY_E_OK) == (f != NULL));
    if (f && info)
        *info = *espy_sound_info_of(f);
    if (f)
        h = hear(cx, f, piece);
    espy_sound_close(cx, &f);
    assert_null(f);
    if (h.e != ESPY_E_OK) {
        snprintf(h.text, sizeof h.text, "%s", cx->text);
        one_line(h.text);
        assert_true(h.e == ESPY_E_FORMAT || h.e == ESPY_E_LIMIT);
    }
    espy_clear(cx);
    return h;
}

/* From memory and from a file on disk, in large and small pieces: all must give the same. */
static heard hear_every_way(espy_ctx *cx, espy_span bytes, espy_sound_info *info)
{
    static char path[300];
    static const size_t pieces[] = {1, 7, 4095, 4096, 4097};
    snprintf(path, sizeof path, "%s/sound", test_folder());
    assert_int_equal(espy_file_write(cx, path, bytes.data, bytes.size), ESPY_E_OK);
    heard want = hear_file(cx, NULL, bytes, 100000, info);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (want.n > 50000 && pieces[i] == 1)
            continue;
        heard h = hear_file(cx, i % 2 ? path : NULL, bytes, pieces[i], NULL);
        assert_int_equal(h.e, want.e);
        assert_string_equal(h.text, want.text);
        if (h.e == ESPY_E_OK) {
            assert_int_equal(h.n, want.n);
            assert_true(!h.n || memcmp(h.x, want.x, h.n * sizeof *h.x) == 0);
        }
        free(h.x);
    }
    return want;
}

/* ---- every kind of WAV --------------------------------------------------------------------- */

static void check_wav(espy_ctx *cx, int rate, int channels, int bits)
{
    const size_t frames = (size_t)rate / 8;
    float *x = tones(rate, channels, frames);
    const test_wav w = {
        .rate = rate, .channels = channels, .bits = bits, .values = x, .frames = frames};
    espy_buf file = test_wav_make(cx, &w);
    espy_sound_info info = {0};
    heard h = hear_every_way(cx, espy_span_of(&file), &info);
    if (h.e != ESPY_E_OK)
        fail_msg("%d Hz, %d channels, %d bits: %s", rate, channels, bits, h.text);
    assert_string_equal(info.format, "wav");
    assert_int_equal(info.rate, rate);
    assert_int_equal(info.channels, channels);
    assert_float_equal(info.seconds, (double)frames / rate, 1e-9);
    assert_int_equal(h.n, frames);
    const double most = bits < 0 ? 1e-6 : 0.51 / ldexp(1, bits - 1) + 1e-6;
    for (size_t i = 0; i < frames; i++) {
        double mean = 0;
        for (int c = 0; c < channels; c++)
            mean += (double)x[i * (size_t)channels + (size_t)c] / channels;
        assert_float_equal((double)h.x[i], mean, most);
    }
    free(h.x);
    free(x);
    espy_buf_free(cx, &file);
}

static void test_wav_kinds(void **state)
{
    (void)state;
    static const int rates[] = {8000, 11025, 22050, 44100, 48000, 96000}, counts[] = {1, 2, 6},
                     bits[] = {8, 16, 24, 32, -32, -64};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t b = 0; b < 6; b++)
        for (size_t c = 0; c < 3; c++)
            check_wav(&cx, rates[(b + 2 * c) % 6], counts[c], bits[b]);
    for (size_t r = 0; r < 6; r++)
        check_wav(&cx, rates[r], 1, 16);
}

/* ---- compressed formats -------------------------------------------------------------------- */

typedef struct kind {
    const char *name, *says; /* what the info calls it */
    int format, rate, channels;
    double least_snr; /* of what comes back, dB (Vorbis makes the sixth channel a bass); 0: exact to
                         16 bits */
    bool seek_exact;  /* reading from a seek gives what reading from the beginning gave there */
} kind;

static const kind kinds[] = {
    {"flac", "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 1, 0, true},
    {"flac 24", "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 2, 0, true},
    {"vorbis", "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 1, 15, false},
    {"vorbis, 6 channels", "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 48000, 6, 8, false},
    {"opus", "ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, 10, false},
    {"opus, stereo", "ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 16000, 2, 10, false},
    {"mp3", "mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 1, 15, false},
    {"mp3, stereo", "mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 22050, 2, 15, false},
    {"aiff", "aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 44100, 2, 0, true},
    {"aifc", "aiff", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 22050, 1, 0, true},
    {"rf64", "wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 44100, 2, 0, true},
    {"wavex", "wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 48000, 6, 0, true},
    {"wav, big-endian", "wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 8000, 1, 0, true},
    {"wav, u-law", "wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, 30, true},
    {"wav, ima adpcm", "wav", SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, 22050, 1, 20, true},
    {"wav, ms adpcm", "wav", SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, 22050, 2, 20, true},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* One second of the tones; false when this libsndfile cannot write the kind. */
static bool write_kind(espy_ctx *cx, const kind *k, espy_buf *out)
{
    static char path[300];
    SF_INFO info = {.samplerate = k->rate, .channels = k->channels, .format = k->format};
    if (!sf_format_check(&info))
        return false;
    snprintf(path, sizeof path, "%s/made", test_folder());
    float *x = tones(k->rate, k->channels, (size_t)k->rate);
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    if (!f)
        fail_msg("%s: %s", k->name, sf_strerror(NULL));
    assert_int_equal(sf_writef_float(f, x, k->rate), k->rate);
    assert_int_equal(sf_close(f), 0);
    free(x);
    *out = test_read(cx, path);
    return true;
}

/* Decibels of x over its difference to `heard`, at the best delay of up to `most` values. */
static double snr(const float *x, const float *y, size_t n, size_t most, size_t *delay)
{
    double best = -1e9;
    for (size_t d = 0; d <= most; d++) {
        double signal = 1e-20, noise = 1e-20;
        for (size_t i = n / 8; i + d < n - n / 8; i++) {
            const double v = (double)x[i], e = (double)y[i + d] - v;
            signal += v * v;
            noise += e * e;
        }
        const double v = 10 * log10(signal / noise);
        if (v > best + 0.5) {
            best = v;
            *delay = d;
        }
    }
    return best;
}

static void check_seek(espy_ctx *cx, const kind *k, espy_span file, const heard *whole)
{
    static const double at[] = {0.5, 0.25, 0, 0.9, 1.0, 0.1, 5000, 0.3};
    espy_sound_file *f = NULL;
    float some[1000];
    size_t got;
    assert_int_equal(espy_sound_open_memory(cx, file, &f), ESPY_E_OK);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        const size_t from = (size_t)(at[i] * k->rate + 0.5);
        const size_t left = from < whole->n ? whole->n - from : 0;
        if (espy_sound_seek(cx, f, at[i]) != ESPY_E_OK)
            fail_msg("%s to %g s: %s", k->name, at[i], cx->text);
        if (espy_sound_read(cx, f, some, 1000, &got) != ESPY_E_OK)
            fail_msg("%s from %g s: %s", k->name, at[i], cx->text);
        if (got != (left < 1000 ? left : 1000))
            fail_msg("%s from %g s: %zu values, not %zu", k->name, at[i], got, left);
        if (k->seek_exact && got)
            assert_memory_equal(some, whole->x + from, got * sizeof *some);
        size_t delay;
        const double ratio = got == 1000 ? snr(whole->x + from, some, got, 0, &delay) : 99;
        if (!(ratio > 60))
            fail_msg("%s from %g s: %.0f dB like what lies there", k->name, at[i], ratio);
    }
    assert_int_equal(espy_sound_seek(cx, f, -1), ESPY_E_ARG);
    espy_clear(cx);
    assert_int_equal(espy_sound_seek(cx, f, (double)NAN), ESPY_E_ARG);
    espy_clear(cx);
    espy_sound_close(cx, &f);
}

static void test_kinds(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < KINDS; i++) {
        const kind *k = &kinds[i];
        espy_buf file;
        espy_sound_info info = {0};
        if (!write_kind(&cx, k, &file)) {
            print_message("%s: not written by this libsndfile, not checked\n", k->name);
            continue;
        }
        heard h = hear_every_way(&cx, espy_span_of(&file), &info);
        if (h.e != ESPY_E_OK)
            fail_msg("%s: %s", k->name, h.text);
        assert_string_equal(info.format, k->says);
        assert_int_equal(info.channels, k->channels);
        assert_int_equal(info.rate, k->rate);
        float *x = tones(k->rate, 1, (size_t)k->rate);
        size_t delay = 0;
        const float share = (float)(k->channels + 1) / (2 * (float)k->channels);
        for (int n = 0; n < k->rate; n++)
            x[n] *= share;
        const size_t n = h.n < (size_t)k->rate ? h.n : (size_t)k->rate;
        const double ratio =
            snr(x, h.x, n < 12000 ? n : 12000, k->least_snr > 0 ? 1500 : 0, &delay);
        print_message("%-20s %6zu values, %.0f dB at a delay of %zu\n", k->name, h.n, ratio, delay);
        assert_true(ratio >= (k->least_snr > 0 ? k->least_snr : 85));
        if (k->least_snr == 0)
            assert_int_equal(h.n, k->rate);
        else
            assert_true(h.n + 2000 > (size_t)k->rate && h.n < (size_t)k->rate + 4000);
        check_seek(&cx, k, espy_span_of(&file), &h);
        free(x);
        free(h.x);
        espy_buf_free(&cx, &file);
    }
}

/* ---- damage -------------------------------------------------------------------------------- */

/* A file that ends too early is refused with one line, or gives the values that are there. */
static void test_truncated(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < KINDS; i++) {
        espy_buf file;
        size_t refused = 0;
        if (!write_kind(&cx, &kinds[i], &file))
            continue;
        for (size_t eighth = 0; eighth < 8; eighth++) {
            const espy_span part = {file.data, file.size * eighth / 8};
            heard h = hear_every_way(&cx, part, NULL);
            refused += h.e != ESPY_E_OK;
            assert_true(h.e != ESPY_E_OK || h.n <= (size_t)kinds[i].rate + 4000);
            if (eighth == 7 && strcmp(kinds[i].says, "ogg") != 0 && /* whose pages are long */
                !(h.e == ESPY_E_OK && h.n > (size_t)kinds[i].rate / 2))
                fail_msg("%s: %zu values of what is there: %s", kinds[i].name, h.n, h.text);
            free(h.x);
        }
        assert_true(refused >= 1); /* nothing is no sound */
        espy_buf_free(&cx, &file);
    }
}

/* Single bytes set to something else: never a crash, always one line. */
static void test_flipped(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_random r;
    espy_ctx_init(&cx);
    espy_random_seed(&r, 5, 1);
    for (size_t i = 0; i < KINDS; i++) {
        espy_buf file;
        if (!write_kind(&cx, &kinds[i], &file))
            continue;
        for (int n = 0; n < 60; n++) {
            const uint32_t reach = n % 2 ? 200 : (uint32_t)file.size;
            const size_t at =
                espy_random_below(&r, reach < file.size ? reach : (uint32_t)file.size);
            const uint8_t was = file.data[at];
            file.data[at] = (uint8_t)espy_random_u32(&r);
            heard h = hear_file(&cx, NULL, espy_span_of(&file), 4096, NULL);
            free(h.x);
            file.data[at] = was;
        }
        espy_buf_free(&cx, &file);
    }
}

static void test_lies(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {TEST_WAV_ZERO, 100,        101,        15999,     16001,
                                     1000000,       0x7fffffff, 0x80000000, 0xffffffff};
    espy_ctx cx;
    espy_ctx_init(&cx);
    float *x = tones(8000, 1, 8000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const test_wav w = {.rate = 8000,
                            .channels = 1,
                            .bits = 16,
                            .values = x,
                            .frames = 8000,
                            .told_size = sizes[i]};
        espy_buf file = test_wav_make(&cx, &w);
        espy_sound_info info = {0};
        heard h = hear_every_way(&cx, espy_span_of(&file), &info);
        print_message("data size %u: %zu values, %g s %s\n", sizes[i], h.n, info.seconds, h.text);
        assert_int_equal(h.e, ESPY_E_OK);
        if (sizes[i] > 16000 && sizes[i] != TEST_WAV_ZERO) { /* all that is there */
            assert_int_equal(h.n, 8000);
            assert_float_equal(info.seconds, 1, 1e-3);
        } else if (sizes[i] < 16000) {
            assert_int_equal(h.n, sizes[i] / 2);
        } else { /* 0 is written by programs that do not know yet: none or all */
            assert_true(h.n == 0 || h.n == 8000);
        }
        free(h.x);
        espy_buf_free(&cx, &file);
    }
    free(x);
}

static void refused(espy_ctx *cx, const test_wav *w, const char *says)
{
    espy_buf file = test_wav_make(cx, w);
    heard h = hear_every_way(cx, espy_span_of(&file), NULL);
    if (h.e == ESPY_E_OK || !strstr(h.text, says))
        fail_msg("\"%s\" was expected, not: %d %s", says, h.e, h.text);
    free(h.x);
    espy_buf_free(cx, &file);
}

static void test_impossible(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    float x[600] = {0};
    test_wav w = {.rate = 16000, .channels = 1, .bits = 16, .values = x, .frames = 600};
    w.told_channels = 65535;
    refused(&cx, &w, "wav: ");
    w.told_channels = 1000;
    refused(&cx, &w, "at most 64");
    w.told_channels = 65;
    refused(&cx, &w, "at most 64");
    w.told_channels = 0;
    w.told_rate = 1000000000;
    refused(&cx, &w, "1000 to 768000");
    w.told_rate = 999;
    refused(&cx, &w, "1000 to 768000");
    w.told_rate = -5;
    refused(&cx, &w, "wav: ");
    w.told_rate = 0;
    w.rate = 0;
    refused(&cx, &w, "wav: ");
    w.rate = 16000;
    w.channels = 0;
    refused(&cx, &w, "wav: ");
    w.channels = 1;
    static const float odd[] = {(float)NAN, INFINITY, -INFINITY, 1e30f, -1001, 3e38f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        w.bits = -32;
        x[500] = odd[i];
        refused(&cx, &w, "values that are no sound");
        w.bits = -64;
        refused(&cx, &w, "values that are no sound");
    }
    x[500] = 2; /* a little beyond full scale is common */
    espy_buf file = test_wav_make(&cx, &w);
    heard h = hear_every_way(&cx, espy_span_of(&file), NULL);
    assert_int_equal(h.e, ESPY_E_OK);
    assert_true(h.x[500] == 2);
    free(h.x);
    espy_buf_free(&cx, &file);
}

static void test_no_sound(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "",
        "x",
        "RIFF",
        "RIFF....WAV",
        "RIFF....WAVE",
        "RIFF....AVI LIST",
        "Dear file, I am a letter and no sound at all.\n",
        "\x89PNG\r\n\x1a\n 0123456789",
        "fLaC",
        "OggS",
        "OggS and a lot of other things that are not pages at all",
        "ID3",
        "ID3\x04 then nothing of a song follows here, only text and more text",
        "FORM....AIFF",
        "\xff\xfb\x90\x64 not a frame",
        "caff\0\1\0\0desc",
        ".snd\0\0\0\x18 something",
    };
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        const espy_span file = {(const uint8_t *)contents[i], strlen(contents[i])};
        heard h = hear_every_way(&cx, file, NULL);
        if (h.e != ESPY_E_FORMAT)
            fail_msg("\"%s\": %d %s", contents[i], h.e, h.text);
        if (i == 0)
            assert_non_null(strstr(h.text, "empty"));
        free(h.x);
    }
}

static void test_paths(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_sound_file *f = NULL;
    char path[300];
    espy_ctx_init(&cx);
    assert_int_equal(espy_sound_open(&cx, "/nowhere/at/all.wav", &f), ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "/nowhere/at/all.wav"));
    one_line(cx.text);
    espy_clear(&cx);
    espy_err e = espy_sound_open(&cx, test_folder(), &f);
    assert_true(e == ESPY_E_IO || e == ESPY_E_NOT_FOUND || e == ESPY_E_FORMAT);
    one_line(cx.text);
    espy_clear(&cx);
    /* the name decides nothing */
    float *x = tones(8000, 1, 800);
    espy_buf file = test_wav_mono(&cx, 8000, x, 800);
    snprintf(path, sizeof path, "%s/sound.mp3", test_folder());
    assert_int_equal(espy_file_write(&cx, path, file.data, file.size), ESPY_E_OK);
    assert_int_equal(espy_sound_open(&cx, path, &f), ESPY_E_OK);
    assert_string_equal(espy_sound_info_of(f)->format, "wav");
    espy_sound_close(&cx, &f);
    espy_sound_close(&cx, &f); /* again is fine */
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(espy_sound_open(&cx, path, &f), ESPY_E_IO);
        espy_clear(&cx);
    }
    espy_buf_free(&cx, &file);
    free(x);
    static const char *const yes[] = {"a.wav", "A.WAV", "x.y.flac", "x.oga", "x.opus",
                                      "b.Mp3", "c.aif", "c.aiff",   "o.ogg"};
    static const char *const no[] = {"wav", "a.wav.txt", "a.jpg", "a.aac", "", "mp3/x", "a."};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(espy_sound_name(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(espy_sound_name(no[i]));
}

/* A codec that nobody writes any more is refused by a line that says what to do. */
static void test_codecs(void **state)
{
    (void)state;
    static const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_GSM610,
                                  SF_FORMAT_WAV | SF_FORMAT_G721_32,
                                  SF_FORMAT_AIFF | SF_FORMAT_DWVW_16};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const kind k = {"old", "", formats[i], 8000, 1, 0, true};
        espy_buf file;
        if (!write_kind(&cx, &k, &file))
            continue;
        heard h = hear_every_way(&cx, espy_span_of(&file), NULL);
        assert_int_equal(h.e, ESPY_E_FORMAT);
        assert_non_null(strstr(h.text, "save it as PCM or FLAC"));
        free(h.x);
        espy_buf_free(&cx, &file);
    }
}

/* Sixty-four channels are the most, and are read. */
static void test_many_channels(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    float *x = tones(8000, 64, 5000);
    const test_wav w = {.rate = 8000, .channels = 64, .bits = 16, .values = x, .frames = 5000};
    espy_buf file = test_wav_make(&cx, &w);
    heard h = hear_every_way(&cx, espy_span_of(&file), NULL);
    assert_int_equal(h.n, 5000);
    free(h.x);
    free(x);
    espy_buf_free(&cx, &file);
}

/* ---- memory -------------------------------------------------------------------------------- */

static espy_err read_some(espy_ctx *cx, espy_span file)
{
    float some[3000];
    size_t got;
    espy_sound_file *f = NULL;
    espy_err e = espy_sound_open_memory(cx, file, &f);
    if (e == ESPY_E_OK)
        e = espy_sound_seek(cx, f, 0.01);
    if (e == ESPY_E_OK)
        e = espy_sound_read(cx, f, some, 3000, &got);
    espy_sound_close(cx, &f);
    return e;
}

/* Of every format a WAV file of one channel at the same rate, half a step of 16 bits off at most.
 */
static void test_copies(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < KINDS; i++) {
        espy_buf file, wav;
        espy_sound_file *f = NULL, *g = NULL;
        double seconds = 0, read = 0;
        if (!write_kind(&cx, &kinds[i], &file))
            continue;
        espy_buf_init(&wav, (size_t)1 << 24);
        assert_int_equal(espy_sound_open_memory(&cx, espy_span_of(&file), &f), ESPY_E_OK);
        assert_int_equal(espy_sound_copy_wav(&cx, f, &wav, &seconds), ESPY_E_OK);
        espy_sound_close(&cx, &f);
        assert_int_equal(espy_sound_open_memory(&cx, espy_span_of(&file), &f), ESPY_E_OK);
        assert_int_equal(espy_sound_copy_wav(&cx, f, NULL, &read), ESPY_E_OK);
        assert_true(read == seconds && seconds > 0.9);
        espy_sound_close(&cx, &f);
        assert_int_equal(espy_sound_open_memory(&cx, espy_span_of(&file), &f), ESPY_E_OK);
        assert_int_equal(espy_sound_open_memory(&cx, espy_span_of(&wav), &g), ESPY_E_OK);
        assert_string_equal(espy_sound_info_of(g)->format, "wav");
        assert_int_equal(espy_sound_info_of(g)->channels, 1);
        assert_int_equal(espy_sound_info_of(g)->rate, espy_sound_info_of(f)->rate);
        heard want = hear(&cx, f, 4096), got = hear(&cx, g, 4096);
        assert_int_equal(got.n, want.n);
        for (size_t k = 0; k < got.n; k++)
            if (fabsf(got.x[k] - fminf(fmaxf(want.x[k], -1), 32767.0f / 32768)) > 0.51f / 32768)
                fail_msg("%s: value %zu: %g, not %g", kinds[i].name, k, (double)got.x[k],
                         (double)want.x[k]);
        free(want.x);
        free(got.x);
        espy_sound_close(&cx, &f);
        espy_sound_close(&cx, &g);
        espy_buf_free(&cx, &wav);
        espy_buf_free(&cx, &file);
    }
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < KINDS; i++) {
        espy_buf file;
        if (!write_kind(&cx, &kinds[i], &file))
            continue;
        TEST_FAULT_LOOP(&cx, &m, read_some(&cx, espy_span_of(&file)), (void)0);
        espy_buf_free(&cx, &file);
    }
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wav_kinds), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_lies),      cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_no_sound),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_codecs),    cmocka_unit_test(test_many_channels),
        cmocka_unit_test(test_faults),    cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
