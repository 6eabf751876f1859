/* SPDX-License-Identifier: Apache-2.0
 * flow - learning characters: scaler, centres, figures. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "flow/characters.h"
#include "learn/likeness.h"

#define FIT_SEED 42

typedef struct fit_state {
    const espy_character_data *data;
    size_t clusters;
    double threshold;
    uint64_t seed;
    espy_rows scaled;
    size_t *count, *start;  /* classes: rows of each, the first of them */
    espy_prototypes *model; /* of all rows */
    float *own, *other; /* rows: each left out, the best cosine to its character and to others */
} fit_state;

#define FIT_FIRST 0.30 /* thresholds of the table */
#define FIT_STEP 0.05

enum {
    FIT_ONE_BY_ONE = 32, /* rows of a character that are left out one at a time */
    FIT_PARTS = 5        /* of a larger one: its clustering takes long */
};

/* What cannot be learned from; the earlier model stays, which the text says. */
static espy_err fit_check(espy_ctx *cx, const espy_character_data *data)
{
    const espy_rows *r = &data->rows;
    if (r->n < 2)
        return espy_fail(cx, ESPY_E_DATA,
                         "training needs at least two embeddings, there %s %zu: add pictures; an "
                         "earlier model stays",
                         r->n == 1 ? "is" : "are", r->n);
    if (r->classes > ESPY_SK_CHARACTERS_MOST || r->n > INT32_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "%zu characters are too many, the most is %d",
                         r->classes, ESPY_SK_CHARACTERS_MOST);
    if (r->dim == 0 || !espy_rows_finite(r->x, r->n * r->dim))
        return espy_fail(cx, ESPY_E_DATA,
                         "an embedding holds a value that is not a number: embed it again");
    for (size_t i = 0, c = 0; i < r->n; i++) {
        if (i && r->y[i] != r->y[i - 1])
            c++;
        if (r->y[i] != c || (i + 1 == r->n && c + 1 != r->classes))
            return espy_fail(cx, ESPY_E_ARG, "the embeddings are not in order of their characters");
    }
    return ESPY_E_OK;
}

/* Copies the rows of a label without those of the part: every parts-th from `part` on. */
static size_t fit_without(const float *own, size_t n, size_t dim, size_t part, size_t parts,
                          float *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (i % parts != part)
            memcpy(x + kept++ * dim, own + i * dim, dim * sizeof *x);
    return kept;
}

/* Asks about some rows of a character, which is clustered without them; the others stay as they
 * are, and so does the scaler.  Small characters are asked about row by row.  Item i: the part that
 * row i is the first of. */
static espy_err fit_left_out(espy_ctx *cx, void *self, size_t i, unsigned worker)
{
    fit_state *f = self;
    const espy_rows *rows = &f->scaled;
    size_t label = rows->y[i], first = f->start[label], n = f->count[label], dim = rows->dim;
    size_t parts = n <= FIT_ONE_BY_ONE ? n : FIT_PARTS, part = i - first;
    espy_prototypes *alone = NULL;
    espy_err e = ESPY_E_OK;
    (void)worker;
    if (part >= parts)
        return ESPY_E_OK;
    float *x = espy_floats(cx, n * dim), *score = espy_floats(cx, rows->classes);
    uint32_t *y = espy_array(cx, n, sizeof *y);
    if (!x || !y || !score)
        ESPY_GO(cx->code);
    size_t kept = fit_without(rows->x + first * dim, n, dim, part, parts, x);
    const espy_rows others = {x, y, kept, dim, 1, NULL};
    ESPY_GO(espy_prototypes_fit(cx, &others, f->clusters, f->seed, NULL, &alone));
    for (size_t r = i; r < first + n; r += parts) {
        ESPY_GO(espy_prototypes_score(cx, alone, rows->x + r * dim, 1, &f->own[r]));
        ESPY_GO(espy_prototypes_score(cx, f->model, rows->x + r * dim, 1, score));
        f->other[r] = -2;
        for (size_t c = 0; c < rows->classes; c++)
            if (c != label && score[c] > f->other[r])
                f->other[r] = score[c];
    }
out:
    espy_prototypes_destroy(cx, &alone);
    espy_free(cx, x);
    espy_free(cx, y);
    espy_free(cx, score);
    return e;
}

static bool fit_names(float similarity, double threshold)
{
    return similarity > 0 && similarity >= (float)threshold;
}

/* What this threshold says about the rows that were left out. */
static espy_character_threshold fit_threshold(const fit_state *f, double threshold)
{
    espy_character_threshold t = {.threshold = threshold};
    for (size_t i = 0; i < f->scaled.n; i++) {
        float best = f->own[i] > f->other[i] ? f->own[i] : f->other[i];
        t.strangers_named += fit_names(f->other[i], threshold);
        if (!(f->own[i] > -2))
            continue;
        bool known = fit_names(best, threshold), right = f->own[i] > f->other[i];
        t.right += known && right;
        t.wrong += known && !right;
        t.unknown += !known;
    }
    return t;
}

/* At the model's own threshold, and at those of the table. */
static void fit_thresholds(const fit_state *f, espy_character_metrics *m)
{
    const espy_character_threshold own = fit_threshold(f, f->threshold);
    for (size_t i = 0; i < f->scaled.n; i++)
        m->asked += f->own[i] > -2;
    m->strangers = f->scaled.classes > 1 ? f->scaled.n : 0;
    m->right = own.right;
    m->unknown = own.unknown;
    m->wrong = own.wrong;
    for (size_t k = ESPY_CHARACTER_THRESHOLDS; k-- > 0;) {
        m->table[k] = fit_threshold(f, FIT_FIRST + FIT_STEP * (double)k);
        bool clean = m->asked && m->strangers && !m->table[k].wrong && !m->table[k].strangers_named;
        if (clean)
            m->suggested = m->table[k].threshold;
    }
}

static double fit_or_zero(double v)
{
    return isnan(v) ? 0 : v;
}

static espy_err fit_measure(espy_ctx *cx, fit_state *f, espy_character_metrics *m)
{
    const espy_rows *rows = &f->data->rows;
    espy_likeness scaled, raw;
    ESPY_TRY(espy_likeness_of(cx, &f->scaled, &scaled));
    ESPY_TRY(espy_likeness_of(cx, rows, &raw));
    f->own = espy_floats(cx, rows->n);
    f->other = espy_floats(cx, rows->n);
    if (!f->own || !f->other)
        return cx->code;
    ESPY_TRY(espy_parallel(cx, rows->n, fit_left_out, f));
    *m = (espy_character_metrics){
        .intra = fit_or_zero(scaled.within_self),
        .inter = fit_or_zero(scaled.between),
        .characters = rows->classes,
        .embeddings = rows->n,
        .intra_raw = raw.within,
        .inter_raw = raw.between,
        .separation = raw.within - raw.between,
    };
    m->ratio = isnan(scaled.between) ? 0 : m->intra / (m->inter + 1e-8);
    fit_thresholds(f, m);
    return ESPY_E_OK;
}

/* The described five keys, then ours. */
static espy_err fit_metrics_json(espy_ctx *cx, const espy_character_metrics *m, espy_json *o)
{
    const struct {
        const char *key;
        double value;
    } reals[] = {{"intra_character_similarity", m->intra},
                 {"inter_character_similarity", m->inter},
                 {"discrimination_ratio", m->ratio}},
      more[] = {
          {"intra_raw", m->intra_raw},
          {"inter_raw", m->inter_raw},
          {"separation", m->separation},
          {"leave_one_out_accuracy", m->asked ? (double)m->right / (double)m->asked : (double)NAN}};
    const struct {
        const char *key;
        size_t value;
    } counts[] = {{"n_characters", m->characters}, {"n_embeddings", m->embeddings}},
      left[] = {{"leave_one_out_asked", m->asked},
                {"leave_one_out_unknown", m->unknown},
                {"leave_one_out_wrong", m->wrong}};
    for (size_t i = 0; i < 3; i++)
        ESPY_TRY(espy_json_set(cx, o, reals[i].key, espy_json_of_number(reals[i].value)));
    for (size_t i = 0; i < 2; i++)
        ESPY_TRY(espy_json_set(cx, o, counts[i].key, espy_json_of_int((int64_t)counts[i].value)));
    for (size_t i = 0; i < 4; i++)
        ESPY_TRY(espy_json_set(cx, o, more[i].key, espy_json_of_number(more[i].value)));
    for (size_t i = 0; i < 3; i++)
        ESPY_TRY(espy_json_set(cx, o, left[i].key, espy_json_of_int((int64_t)left[i].value)));
    return ESPY_E_OK;
}

static espy_err fit_table_json(espy_ctx *cx, const espy_character_metrics *m, espy_json *list)
{
    for (size_t k = 0; k < ESPY_CHARACTER_THRESHOLDS; k++) {
        const espy_character_threshold *t = &m->table[k];
        espy_json *o = espy_json_object();
        ESPY_TRY(espy_json_append(cx, list, o));
        ESPY_TRY(espy_json_set(cx, o, "threshold", espy_json_of_float((float)t->threshold)));
        ESPY_TRY(espy_json_set(cx, o, "right", espy_json_of_int((int64_t)t->right)));
        ESPY_TRY(espy_json_set(cx, o, "unknown", espy_json_of_int((int64_t)t->unknown)));
        ESPY_TRY(espy_json_set(cx, o, "wrong", espy_json_of_int((int64_t)t->wrong)));
        ESPY_TRY(
            espy_json_set(cx, o, "strangers_named", espy_json_of_int((int64_t)t->strangers_named)));
    }
    return ESPY_E_OK;
}

static espy_err fit_facts(espy_ctx *cx, const fit_state *f, const espy_character_metrics *m,
                          espy_json **out)
{
    espy_json *o = espy_json_object(), *metrics = espy_json_object(), *table = espy_json_array();
    espy_err e = ESPY_E_OK;
    ESPY_GO(fit_metrics_json(cx, m, metrics));
    ESPY_GO(fit_table_json(cx, m, table));
    ESPY_GO(espy_json_set(cx, o, "training_metrics", espy_json_ref(metrics)));
    ESPY_GO(espy_json_set(cx, o, "n_characters", espy_json_of_int((int64_t)m->characters)));
    ESPY_GO(espy_json_set(cx, o, "n_embeddings", espy_json_of_int((int64_t)m->embeddings)));
    ESPY_GO(espy_json_set(cx, o, "model_version", espy_json_of_string(ESPY_SK_CHARACTERS_VERSION)));
    ESPY_GO(espy_json_set(cx, o, "similarity_threshold", espy_json_of_number(f->threshold)));
    ESPY_GO(espy_json_set(cx, o, "threshold_table", espy_json_ref(table)));
    ESPY_GO(espy_json_set(cx, o, "max_clusters", espy_json_of_int((int64_t)f->clusters)));
    ESPY_GO(espy_json_set(cx, o, "seed", espy_json_of_int((int64_t)f->seed)));
    ESPY_GO(espy_json_set(cx, o, "encoder", espy_json_of_string(f->data->encoder)));
    ESPY_GO(espy_json_set(cx, o, "precision", espy_json_of_string(f->data->precision)));
    ESPY_GO(espy_json_set(cx, o, "encoder_digest", espy_json_of_string(f->data->encoder_digest)));
    ESPY_GO(espy_json_set(cx, o, "software_version", espy_json_of_string("espy " ESPY_VERSION)));
    *out = o;
    o = NULL;
out:
    espy_json_free(table);
    espy_json_free(metrics);
    espy_json_free(o);
    return e;
}

/* Copies of what is borrowed: names, rows, labels. */
static espy_err fit_keep(espy_ctx *cx, const espy_character_data *data, espy_sk_characters *c)
{
    const espy_rows *r = &data->rows;
    size_t total = r->classes * sizeof(char *);
    for (size_t i = 0; i < r->classes; i++)
        total += strlen(data->names[i]) + 1;
    c->names = espy_alloc(cx, total);
    c->x = espy_floats(cx, r->n * r->dim);
    c->y = espy_array(cx, r->n, sizeof *c->y);
    c->cluster = espy_array(cx, r->n, sizeof *c->cluster);
    if (!c->names || !c->x || !c->y || !c->cluster)
        return cx->code;
    char *to = (char *)(c->names + r->classes);
    for (size_t i = 0; i < r->classes; i++) {
        size_t size = strlen(data->names[i]) + 1;
        c->names[i] = memcpy(to, data->names[i], size);
        to += size;
    }
    memcpy(c->x, r->x, r->n * r->dim * sizeof *c->x);
    memcpy(c->y, r->y, r->n * sizeof *c->y);
    c->n = r->n;
    return ESPY_E_OK;
}

espy_err espy_characters_fit(espy_ctx *cx, const espy_character_data *data,
                             const espy_character_options *o, espy_sk_characters *out,
                             espy_character_metrics *metrics)
{
    const espy_rows *rows = &data->rows;
    espy_sk_characters c = {0};
    fit_state f = {.data = data,
                   .clusters = o->clusters ? o->clusters : ESPY_PROTOTYPES_CLUSTERS,
                   .threshold = o->threshold > 0 ? o->threshold : ESPY_CHARACTERS_THRESHOLD,
                   .seed = o->seed ? o->seed : FIT_SEED,
                   .scaled = *rows};
    float *x = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(fit_check(cx, data));
    f.count = espy_array(cx, rows->classes, sizeof *f.count);
    f.start = espy_array(cx, rows->classes, sizeof *f.start);
    x = espy_floats(cx, rows->n * rows->dim);
    if (!f.count || !f.start || !x)
        ESPY_GO(cx->code);
    for (size_t i = rows->n; i-- > 0;) {
        f.count[rows->y[i]]++;
        f.start[rows->y[i]] = i;
    }
    ESPY_GO(fit_keep(cx, data, &c));
    ESPY_GO(espy_scaler_fit(cx, rows->x, rows->n, rows->dim, &c.scaler));
    espy_scaler_apply(&c.scaler, rows->x, rows->n, x);
    f.scaled.x = x;
    ESPY_GO(espy_prototypes_fit(cx, &f.scaled, f.clusters, f.seed, c.cluster, &c.model));
    f.model = c.model;
    ESPY_GO(fit_measure(cx, &f, metrics));
    ESPY_GO(fit_facts(cx, &f, metrics, &c.facts));
    *out = c;
    c = (espy_sk_characters){0};
out:
    espy_sk_characters_free(cx, &c);
    espy_free(cx, f.count);
    espy_free(cx, f.start);
    espy_free(cx, f.own);
    espy_free(cx, f.other);
    espy_free(cx, x);
    return e;
}
