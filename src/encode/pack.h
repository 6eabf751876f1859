/* SPDX-License-Identifier: Apache-2.0
 * encode - packs: the network files of an encoder with a manifest, pack.json.
 *
 * The manifest names its files by SHA-256; they are looked for beside it and in the model folders
 * ($ESPY_MODELS, the workspace's models/, ~/.local/share/espy/models, ../shared/models beside a
 * checkout), whatever their file names.  docs/packs.md describes every key. */
#ifndef ESPY_ENCODE_PACK_H
#define ESPY_ENCODE_PACK_H

#include "base/digest.h"
#include "base/json.h"

typedef struct espy_pack_file {
    char *role;                   /* "detector", "embedder", "landmarks", "pnet", ... */
    char *name;                   /* plain file name, no folder */
    char digest[ESPY_DIGEST_HEX]; /* "" when the manifest does not know it: then never verified */
    uint64_t bytes;               /* size, 0 when the manifest does not say */
    char *url;                    /* where upstream offers it, or NULL */
    char *member;                 /* the url is a zip archive and this is the file in it, or NULL */
    char *path;                   /* where it was found, or NULL */
} espy_pack_file;

typedef struct espy_pack {
    char *name, *summary, *modality; /* modality: "face" or "sound" */
    char *licence;
    bool commercial; /* commercial use allowed */
    size_t dim;
    char *manifest; /* path of pack.json, or NULL for a built-in manifest */
    espy_pack_file *files;
    size_t n_files;
    float floor;                    /* least cosine to be known */
    float min_side;                 /* quality limits: shorter box side in pixels, */
    float min_score, min_sharpness; /* detector score, espy_sample.sharpness */
    bool bf16;                      /* the pack's check on real faces keeps cosine >= 0.999 */
    espy_json *json;                /* the whole manifest: detector and embedder settings */
    char **folders;                 /* where files were looked for */
    size_t n_folders;
} espy_pack;

/* Names of all packs that have a manifest (found or built in), sorted; free with
 * espy_pack_names_free. */
espy_err espy_pack_names(espy_ctx *cx, const char *workspace, char ***out,
                         size_t *n) ESPY_NODISCARD;
void espy_pack_names_free(espy_ctx *cx, char **names, size_t n);

/* Reads a manifest by pack name or path and locates its files (path NULL where not found; digests
 * are not computed here).  Errors: NOT_FOUND, FORMAT naming key and remedy, NOMEM. */
espy_err espy_pack_open(espy_ctx *cx, const char *name, const char *workspace,
                        espy_pack **out) ESPY_NODISCARD;
void espy_pack_destroy(espy_ctx *cx, espy_pack **pack);

/* How many of its files were not found. */
size_t espy_pack_missing(const espy_pack *pack);

/* Reads one file by role and checks its digest.  Errors: NOT_FOUND with how to get it, DIGEST. */
espy_err espy_pack_read(espy_ctx *cx, const espy_pack *pack, const char *role,
                        espy_buf *out) ESPY_NODISCARD;

/* The folders that are searched, in order; free with espy_pack_names_free. */
espy_err espy_pack_folders(espy_ctx *cx, const char *workspace, char ***out,
                           size_t *n) ESPY_NODISCARD;

const espy_pack_file *espy_pack_file_find(const espy_pack *pack, const char *role); /* or NULL */

/* Reads a manifest from memory; `path` (may be NULL) only names it in errors.  No file is looked
 * for. */
espy_err espy_pack_parse(espy_ctx *cx, espy_span text, const char *path,
                         espy_pack **out) ESPY_NODISCARD;

#endif
