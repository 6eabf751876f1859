/* SPDX-License-Identifier: Apache-2.0
 * http - /healthz, /readyz, /metrics, /openapi.json. */
#include <string.h>

#include "http/eco.h"
#include "http/openapi.h"
#include "http/serving.h"

static espy_err health(espy_call *call)
{
    espy_json *o = espy_json_object();
    espy_err e = espy_json_set(call->cx, o, "status", espy_json_of_string("ok"));
    if (e == ESPY_E_OK)
        e = espy_json_set(call->cx, o, "version", espy_json_of_string(espy_library_version()));
    if (e != ESPY_E_OK) {
        espy_json_free(o);
        return e;
    }
    return espy_reply_json(call, 200, o);
}

/* Ready: the store answers, and what is live has been opened. */
static espy_err ready(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t id;
    if (!call->serving->ready || call->serving->stopping)
        return espy_refuse(call, 503, NULL, "not ready yet, or stopping");
    if (espy_store_events_last(cx, call->ws->store, &id) != ESPY_E_OK) {
        espy_clear(cx);
        return espy_refuse(call, 503, NULL, "the store does not answer");
    }
    return health(call);
}

/* For Prometheus, unless the client asks for JSON: then the figures of EcoSight's model (C-28). */
static espy_err metrics(espy_call *call)
{
    espy_buf b;
    const char *accept = espy_call_header(call, "Accept");
    if (accept && strstr(accept, "application/json"))
        return espy_eco_figures(call);
    espy_buf_init(&b, (size_t)8 << 20);
    ESPY_TRY(espy_metrics_print(call->cx, call->serving->metrics, &b));
    return espy_reply_bytes(call, 200, ESPY_METRICS_TYPE, &b);
}

static espy_err openapi(espy_call *call)
{
    espy_json *doc = NULL;
    ESPY_TRY(espy_openapi(call->cx, &doc));
    return espy_reply_json(call, 200, doc);
}

const espy_route espy_routes_system[] = {
    {"GET", "/healthz", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_QUICK, NULL,
     "Whether the process lives", "200 Health", health},
    {"GET", "/readyz", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_QUICK, NULL,
     "Whether it can answer", "200 Health|503", ready},
    {"GET", "/metrics", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, NULL,
     "What the server counts, for Prometheus; with Accept: application/json EcoSight's figures",
     "200 text/plain|404", metrics},
    {"GET", "/openapi.json", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_QUICK, NULL, "This document",
     "200 application/json", openapi},
    {0}};
