/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: media and samples. */
#include <stdio.h>
#include <string.h>

#include "flow/answer.h"
#include "flow/receive.h"
#include "http/automatic.h"
#include "http/bytes.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/gallery.h"
#include "store/label.h"
#include "store/near.h"
#include "store/session.h"

static espy_err media_json(espy_ctx *cx, const void *item, espy_json **out)
{
    const espy_media_info *i = item;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", i->id);
    espy_put_int(&m, "collection", i->collection);
    espy_put_id(&m, "session", i->session);
    espy_put_text(&m, "digest", i->digest);
    espy_put_int(&m, "bytes", i->bytes);
    espy_put_text(&m, "source", i->source);
    espy_put_bool(&m, "probe", i->probe);
    espy_put_int(&m, "width", i->width);
    espy_put_int(&m, "height", i->height);
    espy_put_int(&m, "samples", (int64_t)i->samples);
    espy_put_int(&m, "labelled", (int64_t)i->labelled);
    espy_put_text(&m, "error", i->error);
    espy_put_time(&m, "created", i->created);
    espy_put_time(&m, "scanned", i->scanned);
    return espy_made_end(&m, out);
}

static espy_asked asked(const espy_call *call, const char *field)
{
    if (!espy_call_has(call, field))
        return ESPY_ANY;
    return espy_call_bool(call, field) ? ESPY_YES : ESPY_NO;
}

/* -- media ------------------------------------------------------------------------------------- */
static espy_err media_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_page page;
    espy_media_info *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    const espy_media_filter f = {.collection = c.id,
                                 .session = espy_call_int(call, "session"),
                                 .scanned = asked(call, "scanned"),
                                 .probe = asked(call, "probe")};
    espy_collection_free(cx, &c);
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_media_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, media_json};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_media_infos_free(cx, all, n);
    return e;
}

/* One file of an upload: what it became, or why not.  *good, and the label it got. */
typedef struct upload_run {
    espy_call *call;
    const espy_collection *c;
    const espy_encoder *encoder;
    espy_receive_options options;
    const char *faces; /* "all", "largest", "only" */
    int64_t label;     /* 0: none */
    size_t good;
} upload_run;

/* The samples that a labelled upload means: the largest of a picture, or the only one. */
static espy_err upload_label(upload_run *run, const espy_received *got, const char **why,
                             bool *moved)
{
    int64_t ids[1];
    if (!run->label || *why)
        return ESPY_E_OK;
    if (got->scan.n == 0) {
        *why = "no_sample";
        return ESPY_E_OK;
    }
    if (strcmp(run->faces, "only") == 0 && got->scan.n > 1) {
        *why = "several_samples";
        return ESPY_E_OK;
    }
    size_t best = 0;
    for (size_t i = 1; i < got->scan.n; i++)
        if (got->scan.at[i].box[2] * got->scan.at[i].box[3] >
            got->scan.at[best].box[2] * got->scan.at[best].box[3])
            best = i;
    ids[0] = got->scan.at[best].id;
    *moved = got->scan.at[best].label && got->scan.at[best].label != run->label;
    return espy_store_label_set(run->call->cx, run->call->ws->store, run->c->id, run->label, ids,
                                1);
}

static espy_err upload_item(upload_run *run, const espy_received *got, const char *file,
                            const char *why, bool moved, const char *text, espy_made *list)
{
    espy_ctx *cx = run->call->cx;
    espy_made m = espy_make_object(cx), samples = espy_make_array(cx);
    for (size_t i = 0; i < got->scan.n; i++) {
        espy_made s = espy_make_object(cx);
        espy_put_int(&s, "id", got->scan.at[i].id);
        espy_put_floats(&s, "box", got->scan.at[i].box, 4);
        espy_put_real(&s, "score", (double)got->scan.at[i].score);
        espy_put_made(&samples, NULL, &s);
    }
    espy_put_text(&m, "file", file);
    espy_put_text(&m, "status", why ? why : moved ? "relabelled" : got->known ? "known" : "added");
    espy_put_text(&m, "error", text);
    espy_put_id(&m, "media", got->media);
    espy_put_bool(&m, "elsewhere", got->elsewhere);
    espy_put_made(&m, "samples", &samples);
    espy_put_made(list, NULL, &m);
    run->good += why == NULL;
    return list->e;
}

static espy_err upload_one(upload_run *run, const espy_upload *u, espy_made *list)
{
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    espy_received got = {0};
    char text[sizeof cx->text] = "";
    const char *why = NULL;
    bool moved = false;
    run->options.source = u->file[0] ? u->file : "upload";
    espy_err e =
        espy_flow_receive(cx, call->ws, run->c, run->encoder, u->bytes, &run->options, &got);
    if (e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_UNSUPPORTED) {
        snprintf(text, sizeof text, "%s", cx->text);
        why = e == ESPY_E_LIMIT ? "too_large" : "unreadable";
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    if (e == ESPY_E_OK)
        e = upload_label(run, &got, &why, &moved);
    if (e == ESPY_E_OK)
        e = upload_item(run, &got, u->file, why, moved, text[0] ? text : NULL, list);
    espy_received_free(cx, &got);
    return e;
}

static espy_err upload_session(espy_call *call, int64_t collection, int64_t *id)
{
    espy_session s = {0};
    *id = espy_call_int(call, "session");
    if (!*id)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_session_get(call->cx, call->ws->store, *id, &s));
    bool own = s.collection == collection, closed = s.closed;
    espy_session_free(call->cx, &s);
    if (!own)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "the collection has no such session");
    return closed ? espy_refuse(call, 409, "closed", "the session is closed; open it again first")
                  : ESPY_E_OK;
}

static espy_err upload_files(upload_run *run, espy_made *list)
{
    espy_call *call = run->call;
    const char *code = espy_call_text(call, "label");
    ESPY_TRY(upload_session(call, run->c->id, &run->options.session));
    ESPY_TRY(espy_models_encoder(call->cx, call->serving->models, call->ws, run->c, &run->encoder));
    if (code)
        ESPY_TRY(espy_store_label_make(call->cx, call->ws->store, run->c->id, code,
                                       espy_call_text(call, "name"), &run->label));
    run->faces = espy_call_text(call, "faces");
    run->options.largest = strcmp(run->faces, "largest") == 0 && run->label;
    run->options.again = run->label != 0;
    for (size_t i = 0; i < espy_call_files(call, "file"); i++)
        ESPY_TRY(upload_one(run, espy_call_file(call, "file", i), list));
    return list->e;
}

/* Each file for itself: 201 when all came in, 207 when some did, 422 when none did.  Labelled ones
 * may be enough for a training to begin by itself. */
static espy_err upload(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_json *o = NULL;
    size_t n = espy_call_files(call, "file");
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    upload_run run = {.call = call, .c = &c};
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    espy_err e = upload_files(&run, &list);
    list.e = e;
    espy_put_made(&m, "items", &list);
    espy_put_int(&m, "added", (int64_t)run.good);
    espy_put_int(&m, "refused", (int64_t)(n - run.good));
    espy_put_id(&m, "label", run.label);
    e = espy_made_end(&m, &o);
    if (e == ESPY_E_OK && run.label && run.good)
        espy_automatic_after(call, &c);
    espy_collection_free(cx, &c);
    ESPY_TRY(e);
    return espy_reply_json(call, run.good == n ? 201 : run.good ? 207 : 422, o);
}

static espy_err media_show(espy_call *call)
{
    espy_media_info i = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_media_asked(call, &i));
    espy_err e = media_json(call->cx, &i, &o);
    espy_media_info_free(call->cx, &i);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, o);
}

/* By its first bytes, never by what a client called it. */
static const char *content_type(espy_span b)
{
    static const struct {
        size_t at, n;
        const char *bytes, *type;
    } known[] = {{0, 3, "\xff\xd8\xff", "image/jpeg"}, {0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
                 {8, 4, "WEBP", "image/webp"},         {4, 8, "ftypheic", "image/heic"},
                 {8, 4, "WAVE", "audio/wav"},          {0, 4, "fLaC", "audio/flac"},
                 {0, 4, "OggS", "audio/ogg"},          {0, 3, "ID3", "audio/mpeg"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (b.size >= known[i].at + known[i].n &&
            memcmp(b.data + known[i].at, known[i].bytes, known[i].n) == 0)
            return known[i].type;
    return "application/octet-stream";
}

static espy_err media_content(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_media_info i = {0};
    espy_buf b;
    char tag[ESPY_DIGEST_HEX + 2];
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_TRY(espy_media_asked(call, &i));
    snprintf(tag, sizeof tag, "\"%s\"", i.digest);
    if (espy_call_knows(call, tag)) {
        e = espy_reply_known(call, tag);
        goto out;
    }
    ESPY_GO(espy_store_media_bytes(cx, call->ws->store, i.digest, cx->max.file_bytes, &b));
    e = espy_reply_part(call, content_type(espy_span_of(&b)), tag, &b);
out:
    espy_buf_free(cx, &b);
    espy_media_info_free(cx, &i);
    return e;
}

static espy_err media_drop(espy_call *call)
{
    espy_media_info i = {0};
    ESPY_TRY(espy_media_asked(call, &i));
    espy_err e = espy_store_media_delete(call->cx, call->ws->store, i.collection, &i.id, 1, "user");
    espy_media_info_free(call->cx, &i);
    ESPY_TRY(e);
    return espy_reply_gone(call);
}

/* -- samples ----------------------------------------------------------------------------------- */
static espy_err sample_item(espy_ctx *cx, const void *item, espy_json **out)
{
    return espy_sample_info_json(cx, item, out);
}

static espy_err sample_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_page page;
    espy_sample_info *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    const char *sort = espy_call_text(call, "sort");
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    const espy_sample_filter f = {.collection = c.id,
                                  .session = espy_call_int(call, "session"),
                                  .media = espy_call_int(call, "media"),
                                  .label = espy_call_int(call, "label"),
                                  .identified = asked(call, "labelled"),
                                  .probe = asked(call, "probe"),
                                  .sort = strcmp(sort, "score") == 0    ? ESPY_SAMPLES_SCORE
                                          : strcmp(sort, "newest") == 0 ? ESPY_SAMPLES_NEWEST
                                                                        : ESPY_SAMPLES_OLDEST};
    espy_collection_free(cx, &c);
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_sample_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, sample_item};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_sample_infos_free(cx, all, n);
    return e;
}

static espy_err sample_show(espy_call *call)
{
    espy_sample_info s = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_sample_asked(call, &s));
    espy_err e = espy_sample_info_json(call->cx, &s, &o);
    espy_sample_info_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, o);
}

/* Not a face, or no sound that anybody wants. */
static espy_err sample_drop(espy_call *call)
{
    espy_sample_info s = {0};
    ESPY_TRY(espy_sample_asked(call, &s));
    espy_err e = espy_store_sample_delete(call->cx, call->ws->store, s.collection, s.id, "user");
    espy_sample_info_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_gone(call);
}

/* The vector of a sample under its collection's encoder. */
static espy_err sample_vector(espy_call *call, const espy_sample_info *s, espy_collection *c,
                              float **x, size_t *dim)
{
    espy_ctx *cx = call->cx;
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)s->collection);
    ESPY_TRY(espy_call_collection(call, id, c));
    espy_err e = espy_store_sample_vector(cx, call->ws->store, s->id, c->encoder_digest, x, dim);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return espy_fail(cx, e, "the sample has no embedding");
    }
    return e;
}

static espy_err sample_embedding(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_collection c = {0};
    float *x = NULL;
    size_t dim = 0;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_sample_asked(call, &s));
    ESPY_GO(sample_vector(call, &s, &c, &x, &dim));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "sample", s.id);
    espy_put_text(&m, "encoder", c.encoder);
    espy_put_text(&m, "encoder_digest", c.encoder_digest);
    espy_put_int(&m, "dimension", (int64_t)dim);
    espy_put_floats(&m, "embedding", x, dim);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_free(cx, x);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

static espy_err sample_similar(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_collection c = {0};
    espy_near *near = NULL;
    size_t dim = 0, n = 0, k = (size_t)espy_call_int(call, "k");
    float *x = NULL;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_sample_asked(call, &s));
    ESPY_GO(sample_vector(call, &s, &c, &x, &dim));
    near = espy_array(cx, k, sizeof *near);
    if (!near)
        ESPY_GO(cx->code);
    ESPY_GO(
        espy_store_nearest(cx, call->ws->store, c.id, c.encoder_digest, x, dim, k, s.id, near, &n));
    ESPY_GO(espy_near_json(call, near, n, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_free(cx, near);
    espy_free(cx, x);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

#define MEDIA_FIELD ESPY_ID_FIELD("media", "id of the media")
#define SAMPLE_FIELD ESPY_ID_FIELD("sample", "id of the sample")
#define ONLY_ID(name, help)                                                                 \
    {                                                                                       \
        name, ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL, help \
    }
static const espy_field media_list_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_PAGE_FIELDS,
    ONLY_ID("session", "only of this session"),
    {"scanned", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "only such that were looked at, or were not"},
    {"probe", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "only such that were only asked about, or were not"},
    {0}};
static const espy_field upload_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 100, true, NULL, NULL, "pictures or recordings"},
    {"session", ESPY_IN_EITHER, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL,
     "the occasion"},
    {"label", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL,
     "code of who it shows; made when it is not there"},
    {"name", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "of a label that is new"},
    {"faces", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 8, false, "\"largest\"", "all|largest|only",
     "with a label: the largest gets it and no other is kept; the largest of all that are kept; or "
     "it must be the only one.  Without a label all are kept"},
    {0}};
static const espy_field media_one_fields[] = {MEDIA_FIELD, {0}};
static const espy_field sample_list_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_PAGE_FIELDS,
    ONLY_ID("session", "only of this session"),
    ONLY_ID("media", "only of this media"),
    ONLY_ID("label", "only of this label"),
    {"labelled", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "only with a label, or without"},
    {"probe", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "only of media that were only asked about, or were not"},
    {"sort", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 8, false, "\"oldest\"", "oldest|newest|score",
     "order"},
    {0}};
static const espy_field sample_one_fields[] = {SAMPLE_FIELD, {0}};
static const espy_field similar_fields[] = {
    SAMPLE_FIELD, {"k", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 100, false, "5", NULL, "how many"}, {0}};

const espy_route espy_routes_v1_media[] = {
    {"GET", "/v1/collections/{collection}/media", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     media_list_fields, "Media of a collection, newest first", "200 MediaPage|404", media_list},
    {"POST", "/v1/collections/{collection}/media", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_INFER, upload_fields, "Bring pictures or recordings in, each for itself",
     "201 Uploaded|207 Uploaded|404|409|422 Uploaded", upload},
    {"GET", "/v1/media/{media}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, media_one_fields,
     "One media", "200 Media|404", media_show},
    {"GET", "/v1/media/{media}/content", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     media_one_fields, "Its bytes, or a part of them (Range)", "200 */*|206 */*|304|404|416",
     media_content},
    {"DELETE", "/v1/media/{media}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     media_one_fields, "It goes out of sight; can be undone", "204|404", media_drop},
    {"GET", "/v1/collections/{collection}/samples", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, sample_list_fields, "Samples of a collection", "200 SamplePage|404",
     sample_list},
    {"GET", "/v1/samples/{sample}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     sample_one_fields, "One sample", "200 Sample|404", sample_show},
    {"DELETE", "/v1/samples/{sample}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     sample_one_fields, "It is none: it goes out of sight; can be undone", "204|404", sample_drop},
    {"GET", "/v1/samples/{sample}/embedding", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     sample_one_fields, "Its vector", "200 Embedding|404", sample_embedding},
    {"GET", "/v1/samples/{sample}/similar", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     similar_fields, "The labelled samples that it is most like", "200 Neighbours|404",
     sample_similar},
    {0}};

const espy_schema espy_schemas_v1_media[] = {
    {"Media",
     "{\"type\":\"object\",\"required\":[\"id\",\"collection\",\"digest\"],\"properties\":{\"id\":{"
     "\"type\":\"integer\"},\"collection\":{\"type\":\"integer\"},\"session\":{\"type\":["
     "\"integer\",\"null\"]},\"digest\":{\"type\":\"string\"},\"bytes\":{\"type\":\"integer\"},"
     "\"source\":{\"type\":[\"string\",\"null\"]},\"probe\":{\"type\":\"boolean\"},\"samples\":{"
     "\"type\":\"integer\"}}}"},
    {"MediaPage", ESPY_PAGE_SCHEMA("Media")},
    {"Uploaded",
     "{\"type\":\"object\",\"required\":[\"items\",\"added\",\"refused\",\"label\"],\"properties\":"
     "{\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"file\","
     "\"status\",\"error\",\"media\",\"samples\"],\"properties\":{\"status\":{\"enum\":[\"added\","
     "\"known\",\"relabelled\",\"unreadable\",\"too_large\",\"no_sample\",\"several_samples\"]}}}},"
     "\"added\":{"
     "\"type\":\"integer\"},\"refused\":{\"type\":\"integer\"},\"label\":{\"type\":[\"integer\","
     "\"null\"]}}}"},
    {"Sample",
     "{\"type\":\"object\",\"required\":[\"id\",\"collection\",\"media\",\"box\",\"label\"],"
     "\"properties\":{\"id\":{\"type\":\"integer\"},\"media\":{\"type\":\"integer\"},\"box\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"number\"}},\"label\":{\"type\":[\"integer\","
     "\"null\"]},\"code\":{\"type\":[\"string\",\"null\"]}}}"},
    {"SamplePage", ESPY_PAGE_SCHEMA("Sample")},
    {"Embedding", "{\"type\":\"object\",\"required\":[\"sample\",\"encoder\",\"dimension\","
                  "\"embedding\"],\"properties\":{\"embedding\":{\"type\":\"array\",\"items\":{"
                  "\"type\":\"number\"}}}}"},
    {"Neighbours",
     "{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{\"type\":\"array\","
     "\"items\":{\"type\":\"object\",\"required\":[\"sample\",\"label\",\"code\",\"name\","
     "\"similarity\"]}}}}"},
    {0}};
