/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy init`: a workspace folder, and where its store is. */
#include "cli/cli.h"

static espy_err init_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    const char *dir = cli->n_args ? cli->args[0] : espy_cli_text(cli, "workspace");
    const char *store = espy_cli_given(cli, "store"), *media = espy_cli_given(cli, "media-dir");
    if (!dir)
        dir = ".espy";
    if (store || media)
        ESPY_TRY(espy_workspace_make(cx, dir, store, media));
    ESPY_TRY(espy_workspace_open(cx, dir, true, &cli->ws));
    bool made = cli->ws.created || store || media;
    if (cli->json)
        return espy_cli_print_pairs(cli,
                                    (const char *const[]){"workspace", cli->ws.dir, "state",
                                                          made ? "new" : "unchanged", "store",
                                                          espy_store_shown(cli->ws.store), NULL});
    espy_cli_print("%s: %s\n", cli->ws.dir,
                   made ? "new workspace" : "already a workspace, unchanged");
    if (espy_store_on_server(cli->ws.store))
        espy_cli_print("store: %s\n", espy_store_shown(cli->ws.store));
    return ESPY_E_OK;
}

static const espy_option init_options[] = {
    {"store", "URL", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_STORE", "store",
     "a database for several machines, postgresql://USER@HOST/DATABASE; else a file in DIR"},
    {"media-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "media_dir",
     "keep photos and recordings as files there, a folder that all these machines share"},
    {0}};

const espy_command espy_command_init = {
    "init",
    "[DIR]",
    "Make a workspace (default: .espy here)",
    "With --store the database holds what espy knows, photos and recordings too, and DIR only "
    "settings "
    "and a\n"
    "cache.  It has to be empty, or to be espy's.  Leave the password to ~/.pgpass or PGPASSWORD.",
    init_options,
    0,
    1,
    init_cmd};
