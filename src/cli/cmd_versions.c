/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy versions`: what was trained, and what answers now. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

static espy_err version_line(espy_cli *cli, const espy_version *v, int64_t live, int64_t previous)
{
    espy_ctx *cx = &cli->cx;
    const espy_json *accuracy = espy_json_get(espy_json_get(v->json, "metrics"), "accuracy");
    const char *alias = v->number == live ? "live" : v->number == previous ? "previous" : NULL;
    if (!cli->json) {
        char date[32];
        espy_time_local(v->created, date);
        espy_cli_print("%4lld  %s  %-9s %4zu labels %6lld samples", (long long)v->number, date,
                       v->head, espy_json_count(espy_json_get(v->json, "classes")),
                       (long long)espy_json_int(espy_json_get(v->json, "samples"), 0));
        if (accuracy)
            espy_cli_print("  accuracy %.4f", espy_json_number(accuracy, 0));
        espy_cli_print("  threshold %.2f  similarity %.2f%s%s\n",
                       espy_json_number(espy_json_get(v->json, "threshold"), 0),
                       espy_json_number(espy_json_get(v->json, "floor"), 0), alias ? "  " : "",
                       alias ? alias : "");
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
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_workspace(cli, false));
    ESPY_GO(espy_workspace_collection_existing(cx, &cli->ws, espy_cli_text(cli, "collection"), NULL,
                                               &c));
    ESPY_GO(espy_store_versions(cx, cli->ws.store, c.id, &at, &n));
    ESPY_GO(espy_store_alias(cx, cli->ws.store, c.id, "live", &live));
    ESPY_GO(espy_store_alias(cx, cli->ws.store, c.id, "previous", &previous));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(version_line(cli, &at[i], live, previous));
    if (!n)
        espy_cli_say(cli, "collection \"%s\" has no version yet; run: espy train DIR", c.name);
out:
    for (size_t i = 0; i < n; i++)
        espy_version_free(cx, &at[i]);
    espy_free(cx, at);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_option versions_options[] = {{"collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL,
                                                NULL, "collection",
                                                "the labels that are recognised together"},
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

static espy_err init_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    const char *dir = cli->n_args ? cli->args[0] : espy_cli_text(cli, "workspace");
    ESPY_TRY(espy_workspace_open(cx, dir ? dir : ".espy", true, &cli->ws));
    if (cli->json)
        return espy_cli_print_pairs(
            cli, (const char *const[]){"workspace", cli->ws.dir, "state",
                                       cli->ws.created ? "new" : "unchanged", NULL});
    espy_cli_print("%s: %s\n", cli->ws.dir,
                   cli->ws.created ? "new workspace" : "already a workspace, unchanged");
    return ESPY_E_OK;
}

const espy_command espy_command_init = {
    "init", "[DIR]", "Make a workspace (default: .espy here)", NULL, NULL, 0, 1, init_cmd};
