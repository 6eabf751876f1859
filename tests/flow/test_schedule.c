/* SPDX-License-Identifier: Apache-2.0
 * flow/schedule: reading, the next occurrence in many zones and over changes of the clock (numbers
 * by Python's zoneinfo, make_schedule.py), and waiting with a clock that runs through weeks at
 * once. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "flow/schedule.h"

static espy_schedule parsed(const char *text)
{
    espy_ctx cx;
    espy_schedule s;
    espy_ctx_init(&cx);
    if (espy_schedule_parse(&cx, text, &s) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return s;
}

static void test_reading(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t days;
        int minute;
    } good[] = {{"sun 02:00", 0x01, 120},           {"Sunday 2:00", 0x01, 120},
                {"daily 02:00", 0x7f, 120},         {"DAILY 23:59", 0x7f, 1439},
                {"mon,wed 18:30", 0x0a, 1110},      {"  Mon , WEDNESDAY,fri\t00:00 ", 0x2a, 0},
                {"sat,sat,Saturday 0:05", 0x40, 5}, {"tue,thu,daily 12:00", 0x7f, 720}};
    static const char *const bad[] = {"",
                                      "sun",
                                      "02:00",
                                      "sun 24:00",
                                      "sun 2:60",
                                      "sun 2",
                                      "sun 2:0",
                                      "sun 02:00 x",
                                      "sun02:00",
                                      "sund 02:00",
                                      "mon;wed 1:00",
                                      "mon wed 1:00",
                                      "mon, 02:00",
                                      ",mon 02:00",
                                      "sun 002:00",
                                      "sun -1:00",
                                      "sun 1:000",
                                      "dailysun 1:00",
                                      "s\xc3\xb6n 02:00",
                                      "sun 02.00"};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        espy_schedule s = parsed(good[i].text);
        assert_int_equal(s.days, good[i].days);
        assert_int_equal(s.minute, good[i].minute);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        espy_schedule s;
        if (espy_schedule_parse(&cx, bad[i], &s) != ESPY_E_ARG)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(cx.text, "\"sun 02:00\""));
        espy_clear(&cx);
    }
}

static const struct {
    const char *zone, *text;
    int64_t after, next;
} golden[] = {
    {"Europe/Berlin", "sun 02:00", 1763476245, 1763859600},         /* Sun 2025-11-23 02:00 CET */
    {"Europe/Berlin", "sun 02:00", 1763859600, 1764464400},         /* Sun 2025-11-30 02:00 CET */
    {"Europe/Berlin", "sun 02:30", 1742774400, 1743296400},         /* Sun 2025-03-30 03:00 CEST */
    {"Europe/Berlin", "sun 02:30", 1743296400, 1743899400},         /* Sun 2025-04-06 02:30 CEST */
    {"Europe/Berlin", "daily 02:30", 1743249600, 1743296400},       /* Sun 2025-03-30 03:00 CEST */
    {"Europe/Berlin", "daily 02:30", 1743296400, 1743381000},       /* Mon 2025-03-31 02:30 CEST */
    {"Europe/Berlin", "daily 02:30", 1761393600, 1761438600},       /* Sun 2025-10-26 02:30 CEST */
    {"Europe/Berlin", "daily 02:30", 1761438600, 1761528600},       /* Mon 2025-10-27 02:30 CET */
    {"Europe/Berlin", "daily 02:30", 1761440400, 1761528600},       /* Mon 2025-10-27 02:30 CET */
    {"Europe/Berlin", "daily 02:00", 1743289200, 1743296400},       /* Sun 2025-03-30 03:00 CEST */
    {"Europe/Berlin", "daily 03:00", 1743289200, 1743296400},       /* Sun 2025-03-30 03:00 CEST */
    {"America/New_York", "mon,wed 18:30", 1762120800, 1762212600},  /* Mon 2025-11-03 18:30 EST */
    {"America/New_York", "mon,wed 18:30", 1762212600, 1762385400},  /* Wed 2025-11-05 18:30 EST */
    {"America/New_York", "sun 1:30", 1762041600, 1762061400},       /* Sun 2025-11-02 01:30 EDT */
    {"America/New_York", "sun 1:30", 1762061400, 1762669800},       /* Sun 2025-11-09 01:30 EST */
    {"Australia/Lord_Howe", "daily 01:45", 1743811200, 1743864300}, /* Sun 2025-04-06 01:45 +11 */
    {"Australia/Lord_Howe", "daily 02:15", 1759536000, 1759591800}, /* Sun 2025-10-05 02:30 +11 */
    {"Asia/Kathmandu", "sat 00:00", 1749233699, 1749233700},        /* Sat 2025-06-07 00:00 +0545 */
    {"Asia/Kathmandu", "sat 00:00", 1749233700, 1749838500},        /* Sat 2025-06-14 00:00 +0545 */
    {"America/St_Johns", "fri 23:59", 1751587200, 1751682540},      /* Fri 2025-07-04 23:59 NDT */
    {"Pacific/Apia", "fri 12:00", 1325030400, 1325239200},          /* Sat 2011-12-31 00:00 +14 */
    {"Pacific/Kiritimati", "mon 00:30", 1767225600, 1767522600},    /* Mon 2026-01-05 00:30 +14 */
    {"Pacific/Pago_Pago", "mon 23:30", 1767225600, 1767695400},     /* Mon 2026-01-05 23:30 SST */
    {"America/Sao_Paulo", "sun 00:00", 1541030400, 1541300400},     /* Sun 2018-11-04 01:00 -02 */
    {"UTC", "thu 00:00", -1, 0},                                    /* Thu 1970-01-01 00:00 UTC */
    {"UTC", "wed 23:59", -172800, -60},                             /* Wed 1969-12-31 23:59 UTC */
};

static void set_zone(const char *name)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (espy_time_zone(&cx, name) != ESPY_E_OK)
        fail_msg("%s", cx.text);
}

static void test_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        set_zone(golden[i].zone);
        espy_schedule s = parsed(golden[i].text);
        int64_t next = espy_schedule_next(&s, golden[i].after);
        if (next != golden[i].next)
            fail_msg("%s, %s after %lld: %lld, not %lld", golden[i].zone, golden[i].text,
                     (long long)golden[i].after, (long long)next, (long long)golden[i].next);
    }
}

/* Over three years hour by hour: always later, the same until it has passed, once a local day. */
static void test_every_day_once(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe", "America/New_York"};
    for (size_t z = 0; z < 3; z++) {
        set_zone(zones[z]);
        espy_schedule s = parsed("daily 02:10");
        int64_t t = 1735689600, end = t + 3 * 365 * 86400, due = espy_schedule_next(&s, t), n = 0;
        for (; t < end; t += 3600) {
            int64_t next = espy_schedule_next(&s, t);
            assert_true(next > t);
            if (t < due) {
                assert_int_equal(next, due);
                continue;
            }
            assert_true(next - due >= 22 * 3600 && next - due <= 26 * 3600);
            due = next;
            n++;
        }
        assert_true(n >= 3 * 365 - 1 && n <= 3 * 365);
    }
}

static void test_zones(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "Europe/Atlantis", "/etc/localtime", "../zoneinfo/UTC",
                                      "Europe"};
    char text[32];
    espy_ctx cx;
    espy_ctx_init(&cx);
    set_zone("Europe/Berlin");
    espy_time_local(1743296400, text);
    assert_string_equal(text, "2025-03-30 03:00:00");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(espy_time_zone(&cx, bad[i]), ESPY_E_ARG);
        espy_clear(&cx);
    }
    espy_time_local(1743296400, text);
    assert_string_equal(text, "2025-03-30 03:00:00");
}

/* -- waiting ----------------------------------------------------------------------------------- */
enum { LOOKS = 64 };
typedef struct world {
    int64_t time, end;              /* cancelled when the time is past `end` */
    int64_t asleep_from, asleep_to; /* waiting over these moments wakes up at the later one */
    int64_t set_at, set_to;         /* once: the clock is set at that moment */
    int64_t lasts;                  /* seconds that a look takes */
    size_t n, fail_at;              /* looks; the one that fails (1: the first) */
    int64_t at[LOOKS], due[LOOKS];
    size_t told, errors;
    atomic_bool cancel;
} world;

static int64_t world_now(void *self)
{
    return ((world *)self)->time;
}

static espy_err world_wait(espy_ctx *cx, void *self, int64_t until)
{
    world *w = self;
    assert_true(until > w->time);
    w->time = until;
    if (w->time >= w->asleep_from && w->time < w->asleep_to)
        w->time = w->asleep_to;
    if (w->set_at && w->time >= w->set_at) {
        w->time = w->set_to;
        w->set_at = 0;
    }
    if (w->time >= w->end)
        atomic_store(&w->cancel, true);
    return espy_cancelled(cx);
}

static espy_err world_look(espy_ctx *cx, void *self, int64_t due)
{
    world *w = self;
    assert_true(w->n < LOOKS && due <= w->time);
    w->due[w->n] = due;
    w->at[w->n++] = w->time;
    w->time += w->lasts;
    if (w->time >= w->end)
        atomic_store(&w->cancel, true);
    return w->n == w->fail_at ? espy_fail(cx, ESPY_E_DATA, "the training failed") : ESPY_E_OK;
}

static void world_log(void *self, espy_log_level level, const char *line)
{
    world *w = self;
    w->told += level == ESPY_LOG_INFO && strstr(line, "next look at 20") != NULL;
    w->errors += level == ESPY_LOG_ERROR && strstr(line, "the training failed") != NULL;
}

static void live_through(world *w, const char *text)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    const espy_clock clock = {world_now, world_wait, w};
    espy_schedule s = parsed(text);
    cx.cancel = &w->cancel;
    cx.log = world_log;
    cx.log_self = w;
    assert_int_equal(espy_schedule_run(&cx, &s, &clock, world_look, w), ESPY_E_CANCELLED);
}

#define HOUR 3600
#define DAY (24 * HOUR)
static const int64_t tuesday = 1763476245; /* 2025-11-18 14:30:45 in Berlin */
static const int64_t sunday = 1763859600;  /* the Sunday after it, 02:00 */

static void test_weeks(void **state)
{
    (void)state;
    set_zone("Europe/Berlin");
    world w = {.time = tuesday, .end = tuesday + 8 * 7 * DAY};
    live_through(&w, "sun 02:00");
    assert_int_equal(w.n, 8);
    assert_int_equal(w.told, 9);
    for (size_t i = 0; i < 8; i++)
        assert_true(w.at[i] == sunday + (int64_t)i * 7 * DAY && w.due[i] == w.at[i]);
}

static void test_failing_look(void **state)
{
    (void)state;
    set_zone("Europe/Berlin");
    world w = {.time = tuesday, .end = tuesday + 4 * 7 * DAY, .fail_at = 2};
    live_through(&w, "sun 02:00");
    assert_int_equal(w.n, 4);
    assert_int_equal(w.errors, 1);
}

/* Three Sundays pass in a suspended machine: one look on waking, then the next Sunday. */
static void test_asleep(void **state)
{
    (void)state;
    set_zone("Europe/Berlin");
    int64_t wakes = sunday + 15 * DAY + 1234;
    world w = {
        .time = tuesday, .end = sunday + 30 * DAY, .asleep_from = sunday - DAY, .asleep_to = wakes};
    live_through(&w, "sun 02:00");
    assert_int_equal(w.n, 3);
    assert_true(w.at[0] == wakes && w.due[0] == sunday);
    assert_true(w.at[1] == sunday + 21 * DAY && w.at[2] == sunday + 28 * DAY);
}

/* A training of two days at a daily time: what passed meanwhile is made up for once. */
static void test_long_look(void **state)
{
    (void)state;
    set_zone("Europe/Berlin");
    world w = {.time = tuesday, .end = tuesday + 9 * DAY, .lasts = 2 * DAY + HOUR};
    live_through(&w, "daily 02:00");
    for (size_t i = 1; i < w.n; i++)
        assert_true(w.at[i] == w.at[i - 1] + w.lasts); /* at once, never twice */
    assert_int_equal(w.n, 5);
}

/* Corrections of the clock do not repeat an occurrence; a clock that was years ahead is not waited
 * for. */
static void test_clock_is_set(void **state)
{
    (void)state;
    set_zone("Europe/Berlin");
    world back = {.time = tuesday, .end = sunday + 8 * DAY, .set_at = sunday + HOUR / 2};
    back.set_to = sunday - 60; /* within the hour after the look */
    live_through(&back, "sun 02:00");
    assert_int_equal(back.n, 2);
    assert_true(back.at[1] == sunday + 7 * DAY);
    world years = {.time = tuesday + 4 * 365 * DAY,
                   .end = sunday + DAY, /* the first wait sets the clock */
                   .set_at = tuesday,
                   .set_to = tuesday};
    live_through(&years, "sun 02:00");
    assert_int_equal(years.n, 1);
    assert_true(years.at[0] == sunday);
}

/* The real clock: ends at once when cancelled, and does not sleep past its time. */
static void test_real_clock(void **state)
{
    (void)state;
    espy_ctx cx;
    atomic_bool stop = false;
    espy_ctx_init(&cx);
    cx.cancel = &stop;
    int64_t now = espy_clock_real.now(NULL);
    assert_true(now > 1700000000);
    assert_int_equal(espy_clock_real.wait(&cx, NULL, now), ESPY_E_OK);
    assert_int_equal(espy_clock_real.wait(&cx, NULL, now + 1), ESPY_E_OK);
    assert_true(espy_clock_real.now(NULL) >= now + 1);
    stop = true;
    assert_int_equal(espy_clock_real.wait(&cx, NULL, now + 1000000), ESPY_E_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),        cmocka_unit_test(test_next),
        cmocka_unit_test(test_every_day_once), cmocka_unit_test(test_zones),
        cmocka_unit_test(test_weeks),          cmocka_unit_test(test_failing_look),
        cmocka_unit_test(test_asleep),         cmocka_unit_test(test_long_look),
        cmocka_unit_test(test_clock_is_set),   cmocka_unit_test(test_real_clock),
    };
    if (!espy_file_exists("/usr/share/zoneinfo/Europe/Berlin"))
        test_skip_all("needs the time zone database (package tzdata)");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
