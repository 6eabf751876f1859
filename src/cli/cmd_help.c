/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy help`: the list of commands, one command in full, or the man page in scdoc's format,
 * all from the same tables. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

const espy_option espy_common_options[] = {
    {"workspace", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_WORKSPACE", NULL,
     "workspace to use; else the nearest .espy upwards, else a new one here"},
    {"threads", "N", ESPY_OPT_INT, 0, 1024, "0", "ESPY_THREADS", "threads",
     "threads; 0: all cores this process may use"},
    {"json", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "answer as one JSON object a line"},
    {"quiet", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "no progress, no remarks"},
    {"verbose", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "also say what is done inside"},
    {"help", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "help for this command"},
    {0}};

static void help_option(const espy_option *o)
{
    char head[64];
    snprintf(head, sizeof head, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-26s %s", head, o->help);
    if (o->fallback && *o->fallback)
        printf(" [%s]", o->fallback);
    putchar('\n');
}

static void help_command(const espy_command *c)
{
    printf("usage: espy %s %s%s[options]\n\n%s.\n", c->name, c->arguments, *c->arguments ? " " : "",
           c->help);
    if (c->more)
        printf("\n%s\n", c->more);
    printf("\nOptions:\n");
    for (const espy_option *o = c->options; o && o->name; o++)
        help_option(o);
    for (const espy_option *o = espy_common_options; o->name; o++)
        help_option(o);
}

static void help_overview(void)
{
    printf("espy %s - recognise faces and sounds from a few labelled examples\n\n"
           "usage: espy COMMAND [options]\n\n",
           espy_library_version());
    for (size_t i = 0; espy_commands[i]; i++)
        printf("  %-20s %s\n", espy_commands[i]->name, espy_commands[i]->help);
    printf("\nespy help COMMAND tells more.  Exit status: 0 done, 1 failed, 2 wrong usage, 130 "
           "interrupted.\n");
}

/* scdoc marks text with *, _ and \; what stands in tables is plain. */
static void man_text(const char *s)
{
    for (; *s; s++) {
        if (strchr("*_\\#<>[]", *s))
            putchar('\\');
        putchar(*s);
    }
}

static void man_option(const espy_option *o)
{
    printf("*--%s*", o->name);
    if (o->value)
        printf(" _%s_", o->value);
    printf("\n\t");
    man_text(o->help);
    if (o->fallback && *o->fallback) {
        printf(" (default ");
        man_text(o->fallback);
        putchar(')');
    }
    if (o->env)
        printf("; environment *%s*", o->env);
    if (o->conf)
        printf("; espy.conf *%s*", o->conf);
    printf(".\n\n");
}

static void man_page(void)
{
    printf("espy(1)\n\n# NAME\n\nespy - recognise faces and sounds from a few labelled examples\n\n"
           "# SYNOPSIS\n\n*espy* _COMMAND_ [options]\n\n# COMMANDS\n\n");
    for (size_t i = 0; espy_commands[i]; i++) {
        const espy_command *c = espy_commands[i];
        printf("## espy %s ", c->name);
        man_text(c->arguments);
        printf("\n\n");
        man_text(c->help);
        printf(".\n\n");
        if (c->more) {
            man_text(c->more);
            printf("\n\n");
        }
        for (const espy_option *o = c->options; o && o->name; o++)
            man_option(o);
    }
    printf("# COMMON OPTIONS\n\n");
    for (const espy_option *o = espy_common_options; o->name; o++)
        man_option(o);
    printf("# EXIT STATUS\n\n0 done, 1 failed, 2 wrong usage, 130 interrupted.\n");
}

espy_err espy_cli_help(espy_cli *cli)
{
    help_command(cli->command);
    return ESPY_E_OK;
}

static espy_err help_run(espy_cli *cli)
{
    if (espy_cli_flag(cli, "man")) {
        man_page();
        return ESPY_E_OK;
    }
    if (cli->n_args == 0) {
        help_overview();
        return ESPY_E_OK;
    }
    bool any = false;
    for (size_t i = 0; cli->n_args == 1 && espy_commands[i]; i++)
        if (strcmp(espy_commands[i]->name, cli->args[0]) == 0) {
            help_command(espy_commands[i]);
            return ESPY_E_OK;
        }
    for (size_t i = 0; espy_commands[i]; i++) {
        const char *name = espy_commands[i]->name, *space = strchr(name, ' ');
        size_t n = strlen(cli->args[0]);
        bool first = strncmp(name, cli->args[0], n) == 0 && (name[n] == '\0' || name[n] == ' ');
        if (!first || (cli->n_args > 1 && !(space && strcmp(space + 1, cli->args[1]) == 0)))
            continue;
        if (any)
            putchar('\n');
        help_command(espy_commands[i]);
        any = true;
    }
    if (!any)
        return espy_fail(&cli->cx, ESPY_E_ARG, "there is no command \"%s\"; see: espy help",
                         cli->args[0]);
    return ESPY_E_OK;
}

static const espy_option help_options[] = {
    {"man", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "the whole man page, in scdoc's format"},
    {0}};

const espy_command espy_command_help = {
    "help", "[COMMAND]", "Explain the commands", NULL, help_options, 0, 2, help_run};

static espy_err version_run(espy_cli *cli)
{
    if (cli->json)
        return espy_cli_print_pairs(cli,
                                    (const char *const[]){"version", espy_library_version(), NULL});
    printf("espy %s\n", espy_library_version());
    return ESPY_E_OK;
}

const espy_command espy_command_version = {
    "version", "", "Print the program's version", NULL, NULL, 0, 0, version_run};
