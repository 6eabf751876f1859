/* SPDX-License-Identifier: Apache-2.0
 * http - attendance: what the interfaces that mark somebody present share. */
#ifndef ESPY_HTTP_ATTEND_H
#define ESPY_HTTP_ATTEND_H

#include "http/call.h"
#include "store/label.h"
#include "store/session.h"

/* The day of a session, "YYYY-MM-DD"; of one without a date today's, local time. */
void espy_attend_day(const espy_session *s, char day[11]);

/* Whether marks count for the label: nobody has switched it off ("enabled" of its detail). */
bool espy_attend_enabled(espy_ctx *cx, const espy_label_info *l);

/* The label of a code, whom a picture showed; *there false, and `out` empty, when there is none
 * (any more) or it is switched off. */
espy_err espy_attend_label(espy_call *call, int64_t collection, const char *code, espy_label *out,
                           bool *there) ESPY_NODISCARD;

#endif
