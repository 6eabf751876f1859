/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy test`: tries a trained model folder on one image, on every student, on strangers
 * (S1's tester). */
#include <string.h>

#include "base/file.h"
#include "cli/media_args.h"
#include "flow/retrain.h"
#include "flow/scan.h"
#include "flow/tester.h"

typedef struct test_run {
    espy_cli *cli;
    espy_tester tester;
    const espy_dataset *data; /* --test-all */
    const char **paths;
    size_t *folder;
    float *p;
    /* per folder */
    size_t *right, *seen;
    /* overall */
    size_t unknown, wrong, failed;
    bool one; /* --image */
} test_run;

static const char *test_label(const test_run *run, uint32_t c)
{
    return run->tester.model.labels ? run->tester.model.labels[c] : "?";
}

static void test_top(const test_run *run)
{
    size_t classes = run->tester.model.classes;
    espy_cli_print("Top matches:\n");
    for (size_t rank = 0; rank < 3 && rank < classes; rank++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (run->p[c] > run->p[best])
                best = c;
        espy_cli_print("  %zu. %s: %.4f\n", rank + 1, test_label(run, (uint32_t)best),
                       (double)run->p[best]);
        run->p[best] = -1;
    }
}

static espy_err test_image_json(test_run *run, const char *path, const espy_verdict *v)
{
    espy_ctx *cx = &run->cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    bool known = v->decision == ESPY_KNOWN;
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(path)));
    ESPY_GO(espy_json_set(cx, o, "status", espy_json_of_string(known ? "known" : "unknown")));
    ESPY_GO(espy_json_set(cx, o, "label",
                          espy_json_of_string(known ? test_label(run, v->label) : NULL)));
    ESPY_GO(espy_json_set(cx, o, "confidence", espy_json_of_float(v->probability)));
    ESPY_GO(espy_cli_print_json(run->cli, o));
out:
    espy_json_free(o);
    return e;
}

static espy_err test_image(test_run *run, const char *path, const espy_verdict *v)
{
    bool known = v->decision == ESPY_KNOWN;
    if (run->cli->json)
        return test_image_json(run, path, v);
    espy_cli_print("Image: %s\nResult: %s\nConfidence: %.4f (threshold %.4f)\n", path,
                   known ? test_label(run, v->label) : "Unknown", (double)v->probability,
                   run->tester.rule.threshold);
    if (known)
        test_top(run);
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
            return espy_fail(cx, ESPY_E_FORMAT, "%s: %s", run->paths[i],
                             scan->error ? scan->error : "no face");
        espy_cli_say(run->cli, "skipped %s: %s", run->paths[i],
                     scan->error ? scan->error : "no face");
        return ESPY_E_OK;
    }
    ESPY_TRY(espy_tester_answer(cx, &run->tester, &scan->at[0], run->p, &v));
    if (run->one)
        return test_image(run, run->paths[i], &v);
    bool known = v.decision == ESPY_KNOWN;
    size_t f = run->folder[i];
    run->seen[f]++;
    run->unknown += !known;
    if (!run->data)
        return ESPY_E_OK;
    bool right = known && strcmp(test_label(run, v.label), run->data->at[f].code) == 0;
    run->right[f] += right;
    if (known && !right) {
        run->wrong++;
        espy_cli_print("Misclassified: %s -> %s (%.4f)\n", run->paths[i], test_label(run, v.label),
                       (double)v.probability);
    }
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

static espy_err test_all(test_run *run, const espy_encoder *encoder, const char *dir)
{
    espy_ctx *cx = &run->cli->cx;
    espy_dataset d = {0};
    espy_err e = ESPY_E_OK;
    size_t n = 0, right = 0, seen = 0;
    ESPY_GO(espy_retrain_read(cx, dir, &d));
    run->data = &d;
    run->paths = espy_array(cx, d.files, sizeof *run->paths);
    run->folder = espy_array(cx, d.files, sizeof *run->folder);
    run->right = espy_array(cx, d.n, sizeof *run->right);
    run->seen = espy_array(cx, d.n, sizeof *run->seen);
    if (!run->paths || !run->folder || !run->right || !run->seen)
        ESPY_GO(cx->code);
    for (size_t f = 0; f < d.n; f++)
        for (size_t i = 0; i < d.at[f].n_files; i++) {
            run->paths[n] = d.at[f].files[i];
            run->folder[n++] = f;
        }
    ESPY_GO(test_scan(run, encoder, n, "testing"));
    for (size_t f = 0; f < d.n; f++) {
        espy_cli_print("%s: %zu/%zu correct (%.1f%%)\n", d.at[f].code, run->right[f], run->seen[f],
                       run->seen[f] ? 100.0 * (double)run->right[f] / (double)run->seen[f] : 0.0);
        right += run->right[f];
        seen += run->seen[f];
    }
    espy_cli_print(
        "Overall accuracy: %zu/%zu (%.2f%%), unknown: %zu, misclassified: %zu, unreadable: %zu\n",
        right, seen, seen ? 100.0 * (double)right / (double)seen : 0.0, run->unknown, run->wrong,
        run->failed);
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
    espy_cli_print("Strangers refused: %zu/%zu (%.1f%%)\n", run->unknown, run->seen[0],
                   run->seen[0] ? 100.0 * (double)run->unknown / (double)run->seen[0] : 0.0);
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
    run->paths = NULL;
    run->folder = run->right = run->seen = NULL;
}

static void test_information(const test_run *run, const char *folder)
{
    espy_cli_print("Model: %s\nClassifier: %s\nStudents: %zu\nEmbedding dimension: %zu\n"
                   "Confidence threshold: %.4f\n",
                   folder, run->tester.model.kind == ESPY_SK_SVC ? "SVC" : "LogisticRegression",
                   run->tester.model.classes, run->tester.model.dim, run->tester.rule.threshold);
    if (!run->tester.rule.no_floor)
        espy_cli_print("Least similarity: %.2f\n", run->tester.rule.floor);
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
    ESPY_GO(espy_cli_encoder_alone(cli, &encoder));
    espy_tester_options o = {
        .threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1,
        .floor = espy_cli_text(cli, "floor") ? espy_cli_real(cli, "floor")
                                             : (double)espy_encoder_pack(encoder)->floor,
        .no_floor = espy_cli_flag(cli, "no-floor")};
    ESPY_GO(espy_tester_open(cx, folder, encoder, &o, &run.tester));
    run.p = espy_floats(cx, run.tester.model.classes);
    if (!run.p)
        ESPY_GO(cx->code);
    if (!cli->json)
        test_information(&run, folder);
    if (image) {
        const char *one[] = {image};
        run.one = true;
        run.paths = one;
        e = test_scan(&run, encoder, 1, "testing");
        run.paths = NULL;
        run.one = false;
        ESPY_GO(e);
    }
    if (espy_cli_flag(cli, "test-all"))
        ESPY_GO(test_all(&run, encoder, dataset));
    test_forget(&run);
    if (strangers)
        ESPY_GO(test_strangers(&run, encoder, strangers));
    if (!image && !strangers && !espy_cli_flag(cli, "test-all"))
        espy_cli_print("Try it: espy test --image PHOTO, --test-all or --unknown-dir DIR\n");
out:
    test_forget(&run);
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
     "classify every image of every student"},
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
                                        "running anything in them.",
                                        test_options,
                                        0,
                                        0,
                                        test_cmd};
