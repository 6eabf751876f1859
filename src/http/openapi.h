/* SPDX-License-Identifier: Apache-2.0
 * http - the OpenAPI 3.1 document, made from the route tables and the schemas. */
#ifndef ESPY_HTTP_OPENAPI_H
#define ESPY_HTTP_OPENAPI_H

#include "http/route.h"

/* *out: the caller's.  Errors: INTERNAL (a table that names a schema which is not there), NOMEM. */
espy_err espy_openapi(espy_ctx *cx, espy_json **out) ESPY_NODISCARD;

#endif
