/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy retrain clean` and `espy retrain production`: the two described trainers with their
 * options, defaults, files and console frames (SPEC 1 and 2). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/media_args.h"
#include "flow/retrain.h"
#include "learn/svm.h"

#define CLEAN_RULE "======================================================================"
#define PRODUCTION_RULE "============================================================"
#define CLEAN_COVERAGE 0.85 /* what a recommended threshold should accept (C-02) */
#define CLEAN_EVERY 10      /* pictures between two progress lines */

/* The console of a trainer: standard output, or standard error where that is for the JSON. */
static void tell(const espy_cli *cli, const char *fmt, ...) ESPY_PRINTF(2, 3);

static void tell(const espy_cli *cli, const char *fmt, ...)
{
    if (cli->json && cli->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(cli->json ? stderr : stdout, fmt, ap);
    va_end(ap);
}

static void frame(const espy_cli *cli, const char *rule, const char *title)
{
    tell(cli, "\n%s\n%s\n%s\n", rule, title, rule);
}

/* Everything that can be known to be wrong before anything is deleted or computed.  *usage: the
 * failure is one of the option table (a setting of espy.conf). */
static espy_err retrain_begin(espy_cli *cli, const char *data, espy_encoder **encoder,
                              espy_retrain *r, bool *usage)
{
    espy_ctx *cx = &cli->cx;
    ESPY_TRY(espy_retrain_index(cx, data, r));
    espy_err e = espy_cli_workspace(cli, true);
    *usage = e == ESPY_E_ARG;
    ESPY_TRY(e);
    const char *collection;
    ESPY_TRY(espy_cli_collection_name(cli, espy_modality_find("face"), &collection));
    ESPY_TRY(espy_cli_encoder(cli, true, espy_modality_find("face"), encoder));
    r->ws = &cli->ws;
    r->encoder = *encoder;
    return espy_retrain_collection(cx, r, collection, !espy_cli_given(cli, "collection"));
}

/* The trainers end with 1 whatever went wrong; 2 is for the option table. */
static espy_err retrain_end(espy_err e, bool usage)
{
    return e == ESPY_E_ARG && !usage ? ESPY_E_DATA : e;
}

static espy_err retrain_json(espy_cli *cli, const espy_retrain *r, const espy_retrain_paths *p)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    bool measured = r->fit.split.test_n > 0;
    ESPY_GO(espy_json_set(cx, o, "collection", espy_json_of_string(r->collection.name)));
    ESPY_GO(espy_json_set(cx, o, "version", espy_json_of_int(r->version)));
    ESPY_GO(espy_json_set(cx, o, "encoder", espy_json_of_string(r->collection.encoder)));
    ESPY_GO(espy_json_set(cx, o, "head", espy_json_of_string(r->fit.ops->name)));
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)r->labelled.n_labels)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)r->labelled.rows.n)));
    ESPY_GO(espy_json_set(cx, o, "skipped", espy_json_of_int((int64_t)r->ingest.n_skipped)));
    ESPY_GO(espy_json_set(cx, o, "accuracy",
                          measured ? espy_json_of_number(r->fit.metrics.accuracy)
                                   : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(r->fit.threshold)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_number(r->fit.floor)));
    ESPY_GO(espy_json_set(cx, o, "dataset", espy_json_of_string(p->data)));
    ESPY_GO(espy_json_set(cx, o, "classifier", espy_json_of_string(p->out)));
    ESPY_GO(espy_json_set(cx, o, "embeddings", espy_json_of_string(p->embeds)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* ---- clean ----------------------------------------------------------------------------------- */

static espy_retrain_paths clean_paths(const espy_cli *cli)
{
    espy_retrain_paths p = espy_retrain_default_paths(false);
    const char *data = espy_cli_text(cli, "data-dir"), *out = espy_cli_text(cli, "out-dir"),
               *embeds = espy_cli_text(cli, "embeds-out");
    return (espy_retrain_paths){data ? data : p.data, out ? out : p.out,
                                embeds ? embeds : p.embeds};
}

/* Time, text and where it was found, appended to DIR/training_error.log. */
static void clean_error_log(espy_cli *cli, const char *dir)
{
    espy_ctx cx = espy_ctx_child(&cli->cx);
    char date[32];
    espy_time_local(espy_time_now(), date);
    char *path = espy_path_join(&cx, dir, "training_error.log");
    char *line = espy_sprintf(&cx, "%s - ERROR - %s\n  at %s:%d (espy %s)\n", date, cli->cx.text,
                              cli->cx.file ? espy_path_name(cli->cx.file) : "?", cli->cx.line,
                              espy_library_version());
    if (path && line && espy_dir_make(&cx, dir) == ESPY_E_OK &&
        espy_file_append(&cx, path, line, strlen(line)) == ESPY_E_OK)
        espy_cli_say(cli, "The error is logged in %s", path);
    espy_free(&cx, path);
    espy_free(&cx, line);
}

static void clean_deleted(void *self, const char *path)
{
    tell(self, "✓ Deleted: %s\n", path);
}

static void clean_progress(void *self, const char *stage, size_t done, size_t total)
{
    (void)stage;
    if (done % CLEAN_EVERY == 0) {
        tell(self, "Processing %zu/%zu...\n", done, total);
        fflush(stdout);
    }
}

static void clean_saved(void *self, const char *what, const char *path)
{
    tell(self, "✓ Saved %s: %s\n", what, path);
}

static void clean_students(const espy_cli *cli, const espy_retrain *r)
{
    for (size_t i = 0; i < r->data.n_empty; i++)
        tell(cli, "! %s holds no image and is left out\n", r->data.empty[i]);
    for (size_t i = 0; i < r->data.n; i++)
        tell(cli, "✓ %s: %s (%zu images)\n", r->data.at[i].code, r->data.at[i].name,
             r->data.at[i].n_files);
    tell(cli, "✔ Found %zu students with %zu total images\n", r->data.n, r->data.files);
}

static void clean_evaluation(const espy_cli *cli, const espy_retrain *r)
{
    const espy_fit *f = &r->fit;
    if (!f->split.test_n) {
        tell(cli, "! Too few images to hold any back: accuracy is not measured\n");
        return;
    }
    tell(cli,
         "✓ Test Accuracy: %.4f\n\n%s\nThreshold Analysis:\n"
         "--------------------------------------------------\n",
         f->metrics.accuracy, (const char *)f->report.data);
    for (size_t i = 0; i < ESPY_THRESHOLD_ROWS; i++)
        tell(cli, "Threshold %.2f: Acc=%.4f, Coverage=%.4f, Score=%.4f\n", f->table[i].threshold,
             f->table[i].accuracy, f->table[i].coverage, f->table[i].score);
    tell(cli, "✓ Recommended threshold: %.2f\n", f->threshold);
    size_t accepted = 0;
    for (size_t i = 0; i < f->split.test_n; i++)
        accepted += (double)f->top[i] >= f->threshold;
    if ((double)accepted < CLEAN_COVERAGE * (double)f->split.test_n)
        tell(cli,
             "! Only %zu of %zu held-out images reach it: add images per student, or set a lower "
             "RECOGNITION_THRESHOLD from the table\n",
             accepted, f->split.test_n);
}

/* What would fail later is found here, so that a failing run leaves the earlier files alone. */
static espy_err clean_begin(espy_cli *cli, const espy_retrain_paths *p, espy_encoder **encoder,
                            espy_retrain *r, bool *usage)
{
    espy_ctx *cx = &cli->cx;
    if (!espy_dir_exists(p->data))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; name the students' folders with --data-dir",
                         p->data);
    ESPY_TRY(retrain_begin(cli, p->data, encoder, r, usage));
    if (r->data.n > ESPY_SVM_CLASSES)
        return espy_fail(cx, ESPY_E_DATA,
                         "%zu students; this trainer serves up to %d: use espy retrain production "
                         "--classifier logistic",
                         r->data.n, ESPY_SVM_CLASSES);
    ESPY_TRY(espy_retrain_cleanup_check(cx, p->data, p->out, p->embeds));
    ESPY_TRY(espy_dir_make(cx, p->out));
    return espy_dir_make(cx, p->embeds);
}

static espy_err clean_steps(espy_cli *cli, const espy_retrain_paths *p, espy_retrain *r)
{
    espy_ctx *cx = &cli->cx;
    espy_progress progress = {clean_progress, cli};
    size_t deleted;
    frame(cli, CLEAN_RULE, "STEP 1: Cleaning up previous artifacts");
    ESPY_TRY(espy_retrain_cleanup(cx, p->data, p->out, p->embeds, clean_deleted, cli, &deleted));
    tell(cli, "✔ Model cleanup completed. Deleted %zu files.\n", deleted);

    frame(cli, CLEAN_RULE, "STEP 2: Building dataset index");
    clean_students(cli, r);

    frame(cli, CLEAN_RULE, "STEP 3: Extracting embeddings");
    ESPY_TRY(espy_retrain_embed(cx, r, false, &progress));
    tell(cli,
         "✔ Extracted %zu embeddings (skipped %zu)\n✔ Embedding shape: (%zu, %zu)\n"
         "✔ Labels shape: (%zu,)\n",
         r->ingest.used, r->ingest.n_skipped, r->labelled.rows.n, r->labelled.rows.dim,
         r->labelled.rows.n);

    frame(cli, CLEAN_RULE, "STEP 4: Training classifier");
    r->options =
        (espy_fit_options){.head = "svm",
                           .settings = {.c = 1, .balanced = true, .scale = true, .seed = 42},
                           .test_share = 0.2,
                           .refit = true,
                           .rule = ESPY_THRESHOLD_RECOMMENDED};
    tell(cli, "✓ Encoded %zu classes\n✓ Scaled embeddings\n✓ Training SVM classifier...\n",
         r->labelled.n_labels);
    ESPY_TRY(espy_retrain_fit(cx, r));
    tell(cli, "✓ Classifier trained\n");

    frame(cli, CLEAN_RULE, "STEP 5: Evaluating classifier");
    clean_evaluation(cli, r);

    frame(cli, CLEAN_RULE, "STEP 6: Saving artifacts");
    espy_retrain_layout layout = {false, p->out, p->embeds, clean_saved, cli};
    ESPY_TRY(espy_retrain_save(cx, r, &layout));
    return espy_retrain_publish(cx, r);
}

static void clean_ending(const espy_cli *cli, const espy_retrain_paths *p, const espy_retrain *r)
{
    frame(cli, CLEAN_RULE, "✔ TRAINING COMPLETED SUCCESSFULLY!");
    tell(cli, "\nArtifacts saved to:\n  - Classifier: %s\n  - Embeddings: %s\n\n", p->out,
         p->embeds);
    if (r->fit.split.test_n)
        tell(cli, "Final Accuracy: %.4f\n", r->fit.metrics.accuracy);
    tell(cli,
         "Recommended Threshold: %.2f\nTotal Students: %zu\nTotal Embeddings: %zu\n"
         "Collection: %s, version %lld\n",
         r->fit.threshold, r->labelled.n_labels, r->labelled.rows.n, r->collection.name,
         (long long)r->version);
}

static espy_err retrain_clean_cmd(espy_cli *cli)
{
    espy_encoder *encoder = NULL;
    espy_retrain r = {0};
    bool usage = false;
    espy_retrain_paths p = clean_paths(cli);
    frame(cli, CLEAN_RULE, "SMARTATTENDANCE FACE RECOGNITION MODEL RETRAINING");
    tell(cli, "Dataset: %s\nClassifier: %s\nEmbeddings: %s\n", p.data, p.out, p.embeds);
    espy_err e = clean_begin(cli, &p, &encoder, &r, &usage);
    if (e == ESPY_E_OK)
        e = clean_steps(cli, &p, &r);
    if (e == ESPY_E_OK) {
        clean_ending(cli, &p, &r);
        if (cli->json)
            e = retrain_json(cli, &r, &p);
    } else if (e != ESPY_E_CANCELLED) {
        clean_error_log(cli, p.embeds);
    }
    espy_retrain_free(&cli->cx, &r);
    espy_encoder_destroy(&cli->cx, &encoder);
    return retrain_end(e, usage);
}

static const espy_option clean_options[] = {
    {"data-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "student folders; default backend/dataset/processed (dataset/processed inside backend)"},
    {"out-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "classifier files; default backend/models/Classifier (models/Classifier inside backend)"},
    {"embeds-out", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "X.npy, y.npy, labels.csv, reports, error log; default models (../models inside backend)"},
    {"encoder", "PACK", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_ENCODER", "encoder",
     "pack of networks to use"},
    {"precision", "P", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "precision", "auto, f32, mixed or bf16"},
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, "clean", NULL, NULL,
     "collection that gets the version; clean-PACK-DIGEST when another encoder made that"},
    {0}};

const espy_command espy_command_retrain_clean = {
    "retrain clean",
    "",
    "Retrain from scratch as SmartAttendance's clean trainer does",
    "Deletes what an earlier run left, embeds every photo (seen ones come from the store), trains "
    "a\n"
    "linear SVM, measures on a held-out fifth, fits again on everything and writes the classifier, "
    "the\n"
    "embeddings and two documents.",
    clean_options,
    0,
    0,
    retrain_clean_cmd};

/* ---- production ------------------------------------------------------------------------------ */

typedef struct production_log {
    espy_cli *cli;
    const char *dir;
    espy_buf text;
} production_log;

/* One "time - level - message" line for training.log, and the message for the console. */
static espy_err production_say(production_log *log, const char *level, const char *fmt, ...)
    ESPY_PRINTF(3, 4);

static espy_err production_say(production_log *log, const char *level, const char *fmt, ...)
{
    espy_ctx child = espy_ctx_child(&log->cli->cx); /* also tells of a failure noted there */
    char date[32];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *message = espy_array(&child, n < 0 ? 1 : (size_t)n + 1, 1);
    if (!message)
        return espy_ctx_adopt(&log->cli->cx, &child);
    va_start(ap, fmt);
    vsnprintf(message, n < 0 ? 1 : (size_t)n + 1, fmt, ap);
    va_end(ap);
    espy_time_local(espy_time_now(), date);
    tell(log->cli, "%s\n", message);
    espy_err e = espy_buf_printf(&child, &log->text, "%s - %s - %s\n", date, level, message);
    espy_free(&child, message);
    return e == ESPY_E_OK ? e : espy_ctx_adopt(&log->cli->cx, &child);
}

static void production_saved(void *self, const char *what, const char *path)
{
    (void)what;
    production_log *log = self;
    (void)!production_say(log, "INFO", "✓ Saved: %s", path);
}

/* The log is written whatever happened; a failure to write it does not hide the first one. */
static espy_err production_log_write(production_log *log)
{
    espy_ctx cx = espy_ctx_child(&log->cli->cx);
    char *path = espy_path_join(&cx, log->dir, "training.log");
    espy_err e = path ? espy_dir_make(&cx, log->dir) : cx.code;
    if (e == ESPY_E_OK && log->text.size)
        e = espy_file_append(&cx, path, log->text.data, log->text.size);
    espy_free(&cx, path);
    espy_buf_free(&cx, &log->text);
    if (e != ESPY_E_OK)
        espy_ctx_adopt(&log->cli->cx, &cx);
    return e;
}

static espy_err production_matrix(production_log *log, const espy_retrain *r)
{
    espy_ctx *cx = &log->cli->cx;
    espy_buf text;
    espy_buf_init(&text, (size_t)256 << 20);
    espy_err e = espy_fit_confusion_text(cx, &r->fit, r->labelled.codes, &text);
    if (e == ESPY_E_OK)
        e = production_say(log, "INFO", "Confusion Matrix:\n%s", (const char *)text.data);
    espy_buf_free(cx, &text);
    return e;
}

static espy_err production_figures(production_log *log, const espy_retrain *r, int64_t percent)
{
    const espy_fit *f = &r->fit;
    if (!f->split.test_n)
        return production_say(log, "WARNING",
                              "Too few images to hold any back: accuracy is not measured");
    ESPY_TRY(production_say(log, "INFO", "Training set: %zu samples, test set: %zu samples",
                            f->split.train_n, f->split.test_n));
    ESPY_TRY(production_say(log, "INFO", "Test Accuracy: %.4f", f->metrics.accuracy));
    ESPY_TRY(
        production_say(log, "INFO", "Classification Report:\n%s", (const char *)f->report.data));
    ESPY_TRY(production_matrix(log, r));
    ESPY_TRY(production_say(log, "INFO", "Confidence threshold (percentile=%lld): %.4f",
                            (long long)percent, f->threshold));
    ESPY_TRY(
        production_say(log, "INFO", "Threshold as the original computes it: %.4f", f->literal));
    double least = 1, most = 0, sum = 0, squares = 0;
    size_t n = f->split.test_n;
    for (size_t i = 0; i < n; i++) {
        double p = (double)f->top[i];
        least = p < least ? p : least;
        most = p > most ? p : most;
        sum += p;
        squares += p * p;
    }
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    return production_say(log, "INFO", "Confidence min=%.4f max=%.4f mean=%.4f std=%.4f", least,
                          most, mean, variance > 0 ? sqrt(variance) : 0.0);
}

static espy_err production_steps(espy_cli *cli, const espy_retrain_paths *p, production_log *log,
                                 espy_encoder **encoder, espy_retrain *r, bool *usage)
{
    espy_ctx *cx = &cli->cx;
    int64_t percent = espy_cli_int(cli, "threshold-percentile");
    const char *mode = espy_cli_text(cli, "threshold-mode"),
               *head = espy_cli_text(cli, "classifier");
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "PRODUCTION MODEL TRAINING"));
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "Dataset: %s", p->data));
    ESPY_TRY(production_say(log, "INFO", "Output: %s", p->out));
    ESPY_TRY(retrain_begin(cli, p->data, encoder, r, usage));
    ESPY_TRY(
        production_say(log, "INFO", "Found %zu student directories", r->data.n + r->data.n_empty));
    for (size_t i = 0; i < r->data.n_empty; i++)
        ESPY_TRY(production_say(log, "WARNING", "No images in %s: skipped", r->data.empty[i]));
    for (size_t i = 0; i < r->data.n; i++)
        ESPY_TRY(production_say(log, "INFO", "%s: %zu images", r->data.at[i].code,
                                r->data.at[i].n_files));
    ESPY_TRY(
        production_say(log, "INFO", "Total: %zu images of %zu students", r->data.files, r->data.n));
    ESPY_TRY(espy_retrain_embed(cx, r, true, &cli->progress));
    for (size_t i = 0; i < r->ingest.n_skipped; i++)
        ESPY_TRY(production_say(log, "ERROR", "%s: %s", r->ingest.skipped[i].path,
                                r->ingest.skipped[i].reason));
    ESPY_TRY(production_say(log, "INFO", "Extracted %zu embeddings, %zu failed, shape (%zu, %zu)",
                            r->ingest.used, r->ingest.n_skipped, r->labelled.rows.n,
                            r->labelled.rows.dim));
    r->options = (espy_fit_options){.head = head,
                                    .settings = {.c = 1, .scale = true, .seed = 42},
                                    .test_share = 0.2,
                                    .rule = strcmp(mode, "literal") == 0 ? ESPY_THRESHOLD_LITERAL
                                                                         : ESPY_THRESHOLD_ACCEPT,
                                    .percent = (double)percent};
    ESPY_TRY(espy_retrain_fit(cx, r));
    ESPY_TRY(production_figures(log, r, percent));
    espy_retrain_layout layout = {true, p->out, p->out, production_saved, log};
    ESPY_TRY(espy_retrain_save(cx, r, &layout));
    return espy_retrain_publish(cx, r);
}

static espy_err production_ending(production_log *log, const char *out, const espy_retrain *r)
{
    static const char *const files[] = {
        "face_classifier_v1.pkl", "label_encoder_classes.npy", "X.npy",       "y.npy",
        "training_metadata.json", "training_summary.txt",      "training.log"};
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "MODEL TRAINING COMPLETE"));
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ESPY_TRY(production_say(log, "INFO", "  %s/%s", out, files[i]));
    ESPY_TRY(production_say(log, "INFO", "Collection: %s, version %lld", r->collection.name,
                            (long long)r->version));
    ESPY_TRY(production_say(log, "INFO", "Next steps:"));
    ESPY_TRY(production_say(log, "INFO", "  espy test --model %s --test-all", out));
    return production_say(log, "INFO", "  espy identify PHOTO --collection %s", r->collection.name);
}

static espy_err retrain_production_cmd(espy_cli *cli)
{
    espy_encoder *encoder = NULL;
    espy_retrain r = {0};
    bool usage = false;
    espy_retrain_paths p = espy_retrain_default_paths(true);
    const char *data = espy_cli_text(cli, "dataset"), *out = espy_cli_text(cli, "output"),
               *head = espy_cli_text(cli, "classifier"),
               *mode = espy_cli_text(cli, "threshold-mode");
    if (strcmp(head, "svm") != 0 && strcmp(head, "logistic") != 0)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--classifier %s: choose svm or logistic", head);
    if (strcmp(mode, "accept") != 0 && strcmp(mode, "literal") != 0)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--threshold-mode %s: choose accept or literal",
                         mode);
    p.data = data ? data : p.data;
    p.out = p.embeds = out ? out : p.out;
    production_log log = {cli, p.out, {0}};
    espy_buf_init(&log.text, (size_t)256 << 20);
    espy_err e = production_steps(cli, &p, &log, &encoder, &r, &usage);
    if (e == ESPY_E_OK)
        e = production_ending(&log, p.out, &r);
    else
        (void)!production_say(&log, "ERROR", "%s", cli->cx.text);
    espy_err logged = production_log_write(&log);
    e = e != ESPY_E_OK ? e : logged;
    if (e == ESPY_E_OK && cli->json)
        e = retrain_json(cli, &r, &p);
    espy_retrain_free(&cli->cx, &r);
    espy_encoder_destroy(&cli->cx, &encoder);
    return retrain_end(e, usage);
}

static const espy_option production_options[] = {
    {"dataset", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "student folders; default dataset/processed, or backend/dataset/processed"},
    {"output", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "where the files go; default models/Classifier, or backend/models/Classifier"},
    {"classifier", "KIND", ESPY_OPT_TEXT, 0, 0, "svm", NULL, NULL, "svm or logistic"},
    {"threshold-percentile", "P", ESPY_OPT_INT, 1, 100, "95", NULL, NULL,
     "percent of correctly classified known faces to accept: 90 is stricter, 98 more lenient"},
    {"threshold-mode", "MODE", ESPY_OPT_TEXT, 0, 0, "accept", NULL, NULL,
     "accept, or literal: the original's percentile of training probabilities (refuses about P %)"},
    {"encoder", "PACK", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_ENCODER", "encoder",
     "pack of networks to use"},
    {"precision", "P", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "precision", "auto, f32, mixed or bf16"},
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, "production", NULL, NULL,
     "collection that gets the version; production-PACK-DIGEST when another encoder made that"},
    {0}};

const espy_command espy_command_retrain_production = {
    "retrain production",
    "",
    "Train as SmartAttendance's production trainer does",
    "Photos without a detected face are taken whole.  The threshold accepts the given percentage "
    "of\n"
    "known faces, measured on the held-out fifth.",
    production_options,
    0,
    0,
    retrain_production_cmd};
