/* SPDX-License-Identifier: Apache-2.0
 * cli - recordings: events as text, JSON, CSV or an Audacity label track; the network's own scores.
 */
#include "cli/sounds.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/csv.h"
#include "base/file.h"
#include "base/pool.h"
#include "encode/listen.h"
#include "flow/listen.h"
#include "flow/scan.h"

/* ---- identify ------------------------------------------------------------------------------ */

typedef enum sounds_format { SOUNDS_TEXT, SOUNDS_JSON, SOUNDS_CSV, SOUNDS_AUDACITY } sounds_format;

typedef struct sounds_heard {
    espy_scan scan;
    espy_result *result;
} sounds_heard;

typedef struct sounds_run {
    espy_cli *cli;
    const espy_paths *paths;
    const espy_identifier *id;
    espy_listen_options o;
    sounds_format format;
    size_t first;        /* path of heard[0] */
    sounds_heard *heard; /* a group of recordings */
    size_t events, errors, named_errors;
} sounds_run;

static espy_err sounds_format_of(espy_cli *cli, sounds_format *out)
{
    static const char *const names[] = {"text", "json", "csv", "audacity"};
    const char *given = espy_cli_text(cli, "format");
    size_t i = 0;
    while (i < 4 && strcmp(names[i], given) != 0)
        i++;
    if (i == 4)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--format %s: choose text, json, csv or audacity",
                         given);
    if (cli->json && espy_cli_given(cli, "format") && i != SOUNDS_JSON)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--json and --format %s do not go together", given);
    *out = cli->json ? SOUNDS_JSON : (sounds_format)i;
    return ESPY_E_OK;
}

static espy_err sounds_listen(espy_ctx *cx, void *self, size_t i, unsigned worker)
{
    (void)worker;
    sounds_run *run = self;
    const char *path = run->paths->at[run->first + i];
    espy_buf file;
    espy_err e = ESPY_E_OK;
    const bool piped = strcmp(path, "-") == 0;
    sounds_heard *heard = &run->heard[i];
    espy_buf_init(&file, cx->max.file_bytes);
    if (piped)
        e = espy_file_read(cx, path, file.max, &file);
    if (e == ESPY_E_OK)
        e = espy_listen(cx, run->id, piped ? NULL : path, espy_span_of(&file), &run->o,
                        &heard->scan, &heard->result);
    espy_buf_free(cx, &file);
    return e == ESPY_E_OK ? e : espy_scan_excuse(cx, e, &heard->scan);
}

static const char *sounds_label(const espy_answer *a)
{
    return a->label ? a->label : espy_decision_name(a->decision);
}

static void sounds_text(const char *path, const espy_scan *scan, const espy_result *r)
{
    espy_cli_print("%s: %.2f s, %zu event%s\n", path, scan->width / 1000.0, scan->n,
                   scan->n == 1 ? "" : "s");
    for (size_t i = 0; i < scan->n; i++) {
        const espy_answer *a = &r->at[i];
        const float *box = scan->at[i].box;
        espy_cli_print("  %9.2f - %9.2f s  %-12s", (double)box[0], (double)(box[0] + box[2]),
                       espy_decision_name(a->decision));
        if (a->label)
            espy_cli_print(" %s", a->label);
        else if (a->candidate_count && a->decision != ESPY_POOR_QUALITY)
            espy_cli_print(" nearest %s", a->candidates[0].label);
        espy_cli_print("  probability %.2f  similarity %.2f\n", (double)a->probability,
                       (double)a->similarity);
    }
}

static espy_err sounds_csv(espy_ctx *cx, const char *path, const espy_scan *scan,
                           const espy_result *r)
{
    espy_buf rows;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&rows, (size_t)1 << 30);
    for (size_t i = 0; e == ESPY_E_OK && i < scan->n; i++) {
        const float *box = scan->at[i].box;
        const espy_answer *a = &r->at[i];
        char number[4][32];
        snprintf(number[0], sizeof number[0], "%.2f", (double)box[0]);
        snprintf(number[1], sizeof number[1], "%.2f", (double)(box[0] + box[2]));
        snprintf(number[2], sizeof number[2], "%.4f", (double)a->probability);
        snprintf(number[3], sizeof number[3], "%.4f", (double)a->similarity);
        const char *const cells[] = {path,
                                     number[0],
                                     number[1],
                                     espy_decision_name(a->decision),
                                     a->label ? a->label : "",
                                     number[2],
                                     number[3]};
        e = espy_csv_row(cx, &rows, cells, sizeof cells / sizeof *cells);
    }
    if (e == ESPY_E_OK && rows.size)
        espy_cli_print("%s", (const char *)rows.data);
    espy_buf_free(cx, &rows);
    return e;
}

static espy_err sounds_tell(sounds_run *run, size_t i)
{
    espy_ctx *cx = &run->cli->cx;
    const char *path = run->paths->at[run->first + i];
    const espy_scan *scan = &run->heard[i].scan;
    const espy_result *r = run->heard[i].result;
    espy_json *line = NULL;
    run->errors += scan->error != NULL;
    run->named_errors += scan->error && espy_path_named(run->cli, path);
    run->events += scan->n;
    espy_cli_progress_pause(run->cli);
    if (run->format == SOUNDS_JSON) {
        ESPY_TRY(
            espy_result_json(cx, espy_encoder_modality(run->id->encoder), path, scan, r, &line));
        espy_err e = espy_cli_print_json(run->cli, line);
        espy_json_free(line);
        return e;
    }
    if (scan->error && run->format == SOUNDS_TEXT)
        espy_cli_print("%s: error: %s\n", path, scan->error);
    else if (scan->error)
        espy_log(cx, ESPY_LOG_ERROR, "%s: %s", path, scan->error);
    else if (run->format == SOUNDS_TEXT)
        sounds_text(path, scan, r);
    else if (run->format == SOUNDS_CSV)
        return sounds_csv(cx, path, scan, r);
    else
        for (size_t k = 0; k < scan->n; k++)
            espy_cli_print("%.6f\t%.6f\t%s\n", (double)scan->at[k].box[0],
                           (double)(scan->at[k].box[0] + scan->at[k].box[2]),
                           sounds_label(&r->at[k]));
    return ESPY_E_OK;
}

/* Recordings are heard a group at a time, each in one thread; one alone is heard by all. */
static espy_err sounds_group(sounds_run *run, size_t n)
{
    espy_ctx *cx = &run->cli->cx;
    espy_err e = n == 1 ? sounds_listen(cx, run, 0, 0) : espy_parallel(cx, n, sounds_listen, run);
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++)
        e = sounds_tell(run, i);
    for (size_t i = 0; i < n; i++) {
        espy_scan_free(cx, &run->heard[i].scan);
        espy_result_free(run->heard[i].result);
        run->heard[i] = (sounds_heard){0};
    }
    return e;
}

espy_err espy_identify_sounds(espy_cli *cli, const espy_paths *paths, const espy_identifier *id)
{
    espy_ctx *cx = &cli->cx;
    sounds_run run = {.cli = cli,
                      .paths = paths,
                      .id = id,
                      .o = {.start = espy_cli_real(cli, "start"),
                            .most = espy_cli_real(cli, "length"),
                            .clip = espy_cli_flag(cli, "clip"),
                            .all = espy_cli_flag(cli, "all"),
                            .window = espy_cli_real(cli, "window"),
                            .least = espy_cli_real(cli, "min-event"),
                            .gap = espy_cli_real(cli, "gap")}};
    const size_t group = 4 * (size_t)espy_pool_size(cx->pool);
    espy_err e = ESPY_E_OK;
    ESPY_TRY(sounds_format_of(cli, &run.format));
    if (espy_cli_given(cli, "draw"))
        return espy_fail(cx, ESPY_E_ARG, "--draw is for pictures");
    if (run.format == SOUNDS_AUDACITY && paths->n != 1)
        return espy_fail(cx, ESPY_E_ARG,
                         "--format audacity makes the label track of one recording");
    run.heard = espy_array(cx, group, sizeof *run.heard);
    if (!run.heard)
        return cx->code;
    if (run.format == SOUNDS_CSV)
        espy_cli_print("media,start,end,decision,label,probability,similarity\n");
    for (; e == ESPY_E_OK && run.first < paths->n; run.first += group) {
        const size_t left = paths->n - run.first;
        e = sounds_group(&run, left < group ? left : group);
        espy_progress_step(paths->n > group ? &cli->progress : NULL, "identifying",
                           paths->n - (left < group ? 0 : left - group), paths->n);
    }
    espy_free(cx, run.heard);
    if (e == ESPY_E_OK && paths->n > 1)
        espy_cli_say(cli, "%zu recordings, %zu events%s", paths->n, run.events,
                     run.errors ? "; some recordings could not be read" : "");
    cli->exit_code = espy_paths_status(paths, run.errors, run.named_errors);
    return e;
}

/* ---- detect -------------------------------------------------------------------------------- */

#define SOUNDS_TOP 5 /* scores told of a recording */

/* Means over all patches of a recording: sum has as many values as there are scores. */
static espy_err sounds_scores(espy_ctx *cx, const espy_encoder *encoder, const char *path,
                              float *sum, double *heard)
{
    const size_t dim = espy_encoder_dim(encoder), scores = espy_encoder_scores(encoder);
    const bool piped = strcmp(path, "-") == 0;
    espy_listener *l = NULL;
    espy_patch patches[ESPY_LISTEN_BLOCK];
    espy_buf file;
    espy_err e = ESPY_E_OK;
    size_t total = 0;
    float *vectors = espy_floats(cx, ESPY_LISTEN_BLOCK * dim);
    float *block = espy_floats(cx, ESPY_LISTEN_BLOCK * scores);
    espy_buf_init(&file, cx->max.file_bytes);
    if (!vectors || !block)
        ESPY_GO(cx->code);
    if (piped)
        ESPY_GO(espy_file_read(cx, path, file.max, &file));
    ESPY_GO(espy_listener_open(cx, encoder, piped ? NULL : path, espy_span_of(&file), 0, 0, &l));
    for (size_t n = 1; n > 0; total += n) {
        ESPY_GO(espy_listener_next(cx, l, ESPY_LISTEN_BLOCK, vectors, block, patches, &n));
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < scores; k++)
                sum[k] += block[i * scores + k];
    }
    if (total == 0)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "the file holds no sound: not one value"));
    for (size_t k = 0; k < scores; k++)
        sum[k] /= (float)total;
    *heard = espy_listener_heard(l);
out:
    espy_listener_close(cx, &l);
    espy_buf_free(cx, &file);
    espy_free(cx, vectors);
    espy_free(cx, block);
    return e;
}

static size_t sounds_best(const float *sum, size_t scores, size_t top[SOUNDS_TOP])
{
    size_t n = 0;
    for (size_t k = 0; k < scores; k++) {
        size_t i = n < SOUNDS_TOP ? n++ : SOUNDS_TOP;
        for (; i > 0 && sum[k] > sum[top[i - 1]]; i--)
            if (i < SOUNDS_TOP)
                top[i] = top[i - 1];
        if (i < SOUNDS_TOP)
            top[i] = k;
    }
    return n;
}

static espy_err sounds_detected_json(espy_cli *cli, const char *path, const char *error,
                                     const espy_encoder *encoder, const float *sum, double heard)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object(), *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    size_t top[SOUNDS_TOP], n = error ? 0 : sounds_best(sum, espy_encoder_scores(encoder), top);
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(path)));
    ESPY_GO(espy_json_set(cx, o, "decision", espy_json_of_string(error ? "error" : "sounds")));
    ESPY_GO(espy_json_set(cx, o, "error", espy_json_of_string(error)));
    ESPY_GO(espy_json_set(cx, o, "seconds", espy_json_of_float((float)heard)));
    for (size_t i = 0; i < n; i++) {
        espy_json *v = espy_json_object();
        ESPY_GO(espy_json_append(cx, list, v));
        ESPY_GO(espy_json_set(cx, v, "name",
                              espy_json_of_string(espy_encoder_score_name(encoder, top[i]))));
        ESPY_GO(espy_json_set(cx, v, "score", espy_json_of_float(sum[top[i]])));
    }
    ESPY_GO(espy_json_set(cx, o, "scores", espy_json_ref(list)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(list);
    espy_json_free(o);
    return e;
}

static espy_err sounds_detect_one(espy_cli *cli, const char *path, const espy_encoder *encoder,
                                  float *sum, size_t errors[2])
{
    espy_ctx *cx = &cli->cx;
    const size_t scores = espy_encoder_scores(encoder);
    size_t top[SOUNDS_TOP];
    double heard = 0;
    espy_scan scan = {0};
    memset(sum, 0, scores * sizeof *sum);
    espy_err e = sounds_scores(cx, encoder, path, sum, &heard);
    if (e != ESPY_E_OK)
        ESPY_TRY(espy_scan_excuse(cx, e, &scan));
    errors[0] += scan.error != NULL;
    errors[1] += scan.error && espy_path_named(cli, path);
    e = ESPY_E_OK;
    if (cli->json) {
        e = sounds_detected_json(cli, path, scan.error, encoder, sum, heard);
    } else if (scan.error) {
        espy_cli_print("%s: error: %s\n", path, scan.error);
    } else {
        espy_cli_print("%s: %.2f s\n", path, heard);
        for (size_t i = 0, n = sounds_best(sum, scores, top); i < n; i++)
            espy_cli_print("  %.3f  %s\n", (double)sum[top[i]],
                           espy_encoder_score_name(encoder, top[i]));
    }
    espy_scan_free(cx, &scan);
    return e;
}

espy_err espy_detect_sounds(espy_cli *cli, const espy_paths *paths, const espy_encoder *encoder)
{
    espy_ctx *cx = &cli->cx;
    size_t errors[2] = {0}; /* all, of files that were named */
    if (!espy_encoder_scores(encoder))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "pack %s has no classes of its own; use --encoder yamnet",
                         espy_encoder_pack(encoder)->name);
    float *sum = espy_floats(cx, espy_encoder_scores(encoder));
    if (!sum)
        return cx->code;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; e == ESPY_E_OK && i < paths->n; i++)
        e = sounds_detect_one(cli, paths->at[i], encoder, sum, errors);
    espy_free(cx, sum);
    cli->exit_code = espy_paths_status(paths, errors[0], errors[1]);
    return e;
}
