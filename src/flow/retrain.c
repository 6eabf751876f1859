/* SPDX-License-Identifier: Apache-2.0
 * flow - the two described trainers. */
#include "flow/retrain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/text.h"
#include "encode/align.h"

espy_retrain_paths espy_retrain_default_paths(bool inside)
{
    static const espy_retrain_paths within = {"dataset/processed", "models/Classifier",
                                              "../models"},
                                    above = {"backend/dataset/processed",
                                             "backend/models/Classifier", "models"};
    if (espy_dir_exists(above.data))
        return above;
    if (espy_dir_exists(within.data))
        return within;
    if (espy_dir_exists(above.out))
        return above;
    return inside || espy_dir_exists(within.out) ? within : above;
}

espy_err espy_retrain_read(espy_ctx *cx, const char *dir, espy_dataset *out)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".bmp", NULL};
    return espy_dataset_read(cx, dir, ESPY_FOLDER_FIRST, espy_modality_find("face"), suffixes, out);
}

espy_err espy_retrain_index(espy_ctx *cx, const char *dir, espy_retrain *r)
{
    ESPY_TRY(espy_retrain_read(cx, dir, &r->data));
    if (r->data.n < 2)
        return espy_fail(cx, ESPY_E_DATA,
                         "%s holds photos of one student only; a classifier needs two at least",
                         dir);
    if (r->data.files == r->data.n)
        return espy_fail(
            cx, ESPY_E_DATA,
            "%s holds one photo per student; add a second one of some, or use: espy train", dir);
    return ESPY_E_OK;
}

espy_err espy_retrain_collection(espy_ctx *cx, espy_retrain *r, const char *name, bool give_way)
{
    espy_collection found = {0};
    char *other = NULL;
    espy_err e = give_way ? espy_store_collection(cx, r->ws->store, name, &found) : ESPY_E_OK;
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    ESPY_GO(e);
    const char *digest = espy_encoder_digest(r->encoder);
    if (found.name && strcmp(found.encoder_digest, digest) != 0) {
        other = espy_sprintf(cx, "%s-%s-%.8s", name, espy_encoder_pack(r->encoder)->name, digest);
        if (!other)
            ESPY_GO(cx->code);
    }
    ESPY_GO(espy_workspace_collection(cx, r->ws, other ? other : name, r->encoder, &r->collection));
out:
    espy_collection_free(cx, &found);
    espy_free(cx, other);
    return e;
}

espy_err espy_retrain_embed(espy_ctx *cx, espy_retrain *r, bool whole_if_none,
                            const espy_progress *progress)
{
    espy_ingest_options o = {
        .whole_if_none = whole_if_none, .actor = "folder", .progress = progress};
    ESPY_TRY(espy_flow_ingest(cx, r->ws, &r->collection, r->encoder, &r->data, &o, &r->ingest));
    if (!r->ingest.used)
        return espy_fail(
            cx, ESPY_E_DATA,
            "no face was found in any of %zu images (first: %s); use photos that show one "
            "face of at least 100 x 100 pixels",
            r->data.files, r->ingest.n_skipped ? r->ingest.skipped[0].reason : "");
    return espy_training_set_load_only(cx, r->ws->store, &r->collection, r->ingest.samples,
                                       r->ingest.n_samples, &r->labelled);
}

espy_err espy_retrain_fit(espy_ctx *cx, espy_retrain *r)
{
    r->options.floor = espy_encoder_pack(r->encoder)->floor;
    return espy_flow_fit(cx, &r->labelled.rows, r->labelled.codes, &r->options, &r->fit);
}

espy_err espy_retrain_publish(espy_ctx *cx, espy_retrain *r)
{
    return espy_flow_publish(cx, r->ws, &r->collection, &r->labelled, &r->fit, &r->options,
                             "retrain", &r->version);
}

/* What the artifact writers need, gathered; arrays owned here. */
typedef struct retrain_facts {
    espy_training_student *students;
    espy_training_skip *skipped;
    espy_training_threshold thresholds[ESPY_THRESHOLD_ROWS];
    espy_sk_model model;
    espy_buf confusion;
    char device[64];
} retrain_facts;

static void facts_free(espy_ctx *cx, retrain_facts *f)
{
    espy_free(cx, f->students);
    espy_free(cx, f->skipped);
    espy_sk_free(cx, &f->model);
    espy_buf_free(cx, &f->confusion);
}

static espy_err facts_fill(espy_ctx *cx, const espy_retrain *r, retrain_facts *f)
{
    f->students = espy_array(cx, r->data.n, sizeof *f->students);
    f->skipped = espy_array(cx, r->ingest.n_skipped, sizeof *f->skipped);
    if (!f->students || !f->skipped)
        return cx->code;
    for (size_t i = 0; i < r->data.n; i++)
        f->students[i] = (espy_training_student){r->data.at[i].code, r->data.at[i].name,
                                                 r->data.at[i].n_files, r->ingest.per_folder[i]};
    for (size_t i = 0; i < r->ingest.n_skipped; i++)
        f->skipped[i] =
            (espy_training_skip){r->ingest.skipped[i].path, r->ingest.skipped[i].reason};
    for (size_t i = 0; i < ESPY_THRESHOLD_ROWS; i++) {
        const espy_threshold_row *row = &r->fit.table[i];
        f->thresholds[i] =
            (espy_training_threshold){row->threshold, row->accuracy, row->accepted, row->total};
    }
    snprintf(f->device, sizeof f->device, "CPU, %u threads", espy_pool_size(cx->pool));
    if (r->fit.split.test_n)
        ESPY_TRY(espy_fit_confusion_text(cx, &r->fit, r->labelled.codes, &f->confusion));
    ESPY_TRY(espy_sk_from_head(cx, r->fit.head, r->labelled.codes, &f->model));
    f->model.c = r->options.settings.c;
    f->model.balanced = r->options.settings.balanced;
    return ESPY_E_OK;
}

espy_err espy_retrain_save(espy_ctx *cx, const espy_retrain *r, const espy_retrain_layout *layout)
{
    retrain_facts f = {0};
    espy_err e = ESPY_E_OK;
    const espy_json *pack = espy_encoder_pack(r->encoder)->json;
    const espy_align_ops *align =
        espy_align_find(espy_json_string(espy_json_get(pack, "align"), ""));
    espy_buf_init(&f.confusion, (size_t)256 << 20);
    ESPY_GO(facts_fill(cx, r, &f));
    bool logistic = strcmp(r->fit.ops->name, "logistic") == 0;
    espy_training_facts facts = {
        .out_dir = layout->out_dir,
        .embeds_out = layout->embeds_out,
        .model = &f.model,
        .x = r->labelled.rows.x,
        .y = r->labelled.rows.y,
        .n = r->labelled.rows.n,
        .students = f.students,
        .student_count = r->data.n,
        .images_found = r->data.files,
        .skipped = f.skipped,
        .skipped_count = r->ingest.n_skipped,
        .accuracy = r->fit.metrics.accuracy,
        .report = r->fit.split.test_n ? (const char *)r->fit.report.data : "not measured\n",
        .confusion_matrix = r->fit.split.test_n ? (const char *)f.confusion.data : "not measured\n",
        .thresholds = f.thresholds,
        .threshold_count = ESPY_THRESHOLD_ROWS,
        .threshold = r->fit.threshold,
        .date = espy_time_now(),
        .device = f.device,
        .detector = espy_json_string(espy_json_get(espy_json_get(pack, "detector"), "type"), ""),
        .alignment = align ? align->help : "",
        .embedder = espy_encoder_pack(r->encoder)->name,
        .pretrained = espy_encoder_pack(r->encoder)->name,
        .classifier = logistic                       ? "logistic regression, one-vs-rest"
                      : r->options.settings.balanced ? "SVM, linear kernel, balanced class weights"
                                                     : "SVM, linear kernel",
        .saved = layout->saved,
        .saved_self = layout->self,
    };
    if (layout->production)
        ESPY_GO(espy_artifact_write_production(cx, &facts));
    else
        ESPY_GO(espy_artifact_write_clean(cx, &facts));
out:
    facts_free(cx, &f);
    return e;
}

void espy_retrain_free(espy_ctx *cx, espy_retrain *r)
{
    espy_fit_free(cx, &r->fit);
    espy_training_set_free(cx, &r->labelled);
    espy_ingest_free(cx, &r->ingest);
    espy_dataset_free(cx, &r->data);
    espy_collection_free(cx, &r->collection);
}

/* The path with all links followed, for free(). */
static espy_err cleanup_real(espy_ctx *cx, const char *path, char **out)
{
    *out = realpath(path, NULL);
    if (*out)
        return ESPY_E_OK;
    return espy_fail(cx, errno == ENOMEM ? ESPY_E_NOMEM : ESPY_E_IO, "%s cannot be looked up: %s",
                     path, strerror(errno));
}

static bool lies_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    if (n && dir[n - 1] == '/') /* the root */
        n--;
    return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* One of the ten items. */
typedef struct cleanup_item {
    char *path;
    bool there, folder; /* folder: a real one; a link to a folder is a name to take away */
} cleanup_item;

/* Refuses an item in the dataset and one that the dataset is in, wherever links lead. */
static espy_err cleanup_check(espy_ctx *cx, const char *data_dir, const char *dir,
                              cleanup_item *item)
{
    char *data = NULL, *parent = NULL, *target = NULL;
    struct stat st;
    espy_err e = ESPY_E_OK;
    item->there = lstat(item->path, &st) == 0;
    if (!item->there)
        return ESPY_E_OK;
    item->folder = S_ISDIR(st.st_mode);
    ESPY_GO(cleanup_real(cx, data_dir, &data));
    ESPY_GO(cleanup_real(cx, dir, &parent));
    e = cleanup_real(cx, item->path, &target);
    if (e == ESPY_E_IO) { /* a link to nowhere */
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    if (e == ESPY_E_OK && (lies_in(parent, data) || (target && lies_in(target, data))))
        e = espy_fail(
            cx, ESPY_E_ARG,
            "%s lies inside the dataset %s and is not deleted; choose another output folder",
            item->path, data_dir);
    if (e == ESPY_E_OK && target && lies_in(data, target))
        e = espy_fail(cx, ESPY_E_ARG,
                      "%s holds the dataset %s and is not deleted; choose another output folder",
                      item->path, data_dir);
out:
    free(data);
    free(parent);
    free(target);
    return e;
}

/* A failed deletion is told and does not stop the rest: what is left is written over. */
static espy_err cleanup_delete(espy_ctx *cx, const cleanup_item *item, bool *gone)
{
    espy_err e = ESPY_E_OK;
    if (item->folder)
        e = espy_dir_remove(cx, item->path);
    *gone = item->folder ? e == ESPY_E_OK : cx->io->unlink(item->path) == 0;
    if (e == ESPY_E_NOMEM)
        return e;
    espy_clear(cx);
    if (!*gone)
        espy_log(cx, ESPY_LOG_WARN, "%s could not be deleted", item->path);
    return ESPY_E_OK;
}

#define CLEANUP_ITEMS 10

static espy_err cleanup_items(espy_ctx *cx, const char *data_dir, const char *out_dir,
                              const char *embeds_out, cleanup_item items[CLEANUP_ITEMS])
{
    const struct {
        const char *dir, *name;
    } named[CLEANUP_ITEMS] = {{out_dir, "face_classifier_v1.pkl"},
                              {out_dir, "label_encoder.pkl"},
                              {out_dir, "label_encoder_classes.npy"},
                              {out_dir, "scaler.pkl"},
                              {embeds_out, "X.npy"},
                              {embeds_out, "y.npy"},
                              {embeds_out, "labels.csv"},
                              {embeds_out, "training_report.txt"},
                              {embeds_out, "MODEL_README.md"},
                              {embeds_out, "temp"}};
    for (size_t i = 0; i < CLEANUP_ITEMS; i++) {
        items[i].path = espy_path_join(cx, named[i].dir, named[i].name);
        if (!items[i].path)
            return cx->code;
        ESPY_TRY(cleanup_check(cx, data_dir, named[i].dir, &items[i]));
    }
    return ESPY_E_OK;
}

static void cleanup_free(espy_ctx *cx, cleanup_item items[CLEANUP_ITEMS])
{
    for (size_t i = 0; i < CLEANUP_ITEMS; i++)
        espy_free(cx, items[i].path);
}

espy_err espy_retrain_cleanup_check(espy_ctx *cx, const char *data_dir, const char *out_dir,
                                    const char *embeds_out)
{
    cleanup_item items[CLEANUP_ITEMS] = {0};
    espy_err e = cleanup_items(cx, data_dir, out_dir, embeds_out, items);
    cleanup_free(cx, items);
    return e;
}

espy_err espy_retrain_cleanup(espy_ctx *cx, const char *data_dir, const char *out_dir,
                              const char *embeds_out, void (*deleted)(void *self, const char *path),
                              void *self, size_t *count)
{
    cleanup_item items[CLEANUP_ITEMS] = {0};
    espy_err e = ESPY_E_OK;
    *count = 0;
    ESPY_GO(cleanup_items(cx, data_dir, out_dir, embeds_out, items));
    for (size_t i = 0; i < CLEANUP_ITEMS; i++) {
        bool gone = false;
        if (items[i].there)
            ESPY_GO(cleanup_delete(cx, &items[i], &gone));
        if (!gone)
            continue;
        deleted(self, items[i].path);
        ++*count;
    }
out:
    cleanup_free(cx, items);
    return e;
}
