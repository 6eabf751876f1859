/* SPDX-License-Identifier: Apache-2.0
 * flow - a folder of folders: one folder per label, pictures in it. */
#ifndef ESPY_FLOW_DATASET_H
#define ESPY_FLOW_DATASET_H

#include "base/mem.h"

typedef enum espy_folder_rule {
    ESPY_FOLDER_CODE, /* CODE_Name when CODE is letters then digits; else the whole name is both */
    ESPY_FOLDER_FIRST /* code before the first underscore, name behind it (S0, S1) */
} espy_folder_rule;

typedef struct espy_folder {
    char *path;
    char *code, *name; /* name as shown: underscores become spaces */
    char **files;      /* paths, sorted */
    size_t n_files;
} espy_folder;

typedef struct espy_dataset {
    espy_folder *at; /* sorted by folder name; only those with pictures */
    size_t n, files; /* folders, pictures in all */
    char **empty;    /* paths of folders without a picture */
    size_t n_empty;
} espy_dataset;

/* Reads the two levels.  suffixes: NULL for every picture format, else a NULL-terminated list such
 * as
 * ".jpg"; case does not matter.
 * Errors: NOT_FOUND (no such folder), DATA (no folders in it, two folders with one code, no
 * pictures), IO, NOMEM. */
espy_err espy_dataset_read(espy_ctx *cx, const char *dir, espy_folder_rule rule,
                           const char *const *suffixes, espy_dataset *out) ESPY_NODISCARD;
void espy_dataset_free(espy_ctx *cx, espy_dataset *d);

/* Splits one folder name by the rule; the caller owns both texts. */
espy_err espy_folder_name(espy_ctx *cx, const char *folder, espy_folder_rule rule, char **code,
                          char **name) ESPY_NODISCARD;

#endif
