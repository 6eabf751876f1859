/* SPDX-License-Identifier: Apache-2.0
 * flow - a contact sheet: the faces of each group in a row, for a person to look at. */
#ifndef ESPY_FLOW_SHEET_H
#define ESPY_FLOW_SHEET_H

#include "flow/group.h"

/* Whether a sheet can have this name: ARG otherwise. */
espy_err espy_sheet_check(espy_ctx *cx, const char *path) ESPY_NODISCARD;

/* Draws the groups, largest first, into a JPEG or PNG file by its suffix.  A group's row tells its
 * name and size and shows as many faces as fit, each with its sample's number beneath.
 * Errors: ARG (suffix; a collection of sounds), DATA (no group), LIMIT (too many groups for a
 * picture), NOT_FOUND, DIGEST (media), IO, NOMEM. */
espy_err espy_flow_sheet(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_grouping *g, const char *path) ESPY_NODISCARD;

#endif
