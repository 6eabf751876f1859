/* SPDX-License-Identifier: Apache-2.0
 * http - what several handlers do with media that were sent: encode, ask a version. */
#ifndef ESPY_HTTP_ASKED_H
#define ESPY_HTTP_ASKED_H

#include "flow/answer.h"
#include "flow/listen.h"
#include "http/call.h"

/* Encodes one picture in memory with every face of it.  A picture that cannot be read is FORMAT. */
espy_err espy_asked_scan(espy_call *call, const espy_encoder *encoder, espy_span file,
                         espy_scan *out) ESPY_NODISCARD;

/* Counts what was answered. */
void espy_asked_count(espy_call *call, const espy_modality *m, const espy_result *r);

/* Answers one media (picture or recording) by a version of a collection, and counts it.
 *   rule  NULL: the version's own;  listen  for recordings; NULL: usual
 * Both outputs are the caller's: espy_scan_free(), espy_result_free(). */
espy_err espy_asked_identify(espy_call *call, const espy_collection *c, int64_t version,
                             const espy_identify_options *rule, const espy_listen_options *listen,
                             espy_span file, espy_scan *scan, espy_result **result) ESPY_NODISCARD;

#endif
