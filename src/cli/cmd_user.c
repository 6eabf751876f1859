/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy user ...`: the accounts that `espy serve` lets in. */
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "http/auth.h"
#include "http/token.h"

/* -- passwords --------------------------------------------------------------------------------- */
/* One line of the terminal; Ctrl-C is heard while it is waited for. */
static espy_err password_line(espy_ctx *cx, char out[ESPY_PASSWORD_BYTES + 2])
{
    for (;;) {
        fd_set set;
        struct timeval wait = {.tv_usec = 100000};
        FD_ZERO(&set);
        FD_SET(STDIN_FILENO, &set);
        ESPY_TRY(espy_cancelled(cx));
        if (select(STDIN_FILENO + 1, &set, NULL, NULL, &wait) > 0)
            break;
    }
    ssize_t n = read(STDIN_FILENO, out, ESPY_PASSWORD_BYTES + 1);
    out[n > 0 ? n : 0] = 0;
    return ESPY_E_OK;
}

/* Asks on the terminal, without showing what is typed. */
static espy_err password_ask(espy_ctx *cx, const char *prompt, char out[ESPY_PASSWORD_BYTES + 2])
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return espy_fail(cx, ESPY_E_IO, "the terminal cannot be asked for a password");
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    espy_err e = password_line(cx, out);
    tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    fputc('\n', stderr);
    return e;
}

static espy_err password_twice(espy_ctx *cx, char out[ESPY_PASSWORD_BYTES + 2])
{
    char again[ESPY_PASSWORD_BYTES + 2];
    ESPY_TRY(password_ask(cx, "New password: ", out));
    ESPY_TRY(password_ask(cx, "The same again: ", again));
    return strcmp(out, again) == 0
               ? ESPY_E_OK
               : espy_fail(cx, ESPY_E_ARG, "the two passwords differ; nothing was changed");
}

/* A new password from the terminal, or the first line of standard input, as its hash. */
static espy_err password_new(espy_ctx *cx, char hash[ESPY_PASSWORD_HASH])
{
    char text[ESPY_PASSWORD_BYTES + 2] = "";
    espy_password_gate *gate = NULL;
    if (isatty(STDIN_FILENO))
        ESPY_TRY(password_twice(cx, text));
    else if (!fgets(text, sizeof text, stdin))
        return espy_fail(cx, ESPY_E_ARG, "standard input has no password");
    size_t n = strcspn(text, "\r\n");
    text[n] = 0;
    if (n < ESPY_PASSWORD_LEAST || n > ESPY_PASSWORD_BYTES)
        return espy_fail(cx, ESPY_E_ARG, "a password has %d to %d bytes", ESPY_PASSWORD_LEAST,
                         ESPY_PASSWORD_BYTES);
    ESPY_TRY(espy_password_gate_create(cx, 1, &gate));
    espy_err e = espy_password_hash(cx, gate, text, hash);
    espy_password_gate_destroy(cx, &gate);
    return e;
}

/* -- what the commands share ------------------------------------------------------------------- */
static espy_err user_role(espy_cli *cli, const char *role)
{
    espy_role known;
    if (espy_role_read(role, &known))
        return ESPY_E_OK;
    return espy_fail(&cli->cx, ESPY_E_ARG, "\"%s\" is no role; choose admin, instructor or student",
                     role);
}

/* The account of the first argument. */
static espy_err user_named(espy_cli *cli, espy_user *out)
{
    ESPY_TRY(espy_cli_workspace(cli, false));
    if (espy_store_user_find(&cli->cx, cli->ws.store, cli->args[0], out) == ESPY_E_NOT_FOUND) {
        espy_clear(&cli->cx);
        return espy_fail(&cli->cx, ESPY_E_NOT_FOUND,
                         "there is no account \"%s\"; see: espy user list", cli->args[0]);
    }
    return cli->cx.code;
}

static espy_err user_done(espy_cli *cli, const char *action, const char *text)
{
    if (cli->json)
        return espy_cli_print_pairs(
            cli, (const char *const[]){"action", action, "name", cli->args[0], NULL});
    espy_cli_print("%s: %s\n", cli->args[0], text);
    return ESPY_E_OK;
}

/* Changes the account of the first argument. */
static espy_err user_update(espy_cli *cli, const espy_user_change *change, const char *action,
                            const char *text)
{
    espy_user u = {0};
    ESPY_TRY(user_named(cli, &u));
    espy_err e = espy_store_user_update(&cli->cx, cli->ws.store, u.id, change);
    espy_user_free(&cli->cx, &u);
    ESPY_TRY(e);
    return user_done(cli, action, text);
}

/* -- add --------------------------------------------------------------------------------------- */
static espy_err user_add_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    char hash[ESPY_PASSWORD_HASH];
    const char *role = espy_cli_text(cli, "role");
    int64_t id;
    ESPY_TRY(user_role(cli, role));
    ESPY_TRY(espy_cli_workspace(cli, true));
    ESPY_TRY(password_new(cx, hash));
    const espy_user u = {.name = cli->args[0],
                         .full_name = (char *)(uintptr_t)espy_cli_text(cli, "full-name"),
                         .email = (char *)(uintptr_t)espy_cli_text(cli, "email"),
                         .password = hash,
                         .role = (char *)(uintptr_t)role};
    ESPY_TRY(espy_store_user_add(cx, cli->ws.store, &u, &id));
    return user_done(cli, "add", "can log in");
}

static const espy_option user_add_options[] = {
    {"role", "ROLE", ESPY_OPT_TEXT, 0, 0, "instructor", NULL, NULL,
     "admin (everything), instructor (what belongs to them), student (themselves)"},
    {"full-name", "TEXT", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "name for people"},
    {"email", "ADDRESS", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "e-mail address, of nobody else"},
    {0}};

const espy_command espy_command_user_add = {
    "user add",
    "NAME",
    "Make an account for espy serve",
    "The password is asked for on the terminal, or is the first line of standard input.",
    user_add_options,
    1,
    1,
    user_add_cmd};

/* -- list -------------------------------------------------------------------------------------- */
static espy_err list_user(espy_cli *cli, const espy_user *u)
{
    espy_ctx *cx = &cli->cx;
    if (!cli->json) {
        espy_cli_print("%-20s  %-10s  %-8s  %s\n", u->name, u->role,
                       u->enabled ? "enabled" : "disabled",
                       u->full_name && *u->full_name ? u->full_name
                       : u->email                    ? u->email
                                                     : "");
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "id", espy_json_of_int(u->id)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(u->name)));
    ESPY_GO(espy_json_set(cx, o, "role", espy_json_of_string(u->role)));
    ESPY_GO(espy_json_set(cx, o, "enabled", espy_json_of_bool(u->enabled)));
    ESPY_GO(espy_json_set(cx, o, "full_name", espy_json_of_string(u->full_name)));
    ESPY_GO(espy_json_set(cx, o, "email", espy_json_of_string(u->email)));
    e = espy_cli_print_json(cli, o);
out:
    espy_json_free(o);
    return e;
}

static espy_err user_list_cmd(espy_cli *cli)
{
    enum { PAGE = 500 };
    const char *role = espy_cli_text(cli, "role");
    espy_page page = {.limit = PAGE};
    size_t n;
    if (role)
        ESPY_TRY(user_role(cli, role));
    ESPY_TRY(espy_cli_workspace(cli, false));
    do {
        espy_user *users = NULL;
        espy_err e = espy_store_users(&cli->cx, cli->ws.store, role, &page, &users, &n, NULL);
        for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
            e = list_user(cli, &users[i]);
        page.cursor = n ? users[n - 1].id : 0;
        espy_users_free(&cli->cx, users, n);
        ESPY_TRY(e);
    } while (n == PAGE);
    return ESPY_E_OK;
}

static const espy_option user_list_options[] = {
    {"role", "ROLE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "accounts of this role alone"}, {0}};

const espy_command espy_command_user_list = {
    "user list", "", "List the accounts", NULL, user_list_options, 0, 0, user_list_cmd};

/* -- changes ----------------------------------------------------------------------------------- */
static espy_err user_password_cmd(espy_cli *cli)
{
    char hash[ESPY_PASSWORD_HASH];
    espy_user u = {0};
    ESPY_TRY(user_named(cli, &u)); /* asked first: nobody types a password for nothing */
    espy_user_free(&cli->cx, &u);
    ESPY_TRY(password_new(&cli->cx, hash));
    return user_update(cli, &(espy_user_change){.password = hash}, "password",
                       "has a new password; whoever is logged in has to log in again");
}

const espy_command espy_command_user_password = {
    "user password",
    "NAME",
    "Give an account a new password",
    "It is asked for on the terminal, or is the first line of standard input.",
    NULL,
    1,
    1,
    user_password_cmd};

static espy_err user_role_cmd(espy_cli *cli)
{
    char text[64];
    ESPY_TRY(user_role(cli, cli->args[1]));
    snprintf(text, sizeof text, "is %s now", cli->args[1]);
    return user_update(cli, &(espy_user_change){.role = cli->args[1]}, "role", text);
}

const espy_command espy_command_user_role = {
    "user role",
    "NAME ROLE",
    "Give an account another role: admin, instructor or student",
    "The last administrator who can log in stays one.",
    NULL,
    2,
    2,
    user_role_cmd};

static espy_err user_disable_cmd(espy_cli *cli)
{
    static const bool enabled = false;
    return user_update(cli, &(espy_user_change){.enabled = &enabled}, "disable",
                       "can neither log in nor use its keys");
}

const espy_command espy_command_user_disable = {
    "user disable",
    "NAME",
    "Let an account in no more; what belongs to it stays",
    NULL,
    NULL,
    1,
    1,
    user_disable_cmd};

static espy_err user_enable_cmd(espy_cli *cli)
{
    static const bool enabled = true;
    return user_update(cli, &(espy_user_change){.enabled = &enabled}, "enable", "can log in again");
}

const espy_command espy_command_user_enable = {
    "user enable", "NAME", "Let an account in again", NULL, NULL, 1, 1, user_enable_cmd};

static espy_err user_delete_cmd(espy_cli *cli)
{
    espy_user u = {0};
    ESPY_TRY(user_named(cli, &u));
    espy_err e = espy_store_user_delete(&cli->cx, cli->ws.store, u.id);
    espy_user_free(&cli->cx, &u);
    ESPY_TRY(e);
    return user_done(cli, "delete", "is gone, and its keys");
}

const espy_command espy_command_user_delete = {
    "user delete",
    "NAME",
    "Delete an account and its keys",
    "Collections and sessions that belonged to it become the administrators'.",
    NULL,
    1,
    1,
    user_delete_cmd};
