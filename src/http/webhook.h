/* SPDX-License-Identifier: Apache-2.0
 * http - telling others: a signed POST, when to try again, and where not to.
 * Depends on: base, flow/post.  Protocol: docs/webhooks.md. */
#ifndef ESPY_HTTP_WEBHOOK_H
#define ESPY_HTTP_WEBHOOK_H

#include "base/mem.h"

#define ESPY_WEBHOOK_SIGNATURE 72 /* "sha256=", 64 digits, the zero */
#define ESPY_WEBHOOK_TRIES 8

/* Whether a URL may be registered: http or https, a host, no user or password, no fragment, at most
 * 2048 bytes without blanks and control characters; and unless `local`, no loopback, private or
 * link-local address and no "localhost".  What a host name resolves to is checked when it is sent.
 * Errors: ARG (says what is wrong). */
espy_err espy_webhook_check(espy_ctx *cx, const char *url, bool local) ESPY_NODISCARD;

/* The value of X-Espy-Signature: HMAC-SHA256 over the timestamp as decimal text, '.', the body. */
void espy_webhook_sign(espy_span key, int64_t timestamp, espy_span body,
                       char out[ESPY_WEBHOOK_SIGNATURE]);

/* Seconds to wait after try number `tried` (from 1) has failed: 10 s, 1 min, 5 min, 15 min, 1 h,
 * 3 h, 6 h; -1 after the last: give up. */
double espy_webhook_delay(unsigned tried);

/* What a status means: 2xx is done; 3xx and 4xx are refused, not to be tried again, but for 408,
 * 425 and 429; the rest, and no answer at all, is to be tried again. */
typedef enum espy_webhook_end {
    ESPY_WEBHOOK_DONE,
    ESPY_WEBHOOK_AGAIN,
    ESPY_WEBHOOK_REFUSED
} espy_webhook_end;
espy_webhook_end espy_webhook_judge(int status);

typedef struct espy_delivery {
    const char *url;
    const char *event; /* "version.published": letters, digits, '.', '_', '-' */
    const char *id;    /* of this delivery, the same in every try; the same characters */
    espy_span key;     /* the secret shared with the receiver */
    espy_span body;    /* JSON */
    int64_t timestamp; /* seconds since 1970, of this try */
    bool local;        /* as for espy_webhook_check() */
} espy_delivery;

/* Sends once, 5 s to connect and 10 s in all; *status of the answer.  Headers: Content-Type,
 * X-Espy-Event, X-Espy-Delivery, X-Espy-Timestamp, X-Espy-Signature.
 * Errors: ARG (as check), IO (no answer: try again), CANCELLED, NOMEM. */
espy_err espy_webhook_send(espy_ctx *cx, const espy_delivery *hook, int *status) ESPY_NODISCARD;

#endif
