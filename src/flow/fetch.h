/* SPDX-License-Identifier: Apache-2.0
 * flow - getting a pack's files from their upstream: resumed, verified, put where packs are found.
 */
#ifndef ESPY_FLOW_FETCH_H
#define ESPY_FLOW_FETCH_H

#include "base/progress.h"
#include "encode/pack.h"

/* Gets the files of the pack that are not there yet into DIR (made when missing), together with its
 * manifest.  An interrupted download is taken up again by the next call.
 *   dir  NULL: the user's model folder, ~/.local/share/espy/models/NAME
 * Errors: UNSUPPORTED (the manifest names no source; says what else to do), IO (network, HTTP
 * status), DIGEST (what came is not what the manifest names; it is deleted), CANCELLED, NOMEM. */
espy_err espy_flow_fetch(espy_ctx *cx, const espy_pack *pack, const char *dir,
                         const espy_progress *progress) ESPY_NODISCARD;

#endif
