/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy compare`: are these two pictures of one person. */
#include <stdlib.h>
#include <string.h>

#include "cli/media_args.h"
#include "flow/scan.h"

typedef struct compare_run {
    float *vectors; /* 2 x dim */
    size_t dim;
    char **paths;
    const espy_modality *modality;
} compare_run;

static espy_err compare_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    (void)fresh;
    compare_run *run = self;
    if (scan->error)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: %s", run->paths[i], scan->error);
    if (!scan->n)
        return espy_fail(cx, ESPY_E_DATA, "%s: %s", run->paths[i], run->modality->nothing);
    memcpy(run->vectors + i * run->dim, scan->vectors, run->dim * sizeof *run->vectors);
    return ESPY_E_OK;
}

static espy_err compare_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_encoder *encoder = NULL;
    compare_run run = {.paths = cli->args};
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    const espy_paths paths = {cli->args, 2};
    ESPY_GO(espy_paths_modality(cli, &paths, &run.modality));
    ESPY_GO(espy_cli_encoder_alone(cli, run.modality, &encoder));
    run.modality = espy_encoder_modality(encoder);
    run.dim = espy_encoder_dim(encoder);
    run.vectors = espy_floats(cx, 2 * run.dim);
    if (!run.vectors)
        ESPY_GO(cx->code);
    espy_scan_job job = {.encoder = encoder, .find = {.largest = true}, .stage = "comparing"};
    ESPY_GO(espy_flow_scan(cx, &job, (const char *const *)cli->args, 2, compare_one, &run));
    double cosine = 0;
    for (size_t i = 0; i < run.dim; i++)
        cosine += (double)run.vectors[i] * (double)run.vectors[run.dim + i];
    double floor = (double)espy_encoder_pack(encoder)->floor;
    bool same = cosine >= floor, face = !run.modality->hears;
    if (!cli->json) {
        espy_cli_print("%s: similarity %.4f (%s from %.2f on)\n",
                       face ? (same ? "same person" : "different people")
                            : (same ? "alike" : "not alike"),
                       cosine, face ? "same" : "alike", floor);
        goto out;
    }
    o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "same", espy_json_of_bool(same)));
    ESPY_GO(espy_json_set(cx, o, "similarity", espy_json_of_float((float)cosine)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_float((float)floor)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    espy_free(cx, run.vectors);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static const espy_option compare_options[] = {ESPY_ENCODER_OPTIONS(NULL), {0}};

const espy_command espy_command_compare = {
    "compare",
    "FILE FILE",
    "Say whether two pictures show one person, or two recordings are alike",
    NULL,
    compare_options,
    2,
    2,
    compare_cmd};
