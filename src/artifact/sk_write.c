/* SPDX-License-Identifier: Apache-2.0
 * artifact - pickles that scikit-learn opens (sk_model.h).
 *
 * Protocol 4 without frames (PEP 3154); the opcodes are described in CPython's pickletools.  Arrays
 * use the names numpy.core.multiarray._reconstruct and .scalar, which numpy 1 and 2 both import.
 * Attributes are those that scikit-learn 1.2 and 1.9 need between them; a superfluous attribute
 * does no harm in either. */
#include <string.h>

#include "artifact/npy.h"
#include "artifact/sk_characters.h"
#include "artifact/sk_model.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are copied as they are stored");

/* The release whose attribute layout is written; others warn that the versions differ. */
#define PUT_SKLEARN "1.2.1"
#define PUT_SEED 42
#define PUT_ITERATIONS 2000
#define PUT_MEMO 96  /* names and objects that are written once and then referred to */
#define PUT_SLOT 96  /* memo place of the latest value that is written once and needed again */
#define PUT_DEPTH 32 /* nesting of metadata */

/* A writer: after the first failure every put does nothing, and e says why. */
typedef struct put_state {
    espy_ctx *cx;
    espy_buf *out;
    espy_err e;
    const char *memo[PUT_MEMO]; /* literals, or "" for an object that was stored by number */
    uint8_t memo_size;
} put_state;

/* numpy element types by numpy's own short names. */
typedef struct put_type {
    const char *name; /* of the type */
    size_t size;      /* bytes */
} put_type;
static const put_type put_f8 = {"f8", 8}, put_f4 = {"f4", 4}, put_i8 = {"i8", 8},
                      put_i4 = {"i4", 4};

static void put_raw(put_state *w, const void *p, size_t n)
{
    if (!w->e)
        w->e = espy_buf_append(w->cx, w->out, p, n);
}

static void put_op(put_state *w, char op)
{
    put_raw(w, &op, 1);
}

static void put_ops(put_state *w, const char *ops)
{
    put_raw(w, ops, strlen(ops));
}

/* ---- plain values ---- */

static void put_none(put_state *w)
{
    put_op(w, 'N');
}

static void put_bool(put_state *w, bool v)
{
    put_op(w, v ? '\x88' : '\x89');
}

static void put_int(put_state *w, int64_t v)
{
    if (v >= 0 && v < 256) {
        uint8_t b = (uint8_t)v;
        put_op(w, 'K');
        put_raw(w, &b, 1);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        int32_t b = (int32_t)v;
        put_op(w, 'J');
        put_raw(w, &b, sizeof b);
    } else {
        put_raw(w, "\x8a\x08", 2); /* LONG1 of 8 bytes */
        put_raw(w, &v, sizeof v);
    }
}

static void put_real(put_state *w, double v)
{
    uint64_t bits;
    uint8_t big[8];
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        big[i] = (uint8_t)(bits >> (56 - 8 * i));
    put_op(w, 'G');
    put_raw(w, big, sizeof big);
}

static void put_bytes(put_state *w, const void *p, size_t n)
{
    uint64_t size = n;
    if (n <= UINT32_MAX) {
        put_op(w, 'B');
        put_raw(w, &size, 4);
    } else {
        put_op(w, '\x8e');
        put_raw(w, &size, 8);
    }
    put_raw(w, p, n);
}

static void put_string(put_state *w, const char *s)
{
    uint64_t size = strlen(s);
    if (size > UINT32_MAX) {
        if (!w->e)
            w->e = espy_fail(w->cx, ESPY_E_LIMIT, "a text of the metadata is too long");
        return;
    }
    put_op(w, 'X');
    put_raw(w, &size, 4);
    put_raw(w, s, (size_t)size);
}

/* ---- what is written once ---- */

/* True when `key` was stored before: it has been fetched. */
static bool put_known(put_state *w, const char *key)
{
    for (uint8_t i = 0; i < w->memo_size; i++) {
        if (strcmp(w->memo[i], key) == 0) {
            put_op(w, 'h');
            put_raw(w, &i, 1);
            return true;
        }
    }
    return false;
}

/* Stores the value on top of the stack under `key`, a literal. */
static void put_store(put_state *w, const char *key)
{
    if (w->memo_size == PUT_MEMO)
        return;
    put_op(w, 'q');
    put_raw(w, &w->memo_size, 1);
    w->memo[w->memo_size++] = key;
}

static void put_name(put_state *w, const char *literal)
{
    if (put_known(w, literal))
        return;
    put_string(w, literal);
    put_store(w, literal);
}

/* "module\nname\n", as the opcode wants it; cannot be mistaken for a name. */
static void put_global(put_state *w, const char *literal)
{
    if (put_known(w, literal))
        return;
    put_op(w, 'c');
    put_ops(w, literal);
    put_store(w, literal);
}

/* ---- numpy ---- */

static void put_dtype_state(put_state *w, const char *order, int32_t size, int32_t align,
                            int32_t flags)
{
    put_op(w, '(');
    put_int(w, 3); /* version of this tuple */
    put_name(w, order);
    put_ops(w, "NNN");
    put_int(w, size);
    put_int(w, align);
    put_int(w, flags);
    put_ops(w, "tb");
}

static void put_dtype_new(put_state *w, const char *name)
{
    put_global(w, "numpy\ndtype\n");
    put_string(w, name);
    put_ops(w, "\x89\x88\x87R"); /* (name, False, True), REDUCE */
}

static void put_dtype(put_state *w, const put_type *type)
{
    if (type == &put_f8 && put_known(w, "\nf8"))
        return;
    put_dtype_new(w, type->name);
    put_dtype_state(w, "<", -1, -1, 0);
    if (type == &put_f8)
        put_store(w, "\nf8");
}

/* An empty array and the opening of its state up to the shape. */
static void put_array_open(put_state *w)
{
    put_global(w, "numpy.core.multiarray\n_reconstruct\n");
    put_global(w, "numpy\nndarray\n");
    put_int(w, 0);
    put_op(w, '\x85');
    put_bytes(w, "b", 1);
    put_ops(w, "\x87R(");
    put_int(w, 1); /* version of this tuple */
}

static void put_matrix(put_state *w, const put_type *type, const void *p, size_t rows, size_t cols)
{
    put_array_open(w);
    put_int(w, (int64_t)rows);
    put_int(w, (int64_t)cols);
    put_op(w, '\x86');
    put_dtype(w, type);
    put_bool(w, false); /* C order */
    put_bytes(w, p, rows * cols * type->size);
    put_ops(w, "tb");
}

static void put_vector(put_state *w, const put_type *type, const void *p, size_t n)
{
    put_array_open(w);
    put_int(w, (int64_t)n);
    put_op(w, '\x85');
    put_dtype(w, type);
    put_bool(w, false);
    put_bytes(w, p, n * type->size);
    put_ops(w, "tb");
}

/* Text is stored as 4 bytes a character, all elements of one width. */
static void put_texts(put_state *w, const char *const *s, size_t n)
{
    size_t width = 1;
    char *name = NULL;
    espy_buf b;
    espy_buf_init(&b, UINT32_MAX);
    if (!w->e)
        w->e = espy_npy_text_width(w->cx, s, n, &width);
    if (!w->e)
        w->e = espy_npy_text_put(w->cx, &b, s, n, width);
    if (!w->e) {
        name = espy_sprintf(w->cx, "U%zu", width);
        w->e = name ? ESPY_E_OK : w->cx->code;
    }
    if (!w->e) {
        put_array_open(w);
        put_int(w, (int64_t)n);
        put_op(w, '\x85');
        put_dtype_new(w, name);
        put_dtype_state(w, "<", (int32_t)(width * 4), 4, 8);
        put_bool(w, false);
        put_bytes(w, b.data, b.size);
        put_ops(w, "tb");
    }
    espy_free(w->cx, name);
    espy_buf_free(w->cx, &b);
}

static void put_scalar_i64(put_state *w, int64_t v)
{
    put_global(w, "numpy.core.multiarray\nscalar\n");
    put_dtype(w, &put_i8);
    put_bytes(w, &v, sizeof v);
    put_ops(w, "\x86R");
}

/* Class numbers 0, 1, ...: stored once, used by the classifier and its parts.  They count the
 * labels of the encoder beside them, whatever numbers the model was trained on. */
static void put_codes(put_state *w, const espy_sk_model *m)
{
    if (w->e || put_known(w, "\ncodes"))
        return;
    int64_t *codes = espy_array(w->cx, m->classes, sizeof *codes);
    if (!codes) {
        w->e = w->cx->code;
        return;
    }
    for (size_t i = 0; i < m->classes; i++)
        codes[i] = (int64_t)i;
    put_vector(w, &put_i8, codes, m->classes);
    put_store(w, "\ncodes");
    espy_free(w->cx, codes);
}

/* ---- objects ---- */

static void put_object_open(put_state *w, const char *class)
{
    put_global(w, class);
    put_ops(w, ")\x81}("); /* (), NEWOBJ, {}, MARK */
}

static void put_object_close(put_state *w)
{
    put_name(w, "_sklearn_version");
    put_name(w, PUT_SKLEARN);
    put_ops(w, "ub"); /* SETITEMS, BUILD */
}

static void put_key_none(put_state *w, const char *key)
{
    put_name(w, key);
    put_none(w);
}

static void put_key_bool(put_state *w, const char *key, bool v)
{
    put_name(w, key);
    put_bool(w, v);
}

static void put_key_int(put_state *w, const char *key, int64_t v)
{
    put_name(w, key);
    put_int(w, v);
}

static void put_key_real(put_state *w, const char *key, double v)
{
    put_name(w, key);
    put_real(w, v);
}

static void put_key_name(put_state *w, const char *key, const char *literal)
{
    put_name(w, key);
    put_name(w, literal);
}

static void put_key_vector(put_state *w, const char *key, const put_type *type, const void *p,
                           size_t n)
{
    put_name(w, key);
    put_vector(w, type, p, n);
}

static void put_scaler(put_state *w, const espy_sk_scaler *s, size_t dim)
{
    if (!s->mean) {
        put_none(w);
        return;
    }
    put_object_open(w, "sklearn.preprocessing._data\nStandardScaler\n");
    put_key_bool(w, "with_mean", true);
    put_key_bool(w, "with_std", true);
    put_key_bool(w, "copy", true);
    put_key_int(w, "n_features_in_", (int64_t)dim);
    put_name(w, "n_samples_seen_");
    put_scalar_i64(w, s->samples);
    put_key_vector(w, "mean_", &put_f8, s->mean, dim);
    put_key_vector(w, "var_", &put_f8, s->variance, dim);
    put_key_vector(w, "scale_", &put_f8, s->scale, dim);
    put_object_close(w);
}

static void put_encoder(put_state *w, const espy_sk_model *m)
{
    put_object_open(w, "sklearn.preprocessing._label\nLabelEncoder\n");
    put_name(w, "classes_");
    put_texts(w, (const char *const *)m->labels, m->classes);
    put_object_close(w);
}

static void put_class_weight(put_state *w, const espy_sk_model *m)
{
    put_name(w, "class_weight");
    if (m->balanced)
        put_name(w, "balanced");
    else
        put_none(w);
}

static void put_svc_settings(put_state *w, const espy_sk_model *m)
{
    put_key_name(w, "decision_function_shape", "ovr");
    put_key_bool(w, "break_ties", false);
    put_key_name(w, "kernel", "linear");
    put_key_int(w, "degree", 3);
    put_key_name(w, "gamma", "scale");
    put_key_real(w, "coef0", 0.0);
    put_key_real(w, "tol", 1e-3);
    put_key_real(w, "C", m->c);
    put_key_real(w, "nu", 0.0);
    put_key_real(w, "epsilon", 0.0);
    put_key_bool(w, "shrinking", true);
    put_key_bool(w, "probability", true);
    put_key_int(w, "cache_size", 200);
    put_class_weight(w, m);
    put_key_bool(w, "verbose", false);
    put_key_int(w, "max_iter", -1);
    put_key_int(w, "random_state", PUT_SEED);
    put_key_bool(w, "_sparse", false);
    put_key_bool(w, "_effective_probability", true); /* asked for by 1.9 */
    put_key_real(w, "_gamma", 1.0 / (double)m->dim); /* a linear kernel does not use it */
}

/* dual_coef_ and intercept_ are what people look at, the forms with an underscore what libsvm
 * computes with; for two classes scikit-learn turns the sign of the former. */
static espy_err put_svc_arrays(put_state *w, const espy_sk_model *m)
{
    const espy_sk_svc *s = &m->svc;
    size_t pairs = m->classes * (m->classes - 1) / 2, duals = (m->classes - 1) * s->n;
    double sign = m->classes == 2 ? -1.0 : 1.0;
    double *shown = espy_array(w->cx, duals + pairs, sizeof *shown);
    if (!shown)
        return w->cx->code;
    for (size_t i = 0; i < duals; i++)
        shown[i] = sign * s->dual[i];
    for (size_t i = 0; i < pairs; i++)
        shown[duals + i] = sign * s->intercept[i];
    put_key_vector(w, "support_", &put_i4, s->index, s->n);
    put_name(w, "support_vectors_");
    put_matrix(w, &put_f8, s->vectors, s->n, m->dim);
    put_key_vector(w, "_n_support", &put_i4, s->per_class, m->classes);
    put_name(w, "dual_coef_");
    put_matrix(w, &put_f8, shown, m->classes - 1, s->n);
    put_name(w, "_dual_coef_");
    put_matrix(w, &put_f8, s->dual, m->classes - 1, s->n);
    put_key_vector(w, "intercept_", &put_f8, shown + duals, pairs);
    put_key_vector(w, "_intercept_", &put_f8, s->intercept, pairs);
    put_key_vector(w, "_probA", &put_f8, s->prob_a, pairs);
    put_key_vector(w, "_probB", &put_f8, s->prob_b, pairs);
    put_key_vector(w, "class_weight_", &put_f8, s->class_weight, m->classes);
    espy_free(w->cx, shown);
    return w->e;
}

static void put_svc(put_state *w, const espy_sk_model *m)
{
    put_object_open(w, "sklearn.svm._classes\nSVC\n");
    put_svc_settings(w, m);
    put_key_int(w, "n_features_in_", (int64_t)m->dim);
    put_name(w, "classes_");
    put_codes(w, m);
    put_key_int(w, "fit_status_", 0);
    put_name(w, "shape_fit_");
    put_int(w, (int64_t)m->svc.rows);
    put_int(w, (int64_t)m->dim);
    put_op(w, '\x86');
    if (!w->e)
        w->e = put_svc_arrays(w, m);
    put_object_close(w);
}

static void put_logistic_open(put_state *w, const espy_sk_model *m, const char *multi_class)
{
    put_object_open(w, "sklearn.linear_model._logistic\nLogisticRegression\n");
    put_key_name(w, "penalty", "l2");
    put_key_bool(w, "dual", false);
    put_key_real(w, "tol", 1e-4);
    put_key_real(w, "C", m->c);
    put_key_bool(w, "fit_intercept", true);
    put_key_int(w, "intercept_scaling", 1);
    put_class_weight(w, m);
    put_key_int(w, "random_state", PUT_SEED);
    put_key_name(w, "solver", "lbfgs");
    put_key_int(w, "max_iter", PUT_ITERATIONS);
    put_key_name(w, "multi_class", multi_class); /* asked for by 1.2, gone in 1.9 */
    put_key_int(w, "verbose", 0);
    put_key_bool(w, "warm_start", false);
    put_key_none(w, "n_jobs");
    put_key_none(w, "l1_ratio");
}

static void put_logistic_arrays(put_state *w, const espy_sk_model *m, size_t first, size_t rows)
{
    put_key_int(w, "n_features_in_", (int64_t)m->dim);
    put_name(w, "coef_");
    put_matrix(w, &put_f8, m->logistic.coef + first * m->dim, rows, m->dim);
    put_key_vector(w, "intercept_", &put_f8, m->logistic.intercept + first, rows);
}

/* One machine for two classes, or softmax over all: LogisticRegression itself. */
static void put_logistic_plain(put_state *w, const espy_sk_model *m)
{
    put_logistic_open(w, m, m->logistic.softmax ? "multinomial" : "auto");
    put_name(w, "classes_");
    put_codes(w, m);
    put_logistic_arrays(w, m, 0, m->logistic.rows);
    put_object_close(w);
}

static void put_binarizer(put_state *w, const espy_sk_model *m)
{
    put_object_open(w, "sklearn.preprocessing._label\nLabelBinarizer\n");
    put_key_int(w, "neg_label", 0);
    put_key_int(w, "pos_label", 1);
    put_key_bool(w, "sparse_output", true);
    put_key_name(w, "y_type_", "multiclass");
    put_key_bool(w, "sparse_input_", false);
    put_name(w, "classes_");
    put_codes(w, m);
    put_object_close(w);
}

/* One machine per class.  LogisticRegression did this with multi_class="ovr" until that was taken
 * out; OneVsRestClassifier computes the same probabilities in every release. */
static void put_one_vs_rest(put_state *w, const espy_sk_model *m)
{
    static const int64_t binary[] = {0, 1};
    put_object_open(w, "sklearn.multiclass\nOneVsRestClassifier\n");
    put_name(w, "estimator");
    put_logistic_open(w, m, "auto");
    put_object_close(w);
    put_key_none(w, "n_jobs");
    put_key_int(w, "verbose", 0);
    put_name(w, "label_binarizer_");
    put_binarizer(w, m);
    put_name(w, "classes_");
    put_codes(w, m);
    put_key_int(w, "n_features_in_", (int64_t)m->dim);
    put_name(w, "estimators_");
    put_ops(w, "](");
    for (size_t i = 0; i < m->logistic.rows && !w->e; i++) {
        put_logistic_open(w, m, "auto");
        put_name(w, "classes_");
        if (!put_known(w, "\nbinary")) {
            put_vector(w, &put_i8, binary, 2);
            put_store(w, "\nbinary");
        }
        put_logistic_arrays(w, m, i, 1);
        put_object_close(w);
    }
    put_op(w, 'e');
    put_object_close(w);
}

static void put_classifier(put_state *w, const espy_sk_model *m)
{
    if (m->kind == ESPY_SK_SVC)
        put_svc(w, m);
    else if (m->logistic.rows == 1 || m->logistic.softmax)
        put_logistic_plain(w, m);
    else
        put_one_vs_rest(w, m);
}

/* ---- metadata ---- */

static void put_json(put_state *w, const espy_json *v, int depth);

static void put_json_members(put_state *w, const espy_json *object, int depth)
{
    void *it = NULL;
    const char *key;
    const espy_json *v;
    while (espy_json_next(object, &it, &key, &v)) {
        put_string(w, key);
        put_json(w, v, depth);
    }
}

static void put_json(put_state *w, const espy_json *v, int depth)
{
    if (depth == PUT_DEPTH && !w->e)
        w->e = espy_fail(w->cx, ESPY_E_LIMIT, "the metadata are nested deeper than %d", PUT_DEPTH);
    if (w->e)
        return;
    if (espy_json_is_object(v)) {
        put_ops(w, "}(");
        put_json_members(w, v, depth + 1);
        put_op(w, 'u');
    } else if (espy_json_is_array(v)) {
        put_ops(w, "](");
        for (size_t i = 0; i < espy_json_count(v); i++)
            put_json(w, espy_json_at(v, i), depth + 1);
        put_op(w, 'e');
    } else if (espy_json_is_string(v)) {
        put_string(w, espy_json_string(v, ""));
    } else if (espy_json_is_int(v)) {
        put_int(w, espy_json_int(v, 0));
    } else if (espy_json_is_number(v)) {
        put_real(w, espy_json_number(v, 0));
    } else if (espy_json_bool(v, false) == espy_json_bool(v, true)) {
        put_bool(w, espy_json_bool(v, false)); /* a boolean does not depend on the default */
    } else {
        put_none(w);
    }
}

/* ---- characters ---- */

/* The latest array, which a second key refers to. */
static void put_slot(put_state *w, char op)
{
    static const uint8_t slot = PUT_SLOT;
    put_op(w, op);
    put_raw(w, &slot, 1);
}

/* labels_ are int32, as scikit-learn has them. */
static void put_kmeans_labels(put_state *w, const espy_sk_characters *c, size_t from, size_t n)
{
    int32_t *labels = espy_array(w->cx, n, sizeof *labels);
    if (!labels && !w->e)
        w->e = w->cx->code;
    for (size_t i = 0; labels && i < n; i++)
        labels[i] = (int32_t)c->cluster[from + i];
    if (labels)
        put_key_vector(w, "labels_", &put_i4, labels, n);
    espy_free(w->cx, labels);
}

/* The KMeans of label l, whose rows are from .. from + n; its centres stay in the slot. */
static void put_kmeans(put_state *w, const espy_sk_characters *c, size_t l, size_t from, size_t n,
                       uint64_t seed)
{
    const espy_prototypes *p = c->model;
    size_t k = p->start[l + 1] - p->start[l];
    put_object_open(w, "sklearn.cluster._kmeans\nKMeans\n");
    put_key_int(w, "n_clusters", (int64_t)k);
    put_key_name(w, "init", "k-means++");
    put_key_int(w, "max_iter", 300);
    put_key_real(w, "tol", 1e-4);
    put_key_int(w, "n_init", 10);
    put_key_int(w, "verbose", 0);
    put_key_int(w, "random_state", (int64_t)seed);
    put_key_bool(w, "copy_x", true);
    put_key_name(w, "algorithm", "lloyd");
    put_key_int(w, "n_features_in_", (int64_t)p->dim);
    put_key_int(w, "_n_features_out", (int64_t)k);
    put_key_int(w, "_n_init", 10);
    put_key_int(w, "_n_threads", 1);
    put_name(w, "cluster_centers_");
    put_matrix(w, &put_f8, p->centers + p->start[l] * p->dim, k, p->dim);
    put_slot(w, 'q');
    put_kmeans_labels(w, c, from, n);
    put_key_real(w, "inertia_", p->inertia[l]);
    put_key_int(w, "n_iter_", (int64_t)p->iterations[l]);
    put_object_close(w);
}

static void put_clusters(put_state *w, const espy_sk_characters *c, uint64_t seed)
{
    const espy_prototypes *p = c->model;
    put_ops(w, "}(");
    for (size_t l = 0, from = 0, n; l < p->classes; l++, from += n) {
        for (n = 0; from + n < c->n && c->y[from + n] == l;)
            n++;
        put_string(w, c->names[l]);
        put_ops(w, "}(");
        put_name(w, "kmeans");
        put_kmeans(w, c, l, from, n, seed);
        put_name(w, "cluster_centers");
        put_slot(w, 'h');
        put_key_int(w, "n_clusters", (int64_t)(p->start[l + 1] - p->start[l]));
        put_op(w, 'u');
    }
    put_op(w, 'u');
}

static void put_raw_embeddings(put_state *w, const espy_sk_characters *c)
{
    const espy_prototypes *p = c->model;
    put_ops(w, "}(");
    for (size_t l = 0, from = 0, n; c->n && l < p->classes; l++, from += n) {
        for (n = 0; from + n < c->n && c->y[from + n] == l;)
            n++;
        put_string(w, c->names[l]);
        put_matrix(w, &put_f4, c->x + from * p->dim, n, p->dim);
    }
    put_op(w, 'u');
}

/* ---- entry points ---- */

static put_state put_begin(espy_ctx *cx, espy_buf *out)
{
    put_state w = {.cx = cx, .out = out};
    put_raw(&w, "\x80\x04", 2); /* PROTO 4 */
    return w;
}

static espy_err put_end(put_state *w)
{
    put_op(w, '.');
    return w->e;
}

static espy_err put_dictionary(espy_ctx *cx, const espy_sk_model *m, const espy_json *metadata,
                               const espy_json *extra, espy_buf *out)
{
    if (!m->labels)
        return espy_fail(cx, ESPY_E_ARG, "the model has no labels to be written");
    put_state w = put_begin(cx, out);
    put_ops(&w, "}(");
    put_name(&w, "classifier");
    put_classifier(&w, m);
    put_name(&w, "scaler");
    put_scaler(&w, &m->scaler, m->dim);
    put_name(&w, "label_encoder");
    put_encoder(&w, m);
    if (metadata) {
        put_name(&w, "metadata");
        put_json(&w, metadata, 0);
    }
    if (extra)
        put_json_members(&w, extra, 0);
    put_op(&w, 'u');
    return put_end(&w);
}

espy_err espy_sk_put_clean(espy_ctx *cx, const espy_sk_model *m, const espy_json *extra,
                           espy_buf *out)
{
    return put_dictionary(cx, m, NULL, extra, out);
}

espy_err espy_sk_put_production(espy_ctx *cx, const espy_sk_model *m, const espy_json *metadata,
                                espy_buf *out)
{
    return put_dictionary(cx, m, metadata, NULL, out);
}

espy_err espy_sk_put_label_encoder(espy_ctx *cx, const espy_sk_model *m, espy_buf *out)
{
    if (!m->labels)
        return espy_fail(cx, ESPY_E_ARG, "the model has no labels to be written");
    put_state w = put_begin(cx, out);
    put_encoder(&w, m);
    return put_end(&w);
}

espy_err espy_sk_put_scaler(espy_ctx *cx, const espy_sk_model *m, espy_buf *out)
{
    put_state w = put_begin(cx, out);
    put_scaler(&w, &m->scaler, m->dim);
    return put_end(&w);
}

espy_err espy_sk_put_plain(espy_ctx *cx, const espy_json *value, espy_buf *out)
{
    put_state w = put_begin(cx, out);
    put_json(&w, value, 0);
    return put_end(&w);
}

espy_err espy_sk_put_characters(espy_ctx *cx, const espy_sk_characters *c, uint64_t seed,
                                espy_buf *out)
{
    const espy_scaler *s = &c->scaler;
    double *variance = espy_array(cx, s->dim, sizeof *variance);
    if (!variance)
        return cx->code;
    for (size_t d = 0; d < s->dim; d++)
        variance[d] = s->scale[d] * s->scale[d];
    const espy_sk_scaler scaler = {s->mean, variance, s->scale, (int64_t)s->n};
    put_state w = put_begin(cx, out);
    put_ops(&w, "}(");
    put_name(&w, "scaler");
    put_scaler(&w, &scaler, s->dim);
    put_name(&w, "character_clusters");
    put_clusters(&w, c, seed);
    put_name(&w, "raw_embeddings");
    put_raw_embeddings(&w, c);
    put_json_members(&w, c->facts, 0);
    put_op(&w, 'u');
    espy_free(cx, variance);
    return put_end(&w);
}
