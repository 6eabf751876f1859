/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: grouping face crops into students, and giving crops to the students they are
 * most like (SPEC 5.5, 5.6). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/encode.h"
#include "flow/assign.h"
#include "flow/embed.h"
#include "flow/group.h"
#include "http/attendansee.h"
#include "http/serving.h"

static const espy_page group_all = {.limit = SIZE_MAX};

/* What is worked on: a class, or one session of it, through an encoder. */
typedef struct group_scope {
    espy_collection c; /* tells the encoder that is looked through */
    espy_session s;    /* id 0: the whole class */
    const espy_encoder *encoder;
    const char *model;
    size_t crops; /* in it, that count */
} group_scope;

static void group_scope_free(espy_ctx *cx, group_scope *g)
{
    espy_collection_free(cx, &g->c);
    espy_session_free(cx, &g->s);
}

static espy_err group_scope_read(espy_call *call, bool session, group_scope *g)
{
    int64_t id = espy_call_int(call, "id");
    ESPY_TRY(session ? espy_see_session(call, id, &g->s, &g->c) : espy_see_class(call, id, &g->c));
    ESPY_TRY(espy_see_encoder(call, &g->c, "embedding_model", &g->encoder, &g->model));
    return espy_see_through(call, g->encoder, &g->c);
}

/* Counts the crops; those that the encoder has not seen are embedded, and so are the others of the
 * class, for they may be what is compared with. */
static espy_err group_embed(espy_call *call, group_scope *g, espy_asked identified)
{
    static const espy_page none = {0};
    espy_ctx *cx = call->cx;
    espy_sample_info *at = NULL;
    espy_embedded done;
    size_t n = 0;
    int64_t total = 0;
    const espy_sample_filter f = {
        .collection = g->c.id, .session = g->s.id, .identified = identified, .probe = ESPY_NO};
    ESPY_TRY(espy_store_sample_page(cx, call->ws->store, &f, &none, &at, &n, &total));
    espy_sample_infos_free(cx, at, n);
    g->crops = (size_t)total;
    if (!total)
        return ESPY_E_OK;
    return espy_flow_embed(cx, call->ws, &g->c, g->encoder, NULL, NULL, &done);
}

/* The threshold that was sent, else the one that suits the pack. */
static double group_threshold(espy_call *call, const group_scope *g, double (*suits)(double))
{
    return espy_call_has(call, "similarity_threshold")
               ? espy_call_real(call, "similarity_threshold")
               : suits((double)espy_encoder_pack(g->encoder)->floor);
}

static void group_put_scope(espy_made *m, const group_scope *g)
{
    if (g->s.id) {
        espy_put_int(m, "session_id", g->s.id);
        espy_put_text(m, "session_name", g->s.name);
    }
    espy_put_int(m, "class_id", g->c.id);
    espy_put_text(m, "class_name", g->c.name);
}

/* -- grouping ---------------------------------------------------------------------------------- */
static espy_err group_nothing(espy_call *call, const group_scope *g, const char *status,
                              const char *message)
{
    static const char *const zeros[] = {"clusters_found", "students_created", "crops_assigned",
                                        "valid_crops", "noise"};
    espy_made m = espy_see_status(call, status), none = espy_make_object(call->cx);
    group_put_scope(&m, g);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        espy_put_int(&m, zeros[i], 0);
    espy_put_int(&m, "total_crops", (int64_t)g->crops);
    espy_put_made(&m, "cluster_sizes", &none);
    espy_put_text(&m, "embedding_model", g->model);
    espy_put_text(&m, "message", message);
    return espy_see_end(call, 200, &m);
}

static espy_err group_told(espy_call *call, const group_scope *g, const espy_group_options *o,
                           const espy_grouping *found)
{
    espy_made m = espy_see_status(call, "success"), sizes = espy_make_object(call->cx);
    espy_made parameters = espy_make_object(call->cx);
    size_t fresh = 0, valid = found->noise;
    char key[24];
    for (size_t i = 0; i < found->n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        espy_put_int(&sizes, key, (int64_t)found->at[i].size);
        fresh += found->at[i].fresh;
        valid += found->at[i].size;
    }
    group_put_scope(&m, g);
    espy_put_int(&m, "clusters_found", (int64_t)found->n);
    espy_put_int(&m, "students_created", o->create_labels ? (int64_t)fresh : 0);
    espy_put_int(&m, "crops_assigned", (int64_t)found->filed);
    espy_put_made(&m, "cluster_sizes", &sizes);
    espy_put_int(&m, "total_crops", (int64_t)g->crops);
    espy_put_int(&m, "valid_crops", (int64_t)valid);
    espy_put_int(&m, "noise", (int64_t)found->noise);
    espy_put_text(&m, "embedding_model", g->model);
    espy_put_int(&parameters, "max_clusters", (int64_t)o->max_clusters);
    espy_put_real(&parameters, "similarity_threshold", o->threshold);
    espy_put_text(&parameters, "method", espy_call_text(call, "method"));
    espy_put_made(&m, "parameters", &parameters);
    return espy_see_end(call, 200, &m);
}

static espy_err group_run(espy_call *call, bool session)
{
    espy_ctx *cx = call->cx;
    const bool dbscan = strcmp(espy_call_text(call, "method"), "dbscan") == 0;
    group_scope g = {0};
    espy_grouping found = {0};
    espy_group_options o = espy_group_defaults();
    espy_err e = ESPY_E_OK;
    ESPY_GO(group_scope_read(call, session, &g));
    o.session = session ? g.s.name : NULL;
    o.date = session ? g.s.date : NULL;
    o.method = dbscan ? ESPY_GROUP_DBSCAN : ESPY_GROUP_AVERAGE;
    o.threshold = group_threshold(call, &g, dbscan ? espy_assign_cosine : espy_group_cosine);
    o.max_clusters = (size_t)espy_call_int(call, "max_clusters");
    o.include_identified = espy_call_bool(call, "include_identified");
    o.create_labels = espy_call_bool(call, "create_students");
    o.assign = o.create_labels && espy_call_bool(call, "assign_crops");
    ESPY_GO(group_embed(call, &g, session || o.include_identified ? ESPY_ANY : ESPY_NO));
    if (!g.crops) {
        e = group_nothing(call, &g, "no_crops", "There are no face crops to group");
        goto out;
    }
    ESPY_GO(espy_flow_group(cx, call->ws, &g.c, &o, &found));
    e = found.pool.n ? group_told(call, &g, &o, &found)
                     : group_nothing(call, &g, "no_valid_embeddings",
                                     "None of the face crops could be embedded");
out:
    espy_grouping_free(cx, &found);
    group_scope_free(cx, &g);
    return e;
}

static espy_err group_session(espy_call *call)
{
    return group_run(call, true);
}

static espy_err group_class(espy_call *call)
{
    return group_run(call, false);
}

/* -- assignment -------------------------------------------------------------------------------- */
typedef struct group_names {
    espy_label *at;
    size_t n;
} group_names;

static const char *group_name(const group_names *names, int64_t id)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->at[i].id == id)
            return names->at[i].name;
    return NULL;
}

/* The described routes are never in doubt (C-03): no margin is asked for. */
static espy_assign_options group_assign_options(espy_call *call, const group_scope *g)
{
    espy_assign_options o = espy_assign_defaults();
    o.k = (size_t)espy_call_int(call, "k");
    o.threshold = group_threshold(call, g, espy_assign_cosine);
    o.margin = 0;
    o.voting = espy_call_bool(call, "use_voting");
    o.commit = espy_call_bool(call, "auto_commit");
    if (g->s.id) {
        o.session = g->s.name;
        o.date = g->s.date;
    }
    return o;
}

static const char *group_message(espy_assign_status s)
{
    switch (s) {
    case ESPY_ASSIGNED:
        return "The crop was assigned to the student";
    case ESPY_MATCH_FOUND:
        return "A student matches; nothing was stored, for auto_commit is off";
    case ESPY_NO_MATCH:
    case ESPY_ASSIGN_AMBIGUOUS:
        return "No student is similar enough";
    case ESPY_ALREADY_IDENTIFIED:
        return "The crop is identified already";
    case ESPY_NO_REFERENCE_DATA:
        return "No crop of the class is identified yet";
    }
    return "";
}

/* What is told of one crop in both answers. */
static void group_put_assignment(espy_made *m, const group_names *names, const espy_assignment *a)
{
    const bool whose = a->status == ESPY_ASSIGNED || a->status == ESPY_MATCH_FOUND ||
                       a->status == ESPY_ALREADY_IDENTIFIED;
    espy_put_text(m, "status", espy_assign_status_name(a->status));
    espy_put_int(m, "crop_id", a->sample);
    espy_put_bool(m, "assigned", a->status == ESPY_ASSIGNED);
    espy_put_id(m, "student_id", whose ? a->label : 0);
    espy_put_text(m, "student_name", whose ? group_name(names, a->label) : NULL);
    espy_put(m, "confidence", espy_json_of_float(whose ? a->confidence : 0));
}

static void group_put_nearest(espy_made *m, const group_names *names, const espy_assignment *a)
{
    espy_made list = espy_make_array(m->cx);
    for (size_t i = 0; i < a->nearest_n; i++) {
        espy_made o = espy_make_object(m->cx);
        espy_put_int(&o, "student_id", a->nearest[i].label);
        espy_put_text(&o, "student_name", group_name(names, a->nearest[i].label));
        espy_put(&o, "similarity", espy_json_of_float(a->nearest[i].similarity));
        espy_put_id(&o, "crop_id", a->nearest[i].sample);
        espy_put_made(&list, NULL, &o);
    }
    espy_put_made(m, "k_nearest", &list);
}

/* A crop that is not compared at all: status and why. */
static espy_err group_crop_told(espy_call *call, const espy_sample_info *s, const char *status,
                                const char *message)
{
    espy_made m = espy_see_status(call, status), none = espy_make_array(call->cx);
    espy_put_int(&m, "crop_id", s->id);
    espy_put_bool(&m, "assigned", false);
    espy_put_id(&m, "student_id", s->label);
    espy_put_text(&m, "student_name", s->name);
    espy_put_real(&m, "confidence", 0);
    espy_put_made(&m, "k_nearest", &none);
    espy_put_text(&m, "message", message);
    return espy_see_end(call, 200, &m);
}

static espy_err group_crop_run(espy_call *call, group_scope *g, const espy_sample_info *s)
{
    espy_ctx *cx = call->cx;
    espy_assign_options o = group_assign_options(call, g);
    espy_assignments found = {0};
    group_names names = {0};
    espy_embedded done;
    const char *said = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_see_embed(call, g->encoder, s, 1, false, &said));
    if (!said) {
        e = group_crop_told(call, s, "embedding_failed",
                            "The picture of the crop cannot be read any more");
        goto out;
    }
    ESPY_GO(espy_flow_embed(cx, call->ws, &g->c, g->encoder, NULL, NULL, &done));
    o.samples = &s->id;
    o.samples_n = 1;
    ESPY_GO(espy_flow_assign(cx, call->ws, &g->c, &o, &found));
    ESPY_GO(espy_store_labels(cx, call->ws->store, g->c.id, &names.at, &names.n));
    espy_made m = espy_make_object(cx);
    group_put_assignment(&m, &names, &found.at[0]);
    group_put_nearest(&m, &names, &found.at[0]);
    espy_put_text(&m, "message", group_message(found.at[0].status));
    e = espy_see_end(call, 200, &m);
out:
    espy_assignments_free(cx, &found);
    espy_labels_free(cx, names.at, names.n);
    return e;
}

static espy_err group_assign_crop(espy_call *call)
{
    espy_ctx *cx = call->cx;
    group_scope g = {0};
    espy_sample_info s = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_crop(call, espy_call_int(call, "id"), &s, &g.c));
    if (s.label) {
        e = group_crop_told(call, &s, "already_identified", group_message(ESPY_ALREADY_IDENTIFIED));
        goto out;
    }
    ESPY_GO(espy_see_encoder(call, &g.c, "embedding_model", &g.encoder, &g.model));
    ESPY_GO(espy_see_through(call, g.encoder, &g.c));
    e = group_crop_run(call, &g, &s);
out:
    espy_sample_info_free(cx, &s);
    group_scope_free(cx, &g);
    return e;
}

static void group_put_parameters(espy_made *m, const group_scope *g, const espy_assign_options *o)
{
    espy_made p = espy_make_object(m->cx);
    espy_put_int(&p, "k", (int64_t)o->k);
    espy_put_real(&p, "similarity_threshold", o->threshold);
    espy_put_bool(&p, "use_voting", o->voting);
    espy_put_bool(&p, "auto_commit", o->commit);
    espy_put_text(&p, "embedding_model", g->model);
    espy_put_made(m, "parameters", &p);
}

/* The unidentified crops that were not compared: no vector could be made of them, or a person said
 * that they are nobody's. */
typedef struct group_left {
    espy_sample_info *at;
    size_t n, failed, nobody;
} group_left;

static bool group_compared(const espy_assignments *a, int64_t sample)
{
    size_t lo = 0, hi = a->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (a->at[mid].sample < sample)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < a->n && a->at[lo].sample == sample;
}

static void group_put_left(espy_made *list, const espy_assignments *a, group_left *left)
{
    for (size_t i = 0; i < left->n; i++) {
        const espy_sample_info *s = &left->at[i];
        if (group_compared(a, s->id))
            continue;
        const bool nobody = strcmp(s->actor, "user") == 0;
        espy_made o = espy_make_object(list->cx);
        *(nobody ? &left->nobody : &left->failed) += 1;
        espy_put_text(&o, "status", nobody ? "already_identified" : "embedding_failed");
        espy_put_int(&o, "crop_id", s->id);
        espy_put_text(&o, "error",
                      nobody ? "a person said that it is nobody's" : "no vector can be made of it");
        espy_put_made(list, NULL, &o);
    }
}

static espy_err group_assigned(espy_call *call, const group_scope *g, const espy_assign_options *o,
                               const espy_assignments *a, group_left *left)
{
    espy_ctx *cx = call->cx;
    group_names names = {0};
    ESPY_TRY(espy_store_labels(cx, call->ws->store, g->c.id, &names.at, &names.n));
    espy_made m = espy_see_status(call, "completed"), list = espy_make_array(cx);
    for (size_t i = 0; i < a->n; i++) {
        espy_made one = espy_make_object(cx);
        group_put_assignment(&one, &names, &a->at[i]);
        espy_put_made(&list, NULL, &one);
    }
    espy_labels_free(cx, names.at, names.n);
    group_put_left(&list, a, left);
    group_put_scope(&m, g);
    espy_put_int(&m, "total_crops", (int64_t)(a->n + left->failed + left->nobody));
    espy_put_int(&m, "assigned", (int64_t)a->assigned);
    espy_put_int(&m, "matched", (int64_t)a->matched);
    espy_put_int(&m, "no_match", (int64_t)(a->no_match + a->ambiguous));
    espy_put_int(&m, "skipped", (int64_t)(a->skipped + left->nobody));
    espy_put_int(&m, "errors", (int64_t)left->failed);
    group_put_parameters(&m, g, o);
    espy_put_made(&m, "results", &list);
    return espy_see_end(call, 200, &m);
}

static espy_err group_none_to_assign(espy_call *call, const group_scope *g,
                                     const espy_assign_options *o)
{
    static const char *const zeros[] = {"total_crops", "assigned", "matched",
                                        "no_match",    "skipped",  "errors"};
    espy_made m = espy_see_status(call, "no_unidentified_crops");
    espy_made none = espy_make_array(call->cx);
    group_put_scope(&m, g);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        espy_put_int(&m, zeros[i], 0);
    group_put_parameters(&m, g, o);
    espy_put_made(&m, "results", &none);
    espy_put_text(&m, "message", "All face crops are identified");
    return espy_see_end(call, 200, &m);
}

static espy_err group_assign(espy_call *call, bool session)
{
    espy_ctx *cx = call->cx;
    group_scope g = {0};
    group_left left = {0};
    espy_assignments a = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(group_scope_read(call, session, &g));
    const espy_assign_options o = group_assign_options(call, &g);
    const espy_sample_filter f = {.collection = g.c.id,
                                  .session = g.s.id,
                                  .identified = ESPY_NO,
                                  .probe = ESPY_NO,
                                  .sort = ESPY_SAMPLES_OLDEST};
    ESPY_GO(group_embed(call, &g, ESPY_NO));
    if (!g.crops) {
        e = group_none_to_assign(call, &g, &o);
        goto out;
    }
    ESPY_GO(espy_store_sample_page(cx, call->ws->store, &f, &group_all, &left.at, &left.n, NULL));
    ESPY_GO(espy_flow_assign(cx, call->ws, &g.c, &o, &a));
    e = group_assigned(call, &g, &o, &a, &left);
out:
    espy_sample_infos_free(cx, left.at, left.n);
    espy_assignments_free(cx, &a);
    group_scope_free(cx, &g);
    return e;
}

static espy_err group_assign_session(espy_call *call)
{
    return group_assign(call, true);
}

static espy_err group_assign_class(espy_call *call)
{
    return group_assign(call, false);
}

/* -- what a session's crops say ---------------------------------------------------------------- */
/* 400: there is nothing to look at, or not all was processed. */
static espy_err group_aggregate_not_yet(espy_call *call, const espy_session *s)
{
    char text[96];
    espy_made m = espy_make_object(call->cx);
    snprintf(text, sizeof text, "%zu images in session are not yet processed",
             s->media - s->scanned);
    if (s->media)
        espy_put_text(&m, "warning", text);
    else
        espy_put_text(&m, "error", "Session has no images");
    espy_put_int(&m, "session_id", s->id);
    espy_put_int(&m, "total_images", (int64_t)s->media);
    espy_put_int(&m, "processed_images", (int64_t)s->scanned);
    return espy_see_end(call, 400, &m);
}

/* How many students the crops of a session show. */
static espy_err group_students_in(espy_call *call, const group_scope *g, size_t *crops,
                                  size_t *identified, size_t *students)
{
    espy_sample_info *at = NULL;
    size_t n = 0;
    const espy_sample_filter f = {.session = g->s.id, .probe = ESPY_NO};
    ESPY_TRY(espy_store_sample_page(call->cx, call->ws->store, &f, &group_all, &at, &n, NULL));
    *crops = n;
    *identified = *students = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < i && at[k].label != at[i].label)
            k++;
        *identified += at[i].label != 0;
        *students += at[i].label != 0 && k == i;
    }
    espy_sample_infos_free(call->cx, at, n);
    return ESPY_E_OK;
}

static espy_err group_aggregate_told(espy_call *call, const group_scope *g,
                                     const espy_assign_options *o, const espy_assignments *a)
{
    static const espy_page none = {0};
    espy_ctx *cx = call->cx;
    espy_label_info *labels = NULL;
    size_t n, crops, identified, students;
    int64_t in_class = 0;
    ESPY_TRY(group_students_in(call, g, &crops, &identified, &students));
    ESPY_TRY(espy_store_label_page(cx, call->ws->store, &(espy_label_filter){.collection = g->c.id},
                                   &none, &labels, &n, &in_class));
    espy_label_infos_free(cx, labels, n);
    espy_made m = espy_see_status(call, "aggregation_completed");
    espy_made parameters = espy_make_object(cx), numbers = espy_make_object(cx);
    group_put_scope(&m, g);
    espy_put_real(&parameters, "similarity_threshold", o->threshold);
    espy_put_bool(&parameters, "auto_assign", o->commit);
    espy_put_made(&m, "parameters", &parameters);
    espy_put_int(&numbers, "total_images", (int64_t)g->s.media);
    espy_put_int(&numbers, "total_crops", (int64_t)crops);
    espy_put_int(&numbers, "identified_crops", (int64_t)identified);
    espy_put_int(&numbers, "unidentified_crops", (int64_t)(crops - identified));
    espy_put_int(&numbers, "identified_students", (int64_t)students);
    espy_put_int(&numbers, "total_students_in_class", in_class);
    espy_put_int(&numbers, "assigned_now", (int64_t)a->assigned);
    espy_put_int(&numbers, "matches_found", (int64_t)a->matched);
    espy_put_made(&m, "statistics", &numbers);
    espy_put_text(&m, "message", "Crop aggregation completed successfully.");
    return espy_see_end(call, 200, &m);
}

static espy_err group_aggregate(espy_call *call)
{
    espy_ctx *cx = call->cx;
    group_scope g = {0};
    espy_assignments a = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(group_scope_read(call, true, &g));
    if (!g.s.media || g.s.scanned < g.s.media) {
        e = group_aggregate_not_yet(call, &g.s);
        goto out;
    }
    espy_assign_options o = espy_assign_defaults();
    o.margin = 0;
    o.threshold = group_threshold(call, &g, espy_assign_cosine);
    o.commit = espy_call_bool(call, "auto_assign");
    o.session = g.s.name;
    o.date = g.s.date;
    ESPY_GO(group_embed(call, &g, ESPY_NO));
    if (g.crops)
        ESPY_GO(espy_flow_assign(cx, call->ws, &g.c, &o, &a));
    e = group_aggregate_told(call, &g, &o, &a);
out:
    espy_assignments_free(cx, &a);
    group_scope_free(cx, &g);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define GROUP_THRESHOLD                                                                        \
    {                                                                                          \
        "similarity_threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,        \
            "least cosine; else what suits the pack (0.5 and 0.6 are usual for FaceNet alone)" \
    }
#define GROUP_FIELDS                                                                        \
    ESPY_SEE_ID,                                                                            \
        {"max_clusters",                                                                    \
         ESPY_IN_BODY,                                                                      \
         ESPY_FIELD_INT,                                                                    \
         1,                                                                                 \
         ESPY_GROUP_CLUSTERS_MAX,                                                           \
         false,                                                                             \
         "50",                                                                              \
         NULL,                                                                              \
         "join on, against the threshold, until there are no more (30 to 50 for a class)"}, \
        GROUP_THRESHOLD, ESPY_SEE_MODEL("embedding_model"),                                 \
        {"method",                                                                          \
         ESPY_IN_BODY,                                                                      \
         ESPY_FIELD_TEXT,                                                                   \
         0,                                                                                 \
         0,                                                                                 \
         false,                                                                             \
         "\"average\"",                                                                     \
         "average|dbscan",                                                                  \
         "average linkage, or DBSCAN, which tells crops that are like no other (noise)"},   \
        {"create_students",                                                                 \
         ESPY_IN_BODY,                                                                      \
         ESPY_FIELD_BOOL,                                                                   \
         0,                                                                                 \
         0,                                                                                 \
         false,                                                                             \
         "true",                                                                            \
         NULL,                                                                              \
         "make a student of each group"},                                                   \
    {                                                                                       \
        "assign_crops", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "true", NULL,           \
            "and give them their crops"                                                     \
    }
#define GROUP_ASSIGN_FIELDS                                                      \
    ESPY_SEE_ID,                                                                 \
        {"k",                                                                    \
         ESPY_IN_BODY,                                                           \
         ESPY_FIELD_INT,                                                         \
         1,                                                                      \
         ESPY_ASSIGN_K_MAX,                                                      \
         false,                                                                  \
         "5",                                                                    \
         NULL,                                                                   \
         "neighbours that are asked (5 to 7)"},                                  \
        GROUP_THRESHOLD, ESPY_SEE_MODEL("embedding_model"),                      \
        {"use_voting",                                                           \
         ESPY_IN_BODY,                                                           \
         ESPY_FIELD_BOOL,                                                        \
         0,                                                                      \
         0,                                                                      \
         false,                                                                  \
         "true",                                                                 \
         NULL,                                                                   \
         "whoever has most of the neighbours; else the nearest one"},            \
    {                                                                            \
        "auto_commit", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "true", NULL, \
            "store what was found; else only tell it"                            \
    }

static const espy_field session_fields[] = {GROUP_FIELDS, {0}};
static const espy_field class_fields[] = {
    GROUP_FIELDS,
    {"include_identified", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "false", NULL,
     "also crops that have a student; named students keep theirs"},
    {0}};
static const espy_field assign_fields[] = {GROUP_ASSIGN_FIELDS, {0}};
static const espy_field aggregate_fields[] = {
    ESPY_SEE_ID,
    GROUP_THRESHOLD,
    ESPY_SEE_MODEL("embedding_model"),
    {"auto_assign", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "false", NULL, "store the matches"},
    {0}};

#define SEE(path, fields, summary, answers, run)                                     \
    {                                                                                \
        "POST", "/api/attendance/" path, &espy_service_attendansee, ESPY_MAY_ENROLL, \
            ESPY_LANE_LONG, fields, summary, answers, run                            \
    }
const espy_route espy_routes_attendansee_group[] = {
    SEE("sessions/{id}/cluster-crops/", session_fields, "Group the face crops of a session",
        "200 SeeGrouped|404|409", group_session),
    SEE("classes/{id}/cluster-crops/", class_fields, "Group the face crops of a class",
        "200 SeeGrouped|404|409", group_class),
    SEE("face-crops/{id}/assign/", assign_fields, "Give a face crop to whom it is most like",
        "200 SeeAssigned|404", group_assign_crop),
    SEE("sessions/{id}/assign-crops/", assign_fields,
        "Give the unidentified crops of a session to whom they are most like",
        "200 SeeAssignedAll|404", group_assign_session),
    SEE("classes/{id}/assign-crops/", assign_fields,
        "Give the unidentified crops of a class to whom they are most like",
        "200 SeeAssignedAll|404", group_assign_class),
    SEE("sessions/{id}/aggregate-crops/", aggregate_fields,
        "Count what a session shows, and match its crops with the class's students",
        "200 SeeAggregated|404", group_aggregate),
    {0}};

const espy_schema espy_schemas_attendansee_group[] = {
    {"SeeGrouped",
     "{\"type\":\"object\",\"required\":[\"status\",\"class_id\",\"class_name\",\"clusters_foun"
     "d\",\"students_created\",\"crops_assigned\",\"cluster_sizes\",\"total_crops\",\"valid_"
     "crops\",\"noise\",\"embedding_model\"],\"properties\":{\"status\":{\"enum\":[\"success\","
     "\"no_crops\",\"no_valid_embeddings\"]},\"session_id\":{\"type\":\"integer\"},\"session_"
     "name\":{\"type\":\"string\"},\"class_id\":{\"type\":\"integer\"},\"class_name\":{\"type\":\""
     "string\"},\"clusters_found\":{\"type\":\"integer\"},\"students_created\":{\"type\":\"int"
     "eger\"},\"crops_assigned\":{\"type\":\"integer\"},\"cluster_sizes\":{\"type\":\"object\"}"
     ",\"total_crops\":{\"type\":\"integer\"},\"valid_crops\":{\"type\":\"integer\"},\"noise\":{"
     "\"type\":\"integer\"},\"embedding_model\":{\"type\":\"string\"},\"parameters\":{\"type\":\""
     "object\"},\"message\":{\"type\":\"string\"}}}"},
    {"SeeAssignedAll",
     "{\"type\":\"object\",\"required\":[\"status\",\"class_id\",\"class_name\",\"total_crops\","
     "\"assigned\",\"matched\",\"no_match\",\"skipped\",\"errors\",\"parameters\",\"results\"],\""
     "properties\":{\"status\":{\"enum\":[\"completed\",\"no_unidentified_crops\"]},\"sessio"
     "n_id\":{\"type\":\"integer\"},\"session_name\":{\"type\":\"string\"},\"class_id\":{\"type\""
     ":\"integer\"},\"class_name\":{\"type\":\"string\"},\"total_crops\":{\"type\":\"integer\"},"
     "\"assigned\":{\"type\":\"integer\"},\"matched\":{\"type\":\"integer\"},\"no_match\":{\"type"
     "\":\"integer\"},\"skipped\":{\"type\":\"integer\"},\"errors\":{\"type\":\"integer\"},\"param"
     "eters\":{\"type\":\"object\"},\"results\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}"
     "},\"message\":{\"type\":\"string\"}}}"},
    {"SeeAggregated",
     "{\"type\":\"object\",\"required\":[\"status\",\"session_id\",\"session_name\",\"class_id\""
     ",\"class_name\",\"parameters\",\"statistics\",\"message\"],\"properties\":{\"status\":{\""
     "type\":\"string\"},\"session_id\":{\"type\":\"integer\"},\"session_name\":{\"type\":\"stri"
     "ng\"},\"class_id\":{\"type\":\"integer\"},\"class_name\":{\"type\":\"string\"},\"parameter"
     "s\":{\"type\":\"object\"},\"statistics\":{\"type\":\"object\"},\"message\":{\"type\":\"strin"
     "g\"}}}"},
    {0}};
