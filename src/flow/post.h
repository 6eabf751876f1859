/* SPDX-License-Identifier: Apache-2.0
 * flow - sending bytes to a URL, by libcurl (fetch.c). */
#ifndef ESPY_FLOW_POST_H
#define ESPY_FLOW_POST_H

#include "base/mem.h"

#define ESPY_POST_ANSWER ((size_t)64 << 10) /* most that is kept of the answer */

typedef struct espy_post {
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", without line breaks; NULL ends them */
    espy_span body;
    double connect_seconds, seconds; /* longest time to connect, and in all */
    /* Connects to no loopback, private, link-local, multicast or otherwise special address,
     * whatever a name resolves to, and through no proxy. */
    bool public_only;
} espy_post;

/* Whether an address in text ("127.0.0.1", "::1") is an ordinary one of the Internet; *good:
 * whether it is an address at all. */
bool espy_address_public(const char *text, bool *good);

/* Sends once and follows no redirect.
 *   *status  of the HTTP answer
 *   answer   NULL, or gets the first ESPY_POST_ANSWER bytes of it, at most what its maximum leaves;
 *            the rest is dropped
 * Errors: ARG (URL, or an address that is not public), IO (no connection, no answer in time),
 * CANCELLED, NOMEM. */
espy_err espy_flow_post(espy_ctx *cx, const espy_post *post, int *status,
                        espy_buf *answer) ESPY_NODISCARD;

#endif
