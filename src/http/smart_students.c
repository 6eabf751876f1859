/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: what students see, and their faces. */
#include <stdio.h>
#include <string.h>

#include "flow/assign.h"
#include "flow/receive.h"
#include "http/smart.h"
#include "store/gallery.h"
#include "store/near.h"

#define FACES_ONCE 50                     /* pictures in one request */
#define FACES_MOST 200                    /* pictures that a student may register */
#define FACE_BYTES ((size_t)12 * 1048576) /* of one picture */

static espy_err profile(espy_call *call)
{
    espy_label_info l = {0};
    espy_json *v = NULL;
    ESPY_TRY(espy_smart_student_own(call, &l));
    espy_err e = espy_smart_student_json(call->cx, &l, &v);
    espy_label_info_free(call->cx, &l);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, v);
}

static espy_err attendance(espy_call *call)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_smart_student_own(call, &l)); /* somebody without a label has no attendance */
    espy_label_info_free(call->cx, &l);
    return espy_smart_reply_records(call, "attendance", true);
}

/* -- register-face ----------------------------------------------------------------------------- */
typedef struct register_run {
    espy_call *call;
    const espy_label_info *student;
    const espy_collection *c;
    const espy_encoder *encoder;
    espy_made refused; /* [{"file", "reason"}] */
    int64_t registered;
} register_run;

static void register_refuse(register_run *r, const espy_upload *u, const char *why)
{
    espy_made one = espy_make_object(r->call->cx);
    espy_put_text(&one, "file", u->file);
    espy_put_text(&one, "reason", why);
    espy_put_made(&r->refused, NULL, &one);
}

/* Whether a face is so much like another student's nearest one that it would be assigned to them.
 */
static espy_err register_anothers(const register_run *r, const espy_scan *scan, bool *anothers)
{
    espy_call *call = r->call;
    espy_near near;
    size_t n = 0;
    const double like = espy_assign_cosine((double)espy_encoder_pack(r->encoder)->floor);
    ESPY_TRY(espy_store_nearest(call->cx, call->ws->store, r->c->id, r->c->encoder_digest,
                                scan->at[0].embedding, scan->dim, 1, scan->at[0].id, &near, &n));
    *anothers = n && near.label != r->student->label.id && (double)near.similarity >= like;
    return ESPY_E_OK;
}

/* The picture's largest face is the student's, unless it is somebody else's.  One that is only like
 * somebody else's is taken away again. */
static espy_err register_label(register_run *r, const espy_upload *u, const espy_received *got)
{
    if (got->scan.n == 0) {
        register_refuse(r, u, "no face was found");
        return ESPY_E_OK;
    }
    const espy_scan_sample *face = &got->scan.at[0];
    bool anothers = false;
    if (face->label && face->label != r->student->label.id) {
        register_refuse(r, u, "this picture belongs to somebody else");
        return ESPY_E_OK;
    }
    ESPY_TRY(register_anothers(r, &got->scan, &anothers));
    if (anothers) {
        register_refuse(r, u,
                        "the face is another student's, or too much like it: ask an instructor");
        return got->known ? ESPY_E_OK
                          : espy_store_media_delete(r->call->cx, r->call->ws->store, r->c->id,
                                                    &got->media, 1, "user");
    }
    ESPY_TRY(espy_store_label_set(r->call->cx, r->call->ws->store, r->c->id, r->student->label.id,
                                  &face->id, 1));
    r->registered++;
    return ESPY_E_OK;
}

/* What is there already, other requests' pictures too. */
static espy_err register_room(register_run *r, bool *room)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_store_label_info(r->call->cx, r->call->ws->store, r->student->label.id, &l));
    *room = l.label.samples < FACES_MOST;
    espy_label_info_free(r->call->cx, &l);
    return ESPY_E_OK;
}

static espy_err register_one(register_run *r, const espy_upload *u)
{
    espy_ctx *cx = r->call->cx;
    char source[ESPY_SMART_CODE + 300];
    espy_received got = {0};
    bool room;
    ESPY_TRY(register_room(r, &room));
    if (!room || u->bytes.size > FACE_BYTES) {
        register_refuse(
            r, u, room ? "a picture has at most 12 MiB" : "no more pictures can be registered");
        return ESPY_E_OK;
    }
    snprintf(source, sizeof source, "register-face/%s/%.256s", r->student->label.code, u->file);
    const espy_receive_options how = {
        .source = source, .largest = true, .shown = true, .again = true};
    espy_err e = espy_flow_receive(cx, r->call->ws, r->c, r->encoder, u->bytes, &how, &got);
    if (e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_UNSUPPORTED) {
        espy_clear(cx);
        register_refuse(r, u, "the picture cannot be read");
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    e = register_label(r, u, &got);
    espy_received_free(cx, &got);
    return e;
}

static espy_err register_all(register_run *r)
{
    espy_call *call = r->call;
    size_t n = espy_call_files(call, "images");
    if (r->student->label.samples + n > FACES_MOST)
        return espy_refuse(call, 400, NULL,
                           "a student registers at most %d pictures; %zu are there", FACES_MOST,
                           r->student->label.samples);
    ESPY_TRY(espy_models_encoder(call->cx, call->serving->models, call->ws, r->c, &r->encoder));
    for (size_t i = 0; i < n; i++)
        ESPY_TRY(register_one(r, espy_call_file(call, "images", i)));
    return r->registered ? ESPY_E_OK
                         : espy_refuse(call, 400, "no_face",
                                       "no face could be registered from the %zu pictures", n);
}

static espy_err register_reply(register_run *r)
{
    espy_ctx *cx = r->call->cx;
    espy_label_info l = {0};
    espy_json *v = NULL;
    ESPY_TRY(espy_store_label_info(cx, r->call->ws->store, r->student->label.id, &l));
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "message",
                  "Faces registered; they are recognised when the next training has learned them");
    espy_put_int(&m, "registered", r->registered);
    espy_put_made(&m, "refused", &r->refused);
    espy_put_bool(&m, "face_registered", l.label.samples > 0);
    espy_put_int(&m, "face_images_count", (int64_t)l.label.samples);
    espy_label_info_free(cx, &l);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(r->call, 200, v);
}

static espy_err register_face(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info student = {0};
    espy_collection c = {0};
    register_run r = {.call = call, .student = &student, .c = &c};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_smart_student_own(call, &student));
    r.refused = espy_make_array(cx);
    ESPY_GO(espy_smart_collection(call, &c));
    ESPY_GO(register_all(&r));
    e = register_reply(&r);
out:
    espy_json_free(r.refused.v);
    espy_collection_free(cx, &c);
    espy_label_info_free(cx, &student);
    return e;
}

static const espy_field register_fields[] = {
    {"images", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, FACES_ONCE, true, NULL, NULL,
     "pictures of the student: files, or a list of their bytes in base64"},
    {0}};

static const espy_field record_fields[] = {ESPY_SMART_RECORD_FIELDS, {0}};

const espy_route espy_routes_smart_students[] = {
    {"GET", "/api/students/profile", &espy_service_smartattendance, ESPY_MAY_SELF, ESPY_LANE_QUICK,
     NULL, "The own profile", "200 SmartStudent|404", profile},
    {"POST", "/api/students/register-face", &espy_service_smartattendance, ESPY_MAY_SELF,
     ESPY_LANE_LONG, register_fields, "Give pictures of the own face", "200 SmartRegistered|404",
     register_face},
    {"GET", "/api/students/attendance", &espy_service_smartattendance, ESPY_MAY_SELF,
     ESPY_LANE_QUICK, record_fields, "The own attendance", "200 SmartRecords|404", attendance},
    {0}};

const espy_schema espy_schemas_smart_students[] = {
    {"SmartRegistered",
     "{\"type\":\"object\",\"required\":[\"message\",\"registered\",\"refused\",\"face_images_"
     "count\"],\"properties\":{\"message\":{\"type\":\"string\"},\"registered\":{\"type\":"
     "\"integer\"},\"refused\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
     "\"file\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"}}}},\"face_registered\":{"
     "\"type\":\"boolean\"},\"face_images_count\":{\"type\":\"integer\"}}}"},
    {0}};
