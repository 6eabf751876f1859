/* SPDX-License-Identifier: Apache-2.0
 * head - mlp: the perceptron 512-256-128-64 of learn/mlp.h over values normalised by one mean and
 * one deviation.
 *
 * File: "mlp.normalisation" F64: mean, deviation; "mlp.dropout" F32: of each layer; and of layer i
 * "mlp.<i>.weights" F32 in x out, ".bias" F32 out and, where it is normalised, ".gamma", ".beta",
 * ".mean", ".variance" F32 out.  The output layer is the last one that there is. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "head/head_file.h"
#include "head/head_parts.h"
#include "learn/split.h"

enum { MLP_CHUNK = 1024 /* queries normalised at a time, which bounds the scratch */ };

#define MLP_VALIDATION 0.15 /* share of the rows (C-11) */
#define MLP_SEED 42

extern const espy_head_ops espy_head_mlp;

typedef struct head_mlp {
    espy_head head;
    espy_mlp *model;
    double mean, std;
    espy_mlp_history history;
} head_mlp;

static void mlp_destroy(espy_ctx *cx, espy_head *head)
{
    head_mlp *h = (head_mlp *)head;

    espy_mlp_history_free(cx, &h->history);
    espy_mlp_destroy(cx, &h->model);
    espy_free(cx, h);
}

bool espy_head_mlp_network(const espy_head *head, espy_head_network *out)
{
    const head_mlp *h = (const head_mlp *)head;

    if (head->ops != &espy_head_mlp)
        return false;
    *out = (espy_head_network){h->model, h->mean, h->std, &h->history};
    return true;
}

/* The tensors of a layer besides its weights: names, and where they are. */
enum { MLP_COLUMNS = 5 };
static const char *const mlp_names[MLP_COLUMNS] = {"bias", "gamma", "beta", "mean", "variance"};

static float *mlp_column(const espy_mlp_layer *l, size_t k)
{
    float *const at[MLP_COLUMNS] = {l->bias, l->gamma, l->beta, l->mean, l->variance};

    return at[k];
}

/* Layers follow on from each other, drop less than all, and have a variance where they are
 * normalised, which all hidden ones are or none. */
static bool mlp_sound(const espy_mlp *m)
{
    if (m->n < 1 || m->n > ESPY_MLP_LAYERS || m->classes < 2 || m->at[0].in != m->dim ||
        m->at[m->n - 1].out != m->classes || m->at[m->n - 1].gamma)
        return false;
    for (size_t l = 0; l < m->n; l++) {
        const espy_mlp_layer *y = &m->at[l];
        if (!(y->dropout >= 0 && y->dropout < 1) || (l && y->in != m->at[l - 1].out) ||
            (l + 1 < m->n && !y->gamma != !m->at[0].gamma))
            return false;
        for (size_t c = 0; c < y->out && y->gamma; c++)
            if (!(y->variance[c] >= 0))
                return false;
    }
    return true;
}

espy_err espy_head_mlp_take(espy_ctx *cx, double mean, double std, espy_mlp **model,
                            espy_head **out)
{
    if (!isfinite(mean) || !(std > 0 && isfinite(std)) || !mlp_sound(*model))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the parts of this mlp head do not fit together: train again");
    head_mlp *h = espy_zalloc(cx, sizeof *h);
    if (!h)
        return cx->code;
    *h = (head_mlp){
        .head = {.ops = &espy_head_mlp, .dim = (*model)->dim, .classes = (*model)->classes},
        .model = *model,
        .mean = mean,
        .std = std};
    *model = NULL;
    *out = &h->head;
    return ESPY_E_OK;
}

static void mlp_normalise(double mean, double std, const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(((double)x[i] - mean) / std);
}

/* The rows of one side of the split, normalised; x, y are the caller's. */
static espy_err mlp_part(espy_ctx *cx, const espy_rows *all, const uint32_t *at, size_t n,
                         double mean, double std, float **x, uint32_t **y, espy_rows *out)
{
    if (!(*x = espy_floats(cx, n * all->dim)) || !(*y = espy_array(cx, n, sizeof **y)))
        return cx->code;
    for (size_t i = 0; i < n; i++) {
        size_t from = at ? at[i] : i;
        mlp_normalise(mean, std, all->x + from * all->dim, all->dim, *x + i * all->dim);
        (*y)[i] = all->y[from];
    }
    *out = (espy_rows){*x, *y, n, all->dim, all->classes};
    return ESPY_E_OK;
}

static espy_err mlp_fit(espy_ctx *cx, const espy_gallery *data, const espy_head_options *options,
                        espy_head **out)
{
    double mean = options->mean, std = options->std, share = options->validation;
    uint64_t seed = options->seed ? options->seed : MLP_SEED;
    espy_split split = {0};
    espy_rows train, check = {.dim = data->dim, .classes = data->classes};
    float *x = NULL, *check_x = NULL;
    uint32_t *y = NULL, *check_y = NULL;
    espy_mlp *model = NULL;
    espy_mlp_history history = {0};
    espy_mlp_options o = {
        .epochs = options->epochs, .seed = seed, .epoch = options->epoch, .self = options->self};
    espy_err e;

    ESPY_TRY(espy_rows_check(cx, data));
    if (!(std > 0))
        espy_rows_spread(data, &mean, &std);
    if (!(std > 0 && isfinite(std)))
        return espy_fail(cx, ESPY_E_DATA,
                         "the values of all samples are equal or too large: embed them again");
    e = espy_split_stratified(cx, data->y, data->group, data->n, data->classes,
                              share > 0 ? share : MLP_VALIDATION, seed, &split);
    if (e == ESPY_E_DATA) {
        espy_log(cx, ESPY_LOG_WARN,
                 "too few samples to hold any back for validation (%zu of %zu labels): the epoch "
                 "of least training loss is kept",
                 data->n, data->classes);
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    ESPY_GO(e);
    ESPY_GO(mlp_part(cx, data, split.train, split.test_n ? split.train_n : data->n, mean, std, &x,
                     &y, &train));
    if (split.test_n)
        ESPY_GO(
            mlp_part(cx, data, split.test, split.test_n, mean, std, &check_x, &check_y, &check));
    ESPY_GO(espy_mlp_fit(cx, &train, &check, &o, &model, &history));
    ESPY_GO(espy_head_mlp_take(cx, mean, std, &model, out));
    ((head_mlp *)*out)->history = history;
    history = (espy_mlp_history){0};
out:
    espy_mlp_history_free(cx, &history);
    espy_mlp_destroy(cx, &model);
    espy_split_free(cx, &split);
    espy_free(cx, x);
    espy_free(cx, y);
    espy_free(cx, check_x);
    espy_free(cx, check_y);
    return e;
}

static espy_err mlp_probabilities(espy_ctx *cx, const espy_head *head, const float *x, size_t n,
                                  float *p)
{
    const head_mlp *h = (const head_mlp *)head;
    size_t dim = head->dim, chunk = n < MLP_CHUNK ? n : MLP_CHUNK;
    float *scaled = espy_floats(cx, chunk * dim);
    espy_err e = ESPY_E_OK;

    if (!scaled)
        return cx->code;
    for (size_t at = 0; at < n; at += chunk) {
        size_t m = n - at < chunk ? n - at : chunk;
        mlp_normalise(h->mean, h->std, x + at * dim, m * dim, scaled);
        ESPY_GO(espy_mlp_probabilities(cx, h->model, scaled, m, p + at * head->classes));
    }
out:
    espy_free(cx, scaled);
    return e;
}

typedef char mlp_name[24];

static const char *mlp_call(mlp_name to, size_t layer, const char *what)
{
    (void)snprintf(to, sizeof(mlp_name), "mlp.%zu.%s", layer, what);
    return to;
}

static espy_err mlp_save(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    const head_mlp *h = (const head_mlp *)head;
    const espy_mlp *m = h->model;
    const double normalisation[2] = {h->mean, h->std};
    float dropout[ESPY_MLP_LAYERS];
    mlp_name names[ESPY_MLP_LAYERS][1 + MLP_COLUMNS];
    espy_head_file f = {.n = 0};

    espy_head_file_add(&f, "mlp.normalisation", ESPY_F64, 2, 0, normalisation);
    espy_head_file_add(&f, "mlp.dropout", ESPY_F32, m->n, 0, dropout);
    for (size_t l = 0; l < m->n; l++) {
        const espy_mlp_layer *y = &m->at[l];
        dropout[l] = y->dropout;
        espy_head_file_add(&f, mlp_call(names[l][0], l, "weights"), ESPY_F32, y->in, y->out,
                           y->weights);
        for (size_t k = 0; k < MLP_COLUMNS; k++)
            if (mlp_column(y, k))
                espy_head_file_add(&f, mlp_call(names[l][1 + k], l, mlp_names[k]), ESPY_F32, y->out,
                                   0, mlp_column(y, k));
    }
    return espy_head_file_write(cx, &f, "mlp", out);
}

/* Shapes first: the network is made only when all weights are there. */
static espy_err mlp_shape(espy_ctx *cx, const espy_tensors *t, size_t *dim, size_t *widths,
                          size_t *n, const float **dropout)
{
    const espy_tensor_entry *at, *drop;
    mlp_name name;

    ESPY_TRY(espy_head_file_need(cx, t, "mlp.dropout", ESPY_F32, SIZE_MAX, 0, &drop));
    *n = drop->dims[0];
    *dropout = drop->data;
    if (*n > ESPY_MLP_LAYERS)
        return espy_fail(cx, ESPY_E_FORMAT, "saved head: %zu layers are too many: train again", *n);
    for (size_t l = 0; l < *n; l++) {
        ESPY_TRY(espy_head_file_need(cx, t, mlp_call(name, l, "weights"), ESPY_F32,
                                     l ? widths[l - 1] : SIZE_MAX, SIZE_MAX, &at));
        *dim = l ? *dim : at->dims[0];
        widths[l] = at->dims[1];
    }
    return ESPY_E_OK;
}

static espy_err mlp_fill(espy_ctx *cx, const espy_tensors *t, espy_mlp *m)
{
    const espy_tensor_entry *at;
    mlp_name name;

    for (size_t l = 0; l < m->n; l++) {
        const espy_mlp_layer *y = &m->at[l];
        ESPY_TRY(
            espy_head_file_need(cx, t, mlp_call(name, l, "weights"), ESPY_F32, y->in, y->out, &at));
        memcpy(y->weights, at->data, at->bytes);
        for (size_t k = 0; k < MLP_COLUMNS; k++)
            if (mlp_column(y, k)) {
                ESPY_TRY(espy_head_file_need(cx, t, mlp_call(name, l, mlp_names[k]), ESPY_F32,
                                             y->out, 0, &at));
                memcpy(mlp_column(y, k), at->data, at->bytes);
            }
    }
    return ESPY_E_OK;
}

static espy_err mlp_load(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery,
                         espy_head **out)
{
    espy_tensors *t = NULL;
    espy_mlp *m = NULL;
    const espy_tensor_entry *normalisation;
    const float *dropout;
    size_t dim = 0, n, widths[ESPY_MLP_LAYERS];
    espy_err e;
    (void)gallery;

    ESPY_TRY(espy_head_file_open(cx, bytes, "mlp", &t));
    ESPY_GO(espy_head_file_need(cx, t, "mlp.normalisation", ESPY_F64, 2, 0, &normalisation));
    ESPY_GO(mlp_shape(cx, t, &dim, widths, &n, &dropout));
    ESPY_GO(espy_mlp_create(cx, dim, widths, n, espy_tensors_find(t, "mlp.0.gamma") && n > 1,
                            dropout, &m));
    ESPY_GO(mlp_fill(cx, t, m));
    const double *constants = normalisation->data;
    ESPY_GO(espy_head_mlp_take(cx, constants[0], constants[1], &m, out));
out:
    espy_tensors_destroy(cx, &t);
    espy_mlp_destroy(cx, &m);
    return e;
}

const espy_head_ops espy_head_mlp = {
    .name = "mlp",
    .help = "perceptron of four hidden layers, for hundreds of samples of each label",
    .fit = mlp_fit,
    .probabilities = mlp_probabilities,
    .save = mlp_save,
    .load = mlp_load,
    .destroy = mlp_destroy,
};
