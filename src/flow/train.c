/* SPDX-License-Identifier: Apache-2.0
 * flow - ingest and publish. */
#include "flow/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "flow/figures.h"
#include "flow/scan.h"
#include "head/head_parts.h"

/* Least overlap (intersection over union) of a face with the box that was named. */
#define INGEST_OVERLAP 0.3f

void espy_training_set_free(espy_ctx *cx, espy_training_set *l)
{
    espy_vectors_free(cx, &l->vectors);
    espy_labels_free(cx, l->labels, l->n_labels);
    espy_free(cx, l->y);
    espy_free(cx, (void *)l->codes);
    *l = (espy_training_set){0};
}

/* Moves the labels that own no vector behind the others and frees them; order is kept. */
static void labelled_prune(espy_ctx *cx, espy_training_set *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n_labels; i++) {
        bool used = false;
        for (size_t v = 0; v < l->vectors.n && !used; v++)
            used = l->vectors.label[v] == l->labels[i].id;
        if (used) {
            espy_label t = l->labels[kept];
            l->labels[kept++] = l->labels[i];
            l->labels[i] = t;
        }
    }
    for (size_t i = kept; i < l->n_labels; i++) {
        espy_free(cx, l->labels[i].code);
        espy_free(cx, l->labels[i].name);
    }
    l->n_labels = kept;
}

/* Keeps the vectors whose sample is in the ascending list. */
static void vectors_keep(espy_vectors *v, const int64_t *samples, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t lo = 0, hi = n;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (samples[mid] < v->sample[i])
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo == n || samples[lo] != v->sample[i])
            continue;
        memmove(v->x + kept * v->dim, v->x + i * v->dim, v->dim * sizeof *v->x);
        v->sample[kept] = v->sample[i];
        v->group[kept] = v->group[i];
        v->label[kept++] = v->label[i];
    }
    v->n = kept;
}

/* samples NULL: everything. */
static espy_err training_set_load(espy_ctx *cx, espy_store *store, const espy_collection *c,
                                  int64_t version, const int64_t *samples, size_t n,
                                  espy_training_set *out)
{
    espy_training_set l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_vectors(cx, store, c->id, version, c->encoder_digest, &l.vectors));
    if (samples)
        vectors_keep(&l.vectors, samples, n);
    ESPY_GO(espy_store_labels(cx, store, c->id, &l.labels, &l.n_labels));
    labelled_prune(cx, &l);
    l.y = espy_array(cx, l.vectors.n, sizeof *l.y);
    l.codes = l.y ? espy_array(cx, l.n_labels, sizeof *l.codes) : NULL;
    if (!l.codes)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < l.n_labels; i++)
        l.codes[i] = l.labels[i].code;
    for (size_t v = 0, i = 0; v < l.vectors.n; v++) { /* both are in order of code */
        while (l.labels[i].id != l.vectors.label[v])
            i++;
        l.y[v] = (uint32_t)i;
    }
    l.rows = (espy_rows){l.vectors.x, l.y, l.vectors.n, l.vectors.dim, l.n_labels, l.vectors.group};
    *out = l;
    l = (espy_training_set){0};
out:
    espy_training_set_free(cx, &l);
    return e;
}

espy_err espy_training_set_load(espy_ctx *cx, espy_store *store, const espy_collection *c,
                                int64_t version, espy_training_set *out)
{
    return training_set_load(cx, store, c, version, NULL, 0, out);
}

espy_err espy_training_set_load_only(espy_ctx *cx, espy_store *store, const espy_collection *c,
                                     const int64_t *samples, size_t n, espy_training_set *out)
{
    return training_set_load(cx, store, c, 0, samples, n, out);
}

/* The class that each label has in the given order; DATA when they are not the same labels. */
static espy_err training_set_places(espy_ctx *cx, const espy_training_set *l, const espy_json *ids,
                                    uint32_t *place)
{
    bool same = espy_json_count(ids) == l->n_labels;
    for (size_t i = 0; same && i < l->n_labels; i++) {
        size_t at = 0;
        while (at < l->n_labels && espy_json_int(espy_json_at(ids, at), 0) != l->labels[i].id)
            at++;
        same = at < l->n_labels;
        place[i] = (uint32_t)at;
    }
    if (!same)
        return espy_fail(cx, ESPY_E_DATA, "its labels are not those that it was trained on");
    return ESPY_E_OK;
}

/* Row v of the new order is row from[v] of the old one: by class, then as they were. */
static void training_set_rows(const espy_training_set *l, const uint32_t *place, size_t *start,
                              size_t *from)
{
    for (size_t v = 0; v < l->vectors.n; v++)
        start[place[l->y[v]] + 1]++;
    for (size_t i = 0; i < l->n_labels; i++)
        start[i + 1] += start[i];
    for (size_t v = 0; v < l->vectors.n; v++)
        from[start[place[l->y[v]]]++] = v;
}

espy_err espy_training_set_order(espy_ctx *cx, espy_training_set *l, const espy_json *ids)
{
    size_t n = l->vectors.n, dim = l->vectors.dim;
    espy_vectors now = {.n = n, .dim = dim};
    espy_err e = ESPY_E_OK;
    uint32_t *place = espy_array(cx, l->n_labels, sizeof *place);
    size_t *start = espy_array(cx, l->n_labels + 1, sizeof *start);
    size_t *from = espy_array(cx, n, sizeof *from);
    espy_label *labels = espy_array(cx, l->n_labels, sizeof *labels);
    bool moved = false;
    if (!place || !start || !from || !labels)
        ESPY_GO(cx->code);
    ESPY_GO(training_set_places(cx, l, ids, place));
    for (size_t i = 0; i < l->n_labels; i++)
        moved = moved || place[i] != i;
    if (!moved)
        goto out;
    now.x = espy_floats(cx, n * dim);
    now.sample = espy_array(cx, n, sizeof *now.sample);
    now.label = espy_array(cx, n, sizeof *now.label);
    now.group = espy_array(cx, n, sizeof *now.group);
    if (!now.x || !now.sample || !now.label || !now.group)
        ESPY_GO(cx->code);
    training_set_rows(l, place, start, from);
    for (size_t v = 0; v < n; v++) {
        memcpy(now.x + v * dim, l->vectors.x + from[v] * dim, dim * sizeof *now.x);
        now.sample[v] = l->vectors.sample[from[v]];
        now.label[v] = l->vectors.label[from[v]];
        now.group[v] = l->vectors.group[from[v]];
    }
    for (size_t i = 0; i < l->n_labels; i++)
        labels[place[i]] = l->labels[i];
    memcpy(l->labels, labels, l->n_labels * sizeof *labels);
    for (size_t i = 0, v = 0; i < l->n_labels; i++) {
        l->codes[i] = l->labels[i].code;
        for (; v < n && now.label[v] == l->labels[i].id; v++)
            l->y[v] = (uint32_t)i;
    }
    espy_vectors_free(cx, &l->vectors);
    l->vectors = now;
    now = (espy_vectors){0};
    l->rows = (espy_rows){l->vectors.x, l->y, n, dim, l->n_labels, l->vectors.group};
out:
    espy_vectors_free(cx, &now);
    espy_free(cx, place);
    espy_free(cx, start);
    espy_free(cx, from);
    espy_free(cx, labels);
    return e;
}

void espy_ingest_free(espy_ctx *cx, espy_ingest *r)
{
    espy_free(cx, r->samples);
    for (size_t i = 0; i < r->n_skipped; i++) {
        espy_free(cx, r->skipped[i].path);
        espy_free(cx, r->skipped[i].reason);
    }
    espy_free(cx, r->skipped);
    espy_free(cx, r->per_folder);
    *r = (espy_ingest){0};
}

typedef struct ingest_job {
    espy_store *store;
    const espy_dataset *data;
    const char **paths;
    size_t *folder;  /* of each path */
    int64_t *labels; /* of each folder */
    struct ingest_seen {
        int64_t sample; /* 0: free place */
        size_t item;
    } * seen; /* open addressing; a power of two of places, at most half of them taken */
    size_t places;
    const espy_ingest_options *options;
    const espy_modality *modality;
    espy_ingest *result;
} ingest_job;

/* The first file of this run that gave the sample; notes `i` when there was none. */
static size_t ingest_first(ingest_job *j, int64_t sample, size_t i)
{
    size_t at = (size_t)((uint64_t)sample * 0x9e3779b97f4a7c15u) & (j->places - 1);
    while (j->seen[at].sample && j->seen[at].sample != sample)
        at = (at + 1) & (j->places - 1);
    if (!j->seen[at].sample) {
        j->seen[at].sample = sample;
        j->seen[at].item = i;
    }
    return j->seen[at].item;
}

static espy_err ingest_skip(espy_ctx *cx, ingest_job *j, size_t i, const char *reason)
{
    espy_ingest *r = j->result;
    espy_skip s = {espy_strdup(cx, j->paths[i]), espy_strdup(cx, reason)};
    r->skipped[r->n_skipped++] = s; /* room for every path was made */
    if (!s.path || !s.reason)
        return cx->code;
    espy_log(cx, ESPY_LOG_DEBUG, "skipped %s: %s", s.path, s.reason);
    return ESPY_E_OK;
}

/* The sample that is meant: the only one, or the one at the box; NULL when nothing lies there. */
static const espy_scan_sample *ingest_choose(const ingest_job *j, const espy_scan *scan)
{
    const espy_scan_sample *best = NULL;
    float most = INGEST_OVERLAP;
    if (!j->options->box)
        return scan->n ? &scan->at[0] : NULL;
    for (size_t i = 0; i < scan->n; i++) {
        float o = espy_box_overlap(scan->at[i].box, j->options->box);
        if (o >= most) {
            most = o;
            best = &scan->at[i];
        }
    }
    return best;
}

/* Where the sample was seen, and what it was cut from. */
static espy_err ingest_origin(espy_ctx *cx, const ingest_job *j, size_t i, int64_t sample)
{
    char *source = realpath(j->paths[i], NULL), *recording = NULL;
    espy_err e = source ? espy_store_sample_source(cx, j->store, sample, source) : ESPY_E_OK;
    free(source);
    ESPY_TRY(e);
    if (!j->modality->hears)
        return ESPY_E_OK;
    bool told;
    ESPY_TRY(espy_sources_find(cx, j->options->sources, j->paths[i], &told, &recording));
    e = espy_store_sample_recording(cx, j->store, sample, recording, told);
    espy_free(cx, recording);
    return e;
}

static espy_err ingest_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    ingest_job *j = self;
    size_t folder = j->folder[i];
    if (scan->error) {
        j->result->unreadable += access(j->paths[i], R_OK) != 0;
        return ingest_skip(cx, j, i, scan->error);
    }
    if (!j->labels[folder])
        return ingest_skip(cx, j, i,
                           "a person deleted this label: take it back with espy label undo, or "
                           "rename the folder");
    const espy_scan_sample *s = ingest_choose(j, scan);
    if (!s)
        return ingest_skip(cx, j, i,
                           scan->n ? "no face at that box"
                           : scan->gone
                               ? "a person said that it shows none; undo that, or enroll it"
                               : j->modality->nothing);
    size_t first = ingest_first(j, s->id, i);
    if (j->labels[j->folder[first]] != j->labels[folder]) {
        char reason[sizeof cx->text];
        snprintf(reason, sizeof reason, "the same %s as %s, which has another label",
                 j->modality->media, j->paths[first]);
        return ingest_skip(cx, j, i, reason);
    }
    espy_err e = espy_store_sample_label(cx, j->store, s->id, j->labels[folder], j->options->actor);
    if (e == ESPY_E_EXISTS) {
        char reason[sizeof cx->text];
        memcpy(reason, cx->text, sizeof reason);
        espy_clear(cx);
        return ingest_skip(cx, j, i, reason);
    }
    ESPY_TRY(e);
    ESPY_TRY(ingest_origin(cx, j, i, s->id));
    if (first == i)
        j->result->samples[j->result->n_samples++] = s->id;
    j->result->used++;
    j->result->fresh += fresh;
    j->result->per_folder[folder]++;
    return ESPY_E_OK;
}

static int ingest_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

espy_err espy_flow_ingest(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const espy_encoder *encoder, const espy_dataset *data,
                          const espy_ingest_options *options, espy_ingest *out)
{
    espy_ingest result = {.modality = espy_encoder_modality(encoder)};
    ingest_job j = {.store = ws->store,
                    .data = data,
                    .options = options,
                    .modality = result.modality,
                    .result = &result};
    espy_err e = ESPY_E_OK;
    size_t n = 0;
    j.paths = espy_array(cx, data->files, sizeof *j.paths);
    j.folder = espy_array(cx, data->files, sizeof *j.folder);
    j.labels = espy_array(cx, data->n, sizeof *j.labels);
    for (j.places = 16; j.places < 2 * data->files;)
        j.places *= 2;
    j.seen = espy_array(cx, j.places, sizeof *j.seen);
    result.skipped = espy_array(cx, data->files, sizeof *result.skipped);
    result.per_folder = espy_array(cx, data->n, sizeof *result.per_folder);
    result.samples = espy_array(cx, data->files, sizeof *result.samples);
    if (!j.paths || !j.folder || !j.labels || !j.seen || !result.skipped || !result.per_folder ||
        !result.samples)
        ESPY_GO(cx->code);
    for (size_t f = 0; f < data->n; f++) {
        e = espy_store_label(cx, ws->store, c->id, data->at[f].code, data->at[f].name,
                             &j.labels[f]);
        if (e == ESPY_E_EXISTS) /* deleted by a person: its files are told one by one */
            espy_clear(cx);
        else
            ESPY_GO(e);
        for (size_t i = 0; i < data->at[f].n_files; i++) {
            j.paths[n] = data->at[f].files[i];
            j.folder[n++] = f;
        }
    }
    espy_scan_job scan = {
        .encoder = encoder,
        .find = {.largest = !options->box, .whole_if_none = options->whole_if_none},
        .store = ws->store,
        .collection = c->id,
        .progress = options->progress,
        .stage = "encoding",
        .again = strcmp(options->actor, "user") == 0};
    ESPY_GO(espy_flow_scan(cx, &scan, j.paths, n, ingest_one, &j));
    if (result.n_samples)
        qsort(result.samples, result.n_samples, sizeof *result.samples, ingest_order);
    *out = result;
    result = (espy_ingest){0};
out:
    espy_free(cx, (void *)j.paths);
    espy_free(cx, j.folder);
    espy_free(cx, j.labels);
    espy_free(cx, j.seen);
    espy_ingest_free(cx, &result);
    return e;
}

static espy_err forget_all(espy_ctx *cx, espy_store *store, const espy_labelled *at, size_t n,
                           const espy_ingest *ingest, size_t *gone)
{
    for (size_t i = 0; i < n; i++) {
        bool kept = ingest->n_samples && bsearch(&at[i].sample, ingest->samples, ingest->n_samples,
                                                 sizeof *ingest->samples, ingest_order);
        if (kept || strcmp(at[i].actor, "folder") != 0)
            continue;
        ESPY_TRY(espy_store_sample_label(cx, store, at[i].sample, 0, "folder"));
        ++*gone;
    }
    return ESPY_E_OK;
}

espy_err espy_flow_forget(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const char *dir, const espy_ingest *ingest, size_t *gone)
{
    espy_labelled *at = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    char *real = realpath(dir, NULL);
    char *under = real ? espy_sprintf(cx, "%s/", real) : NULL;
    *gone = 0;
    if (!under)
        ESPY_GO(espy_fail(cx, ESPY_E_IO, "%s cannot be found any more", dir));
    ESPY_GO(espy_store_labelled(cx, ws->store, c->id, under, &at, &n));
    ESPY_GO(espy_store_begin(cx, ws->store));
    e = forget_all(cx, ws->store, at, n, ingest, gone);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, ws->store);
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, ws->store);
out:
    free(real);
    espy_free(cx, under);
    espy_free(cx, at);
    return e;
}

static const char *rule_name(espy_threshold_rule rule)
{
    switch (rule) {
    case ESPY_THRESHOLD_RECOMMENDED:
        return "recommended";
    case ESPY_THRESHOLD_ACCEPT:
        return "percentile";
    case ESPY_THRESHOLD_FOLDS:
        return "folds";
    case ESPY_THRESHOLD_LITERAL:
        return "literal";
    case ESPY_THRESHOLD_FIXED:
        return "fixed";
    }
    return "";
}

espy_err espy_training_set_counts(espy_ctx *cx, const espy_training_set *data, espy_json **out)
{
    espy_json *counts = espy_json_object();
    espy_err e = ESPY_E_OK;
    for (size_t c = 0, i = 0, n; c < data->n_labels; c++, i += n) { /* rows are in order of label */
        for (n = 0; i + n < data->rows.n && data->y[i + n] == c;)
            n++;
        ESPY_GO(espy_json_set(cx, counts, data->codes[c], espy_json_of_int((int64_t)n)));
    }
    *out = counts;
    counts = NULL;
out:
    espy_json_free(counts);
    return e;
}

/* Of a head that learns in epochs: how many, the one that was kept, and how each ended. */
static espy_err version_epochs(espy_ctx *cx, const espy_head *head, espy_json *v)
{
    static const char *const names[] = {"loss", "accuracy", "val_loss", "val_accuracy",
                                        "learning_rate"};
    espy_head_network net;
    espy_json *history = NULL, *column = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_head_mlp_network(head, &net))
        return ESPY_E_OK;
    history = espy_json_object();
    for (size_t k = 0; k < 5; k++) {
        column = espy_json_array();
        for (size_t i = 0; i < net.history->n; i++) {
            const espy_mlp_epoch *at = &net.history->at[i];
            const float value[] = {at->loss, at->accuracy, at->val_loss, at->val_accuracy,
                                   at->rate};
            ESPY_GO(espy_json_append(cx, column, espy_json_of_float(value[k])));
        }
        ESPY_GO(espy_json_set(cx, history, names[k], espy_json_ref(column)));
        espy_json_free(column);
        column = NULL;
    }
    ESPY_GO(espy_json_set(cx, v, "epochs", espy_json_of_int((int64_t)net.history->n)));
    ESPY_GO(espy_json_set(cx, v, "best_epoch", espy_json_of_int((int64_t)net.history->best + 1)));
    ESPY_GO(espy_json_set(cx, v, "history", espy_json_ref(history)));
out:
    espy_json_free(column);
    espy_json_free(history);
    return e;
}

/* version.json without what the store adds ("version", "created", "head_sha256"). */
static espy_err version_json(espy_ctx *cx, const espy_collection *c, const espy_training_set *data,
                             const espy_fit *fit, const espy_fit_options *o, size_t lineage,
                             const espy_publication *how, espy_json *v)
{
    espy_json *classes = espy_json_array(), *ids = espy_json_array();
    espy_json *metrics = espy_json_object(), *counts = NULL, *figures = NULL;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < data->n_labels; i++) {
        ESPY_GO(espy_json_append(cx, classes, espy_json_of_string(data->codes[i])));
        ESPY_GO(espy_json_append(cx, ids, espy_json_of_int(data->labels[i].id)));
    }
    if (fit->split.test_n) {
        ESPY_GO(espy_json_set(cx, metrics, "accuracy", espy_json_of_number(fit->metrics.accuracy)));
        ESPY_GO(espy_json_set(cx, metrics, "macro_f1", espy_json_of_number(fit->metrics.macro.f1)));
        ESPY_GO(
            espy_json_set(cx, metrics, "held_out", espy_json_of_int((int64_t)fit->split.test_n)));
        ESPY_GO(espy_figures_json(cx, data->codes, fit, how->strangers, &figures));
        ESPY_GO(espy_json_set(cx, v, "evaluation", espy_json_ref(figures)));
    }
    ESPY_GO(espy_json_set(cx, v, "collection", espy_json_of_string(c->name)));
    ESPY_GO(espy_json_set(cx, v, "head", espy_json_of_string(fit->ops->name)));
    ESPY_GO(espy_json_set(cx, v, "encoder", espy_json_of_string(c->encoder)));
    ESPY_GO(espy_json_set(cx, v, "encoder_digest", espy_json_of_string(c->encoder_digest)));
    ESPY_GO(espy_json_set(cx, v, "precision", espy_json_of_string(c->precision)));
    ESPY_GO(espy_json_set(cx, v, "classes", espy_json_ref(classes)));
    ESPY_GO(espy_json_set(cx, v, "label_ids", espy_json_ref(ids)));
    ESPY_GO(espy_json_set(cx, v, "threshold", espy_json_of_number(fit->threshold)));
    ESPY_GO(espy_json_set(cx, v, "threshold_rule", espy_json_of_string(rule_name(o->rule))));
    ESPY_GO(espy_json_set(cx, v, "floor", espy_json_of_number(fit->floor)));
    ESPY_GO(espy_json_set(cx, v, "metrics", espy_json_ref(metrics)));
    ESPY_GO(
        espy_json_set(cx, v, "metrics_from",
                      fit->split.test_n ? espy_json_of_string("holdout") : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, v, "refitted", espy_json_of_bool(fit->refitted)));
    ESPY_GO(espy_json_set(cx, v, "samples", espy_json_of_int((int64_t)data->vectors.n)));
    ESPY_GO(espy_training_set_counts(cx, data, &counts));
    ESPY_GO(espy_json_set(cx, v, "sample_counts", espy_json_ref(counts)));
    ESPY_GO(version_epochs(cx, fit->head, v));
    if (how->copies)
        ESPY_GO(espy_json_set(cx, v, "altered_copies", espy_json_of_int((int64_t)how->copies)));
    if (how->file_counts)
        ESPY_GO(espy_json_set(cx, v, "file_counts", espy_json_ref(how->file_counts)));
    ESPY_GO(espy_json_set(cx, v, "lineage", espy_json_of_int((int64_t)lineage)));
    ESPY_GO(espy_json_set(cx, v, "seed", espy_json_of_int((int64_t)o->settings.seed)));
    ESPY_GO(espy_json_set(cx, v, "software_version", espy_json_of_string(espy_library_version())));
    ESPY_GO(espy_json_set(cx, v, "reason", espy_json_of_string(how->reason)));
    if (how->gate)
        ESPY_GO(espy_json_set(cx, v, "gate", espy_json_ref(how->gate)));
out:
    espy_json_free(classes);
    espy_json_free(ids);
    espy_json_free(counts);
    espy_json_free(figures);
    espy_json_free(metrics);
    return e;
}

espy_err espy_flow_add(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                       const espy_training_set *data, const espy_fit *fit,
                       const espy_fit_options *options, const espy_publication *how,
                       int64_t *number)
{
    bool all = fit->refitted || !fit->split.test_n;
    size_t n = all ? data->vectors.n : fit->split.train_n;
    espy_err e = ESPY_E_OK;
    espy_buf bytes;
    espy_buf_init(&bytes, (size_t)4 << 30);
    espy_json *json = espy_json_object();
    int64_t *samples = espy_array(cx, n, sizeof *samples);
    bool open = false;
    if (!samples)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < n; i++)
        samples[i] = data->vectors.sample[all ? i : fit->split.train[i]];
    ESPY_GO(fit->ops->save(cx, fit->head, &bytes));
    ESPY_GO(version_json(cx, c, data, fit, options, n, how, json));
    ESPY_GO(espy_cancelled(cx)); /* last chance: from here on it is all or nothing */
    ESPY_GO(espy_store_begin(cx, ws->store));
    open = true;
    ESPY_GO(espy_store_version_add(cx, ws->store, c->id, fit->ops->name, json, espy_span_of(&bytes),
                                   samples, n, number));
    if (how->promote)
        ESPY_GO(espy_store_promote(cx, ws->store, c->id, *number, how->reason));
    ESPY_GO(espy_store_commit(cx, ws->store));
    open = false;
out:
    if (open)
        espy_store_rollback(cx, ws->store);
    espy_free(cx, samples);
    espy_buf_free(cx, &bytes);
    espy_json_free(json);
    return e;
}

espy_err espy_flow_publish(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_training_set *data, const espy_fit *fit,
                           const espy_fit_options *options, const char *reason, int64_t *number)
{
    const espy_publication how = {.reason = reason, .promote = true};
    return espy_flow_add(cx, ws, c, data, fit, options, &how, number);
}
