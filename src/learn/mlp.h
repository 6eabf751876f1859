/* SPDX-License-Identifier: Apache-2.0
 * learn - multilayer perceptron: dense layers with ReLU, batch normalisation and dropout, softmax
 * at the end, trained with Adam on the cross-entropy.
 *
 * The defaults are S4's network (SPEC 6.5): 512-256-128-64, dropout 0.5, 0.4, 0.3, 0.2, Adam 0.001
 * (Kingma, Ba 2015, algorithm 1), batches of 64, at most 100 epochs, early stop after 15 epochs
 * without a better validation loss, rate halved after 7, floor 1e-7; constants as Keras has them
 * (SPEC 8.11): Glorot uniform weights, batch normalisation with momentum 0.99 and epsilon 1e-3
 * behind the activation (Ioffe, Szegedy 2015), inverted dropout. */
#ifndef ESPY_LEARN_MLP_H
#define ESPY_LEARN_MLP_H

#include "learn/rows.h"

#define ESPY_MLP_LAYERS 16  /* most layers, the output included */
#define ESPY_MLP_WIDTH 8192 /* most values of a layer */
#define ESPY_MLP_EPSILON 1e-3f

/* y = activation(x W + b); hidden layers: ReLU, then (x - mean) / sqrt(variance + epsilon) * gamma
 * + beta where they are normalised; the last one: softmax. */
typedef struct espy_mlp_layer {
    size_t in, out;
    float *weights;                        /* in x out, row-major, as Keras keeps a kernel */
    float *bias;                           /* out */
    float *gamma, *beta, *mean, *variance; /* out each; all NULL when not normalised */
    float dropout;                         /* share dropped behind it in training; 0: none */
} espy_mlp_layer;

typedef struct espy_mlp {
    size_t dim, classes, n; /* n: layers, the output included */
    espy_mlp_layer at[ESPY_MLP_LAYERS];
} espy_mlp;

/* One epoch as it ended.  Losses are means over samples; validation: NaN when there is none. */
typedef struct espy_mlp_epoch {
    float loss, accuracy, val_loss, val_accuracy;
    float rate; /* that the epoch was trained with */
} espy_mlp_epoch;

typedef struct espy_mlp_history {
    espy_mlp_epoch *at; /* n epochs, owned */
    size_t n;
    size_t best;              /* index of the epoch whose weights were kept */
    size_t train, validation; /* rows that were trained on, and that chose the epoch */
} espy_mlp_history;
void espy_mlp_history_free(espy_ctx *cx, espy_mlp_history *h);

typedef struct espy_mlp_options {
    size_t epochs;   /* most epochs; 0: 100 */
    size_t batch;    /* 0: 64; at least 2 */
    double rate;     /* 0: 0.001 */
    size_t patience; /* epochs without a better val_loss before it stops; 0: 15 */
    size_t plateau;  /* epochs without val_loss better by 1e-4 before the rate halves; 0: 7 */
    uint64_t seed;   /* of weights, order and dropout */
    /* Called after each epoch (1, 2, ...) in the calling thread; NULL: nobody listens. */
    void (*epoch)(void *self, size_t number, size_t most, const espy_mlp_epoch *e);
    void *self;
} espy_mlp_options;

/* Trains S4's network on rows and keeps the weights of the epoch with the least validation loss
 * (the training loss where validation->n is 0).  Rows are taken as they are: normalise them first.
 * Every row is used in every epoch; one that would be left alone in a last batch goes with the
 * batch before, because batch normalisation of one row leaves nothing.
 * Same rows, options and CPU: same bits on any number of threads.
 * Errors: DATA (what espy_rows_check refuses; validation of another kind; a loss that is not
 * finite), LIMIT (labels), NOMEM, CANCELLED. */
espy_err espy_mlp_fit(espy_ctx *cx, const espy_rows *rows, const espy_rows *validation,
                      const espy_mlp_options *options, espy_mlp **out,
                      espy_mlp_history *history) ESPY_NODISCARD;

/* p: n x classes.  x: n x dim. */
espy_err espy_mlp_probabilities(espy_ctx *cx, const espy_mlp *mlp, const float *x, size_t n,
                                float *p) ESPY_NODISCARD;

/* Parameters by kind: all = dense + normalisation; trainable = all - moving means and variances. */
typedef struct espy_mlp_count {
    size_t all, trainable, dense;
} espy_mlp_count;
espy_mlp_count espy_mlp_parameters(const espy_mlp *mlp);

/* A network with zeroed weights: widths of the n layers, the last is the number of classes;
 * normalised: hidden layers get batch normalisation (gamma and variance 1); dropout: of the hidden
 * layers, or NULL.  Errors: LIMIT (layers, widths), NOMEM. */
espy_err espy_mlp_create(espy_ctx *cx, size_t dim, const size_t *widths, size_t n, bool normalised,
                         const float *dropout, espy_mlp **out) ESPY_NODISCARD;
void espy_mlp_destroy(espy_ctx *cx, espy_mlp **mlp);

#endif
