/* SPDX-License-Identifier: Apache-2.0
 * http - worker threads.  Each has a context and a workspace (a connection to the store) of its
 * own; what waits for them is bounded. */
#ifndef ESPY_HTTP_WORK_H
#define ESPY_HTTP_WORK_H

#include "http/call.h"

typedef struct espy_work espy_work;

typedef struct espy_work_item {
    struct espy_work_item *next;
    espy_lane lane;
    double deadline; /* monotonic seconds; afterwards the worker's cancel flag is set */
    void (*run)(struct espy_work_item *item, espy_ctx *cx, espy_workspace *ws);
} espy_work_item;

/* n: threads of each lane.  The workspace must be there.  Errors: STORE, IO, NOMEM. */
espy_err espy_work_start(espy_ctx *cx, espy_serving *serving, const unsigned n[ESPY_LANES],
                         espy_work **out) ESPY_NODISCARD;
/* Finishes what waits, and ends the threads; from then on nothing can be pushed. */
void espy_work_end(espy_work *work);
/* When nobody can push any more. */
void espy_work_free(espy_ctx *cx, espy_work **work); /* NULL-safe */

/* Any thread.  False: too many wait in the lane. */
bool espy_work_push(espy_work *work, espy_work_item *item);

/* Interrupts what has passed its deadline; to be called now and then. */
void espy_work_watch(espy_work *work);
/* For a thread between two things that it does: opens its workspace anew when serving->settings has
 * moved on from *seen, and tells so.  One that cannot be opened stays as it was. */
bool espy_work_renew(espy_ctx *cx, espy_serving *serving, unsigned *seen, espy_workspace *ws);

#endif
