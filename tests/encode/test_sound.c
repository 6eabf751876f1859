/* SPDX-License-Identifier: Apache-2.0
 * Sound encoders: YAMNet against the golden embeddings and scores, one way for training and
 * answering, precision, threads, silence, melstats, wrong manifests.  What needs ../shared says so
 * and is left out where that is absent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"
#include "encode/listen.h"
#include "media/sound.h"
#include "support/support.h"
#include "support/wav.h"

#define PI 3.14159265358979323846
#define MOST 400 /* patches of a file here */

static espy_encoder *open_pack(espy_ctx *cx, const char *pack, const char *precision)
{
    espy_encoder *en = NULL;
    if (espy_encoder_open(cx, pack, NULL, precision, 1, &en) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return en;
}

static bool have_yamnet(void)
{
    if (test_shared("models/yamnet_patch_f32.onnx") && test_shared("data/sounds"))
        return true;
    print_message("the network and sounds of ../shared are not here\n");
    return false;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

typedef struct heard {
    float *vectors, *scores;
    espy_patch *patches;
    size_t n;
    double seconds;
} heard;

/* Everything of a stretch of a file, `block` patches at a time; scores only where there are some.
 */
static heard hear(espy_ctx *cx, const espy_encoder *en, espy_span file, double start, double most,
                  size_t block)
{
    const size_t dim = espy_encoder_dim(en), scores = espy_encoder_scores(en);
    heard h = {calloc(MOST * dim, sizeof(float)), calloc(MOST * (scores + 1), sizeof(float)),
               calloc(MOST, sizeof *h.patches), 0, 0};
    espy_listener *l = NULL;
    if (espy_listener_open(cx, en, NULL, file, start, most, &l) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    for (size_t n = block; n == block; h.n += n) {
        assert_true(h.n + block <= MOST);
        if (espy_listener_next(cx, l, block, h.vectors + h.n * dim,
                               scores ? h.scores + h.n * scores : NULL, h.patches + h.n,
                               &n) != ESPY_E_OK)
            fail_msg("%s", cx->text);
    }
    h.seconds = espy_listener_heard(l);
    espy_listener_close(cx, &l);
    return h;
}

static void heard_free(heard *h)
{
    free(h->vectors);
    free(h->scores);
    free(h->patches);
}

/* The one sample of a file, found and embedded as in training. */
static void clip(espy_ctx *cx, const espy_encoder *en, espy_span file, float *vector)
{
    espy_samples s = {0};
    if (espy_encoder_find(cx, en, file, NULL, &s) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    assert_int_equal(s.n, 1);
    if (espy_encoder_embed(cx, en, &s, vector) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    assert_float_equal(cosine(vector, vector, espy_encoder_dim(en)), 1, 1e-6);
    espy_samples_free(cx, &s);
}

static float *noise(size_t n, double deviation, uint64_t seed)
{
    espy_random r;
    float *x = calloc(n + 1, sizeof *x);
    espy_random_seed(&r, seed, 2);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(deviation * espy_random_normal(&r));
    return x;
}

/* ---- golden clips -------------------------------------------------------------------------- */

static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 60; k++)
        sum += term *= x * x / 4 / k / k;
    return sum;
}

/* What ffmpeg's libswresample makes of a recording unless told otherwise, which the golden files
 * went through: 32 periods of a sinc that ends at 0.97 of half the rate, Kaiser window of beta 9;
 * the ends are mirrored. */
static float *as_ffmpeg(const float *x, size_t n, int from, size_t size)
{
    const double factor = fmin(16000 * 0.97 / from, 1);
    const int taps = (int)ceil(32 / factor), center = (taps - 1) / 2;
    float *y = calloc(size, sizeof *y);
    double *filter = calloc((size_t)taps, sizeof *filter);
    for (size_t i = 0; i < size; i++) {
        const uint64_t at = i * (uint64_t)from;
        const double part = (double)(at % 16000) / 16000;
        double norm = 0, sum = 0;
        for (int k = 0; k < taps; k++) {
            const double t = PI * (k - center - part) * factor, w = 2 * t / (factor * taps * PI);
            filter[k] = (t == 0 ? 1 : sin(t) / t) * bessel(9 * sqrt(fmax(1 - w * w, 0)));
            norm += filter[k];
        }
        for (int k = 0; k < taps; k++) {
            int64_t in = (int64_t)(at / 16000) + k - center;
            in = in < 0 ? -in : in >= (int64_t)n ? 2 * (int64_t)n - 1 - in : in;
            if (in >= 0 && in < (int64_t)n)
                sum += filter[k] * (double)x[in];
        }
        y[i] = (float)(sum / norm);
    }
    free(filter);
    return y;
}

/* The golden recording at 16 kHz, as a file of floats. */
static espy_buf golden_16k(espy_ctx *cx, espy_span file, size_t size)
{
    enum { ROOM = 500000 };
    espy_sound_file *f = NULL;
    float *x = calloc(ROOM, sizeof *x);
    size_t n;
    assert_int_equal(espy_sound_open_memory(cx, file, &f), ESPY_E_OK);
    assert_int_equal(espy_sound_read(cx, f, x, ROOM, &n), ESPY_E_OK);
    float *y = as_ffmpeg(x, n, espy_sound_info_of(f)->rate, size);
    const test_wav w = {.rate = 16000, .channels = 1, .bits = -32, .values = y, .frames = size};
    espy_buf out = test_wav_make(cx, &w);
    espy_sound_close(cx, &f);
    free(x);
    free(y);
    return out;
}

typedef struct parity {
    double cosine, mean_score, score; /* worst of embeddings; of mean scores; of single scores */
    size_t patches, other_top;        /* patches in all; of another best class */
} parity;

static size_t best(const float *x, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

static parity compare(const heard *h, const test_array *want, const test_array *scores, size_t dim)
{
    parity p = {.cosine = 1, .patches = h->n};
    const size_t classes = scores->dims[1];
    double *mean = calloc(classes, sizeof *mean);
    for (size_t i = 0; i < h->n; i++) {
        const float *golden = (const float *)want->data + i * dim;
        const float *s = (const float *)scores->data + i * classes;
        p.cosine = fmin(p.cosine, cosine(h->vectors + i * dim, golden, dim));
        p.other_top += best(h->scores + i * classes, classes) != best(s, classes);
        for (size_t k = 0; k < classes; k++) {
            const double d = (double)h->scores[i * classes + k] - (double)s[k];
            p.score = fmax(p.score, fabs(d));
            mean[k] += d / (double)h->n;
        }
    }
    for (size_t k = 0; k < classes; k++)
        p.mean_score = fmax(p.mean_score, fabs(mean[k]));
    free(mean);
    return p;
}

typedef struct golden_sums {
    double cosine, clip, score; /* least of patches and of clips; largest difference of a score */
    size_t clips, patches, other_top;
} golden_sums;

static void golden_add(espy_ctx *cx, const espy_encoder *en, espy_span file, const char *stem,
                       golden_sums *sums)
{
    char path[300];
    const size_t dim = espy_encoder_dim(en);
    float ours[1024], theirs[1024];
    snprintf(path, sizeof path, "golden/yamnet/%s_embedding.npy", stem);
    test_array want = test_npy(test_shared(path));
    snprintf(path, sizeof path, "golden/yamnet/%s_scores.npy", stem);
    test_array scores = test_npy(test_shared(path));
    heard h = hear(cx, en, file, 0, 0, ESPY_LISTEN_BLOCK);
    assert_int_equal(h.n, want.dims[0]);
    assert_int_equal(want.dims[1], dim);
    assert_int_equal(scores.dims[1], espy_encoder_scores(en));
    const parity p = compare(&h, &want, &scores, dim);
    assert_int_equal(espy_patches_mean(cx, h.vectors, h.patches, h.n, dim, ours), ESPY_E_OK);
    assert_int_equal(espy_patches_mean(cx, want.data, h.patches, h.n, dim, theirs), ESPY_E_OK);
    sums->clip = fmin(sums->clip, cosine(ours, theirs, dim));
    sums->cosine = fmin(sums->cosine, p.cosine);
    sums->score = fmax(sums->score, p.score);
    sums->patches += h.n;
    sums->other_top += p.other_top;
    sums->clips++;
    heard_free(&h);
    test_array_free(&want);
    test_array_free(&scores);
}

static void golden_tell(const char *pack, const char *what, const golden_sums *s)
{
    print_message("%s, %s: %zu clips, %zu patches, least cosine %.7f of a patch, %.7f of a clip; "
                  "scores within %.1e, %zu patches with another best class\n",
                  pack, what, s->clips, s->patches, s->cosine, s->clip, s->score, s->other_top);
}

static void check_golden(espy_ctx *cx, const char *pack, bool exact)
{
    const golden_sums none = {.cosine = 1, .clip = 1};
    golden_sums same = none, theirs = none, ours = none;
    espy_json *all = NULL;
    const char *name;
    const espy_json *facts;
    void *it = NULL;
    espy_encoder *en = open_pack(cx, pack, "f32");
    assert_int_equal(
        espy_json_load(cx, test_shared("golden/yamnet/yamnet.json"), (size_t)1 << 20, &all),
        ESPY_E_OK);
    while (espy_json_next(espy_json_get(all, "files"), &it, &name, &facts)) {
        char path[300], stem[200];
        const char *slash = strrchr(name, '/'), *class = strchr(name, '/') + 1;
        snprintf(path, sizeof path, "data/%s", name);
        espy_buf file = test_read(cx, test_shared(path));
        snprintf(stem, sizeof stem, "%.*s__%.*s", (int)(slash - class), class,
                 (int)(strrchr(name, '.') - slash - 1), slash + 1);
        if (strstr(name, "dog_975ms")) { /* 16 kHz already */
            golden_add(cx, en, espy_span_of(&file), stem, &same);
        } else {
            const double size = espy_json_number(espy_json_get(facts, "samples_16k"), 0);
            espy_buf wav = golden_16k(cx, espy_span_of(&file), (size_t)size);
            golden_add(cx, en, espy_span_of(&file), stem, &ours);
            golden_add(cx, en, espy_span_of(&wav), stem, &theirs);
            espy_buf_free(cx, &wav);
        }
        espy_buf_free(cx, &file);
    }
    golden_tell(pack, "16 kHz already", &same);
    golden_tell(pack, "resampled as the golden files were", &theirs);
    golden_tell(pack, "resampled by libsoxr", &ours);
    assert_int_equal(same.clips + ours.clips, 16);
    assert_true(same.cosine >= (exact ? 0.999999 : 0.999));
    assert_true(same.score <= (exact ? 1e-4 : 0.02));
    assert_true(theirs.cosine >= (exact ? 0.9999 : 0.999));
    assert_int_equal(same.other_top + theirs.other_top, 0);
    assert_true(ours.cosine >= 0.999 && ours.clip >= 0.9999);
    assert_int_equal(ours.other_top, 0);
    assert_string_equal(espy_encoder_score_name(en, 0), "Speech");
    assert_string_equal(espy_encoder_score_name(en, 1), "Child speech, kid speaking");
    assert_int_equal(espy_encoder_scores(en), 521);
    assert_string_equal(espy_encoder_score_name(en, 521), "");
    for (size_t i = 0; i < 521; i++) {
        const char *s = espy_encoder_score_name(en, i);
        assert_true(s[0] && !strchr(s, '"'));
    }
    espy_json_free(all);
    espy_encoder_destroy(cx, &en);
}

static void test_golden(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (!have_yamnet() || !test_shared("golden/yamnet/yamnet.json"))
        skip();
    check_golden(&cx, "yamnet", true);
    if (!TEST_SLOW)
        check_golden(&cx, "yamnet-int8", false);
}

/* ---- precision ----------------------------------------------------------------------------- */

static void test_bf16(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (!have_yamnet())
        skip();
    if (!espy_precision_native(ESPY_PRECISION_BF16)) {
        print_message("this CPU does not compute in bf16\n");
        skip();
    }
    espy_encoder *f32 = open_pack(&cx, "yamnet", "f32"), *bf16 = open_pack(&cx, "yamnet", "bf16");
    espy_dir_list classes = {0};
    double least = 1;
    size_t n = 0;
    float a[1024], b[1024];
    char root[600];
    assert_string_not_equal(espy_encoder_digest(f32), espy_encoder_digest(bf16));
    snprintf(root, sizeof root, "%s", test_shared("data/sounds"));
    assert_int_equal(espy_dir_read(&cx, root, &classes), ESPY_E_OK);
    for (size_t i = 0; i < classes.n; i++) {
        espy_dir_list files = {0};
        char *dir = espy_path_join(&cx, root, classes.at[i].name);
        if (classes.at[i].is_dir)
            assert_int_equal(espy_dir_read(&cx, dir, &files), ESPY_E_OK);
        for (size_t k = 0; k < files.n; k += TEST_SLOW ? 10 : 1) {
            if (espy_modality_of_file(files.at[k].name) != espy_modality_find("sound"))
                continue;
            char *path = espy_path_join(&cx, dir, files.at[k].name);
            espy_buf file = test_read(&cx, path);
            clip(&cx, f32, espy_span_of(&file), a);
            clip(&cx, bf16, espy_span_of(&file), b);
            least = fmin(least, cosine(a, b, 1024));
            n++;
            espy_buf_free(&cx, &file);
            espy_free(&cx, path);
        }
        espy_dir_list_free(&cx, &files);
        espy_free(&cx, dir);
    }
    print_message("bf16 against f32: least cosine %.6f over %zu clips\n", least, n);
    assert_true(least >= 0.999);
    espy_dir_list_free(&cx, &classes);
    espy_encoder_destroy(&cx, &f32);
    espy_encoder_destroy(&cx, &bf16);
}

/* ---- one way ------------------------------------------------------------------------------- */

/* Training's way and the listener's give the same bits, of files up to 4 s and of the first 4 s of
 * longer ones; so do any number of threads and any size of blocks (f32). */
static void check_one_way(espy_ctx *cx, const espy_encoder *en, espy_span file)
{
    const size_t dim = espy_encoder_dim(en), bytes = dim * sizeof(float);
    float *a = calloc(dim, sizeof *a), *b = calloc(dim, sizeof *b);
    clip(cx, en, file, a);
    heard h = hear(cx, en, file, 0, espy_encoder_times(en).clip, ESPY_LISTEN_BLOCK);
    assert_int_equal(espy_patches_mean(cx, h.vectors, h.patches, h.n, dim, b), ESPY_E_OK);
    assert_memory_equal(a, b, bytes);
    heard_free(&h);
    heard whole = hear(cx, en, file, 0, 0, ESPY_LISTEN_BLOCK);
    for (unsigned threads = 2; threads <= 5; threads += 3) {
        assert_int_equal(espy_pool_create(cx, threads, &cx->pool), ESPY_E_OK);
        clip(cx, en, file, b);
        assert_memory_equal(a, b, bytes);
        heard again = hear(cx, en, file, 0, 0, ESPY_LISTEN_BLOCK);
        assert_int_equal(again.n, whole.n);
        assert_memory_equal(again.vectors, whole.vectors, whole.n * bytes);
        heard_free(&again);
        espy_pool_destroy(cx, &cx->pool);
    }
    double worst = 1;
    static const size_t blocks[] = {1, 3, 16, 63};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        heard again = hear(cx, en, file, 0, 0, blocks[i]);
        assert_int_equal(again.n, whole.n);
        assert_memory_equal(again.patches, whole.patches, whole.n * sizeof *whole.patches);
        for (size_t k = 0; k < whole.n; k++)
            worst = fmin(worst, cosine(again.vectors + k * dim, whole.vectors + k * dim, dim));
        heard_free(&again);
    }
    assert_true(worst >= 0.999999); /* the network's batches differ */
    heard_free(&whole);
    free(a);
    free(b);
}

static void test_one_way(void **state)
{
    (void)state;
    static const char *const names[] = {
        "data/sounds/yamnet_examples/dog_975ms.wav", "data/sounds/gun_shot/102305-6-0-0.wav",
        "data/sounds/dog_bark/1-100032-A.ogg", "data/sounds/siren/102871-8-0-0.wav"};
    static const double seconds[] = {0.01, 0.5, 0.975, 0.976, 1.2, 3.99, 4, 4.01, 9.7, 40};
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *stats = open_pack(&cx, "melstats", "f32");
    espy_encoder *yamnet = have_yamnet() ? open_pack(&cx, "yamnet", "f32") : NULL;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i += TEST_SLOW ? 3 : 1)
        for (int rate = 16000; rate <= 44100; rate += 28100) {
            const size_t n = (size_t)(seconds[i] * rate);
            float *x = noise(n, 0.1, i + 1);
            espy_buf file = test_wav_mono(&cx, rate, x, n);
            check_one_way(&cx, stats, espy_span_of(&file));
            if (yamnet && seconds[i] < 9)
                check_one_way(&cx, yamnet, espy_span_of(&file));
            espy_buf_free(&cx, &file);
            free(x);
        }
    for (size_t i = 0; yamnet && i < sizeof names / sizeof *names; i++) {
        espy_buf file = test_read(&cx, test_shared(names[i]));
        check_one_way(&cx, yamnet, espy_span_of(&file));
        espy_buf_free(&cx, &file);
    }
    espy_encoder_destroy(&cx, &stats);
    espy_encoder_destroy(&cx, &yamnet);
}

/* ---- patches, silence, start --------------------------------------------------------------- */

/* As many patches as listen.h says, for lengths around every edge. */
static void test_how_many(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats", "f32");
    const size_t p = 15600, s = 7680;
    float *x = noise(p + 130 * s, 0.1, 9);
    for (size_t k = 0; k<130; k += k> 3 && k < 60 ? 19 : 1)
        for (int d = -1; d <= 1; d++) {
            const size_t n = p + k * s + (size_t)(d + 1) - 1;
            espy_buf file = test_wav_mono(&cx, 16000, x, n);
            heard h = hear(&cx, en, espy_span_of(&file), 0, 0, ESPY_LISTEN_BLOCK);
            assert_int_equal(h.n, n <= p ? 1 : 1 + (n - p + s - 1) / s);
            assert_float_equal(h.seconds, (double)n / 16000, 1e-9);
            heard_free(&h);
            espy_buf_free(&cx, &file);
        }
    free(x);
    espy_encoder_destroy(&cx, &en);
}

static void test_start_and_length(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats", "f32");
    const size_t dim = espy_encoder_dim(en), n = 16000 * 10;
    float *x = noise(n, 0.1, 4);
    espy_buf whole = test_wav_mono(&cx, 16000, x, n);
    espy_buf part = test_wav_mono(&cx, 16000, x + 16000 * 3, 16000 * 2);
    heard a = hear(&cx, en, espy_span_of(&whole), 3, 2, 64);
    heard b = hear(&cx, en, espy_span_of(&part), 0, 0, 64);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.vectors, b.vectors, a.n * dim * sizeof(float));
    assert_float_equal(a.seconds, 2, 1e-9);
    heard_free(&a);
    heard_free(&b);
    a = hear(&cx, en, espy_span_of(&whole), 9.5, 100, 64);
    assert_int_equal(a.n, 1);
    assert_float_equal(a.seconds, 0.5, 1e-9);
    heard_free(&a);
    a = hear(&cx, en, espy_span_of(&whole), 10, 0, 64);
    assert_int_equal(a.n, 0);
    heard_free(&a);
    a = hear(&cx, en, espy_span_of(&whole), 1e6, 4, 64);
    assert_int_equal(a.n, 0);
    heard_free(&a);
    espy_buf_free(&cx, &whole);
    espy_buf_free(&cx, &part);
    free(x);
    espy_encoder_destroy(&cx, &en);
}

/* Silent patches do not count; a clip that is nothing else is found, but not learned from. */
static void test_silence(void **state)
{
    (void)state;
    const espy_find_options largest = {.largest = true};
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats", "f32");
    const size_t dim = espy_encoder_dim(en), n = 64000;
    float *x = noise(n, 0.1, 6), a[200], b[200];
    memset(x + 15600, 0, (n - 15600) * sizeof *x); /* the first patch, and half of the second */
    espy_buf file = test_wav_mono(&cx, 16000, x, n);
    heard h = hear(&cx, en, espy_span_of(&file), 0, 0, 64);
    size_t loud = 0;
    for (size_t i = 0; i < h.n; i++)
        loud += !h.patches[i].silent;
    assert_int_equal(loud, 3); /* those that reach into the sound, the last by 15 ms */
    assert_int_equal(espy_patches_mean(&cx, h.vectors, h.patches, h.n, dim, a), ESPY_E_OK);
    assert_int_equal(espy_patches_mean(&cx, h.vectors, h.patches, loud, dim, b), ESPY_E_OK);
    assert_memory_equal(a, b, dim * sizeof *a);
    heard_free(&h);
    espy_buf_free(&cx, &file);
    memset(x, 0, n * sizeof *x);
    file = test_wav_mono(&cx, 16000, x, n);
    clip(&cx, en, espy_span_of(&file), a);
    espy_samples s = {0};
    assert_int_equal(espy_encoder_find(&cx, en, espy_span_of(&file), &largest, &s), ESPY_E_OK);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.width, 4000);
    espy_samples_free(&cx, &s);
    espy_buf_free(&cx, &file);
    free(x);
    espy_encoder_destroy(&cx, &en);
}

/* Every kind of sound has a finite melstats vector of unit length, and unlike sounds differ. */
static void test_melstats(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats", NULL);
    enum { KINDS = 7, N = 48000 };
    float v[KINDS][92];
    assert_int_equal(espy_encoder_dim(en), 92);
    assert_int_equal(espy_encoder_scores(en), 0);
    assert_string_equal(espy_encoder_score_name(en, 0), "");
    for (int k = 0; k < KINDS; k++) {
        float *x = k == 1 || k == 6 ? noise(N, k == 1 ? 0.1 : 1, 1) : calloc(N, sizeof *x);
        for (int i = 0; i < N; i++) {
            const double t = i / 16000.0;
            if (k == 2)
                x[i] = (float)(0.5 * sin(2 * PI * 440 * t));
            if (k == 3) /* something like a vowel */
                x[i] = (float)(0.2 * exp(-20 * fmod(t, 0.008)) *
                               sin(2 * PI * 700 * fmod(t, 0.008)) * (1 + sin(2 * PI * 4 * t)));
            if (k == 4)
                x[i] = i % 8000 == 0;
            if (k == 5)
                x[i] = i % 2 ? 1 : -1;
        }
        espy_buf file = test_wav_mono(&cx, 16000, x, N);
        clip(&cx, en, espy_span_of(&file), v[k]);
        for (int i = 0; i < 92; i++)
            assert_true(isfinite(v[k][i]));
        for (int j = 0; j < k; j++)
            if (j != 1 || k != 6)
                if (cosine(v[j], v[k], 92) > 0.999)
                    fail_msg("kinds %d and %d have a cosine of %.3f", j, k, cosine(v[j], v[k], 92));
        espy_buf_free(&cx, &file);
        free(x);
    }
    assert_true(cosine(v[1], v[6], 92) > 0.8); /* noise is noise, loud or not */
    espy_encoder_destroy(&cx, &en);
}

/* ---- manifests ----------------------------------------------------------------------------- */

/* A sound pack without a network, with other keys; the path is in a static buffer. */
static const char *manifest(espy_ctx *cx, const char *name, const char *more)
{
    static char path[300];
    char text[2000];
    snprintf(path, sizeof path, "%s/pack.json", test_folder());
    snprintf(text, sizeof text,
             "{\"format\":1,\"name\":\"%s\",\"summary\":\"\",\"modality\":\"sound\","
             "\"licence\":\"\",\"commercial\":true,\"dim\":92,\"floor\":0.8,\"files\":[]%s}",
             name, more);
    assert_int_equal(espy_file_write(cx, path, text, strlen(text)), ESPY_E_OK);
    return path;
}

static void test_other_spectrogram(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "",
        ",\"spectrogram\":{\"rate\":22050,\"high\":11000}",
        ",\"spectrogram\":{\"bands\":40}",
        ",\"spectrogram\":{\"frames\":50,\"step\":50}",
        ",\"spectrogram\":{\"fft\":1024,\"window\":1000}",
        ",\"clip\":2",
        ",\"quality\":{\"min_score\":0.5}",
    };
    enum { N = sizeof changes / sizeof *changes };
    espy_ctx cx;
    char digests[N][ESPY_DIGEST_HEX];
    float v[92];
    espy_ctx_init(&cx);
    float *x = noise(80000, 0.1, 2);
    espy_buf file = test_wav_mono(&cx, 16000, x, 80000);
    for (size_t i = 0; i < N; i++) {
        espy_encoder *en = open_pack(&cx, manifest(&cx, "melstats", changes[i]), "f32");
        strcpy(digests[i], espy_encoder_digest(en));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[j], digests[i]);
        check_one_way(&cx, en, espy_span_of(&file));
        clip(&cx, en, espy_span_of(&file), v);
        const espy_listen_times t = espy_encoder_times(en);
        assert_float_equal(t.clip, i == 5 ? 2 : 4, 0);
        assert_float_equal(t.step, i == 3 ? 0.5 : i == 1 ? 48 * 160 / 22050.0 : 0.48, 1e-9);
        espy_encoder_destroy(&cx, &en);
    }
    espy_encoder *built_in = open_pack(&cx, "melstats", "f32");
    assert_string_equal(espy_encoder_digest(built_in), digests[0]);
    espy_encoder_destroy(&cx, &built_in);
    espy_buf_free(&cx, &file);
    free(x);
}

static void test_wrong_manifests(void **state)
{
    (void)state;
    static const struct {
        const char *more, *says;
    } cases[] = {
        {",\"spectrogram\":{\"rat\":22050}", "rat"},
        {",\"spectrogram\":{\"rate\":0}", "rate"},
        {",\"spectrogram\":{\"rate\":\"fast\"}", "rate"},
        {",\"spectrogram\":{\"window\":513}", "window"},
        {",\"spectrogram\":{\"fft\":513}", "transform"},
        {",\"spectrogram\":{\"hop\":0}", "hop"},
        {",\"spectrogram\":{\"bands\":513}", "bands"},
        {",\"spectrogram\":{\"high\":8001}", "half the rate"},
        {",\"spectrogram\":{\"offset\":0}", "offset"},
        {",\"spectrogram\":{\"frames\":1}", "frames"},
        {",\"spectrogram\":{\"step\":97}", "step"},
        {",\"spectrogram\":[]", "spectrogram"},
        {",\"clip\":0", "clip"},
        {",\"clip\":61", "clip"},
        {",\"clip\":32", "clip"}, /* more patches than are heard at a time */
        {",\"spectrogram\":{\"hop\":8192,\"frames\":1024}", "patch"},
        {",\"spectrogram\":{\"bands\":512,\"frames\":1024}", "patch"},
        {",\"spectrogram\":{\"hop\":1,\"step\":1}", "clip"},
    };
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_encoder *en = NULL;
        espy_err e =
            espy_encoder_open(&cx, manifest(&cx, "melstats", cases[i].more), NULL, "f32", 1, &en);
        if (e == ESPY_E_OK || !strstr(cx.text, cases[i].says) || strchr(cx.text, '\n'))
            fail_msg("%s: %d %s", cases[i].more, e, cx.text);
        assert_null(en);
        espy_clear(&cx);
    }
    assert_int_equal(m.live, 0);
}

/* A pack for faces does not listen, a picture is no recording. */
static void test_wrong_things(void **state)
{
    (void)state;
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n0123456789";
    espy_ctx cx;
    espy_listener *l = NULL;
    espy_samples s = {0};
    espy_patch patches[ESPY_LISTEN_BLOCK];
    size_t n;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats", "f32");
    const espy_span picture = {png, sizeof png - 1};
    assert_int_equal(espy_encoder_find(&cx, en, picture, NULL, &s), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "not a sound"));
    espy_clear(&cx);
    espy_buf none = test_wav_mono(&cx, 16000, NULL, 0);
    assert_int_equal(espy_encoder_find(&cx, en, espy_span_of(&none), NULL, &s), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "no sound"));
    espy_clear(&cx);
    espy_buf_free(&cx, &none);
    espy_buf some = test_wav_mono(&cx, 16000, NULL, 16000);
    assert_int_equal(espy_listener_open(&cx, en, NULL, espy_span_of(&some), 0, 0, &l), ESPY_E_OK);
    assert_int_equal(espy_listener_next(&cx, l, 0, NULL, NULL, patches, &n), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_listener_next(&cx, l, 65, NULL, NULL, patches, &n), ESPY_E_ARG);
    espy_clear(&cx);
    espy_listener_close(&cx, &l);
    espy_buf_free(&cx, &some);
    if (test_shared("models/det_500m.onnx")) {
        espy_encoder *face = open_pack(&cx, "mobilefacenet", "f32");
        assert_int_equal(espy_listener_open(&cx, face, NULL, picture, 0, 0, &l), ESPY_E_ARG);
        assert_null(l);
        assert_int_equal(espy_encoder_scores(face), 0);
        assert_string_equal(espy_encoder_score_name(face, 0), "");
        espy_clear(&cx);
        espy_encoder_destroy(&cx, &face);
    }
    espy_encoder_destroy(&cx, &en);
}

/* ---- memory -------------------------------------------------------------------------------- */

static espy_err whole_road(espy_ctx *cx, const espy_encoder *en, espy_span file, float *vector)
{
    espy_samples s = {0};
    ESPY_TRY(espy_encoder_find(cx, en, file, NULL, &s));
    espy_err e = espy_encoder_embed(cx, en, &s, vector);
    espy_samples_free(cx, &s);
    return e;
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_encoder *en = NULL;
    float v[92];
    atomic_bool stop = true;
    test_memory_init(&cx, &m);
    float *x = noise(70000, 0.1, 3);
    espy_buf file = test_wav_mono(&cx, 22050, x, 70000);
    TEST_FAULT_LOOP(&cx, &m, espy_encoder_open(&cx, "melstats", NULL, "f32", 1, &en),
                    espy_encoder_destroy(&cx, &en));
    assert_int_equal(espy_encoder_open(&cx, "melstats", NULL, "f32", 1, &en), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &m, whole_road(&cx, en, espy_span_of(&file), v), (void)0);
    cx.cancel = &stop;
    assert_int_equal(whole_road(&cx, en, espy_span_of(&file), v), ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_clear(&cx);
    espy_encoder_destroy(&cx, &en);
    espy_buf_free(&cx, &file);
    free(x);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),           cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_one_way),          cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_start_and_length), cmocka_unit_test(test_silence),
        cmocka_unit_test(test_melstats),         cmocka_unit_test(test_other_spectrogram),
        cmocka_unit_test(test_wrong_manifests),  cmocka_unit_test(test_wrong_things),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
