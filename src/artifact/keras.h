/* SPDX-License-Identifier: Apache-2.0
 * artifact - a perceptron as a `.keras` file: what Keras's model.save() leaves and load_model()
 * opens.
 * Depends on: base, learn.  Which layers and what is in the archive: docs/formats/keras.md. */
#ifndef ESPY_ARTIFACT_KERAS_H
#define ESPY_ARTIFACT_KERAS_H

#include "base/json.h"
#include "learn/mlp.h"

/* What the file says besides the network; everything borrowed.  Keras passes over it. */
typedef struct espy_keras_facts {
    const char *const *labels; /* mlp->classes names; NULL: none */
    double mean, std;          /* the input is (x - mean) / std of the embedding x */
    const char *encoder;       /* that made the embeddings; NULL: not said */
    double date;               /* seconds since 1970 */
} espy_keras_facts;

/* Appends a file that Keras 3 opens (it has no optimizer: compile() before fit()).  Same network
 * and facts: same bytes.  Errors: LIMIT (beyond out's maximum), NOMEM. */
espy_err espy_keras_write(espy_ctx *cx, const espy_mlp *mlp, const espy_keras_facts *facts,
                          espy_buf *out) ESPY_NODISCARD;

/* Reads a Sequential of Dense, BatchNormalization, Dropout, ReLU, Softmax and Activation (relu,
 * softmax) whose hidden layers end in ReLU and the last in softmax; nothing in the file is run.
 *   notes  what espy_keras_write() put beside the network: an object with mean, std, labels,
 *          encoder; NULL when another program wrote the file; the caller's
 * Normalisation before the activation is folded into the weights, one with another epsilon than
 * ours into gamma; hidden layers without it get one that changes nothing where others have it.
 * Errors: FORMAT (damaged, or the weights do not fit the configuration), UNSUPPORTED (names the
 * layer and what it asks for), LIMIT, NOMEM. */
espy_err espy_keras_read(espy_ctx *cx, espy_span file, espy_mlp **out,
                         espy_json **notes) ESPY_NODISCARD;

#endif
