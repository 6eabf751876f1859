/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy evaluate`: measured accuracy of a pack and a head on labelled photos, strangers and
 * pairs.  Everything encoded is kept in the workspace, so a second run is quick. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/csv.h"
#include "base/digest.h"
#include "base/file.h"
#include "cli/train_args.h"
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

typedef struct pairs_reader {
    pair_list *to;
    const char *dir; /* with slash */
    size_t room;
    bool header; /* it has been passed */
} pairs_reader;

static espy_err pairs_row(espy_ctx *cx, void *self, size_t line, char *const *cells, size_t n)
{
    pairs_reader *r = self;
    pair_list *l = r->to;
    if (!r->header) {
        r->header = true;
        return ESPY_E_OK;
    }
    if (n < 3 || (cells[2][0] != '0' && cells[2][0] != '1'))
        return espy_fail(cx, ESPY_E_FORMAT, "line %zu: \"a,b,same\" with same 0 or 1 was expected",
                         line);
    if (l->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 64;
        char **at = espy_resize(cx, l->files.at, 2 * room, sizeof *at);
        uint8_t *same = at ? espy_resize(cx, l->same, room, sizeof *same) : NULL;
        l->files.at = at ? at : l->files.at;
        if (!same)
            return cx->code;
        l->same = same;
        r->room = room;
    }
    for (size_t i = 0; i < 2; i++) {
        l->files.at[l->files.n] = espy_sprintf(cx, "%s%s", r->dir, cells[i]);
        if (!l->files.at[l->files.n++])
            return cx->code;
    }
    l->same[l->n++] = cells[2][0] == '1';
    return ESPY_E_OK;
}

/* "a,b,same" lines with a header; paths are relative to the file's folder. */
static espy_err pairs_read(espy_cli *cli, const char *path, pair_list *out)
{
    espy_ctx *cx = &cli->cx;
    espy_err e = ESPY_E_OK;
    espy_buf text;
    espy_buf_init(&text, (size_t)64 << 20);
    char *dir = espy_strndup(cx, path, (size_t)(espy_path_name(path) - path));
    pairs_reader r = {out, dir, 0, false};
    if (!dir)
        return cx->code;
    ESPY_GO(espy_file_read(cx, path, text.max, &text));
    e = espy_csv_read(cx, &text, pairs_row, &r);
    if (e != ESPY_E_OK)
        (void)espy_fail_in(cx, "%s", path);
out:
    espy_free(cx, dir);
    espy_buf_free(cx, &text);
    return e;
}

/* "without_face" or "without_sound". */
static espy_err evaluate_without(espy_ctx *cx, espy_json *o, const char *sample, size_t n)
{
    char key[32];
    snprintf(key, sizeof key, "without_%s", sample);
    return espy_json_set(cx, o, key, espy_json_of_int((int64_t)n));
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
    const char *sample = espy_encoder_modality(encoder)->sample;
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
            "%zu pairs (%zu without a %s): accuracy %.4f at %.3f, equal error rate %.4f\n"
            "at the pack's floor %.2f: %.2f %% of same pairs, %.2f %% of different pairs "
            "accepted\n",
            pairs.n, missing, sample, m.accuracy, m.threshold, m.eer, floor, 100 * same,
            100 * different);
        goto out;
    }
    o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "pairs", espy_json_of_int((int64_t)pairs.n)));
    ESPY_GO(evaluate_without(cx, o, sample, missing));
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

static espy_err evaluate_tell(espy_cli *cli, const espy_modality *m, const espy_evaluation *v,
                              const espy_strangers *left, size_t labels, size_t without)
{
    espy_ctx *cx = &cli->cx;
    double closed = (double)v->right / (double)v->samples,
           known = (double)v->accepted / (double)v->samples,
           wrong = (double)(v->accepted - v->accepted_right) / (double)v->samples;
    if (!cli->json) {
        espy_cli_print("%zu labels, %zu samples (%zu %ss without a %s)\n"
                       "closed set: accuracy %.4f\n"
                       "known accepted %.2f %%, ambiguous %.2f %%, wrong name %.2f %% "
                       "(threshold %.2f, similarity %.2f)\n",
                       labels, v->samples, without, m->media, m->sample, closed, 100 * known,
                       100 * (double)v->ambiguous / (double)v->samples, 100 * wrong, v->threshold,
                       v->floor);
        if (v->strangers)
            espy_cli_print("strangers named: %zu of %zu (%.2f %%)\n", v->named, v->strangers,
                           100 * (double)v->named / (double)v->strangers);
        if (left->asked)
            espy_cli_print("labels left out in turn: %zu of %zu samples named (%.2f %%)\n",
                           left->named, left->asked,
                           100 * (double)left->named / (double)left->asked);
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)labels)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)v->samples)));
    ESPY_GO(evaluate_without(cx, o, m->sample, without));
    ESPY_GO(espy_json_set(cx, o, "accuracy", espy_json_of_number(closed)));
    ESPY_GO(espy_json_set(cx, o, "known_accepted", espy_json_of_number(known)));
    ESPY_GO(espy_json_set(cx, o, "wrong_name", espy_json_of_number(wrong)));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(v->threshold)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_number(v->floor)));
    ESPY_GO(espy_json_set(cx, o, "strangers", espy_json_of_int((int64_t)v->strangers)));
    ESPY_GO(espy_json_set(cx, o, "strangers_named", espy_json_of_int((int64_t)v->named)));
    if (left->asked) {
        ESPY_GO(espy_json_set(cx, o, "left_out", espy_json_of_int((int64_t)left->asked)));
        ESPY_GO(espy_json_set(cx, o, "left_out_named", espy_json_of_int((int64_t)left->named)));
    }
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
    uint64_t *group; /* of recordings; NULL for pictures */
    const char **names;
    espy_rows rows;
    size_t without;
} labelled_rows;

/* The number that clips of one recording share, by their names; else one of the file's own. */
static espy_err evaluate_group(espy_ctx *cx, const espy_sources *sources, const char *path,
                               uint64_t *out)
{
    char digest[ESPY_DIGEST_HEX], *recording;
    bool told;
    ESPY_TRY(espy_sources_find(cx, sources, path, &told, &recording));
    espy_digest(recording, strlen(recording), digest);
    digest[16] = '\0';
    *out = strtoull(digest, NULL, 16);
    espy_free(cx, recording);
    return ESPY_E_OK;
}

static espy_err evaluate_rows(espy_cli *cli, const espy_encoder *encoder, const espy_collection *c,
                              const espy_dataset *d, const espy_sources *sources,
                              labelled_rows *out)
{
    espy_ctx *cx = &cli->cx;
    espy_paths paths = {espy_array(cx, d->files, sizeof(char *)), 0};
    espy_err e = ESPY_E_OK;
    size_t n = 0, classes = 0;
    out->y = espy_array(cx, d->files, sizeof *out->y);
    out->names = espy_array(cx, d->n, sizeof *out->names);
    const bool sounds = espy_encoder_modality(encoder)->hears;
    if (sounds)
        out->group = espy_array(cx, d->files, sizeof *out->group);
    if (!paths.at || !out->y || !out->names || (sounds && !out->group))
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
            if (sounds)
                ESPY_GO(evaluate_group(cx, sources, paths.at[at], &out->group[n]));
            out->y[n++] = (uint32_t)classes;
        }
        if (n > before)
            out->names[classes++] = d->at[f].code;
    }
    out->without = paths.n - n;
    out->rows = (espy_rows){out->v.x, out->y, n, out->v.dim, classes, out->group};
out:
    espy_free(cx, paths.at); /* the texts are the dataset's */
    return e;
}

/* Each label in turn is nobody: the others are learned, and its samples asked. */
static espy_err evaluate_leave_out(espy_cli *cli, const labelled_rows *l, const espy_fit_options *o,
                                   espy_strangers *sum)
{
    for (uint32_t c = 0; c < l->rows.classes; c++) {
        const size_t asked = sum->asked, named = sum->named;
        ESPY_TRY(espy_flow_leave_out(&cli->cx, &l->rows, l->names, c, o, sum));
        if (!cli->json)
            espy_cli_print("left out %s: %zu of %zu named\n", l->names[c], sum->named - named,
                           sum->asked - asked);
    }
    return ESPY_E_OK;
}

/* Precision, recall and F1 per label over all folds. */
static espy_err evaluate_report(espy_cli *cli, const labelled_rows *l, const uint32_t *answer)
{
    espy_ctx *cx = &cli->cx;
    espy_metrics m = {0};
    espy_buf text;
    espy_buf_init(&text, (size_t)64 << 20);
    espy_err e = espy_metrics_compute(cx, l->rows.y, answer, l->rows.n, l->rows.classes, &m);
    if (e == ESPY_E_OK)
        e = espy_metrics_report(cx, &m, l->names, &text);
    if (e == ESPY_E_OK)
        espy_cli_table(cli, (const char *)text.data);
    espy_metrics_free(cx, &m);
    espy_buf_free(cx, &text);
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
    espy_strangers left = {0};
    espy_sources sources = {0};
    espy_err e = ESPY_E_OK;
    uint32_t *answer = NULL;
    size_t n = 0;
    const char *unknown = espy_cli_text(cli, "unknown-dir");
    espy_fit_options o = {.head = espy_cli_text(cli, "head"),
                          .settings = {.balanced = true,
                                       .scale = true,
                                       .seed = 42,
                                       .clusters = (size_t)espy_cli_int(cli, "clusters")},
                          .test_share = espy_cli_real(cli, "test-share"),
                          .rule = ESPY_THRESHOLD_FOLDS,
                          .percent = 99,
                          .usual = espy_encoder_modality(encoder)->head,
                          .floor = (double)espy_encoder_pack(encoder)->floor,
                          .floor_loss = espy_encoder_modality(encoder)->floor_loss};
    ESPY_GO(espy_dataset_read(cx, dir, ESPY_FOLDER_CODE, espy_encoder_modality(encoder), NULL, &d));
    if (espy_cli_text(cli, "sources"))
        ESPY_GO(espy_sources_read(cx, espy_cli_text(cli, "sources"), &sources));
    ESPY_GO(evaluate_rows(cli, encoder, c, &d, sources.n ? &sources : NULL, &l));
    if (unknown)
        ESPY_GO(evaluate_strangers(cli, encoder, c, unknown, &strangers, &n));
    answer = espy_array(cx, l.rows.n, sizeof *answer);
    if (!answer)
        ESPY_GO(cx->code);
    ESPY_GO(espy_flow_evaluate(cx, &l.rows, l.names, strangers.x, n,
                               (size_t)espy_cli_int(cli, "folds"), &o, answer, &result));
    if (espy_cli_flag(cli, "leave-out"))
        ESPY_GO(evaluate_leave_out(cli, &l, &o, &left));
    if (espy_cli_flag(cli, "report"))
        ESPY_GO(evaluate_report(cli, &l, answer));
    ESPY_GO(evaluate_tell(cli, espy_encoder_modality(encoder), &result, &left, l.rows.classes,
                          l.without));
out:
    espy_strangers_free(cx, &left);
    espy_free(cx, answer);
    espy_free(cx, l.group);
    espy_sources_free(cx, &sources);
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
    const espy_modality *modality = NULL;
    if (!espy_cli_flag(cli, "pairs") && !espy_cli_given(cli, "encoder"))
        ESPY_GO(espy_dataset_modality(&cli->cx, cli->args[0], &modality));
    if (!modality && !espy_cli_flag(cli, "pairs") && !espy_cli_given(cli, "encoder"))
        ESPY_GO(espy_dataset_nothing(&cli->cx, cli->args[0]));
    ESPY_GO(espy_cli_modality(cli, modality ? modality : espy_modality_find("face"), &modality));
    ESPY_GO(espy_cli_encoder(cli, true, modality, &encoder));
    ESPY_GO(espy_cli_collection_new(cli, encoder, &c));
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
    ESPY_ENCODER_OPTIONS(NULL),
    {"head", "HEAD", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "head",
     "svm, logistic, knn, mlp or prototypes; else what is best for the modality"},
    {"clusters", "N", ESPY_OPT_INT, 1, 100, "3", NULL, "clusters",
     "prototypes: centres of a label at most"},
    {"folds", "K", ESPY_OPT_INT, 2, 100, "5", NULL, NULL, "parts of the cross-validation"},
    {"unknown-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "photos of people, or recordings of classes, that are not in DIR"},
    ESPY_SOURCES_OPTION,
    {"leave-out", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "also learn without each label in turn and count its samples that are named all the same"},
    {"test-share", "F", ESPY_OPT_REAL, 0, 0.9, "0.2", NULL, "test_share",
     "share of each fold's training part held back for threshold and floor, as espy train does"},
    {"report", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "also print precision, recall and F1 per label"},
    {"pairs", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "the argument is a CSV file of pairs: a,b,same with paths beside it"},
    {0}};

const espy_command espy_command_evaluate = {
    "evaluate",
    "DIR|PAIRS.csv",
    "Measure accuracy on labelled photos or recordings, strangers and pairs",
    "Cross-validated: every sample is answered by a model that has not seen it, nor anything cut "
    "from\n"
    "the same recording.",
    evaluate_options,
    1,
    1,
    evaluate_cmd};
