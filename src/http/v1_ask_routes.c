/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: who is it, is it them, who is like it; boxes and vectors. */
#include <math.h>
#include <string.h>

#include "flow/scan.h"
#include "http/asked.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "learn/gallery.h"

/* A vector that was sent, scaled to unit length, as a scan of one sample. */
static espy_err scan_of_vector(espy_call *call, size_t dim, espy_scan *out)
{
    espy_ctx *cx = call->cx;
    const espy_json *v = espy_call_json(call, "embedding");
    espy_scan scan = {.n = 1, .dim = dim};
    double norm = 0;
    if (espy_json_count(v) != dim)
        return espy_refuse_field(call, "embedding", "%zu numbers are expected; %zu came", dim,
                                 espy_json_count(v));
    for (size_t i = 0; i < dim; i++)
        norm += pow(espy_json_number(espy_json_at(v, i), 0), 2);
    if (!(norm > 1e-20 && norm < 1e30))
        return espy_refuse_field(call, "embedding", "the vector has no usable length");
    scan.at = espy_array(cx, 1, sizeof *scan.at);
    scan.vectors = espy_floats(cx, dim);
    if (!scan.at || !scan.vectors) {
        espy_scan_free(cx, &scan);
        return cx->code;
    }
    for (size_t i = 0; i < dim; i++)
        scan.vectors[i] = (float)(espy_json_number(espy_json_at(v, i), 0) / sqrt(norm));
    scan.at[0] = (espy_scan_sample){.embedding = scan.vectors, .whole = true};
    *out = scan;
    return ESPY_E_OK;
}

/* Either a file or a vector. */
static espy_err one_of_two(espy_call *call)
{
    bool file = espy_call_files(call, "file") > 0, vector = espy_call_has(call, "embedding");
    if (file != vector)
        return ESPY_E_OK;
    return espy_refuse_field(call, "file",
                             file ? "send a file or an embedding, not both"
                                  : "send a file, or an embedding");
}

static espy_identify_options rule_asked(const espy_call *call)
{
    return (espy_identify_options){
        .threshold = espy_call_has(call, "threshold") ? espy_call_real(call, "threshold") : -1,
        .floor = espy_call_has(call, "floor") ? espy_call_real(call, "floor") : -2,
        .no_floor = espy_call_bool(call, "no_floor")};
}

/* -- identify ---------------------------------------------------------------------------------- */
/* A vector has no quality to be judged by. */
static espy_err identify_vector(espy_call *call, const espy_collection *c, espy_scan *scan,
                                espy_result **result)
{
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    const espy_identify_options rule = rule_asked(call);
    espy_model *model = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_models_get(cx, models, call->ws, c, espy_call_int(call, "version"), &model));
    espy_identifier id = model->id;
    id.rule.min_side = id.rule.min_sharpness = 0;
    if (rule.threshold >= 0)
        id.rule.threshold = rule.threshold;
    if (rule.floor >= -1)
        id.rule.floor = rule.floor;
    id.rule.no_floor = rule.no_floor;
    ESPY_GO(scan_of_vector(call, id.gallery.vectors.dim, scan));
    e = espy_identify_scan(cx, &id, scan, result);
out:
    espy_models_put(cx, models, &model);
    return e;
}

/* The answer as `espy identify --json` tells it. */
static espy_err identify(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    const espy_identify_options rule = rule_asked(call);
    espy_collection c = {0};
    espy_scan scan = {0};
    espy_result *result = NULL;
    espy_json *line = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(one_of_two(call));
    ESPY_GO(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    if (file)
        ESPY_GO(espy_asked_identify(call, &c, espy_call_int(call, "version"), &rule, NULL,
                                    file->bytes, &scan, &result));
    else
        ESPY_GO(identify_vector(call, &c, &scan, &result));
    ESPY_GO(espy_result_json(cx, espy_modality_find(c.modality), file ? file->file : "", &scan,
                             result, &line));
    e = espy_reply_json(call, 200, line);
out:
    espy_result_free(result);
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    return e;
}

/* -- verify ------------------------------------------------------------------------------------ */
/* The largest sample of a file. */
static espy_err largest(espy_call *call, const espy_encoder *encoder, const char *field,
                        espy_scan *scan, const espy_scan_sample **best)
{
    ESPY_TRY(espy_asked_scan(call, encoder, espy_call_file(call, field, 0)->bytes, scan));
    if (scan->n == 0)
        return espy_refuse(call, 422, "no_sample", "%s: %s", field,
                           espy_encoder_modality(encoder)->nothing);
    *best = &scan->at[0];
    for (size_t i = 1; i < scan->n; i++)
        if (scan->at[i].box[2] * scan->at[i].box[3] > (*best)->box[2] * (*best)->box[3])
            *best = &scan->at[i];
    return ESPY_E_OK;
}

static float dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* The largest cosine to a training sample of the label; -2 when the version has not learned it. */
static float nearest_of_label(const espy_identifier *id, const char *code, const float *x)
{
    float best = -2;
    const espy_training_set *g = &id->gallery;
    for (size_t i = 0; i < g->vectors.n; i++) {
        const espy_label *l = &g->labels[g->y[i]];
        if (l->deleted || strcmp(l->code, code) != 0)
            continue;
        float c = dot(g->vectors.x + i * g->vectors.dim, x, g->vectors.dim);
        best = c > best ? c : best;
    }
    return best;
}

static espy_err verify_reply(espy_call *call, float similarity, double floor)
{
    espy_json *o = NULL;
    espy_made m = espy_make_object(call->cx);
    espy_put_bool(&m, "match", (double)similarity >= floor);
    espy_put(&m, "similarity", espy_json_of_float(similarity));
    espy_put_real(&m, "floor", floor);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

/* Against a label of the live version, or against another file. */
static espy_err verify(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    const char *code = espy_call_text(call, "label");
    espy_collection c = {0};
    espy_scan scan = {0}, second = {0};
    espy_model *model = NULL;
    const espy_encoder *encoder;
    const espy_scan_sample *a, *b;
    espy_err e = ESPY_E_OK;
    if ((code != NULL) == (espy_call_files(call, "other") > 0))
        return espy_refuse_field(call, "label", "name a label, or send another file as \"other\"");
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_models_encoder(cx, models, call->ws, &c, &encoder));
    if (code)
        ESPY_GO(espy_models_get(cx, models, call->ws, &c, 0, &model));
    ESPY_GO(largest(call, encoder, "file", &scan, &a));
    double floor = espy_call_has(call, "floor") ? espy_call_real(call, "floor")
                   : model                      ? model->id.rule.floor
                                                : (double)espy_encoder_pack(encoder)->floor;
    if (code) {
        float near = nearest_of_label(&model->id, code, a->embedding);
        if (near < -1.5F)
            ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND,
                              "the version that answers has not learned \"%s\"", code));
        e = verify_reply(call, near, floor);
    } else {
        ESPY_GO(largest(call, encoder, "other", &second, &b));
        e = verify_reply(call, dot(a->embedding, b->embedding, scan.dim), floor);
    }
out:
    espy_models_put(cx, models, &model);
    espy_scan_free(cx, &scan);
    espy_scan_free(cx, &second);
    espy_collection_free(cx, &c);
    return e;
}

/* -- search ------------------------------------------------------------------------------------ */
static espy_err search_sample(espy_call *call, const espy_collection *c, const espy_modality *m,
                              const espy_scan *scan, size_t i, espy_made *list)
{
    espy_ctx *cx = call->cx;
    size_t k = (size_t)espy_call_int(call, "k"), n = 0, good = 0;
    double least = espy_call_real(call, "least");
    espy_json *o = NULL, *found = NULL;
    espy_near *near = espy_array(cx, k, sizeof *near);
    espy_err e = ESPY_E_OK;
    if (!near)
        return cx->code;
    ESPY_GO(espy_store_nearest(cx, call->ws->store, c->id, c->encoder_digest, scan->at[i].embedding,
                               scan->dim, k, 0, near, &n));
    while (good < n && (double)near[good].similarity >= least)
        good++;
    ESPY_GO(espy_sample_json(cx, m, &scan->at[i], scan->dim, false, false, &o));
    espy_made s = {cx, o, ESPY_E_OK};
    s.e = espy_near_json(call, near, good, &found);
    if (s.e == ESPY_E_OK)
        espy_put(&s, "neighbours",
                 espy_json_ref((espy_json *)(uintptr_t)espy_json_get(found, "items")));
    espy_put_made(list, NULL, &s);
    espy_json_free(found);
    e = list->e;
out:
    espy_free(cx, near);
    return e;
}

static espy_err search(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    espy_collection c = {0};
    espy_scan scan = {0};
    const espy_encoder *encoder;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(one_of_two(call));
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &c, &encoder));
    if (file)
        ESPY_GO(espy_asked_scan(call, encoder, file->bytes, &scan));
    else
        ESPY_GO(scan_of_vector(call, espy_encoder_dim(encoder), &scan));
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    for (size_t i = 0; i < scan.n && list.e == ESPY_E_OK; i++)
        list.e = search_sample(call, &c, espy_encoder_modality(encoder), &scan, i, &list);
    espy_put_made(&m, "samples", &list);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    return e;
}

/* -- boxes and vectors ------------------------------------------------------------------------- */
/* The encoder that is named, else the one of a modality's default pack. */
static espy_err encoder_asked(espy_call *call, const espy_encoder **out)
{
    espy_ctx *cx = call->cx;
    const char *given = espy_call_text(call, "encoder");
    char *pack = NULL;
    if (given && strpbrk(given, "/."))
        return espy_refuse_field(call, "encoder", "the name of a pack is expected");
    if (given)
        pack = espy_strdup(cx, given);
    else
        ESPY_TRY(espy_workspace_default_pack(
            cx, call->ws, espy_modality_find(espy_call_text(call, "modality")), &pack));
    if (!pack)
        return cx->code;
    espy_err e = espy_models_pack(cx, call->serving->models, call->ws, pack, out);
    espy_free(cx, pack);
    return e;
}

static espy_err found(espy_call *call, bool embedding)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    const espy_find_options find = {.no_crops = !embedding};
    const espy_encoder *encoder;
    espy_scan scan = {0};
    espy_json *s = NULL, *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(encoder_asked(call, &encoder));
    ESPY_TRY(espy_flow_scan_memory(cx, encoder, &find, file->bytes, &scan));
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    for (size_t i = 0; i < scan.n && list.e == ESPY_E_OK; i++) {
        list.e = espy_sample_json(cx, espy_encoder_modality(encoder), &scan.at[i], scan.dim, true,
                                  embedding, &s);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, s);
    }
    espy_put_text(&m, "media", file->file);
    espy_put_text(&m, "encoder", espy_encoder_pack(encoder)->name);
    espy_put_text(&m, "encoder_digest", espy_encoder_digest(encoder));
    espy_put_int(&m, "dimension", (int64_t)espy_encoder_dim(encoder));
    espy_put_int(&m, "width", scan.width);
    espy_put_int(&m, "height", scan.height);
    espy_put_made(&m, "samples", &list);
    espy_scan_free(cx, &scan);
    e = espy_made_end(&m, &o);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, o);
}

static espy_err detect(espy_call *call)
{
    return found(call, false);
}

static espy_err embed(espy_call *call)
{
    return found(call, true);
}

#define FILE_FIELD(name, required, help)                                      \
    {                                                                         \
        name, ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, required, NULL, NULL, help \
    }
#define VECTOR_FIELD                                                               \
    {                                                                              \
        "embedding", ESPY_IN_BODY, ESPY_FIELD_NUMBERS, 1, 8192, false, NULL, NULL, \
            "instead of a file: a vector of the collection's encoder"              \
    }
#define FLOOR_FIELD                                                         \
    {                                                                       \
        "floor", ESPY_IN_EITHER, ESPY_FIELD_REAL, -1, 1, false, NULL, NULL, \
            "least cosine to a training sample; else the version's own"     \
    }
static const espy_field identify_fields[] = {
    ESPY_COLLECTION_FIELD,
    FILE_FIELD("file", false, "a picture or a recording"),
    VECTOR_FIELD,
    {"version", ESPY_IN_EITHER, ESPY_FIELD_INT, 0, 1e9, false, "0", NULL,
     "the version that answers; 0: the live one"},
    {"threshold", ESPY_IN_EITHER, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least probability to be known; else the version's own"},
    FLOOR_FIELD,
    {"no_floor", ESPY_IN_EITHER, ESPY_FIELD_BOOL, 0, 1, false, "false", NULL,
     "let the probability alone decide; names strangers"},
    {0}};
static const espy_field verify_fields[] = {
    ESPY_COLLECTION_FIELD,
    FILE_FIELD("file", true, "a picture or a recording; its largest sample counts"),
    FILE_FIELD("other", false, "what it is compared with"),
    {"label", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL,
     "code of who it is said to be"},
    FLOOR_FIELD,
    {0}};
static const espy_field search_fields[] = {
    ESPY_COLLECTION_FIELD,
    FILE_FIELD("file", false, "a picture or a recording"),
    VECTOR_FIELD,
    {"k", ESPY_IN_EITHER, ESPY_FIELD_INT, 1, 1000, false, "5", NULL, "how many of each sample"},
    {"least", ESPY_IN_EITHER, ESPY_FIELD_REAL, -1, 1, false, "-1", NULL, "least cosine"},
    {0}};
static const espy_field found_fields[] = {
    FILE_FIELD("file", true, "a picture or a recording"),
    {"encoder", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 64, false, NULL, NULL,
     "pack of networks; else the best one installed"},
    {"modality", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 16, false, "\"face\"", "face|sound",
     "which the best one is for"},
    {0}};

const espy_route espy_routes_v1_ask[] = {
    {"POST", "/v1/collections/{collection}/identify", &espy_service_v1, ESPY_MAY_IDENTIFY,
     ESPY_LANE_INFER, identify_fields, "Say who is in a picture, or what is heard, or \"unknown\"",
     "200 Identified|404|422", identify},
    {"POST", "/v1/collections/{collection}/verify", &espy_service_v1, ESPY_MAY_IDENTIFY,
     ESPY_LANE_INFER, verify_fields, "Whether it is who it is said to be, or the same as another",
     "200 Verified|404|422", verify},
    {"POST", "/v1/collections/{collection}/search", &espy_service_v1, ESPY_MAY_IDENTIFY,
     ESPY_LANE_INFER, search_fields, "The labelled samples that each face or sound is most like",
     "200 Found|404|422", search},
    {"POST", "/v1/detect", &espy_service_v1, ESPY_MAY_IDENTIFY, ESPY_LANE_INFER, found_fields,
     "Boxes and points", "200 Encoded|404|422", detect},
    {"POST", "/v1/embed", &espy_service_v1, ESPY_MAY_IDENTIFY, ESPY_LANE_INFER, found_fields,
     "Boxes, points and vectors of unit length", "200 Encoded|404|422", embed},
    {0}};

const espy_schema espy_schemas_v1_ask[] = {
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
     "{\"type\":\"object\",\"required\":[\"label\",\"similarity\",\"probability\"]}}}}"},
    {"Verified", "{\"type\":\"object\",\"required\":[\"match\",\"similarity\",\"floor\"],"
                 "\"properties\":{\"match\":{\"type\":\"boolean\"},\"similarity\":{\"type\":"
                 "\"number\"},\"floor\":{\"type\":\"number\"}}}"},
    {"Found",
     "{\"type\":\"object\",\"required\":[\"samples\"],\"properties\":{\"samples\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"neighbours\"]}}}}"},
    {"Encoded", "{\"type\":\"object\",\"required\":[\"media\",\"encoder\",\"dimension\","
                "\"samples\"],\"properties\":{\"samples\":{\"type\":\"array\",\"items\":{\"type\":"
                "\"object\",\"required\":[\"score\"]}}}}"},
    {0}};
