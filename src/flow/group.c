/* SPDX-License-Identifier: Apache-2.0
 * flow - group. */
#include "flow/group.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/collect.h"
#include "learn/cluster.h"
#include "store/label.h"

espy_group_options espy_group_defaults(void)
{
    return (espy_group_options){.threshold = 0.5,
                                .max_clusters = 50,
                                .min_samples = 2,
                                .create_labels = true,
                                .assign = true};
}

double espy_group_cosine(double floor)
{
    return floor + (1 - floor) * (1 - floor) / 6;
}

void espy_grouping_free(espy_ctx *cx, espy_grouping *g)
{
    for (size_t i = 0; i < g->n; i++) {
        espy_free(cx, g->at[i].code);
        espy_free(cx, g->at[i].name);
    }
    espy_free(cx, g->at);
    espy_free(cx, g->group);
    espy_sample_pool_free(cx, &g->pool);
    *g = (espy_grouping){0};
}

/* One run. */
typedef struct group_run {
    espy_workspace *ws;
    const espy_collection *c;
    const espy_group_options *o;
    const espy_modality *modality;
    int64_t session; /* 0: the whole collection */
    espy_rejection *refused;
    size_t refused_n;
    espy_label *labels;
    size_t labels_n;
    size_t *row; /* of each row that is compared: its place in the pool */
    size_t rows;
    float *x;
    uint64_t *photo;
    int32_t *fixed; /* of each row: place of its label in `labels`, or ESPY_CLUSTER_NO_LABEL */
    espy_cluster_pair *apart;
    size_t apart_n, apart_room;
    espy_clusters found;
} group_run;

static void group_run_free(espy_ctx *cx, group_run *r)
{
    espy_free(cx, r->refused);
    espy_labels_free(cx, r->labels, r->labels_n);
    espy_free(cx, r->row);
    espy_free(cx, r->x);
    espy_free(cx, r->photo);
    espy_free(cx, r->fixed);
    espy_free(cx, r->apart);
    espy_clusters_free(cx, &r->found);
}

static espy_err group_check(espy_ctx *cx, const espy_group_options *o)
{
    if (!(o->threshold >= 0 && o->threshold <= 1))
        return espy_fail(cx, ESPY_E_ARG, "the similarity threshold must be from 0 to 1");
    if (o->max_clusters != ESPY_GROUP_ANY_NUMBER &&
        (o->max_clusters < 1 || o->max_clusters > ESPY_GROUP_CLUSTERS_MAX))
        return espy_fail(cx, ESPY_E_ARG, "the number of clusters must be from 1 to %d",
                         ESPY_GROUP_CLUSTERS_MAX);
    if (o->method == ESPY_GROUP_DBSCAN && o->min_samples < 2)
        return espy_fail(cx, ESPY_E_ARG, "a cluster has at least 2 samples");
    if (o->assign && !o->create_labels)
        return espy_fail(cx, ESPY_E_ARG, "samples cannot be given labels that are not made");
    return ESPY_E_OK;
}

/* -- what is compared -------------------------------------------------------------------------- */
static int group_label_order(const void *a, const void *b)
{
    int64_t x = ((const espy_label *)a)->id, y = ((const espy_label *)b)->id;
    return x < y ? -1 : x > y;
}

/* Place of a label in r->labels, which are in order of their ids; SIZE_MAX when it is not there. */
static size_t group_label_at(const group_run *r, int64_t id)
{
    const espy_label key = {.id = id};
    const espy_label *at = r->labels_n == 0 ? NULL
                                            : bsearch(&key, r->labels, r->labels_n,
                                                      sizeof *r->labels, group_label_order);
    return at ? (size_t)(at - r->labels) : SIZE_MAX;
}

/* A sample whose label is no group's, or that a person put into a group: it keeps its label, and
 * those of one label are together. */
static bool group_fixed(const espy_pool_sample *s)
{
    return s->label != 0 && (!s->grouped || strcmp(s->actor, "user") == 0);
}

/* Whether the sample takes part: what a person called nobody stays out.  Small and blurred faces
 * count (docs/decisions/019). */
static bool group_takes(const group_run *r, const espy_pool_sample *s)
{
    if (s->label == 0)
        return strcmp(s->actor, "user") != 0;
    return s->grouped || r->session != 0 || r->o->include_identified;
}

static espy_err group_rows(espy_ctx *cx, group_run *r, const espy_sample_pool *p)
{
    r->row = espy_array(cx, p->n, sizeof *r->row);
    r->photo = espy_array(cx, p->n, sizeof *r->photo);
    r->fixed = espy_array(cx, p->n, sizeof *r->fixed);
    r->x = espy_floats(cx, p->n * p->dim);
    if (!r->row || !r->photo || !r->fixed || !r->x)
        return cx->code;
    for (size_t i = 0; i < p->n; i++) {
        const espy_pool_sample *s = &p->at[i];
        if (!group_takes(r, s))
            continue;
        size_t at = r->rows++;
        r->row[at] = i;
        /* a recording may hold one sound twice, a photo no face */
        r->photo[at] = r->modality->hears ? ESPY_CLUSTER_NO_PHOTO : (uint64_t)s->media;
        r->fixed[at] =
            group_fixed(s) ? (int32_t)group_label_at(r, s->label) : (int32_t)ESPY_CLUSTER_NO_LABEL;
        memcpy(r->x + at * p->dim, p->x + i * p->dim, p->dim * sizeof *p->x);
    }
    return ESPY_E_OK;
}

/* The row of a sample, or SIZE_MAX; rows are in order of their samples' ids. */
static size_t group_row_of(const group_run *r, const espy_sample_pool *p, int64_t sample)
{
    size_t lo = 0, hi = r->rows;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->at[r->row[mid]].sample < sample)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < r->rows && p->at[r->row[lo]].sample == sample ? lo : SIZE_MAX;
}

static espy_err group_keep_apart(espy_ctx *cx, group_run *r, size_t a, size_t b)
{
    if (r->apart_n == r->apart_room) {
        size_t room = r->apart_room ? 2 * r->apart_room : 64;
        void *p = espy_resize(cx, r->apart, room, sizeof *r->apart);
        if (!p)
            return cx->code;
        r->apart = p;
        r->apart_room = room;
    }
    r->apart[r->apart_n++] = (espy_cluster_pair){(uint32_t)a, (uint32_t)b};
    return ESPY_E_OK;
}

/* A sample is kept apart from all samples of a label that was refused to it.  Those of a name come
 * together anyway, so one of them will do. */
static espy_err group_refusals(espy_ctx *cx, group_run *r, const espy_sample_pool *p)
{
    for (size_t i = 0; i < r->refused_n; i++) {
        size_t a = group_row_of(r, p, r->refused[i].sample);
        for (size_t b = 0; a != SIZE_MAX && b < r->rows; b++) {
            if (p->at[r->row[b]].label != r->refused[i].label || a == b)
                continue;
            ESPY_TRY(group_keep_apart(cx, r, a, b));
            if (r->fixed[b] != ESPY_CLUSTER_NO_LABEL)
                break;
        }
    }
    return ESPY_E_OK;
}

/* -- which label a group has ------------------------------------------------------------------- */
/* How many samples a group shares with a label. */
typedef struct group_share {
    int32_t group, label; /* label: place in r->labels */
    size_t n;
} group_share;

static int group_pair_order(const void *a, const void *b)
{
    const group_share *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->label < y->label ? -1 : x->label > y->label;
}

/* Names before groups, then most samples, then the older label. */
static int group_share_order(const void *a, const void *b)
{
    const group_share *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->group < y->group ? -1 : x->group > y->group;
}

/* Every label that samples of a group have, with how many have it; names first of all. */
static espy_err group_shares(espy_ctx *cx, const group_run *r, const espy_grouping *g,
                             group_share **out, size_t *n)
{
    group_share *s = espy_array(cx, r->rows, sizeof *s);
    size_t count = 0, kept = 0;
    if (!s)
        return cx->code;
    for (size_t i = 0; i < g->pool.n; i++) {
        size_t at = g->pool.at[i].label ? group_label_at(r, g->pool.at[i].label) : SIZE_MAX;
        if (g->group[i] >= 0 && at != SIZE_MAX && !r->labels[at].deleted)
            s[count++] = (group_share){g->group[i], (int32_t)at, 1};
    }
    qsort(s, count, sizeof *s, group_pair_order);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && group_pair_order(&s[kept - 1], &s[i]) == 0)
            s[kept - 1].n++;
        else
            s[kept++] = s[i];
    }
    /* a name counts more than any number of samples of a group */
    for (size_t i = 0; i < kept; i++)
        if (!r->labels[s[i].label].grouped)
            s[i].n += g->pool.n;
    qsort(s, kept, sizeof *s, group_share_order);
    *out = s;
    *n = kept;
    return ESPY_E_OK;
}

/* Gives groups the labels that most of their samples have, each label to one group. */
static espy_err group_match(espy_ctx *cx, const group_run *r, espy_grouping *g)
{
    group_share *shares = NULL;
    size_t n = 0;
    bool *taken = espy_array(cx, r->labels_n, sizeof *taken);
    espy_err e = taken ? group_shares(cx, r, g, &shares, &n) : cx->code;
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++) {
        espy_group *to = &g->at[shares[i].group];
        const espy_label *l = &r->labels[shares[i].label];
        if (to->label || taken[shares[i].label])
            continue;
        taken[shares[i].label] = true;
        to->label = l->id;
        to->code = espy_strdup(cx, l->code);
        to->name = espy_strdup(cx, l->name);
        if (!to->code || !to->name)
            e = cx->code;
    }
    espy_free(cx, shares);
    espy_free(cx, taken);
    return e;
}

/* "Class_" or "Session_" and the name with underscores for blanks; the word is not said twice. */
static char *group_word(espy_ctx *cx, const char *word, const char *name)
{
    size_t n = strlen(word);
    bool said = strncasecmp(name, word, n) == 0 && (name[n] == ' ' || name[n] == '_');
    char *s = said ? espy_strdup(cx, name) : espy_sprintf(cx, "%s_%s", word, name);
    for (char *p = s; p && *p; p++)
        if (isspace((unsigned char)*p))
            *p = '_';
    return s;
}

/* Code and name of group number n of this session or collection (SPEC 5.5, C-15). */
static espy_err group_name(espy_ctx *cx, const group_run *r, size_t n, char **code, char **name)
{
    char *of = group_word(cx, "Class", r->c->name), *in = NULL;
    espy_err e = of ? ESPY_E_OK : cx->code;
    if (e == ESPY_E_OK && r->session) {
        in = group_word(cx, "Session", r->o->session);
        e = in ? ESPY_E_OK : cx->code;
    }
    if (e == ESPY_E_OK) {
        *code = r->session ? espy_sprintf(cx, "cluster_%lld_%zu", (long long)r->session, n)
                           : espy_sprintf(cx, "cluster_c%lld_%zu", (long long)r->c->id, n);
        *name = espy_sprintf(cx, "Unknown %s%s%s_Cluster_%zu", of, in ? "_" : "", in ? in : "", n);
        if (!*code || !*name)
            e = cx->code;
    }
    espy_free(cx, of);
    espy_free(cx, in);
    return e;
}

static const espy_label *group_code_of(const group_run *r, const char *code)
{
    for (size_t i = 0; i < r->labels_n; i++)
        if (strcmp(r->labels[i].code, code) == 0)
            return &r->labels[i];
    return NULL;
}

/* Whether a new group may have this label: a group that holds nothing and stands for nobody yet.
 * One that was deleted, learned or refused once meant somebody, and an answer or an undo may still
 * name it. */
static bool group_idle(const group_run *r, const espy_label *l)
{
    if (!l->grouped || l->samples > 0 || l->deleted || l->learned)
        return false;
    for (size_t i = 0; i < r->refused_n; i++)
        if (r->refused[i].label == l->id)
            return false;
    return true;
}

static int group_size_order(const void *a, const void *b)
{
    const espy_group *x = *(espy_group *const *)a, *y = *(espy_group *const *)b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The lowest number above *n whose code is free, or is that of an idle group, which is used again.
 */
static espy_err group_number(espy_ctx *cx, const group_run *r, size_t *n, espy_group *to)
{
    const espy_label *old;
    bool meant = false;
    do {
        espy_free(cx, to->code);
        espy_free(cx, to->name);
        to->code = to->name = NULL;
        ESPY_TRY(group_name(cx, r, ++*n, &to->code, &to->name));
        old = group_code_of(r, to->code);
        ESPY_TRY(espy_store_code_meant(cx, r->ws->store, r->c->id, to->code, &meant));
    } while (old ? !group_idle(r, old) : meant);
    to->fresh = !old;
    if (old)
        to->label = old->id;
    return ESPY_E_OK;
}

/* Names the groups that have no label yet by the lowest numbers that are free, largest first. */
static espy_err group_names(espy_ctx *cx, const group_run *r, espy_grouping *g)
{
    espy_group **order = espy_array(cx, g->n, sizeof(espy_group *));
    espy_err e = order ? ESPY_E_OK : cx->code;
    size_t n = 0;
    for (size_t i = 0; order && i < g->n; i++)
        order[i] = &g->at[i];
    if (order && g->n > 0)
        qsort(order, g->n, sizeof(espy_group *), group_size_order);
    for (size_t i = 0; e == ESPY_E_OK && i < g->n; i++)
        if (!order[i]->label)
            e = group_number(cx, r, &n, order[i]);
    espy_free(cx, order);
    return e;
}

/* -- filing ------------------------------------------------------------------------------------ */
/* The samples whose label changes; a label of -1 - i is new label i.  Samples that a group has no
 * more, and no other has, lose its label. */
static size_t group_filings(const group_run *r, const espy_grouping *g, const int64_t *label,
                            espy_filing *out)
{
    size_t n = 0;
    for (size_t k = 0; k < r->rows; k++) {
        const espy_pool_sample *s = &g->pool.at[r->row[k]];
        int32_t group = g->group[r->row[k]];
        if (group_fixed(s))
            continue;
        if (group >= 0 && label[group] != s->label)
            out[n++] = (espy_filing){s->sample, label[group], (double)NAN, s, false};
        else if (group < 0 && s->grouped)
            out[n++] = (espy_filing){s->sample, 0, (double)NAN, s, false};
    }
    return n;
}

static espy_err group_file(espy_ctx *cx, const group_run *r, espy_grouping *g)
{
    espy_store *st = r->ws->store;
    int64_t *label = espy_array(cx, g->n, sizeof *label);
    espy_new_label *fresh = espy_array(cx, g->n, sizeof *fresh);
    espy_filing *filings = espy_array(cx, r->rows, sizeof *filings);
    size_t fresh_n = 0, n = 0;
    espy_err e = label && fresh && filings ? ESPY_E_OK : cx->code;
    for (size_t i = 0; e == ESPY_E_OK && i < g->n; i++) {
        label[i] = g->at[i].label;
        if (!g->at[i].fresh)
            continue;
        label[i] = -1 - (int64_t)fresh_n;
        fresh[fresh_n++] = (espy_new_label){.code = g->at[i].code, .name = g->at[i].name};
    }
    if (e == ESPY_E_OK && r->o->assign)
        n = group_filings(r, g, label, filings);
    if (e == ESPY_E_OK)
        e = espy_store_file(cx, st, r->c->id, "group", fresh, fresh_n, filings, n, &g->filed);
    if (e == ESPY_E_OK)
        g->event = espy_store_event(st);
    for (size_t i = 0; e == ESPY_E_OK && i < g->n; i++)
        if (g->at[i].fresh)
            g->at[i].label = fresh[-1 - label[i]].id;
    espy_free(cx, label);
    espy_free(cx, fresh);
    espy_free(cx, filings);
    return e;
}

/* -- the run ----------------------------------------------------------------------------------- */
static espy_err group_read(espy_ctx *cx, group_run *r, espy_grouping *g)
{
    espy_store *st = r->ws->store;
    if (r->o->session)
        ESPY_TRY(espy_flow_session(cx, r->ws, r->c, r->o->session, r->o->date, &r->session));
    ESPY_TRY(espy_store_pool(cx, st, r->c->id, r->session, r->c->encoder_digest, &g->pool));
    ESPY_TRY(espy_store_rejections(cx, st, r->c->id, &r->refused, &r->refused_n));
    ESPY_TRY(espy_store_labels(cx, st, r->c->id, &r->labels, &r->labels_n));
    if (r->labels_n > 0)
        qsort(r->labels, r->labels_n, sizeof *r->labels, group_label_order);
    return ESPY_E_OK;
}

/* The rows of one cluster of r->found, in order. */
static espy_err group_part(espy_ctx *cx, const group_run *r, int32_t cluster, size_t dim,
                           size_t *from, espy_cluster_rows *out)
{
    size_t n = r->found.size[cluster], k = 0;
    float *x = espy_floats(cx, n * dim);
    uint64_t *photo = espy_array(cx, n, sizeof *photo);
    int32_t *fixed = espy_array(cx, n, sizeof *fixed);
    size_t *place = espy_array(cx, r->rows, sizeof *place); /* of a row in the part, from 1 */
    espy_cluster_pair *apart = espy_array(cx, r->apart_n, sizeof *apart);
    *out = (espy_cluster_rows){
        .x = x, .n = n, .dim = dim, .photo = photo, .label = fixed, .apart = apart};
    if (!x || !photo || !fixed || !place || !apart) {
        espy_free(cx, place);
        return cx->code;
    }
    for (size_t i = 0; i < r->rows; i++) {
        if (r->found.label[i] != cluster)
            continue;
        from[k] = i;
        place[i] = k + 1;
        memcpy(x + k * dim, r->x + i * dim, dim * sizeof *x);
        photo[k] = r->photo[i];
        fixed[k++] = r->fixed[i];
    }
    for (size_t i = 0; i < r->apart_n; i++) {
        size_t a = place[r->apart[i].a], b = place[r->apart[i].b];
        if (a && b)
            apart[out->apart_n++] = (espy_cluster_pair){(uint32_t)(a - 1), (uint32_t)(b - 1)};
    }
    espy_free(cx, place);
    return ESPY_E_OK;
}

static void group_part_free(espy_ctx *cx, espy_cluster_rows *p)
{
    espy_free(cx, (void *)(uintptr_t)p->x);
    espy_free(cx, (void *)(uintptr_t)p->photo);
    espy_free(cx, (void *)(uintptr_t)p->label);
    espy_free(cx, (void *)(uintptr_t)p->apart);
}

/* DBSCAN looks at no constraint: a cluster that holds what must stay apart is taken apart by
 * average linkage, as little as will do.  Parts get labels from *n on; what is left alone by that
 * is noise. */
static espy_err group_take_apart(espy_ctx *cx, group_run *r, int32_t cluster, size_t dim,
                                 int32_t *label, size_t *n)
{
    espy_cluster_rows part = {0};
    espy_clusters found = {0};
    int32_t *to = NULL;
    size_t *from = espy_array(cx, r->found.size[cluster], sizeof *from);
    espy_err e = from ? ESPY_E_OK : cx->code;
    if (e == ESPY_E_OK)
        e = group_part(cx, r, cluster, dim, from, &part);
    if (e == ESPY_E_OK)
        e = espy_cluster_average(cx, &part, 0, 1, NULL, &found);
    if (e == ESPY_E_OK) {
        to = espy_array(cx, found.count, sizeof *to);
        e = to ? ESPY_E_OK : cx->code;
    }
    for (size_t i = 0; e == ESPY_E_OK && i < found.count; i++)
        to[i] = found.size[i] < 2 ? ESPY_GROUP_NOBODY : (int32_t)(*n)++;
    for (size_t k = 0; e == ESPY_E_OK && k < part.n; k++) {
        label[from[k]] = to[found.label[k]];
        r->found.noise += label[from[k]] == ESPY_GROUP_NOBODY;
    }
    espy_free(cx, to);
    espy_clusters_free(cx, &found);
    group_part_free(cx, &part);
    espy_free(cx, from);
    return e;
}

/* The groups of what was found: a label for each row, and how many there are. */
static espy_err group_fill(espy_ctx *cx, const group_run *r, const int32_t *label, size_t n,
                           espy_grouping *g)
{
    g->noise = r->found.noise;
    g->too_many = r->found.too_many;
    g->at = espy_array(cx, n, sizeof *g->at);
    if (!g->at)
        return cx->code;
    g->n = n;
    for (size_t k = 0; k < r->rows; k++) {
        g->group[r->row[k]] = label[k];
        if (label[k] >= 0)
            g->at[label[k]].size++;
    }
    return ESPY_E_OK;
}

static espy_err group_cluster(espy_ctx *cx, group_run *r, espy_grouping *g)
{
    const espy_group_options *o = r->o;
    size_t most = o->max_clusters == ESPY_GROUP_ANY_NUMBER ? 0 : o->max_clusters;
    const espy_cluster_rows rows = {.x = r->x,
                                    .n = r->rows,
                                    .dim = g->pool.dim,
                                    .photo = r->photo,
                                    .label = r->fixed,
                                    .apart = r->apart,
                                    .apart_n = r->apart_n};
    if (o->method == ESPY_GROUP_AVERAGE) {
        ESPY_TRY(espy_cluster_average(cx, &rows, o->threshold, most, o->progress, &r->found));
        return group_fill(cx, r, r->found.label, r->found.count, g);
    }
    ESPY_TRY(espy_cluster_dbscan(cx, &rows, o->threshold, o->min_samples, o->progress, &r->found));
    size_t n = 0;
    int32_t *label = espy_array(cx, r->rows, sizeof *label);
    if (!label)
        return cx->code;
    espy_err e = ESPY_E_OK;
    memcpy(label, r->found.label, r->rows * sizeof *label); /* for the noise */
    for (size_t i = 0; e == ESPY_E_OK && i < r->found.count; i++)
        e = group_take_apart(cx, r, (int32_t)i, g->pool.dim, label, &n);
    if (e == ESPY_E_OK)
        e = group_fill(cx, r, label, n, g);
    espy_free(cx, label);
    return e;
}

static espy_err group_road(espy_ctx *cx, group_run *r, espy_grouping *g)
{
    ESPY_TRY(group_read(cx, r, g));
    g->group = espy_array(cx, g->pool.n, sizeof *g->group);
    if (!g->group)
        return cx->code;
    for (size_t i = 0; i < g->pool.n; i++)
        g->group[i] = ESPY_GROUP_NOBODY;
    ESPY_TRY(group_rows(cx, r, &g->pool));
    if (r->rows == 0)
        return ESPY_E_OK;
    ESPY_TRY(group_refusals(cx, r, &g->pool));
    ESPY_TRY(group_cluster(cx, r, g));
    ESPY_TRY(group_match(cx, r, g));
    ESPY_TRY(group_names(cx, r, g));
    return r->o->create_labels ? group_file(cx, r, g) : ESPY_E_OK;
}

espy_err espy_flow_group(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_group_options *options, espy_grouping *out)
{
    group_run r = {.ws = ws, .c = c, .o = options, .modality = espy_modality_find(c->modality)};
    espy_grouping g = {0};
    ESPY_TRY(group_check(cx, options));
    espy_err e = group_road(cx, &r, &g);
    group_run_free(cx, &r);
    if (e == ESPY_E_OK)
        *out = g;
    else
        espy_grouping_free(cx, &g);
    return e;
}
