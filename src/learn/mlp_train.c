/* SPDX-License-Identifier: Apache-2.0
 * learn - training of the perceptron.
 *
 * A batch is small (64 rows) and the network wide, so a layer is cut into pieces across its width,
 * and everything of a piece happens in one task while it is in the cache:
 *
 *   forth  columns of a layer: their part of x W, ReLU, mean and variance over the batch,
 *          normalisation, dropout.  All of it belongs to a column.
 *   back   rows of a layer's weights, that is columns of the layer below: their part of the
 *          gradient, which is nowhere kept whole, then the gradient of the layer below from the old
 *          weights, then Adam on the rows, then the way back through dropout, normalisation and
 *          ReLU of those columns and Adam on their parameters.
 *
 * So the weights and moments pass through the cache once a step, which costs more than the products
 * do.  Pieces depend on the widths alone: same bits on any number of threads. */
#include "learn/mlp_train.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"

#define TRAIN_KEEP 0.99f /* of the moving mean and variance */

enum {
    TRAIN_FORTH = 1 << 17,  /* weights of a piece on the way there, 512 KiB */
    TRAIN_FORTH_MOST = 512, /* its columns, and the least: */
    TRAIN_FORTH_LEAST = 64,
    TRAIN_BACK = 1 << 15, /* on the way back there are moments and the gradient as well */
    TRAIN_BACK_LEAST = 16 /* rows of weights */
};

static size_t train_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Columns of a piece of a layer over `in` values, and rows of one that gives `out`. */
static size_t train_forth_piece(size_t in)
{
    size_t w = TRAIN_FORTH / in / TRAIN_FORTH_LEAST * TRAIN_FORTH_LEAST;

    return w < TRAIN_FORTH_LEAST ? TRAIN_FORTH_LEAST : train_least(w, TRAIN_FORTH_MOST);
}

static size_t train_back_piece(size_t out)
{
    size_t rows = TRAIN_BACK / out / TRAIN_BACK_LEAST * TRAIN_BACK_LEAST;

    return rows < TRAIN_BACK_LEAST ? TRAIN_BACK_LEAST : rows;
}

espy_mlp_watch espy_mlp_watch_make(double rate, size_t patience, size_t plateau)
{
    return (espy_mlp_watch){.patience = patience,
                            .plateau = plateau,
                            .rate = rate,
                            .best = INFINITY,
                            .flat_best = INFINITY};
}

bool espy_mlp_watch_step(espy_mlp_watch *w, double loss, bool *better)
{
    w->epoch++;
    *better = loss < w->best;
    if (*better) {
        w->best = loss;
        w->best_epoch = w->epoch;
    }
    if (loss < w->flat_best - 1e-4) {
        w->flat_best = loss;
        w->flat = 0;
    } else if (++w->flat >= w->plateau) {
        w->rate = fmax(w->rate * 0.5, 1e-7);
        w->flat = 0;
    }
    return w->epoch - w->best_epoch >= w->patience;
}

static espy_err train_state_make(espy_ctx *cx, const espy_mlp_layer *y, size_t most, bool last,
                                 espy_mlp_state *s)
{
    size_t cells = y->in * y->out, out = y->out;

    if (!(s->moments = espy_floats(cx, 2 * (cells + 3 * out))) ||
        !(s->columns = espy_floats(cx, 5 * out)) ||
        !(s->values = espy_floats(cx, last ? 0 : 2 * most * out)))
        return cx->code;
    s->first = s->moments;
    s->second = s->moments + cells;
    for (size_t k = 0; k < 3; k++) {
        s->firsts[k] = s->moments + 2 * cells + k * out;
        s->seconds[k] = s->moments + 2 * cells + (3 + k) * out;
        s->gradient[k] = s->columns + (2 + k) * out;
    }
    s->mean = s->columns;
    s->inverse = s->columns + out;
    s->r = s->values;
    s->a = last ? NULL : s->values + most * out;
    return ESPY_E_OK;
}

espy_err espy_mlp_trainer_make(espy_ctx *cx, espy_mlp *mlp, size_t most, uint64_t seed,
                               espy_mlp_trainer *t)
{
    *t = (espy_mlp_trainer){.mlp = mlp, .most = most, .columns = espy_mlp_columns_pick()};
    espy_random_seed(&t->random, seed, 13);
    for (size_t l = 0; l < mlp->n; l++) {
        const espy_mlp_layer *y = &mlp->at[l];
        size_t piece = train_least(train_back_piece(y->out), y->in) * y->out;
        t->scratch_each = piece > t->scratch_each ? piece : t->scratch_each;
        ESPY_TRY(train_state_make(cx, y, most, l + 1 == mlp->n, &t->at[l]));
    }
    t->scratch_each = (t->scratch_each + 15) / 16 * 16; /* whole cache lines */
    if (!(t->x = espy_floats(cx, most * mlp->dim)) ||
        !(t->p = espy_floats(cx, most * mlp->classes)) ||
        !(t->y = espy_array(cx, most, sizeof *t->y)) ||
        !(t->scratch = espy_floats(cx, espy_pool_size(cx->pool) * t->scratch_each)))
        return cx->code;
    return ESPY_E_OK;
}

void espy_mlp_trainer_free(espy_ctx *cx, espy_mlp_trainer *t)
{
    for (size_t l = 0; l < ESPY_MLP_LAYERS; l++) {
        espy_free(cx, t->at[l].values);
        espy_free(cx, t->at[l].columns);
        espy_free(cx, t->at[l].moments);
    }
    espy_free(cx, t->x);
    espy_free(cx, t->y);
    espy_free(cx, t->p);
    espy_free(cx, t->scratch);
    *t = (espy_mlp_trainer){0};
}

typedef struct train_job {
    espy_mlp_trainer *t;
    size_t l, m; /* the layer; rows of the batch */
    float alpha; /* of Adam, this step */
} train_job;

static espy_mlp_norm train_norm(const espy_mlp_trainer *t, size_t l, size_t c)
{
    const espy_mlp_state *s = &t->at[l];
    const espy_mlp_layer *y = &t->mlp->at[l];

    return (espy_mlp_norm){s->mean + c, s->inverse + c, y->gamma + c, y->beta + c};
}

static espy_mlp_drop train_drop(const espy_mlp_trainer *t, size_t l, size_t c)
{
    const espy_mlp_layer *y = &t->mlp->at[l];

    return (espy_mlp_drop){.key = t->key[l],
                           .below = (uint32_t)((double)y->dropout * 4294967296.0),
                           .times = 1 / (1 - y->dropout),
                           .width = y->out,
                           .first = c};
}

static espy_err train_forth(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const train_job *j = self;
    const espy_mlp_trainer *t = j->t;
    const espy_mlp_layer *y = &t->mlp->at[j->l];
    const espy_mlp_state *s = &t->at[j->l];
    bool last = j->l + 1 == t->mlp->n;
    size_t piece = train_forth_piece(y->in), c = item * piece, w = train_least(piece, y->out - c);
    float *to = (last ? t->p : s->r) + c;
    (void)worker;

    ESPY_TRY(espy_gemm(cx, false, false, j->m, w, y->in, 1, j->l ? t->at[j->l - 1].a : t->x, y->in,
                       y->weights + c, y->out, 0, to, y->out));
    if (last)
        return ESPY_E_OK;
    espy_mlp_norm norm = train_norm(t, j->l, c);
    espy_mlp_drop drop = train_drop(t, j->l, c);
    t->columns->rectify(to, y->bias + c, s->mean + c, j->m, w, y->out);
    for (size_t k = c; k < c + w; k++)
        s->mean[k] /= (float)j->m;
    t->columns->variance(to, s->mean + c, s->inverse + c, j->m, w, y->out);
    for (size_t k = c; k < c + w; k++) {
        float variance = s->inverse[k] / (float)j->m;
        y->mean[k] += (s->mean[k] - y->mean[k]) * (1 - TRAIN_KEEP);
        y->variance[k] += (variance - y->variance[k]) * (1 - TRAIN_KEEP);
        s->inverse[k] = 1 / sqrtf(variance + ESPY_MLP_EPSILON);
    }
    t->columns->normalise(to, &norm, &drop, s->a + c, j->m, w, y->out);
    return ESPY_E_OK;
}

/* Softmax and cross-entropy of the batch; logits become their gradient, and the last bias moves. */
static void train_turn(const train_job *j, double *loss, size_t *right)
{
    const espy_mlp_trainer *t = j->t;
    const espy_mlp_layer *y = &t->mlp->at[t->mlp->n - 1];
    const espy_mlp_state *s = &t->at[t->mlp->n - 1];
    float *g = s->gradient[0], share = 1 / (float)j->m;

    memset(g, 0, y->out * sizeof *g);
    for (size_t i = 0; i < j->m; i++) {
        float *p = t->p + i * y->out, sum = 0;
        size_t top = 0;
        for (size_t c = 0; c < y->out; c++) {
            p[c] += y->bias[c];
            top = p[c] > p[top] ? c : top;
        }
        float most = p[top];
        *right += top == t->y[i];
        *loss += (double)(most - p[t->y[i]]);
        for (size_t c = 0; c < y->out; c++)
            sum += p[c] = expf(p[c] - most);
        *loss += log((double)sum);
        for (size_t c = 0; c < y->out; c++) {
            float v = (p[c] / sum - (c == t->y[i] ? 1.0f : 0.0f)) * share;
            p[c] = fabsf(v) < 1e-30f ? 0 : v; /* as the moments: nothing near the denormals */
            g[c] += p[c];
        }
    }
    t->columns->adam(y->bias, s->firsts[0], s->seconds[0], g, j->alpha, y->out);
}

static espy_err train_back(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const train_job *j = self;
    const espy_mlp_trainer *t = j->t;
    const espy_mlp_layer *y = &t->mlp->at[j->l];
    const espy_mlp_state *s = &t->at[j->l], *below = j->l ? &t->at[j->l - 1] : NULL;
    const float *d = j->l + 1 == t->mlp->n ? t->p : s->a;
    size_t piece = train_back_piece(y->out), c = item * piece, w = train_least(piece, y->in - c);
    size_t at = c * y->out;
    float *g = t->scratch + worker * t->scratch_each;

    ESPY_TRY(espy_gemm(cx, true, false, w, y->out, j->m, 1, (below ? below->a : t->x) + c, y->in, d,
                       y->out, 0, g, y->out));
    if (below)
        ESPY_TRY(espy_gemm(cx, false, true, j->m, w, y->out, 1, d, y->out, y->weights + at, y->out,
                           0, below->a + c, y->in));
    t->columns->adam(y->weights + at, s->first + at, s->second + at, g, j->alpha, w * y->out);
    if (!below)
        return ESPY_E_OK;
    const espy_mlp_layer *under = &t->mlp->at[j->l - 1];
    float *own[3] = {under->bias, under->gamma, under->beta};
    espy_mlp_norm norm = train_norm(t, j->l - 1, c);
    espy_mlp_drop drop = train_drop(t, j->l - 1, c);
    t->columns->back(below->a + c, below->r + c, &norm, &drop, below->gradient[0] + c,
                     below->gradient[1] + c, below->gradient[2] + c, j->m, w, y->in);
    for (size_t k = 0; k < 3; k++)
        t->columns->adam(own[k] + c, below->firsts[k] + c, below->seconds[k] + c,
                         below->gradient[k] + c, j->alpha, w);
    return ESPY_E_OK;
}

espy_err espy_mlp_trainer_step(espy_ctx *cx, espy_mlp_trainer *t, const espy_rows *rows,
                               const uint32_t *order, size_t m, double rate, double *loss,
                               size_t *right)
{
    const espy_mlp *mlp = t->mlp;
    double step = (double)++t->steps;
    train_job job = {
        .t = t, .m = m, .alpha = (float)(rate * sqrt(1 - pow(0.999, step)) / (1 - pow(0.9, step)))};

    for (size_t i = 0; i < m; i++) {
        memcpy(t->x + i * mlp->dim, rows->x + (size_t)order[i] * mlp->dim, mlp->dim * sizeof *t->x);
        t->y[i] = rows->y[order[i]];
    }
    for (size_t l = 0; l < mlp->n; l++) {
        size_t piece = train_forth_piece(mlp->at[l].in);
        t->key[l] = espy_random_u32(&t->random);
        job.l = l;
        ESPY_TRY(espy_parallel(cx, (mlp->at[l].out + piece - 1) / piece, train_forth, &job));
    }
    train_turn(&job, loss, right);
    for (size_t l = mlp->n; l-- > 0;) {
        size_t piece = train_back_piece(mlp->at[l].out);
        job.l = l;
        ESPY_TRY(espy_parallel(cx, (mlp->at[l].in + piece - 1) / piece, train_back, &job));
    }
    return ESPY_E_OK;
}

void espy_mlp_draw(espy_mlp *mlp, espy_random *r)
{
    for (size_t l = 0; l < mlp->n; l++) {
        const espy_mlp_layer *y = &mlp->at[l];
        double limit = sqrt(6.0 / (double)(y->in + y->out));
        for (size_t i = 0; i < y->in * y->out; i++)
            y->weights[i] = (float)((2 * espy_random_unit(r) - 1) * limit);
    }
}

/* The weights of a network of the same shape. */
static void train_copy(espy_mlp *to, const espy_mlp *from)
{
    for (size_t l = 0; l < from->n; l++) {
        const espy_mlp_layer *a = &from->at[l], *b = &to->at[l];
        float *const out[] = {b->bias, b->gamma, b->beta, b->mean, b->variance};
        const float *const in[] = {a->bias, a->gamma, a->beta, a->mean, a->variance};
        memcpy(b->weights, a->weights, a->in * a->out * sizeof *a->weights);
        for (size_t k = 0; k < 5; k++)
            if (in[k])
                memcpy(out[k], in[k], a->out * sizeof *in[k]);
    }
}

/* Mean cross-entropy and share of right answers; p: scratch of n x classes. */
static espy_err train_validate(espy_ctx *cx, const espy_mlp *mlp, const espy_rows *v, float *p,
                               espy_mlp_epoch *e)
{
    double loss = 0;
    size_t right = 0;

    ESPY_TRY(espy_mlp_probabilities(cx, mlp, v->x, v->n, p));
    for (size_t i = 0; i < v->n; i++) {
        const float *own = p + i * mlp->classes;
        size_t top = 0;
        for (size_t c = 1; c < mlp->classes; c++)
            top = own[c] > own[top] ? c : top;
        right += top == v->y[i];
        loss -= log(own[v->y[i]] < FLT_MIN ? (double)FLT_MIN : (double)own[v->y[i]]);
    }
    e->val_loss = (float)(loss / (double)v->n);
    e->val_accuracy = (float)right / (float)v->n;
    return ESPY_E_OK;
}

/* All rows once, in batches; a last row that would be alone goes with the batch before it, because
 * one row has no variance to be normalised by. */
static espy_err train_epoch(espy_ctx *cx, espy_mlp_trainer *t, const espy_rows *rows,
                            const uint32_t *order, size_t batch, double rate, espy_mlp_epoch *e)
{
    double loss = 0;
    size_t right = 0, m;

    for (size_t at = 0; at < rows->n; at += m) {
        m = train_least(batch, rows->n - at);
        m += rows->n - at - m == 1;
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(espy_mlp_trainer_step(cx, t, rows, order + at, m, rate, &loss, &right));
    }
    *e = (espy_mlp_epoch){.loss = (float)(loss / (double)rows->n),
                          .accuracy = (float)right / (float)rows->n,
                          .val_loss = NAN,
                          .val_accuracy = NAN,
                          .rate = (float)rate};
    return ESPY_E_OK;
}

static espy_err train_check(espy_ctx *cx, const espy_rows *rows, const espy_rows *validation)
{
    ESPY_TRY(espy_rows_check(cx, rows));
    for (size_t i = 0; i < validation->n; i++)
        if (validation->dim != rows->dim || validation->y[i] >= rows->classes ||
            !espy_rows_finite(validation->x + i * rows->dim, rows->dim))
            return espy_fail(cx, ESPY_E_DATA,
                             "validation sample %zu does not go with the samples to learn from", i);
    return ESPY_E_OK;
}

espy_err espy_mlp_fit(espy_ctx *cx, const espy_rows *rows, const espy_rows *validation,
                      const espy_mlp_options *options, espy_mlp **out, espy_mlp_history *history)
{
    static const float dropout[] = {0.5f, 0.4f, 0.3f, 0.2f};
    const size_t widths[] = {512, 256, 128, 64, rows->classes};
    size_t epochs = options->epochs ? options->epochs : 100;
    size_t batch = options->batch ? options->batch : 64, n = rows->n;
    espy_mlp *mlp = NULL, *best = NULL;
    espy_mlp_trainer t = {0};
    espy_mlp_history h = {0};
    espy_mlp_watch watch = espy_mlp_watch_make(options->rate > 0 ? options->rate : 1e-3,
                                               options->patience ? options->patience : 15,
                                               options->plateau ? options->plateau : 7);
    espy_random r;
    uint32_t *order = NULL;
    float *p = NULL;
    espy_err e;
    bool better, stop = false;

    ESPY_TRY(train_check(cx, rows, validation));
    batch = batch < 2 ? 2 : batch;
    ESPY_GO(espy_mlp_create(cx, rows->dim, widths, 5, true, dropout, &mlp));
    ESPY_GO(espy_mlp_create(cx, rows->dim, widths, 5, true, dropout, &best));
    ESPY_GO(espy_mlp_trainer_make(cx, mlp, train_least(batch + 1, n), options->seed, &t));
    if (!(order = espy_array(cx, n, sizeof *order)) ||
        !(p = espy_floats(cx, validation->n * rows->classes)) ||
        !(h.at = espy_array(cx, epochs, sizeof *h.at)))
        ESPY_GO(cx->code);
    espy_random_seed(&r, options->seed, 11);
    espy_mlp_draw(mlp, &r);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    espy_random_seed(&r, options->seed, 12);
    while (h.n < epochs && !stop) {
        espy_mlp_epoch *at = &h.at[h.n];
        espy_random_shuffle(&r, order, n);
        ESPY_GO(train_epoch(cx, &t, rows, order, batch, watch.rate, at));
        if (validation->n)
            ESPY_GO(train_validate(cx, mlp, validation, p, at));
        float loss = validation->n ? at->val_loss : at->loss;
        if (!isfinite(loss) || !isfinite(at->loss))
            ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                              "training left the numbers in epoch %zu: look for samples whose "
                              "values are far from all others, or learn at a lower rate",
                              h.n + 1));
        stop = espy_mlp_watch_step(&watch, (double)loss, &better);
        if (better)
            train_copy(best, mlp);
        h.n++;
        if (options->epoch)
            options->epoch(options->self, h.n, epochs, at);
    }
    h.best = watch.best_epoch - 1;
    *out = best;
    h.train = rows->n;
    h.validation = validation->n;
    *history = h;
    best = NULL;
    h = (espy_mlp_history){0};
out:
    espy_mlp_destroy(cx, &mlp);
    espy_mlp_destroy(cx, &best);
    espy_mlp_trainer_free(cx, &t);
    espy_mlp_history_free(cx, &h);
    espy_free(cx, order);
    espy_free(cx, p);
    return e;
}
