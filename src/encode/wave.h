/* SPDX-License-Identifier: Apache-2.0
 * encode - a recording as one stream of values at the rate that an encoder wants. */
#ifndef ESPY_ENCODE_WAVE_H
#define ESPY_ENCODE_WAVE_H

#include "media/sound.h"

typedef struct espy_wave espy_wave;

/* From `start` seconds on, at most `most` seconds of it (0: to the end).  path NULL: the file's
 * bytes, which must outlive the stream.  Errors: as espy_sound_open(), ARG. */
espy_err espy_wave_open(espy_ctx *cx, const char *path, espy_span file, int rate, double start,
                        double most, espy_wave **out) ESPY_NODISCARD;
void espy_wave_close(espy_ctx *cx, espy_wave **w); /* NULL-safe */

/* The next n values; *got is less at the end only. */
espy_err espy_wave_read(espy_ctx *cx, espy_wave *w, float *out, size_t n,
                        size_t *got) ESPY_NODISCARD;

#endif
