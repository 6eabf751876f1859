/* SPDX-License-Identifier: Apache-2.0
 * artifact - the files of the two SmartAttendance trainers (smartattendance.h). */
#include "artifact/smartattendance.h"

#include <string.h>

#include "artifact/csv.h"
#include "artifact/npy.h"
#include "base/file.h"
#include "base/text.h"

#define SMART_FILE_MAX ((size_t)1 << 34) /* of one file in memory; bounded by the data really */
#define SMART_SKIPPED_SHOWN 50u          /* skipped images named in the report */
#define SMART_DEFAULT_THRESHOLD 0.70
#define SMART_RULE_REPORT 80
#define SMART_RULE_SUMMARY 60

/* Fills a buffer with one file's bytes. */
typedef espy_err smart_fill(espy_ctx *cx, const espy_training_facts *f, espy_buf *out);

typedef struct smart_file {
    const char *what; /* in "Saved <what>: <path>" */
    const char *name;
    bool in_embeds; /* in embeds_out, not out_dir */
    smart_fill *fill;
} smart_file;

static espy_err smart_rule(espy_ctx *cx, espy_buf *out, char c, int width)
{
    char line[SMART_RULE_REPORT + 2];
    memset(line, c, (size_t)width);
    line[width] = '\n';
    return espy_buf_append(cx, out, line, (size_t)width + 1);
}

/* ---- arrays and tables ---- */

static espy_err smart_classes(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_npy_put_text(cx, out, (const char *const *)f->model->labels, f->model->classes);
}

static espy_err smart_x(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_npy_put_f32(cx, out, f->x, 2, (const size_t[]){f->n, f->model->dim});
}

/* S0 writes the ids, S1 the numbers (contradiction C-04 of the specification: both are kept). */
static espy_err smart_y_ids(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    const char **ids = espy_array(cx, f->n, sizeof *ids);
    if (!ids)
        return cx->code;
    for (size_t i = 0; i < f->n; i++)
        ids[i] = f->model->labels[f->y[i]];
    espy_err e = espy_npy_put_text(cx, out, ids, f->n);
    espy_free(cx, ids);
    return e;
}

static espy_err smart_y_numbers(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    int64_t *numbers = espy_array(cx, f->n, sizeof *numbers);
    if (!numbers)
        return cx->code;
    for (size_t i = 0; i < f->n; i++)
        numbers[i] = f->y[i];
    espy_err e = espy_npy_put_i64(cx, out, numbers, f->n);
    espy_free(cx, numbers);
    return e;
}

static espy_err smart_labels_csv(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    static const char *const head[] = {"student_id", "student_name", "num_images"};
    ESPY_TRY(espy_csv_row(cx, out, head, 3));
    for (size_t i = 0; i < f->student_count; i++) {
        const espy_training_student *s = &f->students[i];
        char *images = espy_sprintf(cx, "%zu", s->images);
        if (!images)
            return cx->code;
        espy_err e = espy_csv_row(cx, out, (const char *const[]){s->id, s->name, images}, 3);
        espy_free(cx, images);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

/* ---- S0: training_report.txt ---- */

static espy_err report_section(espy_ctx *cx, espy_buf *out, const char *title)
{
    ESPY_TRY(espy_buf_printf(cx, out, "\n%s\n", title));
    return smart_rule(cx, out, '-', SMART_RULE_REPORT);
}

static espy_err report_setting(espy_ctx *cx, espy_buf *out, const char *key, const char *value)
{
    return espy_buf_printf(cx, out, "%-20s %s\n", key, value ? value : "-");
}

static espy_err report_pipeline(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    char date[32];
    espy_time_local(f->date, date);
    ESPY_TRY(smart_rule(cx, out, '=', SMART_RULE_REPORT));
    ESPY_TRY(espy_buf_text(cx, out, "SMARTATTENDANCE FACE RECOGNITION - TRAINING REPORT\n"));
    ESPY_TRY(smart_rule(cx, out, '=', SMART_RULE_REPORT));
    ESPY_TRY(report_setting(cx, out, "Date:", date));
    ESPY_TRY(report_setting(cx, out, "Device:", f->device));
    ESPY_TRY(report_section(cx, out, "PIPELINE"));
    ESPY_TRY(report_setting(cx, out, "Detector:", f->detector));
    ESPY_TRY(report_setting(cx, out, "Alignment:", f->alignment));
    ESPY_TRY(report_setting(cx, out, "Embedder:", f->embedder));
    ESPY_TRY(espy_buf_printf(cx, out, "%-20s %zu\n", "Embedding dimension:", f->model->dim));
    ESPY_TRY(report_setting(cx, out, "Normalisation:", "unit length (L2)"));
    ESPY_TRY(report_setting(
        cx, out,
        "Scaling:", f->model->scaler.mean ? "StandardScaler, after normalisation" : "none"));
    return report_setting(cx, out, "Classifier:", f->classifier);
}

static espy_err report_dataset(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    ESPY_TRY(report_section(cx, out, "DATASET"));
    ESPY_TRY(espy_buf_printf(cx, out,
                             "Images found:         %zu\n"
                             "Embeddings extracted: %zu\n"
                             "Images skipped:       %zu\n"
                             "Students:             %zu\n"
                             "Shape of X:           (%zu, %zu)\n",
                             f->images_found, f->n, f->skipped_count, f->student_count, f->n,
                             f->model->dim));
    ESPY_TRY(report_section(cx, out, "STUDENTS"));
    for (size_t i = 0; i < f->student_count; i++) {
        const espy_training_student *s = &f->students[i];
        ESPY_TRY(espy_buf_printf(cx, out, "%4zu. %s (%s): %zu samples of %zu images\n", i + 1,
                                 s->id, s->name, s->embeddings, s->images));
    }
    return ESPY_E_OK;
}

static espy_err report_thresholds(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    ESPY_TRY(report_section(cx, out, "THRESHOLD ANALYSIS"));
    ESPY_TRY(espy_buf_text(cx, out, "Threshold  Accuracy  Rejected %  Accepted/Total\n"));
    for (size_t i = 0; i < f->threshold_count; i++) {
        const espy_training_threshold *t = &f->thresholds[i];
        double rejected =
            t->total ? 100.0 * (double)(t->total - t->accepted) / (double)t->total : 0.0;
        ESPY_TRY(espy_buf_printf(cx, out, "%9.2f  %8.4f  %10.2f  %zu/%zu\n", t->threshold,
                                 t->accuracy, rejected, t->accepted, t->total));
    }
    return espy_buf_printf(cx, out, "\nRecommended threshold: %.2f\nDefault threshold:     %.2f\n",
                           f->threshold, SMART_DEFAULT_THRESHOLD);
}

static espy_err report_skipped(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    ESPY_TRY(report_section(cx, out, "SKIPPED IMAGES"));
    size_t shown = f->skipped_count < SMART_SKIPPED_SHOWN ? f->skipped_count : SMART_SKIPPED_SHOWN;
    for (size_t i = 0; i < shown; i++)
        ESPY_TRY(espy_buf_printf(cx, out, "%s: %s\n", f->skipped[i].path, f->skipped[i].reason));
    if (f->skipped_count > shown)
        ESPY_TRY(espy_buf_printf(cx, out, "... and %zu more\n", f->skipped_count - shown));
    if (f->skipped_count == 0)
        ESPY_TRY(espy_buf_text(cx, out, "none\n"));
    ESPY_TRY(report_section(cx, out, "ERROR LOG"));
    for (size_t i = 0; i < f->error_count; i++)
        ESPY_TRY(espy_buf_printf(cx, out, "%s\n", f->errors[i]));
    if (f->error_count == 0)
        ESPY_TRY(espy_buf_text(cx, out, "none\n"));
    return ESPY_E_OK;
}

static espy_err smart_report(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    ESPY_TRY(report_pipeline(cx, f, out));
    ESPY_TRY(report_dataset(cx, f, out));
    ESPY_TRY(report_section(cx, out, "EVALUATION (held-out part)"));
    ESPY_TRY(espy_buf_printf(cx, out, "Test Accuracy: %.4f\n", f->accuracy));
    ESPY_TRY(report_section(cx, out, "CLASSIFICATION REPORT"));
    ESPY_TRY(espy_buf_text(cx, out, f->report));
    ESPY_TRY(report_section(cx, out, "CONFUSION MATRIX (rows: true, columns: predicted)"));
    ESPY_TRY(espy_buf_text(cx, out, f->confusion_matrix));
    ESPY_TRY(report_thresholds(cx, f, out));
    ESPY_TRY(report_skipped(cx, f, out));
    ESPY_TRY(espy_buf_text(cx, out, "\n"));
    ESPY_TRY(smart_rule(cx, out, '=', SMART_RULE_REPORT));
    ESPY_TRY(espy_buf_text(cx, out, "END OF REPORT\n"));
    return smart_rule(cx, out, '=', SMART_RULE_REPORT);
}

/* ---- S0: MODEL_README.md ---- */

static espy_err readme_files(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_buf_printf(
        cx, out,
        "## Files\n\n"
        "```\n"
        "%s/\n"
        "    face_classifier_v1.pkl       classifier, scaler and label encoder in one dictionary\n"
        "    label_encoder.pkl            student id <-> number\n"
        "    label_encoder_classes.npy    student ids in label order\n"
        "    scaler.pkl                   StandardScaler\n"
        "%s/\n"
        "    X.npy                        embeddings, float32 (%zu, %zu), unit length\n"
        "    y.npy                        student id of each row\n"
        "    labels.csv                   student_id, student_name, num_images\n"
        "    training_report.txt          accuracy, confusion matrix, thresholds, skipped images\n"
        "    MODEL_README.md              this file\n"
        "```\n\n"
        "## Dataset\n\n"
        "One folder per student, named `<id>_<name>`; jpg, jpeg, png or bmp inside:\n\n"
        "```\n"
        "dataset/processed/\n"
        "    STU001_John_Doe/\n"
        "        img001.jpg\n"
        "        img002.jpg\n"
        "```\n\n",
        f->out_dir, f->embeds_out, f->n, f->model->dim);
}

static espy_err readme_use(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_buf_printf(
        cx, out,
        "## Retraining\n\n"
        "Add, change or remove pictures, then run `retrain_clean` (or `espy retrain clean`). "
        "Earlier artefacts are deleted first; the dataset is never touched.\n\n"
        "## Threshold\n\n"
        "Recommended threshold: **%.2f** (default %.2f). Test accuracy: %.4f. Set it as "
        "`RECOGNITION_THRESHOLD` in the configuration: higher refuses more strangers and more "
        "students, lower accepts more of both. The table is in `training_report.txt`.\n\n"
        "## Inference\n\n"
        "1. Detect the face and align it.\n"
        "2. Embed it: %zu values.\n"
        "3. Scale the embedding to unit length.\n"
        "4. Apply the scaler.\n"
        "5. Compute the class probabilities.\n"
        "6. Highest probability >= threshold: that student, otherwise `unknown`.\n\n"
        "## Notes\n\n"
        "- Embeddings have unit length; the scaler comes after that.\n"
        "- The dimension is %zu and belongs to the embedder.\n"
        "- Probabilities are closed-set: without the threshold every stranger gets a name.\n",
        f->threshold, SMART_DEFAULT_THRESHOLD, f->accuracy, f->model->dim, f->model->dim);
}

static espy_err smart_readme(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    char date[32];
    espy_time_local(f->date, date);
    ESPY_TRY(espy_buf_printf(
        cx, out,
        "# SmartAttendance face recognition model\n\n"
        "Trained %s by espy %s: %zu students, %zu embeddings.\n\n"
        "## Pipeline\n\n"
        "- Detector: %s\n"
        "- Alignment: %s\n"
        "- Embedder: %s, %zu dimensions\n"
        "- Normalisation: unit length\n"
        "- Scaling: %s\n"
        "- Classifier: %s\n\n",
        date, ESPY_VERSION, f->student_count, f->n, f->detector ? f->detector : "-",
        f->alignment ? f->alignment : "-", f->embedder ? f->embedder : "-", f->model->dim,
        f->model->scaler.mean ? "StandardScaler" : "none", f->classifier ? f->classifier : "-"));
    ESPY_TRY(readme_files(cx, f, out));
    return readme_use(cx, f, out);
}

/* ---- pickles ---- */

static espy_err smart_pickle_clean(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    char date[32];
    espy_time_iso(f->date, date);
    espy_json *extra = espy_json_object();
    ESPY_GO(espy_json_set(cx, extra, "embedding_dim", espy_json_of_int((int64_t)f->model->dim)));
    ESPY_GO(espy_json_set(
        cx, extra, "model_type",
        espy_json_of_string(f->model->kind == ESPY_SK_SVC ? "SVM" : "LogisticRegression")));
    ESPY_GO(espy_json_set(cx, extra, "detector", espy_json_of_string(f->detector)));
    ESPY_GO(espy_json_set(cx, extra, "training_date", espy_json_of_string(date)));
    /* beyond the described keys: `espy test` finds the encoder by them */
    ESPY_GO(espy_json_set(cx, extra, "embedding_model", espy_json_of_string(f->embedder)));
    ESPY_GO(
        espy_json_set(cx, extra, "software_version", espy_json_of_string("espy " ESPY_VERSION)));
    ESPY_GO(espy_sk_put_clean(cx, f->model, extra, out));
out:
    espy_json_free(extra);
    return e;
}

static espy_err smart_pickle_production(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    espy_json *metadata;
    ESPY_TRY(espy_artifact_production_metadata(cx, f, &metadata));
    espy_err e = espy_sk_put_production(cx, f->model, metadata, out);
    espy_json_free(metadata);
    return e;
}

static espy_err smart_pickle_encoder(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_sk_put_label_encoder(cx, f->model, out);
}

static espy_err smart_pickle_scaler(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    return espy_sk_put_scaler(cx, f->model, out);
}

/* ---- S1: metadata and summary ---- */

/* The keys are the described system's; the two version keys of its runtime hold ours. */
espy_err espy_artifact_production_metadata(espy_ctx *cx, const espy_training_facts *f,
                                           espy_json **out)
{
    static const char software[] = "espy " ESPY_VERSION;
    espy_err e = ESPY_E_OK;
    char date[32];
    espy_time_iso(f->date, date);
    espy_json *o = espy_json_object(), *classes = espy_json_array();
    for (size_t i = 0; i < f->model->classes; i++)
        ESPY_GO(espy_json_append(cx, classes, espy_json_of_string(f->model->labels[i])));
    ESPY_GO(espy_json_set(cx, o, "embedding_model", espy_json_of_string(f->embedder)));
    ESPY_GO(espy_json_set(cx, o, "pretrained_on", espy_json_of_string(f->pretrained)));
    ESPY_GO(espy_json_set(cx, o, "embedding_dim", espy_json_of_int((int64_t)f->model->dim)));
    ESPY_GO(espy_json_set(cx, o, "num_classes", espy_json_of_int((int64_t)f->model->classes)));
    e = espy_json_set(cx, o, "classes", classes);
    classes = NULL; /* taken also on failure */
    if (e)
        goto out;
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(f->threshold)));
    ESPY_GO(espy_json_set(
        cx, o, "classifier_type",
        espy_json_of_string(f->model->kind == ESPY_SK_SVC ? "SVC" : "LogisticRegression")));
    ESPY_GO(espy_json_set(cx, o, "accuracy", espy_json_of_number(f->accuracy)));
    ESPY_GO(espy_json_set(cx, o, "training_date", espy_json_of_string(date)));
    ESPY_GO(espy_json_set(cx, o, "python_version", espy_json_of_string(software)));
    ESPY_GO(espy_json_set(cx, o, "torch_version", espy_json_of_string(software)));
    ESPY_GO(espy_json_set(cx, o, "software_version", espy_json_of_string(software)));
    ESPY_GO(espy_json_set(cx, o, "num_training_samples", espy_json_of_int((int64_t)f->n)));
    *out = o;
    o = NULL;
out:
    espy_json_free(o);
    espy_json_free(classes);
    return e;
}

static espy_err smart_metadata(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    espy_json *metadata;
    ESPY_TRY(espy_artifact_production_metadata(cx, f, &metadata));
    espy_err e = espy_json_print(cx, metadata, 2, out);
    espy_json_free(metadata);
    ESPY_TRY(e);
    return espy_buf_text(cx, out, "\n");
}

static espy_err smart_summary(espy_ctx *cx, const espy_training_facts *f, espy_buf *out)
{
    char date[32];
    espy_time_local(f->date, date);
    ESPY_TRY(smart_rule(cx, out, '=', SMART_RULE_SUMMARY));
    ESPY_TRY(espy_buf_text(cx, out, "FACE RECOGNITION TRAINING SUMMARY\n"));
    ESPY_TRY(smart_rule(cx, out, '=', SMART_RULE_SUMMARY));
    ESPY_TRY(espy_buf_printf(cx, out,
                             "Training date: %s\n"
                             "Embedding model: %s (%s)\n"
                             "Embedding dimension: %zu\n"
                             "Classifier: %s\n"
                             "Number of students: %zu\n"
                             "Training samples: %zu\n"
                             "Test accuracy: %.4f\n"
                             "Confidence threshold: %.4f\n\n"
                             "Students:\n",
                             date, f->embedder ? f->embedder : "-",
                             f->pretrained ? f->pretrained : "-", f->model->dim,
                             f->model->kind == ESPY_SK_SVC ? "SVC" : "LogisticRegression",
                             f->model->classes, f->n, f->accuracy, f->threshold));
    for (size_t i = 0; i < f->model->classes; i++)
        ESPY_TRY(espy_buf_printf(cx, out, "%4zu. %s\n", i + 1, f->model->labels[i]));
    return smart_rule(cx, out, '=', SMART_RULE_SUMMARY);
}

/* ---- the two sets ---- */

static espy_err smart_write_one(espy_ctx *cx, const espy_training_facts *f, const smart_file *file)
{
    espy_err e = ESPY_E_OK;
    espy_buf b;
    espy_buf_init(&b, SMART_FILE_MAX);
    char *path = espy_path_join(cx, file->in_embeds ? f->embeds_out : f->out_dir, file->name);
    if (!path)
        return cx->code;
    ESPY_GO(file->fill(cx, f, &b));
    ESPY_GO(espy_file_write(cx, path, b.data, b.size));
    if (f->saved)
        f->saved(f->saved_self, file->what, path);
out:
    espy_buf_free(cx, &b);
    espy_free(cx, path);
    return e;
}

static espy_err smart_check(espy_ctx *cx, const espy_training_facts *f)
{
    if (!f->model->labels)
        return espy_fail(cx, ESPY_E_ARG, "the model has no labels to be written");
    /* LabelEncoder finds a label's number by bisection; bytes of UTF-8 sort as numpy sorts text. */
    for (size_t i = 1; i < f->model->classes; i++)
        if (strcmp(f->model->labels[i - 1], f->model->labels[i]) >= 0)
            return espy_fail(cx, ESPY_E_ARG, "the labels \"%s\" and \"%s\" are not in order",
                             f->model->labels[i - 1], f->model->labels[i]);
    for (size_t i = 0; i < f->n; i++)
        if (f->y[i] >= f->model->classes)
            return espy_fail(cx, ESPY_E_ARG, "sample %zu has label %u of %zu", i, (unsigned)f->y[i],
                             f->model->classes);
    return ESPY_E_OK;
}

static espy_err smart_write(espy_ctx *cx, const espy_training_facts *f, const smart_file *files,
                            size_t n)
{
    ESPY_TRY(smart_check(cx, f));
    ESPY_TRY(espy_dir_make(cx, f->out_dir));
    for (size_t i = 0; i < n; i++)
        ESPY_TRY(smart_write_one(cx, f, &files[i]));
    return ESPY_E_OK;
}

espy_err espy_artifact_write_clean(espy_ctx *cx, const espy_training_facts *f)
{
    static const smart_file files[] = {
        {"classifier", "face_classifier_v1.pkl", false, smart_pickle_clean},
        {"label encoder", "label_encoder.pkl", false, smart_pickle_encoder},
        {"label encoder classes", "label_encoder_classes.npy", false, smart_classes},
        {"scaler", "scaler.pkl", false, smart_pickle_scaler},
        {"embeddings", "X.npy", true, smart_x},
        {"labels", "y.npy", true, smart_y_ids},
        {"student metadata", "labels.csv", true, smart_labels_csv},
        {"training report", "training_report.txt", true, smart_report},
        {"model README", "MODEL_README.md", true, smart_readme},
    };
    ESPY_TRY(espy_dir_make(cx, f->embeds_out));
    return smart_write(cx, f, files, sizeof files / sizeof files[0]);
}

espy_err espy_artifact_write_production(espy_ctx *cx, const espy_training_facts *f)
{
    static const smart_file files[] = {
        {"model", "face_classifier_v1.pkl", false, smart_pickle_production},
        {"label encoder classes", "label_encoder_classes.npy", false, smart_classes},
        {"embeddings", "X.npy", false, smart_x},
        {"labels", "y.npy", false, smart_y_numbers},
        {"metadata", "training_metadata.json", false, smart_metadata},
        {"summary", "training_summary.txt", false, smart_summary},
    };
    return smart_write(cx, f, files, sizeof files / sizeof files[0]);
}
