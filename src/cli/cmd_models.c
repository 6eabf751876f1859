/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy models list|info|fetch|verify`: packs of networks, their licences and their files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "flow/fetch.h"

static const char *models_workspace(espy_cli *cli)
{
    if (espy_cli_workspace(cli, false) != ESPY_E_OK)
        espy_clear(&cli->cx); /* packs are found without a workspace too */
    return cli->ws.dir;
}

static espy_err models_line(espy_ctx *cx, void *self, const espy_pack *p)
{
    espy_cli *cli = self;
    size_t missing = espy_pack_missing(p);
    if (!cli->json) {
        espy_cli_print("%-15s %-9s %4zu-d  %-14s %s\n", p->name, missing ? "absent" : "installed",
                       p->dim, p->commercial ? "any use" : "non-commercial", p->summary);
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "pack", espy_json_of_string(p->name)));
    ESPY_GO(espy_json_set(cx, o, "modality", espy_json_of_string(p->modality)));
    ESPY_GO(espy_json_set(cx, o, "installed", espy_json_of_bool(!missing)));
    ESPY_GO(espy_json_set(cx, o, "dimension", espy_json_of_int((int64_t)p->dim)));
    ESPY_GO(espy_json_set(cx, o, "licence", espy_json_of_string(p->licence)));
    ESPY_GO(espy_json_set(cx, o, "commercial", espy_json_of_bool(p->commercial)));
    ESPY_GO(espy_json_set(cx, o, "summary", espy_json_of_string(p->summary)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

static espy_err models_list(espy_cli *cli)
{
    return espy_workspace_packs(&cli->cx, models_workspace(cli), models_line, cli);
}

const espy_command espy_command_models_list = {
    "models list",
    "",
    "List the packs of networks and whether they are installed",
    NULL,
    NULL,
    0,
    0,
    models_list};

static espy_err models_info(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_pack *p = NULL;
    ESPY_TRY(espy_pack_open(cx, cli->args[0], models_workspace(cli), &p));
    if (cli->json) {
        espy_err e = espy_cli_print_json(cli, p->json);
        espy_pack_destroy(cx, &p);
        return e;
    }
    espy_cli_print("pack        %s\n            %s\n", p->name, p->summary);
    espy_cli_print("licence     %s (%s)\n", p->licence,
                   p->commercial ? "commercial use allowed" : "no commercial use");
    espy_cli_print("embedding   %zu values; known from cosine %.2f on\nmanifest    %s\n", p->dim,
                   (double)p->floor, p->manifest ? p->manifest : "built in");
    for (size_t i = 0; i < p->n_files; i++) {
        const espy_pack_file *f = &p->files[i];
        espy_cli_print("%-11s %s\n            sha256 %s\n            %s%s\n", f->role, f->name,
                       f->digest[0] ? f->digest : "unknown: not verified",
                       f->path ? "" : "absent; from ",
                       f->path  ? f->path
                       : f->url ? f->url
                                : "see notes");
    }
    const char *notes = espy_json_string(espy_json_get(p->json, "notes"), NULL);
    if (notes)
        espy_cli_print("notes       %s\n", notes);
    espy_pack_destroy(cx, &p);
    return ESPY_E_OK;
}

const espy_command espy_command_models_info = {
    "models info",
    "PACK",
    "Show a pack: licence, files, digests, where they come from",
    NULL,
    NULL,
    1,
    1,
    models_info};

static espy_err models_verify_one(espy_cli *cli, const espy_pack *p, size_t *bad)
{
    espy_ctx *cx = &cli->cx;
    espy_buf b;
    for (size_t i = 0; i < p->n_files; i++) {
        const espy_pack_file *f = &p->files[i];
        espy_buf_init(&b, cx->max.file_bytes);
        espy_err e = f->path ? espy_pack_read(cx, p, f->role, &b) : ESPY_E_OK;
        espy_buf_free(cx, &b);
        if (e == ESPY_E_NOMEM)
            return e;
        const char *state = !f->path         ? "absent"
                            : e != ESPY_E_OK ? "wrong"
                            : !f->digest[0]  ? "unverified"
                                             : "good";
        *bad += !f->path || e != ESPY_E_OK;
        const char *said = e != ESPY_E_OK ? cx->text : NULL;
        if (cli->json)
            ESPY_TRY(espy_cli_print_pairs(cli, (const char *const[]){"pack", p->name, "file",
                                                                     f->name, "state", state,
                                                                     "error", said, NULL}));
        else
            espy_cli_print("%s: %s is %s%s%s\n", p->name, f->name, state, said ? ": " : "",
                           said ? said : "");
        espy_clear(cx);
    }
    return ESPY_E_OK;
}

static espy_err models_verify(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_pack *p = NULL;
    size_t bad = 0;
    ESPY_TRY(espy_pack_open(cx, cli->args[0], models_workspace(cli), &p));
    espy_err e = models_verify_one(cli, p, &bad);
    if (e == ESPY_E_OK && bad)
        e = espy_fail(cx, ESPY_E_DIGEST,
                      "pack %s: %zu of %zu files are absent or not what they should be; run: espy "
                      "models fetch %s",
                      p->name, bad, p->n_files, p->name);
    espy_pack_destroy(cx, &p);
    return e;
}

const espy_command espy_command_models_verify = {
    "models verify", "PACK", "Check a pack's files against their SHA-256", NULL, NULL, 1, 1,
    models_verify};

/* The script that makes a pack which upstream does not offer as ONNX: in the tree that the program
 * was built in, or where it is installed. */
static char *models_script(espy_ctx *cx, const espy_pack *p)
{
    const char *get = espy_json_string(espy_json_get(p->json, "get"), NULL);
    char *at = get && !strstr(get, "..") ? espy_path_program(cx) : NULL, *found = NULL;
    for (char *slash; at && !found && (slash = strrchr(at, '/')) && slash != at;) {
        static const char *const below[] = {"", "share/espy/"};
        *slash = '\0';
        for (size_t i = 0; i < 2 && !found; i++) {
            found = espy_sprintf(cx, "%s/%s%s", at, below[i], get);
            if (found && !espy_file_exists(found)) {
                espy_free(cx, found);
                found = NULL;
            }
        }
    }
    espy_free(cx, at);
    return found;
}

static espy_err models_run_script(espy_cli *cli, const char *script, const char *to)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", script, to ? "--out" : (char *)NULL, to, (char *)NULL);
        _exit(127);
    }
    bool gone = child < 0 || waitpid(child, &status, 0) < 0;
    ESPY_TRY(espy_cancelled(&cli->cx));
    if (gone || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return espy_fail(&cli->cx, ESPY_E_IO, "%s failed; what it said stands above", script);
    return ESPY_E_OK;
}

static espy_err models_fetch(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_pack *p = NULL;
    char *script = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_pack_open(cx, cli->args[0], models_workspace(cli), &p));
    if (!espy_workspace_allows(&cli->ws, p))
        ESPY_GO(espy_fail(
            cx, ESPY_E_ARG,
            "pack %s is for non-commercial use and espy.conf says non_commercial = no", p->name));
    espy_cli_say(cli, "licence: %s (%s)", p->licence,
                 p->commercial ? "commercial use allowed" : "no commercial use");
    bool there = !espy_pack_missing(p);
    if (there)
        goto tell;
    script = models_script(cx, p);
    if (script)
        ESPY_GO(models_run_script(cli, script, espy_cli_text(cli, "to")));
    else
        ESPY_GO(espy_flow_fetch(cx, p, espy_cli_text(cli, "to"), &cli->progress));
tell:
    if (cli->json)
        ESPY_GO(espy_cli_print_pairs(
            cli, (const char *const[]){"pack", p->name, "state",
                                       there ? "already installed" : "installed", NULL}));
    else
        espy_cli_print("%s is %s\n", p->name, there ? "installed already" : "installed");
out:
    espy_free(cx, script);
    espy_pack_destroy(cx, &p);
    return e;
}

static const espy_option fetch_options[] = {
    {"to", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "folder for the files; default ~/.local/share/espy/models/PACK"},
    {0}};

const espy_command espy_command_models_fetch = {
    "models fetch",
    "PACK",
    "Get a pack's files, check them, show the licence",
    "An interrupted download is taken up again by the next call.",
    fetch_options,
    1,
    1,
    models_fetch};
