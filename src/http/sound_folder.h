/* SPDX-License-Identifier: Apache-2.0
 * http - EcoSight's sounds: the collection that its routes mean, its classes, and how much is new
 * in its folder. */
#ifndef ESPY_HTTP_SOUND_FOLDER_H
#define ESPY_HTTP_SOUND_FOLDER_H

#include "http/call.h"

/* The workspace's collection of sounds.  make: when there is none it is made, with espy.conf's
 * encoder where that hears, else with the best pack installed.  NOT_FOUND without `make`. */
espy_err espy_sounds_collection(espy_ctx *cx, espy_serving *serving, espy_workspace *ws, bool make,
                                espy_collection *out) ESPY_NODISCARD;

/* What files may be uploaded as, sorted: the folders that are there, the collection's labels,
 * espy.conf's `sound_classes` ("rain, wind"), and the four of the described system while none of
 * these names any.  "unknown" is not among them.  c NULL: there is no collection.  *out: a JSON
 * array of texts, the caller's. */
espy_err espy_sounds_classes(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                             const espy_collection *c, espy_json **out) ESPY_NODISCARD;

/* SPEC 6.4 over the folder.  c NULL: nothing was trained yet. */
typedef struct espy_sounds_new {
    espy_json *counts; /* files by class, the caller's */
    int64_t added;
    bool retrain; /* enough, or nothing was trained yet */
} espy_sounds_new;
espy_err espy_sounds_look(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                          const espy_collection *c, int64_t least,
                          espy_sounds_new *out) ESPY_NODISCARD;

#endif
