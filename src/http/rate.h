/* SPDX-License-Identifier: Apache-2.0
 * http - how often somebody may try to log in or to register: after a few tries that failed, of a
 * name from an address, each next one has to wait, twice as long every time; and so an address
 * alone, whatever the names.  Registering has no name (""), and each of them counts: it makes an
 * account of nobody that is known.
 * Depends on: base.  Thread use: from any thread.  Names and addresses are kept as keyed digests,
 * in a table of fixed size; when it is full, the entry with the fewest failures makes room. */
#ifndef ESPY_HTTP_RATE_H
#define ESPY_HTTP_RATE_H

#include "base/ctx.h"

typedef struct espy_rate espy_rate;

typedef struct espy_rate_rules {
    unsigned free; /* failures without a wait */
    double first;  /* seconds after one more; doubles with each */
    double most;   /* longest wait in seconds */
    double forget; /* seconds after the last failure when all is forgotten */
} espy_rate_rules;

extern const espy_rate_rules espy_rate_login;    /* 5 free, 1 s to 15 min, forgotten after 1 h */
extern const espy_rate_rules espy_rate_register; /* a wait after the 20th, 1 min to 1 h */
extern const espy_rate_rules espy_rate_hooks;    /* of silent receivers: 10 s to 10 min, 1 h */
extern const espy_rate_rules espy_rate_address;  /* 20 free, 1 s to 1 min: others may share it */

/* room: entries, rounded up to a multiple of 8. */
espy_err espy_rate_create(espy_ctx *cx, const espy_rate_rules *rules, size_t room,
                          espy_rate **out) ESPY_NODISCARD;
void espy_rate_destroy(espy_ctx *cx, espy_rate **rate); /* NULL-safe */

/* Asks for a try at `now` (seconds of a clock that only goes forward).  0: go on; the try counts as
 * a failure until espy_rate_passed(), so that tries at the same time cannot slip through.  Else the
 * seconds to wait; such a call counts for nothing.
 *   name     as accounts are compared (one case)
 *   address  of IPv6 only the first 64 bits: a single user has all of them below that */
double espy_rate_try(espy_rate *rate, const char *name, const char *address, double now);
void espy_rate_passed(espy_rate *rate, const char *name, const char *address);
/* Takes one try back: it was no failure, but says nothing about the others. */
void espy_rate_back(espy_rate *rate, const char *name, const char *address);

#endif
