/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: face crops, whose they are, and their vectors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "flow/embed.h"
#include "http/attendansee.h"
#include "store/group.h"

/* -- list, look, change ------------------------------------------------------------------------ */
static espy_err crop_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_sample_filter f = {.collection = espy_see_scope(call, "class_id"),
                                  .session = espy_call_int(call, "session_id"),
                                  .media = espy_call_int(call, "image_id"),
                                  .label = espy_call_int(call, "student_id"),
                                  .owner = espy_see_owner(call),
                                  .modality = "face",
                                  .identified = !espy_call_has(call, "is_identified")   ? ESPY_ANY
                                                : espy_call_bool(call, "is_identified") ? ESPY_YES
                                                                                        : ESPY_NO,
                                  .probe = ESPY_NO,
                                  .sort = ESPY_SAMPLES_NEWEST};
    const espy_page page = espy_see_page(call);
    espy_sample_info *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_sample_page(cx, call->ws->store, &f, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, espy_see_crop_json, at, sizeof *at, n, total);
    espy_sample_infos_free(cx, at, n);
    return e;
}

static espy_err crop_reply(espy_call *call, int64_t id)
{
    espy_sample_info s = {0};
    ESPY_TRY(espy_see_crop(call, id, &s, NULL));
    espy_err e = espy_see_reply(call, 200, espy_see_crop_json, &s);
    espy_sample_info_free(call->cx, &s);
    return e;
}

static espy_err crop_get(espy_call *call)
{
    return crop_reply(call, espy_call_int(call, "id"));
}

static espy_err crop_update(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_sample_info s = {0};
    espy_collection c = {0};
    espy_label_info l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &c));
    if (espy_call_has(call, "student")) {
        ESPY_GO(espy_see_student_of(call, &c, "student", &l));
        ESPY_GO(espy_store_label_set(cx, st, c.id, l.label.id, &s.id, 1));
    } else if (espy_call_null(call, "student")) {
        ESPY_GO(espy_store_label_clear(cx, st, c.id, &s.id, 1));
    }
    e = crop_reply(call, s.id);
out:
    espy_label_info_free(cx, &l);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

static espy_err crop_unidentify(espy_call *call)
{
    espy_sample_info s = {0};
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, NULL));
    espy_err e = espy_store_label_clear(call->cx, call->ws->store, s.collection, &s.id, 1);
    int64_t id = s.id;
    espy_sample_info_free(call->cx, &s);
    ESPY_TRY(e);
    return crop_reply(call, id);
}

static espy_err crop_delete(espy_call *call)
{
    espy_sample_info s = {0};
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, NULL));
    espy_err e = espy_store_sample_delete(call->cx, call->ws->store, s.collection, s.id, "user");
    espy_sample_info_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

/* -- whose it is, said by a person ------------------------------------------------------------- */
static espy_err crop_give(espy_call *call, const espy_sample_info *s, int64_t student)
{
    return espy_store_label_set(call->cx, call->ws->store, s->collection, student, &s->id, 1);
}

/* Tells that the crop was given to a student. */
static espy_err crop_given(espy_call *call, const espy_sample_info *s, const espy_label_info *l,
                           bool with_student)
{
    espy_see see = {.call = call};
    espy_json *student = NULL;
    espy_made m = espy_see_status(call, "assigned");
    espy_put_int(&m, "crop_id", s->id);
    espy_put_bool(&m, "assigned", true);
    espy_put_int(&m, "student_id", l->label.id);
    espy_put_text(&m, "student_name", l->label.name);
    if (with_student) {
        espy_err e = espy_see_student_json(&see, l, &student);
        espy_see_free(&see);
        if (e == ESPY_E_OK)
            espy_put(&m, "student", student);
        else if (m.e == ESPY_E_OK)
            m.e = e;
    }
    espy_put_text(&m, "message", "Face crop assigned to the student");
    return espy_see_end(call, 200, &m);
}

static espy_err crop_assign_to_student(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_collection c = {0};
    espy_label_info l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &c));
    ESPY_GO(espy_see_student_of(call, &c, "student_id", &l));
    ESPY_GO(crop_give(call, &s, l.label.id));
    e = crop_given(call, &s, &l, false);
out:
    espy_label_info_free(cx, &l);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

static espy_err crop_assign_from_candidate(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0}, from = {0};
    espy_label_info l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, NULL));
    e = espy_see_crop(call, espy_call_int(call, "candidate_crop_id"), &from, NULL);
    if (e == ESPY_E_NOT_FOUND || (e == ESPY_E_OK && from.collection != s.collection)) {
        espy_clear(cx);
        ESPY_GO(espy_refuse_field(call, "candidate_crop_id", "The class has no such face crop."));
    }
    ESPY_GO(e);
    if (!from.label)
        ESPY_GO(
            espy_refuse_field(call, "candidate_crop_id", "Nobody knows who this face crop shows."));
    ESPY_GO(espy_see_student(call, from.label, &l, NULL));
    ESPY_GO(crop_give(call, &s, l.label.id));
    e = crop_given(call, &s, &l, false);
out:
    espy_label_info_free(cx, &l);
    espy_sample_info_free(cx, &from);
    espy_sample_info_free(cx, &s);
    return e;
}

/* Makes the student and gives it the crop: both, or neither. */
static espy_err crop_make_student(espy_call *call, const espy_sample_info *s,
                                  const espy_collection *c, const char *first, const char *last,
                                  int64_t *id, const char **field)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_see_student_make(call, c, first, last, espy_call_text(call, "student_id"), NULL,
                                  id, field));
    ESPY_GO(crop_give(call, s, *id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

static espy_err crop_create_student(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const char *first = espy_call_text(call, "first_name"),
               *last = espy_call_text(call, "last_name");
    const char *field;
    char made[64];
    espy_sample_info s = {0};
    espy_collection c = {0};
    espy_label_info l = {0};
    int64_t id = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &c));
    snprintf(made, sizeof made, "Crop_%lld", (long long)s.id);
    if (!last || !*last)
        last = first && *first ? "" : made;
    if (!first || !*first)
        first = "Unknown";
    e = crop_make_student(call, &s, &c, first, last, &id, &field);
    if (e == ESPY_E_EXISTS) {
        char text[256];
        snprintf(text, sizeof text, "%s", cx->text);
        espy_clear(cx);
        ESPY_GO(espy_refuse_field(call, field, "%s", text));
    }
    ESPY_GO(e);
    ESPY_GO(espy_store_label_info(cx, call->ws->store, id, &l));
    e = crop_given(call, &s, &l, true);
out:
    espy_label_info_free(cx, &l);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

/* -- vectors ----------------------------------------------------------------------------------- */
static espy_err crop_generate(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_collection c = {0};
    const espy_encoder *encoder;
    const char *model, *said = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &c));
    ESPY_GO(espy_see_encoder(call, &c, "model_name", &encoder, &model));
    ESPY_GO(espy_see_embed(call, encoder, &s, 1, espy_call_bool(call, "force_regenerate"), &said));
    if (!said)
        ESPY_GO(espy_refuse(call, 404, NULL, "Face crop image not found"));
    const bool there = strcmp(said, "skipped") == 0;
    espy_made m = espy_see_status(call, there ? "already_exists" : "success");
    espy_put_int(&m, "crop_id", s.id);
    espy_put_text(&m, "embedding_model", model);
    espy_put_int(&m, "embedding_dimension", (int64_t)espy_encoder_dim(encoder));
    espy_put_text(&m, "message",
                  there ? "The crop has an embedding of this model already"
                        : "Embedding generated successfully");
    e = espy_see_end(call, 200, &m);
out:
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

/* One batch: crops that are the caller's, by class, and what became of each id. */
typedef struct crop_batch {
    int64_t *ids;
    size_t n;
    espy_sample_info *crops; /* n; id 0: not there, or another owner's */
    const char **said;
    const char **model;
    size_t *dim;
} crop_batch;

static void crop_batch_free(espy_ctx *cx, crop_batch *b)
{
    for (size_t i = 0; b->crops && i < b->n; i++)
        espy_sample_info_free(cx, &b->crops[i]);
    espy_free(cx, b->ids);
    espy_free(cx, b->crops);
    espy_free(cx, b->said);
    espy_free(cx, b->model);
    espy_free(cx, b->dim);
}

static espy_err crop_batch_read(espy_call *call, crop_batch *b)
{
    espy_ctx *cx = call->cx;
    size_t found = 0;
    ESPY_TRY(espy_call_ids(call, "face_crop_ids", &b->ids, &b->n));
    b->crops = espy_array(cx, b->n, sizeof *b->crops);
    b->said = espy_array(cx, b->n, sizeof *b->said);
    b->model = espy_array(cx, b->n, sizeof *b->model);
    b->dim = espy_array(cx, b->n, sizeof *b->dim);
    if (!b->crops || !b->said || !b->model || !b->dim)
        return cx->code;
    for (size_t i = 0; i < b->n; i++) {
        espy_err e = espy_see_crop(call, b->ids[i], &b->crops[i], NULL);
        found += e == ESPY_E_OK;
        if (e != ESPY_E_NOT_FOUND)
            ESPY_TRY(e);
        espy_clear(cx);
    }
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "No face crops found with the provided IDs");
}

/* The run of crops from i on that are of one class, which decides on the encoder. */
static espy_err crop_batch_class(espy_call *call, crop_batch *b, size_t i, size_t n)
{
    espy_collection c = {0};
    const espy_encoder *encoder;
    const char *model;
    ESPY_TRY(espy_see_class(call, b->crops[i].collection, &c));
    espy_err e = espy_see_encoder(call, &c, "model_name", &encoder, &model);
    espy_collection_free(call->cx, &c);
    ESPY_TRY(e);
    for (size_t k = i; k < i + n; k++) {
        b->model[k] = model;
        b->dim[k] = espy_encoder_dim(encoder);
    }
    return espy_see_embed(call, encoder, b->crops + i, n, espy_call_bool(call, "force_regenerate"),
                          b->said + i);
}

static espy_err crop_batch_told(espy_call *call, const crop_batch *b)
{
    static const char *const counted[] = {"success", "skipped"};
    espy_ctx *cx = call->cx;
    const char *model = espy_call_text(call, "model_name");
    size_t counts[2] = {0};
    espy_made list = espy_make_array(cx);
    for (size_t i = 0; i < b->n; i++) {
        const char *said = b->said[i] ? b->said[i] : "error";
        espy_made o = espy_make_object(cx);
        espy_put_int(&o, "crop_id", b->ids[i]);
        espy_put_text(&o, "status", said);
        for (size_t k = 0; k < 2; k++)
            counts[k] += strcmp(said, counted[k]) == 0;
        if (!b->said[i])
            espy_put_text(&o, "error",
                          b->crops[i].id ? "Face crop image not found" : "Face crop not found");
        else if (strcmp(said, "skipped") == 0)
            espy_put_text(&o, "message", "Embedding already exists");
        else
            espy_put_int(&o, "embedding_dimension", (int64_t)b->dim[i]);
        if (!model)
            model = b->model[i];
        espy_put_made(&list, NULL, &o);
    }
    espy_made m = espy_see_status(call, "completed");
    espy_put_int(&m, "total", (int64_t)b->n);
    espy_put_int(&m, "success", (int64_t)counts[0]);
    espy_put_int(&m, "skipped", (int64_t)counts[1]);
    espy_put_int(&m, "errors", (int64_t)(b->n - counts[0] - counts[1]));
    espy_put_text(&m, "model_name", model);
    espy_put_made(&m, "results", &list);
    return espy_see_end(call, 200, &m);
}

static espy_err crop_generate_batch(espy_call *call)
{
    espy_ctx *cx = call->cx;
    crop_batch b = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(crop_batch_read(call, &b));
    for (size_t i = 0, end; i < b.n; i = end) {
        end = i + 1;
        if (!b.crops[i].id)
            continue;
        while (end < b.n && b.crops[end].collection == b.crops[i].collection)
            end++;
        ESPY_GO(crop_batch_class(call, &b, i, end - i));
    }
    e = crop_batch_told(call, &b);
out:
    crop_batch_free(cx, &b);
    return e;
}

/* -- similar faces ----------------------------------------------------------------------------- */
typedef struct crop_near {
    const espy_pool_sample *sample;
    float similarity;
} crop_near;

static int crop_near_order(const void *a, const void *b)
{
    const crop_near *x = a, *y = b;
    if (x->similarity != y->similarity)
        return x->similarity > y->similarity ? -1 : 1;
    return (x->sample->sample > y->sample->sample) - (x->sample->sample < y->sample->sample);
}

static float crop_cosine(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* All crops of the class with their vectors, those that had none embedded first. */
static espy_err crop_pool(espy_call *call, espy_collection *c, espy_sample_pool *pool,
                          const char **model)
{
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    espy_embedded done;
    ESPY_TRY(espy_see_encoder(call, c, "embedding_model", &encoder, model));
    ESPY_TRY(espy_see_through(call, encoder, c));
    ESPY_TRY(espy_flow_embed(cx, call->ws, c, encoder, NULL, NULL, &done));
    return espy_store_pool(cx, call->ws->store, c->id, 0, c->encoder_digest, pool);
}

static const char *crop_name(const espy_label *labels, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (labels[i].id == id)
            return labels[i].name;
    return NULL;
}

static void crop_put_near(espy_call *call, espy_made *list, const crop_near *near, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/api/attendance/face-crops/%lld/picture/",
             (long long)near->sample->sample);
    char *url = espy_see_url(call, path);
    espy_made o = espy_make_object(call->cx);
    espy_put_int(&o, "crop_id", near->sample->sample);
    espy_put_int(&o, "image_id", near->sample->media);
    espy_put_id(&o, "student_id", near->sample->label);
    espy_put_text(&o, "student_name", name);
    espy_put(&o, "similarity", espy_json_of_float(near->similarity));
    espy_put(&o, "distance", espy_json_of_float(1 - near->similarity));
    espy_put_text(&o, "crop_image_path", url);
    espy_put_bool(&o, "is_identified", near->sample->label != 0);
    espy_put_made(list, NULL, &o);
    espy_free(call->cx, url);
}

/* The crops most like a vector, best first; which ones count is told by `takes`. */
static espy_err crop_nearest(espy_ctx *cx, const espy_sample_pool *pool, const float *x,
                             bool (*takes)(const espy_pool_sample *s, int64_t id), int64_t id,
                             crop_near **out, size_t *n)
{
    crop_near *at = espy_array(cx, pool->n, sizeof *at);
    size_t count = 0;
    if (!at)
        return cx->code;
    for (size_t i = 0; i < pool->n; i++)
        if (takes(&pool->at[i], id))
            at[count++] =
                (crop_near){&pool->at[i], crop_cosine(x, pool->x + i * pool->dim, pool->dim)};
    if (count)
        qsort(at, count, sizeof *at, crop_near_order);
    *out = at;
    *n = count;
    return ESPY_E_OK;
}

static bool crop_takes_other(const espy_pool_sample *s, int64_t id)
{
    return s->sample != id;
}

static bool crop_takes_other_known(const espy_pool_sample *s, int64_t id)
{
    return s->sample != id && s->label != 0;
}

static bool crop_takes_unknown(const espy_pool_sample *s, int64_t id)
{
    (void)id;
    return s->label == 0;
}

static const float *crop_vector(const espy_sample_pool *pool, int64_t sample)
{
    for (size_t i = 0; i < pool->n; i++)
        if (pool->at[i].sample == sample)
            return pool->x + i * pool->dim;
    return NULL;
}

static espy_err crop_similar(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const size_t k = (size_t)espy_call_int(call, "k");
    espy_sample_info s = {0};
    espy_collection c = {0};
    espy_sample_pool pool = {0};
    espy_label *labels = NULL;
    crop_near *near = NULL;
    size_t labels_n = 0, n = 0;
    const char *model;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &c));
    ESPY_GO(crop_pool(call, &c, &pool, &model));
    ESPY_GO(espy_store_labels(cx, call->ws->store, c.id, &labels, &labels_n));
    const float *x = crop_vector(&pool, s.id);
    if (x)
        ESPY_GO(crop_nearest(cx, &pool, x,
                             espy_call_bool(call, "include_unidentified") ? crop_takes_other
                                                                          : crop_takes_other_known,
                             s.id, &near, &n));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    espy_put_int(&m, "crop_id", s.id);
    espy_put_int(&m, "k", (int64_t)k);
    espy_put_text(&m, "embedding_model", model);
    for (size_t i = 0; i < n && i < k; i++)
        crop_put_near(call, &list, &near[i], crop_name(labels, labels_n, near[i].sample->label));
    espy_put_made(&m, "neighbors", &list);
    e = espy_see_end(call, 200, &m);
out:
    espy_free(cx, near);
    espy_labels_free(cx, labels, labels_n);
    espy_sample_pool_free(cx, &pool);
    espy_collection_free(cx, &c);
    espy_sample_info_free(cx, &s);
    return e;
}

/* The direction of a student's crops: the sum of their vectors, of unit length; false: none. */
static bool crop_mean(const espy_sample_pool *pool, int64_t label, float *mean)
{
    double square = 0;
    memset(mean, 0, pool->dim * sizeof *mean);
    for (size_t i = 0; i < pool->n; i++)
        for (size_t k = 0; pool->at[i].label == label && k < pool->dim; k++)
            mean[k] += pool->x[i * pool->dim + k];
    for (size_t k = 0; k < pool->dim; k++)
        square += (double)mean[k] * (double)mean[k];
    for (size_t k = 0; square > 0 && k < pool->dim; k++)
        mean[k] = (float)((double)mean[k] / sqrt(square));
    return square > 0;
}

typedef struct crop_other {
    const espy_label *label;
    float similarity;
} crop_other;

static int crop_other_order(const void *a, const void *b)
{
    const crop_other *x = a, *y = b;
    if (x->similarity != y->similarity)
        return x->similarity > y->similarity ? -1 : 1;
    return (x->label->id > y->label->id) - (x->label->id < y->label->id);
}

/* Students whose crops are most like those of this one: perhaps the same person. */
static espy_err crop_put_others(espy_call *call, espy_made *m, const espy_sample_pool *pool,
                                const espy_label *labels, size_t n, int64_t label,
                                const float *mean)
{
    enum { MOST = 10 };
    espy_ctx *cx = call->cx;
    float *other = espy_floats(cx, pool->dim);
    crop_other *at = espy_array(cx, n, sizeof *at);
    size_t count = 0;
    if (!other || !at) {
        espy_free(cx, other);
        espy_free(cx, at);
        return cx->code;
    }
    for (size_t i = 0; i < n; i++)
        if (labels[i].id != label && !labels[i].deleted && labels[i].samples > 0 &&
            crop_mean(pool, labels[i].id, other))
            at[count++] = (crop_other){&labels[i], crop_cosine(mean, other, pool->dim)};
    if (count)
        qsort(at, count, sizeof *at, crop_other_order);
    espy_made list = espy_make_array(cx);
    for (size_t i = 0; i < count && i < MOST; i++) {
        espy_made o = espy_make_object(cx);
        espy_put_int(&o, "student_id", at[i].label->id);
        espy_put_text(&o, "student_name", at[i].label->name);
        espy_put(&o, "similarity", espy_json_of_float(at[i].similarity));
        espy_put_int(&o, "crop_count", (int64_t)at[i].label->samples);
        espy_put_made(&list, NULL, &o);
    }
    espy_put_made(m, "merge_suggestions", &list);
    espy_free(cx, other);
    espy_free(cx, at);
    return m->e;
}

static espy_err crop_of_student(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const size_t k = (size_t)espy_call_int(call, "k");
    espy_label_info l = {0};
    espy_collection c = {0};
    espy_sample_pool pool = {0};
    espy_label *labels = NULL;
    crop_near *near = NULL;
    float *mean = NULL;
    size_t labels_n = 0, n = 0;
    const char *model;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &l, &c));
    ESPY_GO(crop_pool(call, &c, &pool, &model));
    ESPY_GO(espy_store_labels(cx, call->ws->store, c.id, &labels, &labels_n));
    mean = espy_floats(cx, pool.dim);
    if (!mean)
        ESPY_GO(cx->code);
    const bool known = crop_mean(&pool, l.label.id, mean);
    if (known)
        ESPY_GO(crop_nearest(cx, &pool, mean, crop_takes_unknown, 0, &near, &n));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    espy_put_int(&m, "student_id", l.label.id);
    espy_put_text(&m, "student_name", l.label.name);
    espy_put_int(&m, "k", (int64_t)k);
    espy_put_text(&m, "embedding_model", model);
    for (size_t i = 0; i < n && i < k; i++)
        crop_put_near(call, &list, &near[i], NULL);
    espy_put_made(&m, "neighbors", &list);
    e = crop_put_others(call, &m, &pool, labels, known ? labels_n : 0, l.label.id, mean);
    if (e != ESPY_E_OK && m.e == ESPY_E_OK)
        m.e = e;
    e = espy_see_end(call, 200, &m);
out:
    espy_free(cx, mean);
    espy_free(cx, near);
    espy_labels_free(cx, labels, labels_n);
    espy_sample_pool_free(cx, &pool);
    espy_collection_free(cx, &c);
    espy_label_info_free(cx, &l);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define CROP_INT(name, required, help)                                                        \
    {                                                                                         \
        name, ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9007199254740991.0, required, NULL, NULL, help \
    }
#define CROP_AGAIN                                                                           \
    {                                                                                        \
        "force_regenerate", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "false", NULL,       \
            "embed also what has a vector of this model; it stays what it is, for the same " \
            "network makes the same"                                                         \
    }

static const espy_field list_fields[] = {
    ESPY_SEE_PAGE(1000),
    ESPY_SEE_OF("class_id", "crops of this class"),
    ESPY_SEE_OF("session_id", "crops of this session"),
    ESPY_SEE_OF("image_id", "crops of this image"),
    ESPY_SEE_OF("student_id", "crops of this student"),
    ESPY_SEE_WHETHER("is_identified", "a student is known, or is not"),
    {0}};
static const espy_field id_fields[] = {ESPY_SEE_ID, {0}};
static const espy_field patch_fields[] = {
    ESPY_SEE_ID, CROP_INT("student", false, "a student of the class; null: nobody"), {0}};
static const espy_field to_student_fields[] = {
    ESPY_SEE_ID, CROP_INT("student_id", true, "a student of the class"), {0}};
static const espy_field from_candidate_fields[] = {
    ESPY_SEE_ID, CROP_INT("candidate_crop_id", true, "an identified crop of the class"), {0}};
static const espy_field create_student_fields[] = {
    ESPY_SEE_ID,
    {"first_name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 150, false, NULL, NULL, "else \"Unknown\""},
    {"last_name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 150, false, NULL, NULL,
     "else one with the crop's id"},
    {"student_id", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 50, false, NULL, NULL,
     "number; else one is made from the name"},
    {0}};
static const espy_field generate_fields[] = {
    ESPY_SEE_ID, ESPY_SEE_MODEL("model_name"), CROP_AGAIN, {0}};
static const espy_field batch_fields[] = {
    {"face_crop_ids", ESPY_IN_BODY, ESPY_FIELD_IDS, 1, 10000, true, NULL, NULL, "which crops"},
    ESPY_SEE_MODEL("model_name"),
    CROP_AGAIN,
    {0}};
static const espy_field similar_fields[] = {
    ESPY_SEE_ID,
    {"k", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 50, false, "10", NULL, "how many"},
    {"include_unidentified", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 0, false, "true", NULL,
     "also crops that nobody has identified"},
    ESPY_SEE_MODEL("embedding_model"),
    {0}};
static const espy_field of_student_fields[] = {
    ESPY_SEE_ID,
    {"k", ESPY_IN_QUERY, ESPY_FIELD_INT, 0, 100, false, "20", NULL, "how many crops"},
    ESPY_SEE_MODEL("embedding_model"),
    {0}};

#define SEE(method, path, may, lane, fields, summary, answers, run)                             \
    {                                                                                           \
        method, "/api/attendance/" path, &espy_service_attendansee, may, lane, fields, summary, \
            answers, run                                                                        \
    }
const espy_route espy_routes_attendansee_crops[] = {
    SEE("GET", "face-crops/", ESPY_MAY_READ, ESPY_LANE_QUICK, list_fields,
        "List face crops, newest first", "200 SeeCrops|404", crop_list),
    SEE("GET", "face-crops/{id}/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields, "Tell of a face crop",
        "200 SeeCrop|404", crop_get),
    SEE("PUT", "face-crops/{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, patch_fields,
        "Say whose a face crop is", "200 SeeCrop|404", crop_update),
    SEE("PATCH", "face-crops/{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, patch_fields,
        "Say whose a face crop is", "200 SeeCrop|404", crop_update),
    SEE("DELETE", "face-crops/{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, id_fields,
        "Take a face crop away; /v1 can undo it", "204|404", crop_delete),
    SEE("POST", "face-crops/{id}/unidentify/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, id_fields,
        "Say that nobody knows whose a face crop is", "200 SeeCrop|404", crop_unidentify),
    SEE("POST", "face-crops/{id}/assign-to-student/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
        to_student_fields, "Give a face crop to a student", "200 SeeAssigned|404",
        crop_assign_to_student),
    SEE("POST", "face-crops/{id}/assign-from-candidate/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
        from_candidate_fields, "Give a face crop to the student of another one",
        "200 SeeAssigned|404", crop_assign_from_candidate),
    SEE("POST", "face-crops/{id}/create-and-assign-student/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
        create_student_fields, "Make a student of a face crop", "200 SeeAssigned|404",
        crop_create_student),
    SEE("POST", "face-crops/{id}/generate-embedding/", ESPY_MAY_ENROLL, ESPY_LANE_INFER,
        generate_fields, "Embed a face crop", "200 SeeEmbedded|404", crop_generate),
    SEE("POST", "face-crops/generate-embeddings-batch/", ESPY_MAY_ENROLL, ESPY_LANE_LONG,
        batch_fields, "Embed many face crops", "200 SeeBatch|404", crop_generate_batch),
    SEE("GET", "face-crops/{id}/similar-faces/", ESPY_MAY_READ, ESPY_LANE_LONG, similar_fields,
        "List the crops of the class that are most like one", "200 SeeSimilar|404", crop_similar),
    SEE("GET", "students/{id}/similar-faces/", ESPY_MAY_READ, ESPY_LANE_LONG, of_student_fields,
        "List unidentified crops and other students that are most like a student",
        "200 SeeSimilar|404", crop_of_student),
    {0}};

const espy_schema espy_schemas_attendansee_crops[] = {
    {"SeeCrop",
     "{\"type\":\"object\",\"required\":[\"id\",\"image\",\"image_id\",\"student\",\"student_name"
     "\",\"crop_image_path\",\"coordinates\",\"coordinates_dict\",\"confidence_score\",\"is_"
     "identified\",\"embedding_model\",\"created_at\",\"updated_at\",\"session_id\",\"sessio"
     "n_name\",\"class_id\",\"class_name\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"imag"
     "e\":{\"type\":\"integer\"},\"image_id\":{\"type\":\"integer\"},\"student\":{\"type\":[\"inte"
     "ger\",\"null\"]},\"student_name\":{\"type\":[\"string\",\"null\"]},\"crop_image_path\":{\""
     "type\":\"string\"},\"coordinates\":{\"type\":\"string\"},\"coordinates_dict\":{\"type\":\""
     "object\",\"required\":[\"x\",\"y\",\"width\",\"height\"],\"properties\":{\"x\":{\"type\":"
     "\"int"
     "eger\"},\"y\":{\"type\":\"integer\"},\"width\":{\"type\":\"integer\"},\"height\":{\"type\":"
     "\"i"
     "nteger\"}}},\"confidence_score\":{\"type\":\"number\"},\"is_identified\":{\"type\":\"boo"
     "lean\"},\"embedding_model\":{\"type\":[\"string\",\"null\"]},\"created_at\":{\"type\":\"st"
     "ring\"},\"updated_at\":{\"type\":\"string\"},\"session_id\":{\"type\":[\"integer\",\"null\""
     "]},\"session_name\":{\"type\":[\"string\",\"null\"]},\"class_id\":{\"type\":\"integer\"},\""
     "class_name\":{\"type\":\"string\"}}}"},
    {"SeeCrops",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeCrop\"}}}}"},
    {"SeeCropList", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SeeCrop\"}}"},
    {"SeeAssigned",
     "{\"type\":\"object\",\"required\":[\"status\",\"crop_id\",\"student_id\",\"student_name\","
     "\"message\"],\"properties\":{\"status\":{\"type\":\"string\"},\"crop_id\":{\"type\":\"integ"
     "er\"},\"assigned\":{\"type\":\"boolean\"},\"student_id\":{\"type\":[\"integer\",\"null\"]},"
     "\"student_name\":{\"type\":[\"string\",\"null\"]},\"confidence\":{\"type\":\"number\"},\"k_"
     "nearest\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"student_id\",\""
     "student_name\",\"similarity\",\"crop_id\"],\"properties\":{\"student_id\":{\"type\":\"in"
     "teger\"},\"student_name\":{\"type\":[\"string\",\"null\"]},\"similarity\":{\"type\":\"numb"
     "er\"},\"crop_id\":{\"type\":[\"integer\",\"null\"]}}}},\"student\":{\"$ref\":\"#/component"
     "s/schemas/SeeStudent\"},\"message\":{\"type\":\"string\"}}}"},
    {"SeeEmbedded",
     "{\"type\":\"object\",\"required\":[\"status\",\"crop_id\",\"embedding_model\",\"embedding"
     "_dimension\",\"message\"],\"properties\":{\"status\":{\"enum\":[\"success\",\"already_ex"
     "ists\"]},\"crop_id\":{\"type\":\"integer\"},\"embedding_model\":{\"type\":\"string\"},\"em"
     "bedding_dimension\":{\"type\":\"integer\"},\"message\":{\"type\":\"string\"}}}"},
    {"SeeBatch",
     "{\"type\":\"object\",\"required\":[\"status\",\"total\",\"success\",\"skipped\",\"errors\",\""
     "model_name\",\"results\"],\"properties\":{\"status\":{\"type\":\"string\"},\"total\":{\"ty"
     "pe\":\"integer\"},\"success\":{\"type\":\"integer\"},\"skipped\":{\"type\":\"integer\"},\"er"
     "rors\":{\"type\":\"integer\"},\"model_name\":{\"type\":\"string\"},\"results\":{\"type\":\"a"
     "rray\",\"items\":{\"type\":\"object\",\"required\":[\"crop_id\",\"status\"],\"properties\":"
     "{\"crop_id\":{\"type\":\"integer\"},\"status\":{\"type\":\"string\"},\"embedding_dimensio"
     "n\":{\"type\":\"integer\"},\"message\":{\"type\":\"string\"},\"error\":{\"type\":\"string\"}}"
     "}}}}"},
    {"SeeSimilar",
     "{\"type\":\"object\",\"required\":[\"k\",\"embedding_model\",\"neighbors\"],\"properties\""
     ":{\"crop_id\":{\"type\":\"integer\"},\"student_id\":{\"type\":\"integer\"},\"student_name"
     "\":{\"type\":\"string\"},\"k\":{\"type\":\"integer\"},\"embedding_model\":{\"type\":\"string"
     "\"},\"neighbors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"crop_id"
     "\",\"image_id\",\"student_id\",\"student_name\",\"similarity\",\"distance\",\"crop_image"
     "_path\",\"is_identified\"],\"properties\":{\"crop_id\":{\"type\":\"integer\"},\"image_id"
     "\":{\"type\":\"integer\"},\"student_id\":{\"type\":[\"integer\",\"null\"]},\"student_name\""
     ":{\"type\":[\"string\",\"null\"]},\"similarity\":{\"type\":\"number\"},\"distance\":{\"type"
     "\":\"number\"},\"crop_image_path\":{\"type\":\"string\"},\"is_identified\":{\"type\":\"boo"
     "lean\"}}}},\"merge_suggestions\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"requ"
     "ired\":[\"student_id\",\"student_name\",\"similarity\",\"crop_count\"],\"properties\":{"
     "\"student_id\":{\"type\":\"integer\"},\"student_name\":{\"type\":\"string\"},\"similarity"
     "\":{\"type\":\"number\"},\"crop_count\":{\"type\":\"integer\"}}}}}}"},
    {0}};
