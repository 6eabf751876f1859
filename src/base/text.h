/* SPDX-License-Identifier: Apache-2.0
 * base - text: numbers from outside, case, UTF-8, time. */
#ifndef ESPY_BASE_TEXT_H
#define ESPY_BASE_TEXT_H

#include "base/mem.h"

/* Whole string as a number within [lo, hi]; false otherwise.  Independent of the locale. */
bool espy_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out);
bool espy_parse_real(const char *s, double lo, double hi, double *out);

bool espy_ends_with_nocase(const char *s, const char *suffix); /* ASCII case */
bool espy_equal_nocase(const char *a, const char *b);
bool espy_utf8_valid(const char *s, size_t n);
/* For text that is told to others and is not UTF-8: every byte above 0x7f becomes '?'. */
void espy_utf8_mend(char *s, size_t n);
size_t espy_utf8_length(const char *s); /* code points */
/* For messages: control characters, and every byte above 0x7f where it is not UTF-8, as \xNN; cut
 * at the room. Returns out. */
const char *espy_text_shown(const char *s, char *out, size_t room);

/* Seconds since 1970 in UTC with fraction; text "YYYY-MM-DDTHH:MM:SSZ" (buffer of 32). */
double espy_time_now(void);
double espy_time_monotonic(void);
void espy_time_iso(double t, char out[32]);
/* Local time "YYYY-MM-DD HH:MM:SS" and "YYYYMMDD_HHMMSS". */
void espy_time_local(double t, char out[32]);
void espy_time_stamp(double t, char out[32]);

/* Makes `name` ("Europe/Berlin", "UTC") the zone of local times for the whole process, by setting
 * TZ: called by a program at its start, while it has one thread.  ARG when the system's time zone
 * database has no such zone. */
espy_err espy_time_zone(espy_ctx *cx, const char *name) ESPY_NODISCARD;

#endif
