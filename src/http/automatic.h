/* SPDX-License-Identifier: Apache-2.0
 * http - trainings that begin by themselves: when enough was uploaded (espy.conf's `trigger = N`),
 * and at appointed times (`schedule = sun 02:00`, from `schedule_trigger` new samples on, 50).
 *
 * A training is ordered when so many samples are new since the last one, also before the first.
 * The job looks again when it begins, so that two orders are one training. */
#ifndef ESPY_HTTP_AUTOMATIC_H
#define ESPY_HTTP_AUTOMATIC_H

#include "flow/schedule.h"
#include "http/call.h"

/* Orders a training of the collection when at least so many samples are new and none is ordered
 * yet: of EcoSight's folder (folder), else of what the collection holds, if it was trained before.
 * *ordered: whether it did. */
espy_err espy_automatic_look(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                             const espy_collection *c, bool folder, int64_t least,
                             bool *ordered) ESPY_NODISCARD;

/* The same by espy.conf's `trigger`, after something was uploaded; without that setting nothing
 * happens. */
espy_err espy_automatic_uploaded(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                                 const espy_collection *c, bool folder,
                                 bool *ordered) ESPY_NODISCARD;

/* The same for what came into the collection by a call that is to succeed all the same: a failure
 * is logged. */
void espy_automatic_after(espy_call *call, const espy_collection *c);

/* The thread that waits for espy.conf's `schedule`; *out NULL without that setting.  At an
 * appointed time the first of the servers on a store looks at every collection; what fails is
 * looked at again after 1, 2, 4, 8 and 16 minutes.  Errors: ARG (the setting), STORE, NOMEM. */
typedef struct espy_automatic espy_automatic;
espy_err espy_automatic_start(espy_ctx *cx, espy_serving *serving, const espy_clock *clock,
                              espy_automatic **out) ESPY_NODISCARD;
void espy_automatic_stop(espy_ctx *cx, espy_automatic **a); /* NULL-safe */

#endif
