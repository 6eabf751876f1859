/* SPDX-License-Identifier: Apache-2.0
 * flow - identify in recordings: which known sounds are heard when. */
#ifndef ESPY_FLOW_LISTEN_H
#define ESPY_FLOW_LISTEN_H

#include "flow/identify.h"

/* A recording no longer than the encoder's clip (4 s) is one sample, told whatever it is, answered
 * from the same embedding that training makes of it.  A longer one is heard through a window that
 * moves by the encoder's step (0.48 s): a label begins where the decision rule says known, and goes
 * on while it stays the best one with at least LISTEN_HOLD of the threshold.  Events of one label
 * with at most `gap` between them, in which no other is heard, become one; those shorter than
 * `least` are then dropped. */
typedef struct espy_listen_options {
    double start, most; /* seconds; most 0: to the end */
    bool clip;          /* the encoder's clip from `start` on, as one sample */
    bool all;      /* also tell the stretches between: unknown, ambiguous, too quiet.  The known
                      events are the same; what was dropped is unknown */
    double window; /* seconds heard at a time */
    double least;  /* shortest event */
    double gap;    /* see above */
} espy_listen_options;
#define ESPY_LISTEN_USUAL .window = 1.92, .least = 0.48, .gap = 0.96

/* path NULL: the file's bytes.  The events are the samples of *scan (box: start in the recording,
 * 0, length, 0, in seconds), answered by *result; both the caller's, espy_scan_free() and
 * espy_result_free().  A file that cannot be heard is told in scan->error, with *result NULL.
 * Memory does not grow with the recording, time does.  Errors: NOMEM, CANCELLED, INTERNAL. */
espy_err espy_listen(espy_ctx *cx, const espy_identifier *id, const char *path, espy_span file,
                     const espy_listen_options *options, espy_scan *scan,
                     espy_result **result) ESPY_NODISCARD;

#endif
