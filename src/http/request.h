/* SPDX-License-Identifier: Apache-2.0
 * http - from what was sent to the values of the route's fields. */
#ifndef ESPY_HTTP_REQUEST_H
#define ESPY_HTTP_REQUEST_H

#include "http/call.h"

/* Fills the call's values and uploads by its route's table.  What does not fit the table is listed
 * in call->wrong, and the call fails with ARG.  Errors: ARG, FORMAT (broken encoding), LIMIT,
 * UNSUPPORTED (a body of another content type), NOMEM.
 *   raw  path and query as sent;  type  content type, or NULL */
espy_err espy_request_read(espy_call *call, const char *raw, const char *type,
                           espy_span body) ESPY_NODISCARD;
void espy_request_free(espy_call *call);

/* Whether a JSON text opens more than `most` arrays and objects within each other. */
bool espy_json_too_deep(espy_span text, size_t most);

/* Whether the path of a raw target is the route's. */
bool espy_path_fits(const char *template, const char *raw);

#endif
