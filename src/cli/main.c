/* SPDX-License-Identifier: Apache-2.0
 * cli - entry: finds the command, reads options, opens what is common, turns errors into exit
 * codes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/progress.h"

static atomic_bool main_cancel;

/* The first Ctrl-C asks the work to stop at the next safe place; a second one ends at once. */
static void main_interrupt(int sig)
{
    if (atomic_exchange(&main_cancel, true)) {
        signal(sig, SIG_DFL);
        raise(sig);
    }
}

static void main_log(void *self, espy_log_level level, const char *line)
{
    const espy_cli *cli = self;
    if (cli->quiet && level > ESPY_LOG_ERROR)
        return;
    const char *mark = level == ESPY_LOG_ERROR  ? "error: "
                       : level == ESPY_LOG_WARN ? "warning: "
                                                : "";
    fprintf(stderr, "%s%s\n", mark, line);
}

static int exit_code_of(espy_err e)
{
    switch (e) {
#define MAIN_EXIT(name, value, code, text) \
    case ESPY_E_##name:                    \
        return code;
        ESPY_ERR_MAP(MAIN_EXIT)
#undef MAIN_EXIT
    }
    return 1;
}

static size_t option_count(const espy_option *table)
{
    size_t n = 0;
    while (table && table[n].name)
        n++;
    return n;
}

/* The option with this name among the common ones and the command's; its place in cli->values. */
static const espy_option *option_find(const espy_command *command, const char *name, size_t n,
                                      size_t *at)
{
    size_t common = option_count(espy_common_options);
    for (size_t i = 0; i < common + option_count(command->options); i++) {
        const espy_option *o = i < common ? &espy_common_options[i] : &command->options[i - common];
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0) {
            *at = i;
            return o;
        }
    }
    return NULL;
}

static espy_err option_check(espy_ctx *cx, const espy_option *o, const char *value,
                             const char *from)
{
    int64_t n;
    double x;
    if (o->type == ESPY_OPT_INT && !espy_parse_int(value, (int64_t)o->lo, (int64_t)o->hi, &n))
        return espy_fail(cx, ESPY_E_ARG, "%s%s: \"%s\" is not a whole number from %.0f to %.0f",
                         from, o->name, value, o->lo, o->hi);
    if (o->type == ESPY_OPT_REAL && !espy_parse_real(value, o->lo, o->hi, &x))
        return espy_fail(cx, ESPY_E_ARG, "%s%s: \"%s\" is not a number from %g to %g", from,
                         o->name, value, o->lo, o->hi);
    return ESPY_E_OK;
}

const char *espy_cli_text(const espy_cli *cli, const char *name)
{
    size_t at;
    const espy_option *o = option_find(cli->command, name, strlen(name), &at);
    if (!o)
        return NULL;
    if (cli->values[at])
        return cli->values[at];
    const char *env = o->env ? getenv(o->env) : NULL;
    if (env && *env)
        return env;
    const char *conf = o->conf ? espy_workspace_setting(&cli->ws, o->conf) : NULL;
    return conf ? conf : o->fallback;
}

const char *espy_cli_given(const espy_cli *cli, const char *name)
{
    size_t at;
    return option_find(cli->command, name, strlen(name), &at) ? cli->values[at] : NULL;
}

const char *espy_cli_fallback(const espy_cli *cli, const char *name)
{
    size_t at;
    const espy_option *o = option_find(cli->command, name, strlen(name), &at);
    return o ? o->fallback : NULL;
}

bool espy_cli_flag(const espy_cli *cli, const char *name)
{
    const char *v = espy_cli_text(cli, name);
    return v && strcmp(v, "no") != 0 && strcmp(v, "0") != 0;
}

int64_t espy_cli_int(const espy_cli *cli, const char *name)
{
    int64_t v = 0;
    (void)espy_parse_int(espy_cli_text(cli, name), INT64_MIN, INT64_MAX, &v);
    return v;
}

double espy_cli_real(const espy_cli *cli, const char *name)
{
    double v = 0;
    (void)espy_parse_real(espy_cli_text(cli, name), -1e300, 1e300, &v);
    return v;
}

/* Values from the environment and espy.conf are held to the same rules as options. */
static espy_err options_check_all(espy_cli *cli)
{
    size_t common = option_count(espy_common_options);
    for (size_t i = 0; i < common + option_count(cli->command->options); i++) {
        const espy_option *o =
            i < common ? &espy_common_options[i] : &cli->command->options[i - common];
        const char *value = espy_cli_text(cli, o->name);
        if (value)
            ESPY_TRY(option_check(&cli->cx, o, value, cli->values[i] ? "--" : "setting of "));
    }
    return ESPY_E_OK;
}

static espy_err options_read(espy_cli *cli, int argc, char **argv)
{
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        if (only_args || a[0] != '-' || strcmp(a, "-") == 0) {
            cli->args[cli->n_args++] = argv[i];
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_args = true;
            continue;
        }
        if (strcmp(a, "-h") == 0)
            a = "--help";
        const char *eq = strchr(a, '=');
        size_t at, n = eq ? (size_t)(eq - a) : strlen(a);
        const espy_option *o =
            n > 2 && a[1] == '-' ? option_find(cli->command, a + 2, n - 2, &at) : NULL;
        if (!o)
            return espy_fail(&cli->cx, ESPY_E_ARG, "%s has no option %.*s; see: espy help %s",
                             cli->command->name, (int)n, a, cli->command->name);
        if (o->type == ESPY_OPT_FLAG && eq)
            return espy_fail(&cli->cx, ESPY_E_ARG, "--%s takes no value", o->name);
        if (o->type != ESPY_OPT_FLAG && !eq && i + 1 == argc)
            return espy_fail(&cli->cx, ESPY_E_ARG, "--%s needs a value (%s)", o->name, o->value);
        cli->values[at] = o->type == ESPY_OPT_FLAG ? "yes" : eq ? eq + 1 : argv[++i];
        ESPY_TRY(option_check(&cli->cx, o, cli->values[at], "--"));
    }
    return ESPY_E_OK;
}

/* The command whose name's words begin argv; how many words it took. */
static const espy_command *command_find(int argc, char **argv, int *words)
{
    for (size_t i = 0; espy_commands[i]; i++) {
        const char *name = espy_commands[i]->name, *space = strchr(name, ' ');
        size_t n = space ? (size_t)(space - name) : strlen(name);
        if (argc < 1 || strlen(argv[0]) != n || strncmp(argv[0], name, n) != 0)
            continue;
        if (!space || (argc > 1 && strcmp(argv[1], space + 1) == 0)) {
            *words = space ? 2 : 1;
            return espy_commands[i];
        }
    }
    return NULL;
}

/* "models" alone is a beginning: say how it goes on. */
static espy_err command_unknown(espy_ctx *cx, const char *word)
{
    char list[256] = "";
    size_t n = strlen(word), at = 0;
    for (size_t i = 0; espy_commands[i]; i++) {
        const char *name = espy_commands[i]->name;
        if (strncmp(name, word, n) == 0 && name[n] == ' ')
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", name);
    }
    if (at)
        return espy_fail(cx, ESPY_E_ARG, "\"%s\" is not a whole command; there are: %s", word,
                         list);
    return espy_fail(cx, ESPY_E_ARG, "there is no command \"%s\"; see: espy help", word);
}

/* Whether some option of some command may be set by this key of espy.conf, or it is none's. */
static bool setting_known(const char *key)
{
    static const char *const own[] = {"non_commercial", "timezone", "schedule", "schedule_trigger",
                                      "sound_classes",  "facenet",  "arcface"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(key, own[i]) == 0)
            return true;
    for (const espy_option *o = espy_common_options; o->name; o++)
        if (o->conf && strcmp(o->conf, key) == 0)
            return true;
    for (size_t i = 0; espy_commands[i]; i++)
        for (const espy_option *o = espy_commands[i]->options; o && o->name; o++)
            if (o->conf && strcmp(o->conf, key) == 0)
                return true;
    return false;
}

/* The pool as --threads, the environment or espy.conf wants it. */
static espy_err main_pool(espy_cli *cli)
{
    unsigned threads = (unsigned)espy_cli_int(cli, "threads");
    if (!threads)
        threads = espy_cpu_count();
    if (cli->cx.pool && espy_pool_size(cli->cx.pool) == threads)
        return ESPY_E_OK;
    espy_pool_destroy(&cli->cx, &cli->cx.pool);
    return espy_pool_create(&cli->cx, threads, &cli->cx.pool);
}

espy_err espy_cli_workspace(espy_cli *cli, bool create)
{
    if (cli->ws.store)
        return ESPY_E_OK;
    ESPY_TRY(espy_workspace_open(&cli->cx, espy_cli_text(cli, "workspace"), create, &cli->ws));
    if (cli->ws.created)
        espy_cli_say(cli, "New workspace: %s", cli->ws.dir);
    for (size_t i = 0; i < cli->ws.n_settings; i++)
        if (!setting_known(cli->ws.settings[i].key))
            return espy_fail(&cli->cx, ESPY_E_ARG, "%s/espy.conf: there is no setting \"%s\"",
                             cli->ws.dir, cli->ws.settings[i].key);
    ESPY_TRY(options_check_all(cli));
    const char *zone = espy_workspace_setting(&cli->ws, "timezone");
    if (zone) {
        espy_pool_destroy(&cli->cx, &cli->cx.pool); /* the zone is set while there is one thread */
        if (espy_time_zone(&cli->cx, zone) != ESPY_E_OK)
            return espy_fail_in(&cli->cx, "%s/espy.conf", cli->ws.dir);
    }
    return main_pool(cli);
}

void espy_cli_print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
}

void espy_cli_say(const espy_cli *cli, const char *fmt, ...)
{
    if (cli->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void espy_cli_table(const espy_cli *cli, const char *text)
{
    if (cli->json)
        espy_cli_say(cli, "%s", text);
    else
        espy_cli_print("%s\n", text);
}

espy_err espy_cli_print_json(espy_cli *cli, const espy_json *v)
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 30);
    ESPY_TRY(espy_json_print(&cli->cx, v, 0, &b));
    fwrite(b.data, 1, b.size, stdout);
    putchar('\n');
    fflush(stdout);
    espy_buf_free(&cli->cx, &b);
    return ESPY_E_OK;
}

espy_err espy_cli_print_pairs(espy_cli *cli, const char *const *pairs)
{
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    for (; e == ESPY_E_OK && pairs[0]; pairs += 2)
        e = espy_json_set(&cli->cx, o, pairs[0], espy_json_of_string(pairs[1]));
    if (e == ESPY_E_OK)
        e = espy_cli_print_json(cli, o);
    espy_json_free(o);
    return e;
}

void espy_cli_progress_pause(espy_cli *cli)
{
    if (cli->progress.self)
        espy_bar_pause(cli->progress.self);
}

static espy_err main_run(espy_cli *cli, int argc, char **argv)
{
    espy_ctx *cx = &cli->cx;
    espy_bar bar;
    ESPY_TRY(options_read(cli, argc, argv));
    cli->quiet = espy_cli_flag(cli, "quiet");
    cli->json = espy_cli_flag(cli, "json");
    if (espy_cli_flag(cli, "verbose"))
        cx->log_level = ESPY_LOG_DEBUG;
    if (espy_cli_flag(cli, "help"))
        return espy_cli_help(cli);
    if (cli->n_args < cli->command->least ||
        (cli->command->most >= 0 && cli->n_args > cli->command->most))
        return espy_fail(cx, ESPY_E_ARG, "usage: espy %s %s", cli->command->name,
                         cli->command->arguments);
    ESPY_TRY(options_check_all(cli));
    ESPY_TRY(main_pool(cli));
    cli->progress = espy_bar_start(&bar, !cli->quiet);
    espy_err e = cli->command->run(cli);
    espy_bar_end(&bar);
    return e;
}

int main(int argc, char **argv)
{
    static espy_cli cli;
    int words = 0;
    espy_ctx *cx = &cli.cx;
    espy_ctx_init(cx);
    cx->log = main_log;
    cx->log_self = &cli;
    cx->cancel = &main_cancel;
    signal(SIGINT, main_interrupt);
    signal(SIGTERM, main_interrupt);
    signal(SIGPIPE, SIG_DFL);

    espy_err e = ESPY_E_OK;
    char *help[] = {"help"};
    int given = argc - 1;
    char **args = argv + 1;
    if (given == 0 || strcmp(args[0], "--help") == 0 || strcmp(args[0], "-h") == 0) {
        cli.exit_code = given == 0 ? 2 : 0;
        given = 1;
        args = help;
    } else if (strcmp(args[0], "--version") == 0) {
        args[0] = "version";
    }
    cli.command = command_find(given, args, &words);
    cli.args = espy_array(cx, (size_t)given + 1, sizeof *cli.args);
    if (!cli.command)
        e = command_unknown(cx, args[0]);
    else if (!cli.args)
        e = cx->code;
    else
        e = main_run(&cli, given - words, args + words);

    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (e == ESPY_E_OK && !written)
        e = espy_fail(cx, ESPY_E_IO, "standard output could not be written");
    if (e != ESPY_E_OK)
        fprintf(stderr, "espy: %s\n", cx->text[0] ? cx->text : espy_err_text(e));
    espy_workspace_close(cx, &cli.ws);
    espy_pool_destroy(cx, &cx->pool);
    espy_free(cx, cli.args);
    return e == ESPY_E_OK ? cli.exit_code : exit_code_of(e);
}
