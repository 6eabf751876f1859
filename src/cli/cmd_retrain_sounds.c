/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy retrain sounds`: the described trainer of the sound system (S4), on the one road. */
#include "cli/train_args.h"
#include "flow/models_folder.h"

static espy_err retrain_sounds_cmd(espy_cli *cli)
{
    const espy_train_how how = {.dir = espy_cli_text(cli, "dataset"),
                                .reason = "Manual trigger",
                                .head = "mlp",
                                .modality = espy_modality_find("sound")};
    return espy_cli_train(cli, &how);
}

static const espy_option retrain_sounds_options[] = {
    {"dataset", "DIR", ESPY_OPT_TEXT, 0, 0, "augmented_audio", NULL, NULL,
     "a folder of recordings per class"},
    {"models", "DIR", ESPY_OPT_TEXT, 0, 0, ESPY_MODELS_FOLDER, NULL, NULL,
     "where networks, their files and retraining_log.json go"},
    {"test-share", "F", ESPY_OPT_REAL, 0.01, 0.9, "0.15", NULL, NULL,
     "share of the samples held back to measure accuracy"},
    {"validation", "F", ESPY_OPT_REAL, 0.01, 0.9, "0.15", NULL, NULL,
     "share of the rest that chooses the epoch to keep"},
    {"epochs", "N", ESPY_OPT_INT, 1, 100000, "100", NULL, NULL, "most epochs"},
    {"seed", "N", ESPY_OPT_INT, 1, 2147483647, "42", NULL, NULL, "seed of split and network"},
    {"threshold", "P", ESPY_OPT_REAL, 0, 1, NULL, NULL, NULL,
     "least probability to be known, instead of the recommended one"},
    ESPY_ENCODER_OPTIONS(NULL),
    ESPY_GATE_OPTIONS,
    ESPY_SOURCES_OPTION,
    ESPY_AUGMENT_OPTION,
    {"report", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "also print precision, recall and F1 per label"},
    {0}};

const espy_command espy_command_retrain_sounds = {
    "retrain sounds",
    "",
    "Train the sound system's network on a folder of recordings per class",
    "Learns from the first 4 seconds of each recording, holds 15 % back to measure, and trains "
    "the\n"
    "network 512-256-128-64 by the rest.  Leaves models/retrained_model_<time>.keras, adds to\n"
    "retraining_log.json and, when the new network passes the gate, puts it into production\n"
    "(yamnet_classifier_v2.keras; the one before is kept).  `espy rollback N --models models` puts "
    "an\n"
    "earlier one back.  `espy trigger augmented_audio --models models` tells when it is time.",
    retrain_sounds_options,
    0,
    0,
    retrain_sounds_cmd};
