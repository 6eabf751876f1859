/* SPDX-License-Identifier: Apache-2.0
 * http - bytes that a client may have already, or of which it wants a part (RFC 9110). */
#ifndef ESPY_HTTP_BYTES_H
#define ESPY_HTTP_BYTES_H

#include "http/call.h"

/* A tag names one state of the bytes, a strong one, with its quotes.  Ask about it after the
 * caller's rights, and before the bytes are made. */

/* Whether the client has these bytes (If-None-Match); a proxy may have made the tag a weak one. */
bool espy_call_knows(const espy_call *call, const char *tag);

/* Adds the tag.  The browser alone keeps the bytes, and asks each time: another login may not see
 * them, and what was erased may not be shown again. */
espy_err espy_reply_tag(espy_call *call, const char *tag) ESPY_NODISCARD;
/* 304, with the tag, to a client that knows it.  The HTTP library tells a length of 0 with it, over
 * which caches pass (RFC 9111, 3.2). */
espy_err espy_reply_known(espy_call *call, const char *tag) ESPY_NODISCARD;

/* Answers 200 with all bytes, or what Range asks for: 206 with one part, refused with 416 where the
 * bytes end before it.  Several parts, what is no Range, and a part of another state of the bytes
 * (If-Range) are answered with all.
 *   type  a literal.  Takes over the buffer's content when it succeeds. */
espy_err espy_reply_part(espy_call *call, const char *type, const char *tag,
                         espy_buf *bytes) ESPY_NODISCARD;

#endif
