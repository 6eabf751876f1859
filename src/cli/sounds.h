/* SPDX-License-Identifier: Apache-2.0
 * cli - what `identify` and `detect` do with recordings. */
#ifndef ESPY_CLI_SOUNDS_H
#define ESPY_CLI_SOUNDS_H

#include "cli/media_args.h"

/* Options of `identify` for recordings. */
#define ESPY_LISTEN_OPTIONS                                                                   \
    {"start", "S",  ESPY_OPT_REAL,                                                            \
     0,       1e9,  "0",                                                                      \
     NULL,    NULL, "recordings: where to begin, in seconds"},                                \
        {"length", "S",  ESPY_OPT_REAL,                                                       \
         0,        1e9,  "0",                                                                 \
         NULL,     NULL, "recordings: how many seconds; 0: to the end"},                      \
        {"clip", NULL, ESPY_OPT_FLAG,                                                         \
         0,      0,    NULL,                                                                  \
         NULL,   NULL, "recordings: one answer about the first 4 seconds, as in training"},   \
        {"all", NULL, ESPY_OPT_FLAG,                                                          \
         0,     0,    NULL,                                                                   \
         NULL,  NULL, "recordings: also tell the stretches in which nothing known is heard"}, \
        {"window", "S",      ESPY_OPT_REAL,                                                   \
         0.1,      30,       "1.92",                                                          \
         NULL,     "window", "recordings: seconds heard at a time"},                          \
        {"min-event", "S",         ESPY_OPT_REAL,                                             \
         0,           3600,        "0.48",                                                    \
         NULL,        "min_event", "recordings: shortest event"},                             \
        {"gap", "S",   ESPY_OPT_REAL,                                                         \
         0,     3600,  "0.96",                                                                \
         NULL,  "gap", "recordings: events of one label this close are one"},                 \
    {                                                                                         \
        "format", "F", ESPY_OPT_TEXT, 0, 0, "text", NULL, NULL,                               \
            "recordings: text, json, csv or audacity (a label track)"                         \
    }

/* Answers recordings, in order, on all cores. */
espy_err espy_identify_sounds(espy_cli *cli, const espy_paths *paths,
                              const espy_identifier *id) ESPY_NODISCARD;

/* Tells what the network itself hears in recordings (AudioSet's classes of YAMNet), means over the
 * patches of each. */
espy_err espy_detect_sounds(espy_cli *cli, const espy_paths *paths,
                            const espy_encoder *encoder) ESPY_NODISCARD;

#endif
