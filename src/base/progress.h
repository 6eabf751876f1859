/* SPDX-License-Identifier: Apache-2.0
 * base - progress of long work, told to whoever wants to show it. */
#ifndef ESPY_BASE_PROGRESS_H
#define ESPY_BASE_PROGRESS_H

#include <stddef.h>

/* Called from the thread that started the work, with done <= total and a short name of the stage.
 */
typedef struct espy_progress {
    void (*step)(void *self, const char *stage, size_t done, size_t total);
    void *self;
} espy_progress;

static inline void espy_progress_step(const espy_progress *p, const char *stage, size_t done,
                                      size_t total)
{
    if (p && p->step)
        p->step(p->self, stage, done, total);
}

#endif
