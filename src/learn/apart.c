/* SPDX-License-Identifier: Apache-2.0
 * learn - what keeps clusters apart.  Of two sets the smaller is always moved or asked about, so
 * that a number is moved at most log n times. */
#include "learn/apart.h"

#include <stdlib.h>
#include <string.h>

typedef struct apart_shot {
    uint64_t photo;
    uint32_t place;
} apart_shot;

static int apart_by_photo(const void *a, const void *b)
{
    const apart_shot *p = a, *q = b;

    if (p->photo != q->photo)
        return p->photo < q->photo ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

static espy_err apart_append(espy_ctx *cx, espy_apart_set *s, uint32_t v)
{
    /* room is the next power of two */
    if ((s->n & (s->n - 1)) == 0) {
        uint32_t *at = espy_resize(cx, s->at, s->n ? 2 * s->n : 1, sizeof *at);
        if (!at)
            return ESPY_E_NOMEM;
        s->at = at;
    }
    s->at[s->n++] = v;
    return ESPY_E_OK;
}

/* Photos that are in one place only keep nobody apart and are left out; the others get numbers in
 * their order, so that every set comes out sorted. */
static espy_err apart_photos(espy_ctx *cx, const espy_cluster_rows *rows, const uint32_t *place,
                             espy_apart *a)
{
    apart_shot *shot = espy_array(cx, rows->n, sizeof *shot);
    espy_err e = ESPY_E_NOMEM;
    uint32_t number = 0;
    size_t n = 0;

    a->photo = espy_array(cx, a->places, sizeof *a->photo);
    if (!shot || !a->photo)
        goto out;
    for (size_t i = 0; i < rows->n; i++)
        if (rows->photo[i] != ESPY_CLUSTER_NO_PHOTO)
            shot[n++] = (apart_shot){rows->photo[i], place[i]};
    qsort(shot, n, sizeof *shot, apart_by_photo);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && shot[end].photo == shot[i].photo;)
            end++;
        if (shot[i].place == shot[end - 1].place)
            continue;
        for (size_t k = i; k < end; k++)
            if (k == i || shot[k].place != shot[k - 1].place)
                ESPY_GO(apart_append(cx, &a->photo[shot[k].place], number));
        number++;
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, shot);
    return e;
}

static espy_err apart_pairs(espy_ctx *cx, const espy_cluster_rows *rows, const uint32_t *place,
                            espy_apart *a)
{
    a->foe = espy_array(cx, a->places, sizeof *a->foe);
    if (!a->foe)
        return ESPY_E_NOMEM;
    for (size_t k = 0; k < rows->apart_n; k++) {
        uint32_t i = rows->apart[k].a, j = rows->apart[k].b;
        if (i >= rows->n || j >= rows->n || i == j)
            return espy_fail(cx, ESPY_E_ARG,
                             "pair %zu to be kept apart is %lu and %lu; give two of the %zu rows",
                             k, (unsigned long)i, (unsigned long)j, rows->n);
        if (place[i] == place[j]) /* the label wins */
            continue;
        ESPY_TRY(apart_append(cx, &a->foe[place[i]], place[j]));
        ESPY_TRY(apart_append(cx, &a->foe[place[j]], place[i]));
    }
    return ESPY_E_OK;
}

espy_err espy_apart_build(espy_ctx *cx, const espy_cluster_rows *rows, const uint32_t *place,
                          size_t places, const uint32_t *into, espy_apart *out)
{
    espy_apart a = {.places = places, .into = into};
    espy_err e = ESPY_E_OK;

    if (rows->label) {
        a.label = espy_array(cx, places, sizeof *a.label);
        if (!a.label)
            return ESPY_E_NOMEM;
        for (size_t i = 0; i < rows->n; i++)
            a.label[place[i]] = rows->label[i];
    }
    if (rows->photo)
        ESPY_GO(apart_photos(cx, rows, place, &a));
    if (rows->apart_n > 0)
        ESPY_GO(apart_pairs(cx, rows, place, &a));
    *out = a;
    return ESPY_E_OK;
out:
    espy_apart_free(cx, &a);
    return e;
}

static bool apart_holds(const espy_apart_set *s, uint32_t v)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->at[mid] < v)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n && s->at[low] == v;
}

static bool apart_share(const espy_apart_set *s, const espy_apart_set *t)
{
    const espy_apart_set *few = s->n < t->n ? s : t, *many = s->n < t->n ? t : s;

    for (size_t i = 0; i < few->n; i++)
        if (apart_holds(many, few->at[i]))
            return true;
    return false;
}

bool espy_apart_forbids(const espy_apart *a, uint32_t p, uint32_t q)
{
    if (a->label && a->label[p] >= 0 && a->label[q] >= 0 && a->label[p] != a->label[q])
        return true;
    if (a->photo && apart_share(&a->photo[p], &a->photo[q]))
        return true;
    if (a->foe) {
        bool first = a->foe[p].n < a->foe[q].n;
        const espy_apart_set *few = &a->foe[first ? p : q];
        for (size_t i = 0; i < few->n; i++)
            if (espy_apart_find(a->into, few->at[i]) == (first ? q : p))
                return true;
    }
    return false;
}

/* Joins t into s, ascending where both are; t is emptied. */
static espy_err apart_join(espy_ctx *cx, espy_apart_set *s, espy_apart_set *t)
{
    if (t->n > s->n) {
        espy_apart_set swap = *s;
        *s = *t;
        *t = swap;
    }
    size_t i = s->n, j = t->n, n = i + j;
    for (size_t k = 0; k < j; k++)
        ESPY_TRY(apart_append(cx, s, t->at[k]));
    while (j > 0) {
        bool high = i > 0 && s->at[i - 1] > t->at[j - 1];
        s->at[--n] = high ? s->at[--i] : t->at[--j];
    }
    espy_free(cx, t->at);
    *t = (espy_apart_set){0};
    return ESPY_E_OK;
}

espy_err espy_apart_merge(espy_ctx *cx, espy_apart *a, uint32_t p, uint32_t q)
{
    if (a->label && a->label[p] < 0)
        a->label[p] = a->label[q];
    if (a->photo)
        ESPY_TRY(apart_join(cx, &a->photo[p], &a->photo[q]));
    if (a->foe)
        ESPY_TRY(apart_join(cx, &a->foe[p], &a->foe[q]));
    return ESPY_E_OK;
}

void espy_apart_free(espy_ctx *cx, espy_apart *a)
{
    for (size_t i = 0; a->photo && i < a->places; i++)
        espy_free(cx, a->photo[i].at);
    for (size_t i = 0; a->foe && i < a->places; i++)
        espy_free(cx, a->foe[i].at);
    espy_free(cx, a->photo);
    espy_free(cx, a->foe);
    espy_free(cx, a->label);
    *a = (espy_apart){0};
}
