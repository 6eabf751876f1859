/* SPDX-License-Identifier: Apache-2.0
 * store - who wants to be told over HTTP what happens. */
#ifndef ESPY_STORE_WEBHOOK_H
#define ESPY_STORE_WEBHOOK_H

#include "store/store.h"

typedef struct espy_webhook {
    int64_t id;
    int64_t owner;      /* a user */
    int64_t collection; /* 0: all of the owner's */
    char *url;
    char *events; /* actions of events, separated by blanks; "*" is all */
    char *secret; /* what deliveries are signed with */
    bool enabled;
    double created; /* seconds since 1970 */
} espy_webhook;
void espy_webhook_free(espy_ctx *cx, espy_webhook *w);
void espy_webhooks_free(espy_ctx *cx, espy_webhook *webhooks, size_t n);

/* id, enabled and created are not read.  Errors: ARG (url, events, secret: 1..1024 bytes each),
 * NOT_FOUND (owner, collection). */
espy_err espy_store_webhook_add(espy_ctx *cx, espy_store *st, const espy_webhook *w,
                                int64_t *id) ESPY_NODISCARD;
/* NOT_FOUND, noted in cx. */
espy_err espy_store_webhook_get(espy_ctx *cx, espy_store *st, int64_t id,
                                espy_webhook *out) ESPY_NODISCARD;
/* By id; owner 0: everybody's. */
espy_err espy_store_webhooks(espy_ctx *cx, espy_store *st, int64_t owner, espy_webhook **out,
                             size_t *n) ESPY_NODISCARD;

/* What becomes of a webhook; NULL leaves what is there. */
typedef struct espy_webhook_change {
    const char *url, *events, *secret;
    const bool *enabled;
} espy_webhook_change;
/* Errors: NOT_FOUND, ARG. */
espy_err espy_store_webhook_update(espy_ctx *cx, espy_store *st, int64_t id,
                                   const espy_webhook_change *change) ESPY_NODISCARD;
/* NOT_FOUND. */
espy_err espy_store_webhook_delete(espy_ctx *cx, espy_store *st, int64_t id) ESPY_NODISCARD;

#endif
