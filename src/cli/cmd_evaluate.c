/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy evaluate`: measured accuracy of a pack and a head on labelled photos, strangers and
 * pairs.  Everything encoded is kept in the workspace, so a second run is quick. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/media_args.h"
#include "flow/evaluate.h"
#include "flow/scan.h"
#include "learn/metrics.h"

/* Vectors of one face of each file, the largest (or, of pairs, the central one); ok[i] is 0 where
 * there was none. */
typedef struct evaluate_vectors {
    float *x;
    uint8_t *ok;
    size_t dim;
} evaluate_vectors;

static espy_err evaluate_take(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    (void)cx;
    (void)fresh;
    evaluate_vectors *v = self;
    v->ok[i] = !scan->error && scan->n;
    if (v->ok[i])
        memcpy(v->x + i * v->dim, scan->vectors, v->dim * sizeof *v->x);
    return ESPY_E_OK;
}

static espy_err evaluate_scan(espy_cli *cli, const espy_encoder *encoder, const espy_collection *c,
                              const espy_paths *paths, const char *stage, bool central,
                              evaluate_vectors *out)
{
    espy_ctx *cx = &cli->cx;
    out->dim = espy_encoder_dim(encoder);
    out->x = espy_floats(cx, paths->n * out->dim);
    out->ok = espy_array(cx, paths->n, sizeof *out->ok);
    if (!out->x || !out->ok)
        return cx->code;
    espy_scan_job job = {.encoder = encoder,
                         .find = {.largest = !central, .central = central},
                         .store = cli->ws.store,
                         .collection = c->id,
                         .progress = &cli->progress,
                         .stage = stage};
    return espy_flow_scan(cx, &job, (const char *const *)paths->at, paths->n, evaluate_take, out);
}

static void vectors_free(espy_cli *cli, evaluate_vectors *v)
{
    espy_free(&cli->cx, v->x);
    espy_free(&cli->cx, v->ok);
    *v = (evaluate_vectors){0};
}

/* ---- pairs ----------------------------------------------------------------------------------- */

typedef struct pair_list {
    espy_paths files; /* both of pair i at 2 i and 2 i + 1 */
    uint8_t *same;
    size_t n;
} pair_list;

/* "a,b,same" lines with a header; paths are relative to the file's folder. */
static espy_err pairs_read(espy_cli *cli, const char *path, pair_list *out)
{
    espy_ctx *cx = &cli->cx;
    espy_err e = ESPY_E_OK;
    espy_buf text;
    size_t lines = 1;
    espy_buf_init(&text, (size_t)64 << 20);
    char *dir = espy_strndup(cx, path, (size_t)(espy_path_name(path) - path));
    if (!dir)
        return cx->code;
    ESPY_GO(espy_file_read(cx, path, text.max, &text));
    for (size_t i = 0; i < text.size; i++)
        lines += text.data[i] == '\n';
    out->files.at = espy_array(cx, 2 * lines, sizeof *out->files.at);
    out->same = espy_array(cx, lines, sizeof *out->same);
    if (!out->files.at || !out->same)
        ESPY_GO(cx->code);
    size_t number = 0;
    for (char *next, *line = (char *)text.data; line && *line; line = next) {
        char *end = strchr(line, '\n'), *b, *same;
        next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        number++;
        b = strchr(line, ',');
        same = b ? strchr(b + 1, ',') : NULL;
        if (number == 1 || !*line)
            continue;
        if (!same || (same[1] != '0' && same[1] != '1'))
            ESPY_GO(espy_fail(cx, ESPY_E_FORMAT,
                              "%s, line %zu: \"a,b,same\" with same 0 or 1 was expected", path,
                              number));
        *b = *same = '\0';
        out->files.at[out->files.n++] = espy_sprintf(cx, "%s%s", dir, line);
        out->files.at[out->files.n++] = espy_sprintf(cx, "%s%s", dir, b + 1);
        out->same[out->n++] = same[1] == '1';
        if (!out->files.at[out->files.n - 2] || !out->files.at[out->files.n - 1])
            ESPY_GO(cx->code);
    }
out:
    espy_free(cx, dir);
    espy_buf_free(cx, &text);
    return e;
}

static espy_err evaluate_pairs(espy_cli *cli, const espy_encoder *encoder, const espy_collection *c,
                               const char *path)
{
    espy_ctx *cx = &cli->cx;
    pair_list pairs = {0};
    evaluate_vectors v = {0};
    espy_verification m;
    espy_err e = ESPY_E_OK;
    espy_json *o = NULL;
    float *score = NULL;
    size_t missing = 0;
    ESPY_GO(pairs_read(cli, path, &pairs));
    ESPY_GO(evaluate_scan(cli, encoder, c, &pairs.files, "pairs", true, &v));
    score = espy_floats(cx, pairs.n);
    if (!score)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < pairs.n; i++) {
        missing += !v.ok[2 * i] || !v.ok[2 * i + 1];
        for (size_t d = 0; d < v.dim; d++) /* a face that was not found leaves similarity 0 */
            score[i] += v.x[2 * i * v.dim + d] * v.x[(2 * i + 1) * v.dim + d];
    }
    ESPY_GO(espy_metrics_verify(cx, score, pairs.same, pairs.n, &m));
    double floor = (double)espy_encoder_pack(encoder)->floor;
    size_t accepted[2] = {0}, count[2] = {0};
    for (size_t i = 0; i < pairs.n; i++) {
        count[pairs.same[i]]++;
        accepted[pairs.same[i]] += (double)score[i] >= floor;
    }
    double same = (double)accepted[1] / (double)count[1],
           different = (double)accepted[0] / (double)count[0];
    if (!cli->json) {
        espy_cli_print(
            "%zu pairs (%zu without a face): accuracy %.4f at %.3f, equal error rate %.4f\n"
            "at the pack's floor %.2f: %.2f %% of same pairs, %.2f %% of different pairs "
            "accepted\n",
            pairs.n, missing, m.accuracy, m.threshold, m.eer, floor, 100 * same, 100 * different);
        goto out;
    }
    o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "pairs", espy_json_of_int((int64_t)pairs.n)));
    ESPY_GO(espy_json_set(cx, o, "without_face", espy_json_of_int((int64_t)missing)));
    ESPY_GO(espy_json_set(cx, o, "accuracy", espy_json_of_number(m.accuracy)));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(m.threshold)));
    ESPY_GO(espy_json_set(cx, o, "equal_error_rate", espy_json_of_number(m.eer)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_float((float)floor)));
    ESPY_GO(espy_json_set(cx, o, "same_accepted", espy_json_of_number(same)));
    ESPY_GO(espy_json_set(cx, o, "different_accepted", espy_json_of_number(different)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    espy_free(cx, score);
    vectors_free(cli, &v);
    espy_paths_free(cli, &pairs.files);
    espy_free(cx, pairs.same);
    return e;
}

/* ---- folders --------------------------------------------------------------------------------- */

static espy_err evaluate_tell(espy_cli *cli, const espy_evaluation *v, size_t labels,
                              size_t without)
{
    espy_ctx *cx = &cli->cx;
    double closed = (double)v->right / (double)v->samples,
           known = (double)v->accepted / (double)v->samples,
           wrong = (double)(v->accepted - v->accepted_right) / (double)v->samples;
    if (!cli->json) {
        espy_cli_print("%zu labels, %zu samples (%zu pictures without a face)\n"
                       "closed set: accuracy %.4f\n"
                       "known accepted %.2f %%, ambiguous %.2f %%, wrong name %.2f %% "
                       "(threshold %.2f, similarity %.2f)\n",
                       labels, v->samples, without, closed, 100 * known,
                       100 * (double)v->ambiguous / (double)v->samples, 100 * wrong, v->threshold,
                       v->floor);
        if (v->strangers)
            espy_cli_print("strangers named: %zu of %zu (%.2f %%)\n", v->named, v->strangers,
                           100 * (double)v->named / (double)v->strangers);
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)labels)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)v->samples)));
    ESPY_GO(espy_json_set(cx, o, "without_face", espy_json_of_int((int64_t)without)));
    ESPY_GO(espy_json_set(cx, o, "accuracy", espy_json_of_number(closed)));
    ESPY_GO(espy_json_set(cx, o, "known_accepted", espy_json_of_number(known)));
    ESPY_GO(espy_json_set(cx, o, "wrong_name", espy_json_of_number(wrong)));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(v->threshold)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_number(v->floor)));
    ESPY_GO(espy_json_set(cx, o, "strangers", espy_json_of_int((int64_t)v->strangers)));
    ESPY_GO(espy_json_set(cx, o, "strangers_named", espy_json_of_int((int64_t)v->named)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Vectors of strangers, packed: those without a face are left out. */
static espy_err evaluate_strangers(espy_cli *cli, const espy_encoder *encoder,
                                   const espy_collection *c, const char *dir, evaluate_vectors *v,
                                   size_t *n)
{
    espy_paths paths = {0};
    char *one[] = {(char *)(uintptr_t)dir};
    ESPY_TRY(espy_paths_expand(cli, one, 1, &paths));
    espy_err e = evaluate_scan(cli, encoder, c, &paths, "strangers", false, v);
    for (size_t i = 0; e == ESPY_E_OK && i < paths.n; i++)
        if (v->ok[i])
            memmove(v->x + (*n)++ * v->dim, v->x + i * v->dim, v->dim * sizeof *v->x);
    espy_paths_free(cli, &paths);
    return e;
}

/* Every picture of the dataset as labelled rows; names[c] of the folders that gave any. */
typedef struct labelled_rows {
    evaluate_vectors v;
    uint32_t *y;
    const char **names;
    espy_rows rows;
    size_t without;
} labelled_rows;

static espy_err evaluate_rows(espy_cli *cli, const espy_encoder *encoder, const espy_collection *c,
                              const espy_dataset *d, labelled_rows *out)
{
    espy_ctx *cx = &cli->cx;
    espy_paths paths = {espy_array(cx, d->files, sizeof(char *)), 0};
    espy_err e = ESPY_E_OK;
    size_t n = 0, classes = 0;
    out->y = espy_array(cx, d->files, sizeof *out->y);
    out->names = espy_array(cx, d->n, sizeof *out->names);
    if (!paths.at || !out->y || !out->names)
        ESPY_GO(cx->code);
    for (size_t f = 0; f < d->n; f++)
        for (size_t i = 0; i < d->at[f].n_files; i++)
            paths.at[paths.n++] = d->at[f].files[i];
    ESPY_GO(evaluate_scan(cli, encoder, c, &paths, "encoding", false, &out->v));
    for (size_t f = 0, at = 0; f < d->n; f++) {
        size_t before = n;
        for (size_t i = 0; i < d->at[f].n_files; i++, at++) {
            if (!out->v.ok[at])
                continue;
            memmove(out->v.x + n * out->v.dim, out->v.x + at * out->v.dim,
                    out->v.dim * sizeof(float));
            out->y[n++] = (uint32_t)classes;
        }
        if (n > before)
            out->names[classes++] = d->at[f].code;
    }
    out->without = paths.n - n;
    out->rows = (espy_rows){out->v.x, out->y, n, out->v.dim, classes};
out:
    espy_free(cx, paths.at); /* the texts are the dataset's */
    return e;
}

static espy_err evaluate_folders(espy_cli *cli, const espy_encoder *encoder,
                                 const espy_collection *c, const char *dir)
{
    espy_ctx *cx = &cli->cx;
    espy_dataset d = {0};
    labelled_rows l = {0};
    evaluate_vectors strangers = {0};
    espy_evaluation result;
    espy_err e = ESPY_E_OK;
    size_t n = 0;
    const char *unknown = espy_cli_text(cli, "unknown-dir");
    espy_fit_options o = {.head = espy_cli_text(cli, "head"),
                          .settings = {.balanced = true, .scale = true, .seed = 42},
                          .test_share = 0.2,
                          .rule = ESPY_THRESHOLD_FOLDS,
                          .percent = 99,
                          .floor = (double)espy_encoder_pack(encoder)->floor};
    ESPY_GO(espy_dataset_read(cx, dir, ESPY_FOLDER_CODE, NULL, &d));
    ESPY_GO(evaluate_rows(cli, encoder, c, &d, &l));
    if (unknown)
        ESPY_GO(evaluate_strangers(cli, encoder, c, unknown, &strangers, &n));
    ESPY_GO(espy_flow_evaluate(cx, &l.rows, l.names, strangers.x, n,
                               (size_t)espy_cli_int(cli, "folds"), &o, &result));
    ESPY_GO(evaluate_tell(cli, &result, l.rows.classes, l.without));
out:
    vectors_free(cli, &strangers);
    vectors_free(cli, &l.v);
    espy_free(cx, l.y);
    espy_free(cx, (void *)l.names);
    espy_dataset_free(cx, &d);
    return e;
}

static espy_err evaluate_cmd(espy_cli *cli)
{
    espy_encoder *encoder = NULL;
    espy_collection c = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_encoder(cli, true, &encoder));
    ESPY_GO(espy_workspace_collection(&cli->cx, &cli->ws, espy_cli_text(cli, "collection"), encoder,
                                      &c));
    if (espy_cli_flag(cli, "pairs"))
        ESPY_GO(evaluate_pairs(cli, encoder, &c, cli->args[0]));
    else
        ESPY_GO(evaluate_folders(cli, encoder, &c, cli->args[0]));
out:
    espy_collection_free(&cli->cx, &c);
    espy_encoder_destroy(&cli->cx, &encoder);
    return e;
}

static const espy_option evaluate_options[] = {
    ESPY_ENCODER_OPTIONS(ESPY_DEFAULT_COLLECTION),
    {"head", "HEAD", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "head", "svm, logistic, knn or mlp"},
    {"folds", "K", ESPY_OPT_INT, 2, 100, "5", NULL, NULL, "parts of the cross-validation"},
    {"unknown-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "photos of people who are not in DIR"},
    {"pairs", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "the argument is a CSV file of pairs: a,b,same with paths beside it"},
    {0}};

const espy_command espy_command_evaluate = {
    "evaluate",
    "DIR|PAIRS.csv",
    "Measure accuracy on labelled photos, strangers and pairs",
    "Cross-validated: every photo is answered by a model that has not seen it.",
    evaluate_options,
    1,
    1,
    evaluate_cmd};
