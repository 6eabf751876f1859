/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy test`: tries a trained model folder on one image, on every student, on strangers
 * (S1's tester). */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/media_args.h"
#include "flow/retrain.h"
#include "flow/scan.h"
#include "flow/tester.h"

#define TEST_IMAGES 5 /* of each student in --test-all */
#define TEST_TOP 3

typedef struct test_error {
    size_t at;         /* of the path */
    const char *label; /* what was answered */
    float probability;
} test_error;

typedef struct test_run {
    espy_cli *cli;
    espy_tester tester;
    espy_json *json;          /* --json: the one object that is printed at the end */
    const espy_dataset *data; /* --test-all */
    const char **paths;
    size_t *folder;
    float *p;
    /* per folder */
    size_t *right, *seen;
    /* overall */
    test_error *errors;
    size_t n_errors, unknown, failed;
    bool one; /* --image */
} test_run;

/* What people read: standard output, or standard error where that is for the JSON. */
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

static const char *test_label(const test_run *run, uint32_t c)
{
    return run->tester.model.labels ? run->tester.model.labels[c] : "?";
}

static double percent(size_t part, size_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0.0;
}

static void test_top(const test_run *run)
{
    size_t classes = run->tester.model.classes;
    tell(run->cli, "Top %d predictions:\n", TEST_TOP);
    for (size_t rank = 0; rank < TEST_TOP && rank < classes; rank++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (run->p[c] > run->p[best])
                best = c;
        tell(run->cli, "  %zu. %s: %.4f\n", rank + 1, test_label(run, (uint32_t)best),
             (double)run->p[best]);
        run->p[best] = -1;
    }
}

/* Every reason for "Unknown". */
static void test_refused(const test_run *run, const espy_verdict *v)
{
    const espy_decision_rule *rule = &run->tester.rule;
    double p = (double)v->probability, near = (double)v->similarity;
    bool unlikely = v->probability < (float)rule->threshold,
         far = !rule->no_floor && v->similarity < (float)rule->floor;
    if (unlikely)
        tell(run->cli, "Unknown (confidence %.4f < threshold %.4f)\n", p, rule->threshold);
    if (far)
        tell(run->cli, "Unknown (nearest training photo similarity %.4f < %.4f)\n", near,
             rule->floor);
    if (v->decision == ESPY_POOR_QUALITY)
        tell(run->cli,
             "Unknown (poor quality: too small, too blurred or hardly a face; "
             "confidence %.4f)\n",
             p);
    if (v->decision == ESPY_AMBIGUOUS)
        tell(run->cli, "Unknown (two students are too alike to choose; confidence %.4f)\n", p);
}

static espy_err test_image_json(test_run *run, const espy_verdict *v)
{
    espy_ctx *cx = &run->cli->cx;
    espy_json *o = run->json;
    bool known = v->decision == ESPY_KNOWN;
    ESPY_TRY(espy_json_set(cx, o, "status", espy_json_of_string(known ? "recognized" : "unknown")));
    ESPY_TRY(espy_json_set(cx, o, "student_id",
                           espy_json_of_string(known ? test_label(run, v->label) : NULL)));
    ESPY_TRY(espy_json_set(cx, o, "confidence", espy_json_of_float(v->probability)));
    return espy_json_set(cx, o, "similarity", espy_json_of_float(v->similarity));
}

static espy_err test_image(test_run *run, const espy_scan *scan, const char *path,
                           const espy_verdict *v)
{
    espy_ctx *cx = &run->cli->cx;
    if (run->json)
        ESPY_TRY(espy_json_set(cx, run->json, "media", espy_json_of_string(path)));
    if (!v) {
        const char *why = scan->error ? scan->error : "No face detected";
        if (run->json) {
            ESPY_TRY(espy_json_set(cx, run->json, "status",
                                   espy_json_of_string(scan->error ? "error" : "no_face")));
            ESPY_TRY(espy_json_set(cx, run->json, "error", espy_json_of_string(why)));
        }
        return espy_fail(cx, ESPY_E_FORMAT, "%s: %s", path, why);
    }
    if (run->json)
        ESPY_TRY(test_image_json(run, v));
    if (v->decision == ESPY_KNOWN) {
        tell(run->cli, "Prediction: %s (confidence: %.4f)\n", test_label(run, v->label),
             (double)v->probability);
        test_top(run);
    } else {
        test_refused(run, v);
    }
    return ESPY_E_OK;
}

static espy_err test_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    (void)fresh;
    test_run *run = self;
    espy_verdict v;
    if (scan->error || !scan->n) {
        run->failed++;
        if (run->one)
            return test_image(run, scan, run->paths[i], NULL);
        espy_cli_say(run->cli, "skipped %s: %s", run->paths[i],
                     scan->error ? scan->error : "No face detected");
        return ESPY_E_OK;
    }
    ESPY_TRY(espy_tester_answer(cx, &run->tester, &scan->at[0], run->p, &v));
    if (run->one)
        return test_image(run, scan, run->paths[i], &v);
    bool known = v.decision == ESPY_KNOWN;
    size_t f = run->folder[i];
    run->seen[f]++;
    run->unknown += !known;
    if (!run->data)
        return ESPY_E_OK;
    const char *label = known ? test_label(run, v.label) : "Unknown";
    bool right = known && strcmp(label, run->data->at[f].code) == 0;
    run->right[f] += right;
    if (!right)
        run->errors[run->n_errors++] = (test_error){i, label, v.probability};
    return ESPY_E_OK;
}

static espy_err test_scan(test_run *run, const espy_encoder *encoder, size_t n, const char *stage)
{
    espy_scan_job job = {.encoder = encoder,
                         .find = {.largest = true, .whole_if_none = true},
                         .progress = n > 8 ? &run->cli->progress : NULL,
                         .stage = stage};
    return espy_flow_scan(&run->cli->cx, &job, run->paths, n, test_one, run);
}

static espy_err test_all_json(test_run *run, const espy_dataset *d, size_t right, size_t seen)
{
    espy_ctx *cx = &run->cli->cx;
    espy_json *students = espy_json_array(), *errors = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (size_t f = 0; f < d->n; f++) {
        espy_json *o = espy_json_object();
        ESPY_GO(espy_json_append(cx, students, o));
        ESPY_GO(espy_json_set(cx, o, "student_id", espy_json_of_string(d->at[f].code)));
        ESPY_GO(espy_json_set(cx, o, "tested", espy_json_of_int((int64_t)run->seen[f])));
        ESPY_GO(espy_json_set(cx, o, "correct", espy_json_of_int((int64_t)run->right[f])));
    }
    for (size_t i = 0; i < run->n_errors; i++) {
        const test_error *w = &run->errors[i];
        espy_json *o = espy_json_object();
        ESPY_GO(espy_json_append(cx, errors, o));
        ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(run->paths[w->at])));
        ESPY_GO(espy_json_set(cx, o, "true", espy_json_of_string(d->at[run->folder[w->at]].code)));
        ESPY_GO(espy_json_set(cx, o, "predicted", espy_json_of_string(w->label)));
        ESPY_GO(espy_json_set(cx, o, "confidence", espy_json_of_float(w->probability)));
    }
    ESPY_GO(espy_json_set(cx, run->json, "tested", espy_json_of_int((int64_t)seen)));
    ESPY_GO(espy_json_set(cx, run->json, "correct", espy_json_of_int((int64_t)right)));
    ESPY_GO(espy_json_set(cx, run->json, "accuracy",
                          seen ? espy_json_of_number((double)right / (double)seen)
                               : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, run->json, "unknown", espy_json_of_int((int64_t)run->unknown)));
    ESPY_GO(espy_json_set(cx, run->json, "unreadable", espy_json_of_int((int64_t)run->failed)));
    ESPY_GO(espy_json_set(cx, run->json, "students", espy_json_ref(students)));
    ESPY_GO(espy_json_set(cx, run->json, "misclassified", espy_json_ref(errors)));
out:
    espy_json_free(students);
    espy_json_free(errors);
    return e;
}

static espy_err test_all_tell(test_run *run, const espy_dataset *d)
{
    size_t right = 0, seen = 0;
    for (size_t f = 0; f < d->n; f++) {
        tell(run->cli, "%s: %zu/%zu (%.1f%%)\n", d->at[f].code, run->right[f], run->seen[f],
             percent(run->right[f], run->seen[f]));
        right += run->right[f];
        seen += run->seen[f];
    }
    tell(run->cli, "\nOverall accuracy: %zu/%zu (%.2f%%), unknown: %zu, unreadable: %zu\n", right,
         seen, percent(right, seen), run->unknown, run->failed);
    if (run->n_errors)
        tell(run->cli, "Misclassifications:\n");
    else if (seen)
        tell(run->cli, "✓ No errors\n");
    for (size_t i = 0; i < run->n_errors; i++) {
        const test_error *w = &run->errors[i];
        tell(run->cli, "  true %s, predicted %s (confidence: %.4f): %s\n",
             d->at[run->folder[w->at]].code, w->label, (double)w->probability, run->paths[w->at]);
    }
    return run->json ? test_all_json(run, d, right, seen) : ESPY_E_OK;
}

static espy_err test_all(test_run *run, const espy_encoder *encoder, const char *dir)
{
    espy_ctx *cx = &run->cli->cx;
    espy_dataset d = {0};
    espy_err e = ESPY_E_OK;
    size_t n = 0;
    run->unknown = run->failed = 0;
    ESPY_GO(espy_retrain_read(cx, dir, &d));
    run->data = &d;
    run->paths = espy_array(cx, d.files, sizeof *run->paths);
    run->folder = espy_array(cx, d.files, sizeof *run->folder);
    run->errors = espy_array(cx, d.files, sizeof *run->errors);
    run->right = espy_array(cx, d.n, sizeof *run->right);
    run->seen = espy_array(cx, d.n, sizeof *run->seen);
    if (!run->paths || !run->folder || !run->errors || !run->right || !run->seen)
        ESPY_GO(cx->code);
    for (size_t f = 0; f < d.n; f++)
        for (size_t i = 0; i < d.at[f].n_files && i < TEST_IMAGES; i++) {
            run->paths[n] = d.at[f].files[i];
            run->folder[n++] = f;
        }
    ESPY_GO(test_scan(run, encoder, n, "testing"));
    ESPY_GO(test_all_tell(run, &d));
    if (!espy_cli_text(run->cli, "unknown-dir"))
        tell(run->cli, "Unknown detection is measured with photos of strangers: "
                       "--unknown-dir DIR\n");
out:
    run->data = NULL;
    espy_dataset_free(cx, &d);
    return e;
}

static espy_err test_strangers(test_run *run, const espy_encoder *encoder, const char *dir)
{
    espy_ctx *cx = &run->cli->cx;
    espy_paths paths = {0};
    espy_err e = ESPY_E_OK;
    char *one[] = {(char *)(uintptr_t)dir};
    run->unknown = run->failed = 0;
    ESPY_GO(espy_paths_expand(run->cli, one, 1, &paths));
    run->paths = (const char **)paths.at;
    run->folder = espy_array(cx, paths.n, sizeof *run->folder);
    run->seen = espy_array(cx, 1, sizeof *run->seen);
    if (!run->folder || !run->seen)
        ESPY_GO(cx->code);
    ESPY_GO(test_scan(run, encoder, paths.n, "strangers"));
    tell(run->cli, "Strangers refused: %zu/%zu (%.1f%%)\n", run->unknown, run->seen[0],
         percent(run->unknown, run->seen[0]));
    if (run->json) {
        ESPY_GO(espy_json_set(cx, run->json, "strangers", espy_json_of_int((int64_t)run->seen[0])));
        ESPY_GO(espy_json_set(cx, run->json, "strangers_refused",
                              espy_json_of_int((int64_t)run->unknown)));
    }
out:
    run->paths = NULL;
    espy_paths_free(run->cli, &paths);
    return e;
}

static void test_forget(test_run *run)
{
    espy_ctx *cx = &run->cli->cx;
    espy_free(cx, (void *)run->paths);
    espy_free(cx, run->folder);
    espy_free(cx, run->right);
    espy_free(cx, run->seen);
    espy_free(cx, run->errors);
    run->paths = NULL;
    run->errors = NULL;
    run->folder = run->right = run->seen = NULL;
}

static espy_err test_information_json(test_run *run, const char *folder, const char *kind)
{
    static const char *const facts[] = {"embedding_model", "pretrained_on", "accuracy",
                                        "training_date"};
    espy_ctx *cx = &run->cli->cx;
    const espy_tester *t = &run->tester;
    espy_json *o = espy_json_object();
    ESPY_TRY(espy_json_set(cx, run->json, "model", o));
    ESPY_TRY(espy_json_set(cx, o, "folder", espy_json_of_string(folder)));
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const espy_json *v = espy_tester_fact(t, facts[i]);
        ESPY_TRY(espy_json_set(cx, o, facts[i],
                               espy_json_is_number(v)
                                   ? espy_json_of_number(espy_json_number(v, 0))
                                   : espy_json_of_string(espy_json_string(v, NULL))));
    }
    ESPY_TRY(espy_json_set(cx, o, "embedding_dim", espy_json_of_int((int64_t)t->model.dim)));
    ESPY_TRY(espy_json_set(cx, o, "classifier_type", espy_json_of_string(kind)));
    ESPY_TRY(espy_json_set(cx, o, "num_classes", espy_json_of_int((int64_t)t->model.classes)));
    ESPY_TRY(espy_json_set(cx, o, "threshold", espy_json_of_number(t->rule.threshold)));
    return espy_json_set(cx, o, "floor",
                         t->rule.no_floor ? espy_json_null_value()
                                          : espy_json_of_number(t->rule.floor));
}

static espy_err test_information(test_run *run, const char *folder)
{
    const espy_tester *t = &run->tester;
    const espy_json *accuracy = espy_tester_fact(t, "accuracy");
    const char *kind = t->model.kind == ESPY_SK_SVC ? "SVC" : "LogisticRegression";
    tell(run->cli, "Model: %s\nEmbedding model: %s\nPretrained on: %s\nEmbedding dimension: %zu\n",
         folder, espy_json_string(espy_tester_fact(t, "embedding_model"), "not told"),
         espy_json_string(espy_tester_fact(t, "pretrained_on"), "not told"), t->model.dim);
    tell(run->cli, "Classifier: %s\n", kind);
    if (accuracy)
        tell(run->cli, "Accuracy: %.4f\n", espy_json_number(accuracy, 0));
    tell(run->cli, "Confidence threshold: %.4f\nTraining date: %s\nStudents: %zu\n",
         t->rule.threshold, espy_json_string(espy_tester_fact(t, "training_date"), "not told"),
         t->model.classes);
    if (!t->rule.no_floor)
        tell(run->cli, "Least similarity: %.2f\n", t->rule.floor);
    return run->json ? test_information_json(run, folder, kind) : ESPY_E_OK;
}

/* The pack that the model names, unless --encoder does. */
static espy_err test_encoder(test_run *run, const char *folder, espy_encoder **out)
{
    espy_cli *cli = run->cli;
    espy_ctx *cx = &cli->cx;
    const char *pack = espy_tester_encoder(&run->tester);
    if (!pack || espy_cli_given(cli, "encoder"))
        return espy_cli_encoder_alone(cli, espy_modality_find("face"), out);
    espy_err e = espy_cli_workspace(cli, false);
    if (e != ESPY_E_OK && e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(cx);
    const char *precision = espy_cli_text(cli, "precision");
    e = cli->ws.store ? espy_workspace_encoder(cx, &cli->ws, espy_cli_given(cli, "collection"),
                                               espy_modality_find("face"), pack, precision, out)
                      : espy_encoder_open(cx, pack, NULL, precision ? precision : "auto", 1, out);
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "%s was trained with encoder %s", folder, pack);
}

static espy_err test_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    test_run run = {.cli = cli};
    espy_encoder *encoder = NULL;
    espy_err e = ESPY_E_OK;
    const char *folder = espy_cli_text(cli, "model"), *image = espy_cli_text(cli, "image"),
               *strangers = espy_cli_text(cli, "unknown-dir"),
               *dataset = espy_cli_text(cli, "dataset");
    espy_retrain_paths p = espy_retrain_default_paths(true);
    folder = folder ? folder : p.out;
    dataset = dataset ? dataset : p.data;
    ESPY_GO(espy_tester_load(cx, folder, &run.tester));
    ESPY_GO(test_encoder(&run, folder, &encoder));
    espy_tester_options o = {
        .threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1,
        .floor = espy_cli_text(cli, "floor") ? espy_cli_real(cli, "floor")
                                             : (double)espy_encoder_pack(encoder)->floor,
        .no_floor = espy_cli_flag(cli, "no-floor")};
    ESPY_GO(espy_tester_ready(cx, folder, encoder, &o, &run.tester));
    run.p = espy_floats(cx, run.tester.model.classes);
    run.json = cli->json ? espy_json_object() : NULL;
    if (!run.p)
        ESPY_GO(cx->code);
    if (cli->json && !run.json)
        ESPY_GO(espy_fail(cx, ESPY_E_NOMEM, "out of memory"));
    ESPY_GO(test_information(&run, folder));
    if (image) {
        const char *one[] = {image};
        run.one = true;
        run.paths = one;
        e = test_scan(&run, encoder, 1, "testing");
        run.paths = NULL;
        run.one = false;
        if (e == ESPY_E_FORMAT && run.json)
            (void)!espy_cli_print_json(cli, run.json);
        ESPY_GO(e);
    }
    if (espy_cli_flag(cli, "test-all"))
        ESPY_GO(test_all(&run, encoder, dataset));
    test_forget(&run);
    if (strangers)
        ESPY_GO(test_strangers(&run, encoder, strangers));
    if (!image && !strangers && !espy_cli_flag(cli, "test-all"))
        tell(cli, "Try it: espy test --image PHOTO, --test-all or --unknown-dir DIR\n");
    if (run.json)
        ESPY_GO(espy_cli_print_json(cli, run.json));
out:
    test_forget(&run);
    espy_json_free(run.json);
    espy_free(cx, run.p);
    espy_tester_close(cx, &run.tester);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static const espy_option test_options[] = {
    {"model", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "model folder; default models/Classifier, or backend/models/Classifier"},
    {"image", "FILE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL, "classify one image"},
    {"dataset", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "student folders for --test-all; default dataset/processed, or backend/dataset/processed"},
    {"test-all", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "classify the first 5 images of every student"},
    {"unknown-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "photos of strangers: report the share that is refused"},
    {"threshold", "P", ESPY_OPT_REAL, 0, 1, NULL, "RECOGNITION_THRESHOLD", NULL,
     "least probability to be known; else the model's own"},
    {"floor", "COS", ESPY_OPT_REAL, -1, 1, NULL, NULL, NULL,
     "least cosine to a training sample to be known; else the pack's, raised by the gallery"},
    {"no-floor", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "let the probability alone decide"},
    ESPY_ENCODER_OPTIONS(NULL),
    {0}};

const espy_command espy_command_test = {"test",
                                        "",
                                        "Try a trained model folder on images, students, strangers",
                                        "Reads the files that retrain clean and retrain production "
                                        "leave, or scikit-learn's own, without\n"
                                        "running anything in them.  For characters see: espy help "
                                        "test characters",
                                        test_options,
                                        0,
                                        0,
                                        test_cmd};
