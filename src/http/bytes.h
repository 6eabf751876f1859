/* SPDX-License-Identifier: Apache-2.0
 * http - bytes of which a client may want a part (RFC 9110). */
#ifndef ESPY_HTTP_BYTES_H
#define ESPY_HTTP_BYTES_H

#include "http/call.h"

/* Answers 200 with all bytes, or what Range asks for: 206 with one part, refused with 416 where the
 * bytes end before it.  Several parts, and what is no Range, are answered with all, and so is
 * If-Range, for nothing here tells one state of the bytes from another.
 *   type  a literal.  Takes over the buffer's content when it succeeds. */
espy_err espy_reply_part(espy_call *call, const char *type, espy_buf *bytes) ESPY_NODISCARD;

#endif
