/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee's interface (docs/server.md): what its files share.
 *
 * class: a collection of faces; student: a label of it; session: a session; image: a media; face
 * crop: a sample.  Ids are those of these rows, texts are told as the views attendansee_* of the
 * store tell them (docs/formats/store.md). */
#ifndef ESPY_HTTP_ATTENDANSEE_H
#define ESPY_HTTP_ATTENDANSEE_H

#include "http/call.h"
#include "http/make.h"
#include "store/collection.h"
#include "store/gallery.h"
#include "store/label.h"
#include "store/session.h"

/* -- fields that many routes have -------------------------------------------------------------- */
#define ESPY_SEE_ID                                                                              \
    {                                                                                            \
        "id", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9007199254740991.0, true, NULL, NULL, "which one" \
    }
#define ESPY_SEE_PAGE(most)                                                                   \
    {"page", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1e9, false, "1", NULL, "which page"},          \
    {                                                                                         \
        "page_size", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, most, false, "20", NULL, "items in it" \
    }
#define ESPY_SEE_OF(name, help)                                                        \
    {                                                                                  \
        name, ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL, \
            "only " help                                                               \
    }
#define ESPY_SEE_WHETHER(name, help)                                                      \
    {                                                                                     \
        name, ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 0, false, NULL, NULL, "only where " help \
    }
#define ESPY_SEE_MODEL(name)                                                                 \
    {                                                                                        \
        name, ESPY_IN_EITHER, ESPY_FIELD_TEXT, 0, 0, false, NULL, "facenet|arcface",         \
            "facenet (128 values) or arcface (512): espy.conf says which packs these mean; " \
            "facenet, where its pack is installed, else the class's own encoder"             \
    }

/* -- things of the caller, by id --------------------------------------------------------------- */
/* NOT_FOUND ("Not found.") where it is not there, not of faces, or another owner's.  `of`: NULL, or
 * receives its class.  What is handed out is the caller's. */
espy_err espy_see_class(espy_call *call, int64_t id, espy_collection *out) ESPY_NODISCARD;
espy_err espy_see_student(espy_call *call, int64_t id, espy_label_info *out,
                          espy_collection *of) ESPY_NODISCARD;
espy_err espy_see_session(espy_call *call, int64_t id, espy_session *out,
                          espy_collection *of) ESPY_NODISCARD;
espy_err espy_see_image(espy_call *call, int64_t id, espy_media_info *out,
                        espy_collection *of) ESPY_NODISCARD;
espy_err espy_see_crop(espy_call *call, int64_t id, espy_sample_info *out,
                       espy_collection *of) ESPY_NODISCARD;

/* A student of this class that a field names: 400 with the field's name otherwise. */
espy_err espy_see_student_of(espy_call *call, const espy_collection *c, const char *field,
                             espy_label_info *out) ESPY_NODISCARD;

/* Whose things lists show: 0 for all. */
int64_t espy_see_owner(const espy_call *call);
/* The collection that a list is limited to by the field `class_id` and by the caller's key; 0: all
 * of the owner's. */
int64_t espy_see_scope(const espy_call *call, const char *field);

/* -- shapes ------------------------------------------------------------------------------------ */
/* Rows of a list are of few classes, sessions and students: what was read last is kept. */
typedef struct espy_see {
    espy_call *call;
    espy_collection class;
    espy_session session;
    char *owner;      /* of the class */
    size_t row;       /* of a list, which one is told */
    int64_t *present; /* of a list of sessions, how many were in each; NULL: to be asked */
} espy_see;
void espy_see_free(espy_see *see);

typedef espy_err espy_see_shape(espy_see *see, const void *item, espy_json **out);
espy_see_shape espy_see_class_json, espy_see_student_json, espy_see_session_json,
    espy_see_image_json, espy_see_crop_json;

/* "2026-11-26" and the like are told as texts; "" as null. */
void espy_put_some(espy_made *m, const char *key, const char *s);
/* A share of `of` in percent, two decimals; 0 of nothing. */
double espy_see_percent(size_t n, size_t of);
/* An absolute address of a path of this server, as far as the request tells it; caller owns. */
char *espy_see_url(espy_call *call, const char *path);

/* -- answers ----------------------------------------------------------------------------------- */
/* One thing, or a list of n of `size` bytes each. */
espy_err espy_see_reply(espy_call *call, int status, espy_see_shape *shape,
                        const void *item) ESPY_NODISCARD;
espy_err espy_see_array(espy_call *call, espy_see_shape *shape, const void *items, size_t size,
                        size_t n, espy_json **out) ESPY_NODISCARD;
/* The page that the fields `page` and `page_size` ask for, and its answer {count, next, previous,
 * results}; 404 behind the last page. */
espy_page espy_see_page(const espy_call *call);
espy_err espy_see_reply_page(espy_call *call, espy_see_shape *shape, const void *items, size_t size,
                             size_t n, int64_t total) ESPY_NODISCARD;

/* {"status": status, ...} begun. */
espy_made espy_see_status(espy_call *call, const char *status);
espy_err espy_see_end(espy_call *call, int status, espy_made *m) ESPY_NODISCARD;

/* -- names ------------------------------------------------------------------------------------- */
/* A student's name from its two parts; the caller's.  The last name may be empty. */
char *espy_see_name(espy_ctx *cx, const char *first, const char *last);
/* Makes a student.  number NULL or "": one is made from the name.
 * Errors: EXISTS (name or number; *field tells which: "non_field_errors", "student_id"). */
espy_err espy_see_student_make(espy_call *call, const espy_collection *c, const char *first,
                               const char *last, const char *number, const char *email, int64_t *id,
                               const char **field) ESPY_NODISCARD;

/* -- vectors ----------------------------------------------------------------------------------- */
/* The encoder that the field (ESPY_SEE_MODEL) means for a class; *model: "facenet", "arcface", or
 * the pack's name.  400 that says which pack to get. */
espy_err espy_see_encoder(espy_call *call, const espy_collection *c, const char *field,
                          const espy_encoder **encoder, const char **model) ESPY_NODISCARD;
/* Makes *c tell that encoder instead of its own: what groups and assigns looks through it. */
espy_err espy_see_through(espy_call *call, const espy_encoder *encoder,
                          espy_collection *c) ESPY_NODISCARD;
/* As AttendanSee names a model by the number of its values. */
const char *espy_see_model(size_t dim, const char *pack);

/* Embeds samples, each photo read once.  said[i]: "success", "skipped" (it has a vector, and
 * `again` is not set), or NULL: its photo cannot be read any more (why is logged). */
espy_err espy_see_embed(espy_call *call, const espy_encoder *encoder,
                        const espy_sample_info *samples, size_t n, bool again,
                        const char **said) ESPY_NODISCARD;

#endif
