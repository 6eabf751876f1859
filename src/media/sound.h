/* SPDX-License-Identifier: Apache-2.0
 * media - sound files to numbers: WAV, FLAC, Ogg (Vorbis, Opus), MP3 and AIFF, any rate and number
 * of channels, mixed to one. Depends on: base.  Thread use: any number of files at once, each by
 * one thread at a time.
 *
 * Formats are found by their first bytes, never by the file's name.  A file is read in pieces, so a
 * recording of a day takes no more memory than one of a second. */
#ifndef ESPY_MEDIA_SOUND_H
#define ESPY_MEDIA_SOUND_H

#include "base/mem.h"

#define ESPY_SOUND_RATE_LEAST 1000
#define ESPY_SOUND_RATE_MOST 768000
#define ESPY_SOUND_CHANNELS 64

typedef struct espy_sound_info {
    const char *format; /* "wav", "flac", "ogg", "mp3", "aiff" */
    int rate, channels;
    double seconds; /* by the header, which may be wrong; -1 when it does not say */
} espy_sound_info;

typedef struct espy_sound_file espy_sound_file;

/* Opens a file, or the bytes of one, which must outlive it.
 *   *out  on success owned by the caller, espy_sound_close()
 * Errors: NOT_FOUND, IO, FORMAT (no sound we know, or damaged), LIMIT (rate, channels), NOMEM. */
espy_err espy_sound_open(espy_ctx *cx, const char *path, espy_sound_file **out) ESPY_NODISCARD;
espy_err espy_sound_open_memory(espy_ctx *cx, espy_span file, espy_sound_file **out) ESPY_NODISCARD;
void espy_sound_close(espy_ctx *cx, espy_sound_file **f); /* NULL-safe */

const espy_sound_info *espy_sound_info_of(const espy_sound_file *f);

/* Goes to a time; beyond the end there is nothing more to read.  Errors: ARG (negative), FORMAT. */
espy_err espy_sound_seek(espy_ctx *cx, espy_sound_file *f, double seconds) ESPY_NODISCARD;

/* The next n values at the file's rate, the mean of its channels; full scale is -1..1.  *got is
 * less than n at the end only.  A file that turns out to be cut or damaged ends there, with a
 * warning. Errors: FORMAT (nothing can be read; values that are no sound). */
espy_err espy_sound_read(espy_ctx *cx, espy_sound_file *f, float *out, size_t n,
                         size_t *got) ESPY_NODISCARD;

/* Appends a WAV file (Microsoft, IBM 1991) of one channel in 32-bit floating point, which keeps
 * every value as it is.  Errors: LIMIT, NOMEM. */
espy_err espy_sound_to_wav(espy_ctx *cx, const float *x, size_t n, int rate,
                           espy_buf *out) ESPY_NODISCARD;

/* Reads a file to its end and appends it as a WAV file of one channel in 16-bit whole numbers at
 * its own rate; out NULL: it is only read.  *seconds: what could be read.  Errors: as
 * espy_sound_read(), LIMIT, CANCELLED, NOMEM. */
espy_err espy_sound_copy_wav(espy_ctx *cx, espy_sound_file *f, espy_buf *out,
                             double *seconds) ESPY_NODISCARD;

/* True when the name's suffix is one of a sound we can read; for walking folders. */
bool espy_sound_name(const char *path);

#endif
