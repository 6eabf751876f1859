/* SPDX-License-Identifier: Apache-2.0
 * flow - a folder of folders: one folder per label, media in it. */
#ifndef ESPY_FLOW_DATASET_H
#define ESPY_FLOW_DATASET_H

#include "encode/encode.h"

typedef enum espy_folder_rule {
    ESPY_FOLDER_CODE,  /* CODE_Name when CODE is letters then digits; else the whole name is both */
    ESPY_FOLDER_WHOLE, /* the whole name is the code (S2) */
    ESPY_FOLDER_FIRST  /* code before the first underscore, name behind it (S0, S1) */
} espy_folder_rule;

typedef struct espy_folder {
    char *path;
    char *code, *name; /* name as shown: underscores become spaces */
    char **files;      /* paths, sorted */
    size_t n_files;
} espy_folder;

typedef struct espy_dataset {
    espy_folder *at; /* sorted by folder name; only those with media */
    size_t n, files; /* folders, media in all */
    char **empty;    /* paths of folders without any */
    size_t n_empty;
    char *unknown; /* path of a folder named "unknown", which is nobody's and left out; or NULL */
} espy_dataset;

/* Reads the two levels.  suffixes: NULL for every format of the modality, else a NULL-terminated
 * list such as ".jpg", in which "*" stands for them; case does not matter.  Errors: NOT_FOUND (no
 * such folder), DATA (no folders in it, two folders with one code, no media), IO, NOMEM. */
espy_err espy_dataset_read(espy_ctx *cx, const char *dir, espy_folder_rule rule,
                           const espy_modality *modality, const char *const *suffixes,
                           espy_dataset *out) ESPY_NODISCARD;

/* What the files of a dataset are; *out NULL when there are none in its folders.
 * Errors: NOT_FOUND, DATA (both pictures and recordings), IO, NOMEM. */
espy_err espy_dataset_modality(espy_ctx *cx, const char *dir,
                               const espy_modality **out) ESPY_NODISCARD;

/* What a file was cut from, by its name: ESC-50's 5-210540-A-13 and ESC-10's 1-100032-A tell a
 * source (100032), UrbanSound8K's 102871-8-0-1 too (102871), also after the 20261125_233000_ of an
 * upload, unless they begin with a year, as dates do. Others are their own source, called
 * FOLDER/NAME, and copies NAME_augN... of NAME are NAME's. The caller owns *out.  Errors: NOMEM. */
espy_err espy_recording_of(espy_ctx *cx, const char *path, char **out) ESPY_NODISCARD;
void espy_dataset_free(espy_ctx *cx, espy_dataset *d);

/* The failure (DATA) of a folder in which espy_dataset_modality() found nothing. */
espy_err espy_dataset_nothing(espy_ctx *cx, const char *dir);

/* "unknown" in any case: what espy answers when it does not know, so it is no label. */
bool espy_label_unknown(const char *code);

/* Splits one folder name by the rule; the caller owns both texts. */
espy_err espy_folder_name(espy_ctx *cx, const char *folder, espy_folder_rule rule, char **code,
                          char **name) ESPY_NODISCARD;

#endif
