/* SPDX-License-Identifier: Apache-2.0
 * artifact - a classifier as scikit-learn keeps it: standard scaler, linear SVC or one-vs-rest
 * logistic regression, class names, metadata.  Written as pickles that scikit-learn opens, and read
 * from pickles without running anything in them.
 * Depends on: base, learn, head.  Which attributes are written and why: docs/decisions. */
#ifndef ESPY_ARTIFACT_SK_MODEL_H
#define ESPY_ARTIFACT_SK_MODEL_H

#include "base/json.h"
#include "head/head.h"

typedef enum espy_sk_kind { ESPY_SK_SVC, ESPY_SK_LOGISTIC } espy_sk_kind;

/* SVC with a linear kernel, one machine per pair of classes, in libsvm's layout and signs: support
 * vectors are grouped by class; the machine of classes i < j is
 *   f(x) = sum over class i of dual[j - 1][s] x.v_s + sum over class j of dual[i][s] x.v_s + b_ij,
 * positive for i; P(i | i or j) = 1 / (1 + exp(A f + B)). */
typedef struct espy_sk_svc {
    size_t n;                /* support vectors */
    int32_t *index;          /* n: their rows in the training set */
    double *vectors;         /* n x dim */
    int32_t *per_class;      /* classes: support vectors of each */
    double *dual;            /* (classes - 1) x n */
    double *intercept;       /* pairs, (0,1) (0,2) ... */
    double *prob_a, *prob_b; /* pairs */
    double *class_weight;    /* classes: what C was multiplied with */
    size_t rows;             /* of the training set */
} espy_sk_svc;

/* Logistic regression.  rows = classes: P(c) = s(f_c) / sum s(f_k) (one-vs-rest) or, with softmax,
 * exp(f_c) / sum exp(f_k); rows = 1 with two classes: P(1) = s(f). */
typedef struct espy_sk_logistic {
    size_t rows;
    double *coef; /* rows x dim */
    double *intercept;
    bool softmax;
} espy_sk_logistic;

typedef struct espy_sk_scaler {      /* (x - mean) / scale per column */
    double *mean, *variance, *scale; /* dim each; mean NULL: no scaler */
    int64_t samples;
} espy_sk_scaler;

typedef struct espy_sk_model {
    espy_sk_kind kind;
    size_t dim, classes;
    double c;      /* inverse regularisation */
    bool balanced; /* class_weight="balanced" */
    espy_sk_svc svc;
    espy_sk_logistic logistic;
    espy_sk_scaler scaler;
    int64_t *codes;      /* classes: the numbers the classifier was trained on; 0, 1, ... in ours */
    char **labels;       /* classes: label of each, one block (npy.h); NULL: unknown */
    espy_json *metadata; /* as read: S1's dictionary; NULL: none */
    espy_json *extra;    /* as read: the other plain entries of the file (S0's); NULL: none */
} espy_sk_model;

void espy_sk_free(espy_ctx *cx, espy_sk_model *m); /* leaves an empty model */

/* A fitted head in this form (all arrays copied).  UNSUPPORTED for a head that scikit-learn's files
 * cannot hold (knn): the text names it.  labels: head->classes names.  A head does not keep the
 * settings it was trained with: set c (1 here), balanced (false) and svc.rows where they are known;
 * they are shown by scikit-learn and change no answer. */
espy_err espy_sk_from_head(espy_ctx *cx, const espy_head *head, const char *const *labels,
                           espy_sk_model *out) ESPY_NODISCARD;

/* The reverse: a head that answers as the classifier does, class i of it as class i.  UNSUPPORTED
 * for a multinomial logistic regression, whose probabilities no head of ours has. */
espy_err espy_sk_to_head(espy_ctx *cx, const espy_sk_model *m, espy_head **out) ESPY_NODISCARD;

/* Gives the classes their names: names[codes[i]] for class i.  FORMAT when there are too few. */
espy_err espy_sk_set_labels(espy_ctx *cx, espy_sk_model *m, const char *const *names,
                            size_t n) ESPY_NODISCARD;

/* out: n x classes, computed in double as scikit-learn does.  x: n x dim, not scaled. */
espy_err espy_sk_probabilities(espy_ctx *cx, const espy_sk_model *m, const float *x, size_t n,
                               double *out) ESPY_NODISCARD;

/* ---- writing (sk_write.c): append to `out` ---- */

/* S0's dictionary: classifier, scaler, label_encoder and the entries of `extra`; no metadata. */
espy_err espy_sk_put_clean(espy_ctx *cx, const espy_sk_model *m, const espy_json *extra,
                           espy_buf *out) ESPY_NODISCARD;
/* S1's dictionary: classifier, scaler, label_encoder, metadata. */
espy_err espy_sk_put_production(espy_ctx *cx, const espy_sk_model *m, const espy_json *metadata,
                                espy_buf *out) ESPY_NODISCARD;
espy_err espy_sk_put_label_encoder(espy_ctx *cx, const espy_sk_model *m,
                                   espy_buf *out) ESPY_NODISCARD;
espy_err espy_sk_put_scaler(espy_ctx *cx, const espy_sk_model *m, espy_buf *out) ESPY_NODISCARD;

/* A plain value (objects become dictionaries, lists, numbers, text) as a pickle of its own. */
espy_err espy_sk_put_plain(espy_ctx *cx, const espy_json *value, espy_buf *out) ESPY_NODISCARD;

/* ---- reading (pickle.c, sk_read.c) ---- */

/* A pickle with the classifier alone (old format) or a dictionary of classifier, scaler,
 * label_encoder, metadata and others (new format), of any protocol.
 * Errors: FORMAT (damaged, or the arrays disagree), UNSUPPORTED (names the class or function that
 * the file asks for and espy does not run; a compressed joblib file; a kernel other than linear; an
 * SVC without probabilities), LIMIT, NOMEM. */
espy_err espy_sk_parse(espy_ctx *cx, espy_span bytes, espy_sk_model *out) ESPY_NODISCARD;
/* A pickled LabelEncoder or StandardScaler alone; replaces what m has. */
espy_err espy_sk_parse_label_encoder(espy_ctx *cx, espy_span bytes,
                                     espy_sk_model *m) ESPY_NODISCARD;
espy_err espy_sk_parse_scaler(espy_ctx *cx, espy_span bytes, espy_sk_model *m) ESPY_NODISCARD;
/* label_encoder_classes.npy: an array of labels; replaces what m has. */
espy_err espy_sk_parse_classes(espy_ctx *cx, espy_span bytes, espy_sk_model *m) ESPY_NODISCARD;

/* A pickled dictionary of plain values; what JSON cannot hold becomes null, other keys than text
 * are passed over.  *out: the caller's. */
espy_err espy_sk_parse_plain(espy_ctx *cx, espy_span bytes, espy_json **out) ESPY_NODISCARD;

/* A folder as S0 and S1 leave it: face_classifier_v1.pkl, then label_encoder.pkl (replaces the
 * embedded one), else label_encoder_classes.npy when the classifier brought no labels, else
 * numbers; scaler.pkl when the classifier brought no scaler.  NOT_FOUND lists what the folder
 * holds. */
espy_err espy_sk_load(espy_ctx *cx, const char *folder, espy_sk_model *out) ESPY_NODISCARD;

#endif
