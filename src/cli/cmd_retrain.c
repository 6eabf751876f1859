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

#define CLEAN_RULE "======================================================================"
#define PRODUCTION_RULE "============================================================"
#define CLEAN_COVERAGE 0.85 /* what a recommended threshold should accept (C-02) */
#define CLEAN_EVERY 10      /* pictures between two progress lines */

static void frame(const char *rule, const char *title)
{
    espy_cli_print("\n%s\n%s\n%s\n", rule, title, rule);
}

/* Folders of one run, resolved (C-05: from inside backend/ the sibling paths). */
typedef struct retrain_paths {
    const char *data, *out, *embeds;
} retrain_paths;

static retrain_paths clean_paths(const espy_cli *cli)
{
    bool inside =
        !espy_dir_exists("backend/dataset/processed") && espy_dir_exists("dataset/processed");
    const char *data = espy_cli_text(cli, "data-dir"), *out = espy_cli_text(cli, "out-dir"),
               *embeds = espy_cli_text(cli, "embeds-out");
    return (retrain_paths){
        data     ? data
        : inside ? "dataset/processed"
                 : "backend/dataset/processed",
        out      ? out
        : inside ? "models/Classifier"
                 : "backend/models/Classifier",
        embeds   ? embeds
        : inside ? "../models"
                 : "models",
    };
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
    (void)self;
    espy_cli_print("✓ Deleted: %s\n", path);
}

static void clean_progress(void *self, const char *stage, size_t done, size_t total)
{
    (void)self;
    (void)stage;
    if (done % CLEAN_EVERY == 0) {
        espy_cli_print("Processing %zu/%zu...\n", done, total);
        fflush(stdout);
    }
}

static void clean_saved(void *self, const char *what, const char *path)
{
    (void)self;
    espy_cli_print("✓ Saved %s: %s\n", what, path);
}

static void clean_students(const espy_retrain *r)
{
    for (size_t i = 0; i < r->data.n_empty; i++)
        espy_cli_print("! %s holds no image and is left out\n", r->data.empty[i]);
    for (size_t i = 0; i < r->data.n; i++)
        espy_cli_print("✓ %s: %s (%zu images)\n", r->data.at[i].code, r->data.at[i].name,
                       r->data.at[i].n_files);
    espy_cli_print("✔ Found %zu students with %zu total images\n", r->data.n, r->data.files);
}

static void clean_evaluation(const espy_retrain *r)
{
    const espy_fit *f = &r->fit;
    if (!f->split.test_n) {
        espy_cli_print("! Too few images to hold any back: accuracy is not measured\n");
        return;
    }
    espy_cli_print("✓ Test Accuracy: %.4f\n\n%s\nThreshold Analysis:\n"
                   "--------------------------------------------------\n",
                   f->metrics.accuracy, (const char *)f->report.data);
    for (size_t i = 0; i < ESPY_THRESHOLD_ROWS; i++)
        espy_cli_print("Threshold %.2f: Acc=%.4f, Coverage=%.4f, Score=%.4f\n",
                       f->table[i].threshold, f->table[i].accuracy, f->table[i].coverage,
                       f->table[i].score);
    espy_cli_print("✓ Recommended threshold: %.2f\n", f->threshold);
    size_t accepted = 0;
    for (size_t i = 0; i < f->split.test_n; i++)
        accepted += (double)f->top[i] >= f->threshold;
    if ((double)accepted < CLEAN_COVERAGE * (double)f->split.test_n)
        espy_cli_print(
            "! Only %zu of %zu held-out images reach it: add images per student, or set a lower "
            "RECOGNITION_THRESHOLD from the table\n",
            accepted, f->split.test_n);
}

static espy_err clean_steps(espy_cli *cli, const retrain_paths *p, espy_encoder **encoder,
                            espy_retrain *r)
{
    espy_ctx *cx = &cli->cx;
    espy_progress progress = {clean_progress, NULL};
    size_t deleted;
    if (!espy_dir_exists(p->data))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; name the students' folders with --data-dir",
                         p->data);
    frame(CLEAN_RULE, "STEP 1: Cleaning up previous artifacts");
    ESPY_TRY(espy_retrain_cleanup(cx, p->data, p->out, p->embeds, clean_deleted, cli, &deleted));
    espy_cli_print("✔ Model cleanup completed. Deleted %zu files.\n", deleted);

    frame(CLEAN_RULE, "STEP 2: Building dataset index");
    ESPY_TRY(espy_retrain_index(cx, p->data, r));
    clean_students(r);

    frame(CLEAN_RULE, "STEP 3: Extracting embeddings");
    ESPY_TRY(espy_cli_encoder(cli, true, encoder));
    r->ws = &cli->ws;
    r->encoder = *encoder;
    ESPY_TRY(espy_retrain_embed(cx, r, espy_cli_text(cli, "collection"), false, &progress));
    espy_cli_print("✔ Extracted %zu embeddings (skipped %zu)\n✔ Embedding shape: (%zu, %zu)\n"
                   "✔ Labels shape: (%zu,)\n",
                   r->ingest.used, r->ingest.n_skipped, r->labelled.rows.n, r->labelled.rows.dim,
                   r->labelled.rows.n);

    frame(CLEAN_RULE, "STEP 4: Training classifier");
    r->options =
        (espy_fit_options){.head = "svm",
                           .settings = {.c = 1, .balanced = true, .scale = true, .seed = 42},
                           .test_share = 0.2,
                           .refit = true,
                           .rule = ESPY_THRESHOLD_RECOMMENDED};
    espy_cli_print("✓ Encoded %zu classes\n✓ Scaled embeddings\n✓ Training SVM classifier...\n",
                   r->labelled.n_labels);
    ESPY_TRY(espy_retrain_fit(cx, r));
    espy_cli_print("✓ Classifier trained\n");

    frame(CLEAN_RULE, "STEP 5: Evaluating classifier");
    clean_evaluation(r);

    frame(CLEAN_RULE, "STEP 6: Saving artifacts");
    espy_retrain_layout layout = {false, p->out, p->embeds, clean_saved, cli};
    ESPY_TRY(espy_retrain_save(cx, r, &layout));
    return espy_retrain_publish(cx, r);
}

static espy_err retrain_clean_cmd(espy_cli *cli)
{
    espy_encoder *encoder = NULL;
    espy_retrain r = {0};
    retrain_paths p = clean_paths(cli);
    frame(CLEAN_RULE, "SMARTATTENDANCE FACE RECOGNITION MODEL RETRAINING");
    espy_cli_print("Dataset: %s\nClassifier: %s\nEmbeddings: %s\n", p.data, p.out, p.embeds);
    espy_err e = clean_steps(cli, &p, &encoder, &r);
    if (e == ESPY_E_OK) {
        frame(CLEAN_RULE, "✔ TRAINING COMPLETED SUCCESSFULLY!");
        espy_cli_print("Classifier folder: %s\nEmbeddings folder: %s\n", p.out, p.embeds);
        if (r.fit.split.test_n)
            espy_cli_print("Final Accuracy: %.4f\n", r.fit.metrics.accuracy);
        espy_cli_print("Recommended Threshold: %.2f\nTotal Students: %zu\nTotal Embeddings: %zu\n",
                       r.fit.threshold, r.labelled.n_labels, r.labelled.rows.n);
    } else if (e != ESPY_E_CANCELLED) {
        clean_error_log(cli, p.embeds);
    }
    espy_retrain_free(&cli->cx, &r);
    espy_encoder_destroy(&cli->cx, &encoder);
    return e;
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
     "collection that gets the version"},
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
    char message[1024], date[32];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    espy_time_local(espy_time_now(), date);
    espy_cli_print("%s\n", message);
    return espy_buf_printf(&log->cli->cx, &log->text, "%s - %s - %s\n", date, level, message);
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

static espy_err production_figures(production_log *log, const espy_retrain *r, int64_t percent)
{
    const espy_fit *f = &r->fit;
    if (!f->split.test_n)
        return production_say(log, "WARNING",
                              "Too few images to hold any back: accuracy is not measured");
    ESPY_TRY(production_say(log, "INFO", "Training set: %zu samples, test set: %zu samples",
                            f->split.train_n, f->split.test_n));
    ESPY_TRY(production_say(log, "INFO", "Test Accuracy: %.4f", f->metrics.accuracy));
    ESPY_TRY(production_say(log, "INFO", "%s", (const char *)f->report.data));
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

static espy_err production_steps(espy_cli *cli, const char *data, const char *out,
                                 production_log *log, espy_encoder **encoder, espy_retrain *r)
{
    espy_ctx *cx = &cli->cx;
    int64_t percent = espy_cli_int(cli, "threshold-percentile");
    const char *mode = espy_cli_text(cli, "threshold-mode"),
               *head = espy_cli_text(cli, "classifier");
    if (strcmp(head, "svm") != 0 && strcmp(head, "logistic") != 0)
        return espy_fail(cx, ESPY_E_ARG, "--classifier %s: choose svm or logistic", head);
    if (strcmp(mode, "accept") != 0 && strcmp(mode, "literal") != 0)
        return espy_fail(cx, ESPY_E_ARG, "--threshold-mode %s: choose accept or literal", mode);
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "PRODUCTION MODEL TRAINING"));
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "Dataset: %s", data));
    ESPY_TRY(espy_retrain_index(cx, data, r));
    ESPY_TRY(
        production_say(log, "INFO", "Found %zu student directories", r->data.n + r->data.n_empty));
    for (size_t i = 0; i < r->data.n_empty; i++)
        ESPY_TRY(production_say(log, "WARNING", "No images in %s: skipped", r->data.empty[i]));
    for (size_t i = 0; i < r->data.n; i++)
        ESPY_TRY(production_say(log, "INFO", "%s: %zu images", r->data.at[i].code,
                                r->data.at[i].n_files));
    ESPY_TRY(
        production_say(log, "INFO", "Total: %zu images of %zu students", r->data.files, r->data.n));
    ESPY_TRY(espy_cli_encoder(cli, true, encoder));
    r->ws = &cli->ws;
    r->encoder = *encoder;
    ESPY_TRY(espy_retrain_embed(cx, r, espy_cli_text(cli, "collection"), true, &cli->progress));
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
    espy_retrain_layout layout = {true, out, out, production_saved, log};
    ESPY_TRY(espy_retrain_save(cx, r, &layout));
    return espy_retrain_publish(cx, r);
}

static espy_err production_ending(production_log *log, const char *out)
{
    static const char *const files[] = {
        "face_classifier_v1.pkl", "label_encoder_classes.npy", "X.npy",       "y.npy",
        "training_metadata.json", "training_summary.txt",      "training.log"};
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    ESPY_TRY(production_say(log, "INFO", "MODEL TRAINING COMPLETE"));
    ESPY_TRY(production_say(log, "INFO", PRODUCTION_RULE));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ESPY_TRY(production_say(log, "INFO", "  %s/%s", out, files[i]));
    ESPY_TRY(production_say(log, "INFO", "Next steps:"));
    ESPY_TRY(production_say(log, "INFO", "  espy test --model %s --test-all", out));
    return production_say(log, "INFO", "  espy identify PHOTO --collection production");
}

static espy_err retrain_production_cmd(espy_cli *cli)
{
    espy_encoder *encoder = NULL;
    espy_retrain r = {0};
    const char *data = espy_cli_text(cli, "dataset"), *out = espy_cli_text(cli, "output");
    if (!data)
        data = !espy_dir_exists("dataset/processed") && espy_dir_exists("backend/dataset/processed")
                   ? "backend/dataset/processed"
                   : "dataset/processed";
    if (!out)
        out = strncmp(data, "backend/", 8) == 0 ? "backend/models/Classifier" : "models/Classifier";
    production_log log = {cli, out, {0}};
    espy_buf_init(&log.text, (size_t)256 << 20);
    espy_err e = production_steps(cli, data, out, &log, &encoder, &r);
    if (e == ESPY_E_OK)
        e = production_ending(&log, out);
    else
        (void)!production_say(&log, "ERROR", "%s", cli->cx.text);
    espy_err logged = production_log_write(&log);
    espy_retrain_free(&cli->cx, &r);
    espy_encoder_destroy(&cli->cx, &encoder);
    return e != ESPY_E_OK ? e : logged;
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
     "collection that gets the version"},
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
