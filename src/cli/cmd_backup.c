/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy backup` and `espy restore`: everything that a workspace holds, in one file. */
#include "cli/cli.h"

espy_err espy_cli_copied(espy_cli *cli, const char *where, const espy_copied *done)
{
    espy_ctx *cx = &cli->cx;
    if (!cli->json) {
        espy_cli_progress_pause(cli);
        espy_cli_print("%s: %zu rows and %zu media, read back and compared\n", where, done->rows,
                       done->media);
        if (done->missing)
            espy_cli_print("%zu media were missing or damaged already; see: espy doctor\n",
                           done->missing);
        return ESPY_E_OK;
    }
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "place", espy_json_of_string(where)));
    ESPY_GO(espy_json_set(cx, o, "rows", espy_json_of_int((int64_t)done->rows)));
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_int((int64_t)done->media)));
    ESPY_GO(espy_json_set(cx, o, "missing", espy_json_of_int((int64_t)done->missing)));
    ESPY_GO(espy_json_set(cx, o, "digest", espy_json_of_string(done->digest)));
    e = espy_cli_print_json(cli, o);
out:
    espy_json_free(o);
    return e;
}

static espy_err backup_cmd(espy_cli *cli)
{
    espy_copied done;
    ESPY_TRY(espy_cli_workspace(cli, false));
    ESPY_TRY(espy_store_backup(&cli->cx, cli->ws.store, cli->args[0], &cli->progress, &done));
    return espy_cli_copied(cli, cli->args[0], &done);
}

static espy_err restore_cmd(espy_cli *cli)
{
    espy_copied done;
    ESPY_TRY(espy_cli_workspace(cli, true));
    ESPY_TRY(espy_store_restore(&cli->cx, cli->ws.store, cli->args[0], &cli->progress, &done));
    return espy_cli_copied(cli, cli->ws.dir, &done);
}

const espy_command espy_command_backup = {
    "backup",
    "FILE",
    "Write everything that the workspace holds into one file",
    "The file is a tar archive with the SHA-256 of all that is in it (docs/formats/backup.md).  It "
    "is "
    "of one\n"
    "moment, may be made while espy works, and is read back before it gets its name.  espy.conf is "
    "not in it.",
    NULL,
    1,
    1,
    backup_cmd};

const espy_command espy_command_restore = {
    "restore",
    "FILE",
    "Fill an empty workspace from a backup",
    "The whole file is checked before anything is written, and what was written is read back.  A "
    "workspace\n"
    "that holds something is refused.",
    NULL,
    1,
    1,
    restore_cmd};
