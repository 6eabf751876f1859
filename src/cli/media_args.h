/* SPDX-License-Identifier: Apache-2.0
 * cli - what several commands share: files named as arguments, samples as JSON and as text. */
#ifndef ESPY_CLI_MEDIA_ARGS_H
#define ESPY_CLI_MEDIA_ARGS_H

#include "cli/cli.h"
#include "flow/answer.h"

typedef struct espy_paths {
    char **at;
    size_t n;
} espy_paths;

/* Files, folders (all pictures and recordings below them, sorted) and "-" become a list of files.
 */
espy_err espy_paths_expand(espy_cli *cli, char **args, int n, espy_paths *out) ESPY_NODISCARD;
/* Whether the path itself is an argument, not found in a folder. */
bool espy_path_named(const espy_cli *cli, const char *path);
/* The exit status when files were asked about: 1 when one that was named, or all, could not be
 * read.
 */
int espy_paths_status(const espy_paths *p, size_t errors, size_t named);
void espy_paths_free(espy_cli *cli, espy_paths *p);

/* What the files are: all of them, or those that are media.  NULL when there is none.
 * ARG when there are pictures and recordings. */
espy_err espy_paths_modality(espy_cli *cli, const espy_paths *p,
                             const espy_modality **out) ESPY_NODISCARD;

/* fallback: the collection when none is named; NULL: the modality's. */
#define ESPY_ENCODER_OPTIONS(fallback)                                                           \
    {"encoder",                                                                                  \
     "PACK",                                                                                     \
     ESPY_OPT_TEXT,                                                                              \
     0,                                                                                          \
     0,                                                                                          \
     NULL,                                                                                       \
     "ESPY_ENCODER",                                                                             \
     "encoder",                                                                                  \
     "pack of networks to use; else the collection's, else the best one installed"},             \
        {"precision", "P",         ESPY_OPT_TEXT,                                                \
         0,           0,           NULL,                                                         \
         NULL,        "precision", "auto, f32, mixed or bf16; fixed when a collection is made"}, \
    {                                                                                            \
        "collection", "NAME", ESPY_OPT_TEXT, 0, 0, fallback, NULL, "collection",                 \
            "the labels that are recognised together"                                            \
    }

/* The modality that --encoder names, else the one given. */
espy_err espy_cli_modality(espy_cli *cli, const espy_modality *of_files,
                           const espy_modality **out) ESPY_NODISCARD;

/* Opens the workspace and finds the collection of --collection, else the only one of the modality
 * (NULL: of all; with --models: that of recordings).  ARG when several could be meant. */
espy_err espy_cli_collection(espy_cli *cli, const espy_modality *modality,
                             espy_collection *out) ESPY_NODISCARD;

/* The name that a collection of the modality has or gets: --collection; else espy.conf's, unless
 * that one is of another modality; else the command's or the modality's usual one. */
espy_err espy_cli_collection_name(espy_cli *cli, const espy_modality *modality,
                                  const char **out) ESPY_NODISCARD;
/* Finds the collection of that name, or makes it. */
espy_err espy_cli_collection_new(espy_cli *cli, const espy_encoder *encoder,
                                 espy_collection *out) ESPY_NODISCARD;

/* Opens the encoder by the options above (and the workspace before it).  create: the collection may
 * be new; modality NULL: any. */
espy_err espy_cli_encoder(espy_cli *cli, bool create, const espy_modality *modality,
                          espy_encoder **out) ESPY_NODISCARD;

/* The same for commands that need no workspace: one is used when it is there. */
espy_err espy_cli_encoder_alone(espy_cli *cli, const espy_modality *modality,
                                espy_encoder **out) ESPY_NODISCARD;

#endif
