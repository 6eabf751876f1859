/* SPDX-License-Identifier: Apache-2.0
 * flow - appointed times. */
#include "flow/schedule.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"

#define SCHEDULE_DAY 86400
/* A zone's offset lies within (-15 h, 15 h). */
#define SCHEDULE_OFFSET (15 * 3600)
/* The clock is looked at this often while waiting, for it may be set. */
#define SCHEDULE_PATIENCE 3600
/* Set back by more than this, it is another time, not a correction. */
#define SCHEDULE_SET_BACK 3600

static const char *schedule_blank(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* The days of one name, 0 when it is none. */
static uint8_t schedule_name(const char *p, size_t n)
{
    static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
    if (n == 5 && strncasecmp(p, "daily", n) == 0)
        return 0x7f;
    for (int d = 0; d < 7; d++)
        if ((n == 3 || n == strlen(names[d])) && strncasecmp(p, names[d], n) == 0)
            return (uint8_t)(1u << d);
    return 0;
}

/* "2:00", "02:00"; -1 when it is no time. */
static int schedule_time(const char *p)
{
    int hour = 0, minute = 0, digits = 0;
    for (; *p >= '0' && *p <= '9' && digits < 3; digits++)
        hour = hour * 10 + *p++ - '0';
    if (digits < 1 || digits > 2 || hour > 23 || *p++ != ':')
        return -1;
    for (digits = 0; *p >= '0' && *p <= '9' && digits < 3; digits++)
        minute = minute * 10 + *p++ - '0';
    if (digits != 2 || minute > 59 || *schedule_blank(p))
        return -1;
    return hour * 60 + minute;
}

espy_err espy_schedule_parse(espy_ctx *cx, const char *text, espy_schedule *out)
{
    espy_schedule s = {0, -1};
    const char *p = schedule_blank(text);
    for (;;) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        uint8_t days = schedule_name(p, n);
        if (!days)
            break;
        s.days |= days;
        const char *after = schedule_blank(p + n);
        if (*after == ',') {
            p = schedule_blank(after + 1);
            continue;
        }
        if (after > p + n)
            s.minute = schedule_time(after);
        break;
    }
    if (s.minute < 0)
        return espy_fail(cx, ESPY_E_ARG,
                         "\"%s\" is no schedule: \"sun 02:00\", \"daily 02:00\" or \"mon,wed "
                         "18:30\" was expected",
                         text);
    *out = s;
    return ESPY_E_OK;
}

/* What the clock on the wall shows, as seconds since 1970 of a place that has UTC. */
static int64_t schedule_wall(int64_t t)
{
    time_t s = (time_t)t;
    struct tm tm;
    localtime_r(&s, &tm);
    return (int64_t)timegm(&tm);
}

/* The first moment at which the wall shows `wall` or later, `wall` being a whole minute.  It cannot
 * be before the moment by the larger of the offsets around it; from there minute after minute is
 * tried: no rule about changes of the clock needs to be known, they fall on whole minutes. */
static int64_t schedule_moment(int64_t wall)
{
    int64_t before = schedule_wall(wall - SCHEDULE_OFFSET) - (wall - SCHEDULE_OFFSET);
    int64_t behind = schedule_wall(wall + SCHEDULE_OFFSET) - (wall + SCHEDULE_OFFSET);
    int64_t t = wall - (before > behind ? before : behind);
    while (schedule_wall(t) < wall)
        t += 60;
    return t;
}

int64_t espy_schedule_next(const espy_schedule *s, int64_t after)
{
    int64_t wall = schedule_wall(after);
    int64_t day = wall / SCHEDULE_DAY - (wall % SCHEDULE_DAY < 0);
    for (day--;; day++) { /* from yesterday: the gap may have moved its time into today */
        int weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        if (!(s->days >> weekday & 1))
            continue;
        int64_t moment = schedule_moment(day * SCHEDULE_DAY + (int64_t)s->minute * 60);
        if (moment > after)
            return moment;
    }
}

/* -- waiting ----------------------------------------------------------------------------------- */
static int64_t clock_now(void *self)
{
    (void)self;
    return (int64_t)espy_time_now();
}

/* A second at a time: the machine may sleep, the clock may be set, somebody may want to end. */
static espy_err clock_wait(espy_ctx *cx, void *self, int64_t until)
{
    const struct timespec second = {1, 0};
    while (clock_now(self) < until) {
        ESPY_TRY(espy_cancelled(cx));
        if (nanosleep(&second, NULL) != 0 && errno != EINTR)
            return espy_fail(cx, ESPY_E_INTERNAL, "waiting failed");
    }
    return espy_cancelled(cx);
}

const espy_clock espy_clock_real = {clock_now, clock_wait, NULL};

espy_err espy_schedule_run(espy_ctx *cx, const espy_schedule *s, const espy_clock *clock,
                           espy_schedule_look *look, void *self)
{
    char when[32];
    for (int64_t last = clock->now(clock->self), now = last;;) {
        int64_t due = espy_schedule_next(s, last);
        espy_time_local((double)due, when);
        espy_log(cx, ESPY_LOG_INFO, "next look at %s", when);
        while (now < due && now >= last - SCHEDULE_SET_BACK) {
            int64_t until = now + SCHEDULE_PATIENCE;
            ESPY_TRY(clock->wait(cx, clock->self, until < due ? until : due));
            now = clock->now(clock->self);
        }
        ESPY_TRY(espy_cancelled(cx));
        last = now;
        if (now < due)
            continue; /* set back: from the new time on */
        espy_err e = look(cx, self, due);
        if (e == ESPY_E_CANCELLED)
            return e;
        if (e != ESPY_E_OK) {
            espy_log(cx, ESPY_LOG_ERROR, "%s", cx->text);
            espy_clear(cx);
        }
        now = clock->now(clock->self);
    }
}
