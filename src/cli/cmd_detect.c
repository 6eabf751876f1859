/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy detect` and `espy embed`: where the faces are, and their vectors. */
#include <string.h>

#include "base/file.h"
#include "cli/sounds.h"
#include "flow/scan.h"
#include "media/media.h"

typedef struct detect_run {
    espy_cli *cli;
    espy_paths paths;
    bool embed;
    const espy_modality *modality;
    size_t errors, named_errors;
} detect_run;

static espy_err detect_json(espy_ctx *cx, const detect_run *run, const char *path,
                            const espy_scan *scan, espy_json **out)
{
    espy_json *o = NULL, *samples = espy_json_array(), *s = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_result_json(cx, run->modality, path, scan, NULL, &o));
    for (size_t i = 0; i < scan->n; i++) {
        ESPY_GO(espy_sample_json(cx, run->modality, &scan->at[i], scan->dim, true, run->embed, &s));
        ESPY_GO(espy_json_append(cx, samples, s));
    }
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_ref(samples)));
    *out = o;
    o = NULL;
out:
    espy_json_free(samples);
    espy_json_free(o);
    return e;
}

static espy_err detect_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    (void)fresh;
    detect_run *run = self;
    const char *path = run->paths.at[i];
    run->errors += scan->error != NULL;
    run->named_errors += scan->error && espy_path_named(run->cli, path);
    espy_cli_progress_pause(run->cli);
    if (run->cli->json || run->embed) {
        espy_json *line = NULL;
        ESPY_TRY(detect_json(cx, run, path, scan, &line));
        espy_err e = espy_cli_print_json(run->cli, line);
        espy_json_free(line);
        return e;
    }
    if (scan->error) {
        espy_cli_print("%s: error: %s\n", path, scan->error);
        return ESPY_E_OK;
    }
    espy_cli_print("%s: %zu face%s\n", path, scan->n, scan->n == 1 ? "" : "s");
    for (size_t k = 0; k < scan->n; k++) {
        const espy_scan_sample *s = &scan->at[k];
        espy_cli_print("  at %.0f,%.0f %.0fx%.0f  score %.2f\n", (double)s->box[0],
                       (double)s->box[1], (double)s->box[2], (double)s->box[3], (double)s->score);
    }
    return ESPY_E_OK;
}

/* Writes the aligned pictures that the embedder would see: OUT/NAME-1.png ... */
static espy_err detect_crops(detect_run *run, const espy_encoder *encoder,
                             const espy_find_options *find, size_t number, const char *to)
{
    espy_ctx *cx = &run->cli->cx;
    espy_samples found = {0};
    espy_buf file, png;
    espy_err e = ESPY_E_OK;
    const char *path = run->paths.at[number], *name = espy_path_name(path);
    char *out = NULL;
    size_t same = 0;
    for (size_t k = 0; k < number; k++)
        same += strcmp(espy_path_name(run->paths.at[k]), name) == 0;
    espy_buf_init(&file, cx->max.file_bytes);
    espy_buf_init(&png, cx->max.file_bytes);
    if (strcmp(path, "-") == 0)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "--crops cannot read standard input again; name a file"));
    ESPY_GO(espy_file_read(cx, path, file.max, &file));
    ESPY_GO(espy_encoder_find(cx, encoder, espy_span_of(&file), find, &found));
    for (size_t i = 0; i < found.n; i++) {
        espy_buf_free(cx, &png);
        espy_free(cx, out);
        int stem = (int)(espy_path_suffix(name) - name);
        out = same ? espy_sprintf(cx, "%s/%.*s-%zu-%zu.png", to, stem, name, same + 1, i + 1)
                   : espy_sprintf(cx, "%s/%.*s-%zu.png", to, stem, name, i + 1);
        if (!out)
            ESPY_GO(cx->code);
        ESPY_GO(espy_image_to_png(cx, &found.at[i].crop, &png));
        ESPY_GO(espy_file_write(cx, out, png.data, png.size));
    }
out:
    espy_free(cx, out);
    espy_buf_free(cx, &file);
    espy_buf_free(cx, &png);
    espy_samples_free(cx, &found);
    return e;
}

static espy_err detect_run_all(espy_cli *cli, bool embed)
{
    detect_run run = {.cli = cli, .embed = embed};
    espy_encoder *encoder = NULL;
    const char *crops = espy_cli_text(cli, "crops");
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_paths_expand(cli, cli->args, cli->n_args, &run.paths));
    ESPY_GO(espy_paths_modality(cli, &run.paths, &run.modality));
    ESPY_GO(espy_cli_encoder_alone(cli, run.modality, &encoder));
    run.modality = espy_encoder_modality(encoder);
    const bool sounds = run.modality->hears;
    if (sounds && crops)
        ESPY_GO(espy_fail(&cli->cx, ESPY_E_ARG, "--crops is for pictures"));
    if (sounds && !embed) {
        ESPY_GO(espy_detect_sounds(cli, &run.paths, encoder));
        goto out;
    }
    espy_scan_job job = {.encoder = encoder,
                         .find = {.no_crops = !embed,
                                  .full_decode = espy_cli_flag(cli, "full-decode"),
                                  .largest = espy_cli_flag(cli, "largest")},
                         .progress = run.paths.n > 8 ? &cli->progress : NULL,
                         .stage = embed ? "embedding" : "detecting"};
    ESPY_GO(espy_flow_scan(&cli->cx, &job, (const char *const *)run.paths.at, run.paths.n,
                           detect_one, &run));
    if (crops) {
        job.find.no_crops = false;
        ESPY_GO(espy_dir_make(&cli->cx, crops));
        for (size_t i = 0; i < run.paths.n; i++) {
            e = detect_crops(&run, encoder, &job.find, i, crops);
            if (e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_NOT_FOUND) {
                espy_clear(&cli->cx); /* reported when it was detected */
                e = ESPY_E_OK;
            }
            ESPY_GO(e);
        }
    }
    cli->exit_code = espy_paths_status(&run.paths, run.errors, run.named_errors);
out:
    espy_encoder_destroy(&cli->cx, &encoder);
    espy_paths_free(cli, &run.paths);
    return e;
}

static espy_err detect_cmd(espy_cli *cli)
{
    return detect_run_all(cli, false);
}

static espy_err embed_cmd(espy_cli *cli)
{
    return detect_run_all(cli, true);
}

static const espy_option detect_options[] = {
    ESPY_ENCODER_OPTIONS(NULL),
    {"largest", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "the largest face of each picture only"},
    {"full-decode", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "decode at full size even where less is enough to find faces"},
    {"crops", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "also write the aligned faces, as the embedder sees them, into a folder"},
    {0}};

const espy_command espy_command_detect = {
    "detect",
    "FILE|DIR|- ...",
    "Find faces: boxes, points, scores; or what is heard in recordings",
    "Of recordings it tells the classes that the network itself knows (521 of AudioSet with "
    "yamnet).",
    detect_options,
    1,
    -1,
    detect_cmd};
const espy_command espy_command_embed = {
    "embed",
    "FILE|DIR|- ...",
    "Find faces, or the first seconds of recordings, and print their embeddings as JSON",
    NULL,
    detect_options,
    1,
    -1,
    embed_cmd};
