/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface (S0, S1): what its handlers share.
 *
 * Students are labels of the workspace's face collection: student_id is the code, the account (if
 * any) the label's.  Instructors and administrators are accounts; what the tables do not have
 * (department, section, year ...) stands in the JSON details of accounts, labels and sessions. */
#ifndef ESPY_HTTP_SMART_H
#define ESPY_HTTP_SMART_H

#include "flow/identify.h"
#include "http/make.h"
#include "http/serving.h"
#include "store/label.h"
#include "store/session.h"
#include "store/user.h"

/* -- where it happens -------------------------------------------------------------------------- */
/* The one that espy.conf names; else the one that answered before; else the only face collection
 * that a trainer left; else the only one at all; else the usual one, made where there is none.  It
 * is always nobody's: never one that an account owns.  Refused: 503 (no pack is installed;
 * espy.conf names an account's own; says what to do), 404 (a key for another collection). */
espy_err espy_smart_collection(espy_call *call, espy_collection *out) ESPY_NODISCARD;
espy_err espy_smart_collection_id(espy_call *call, int64_t *id) ESPY_NODISCARD;

/* A file that cannot be read is 400 here, whatever is wrong with it; another failure is passed on.
 *   what  "the image" */
espy_err espy_smart_unread(espy_call *call, espy_err e, const char *what) ESPY_NODISCARD;

/* -- settings ---------------------------------------------------------------------------------- */
#define ESPY_SMART_THRESHOLD "face_recognition_threshold"
#define ESPY_SMART_TIMEOUT "session_timeout_minutes"
#define ESPY_SMART_REGISTRATION "allow_registration"
#define ESPY_SMART_TIMEOUT_USUAL 120.0

/* A number that an administrator set, else `usual`. */
espy_err espy_smart_setting(espy_call *call, const char *name, double usual,
                            double *out) ESPY_NODISCARD;
espy_err espy_smart_setting_put(espy_call *call, const char *name, double value) ESPY_NODISCARD;

/* Least probability to be recognised: what the session's instructor wants (owner; 0: nobody), else
 * what an administrator set, else RECOGNITION_THRESHOLD and espy.conf; -1: the version's own. */
espy_err espy_smart_threshold(espy_call *call, int64_t owner, double *out) ESPY_NODISCARD;
/* The same, with the version's own in place of -1; 0.60 where nothing has been learned. */
espy_err espy_smart_threshold_now(espy_call *call, int64_t owner, double *out) ESPY_NODISCARD;

/* -- details: a JSON object in a row ----------------------------------------------------------- */
espy_err espy_smart_detail(espy_ctx *cx, const char *text, espy_json **out) ESPY_NODISCARD;
/* `old` (NULL: none) with those of these fields that were sent; out is the caller's. */
espy_err espy_smart_detail_sent(espy_call *call, const char *old, const char *const *fields,
                                espy_buf *out) ESPY_NODISCARD;
/* Sets these members of a detail, null where it has none. */
void espy_smart_put_detail(espy_made *m, const char *text, const char *const *fields);

/* -- students ---------------------------------------------------------------------------------- */
extern const char *const espy_smart_student_fields[]; /* department, year, section */

/* The student's label by id.  NOT_FOUND. */
espy_err espy_smart_student(espy_call *call, int64_t id, espy_label_info *out) ESPY_NODISCARD;
/* The one whose account is the caller's.  NOT_FOUND. */
espy_err espy_smart_student_own(espy_call *call, espy_label_info *out) ESPY_NODISCARD;
/* "STU001" of an account, or "" ; out has room for ESPY_SMART_CODE. */
#define ESPY_SMART_CODE 1032
espy_err espy_smart_code_of(espy_call *call, int64_t user,
                            char out[ESPY_SMART_CODE]) ESPY_NODISCARD;
espy_err espy_smart_student_json(espy_ctx *cx, const void *label_info,
                                 espy_json **out) ESPY_NODISCARD;

/* Makes a label for student_id, name, email and details of the request, of the account (0: none).
 * Refused: 409 when the id is somebody's, or, with an account of one's own making (claimed), ever
 * meant anybody. */
espy_err espy_smart_student_make(espy_call *call, int64_t account, bool claimed,
                                 int64_t *id) ESPY_NODISCARD;
/* Replies {"message", "student"}. */
espy_err espy_smart_reply_student(espy_call *call, int status, const char *message,
                                  int64_t id) ESPY_NODISCARD;
/* Replies {"students", "count"} of the search and section that were asked for. */
espy_err espy_smart_reply_students(espy_call *call) ESPY_NODISCARD;

/* -- accounts ---------------------------------------------------------------------------------- */
extern const char *const espy_smart_instructor_fields[]; /* department, course_name, ... */

/* {"id", "username", "email", "role", "name", ...} */
espy_err espy_smart_user_json(espy_call *call, const espy_user *u, espy_json **out) ESPY_NODISCARD;
/* The hash of the field `password`, "" where none was sent.  It takes a tenth of a second: never
 * within a transaction, which keeps other writers out. */
espy_err espy_smart_hash(espy_call *call, char hash[ESPY_PASSWORD_HASH]) ESPY_NODISCARD;
/* A new account of username, email, name and a password's hash; fields: those of its detail. */
espy_err espy_smart_user_make(espy_call *call, espy_role role, const char *const *fields,
                              const char *hash, int64_t *id) ESPY_NODISCARD;
/* Changes of an account by the fields that were sent; hash "": the password stays. */
espy_err espy_smart_user_change(espy_call *call, int64_t id, const char *const *fields,
                                const char *hash) ESPY_NODISCARD;

/* -- sessions ---------------------------------------------------------------------------------- */
extern const char *const espy_smart_session_fields[]; /* course, section_id, year, ... */

/* A session of the collection that the caller may see: their own, of administrators any.  One that
 * was open longer than session_timeout_minutes is closed.  NOT_FOUND. */
espy_err espy_smart_session(espy_call *call, int64_t id, espy_session *out) ESPY_NODISCARD;
bool espy_smart_session_own(const espy_call *call, const espy_session *s);
espy_err espy_smart_session_close(espy_call *call, int64_t id) ESPY_NODISCARD;
/* present: how many were there (espy_store_present). */
espy_err espy_smart_session_json(espy_call *call, const espy_session *s, int64_t present,
                                 espy_json **out) ESPY_NODISCARD;

/* -- attendance: smart_records.c --------------------------------------------------------------- */
/* Fields of a list of attendance: start_date, end_date, student_id, session_id. */
#define ESPY_SMART_RECORD_FIELDS                                                 \
    {"start_date", ESPY_IN_QUERY, ESPY_FIELD_TEXT,       10, 10, false,          \
     NULL,         NULL,          "YYYY-MM-DD, included"},                       \
        {"end_date", ESPY_IN_QUERY, ESPY_FIELD_TEXT,       10, 10, false,        \
         NULL,       NULL,          "YYYY-MM-DD, included"},                     \
        {"student_id", ESPY_IN_QUERY, ESPY_FIELD_TEXT,        1, 1024, false,    \
         NULL,         NULL,          "of this student alone"},                  \
    {                                                                            \
        "session_id", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9e15, false, NULL, NULL, \
            "of this session alone"                                              \
    }

/* Replies {KEY: [...], "count", "total"}, the last marked first, at most 1000: of the caller's own
 * sessions, for administrators of all; account: of the caller themselves as a student. */
espy_err espy_smart_reply_records(espy_call *call, const char *key, bool account) ESPY_NODISCARD;
/* The rows of one session as a list. */
espy_err espy_smart_session_rows(espy_call *call, int64_t session, espy_made *list) ESPY_NODISCARD;
espy_err espy_smart_reply_csv(espy_call *call) ESPY_NODISCARD;
espy_err espy_smart_reply_excel(espy_call *call) ESPY_NODISCARD;

/* -- recognition: smart_attendance.c ----------------------------------------------------------- */
typedef enum espy_smart_word {
    ESPY_SMART_NO_FACE,
    ESPY_SMART_UNKNOWN,
    ESPY_SMART_RECOGNIZED,
    ESPY_SMART_NO_MODEL
} espy_smart_word;
typedef struct espy_smart_seen {
    espy_smart_word word;
    char code[ESPY_SMART_CODE]; /* RECOGNIZED: student_id */
    double probability;         /* of the best candidate */
    float box[4];               /* of the largest face */
} espy_smart_seen;
/* Who the largest face of the field `image` is.  owner: whose threshold counts. */
espy_err espy_smart_look(espy_call *call, int64_t owner, espy_smart_seen *out) ESPY_NODISCARD;
void espy_smart_put_box(espy_made *m, const char *key, const float box[4]);
/* Replies with status 200 for everything but RECOGNIZED. */
espy_err espy_smart_reply_word(espy_call *call, const espy_smart_seen *seen) ESPY_NODISCARD;

#define ESPY_SMART_IMAGE                                                     \
    {                                                                        \
        "image", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL,      \
            "a picture: as a file, or its bytes in base64, as data: URL too" \
    }

/* Replies {"message": text}. */
espy_err espy_smart_reply_message(espy_call *call, int status, const char *text) ESPY_NODISCARD;

#endif
