/* SPDX-License-Identifier: Apache-2.0
 * learn - average linkage by a chain of nearest neighbours (Benzecri 1982, Juan 1982; Murtagh 1983)
 * over places that remember only their nearest neighbours and a bound for all others.
 *
 * The mean cosine of all pairs between two clusters is the product of their mean vectors.  It is
 * reducible: a union of p and q is no nearer to r than the nearer of the two was.  Hence
 *   L1  two places that are each other's nearest may come together at once, whatever else is near;
 *   L2  a bound on the cosine to p and one to q, weighted by size, bound the one to their union,
 *       so a union inherits links and bound, and an old cosine bounds a new one;
 *   L3  a place that has no neighbour above the threshold never gets one and is nobody's neighbour.
 * A forbidden union has cosine -infinity, which changes none of the three.
 * Products in f32 only choose what is computed in double (pairs.h bounds their error); what is
 * compared is always in double.
 *
 * A place whose bound is above its best link must be searched for: its products with all standing
 * places.  One product of matrices costs less than its rows one by one, so a chain that comes to
 * such a place is put aside and others are followed, until all have come to one; then all these are
 * searched for at once.  When too few unions come of it, fewer are waited for.  The first chain
 * goes on where it was, so the number of searches stays within a constant times that of unions, as
 * with the bare chain. */
#include "learn/linkage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "learn/pairs.h"

enum {
    LINKAGE_PART = 256, /* places that are looked at as one item of work */
    LINKAGE_SEARCH = 64 /* least places of a search */
};

/* Cosines that differ by less are equal: far above the rounding of sums in double, so that a chain
 * grows by more than rounding at each step and cannot close to a circle. */
#define LINKAGE_TIE 1e-12

/* One search.  Columns are the places of `at`; rows are the same in a search for all, else those of
 * `who`. */
typedef struct linkage_search {
    const espy_linkage *l;
    const uint32_t *at, *who;
    float *cut; /* of each row: a cosine up to it is not wanted */
    bool all;
} linkage_search;

/* ---- exact cosines -------------------------------------------------------------------------- */

static double linkage_dot_sums(const double *a, const double *b, size_t dim)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= dim; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += a[i + j] * b[i + j];
    for (; i < dim; i++)
        s[0] += a[i] * b[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static double linkage_dot_mixed(const double *a, const float *b, size_t dim)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= dim; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += a[i + j] * (double)b[i + j];
    for (; i < dim; i++)
        s[0] += a[i] * (double)b[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* Mean cosine of all pairs; the same bits whichever place comes first. */
static double linkage_cosine(const espy_linkage *l, uint32_t p, uint32_t q)
{
    const espy_linkage_place *a = &l->place[p], *b = &l->place[q];
    double dot = a->sum && b->sum ? linkage_dot_sums(a->sum, b->sum, l->dim)
                 : a->sum         ? linkage_dot_mixed(a->sum, b->row, l->dim)
                 : b->sum         ? linkage_dot_mixed(b->sum, a->row, l->dim)
                                  : l->kern.dot_double(a->row, b->row, l->dim);

    return fmin(1, dot * (a->scale * b->scale));
}

/* Wanted is what is nearer than the threshold, as distances. */
static bool linkage_wanted(const espy_linkage *l, double cosine)
{
    return 1 - cosine < 1 - l->threshold;
}

/* ---- links ---------------------------------------------------------------------------------- */

static espy_linkage_link *linkage_links(const espy_linkage *l, uint32_t p)
{
    return l->link + (size_t)p * ESPY_LINKAGE_LINKS;
}

/* Puts a link in its place among n others, descending, equals by place; with all links taken the
 * last falls out.  Returns the new number. */
static uint32_t linkage_insert(espy_linkage_link *at, uint32_t n, espy_linkage_link v)
{
    uint32_t i = n < ESPY_LINKAGE_LINKS ? n++ : n - 1;

    for (; i > 0 &&
           (at[i - 1].cosine < v.cosine || (at[i - 1].cosine == v.cosine && at[i - 1].to > v.to));
         i--)
        at[i] = at[i - 1];
    at[i] = v;
    return n;
}

/* Notes q as a neighbour of the place p of row i, when it is near enough. */
static void linkage_offer(linkage_search *s, size_t i, uint32_t p, uint32_t q, double cosine)
{
    espy_linkage_place *a = &s->l->place[p];
    espy_linkage_link *links = linkage_links(s->l, p), *last = &links[ESPY_LINKAGE_LINKS - 1];
    bool full = a->links == ESPY_LINKAGE_LINKS;

    if (full && (last->cosine > cosine || (last->cosine == cosine && last->to < q)))
        return;
    a->links =
        linkage_insert(links, a->links, (espy_linkage_link){cosine, q, s->l->place[q].stamp});
    if (a->links == ESPY_LINKAGE_LINKS)
        s->cut[i] = nextafterf((float)last->cosine, -INFINITY);
}

/* Brings the best links of p up to date until the first is exact.  Touches nothing but p's links.
 */
static void linkage_resolve(const espy_linkage *l, uint32_t p)
{
    espy_linkage_place *a = &l->place[p];
    espy_linkage_link *at = linkage_links(l, p);

    while (a->links > 0) {
        uint32_t q = espy_apart_find(l->into, at[0].to);
        if (q == at[0].to && at[0].stamp == l->place[q].stamp)
            return;
        memmove(at, at + 1, --a->links * sizeof *at);
        bool known = q == p;
        for (uint32_t i = 0; i < a->links && !known; i++)
            known = at[i].to == q && at[i].stamp == l->place[q].stamp;
        if (known || espy_apart_forbids(&l->apart, p, q))
            continue;
        espy_linkage_link v = {linkage_cosine(l, p, q), q, l->place[q].stamp};
        if (linkage_wanted(l, v.cosine))
            a->links = linkage_insert(at, a->links, v);
    }
}

static double linkage_best(const espy_linkage *l, uint32_t p)
{
    return l->place[p].links > 0 ? linkage_links(l, p)->cosine : -INFINITY;
}

/* Whether a place that is not linked may be nearer than the best link. */
static bool linkage_unsure(const espy_linkage *l, uint32_t p)
{
    return linkage_best(l, p) + LINKAGE_TIE < l->place[p].rest;
}

/* ---- search --------------------------------------------------------------------------------- */

/* Looks at a pair whose cosine is at most `most`: i and j are rows of the search, p and q their
 * places.  Returns whether it had to be made exactly. */
static bool linkage_look(linkage_search *s, float most, size_t i, size_t j, uint32_t p, uint32_t q)
{
    bool mine = most > s->cut[i], yours = s->all && most > s->cut[j];

    if (!(mine || yours) || p == q || espy_apart_forbids(&s->l->apart, p, q))
        return false;
    double cosine = linkage_cosine(s->l, p, q);
    if (!linkage_wanted(s->l, cosine))
        return true;
    if (mine)
        linkage_offer(s, i, p, q, cosine);
    if (yours)
        linkage_offer(s, j, q, p, cosine);
    return true;
}

/* Nearly all products are too small; 32 at a time are passed over. */
static espy_err linkage_tile(espy_ctx *cx, void *self, espy_pairs_tile *t, unsigned worker)
{
    linkage_search *s = self;
    const uint32_t *who = s->all ? s->at : s->who;
    const float error = t->error;
    float none[32];
    (void)cx;
    (void)worker;

    for (size_t k = 0; k < 32; k++)
        none[k] = INFINITY;
    for (size_t r = 0; r < t->rows; r++) {
        size_t i = t->row + r;
        for (size_t c = t->diagonal ? r + 1 : 0; c < t->columns;) {
            const float *v = t->v + r * t->columns + c;
            size_t n = t->columns - c < 32 ? t->columns - c : 32;
            if (n == 32) {
                const float *theirs = s->all ? s->cut + t->column + c : none;
                const float mine = s->cut[i];
                int any = 0;
                for (size_t k = 0; k < 32; k++)
                    any |= (v[k] + error > mine) | (v[k] + error > theirs[k]);
                if (!any) {
                    c += n;
                    continue;
                }
            }
            for (size_t k = 0; k < n; k++, c++)
                t->looked +=
                    linkage_look(s, v[k] + error, i, t->column + c, who[i], s->at[t->column + c]);
        }
    }
    return ESPY_E_OK;
}

/* Copies the means of some places as rows of f32. */
typedef struct linkage_gather {
    const espy_linkage *l;
    const uint32_t *at;
    size_t n;
    float *out;
} linkage_gather;

static espy_err linkage_gather_part(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const linkage_gather *g = self;
    size_t dim = g->l->dim,
           end = (item + 1) * LINKAGE_PART < g->n ? (item + 1) * LINKAGE_PART : g->n;
    (void)cx;
    (void)worker;

    for (size_t i = item * LINKAGE_PART; i < end; i++) {
        const espy_linkage_place *p = &g->l->place[g->at[i]];
        float *out = g->out + i * dim;
        for (size_t d = 0; d < dim; d++)
            out[d] = (float)((p->sum ? p->sum[d] : (double)p->row[d]) * p->scale);
    }
    return ESPY_E_OK;
}

static espy_err linkage_means(espy_ctx *cx, const espy_linkage *l, const uint32_t *at, size_t n,
                              float **out)
{
    linkage_gather g = {l, at, n, espy_floats(cx, n * l->dim)};

    if (!g.out)
        return ESPY_E_NOMEM;
    *out = g.out;
    return espy_parallel(cx, (n + LINKAGE_PART - 1) / LINKAGE_PART, linkage_gather_part, &g);
}

/* Finds the links of the places of `who` anew, among the n places of `at`, which are all that
 * stand and are not done. */
static espy_err linkage_search_run(espy_ctx *cx, espy_linkage *l, const uint32_t *who, size_t m,
                                   const uint32_t *at, size_t n)
{
    linkage_search s = {.l = l, .at = at, .who = who};
    bool rows = l->x && n == l->places;
    float *means = NULL, *some = NULL;
    espy_err e = ESPY_E_NOMEM;

    s.all = 2 * m > n; /* half the products, as each serves two */
    if (s.all) {
        who = at;
        m = n;
    }
    if (!(s.cut = espy_floats(cx, m)))
        goto out;
    for (size_t i = 0; i < m; i++) {
        l->place[who[i]].links = 0;
        s.cut[i] = nextafterf((float)l->threshold, -INFINITY);
    }
    if (!rows)
        ESPY_GO(linkage_means(cx, l, at, n, &means));
    if (s.all) {
        ESPY_GO(espy_pairs_all(cx, rows ? l->x : means, n, l->dim, rows, "comparing", l->progress,
                               linkage_tile, &s));
    } else {
        ESPY_GO(linkage_means(cx, l, who, m, &some));
        ESPY_GO(
            espy_pairs_some(cx, some, m, rows ? l->x : means, n, l->dim, rows, linkage_tile, &s));
    }
    for (size_t i = 0; i < m; i++) {
        espy_linkage_place *p = &l->place[who[i]];
        bool full = p->links == ESPY_LINKAGE_LINKS;
        p->rest = full ? linkage_links(l, who[i])[ESPY_LINKAGE_LINKS - 1].cosine : -INFINITY;
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, s.cut);
    espy_free(cx, means);
    espy_free(cx, some);
    return e;
}

typedef struct linkage_scan {
    const espy_linkage *l;
    const uint32_t *at;
    size_t n;
} linkage_scan;

static espy_err linkage_resolve_part(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const linkage_scan *s = self;
    size_t end = (item + 1) * LINKAGE_PART < s->n ? (item + 1) * LINKAGE_PART : s->n;
    (void)cx;
    (void)worker;

    for (size_t i = item * LINKAGE_PART; i < end; i++)
        linkage_resolve(s->l, s->at[i]);
    return ESPY_E_OK;
}

/* Searches for p and for at most `most` others that need it. */
static espy_err linkage_search_for(espy_ctx *cx, espy_linkage *l, uint32_t p, size_t most,
                                   size_t *searched)
{
    uint32_t *at = espy_array(cx, l->standing, 2 * sizeof *at);
    espy_err e = ESPY_E_OK;
    size_t n = 0, m = 0;

    if (!at)
        return ESPY_E_NOMEM;
    uint32_t *who = at + l->standing;
    for (uint32_t i = 0; i < l->places; i++)
        if (l->into[i] == i && !l->place[i].done)
            at[n++] = i;
    linkage_scan scan = {l, at, n};
    ESPY_GO(espy_parallel(cx, (n + LINKAGE_PART - 1) / LINKAGE_PART, linkage_resolve_part, &scan));
    who[m++] = p;
    for (size_t i = 0; i < n && m < most; i++)
        if (at[i] != p && linkage_unsure(l, at[i]))
            who[m++] = at[i];
    ESPY_GO(linkage_search_run(cx, l, who, m, at, n));
    *searched = m;
out:
    espy_free(cx, at);
    return e;
}

/* ---- unions --------------------------------------------------------------------------------- */

/* sum += the rows of p, each of length 1. */
static void linkage_add(const espy_linkage *l, double *sum, uint32_t p)
{
    const espy_linkage_place *a = &l->place[p];

    if (a->sum)
        for (size_t d = 0; d < l->dim; d++)
            sum[d] += a->sum[d];
    else
        for (size_t d = 0; d < l->dim; d++)
            sum[d] += (double)a->row[d] * a->scale;
}

/* What p knows of q: a bound on their cosine. */
static double linkage_bound(const espy_linkage *l, const espy_linkage_link *links, uint32_t n,
                            double rest, uint32_t q)
{
    for (uint32_t i = 0; i < n; i++)
        if (links[i].to == q)
            return links[i].cosine;
    return fmax(rest, l->threshold);
}

/* Links of p with the names of today, each once, without `other`.  What has grown since may have
 * taken in a place that was not linked.  Returns how many. */
static uint32_t linkage_today(const espy_linkage *l, uint32_t p, uint32_t other,
                              espy_linkage_link *out)
{
    const espy_linkage_link *at = linkage_links(l, p);
    uint32_t n = 0;

    for (uint32_t i = 0; i < l->place[p].links; i++) {
        uint32_t q = espy_apart_find(l->into, at[i].to), k = 0;
        while (k < n && out[k].to != q)
            k++;
        bool exact = q == at[i].to && at[i].stamp == l->place[q].stamp;
        double bound = exact ? at[i].cosine : fmax(at[i].cosine, l->place[p].rest);
        if (q != p && q != other && k == n)
            out[n++] = (espy_linkage_link){bound, q, 0};
    }
    return n;
}

/* The links of the union of p and q, by L2, in the place of p. */
static void linkage_inherit(espy_linkage *l, uint32_t p, uint32_t q)
{
    espy_linkage_place *a = &l->place[p], *b = &l->place[q];
    espy_linkage_link mine[ESPY_LINKAGE_LINKS], yours[ESPY_LINKAGE_LINKS];
    uint32_t n = linkage_today(l, p, q, mine), m = linkage_today(l, q, p, yours), links = 0;
    double share = (double)a->size / ((double)a->size + (double)b->size);
    double rest = share * fmax(a->rest, l->threshold) + (1 - share) * fmax(b->rest, l->threshold);
    espy_linkage_link *out = linkage_links(l, p);

    for (uint32_t i = 0; i < n + m; i++) {
        espy_linkage_link v = i < n ? mine[i] : yours[i - n];
        uint32_t k = 0;
        while (i >= n && k < n && mine[k].to != v.to)
            k++;
        if (i >= n && k < n)
            continue; /* both know it */
        v.cosine = i < n
                       ? share * v.cosine + (1 - share) * linkage_bound(l, yours, m, b->rest, v.to)
                       : share * fmax(a->rest, l->threshold) + (1 - share) * v.cosine;
        if (links == ESPY_LINKAGE_LINKS)
            rest = fmax(rest, fmin(out[links - 1].cosine, v.cosine));
        if (links < ESPY_LINKAGE_LINKS || out[links - 1].cosine < v.cosine)
            links = linkage_insert(out, links, v);
    }
    a->links = links;
    a->rest = rest > l->threshold ? rest : -INFINITY;
}

/* p and q come together in p, the larger one, or the lower of two of a size. */
static espy_err linkage_unite(espy_ctx *cx, espy_linkage *l, uint32_t p, uint32_t q, double cosine)
{
    if (l->place[q].size > l->place[p].size || (l->place[q].size == l->place[p].size && q < p)) {
        uint32_t swap = p;
        p = q;
        q = swap;
    }
    espy_linkage_place *a = &l->place[p], *b = &l->place[q];
    ESPY_TRY(espy_apart_merge(cx, &l->apart, p, q));
    if (!a->sum) {
        double *sum = espy_array(cx, l->dim, sizeof *sum);
        if (!sum)
            return ESPY_E_NOMEM;
        linkage_add(l, sum, p);
        a->sum = sum;
    }
    linkage_add(l, a->sum, q);
    linkage_inherit(l, p, q);
    a->row = NULL;
    a->size += b->size;
    a->scale = 1 / (double)a->size;
    a->stamp++;
    espy_free(cx, b->sum);
    b->sum = NULL;
    l->into[q] = p;
    l->standing--;
    l->merge[l->merges++] = (espy_linkage_merge){cosine, p, q};
    return ESPY_E_OK;
}

/* ---- the chain ------------------------------------------------------------------------------ */

typedef struct linkage_chain {
    uint32_t *at;   /* each is the nearest neighbour of the one before */
    double *cosine; /* to the one before; -INFINITY for the first */
    size_t n;
    uint32_t *todo; /* places to begin a chain at, the last first */
    uint32_t *held; /* places whose chain ended at one that must be searched for */
    size_t todos, helds;
    uint32_t first, round;         /* the first such end of this round */
    size_t ends;                   /* how many there were */
    size_t most, searched, before; /* see linkage_need() */
} linkage_chain;

/* Searches for the ends of this round's chains, after which all chains may go on, the first held
 * first.  As long as a search of m places is followed by m / 8 unions, twice as many may be
 * searched for in the next; else an eighth. */
static espy_err linkage_need(espy_ctx *cx, espy_linkage *l, linkage_chain *c)
{
    if (c->searched > 0) {
        bool paid = 8 * (l->merges - c->before) >= c->searched;
        c->most = paid ? 2 * c->most : c->searched / 8;
        if (c->most < LINKAGE_SEARCH)
            c->most = LINKAGE_SEARCH;
        if (c->most > l->places)
            c->most = l->places;
    }
    c->before = l->merges;
    espy_progress_step(l->progress, "grouping", l->places - l->standing, l->places);
    ESPY_TRY(linkage_search_for(cx, l, c->first, c->most, &c->searched));
    while (c->helds > 0)
        c->todo[c->todos++] = c->held[--c->helds];
    c->round++;
    c->ends = 0;
    return ESPY_E_OK;
}

/* Puts the chain aside until the next search, with all in it. */
static void linkage_hold(espy_linkage *l, linkage_chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        l->place[c->at[i]].held = c->round;
    c->held[c->helds++] = c->at[0];
    c->n = 0;
}

/* One step at the end p of the chain: a union, one place more, or the chain ends. */
static espy_err linkage_step(espy_ctx *cx, espy_linkage *l, linkage_chain *c)
{
    uint32_t p = c->at[c->n - 1];
    double back = c->cosine[c->n - 1];

    if (l->place[p].held == c->round) {
        linkage_hold(l, c);
        return ESPY_E_OK;
    }
    linkage_resolve(l, p);
    double best = linkage_best(l, p);
    if (c->n > 1 && fmax(best, l->place[p].rest) <= back + LINKAGE_TIE) {
        uint32_t q = c->at[c->n - 2];
        c->n -= 2;
        ESPY_TRY(linkage_unite(cx, l, p, q, back));
        c->todo[c->todos++] = l->into[p] == p ? p : q;
    } else if (linkage_unsure(l, p)) {
        if (c->ends++ == 0)
            c->first = p;
        linkage_hold(l, c);
    } else if (best == -INFINITY) {
        l->place[p].done = true;
        c->n = 0;
    } else {
        c->at[c->n] = linkage_links(l, p)->to;
        c->cosine[c->n++] = best;
    }
    return ESPY_E_OK;
}

static void linkage_begin(espy_linkage *l, linkage_chain *c)
{
    for (uint32_t i = (uint32_t)l->places; i-- > 0;) {
        if (l->into[i] != i)
            continue;
        l->place[i].links = 0;
        l->place[i].rest = 2;
        l->place[i].done = false;
        l->place[i].held = 0;
        c->todo[c->todos++] = i;
    }
    c->round = 1;
    c->most = l->places;
}

/* Every standing place that is not done is in `todo`, in `held` or at the root of the chain. */
espy_err espy_linkage_run(espy_ctx *cx, espy_linkage *l)
{
    linkage_chain c = {.at = espy_array(cx, l->places, sizeof *c.at),
                       .cosine = espy_array(cx, l->places, sizeof *c.cosine),
                       .todo = espy_array(cx, 2 * l->places, sizeof *c.todo),
                       .held = espy_array(cx, 2 * l->places, sizeof *c.held)};
    espy_err e = ESPY_E_NOMEM;

    if (!c.at || !c.cosine || !c.todo || !c.held)
        goto out;
    linkage_begin(l, &c);
    while (c.n > 0 || c.todos > 0 || c.helds > 0) {
        ESPY_GO(espy_cancelled(cx));
        if (c.n > 0) {
            ESPY_GO(linkage_step(cx, l, &c));
        } else if (c.todos == 0 || c.ends >= c.most) {
            ESPY_GO(linkage_need(cx, l, &c));
        } else {
            uint32_t p = c.todo[--c.todos];
            if (l->into[p] != p || l->place[p].done)
                continue;
            c.at[0] = p;
            c.cosine[0] = -INFINITY;
            c.n = 1;
        }
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, c.at);
    espy_free(cx, c.cosine);
    espy_free(cx, c.todo);
    espy_free(cx, c.held);
    return e;
}

/* ---- start ---------------------------------------------------------------------------------- */

typedef struct linkage_known {
    int32_t label;
    uint32_t row;
} linkage_known;

static int linkage_by_label(const void *a, const void *b)
{
    const linkage_known *p = a, *q = b;

    if (p->label != q->label)
        return p->label < q->label ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

/* place_of: each row's place, numbered by first appearance.  Returns the number of places. */
static espy_err linkage_places(espy_ctx *cx, const espy_cluster_rows *rows, uint32_t *place_of,
                               size_t *places)
{
    size_t n = 0, known = 0;

    for (size_t i = 0; i < rows->n; i++)
        known += rows->label && rows->label[i] >= 0;
    linkage_known *k = espy_array(cx, known, sizeof *k);
    if (!k)
        return ESPY_E_NOMEM;
    known = 0;
    for (size_t i = 0; i < rows->n; i++) {
        place_of[i] = (uint32_t)i; /* for now, the first row of the place */
        if (rows->label && rows->label[i] >= 0)
            k[known++] = (linkage_known){rows->label[i], (uint32_t)i};
    }
    qsort(k, known, sizeof *k, linkage_by_label);
    for (size_t i = 1; i < known; i++)
        if (k[i].label == k[i - 1].label)
            place_of[k[i].row] = place_of[k[i - 1].row];
    for (size_t i = 0; i < rows->n; i++)
        place_of[i] = place_of[i] == i ? (uint32_t)n++ : place_of[place_of[i]];
    espy_free(cx, k);
    *places = n;
    return ESPY_E_OK;
}

/* Rows of one place are added up, in order. */
static espy_err linkage_fill(espy_ctx *cx, const espy_cluster_rows *rows, const uint32_t *place_of,
                             espy_linkage *l)
{
    for (uint32_t i = 0; i < l->places; i++) {
        l->into[i] = i;
        l->place[i].stamp = 1;
    }
    for (size_t i = 0; i < rows->n; i++) {
        espy_linkage_place *p = &l->place[place_of[i]];
        const float *row = rows->x + i * rows->dim;
        if (p->size++ == 0) {
            p->row = row;
            p->scale = l->scale[i];
            continue;
        }
        if (!p->sum) {
            double *sum = espy_array(cx, l->dim, sizeof *sum);
            if (!sum)
                return ESPY_E_NOMEM;
            linkage_add(l, sum, place_of[i]);
            p->sum = sum;
            p->row = NULL;
        }
        for (size_t d = 0; d < l->dim; d++)
            p->sum[d] += (double)row[d] * l->scale[i];
        p->scale = 1 / (double)p->size;
    }
    return ESPY_E_OK;
}

espy_err espy_linkage_start(espy_ctx *cx, const espy_cluster_rows *rows, uint32_t *place_of,
                            espy_linkage *l)
{
    espy_err e = ESPY_E_NOMEM;
    bool unit;

    *l = (espy_linkage){.dim = rows->dim};
    espy_kern_init(&l->kern, espy_cpu_detect());
    if (!(l->scale = espy_array(cx, rows->n, sizeof *l->scale)))
        goto out;
    ESPY_GO(espy_pairs_lengths(cx, rows->x, rows->n, rows->dim, l->scale, &unit));
    ESPY_GO(linkage_places(cx, rows, place_of, &l->places));
    l->standing = l->places;
    l->x = unit && l->places == rows->n ? rows->x : NULL;
    e = ESPY_E_NOMEM;
    if (!(l->place = espy_array(cx, l->places, sizeof *l->place)) ||
        !(l->into = espy_array(cx, l->places, sizeof *l->into)) ||
        !(l->merge = espy_array(cx, l->places, sizeof *l->merge)) ||
        !(l->link = espy_array(cx, l->places, ESPY_LINKAGE_LINKS * sizeof *l->link)))
        goto out;
    ESPY_GO(linkage_fill(cx, rows, place_of, l));
    ESPY_GO(espy_apart_build(cx, rows, place_of, l->places, l->into, &l->apart));
    return ESPY_E_OK;
out:
    espy_linkage_free(cx, l);
    return e;
}

void espy_linkage_free(espy_ctx *cx, espy_linkage *l)
{
    for (size_t i = 0; l->place && i < l->places; i++)
        espy_free(cx, l->place[i].sum);
    espy_apart_free(cx, &l->apart);
    espy_free(cx, l->place);
    espy_free(cx, l->into);
    espy_free(cx, l->merge);
    espy_free(cx, l->link);
    espy_free(cx, l->scale);
    *l = (espy_linkage){0};
}
