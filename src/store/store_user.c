/* SPDX-License-Identifier: Apache-2.0
 * store - accounts and keys. */
#include "store/user.h"

#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

#define USER_COLUMNS \
    "u.id, u.name, u.full_name, u.email, u.password, u.role, u.detail, u.enabled, u.created"
#define USER_SELECT "SELECT " USER_COLUMNS " FROM users u"
#define USER_USED_EVERY 60.0 /* seconds between two notes that a key was used */

/* -- rows -------------------------------------------------------------------------------------- */
void espy_user_free(espy_ctx *cx, espy_user *u)
{
    espy_free(cx, u->name);
    espy_free(cx, u->full_name);
    espy_free(cx, u->email);
    espy_free(cx, u->password);
    espy_free(cx, u->role);
    espy_free(cx, u->detail);
    *u = (espy_user){0};
}

/* USER_COLUMNS, the first of which is column `at`. */
static espy_err user_read(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int at, espy_user *u)
{
    const espy_db_ops *ops = st->db->ops;
    u->id = ops->integer(rows, at);
    u->enabled = ops->integer(rows, at + 7) != 0;
    u->created = ops->real(rows, at + 8);
    char **const texts[] = {&u->name, &u->full_name, &u->email, &u->password, &u->role, &u->detail};
    for (int i = 0; i < 6; i++)
        ESPY_TRY(espy_db_text(cx, st, rows, at + 1 + i, texts[i]));
    return ESPY_E_OK;
}

static espy_err user_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    return user_read(cx, st, rows, 0, item);
}

static void user_drop(espy_ctx *cx, void *item)
{
    espy_user_free(cx, item);
}

static const espy_db_items user_items = {sizeof(espy_user), user_row, user_drop};

void espy_users_free(espy_ctx *cx, espy_user *users, size_t n)
{
    espy_db_items_free(cx, &user_items, users, n);
}

/* -- looking ----------------------------------------------------------------------------------- */
espy_err espy_store_user_get(espy_ctx *cx, espy_store *st, int64_t id, espy_user *out)
{
    static const char sql[] = USER_SELECT " WHERE u.id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &user_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no user %lld", (long long)id);
}

espy_err espy_store_user_find(espy_ctx *cx, espy_store *st, const char *name, espy_user *out)
{
    static const char sql[] = USER_SELECT " WHERE u.name = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_TEXT(name)), &user_items, out, &found));
    return found ? ESPY_E_OK : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no user '%.100s'", name);
}

espy_err espy_store_users(espy_ctx *cx, espy_store *st, const char *role, const espy_page *page,
                          espy_user **out, size_t *n, int64_t *total)
{
    static const char count[] = "SELECT count(*) FROM users WHERE ($1 = '' OR role = $1)";
    static const char sql[] = USER_SELECT " WHERE ($1 = '' OR u.role = $1) AND u.id > $2"
                                          " ORDER BY u.id LIMIT $3 OFFSET $4";
    const espy_db_value of = DB_TEXT(role == NULL ? "" : role);
    if (total != NULL)
        ESPY_TRY(espy_db_number(cx, st, count, &of, 1, total));
    return espy_db_list(cx, st, sql,
                        DB_ARGS(of, DB_INT(page->cursor), DB_INT(espy_page_limit(page)),
                                DB_INT(espy_page_offset(page))),
                        &user_items, out, n);
}

/* -- changing ---------------------------------------------------------------------------------- */
/* Everything that an account must be; nobody else (0 when it is new) may have its name and e-mail.
 */
static espy_err user_check(espy_ctx *cx, espy_store *st, const espy_user *u, int64_t id)
{
    static const char name[] = "SELECT id FROM users WHERE name = $1 AND id <> $2";
    static const char email[] = "SELECT id FROM users WHERE email = $1 AND id <> $2";
    bool taken = false;
    int64_t other;
    ESPY_TRY(espy_store_check_name(cx, "a user's name", u->name));
    ESPY_TRY(espy_store_check_text(cx, "a user's full name", u->full_name, STORE_NOTE_MAX));
    ESPY_TRY(espy_store_check_name(cx, "a password's hash", u->password));
    ESPY_TRY(espy_store_check_detail(cx, "a user's detail", u->detail));
    if (u->email != NULL)
        ESPY_TRY(espy_store_check_name(cx, "a user's e-mail address", u->email));
    if (u->role == NULL || (strcmp(u->role, "admin") != 0 && strcmp(u->role, "instructor") != 0 &&
                            strcmp(u->role, "student") != 0))
        return espy_fail(cx, ESPY_E_ARG, "a user's role is 'admin', 'instructor' or 'student'");
    ESPY_TRY(espy_db_find(cx, st, name, DB_ARGS(DB_TEXT(u->name), DB_INT(id)), &taken, &other));
    if (taken)
        return espy_fail(cx, ESPY_E_EXISTS, "there is already a user '%.100s'; take another name",
                         u->name);
    if (u->email != NULL)
        ESPY_TRY(
            espy_db_find(cx, st, email, DB_ARGS(DB_TEXT(u->email), DB_INT(id)), &taken, &other));
    if (taken)
        return espy_fail(cx, ESPY_E_EXISTS, "another user has this e-mail address");
    return ESPY_E_OK;
}

/* Whoever is changed, one enabled admin stays. */
static espy_err user_check_admins(espy_ctx *cx, espy_store *st, const espy_user *was)
{
    static const char sql[] = "SELECT count(*) FROM users WHERE role = 'admin' AND enabled = 1";
    int64_t n = 0;
    if (!was->enabled || strcmp(was->role, "admin") != 0)
        return ESPY_E_OK;
    ESPY_TRY(espy_db_number(cx, st, sql, NULL, 0, &n));
    if (n == 0)
        return espy_fail(cx, ESPY_E_EXISTS,
                         "'%.100s' is the last enabled admin; make another one first", was->name);
    return ESPY_E_OK;
}

espy_err espy_store_user_add(espy_ctx *cx, espy_store *st, const espy_user *u, int64_t *id)
{
    static const char sql[] =
        "INSERT INTO users (name, full_name, email, password, role, detail, created)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    espy_user fresh = *u;
    espy_err e = ESPY_E_OK;
    if (fresh.full_name == NULL)
        fresh.full_name = (char *)(uintptr_t) "";
    if (fresh.detail == NULL)
        fresh.detail = (char *)(uintptr_t) "{}";
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(user_check(cx, st, &fresh, 0));
    ESPY_GO(
        espy_db_number(cx, st, sql,
                       DB_ARGS(DB_TEXT(fresh.name), DB_TEXT(fresh.full_name), DB_TEXT(fresh.email),
                               DB_TEXT(fresh.password), DB_TEXT(fresh.role), DB_TEXT(fresh.detail),
                               DB_REAL(espy_time_now())),
                       id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* The account as it is to be; borrows from both. */
static espy_user user_changed(const espy_user *was, const espy_user_change *c)
{
    espy_user to = *was;
    const struct {
        char **at;
        const char *value;
    } texts[] = {{&to.name, c->name},   {&to.full_name, c->full_name},
                 {&to.email, c->email}, {&to.password, c->password},
                 {&to.role, c->role},   {&to.detail, c->detail}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].value != NULL)
            *texts[i].at = (char *)(uintptr_t)texts[i].value;
    if (to.email != NULL && to.email[0] == '\0')
        to.email = NULL;
    if (c->enabled != NULL)
        to.enabled = *c->enabled;
    return to;
}

espy_err espy_store_user_update(espy_ctx *cx, espy_store *st, int64_t id,
                                const espy_user_change *change)
{
    static const char sql[] = "UPDATE users SET name = $1, full_name = $2, email = $3,"
                              " password = $4, role = $5, detail = $6, enabled = $7 WHERE id = $8";
    espy_user was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_user_get(cx, st, id, &was));
    const espy_user to = user_changed(&was, change);
    ESPY_GO(user_check(cx, st, &to, id));
    ESPY_GO(espy_db_exec(cx, st, sql,
                         DB_ARGS(DB_TEXT(to.name), DB_TEXT(to.full_name), DB_TEXT(to.email),
                                 DB_TEXT(to.password), DB_TEXT(to.role), DB_TEXT(to.detail),
                                 DB_INT(to.enabled), DB_INT(id))));
    ESPY_GO(user_check_admins(cx, st, &was));
    ESPY_GO(espy_store_commit(cx, st));
    espy_user_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_user_free(cx, &was);
    return e;
}

espy_err espy_store_user_delete(espy_ctx *cx, espy_store *st, int64_t id)
{
    static const char sql[] = "DELETE FROM users WHERE id = $1";
    espy_user was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_user_get(cx, st, id, &was));
    ESPY_GO(espy_db_exec(cx, st, sql, DB_ARGS(DB_INT(id))));
    ESPY_GO(user_check_admins(cx, st, &was));
    ESPY_GO(espy_store_commit(cx, st));
    espy_user_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_user_free(cx, &was);
    return e;
}

/* -- keys -------------------------------------------------------------------------------------- */
#define KEY_COLUMNS \
    "k.id, k.owner, k.collection, k.name, k.digest, k.scopes, k.created, k.used, k.expires"
#define KEY_COLUMN_COUNT 9

void espy_key_free(espy_ctx *cx, espy_key *k)
{
    espy_free(cx, k->name);
    *k = (espy_key){0};
}

static espy_err key_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_key *k = item;
    *k = (espy_key){.id = ops->integer(rows, 0),
                    .owner = ops->integer(rows, 1),
                    .collection = ops->integer(rows, 2),
                    .scopes = ops->integer(rows, 5),
                    .created = ops->real(rows, 6),
                    .used = ops->real(rows, 7),
                    .expires = ops->real(rows, 8)};
    ESPY_TRY(espy_db_digest(cx, st, rows, 4, k->digest));
    return espy_db_text(cx, st, rows, 3, &k->name);
}

static void key_drop(espy_ctx *cx, void *item)
{
    espy_key_free(cx, item);
}

static const espy_db_items key_items = {sizeof(espy_key), key_row, key_drop};

void espy_keys_free(espy_ctx *cx, espy_key *keys, size_t n)
{
    espy_db_items_free(cx, &key_items, keys, n);
}

espy_err espy_store_key_add(espy_ctx *cx, espy_store *st, const espy_key *k, int64_t *id)
{
    static const char taken[] = "SELECT id FROM keys WHERE digest = $1";
    static const char sql[] =
        "INSERT INTO keys (owner, name, digest, scopes, collection, created, expires)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_check_name(cx, "a key's name", k->name));
    if (!espy_digest_valid(k->digest))
        return espy_fail(cx, ESPY_E_ARG, "a key's digest has 64 hexadecimal digits");
    if (k->scopes <= 0 || k->scopes > ESPY_SCOPES)
        return espy_fail(cx, ESPY_E_ARG, "a key needs a scope: read, identify, enroll or admin");
    if (k->owner == 0)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "a key needs an owner");
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_check_user(cx, st, k->owner));
    if (k->collection != 0)
        ESPY_GO(espy_store_check_collection(cx, st, k->collection));
    ESPY_GO(espy_db_find(cx, st, taken, DB_ARGS(DB_TEXT(k->digest)), &found, id));
    if (found)
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS, "this key is there already"));
    ESPY_GO(
        espy_db_number(cx, st, sql,
                       DB_ARGS(DB_INT(k->owner), DB_TEXT(k->name), DB_TEXT(k->digest),
                               DB_INT(k->scopes), DB_ID(k->collection), DB_REAL(espy_time_now()),
                               k->expires > 0 ? DB_REAL(k->expires) : DB_NONE),
                       id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* A key with its owner. */
typedef struct key_owned {
    espy_key key;
    espy_user owner;
} key_owned;

static espy_err key_owned_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    key_owned *o = item;
    ESPY_TRY(key_row(cx, st, rows, &o->key));
    return user_read(cx, st, rows, KEY_COLUMN_COUNT, &o->owner);
}

static void key_owned_drop(espy_ctx *cx, void *item)
{
    key_owned *o = item;
    espy_key_free(cx, &o->key);
    espy_user_free(cx, &o->owner);
}

espy_err espy_store_key_find(espy_ctx *cx, espy_store *st, const char *digest, espy_key *key,
                             espy_user *owner)
{
    static const char sql[] = "SELECT " KEY_COLUMNS ", " USER_COLUMNS " FROM keys k"
                              " JOIN users u ON u.id = k.owner WHERE k.digest = $1"
                              " AND u.enabled = 1 AND (k.expires IS NULL OR k.expires > $2)";
    static const char use[] = "UPDATE keys SET used = $1 WHERE id = $2";
    static const espy_db_items items = {sizeof(key_owned), key_owned_row, key_owned_drop};
    key_owned o;
    bool found = false;
    double now = espy_time_now();
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_TEXT(digest), DB_REAL(now)), &items, &o, &found));
    if (!found)
        return ESPY_E_NOT_FOUND;
    if (o.key.used < now - USER_USED_EVERY) {
        espy_ctx sub = espy_ctx_child(cx); /* a key is good though this cannot be noted */
        if (espy_db_exec(&sub, st, use, DB_ARGS(DB_REAL(now), DB_INT(o.key.id))) == ESPY_E_OK)
            o.key.used = now;
    }
    *key = o.key;
    *owner = o.owner;
    return ESPY_E_OK;
}

espy_err espy_store_keys(espy_ctx *cx, espy_store *st, int64_t owner, espy_key **out, size_t *n)
{
    static const char sql[] =
        "SELECT " KEY_COLUMNS " FROM keys k WHERE ($1 = 0 OR k.owner = $1) ORDER BY k.id";
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(owner)), &key_items, out, n);
}

espy_err espy_store_key_delete(espy_ctx *cx, espy_store *st, int64_t owner, int64_t id)
{
    static const char find[] = "SELECT id FROM keys WHERE id = $1 AND ($2 = 0 OR owner = $2)";
    static const char sql[] = "DELETE FROM keys WHERE id = $1";
    bool found = false;
    int64_t same;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_db_find(cx, st, find, DB_ARGS(DB_INT(id), DB_INT(owner)), &found, &same));
    if (!found)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "there is no key %lld", (long long)id));
    ESPY_GO(espy_db_exec(cx, st, sql, DB_ARGS(DB_INT(id))));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}
