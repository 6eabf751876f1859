/* SPDX-License-Identifier: Apache-2.0
 * flow - the two described trainers. */
#include "flow/retrain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/text.h"

espy_err espy_retrain_index(espy_ctx *cx, const char *dir, espy_retrain *r)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".bmp", NULL};
    return espy_dataset_read(cx, dir, ESPY_FOLDER_FIRST, suffixes, &r->data);
}

espy_err espy_retrain_embed(espy_ctx *cx, espy_retrain *r, const char *collection,
                            bool whole_if_none, const espy_progress *progress)
{
    ESPY_TRY(espy_workspace_collection(cx, r->ws, collection, r->encoder, &r->collection));
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
        .detector = espy_json_string(
            espy_json_get(espy_json_get(pack, "detector"), "name"),
            espy_json_string(espy_json_get(espy_json_get(pack, "detector"), "type"), "detector")),
        .alignment = espy_json_string(espy_json_get(espy_json_get(pack, "embedder"), "align"),
                                      "five-point similarity"),
        .embedder = espy_json_string(espy_json_get(espy_json_get(pack, "embedder"), "name"),
                                     espy_encoder_pack(r->encoder)->name),
        .pretrained = espy_json_string(espy_json_get(espy_json_get(pack, "embedder"), "pretrained"),
                                       espy_encoder_pack(r->encoder)->name),
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

/* Whether `path` lies in `dir` once links are followed. */
static bool lies_in(const char *path, const char *dir)
{
    char *p = realpath(path, NULL), *d = realpath(dir, NULL);
    size_t n = d ? strlen(d) : 0;
    bool in = p && d && strncmp(p, d, n) == 0 && (p[n] == '\0' || p[n] == '/');
    free(p);
    free(d);
    return in;
}

static espy_err cleanup_one(espy_ctx *cx, const char *data_dir, const char *dir, const char *name,
                            bool *gone, char **path)
{
    *path = espy_path_join(cx, dir, name);
    if (!*path)
        return cx->code;
    bool folder = espy_dir_exists(*path);
    *gone = folder || espy_file_exists(*path);
    if (!*gone)
        return ESPY_E_OK;
    if (lies_in(*path, data_dir))
        return espy_fail(
            cx, ESPY_E_ARG,
            "%s lies inside the dataset %s and is not deleted; choose another output folder", *path,
            data_dir);
    if (folder && lies_in(data_dir, *path))
        return espy_fail(cx, ESPY_E_ARG,
                         "%s holds the dataset %s and is not deleted; choose another output folder",
                         *path, data_dir);
    if (folder)
        return espy_dir_remove(cx, *path);
    if (cx->io->unlink(*path) != 0) {
        espy_log(cx, ESPY_LOG_WARN, "%s could not be deleted and is written over", *path);
        *gone = false;
    }
    return ESPY_E_OK;
}

espy_err espy_retrain_cleanup(espy_ctx *cx, const char *data_dir, const char *out_dir,
                              const char *embeds_out, void (*deleted)(void *self, const char *path),
                              void *self, size_t *count)
{
    const struct {
        const char *dir, *name;
    } items[] = {{out_dir, "face_classifier_v1.pkl"},
                 {out_dir, "label_encoder.pkl"},
                 {out_dir, "label_encoder_classes.npy"},
                 {out_dir, "scaler.pkl"},
                 {embeds_out, "X.npy"},
                 {embeds_out, "y.npy"},
                 {embeds_out, "labels.csv"},
                 {embeds_out, "training_report.txt"},
                 {embeds_out, "MODEL_README.md"},
                 {embeds_out, "temp"}};
    *count = 0;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        char *path = NULL;
        bool gone = false;
        espy_err e = cleanup_one(cx, data_dir, items[i].dir, items[i].name, &gone, &path);
        if (e == ESPY_E_OK && gone) {
            deleted(self, path);
            ++*count;
        }
        espy_free(cx, path);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}
