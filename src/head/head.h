/* SPDX-License-Identifier: Apache-2.0
 * head - trainable parts over embeddings.  One file each: head_svm.c, head_logistic.c, head_knn.c
 * ... Depends on: base, kern, gemm, learn.
 *
 * A head that was fitted or loaded is immutable and may answer on many threads at once.  Its saved
 * bytes depend only on the data, the options and the software version, never on the threads. */
#ifndef ESPY_HEAD_HEAD_H
#define ESPY_HEAD_HEAD_H

#include "learn/mlp.h"
#include "learn/rows.h"

/* Labelled vectors, borrowed; unit rows. */
typedef espy_rows espy_gallery;

typedef struct espy_head_options {
    double c;        /* SVM and logistic: inverse regularisation; 0: 1.0 */
    bool balanced;   /* weight classes by n / (classes * n_c) */
    bool scale;      /* standardise columns first (S0, S1) */
    size_t k;        /* knn: neighbours; 0: 5 */
    size_t clusters; /* prototypes: centres of a label at most; 0: 3 */
    uint64_t seed;   /* 0: 42 */
    /* mlp: */
    size_t epochs;     /* most epochs; 0: 100 */
    double validation; /* share of the rows that chooses the best epoch; 0: 0.15 */
    double mean, std;  /* what values are normalised by (S4); std 0: those of the rows */
    void (*epoch)(void *self, size_t number, size_t most, const espy_mlp_epoch *e); /* or NULL */
    void *self;
} espy_head_options;

typedef struct espy_head espy_head;

typedef struct espy_head_ops {
    const char *name; /* "svm" */
    const char *help; /* one line for listings */
    bool few;         /* learns a label from one sample */

    /* Errors: DATA (says which label has too few samples and what to do; too many labels), NOMEM,
     * CANCELLED.  *out: owned by the caller. */
    espy_err (*fit)(espy_ctx *cx, const espy_gallery *data, const espy_head_options *options,
                    espy_head **out);
    /* p: n x classes probabilities, each row sums to 1.  x: n x dim unit rows. */
    espy_err (*probabilities)(espy_ctx *cx, const espy_head *head, const float *x, size_t n,
                              float *p);
    /* safetensors bytes (base/tensors.h) with the head's name in the metadata */
    espy_err (*save)(espy_ctx *cx, const espy_head *head, espy_buf *out);
    /* gallery: the version's training samples, which must outlive the head; used by knn alone.
     * Errors: FORMAT (damaged, or another head), NOMEM. */
    espy_err (*load)(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery, espy_head **out);
    void (*destroy)(espy_ctx *cx, espy_head *head);
} espy_head_ops;

/* Every head starts with these. */
struct espy_head {
    const espy_head_ops *ops;
    size_t dim, classes;
};

/* probabilities() for samples that may be among those of the version: row i of a knn head's gallery
 * is not its own neighbour.  own: n, the gallery row of each, SIZE_MAX for none.  Other heads
 * answer as ever: what they learned cannot be taken out of them. */
espy_err espy_head_others(espy_ctx *cx, const espy_head *head, const float *x, const size_t *own,
                          size_t n, float *p) ESPY_NODISCARD;

/* s[i] becomes exp(s[i] / temperature) over the sum of all n. */
void espy_head_softmax(float *s, size_t n, double temperature);

/* All heads, NULL-terminated; and one by name, or NULL. */
extern const espy_head_ops *const espy_heads[];
const espy_head_ops *espy_head_find(const char *name);
/* The same for a name that a user gave: ARG, naming all there are. */
espy_err espy_head_choose(espy_ctx *cx, const char *name, const espy_head_ops **out) ESPY_NODISCARD;
void espy_head_destroy(espy_ctx *cx, espy_head **head);

#endif
