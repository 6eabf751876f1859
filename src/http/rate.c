/* SPDX-License-Identifier: Apache-2.0
 * http - the wait after many tries (rate.h). */
#include "http/rate.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "http/token.h"

enum { SET = 8 }; /* entries that a key may take: a table with fixed places to look at */

const espy_rate_rules espy_rate_login = {.free = 5, .first = 1, .most = 900, .forget = 3600};
const espy_rate_rules espy_rate_register = {.free = 19, .first = 60, .most = 3600, .forget = 3600};
const espy_rate_rules espy_rate_hooks = {.free = 0, .first = 10, .most = 600, .forget = 3600};
const espy_rate_rules espy_rate_address = {.free = 20, .first = 1, .most = 60, .forget = 3600};

typedef struct rate_entry {
    uint8_t key[16];
    unsigned failures; /* 0: nobody's */
    double last;       /* when the last one was */
} rate_entry;

struct espy_rate {
    pthread_mutex_t lock;
    espy_rate_rules rules;
    uint8_t secret[32]; /* of the digests, so that nobody can aim at a place in the table */
    size_t n_sets;
    rate_entry *at; /* n_sets x SET */
};

espy_err espy_rate_create(espy_ctx *cx, const espy_rate_rules *rules, size_t room, espy_rate **out)
{
    if (room == 0 || !(rules->first > 0) || !(rules->most >= rules->first) ||
        !(rules->forget >= rules->most))
        return espy_fail(cx, ESPY_E_ARG, "the rules of a rate limit do not fit together");
    espy_rate *r = espy_zalloc(cx, sizeof *r);
    if (!r)
        return cx->code;
    r->rules = *rules;
    r->n_sets = room / SET + (room % SET != 0);
    r->at = espy_array(cx, r->n_sets, SET * sizeof *r->at);
    pthread_mutex_init(&r->lock, NULL);
    if (!r->at || espy_token_bytes(cx, r->secret, sizeof r->secret) != ESPY_E_OK) {
        espy_rate_destroy(cx, &r);
        return cx->code;
    }
    *out = r;
    return ESPY_E_OK;
}

void espy_rate_destroy(espy_ctx *cx, espy_rate **rate)
{
    if (!*rate)
        return;
    pthread_mutex_destroy(&(*rate)->lock);
    espy_free(cx, (*rate)->at);
    espy_free(cx, *rate);
    *rate = NULL;
}

/* The set where the entry of this name and address is looked for, and its key. */
static rate_entry *rate_set(espy_rate *r, const char *name, const char *address, uint8_t key[16])
{
    uint8_t mac[ESPY_HMAC_BYTES];
    uint64_t place;
    const espy_span parts[] = {{(const uint8_t *)name, strlen(name) + 1},
                               {(const uint8_t *)address, strlen(address)}};
    espy_hmac((espy_span){r->secret, sizeof r->secret}, parts, 2, mac);
    memcpy(key, mac, 16);
    memcpy(&place, mac + 16, sizeof place);
    return r->at + place % r->n_sets * SET;
}

static rate_entry *rate_find(rate_entry *set, const uint8_t key[16])
{
    for (size_t i = 0; i < SET; i++)
        if (set[i].failures && memcmp(set[i].key, key, 16) == 0)
            return &set[i];
    return NULL;
}

/* The entry that makes room: nobody's, else that of the fewest failures, else the oldest. */
static rate_entry *rate_room(rate_entry *set)
{
    rate_entry *best = set;
    for (rate_entry *e = set + 1; e < set + SET; e++)
        if (e->failures < best->failures || (e->failures == best->failures && e->last < best->last))
            best = e;
    return best;
}

static double rate_wait(const espy_rate_rules *rules, const rate_entry *e, double now)
{
    if (e->failures <= rules->free)
        return 0;
    const unsigned doubled = e->failures - rules->free - 1;
    const double wait = fmin(rules->most, ldexp(rules->first, doubled < 60 ? (int)doubled : 60));
    return fmax(0, e->last + wait - now);
}

double espy_rate_try(espy_rate *rate, const char *name, const char *address, double now)
{
    uint8_t key[16];
    rate_entry *set = rate_set(rate, name, address, key);
    pthread_mutex_lock(&rate->lock);
    for (size_t i = 0; i < SET; i++)
        if (set[i].failures && now - set[i].last >= rate->rules.forget)
            set[i].failures = 0;
    rate_entry *e = rate_find(set, key);
    const double wait = e ? rate_wait(&rate->rules, e, now) : 0;
    if (wait == 0) {
        if (!e) {
            e = rate_room(set);
            memcpy(e->key, key, sizeof e->key);
            e->failures = 0;
        }
        e->failures++;
        e->last = now;
    }
    pthread_mutex_unlock(&rate->lock);
    return wait;
}

static void rate_less(espy_rate *rate, const char *name, const char *address, bool all)
{
    uint8_t key[16];
    rate_entry *set = rate_set(rate, name, address, key);
    pthread_mutex_lock(&rate->lock);
    rate_entry *e = rate_find(set, key);
    if (e)
        e->failures = all ? 0 : e->failures - 1;
    pthread_mutex_unlock(&rate->lock);
}

void espy_rate_passed(espy_rate *rate, const char *name, const char *address)
{
    rate_less(rate, name, address, true);
}

void espy_rate_back(espy_rate *rate, const char *name, const char *address)
{
    rate_less(rate, name, address, false);
}
