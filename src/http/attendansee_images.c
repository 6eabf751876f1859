/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: images, finding the faces in them, and the pictures that show these.
 *
 * A photo is kept as it came.  What the original kept as files beside it, the processed picture and
 * the crops, is drawn when it is asked for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "dsp/dsp.h"
#include "encode/encode.h"
#include "http/attendansee.h"
#include "http/serving.h"
#include "media/media.h"
#include "store/group.h"

#define IMAGE_QUALITY 90 /* of JPEG pictures */
#define IMAGE_MODE                                                                \
    "found" /* how the store calls a scan that found faces and did not embed them \
             */

static const espy_page image_all = {.limit = SIZE_MAX};

/* -- CRUD -------------------------------------------------------------------------------------- */
static espy_err image_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_media_filter f = {.collection = espy_see_scope(call, "class_id"),
                                 .session = espy_call_int(call, "session_id"),
                                 .owner = espy_see_owner(call),
                                 .modality = "face",
                                 .scanned = !espy_call_has(call, "is_processed")   ? ESPY_ANY
                                            : espy_call_bool(call, "is_processed") ? ESPY_YES
                                                                                   : ESPY_NO,
                                 .probe = ESPY_NO};
    const espy_page page = espy_see_page(call);
    espy_media_info *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_media_page(cx, call->ws->store, &f, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, espy_see_image_json, at, sizeof *at, n, total);
    espy_media_infos_free(cx, at, n);
    return e;
}

static espy_err image_reply(espy_call *call, int status, int64_t id)
{
    espy_media_info i = {0};
    ESPY_TRY(espy_see_image(call, id, &i, NULL));
    espy_err e = espy_see_reply(call, status, espy_see_image_json, &i);
    espy_media_info_free(call->cx, &i);
    return e;
}

/* Files the photo in the session; *there false: it is in another one, and nothing was done. */
static espy_err image_file(espy_call *call, const espy_session *s, const espy_upload *file,
                           int64_t *id, bool *there)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    char digest[ESPY_DIGEST_HEX];
    espy_err e = ESPY_E_OK;
    espy_digest(file->bytes.data, file->bytes.size, digest);
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_media(cx, st, s->collection, file->bytes, digest,
                             file->file[0] ? file->file : "upload", id));
    ESPY_GO(espy_store_media_probe(cx, st, *id, false));
    ESPY_GO(espy_store_media_session(cx, st, *id, s->id, there));
    if (!*there) {
        espy_store_rollback(cx, st);
        return ESPY_E_OK;
    }
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

static espy_err image_session(espy_call *call, espy_session *s)
{
    espy_err e = espy_see_session(call, espy_call_int(call, "session"), s, NULL);
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(call->cx);
    return espy_refuse_field(call, "session", "Invalid pk \"%lld\" - object does not exist.",
                             (long long)espy_call_int(call, "session"));
}

static espy_err image_create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "original_image_path", 0);
    espy_image_info info;
    espy_session s = {0};
    int64_t id = 0;
    bool there = true;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(image_session(call, &s));
    e = espy_image_probe(cx, file->bytes, &info);
    if (e == ESPY_E_FORMAT) {
        espy_clear(cx);
        ESPY_GO(espy_refuse_field(call, "original_image_path",
                                  "Upload a valid image. The file you uploaded was either not an "
                                  "image or a corrupted image."));
    }
    ESPY_GO(e);
    ESPY_GO(image_file(call, &s, file, &id, &there));
    if (!there)
        ESPY_GO(espy_refuse_field(call, "original_image_path",
                                  "This picture is in another session of the class already."));
    e = image_reply(call, 201, id);
out:
    espy_session_free(cx, &s);
    return e;
}

static espy_err image_get(espy_call *call)
{
    return image_reply(call, 200, espy_call_int(call, "id"));
}

static espy_err image_delete(espy_call *call)
{
    espy_media_info i = {0};
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, NULL));
    espy_err e = espy_store_media_delete(call->cx, call->ws->store, i.collection, &i.id, 1, "user");
    espy_media_info_free(call->cx, &i);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

static espy_err image_face_crops(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_media_info i = {0};
    espy_sample_info *at = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, NULL));
    const espy_sample_filter f = {.media = i.id, .sort = ESPY_SAMPLES_NEWEST};
    ESPY_GO(espy_store_sample_page(cx, call->ws->store, &f, &image_all, &at, &n, NULL));
    ESPY_GO(espy_see_array(call, espy_see_crop_json, at, sizeof *at, n, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_sample_infos_free(cx, at, n);
    espy_media_info_free(cx, &i);
    return e;
}

/* -- finding faces ----------------------------------------------------------------------------- */
/* What was found, but for faces the detector is less sure of than the least score. */
static espy_err image_scan(espy_ctx *cx, const espy_samples *found, double least, espy_scan *out)
{
    espy_scan s = {.width = found->width, .height = found->height, .again = true};
    s.at = espy_array(cx, found->n, sizeof *s.at);
    if (!s.at)
        return cx->code;
    for (size_t i = 0; i < found->n; i++) {
        const espy_sample *from = &found->at[i];
        if ((double)from->score < least)
            continue;
        espy_scan_sample *to = &s.at[s.n++];
        memcpy(to->box, from->box, sizeof to->box);
        memcpy(to->points, from->points, sizeof to->points);
        to->has_points = from->has_points;
        to->whole = from->whole;
        to->score = from->score;
        to->sharpness = from->sharpness;
    }
    *out = s;
    return ESPY_E_OK;
}

static espy_err image_find(espy_call *call, const espy_encoder *encoder, const espy_media_info *i,
                           espy_scan *out)
{
    static const espy_find_options all = {0};
    espy_ctx *cx = call->cx;
    espy_samples found = {0};
    espy_buf bytes;
    double begun = espy_time_monotonic();
    espy_err e = ESPY_E_OK;
    espy_buf_init(&bytes, 0);
    ESPY_GO(espy_store_media_bytes(cx, call->ws->store, i->digest, cx->max.file_bytes, &bytes));
    ESPY_GO(espy_encoder_find(cx, encoder, espy_span_of(&bytes), &all, &found));
    espy_metrics_encoded(call->serving->metrics, 0, found.n, espy_time_monotonic() - begun);
    e = image_scan(cx, &found, espy_call_real(call, "confidence_threshold"), out);
out:
    espy_samples_free(cx, &found);
    espy_buf_free(cx, &bytes);
    return e;
}

static bool image_scan_has(const espy_scan *s, int64_t sample)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].id == sample)
            return true;
    return false;
}

/* Crops that were not found again go. */
static espy_err image_drop_others(espy_call *call, const espy_media_info *i, const espy_scan *scan)
{
    espy_ctx *cx = call->cx;
    espy_sample_info *at = NULL;
    size_t n = 0;
    const espy_sample_filter f = {.media = i->id};
    ESPY_TRY(espy_store_sample_page(cx, call->ws->store, &f, &image_all, &at, &n, NULL));
    espy_err e = ESPY_E_OK;
    for (size_t k = 0; k < n && e == ESPY_E_OK; k++)
        if (!image_scan_has(scan, at[k].id))
            e = espy_store_sample_delete(cx, call->ws->store, i->collection, at[k].id, "user");
    espy_sample_infos_free(cx, at, n);
    return e;
}

static espy_err image_file_scan(espy_call *call, const espy_encoder *encoder,
                                const espy_media_info *i, espy_scan *scan)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_scan_put(cx, st, i->id, IMAGE_MODE, espy_encoder_digest(encoder),
                                espy_encoder_detector_digest(encoder), scan));
    ESPY_GO(image_drop_others(call, i, scan));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* The processed picture as this request wants it: the wishes are in its address. */
static char *image_processed_url(espy_call *call, int64_t id)
{
    char path[256];
    const espy_json *color = espy_call_json(call, "rectangle_color");
    snprintf(path, sizeof path,
             "/api/attendance/images/%lld/processed/?apply_background_effect=%s"
             "&rectangle_color=%d,%d,%d&rectangle_thickness=%lld",
             (long long)id, espy_call_bool(call, "apply_background_effect") ? "true" : "false",
             (int)espy_json_number(espy_json_at(color, 0), 0),
             (int)espy_json_number(espy_json_at(color, 1), 0),
             (int)espy_json_number(espy_json_at(color, 2), 0),
             (long long)espy_call_int(call, "rectangle_thickness"));
    return espy_see_url(call, path);
}

static espy_err image_color(espy_call *call, uint8_t rgb[3])
{
    const espy_json *color = espy_call_json(call, "rectangle_color");
    for (size_t i = 0; i < 3; i++) {
        double v = espy_json_number(espy_json_at(color, i), -1);
        if (!(v >= 0 && v <= 255 && v == floor(v)))
            return espy_refuse_field(call, "rectangle_color",
                                     "three whole numbers from 0 to 255 are expected: blue, green, "
                                     "red");
        rgb[2 - i] = (uint8_t)v;
    }
    return ESPY_E_OK;
}

static espy_err image_told(espy_call *call, const espy_collection *c, const espy_media_info *i,
                           const espy_encoder *encoder, const espy_scan *scan)
{
    char *url = image_processed_url(call, i->id);
    if (!url)
        return call->cx->code;
    espy_made m = espy_see_status(call, "completed"), ids = espy_make_array(call->cx);
    espy_put_int(&m, "image_id", i->id);
    espy_put_id(&m, "session_id", i->session);
    espy_put_int(&m, "class_id", c->id);
    espy_put_int(&m, "faces_detected", (int64_t)scan->n);
    for (size_t k = 0; k < scan->n; k++)
        espy_put_int(&ids, NULL, scan->at[k].id);
    espy_put_made(&m, "crops_created", &ids);
    espy_put_text(&m, "processed_image_url", url);
    espy_put_text(&m, "detector", espy_encoder_pack(encoder)->name);
    espy_put_text(&m, "message", "Image processed successfully");
    espy_free(call->cx, url);
    return espy_see_end(call, 200, &m);
}

static espy_err image_done_already(espy_call *call, const espy_media_info *i)
{
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "error", "Image has already been processed");
    espy_put_int(&m, "image_id", i->id);
    espy_put_time(&m, "processed_date", i->scanned);
    return espy_see_end(call, 400, &m);
}

static espy_err image_process_with(espy_call *call, bool again)
{
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    espy_media_info i = {0};
    espy_collection c = {0};
    espy_scan scan = {0};
    uint8_t rgb[3];
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, &c));
    ESPY_GO(image_color(call, rgb));
    if (i.scanned > 0 && !again) {
        e = image_done_already(call, &i);
        goto out;
    }
    ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &c, &encoder));
    ESPY_GO(image_find(call, encoder, &i, &scan));
    ESPY_GO(image_file_scan(call, encoder, &i, &scan));
    e = image_told(call, &c, &i, encoder, &scan);
out:
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    espy_media_info_free(cx, &i);
    return e;
}

static espy_err image_process(espy_call *call)
{
    return image_process_with(call, false);
}

static espy_err image_reprocess(espy_call *call)
{
    return image_process_with(call, true);
}

/* Says that there is nothing (more) to find. */
static espy_err image_mark_processed(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    espy_media_info i = {0};
    espy_collection c = {0};
    espy_scan scan = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, &c));
    if (!(i.scanned > 0)) {
        ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &c, &encoder));
        ESPY_GO(espy_store_scan_put(cx, call->ws->store, i.id, IMAGE_MODE,
                                    espy_encoder_digest(encoder),
                                    espy_encoder_detector_digest(encoder), &scan));
    }
    e = image_reply(call, 200, i.id);
out:
    espy_collection_free(cx, &c);
    espy_media_info_free(cx, &i);
    return e;
}

/* -- pictures ---------------------------------------------------------------------------------- */
static const char *image_type(const char *format)
{
    static const char *const types[][2] = {{"jpeg", "image/jpeg"},
                                           {"png", "image/png"},
                                           {"webp", "image/webp"},
                                           {"heic", "image/heic"},
                                           {"bmp", "image/bmp"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i][0], format) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static espy_err image_original(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_media_info i = {0};
    espy_image_info info;
    espy_buf bytes;
    espy_buf_init(&bytes, 0);
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, NULL));
    espy_err e = espy_store_media_bytes(cx, call->ws->store, i.digest, cx->max.file_bytes, &bytes);
    espy_media_info_free(cx, &i);
    if (e == ESPY_E_OK)
        e = espy_image_probe(cx, espy_span_of(&bytes), &info);
    if (e == ESPY_E_OK)
        e = espy_reply_bytes(call, 200, image_type(info.format), &bytes);
    espy_buf_free(cx, &bytes);
    return e;
}

static espy_err image_decoded(espy_call *call, const char *digest, espy_image *out)
{
    espy_ctx *cx = call->cx;
    espy_buf bytes;
    espy_buf_init(&bytes, 0);
    ESPY_TRY(espy_store_media_bytes(cx, call->ws->store, digest, cx->max.file_bytes, &bytes));
    espy_err e = espy_image_decode(cx, espy_span_of(&bytes), 0, out);
    espy_buf_free(cx, &bytes);
    return e;
}

static espy_err image_picture(espy_call *call, const espy_image *im)
{
    espy_buf out = {0};
    ESPY_TRY(espy_image_to_jpeg(call->cx, im, IMAGE_QUALITY, &out));
    espy_err e = espy_reply_bytes(call, 200, "image/jpeg", &out);
    espy_buf_free(call->cx, &out);
    return e;
}

static bool image_in_a_face(const espy_sample_info *at, size_t n, float x, float y)
{
    for (size_t i = 0; i < n; i++) {
        const float *b = at[i].box;
        if (x >= b[0] && x < b[0] + b[2] && y >= b[1] && y < b[1] + b[3])
            return true;
    }
    return false;
}

/* What is no face loses seven tenths of its colour and 0.18 of its light, and of that six tenths
 * count (SPEC 5.4). */
static void image_fade(espy_image *im, const espy_sample_info *at, size_t n)
{
    const float grey_part = 0.7f, light = 1 - 0.6f * 0.3f, weight = 0.6f;
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            uint8_t *p = im->px + ((size_t)y * (size_t)im->width + (size_t)x) * 3;
            if (image_in_a_face(at, n, (float)x, (float)y))
                continue;
            float grey = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
            for (int k = 0; k < 3; k++) {
                float dull = (p[k] + grey_part * (grey - p[k])) * light;
                p[k] = (uint8_t)lroundf(p[k] + weight * (dull - p[k]));
            }
        }
}

static espy_err image_processed(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_media_info i = {0};
    espy_sample_info *at = NULL;
    espy_image im = {0};
    uint8_t rgb[3];
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_image(call, espy_call_int(call, "id"), &i, NULL));
    ESPY_GO(image_color(call, rgb));
    if (!(i.scanned > 0))
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "The image has not been processed yet."));
    const espy_sample_filter f = {.media = i.id};
    ESPY_GO(espy_store_sample_page(cx, call->ws->store, &f, &image_all, &at, &n, NULL));
    ESPY_GO(image_decoded(call, i.digest, &im));
    if (espy_call_bool(call, "apply_background_effect"))
        image_fade(&im, at, n);
    for (size_t k = 0; k < n; k++)
        espy_draw_box(&im, (int)at[k].box[0], (int)at[k].box[1], (int)at[k].box[2],
                      (int)at[k].box[3], (int)espy_call_int(call, "rectangle_thickness"), rgb);
    e = image_picture(call, &im);
out:
    espy_image_free(cx, &im);
    espy_sample_infos_free(cx, at, n);
    espy_media_info_free(cx, &i);
    return e;
}

static espy_err image_crop(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_image im = {0}, face = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, NULL));
    ESPY_GO(image_decoded(call, s.digest, &im));
    int w = (int)s.box[2], h = (int)s.box[3];
    ESPY_GO(espy_image_crop(cx, &im, (int)s.box[0], (int)s.box[1], w > 0 ? w : 1, h > 0 ? h : 1,
                            &face));
    e = image_picture(call, &face);
out:
    espy_image_free(cx, &face);
    espy_image_free(cx, &im);
    espy_sample_info_free(cx, &s);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define IMAGE_DRAWN(place)                                                                 \
    {"apply_background_effect",                                                            \
     place,                                                                                \
     ESPY_FIELD_BOOL,                                                                      \
     0,                                                                                    \
     0,                                                                                    \
     false,                                                                                \
     "true",                                                                               \
     NULL,                                                                                 \
     "whether what is no face is dulled in the processed picture"},                        \
        {"rectangle_color",                                                                \
         place,                                                                            \
         ESPY_FIELD_NUMBERS,                                                               \
         3,                                                                                \
         3,                                                                                \
         false,                                                                            \
         "[0,255,0]",                                                                      \
         NULL,                                                                             \
         "blue, green, red of the rectangles, 0 to 255"},                                  \
    {                                                                                      \
        "rectangle_thickness", place, ESPY_FIELD_INT, 1, 10, false, "2", NULL, "in pixels" \
    }

static const espy_field list_fields[] = {
    ESPY_SEE_PAGE(1000),
    ESPY_SEE_OF("class_id", "images of this class"),
    ESPY_SEE_OF("session_id", "images of this session"),
    ESPY_SEE_WHETHER("is_processed", "faces were looked for, or were not"),
    {0}};
static const espy_field create_fields[] = {
    {"session", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9007199254740991.0, true, NULL, NULL,
     "the session"},
    {"original_image_path", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL, "the picture"},
    {0}};
static const espy_field id_fields[] = {ESPY_SEE_ID, {0}};
static const espy_field process_fields[] = {
    ESPY_SEE_ID,
    {"detector_backend", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 0, false, "\"retinaface\"",
     "retinaface|opencv|ssd|dlib|mtcnn|mediapipe|yolov8|yunet",
     "taken for clients that send it; the detector of the class's pack does it, and is told"},
    {"confidence_threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, "0", NULL,
     "least detector score of a face"},
    IMAGE_DRAWN(ESPY_IN_BODY),
    {0}};
static const espy_field processed_fields[] = {ESPY_SEE_ID, IMAGE_DRAWN(ESPY_IN_QUERY), {0}};

#define SEE(method, path, may, lane, fields, summary, answers, run)                             \
    {                                                                                           \
        method, "/api/attendance/" path, &espy_service_attendansee, may, lane, fields, summary, \
            answers, run                                                                        \
    }
const espy_route espy_routes_attendansee_images[] = {
    SEE("GET", "images/", ESPY_MAY_READ, ESPY_LANE_QUICK, list_fields, "List images, newest first",
        "200 SeeImages|404", image_list),
    SEE("POST", "images/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, create_fields,
        "Put a picture into a session", "201 SeeImage", image_create),
    SEE("GET", "images/{id}/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields, "Tell of an image",
        "200 SeeImage|404", image_get),
    SEE("DELETE", "images/{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, id_fields,
        "Take an image away, with its crops; it can be restored", "204|404", image_delete),
    SEE("GET", "images/{id}/face_crops/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields,
        "List the crops of an image", "200 SeeCropList|404", image_face_crops),
    SEE("POST", "images/{id}/mark_processed/", ESPY_MAY_ENROLL, ESPY_LANE_INFER, id_fields,
        "Say that there is nothing to find in an image", "200 SeeImage|404", image_mark_processed),
    SEE("POST", "images/{id}/process-image/", ESPY_MAY_ENROLL, ESPY_LANE_INFER, process_fields,
        "Find the faces of an image", "200 SeeProcessed|404", image_process),
    SEE("POST", "images/{id}/reprocess-image/", ESPY_MAY_ENROLL, ESPY_LANE_INFER, process_fields,
        "Find the faces of an image anew; crops that are found again stay what they are",
        "200 SeeProcessed|404|409", image_reprocess),
    SEE("GET", "images/{id}/original/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields,
        "The picture as it came", "200 image/*|404", image_original),
    SEE("GET", "images/{id}/processed/", ESPY_MAY_READ, ESPY_LANE_INFER, processed_fields,
        "The picture with its faces marked", "200 image/jpeg|404", image_processed),
    SEE("GET", "face-crops/{id}/picture/", ESPY_MAY_READ, ESPY_LANE_INFER, id_fields,
        "The picture of a face crop", "200 image/jpeg|404", image_crop),
    {0}};

const espy_schema espy_schemas_attendansee_images[] = {
    {"SeeImage",
     "{\"type\":\"object\",\"required\":[\"id\",\"session\",\"session_name\",\"class_name\",\"ori"
     "ginal_image_path\",\"processed_image_path\",\"upload_date\",\"is_processed\",\"proce"
     "ssing_date\",\"created_at\",\"updated_at\",\"face_crop_count\"],\"properties\":{\"id\":"
     "{\"type\":\"integer\"},\"session\":{\"type\":[\"integer\",\"null\"]},\"session_name\":{\"ty"
     "pe\":[\"string\",\"null\"]},\"class_name\":{\"type\":\"string\"},\"original_image_path\":"
     "{\"type\":\"string\"},\"processed_image_path\":{\"type\":[\"string\",\"null\"]},\"upload_"
     "date\":{\"type\":\"string\"},\"is_processed\":{\"type\":\"boolean\"},\"processing_date\":"
     "{\"type\":[\"string\",\"null\"]},\"created_at\":{\"type\":\"string\"},\"updated_at\":{\"typ"
     "e\":\"string\"},\"face_crop_count\":{\"type\":\"integer\"}}}"},
    {"SeeImages",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeImage\"}}}}"},
    {"SeeImageList", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SeeImage\"}}"},
    {"SeeProcessed",
     "{\"type\":\"object\",\"required\":[\"status\",\"image_id\",\"session_id\",\"class_id\",\"fa"
     "ces_detected\",\"crops_created\",\"processed_image_url\",\"detector\",\"message\"],\"p"
     "roperties\":{\"status\":{\"type\":\"string\"},\"image_id\":{\"type\":\"integer\"},\"sessio"
     "n_id\":{\"type\":[\"integer\",\"null\"]},\"class_id\":{\"type\":\"integer\"},\"faces_detec"
     "ted\":{\"type\":\"integer\"},\"crops_created\":{\"type\":\"array\",\"items\":{\"type\":\"int"
     "eger\"}},\"processed_image_url\":{\"type\":\"string\"},\"detector\":{\"type\":\"string\"}"
     ",\"message\":{\"type\":\"string\"}}}"},
    {0}};
