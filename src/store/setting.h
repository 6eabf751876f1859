/* SPDX-License-Identifier: Apache-2.0
 * store - what the servers of a workspace have to agree on: settings, and requests that are to be
 * done once. */
#ifndef ESPY_STORE_SETTING_H
#define ESPY_STORE_SETTING_H

#include "store/store.h"

/* *value: the caller's, NULL when it is not set. */
espy_err espy_store_setting(espy_ctx *cx, espy_store *st, const char *name,
                            char **value) ESPY_NODISCARD;
/* value NULL: not set any more.  Errors: ARG (name; more than 1 MiB). */
espy_err espy_store_setting_set(espy_ctx *cx, espy_store *st, const char *name,
                                const char *value) ESPY_NODISCARD;
/* The value that is there, else this one from now on: of many who call this at once, on whatever
 * machine, all get the same. */
espy_err espy_store_setting_first(espy_ctx *cx, espy_store *st, const char *name, const char *fresh,
                                  char **value) ESPY_NODISCARD;

/* -- requests that are done once --------------------------------------------------------------- */
#define ESPY_ONCE_KEPT 86400.0  /* how long an answer is kept, seconds */
#define ESPY_ONCE_RUNNING 600.0 /* how long one is waited for whose server may have died */

/* A request that carries an idempotency key. */
typedef struct espy_once {
    int64_t owner;       /* whose key it is: a user, or 0 */
    const char *key;     /* 1..1024 bytes of text */
    const char *route;   /* method and path */
    const char *request; /* SHA-256 of what was asked */
} espy_once;
typedef enum espy_once_word {
    ESPY_ONCE_FRESH, /* do it, then call finish or forget */
    ESPY_ONCE_BUSY,  /* another one does it now */
    ESPY_ONCE_DONE   /* it was done: the answer is there */
} espy_once_word;

/* *status and *body (the caller's; NULL: none) are set with DONE alone.  Errors: ARG (key), EXISTS
 * (the key was used for another request). */
espy_err espy_store_once_begin(espy_ctx *cx, espy_store *st, const espy_once *o,
                               espy_once_word *word, int *status, char **body) ESPY_NODISCARD;
/* Keeps the answer; within the transaction that does what was asked, the two are one. */
espy_err espy_store_once_finish(espy_ctx *cx, espy_store *st, const espy_once *o, int status,
                                const char *body) ESPY_NODISCARD;
/* It was not done, and may be asked again. */
espy_err espy_store_once_forget(espy_ctx *cx, espy_store *st, const espy_once *o) ESPY_NODISCARD;
/* Drops what is older than ESPY_ONCE_KEPT. */
espy_err espy_store_once_sweep(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;

#endif
