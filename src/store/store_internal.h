/* SPDX-License-Identifier: Apache-2.0
 * store - what its files share: the database driver, the store itself and the steps between files.
 *
 * The store is written once, in SQL that SQLite and PostgreSQL both understand; a driver
 * (store_sqlite.c, store_postgres.c) knows how to open, migrate, run a statement and make a
 * transaction.  Parameters are written $1, $2 ... and first appear in that order.
 *
 * Invariants, which tests quote:
 *   S1  a media row is committed only after its file is complete and synced;
 *   S2  a version row never changes, and its bytes match its digest;
 *   S3  what is under collections/ can be deleted at any time: it is made again from the store;
 *   S4  "live" names an existing version, before and after any crash;
 *   S5  an event is never changed or deleted. */
#ifndef ESPY_STORE_INTERNAL_H
#define ESPY_STORE_INTERNAL_H

#include "store/store.h"

#define DB_SCHEMA 5 /* the newest, in every database */

/* -- the driver -------------------------------------------------------------------------------- */
typedef enum espy_db_kind {
    ESPY_DB_NULL,
    ESPY_DB_INT,
    ESPY_DB_REAL,
    ESPY_DB_TEXT,
    ESPY_DB_BLOB
} espy_db_kind;

/* One argument of a statement; text and blob are borrowed until the rows are done. */
typedef struct espy_db_value {
    espy_db_kind kind;
    int64_t i;
    double r;
    const void *p;
    size_t n;
} espy_db_value;

typedef struct espy_db_ops espy_db_ops;
typedef struct espy_db_rows espy_db_rows; /* a running statement */

/* Every driver's connection starts with this. */
typedef struct espy_db {
    const espy_db_ops *ops;
    int depth; /* open transactions, the outermost included */
} espy_db;

/* Receives one line of what an integrity check found. */
typedef espy_err espy_db_report(espy_ctx *cx, void *self, const char *line);

struct espy_db_ops {
    const char *name;
    bool server; /* others reach it from other machines: rows can be locked, media kept in it */
    /* Opens or creates the database of a workspace folder, or at an address, and brings it to the
     * newest schema. */
    espy_err (*open)(espy_ctx *cx, const char *where, espy_db **out);
    const char *(*shown)(const espy_db *db); /* where it is, for people: without a password */
    void (*close)(espy_ctx *cx, espy_db *db);
    /* Inner transactions are savepoints.  write: the outermost takes the write lock at once, so
     * that two writers wait for each other instead of failing half-way.  A failed commit leaves the
     * transaction open, to be rolled back. */
    espy_err (*begin)(espy_ctx *cx, espy_db *db, bool write);
    espy_err (*commit)(espy_ctx *cx, espy_db *db);
    void (*rollback)(espy_db *db);
    /* Runs a statement without arguments or rows, which is not kept. */
    espy_err (*run)(espy_ctx *cx, espy_db *db, const char *sql);
    /* Starts a statement.  sql: a string literal, by whose address the prepared form is kept. */
    espy_err (*query)(espy_ctx *cx, espy_db *db, const char *sql, const espy_db_value *args,
                      size_t n, espy_db_rows **out);
    /* The next row, *more false at the end; its columns are valid until the next call. */
    espy_err (*next)(espy_ctx *cx, espy_db_rows *rows, bool *more);
    bool (*is_null)(espy_db_rows *rows, int column);
    int64_t (*integer)(espy_db_rows *rows, int column);
    double (*real)(espy_db_rows *rows, int column);
    espy_err (*bytes)(espy_ctx *cx, espy_db_rows *rows, int column,
                      espy_span *out); /* text or blob */
    void (*done)(espy_db_rows *rows);  /* NULL is fine */
    /* Tells other connections, once the transaction is committed, that another version answers. */
    espy_err (*announce)(espy_ctx *cx, espy_db *db, int64_t collection);
    /* Waits at most so long until another connection did; true also when it cannot be told. */
    espy_err (*changed)(espy_ctx *cx, espy_db *db, double seconds, bool *changed);
    /* The highest id that a table ever gave out; telling it to an empty one, so that none comes
     * twice. */
    espy_err (*last_id)(espy_ctx *cx, espy_db *db, const char *table, int64_t *id);
    espy_err (*set_last_id)(espy_ctx *cx, espy_db *db, const char *table, int64_t id);
    /* Makes sure that what was deleted and committed is in no file of the database any more, copies
     * from before migrations included.  dir: the workspace folder. */
    espy_err (*scrub)(espy_ctx *cx, espy_db *db, const char *dir);
    espy_err (*check)(espy_ctx *cx, espy_db *db, espy_db_report *report, void *self);
};

extern const espy_db_ops espy_db_sqlite, espy_db_postgres;

/* -- the store --------------------------------------------------------------------------------- */
/* A version added in a transaction that is still open: its cache is written after the commit. */
typedef struct espy_store_pending {
    int64_t collection, number;
    int depth; /* of the transaction that it belongs to */
} espy_store_pending;

/* A media file that waits as "<digest>.part" for the outermost commit. */
typedef struct espy_store_part {
    char digest[ESPY_DIGEST_HEX];
} espy_store_part;

typedef struct espy_near_index espy_near_index;

struct espy_store {
    espy_db *db;
    char *dir;
    char *media;           /* the folder of the media files; NULL: the database holds them */
    espy_near_index *near; /* of the encoders that were asked for (store_near.c) */
    char *near_schema;     /* where pgvector is, "" nowhere, NULL: not looked for yet */
    int near_version;      /* of pgvector: major x 100 + minor */
    int64_t event; /* the last that was written; 0 once a change began that wrote none yet */
    espy_store_pending *pending;
    size_t pending_n, pending_room;
    espy_store_part *parts;
    size_t parts_n, parts_room;
};

#define DB_NONE ((espy_db_value){.kind = ESPY_DB_NULL})
#define DB_INT(v) ((espy_db_value){.kind = ESPY_DB_INT, .i = (v)})
#define DB_ID(v) ((v) != 0 ? DB_INT(v) : DB_NONE) /* 0 is "none" */
#define DB_REAL(v) ((espy_db_value){.kind = ESPY_DB_REAL, .r = (v)})
#define DB_BLOB(ptr, size) ((espy_db_value){.kind = ESPY_DB_BLOB, .p = (ptr), .n = (size)})
#define DB_TEXT(s) espy_db_text_value(s)
#define DB_ARGS(...)                        \
    ((const espy_db_value[]){__VA_ARGS__}), \
        (sizeof((const espy_db_value[]){__VA_ARGS__}) / sizeof(espy_db_value))

espy_db_value espy_db_text_value(const char *s); /* NULL gives NULL */

/* Whether the event e was undone, and whether it can be: what people did, and what grouping and
 * assignment did; once each. */
#define STORE_UNDONE                                                   \
    "EXISTS (SELECT 1 FROM events u WHERE u.collection = e.collection" \
    " AND u.id > e.id AND u.action = 'undo'"                           \
    " AND u.detail = '{\"event\":' || e.id || '}')"
#define STORE_UNDOABLE                                                                            \
    "(e.action IN ('group', 'assign') OR (e.actor = 'user' AND e.action IN"                       \
    "  ('label.rename', 'label.merge', 'label.split', 'label.delete', 'label.reject',"            \
    "  'sample.label', 'sample.delete', 'media.delete', 'session.delete', 'collection.delete')))" \
    " AND (e.action <> 'collection.delete' OR EXISTS (SELECT 1 FROM collections c"                \
    "  WHERE c.id = e.collection AND c.deleted IS NOT NULL))" /* it was not restored */           \
    " AND (e.label IS NULL OR EXISTS (SELECT 1 FROM labels l WHERE l.id = e.label))"              \
    " AND e.detail IS NOT NULL AND NOT " STORE_UNDONE

/* Runs a statement whose rows nobody wants. */
espy_err espy_db_exec(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t n) ESPY_NODISCARD;
/* The first column of the first row as an integer; *found false when there is no row. */
espy_err espy_db_find(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t n, bool *found, int64_t *value) ESPY_NODISCARD;
/* The same when there must be a row (INSERT ... RETURNING, count). */
espy_err espy_db_number(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                        size_t n, int64_t *value) ESPY_NODISCARD;
/* A column as new text, or NULL when it is NULL; copied into a digest's buffer. */
espy_err espy_db_text(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column,
                      char **out) ESPY_NODISCARD;
espy_err espy_db_digest(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column,
                        char out[ESPY_DIGEST_HEX]) ESPY_NODISCARD;

/* How the rows of a query become the elements of an array. */
typedef struct espy_db_items {
    size_t size; /* of one, zeroed before it is read */
    espy_err (*read)(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item);
    void (*drop)(espy_ctx *cx, void *item); /* also of one half read; NULL: nothing to free */
} espy_db_items;
/* All rows of a query.  out: where a pointer to the array is set, NULL when there are none; the
 * caller's, espy_free().  On failure nothing is set. */
espy_err espy_db_list(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t args_n, const espy_db_items *items, void *out,
                      size_t *n) ESPY_NODISCARD;

/* The first row of a query as one element; *found false: there is none, and nothing is set. */
espy_err espy_db_one(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                     size_t args_n, const espy_db_items *items, void *out,
                     bool *found) ESPY_NODISCARD;
/* One column of ids from a query; espy_free(). */
espy_err espy_db_ids(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                     size_t args_n, int64_t **out, size_t *n) ESPY_NODISCARD;
/* Elements of a growing list freed: each, then the array. */
void espy_db_items_free(espy_ctx *cx, const espy_db_items *items, void *list, size_t n);

int64_t espy_page_limit(const espy_page *page); /* as a database takes it */
int64_t espy_page_offset(const espy_page *page);

/* Makes room for element n of a growing array (doubling). */
espy_err espy_store_grow(espy_ctx *cx, void **at, size_t n, size_t *room,
                         size_t size) ESPY_NODISCARD;

/* Names and codes from outside: 1..1024 bytes of UTF-8 without control characters. */
espy_err espy_store_check_name(espy_ctx *cx, const char *what, const char *s) ESPY_NODISCARD;

/* Texts from outside: at most `max` bytes of UTF-8. */
espy_err espy_store_check_text(espy_ctx *cx, const char *what, const char *s,
                               size_t max) ESPY_NODISCARD;
/* A JSON object of at most ESPY_DETAIL_MAX bytes. */
espy_err espy_store_check_detail(espy_ctx *cx, const char *what, const char *s) ESPY_NODISCARD;
#define STORE_NOTE_MAX ((size_t)64 << 10) /* of notes and descriptions */
/* YYYY-MM-DD, a day that there is. */
espy_err espy_store_check_date(espy_ctx *cx, const char *s) ESPY_NODISCARD;
/* A search text as a pattern for LIKE ... ESCAPE '!' on lower(): ASCII case ignored, "%" when there
 * is none; the caller owns it. */
espy_err espy_store_pattern(espy_ctx *cx, const char *search, char **out) ESPY_NODISCARD;
/* NOT_FOUND when there is no such user; 0 is fine. */
espy_err espy_store_check_user(espy_ctx *cx, espy_store *st, int64_t user) ESPY_NODISCARD;
/* NOT_FOUND when there is no such collection, or it was deleted. */
espy_err espy_store_check_collection(espy_ctx *cx, espy_store *st,
                                     int64_t collection) ESPY_NODISCARD;

/* Appends an event.  Ids of 0 are none.  Takes over `detail` (an object or NULL), also on failure.
 */
espy_err espy_store_event_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *actor,
                              const char *action, int64_t label, int64_t sample, int64_t version,
                              espy_json *detail) ESPY_NODISCARD;

/* A row of LABEL_FIELDS, whose table is called l. */
#define LABEL_FIELDS                                                                       \
    "l.id, l.code, l.name, (SELECT count(*) FROM samples s JOIN media m ON m.id = s.media" \
    " WHERE s.label = l.id AND m.deleted IS NULL), l.origin, l.deleted, l.named,"          \
    " CASE WHEN EXISTS (SELECT 1 FROM version_samples v WHERE v.label = l.id) THEN 1 ELSE 0 END"
#define LABEL_FIELD_COUNT 8
espy_err espy_label_read(espy_ctx *cx, espy_store *st, espy_db_rows *rows,
                         espy_label *out) ESPY_NODISCARD;

/* -- labels and samples ------------------------------------------------------------------------ */
/* What a sample says of itself. */
typedef struct espy_sample_state {
    int64_t collection, label, media;
    char actor[8];     /* "" when nobody has labelled it */
    bool grouped;      /* its label is a group that nobody has named */
    double confidence; /* NaN: none */
} espy_sample_state;
espy_err espy_sample_state_read(espy_ctx *cx, espy_store *st, int64_t sample,
                                espy_sample_state *out) ESPY_NODISCARD;
/* A column "labelled_by"; FORMAT when it is longer than any actor's name. */
espy_err espy_db_actor(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column,
                       char out[8]) ESPY_NODISCARD;

/* A column "origin" of labels: whether it says that grouping made it. */
espy_err espy_db_grouped(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column,
                         bool *out) ESPY_NODISCARD;
/* A column "points" of samples; *there false: NULL.  FORMAT when it is damaged. */
espy_err espy_db_points(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, bool *there,
                        float out[10]) ESPY_NODISCARD;
/* An embedding, as vector `at` of n: its dimension must be that of the others; the first one makes
 * room for all. */
espy_err espy_db_vector(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, size_t n,
                        size_t *dim, float **x, size_t at) ESPY_NODISCARD;

/* -- store_change.c: changes that can be undone ------------------------------------------------ */
/* A transaction that becomes one event, whose detail lists what was there before. */
typedef struct espy_change {
    int64_t collection;
    const char *actor, *action;
    espy_json *detail; /* NULL: not begun, or ended */
} espy_change;

espy_err espy_change_begin(espy_ctx *cx, espy_store *st, int64_t collection, const char *actor,
                           const char *action, espy_change *ch) ESPY_NODISCARD;
/* Writes the event, about this label or sample, unless nothing was changed, and commits. */
espy_err espy_change_end(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t label,
                         int64_t sample) ESPY_NODISCARD;
void espy_change_drop(espy_ctx *cx, espy_store *st, espy_change *ch); /* ended: does nothing */

/* label 0: none.  by: "folder", "user", "job", or "" for nobody.  confidence: NaN for none.
 * Errors: NOT_FOUND (sample, or of another collection), EXISTS (only a person changes it). */
espy_err espy_change_sample(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t sample,
                            int64_t label, const char *by, double confidence) ESPY_NODISCARD;
/* EXISTS when another label than `but` has the code; ARG when it cannot be one. */
espy_err espy_change_code_free(espy_ctx *cx, espy_store *st, const espy_change *ch,
                               const char *code, int64_t but) ESPY_NODISCARD;
espy_err espy_change_label(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_label *old,
                           const espy_label *to) ESPY_NODISCARD;
espy_err espy_change_label_new(espy_ctx *cx, espy_store *st, espy_change *ch, const char *code,
                               const char *name, bool grouped, int64_t *id) ESPY_NODISCARD;
/* From now on a code means this label, and so do the codes that the label of that code had. */
espy_err espy_change_code(espy_ctx *cx, espy_store *st, const espy_change *ch, const char *code,
                          int64_t label) ESPY_NODISCARD;
/* Deletes the label when it is a group that has lost its last sample. */
espy_err espy_change_tidy(espy_ctx *cx, espy_store *st, espy_change *ch,
                          int64_t label) ESPY_NODISCARD;
/* Notes or takes back that the sample is not of the label. */
espy_err espy_change_refusal(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t sample,
                             int64_t label, bool refused) ESPY_NODISCARD;
espy_err espy_change_attendance(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t row,
                                int64_t from, int64_t to) ESPY_NODISCARD;

/* What can be taken away, and come back. */
typedef enum espy_gone {
    ESPY_GONE_COLLECTION,
    ESPY_GONE_SESSION,
    ESPY_GONE_MEDIA,
    ESPY_GONE_SAMPLE,
    ESPY_GONE_KINDS
} espy_gone;
/* Takes a row away that is there. */
espy_err espy_change_gone(espy_ctx *cx, espy_store *st, espy_change *ch, espy_gone kind,
                          int64_t id) ESPY_NODISCARD;
/* Brings it back; *back false: it is not gone, was removed for good, or is a media whose session is
 * gone.  EXISTS when its name is taken by now. */
espy_err espy_change_back(espy_ctx *cx, espy_store *st, espy_gone kind, int64_t id,
                          bool *back) ESPY_NODISCARD;

/* -- store_words.c: names of a label in texts -------------------------------------------------- */
typedef struct espy_words {
    int64_t *labels; /* whose: one label, and those that were merged into it */
    size_t labels_n, labels_room;
    char token[24]; /* stands for the names */
    char **names;   /* all that the label was ever called */
    size_t names_n, names_room;
    char **others; /* what other labels are called: stays whole */
    size_t others_n, others_room;
} espy_words;
void espy_words_free(espy_ctx *cx, espy_words *w);
bool espy_words_of(const espy_words *w, int64_t label); /* whether it is one of the labels */
/* Adds a name, and how a file would be called by it.  own: the label's, else another one's. */
espy_err espy_words_add(espy_ctx *cx, espy_words *w, const char *name, bool own) ESPY_NODISCARD;
/* Whether a text is one of the names; has one as a word of its own; or a string of a JSON value
 * has, with keys also a key. */
bool espy_words_is(const espy_words *w, const char *text);
bool espy_words_in(const espy_words *w, const char *text);
bool espy_words_in_json(const espy_words *w, const espy_json *v);
/* The text with the token for every name; the caller owns it. */
espy_err espy_words_text(espy_ctx *cx, const espy_words *w, const char *text,
                         char **out) ESPY_NODISCARD;
/* The same of a text that may be JSON, whose keys stay; *to NULL when no name is in it. */
espy_err espy_words_replace(espy_ctx *cx, const espy_words *w, const char *text, bool json,
                            char **to) ESPY_NODISCARD;

/* -- store_media.c: media as files or rows ----------------------------------------------------- */
/* Before the outermost commit: syncs all media files that wait and gives them their names (S1). */
espy_err espy_media_settle(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
/* After the outermost rollback: deletes them. */
void espy_media_drop(espy_ctx *cx, espy_store *st);
/* Files the bytes (a file waits for the commit); inside a transaction. */
espy_err espy_media_put(espy_ctx *cx, espy_store *st, espy_span bytes,
                        const char *digest) ESPY_NODISCARD;
espy_err espy_media_check(espy_ctx *cx, espy_store *st, const char *digest) ESPY_NODISCARD;
/* A media whose rows are gone goes too: its bytes now, its file after the commit. */
espy_err espy_media_forget(espy_ctx *cx, espy_store *st, const char *digest) ESPY_NODISCARD;
/* Deletes the files that wait for it, also those that a crash left waiting.  Errors: IO, STORE. */
espy_err espy_media_sweep(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
/* Where a media is, for people; caller owns. */
char *espy_media_shown(espy_ctx *cx, const espy_store *st, const char *digest);

/* -- store_near.c ------------------------------------------------------------------------------ */
void espy_near_free(espy_ctx *cx, espy_store *st); /* after the database is closed */

/* -- store_version.c ----------------------------------------------------------------------------
 */
/* A version from the text of its version.json and the digest that its head's bytes really have:
 * what fuzzing feeds.  Fills everything but `bytes` and `created`.  Errors: FORMAT, DIGEST, NOMEM.
 */
espy_err espy_version_parse(espy_ctx *cx, espy_span json, const char *head_digest,
                            espy_version *out) ESPY_NODISCARD;
/* Removes a version's files. */
espy_err espy_version_cache_remove(espy_ctx *cx, espy_store *st, int64_t collection,
                                   int64_t number) ESPY_NODISCARD;
/* Writes the cache of versions added since; a failure is only logged, for the store has them. */
void espy_version_flush(espy_ctx *cx, espy_store *st);

#endif
