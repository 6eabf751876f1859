/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy key ...`: the keys that programs send to `espy serve`. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "http/keys.h"

#define DAY 86400.0

static espy_err key_owner(espy_cli *cli, const char *name, int64_t *id)
{
    espy_user u = {0};
    if (espy_store_user_find(&cli->cx, cli->ws.store, name, &u) == ESPY_E_NOT_FOUND) {
        espy_clear(&cli->cx);
        return espy_fail(&cli->cx, ESPY_E_NOT_FOUND,
                         "there is no account \"%s\"; see: espy user list", name);
    }
    *id = u.id;
    espy_user_free(&cli->cx, &u);
    return cli->cx.code;
}

/* -- add --------------------------------------------------------------------------------------- */
static espy_err key_scopes(espy_cli *cli, const char *list, int64_t *out)
{
    *out = 0;
    for (const char *p = list; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        int64_t scope = espy_scope_find(p, n);
        if (!scope)
            return espy_fail(&cli->cx, ESPY_E_ARG, "--scopes: \"%.*s\" is none of: %s", (int)n, p,
                             ESPY_SCOPE_LIST);
        *out |= scope;
        p += n;
    }
    return ESPY_E_OK;
}

static espy_err key_add_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    char text[ESPY_KEY_TEXT];
    const char *collection = espy_cli_text(cli, "collection");
    espy_collection c = {0};
    espy_key k = {.name = cli->args[0]};
    ESPY_TRY(key_scopes(cli, espy_cli_text(cli, "scopes"), &k.scopes));
    ESPY_TRY(espy_cli_workspace(cli, false));
    ESPY_TRY(key_owner(cli, espy_cli_text(cli, "user"), &k.owner));
    if (collection) {
        ESPY_TRY(espy_store_collection(cx, cli->ws.store, collection, &c));
        k.collection = c.id;
        espy_collection_free(cx, &c);
    }
    if (espy_cli_text(cli, "expires-days"))
        k.expires = espy_time_now() + DAY * espy_cli_real(cli, "expires-days");
    ESPY_TRY(espy_key_make(cx, cli->ws.store, &k, text, &k.id));
    if (cli->json)
        return espy_cli_print_pairs(
            cli, (const char *const[]){"action", "add", "name", k.name, "key", text, NULL});
    espy_cli_print("%s\n", text);
    espy_cli_say(cli, "It is shown this once; send it as Authorization: Bearer KEY");
    return ESPY_E_OK;
}

static const espy_option key_add_options[] = {
    {"user", "NAME", ESPY_OPT_TEXT, 0, 0, "admin", NULL, NULL,
     "whose key it is: it may never do more than this account"},
    {"scopes", "LIST", ESPY_OPT_TEXT, 0, 0, "read,identify", NULL, NULL,
     "what it may: read, identify, enroll, admin, with commas between"},
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "the only collection that it opens"},
    {"expires-days", "D", ESPY_OPT_REAL, 0.001, 36500, NULL, NULL, NULL,
     "how long it is good; else until it is revoked"},
    {0}};

const espy_command espy_command_key_add = {
    "key add",
    "NAME",
    "Make a key for a program; NAME says which, for people",
    "The key is shown this once: espy keeps only what it can be recognised by.",
    key_add_options,
    1,
    1,
    key_add_cmd};

/* -- list -------------------------------------------------------------------------------------- */
/* "read,identify" */
static void key_scope_text(int64_t scopes, char out[64])
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; espy_scope_name(i); i++)
        if (scopes & (INT64_C(1) << i))
            at += (size_t)snprintf(out + at, 64 - at, "%s%s", at ? "," : "", espy_scope_name(i));
}

static espy_err list_key_json(espy_cli *cli, const espy_key *k, const char *owner)
{
    espy_ctx *cx = &cli->cx;
    char when[32];
    espy_json *o = espy_json_object(), *scopes = NULL;
    espy_err e = ESPY_E_OK;
    const struct {
        const char *key;
        double t;
    } times[] = {{"created", k->created}, {"used", k->used}, {"expires", k->expires}};
    ESPY_GO(espy_scopes_json(cx, k->scopes, &scopes));
    ESPY_GO(espy_json_set(cx, o, "id", espy_json_of_int(k->id)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(k->name)));
    ESPY_GO(espy_json_set(cx, o, "user", espy_json_of_string(owner)));
    ESPY_GO(espy_json_set(cx, o, "scopes", espy_json_ref(scopes)));
    ESPY_GO(
        espy_json_set(cx, o, "collection",
                      k->collection ? espy_json_of_int(k->collection) : espy_json_null_value()));
    for (size_t i = 0; i < 3; i++) {
        espy_time_iso(times[i].t, when);
        ESPY_GO(
            espy_json_set(cx, o, times[i].key, espy_json_of_string(times[i].t > 0 ? when : NULL)));
    }
    e = espy_cli_print_json(cli, o);
out:
    espy_json_free(scopes);
    espy_json_free(o);
    return e;
}

static espy_err list_key(espy_cli *cli, const espy_key *k)
{
    char scopes[64], until[32] = "";
    espy_user owner = {0};
    ESPY_TRY(espy_store_user_get(&cli->cx, cli->ws.store, k->owner, &owner));
    espy_err e = ESPY_E_OK;
    if (cli->json) {
        e = list_key_json(cli, k, owner.name);
    } else {
        key_scope_text(k->scopes, scopes);
        if (k->expires > 0)
            espy_time_local(k->expires, until);
        espy_cli_print("%6lld  %-16s  %-28s  %s%s%s\n", (long long)k->id, owner.name, scopes,
                       k->name, *until ? "  until " : "", until);
    }
    espy_user_free(&cli->cx, &owner);
    return e;
}

static espy_err key_list_cmd(espy_cli *cli)
{
    const char *user = espy_cli_text(cli, "user");
    int64_t owner = 0;
    espy_key *keys = NULL;
    size_t n = 0;
    ESPY_TRY(espy_cli_workspace(cli, false));
    if (user)
        ESPY_TRY(key_owner(cli, user, &owner));
    ESPY_TRY(espy_store_keys(&cli->cx, cli->ws.store, owner, &keys, &n));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        e = list_key(cli, &keys[i]);
    if (e == ESPY_E_OK && n == 0)
        espy_cli_say(cli, "there is no key; make one with: espy key add NAME");
    espy_keys_free(&cli->cx, keys, n);
    return e;
}

static const espy_option key_list_options[] = {
    {"user", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "keys of this account alone"}, {0}};

const espy_command espy_command_key_list = {
    "key list",  "", "List the keys: number, account, scopes, name", NULL, key_list_options, 0, 0,
    key_list_cmd};

/* -- revoke ------------------------------------------------------------------------------------ */
static espy_err key_revoke_cmd(espy_cli *cli)
{
    int64_t id;
    if (!espy_parse_int(cli->args[0], 1, INT64_MAX, &id))
        return espy_fail(&cli->cx, ESPY_E_ARG, "\"%s\" is no key: give its number (espy key list)",
                         cli->args[0]);
    ESPY_TRY(espy_cli_workspace(cli, false));
    if (espy_store_key_delete(&cli->cx, cli->ws.store, 0, id) == ESPY_E_NOT_FOUND) {
        espy_clear(&cli->cx);
        return espy_fail(&cli->cx, ESPY_E_NOT_FOUND, "there is no key %lld; see: espy key list",
                         (long long)id);
    }
    ESPY_TRY(cli->cx.code);
    if (cli->json)
        return espy_cli_print_pairs(
            cli, (const char *const[]){"action", "revoke", "key", cli->args[0], NULL});
    espy_cli_print("key %lld is good no more\n", (long long)id);
    return ESPY_E_OK;
}

const espy_command espy_command_key_revoke = {
    "key revoke", "NUMBER", "Take a key back", NULL, NULL, 1, 1, key_revoke_cmd};
