/* SPDX-License-Identifier: Apache-2.0
 * http - opens versions as they go live, in a thread of its own, so that neither a request nor what
 * the server looks after waits for it.
 * Thread use: wake from any thread; start and stop from one. */
#ifndef ESPY_HTTP_WARM_H
#define ESPY_HTTP_WARM_H

#include "http/call.h"

typedef struct espy_warm espy_warm;

/* Opens what is live now, then begins the thread.  A collection that cannot answer is told of in
 * the log, and hinders nothing.  Errors: STORE, IO, NOMEM, INTERNAL (no thread). */
espy_err espy_warm_start(espy_ctx *cx, espy_serving *serving, espy_warm **out) ESPY_NODISCARD;
void espy_warm_stop(espy_ctx *cx, espy_warm **warm); /* NULL-safe */

/* There may be another live version: those that changed are opened; after serving->settings moved
 * on all are. */
void espy_warm_wake(espy_warm *warm);

#endif
