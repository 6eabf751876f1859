/* SPDX-License-Identifier: Apache-2.0
 * cli - the program: one file per command, each ending with its espy_command record.
 *
 * Options are a table per command, from which come parsing, `espy help`, the man page and the
 * documentation test.  Results go to standard output, everything else to standard error. */
#ifndef ESPY_CLI_CLI_H
#define ESPY_CLI_CLI_H

#include "base/json.h"
#include "base/progress.h"
#include "flow/workspace.h"

typedef enum espy_option_type {
    ESPY_OPT_FLAG,
    ESPY_OPT_TEXT,
    ESPY_OPT_INT,
    ESPY_OPT_REAL
} espy_option_type;

typedef struct espy_option {
    const char *name;  /* "threshold" for --threshold; NULL ends a table */
    const char *value; /* what the value is called in help: "N", "DIR"; NULL for flags */
    espy_option_type type;
    double lo, hi;        /* range of numbers */
    const char *fallback; /* default as text, NULL: none */
    const char *env;      /* environment variable that may give it, or NULL */
    const char *conf;     /* key in espy.conf that may give it, or NULL */
    const char *help;     /* one line */
} espy_option;

struct espy_cli;

typedef struct espy_command {
    const char *name;      /* "train", or "retrain clean" */
    const char *arguments; /* "DIR" */
    const char *help;      /* one line */
    const char *more;      /* paragraphs for `espy help NAME`, or NULL */
    const espy_option *options;
    int least, most; /* number of arguments; most < 0: any */
    espy_err (*run)(struct espy_cli *cli);
} espy_command;

extern const espy_command *const espy_commands[]; /* NULL-terminated, in the order of the help */
extern const espy_option espy_common_options[];   /* every command has these */

#define ESPY_CLI_VALUES 48

/* One invocation. */
typedef struct espy_cli {
    espy_ctx cx;
    const espy_command *command;
    const char *values[ESPY_CLI_VALUES]; /* by index: common options, then the command's own */
    char **args;
    int n_args;
    bool quiet, json;
    espy_progress progress;
    espy_workspace ws;
    int exit_code; /* used when run() succeeds but the answer is "no" */
} espy_cli;

/* Value of an option of this command by name: option, environment, espy.conf, default; NULL when
 * none of them gives it.  The number forms have been checked against type and range. */
const char *espy_cli_text(const espy_cli *cli, const char *name);
/* The same from the command line alone. */
const char *espy_cli_given(const espy_cli *cli, const char *name);
/* The command's own default, or NULL. */
const char *espy_cli_fallback(const espy_cli *cli, const char *name);
bool espy_cli_flag(const espy_cli *cli, const char *name);
int64_t espy_cli_int(const espy_cli *cli, const char *name);
double espy_cli_real(const espy_cli *cli, const char *name);

/* Opens the workspace of --workspace ... (docs: DESIGN 9); `create` makes it when there is none. */
espy_err espy_cli_workspace(espy_cli *cli, bool create) ESPY_NODISCARD;

/* Standard output and standard error.  say() is silenced by --quiet. */
void espy_cli_print(const char *fmt, ...) ESPY_PRINTF(1, 2);
void espy_cli_say(const espy_cli *cli, const char *fmt, ...) ESPY_PRINTF(2, 3);
/* A table that was asked for: with the results, or beside them where those are JSON. */
void espy_cli_table(const espy_cli *cli, const char *text);
espy_err espy_cli_print_json(espy_cli *cli, const espy_json *v) ESPY_NODISCARD; /* one line */

/* One line {"KEY":"VALUE", ...} from pairs of texts that end with NULL; a NULL value gives null. */
espy_err espy_cli_print_pairs(espy_cli *cli, const char *const *pairs) ESPY_NODISCARD;

/* Tells what was copied, and where to. */
espy_err espy_cli_copied(espy_cli *cli, const char *where, const espy_copied *done) ESPY_NODISCARD;

/* Takes a progress bar, if one is shown, off the line, so that text can follow. */
void espy_cli_progress_pause(espy_cli *cli);

espy_err espy_cli_help(espy_cli *cli);

#endif
