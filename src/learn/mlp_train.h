/* SPDX-License-Identifier: Apache-2.0
 * learn - what training the perceptron consists of, for espy_mlp_fit and its tests. */
#ifndef ESPY_LEARN_MLP_TRAIN_H
#define ESPY_LEARN_MLP_TRAIN_H

#include "base/random.h"
#include "learn/mlp.h"
#include "learn/mlp_columns.h"

/* When the rate halves and when training ends, told the loss of epoch after epoch (Keras's
 * ReduceLROnPlateau with min_delta 1e-4, factor 0.5, and EarlyStopping with min_delta 0). */
typedef struct espy_mlp_watch {
    size_t patience, plateau; /* epochs */
    double rate;              /* of the next epoch; halves down to 1e-7 */
    double best, flat_best;   /* least loss so far: of all, and the one that a plateau is under */
    size_t epoch, best_epoch; /* epochs seen; the one of the best loss, from 1 on */
    size_t flat;              /* epochs since flat_best, or since the rate halved */
} espy_mlp_watch;

espy_mlp_watch espy_mlp_watch_make(double rate, size_t patience, size_t plateau);
/* Takes the loss of the next epoch.  *better: it is the best so far.  True: stop. */
bool espy_mlp_watch_step(espy_mlp_watch *w, double loss, bool *better);

/* Of a layer in training; m: rows of the batch. */
typedef struct espy_mlp_state {
    float *r;              /* m x out: ReLU(x W + b) */
    float *a;              /* m x out: what the next layer gets; on the way back its gradient */
    float *mean, *inverse; /* out: of the batch, see espy_mlp_norm */
    float *gradient[3];    /* out: of bias, gamma, beta */
    float *first, *second; /* in x out: moments of the weights */
    float *firsts[3], *seconds[3];     /* out: of bias, gamma, beta */
    float *values, *columns, *moments; /* the three allocations behind all this */
} espy_mlp_state;

typedef struct espy_mlp_trainer {
    espy_mlp *mlp; /* trained in place, borrowed; all hidden layers normalised */
    size_t most;   /* rows of a batch */
    size_t steps;  /* done */
    espy_random random;
    uint32_t key[ESPY_MLP_LAYERS]; /* of this step's dropout */
    float *x;                      /* most x dim: rows of the batch */
    uint32_t *y;
    float *p; /* most x classes: logits, then their gradient */
    espy_mlp_state at[ESPY_MLP_LAYERS];
    float *scratch; /* per worker: a piece of a layer's gradient */
    size_t scratch_each;
    const espy_mlp_columns *columns;
} espy_mlp_trainer;

/* most: rows of the largest batch, at least 2: one row has no variance. */
espy_err espy_mlp_trainer_make(espy_ctx *cx, espy_mlp *mlp, size_t most, uint64_t seed,
                               espy_mlp_trainer *t) ESPY_NODISCARD;
void espy_mlp_trainer_free(espy_ctx *cx, espy_mlp_trainer *t);

/* One step of Adam on the m rows rows->x[order[0 .. m)].  Adds the batch's summed cross-entropy to
 * *loss and the number of right answers to *right.  Of a first step the moments tell the gradient:
 * they are a tenth of it. */
espy_err espy_mlp_trainer_step(espy_ctx *cx, espy_mlp_trainer *t, const espy_rows *rows,
                               const uint32_t *order, size_t m, double rate, double *loss,
                               size_t *right) ESPY_NODISCARD;

/* Glorot uniform weights (Glorot, Bengio 2010): within +-sqrt(6 / (in + out)). */
void espy_mlp_draw(espy_mlp *mlp, espy_random *r);

#endif
