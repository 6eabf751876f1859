/* SPDX-License-Identifier: Apache-2.0
 * flow/track: faces followed from frame to frame, and what their frames agree on. */
#include "support/support.h"

#include <string.h>

#include "flow/track.h"

#define DIM 4
#define FLOOR 0.5

/* A frame under construction: boxes, vectors along an axis each, decisions. */
typedef struct frame {
    espy_scan_sample at[8];
    float x[8][DIM];
    espy_answer answers[8];
    size_t n;
} frame;

static void frame_face(frame *f, float left, int axis, espy_decision d, const char *label)
{
    size_t i = f->n++;
    f->at[i] = (espy_scan_sample){.box = {left, 10, 50, 60}, .embedding = f->x[i]};
    memset(f->x[i], 0, sizeof f->x[i]);
    f->x[i][axis] = 1;
    f->answers[i] = (espy_answer){.decision = d, .label = label};
}

static void show(espy_ctx *cx, espy_tracker *t, frame *f, espy_track **tracks)
{
    const espy_scan scan = {.at = f->at, .n = f->n, .dim = DIM};
    const espy_result r = {.at = f->answers, .n = f->n};
    assert_int_equal(espy_tracker_frame(cx, t, &scan, &r, FLOOR, tracks), ESPY_E_OK);
}

/* One face that moves a little, answered as the text says: k known, u unknown, p poor, o another.
 */
static espy_consensus watch(const char *looks, const char **label, espy_tracker *t)
{
    espy_ctx cx;
    espy_track *track = NULL;
    espy_ctx_init(&cx);
    for (size_t i = 0; looks[i]; i++) {
        frame f = {0};
        char c = looks[i];
        frame_face(&f, (float)(3 * i), 0,
                   c == 'p'   ? ESPY_POOR_QUALITY
                   : c == 'u' ? ESPY_UNKNOWN
                              : ESPY_KNOWN,
                   c == 'k'   ? "ann"
                   : c == 'o' ? "ben"
                              : NULL);
        show(&cx, t, &f, &track);
        assert_non_null(track);
        assert_int_equal(track->id, 1);
    }
    return espy_track_consensus(track, label);
}

static void test_consensus(void **state)
{
    (void)state;
    static const struct {
        const char *looks;
        espy_consensus c;
        const char *label;
    } cases[] = {
        {"k", ESPY_CONSENSUS_UNDECIDED, NULL},        {"kk", ESPY_CONSENSUS_UNDECIDED, NULL},
        {"kkk", ESPY_CONSENSUS_KNOWN, "ann"},         {"kkuk", ESPY_CONSENSUS_KNOWN, "ann"},
        {"uuu", ESPY_CONSENSUS_UNKNOWN, NULL},        {"uko", ESPY_CONSENSUS_UNKNOWN, NULL},
        {"kkkooo", ESPY_CONSENSUS_UNKNOWN, NULL},     /* half is not more than half */
        {"kkkoooo", ESPY_CONSENSUS_KNOWN, "ben"},     /* of seven, four */
        {"kkkuuuuuuu", ESPY_CONSENSUS_UNKNOWN, NULL}, /* looks get old */
        {"pppp", ESPY_CONSENSUS_UNDECIDED, NULL},     /* poor ones say nothing */
        {"kppkppk", ESPY_CONSENSUS_KNOWN, "ann"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_ctx cx;
        espy_tracker t = {0};
        const char *label;
        espy_ctx_init(&cx);
        assert_int_equal(watch(cases[i].looks, &label, &t), cases[i].c);
        if (cases[i].label)
            assert_string_equal(label, cases[i].label);
        else
            assert_null(label);
        espy_tracker_free(&cx, &t);
    }
}

/* Two faces change places between frames: boxes mislead nobody who looks at both; one that jumps is
 * found by its vector; one that was away too long is a new track. */
static void test_following(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_tracker t = {0};
    espy_track *tracks[8];
    espy_ctx_init(&cx);
    frame a = {0}, b = {0}, jump = {0}, none = {0};
    frame_face(&a, 0, 0, ESPY_UNKNOWN, NULL);
    frame_face(&a, 200, 1, ESPY_UNKNOWN, NULL);
    show(&cx, &t, &a, tracks);
    assert_int_equal(tracks[0]->id, 1);
    assert_int_equal(tracks[1]->id, 2);
    frame_face(&b, 205, 1, ESPY_UNKNOWN, NULL); /* told in another order */
    frame_face(&b, 5, 0, ESPY_UNKNOWN, NULL);
    show(&cx, &t, &b, tracks);
    assert_int_equal(tracks[0]->id, 2);
    assert_int_equal(tracks[1]->id, 1);
    frame_face(&jump, 600, 0, ESPY_UNKNOWN, NULL);
    frame_face(&jump, 900, 2, ESPY_UNKNOWN, NULL);
    show(&cx, &t, &jump, tracks);
    assert_int_equal(tracks[0]->id, 1);
    assert_int_equal(tracks[1]->id, 3);
    assert_int_equal(tracks[0]->frames, 3);
    for (int i = 0; i < 12; i++)
        show(&cx, &t, &none, tracks);
    jump.n = 1;
    show(&cx, &t, &jump, tracks);
    assert_int_equal(tracks[0]->id, 4);
    espy_tracker_free(&cx, &t);
}

/* More faces than are followed are answered, but not followed; another encoder is refused. */
static void test_bounds(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_tracker t = {0};
    espy_track *tracks[8];
    espy_ctx_init(&cx);
    for (int i = 0; i <= ESPY_TRACKS / 8; i++) {
        frame f = {0};
        for (int k = 0; k < 8; k++)
            frame_face(&f, (float)(1000 * i + 100 * k), 3, ESPY_UNKNOWN, NULL);
        for (int k = 0; k < 8; k++)
            f.x[k][3] = 0; /* like nothing */
        t.frame = 0;       /* nobody is let go */
        show(&cx, &t, &f, tracks);
    }
    assert_int_equal(t.n, ESPY_TRACKS);
    assert_null(tracks[7]);
    frame f = {0};
    frame_face(&f, 0, 0, ESPY_UNKNOWN, NULL);
    const espy_scan scan = {.at = f.at, .n = 1, .dim = DIM + 1};
    const espy_result r = {.at = f.answers, .n = 1};
    assert_int_equal(espy_tracker_frame(&cx, &t, &scan, &r, FLOOR, tracks), ESPY_E_ARG);
    espy_tracker_free(&cx, &t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_consensus),
                                       cmocka_unit_test(test_following),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
