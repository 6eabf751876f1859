/* SPDX-License-Identifier: Apache-2.0
 * flow - the workspace: a directory with configuration (espy.conf), store, media, version cache. */
#ifndef ESPY_FLOW_WORKSPACE_H
#define ESPY_FLOW_WORKSPACE_H

#include "encode/encode.h"
#include "store/dump.h"

typedef struct espy_setting {
    char *key, *value;
} espy_setting;

typedef struct espy_workspace {
    char *dir;
    bool created; /* by this call */
    espy_store *store;
    espy_setting *settings; /* of espy.conf, in the file's order */
    size_t n_settings;
} espy_workspace;

/* The directory that is meant: `given`, else $ESPY_WORKSPACE, else the nearest .espy upwards from
 * the working directory, else ".espy" in it.  Caller owns. */
espy_err espy_workspace_find(espy_ctx *cx, const char *given, char **dir) ESPY_NODISCARD;

/* Writes the espy.conf of a new workspace: its rows are at `store` ("postgresql://...") and its
 * media in the folder `media_dir`, NULL for the defaults.  Errors: ARG, EXISTS (espy.conf), IO. */
espy_err espy_workspace_make(espy_ctx *cx, const char *given, const char *store,
                             const char *media_dir) ESPY_NODISCARD;

/* Opens the workspace; makes it when `create` is set and it is not there.  With $ESPY_STORE, else
 * espy.conf's "store", the rows are there and the folder holds settings and the version cache.
 * Errors: NOT_FOUND (says how to make one), FORMAT (espy.conf, with line), STORE, IO, NOMEM. */
espy_err espy_workspace_open(espy_ctx *cx, const char *given, bool create,
                             espy_workspace *out) ESPY_NODISCARD;
void espy_workspace_close(espy_ctx *cx, espy_workspace *ws);

/* Copies everything that the workspace holds to `to`, an empty database ("postgresql://...") or a
 * folder, which becomes a workspace with a store.db; media into media_dir, NULL: as the target has
 * them by default.  Errors: as espy_store_open_at() and espy_store_copy(). */
espy_err espy_workspace_copy(espy_ctx *cx, espy_workspace *ws, const char *to,
                             const char *media_dir, const espy_progress *progress,
                             espy_copied *out) ESPY_NODISCARD;

/* A value of espy.conf, or NULL.  Keys in a section are "section.key". */
const char *espy_workspace_setting(const espy_workspace *ws, const char *key);

/* Whether espy.conf lets the pack be used: non_commercial = no refuses those whose licence forbids
 * commercial use. */
bool espy_workspace_allows(const espy_workspace *ws, const espy_pack *pack);

/* Tells each pack that is found, sorted by name; one whose manifest is broken is logged and passed
 * over.  dir: of the workspace; NULL: none.  Errors: those of tell(); NOMEM. */
espy_err espy_workspace_packs(espy_ctx *cx, const char *dir,
                              espy_err (*tell)(espy_ctx *cx, void *self, const espy_pack *pack),
                              void *self) ESPY_NODISCARD;

/* The pack to use when nobody named one: the first of a fixed order whose files are all there.
 * NOT_FOUND says how to get one. */
espy_err espy_workspace_default_pack(espy_ctx *cx, const espy_workspace *ws,
                                     const espy_modality *modality, char **name) ESPY_NODISCARD;

/* Finds the collection, or makes it for this encoder.  name NULL: the modality's usual one.
 * ARG when it exists and belongs to another encoder (names both and the way out). */
espy_err espy_workspace_collection(espy_ctx *cx, espy_workspace *ws, const char *name,
                                   const espy_encoder *encoder,
                                   espy_collection *out) ESPY_NODISCARD;

/* The collection that is there.  name NULL: of those of the modality (NULL: of all) the one that
 * espy.conf's "collection" names, else the only one, else the modality's usual one.  NOT_FOUND says
 * how to make it. */
espy_err espy_workspace_collection_existing(espy_ctx *cx, espy_workspace *ws, const char *name,
                                            const espy_modality *modality,
                                            espy_collection *out) ESPY_NODISCARD;

/* The same for what must not fall on the wrong one: ARG when several could be meant. */
espy_err espy_workspace_collection_only(espy_ctx *cx, espy_workspace *ws,
                                        const espy_modality *modality,
                                        espy_collection *out) ESPY_NODISCARD;

/* Opens the encoder for work on a collection: its own pack and precision when it exists and `pack`
 * is NULL; else the named pack, else the modality's default one (NULL: faces).  precision NULL: the
 * collection's, or "auto". */
espy_err espy_workspace_encoder(espy_ctx *cx, espy_workspace *ws, const char *collection,
                                const espy_modality *modality, const char *pack,
                                const char *precision, espy_encoder **out) ESPY_NODISCARD;

#endif
