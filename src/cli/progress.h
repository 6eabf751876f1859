/* SPDX-License-Identifier: Apache-2.0
 * cli - the progress bar. */
#ifndef ESPY_CLI_PROGRESS_H
#define ESPY_CLI_PROGRESS_H

#include <stdbool.h>

#include "base/progress.h"

typedef struct espy_bar {
    const char *stage;
    double started, drawn; /* seconds, monotonic */
    bool shown;
} espy_bar;

/* A progress that draws on standard error; draws nothing when not wanted or not a terminal. */
espy_progress espy_bar_start(espy_bar *b, bool wanted);
void espy_bar_end(espy_bar *b);   /* finishes the line and the stage */
void espy_bar_pause(espy_bar *b); /* clears the line so that text can follow; the stage goes on */

#endif
