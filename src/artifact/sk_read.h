/* SPDX-License-Identifier: Apache-2.0
 * artifact - reading scikit-learn's objects out of a pickle's values: what the readers of
 * classifiers and of characters share.  Private to this module. */
#ifndef ESPY_ARTIFACT_SK_READ_H
#define ESPY_ARTIFACT_SK_READ_H

#include "artifact/pickle.h"
#include "artifact/sk_model.h"

/* Whether v is an object of the class; an attribute of an object, or NULL. */
bool espy_sk_is(const espy_pickle_value *v, espy_pickle_class class);
const espy_pickle_value *espy_sk_attribute(const espy_pickle_value *object, const char *name);

/* FORMAT: this attribute is missing or does not fit the rest. */
espy_err espy_sk_bad(espy_ctx *cx, const char *name);

/* A numeric array of elements that grow to twice their size at most, or NULL. */
const espy_pickle_array *espy_sk_array(const espy_pickle_value *v);

/* A copy of a matrix of rows x cols (vectors: rows 1) as doubles in C order; frees what *out was.
 */
espy_err espy_sk_matrix(espy_ctx *cx, const espy_pickle_value *v, const char *name, size_t rows,
                        size_t cols, double **out) ESPY_NODISCARD;

/* A StandardScaler of m->dim columns; replaces m->scaler. */
espy_err espy_sk_scaler_of(espy_ctx *cx, const espy_pickle_value *v,
                           espy_sk_model *m) ESPY_NODISCARD;

/* Text, cut at a zero inside; caller owns. */
char *espy_sk_string(espy_ctx *cx, const espy_pickle_value *v);

/* The plain entries of a DICT whose keys are text and not among `known` (NULL-terminated), set in
 * `out`; what JSON cannot hold becomes null. */
espy_err espy_sk_plain_entries(espy_ctx *cx, const espy_pickle_value *dict,
                               const char *const *known, espy_json *out) ESPY_NODISCARD;

/* espy_pickle_parse(), which names a compressed file as such. */
espy_err espy_sk_open_pickle(espy_ctx *cx, espy_span bytes, espy_pickle **out) ESPY_NODISCARD;

#endif
