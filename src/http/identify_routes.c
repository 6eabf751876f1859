/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: who is in a picture, what is heard in a recording. */
#include "http/asked.h"
#include "http/serving.h"

/* The answer as `espy identify --json` tells it. */
static espy_err identify(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    espy_collection c = {0};
    espy_scan scan = {0};
    espy_result *result = NULL;
    espy_json *line = NULL;
    espy_err e = ESPY_E_OK;
    const espy_identify_options rule = {
        .threshold = espy_call_has(call, "threshold") ? espy_call_real(call, "threshold") : -1,
        .floor = espy_call_has(call, "floor") ? espy_call_real(call, "floor") : -2,
        .no_floor = espy_call_bool(call, "no_floor")};
    ESPY_GO(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_asked_identify(call, &c, espy_call_int(call, "version"), &rule, NULL, file->bytes,
                                &scan, &result));
    ESPY_GO(espy_result_json(cx, espy_modality_find(c.modality), file->file, &scan, result, &line));
    e = espy_reply_json(call, 200, line);
out:
    espy_result_free(result);
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_field identify_fields[] = {
    {"collection", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL,
     "id or name of the collection"},
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL, "a picture or a recording"},
    {"version", ESPY_IN_EITHER, ESPY_FIELD_INT, 0, 1e9, false, "0", NULL,
     "the version that answers; 0: the live one"},
    {"threshold", ESPY_IN_EITHER, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least probability to be known; else the version's own"},
    {"floor", ESPY_IN_EITHER, ESPY_FIELD_REAL, -1, 1, false, NULL, NULL,
     "least cosine to a training sample to be known; else the version's own"},
    {"no_floor", ESPY_IN_EITHER, ESPY_FIELD_BOOL, 0, 1, false, "false", NULL,
     "let the probability alone decide; names strangers"},
    {0}};

const espy_route espy_routes_identify[] = {
    {"POST", "/v1/collections/{collection}/identify", &espy_service_v1, ESPY_MAY_IDENTIFY,
     ESPY_LANE_INFER, identify_fields, "Say who is in a picture, or what is heard, or \"unknown\"",
     "200 Identified|404", identify},
    {0}};

const espy_schema espy_schemas_identify[] = {
    {"Identified",
     "{\"type\":\"object\",\"required\":[\"media\",\"decision\",\"error\",\"samples\"],"
     "\"properties\":{\"media\":{\"type\":\"string\"},\"decision\":{\"enum\":[\"faces\",\"no_"
     "face\","
     "\"sounds\",\"error\"]},\"error\":{\"type\":[\"string\",\"null\"]},\"samples\":{\"type\":"
     "\"array\",\"items\":{\"$ref\":\"#/components/schemas/Answer\"}}}}"},
    {"Answer",
     "{\"type\":\"object\",\"required\":[\"score\",\"decision\",\"label\",\"name\",\"similarity\","
     "\"probability\",\"candidates\"],\"properties\":{\"box\":{\"type\":\"array\",\"items\":{"
     "\"type\":\"number\"},\"minItems\":4,\"maxItems\":4},\"start\":{\"type\":\"number\"},\"end\":{"
     "\"type\":\"number\"},\"score\":{\"type\":\"number\"},\"decision\":{\"enum\":[\"known\","
     "\"unknown\",\"ambiguous\",\"poor_quality\"]},\"label\":{\"type\":[\"string\",\"null\"]},"
     "\"name\":{\"type\":[\"string\",\"null\"]},\"similarity\":{\"type\":[\"number\",\"null\"]},"
     "\"probability\":{\"type\":[\"number\",\"null\"]},\"candidates\":{\"type\":\"array\","
     "\"items\":"
     "{\"type\":\"object\"}}}}"},
    {0}};
