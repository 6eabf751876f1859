/* SPDX-License-Identifier: Apache-2.0
 * flow/listen: events of recordings whose truth is known.  The sounds are tones, noise and clicks
 * heard by the built-in pack, so nothing else is needed; real clips in ../shared are used where
 * they are there. */
#include "support/support.h"
#include "support/wav.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/random.h"
#include "encode/listen.h"
#include "flow/listen.h"
#include "flow/renew.h"
#include "flow/scan.h"
#include "learn/gallery.h"

#define PI 3.14159265358979323846
#define RATE 16000

#define OK(cx, expr)                               \
    do {                                           \
        if ((expr) != ESPY_E_OK)                   \
            fail_msg("%s: %s", #expr, (cx)->text); \
    } while (0)

/* ---- synthetic sounds ---------------------------------------------------------------------- */

typedef enum sound { HUM, HISS, BEEP, CLASSES, QUIET = CLASSES, CHIRP } sound;
static const char *const class_names[CLASSES] = {"hum", "hiss", "beep"};

/* n values of a sound; `seed` varies it a little. */
static void play(sound s, float *x, size_t n, uint64_t seed)
{
    espy_random r;
    espy_random_seed(&r, seed, 7);
    const double much = 0.8 + 0.4 * espy_random_unit(&r), off = 1 + 0.03 * espy_random_normal(&r);
    for (size_t i = 0; i < n; i++) {
        const double t = (double)i / RATE, noise = espy_random_normal(&r);
        double v = 0;
        if (s == HUM)
            for (int k = 1; k < 12; k++)
                v += 0.1 / k * sin(2 * PI * 120 * k * off * t);
        if (s == HISS)
            v = 0.1 * noise;
        if (s == BEEP)
            v = fmod(t, 0.2) < 0.1 ? 0.3 * sin(2 * PI * 2000 * off * t) : 0;
        if (s == CHIRP)
            v = 0.3 * sin(2 * PI * (300 + 3000 * fmod(t, 0.05) / 0.05) * t);
        x[i] = s == QUIET ? 0 : (float)(much * v + 0.002 * noise);
    }
}

/* ---- a trained identifier ------------------------------------------------------------------ */

typedef struct trained {
    espy_encoder *encoder;
    espy_workspace ws;
    espy_identifier id;
} trained;

static const char *root; /* test folder */

static void put(espy_ctx *cx, const char *dir, const char *name, size_t i, sound s)
{
    char path[400];
    const size_t n = RATE * 2;
    float *x = calloc(n, sizeof *x);
    play(s, x, n, 100 + i);
    espy_buf file = test_wav_mono(cx, RATE, x, n);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(cx, espy_dir_make(cx, path));
    snprintf(path, sizeof path, "%s/%s/%zu.wav", dir, name, i);
    OK(cx, espy_file_write(cx, path, file.data, file.size));
    espy_buf_free(cx, &file);
    free(x);
}

/* Learns the three sounds from eight recordings each, once. */
static trained *train(espy_ctx *cx)
{
    static trained t;
    static bool done;
    char dir[300], at[300];
    espy_collection c = {0};
    espy_dataset data = {0};
    espy_ingest ingest = {0};
    espy_renewal r = {0};
    if (done)
        return &t;
    root = test_folder();
    snprintf(dir, sizeof dir, "%s/data", root);
    snprintf(at, sizeof at, "%s/w", root);
    for (size_t i = 0; i < 8; i++)
        for (int s = 0; s < CLASSES; s++)
            put(cx, dir, class_names[s], i, (sound)s);
    OK(cx, espy_encoder_open(cx, "melstats", NULL, "f32", 1, &t.encoder));
    OK(cx, espy_workspace_open(cx, at, true, &t.ws));
    OK(cx, espy_workspace_collection(cx, &t.ws, NULL, t.encoder, &c));
    OK(cx, espy_dataset_read(cx, dir, ESPY_FOLDER_CODE, espy_modality_find("sound"), NULL, &data));
    const espy_ingest_options how = {.actor = "folder"};
    OK(cx, espy_flow_ingest(cx, &t.ws, &c, t.encoder, &data, &how, &ingest));
    assert_int_equal(ingest.used, CLASSES * 8);
    const espy_fit_options fit = {.head = "logistic",
                                  .settings = {.balanced = true, .scale = true, .seed = 1},
                                  .rule = ESPY_THRESHOLD_FIXED,
                                  .threshold = 0.6,
                                  .floor = 0.8};
    const espy_renew_options renew = {&fit, NULL, "train", NULL};
    OK(cx, espy_flow_renew(cx, &t.ws, &c, &renew, &r));
    const espy_identify_options o = {.threshold = -1, .floor = -2}; /* the version's own */
    OK(cx, espy_identifier_open(cx, &t.ws, NULL, 0, t.encoder, &o, &t.id));
    espy_renewal_free(cx, &r);
    espy_ingest_free(cx, &ingest);
    espy_dataset_free(cx, &data);
    espy_collection_free(cx, &c);
    done = true;
    return &t;
}

/* ---- recordings of several sounds ---------------------------------------------------------- */

typedef struct part {
    sound s;
    double seconds;
} part;

static espy_buf record(espy_ctx *cx, const part *parts, size_t n_parts)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < n_parts; i++)
        n += (size_t)(parts[i].seconds * RATE + 0.5);
    float *x = calloc(n + 1, sizeof *x);
    for (size_t i = 0; i < n_parts; i++) {
        const size_t size = (size_t)(parts[i].seconds * RATE + 0.5);
        play(parts[i].s, x + at, size, 1 + i);
        at += size;
    }
    espy_buf file = test_wav_mono(cx, RATE, x, n);
    free(x);
    return file;
}
#define RECORD(cx, ...) record(cx, (part[])__VA_ARGS__, sizeof((part[])__VA_ARGS__) / sizeof(part))

typedef struct answer {
    espy_scan scan;
    espy_result *r;
} answer;

static answer hear(espy_ctx *cx, const trained *t, const espy_buf *file,
                   const espy_listen_options *o)
{
    answer a = {0};
    OK(cx, espy_listen(cx, &t->id, NULL, espy_span_of(file), o, &a.scan, &a.r));
    assert_true((a.scan.error != NULL) == (a.r == NULL));
    if (a.r)
        assert_int_equal(a.r->n, a.scan.n);
    return a;
}

static void answer_free(espy_ctx *cx, answer *a)
{
    espy_scan_free(cx, &a->scan);
    espy_result_free(a->r);
}

static double start_of(const answer *a, size_t i)
{
    return (double)a->scan.at[i].box[0];
}

static double end_of(const answer *a, size_t i)
{
    return (double)(a->scan.at[i].box[0] + a->scan.at[i].box[2]);
}

static void tell(const answer *a)
{
    for (size_t i = 0; i < a->scan.n; i++)
        print_message("  %6.2f - %6.2f %s %s %.3f %.3f\n", start_of(a, i), end_of(a, i),
                      espy_decision_name(a->r->at[i].decision),
                      a->r->at[i].label ? a->r->at[i].label : "", (double)a->r->at[i].probability,
                      (double)a->r->at[i].similarity);
}

/* The known events are these, each within `most` seconds. */
static void expect(const answer *a, const part *truth, const double *starts, size_t n, double most)
{
    bool good = !a->scan.error && a->scan.n == n;
    for (size_t i = 0; good && i < n; i++)
        good = a->r->at[i].label && strcmp(a->r->at[i].label, class_names[truth[i].s]) == 0 &&
               fabs(start_of(a, i) - starts[i]) <= most &&
               fabs(end_of(a, i) - starts[i] - truth[i].seconds) <= most;
    if (!good) {
        tell(a);
        fail_msg("%zu other events were expected%s%s", n, a->scan.error ? ": " : "",
                 a->scan.error ? a->scan.error : "");
    }
}

static void test_truth(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    static const part parts[] = {{QUIET, 3}, {HUM, 6},  {QUIET, 4}, {HISS, 5},
                                 {QUIET, 3}, {BEEP, 5}, {HUM, 6},   {QUIET, 2}};
    static const part truth[] = {{HUM, 6}, {HISS, 5}, {BEEP, 5}, {HUM, 6}};
    static const double starts[] = {3, 13, 21, 26};
    espy_buf file = record(&cx, parts, 8);
    const espy_listen_options usual = {ESPY_LISTEN_USUAL};
    answer a = hear(&cx, t, &file, &usual);
    tell(&a);
    expect(&a, truth, starts, 4, 1);
    assert_int_equal(a.scan.width, 34000);
    answer_free(&cx, &a);
    /* from 10 s on, and ten seconds of it: times stay those of the recording */
    const espy_listen_options late = {ESPY_LISTEN_USUAL, .start = 10};
    a = hear(&cx, t, &file, &late);
    expect(&a, truth + 1, starts + 1, 3, 1);
    assert_int_equal(a.scan.width, 24000);
    answer_free(&cx, &a);
    const espy_listen_options some = {ESPY_LISTEN_USUAL, .start = 10, .most = 10};
    a = hear(&cx, t, &file, &some);
    expect(&a, truth + 1, starts + 1, 1, 1);
    assert_int_equal(a.scan.width, 10000);
    answer_free(&cx, &a);
    espy_buf_free(&cx, &file);
}

/* ---- windows, one by one ------------------------------------------------------------------- */

enum { WINDOWS = 400 };

/* What the rule says of each window of `size` patches; returns how many there are. */
static size_t windows(espy_ctx *cx, const trained *t, const espy_buf *file, size_t size,
                      espy_verdict *v)
{
    const size_t dim = espy_encoder_dim(t->encoder);
    float *vectors = calloc((WINDOWS + 64) * dim, sizeof *vectors), row[200], p[CLASSES],
          near[CLASSES];
    espy_patch patches[WINDOWS + 64];
    espy_listener *l = NULL;
    size_t have = 0;
    OK(cx, espy_listener_open(cx, t->encoder, NULL, espy_span_of(file), 0, 0, &l));
    for (size_t n = 64; n == 64; have += n)
        OK(cx, espy_listener_next(cx, l, 64, vectors + have * dim, NULL, patches + have, &n));
    espy_listener_close(cx, &l);
    for (size_t i = 0; i + size <= have; i++) {
        float level = 0;
        OK(cx, espy_patches_mean(cx, vectors + i * dim, patches + i, size, dim, row));
        OK(cx, t->id.head->ops->probabilities(cx, t->id.head, row, 1, p));
        OK(cx, espy_gallery_nearest(cx, &t->id.gallery.rows, row, 1, near));
        for (size_t k = 0; k < size; k++)
            level = fmaxf(level, patches[i + k].level);
        const espy_quality q = {ESPY_QUALITY_UNKNOWN, level, ESPY_QUALITY_UNKNOWN};
        v[i] = espy_decide(&t->id.rule, p, near, CLASSES, &q);
    }
    free(vectors);
    return have - size + 1;
}

/* Every window that the rule names lies in an event of its label; every event begins at such a
 * window, and none of its windows has another name. */
static void test_windows(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_verdict v[WINDOWS];
    espy_ctx_init(&cx);
    trained *t = train(&cx);
    static const double thresholds[] = {0.3, 0.6, 0.9, 0.99};
    static const sound order[] = {HUM,   HISS, QUIET, BEEP, CHIRP, HUM,   BEEP, HISS, QUIET,
                                  CHIRP, HUM,  HISS,  BEEP, HISS,  QUIET, HUM,  BEEP};
    part parts[17];
    espy_random r;
    espy_random_seed(&r, 3, 3);
    for (size_t i = 0; i < 17; i++)
        parts[i] = (part){order[i], 0.3 + 3 * espy_random_unit(&r)};
    espy_buf file = record(&cx, parts, 17);
    const espy_decision_rule was = t->id.rule;
    size_t held = 0;
    for (size_t k = 0; k < 4; k++) {
        const espy_listen_options o = {.window = 1.92, .least = 0, .gap = 0};
        t->id.rule.threshold = thresholds[k];
        t->id.rule.floor = 0.5;
        const size_t n = windows(&cx, t, &file, 3, v);
        answer a = hear(&cx, t, &file, &o);
        const double seconds = a.scan.width / 1000.0;
        for (size_t i = 0; i < n; i++) {
            const double half = 0.96, from = i ? (double)(i - 1) * 0.48 + half + 0.24 : 0,
                         to = i + 1 < n ? (double)i * 0.48 + half + 0.24 : seconds;
            size_t e = 0;
            while (e < a.scan.n && !(start_of(&a, e) < from + 0.1 && end_of(&a, e) > to - 0.1))
                e++;
            const bool known = v[i].decision == ESPY_KNOWN;
            const char *label = e < a.scan.n ? a.r->at[e].label : NULL;
            if (known && (!label || strcmp(label, t->id.gallery.codes[v[i].label]) != 0))
                fail_msg("window %zu from %.2f to %.2f is not in an event", i, from, to);
            held += !known && label;
            if (!known && label) { /* hysteresis: the same best label, not much less probable */
                assert_string_equal(label, t->id.gallery.codes[v[i].label]);
                assert_true((double)v[i].probability >= 0.8 * thresholds[k] - 1e-6);
            }
        }
        for (size_t e = 0; e < a.scan.n; e++) {
            assert_int_equal(a.r->at[e].decision, ESPY_KNOWN);
            assert_true((double)a.r->at[e].probability >= thresholds[k] - 1e-6);
            assert_true(!e || start_of(&a, e) >= end_of(&a, e - 1) - 1e-3);
        }
        answer_free(&cx, &a);
    }
    print_message("%zu windows were held by hysteresis\n", held);
    assert_true(held > 0);
    t->id.rule = was;
    espy_buf_free(&cx, &file);
}

static void test_gap_and_least(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    espy_buf file = RECORD(&cx, {{HUM, 5}, {QUIET, 5}, {HUM, 5}, {HISS, 5}, {HUM, 5}});
    espy_listen_options o = {ESPY_LISTEN_USUAL};
    answer a = hear(&cx, t, &file, &o);
    assert_int_equal(a.scan.n, 4);
    answer_free(&cx, &a);
    o.gap = 8; /* the hiss between is another label and keeps the hums apart */
    a = hear(&cx, t, &file, &o);
    assert_int_equal(a.scan.n, 3);
    assert_true(end_of(&a, 0) > 14 && start_of(&a, 0) < 1);
    answer_free(&cx, &a);
    o.least = 8; /* what is short is left out after that */
    a = hear(&cx, t, &file, &o);
    assert_int_equal(a.scan.n, 1);
    assert_string_equal(a.r->at[0].label, "hum");
    answer_free(&cx, &a);
    o.least = 100;
    a = hear(&cx, t, &file, &o);
    assert_int_equal(a.scan.n, 0);
    answer_free(&cx, &a);
    espy_buf_free(&cx, &file);
}

/* The stretches of --all touch each other from the beginning to the end, and the known ones are
 * those that are told without it. */
static void check_all(espy_ctx *cx, const trained *t, const espy_buf *file, espy_listen_options o)
{
    o.all = false;
    answer some = hear(cx, t, file, &o);
    o.all = true;
    answer all = hear(cx, t, file, &o);
    size_t known = 0;
    double at = o.start;
    for (size_t i = 0; i < all.scan.n; i++) {
        if (fabs(start_of(&all, i) - at) > 1e-3 || end_of(&all, i) <= start_of(&all, i)) {
            tell(&all);
            fail_msg("stretch %zu does not begin at %.3f s", i, at);
        }
        at = end_of(&all, i);
        assert_true((all.r->at[i].decision == ESPY_KNOWN) == (all.r->at[i].label != NULL));
        if (i && all.r->at[i].decision == all.r->at[i - 1].decision)
            assert_int_equal(all.r->at[i].decision, ESPY_KNOWN);
        if (all.r->at[i].decision != ESPY_KNOWN)
            continue;
        assert_true(known < some.scan.n);
        assert_memory_equal(all.scan.at[i].box, some.scan.at[known].box,
                            sizeof some.scan.at[0].box);
        assert_true(all.r->at[i].probability == some.r->at[known].probability);
        assert_string_equal(all.r->at[i].label, some.r->at[known].label);
        known++;
    }
    assert_true(known == some.scan.n || (some.scan.n == 1 && some.scan.width <= 4000));
    assert_float_equal(at, o.start + all.scan.width / 1000.0, 2e-3);
    answer_free(cx, &some);
    answer_free(cx, &all);
}

static void test_all(void **state)
{
    (void)state;
    static const double leasts[] = {0, 0.48, 2.5, 6, 1000}, gaps[] = {0, 0.96, 3, 1000};
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    espy_buf file = RECORD(&cx, {{QUIET, 3},
                                 {HUM, 6},
                                 {QUIET, 1},
                                 {HUM, 2},
                                 {CHIRP, 4},
                                 {HISS, 5},
                                 {QUIET, 2},
                                 {BEEP, 1},
                                 {QUIET, 2},
                                 {HISS, 1},
                                 {BEEP, 5},
                                 {HUM, 6},
                                 {CHIRP, 2}});
    for (size_t i = 0; i < 5; i++)
        for (size_t k = TEST_SLOW ? i % 4 : 0; k < 4; k += TEST_SLOW ? 4 : 1)
            for (double window = 0.5; window < 8; window *= 3)
                check_all(&cx, t, &file,
                          (espy_listen_options){.window = window,
                                                .least = leasts[i],
                                                .gap = gaps[k],
                                                .start = 2 * (double)k});
    espy_buf_free(&cx, &file);
}

/* Lengths around every edge: shorter than a patch, the clip, blocks of 64 patches. */
static void test_lengths(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    static const size_t edges[] = {1,
                                   200,
                                   15600,
                                   23280,
                                   63999,
                                   64000,
                                   64001,
                                   15600 + 62 * 7680,
                                   15600 + 63 * 7680,
                                   15600 + 64 * 7680,
                                   15600 + 127 * 7680,
                                   15600 + 128 * 7680};
    static const double windows[] = {0.1, 1.92, 30};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (size_t d = TEST_SLOW && i > 4; d < (i > 4 ? TEST_SLOW ? 2 : 3 : 1); d++) {
            const part whole = {HUM, (double)(edges[i] + d - (i > 4)) / RATE};
            espy_buf file = record(&cx, &whole, 1);
            for (size_t w = TEST_SLOW; w < (TEST_SLOW ? 2 : 3); w++) {
                const espy_listen_options o = {ESPY_LISTEN_USUAL, .all = true};
                espy_listen_options with = o;
                with.window = windows[w];
                check_all(&cx, t, &file, with);
                answer a = hear(&cx, t, &file, &with);
                if (whole.seconds > 1 &&
                    !(a.scan.n == 1 && a.r->at[0].label && strcmp(a.r->at[0].label, "hum") == 0)) {
                    tell(&a);
                    fail_msg("%.5f s of hum, window %g", whole.seconds, windows[w]);
                }
                answer_free(&cx, &a);
            }
            espy_buf_free(&cx, &file);
        }
}

/* A recording up to 4 s, and 4 s of a longer one, are answered from the bits that training makes.
 */
static void test_clip(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    static const double seconds[] = {0.2, 0.975, 2, 3.9, 4, 4.2, 11, 70};
    const espy_find_options find = {0};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        const part parts[] = {{HISS, seconds[i] / 2}, {HUM, seconds[i] / 2}};
        espy_buf file = record(&cx, parts, 2);
        espy_scan scan = {0};
        espy_result *r = NULL;
        OK(&cx, espy_flow_scan_memory(&cx, t->encoder, &find, espy_span_of(&file), &scan));
        OK(&cx, espy_identify_scan(&cx, &t->id, &scan, &r));
        const espy_listen_options o = {ESPY_LISTEN_USUAL, .clip = true};
        answer a = hear(&cx, t, &file, &o);
        assert_int_equal(a.scan.n, 1);
        assert_int_equal(r->n, 1);
        assert_int_equal(a.r->at[0].decision, r->at[0].decision);
        assert_true(a.r->at[0].probability == r->at[0].probability);
        assert_true(a.r->at[0].similarity == r->at[0].similarity);
        assert_float_equal(end_of(&a, 0), fmin(4, seconds[i]), 1e-3);
        assert_int_equal(a.scan.width, scan.width);
        answer_free(&cx, &a);
        if (seconds[i] <= 4) { /* without --clip it is one, too */
            const espy_listen_options whole = {ESPY_LISTEN_USUAL};
            a = hear(&cx, t, &file, &whole);
            assert_int_equal(a.scan.n, 1);
            assert_true(a.r->at[0].probability == r->at[0].probability);
            answer_free(&cx, &a);
        }
        espy_result_free(r);
        espy_scan_free(&cx, &scan);
        espy_buf_free(&cx, &file);
    }
}

/* Through a network, too: the scan's vector is the listener's. */
static void test_scan_is_listener(void **state)
{
    (void)state;
    static const char *const names[] = {"yamnet_examples/baby_975ms.wav",
                                        "engine_idling/102858-5-0-0.wav", "rain/1-17367-A.ogg"};
    const espy_find_options find = {.largest = true};
    espy_ctx cx;
    espy_encoder *en = NULL;
    espy_ctx_init(&cx);
    if (!test_shared("models/yamnet_patch_f32.onnx") || !test_shared("data/sounds")) {
        print_message("the network and sounds of ../shared are not here\n");
        skip();
    }
    OK(&cx, espy_encoder_open(&cx, "yamnet", NULL, "f32", 1, &en));
    for (size_t i = 0; i < 3; i++)
        for (unsigned threads = 1; threads < 4; threads += 2) {
            char path[200];
            snprintf(path, sizeof path, "data/sounds/%s", names[i]);
            espy_buf file = test_read(&cx, test_shared(path));
            espy_scan scan = {0};
            espy_listener *l = NULL;
            static float vectors[64 * 1024], mean[1024];
            espy_patch patches[64];
            size_t n;
            OK(&cx, espy_pool_create(&cx, threads, &cx.pool));
            OK(&cx, espy_flow_scan_memory(&cx, en, &find, espy_span_of(&file), &scan));
            OK(&cx, espy_listener_open(&cx, en, NULL, espy_span_of(&file), 0, 4, &l));
            OK(&cx, espy_listener_next(&cx, l, 64, vectors, NULL, patches, &n));
            OK(&cx, espy_patches_mean(&cx, vectors, patches, n, 1024, mean));
            assert_memory_equal(scan.vectors, mean, sizeof mean);
            espy_listener_close(&cx, &l);
            espy_scan_free(&cx, &scan);
            espy_pool_destroy(&cx, &cx.pool);
            espy_buf_free(&cx, &file);
        }
    espy_encoder_destroy(&cx, &en);
}

static void test_threads(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    espy_buf file = RECORD(&cx, {{HUM, 25}, {HISS, 25}, {BEEP, 25}, {HUM, 25}});
    const espy_listen_options o = {ESPY_LISTEN_USUAL, .all = true};
    answer want = hear(&cx, t, &file, &o);
    for (unsigned threads = 2; threads <= 8; threads *= 2) {
        OK(&cx, espy_pool_create(&cx, threads, &cx.pool));
        answer a = hear(&cx, t, &file, &o);
        espy_pool_destroy(&cx, &cx.pool);
        assert_int_equal(a.scan.n, want.scan.n);
        for (size_t i = 0; i < a.scan.n; i++) {
            assert_memory_equal(a.scan.at[i].box, want.scan.at[i].box, sizeof a.scan.at[i].box);
            assert_true(a.r->at[i].probability == want.r->at[i].probability &&
                        a.r->at[i].similarity == want.r->at[i].similarity);
        }
        answer_free(&cx, &a);
    }
    answer_free(&cx, &want);
    espy_buf_free(&cx, &file);
}

static void test_errors(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    const espy_listen_options usual = {ESPY_LISTEN_USUAL}, late = {ESPY_LISTEN_USUAL, .start = 10};
    espy_buf file = RECORD(&cx, {{HUM, 8}}), none = test_wav_mono(&cx, RATE, NULL, 0);
    answer a = hear(&cx, t, &file, &late);
    assert_non_null(strstr(a.scan.error, "ends before 10 s"));
    answer_free(&cx, &a);
    a = hear(&cx, t, &none, &usual);
    assert_non_null(strstr(a.scan.error, "no sound"));
    answer_free(&cx, &a);
    espy_buf cut = file;
    cut.size = 20;
    a = hear(&cx, t, &cut, &usual);
    assert_non_null(a.scan.error);
    answer_free(&cx, &a);
    a = (answer){0};
    OK(&cx, espy_listen(&cx, &t->id, "/nowhere/x.wav", (espy_span){0}, &usual, &a.scan, &a.r));
    assert_non_null(strstr(a.scan.error, "/nowhere/x.wav"));
    answer_free(&cx, &a);
    atomic_bool stop = true;
    cx.cancel = &stop;
    a = (answer){0};
    assert_int_equal(espy_listen(&cx, &t->id, NULL, espy_span_of(&file), &usual, &a.scan, &a.r),
                     ESPY_E_CANCELLED);
    assert_true(!a.r && !a.scan.n);
    cx.cancel = NULL;
    espy_clear(&cx);
    espy_buf_free(&cx, &file);
    espy_buf_free(&cx, &none);
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx, plain;
    test_memory m;
    answer a = {0};
    espy_ctx_init(&plain);
    const trained *t = train(&plain);
    test_memory_init(&cx, &m);
    espy_buf file = RECORD(&cx, {{HUM, 2}, {QUIET, 2}, {HISS, 2}, {BEEP, 2}});
    const espy_listen_options o = {ESPY_LISTEN_USUAL, .all = true};
    TEST_FAULT_LOOP(&cx, &m, espy_listen(&cx, &t->id, NULL, espy_span_of(&file), &o, &a.scan, &a.r),
                    answer_free(&cx, &a));
    espy_buf_free(&cx, &file);
    assert_int_equal(m.live, 0);
}

/* Two hours take no more memory than a minute: a file of zeros that takes no place on the disk. */
static void test_two_hours(void **state)
{
    (void)state;
    espy_ctx cx;
    char path[300];
    uint8_t header[TEST_WAV_HEADER];
    struct rusage before, after;
    const size_t minutes = TEST_SLOW ? 10 : 120;
    espy_ctx_init(&cx);
    const trained *t = train(&cx);
    const test_wav w = {.rate = RATE, .channels = 2, .bits = 16, .frames = minutes * 60 * RATE};
    const off_t size = (off_t)(TEST_WAV_HEADER + 4 * w.frames);
    test_wav_header(&w, header);
    snprintf(path, sizeof path, "%s/long.wav", root);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
    espy_buf minute = RECORD(&cx, {{HUM, 60}});
    const espy_listen_options o = {ESPY_LISTEN_USUAL, .all = true};
    answer a = hear(&cx, t, &minute, &o);
    answer_free(&cx, &a);
    espy_buf_free(&cx, &minute);
    getrusage(RUSAGE_SELF, &before);
    OK(&cx, espy_listen(&cx, &t->id, path, (espy_span){0}, &o, &a.scan, &a.r));
    getrusage(RUSAGE_SELF, &after);
    print_message("%zu minutes, %lld MB: peak memory grew by %ld kB\n", minutes,
                  (long long)size >> 20, after.ru_maxrss - before.ru_maxrss);
    if (a.scan.error)
        fail_msg("%s", a.scan.error);
    assert_int_equal(a.scan.width, (int)minutes * 60000);
    assert_int_equal(a.scan.n, 1);
    assert_int_equal(a.r->at[0].decision, ESPY_POOR_QUALITY);
    assert_float_equal(end_of(&a, 0), minutes * 60.0, 0.01);
    if (!TEST_SLOW) /* sanitizers keep what was freed */
        assert_true(after.ru_maxrss - before.ru_maxrss < 16 << 10);
    answer_free(&cx, &a);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_gap_and_least),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_scan_is_listener),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_two_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
