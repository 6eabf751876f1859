/* SPDX-License-Identifier: Apache-2.0
 * flow - erasing a person for good, with what was learned from them. */
#ifndef ESPY_FLOW_ERASE_H
#define ESPY_FLOW_ERASE_H

#include "flow/workspace.h"

/* Erases a label (store/erase.h): a photo that shows others is kept with its faces blanked, a
 * recording with its stretch silenced.  Collections whose live version learned from it learn anew
 * from what is left, with the same head and seed, and a threshold that was given; else as espy
 * train does; one where too little is left answers nothing until it is trained. *receipt  that of
 * espy_store_erase(), with "retrained": [{"collection", "version"}, ...], where version is null
 * when too little was left; the caller frees it */
espy_err espy_flow_erase(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t label,
                         espy_json **receipt) ESPY_NODISCARD;

#endif
