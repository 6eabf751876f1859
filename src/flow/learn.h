/* SPDX-License-Identifier: Apache-2.0
 * flow - what every training does beside the fit, whoever asks for it, a command or a job: the
 * recipe from its settings, the folder that is read first, the head that goes on, the gate, and
 * what is told of the outcome. */
#ifndef ESPY_FLOW_LEARN_H
#define ESPY_FLOW_LEARN_H

#include "flow/canary.h"
#include "flow/renew.h"

/* Whoever wants to read what happens, line by line. */
typedef struct espy_told {
    void (*say)(void *self, const char *line); /* NULL: nobody */
    void *self;
} espy_told;
void espy_tell(const espy_told *told, const char *fmt, ...) ESPY_PRINTF(2, 3);

/* The settings of a fit, as people give them. */
typedef struct espy_recipe {
    const char *head; /* NULL: the usual one of the modality */
    uint64_t seed;
    size_t clusters;   /* prototypes: centres of a label at most */
    size_t epochs;     /* mlp: most epochs */
    double validation; /* mlp: share of the training part that chooses the epoch to keep */
    double test_share; /* held back to measure; 0: none */
    double threshold;  /* least probability to be known; < 0: by out-of-fold answers */
    void (*epoch)(void *self, size_t number, size_t most, const espy_mlp_epoch *e); /* or NULL */
    void *self;
} espy_recipe;
espy_recipe espy_recipe_usual(void); /* seed 42, 3 clusters, 100 epochs, shares 0.15 and 0.2 */

/* ARG: there is no such head. */
espy_err espy_recipe_fit(espy_ctx *cx, const espy_recipe *recipe, const espy_encoder *encoder,
                         espy_fit_options *out) ESPY_NODISCARD;

/* "Epoch 3/100: loss: 0.1234, acc: 0.9500, val_loss: 0.2000, val_acc: 0.9000", as the described
 * sound system's log has it; the last two only where there is a validation part. */
void espy_epoch_line(size_t number, size_t most, const espy_mlp_epoch *e, char out[160]);

/* {label code: files} of a dataset, for the trigger's next look at the folder; the caller's. */
espy_err espy_learn_counts(espy_ctx *cx, const espy_dataset *data, espy_json **out) ESPY_NODISCARD;

/* Reads a folder of folders, and warns of what is left out: folders without media, and "unknown",
 * which is no label. */
espy_err espy_learn_dataset(espy_ctx *cx, const char *dir, const espy_modality *modality,
                            espy_dataset *out) ESPY_NODISCARD;

/* Brings the collection's samples up to date with the folder: what is new is encoded, what is gone
 * is not learned from any more.  DATA when nothing was found in any file. */
espy_err espy_learn_folder(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, const char *dir, const espy_dataset *data,
                           const espy_ingest_options *how, const espy_told *told,
                           espy_ingest *out) ESPY_NODISCARD;

/* The head that answers now, so that learning a little more does not change the kind of model; NULL
 * when there is none, when it is damaged, or when it cannot be fitted because a label has one
 * sample.  The caller's. */
espy_err espy_learn_head(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_told *told, char **head) ESPY_NODISCARD;

/* The threshold that somebody chose for the version that answers now, so that learning a little
 * more does not take it back; *threshold stays where there is none, it was found, or it is damaged.
 */
espy_err espy_learn_threshold(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const espy_told *told, double *threshold) ESPY_NODISCARD;

/* The gate with the encoder's canaries, which the caller frees.  least: the accuracy asked for; <
 * 0: espy.conf's min_accuracy, if it has one. */
espy_err espy_learn_gate(espy_ctx *cx, const espy_workspace *ws, const espy_encoder *encoder,
                         double least, bool force, espy_canaries *canaries,
                         espy_gate_options *out) ESPY_NODISCARD;

/* What came of it, as `espy train --json` tells it; the caller's.
 *   ingest   NULL: no folder was read;  seconds  encoding, fitting, in all */
espy_err espy_learned_json(espy_ctx *cx, const espy_renewal *r, const espy_ingest *ingest,
                           const double seconds[3], espy_json **out) ESPY_NODISCARD;
/* Why a version that was stored does not answer, one line. */
void espy_learned_refusal(const espy_renewal *r, char *out, size_t room);

/* Why a training began that fired by itself: "trigger: 120 new samples"; buffer of 64. */
void espy_trigger_reason(int64_t added, char out[64]);

#endif
