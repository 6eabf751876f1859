/* SPDX-License-Identifier: Apache-2.0
 * flow - the character system: the object that answers, is trained, and reads its folder. */
#include "flow/characters.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/tensors.h"
#include "base/text.h"
#include "learn/gallery.h"

#define CHARACTERS_FORMAT "espy-characters"
#define CHARACTERS_FILE_MAX ((size_t)4 << 30)

/* Rule C1.  With a model: its centres answer, and the embeddings are not kept in memory.  Without:
 * c.x holds the embeddings at unit length, and they answer. */
typedef struct snapshot {
    atomic_uint users;
    espy_sk_characters c;
    size_t dim, characters;
    double threshold;
    char *reason; /* why there is no model */
} snapshot;

struct espy_characters {
    char *folder;
    pthread_mutex_t lock; /* rule C2 */
    snapshot *now;        /* NULL: nothing was trained or read yet */
};

const char *espy_character_path_name(espy_character_path path)
{
    return path == ESPY_CHARACTER_MODEL ? "model" : "fallback";
}

/* ---- snapshots ---- */

static void snapshot_leave(espy_ctx *cx, snapshot *s)
{
    if (!s || atomic_fetch_sub(&s->users, 1) != 1)
        return;
    espy_sk_characters_free(cx, &s->c);
    espy_free(cx, s->reason);
    espy_free(cx, s);
}

/* Takes over *c on success. */
static espy_err snapshot_make(espy_ctx *cx, espy_sk_characters *c, size_t dim, size_t characters,
                              snapshot **out)
{
    snapshot *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    double threshold = espy_json_number(espy_json_get(c->facts, "similarity_threshold"), -1);
    *s = (snapshot){.c = *c, .dim = dim, .characters = characters};
    s->threshold = threshold >= 0 && threshold <= 1 ? threshold : ESPY_CHARACTERS_THRESHOLD;
    atomic_init(&s->users, 1);
    *c = (espy_sk_characters){0};
    *out = s;
    return ESPY_E_OK;
}

/* ---- reading the folder ---- */

static espy_err characters_read(espy_ctx *cx, const char *folder, const char *name, espy_buf *out)
{
    char *path = espy_path_join(cx, folder, name);
    if (!path)
        return cx->code;
    espy_err e = espy_file_read(cx, path, cx->max.file_bytes, out);
    espy_free(cx, path);
    return e;
}

/* The described system keeps the version in the metadata; a file that cannot be read says nothing.
 */
static espy_err characters_version(espy_ctx *cx, const char *folder)
{
    espy_ctx sub = espy_ctx_child(cx);
    espy_json *o = NULL;
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, cx->max.file_bytes);
    if (characters_read(&sub, folder, ESPY_CHARACTERS_METADATA, &b) == ESPY_E_OK &&
        espy_json_parse(&sub, b.data, b.size, &o) == ESPY_E_OK) {
        const char *version = espy_json_string(espy_json_get(o, "model_version"), "1");
        if (!espy_sk_characters_version(version))
            e = espy_fail(cx, ESPY_E_UNSUPPORTED,
                          ESPY_CHARACTERS_METADATA
                          " has model_version %.20s, this program reads 1.x: train again with espy "
                          "retrain characters, or use a newer espy",
                          version);
    }
    espy_json_free(o);
    espy_buf_free(cx, &b);
    return e == ESPY_E_OK && sub.code == ESPY_E_NOMEM ? espy_ctx_adopt(cx, &sub) : e;
}

static espy_err characters_read_model(espy_ctx *cx, const char *folder, snapshot **out)
{
    espy_sk_characters c = {0};
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_GO(characters_read(cx, folder, ESPY_CHARACTERS_MODEL, &b));
    ESPY_GO(characters_version(cx, folder));
    e = espy_sk_parse_characters(cx, espy_span_of(&b), &c);
    if (e != ESPY_E_OK)
        ESPY_GO(espy_fail_in(cx, "%s/" ESPY_CHARACTERS_MODEL, folder));
    espy_free(cx, c.x);
    espy_free(cx, c.y);
    c.x = NULL;
    c.y = NULL;
    ESPY_GO(snapshot_make(cx, &c, c.model->dim, c.model->classes, out));
out:
    espy_sk_characters_free(cx, &c);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err embeddings_bad(espy_ctx *cx, const char *what)
{
    return espy_fail(cx, ESPY_E_FORMAT, ESPY_CHARACTERS_EMBEDDINGS ": %s: train again", what);
}

/* A JSON text of the metadata. */
static espy_err embeddings_json(espy_ctx *cx, const espy_tensors *t, const char *key,
                                espy_json **out)
{
    const char *text = espy_tensors_meta(t, key);
    if (!text)
        return embeddings_bad(cx, "something is missing");
    return espy_json_parse(cx, text, strlen(text), out);
}

/* A list of texts as one block. */
static espy_err embeddings_names(espy_ctx *cx, const espy_json *list, char ***out)
{
    size_t n = espy_json_count(list), total = n * sizeof(char *);
    for (size_t i = 0; i < n; i++) {
        const char *s = espy_json_string(espy_json_at(list, i), NULL);
        if (!s || !espy_sk_characters_name(s))
            return embeddings_bad(cx, "a name is not text, or has control characters");
        total += strlen(s) + 1;
    }
    char **names = espy_alloc(cx, total);
    if (!names)
        return cx->code;
    char *to = (char *)(names + n);
    for (size_t i = 0; i < n; i++) {
        const char *s = espy_json_string(espy_json_at(list, i), "");
        size_t size = strlen(s) + 1;
        names[i] = memcpy(to, s, size);
        to += size;
    }
    *out = names;
    return ESPY_E_OK;
}

static void characters_unit(float *x, size_t dim)
{
    double square = 0;
    for (size_t d = 0; d < dim; d++)
        square += (double)x[d] * (double)x[d];
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t d = 0; d < dim; d++)
        x[d] = (float)((double)x[d] * scale);
}

/* Rows and labels of the file, the rows at unit length. */
static espy_err embeddings_rows(espy_ctx *cx, const espy_tensors *t, size_t characters,
                                espy_sk_characters *c, size_t *dim)
{
    const espy_tensor_entry *x, *label;
    ESPY_TRY(espy_tensors_need(cx, t, "embeddings", ESPY_F32, 2, &x));
    ESPY_TRY(espy_tensors_need(cx, t, "label", ESPY_I64, 1, &label));
    size_t n = x->dims[0];
    *dim = x->dims[1];
    if (n < 1 || *dim < 1 || n > INT32_MAX || label->dims[0] != n ||
        !espy_rows_finite(x->data, n * *dim))
        return embeddings_bad(cx, "the embeddings are damaged");
    c->x = espy_floats(cx, n * *dim);
    c->y = espy_array(cx, n, sizeof *c->y);
    if (!c->x || !c->y)
        return cx->code;
    memcpy(c->x, x->data, x->bytes);
    for (size_t i = 0; i < n; i++) {
        int64_t v = ((const int64_t *)label->data)[i];
        if (v < 0 || (uint64_t)v >= characters)
            return embeddings_bad(cx, "a label has no name");
        c->y[i] = (uint32_t)v;
        characters_unit(c->x + i * *dim, *dim);
    }
    c->n = n;
    return ESPY_E_OK;
}

static espy_err characters_read_embeddings(espy_ctx *cx, const char *folder, snapshot **out)
{
    espy_sk_characters c = {0};
    espy_tensors *t = NULL;
    espy_json *names = NULL;
    espy_buf b;
    size_t dim, characters;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_GO(characters_read(cx, folder, ESPY_CHARACTERS_EMBEDDINGS, &b));
    ESPY_GO(espy_tensors_parse(cx, espy_span_of(&b), &t));
    const char *format = espy_tensors_meta(t, "format"),
               *revision = espy_tensors_meta(t, "revision");
    if (!format || strcmp(format, CHARACTERS_FORMAT) != 0 || !revision ||
        strcmp(revision, "1") != 0)
        ESPY_GO(embeddings_bad(cx, "not the embeddings of characters"));
    ESPY_GO(embeddings_json(cx, t, "names", &names));
    ESPY_GO(embeddings_json(cx, t, "facts", &c.facts));
    ESPY_GO(embeddings_names(cx, names, &c.names));
    characters = espy_json_count(names);
    ESPY_GO(embeddings_rows(cx, t, characters, &c, &dim));
    ESPY_GO(snapshot_make(cx, &c, dim, characters, out));
out:
    espy_json_free(names);
    espy_tensors_destroy(cx, &t);
    espy_sk_characters_free(cx, &c);
    espy_buf_free(cx, &b);
    return e;
}

/* The embeddings, with the reason why there is no model. */
static espy_err characters_open_embeddings(espy_ctx *cx, const char *folder, const char *why,
                                           snapshot **out)
{
    snapshot *s = NULL;
    ESPY_TRY(characters_read_embeddings(cx, folder, &s));
    s->reason = espy_strdup(cx, why);
    if (!s->reason) {
        snapshot_leave(cx, s);
        return cx->code;
    }
    *out = s;
    return ESPY_E_OK;
}

/* The model, else the embeddings; the model's failure when there are none. */
static espy_err characters_open(espy_ctx *cx, const char *folder, snapshot **out)
{
    espy_ctx sub = espy_ctx_child(cx);
    espy_err e = characters_read_model(cx, folder, out);
    if (e == ESPY_E_OK || e == ESPY_E_NOMEM || e == ESPY_E_CANCELLED)
        return e;
    espy_err other = characters_open_embeddings(&sub, folder, cx->text, out);
    if (other == ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN,
                 "%s; the embeddings beside it answer by plain cosine (fallback)", cx->text);
    bool nothing = e == ESPY_E_NOT_FOUND && other == ESPY_E_NOT_FOUND;
    if (other != ESPY_E_OK && other != ESPY_E_NOMEM && !nothing)
        return e;
    espy_clear(cx);
    if (nothing)
        return espy_fail(cx, e,
                         "%s holds no characters yet; train some with: espy retrain characters DIR",
                         folder);
    return espy_ctx_adopt(cx, &sub);
}

/* ---- the object ---- */

espy_err espy_characters_create(espy_ctx *cx, const char *folder, espy_characters **out)
{
    espy_characters *c = espy_zalloc(cx, sizeof *c);
    if (!c)
        return cx->code;
    c->folder = espy_strdup(cx, folder);
    if (!c->folder) {
        espy_free(cx, c);
        return cx->code;
    }
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return ESPY_E_OK;
}

void espy_characters_destroy(espy_ctx *cx, espy_characters **c)
{
    if (!*c)
        return;
    snapshot_leave(cx, (*c)->now);
    pthread_mutex_destroy(&(*c)->lock);
    espy_free(cx, (*c)->folder);
    espy_free(cx, *c);
    *c = NULL;
}

/* The current snapshot, read when there is none; the caller leaves it. */
static espy_err characters_enter(espy_ctx *cx, espy_characters *c, snapshot **out)
{
    espy_err e = ESPY_E_OK;
    pthread_mutex_lock(&c->lock);
    if (!c->now)
        e = characters_open(cx, c->folder, &c->now);
    if (e == ESPY_E_OK) {
        atomic_fetch_add(&c->now->users, 1);
        *out = c->now;
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

espy_err espy_characters_load(espy_ctx *cx, espy_characters *c)
{
    snapshot *s;
    ESPY_TRY(characters_enter(cx, c, &s));
    snapshot_leave(cx, s);
    return ESPY_E_OK;
}

bool espy_characters_trained(espy_characters *c)
{
    pthread_mutex_lock(&c->lock);
    bool trained = c->now && c->now->c.model;
    pthread_mutex_unlock(&c->lock);
    return trained;
}

espy_err espy_characters_facts(espy_ctx *cx, espy_characters *c, espy_character_facts *out)
{
    snapshot *s;
    ESPY_TRY(characters_enter(cx, c, &s));
    espy_character_facts f = {.json = espy_json_ref(s->c.facts),
                              .dim = s->dim,
                              .characters = s->characters,
                              .path = s->c.model ? ESPY_CHARACTER_MODEL : ESPY_CHARACTER_FALLBACK,
                              .reason = s->reason ? espy_strdup(cx, s->reason) : NULL};
    bool whole = f.reason || !s->reason;
    snapshot_leave(cx, s);
    if (!whole) {
        espy_json_free(f.json);
        return cx->code;
    }
    *out = f;
    return ESPY_E_OK;
}

void espy_character_facts_free(espy_ctx *cx, espy_character_facts *f)
{
    espy_json_free(f->json);
    espy_free(cx, f->reason);
    *f = (espy_character_facts){0};
}

/* ---- answers ---- */

/* score: the largest cosine of x to each character; -2 where it has nothing. */
static espy_err snapshot_score(espy_ctx *cx, const snapshot *s, float *x, float *score)
{
    if (s->c.model) {
        espy_scaler_apply(&s->c.scaler, x, 1, x);
        return espy_prototypes_score(cx, s->c.model, x, 1, score);
    }
    const espy_rows rows = {s->c.x, s->c.y, s->c.n, s->dim, s->characters, NULL};
    characters_unit(x, s->dim);
    return espy_gallery_nearest(cx, &rows, x, 1, score);
}

/* Similarities begin at 0, and only a larger one wins: what points away is nobody. */
static espy_err snapshot_answer(espy_ctx *cx, const snapshot *s, const float *score,
                                double threshold, espy_character_answer *out)
{
    espy_character_answer a = {.threshold = threshold < 0 ? s->threshold : threshold,
                               .path = s->c.model ? ESPY_CHARACTER_MODEL : ESPY_CHARACTER_FALLBACK};
    size_t best = s->characters;
    for (size_t c = 0; c < s->characters; c++)
        if (score[c] > a.similarity) {
            a.similarity = score[c];
            best = c;
        }
    if (best < s->characters) {
        a.name = espy_strdup(cx, s->c.names[best]);
        if (!a.name)
            return cx->code;
        a.known = a.similarity >= (float)a.threshold;
    }
    *out = a;
    return ESPY_E_OK;
}

espy_err espy_characters_identify(espy_ctx *cx, espy_characters *c, const float *x, size_t dim,
                                  double threshold, espy_character_answer *out)
{
    snapshot *s = NULL;
    float *copy = NULL, *score = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(characters_enter(cx, c, &s));
    if (dim != s->dim)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG,
                          "the characters of %s were learned from embeddings of %zu values, this "
                          "one has %zu; use the same encoder",
                          c->folder, s->dim, dim));
    if (!espy_rows_finite(x, dim))
        ESPY_GO(espy_fail(cx, ESPY_E_DATA, "the embedding holds a value that is not a number"));
    copy = espy_floats(cx, dim);
    score = espy_floats(cx, s->characters);
    if (!copy || !score)
        ESPY_GO(cx->code);
    memcpy(copy, x, dim * sizeof *copy);
    ESPY_GO(snapshot_score(cx, s, copy, score));
    ESPY_GO(snapshot_answer(cx, s, score, threshold, out));
out:
    espy_free(cx, copy);
    espy_free(cx, score);
    snapshot_leave(cx, s);
    return e;
}

void espy_character_answer_free(espy_ctx *cx, espy_character_answer *a)
{
    espy_free(cx, a->name);
    a->name = NULL;
}

/* ---- writing the folder ---- */

static espy_err write_embeddings(espy_ctx *cx, const espy_sk_characters *c, espy_buf *out)
{
    espy_json *meta = espy_json_object(), *names = espy_json_array();
    espy_buf text;
    espy_err e = ESPY_E_OK;
    int64_t *label = espy_array(cx, c->n, sizeof *label);
    espy_buf_init(&text, CHARACTERS_FILE_MAX);
    if (!label)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < c->n; i++)
        label[i] = c->y[i];
    for (size_t i = 0; i < c->model->classes; i++)
        ESPY_GO(espy_json_append(cx, names, espy_json_of_string(c->names[i])));
    ESPY_GO(espy_json_set(cx, meta, "format", espy_json_of_string(CHARACTERS_FORMAT)));
    ESPY_GO(espy_json_set(cx, meta, "revision", espy_json_of_string("1")));
    ESPY_GO(espy_json_print(cx, names, 0, &text));
    ESPY_GO(espy_json_set(cx, meta, "names", espy_json_of_string((const char *)text.data)));
    espy_buf_free(cx, &text);
    espy_buf_init(&text, CHARACTERS_FILE_MAX);
    ESPY_GO(espy_json_print(cx, c->facts, 0, &text));
    ESPY_GO(espy_json_set(cx, meta, "facts", espy_json_of_string((const char *)text.data)));
    const size_t dim = c->model->dim;
    const espy_tensor_entry entries[] = {
        {"embeddings", ESPY_F32, 2, {c->n, dim}, c->x, c->n * dim * sizeof *c->x},
        {"label", ESPY_I64, 1, {c->n}, label, c->n * sizeof *label}};
    ESPY_GO(espy_tensors_write(cx, entries, 2, meta, out));
out:
    espy_json_free(names);
    espy_json_free(meta);
    espy_buf_free(cx, &text);
    espy_free(cx, label);
    return e;
}

/* The described four keys first, then what else the model knows of itself. */
static espy_err write_metadata(espy_ctx *cx, const espy_sk_characters *c, espy_buf *out)
{
    espy_json *o = espy_json_object();
    void *it = NULL;
    const char *key;
    const espy_json *v;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "model_trained", espy_json_of_bool(true)));
    ESPY_GO(espy_json_set(
        cx, o, "training_metrics",
        espy_json_ref((espy_json *)(uintptr_t)espy_json_get(c->facts, "training_metrics"))));
    ESPY_GO(espy_json_set(cx, o, "timestamp", espy_json_of_number(espy_time_now())));
    ESPY_GO(espy_json_set(cx, o, "model_version", espy_json_of_string(ESPY_SK_CHARACTERS_VERSION)));
    while (espy_json_next(c->facts, &it, &key, &v))
        if (!espy_json_get(o, key))
            ESPY_GO(espy_json_set(cx, o, key, espy_json_ref((espy_json *)(uintptr_t)v)));
    ESPY_GO(espy_json_print(cx, o, 2, out));
    ESPY_GO(espy_buf_text(cx, out, "\n"));
out:
    espy_json_free(o);
    return e;
}

/* The three files, in the order in which they take their places: the model last, so that whatever
 * fails before leaves the earlier one (rule C3). */
enum { WRITE_EMBEDDINGS, WRITE_METADATA, WRITE_MODEL, WRITE_FILES };

typedef struct write_job {
    char *path[WRITE_FILES], *fresh[WRITE_FILES];
    espy_buf bytes[WRITE_FILES];
} write_job;

static espy_err write_all(espy_ctx *cx, const char *folder, const espy_sk_characters *c,
                          uint64_t seed, write_job *w)
{
    static const char *const names[] = {ESPY_CHARACTERS_EMBEDDINGS, ESPY_CHARACTERS_METADATA,
                                        ESPY_CHARACTERS_MODEL};
    for (int i = 0; i < WRITE_FILES; i++)
        espy_buf_init(&w->bytes[i], CHARACTERS_FILE_MAX);
    ESPY_TRY(write_embeddings(cx, c, &w->bytes[WRITE_EMBEDDINGS]));
    ESPY_TRY(write_metadata(cx, c, &w->bytes[WRITE_METADATA]));
    ESPY_TRY(espy_sk_put_characters(cx, c, seed, &w->bytes[WRITE_MODEL]));
    for (int i = 0; i < WRITE_FILES; i++) {
        w->path[i] = espy_path_join(cx, folder, names[i]);
        w->fresh[i] = w->path[i] ? espy_sprintf(cx, "%s.new", w->path[i]) : NULL;
        if (!w->fresh[i])
            return cx->code;
    }
    ESPY_TRY(espy_cancelled(cx)); /* last chance */
    for (int i = 0; i < WRITE_FILES; i++)
        ESPY_TRY(espy_file_write(cx, w->fresh[i], w->bytes[i].data, w->bytes[i].size));
    for (int i = 0; i < WRITE_FILES; i++)
        if (cx->io->rename(w->fresh[i], w->path[i]) != 0)
            return espy_fail(cx, ESPY_E_IO, "%s cannot be replaced; the earlier model stays",
                             w->path[i]);
    return ESPY_E_OK;
}

/* The files are in place whatever comes of this. */
static void write_sync(espy_ctx *cx, const char *folder)
{
    espy_ctx sub = espy_ctx_child(cx);
    if (espy_dir_sync(&sub, folder) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN, "%s: the new model may be lost if the power fails now",
                 sub.text);
}

static espy_err characters_write(espy_ctx *cx, const char *folder, const espy_sk_characters *c,
                                 uint64_t seed)
{
    write_job w = {0};
    espy_err e = ESPY_E_OK;
    int lock = -1;
    ESPY_TRY(espy_dir_make(cx, folder));
    ESPY_TRY(espy_dir_lock(cx, folder, &lock)); /* two programs may train one folder */
    e = write_all(cx, folder, c, seed, &w);
    if (e == ESPY_E_OK)
        write_sync(cx, folder);
    for (int i = 0; e != ESPY_E_OK && i < WRITE_FILES; i++)
        if (w.fresh[i])
            (void)cx->io->unlink(w.fresh[i]); /* those that are there */
    espy_dir_unlock(cx, lock);
    for (int i = 0; i < WRITE_FILES; i++) {
        espy_free(cx, w.path[i]);
        espy_free(cx, w.fresh[i]);
        espy_buf_free(cx, &w.bytes[i]);
    }
    return e;
}

espy_err espy_characters_train(espy_ctx *cx, espy_characters *c, const espy_character_data *data,
                               const espy_character_options *options,
                               espy_character_metrics *metrics)
{
    espy_sk_characters fresh = {0};
    espy_character_metrics measured;
    snapshot *s = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_characters_fit(cx, data, options, &fresh, &measured));
    ESPY_GO(characters_write(cx, c->folder, &fresh, options->seed ? options->seed : 42));
    espy_free(cx, fresh.x);
    espy_free(cx, fresh.y);
    espy_free(cx, fresh.cluster);
    fresh.x = NULL;
    fresh.y = fresh.cluster = NULL;
    ESPY_GO(snapshot_make(cx, &fresh, data->rows.dim, data->rows.classes, &s));
    pthread_mutex_lock(&c->lock);
    snapshot *old = c->now;
    c->now = s;
    pthread_mutex_unlock(&c->lock);
    snapshot_leave(cx, old);
    if (metrics)
        *metrics = measured;
out:
    espy_sk_characters_free(cx, &fresh);
    return e;
}
