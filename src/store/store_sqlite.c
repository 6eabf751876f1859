/* SPDX-License-Identifier: Apache-2.0
 * store - the SQLite driver: opening, schema and migrations, transactions, prepared statements.
 *
 * One file DIR/store.db in WAL mode with synchronous=FULL: a transaction that was committed is on
 * disk, one that was not is nowhere.  Schema: docs/formats/store.md. */
#include <sqlite3.h>

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_internal.h"

#define SCHEMA_FILE "store.db"
#define SCHEMA_APPLICATION 0x45535059 /* "ESPY", in the file's header */
#define STEP_NAP_MS 20                /* between two tries of what does not wait by itself */
#define STEP_WAIT_MS 10000            /* how long a writer waits for another one */

/* Schema 1.  The page of 8 KiB holds three 512-d embeddings; 4 KiB would hold one and waste half.
 */
static const char sqlite_schema_1[] =
    "CREATE TABLE collections ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " modality TEXT NOT NULL CHECK (modality IN ('face','sound')),"
    " encoder TEXT NOT NULL,"
    " encoder_digest TEXT NOT NULL,"
    " precision TEXT NOT NULL,"
    " last_version INTEGER NOT NULL DEFAULT 0,"
    " created REAL NOT NULL) STRICT;"

    "CREATE TABLE labels ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " code TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " created REAL NOT NULL,"
    " UNIQUE (collection, code)) STRICT;"

    "CREATE TABLE media ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " digest TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " source TEXT NOT NULL,"
    " created REAL NOT NULL,"
    " UNIQUE (collection, digest)) STRICT;"
    "CREATE INDEX media_digest ON media(digest);"

    "CREATE TABLE scans ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " media INTEGER NOT NULL REFERENCES media(id) ON DELETE CASCADE,"
    " mode TEXT NOT NULL,"
    " encoder_digest TEXT NOT NULL,"
    " detector_digest TEXT NOT NULL,"
    " width INTEGER NOT NULL,"
    " height INTEGER NOT NULL,"
    " error TEXT,"
    " created REAL NOT NULL,"
    " UNIQUE (media, mode, encoder_digest)) STRICT;"

    "CREATE TABLE samples ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " media INTEGER NOT NULL REFERENCES media(id) ON DELETE CASCADE,"
    " detector_digest TEXT NOT NULL,"
    " box_x REAL NOT NULL, box_y REAL NOT NULL, box_w REAL NOT NULL, box_h REAL NOT NULL,"
    " points BLOB CHECK (points IS NULL OR length(points) = 40),"
    " whole INTEGER NOT NULL CHECK (whole IN (0, 1)),"
    " score REAL NOT NULL,"
    " sharpness REAL NOT NULL,"
    " label INTEGER REFERENCES labels(id),"
    " labelled_by TEXT CHECK (labelled_by IN ('folder','user','job')),"
    " created REAL NOT NULL) STRICT;"
    "CREATE INDEX samples_media ON samples(media);"
    "CREATE INDEX samples_label ON samples(label);"

    "CREATE TABLE scan_samples ("
    " scan INTEGER NOT NULL REFERENCES scans(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " sample INTEGER NOT NULL REFERENCES samples(id) ON DELETE CASCADE,"
    " PRIMARY KEY (scan, position)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX scan_samples_sample ON scan_samples(sample);"

    "CREATE TABLE embeddings ("
    " sample INTEGER NOT NULL REFERENCES samples(id) ON DELETE CASCADE,"
    " encoder_digest TEXT NOT NULL,"
    " vector BLOB NOT NULL CHECK (length(vector) > 0 AND length(vector) % 4 = 0),"
    " PRIMARY KEY (sample, encoder_digest)) STRICT;"

    "CREATE TABLE versions ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " number INTEGER NOT NULL CHECK (number > 0),"
    " head TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " created REAL NOT NULL,"
    " json TEXT NOT NULL,"
    " bytes BLOB NOT NULL,"
    " UNIQUE (collection, number)) STRICT;"
    "CREATE TRIGGER versions_fixed BEFORE UPDATE ON versions"
    " BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;"

    /* label: as it was when the version was trained. */
    "CREATE TABLE version_samples ("
    " version INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,"
    " label INTEGER NOT NULL REFERENCES labels(id),"
    " sample INTEGER NOT NULL REFERENCES samples(id),"
    " PRIMARY KEY (version, label, sample)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX version_samples_label ON version_samples(label);"
    "CREATE INDEX version_samples_sample ON version_samples(sample);"

    "CREATE TABLE aliases ("
    " collection INTEGER NOT NULL,"
    " alias TEXT NOT NULL,"
    " number INTEGER NOT NULL,"
    " PRIMARY KEY (collection, alias),"
    " FOREIGN KEY (collection, number) REFERENCES versions(collection, number))"
    " STRICT, WITHOUT ROWID;"

    /* No foreign keys: an event outlives what it tells of. */
    "CREATE TABLE events ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time REAL NOT NULL,"
    " collection INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " label INTEGER, sample INTEGER, version INTEGER,"
    " detail TEXT) STRICT;"
    "CREATE INDEX events_collection ON events(collection, id);"
    "CREATE TRIGGER events_fixed BEFORE UPDATE ON events"
    " BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;"
    "CREATE TRIGGER events_kept BEFORE DELETE ON events"
    " BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;";

/* Schema 2: what a media was cut from, by a name that its siblings share; NULL: it has none. */
static const char sqlite_schema_2[] = "ALTER TABLE media ADD COLUMN recording TEXT;";

/* Schema 3: sessions, groups, what people refused, what was erased; what the server stands on. */
static const char sqlite_schema_3[] =
    "CREATE TABLE users ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " full_name TEXT NOT NULL DEFAULT '',"
    " email TEXT UNIQUE,"
    " password TEXT NOT NULL," /* a password hash in libsodium's text form */
    " role TEXT NOT NULL CHECK (role IN ('admin','instructor','student')),"
    " enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),"
    " created REAL NOT NULL) STRICT;"

    "CREATE TABLE keys ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " digest TEXT NOT NULL UNIQUE," /* SHA-256 of the key, which itself is nowhere */
    " created REAL NOT NULL, used REAL, expires REAL) STRICT;"
    "CREATE INDEX keys_owner ON keys(owner);"

    "CREATE TABLE sessions ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " name TEXT NOT NULL,"
    " date TEXT NOT NULL DEFAULT '',"  /* YYYY-MM-DD, or empty */
    " start_time TEXT, end_time TEXT," /* HH:MM:SS */
    " notes TEXT NOT NULL DEFAULT '',"
    " created REAL NOT NULL,"
    " UNIQUE (collection, name, date)) STRICT;"

    "ALTER TABLE collections ADD COLUMN owner INTEGER REFERENCES users(id) ON DELETE SET NULL;"
    "ALTER TABLE collections ADD COLUMN description TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE collections ADD COLUMN active INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE media ADD COLUMN session INTEGER REFERENCES sessions(id) ON DELETE SET NULL;"
    "ALTER TABLE media ADD COLUMN probe INTEGER NOT NULL DEFAULT 0;" /* 1: only asked about */
    "CREATE INDEX media_session ON media(session);"
    "ALTER TABLE samples ADD COLUMN confidence REAL;" /* of the job that labelled it */
    "ALTER TABLE labels ADD COLUMN origin TEXT NOT NULL DEFAULT 'user'"
    " CHECK (origin IN ('user','cluster'));" /* 'cluster': made by grouping, named by nobody */
    "ALTER TABLE labels ADD COLUMN email TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE labels ADD COLUMN deleted REAL;"                     /* when; NULL: it is there */
    "ALTER TABLE labels ADD COLUMN named INTEGER NOT NULL DEFAULT 0;" /* 1: a person named it */

    /* Codes that labels had before they were renamed or merged: folders still say them. */
    "CREATE TABLE label_codes ("
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " code TEXT NOT NULL,"
    " label INTEGER NOT NULL REFERENCES labels(id) ON DELETE CASCADE,"
    " PRIMARY KEY (collection, code)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX label_codes_label ON label_codes(label);"

    "CREATE TABLE rejections ("
    " sample INTEGER NOT NULL REFERENCES samples(id) ON DELETE CASCADE,"
    " label INTEGER NOT NULL REFERENCES labels(id) ON DELETE CASCADE,"
    " created REAL NOT NULL,"
    " PRIMARY KEY (sample, label)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX rejections_label ON rejections(label);"

    "CREATE TABLE attendance ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,"
    " label INTEGER NOT NULL REFERENCES labels(id) ON DELETE CASCADE,"
    " day TEXT NOT NULL," /* YYYY-MM-DD */
    " present INTEGER NOT NULL CHECK (present IN (0, 1)),"
    " source TEXT NOT NULL CHECK (source IN ('sample','manual')),"
    " sample INTEGER REFERENCES samples(id) ON DELETE SET NULL,"
    " marked_by INTEGER REFERENCES users(id) ON DELETE SET NULL,"
    " confidence REAL,"
    " note TEXT NOT NULL DEFAULT '',"
    " time REAL NOT NULL,"
    " UNIQUE (session, label, day)) STRICT;"
    "CREATE INDEX attendance_label ON attendance(label);"
    "CREATE INDEX attendance_sample ON attendance(sample);"

    "CREATE TABLE jobs ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER REFERENCES collections(id),"
    " kind TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('queued','running','done','failed','cancelled')),"
    " request TEXT NOT NULL," /* JSON */
    " result TEXT, error TEXT,"
    " log TEXT NOT NULL DEFAULT '',"
    " progress REAL NOT NULL DEFAULT 0,"
    " stop INTEGER NOT NULL DEFAULT 0," /* 1: somebody wants it cancelled */
    " worker TEXT, lease REAL,"         /* who runs it, and until when he is trusted to be alive */
    " attempt INTEGER NOT NULL DEFAULT 0,"
    " created REAL NOT NULL, started REAL, finished REAL) STRICT;"
    "CREATE INDEX jobs_state ON jobs(state, id);"

    /* What is erased.  done NULL: under way, the one time when an event may lose its names. */
    "CREATE TABLE erasures ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " token TEXT NOT NULL UNIQUE,"
    " receipt TEXT,"
    " created REAL NOT NULL, done REAL) STRICT;"
    "DROP TRIGGER events_fixed;"
    "CREATE TRIGGER events_fixed BEFORE UPDATE ON events"
    " WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE done IS NULL)"
    " BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;"

    /* Media files whose row is gone, to be deleted after the commit, also after a crash. */
    "CREATE TABLE unlinks (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"

    /* AttendanSee's tables and columns, for those who know them. */
    "CREATE VIEW attendansee_users AS SELECT id, name AS username, email, password,"
    " role = 'admin' AS is_staff FROM users;"
    "CREATE VIEW attendansee_classes AS SELECT c.id, c.owner, c.name, c.description,"
    " c.active AS is_active, datetime(c.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(time) FROM events e WHERE e.collection = c.id), c.created),"
    "  'unixepoch') AS updated_at FROM collections c;"
    "CREATE VIEW attendansee_students AS SELECT id, collection AS class_enrolled,"
    " substr(name, 1, instr(name || ' ', ' ') - 1) AS first_name,"
    " substr(name, instr(name || ' ', ' ') + 1) AS last_name, code AS student_id, email,"
    " datetime(created, 'unixepoch') AS created_at FROM labels WHERE deleted IS NULL;"
    "CREATE VIEW attendansee_images AS SELECT m.id, m.session,"
    " 'media/' || substr(m.digest, 1, 2) || '/' || m.digest AS original_image_path,"
    " NULL AS processed_image_path, datetime(m.created, 'unixepoch') AS upload_date,"
    " EXISTS (SELECT 1 FROM scans c WHERE c.media = m.id) AS is_processed,"
    " datetime((SELECT max(c.created) FROM scans c WHERE c.media = m.id), 'unixepoch')"
    "  AS processing_date, datetime(m.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(c.created) FROM scans c WHERE c.media = m.id), m.created),"
    "  'unixepoch') AS updated_at FROM media m;"
    "CREATE VIEW attendansee_sessions AS SELECT s.id, s.collection AS class_session, s.name,"
    " NULLIF(s.date, '') AS date, s.start_time, s.end_time, s.notes,"
    " EXISTS (SELECT 1 FROM attendansee_images i WHERE i.session = s.id)"
    "  AND NOT EXISTS (SELECT 1 FROM attendansee_images i WHERE i.session = s.id"
    "   AND NOT i.is_processed) AS is_processed,"
    " datetime(s.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(m.created) FROM media m WHERE m.session = s.id), s.created),"
    "  'unixepoch') AS updated_at FROM sessions s;"
    "CREATE VIEW attendansee_face_crops AS SELECT s.id, s.media AS image, s.label AS student,"
    " 'media/' || substr(m.digest, 1, 2) || '/' || m.digest || '#xywh=' || CAST(s.box_x AS "
    "INTEGER) || ','"
    "  || CAST(s.box_y AS INTEGER) || ',' || CAST(s.box_w AS INTEGER) || ','"
    "  || CAST(s.box_h AS INTEGER) AS crop_image_path,"
    " CAST(s.box_x AS INTEGER) || ',' || CAST(s.box_y AS INTEGER) || ','"
    "  || CAST(s.box_w AS INTEGER) || ',' || CAST(s.box_h AS INTEGER) AS coordinates,"
    " COALESCE(s.confidence, s.score) AS confidence_score,"
    " s.label IS NOT NULL AS is_identified, e.vector AS embedding,"
    " CASE length(e.vector) WHEN 512 THEN 'facenet' WHEN 2048 THEN 'arcface'"
    "  ELSE CASE WHEN e.vector IS NOT NULL THEN c.encoder END END AS embedding_model,"
    " datetime(s.created, 'unixepoch') AS created_at,"
    " datetime(s.created, 'unixepoch') AS updated_at"
    " FROM samples s JOIN media m ON m.id = s.media JOIN collections c ON c.id = m.collection"
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.encoder_digest = c.encoder_digest;"
    "CREATE VIEW attendansee_manual_attendance AS SELECT id, label AS student, session,"
    " present AS is_present, marked_by, datetime(time, 'unixepoch') AS marked_at, note,"
    " datetime(time, 'unixepoch') AS created_at FROM attendance WHERE source = 'manual';";

#define SQLITE_FACE_CROPS_4                                                                    \
    "CREATE VIEW attendansee_face_crops AS SELECT s.id, s.media AS image, s.label AS student," \
    " 'media/' || substr(m.digest, 1, 2) || '/' || m.digest || '#xywh=' || CAST(s.box_x AS "   \
    "INTEGER) || ','"                                                                          \
    "  || CAST(s.box_y AS INTEGER) || ',' || CAST(s.box_w AS INTEGER) || ','"                  \
    "  || CAST(s.box_h AS INTEGER) AS crop_image_path,"                                        \
    " CAST(s.box_x AS INTEGER) || ',' || CAST(s.box_y AS INTEGER) || ','"                      \
    "  || CAST(s.box_w AS INTEGER) || ',' || CAST(s.box_h AS INTEGER) AS coordinates,"         \
    " COALESCE(s.confidence, s.score) AS confidence_score,"                                    \
    " s.label IS NOT NULL AS is_identified, e.vector AS embedding,"                            \
    " CASE length(e.vector) WHEN 512 THEN 'facenet' WHEN 2048 THEN 'arcface'"                  \
    "  ELSE CASE WHEN e.vector IS NOT NULL THEN c.encoder END END AS embedding_model,"         \
    " datetime(s.created, 'unixepoch') AS created_at,"                                         \
    " datetime(s.created, 'unixepoch') AS updated_at"                                          \
    " FROM samples s JOIN media m ON m.id = s.media JOIN collections c ON c.id = m.collection" \
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.encoder_digest = c.encoder_digest"       \
    " WHERE m.deleted IS NULL AND c.deleted IS NULL"

/* Schema 4: what the server stands on.  Of sessions and collections only those that are there have
 * a name to themselves, which takes new tables: their rows and ids stay. */
static const char sqlite_schema_4[] =
    "DROP VIEW attendansee_manual_attendance;"
    "DROP VIEW attendansee_face_crops;"
    "DROP VIEW attendansee_sessions;"
    "DROP VIEW attendansee_images;"
    "DROP VIEW attendansee_students;"
    "DROP VIEW attendansee_classes;"
    "DROP VIEW attendansee_users;"

    "CREATE TABLE collections_4 ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL,"
    " modality TEXT NOT NULL CHECK (modality IN ('face','sound')),"
    " encoder TEXT NOT NULL,"
    " encoder_digest TEXT NOT NULL,"
    " precision TEXT NOT NULL,"
    " last_version INTEGER NOT NULL DEFAULT 0,"
    " created REAL NOT NULL,"
    " owner INTEGER REFERENCES users(id) ON DELETE SET NULL,"
    " description TEXT NOT NULL DEFAULT '',"
    " active INTEGER NOT NULL DEFAULT 1,"
    " deleted REAL) STRICT;" /* when; NULL: it is there */
    "INSERT INTO collections_4 SELECT id, name, modality, encoder, encoder_digest, precision,"
    " last_version, created, owner, description, active, NULL FROM collections;"
    "DELETE FROM sqlite_sequence WHERE name = 'collections_4';"
    "INSERT INTO sqlite_sequence (name, seq)"
    " SELECT 'collections_4', seq FROM sqlite_sequence WHERE name = 'collections';"
    "DROP TABLE collections;"
    "ALTER TABLE collections_4 RENAME TO collections;"
    "CREATE UNIQUE INDEX collections_name ON collections(name) WHERE deleted IS NULL;"
    "CREATE INDEX collections_owner ON collections(owner);"

    "CREATE TABLE sessions_4 ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections(id),"
    " name TEXT NOT NULL,"
    " date TEXT NOT NULL DEFAULT '',"
    " start_time TEXT, end_time TEXT,"
    " notes TEXT NOT NULL DEFAULT '',"
    " created REAL NOT NULL,"
    " owner INTEGER REFERENCES users(id) ON DELETE SET NULL,"
    " state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open','closed')),"
    " opened REAL, closed REAL,"
    " detail TEXT NOT NULL DEFAULT '{}',"
    " deleted REAL) STRICT;"
    "INSERT INTO sessions_4 SELECT id, collection, name, date, start_time, end_time, notes, "
    "created,"
    " NULL, 'open', created, NULL, '{}', NULL FROM sessions;"
    "DELETE FROM sqlite_sequence WHERE name = 'sessions_4';"
    "INSERT INTO sqlite_sequence (name, seq)"
    " SELECT 'sessions_4', seq FROM sqlite_sequence WHERE name = 'sessions';"
    "DROP TABLE sessions;"
    "ALTER TABLE sessions_4 RENAME TO sessions;"
    "CREATE UNIQUE INDEX sessions_name ON sessions(collection, name, date) WHERE deleted IS NULL;"
    "CREATE INDEX sessions_owner ON sessions(owner);"

    "ALTER TABLE users ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';" /* a JSON object */
    "ALTER TABLE keys ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;"  /* bits: store/user.h */
    "ALTER TABLE keys ADD COLUMN collection INTEGER REFERENCES collections(id) ON DELETE CASCADE;"
    "CREATE INDEX keys_collection ON keys(collection);"
    "ALTER TABLE labels ADD COLUMN account INTEGER REFERENCES users(id) ON DELETE SET NULL;"
    "ALTER TABLE labels ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';"
    "CREATE INDEX labels_account ON labels(account);"
    "ALTER TABLE media ADD COLUMN deleted REAL;"
    "CREATE INDEX media_collection ON media(collection, id);"
    "CREATE INDEX attendance_marked_by ON attendance(marked_by);"
    "CREATE INDEX attendance_time ON attendance(day, id);"

    "ALTER TABLE jobs ADD COLUMN not_before REAL;"
    "ALTER TABLE jobs ADD COLUMN exclusive TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN released INTEGER NOT NULL DEFAULT 0;" /* given back untried */
    "CREATE UNIQUE INDEX jobs_exclusive ON jobs(exclusive)"
    " WHERE exclusive <> '' AND state = 'running';"
    "CREATE INDEX jobs_collection ON jobs(collection, id);"

    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    /* Requests that are done once.  status NULL: somebody does it now. */
    "CREATE TABLE idempotency ("
    " owner INTEGER NOT NULL," /* a user, or 0 */
    " key TEXT NOT NULL,"
    " route TEXT NOT NULL,"
    " request TEXT NOT NULL," /* SHA-256 */
    " status INTEGER,"
    " body TEXT,"
    " created REAL NOT NULL,"
    " PRIMARY KEY (owner, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_created ON idempotency(created);"

    "CREATE TABLE webhooks ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " collection INTEGER REFERENCES collections(id) ON DELETE CASCADE,"
    " url TEXT NOT NULL,"
    " events TEXT NOT NULL,"
    " secret TEXT NOT NULL,"
    " enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),"
    " created REAL NOT NULL) STRICT;"
    "CREATE INDEX webhooks_owner ON webhooks(owner);"
    "CREATE INDEX webhooks_collection ON webhooks(collection);"

    /* What was taken away is in no view. */
    "CREATE VIEW attendansee_users AS SELECT id, name AS username, email, password,"
    " role = 'admin' AS is_staff FROM users;"
    "CREATE VIEW attendansee_classes AS SELECT c.id, c.owner, c.name, c.description,"
    " c.active AS is_active, datetime(c.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(time) FROM events e WHERE e.collection = c.id), c.created),"
    "  'unixepoch') AS updated_at FROM collections c WHERE c.deleted IS NULL;"
    "CREATE VIEW attendansee_students AS SELECT id, collection AS class_enrolled,"
    " substr(name, 1, instr(name || ' ', ' ') - 1) AS first_name,"
    " substr(name, instr(name || ' ', ' ') + 1) AS last_name, code AS student_id, email,"
    " datetime(created, 'unixepoch') AS created_at FROM labels l WHERE deleted IS NULL"
    " AND EXISTS (SELECT 1 FROM collections c WHERE c.id = l.collection AND c.deleted IS NULL);"
    "CREATE VIEW attendansee_images AS SELECT m.id, m.session,"
    " 'media/' || substr(m.digest, 1, 2) || '/' || m.digest AS original_image_path,"
    " NULL AS processed_image_path, datetime(m.created, 'unixepoch') AS upload_date,"
    " EXISTS (SELECT 1 FROM scans c WHERE c.media = m.id) AS is_processed,"
    " datetime((SELECT max(c.created) FROM scans c WHERE c.media = m.id), 'unixepoch')"
    "  AS processing_date, datetime(m.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(c.created) FROM scans c WHERE c.media = m.id), m.created),"
    "  'unixepoch') AS updated_at FROM media m JOIN collections c ON c.id = m.collection"
    " WHERE m.deleted IS NULL AND c.deleted IS NULL;"
    "CREATE VIEW attendansee_sessions AS SELECT s.id, s.collection AS class_session, s.name,"
    " NULLIF(s.date, '') AS date, s.start_time, s.end_time, s.notes,"
    " EXISTS (SELECT 1 FROM attendansee_images i WHERE i.session = s.id)"
    "  AND NOT EXISTS (SELECT 1 FROM attendansee_images i WHERE i.session = s.id"
    "   AND NOT i.is_processed) AS is_processed,"
    " datetime(s.created, 'unixepoch') AS created_at,"
    " datetime(COALESCE((SELECT max(m.created) FROM media m WHERE m.session = s.id"
    "  AND m.deleted IS NULL), s.created),"
    "  'unixepoch') AS updated_at FROM sessions s JOIN collections c ON c.id = s.collection"
    " WHERE s.deleted IS NULL AND c.deleted IS NULL;" SQLITE_FACE_CROPS_4 ";"
    "CREATE VIEW attendansee_manual_attendance AS SELECT id, label AS student, session,"
    " present AS is_present, marked_by, datetime(time, 'unixepoch') AS marked_at, note,"
    " datetime(time, 'unixepoch') AS created_at FROM attendance WHERE source = 'manual'"
    " AND session IN (SELECT id FROM attendansee_sessions);";

/* Schema 5: samples that were taken away can come back, and what was undone is found at once. */
static const char sqlite_schema_5[] =
    "DROP VIEW attendansee_face_crops;"
    "ALTER TABLE samples ADD COLUMN deleted REAL;" SQLITE_FACE_CROPS_4 " AND s.deleted IS NULL;"
    "CREATE INDEX events_undo ON events(collection, detail) WHERE action = 'undo';";

/* Step i brings schema i to schema i + 1.  Released steps never change; new ones are appended. */
static const char *const sqlite_migrations[] = {sqlite_schema_1, sqlite_schema_2, sqlite_schema_3,
                                                sqlite_schema_4, sqlite_schema_5};
#define SCHEMA_NEWEST (sizeof sqlite_migrations / sizeof sqlite_migrations[0])
_Static_assert(SCHEMA_NEWEST == DB_SCHEMA, "both databases have the same schemas");

struct espy_db_rows {
    struct sqlite_db *db;
    struct espy_db_rows *next;
    const char *sql; /* its address is the key */
    sqlite3_stmt *stmt;
    bool busy;
};

/* Prepared when the store is opened, so that ending a transaction needs no memory. */
enum {
    STEP_BEGIN,
    STEP_BEGIN_READ,
    STEP_COMMIT,
    STEP_ROLLBACK,
    STEP_SAVE,
    STEP_RELEASE,
    STEP_BACK,
    STEP_COUNT
};
static const char *const sqlite_steps[STEP_COUNT] = {
    "BEGIN IMMEDIATE", "BEGIN",        "COMMIT",          "ROLLBACK",
    "SAVEPOINT espy",  "RELEASE espy", "ROLLBACK TO espy"};

typedef struct sqlite_db {
    espy_db base;
    sqlite3 *handle;
    char *path;
    espy_db_rows *cache; /* every statement that was ever run */
    sqlite3_stmt *step[STEP_COUNT];
    bool stuck;   /* a rollback failed: nothing may run before it is done */
    int64_t seen; /* the data_version when last asked; 0: never asked */
} sqlite_db;

/* Notes what SQLite said, with the file and the remedy. */
static espy_err sqlite_fail(espy_ctx *cx, const sqlite_db *db, int rc)
{
    const char *path = db->path;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return espy_fail(cx, ESPY_E_STORE,
                         "%s: another espy process is writing; try again when it has finished",
                         path);
    case SQLITE_FULL:
        return espy_fail(cx, ESPY_E_IO, "%s: the disk is full; free some space and try again",
                         path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return espy_fail(cx, ESPY_E_IO,
                         "%s: cannot be written; check the permissions of it and its folder", path);
    case SQLITE_CANTOPEN:
        return espy_fail(cx, ESPY_E_IO,
                         "%s: cannot be opened or created; check that the folder may be written",
                         path);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
        return espy_fail(cx, ESPY_E_IO,
                         "%s: reading or writing failed (%s); check the disk and its free space",
                         path, sqlite3_errmsg(db->handle));
    case SQLITE_NOTADB:
        return espy_fail(cx, ESPY_E_FORMAT,
                         "%s: is not an espy store; move it away to start a new one, or restore a "
                         "backup",
                         path);
    case SQLITE_CORRUPT:
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "%s: is damaged (%s); restore a backup of it, or move it away and train again", path,
            sqlite3_errmsg(db->handle));
    case SQLITE_TOOBIG:
        return espy_fail(cx, ESPY_E_LIMIT, "%s: a value is larger than the store can hold", path);
    case SQLITE_INTERRUPT:
        return espy_fail(cx, ESPY_E_CANCELLED, "interrupted");
    default:
        return espy_fail(cx, ESPY_E_STORE, "%s: %s; run `espy doctor`", path,
                         sqlite3_errmsg(db->handle));
    }
}

static espy_err sqlite_run(espy_ctx *cx, sqlite_db *db, const char *sql)
{
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ESPY_E_OK : sqlite_fail(cx, db, rc);
}

static espy_err sqlite_run_base(espy_ctx *cx, espy_db *base, const char *sql)
{
    return sqlite_run(cx, (sqlite_db *)base, sql);
}

/* The same for what SQLite does not wait for by itself: two processes that both want the journal of
 * a new file changed would wait for each other, so it tells both at once that the file is busy. */
static espy_err sqlite_run_patiently(espy_ctx *cx, sqlite_db *db, const char *sql)
{
    int rc = SQLITE_BUSY;
    for (int waited = 0; (rc & 0xff) == SQLITE_BUSY && waited < STEP_WAIT_MS;
         waited += STEP_NAP_MS) {
        if (waited > 0)
            sqlite3_sleep(STEP_NAP_MS);
        rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? ESPY_E_OK : sqlite_fail(cx, db, rc);
}

/* One integer by one statement that is not kept. */
static espy_err sqlite_ask(espy_ctx *cx, sqlite_db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            *out = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    if (rc == SQLITE_ROW)
        return ESPY_E_OK;
    return sqlite_fail(cx, db, rc == SQLITE_DONE ? SQLITE_ERROR : rc);
}

/* -- transactions ------------------------------------------------------------------------------ */
static int sqlite_step_run(sqlite_db *db, int which)
{
    int rc = sqlite3_step(db->step[which]);
    sqlite3_reset(db->step[which]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Ends the whole transaction; a failure (no memory) leaves the connection stuck until the next try.
 */
static int sqlite_abandon(sqlite_db *db)
{
    int rc = SQLITE_OK;
    if (!sqlite3_get_autocommit(db->handle))
        rc = sqlite_step_run(db, STEP_ROLLBACK);
    db->stuck = !sqlite3_get_autocommit(db->handle);
    return db->stuck ? rc : SQLITE_OK;
}

/* After some failures (full disk, no memory) SQLite itself ends the transaction.  What follows must
 * then fail too: run alone, it would be committed at once. */
static espy_err sqlite_alive(espy_ctx *cx, sqlite_db *db)
{
    int rc = db->stuck ? sqlite_abandon(db) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return sqlite_fail(cx, db, rc);
    if (db->base.depth > 0 && sqlite3_get_autocommit(db->handle))
        return espy_fail(cx, ESPY_E_STORE,
                         "%s: an earlier failure ended the transaction; nothing of it was stored",
                         db->path);
    return ESPY_E_OK;
}

static espy_err sqlite_begin(espy_ctx *cx, espy_db *base, bool write)
{
    sqlite_db *db = (sqlite_db *)base;
    int which = base->depth > 0 ? STEP_SAVE : write ? STEP_BEGIN : STEP_BEGIN_READ;
    ESPY_TRY(sqlite_alive(cx, db));
    int rc = sqlite_step_run(db, which);
    if (rc != SQLITE_OK)
        return sqlite_fail(cx, db, rc);
    base->depth++;
    return ESPY_E_OK;
}

static espy_err sqlite_commit(espy_ctx *cx, espy_db *base)
{
    sqlite_db *db = (sqlite_db *)base;
    if (base->depth == 0)
        return espy_fail(cx, ESPY_E_INTERNAL, "commit without begin");
    ESPY_TRY(sqlite_alive(cx, db));
    int rc = sqlite_step_run(db, base->depth == 1 ? STEP_COMMIT : STEP_RELEASE);
    if (rc != SQLITE_OK)
        return sqlite_fail(cx, db, rc);
    base->depth--;
    return ESPY_E_OK;
}

static void sqlite_rollback(espy_db *base)
{
    sqlite_db *db = (sqlite_db *)base;
    if (base->depth == 0)
        return;
    base->depth--;
    if (sqlite3_get_autocommit(db->handle))
        return;
    /* half a rollback would leave changes to be committed with the rest: then all of it goes */
    if (base->depth == 0 || db->stuck || sqlite_step_run(db, STEP_BACK) != SQLITE_OK ||
        sqlite_step_run(db, STEP_RELEASE) != SQLITE_OK)
        (void)sqlite_abandon(db);
}

/* -- statements -------------------------------------------------------------------------------- */
static espy_err sqlite_prepare(espy_ctx *cx, sqlite_db *db, const char *sql, espy_db_rows **out)
{
    for (espy_db_rows *r = db->cache; r != NULL; r = r->next) {
        if (r->sql == sql) {
            *out = r;
            return ESPY_E_OK;
        }
    }
    espy_db_rows *r = espy_zalloc(cx, sizeof *r);
    if (r == NULL)
        return ESPY_E_NOMEM;
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, NULL);
    if (rc != SQLITE_OK) {
        espy_free(cx, r);
        return sqlite_fail(cx, db, rc);
    }
    r->db = db;
    r->sql = sql;
    r->next = db->cache;
    db->cache = r;
    *out = r;
    return ESPY_E_OK;
}

static int sqlite_bind(sqlite3_stmt *stmt, int at, const espy_db_value *v)
{
    switch (v->kind) {
    case ESPY_DB_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case ESPY_DB_REAL:
        return sqlite3_bind_double(stmt, at, v->r);
    case ESPY_DB_TEXT:
        return sqlite3_bind_text64(stmt, at, v->p, v->n, SQLITE_STATIC, SQLITE_UTF8);
    case ESPY_DB_BLOB:
        return v->n == 0 ? sqlite3_bind_zeroblob(stmt, at, 0)
                         : sqlite3_bind_blob64(stmt, at, v->p, v->n, SQLITE_STATIC);
    case ESPY_DB_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static void sqlite_done(espy_db_rows *rows)
{
    if (rows == NULL)
        return;
    sqlite3_reset(rows->stmt);
    sqlite3_clear_bindings(rows->stmt);
    rows->busy = false;
}

static espy_err sqlite_query(espy_ctx *cx, espy_db *base, const char *sql,
                             const espy_db_value *args, size_t n, espy_db_rows **out)
{
    sqlite_db *db = (sqlite_db *)base;
    espy_db_rows *r = NULL;
    ESPY_TRY(sqlite_alive(cx, db));
    ESPY_TRY(sqlite_prepare(cx, db, sql, &r));
    if (r->busy || (size_t)sqlite3_bind_parameter_count(r->stmt) != n)
        return espy_fail(cx, ESPY_E_INTERNAL, "a statement is in use or lacks arguments: %.60s",
                         sql);
    r->busy = true;
    for (size_t i = 0; i < n; i++) {
        int rc = sqlite_bind(r->stmt, (int)i + 1, &args[i]);
        if (rc != SQLITE_OK) {
            sqlite_done(r);
            return sqlite_fail(cx, db, rc);
        }
    }
    *out = r;
    return ESPY_E_OK;
}

static espy_err sqlite_next(espy_ctx *cx, espy_db_rows *rows, bool *more)
{
    int rc = sqlite3_step(rows->stmt);
    *more = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return ESPY_E_OK;
    return sqlite_fail(cx, rows->db, rc);
}

static bool sqlite_is_null(espy_db_rows *rows, int column)
{
    return sqlite3_column_type(rows->stmt, column) == SQLITE_NULL;
}

static int64_t sqlite_integer(espy_db_rows *rows, int column)
{
    return sqlite3_column_int64(rows->stmt, column);
}

static double sqlite_real(espy_db_rows *rows, int column)
{
    return sqlite3_column_double(rows->stmt, column);
}

static espy_err sqlite_bytes(espy_ctx *cx, espy_db_rows *rows, int column, espy_span *out)
{
    /* The blob form of a text is its UTF-8 bytes, with no copy for a terminating zero. */
    const void *p = sqlite3_column_blob(rows->stmt, column);
    int n = sqlite3_column_bytes(rows->stmt, column);
    if (p == NULL && sqlite3_errcode(rows->db->handle) == SQLITE_NOMEM)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    *out = (espy_span){p, p == NULL ? 0 : (size_t)n};
    return ESPY_E_OK;
}

/* -- opening ----------------------------------------------------------------------------------- */
static void sqlite_close(espy_ctx *cx, espy_db *base)
{
    sqlite_db *db = (sqlite_db *)base;
    if (db == NULL)
        return;
    for (espy_db_rows *r = db->cache, *next; r != NULL; r = next) {
        next = r->next;
        sqlite3_finalize(r->stmt);
        espy_free(cx, r);
    }
    for (int i = 0; i < STEP_COUNT; i++)
        sqlite3_finalize(db->step[i]);
    sqlite3_close(db->handle); /* rolls back what is open */
    espy_free(cx, db->path);
    espy_free(cx, db);
}

/* Copies the database as it stands to PATH.v<N>.bak: complete, synced, then renamed.  It is read
 * through a second connection, because the caller's holds the write lock meanwhile. */
static espy_err sqlite_copy(espy_ctx *cx, sqlite_db *db, const char *dir, int64_t version)
{
    sqlite3 *from = NULL, *to = NULL;
    espy_err e = ESPY_E_NOMEM;
    char *copy = espy_sprintf(cx, "%s.v%lld.bak", db->path, (long long)version);
    char *part = espy_sprintf(cx, "%s.v%lld.part", db->path, (long long)version);
    if (copy == NULL || part == NULL)
        goto out;
    (void)cx->io->unlink(part); /* left by a crash */
    int rc = sqlite3_open_v2(db->path, &from, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
        rc = b == NULL ? sqlite3_errcode(to) : sqlite3_backup_step(b, -1);
        if (b != NULL) {
            int end = sqlite3_backup_finish(b);
            rc = rc == SQLITE_DONE ? end : rc;
        }
    }
    if (sqlite3_close(to) != SQLITE_OK && rc == SQLITE_OK)
        rc = SQLITE_IOERR;
    if (rc == SQLITE_OK && cx->io->rename(part, copy) != 0)
        rc = SQLITE_IOERR;
    if (rc != SQLITE_OK) {
        (void)cx->io->unlink(part);
        e = rc == SQLITE_NOMEM
                ? espy_fail(cx, ESPY_E_NOMEM, "out of memory")
                : espy_fail(cx, ESPY_E_IO,
                            "%s: the copy that is made before the store is brought to the new form "
                            "failed; check the free space of the disk",
                            copy);
        goto out;
    }
    e = espy_dir_sync(cx, dir);
    if (e == ESPY_E_OK)
        espy_log(cx, ESPY_LOG_INFO, "the store as it was is kept in %s", copy);
out:
    sqlite3_close(from);
    espy_free(cx, copy);
    espy_free(cx, part);
    return e;
}

/* Checks whose file it is.  *version: its schema, 0 when it is empty. */
static espy_err sqlite_identify(espy_ctx *cx, sqlite_db *db, int64_t newest, int64_t *version)
{
    int64_t application = 0, tables = 0;
    ESPY_TRY(sqlite_ask(cx, db, "PRAGMA application_id", &application));
    ESPY_TRY(sqlite_ask(cx, db, "PRAGMA user_version", version));
    ESPY_TRY(sqlite_ask(cx, db, "SELECT count(*) FROM sqlite_schema", &tables));
    bool fresh = application == 0 && *version == 0 && tables == 0;
    if (!fresh && application != SCHEMA_APPLICATION)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "%s: is a database of another program; choose another workspace folder",
                         db->path);
    if (*version > newest)
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "%s: was written by a newer espy (schema %lld, this one knows %lld); update "
            "espy",
            db->path, (long long)*version, (long long)newest);
    if (!fresh && *version < 1)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: is damaged (schema %lld); restore a backup of it",
                         db->path, (long long)*version);
    return ESPY_E_OK;
}

/* Brings the schema forward in one transaction; another process may do the same at the same time.
 */
static espy_err sqlite_migrate(espy_ctx *cx, sqlite_db *db, const char *dir,
                               const char *const *migrations, int64_t newest)
{
    int64_t version = 0;
    /* in one read transaction, or a schema that another process makes between two questions would
     * look like somebody else's */
    ESPY_TRY(sqlite_begin(cx, &db->base, false));
    espy_err e = sqlite_identify(cx, db, newest, &version);
    sqlite_rollback(&db->base);
    ESPY_TRY(e);
    if (version == newest)
        return ESPY_E_OK;
    ESPY_TRY(sqlite_begin(cx, &db->base, true));
    ESPY_GO(sqlite_identify(cx, db, newest, &version)); /* again: now nobody else can change it */
    if (version > 0 && version < newest)
        ESPY_GO(sqlite_copy(cx, db, dir, version));
    for (int64_t i = version; i < newest; i++)
        ESPY_GO(sqlite_run(cx, db, migrations[i]));
    char mark[96];
    sqlite3_snprintf(sizeof mark, mark, "PRAGMA application_id=%d; PRAGMA user_version=%lld",
                     SCHEMA_APPLICATION, (long long)newest);
    ESPY_GO(sqlite_run(cx, db, mark));
    ESPY_GO(sqlite_commit(cx, &db->base));
    return ESPY_E_OK;
out:
    sqlite_rollback(&db->base);
    return e;
}

/* Settings of the connection; the schema of a file from elsewhere is not trusted to run functions.
 */
static espy_err sqlite_configure(espy_ctx *cx, sqlite_db *db)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, STEP_WAIT_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    ESPY_TRY(sqlite_run(cx, db,
                        "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                        "PRAGMA secure_delete=ON;" /* what is erased is overwritten */
                        "PRAGMA page_size=8192;"));
    if (sqlite3_db_readonly(db->handle, "main") == 1)
        return sqlite_fail(cx, db, SQLITE_READONLY);
    return ESPY_E_OK;
}

static espy_err sqlite_open_schema(espy_ctx *cx, const char *dir, const char *const *migrations,
                                   size_t newest, espy_db **out)
{
    espy_err e = ESPY_E_NOMEM;
    sqlite_db *db = espy_zalloc(cx, sizeof *db);
    if (db == NULL)
        return e;
    db->base.ops = &espy_db_sqlite;
    db->path = espy_path_join(cx, dir, SCHEMA_FILE);
    if (db->path == NULL)
        goto out;
    int rc =
        sqlite3_open_v2(db->path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        e = sqlite_fail(cx, db, rc);
        goto out;
    }
    ESPY_GO(sqlite_configure(cx, db));
    int64_t version = 0; /* a stranger's file must be refused before anything of it is changed */
    ESPY_GO(sqlite_run(cx, db, "BEGIN"));
    ESPY_GO(sqlite_identify(cx, db, (int64_t)newest, &version));
    ESPY_GO(sqlite_run(cx, db, "ROLLBACK"));
    ESPY_GO(sqlite_run_patiently(cx, db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
    for (int i = 0; i < STEP_COUNT; i++) {
        rc = sqlite3_prepare_v3(db->handle, sqlite_steps[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &db->step[i], NULL);
        if (rc != SQLITE_OK) {
            e = sqlite_fail(cx, db, rc);
            goto out;
        }
    }
    ESPY_GO(sqlite_migrate(cx, db, dir, migrations, (int64_t)newest));
    ESPY_GO(sqlite_run(cx, db, "PRAGMA foreign_keys=ON"));
    *out = &db->base;
    return ESPY_E_OK;
out:
    sqlite_close(cx, &db->base);
    return e;
}

static espy_err sqlite_open(espy_ctx *cx, const char *dir, espy_db **out)
{
    return sqlite_open_schema(cx, dir, sqlite_migrations, SCHEMA_NEWEST, out);
}

static const char *sqlite_shown(const espy_db *base)
{
    return ((const sqlite_db *)base)->path;
}

/* -- other connections ------------------------------------------------------------------------- */
static espy_err sqlite_announce(espy_ctx *cx, espy_db *base, int64_t collection)
{
    (void)cx;
    (void)base;
    (void)collection;
    return ESPY_E_OK; /* they see that the file has changed */
}

/* data_version changes with every commit of another connection. */
static espy_err sqlite_changed(espy_ctx *cx, espy_db *base, double seconds, bool *changed)
{
    sqlite_db *db = (sqlite_db *)base;
    for (double until = espy_time_monotonic() + seconds;;) {
        int64_t version = 0;
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(sqlite_ask(cx, db, "PRAGMA data_version", &version));
        *changed = version != db->seen;
        db->seen = version;
        if (*changed || espy_time_monotonic() >= until)
            return ESPY_E_OK;
        sqlite3_sleep(STEP_NAP_MS);
    }
}

/* -- ids --------------------------------------------------------------------------------------- */
static espy_err sqlite_last_id(espy_ctx *cx, espy_db *base, const char *table, int64_t *id)
{
    static const char sql[] = "SELECT max(seq) FROM sqlite_sequence WHERE name = $1";
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(sqlite_query(cx, base, sql, DB_ARGS(DB_TEXT(table)), &rows));
    espy_err e = sqlite_next(cx, rows, &more);
    if (e == ESPY_E_OK)
        *id = sqlite_integer(rows, 0);
    sqlite_done(rows);
    return e;
}

static espy_err sqlite_set_last_id(espy_ctx *cx, espy_db *base, const char *table, int64_t id)
{
    static const char set[] = "UPDATE sqlite_sequence SET seq = $1 WHERE name = $2";
    static const char add[] = "INSERT INTO sqlite_sequence (name, seq) SELECT $1, $2"
                              " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = $1)";
    const espy_db_value name = DB_TEXT(table), last = DB_INT(id);
    const struct {
        const char *sql;
        espy_db_value args[2];
    } steps[] = {{set, {last, name}}, {add, {name, last}}};
    for (size_t i = 0; i < 2; i++) {
        espy_db_rows *rows = NULL;
        bool more = false;
        ESPY_TRY(sqlite_query(cx, base, steps[i].sql, steps[i].args, 2, &rows));
        espy_err e = sqlite_next(cx, rows, &more);
        sqlite_done(rows);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

/* -- scrubbing --------------------------------------------------------------------------------- */
/* Deletes the copies that migrations made: they hold what the store no longer does. */
static espy_err sqlite_drop_copies(espy_ctx *cx, const char *dir)
{
    espy_dir_list list;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_dir_read(cx, dir, &list));
    for (size_t i = 0; i < list.n && e == ESPY_E_OK; i++) {
        const char *name = list.at[i].name;
        if (strncmp(name, SCHEMA_FILE ".v", sizeof SCHEMA_FILE + 1) != 0 ||
            (strcmp(espy_path_suffix(name), ".bak") != 0 &&
             strcmp(espy_path_suffix(name), ".part") != 0))
            continue;
        char *path = espy_path_join(cx, dir, name);
        e = path == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
        if (path != NULL && cx->io->unlink(path) != 0)
            e = espy_fail(cx, ESPY_E_IO, "%s: cannot be deleted; delete this old copy", path);
        espy_free(cx, path);
    }
    espy_dir_list_free(cx, &list);
    return e;
}

/* Deleted content was overwritten (secure_delete); the log still holds it until it is cut, for
 * which nobody may be reading. */
static espy_err sqlite_scrub(espy_ctx *cx, espy_db *base, const char *dir)
{
    sqlite_db *db = (sqlite_db *)base;
    espy_err e = sqlite_drop_copies(cx, dir);
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (e != ESPY_E_OK || rc == SQLITE_OK)
        return e;
    return espy_fail(cx, ESPY_E_STORE,
                     "%s-wal: still holds what was deleted, for another process is reading; it is "
                     "gone when that ends",
                     db->path);
}

/* -- checking ---------------------------------------------------------------------------------- */
static espy_err sqlite_check(espy_ctx *cx, espy_db *base, espy_db_report *report, void *self)
{
    static const char integrity[] = "PRAGMA integrity_check(20)";
    static const char references[] = "PRAGMA foreign_key_check";
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_GO(sqlite_query(cx, base, integrity, NULL, 0, &rows));
    for (;;) {
        ESPY_GO(sqlite_next(cx, rows, &more));
        if (!more)
            break;
        const char *line = (const char *)sqlite3_column_text(rows->stmt, 0);
        if (line == NULL || strcmp(line, "ok") != 0)
            ESPY_GO(report(cx, self, line == NULL ? "unreadable" : line));
    }
    sqlite_done(rows);
    rows = NULL;
    ESPY_GO(sqlite_query(cx, base, references, NULL, 0, &rows));
    for (;;) {
        ESPY_GO(sqlite_next(cx, rows, &more));
        if (!more)
            break;
        char line[128];
        sqlite3_snprintf(sizeof line, line, "row %lld of table %s refers to nothing",
                         sqlite3_column_int64(rows->stmt, 1), sqlite3_column_text(rows->stmt, 0));
        ESPY_GO(report(cx, self, line));
    }
out:
    sqlite_done(rows);
    return e;
}

const espy_db_ops espy_db_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .shown = sqlite_shown,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .run = sqlite_run_base,
    .query = sqlite_query,
    .next = sqlite_next,
    .is_null = sqlite_is_null,
    .integer = sqlite_integer,
    .real = sqlite_real,
    .bytes = sqlite_bytes,
    .done = sqlite_done,
    .announce = sqlite_announce,
    .changed = sqlite_changed,
    .last_id = sqlite_last_id,
    .set_last_id = sqlite_set_last_id,
    .scrub = sqlite_scrub,
    .check = sqlite_check,
};
