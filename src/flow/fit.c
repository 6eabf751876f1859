/* SPDX-License-Identifier: Apache-2.0
 * flow - fit and evaluate. */
#include "flow/fit.h"

#include <math.h>
#include <string.h>

#include "learn/decision.h"
#include "learn/gallery.h"

#define FIT_SVM_LABELS 1000
#define FIT_MATRIX 500 /* labels whose confusion matrix is still worth its text */
#define FIT_FOLDS 5
#define FIT_ENOUGH 500 /* held-out samples that make folds unnecessary */
/* Percent of a label's own held-out samples that the floor may cost. */
#define FIT_FLOOR_LOSS 5.0
/* Share of stranger pairs that reach a pack's floor (docs/accuracy.md). */
#define FIT_STRANGERS 1e-3

/* The rows of a part of the split, copied together; *x, *y and *group are the caller's. */
static espy_err fit_part(espy_ctx *cx, const espy_rows *all, const uint32_t *at, size_t n,
                         float **x, uint32_t **y, uint64_t **group, espy_rows *out)
{
    float *px = espy_floats(cx, n * all->dim);
    uint32_t *py = px ? espy_array(cx, n, sizeof *py) : NULL;
    uint64_t *pg = py && all->group ? espy_array(cx, n, sizeof *pg) : NULL;
    if (!py || (all->group && !pg)) {
        espy_free(cx, px);
        espy_free(cx, py);
        return cx->code;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(px + i * all->dim, all->x + at[i] * all->dim, all->dim * sizeof *px);
        py[i] = all->y[at[i]];
        if (pg)
            pg[i] = all->group[at[i]];
    }
    *x = px;
    *y = py;
    *group = pg;
    *out = (espy_rows){px, py, n, all->dim, all->classes, pg};
    return ESPY_E_OK;
}

void espy_fit_more_free(espy_ctx *cx, espy_fit_more *m)
{
    espy_free(cx, m->x);
    espy_free(cx, m->y);
    espy_free(cx, m->group);
    *m = (espy_fit_more){0};
}

static espy_err fit_head(espy_ctx *cx, const espy_head_ops *ops, const espy_rows *rows,
                         const espy_head_options *settings, espy_head **out)
{
    return ops->fit(cx, rows, settings, out);
}

/* Learns from rows and from what `more` makes of them; at: their places in the caller's rows, NULL:
 * they are those. */
static espy_err fit_head_more(espy_ctx *cx, const espy_head_ops *ops, const espy_rows *rows,
                              const uint32_t *at, const espy_fit_options *o,
                              const espy_head_options *settings, espy_head **out)
{
    espy_fit_more more = {0};
    espy_err e = ESPY_E_OK;
    uint32_t *all = NULL, *y = NULL;
    uint64_t *group = NULL;
    float *x = NULL;
    const size_t dim = rows->dim, n = rows->n;
    if (!o->more)
        return fit_head(cx, ops, rows, settings, out);
    all = espy_array(cx, n, sizeof *all);
    if (!all)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < n; i++)
        all[i] = at ? at[i] : (uint32_t)i;
    ESPY_GO(o->more(cx, o->more_self, all, n, &more));
    x = espy_floats(cx, (n + more.n) * dim);
    y = espy_array(cx, n + more.n, sizeof *y);
    group = espy_array(cx, n + more.n, sizeof *group);
    if (!x || !y || !group)
        ESPY_GO(cx->code);
    memcpy(x, rows->x, n * dim * sizeof *x);
    memcpy(x + n * dim, more.x, more.n * dim * sizeof *x);
    memcpy(y, rows->y, n * sizeof *y);
    memcpy(y + n, more.y, more.n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        group[i] = rows->group ? rows->group[i] : all[i];
    memcpy(group + n, more.group, more.n * sizeof *group);
    const espy_rows both = {x, y, n + more.n, dim, rows->classes, group};
    ESPY_GO(fit_head(cx, ops, &both, settings, out));
out:
    espy_fit_more_free(cx, &more);
    espy_free(cx, all);
    espy_free(cx, x);
    espy_free(cx, y);
    espy_free(cx, group);
    return e;
}

static espy_err fit_choose(espy_ctx *cx, const espy_rows *rows, const espy_fit_options *o,
                           const espy_head_ops **out)
{
    const char *name = o->head;
    if (!name) {
        size_t *count = espy_array(cx, rows->classes, sizeof *count);
        if (!count)
            return cx->code;
        size_t least = SIZE_MAX;
        for (size_t i = 0; i < rows->n; i++)
            count[rows->y[i]]++;
        for (size_t c = 0; c < rows->classes; c++)
            least = count[c] < least ? count[c] : least;
        espy_free(cx, count);
        name = least < 2 || rows->classes > FIT_SVM_LABELS ? "knn" : o->usual ? o->usual : "svm";
    }
    return espy_head_choose(cx, name, out);
}

/* Moves the held-out samples for which moves[i] is set back into training, and their siblings. */
static espy_err fit_give_back(espy_ctx *cx, const espy_rows *rows, uint8_t *moves, espy_split *s)
{
    size_t kept = 0, n = 0;
    for (size_t i = 0; rows->group && i < s->test_n; i++)
        for (size_t k = 0; moves[i] == 1 && k < s->test_n; k++)
            if (!moves[k] && rows->group[s->test[k]] == rows->group[s->test[i]])
                moves[k] = 2;
    uint32_t *train = espy_array(cx, rows->n, sizeof *train);
    if (!train)
        return cx->code;
    for (size_t i = 0; i < s->test_n; i++)
        if (!moves[i])
            s->test[kept++] = s->test[i];
    for (size_t i = 0, k = 0; i < rows->n; i++)
        if (k < kept && s->test[k] == i)
            k++;
        else
            train[n++] = (uint32_t)i;
    espy_free(cx, s->train);
    s->train = train;
    s->train_n = n;
    s->test_n = kept;
    return ESPY_E_OK;
}

/* A label that would be learned from one sample keeps all of its own: the others are measured. */
static espy_err fit_not_thin(espy_ctx *cx, const espy_rows *rows, espy_split *s)
{
    espy_err e = ESPY_E_OK;
    size_t *count = espy_array(cx, rows->classes, sizeof *count);
    uint8_t *moves = espy_array(cx, s->test_n, sizeof *moves);
    bool any = false;
    if (!count || !moves)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < s->train_n; i++)
        count[rows->y[s->train[i]]]++;
    for (size_t i = 0; i < s->test_n; i++)
        any |= moves[i] = count[rows->y[s->test[i]]] < 2;
    if (any)
        e = fit_give_back(cx, rows, moves, s);
    if (e == ESPY_E_OK && !s->test_n)
        e = espy_fail(cx, ESPY_E_DATA, "two samples per label");
out:
    espy_free(cx, count);
    espy_free(cx, moves);
    return e;
}

/* Held-out part: at least one sample per label where labels have two; none when they do not. */
static espy_err fit_split(espy_ctx *cx, const espy_rows *rows, const espy_fit_options *o, bool few,
                          espy_split *out)
{
    double share = o->test_share;
    if (share <= 0)
        return ESPY_E_OK;
    double one_each = (double)rows->classes / (double)rows->n;
    if (share < one_each)
        share = one_each;
    espy_err e = share >= 1 ? espy_fail(cx, ESPY_E_DATA, "one sample per label")
                            : espy_split_stratified(cx, rows->y, rows->group, rows->n,
                                                    rows->classes, share, o->settings.seed, out);
    if (e == ESPY_E_OK && !few)
        e = fit_not_thin(cx, rows, out);
    if (e != ESPY_E_OK)
        espy_split_free(cx, out);
    if (e == ESPY_E_DATA) {
        espy_log(cx, ESPY_LOG_WARN,
                 "too few samples to hold any back (%zu of %zu labels): accuracy is not measured",
                 rows->n, rows->classes);
        espy_clear(cx);
        return ESPY_E_OK;
    }
    return e;
}

/* Answers, report, matrix, table and threshold from the held-out part. */
static espy_err fit_measure(espy_ctx *cx, const espy_rows *test, const char *const *names,
                            const espy_fit_options *o, espy_fit *f)
{
    espy_err e = ESPY_E_OK;
    float *p = espy_floats(cx, test->n * test->classes);
    f->answer = espy_array(cx, test->n, sizeof *f->answer);
    f->top = espy_floats(cx, test->n);
    f->correct = espy_array(cx, test->n, sizeof *f->correct);
    f->confusion = espy_array(cx, test->classes * test->classes, sizeof *f->confusion);
    if (!p || !f->answer || !f->top || !f->correct || !f->confusion)
        ESPY_GO(cx->code);
    ESPY_GO(f->ops->probabilities(cx, f->head, test->x, test->n, p));
    espy_metrics_argmax(p, test->n, test->classes, f->answer);
    for (size_t i = 0; i < test->n; i++) {
        f->top[i] = p[i * test->classes + f->answer[i]];
        f->correct[i] = f->answer[i] == test->y[i];
    }
    ESPY_GO(espy_metrics_compute(cx, test->y, f->answer, test->n, test->classes, &f->metrics));
    espy_metrics_confusion(test->y, f->answer, test->n, test->classes, f->confusion);
    ESPY_GO(espy_metrics_report(cx, &f->metrics, names, &f->report));
    espy_threshold_table(f->top, f->correct, test->n, f->table);
    if (o->rule == ESPY_THRESHOLD_RECOMMENDED)
        f->threshold = espy_threshold_recommend(f->table);
    if (o->rule == ESPY_THRESHOLD_ACCEPT)
        ESPY_GO(espy_threshold_accept(cx, f->top, f->correct, test->n, o->percent, &f->threshold));
out:
    espy_free(cx, p);
    return e;
}

espy_err espy_fit_folds(espy_ctx *cx, const espy_rows *rows, size_t k, uint64_t seed,
                        espy_fit_fold *f)
{
    *f = (espy_fit_fold){.x = espy_floats(cx, rows->n * rows->dim),
                         .y = espy_array(cx, rows->n, sizeof *f->y),
                         .of = espy_array(cx, rows->n, sizeof *f->of),
                         .group = rows->group ? espy_array(cx, rows->n, sizeof *f->group) : NULL};
    if (!f->x || !f->y || !f->of || (rows->group && !f->group))
        return cx->code;
    return espy_split_folds(cx, rows->y, rows->group, rows->n, rows->classes, k, seed, f->of);
}

void espy_fit_fold_take(const espy_rows *rows, uint32_t k, espy_fit_fold *f)
{
    size_t head = 0, tail = rows->n, dim = rows->dim;
    for (size_t i = 0; i < rows->n; i++) {
        size_t to = f->of[i] == k ? --tail : head++;
        memcpy(f->x + to * dim, rows->x + i * dim, dim * sizeof *f->x);
        f->y[to] = rows->y[i];
        if (f->group)
            f->group[to] = rows->group[i];
    }
    f->train = (espy_rows){f->x, f->y, head, dim, rows->classes, f->group};
    f->test = (espy_rows){f->x + head * dim, f->y + head,
                          rows->n - head,    dim,
                          rows->classes,     f->group ? f->group + head : NULL};
}

void espy_fit_fold_free(espy_ctx *cx, espy_fit_fold *f)
{
    espy_free(cx, f->x);
    espy_free(cx, f->y);
    espy_free(cx, f->of);
    espy_free(cx, f->group);
}

/* Out-of-fold answers to every sample of the training part, n at a time. */
static espy_err fit_out_of_fold(espy_ctx *cx, const espy_rows *rows, const espy_fit_options *o,
                                const espy_head_ops *ops, float *top, uint8_t *correct)
{
    espy_err e = ESPY_E_OK;
    espy_head *head = NULL;
    espy_fit_fold f = {0};
    size_t done = 0;
    float *p = espy_floats(cx, rows->n * rows->classes);
    uint32_t *answer = espy_array(cx, rows->n, sizeof *answer);
    if (!p || !answer)
        ESPY_GO(cx->code);
    ESPY_GO(espy_fit_folds(cx, rows, FIT_FOLDS, o->settings.seed, &f));
    for (uint32_t k = 0; k < FIT_FOLDS; k++) {
        espy_fit_fold_take(rows, k, &f);
        ESPY_GO(fit_head(cx, ops, &f.train, &o->settings, &head));
        ESPY_GO(ops->probabilities(cx, head, f.test.x, f.test.n, p));
        espy_head_destroy(cx, &head);
        espy_metrics_argmax(p, f.test.n, f.test.classes, answer);
        for (size_t i = 0; i < f.test.n; i++, done++) {
            top[done] = p[i * f.test.classes + answer[i]];
            correct[done] = answer[i] == f.test.y[i];
        }
    }
out:
    espy_head_destroy(cx, &head);
    espy_fit_fold_free(cx, &f);
    espy_free(cx, p);
    espy_free(cx, answer);
    return e;
}

/* The FOLDS rule; where labels have too few samples for folds the held-out part has to do. */
static espy_err fit_threshold_folds(espy_ctx *cx, const espy_rows *train, const espy_fit_options *o,
                                    espy_fit *f)
{
    espy_err e = ESPY_E_OK;
    float *top = espy_floats(cx, train->n);
    uint8_t *right = espy_array(cx, train->n, sizeof *right);
    if (!top || !right)
        ESPY_GO(cx->code);
    e = f->split.test_n < FIT_ENOUGH ? fit_out_of_fold(cx, train, o, f->ops, top, right)
                                     : ESPY_E_DATA;
    if (e == ESPY_E_OK) {
        e = espy_threshold_accept(cx, top, right, train->n, o->percent, &f->threshold);
    } else if (e == ESPY_E_DATA) {
        espy_clear(cx);
        e = ESPY_E_OK;
        if (f->split.test_n)
            e = espy_threshold_accept(cx, f->top, f->correct, f->split.test_n, o->percent,
                                      &f->threshold);
    }
out:
    espy_free(cx, top);
    espy_free(cx, right);
    return e;
}

/* S1's number as its document computes it: over the probabilities of the training part. */
static espy_err fit_literal(espy_ctx *cx, const espy_rows *train, const espy_fit_options *o,
                            espy_fit *f)
{
    espy_err e = ESPY_E_OK;
    float *p = espy_floats(cx, train->n * train->classes), *top = espy_floats(cx, train->n);
    if (!p || !top)
        ESPY_GO(cx->code);
    ESPY_GO(f->ops->probabilities(cx, f->head, train->x, train->n, p));
    for (size_t i = 0; i < train->n; i++)
        for (size_t c = 0; c < train->classes; c++)
            top[i] = fmaxf(top[i], p[i * train->classes + c]);
    ESPY_GO(espy_threshold_literal(cx, top, train->n, o->percent, &f->literal));
    if (o->rule == ESPY_THRESHOLD_LITERAL)
        f->threshold = f->literal;
out:
    espy_free(cx, p);
    espy_free(cx, top);
    return e;
}

/* The x that a standard normal variable exceeds with probability p (0 < p < 0.5), by bisection. */
static double normal_tail(double p)
{
    double lo = 0, hi = 40;
    for (int i = 0; i < 100; i++) {
        double mid = (lo + hi) / 2;
        if (erfc(mid / sqrt(2.0)) / 2 > p)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* A pack's floor is what FIT_STRANGERS of pairs of strangers reach.  A question is compared with n
 * samples, so the same share of strangers needs the tail at FIT_STRANGERS / n (Bonferroni): further
 * out from the mean likeness of different labels by the ratio of the normal quantiles. */
static double floor_for(double pack_floor, double mean, size_t n)
{
    if (mean >= pack_floor)
        return pack_floor;
    return mean + (pack_floor - mean) * normal_tail(FIT_STRANGERS / (double)n) /
                      normal_tail(FIT_STRANGERS);
}

/* The floor: the pack's for a gallery of this size, raised by how alike different labels are, but
 * not so far that more than o->floor_loss percent of correct held-out samples would be lost. */
static espy_err fit_floor(espy_ctx *cx, const espy_rows *train, const espy_rows *test,
                          const espy_fit_options *o, espy_fit *f)
{
    espy_err e = ESPY_E_OK;
    float *near = NULL, *own = NULL;
    espy_gallery_spread spread;
    double most = (1 + o->floor) / 2; /* with nothing held back: half the way to identity */
    size_t n = 0;
    ESPY_GO(espy_gallery_between(cx, train, &spread));
    if (test->n) {
        near = espy_floats(cx, test->n * test->classes);
        own = espy_floats(cx, test->n);
        if (!near || !own)
            ESPY_GO(cx->code);
        ESPY_GO(espy_gallery_nearest(cx, train, test->x, test->n, near));
        for (size_t i = 0; i < test->n; i++)
            if (f->correct[i])
                own[n++] = near[i * test->classes + test->y[i]];
        if (n)
            ESPY_GO(espy_percentile(cx, own, n, o->floor_loss > 0 ? o->floor_loss : FIT_FLOOR_LOSS,
                                    &most));
    }
    double raised = fmax(spread.largest, floor_for(o->floor, spread.mean, train->n));
    f->floor = espy_decision_floor(o->floor, raised, fmax(most, o->floor));
out:
    espy_free(cx, near);
    espy_free(cx, own);
    return e;
}

espy_err espy_flow_fit(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                       const espy_fit_options *asked, espy_fit *out)
{
    espy_fit_options kept = *asked, aside; /* of the fit that is kept; of all others */
    const espy_fit_options *options = &aside;
    espy_fit f = {0};
    espy_err e = ESPY_E_OK;
    float *test_x = NULL;
    uint32_t *test_y = NULL;
    uint64_t *train_group = NULL, *test_group = NULL;
    espy_rows train = *rows, test = {.dim = rows->dim, .classes = rows->classes};
    espy_buf_init(&f.report, (size_t)64 << 20);
    ESPY_GO(espy_rows_check(cx, rows));
    if (!(kept.settings.std > 0)) /* S4: one mean and deviation of everything, before any split */
        espy_rows_spread(rows, &kept.settings.mean, &kept.settings.std);
    aside = kept;
    aside.settings.epoch = NULL;
    ESPY_GO(fit_choose(cx, rows, options, &f.ops));
    ESPY_GO(fit_split(cx, rows, options, f.ops->few, &f.split));
    if (f.split.test_n) {
        ESPY_GO(fit_part(cx, rows, f.split.train, f.split.train_n, &f.train_x, &f.train_y,
                         &train_group, &train));
        ESPY_GO(
            fit_part(cx, rows, f.split.test, f.split.test_n, &test_x, &test_y, &test_group, &test));
    }
    f.threshold =
        options->rule == ESPY_THRESHOLD_FIXED ? options->threshold : ESPY_THRESHOLD_DEFAULT;
    bool again = test.n && kept.refit;
    if (kept.more && strcmp(f.ops->name, "knn") == 0)
        ESPY_GO(
            espy_fail(cx, ESPY_E_ARG, "altered copies are no memory for knn; choose another head"));
    ESPY_GO(fit_head_more(cx, f.ops, &train, test.n ? f.split.train : NULL, &kept,
                          again ? &aside.settings : &kept.settings, &f.head));
    if (test.n)
        ESPY_GO(fit_measure(cx, &test, names, options, &f));
    if (options->rule == ESPY_THRESHOLD_ACCEPT || options->rule == ESPY_THRESHOLD_LITERAL)
        ESPY_GO(fit_literal(cx, &train, options, &f));
    if (options->rule == ESPY_THRESHOLD_FOLDS)
        ESPY_GO(fit_threshold_folds(cx, &train, options, &f));
    ESPY_GO(fit_floor(cx, &train, &test, options, &f));
    if (again) {
        espy_head_destroy(cx, &f.head);
        ESPY_GO(fit_head_more(cx, f.ops, rows, NULL, &kept, &kept.settings, &f.head));
        f.refitted = true;
    }
    *out = f;
    f = (espy_fit){0};
out:
    espy_free(cx, test_x);
    espy_free(cx, test_y);
    espy_free(cx, train_group);
    espy_free(cx, test_group);
    espy_fit_free(cx, &f);
    return e;
}

void espy_fit_free(espy_ctx *cx, espy_fit *f)
{
    espy_head_destroy(cx, &f->head);
    espy_split_free(cx, &f->split);
    espy_metrics_free(cx, &f->metrics);
    espy_free(cx, f->train_x);
    espy_free(cx, f->train_y);
    espy_free(cx, f->answer);
    espy_free(cx, f->top);
    espy_free(cx, f->correct);
    espy_buf_free(cx, &f->report);
    espy_free(cx, f->confusion);
    *f = (espy_fit){0};
}

espy_err espy_fit_confusion_text(espy_ctx *cx, const espy_fit *f, const char *const *names,
                                 espy_buf *out)
{
    size_t classes = f->metrics.classes, width = 5;
    if (classes > FIT_MATRIX)
        return espy_buf_printf(cx, out, "left out: %zu labels\n", classes);
    for (size_t c = 0; c < classes; c++) {
        size_t n = strlen(names[c]);
        width = n > width ? n : width;
    }
    ESPY_TRY(espy_buf_printf(cx, out, "%*s", (int)width, ""));
    for (size_t c = 0; c < classes; c++)
        ESPY_TRY(espy_buf_printf(cx, out, " %*s", (int)width, names[c]));
    for (size_t t = 0; t < classes; t++) {
        ESPY_TRY(espy_buf_printf(cx, out, "\n%*s", (int)width, names[t]));
        for (size_t a = 0; a < classes; a++)
            ESPY_TRY(espy_buf_printf(cx, out, " %*u", (int)width, f->confusion[t * classes + a]));
    }
    return espy_buf_text(cx, out, "\n");
}
