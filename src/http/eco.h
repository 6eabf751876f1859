/* SPDX-License-Identifier: Apache-2.0
 * http - EcoSight's interface (S4, SPEC 6.2-6.4): what its files share. */
#ifndef ESPY_HTTP_ECO_H
#define ESPY_HTTP_ECO_H

#include "http/call.h"

/* The workspace's collection of sounds, if the caller may act in it; NOT_FOUND otherwise.  When
 * there is none, an administrator gets it made (make), or *found false. */
espy_err espy_eco_collection(espy_call *call, bool make, espy_collection *out,
                             bool *found) ESPY_NODISCARD;

/* A member "timestamp" with the time now. */
espy_err espy_eco_reply(espy_call *call, espy_json *body) ESPY_NODISCARD; /* takes it over */

espy_err espy_eco_upload(espy_call *call) ESPY_NODISCARD;  /* POST /upload */
espy_err espy_eco_figures(espy_call *call) ESPY_NODISCARD; /* GET /metrics, as JSON */

#endif
