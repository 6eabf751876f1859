/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: the server itself, as the page of settings shows it.  Nothing tells where on its disk
 * things are. */
#include <stdio.h>

#include "base/text.h"
#include "http/make.h"
#include "http/serving.h"
#include "kern/kern.h"

static const char *cpu_level(void)
{
    const unsigned cpu = espy_cpu_detect();
    return cpu & ESPY_CPU_AVX512 ? "avx512" : cpu & ESPY_CPU_AVX2 ? "avx2" : "plain";
}

/* A number of espy.conf; null where it has none, or something else. */
static void put_count(espy_made *m, const espy_workspace *ws, const char *key)
{
    const char *text = espy_workspace_setting(ws, key);
    int64_t n;
    if (text && espy_parse_int(text, 0, 1000000000, &n))
        espy_put_int(m, key, n);
    else
        espy_put_null(m, key);
}

static void put_share(espy_made *m, const espy_workspace *ws, const char *key)
{
    const char *text = espy_workspace_setting(ws, key);
    double v;
    if (text && espy_parse_real(text, 0, 1, &v))
        espy_put_real(m, key, v);
    else
        espy_put_null(m, key);
}

static void put_limits(espy_made *m, const espy_limits *max, const espy_http_limits *limits)
{
    espy_made o = espy_make_object(m->cx);
    espy_put_int(&o, "body", (int64_t)limits->body);
    espy_put_int(&o, "file", (int64_t)max->file_bytes);
    espy_put_int(&o, "pixels", (int64_t)max->image_pixels);
    espy_put_int(&o, "side", (int64_t)max->image_side);
    espy_put_int(&o, "ids", (int64_t)limits->ids);
    espy_put_int(&o, "streams", (int64_t)limits->streams);
    espy_put_real(&o, "request_seconds", limits->request_seconds);
    espy_put_real(&o, "long_seconds", limits->long_seconds);
    espy_put_made(m, "limits", &o);
}

/* Packs, and the workspace whose espy.conf says which may be used. */
typedef struct system_packs {
    const espy_workspace *ws;
    espy_made list;
} system_packs;

static espy_err put_pack(espy_ctx *cx, void *self, const espy_pack *pack)
{
    system_packs *packs = self;
    const size_t missing = espy_pack_missing(pack);
    const bool allowed = espy_workspace_allows(packs->ws, pack);
    char why[200] = "";
    if (!allowed)
        snprintf(why, sizeof why, "espy.conf says non_commercial = no");
    else if (missing)
        snprintf(why, sizeof why, "%zu of %zu files are absent; run: espy models fetch %.64s",
                 missing, pack->n_files, pack->name);
    espy_made o = espy_make_object(cx);
    espy_put_text(&o, "name", pack->name);
    espy_put_text(&o, "summary", pack->summary);
    espy_put_text(&o, "modality", pack->modality);
    espy_put_int(&o, "dimension", (int64_t)pack->dim);
    espy_put_text(&o, "licence", pack->licence);
    espy_put_bool(&o, "commercial", pack->commercial);
    espy_put_bool(&o, "usable", !why[0]);
    espy_put_text(&o, "why", why[0] ? why : NULL);
    espy_put_int(&o, "networks", (int64_t)pack->n_files);
    espy_put_made(&packs->list, NULL, &o);
    return packs->list.e;
}

static espy_err show(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_serving *s = call->serving;
    const espy_workspace *ws = call->ws;
    char listen[ESPY_LISTEN_TEXT];
    espy_json *o = NULL;
    system_packs packs = {ws, espy_make_array(cx)};
    espy_serving_listen(s, listen);
    if (packs.list.e == ESPY_E_OK)
        packs.list.e = espy_workspace_packs(cx, ws->dir, put_pack, &packs);
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "version", espy_library_version());
    espy_put_time(&m, "started", s->started);
    espy_put_text(&m, "store", espy_store_on_server(ws->store) ? "postgresql" : "sqlite");
    espy_put_int(&m, "workers", s->workers);
    espy_put_int(&m, "memory_bytes", (int64_t)espy_process_memory());
    espy_put_text(&m, "cpu", cpu_level());
    espy_put_bool(&m, "trust_loopback", s->options->trust_loopback);
    espy_put_text(&m, "listen", listen);
    put_count(&m, ws, "trigger");
    espy_put_text(&m, "schedule", espy_workspace_setting(ws, "schedule"));
    put_count(&m, ws, "schedule_trigger");
    put_share(&m, ws, "min_accuracy");
    put_limits(&m, &cx->max, &s->options->limits);
    espy_put_made(&m, "packs", &packs.list);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

const espy_route espy_routes_v1_system[] = {
    {"GET", "/v1/system", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_INFER, NULL,
     "The server: version, settings, limits and packs", "200 System", show},
    {0}};

const espy_schema espy_schemas_v1_system[] = {
    {"System",
     "{\"type\":\"object\",\"required\":[\"version\",\"started\",\"store\",\"workers\",\"memor"
     "y_bytes\",\"cpu\",\"trust_loopback\",\"listen\",\"trigger\",\"schedule\",\"schedule_trig"
     "ger\",\"min_accuracy\",\"limits\",\"packs\"],\"properties\":{\"version\":{\"type\":\"str"
     "ing\"},\"started\":{\"type\":\"string\"},\"store\":{\"enum\":[\"sqlite\",\"postgresql\"]"
     "},\"workers\":{\"type\":\"integer\"},\"memory_bytes\":{\"type\":\"integer\"},\"cpu\":{\""
     "enum\":[\"avx512\",\"avx2\",\"plain\"]},\"trust_loopback\":{\"type\":\"boolean\"},\"list"
     "en\":{\"type\":\"string\"},\"trigger\":{\"type\":[\"integer\",\"null\"]},\"schedule\":{"
     "\"type\":[\"string\",\"null\"]},\"schedule_trigger\":{\"type\":[\"integer\",\"null\"]},"
     "\"min_accuracy\":{\"type\":[\"number\",\"null\"]},\"limits\":{\"$ref\":\"#/components/sc"
     "hemas/SystemLimits\"},\"packs\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/s"
     "chemas/SystemPack\"}}}}"},
    {"SystemLimits",
     "{\"type\":\"object\",\"required\":[\"body\",\"file\",\"pixels\",\"side\",\"ids\",\"strea"
     "ms\",\"request_seconds\",\"long_seconds\"],\"properties\":{\"body\":{\"type\":\"integer"
     "\"},\"file\":{\"type\":\"integer\"},\"pixels\":{\"type\":\"integer\"},\"side\":{\"type\""
     ":\"integer\"},\"ids\":{\"type\":\"integer\"},\"streams\":{\"type\":\"integer\"},\"reques"
     "t_seconds\":{\"type\":\"number\"},\"long_seconds\":{\"type\":\"number\"}}}"},
    {"SystemPack",
     "{\"type\":\"object\",\"required\":[\"name\",\"summary\",\"modality\",\"dimension\",\"lic"
     "ence\",\"commercial\",\"usable\",\"why\",\"networks\"],\"properties\":{\"name\":{\"type"
     "\":\"string\"},\"summary\":{\"type\":[\"string\",\"null\"]},\"modality\":{\"type\":\"str"
     "ing\"},\"dimension\":{\"type\":\"integer\"},\"licence\":{\"type\":[\"string\",\"null\"]}"
     ",\"commercial\":{\"type\":\"boolean\"},\"usable\":{\"type\":\"boolean\"},\"why\":{\"type"
     "\":[\"string\",\"null\"]},\"networks\":{\"type\":\"integer\"}}}"},
    {0}};
