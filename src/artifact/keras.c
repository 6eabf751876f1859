/* SPDX-License-Identifier: Apache-2.0
 * artifact - Keras files (keras.h).
 *
 * A zip archive of metadata.json, config.json (the layers in order) and model.weights.h5.  Keras
 * names the group of a layer's weights by its class and by how many of the class came before it
 * (layers/dense, layers/dense_1 ...), not by the layer's name; some releases and hand-made files
 * use the name.  In a group, vars/0, vars/1 ... are the weights in the order they were made:
 * kernel, bias; gamma, beta, moving mean, moving variance. */
#include "artifact/keras.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/hdf5.h"
#include "base/text.h"
#include "base/zip.h"

#define KERAS_TEXT_MAX ((size_t)4 << 20) /* bytes of metadata.json and of config.json */
#define KERAS_PATH 320                   /* of an array in the weights, with its end */
#define KERAS_NAME 256                   /* of a layer, with its end */
#define KERAS_VERSION "3.0.0"            /* whose form is written; later releases open it */
#define KERAS_MOMENTUM 0.99              /* SPEC 8.11 */
#define KERAS_FILE_MAX ((size_t)1 << 31)

/* ---- the configuration ---- */

typedef enum keras_act { KERAS_LINEAR, KERAS_RELU, KERAS_SOFTMAX } keras_act;

/* The normalisation of one dense layer. */
typedef struct keras_norm {
    bool there;
    bool before; /* it stands before the activation */
    bool center, scale;
    double epsilon;
    char group[KERAS_NAME]; /* of its weights, below "layers/" */
    const char *name;       /* of the layer */
} keras_norm;

/* A dense layer and what follows it up to the next. */
typedef struct keras_block {
    size_t units;
    bool bias;
    keras_act act;
    float dropout;
    keras_norm norm;
    char group[KERAS_NAME];
    const char *name;
} keras_block;

typedef struct keras_plan {
    size_t dim; /* of the input layer; 0: there is none */
    size_t n;
    keras_block at[ESPY_MLP_LAYERS];
} keras_plan;

/* A layer of the list. */
typedef struct keras_layer {
    const char *class, *name;
    const espy_json *config;
} keras_layer;

static espy_err keras_refuse(espy_ctx *cx, const keras_layer *l, const char *what)
{
    return espy_fail(cx, ESPY_E_UNSUPPORTED, "layer \"%.64s\" (%.64s): %s", l->name, l->class,
                     what);
}

static bool keras_null(const espy_json *v)
{
    return !v || (!espy_json_is_object(v) && !espy_json_is_array(v) && !espy_json_is_string(v) &&
                  !espy_json_is_number(v) && !espy_json_bool(v, false));
}

/* An activation as a name, or as the object that some releases write for a function. */
static espy_err keras_activation(espy_ctx *cx, const keras_layer *l, keras_act *out)
{
    const espy_json *v = espy_json_get(l->config, "activation");
    if (espy_json_is_object(v))
        v = espy_json_get(v, "config");
    const char *name = espy_json_string(v, keras_null(v) ? "linear" : "");
    if (strcmp(name, "linear") == 0)
        *out = KERAS_LINEAR;
    else if (strcmp(name, "relu") == 0)
        *out = KERAS_RELU;
    else if (strcmp(name, "softmax") == 0)
        *out = KERAS_SOFTMAX;
    else
        return keras_refuse(cx, l, "only the activations relu, softmax and linear are read");
    return ESPY_E_OK;
}

static espy_err keras_activate(espy_ctx *cx, const keras_layer *l, keras_plan *p, keras_act act)
{
    if (act == KERAS_LINEAR)
        return ESPY_E_OK;
    if (!p->n || p->at[p->n - 1].act != KERAS_LINEAR)
        return keras_refuse(cx, l, "an activation is read behind a Dense layer that has none");
    p->at[p->n - 1].act = act;
    return ESPY_E_OK;
}

static espy_err keras_take_input(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    const espy_json *shape = espy_json_get(l->config, "batch_shape");
    if (!shape)
        shape = espy_json_get(l->config, "batch_input_shape"); /* Keras 2 */
    int64_t dim = espy_json_int(espy_json_at(shape, 1), 0);
    if (espy_json_count(shape) != 2 || dim < 1 || dim > INT32_MAX || p->n || p->dim)
        return keras_refuse(cx, l, "one input of shape (None, values) is read");
    p->dim = (size_t)dim;
    return ESPY_E_OK;
}

static espy_err keras_take_dense(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    if (p->n == ESPY_MLP_LAYERS)
        return keras_refuse(cx, l, "there are more Dense layers than 16");
    if (p->n && p->at[p->n - 1].act != KERAS_RELU)
        return keras_refuse(cx, l, "the Dense layer before it does not end in relu");
    if (!keras_null(espy_json_get(l->config, "lora_rank")) ||
        !keras_null(espy_json_get(l->config, "quantization_config")))
        return keras_refuse(cx, l, "LoRA and quantised weights are not read; merge them first");
    keras_block *b = &p->at[p->n];
    *b = (keras_block){.bias = espy_json_bool(espy_json_get(l->config, "use_bias"), true),
                       .name = l->name};
    int64_t units = espy_json_int(espy_json_get(l->config, "units"), 0);
    if (units < 1 || units > ESPY_MLP_WIDTH)
        return keras_refuse(cx, l, "it has no units, or more than 8192");
    b->units = (size_t)units;
    p->n++;
    keras_act act;
    ESPY_TRY(keras_activation(cx, l, &act));
    return keras_activate(cx, l, p, act);
}

static espy_err keras_take_norm(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    const espy_json *axis = espy_json_get(l->config, "axis");
    if (espy_json_is_array(axis) && espy_json_count(axis) == 1)
        axis = espy_json_at(axis, 0);
    int64_t along = espy_json_int(axis, axis ? 0 : -1);
    if (along != -1 && along != 1)
        return keras_refuse(cx, l, "only the last axis can be normalised");
    keras_block *b = p->n ? &p->at[p->n - 1] : NULL;
    if (!b || b->norm.there || b->act == KERAS_SOFTMAX)
        return keras_refuse(cx, l, "one normalisation per hidden layer is read, behind its Dense");
    b->norm = (keras_norm){.there = true,
                           .before = b->act == KERAS_LINEAR,
                           .center = espy_json_bool(espy_json_get(l->config, "center"), true),
                           .scale = espy_json_bool(espy_json_get(l->config, "scale"), true),
                           .epsilon = espy_json_number(espy_json_get(l->config, "epsilon"), 1e-3),
                           .name = l->name};
    if (!(b->norm.epsilon >= 0 && b->norm.epsilon <= 1))
        return keras_refuse(cx, l, "its epsilon is not within 0 to 1");
    return ESPY_E_OK;
}

static espy_err keras_take_dropout(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    double rate = espy_json_number(espy_json_get(l->config, "rate"), 0);
    if (!(rate >= 0 && rate < 1))
        return keras_refuse(cx, l, "its rate is not within 0 to 1");
    if (p->n) /* of the input: plays no part in answers, and an espy_mlp has no place for it */
        p->at[p->n - 1].dropout = (float)rate;
    return ESPY_E_OK;
}

static espy_err keras_take_activation(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    keras_act act;
    ESPY_TRY(keras_activation(cx, l, &act));
    return keras_activate(cx, l, p, act);
}

static bool keras_zero(const espy_json *v)
{
    if (espy_json_is_array(v) && espy_json_count(v) == 1) /* Keras 2 may keep an array */
        v = espy_json_at(v, 0);
    return keras_null(v) || (espy_json_is_number(v) && espy_json_number(v, 1) == 0);
}

static espy_err keras_take_relu(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    if (!keras_null(espy_json_get(l->config, "max_value")) ||
        !keras_zero(espy_json_get(l->config, "negative_slope")) ||
        !keras_zero(espy_json_get(l->config, "threshold")))
        return keras_refuse(cx, l, "a ReLU with a maximum, a slope or a threshold is not read");
    return keras_activate(cx, l, p, KERAS_RELU);
}

static espy_err keras_take_softmax(espy_ctx *cx, const keras_layer *l, keras_plan *p)
{
    int64_t axis = espy_json_int(espy_json_get(l->config, "axis"), -1);
    if (axis != -1 && axis != 1)
        return keras_refuse(cx, l, "softmax is read along the last axis");
    return keras_activate(cx, l, p, KERAS_SOFTMAX);
}

static const struct {
    const char *class;
    espy_err (*take)(espy_ctx *cx, const keras_layer *l, keras_plan *p);
} keras_classes[] = {
    {"InputLayer", keras_take_input},        {"Dense", keras_take_dense},
    {"BatchNormalization", keras_take_norm}, {"Dropout", keras_take_dropout},
    {"Activation", keras_take_activation},   {"ReLU", keras_take_relu},
    {"Softmax", keras_take_softmax},
};

static espy_err keras_take(espy_ctx *cx, const espy_json *item, keras_plan *p)
{
    const char *module = espy_json_string(espy_json_get(item, "module"), "keras.layers");
    const char *registered = espy_json_string(espy_json_get(item, "registered_name"), "");
    keras_layer l = {.class = espy_json_string(espy_json_get(item, "class_name"), "?"),
                     .config = espy_json_get(item, "config")};
    l.name = espy_json_string(espy_json_get(l.config, "name"), "?");
    if (strlen(l.name) >= KERAS_NAME)
        return keras_refuse(cx, &l, "its name is too long");
    bool own =
        strcmp(module, "keras.layers") == 0 && (!registered[0] || strcmp(registered, l.class) == 0);
    for (size_t i = 0; own && i < sizeof keras_classes / sizeof keras_classes[0]; i++)
        if (strcmp(keras_classes[i].class, l.class) == 0)
            return keras_classes[i].take(cx, &l, p);
    return keras_refuse(cx, &l,
                        "is not read; a network of Dense, BatchNormalization, Dropout, ReLU and "
                        "softmax is");
}

static espy_err keras_plan_make(espy_ctx *cx, const espy_json *config, keras_plan *p)
{
    const char *class = espy_json_string(espy_json_get(config, "class_name"), "?");
    const espy_json *layers = espy_json_get(espy_json_get(config, "config"), "layers");
    if (strcmp(class, "Sequential") != 0)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "a Keras model of class %.64s is not read; a "
                         "Sequential one is",
                         class);
    for (size_t i = 0; i < espy_json_count(layers); i++)
        ESPY_TRY(keras_take(cx, espy_json_at(layers, i), p));
    if (!p->n || p->at[p->n - 1].act != KERAS_SOFTMAX)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "a Keras model that does not end in a Dense layer with softmax is not "
                         "read");
    return ESPY_E_OK;
}

/* ---- the weights ---- */

/* "dense", "dense_1" ... */
static void keras_numbered(char *to, const char *class, size_t number)
{
    if (number == 0)
        snprintf(to, KERAS_NAME, "%s", class);
    else
        snprintf(to, KERAS_NAME, "%s_%zu", class, number);
}

/* Names the groups by class and number, or by the layers' names. */
static void keras_name_groups(keras_plan *p, bool by_class)
{
    size_t norms = 0;
    for (size_t i = 0; i < p->n; i++) {
        keras_block *b = &p->at[i];
        if (by_class) {
            keras_numbered(b->group, "dense", i);
            if (b->norm.there)
                keras_numbered(b->norm.group, "batch_normalization", norms++);
        } else {
            snprintf(b->group, KERAS_NAME, "%s", b->name);
            if (b->norm.there)
                snprintf(b->norm.group, KERAS_NAME, "%s", b->norm.name);
        }
    }
}

/* Whether every group is there; *missing: the layer whose group is not. */
static espy_err keras_groups_there(espy_ctx *cx, const espy_hdf5 *h, const keras_plan *p,
                                   const char **missing)
{
    *missing = NULL;
    for (size_t i = 0; i < p->n && !*missing; i++) {
        const keras_block *b = &p->at[i];
        char path[KERAS_PATH];
        bool there;
        snprintf(path, sizeof path, "layers/%s/vars", b->group);
        ESPY_TRY(espy_hdf5_has(cx, h, path, &there));
        if (!there)
            *missing = b->name;
        if (!b->norm.there)
            continue;
        snprintf(path, sizeof path, "layers/%s/vars", b->norm.group);
        ESPY_TRY(espy_hdf5_has(cx, h, path, &there));
        if (!there)
            *missing = b->norm.name;
    }
    return ESPY_E_OK;
}

static espy_err keras_find_groups(espy_ctx *cx, const espy_hdf5 *h, keras_plan *p)
{
    const char *missing;
    keras_name_groups(p, true);
    ESPY_TRY(keras_groups_there(cx, h, p, &missing));
    if (!missing)
        return ESPY_E_OK;
    for (size_t i = 0; i < p->n; i++) /* a name that is no path finds nothing */
        if (!p->at[i].name[0] || strchr(p->at[i].name, '/') ||
            (p->at[i].norm.there && (!p->at[i].norm.name[0] || strchr(p->at[i].norm.name, '/'))))
            goto out;
    keras_name_groups(p, false);
    ESPY_TRY(keras_groups_there(cx, h, p, &missing));
    if (!missing)
        return ESPY_E_OK;
out:
    return espy_fail(cx, ESPY_E_FORMAT, "the Keras file has no weights for layer \"%.64s\"",
                     missing);
}

/* vars/NUMBER of a group; its shape must be rows x cols, or cols where rows is 0. */
static espy_err keras_array(espy_ctx *cx, const espy_hdf5 *h, const char *group, int number,
                            size_t rows, size_t cols, espy_hdf5_array *out)
{
    char path[KERAS_PATH];
    snprintf(path, sizeof path, "layers/%s/vars/%d", group, number);
    ESPY_TRY(espy_hdf5_array_at(cx, h, path, out));
    bool fits = rows ? out->rank == 2 && out->dims[0] == rows && out->dims[1] == cols
                     : out->rank == 1 && out->dims[0] == cols;
    if (!fits || out->type == ESPY_HDF5_INT)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the Keras file's weights %s do not fit its configuration", path);
    return ESPY_E_OK;
}

/* What is loaded is at most what the file holds: arrays that lie on each other are refused. */
static espy_err keras_check_sizes(espy_ctx *cx, const espy_hdf5 *h, keras_plan *p)
{
    size_t total = 0, in = p->dim;
    for (size_t i = 0; i < p->n; i++) {
        const keras_block *b = &p->at[i];
        espy_hdf5_array a;
        if (in == 0) { /* no input layer: as many values as the first kernel has rows */
            char path[KERAS_PATH];
            snprintf(path, sizeof path, "layers/%s/vars/0", b->group);
            ESPY_TRY(espy_hdf5_array_at(cx, h, path, &a));
            in = p->dim = a.dims[0];
        }
        ESPY_TRY(keras_array(cx, h, b->group, 0, in, b->units, &a));
        if (!espy_add_size(total, a.bytes, &total) || total > h->bytes.size)
            return espy_fail(cx, ESPY_E_FORMAT, "the Keras file has weights that overlap");
        in = b->units;
    }
    return ESPY_E_OK;
}

static espy_err keras_vector(espy_ctx *cx, const espy_hdf5 *h, const char *group, int number,
                             size_t n, float *to)
{
    espy_hdf5_array a;
    ESPY_TRY(keras_array(cx, h, group, number, 0, n, &a));
    ESPY_TRY(espy_hdf5_floats(cx, &a, group, to));
    if (!espy_rows_finite(to, n))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "layer %.64s of the Keras file has weights that are "
                         "not finite",
                         group);
    return ESPY_E_OK;
}

/* gamma, beta, mean, variance: n values each. */
static espy_err keras_norm_load(espy_ctx *cx, const espy_hdf5 *h, const keras_norm *norm, size_t n,
                                float *const to[4])
{
    int number = 0;
    for (size_t i = 0; i < n; i++) {
        to[0][i] = 1;
        to[1][i] = 0;
    }
    if (norm->scale)
        ESPY_TRY(keras_vector(cx, h, norm->group, number++, n, to[0]));
    if (norm->center)
        ESPY_TRY(keras_vector(cx, h, norm->group, number++, n, to[1]));
    ESPY_TRY(keras_vector(cx, h, norm->group, number++, n, to[2]));
    ESPY_TRY(keras_vector(cx, h, norm->group, number, n, to[3]));
    for (size_t i = 0; i < n; i++)
        if (to[3][i] < 0 || to[3][i] + norm->epsilon <= 0)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "layer \"%.64s\" of the Keras file has a variance that is not above 0",
                             norm->name);
    return ESPY_E_OK;
}

/* Normalisation before the activation is a part of the affine map: W g / s, (b - mean) g / s +
 * beta. */
static espy_err keras_norm_fold(espy_ctx *cx, const espy_hdf5 *h, const keras_norm *norm,
                                espy_mlp_layer *l)
{
    size_t n = l->out;
    float *v = espy_floats(cx, 4 * n);
    if (!v)
        return cx->code;
    float *const parts[4] = {v, v + n, v + 2 * n, v + 3 * n};
    espy_err e = keras_norm_load(cx, h, norm, n, parts);
    for (size_t j = 0; j < n && e == ESPY_E_OK; j++) {
        double by = parts[0][j] / sqrt(parts[3][j] + norm->epsilon);
        l->bias[j] = (float)(((double)l->bias[j] - parts[2][j]) * by + parts[1][j]);
        for (size_t i = 0; i < l->in; i++)
            l->weights[i * n + j] = (float)(l->weights[i * n + j] * by);
    }
    espy_free(cx, v);
    return e;
}

/* Normalisation behind the activation.  Ours has a fixed epsilon; what another one makes of the
 * deviation goes into gamma, which keeps the answers also where the variance is small. */
static espy_err keras_norm_behind(espy_ctx *cx, const espy_hdf5 *h, const keras_norm *norm,
                                  espy_mlp_layer *l)
{
    float *const parts[4] = {l->gamma, l->beta, l->mean, l->variance};
    ESPY_TRY(keras_norm_load(cx, h, norm, l->out, parts));
    if ((float)norm->epsilon == ESPY_MLP_EPSILON)
        return ESPY_E_OK;
    for (size_t j = 0; j < l->out; j++)
        l->gamma[j] = (float)(l->gamma[j] * sqrt((l->variance[j] + (double)ESPY_MLP_EPSILON) /
                                                 (l->variance[j] + norm->epsilon)));
    return ESPY_E_OK;
}

static espy_err keras_layer_load(espy_ctx *cx, const espy_hdf5 *h, const keras_block *b,
                                 espy_mlp_layer *l)
{
    espy_hdf5_array kernel;
    ESPY_TRY(keras_array(cx, h, b->group, 0, l->in, l->out, &kernel));
    ESPY_TRY(espy_hdf5_floats(cx, &kernel, b->group, l->weights));
    if (b->bias)
        ESPY_TRY(keras_vector(cx, h, b->group, 1, l->out, l->bias));
    if (b->norm.there && b->norm.before)
        ESPY_TRY(keras_norm_fold(cx, h, &b->norm, l));
    if (b->norm.there && !b->norm.before)
        ESPY_TRY(keras_norm_behind(cx, h, &b->norm, l));
    else if (l->gamma) /* others have one; create() left gamma and variance 1 */
        for (size_t j = 0; j < l->out; j++)
            l->variance[j] = 1.0f - ESPY_MLP_EPSILON;
    bool finite = espy_rows_finite(l->weights, l->in * l->out) &&
                  espy_rows_finite(l->bias, l->out) &&
                  (!l->gamma || espy_rows_finite(l->gamma, l->out));
    if (!finite)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "layer \"%.64s\" of the Keras file has weights that are not finite",
                         b->name);
    return ESPY_E_OK;
}

static espy_err keras_load(espy_ctx *cx, const espy_hdf5 *h, keras_plan *p, espy_mlp **out)
{
    espy_err e = ESPY_E_OK;
    espy_mlp *mlp = NULL;
    size_t widths[ESPY_MLP_LAYERS];
    float dropout[ESPY_MLP_LAYERS];
    bool normalised = false;
    ESPY_TRY(keras_find_groups(cx, h, p));
    ESPY_TRY(keras_check_sizes(cx, h, p));
    for (size_t i = 0; i < p->n; i++) {
        widths[i] = p->at[i].units;
        dropout[i] = p->at[i].dropout;
        normalised = normalised || (p->at[i].norm.there && !p->at[i].norm.before);
    }
    ESPY_GO(espy_mlp_create(cx, p->dim, widths, p->n, normalised, dropout, &mlp));
    for (size_t i = 0; i < p->n; i++)
        ESPY_GO(keras_layer_load(cx, h, &p->at[i], &mlp->at[i]));
    *out = mlp;
    mlp = NULL;
out:
    espy_mlp_destroy(cx, &mlp);
    return e;
}

/* ---- the archive, reading ---- */

static espy_err keras_text(espy_ctx *cx, espy_span file, const char *name, espy_json **out)
{
    espy_buf text;
    espy_buf_init(&text, KERAS_TEXT_MAX);
    espy_err e = espy_zip_read(cx, file, name, &text);
    if (e == ESPY_E_OK && espy_json_parse(cx, text.data, text.size, out) != ESPY_E_OK)
        e = espy_fail_in(cx, "%s", name);
    espy_buf_free(cx, &text);
    return e;
}

espy_err espy_keras_read(espy_ctx *cx, espy_span file, espy_mlp **out, espy_json **notes)
{
    espy_err e = ESPY_E_OK;
    espy_json *metadata = NULL, *config = NULL;
    espy_buf weights;
    espy_hdf5 h;
    keras_plan *plan = espy_zalloc(cx, sizeof *plan);
    espy_buf_init(&weights, cx->max.file_bytes);
    if (!plan)
        return cx->code;
    ESPY_GO(keras_text(cx, file, "metadata.json", &metadata));
    ESPY_GO(keras_text(cx, file, "config.json", &config));
    ESPY_GO(keras_plan_make(cx, config, plan));
    ESPY_GO(espy_zip_read(cx, file, "model.weights.h5", &weights));
    ESPY_GO(espy_hdf5_open(cx, espy_span_of(&weights), &h));
    ESPY_GO(keras_load(cx, &h, plan, out));
    const espy_json *said = espy_json_get(metadata, "espy");
    *notes = espy_json_is_object(said) ? espy_json_ref((espy_json *)said) : NULL;
out:
    espy_free(cx, plan);
    espy_buf_free(cx, &weights);
    espy_json_free(config);
    espy_json_free(metadata);
    return e;
}

/* ---- writing ---- */

/* {"module": "keras.layers", "class_name": CLASS, "config": CONFIG, "registered_name": null};
 * takes over `config`. */
static espy_err keras_put_object(espy_ctx *cx, const char *module, const char *class,
                                 espy_json *config, espy_json **out)
{
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "module", espy_json_of_string(module)));
    ESPY_GO(espy_json_set(cx, o, "class_name", espy_json_of_string(class)));
    e = espy_json_set(cx, o, "config", config);
    config = NULL;
    ESPY_GO(e);
    ESPY_GO(espy_json_set(cx, o, "registered_name", espy_json_null_value()));
    *out = o;
    o = NULL;
out:
    espy_json_free(config);
    espy_json_free(o);
    return e;
}

/* [null, dim] */
static espy_err keras_put_shape(espy_ctx *cx, espy_json *o, const char *key, size_t dim)
{
    espy_json *shape = espy_json_array();
    espy_err e = espy_json_append(cx, shape, espy_json_null_value());
    if (e == ESPY_E_OK)
        e = espy_json_append(cx, shape, espy_json_of_int((int64_t)dim));
    if (e) {
        espy_json_free(shape);
        return e;
    }
    return espy_json_set(cx, o, key, shape);
}

/* A layer at the end of the list; takes over `config`, whose first member is its name. */
static espy_err keras_put_layer(espy_ctx *cx, espy_json *layers, const char *class,
                                espy_json *config)
{
    espy_json *o;
    ESPY_TRY(keras_put_object(cx, "keras.layers", class, config, &o));
    return espy_json_append(cx, layers, o);
}

static espy_err keras_put_common(espy_ctx *cx, espy_json *config, const char *class, size_t number)
{
    char name[KERAS_NAME];
    keras_numbered(name, class, number);
    ESPY_TRY(espy_json_set(cx, config, "name", espy_json_of_string(name)));
    ESPY_TRY(espy_json_set(cx, config, "trainable", espy_json_of_bool(true)));
    return espy_json_set(cx, config, "dtype", espy_json_of_string("float32"));
}

static espy_err keras_put_input(espy_ctx *cx, espy_json *layers, size_t dim)
{
    espy_err e = ESPY_E_OK;
    espy_json *c = espy_json_object();
    ESPY_GO(espy_json_set(cx, c, "name", espy_json_of_string("input_layer")));
    ESPY_GO(espy_json_set(cx, c, "dtype", espy_json_of_string("float32")));
    ESPY_GO(keras_put_shape(cx, c, "batch_shape", dim));
    return keras_put_layer(cx, layers, "InputLayer", c);
out:
    espy_json_free(c);
    return e;
}

static espy_err keras_put_dense(espy_ctx *cx, espy_json *layers, const espy_mlp_layer *l,
                                size_t number, const char *activation)
{
    espy_err e = ESPY_E_OK;
    espy_json *c = espy_json_object();
    ESPY_GO(keras_put_common(cx, c, "dense", number));
    ESPY_GO(espy_json_set(cx, c, "units", espy_json_of_int((int64_t)l->out)));
    ESPY_GO(espy_json_set(cx, c, "activation", espy_json_of_string(activation)));
    ESPY_GO(espy_json_set(cx, c, "use_bias", espy_json_of_bool(true)));
    return keras_put_layer(cx, layers, "Dense", c);
out:
    espy_json_free(c);
    return e;
}

static espy_err keras_put_norm(espy_ctx *cx, espy_json *layers, size_t number)
{
    espy_err e = ESPY_E_OK;
    espy_json *c = espy_json_object();
    ESPY_GO(keras_put_common(cx, c, "batch_normalization", number));
    ESPY_GO(espy_json_set(cx, c, "axis", espy_json_of_int(-1)));
    ESPY_GO(espy_json_set(cx, c, "momentum", espy_json_of_number(KERAS_MOMENTUM)));
    ESPY_GO(espy_json_set(cx, c, "epsilon", espy_json_of_float(ESPY_MLP_EPSILON)));
    ESPY_GO(espy_json_set(cx, c, "center", espy_json_of_bool(true)));
    ESPY_GO(espy_json_set(cx, c, "scale", espy_json_of_bool(true)));
    return keras_put_layer(cx, layers, "BatchNormalization", c);
out:
    espy_json_free(c);
    return e;
}

static espy_err keras_put_dropout(espy_ctx *cx, espy_json *layers, float rate, size_t number)
{
    espy_err e = ESPY_E_OK;
    espy_json *c = espy_json_object();
    ESPY_GO(keras_put_common(cx, c, "dropout", number));
    ESPY_GO(espy_json_set(cx, c, "rate", espy_json_of_float(rate)));
    return keras_put_layer(cx, layers, "Dropout", c);
out:
    espy_json_free(c);
    return e;
}

static espy_err keras_put_layers(espy_ctx *cx, const espy_mlp *mlp, espy_json *layers)
{
    size_t norms = 0, dropouts = 0;
    ESPY_TRY(keras_put_input(cx, layers, mlp->dim));
    for (size_t i = 0; i < mlp->n; i++) {
        const espy_mlp_layer *l = &mlp->at[i];
        ESPY_TRY(keras_put_dense(cx, layers, l, i, i + 1 < mlp->n ? "relu" : "softmax"));
        if (l->gamma)
            ESPY_TRY(keras_put_norm(cx, layers, norms++));
        if (l->dropout > 0)
            ESPY_TRY(keras_put_dropout(cx, layers, l->dropout, dropouts++));
    }
    return ESPY_E_OK;
}

static espy_err keras_put_config(espy_ctx *cx, const espy_mlp *mlp, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    espy_json *config = espy_json_object(), *layers = espy_json_array(), *model = NULL,
              *build = espy_json_object();
    ESPY_GO(keras_put_layers(cx, mlp, layers));
    ESPY_GO(espy_json_set(cx, config, "name", espy_json_of_string("espy")));
    ESPY_GO(espy_json_set(cx, config, "trainable", espy_json_of_bool(true)));
    e = espy_json_set(cx, config, "layers", layers);
    layers = NULL;
    ESPY_GO(e);
    e = keras_put_object(cx, "keras", "Sequential", config, &model);
    config = NULL;
    ESPY_GO(e);
    ESPY_GO(keras_put_shape(cx, build, "input_shape", mlp->dim));
    e = espy_json_set(cx, model, "build_config", build);
    build = NULL;
    ESPY_GO(e);
    ESPY_GO(espy_json_print(cx, model, 0, out));
out:
    espy_json_free(config);
    espy_json_free(layers);
    espy_json_free(build);
    espy_json_free(model);
    return e;
}

static espy_err keras_put_notes(espy_ctx *cx, const espy_mlp *mlp, const espy_keras_facts *facts,
                                espy_json *notes)
{
    ESPY_TRY(
        espy_json_set(cx, notes, "software_version", espy_json_of_string("espy " ESPY_VERSION)));
    ESPY_TRY(espy_json_set(cx, notes, "input",
                           espy_json_of_string("(embedding - mean) / std, float32")));
    ESPY_TRY(espy_json_set(cx, notes, "mean", espy_json_of_number(facts->mean)));
    ESPY_TRY(espy_json_set(cx, notes, "std", espy_json_of_number(facts->std)));
    if (facts->encoder)
        ESPY_TRY(espy_json_set(cx, notes, "encoder", espy_json_of_string(facts->encoder)));
    if (!facts->labels)
        return ESPY_E_OK;
    espy_json *labels = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < mlp->classes && e == ESPY_E_OK; i++)
        e = espy_json_append(cx, labels, espy_json_of_string(facts->labels[i]));
    if (e) {
        espy_json_free(labels);
        return e;
    }
    return espy_json_set(cx, notes, "labels", labels);
}

static espy_err keras_put_metadata(espy_ctx *cx, const espy_mlp *mlp, const espy_keras_facts *facts,
                                   espy_buf *out)
{
    char date[32];
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object(), *notes = espy_json_object();
    espy_time_iso(facts->date, date); /* 2025-11-17T23:45:25Z; Keras has 2025-11-17@23:45:25 */
    date[10] = '@';
    date[19] = '\0';
    ESPY_GO(keras_put_notes(cx, mlp, facts, notes));
    ESPY_GO(espy_json_set(cx, o, "keras_version", espy_json_of_string(KERAS_VERSION)));
    ESPY_GO(espy_json_set(cx, o, "date_saved", espy_json_of_string(date)));
    e = espy_json_set(cx, o, "espy", notes);
    notes = NULL;
    ESPY_GO(e);
    ESPY_GO(espy_json_print(cx, o, 0, out));
out:
    espy_json_free(notes);
    espy_json_free(o);
    return e;
}

#define KERAS_ITEMS (6 * ESPY_MLP_LAYERS) /* kernel, bias, four of the normalisation */

/* Paths must stay where they are until the file is written. */
typedef struct keras_items {
    espy_hdf5_item at[KERAS_ITEMS];
    char paths[KERAS_ITEMS][KERAS_PATH];
    size_t n;
} keras_items;

static void keras_put_item(keras_items *w, const char *class, size_t layer, int number,
                           const float *data, size_t rows, size_t cols)
{
    char group[KERAS_NAME];
    keras_numbered(group, class, layer);
    snprintf(w->paths[w->n], KERAS_PATH, "layers/%s/vars/%d", group, number);
    w->at[w->n] =
        (espy_hdf5_item){w->paths[w->n], data, rows ? 2 : 1, {rows ? rows : cols, rows ? cols : 0}};
    w->n++;
}

static espy_err keras_put_weights(espy_ctx *cx, const espy_mlp *mlp, espy_buf *out)
{
    keras_items *w = espy_zalloc(cx, sizeof *w);
    size_t norms = 0;
    if (!w)
        return cx->code;
    for (size_t i = 0; i < mlp->n; i++) {
        const espy_mlp_layer *l = &mlp->at[i];
        keras_put_item(w, "dense", i, 0, l->weights, l->in, l->out);
        keras_put_item(w, "dense", i, 1, l->bias, 0, l->out);
        if (!l->gamma)
            continue;
        const float *parts[4] = {l->gamma, l->beta, l->mean, l->variance};
        for (int k = 0; k < 4; k++)
            keras_put_item(w, "batch_normalization", norms, k, parts[k], 0, l->out);
        norms++;
    }
    espy_err e = espy_hdf5_write(cx, w->at, w->n, out);
    espy_free(cx, w);
    return e;
}

espy_err espy_keras_write(espy_ctx *cx, const espy_mlp *mlp, const espy_keras_facts *facts,
                          espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    espy_buf metadata, config, weights;
    espy_buf_init(&metadata, KERAS_TEXT_MAX);
    espy_buf_init(&config, KERAS_TEXT_MAX);
    espy_buf_init(&weights, KERAS_FILE_MAX);
    ESPY_GO(keras_put_metadata(cx, mlp, facts, &metadata));
    ESPY_GO(keras_put_config(cx, mlp, &config));
    ESPY_GO(keras_put_weights(cx, mlp, &weights));
    const espy_zip_member members[] = {{"metadata.json", espy_span_of(&metadata)},
                                       {"config.json", espy_span_of(&config)},
                                       {"model.weights.h5", espy_span_of(&weights)}};
    ESPY_GO(espy_zip_write(cx, members, 3, out));
out:
    espy_buf_free(cx, &metadata);
    espy_buf_free(cx, &config);
    espy_buf_free(cx, &weights);
    return e;
}
