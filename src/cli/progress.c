/* SPDX-License-Identifier: Apache-2.0
 * cli - the progress bar: share, rate, remaining time; only when standard error is a terminal. */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define BAR_WIDTH 28
#define BAR_PAUSE 0.1 /* seconds between drawings */

static void bar_draw(espy_bar *b, size_t done, size_t total, double now)
{
    char bar[BAR_WIDTH + 1];
    size_t full = total ? done * BAR_WIDTH / total : 0;
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[BAR_WIDTH] = '\0';
    double spent = now - b->started;
    double rate = spent > 0 ? (double)done / spent : 0;
    double left = rate > 0 ? (double)(total - done) / rate : 0;
    fprintf(stderr, "\r%-10s [%s] %zu/%zu  %.1f/s  %d:%02d left \x1b[K", b->stage, bar, done, total,
            rate, (int)left / 60, (int)left % 60);
    b->shown = true;
    b->drawn = now;
}

static void bar_step(void *self, const char *stage, size_t done, size_t total)
{
    espy_bar *b = self;
    double now = espy_time_monotonic();
    if (!b->stage || strcmp(b->stage, stage) != 0) {
        espy_bar_end(b);
        b->stage = stage;
        b->started = now;
        b->drawn = 0;
    }
    if (done == total || now - b->drawn >= BAR_PAUSE)
        bar_draw(b, done, total, now);
    if (done == total)
        espy_bar_end(b);
}

espy_progress espy_bar_start(espy_bar *b, bool wanted)
{
    *b = (espy_bar){0};
    if (!wanted || !isatty(STDERR_FILENO))
        return (espy_progress){0};
    return (espy_progress){bar_step, b};
}

void espy_bar_end(espy_bar *b)
{
    if (b->shown)
        fputc('\n', stderr);
    b->shown = false;
    b->stage = NULL;
}

void espy_bar_pause(espy_bar *b)
{
    if (b->shown)
        fputs("\r\x1b[K", stderr);
    b->shown = false;
    b->drawn = 0;
}
