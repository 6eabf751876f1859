/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy versions` and `espy rollback`: what was trained, and what answers. */
#include <string.h>

#include "base/text.h"
#include "cli/media_args.h"
#include "flow/models_folder.h"
#include "flow/rollback.h"

/* What the quality gate said: "gate passed", "gate failed: live, silence", "forced". */
static void version_gate(const espy_json *gate)
{
    const espy_json *checks = espy_json_get(gate, "checks");
    bool passed = espy_json_bool(espy_json_get(gate, "passed"), false);
    const char *before = ": ";
    if (!gate)
        return;
    espy_cli_print("  gate %s", passed ? "passed" : "failed");
    for (size_t i = 0; !passed && i < espy_json_count(checks); i++) {
        const espy_json *check = espy_json_at(checks, i);
        if (espy_json_bool(espy_json_get(check, "passed"), true) ||
            espy_json_bool(espy_json_get(check, "warning"), false))
            continue;
        espy_cli_print("%s%s", before, espy_json_string(espy_json_get(check, "name"), ""));
        before = ", ";
    }
    if (espy_json_bool(espy_json_get(gate, "forced"), false))
        espy_cli_print(", forced");
}

static void version_text(const espy_version *v, const char *alias)
{
    const espy_json *accuracy = espy_json_get(espy_json_get(v->json, "metrics"), "accuracy");
    const espy_json *epochs = espy_json_get(v->json, "epochs");
    char date[32];
    espy_time_local(v->created, date);
    espy_cli_print("%4lld  %s  %-9s %4zu labels %6lld samples", (long long)v->number, date, v->head,
                   espy_json_count(espy_json_get(v->json, "classes")),
                   (long long)espy_json_int(espy_json_get(v->json, "samples"), 0));
    if (epochs)
        espy_cli_print(" %4lld epochs", (long long)espy_json_int(epochs, 0));
    if (accuracy)
        espy_cli_print("  accuracy %.4f", espy_json_number(accuracy, 0));
    espy_cli_print("  threshold %.2f  similarity %.2f",
                   espy_json_number(espy_json_get(v->json, "threshold"), 0),
                   espy_json_number(espy_json_get(v->json, "floor"), 0));
    version_gate(espy_json_get(v->json, "gate"));
    if (alias)
        espy_cli_print("  [%s]", alias);
    espy_cli_print("\n");
}

/* One entry as S4's history printer has it; a dash for what was not measured or does not exist. */
static void version_history(const espy_version *v)
{
    const espy_json *accuracy = espy_json_get(espy_json_get(v->json, "metrics"), "accuracy");
    const espy_json *epochs = espy_json_get(v->json, "epochs");
    char date[32];
    espy_time_local(v->created, date);
    espy_cli_print("Date: %s\n", date);
    if (accuracy)
        espy_cli_print("Accuracy: %.4f\n", espy_json_number(accuracy, 0));
    else
        espy_cli_print("Accuracy: -\n");
    espy_cli_print("Samples: %lld\n",
                   (long long)espy_json_int(espy_json_get(v->json, "samples"), 0));
    if (epochs)
        espy_cli_print("Epochs: %lld\n", (long long)espy_json_int(epochs, 0));
    else
        espy_cli_print("Epochs: -\n");
    espy_cli_print("----------------------------------------\n");
}

static espy_err version_tell(espy_cli *cli, const espy_version *v, int64_t live, int64_t previous)
{
    espy_ctx *cx = &cli->cx;
    const char *alias = v->number == live ? "live" : v->number == previous ? "previous" : NULL;
    if (!cli->json) {
        if (espy_cli_flag(cli, "history"))
            version_history(v);
        else
            version_text(v, alias);
        return ESPY_E_OK;
    }
    espy_json *line = espy_json_ref(v->json); /* the list is ours to complete */
    espy_err e = espy_json_set(cx, line, "alias", espy_json_of_string(alias));
    if (e == ESPY_E_OK)
        e = espy_cli_print_json(cli, line);
    espy_json_free(line);
    return e;
}

static espy_err versions_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_version *at = NULL;
    size_t n = 0;
    int64_t live = 0, previous = 0;
    bool oldest_first = espy_cli_flag(cli, "history");
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_versions(cx, cli->ws.store, c.id, &at, &n));
    ESPY_GO(espy_store_alias(cx, cli->ws.store, c.id, "live", &live));
    ESPY_GO(espy_store_alias(cx, cli->ws.store, c.id, "previous", &previous));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(version_tell(cli, &at[oldest_first ? n - 1 - i : i], live, previous));
    if (!n)
        espy_cli_say(cli, "collection \"%s\" has no version yet; run: espy train DIR", c.name);
out:
    espy_versions_free(cx, at, n);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_option versions_options[] = {
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "collection",
     "the labels that are recognised together"},
    {"history", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "oldest first, with date, accuracy, samples and epochs of each training"},
    {0}};

const espy_command espy_command_versions = {
    "versions",
    "",
    "List what was trained, newest first, and which version answers",
    NULL,
    versions_options,
    0,
    0,
    versions_cmd};

static espy_err rollback_json(espy_cli *cli, const espy_collection *c, int64_t from, int64_t now)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "collection", espy_json_of_string(c->name)));
    ESPY_GO(espy_json_set(cx, o, "live", espy_json_of_int(now)));
    ESPY_GO(espy_json_set(cx, o, "from", from ? espy_json_of_int(from) : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, o, "moved", espy_json_of_bool(from != now)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* `espy retrain sounds` keeps networks in models/: what is in production there stays when only the
 * version moves.  That folder may be another program's, so what it says is a remark only. */
static void rollback_remark(espy_cli *cli, int64_t now)
{
    espy_ctx cx = espy_ctx_child(&cli->cx);
    int64_t production = 0;
    if (espy_models_lags(&cx, ESPY_MODELS_FOLDER, now, &production) == ESPY_E_OK && production)
        espy_cli_say(cli,
                     ESPY_MODELS_FOLDER
                     "/ still holds version %lld: espy rollback %lld --models " ESPY_MODELS_FOLDER,
                     (long long)production, (long long)now);
}

static espy_err rollback_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    const char *wanted = cli->n_args ? cli->args[0] : "previous";
    const char *models = espy_cli_text(cli, "models"), *reason = espy_cli_text(cli, "reason");
    int64_t to = 0, from = 0, now = 0;
    espy_err e = ESPY_E_OK;
    if (strcmp(wanted, "previous") != 0 && !espy_parse_int(wanted, 1, INT64_MAX, &to))
        return espy_fail(cx, ESPY_E_ARG,
                         "\"%s\" is no version: give its number (espy versions) or \"previous\"",
                         wanted);
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    if (models)
        ESPY_GO(espy_models_rollback(cx, &cli->ws, &c, models, to, reason, &from, &now));
    else
        ESPY_GO(espy_flow_rollback(cx, &cli->ws, &c, to, reason, &from, &now));
    if (cli->json)
        ESPY_GO(rollback_json(cli, &c, from, now));
    else if (from == now)
        espy_cli_print("%s: version %lld answers already, %s\n", c.name, (long long)now,
                       models ? "its network is in production now" : "nothing was changed");
    else if (!from)
        espy_cli_print("%s: version %lld answers now\n", c.name, (long long)now);
    else
        espy_cli_print("%s: version %lld answers now; version %lld is kept as previous\n", c.name,
                       (long long)now, (long long)from);
    if (!models && espy_modality_find(c.modality)->hears)
        rollback_remark(cli, now);
out:
    espy_collection_free(cx, &c);
    return e;
}

static const espy_option rollback_options[] = {
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "collection",
     "the labels that are recognised together"},
    {"reason", "TEXT", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "why, for the history"},
    {"models", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "sounds: also put that version's network into production in this folder of networks"},
    {0}};

const espy_command espy_command_rollback = {
    "rollback",
    "[N]",
    "Let an earlier version answer again (default: the previous one)",
    "The version is read and checked before anything moves.  The one that answered becomes the "
    "previous\n"
    "one, so a second rollback undoes the first.  N may be any version, one that the gate refused "
    "too.",
    rollback_options,
    0,
    1,
    rollback_cmd};
