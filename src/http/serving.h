/* SPDX-License-Identifier: Apache-2.0
 * http - what all requests share. */
#ifndef ESPY_HTTP_SERVING_H
#define ESPY_HTTP_SERVING_H

#include "http/http.h"
#include "http/hub.h"
#include "http/live.h"
#include "http/metrics.h"
#include "http/models.h"
#include "http/pictures.h"
#include "http/rate.h"
#include "http/runner.h"
#include "http/token.h"

struct espy_serving {
    const espy_ctx *cx; /* allocator, limits and log: what a thread makes its own context of */
    const espy_serve_options *options;
    char *workspace; /* its folder */
    espy_models *models;
    espy_pictures *pictures;
    espy_hub *hub;
    espy_metrics *metrics;
    espy_live *live;
    espy_rate *logins, *addresses; /* failed ones by name and address, and by address alone */
    espy_rate *registrations;
    espy_rate *hooks; /* webhooks by id: how long a silent one is left alone */
    espy_password_gate *passwords;
    espy_runner *_Atomic runner, *_Atomic light; /* either may order jobs and wake the other */
    uint8_t secret[32];   /* signs tokens; the same on all machines of a store */
    atomic_uint settings; /* how often espy.conf was read anew: espy_work_renew() */
    double started;       /* seconds since 1970 */
    unsigned workers;     /* that encode */
    atomic_uint port;     /* that it listens on; 0: not yet */
    atomic_bool stopping;
    atomic_bool ready;
    const char **routes, **kinds; /* names for the metrics */
    atomic_llong predictions;     /* since the start: EcoSight's status tells */
};

/* The place of the first route of its path in espy_routes, all tables counted through; NULL: behind
 * the last. */
size_t espy_route_number(const espy_route *route);

/* Where it listens, as an address of a browser: "http://127.0.0.1:8000", "https://[::1]:8443". */
#define ESPY_LISTEN_TEXT 300
void espy_serving_listen(const espy_serving *serving, char out[ESPY_LISTEN_TEXT]);

/* Publishes to streams what is in the store: events, and jobs that other servers run. */
void espy_watch_topics(espy_ctx *cx, espy_serving *serving, espy_workspace *ws);

#endif
