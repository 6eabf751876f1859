/* SPDX-License-Identifier: Apache-2.0
 * artifact - a reader of Python pickles, protocols 0 to 5, that runs nothing.  A pickle is a
 * program for a small stack machine which may call any Python function; this one knows a short list
 * of numpy's and scikit-learn's names, builds plain values for them, and refuses everything else by
 * name.  Private to this module.
 *
 * A value may refer to itself through a list or dictionary: walk to a fixed depth, never to the
 * end. */
#ifndef ESPY_ARTIFACT_PICKLE_H
#define ESPY_ARTIFACT_PICKLE_H

#include "base/mem.h"

typedef enum espy_pickle_kind {
    ESPY_PICKLE_NONE,
    ESPY_PICKLE_BOOL,
    ESPY_PICKLE_INT,
    ESPY_PICKLE_REAL,
    ESPY_PICKLE_TEXT,  /* str, valid UTF-8 */
    ESPY_PICKLE_BYTES, /* bytes, bytearray, Python 2's str */
    ESPY_PICKLE_TUPLE,
    ESPY_PICKLE_LIST,
    ESPY_PICKLE_SET,
    ESPY_PICKLE_DICT,   /* items: key, value, key, value ...; the last of equal keys counts */
    ESPY_PICKLE_GLOBAL, /* a class or function of the list */
    ESPY_PICKLE_OBJECT, /* of a scikit-learn class */
    ESPY_PICKLE_DTYPE,
    ESPY_PICKLE_ARRAY
} espy_pickle_kind;

/* Classes whose objects may appear; the functions that build values are known to the reader alone.
 */
typedef enum espy_pickle_class {
    ESPY_PICKLE_SVC = 1,
    ESPY_PICKLE_LOGISTIC,
    ESPY_PICKLE_ONE_VS_REST,
    ESPY_PICKLE_SCALER,
    ESPY_PICKLE_LABEL_ENCODER,
    ESPY_PICKLE_LABEL_BINARIZER,
    ESPY_PICKLE_KMEANS
} espy_pickle_class;

#define ESPY_PICKLE_RANK 4

typedef struct espy_pickle_value espy_pickle_value;

typedef struct espy_pickle_dtype {
    char kind;   /* numpy's letter: f i u b U O; 0 until known */
    size_t size; /* bytes of an element */
} espy_pickle_dtype;

typedef struct espy_pickle_array {
    espy_pickle_dtype type;
    int rank;
    size_t dims[ESPY_PICKLE_RANK];
    size_t n;                      /* elements */
    bool fortran;                  /* columns first */
    const uint8_t *data;           /* n x type.size bytes, of any alignment; NULL for kind O */
    const espy_pickle_value *list; /* kind O: a list of n values */
    bool filled;                   /* its contents were given */
} espy_pickle_array;

struct espy_pickle_value {
    espy_pickle_kind kind;
    union {
        bool truth;
        int64_t number;
        double real;
        espy_span bytes; /* TEXT, BYTES */
        struct {
            espy_pickle_value **at;
            size_t n, room;
        } items;    /* TUPLE, LIST, SET, DICT */
        int global; /* position in the reader's list */
        struct {
            espy_pickle_class class;
            const espy_pickle_value *state; /* a DICT; NULL when it was given none */
        } object;
        espy_pickle_dtype dtype;
        espy_pickle_array *array;
    } as;
};

typedef struct espy_pickle espy_pickle; /* owns the values; they also refer to the input bytes */

/* Runs the pickle to its end.  `bytes` must stay until espy_pickle_destroy().
 * Errors: FORMAT, UNSUPPORTED (names what it asks for), LIMIT, NOMEM. */
espy_err espy_pickle_parse(espy_ctx *cx, espy_span bytes, espy_pickle **out) ESPY_NODISCARD;
void espy_pickle_destroy(espy_ctx *cx, espy_pickle **p);
const espy_pickle_value *espy_pickle_root(const espy_pickle *p);

/* The value under a key of a DICT, or NULL (also when v is NULL or no DICT). */
const espy_pickle_value *espy_pickle_get(const espy_pickle_value *v, const char *key);

/* Whether v is text (or Python 2's str) equal to s. */
bool espy_pickle_is_text(const espy_pickle_value *v, const char *s);

#endif
