/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy identify`: who is in these pictures. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/sounds.h"
#include "dsp/dsp.h"
#include "flow/scan.h"
#include "media/media.h"
#include "store/group.h"

typedef struct identify_run {
    espy_cli *cli;
    espy_identifier id;
    espy_paths paths;
    const char *draw;
    bool draw_into_folder;
    bool keep; /* the pictures come into the store as probes */
    size_t faces, known, errors, named_errors;
} identify_run;

static void identify_text(const char *path, const espy_scan *scan, const espy_result *r)
{
    if (scan->error) {
        espy_cli_print("%s: error: %s\n", path, scan->error);
        return;
    }
    espy_cli_print("%s: %zu face%s\n", path, scan->n, scan->n == 1 ? "" : "s");
    for (size_t i = 0; i < scan->n; i++) {
        const espy_answer *a = &r->at[i];
        const espy_candidate *best = a->candidate_count ? &a->candidates[0] : NULL;
        espy_cli_print("  %-12s", espy_decision_name(a->decision));
        if (a->label)
            espy_cli_print(" %s (%s)", a->label, a->name);
        else if (best)
            espy_cli_print(" nearest %s", best->label);
        espy_cli_print("  probability %.2f  similarity %.2f  at %.0f,%.0f %.0fx%.0f\n",
                       (double)a->probability, (double)a->similarity, (double)a->box[0],
                       (double)a->box[1], (double)a->box[2], (double)a->box[3]);
    }
}

static const uint8_t *decision_colour(espy_decision d)
{
    static const uint8_t green[3] = {30, 160, 60}, red[3] = {200, 50, 40}, amber[3] = {210, 140, 0},
                         grey[3] = {120, 120, 120};
    switch (d) {
    case ESPY_KNOWN:
        return green;
    case ESPY_AMBIGUOUS:
        return amber;
    case ESPY_POOR_QUALITY:
        return grey;
    case ESPY_UNKNOWN:
        break;
    }
    return red;
}

static void draw_answers(espy_image *im, const espy_result *r)
{
    static const uint8_t white[3] = {255, 255, 255};
    int thick = (im->width + im->height) / 700 + 2;
    for (size_t i = 0; i < r->n; i++) {
        const espy_answer *a = &r->at[i];
        const uint8_t *ink = decision_colour(a->decision);
        int x = (int)a->box[0], y = (int)a->box[1], w = (int)a->box[2], h = (int)a->box[3];
        int size = h / 7 < 12 ? 12 : h / 7 > 40 ? 40 : h / 7;
        espy_draw_box(im, x, y, w, h, thick, ink);
        espy_draw_text(im, x, y >= size + 4 ? y - size - 4 : y + h + 2, size,
                       a->name ? a->name : espy_decision_name(a->decision), white, ink);
    }
}

/* Where the annotated picture goes: OUT itself, or OUT/NAME.jpg, with a number when an earlier
 * picture of this run has the same name. */
static char *draw_path(identify_run *run, size_t i)
{
    espy_ctx *cx = &run->cli->cx;
    if (!run->draw_into_folder)
        return espy_strdup(cx, run->draw);
    const char *name = espy_path_name(run->paths.at[i]);
    size_t same = 0;
    for (size_t k = 0; k < i; k++)
        same += strcmp(espy_path_name(run->paths.at[k]), name) == 0;
    int stem = (int)(espy_path_suffix(name) - name);
    return same ? espy_sprintf(cx, "%s/%.*s-%zu.jpg", run->draw, stem, name, same + 1)
                : espy_sprintf(cx, "%s/%.*s.jpg", run->draw, stem, name);
}

/* A drawing never takes the place of one of the pictures it is made from. */
static espy_err draw_spares_originals(espy_ctx *cx, const identify_run *run, const char *to)
{
    struct stat there, from;
    if (stat(to, &there) != 0)
        return ESPY_E_OK;
    for (size_t i = 0; i < run->paths.n; i++)
        if (stat(run->paths.at[i], &from) == 0 && from.st_dev == there.st_dev &&
            from.st_ino == there.st_ino)
            return espy_fail(cx, ESPY_E_ARG,
                             "--draw would write over the picture %s; choose another folder",
                             run->paths.at[i]);
    return ESPY_E_OK;
}

static espy_err identify_draw(espy_ctx *cx, identify_run *run, size_t i, const espy_result *r)
{
    const char *path = run->paths.at[i];
    espy_buf file, out;
    espy_image im = {0};
    espy_err e = ESPY_E_OK;
    char *to = draw_path(run, i);
    espy_buf_init(&file, cx->max.file_bytes);
    espy_buf_init(&out, (size_t)1 << 30);
    if (!to)
        ESPY_GO(cx->code);
    if (strcmp(path, "-") == 0)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "--draw cannot read standard input again; name a file"));
    ESPY_GO(draw_spares_originals(cx, run, to));
    ESPY_GO(espy_file_read(cx, path, cx->max.file_bytes, &file));
    ESPY_GO(espy_image_decode(cx, espy_span_of(&file), 0, &im));
    draw_answers(&im, r);
    if (espy_ends_with_nocase(to, ".png"))
        ESPY_GO(espy_image_to_png(cx, &im, &out));
    else
        ESPY_GO(espy_image_to_jpeg(cx, &im, 90, &out));
    ESPY_GO(espy_file_write(cx, to, out.data, out.size));
    espy_cli_say(run->cli, "Drawn: %s", to);
out:
    espy_buf_free(cx, &file);
    espy_buf_free(cx, &out);
    espy_image_free(cx, &im);
    espy_free(cx, to);
    return e;
}

static espy_err identify_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    identify_run *run = self;
    espy_result *r = NULL;
    espy_json *line = NULL;
    espy_err e = ESPY_E_OK;
    const char *path = run->paths.at[i];
    ESPY_GO(espy_identify_scan(cx, &run->id, scan, &r));
    run->errors += scan->error != NULL;
    run->named_errors += scan->error && espy_path_named(run->cli, path);
    run->faces += r->n;
    for (size_t k = 0; k < r->n; k++)
        run->known += r->at[k].decision == ESPY_KNOWN;
    if (run->keep && fresh && !scan->error)
        ESPY_GO(espy_store_media_probe(cx, run->cli->ws.store, scan->media, true));
    espy_cli_progress_pause(run->cli);
    if (run->cli->json) {
        ESPY_GO(espy_result_json(cx, espy_encoder_modality(run->id.encoder), path, scan, r, &line));
        ESPY_GO(espy_cli_print_json(run->cli, line));
    } else {
        identify_text(path, scan, r);
    }
    if (run->draw && !scan->error)
        ESPY_GO(identify_draw(cx, run, i, r));
out:
    espy_json_free(line);
    espy_result_free(r);
    return e;
}

static espy_err identify_where_to_draw(identify_run *run)
{
    espy_ctx *cx = &run->cli->cx;
    run->draw = espy_cli_text(run->cli, "draw");
    if (!run->draw)
        return ESPY_E_OK;
    const char *suffix = espy_path_suffix(run->draw);
    bool jpeg_or_png = espy_equal_nocase(suffix, ".jpg") || espy_equal_nocase(suffix, ".jpeg") ||
                       espy_equal_nocase(suffix, ".png");
    run->draw_into_folder = espy_dir_exists(run->draw) || !*suffix;
    if (!run->draw_into_folder && !jpeg_or_png)
        return espy_fail(cx, ESPY_E_ARG, "--draw %s: pictures are drawn as .jpg or .png",
                         run->draw);
    if (!run->draw_into_folder && run->paths.n != 1)
        return espy_fail(cx, ESPY_E_ARG, "--draw %s names one file for %zu pictures; name a folder",
                         run->draw, run->paths.n);
    return run->draw_into_folder ? espy_dir_make(cx, run->draw) : ESPY_E_OK;
}

static espy_err identify_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    identify_run run = {.cli = cli};
    espy_encoder *encoder = NULL;
    const espy_modality *modality;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_paths_expand(cli, cli->args, cli->n_args, &run.paths));
    ESPY_GO(espy_paths_modality(cli, &run.paths, &modality));
    if (!modality || !modality->hears)
        ESPY_GO(identify_where_to_draw(&run));
    ESPY_GO(espy_cli_encoder(cli, false, modality, &encoder));
    run.keep = espy_cli_flag(cli, "keep");
    if (run.keep && espy_encoder_modality(encoder)->hears)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "--keep is for pictures"));
    espy_identify_options o = {
        .threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1,
        .floor = espy_cli_text(cli, "floor") ? espy_cli_real(cli, "floor") : -2,
        .no_floor = espy_cli_flag(cli, "no-floor")};
    ESPY_GO(espy_identifier_open(cx, &cli->ws, espy_cli_given(cli, "collection"),
                                 espy_cli_int(cli, "version"), encoder, &o, &run.id));
    if (espy_encoder_modality(encoder)->hears) {
        ESPY_GO(espy_identify_sounds(cli, &run.paths, &run.id));
        goto out;
    }
    espy_scan_job job = {.encoder = encoder,
                         .progress = run.paths.n > 8 ? &cli->progress : NULL,
                         .stage = "identifying"};
    if (run.keep) {
        job.store = cli->ws.store;
        job.collection = run.id.collection.id;
    }
    ESPY_GO(espy_flow_scan(cx, &job, (const char *const *)run.paths.at, run.paths.n, identify_one,
                           &run));
    if (run.paths.n > 1)
        espy_cli_say(cli, "%zu pictures, %zu faces, %zu known%s", run.paths.n, run.faces, run.known,
                     run.errors ? "; some pictures could not be read" : "");
    cli->exit_code = espy_paths_status(&run.paths, run.errors, run.named_errors);
out:
    espy_identifier_close(cx, &run.id);
    espy_encoder_destroy(cx, &encoder);
    espy_paths_free(cli, &run.paths);
    return e;
}

static const espy_option identify_options[] = {
    ESPY_ENCODER_OPTIONS(NULL),
    {"version", "N", ESPY_OPT_INT, 0, 1e9, "0", NULL, NULL,
     "version to answer with; 0: the live one"},
    {"threshold", "P", ESPY_OPT_REAL, 0, 1, NULL, "RECOGNITION_THRESHOLD", "threshold",
     "least probability to be known; else the version's own"},
    {"floor", "COS", ESPY_OPT_REAL, -1, 1, NULL, NULL, "floor",
     "least cosine to a training sample to be known; else the version's own"},
    {"no-floor", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "let the probability alone decide, as the described systems do; names strangers"},
    {"draw", "OUT", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "write the pictures with boxes and names: a file for one picture, else a folder"},
    {"keep", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "keep the pictures in the workspace, unlabelled, until espy label expire"},
    ESPY_LISTEN_OPTIONS,
    {0}};

const espy_command espy_command_identify = {
    "identify",
    "FILE|DIR|- ...",
    "Say who is in pictures and what is heard in recordings, or \"unknown\"",
    "A sample is known when its best label is probable enough (--threshold) and it lies near "
    "enough\n"
    "to a training sample of that label (--floor); ambiguous when a second label is as near.\n"
    "A recording of up to 4 seconds is one sample; in a longer one the known sounds are told with\n"
    "start and end.  The exit status is 1 when a file that was named could not be read; the others "
    "are\n"
    "answered all the same.",
    identify_options,
    1,
    -1,
    identify_cmd};
