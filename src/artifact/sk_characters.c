/* SPDX-License-Identifier: Apache-2.0
 * artifact - from the values of a pickle to characters (sk_characters.h). */
#include "artifact/sk_characters.h"

#include <math.h>
#include <string.h>

#include "artifact/sk_read.h"
#include "learn/rows.h"

typedef espy_pickle_value value;

bool espy_sk_characters_version(const char *version)
{
    return strcmp(version, "1") == 0 || strncmp(version, "1.", 2) == 0;
}

bool espy_sk_characters_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return *name;
}

void espy_sk_characters_free(espy_ctx *cx, espy_sk_characters *c)
{
    espy_free(cx, c->names);
    espy_scaler_free(cx, &c->scaler);
    espy_prototypes_destroy(cx, &c->model);
    espy_free(cx, c->x);
    espy_free(cx, c->y);
    espy_free(cx, c->cluster);
    espy_json_free(c->facts);
    *c = (espy_sk_characters){0};
}

/* Another layout may look like nothing that is read below, so this comes first.  A file without a
 * version is the original's, which keeps it beside the pickle. */
static espy_err characters_version(espy_ctx *cx, const value *root)
{
    const value *v = espy_pickle_get(root, "model_version");
    if (!v || v->kind == ESPY_PICKLE_NONE)
        return ESPY_E_OK;
    char *text =
        v->kind == ESPY_PICKLE_TEXT ? espy_sk_string(cx, v) : espy_strdup(cx, "of no text");
    if (!text)
        return cx->code;
    espy_err e = ESPY_E_OK;
    if (!espy_sk_characters_version(text))
        e = espy_fail(cx, ESPY_E_UNSUPPORTED,
                      "the model has model_version %.20s, this program reads 1.x: train again with "
                      "espy retrain characters, or use a newer espy",
                      text);
    espy_free(cx, text);
    return e;
}

/* Keys of the dictionary as one block of texts, none twice. */
static espy_err characters_names(espy_ctx *cx, const value *dict, char ***out)
{
    size_t n = dict->as.items.n / 2, total = n * sizeof(char *);
    for (size_t i = 0; i < n; i++) {
        const value *key = dict->as.items.at[2 * i];
        if (key->kind != ESPY_PICKLE_TEXT || memchr(key->as.bytes.data, 0, key->as.bytes.size) ||
            !espy_add_size(total, key->as.bytes.size + 1, &total) || total > cx->max.file_bytes)
            return espy_fail(cx, ESPY_E_FORMAT, "the name of character %zu is not text", i + 1);
    }
    char **names = espy_alloc(cx, total);
    if (!names)
        return cx->code;
    char *to = (char *)(names + n);
    for (size_t i = 0; i < n; i++) {
        espy_span s = dict->as.items.at[2 * i]->as.bytes;
        names[i] = to;
        memcpy(to, s.data, s.size);
        to[s.size] = '\0';
        to += s.size + 1;
        if (!espy_sk_characters_name(names[i])) {
            espy_free(cx, names);
            return espy_fail(cx, ESPY_E_FORMAT,
                             "the name of character %zu is empty or has control characters", i + 1);
        }
    }
    *out = names;
    return ESPY_E_OK;
}

static bool characters_names_differ(char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return false;
    return true;
}

/* The centres of a character, under their own key or in its KMeans. */
static const value *characters_centers(const value *character)
{
    const value *v = espy_pickle_get(character, "cluster_centers");
    const value *kmeans = espy_pickle_get(character, "kmeans");
    if (!v && espy_sk_is(kmeans, ESPY_PICKLE_KMEANS))
        v = espy_sk_attribute(kmeans, "cluster_centers_");
    const espy_pickle_array *a = espy_sk_array(v);
    return a && a->rank == 2 && a->dims[0] > 0 && a->dims[1] > 0 ? v : NULL;
}

/* An array may be named many times, so what they amount to is bounded by the limit of a file. */
static espy_err characters_cells(espy_ctx *cx, size_t rows, size_t dim)
{
    size_t cells;
    if (!espy_mul_size(rows, dim, &cells) || cells > cx->max.file_bytes / sizeof(double))
        return espy_fail(cx, ESPY_E_LIMIT, "the model unfolds to more than a file may hold");
    return ESPY_E_OK;
}

static espy_err characters_clusters(espy_ctx *cx, const value *dict, espy_sk_characters *c)
{
    size_t n = dict->as.items.n / 2, dim = 0, rows = 0;
    double *centers = NULL;
    espy_err e = ESPY_E_OK;
    size_t *count = espy_array(cx, n, sizeof *count);
    if (!count)
        return cx->code;
    for (size_t i = 0; i < n; i++) {
        const value *v = characters_centers(dict->as.items.at[2 * i + 1]);
        if (!v || (dim && v->as.array->dims[1] != dim))
            ESPY_GO(espy_sk_bad(cx, "cluster_centers"));
        dim = v->as.array->dims[1];
        count[i] = v->as.array->dims[0];
        rows += count[i]; /* n arrays at most, each of an address's bytes at most */
        ESPY_GO(characters_cells(cx, rows, dim));
    }
    ESPY_GO(espy_prototypes_create(cx, dim, n, count, &c->model));
    for (size_t i = 0; i < n; i++) {
        const value *v = characters_centers(dict->as.items.at[2 * i + 1]);
        ESPY_GO(espy_sk_matrix(cx, v, "cluster_centers", count[i], dim, &centers));
        memcpy(c->model->centers + c->model->start[i] * dim, centers,
               count[i] * dim * sizeof *centers);
    }
    for (size_t i = 0; i < rows * dim; i++)
        if (!isfinite(c->model->centers[i]))
            ESPY_GO(espy_sk_bad(cx, "cluster_centers"));
    espy_prototypes_finish(c->model);
out:
    espy_free(cx, centers);
    espy_free(cx, count);
    return e;
}

/* One character's vectors, appended. */
static espy_err characters_raw_rows(espy_ctx *cx, const value *v, uint32_t label,
                                    espy_sk_characters *c)
{
    size_t dim = c->model->dim, n = v->as.array->dims[0];
    double *rows = NULL;
    ESPY_TRY(espy_sk_matrix(cx, v, "raw_embeddings", n, dim, &rows));
    for (size_t i = 0; i < n * dim; i++)
        c->x[c->n * dim + i] = (float)rows[i];
    espy_free(cx, rows);
    if (!espy_rows_finite(c->x + c->n * dim, n * dim))
        return espy_sk_bad(cx, "raw_embeddings");
    for (size_t i = 0; i < n; i++)
        c->y[c->n++] = label;
    return ESPY_E_OK;
}

/* In the order of the characters; those of other names are passed over. */
static espy_err characters_raw_embeddings(espy_ctx *cx, const value *dict, espy_sk_characters *c)
{
    size_t rows = 0;
    if (!dict)
        return ESPY_E_OK;
    if (dict->kind != ESPY_PICKLE_DICT || dict->as.items.n / 2 > ESPY_SK_CHARACTERS_MOST)
        return espy_sk_bad(cx, "raw_embeddings");
    for (size_t l = 0; l < c->model->classes; l++) {
        const value *v = espy_pickle_get(dict, c->names[l]);
        const espy_pickle_array *a = espy_sk_array(v);
        if (v && (!a || a->rank != 2 || a->dims[1] != c->model->dim))
            return espy_sk_bad(cx, "raw_embeddings");
        rows += a ? a->dims[0] : 0;
        ESPY_TRY(characters_cells(cx, rows, c->model->dim));
    }
    c->x = espy_floats(cx, rows * c->model->dim);
    c->y = espy_array(cx, rows, sizeof *c->y);
    if (!c->x || !c->y)
        return cx->code;
    for (size_t l = 0; l < c->model->classes; l++) {
        const value *v = espy_pickle_get(dict, c->names[l]);
        if (v)
            ESPY_TRY(characters_raw_rows(cx, v, (uint32_t)l, c));
    }
    return ESPY_E_OK;
}

/* The scaler in the form that learns use; its variance is the square of its scale. */
static espy_err characters_scaler(espy_ctx *cx, const value *v, espy_sk_characters *c)
{
    espy_sk_model m = {.dim = c->model->dim};
    espy_err e = espy_sk_scaler_of(cx, v, &m);
    bool sound = true;
    if (e == ESPY_E_OK) {
        c->scaler = (espy_scaler){.mean = m.scaler.mean,
                                  .scale = m.scaler.scale,
                                  .dim = m.dim,
                                  .n = (size_t)m.scaler.samples};
        m.scaler.mean = m.scaler.scale = NULL;
        for (size_t d = 0; d < c->scaler.dim; d++)
            sound = sound && isfinite(c->scaler.mean[d]) && isfinite(c->scaler.scale[d]);
    }
    espy_sk_free(cx, &m);
    return e == ESPY_E_OK && !sound ? espy_sk_bad(cx, "scaler") : e;
}

static espy_err characters_root(espy_ctx *cx, const value *root, espy_sk_characters *c)
{
    static const char *const known[] = {"scaler", "character_clusters", "raw_embeddings", NULL};
    const value *clusters = espy_pickle_get(root, "character_clusters");
    ESPY_TRY(characters_version(cx, root));
    if (!clusters || clusters->kind != ESPY_PICKLE_DICT || clusters->as.items.n == 0)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the pickle holds no characters: it has no dictionary "
                         "\"character_clusters\"");
    if (clusters->as.items.n / 2 > ESPY_SK_CHARACTERS_MOST)
        return espy_fail(cx, ESPY_E_LIMIT, "more than %d characters are not read",
                         ESPY_SK_CHARACTERS_MOST);
    ESPY_TRY(characters_names(cx, clusters, &c->names));
    if (!characters_names_differ(c->names, clusters->as.items.n / 2))
        return espy_fail(cx, ESPY_E_FORMAT, "two characters have one name");
    ESPY_TRY(characters_clusters(cx, clusters, c));
    ESPY_TRY(characters_scaler(cx, espy_pickle_get(root, "scaler"), c));
    ESPY_TRY(characters_raw_embeddings(cx, espy_pickle_get(root, "raw_embeddings"), c));
    c->facts = espy_json_object();
    if (!c->facts)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    return espy_sk_plain_entries(cx, root, known, c->facts);
}

espy_err espy_sk_parse_characters(espy_ctx *cx, espy_span bytes, espy_sk_characters *out)
{
    espy_pickle *p = NULL;
    espy_sk_characters c = {0};
    ESPY_TRY(espy_sk_open_pickle(cx, bytes, &p));
    espy_err e = characters_root(cx, espy_pickle_root(p), &c);
    espy_pickle_destroy(cx, &p);
    if (e)
        espy_sk_characters_free(cx, &c);
    else
        *out = c;
    return e;
}
