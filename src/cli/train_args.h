/* SPDX-License-Identifier: Apache-2.0
 * cli - what the commands that train share: their options, and the training itself. */
#ifndef ESPY_CLI_TRAIN_ARGS_H
#define ESPY_CLI_TRAIN_ARGS_H

#include "cli/media_args.h"

#define ESPY_TRAIN_OPTIONS                                                                       \
    {"head",                                                                                     \
     "HEAD",                                                                                     \
     ESPY_OPT_TEXT,                                                                              \
     0,                                                                                          \
     0,                                                                                          \
     NULL,                                                                                       \
     NULL,                                                                                       \
     "head",                                                                                     \
     "svm, logistic, knn, mlp or prototypes; else svm (sounds: logistic), or knn where a label " \
     "has one sample"},                                                                          \
        {"clusters", "N",        ESPY_OPT_INT,                                                   \
         1,          100,        "3",                                                            \
         NULL,       "clusters", "prototypes: centres of a label at most"},                      \
        {"threshold", "P",  ESPY_OPT_REAL,                                                       \
         0,           1,    NULL,                                                                \
         NULL,        NULL, "least probability to be known, instead of the recommended one"},    \
        {"test-share",                                                                           \
         "F",                                                                                    \
         ESPY_OPT_REAL,                                                                          \
         0,                                                                                      \
         0.9,                                                                                    \
         "0.2",                                                                                  \
         NULL,                                                                                   \
         "test_share",                                                                           \
         "share of the samples held back to measure accuracy; 0: none"},                         \
        {"epochs", "N", ESPY_OPT_INT, 1, 100000, "100", NULL, "epochs", "mlp: most epochs"},     \
        {"validation",                                                                           \
         "F",                                                                                    \
         ESPY_OPT_REAL,                                                                          \
         0.01,                                                                                   \
         0.9,                                                                                    \
         "0.15",                                                                                 \
         NULL,                                                                                   \
         "validation",                                                                           \
         "mlp: share of the training part that chooses the epoch to keep"},                      \
    {                                                                                            \
        "seed", "N", ESPY_OPT_INT, 1, 2147483647, "42", NULL, "seed", "seed of split and solver" \
    }

#define ESPY_WHOLE_OPTION                                                                      \
    {                                                                                          \
        "whole", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,                                  \
            "use the whole picture where no face is found (pictures that are cropped already)" \
    }
/* The quality gate (flow/gate.h) and what the history says. */
#define ESPY_GATE_OPTIONS                                                                         \
    {"min-accuracy",                                                                              \
     "A",                                                                                         \
     ESPY_OPT_REAL,                                                                               \
     0,                                                                                           \
     1,                                                                                           \
     NULL,                                                                                        \
     NULL,                                                                                        \
     "min_accuracy",                                                                              \
     "least accuracy on the held-out samples; below it the version is kept but does not answer"}, \
        {"force", NULL, ESPY_OPT_FLAG,                                                            \
         0,       0,    NULL,                                                                     \
         NULL,    NULL, "let the new version answer whatever the quality gate says"},             \
    {                                                                                             \
        "reason", "TEXT", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "why, for the history"           \
    }

#define ESPY_SOURCES_OPTION                                                                     \
    {                                                                                           \
        "sources", "CSV", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,                                \
            "recordings: a table file,source of what they were cut from; else their names tell" \
    }
#define ESPY_AUGMENT_OPTION                                                                     \
    {                                                                                           \
        "augment", "N", ESPY_OPT_INT, 0, 11, "0", NULL, "augment",                              \
            "recordings: also learn from N altered copies of each (stretched, higher, noisier " \
            "...)"                                                                              \
    }
#define ESPY_MODELS_OPTION                                                                  \
    {                                                                                       \
        "models", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,                             \
            "also keep the network, its files and retraining_log.json in this folder (mlp)" \
    }

/* What a training is to do beside what the options say. */
typedef struct espy_train_how {
    const char *dir;    /* the folder to read first; NULL: learn from what the collection holds */
    const char *reason; /* when --reason does not say */
    bool keep_head;     /* without --head: the kind of head that answers now */
    const char *head;   /* without --head, whatever answers now; or NULL */
    const espy_modality *modality; /* of the folder; NULL: by what it holds */
} espy_train_how;

/* What is wrong with the options by themselves, for commands that train later. */
espy_err espy_cli_train_options(espy_cli *cli) ESPY_NODISCARD;

/* `espy train`: reads the folder, encodes what is new, fits, asks the gate, publishes and tells.
 * DATA also when the gate refused the version: it is stored, and `live` stays. */
espy_err espy_cli_train(espy_cli *cli, const espy_train_how *how) ESPY_NODISCARD;

#endif
