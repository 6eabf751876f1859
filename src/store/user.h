/* SPDX-License-Identifier: Apache-2.0
 * store - accounts of people and the keys that programs of theirs use.
 *
 * The store keeps password hashes and SHA-256 digests of keys; it never sees a password or a key.
 */
#ifndef ESPY_STORE_USER_H
#define ESPY_STORE_USER_H

#include "store/store.h"

typedef struct espy_user {
    int64_t id;
    char *name;      /* unique: what one logs in with */
    char *full_name; /* may be "" */
    char *email;     /* unique; NULL: none */
    char *password;  /* a hash in text form */
    char *role;      /* "admin", "instructor", "student" */
    char *detail;    /* a JSON object of at most ESPY_DETAIL_MAX bytes: department, year, ... */
    bool enabled;
    double created; /* seconds since 1970 */
} espy_user;
void espy_user_free(espy_ctx *cx, espy_user *u);
void espy_users_free(espy_ctx *cx, espy_user *users, size_t n);

/* An enabled account.  id, enabled and created are not read; full_name, email and detail may be
 * NULL.  Errors: ARG (name, role, detail), EXISTS (name or email is taken). */
espy_err espy_store_user_add(espy_ctx *cx, espy_store *st, const espy_user *u,
                             int64_t *id) ESPY_NODISCARD;
/* NOT_FOUND, noted in cx.  Names and e-mail addresses are compared byte by byte. */
espy_err espy_store_user_get(espy_ctx *cx, espy_store *st, int64_t id,
                             espy_user *out) ESPY_NODISCARD;
espy_err espy_store_user_find(espy_ctx *cx, espy_store *st, const char *name,
                              espy_user *out) ESPY_NODISCARD;
/* By id; role NULL: all; total: of that role, NULL: not asked. */
espy_err espy_store_users(espy_ctx *cx, espy_store *st, const char *role, const espy_page *page,
                          espy_user **out, size_t *n, int64_t *total) ESPY_NODISCARD;

/* What becomes of an account; NULL leaves what is there, email "" takes it away. */
typedef struct espy_user_change {
    const char *name, *full_name, *email, *password, *role, *detail;
    const bool *enabled;
} espy_user_change;
/* Errors: NOT_FOUND, ARG, EXISTS (name or email is taken; the last enabled admin would be disabled
 * or lose the role). */
espy_err espy_store_user_update(espy_ctx *cx, espy_store *st, int64_t id,
                                const espy_user_change *change) ESPY_NODISCARD;
/* The account and its keys and webhooks go; collections and sessions of it are nobody's, labels
 * keep their samples.  Errors: NOT_FOUND, EXISTS (the last enabled admin). */
espy_err espy_store_user_delete(espy_ctx *cx, espy_store *st, int64_t id) ESPY_NODISCARD;

/* -- keys -------------------------------------------------------------------------------------- */
/* What a key may do: any of these. */
#define ESPY_SCOPE_READ 1
#define ESPY_SCOPE_IDENTIFY 2
#define ESPY_SCOPE_ENROLL 4
#define ESPY_SCOPE_ADMIN 8
#define ESPY_SCOPES 15 /* all of them */

typedef struct espy_key {
    int64_t id, owner;
    int64_t collection; /* the only one that it opens; 0: all of the owner's */
    char *name;         /* for people */
    char digest[ESPY_DIGEST_HEX];
    int64_t scopes;
    double created, used, expires; /* 0: never */
} espy_key;
void espy_key_free(espy_ctx *cx, espy_key *k);
void espy_keys_free(espy_ctx *cx, espy_key *keys, size_t n);

/* id, created and used are not read.  Errors: ARG (name, digest, scopes), NOT_FOUND (owner,
 * collection), EXISTS (digest). */
espy_err espy_store_key_add(espy_ctx *cx, espy_store *st, const espy_key *k,
                            int64_t *id) ESPY_NODISCARD;
/* The key of a digest, not expired, and its owner, who is enabled; notes at most once a minute that
 * it was used, outside the writers' lock.  NOT_FOUND (not noted as a failure in cx) otherwise. */
espy_err espy_store_key_find(espy_ctx *cx, espy_store *st, const char *digest, espy_key *key,
                             espy_user *owner) ESPY_NODISCARD;
/* By id; owner 0: everybody's. */
espy_err espy_store_keys(espy_ctx *cx, espy_store *st, int64_t owner, espy_key **out,
                         size_t *n) ESPY_NODISCARD;
/* owner 0: whoever's it is.  NOT_FOUND. */
espy_err espy_store_key_delete(espy_ctx *cx, espy_store *st, int64_t owner,
                               int64_t id) ESPY_NODISCARD;

#endif
