/* SPDX-License-Identifier: Apache-2.0
 * cli - what `cluster` and `assign` share: new files for a session, the least cosine. */
#ifndef ESPY_CLI_INTAKE_H
#define ESPY_CLI_INTAKE_H

#include "cli/media_args.h"

#define ESPY_INTAKE_OPTIONS                                                                          \
    ESPY_ENCODER_OPTIONS(NULL),                                                                      \
        {"model", "NAME", ESPY_OPT_TEXT,                                                             \
         0,       0,      NULL,                                                                      \
         NULL,    NULL,   "AttendanSee's name of an encoder: facenet (128 values), arcface (512)"},  \
        {"session", "NAME", ESPY_OPT_TEXT,                                                           \
         0,         0,      NULL,                                                                    \
         NULL,      NULL,   "one occasion: files come into it, and only its samples are looked at"}, \
    {                                                                                                \
        "date", "DAY", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "of the session, YYYY-MM-DD"           \
    }

/* The collection: with files named, the one that they come into (encoded, in their session), else
 * one that is there.  Without files --encoder or --model may name another encoder than its own:
 * what has no embedding under it is embedded, and *out tells that encoder instead. */
espy_err espy_cli_intake(espy_cli *cli, espy_collection *out) ESPY_NODISCARD;

/* --threshold, else what suits the floor of the collection's pack; where that is not installed *out
 * stays. */
espy_err espy_cli_cosine(espy_cli *cli, const espy_collection *c, double (*of_floor)(double),
                         double *out) ESPY_NODISCARD;

#endif
