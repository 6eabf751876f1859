/* SPDX-License-Identifier: Apache-2.0
 * flow - appointed times of the week, and waiting for them.
 *
 * Times are local ones in the process's zone (espy_time_zone, base/text.h).  A time that a change
 * of the clock leaves out (02:30 when 02:00 becomes 03:00) means the first moment after the gap;
 * one that comes twice means the first of the two. */
#ifndef ESPY_FLOW_SCHEDULE_H
#define ESPY_FLOW_SCHEDULE_H

#include "base/ctx.h"

typedef struct espy_schedule {
    uint8_t days; /* bit 0: Sunday ... bit 6: Saturday */
    int minute;   /* of the day, 0..1439 */
} espy_schedule;

/* "sun 02:00", "daily 2:00", "Mon,Wednesday 18:30".  ARG says what was expected. */
espy_err espy_schedule_parse(espy_ctx *cx, const char *text, espy_schedule *out) ESPY_NODISCARD;

/* The first occurrence after a moment; both in seconds since 1970. */
int64_t espy_schedule_next(const espy_schedule *s, int64_t after);

/* Where the time comes from; tests bring their own. */
typedef struct espy_clock {
    int64_t (*now)(void *self); /* seconds since 1970 */
    /* Returns when now() may have reached `until`, earlier too; CANCELLED when cx says so. */
    espy_err (*wait)(espy_ctx *cx, void *self, int64_t until);
    void *self;
} espy_clock;
extern const espy_clock espy_clock_real;

/* What is done at an appointed time. */
typedef espy_err espy_schedule_look(espy_ctx *cx, void *self, int64_t due);

/* Waits for occurrence after occurrence and looks once at each, until cancelled.  Those that pass
 * while the machine sleeps or a look takes long are made up for by one look, at once.  A look that
 * fails is logged, and the next one comes at its time.  Says in the log when that is.
 * Errors: CANCELLED; what clock->wait fails with. */
espy_err espy_schedule_run(espy_ctx *cx, const espy_schedule *s, const espy_clock *clock,
                           espy_schedule_look *look, void *self) ESPY_NODISCARD;

#endif
