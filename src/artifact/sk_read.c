/* SPDX-License-Identifier: Apache-2.0
 * artifact - from the values of a pickle to a classifier (sk_model.h).  Attribute names are those
 * of scikit-learn 0.19 to 1.9.  Every array is checked against what the others say about the
 * numbers of classes, dimensions and support vectors before it is copied. */
#include <string.h>

#include "artifact/npy.h"
#include "artifact/pickle.h"
#include "artifact/sk_read.h"
#include "base/file.h"

#define READ_DEPTH 16                 /* nesting of metadata */
#define READ_VALUES 100000u           /* values of metadata, shared ones counted each time */
#define READ_WHOLE 9007199254740992.0 /* doubles below are exact whole numbers */
#define READ_LISTED 8                 /* files named when the classifier is missing */

#define READ_CLASSIFIER "face_classifier_v1.pkl"
#define READ_ENCODER "label_encoder.pkl"
#define READ_CLASSES "label_encoder_classes.npy"
#define READ_SCALER "scaler.pkl"

typedef espy_pickle_value value;

/* ---- attributes ---- */

bool espy_sk_is(const value *v, espy_pickle_class class)
{
    return v && v->kind == ESPY_PICKLE_OBJECT && v->as.object.class == class;
}

/* An attribute of an object, or NULL. */
const value *espy_sk_attribute(const value *object, const char *name)
{
    return espy_pickle_get(object->as.object.state, name);
}

espy_err espy_sk_bad(espy_ctx *cx, const char *name)
{
    return espy_fail(
        cx, ESPY_E_FORMAT,
        "the model's \"%s\" is missing or does not fit the rest; fit and save it again", name);
}

static bool read_number(const value *v, double *out)
{
    if (v && v->kind == ESPY_PICKLE_REAL)
        *out = v->as.real;
    else if (v && v->kind == ESPY_PICKLE_INT)
        *out = (double)v->as.number;
    else
        return false;
    return true;
}

static bool read_true(const value *v)
{
    return v && ((v->kind == ESPY_PICKLE_BOOL && v->as.truth) ||
                 (v->kind == ESPY_PICKLE_INT && v->as.number != 0));
}

/* A numeric array of elements that grow to twice their size at most, or NULL. */
const espy_pickle_array *espy_sk_array(const value *v)
{
    if (!v || v->kind != ESPY_PICKLE_ARRAY || !v->as.array->filled || !v->as.array->data ||
        v->as.array->type.kind == 'U' || v->as.array->type.size < 4)
        return NULL;
    return v->as.array;
}

/* Element i, counted as it lies in memory. */
static double read_element(const espy_pickle_array *a, size_t i)
{
    const uint8_t *p = a->data + i * a->type.size;
    if (a->type.kind == 'f' && a->type.size == 8) {
        double d;
        memcpy(&d, p, sizeof d);
        return d;
    }
    if (a->type.kind == 'f') {
        float f;
        memcpy(&f, p, sizeof f);
        return f;
    }
    bool negative = a->type.kind == 'i' && p[a->type.size - 1] & 0x80;
    uint64_t n = negative ? UINT64_MAX : 0;
    for (size_t k = a->type.size; k-- > 0;)
        n = n << 8 | p[k];
    return negative ? -(double)(~n + 1) : (double)n;
}

/* A copy of a matrix of rows x cols (vectors: rows 1) as doubles in C order. */
espy_err espy_sk_matrix(espy_ctx *cx, const value *v, const char *name, size_t rows, size_t cols,
                        double **out)
{
    const espy_pickle_array *a = espy_sk_array(v);
    size_t n;
    if (!a || !espy_mul_size(rows, cols, &n) || a->n != n || a->rank < 1 || a->rank > 2 ||
        a->dims[a->rank - 1] != cols)
        return espy_sk_bad(cx, name);
    double *d = espy_array(cx, n, sizeof *d);
    if (!d)
        return cx->code;
    bool turned = a->fortran && a->rank == 2;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            d[r * cols + c] = read_element(a, turned ? c * rows + r : r * cols + c);
    espy_free(cx, *out);
    *out = d;
    return ESPY_E_OK;
}

static espy_err read_vector(espy_ctx *cx, const value *v, const char *name, size_t n, double **out)
{
    return espy_sk_matrix(cx, v, name, 1, n, out);
}

/* Whole numbers within 0 .. INT32_MAX. */
static espy_err read_counts(espy_ctx *cx, const value *v, const char *name, size_t n, int32_t **out)
{
    const espy_pickle_array *a = espy_sk_array(v);
    if (!a || a->n != n || a->rank != 1 || (a->type.kind != 'i' && a->type.kind != 'u'))
        return espy_sk_bad(cx, name);
    int32_t *d = espy_array(cx, n, sizeof *d);
    if (!d)
        return cx->code;
    for (size_t i = 0; i < n; i++) {
        double c = read_element(a, i);
        if (c < 0 || c > INT32_MAX) {
            espy_free(cx, d);
            return espy_sk_bad(cx, name);
        }
        d[i] = (int32_t)c;
    }
    *out = d;
    return ESPY_E_OK;
}

/* ---- labels ---- */

/* Texts of an object array in one block, as espy_npy_text_get() makes it. */
static espy_err read_object_texts(espy_ctx *cx, const espy_pickle_array *a, char ***out)
{
    size_t total = a->n * sizeof(char *); /* a->n values exist, so no overflow */
    for (size_t i = 0; i < a->n; i++) {
        const value *v = a->list->as.items.at[i];
        if (v->kind != ESPY_PICKLE_TEXT || memchr(v->as.bytes.data, 0, v->as.bytes.size) ||
            !espy_add_size(total, v->as.bytes.size + 1, &total))
            return espy_fail(cx, ESPY_E_FORMAT, "label %zu of the encoder is not text", i + 1);
    }
    char **list = espy_alloc(cx, total);
    if (!list)
        return cx->code;
    char *to = (char *)(list + a->n);
    for (size_t i = 0; i < a->n; i++) {
        espy_span s = a->list->as.items.at[i]->as.bytes;
        list[i] = to;
        memcpy(to, s.data, s.size);
        to[s.size] = '\0';
        to += s.size + 1;
    }
    *out = list;
    return ESPY_E_OK;
}

/* Texts of an array of text; *out stays NULL when it holds numbers. */
static espy_err read_texts(espy_ctx *cx, const value *v, const char *name, char ***out, size_t *n)
{
    if (!v || v->kind != ESPY_PICKLE_ARRAY || !v->as.array->filled || v->as.array->rank != 1)
        return espy_sk_bad(cx, name);
    const espy_pickle_array *a = v->as.array;
    *n = a->n;
    *out = NULL;
    if (a->type.kind == 'O')
        return read_object_texts(cx, a, out);
    if (a->type.kind == 'U')
        return espy_npy_text_get(cx, a->data, a->n, a->type.size / 4, out);
    return ESPY_E_OK;
}

/* The classifier's classes_: numbers, or the labels themselves. */
static espy_err read_classes(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    char **texts = NULL;
    size_t n = 0;
    ESPY_TRY(read_texts(cx, v, "classes_", &texts, &n));
    espy_free(cx, m->labels);
    m->labels = texts;
    if (n < 2)
        return espy_sk_bad(cx, "classes_");
    m->codes = espy_array(cx, n, sizeof *m->codes);
    if (!m->codes)
        return cx->code;
    for (size_t i = 0; i < n; i++) {
        double code = texts ? (double)i : read_element(v->as.array, i);
        if (!(code >= -READ_WHOLE && code <= READ_WHOLE))
            return espy_sk_bad(cx, "classes_");
        m->codes[i] = (int64_t)code;
    }
    m->classes = n;
    return ESPY_E_OK;
}

static espy_err read_encoder(espy_ctx *cx, const value *encoder, espy_sk_model *m)
{
    char **names = NULL;
    size_t n = 0;
    if (!espy_sk_is(encoder, ESPY_PICKLE_LABEL_ENCODER))
        return espy_fail(cx, ESPY_E_FORMAT, "the label encoder is not a LabelEncoder");
    ESPY_TRY(read_texts(cx, espy_sk_attribute(encoder, "classes_"), "classes_", &names, &n));
    if (!names) /* numbers: the classifier's own */
        return ESPY_E_OK;
    espy_err e = espy_sk_set_labels(cx, m, (const char *const *)names, n);
    espy_free(cx, names);
    return e;
}

/* ---- scaler ---- */

/* One value per column: the attribute, or `otherwise` in all when the scaler does not use it. */
static espy_err read_column(espy_ctx *cx, const value *scaler, const char *used, const char *name,
                            double otherwise, size_t n, double **out)
{
    if (read_true(espy_sk_attribute(scaler, used)))
        return read_vector(cx, espy_sk_attribute(scaler, name), name, n, out);
    double *d = espy_array(cx, n, sizeof *d);
    if (!d)
        return cx->code;
    for (size_t i = 0; i < n; i++)
        d[i] = otherwise;
    *out = d;
    return ESPY_E_OK;
}

espy_err espy_sk_scaler_of(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    espy_err e = ESPY_E_OK;
    espy_sk_scaler s = {0}, old = m->scaler;
    double samples = 0;
    if (!espy_sk_is(v, ESPY_PICKLE_SCALER))
        return espy_fail(cx, ESPY_E_FORMAT, "the scaler is not a StandardScaler");
    ESPY_GO(read_column(cx, v, "with_mean", "mean_", 0, m->dim, &s.mean));
    ESPY_GO(read_column(cx, v, "with_std", "scale_", 1, m->dim, &s.scale));
    ESPY_GO(read_column(cx, v, "with_std", "var_", 1, m->dim, &s.variance));
    for (size_t i = 0; i < m->dim; i++)
        if (!(s.scale[i] > 0))
            ESPY_GO(espy_sk_bad(cx, "scale_"));
    read_number(espy_sk_attribute(v, "n_samples_seen_"), &samples);
    s.samples = samples > 0 && samples < READ_WHOLE ? (int64_t)samples : 0;
    m->scaler = s;
    s = old;
out:
    espy_free(cx, s.mean);
    espy_free(cx, s.scale);
    espy_free(cx, s.variance);
    return e;
}

/* ---- classifiers ---- */

/* An attribute under its name, or under the one it had in older releases. */
static const value *read_either(const value *v, const char *name, const char *older)
{
    const value *a = espy_sk_attribute(v, name);
    return a ? a : espy_sk_attribute(v, older);
}

static espy_err read_svc(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    espy_sk_svc *s = &m->svc;
    m->kind = ESPY_SK_SVC;
    if (!espy_pickle_is_text(espy_sk_attribute(v, "kernel"), "linear"))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "the SVC's kernel is not linear; train it with kernel=\"linear\"");
    if (!read_true(espy_sk_attribute(v, "probability")))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "the SVC gives no probabilities; train it with probability=True");
    ESPY_TRY(read_classes(cx, espy_sk_attribute(v, "classes_"), m));
    const espy_pickle_array *sv = espy_sk_array(espy_sk_attribute(v, "support_vectors_"));
    if (!sv || sv->rank != 2 || sv->dims[0] < 1 || sv->dims[1] < 1 || sv->dims[0] > INT32_MAX)
        return espy_sk_bad(cx, "support_vectors_");
    size_t pairs; /* classes is bounded by the file's bytes, so this cannot overflow */
    pairs = m->classes * (m->classes - 1) / 2;
    s->n = sv->dims[0];
    m->dim = sv->dims[1];
    ESPY_TRY(read_counts(cx, read_either(v, "_n_support", "n_support_"), "_n_support", m->classes,
                         &s->per_class));
    size_t sum = 0;
    for (size_t i = 0; i < m->classes; i++)
        sum += (size_t)s->per_class[i];
    if (sum != s->n)
        return espy_sk_bad(cx, "_n_support");
    ESPY_TRY(espy_sk_matrix(cx, espy_sk_attribute(v, "support_vectors_"), "support_vectors_", s->n,
                            m->dim, &s->vectors));
    ESPY_TRY(read_counts(cx, espy_sk_attribute(v, "support_"), "support_", s->n, &s->index));
    ESPY_TRY(espy_sk_matrix(cx, espy_sk_attribute(v, "_dual_coef_"), "_dual_coef_", m->classes - 1,
                            s->n, &s->dual));
    ESPY_TRY(
        read_vector(cx, espy_sk_attribute(v, "_intercept_"), "_intercept_", pairs, &s->intercept));
    ESPY_TRY(read_vector(cx, read_either(v, "_probA", "probA_"), "_probA", pairs, &s->prob_a));
    ESPY_TRY(read_vector(cx, read_either(v, "_probB", "probB_"), "_probB", pairs, &s->prob_b));
    ESPY_TRY(read_vector(cx, espy_sk_attribute(v, "class_weight_"), "class_weight_", m->classes,
                         &s->class_weight));
    const value *shape = espy_sk_attribute(v, "shape_fit_");
    if (shape && shape->kind == ESPY_PICKLE_TUPLE && shape->as.items.n == 2 &&
        shape->as.items.at[0]->kind == ESPY_PICKLE_INT && shape->as.items.at[0]->as.number > 0)
        s->rows = (size_t)shape->as.items.at[0]->as.number;
    return ESPY_E_OK;
}

/* Which function turns the values of more than one machine into probabilities: releases before 1.8
 * ask multi_class and solver, later ones always use softmax. */
static espy_err read_softmax(espy_ctx *cx, const value *v, size_t classes, bool *out)
{
    const value *multi = espy_sk_attribute(v, "multi_class"),
                *solver = espy_sk_attribute(v, "solver");
    bool automatic = espy_pickle_is_text(multi, "auto") || espy_pickle_is_text(multi, "deprecated");
    if (espy_pickle_is_text(multi, "ovr") || espy_pickle_is_text(multi, "warn") ||
        (automatic && (classes == 2 || espy_pickle_is_text(solver, "liblinear")))) {
        *out = false;
        return ESPY_E_OK;
    }
    if (automatic && espy_pickle_is_text(solver, "newton-cholesky"))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "releases of scikit-learn disagree on LogisticRegression with "
                         "solver=\"newton-cholesky\"; train it with \"lbfgs\"");
    *out = multi || classes > 2;
    return ESPY_E_OK;
}

static espy_err read_logistic(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    espy_sk_logistic *l = &m->logistic;
    m->kind = ESPY_SK_LOGISTIC;
    ESPY_TRY(read_classes(cx, espy_sk_attribute(v, "classes_"), m));
    const espy_pickle_array *coef = espy_sk_array(espy_sk_attribute(v, "coef_"));
    size_t rows = m->classes == 2 ? 1 : m->classes;
    if (!coef || coef->rank != 2 || coef->dims[0] != rows || coef->dims[1] < 1)
        return espy_sk_bad(cx, "coef_");
    l->rows = rows;
    m->dim = coef->dims[1];
    ESPY_TRY(espy_sk_matrix(cx, espy_sk_attribute(v, "coef_"), "coef_", rows, m->dim, &l->coef));
    ESPY_TRY(
        read_vector(cx, espy_sk_attribute(v, "intercept_"), "intercept_", rows, &l->intercept));
    bool softmax = false;
    ESPY_TRY(read_softmax(cx, v, m->classes, &softmax));
    l->softmax = softmax && rows > 1;
    if (softmax && rows == 1) { /* softmax of (-f, f) is the sigmoid of 2 f */
        for (size_t i = 0; i < m->dim; i++)
            l->coef[i] *= 2;
        l->intercept[0] *= 2;
    }
    return ESPY_E_OK;
}

/* One binary machine of a OneVsRestClassifier as row i. */
static espy_err read_rest_row(espy_ctx *cx, const value *v, size_t i, espy_sk_model *m)
{
    double *coef = NULL, *intercept = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_sk_is(v, ESPY_PICKLE_LOGISTIC) ||
        espy_pickle_is_text(espy_sk_attribute(v, "multi_class"), "multinomial"))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "machine %zu of the OneVsRestClassifier is not a plain "
                         "LogisticRegression",
                         i + 1);
    ESPY_GO(espy_sk_matrix(cx, espy_sk_attribute(v, "coef_"), "coef_", 1, m->dim, &coef));
    ESPY_GO(read_vector(cx, espy_sk_attribute(v, "intercept_"), "intercept_", 1, &intercept));
    memcpy(m->logistic.coef + i * m->dim, coef, m->dim * sizeof *coef);
    m->logistic.intercept[i] = intercept[0];
out:
    espy_free(cx, coef);
    espy_free(cx, intercept);
    return e;
}

static espy_err read_one_vs_rest(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    espy_sk_logistic *l = &m->logistic;
    m->kind = ESPY_SK_LOGISTIC;
    const value *binarizer = espy_sk_attribute(v, "label_binarizer_");
    const value *list = espy_sk_attribute(v, "estimators_");
    if (!espy_sk_is(binarizer, ESPY_PICKLE_LABEL_BINARIZER))
        return espy_sk_bad(cx, "label_binarizer_");
    ESPY_TRY(read_classes(cx, espy_sk_attribute(binarizer, "classes_"), m));
    if (!list || list->kind != ESPY_PICKLE_LIST ||
        !(list->as.items.n == m->classes || (m->classes == 2 && list->as.items.n == 1)))
        return espy_sk_bad(cx, "estimators_");
    const value *first = list->as.items.at[0];
    const espy_pickle_array *coef = espy_sk_is(first, ESPY_PICKLE_LOGISTIC)
                                        ? espy_sk_array(espy_sk_attribute(first, "coef_"))
                                        : NULL;
    /* The list may name one machine many times, so its size is bounded by what is really there. */
    size_t cells;
    if (!coef || coef->rank != 2 || coef->dims[1] < 1 ||
        !espy_mul_size(list->as.items.n, coef->dims[1], &cells))
        return espy_sk_bad(cx, "estimators_");
    if (cells > cx->max.file_bytes / sizeof(double))
        return espy_fail(cx, ESPY_E_LIMIT, "the OneVsRestClassifier has too many machines");
    l->rows = list->as.items.n;
    m->dim = coef->dims[1];
    l->coef = espy_array(cx, cells, sizeof *l->coef);
    l->intercept = espy_array(cx, l->rows, sizeof *l->intercept);
    if (!l->coef || !l->intercept)
        return cx->code;
    for (size_t i = 0; i < l->rows; i++)
        ESPY_TRY(read_rest_row(cx, list->as.items.at[i], i, m));
    return ESPY_E_OK;
}

static espy_err read_classifier(espy_ctx *cx, const value *v, espy_sk_model *m)
{
    if (espy_sk_is(v, ESPY_PICKLE_SVC))
        ESPY_TRY(read_svc(cx, v, m));
    else if (espy_sk_is(v, ESPY_PICKLE_LOGISTIC))
        ESPY_TRY(read_logistic(cx, v, m));
    else if (espy_sk_is(v, ESPY_PICKLE_ONE_VS_REST))
        ESPY_TRY(read_one_vs_rest(cx, v, m));
    else
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the pickle holds no classifier: neither one itself nor a dictionary with "
                         "the key \"classifier\"");
    const value *machine = v;
    if (m->kind == ESPY_SK_LOGISTIC && espy_sk_is(v, ESPY_PICKLE_ONE_VS_REST))
        machine = espy_sk_attribute(v, "estimators_")->as.items.at[0];
    m->c = 1;
    read_number(espy_sk_attribute(machine, "C"), &m->c);
    m->balanced = espy_pickle_is_text(espy_sk_attribute(machine, "class_weight"), "balanced");
    return ESPY_E_OK;
}

/* ---- metadata ---- */

typedef struct read_walk {
    espy_ctx *cx;
    size_t left; /* values still allowed */
} read_walk;

static bool read_plain(const value *v)
{
    return v->kind != ESPY_PICKLE_OBJECT && v->kind != ESPY_PICKLE_GLOBAL &&
           v->kind != ESPY_PICKLE_DTYPE && v->kind != ESPY_PICKLE_ARRAY &&
           v->kind != ESPY_PICKLE_BYTES;
}

/* Text with a zero inside cannot be a C string and is cut there. */
char *espy_sk_string(espy_ctx *cx, const value *v)
{
    return espy_strndup(cx, (const char *)v->as.bytes.data, v->as.bytes.size);
}

static espy_err read_json(read_walk *w, const value *v, int depth, espy_json **out);

static espy_err read_json_items(read_walk *w, const value *v, int depth, espy_json *array)
{
    for (size_t i = 0; i < v->as.items.n; i++) {
        espy_json *member;
        ESPY_TRY(read_json(w, v->as.items.at[i], depth + 1, &member));
        ESPY_TRY(espy_json_append(w->cx, array, member));
    }
    return ESPY_E_OK;
}

/* Members whose key is text and, with `plain_only`, whose value is plain. */
static espy_err read_json_members(read_walk *w, const value *v, int depth, bool plain_only,
                                  espy_json *object)
{
    for (size_t i = 0; i + 1 < v->as.items.n; i += 2) {
        const value *key = v->as.items.at[i];
        if (key->kind != ESPY_PICKLE_TEXT || (plain_only && !read_plain(v->as.items.at[i + 1])))
            continue;
        espy_json *member;
        ESPY_TRY(read_json(w, v->as.items.at[i + 1], depth + 1, &member));
        char *name = espy_sk_string(w->cx, key);
        if (!name) {
            espy_json_free(member);
            return w->cx->code;
        }
        espy_err e = espy_json_set(w->cx, object, name, member);
        espy_free(w->cx, name);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

static espy_err read_json_container(read_walk *w, const value *v, int depth, espy_json **out)
{
    bool dict = v->kind == ESPY_PICKLE_DICT;
    espy_json *o = dict ? espy_json_object() : espy_json_array();
    if (!o)
        return espy_fail(w->cx, ESPY_E_NOMEM, "out of memory");
    espy_err e = dict ? read_json_members(w, v, depth, false, o) : read_json_items(w, v, depth, o);
    if (e) {
        espy_json_free(o);
        return e;
    }
    *out = o;
    return ESPY_E_OK;
}

/* Plain values as JSON; what JSON cannot hold becomes null. */
static espy_err read_json(read_walk *w, const value *v, int depth, espy_json **out)
{
    char *s;
    if (depth > READ_DEPTH || w->left == 0)
        return espy_fail(w->cx, ESPY_E_LIMIT,
                         "the metadata are nested too deeply or too large to be read");
    w->left--;
    *out = NULL;
    switch (v->kind) {
    case ESPY_PICKLE_BOOL:
        *out = espy_json_of_bool(v->as.truth);
        break;
    case ESPY_PICKLE_INT:
        *out = espy_json_of_int(v->as.number);
        break;
    case ESPY_PICKLE_REAL:
        *out = espy_json_of_number(v->as.real);
        break;
    case ESPY_PICKLE_TEXT:
        s = espy_sk_string(w->cx, v);
        if (!s)
            return w->cx->code;
        *out = espy_json_of_string(s);
        espy_free(w->cx, s);
        break;
    case ESPY_PICKLE_TUPLE:
    case ESPY_PICKLE_LIST:
    case ESPY_PICKLE_SET:
    case ESPY_PICKLE_DICT:
        return read_json_container(w, v, depth, out);
    case ESPY_PICKLE_NONE:
    case ESPY_PICKLE_BYTES:
    case ESPY_PICKLE_GLOBAL:
    case ESPY_PICKLE_OBJECT:
    case ESPY_PICKLE_DTYPE:
    case ESPY_PICKLE_ARRAY:
        *out = espy_json_null_value();
        break;
    }
    return *out ? ESPY_E_OK : espy_fail(w->cx, ESPY_E_NOMEM, "out of memory");
}

espy_err espy_sk_plain_entries(espy_ctx *cx, const value *dict, const char *const *known,
                               espy_json *out)
{
    read_walk w = {cx, READ_VALUES};
    for (size_t i = 0; i + 1 < dict->as.items.n; i += 2) {
        value pair = {.kind = ESPY_PICKLE_DICT};
        bool mine = false;
        for (size_t k = 0; known[k]; k++)
            mine = mine || espy_pickle_is_text(dict->as.items.at[i], known[k]);
        if (mine)
            continue;
        pair.as.items.at = dict->as.items.at + i;
        pair.as.items.n = 2;
        ESPY_TRY(read_json_members(&w, &pair, 0, true, out));
    }
    return ESPY_E_OK;
}

/* metadata as it is; the other plain entries of the dictionary (its objects are not plain) as
 * extra. */
static espy_err read_metadata(espy_ctx *cx, const value *dict, espy_sk_model *m)
{
    static const char *const known[] = {"classifier", "scaler", "label_encoder", "metadata", NULL};
    read_walk w = {cx, READ_VALUES};
    const value *metadata = espy_pickle_get(dict, "metadata");
    m->extra = espy_json_object();
    if (!m->extra)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (metadata && metadata->kind == ESPY_PICKLE_DICT)
        ESPY_TRY(read_json(&w, metadata, 0, &m->metadata));
    return espy_sk_plain_entries(cx, dict, known, m->extra);
}

/* ---- entry points ---- */

/* Files of joblib and of compressors begin with these; none begins a pickle. */
static espy_err read_compressed(espy_ctx *cx, espy_span b)
{
    static const struct {
        char magic[6];
        size_t size;
        const char *name;
    } known[] = {
        {"\x1f\x8b", 2, "gzip"},
        {"x\x9c", 2, "zlib"},
        {"x\x01", 2, "zlib"},
        {"x\x5e", 2, "zlib"},
        {"x\xda", 2, "zlib"},
        {"BZh", 3, "bzip2"},
        {"ZF0x", 4, "joblib"},
        {"PK\x03\x04", 4, "zip"},
        {"\xfd"
         "7zXZ",
         5, "xz"},
        {"\x04\"M\x18", 4, "lz4"},
        {"]\0\0\x80", 4, "lzma"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (b.size >= known[i].size && memcmp(b.data, known[i].magic, known[i].size) == 0)
            return espy_fail(
                cx, ESPY_E_UNSUPPORTED,
                "the file is compressed (%s); load it in Python (joblib.load) and save "
                "it with pickle.dump",
                known[i].name);
    return ESPY_E_OK;
}

espy_err espy_sk_open_pickle(espy_ctx *cx, espy_span bytes, espy_pickle **out)
{
    ESPY_TRY(read_compressed(cx, bytes));
    return espy_pickle_parse(cx, bytes, out);
}

static espy_err read_dictionary(espy_ctx *cx, const value *root, espy_sk_model *m)
{
    const value *scaler = espy_pickle_get(root, "scaler");
    const value *encoder = espy_pickle_get(root, "label_encoder");
    const value *classifier = espy_pickle_get(root, "classifier");
    ESPY_TRY(read_classifier(cx, classifier, m));
    if (scaler && scaler->kind != ESPY_PICKLE_NONE)
        ESPY_TRY(espy_sk_scaler_of(cx, scaler, m));
    if (encoder && encoder->kind != ESPY_PICKLE_NONE)
        ESPY_TRY(read_encoder(cx, encoder, m));
    return read_metadata(cx, root, m);
}

espy_err espy_sk_parse(espy_ctx *cx, espy_span bytes, espy_sk_model *out)
{
    espy_pickle *p = NULL;
    espy_sk_model m = {0};
    ESPY_TRY(espy_sk_open_pickle(cx, bytes, &p));
    const value *root = espy_pickle_root(p);
    espy_err e = root->kind == ESPY_PICKLE_DICT ? read_dictionary(cx, root, &m)
                                                : read_classifier(cx, root, &m);
    espy_pickle_destroy(cx, &p);
    if (e)
        espy_sk_free(cx, &m);
    else
        *out = m;
    return e;
}

espy_err espy_sk_parse_label_encoder(espy_ctx *cx, espy_span bytes, espy_sk_model *m)
{
    espy_pickle *p = NULL;
    ESPY_TRY(espy_sk_open_pickle(cx, bytes, &p));
    espy_err e = read_encoder(cx, espy_pickle_root(p), m);
    espy_pickle_destroy(cx, &p);
    return e;
}

espy_err espy_sk_parse_scaler(espy_ctx *cx, espy_span bytes, espy_sk_model *m)
{
    espy_pickle *p = NULL;
    ESPY_TRY(espy_sk_open_pickle(cx, bytes, &p));
    espy_err e = espy_sk_scaler_of(cx, espy_pickle_root(p), m);
    espy_pickle_destroy(cx, &p);
    return e;
}

espy_err espy_sk_parse_plain(espy_ctx *cx, espy_span bytes, espy_json **out)
{
    espy_pickle *p = NULL;
    ESPY_TRY(espy_sk_open_pickle(cx, bytes, &p));
    read_walk w = {cx, READ_VALUES};
    espy_err e = espy_pickle_root(p)->kind == ESPY_PICKLE_DICT
                     ? read_json(&w, espy_pickle_root(p), 0, out)
                     : espy_fail(cx, ESPY_E_FORMAT, "the pickle holds no dictionary");
    espy_pickle_destroy(cx, &p);
    return e;
}

/* ---- a folder ---- */

typedef espy_err read_part(espy_ctx *cx, espy_span bytes, espy_sk_model *m);

espy_err espy_sk_parse_classes(espy_ctx *cx, espy_span bytes, espy_sk_model *m)
{
    espy_npy a;
    ESPY_TRY(espy_npy_parse(cx, bytes, &a));
    espy_err e = a.type == ESPY_NPY_TEXT && a.rank == 1
                     ? espy_sk_set_labels(cx, m, a.data, a.n)
                     : espy_fail(cx, ESPY_E_FORMAT, "not a list of labels");
    espy_npy_free(cx, &a);
    return e;
}

/* Applies one file of the folder; fine when it is not there. */
static espy_err read_file(espy_ctx *cx, const char *folder, const char *name, read_part *part,
                          espy_sk_model *m, bool *found)
{
    espy_err e = ESPY_E_OK;
    espy_buf b;
    char *path = espy_path_join(cx, folder, name);
    if (!path)
        return cx->code;
    espy_buf_init(&b, 0);
    *found = espy_file_exists(path);
    if (!*found)
        goto out;
    ESPY_GO(espy_file_read(cx, path, cx->max.file_bytes, &b));
    e = part(cx, espy_span_of(&b), m);
    if (e)
        e = espy_fail_in(cx, "%s", path);
out:
    espy_buf_free(cx, &b);
    espy_free(cx, path);
    return e;
}

/* Says what the folder holds instead. */
static espy_err read_missing(espy_ctx *cx, const char *folder)
{
    espy_err e = ESPY_E_OK;
    espy_dir_list list = {0};
    espy_buf names;
    if (!espy_dir_exists(folder))
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no folder %s; train a model first",
                         folder);
    espy_buf_init(&names, 65536);
    ESPY_GO(espy_dir_read(cx, folder, &list));
    for (size_t i = 0; i < list.n && i < READ_LISTED; i++)
        ESPY_GO(espy_buf_printf(cx, &names, "%s%s", i ? ", " : "", list.at[i].name));
    e = espy_fail(
        cx, ESPY_E_NOT_FOUND, "%s has no " READ_CLASSIFIER " (it holds: %s%s); train a model first",
        folder, list.n ? (const char *)names.data : "nothing", list.n > READ_LISTED ? ", ..." : "");
out:
    espy_dir_list_free(cx, &list);
    espy_buf_free(cx, &names);
    return e;
}

espy_err espy_sk_load(espy_ctx *cx, const char *folder, espy_sk_model *out)
{
    espy_err e = ESPY_E_OK;
    espy_sk_model m = {0};
    bool found;
    ESPY_GO(read_file(cx, folder, READ_CLASSIFIER, espy_sk_parse, &m, &found));
    if (!found) {
        e = read_missing(cx, folder);
        goto out;
    }
    ESPY_GO(read_file(cx, folder, READ_ENCODER, espy_sk_parse_label_encoder, &m, &found));
    if (!m.labels)
        ESPY_GO(read_file(cx, folder, READ_CLASSES, espy_sk_parse_classes, &m, &found));
    if (!m.scaler.mean)
        ESPY_GO(read_file(cx, folder, READ_SCALER, espy_sk_parse_scaler, &m, &found));
    *out = m;
    m = (espy_sk_model){0};
out:
    espy_sk_free(cx, &m);
    return e;
}
