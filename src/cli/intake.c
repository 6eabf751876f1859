/* SPDX-License-Identifier: Apache-2.0
 * cli - new files for `cluster` and `assign`. */
#include "cli/intake.h"

#include <string.h>

#include "flow/collect.h"
#include "flow/embed.h"

typedef struct intake {
    espy_cli *cli;
    espy_paths paths;
} intake;

static void intake_skipped(void *self, size_t i, const char *why)
{
    intake *in = self;
    espy_cli_progress_pause(in->cli);
    espy_cli_say(in->cli, "skipped %s: %s", in->paths.at[i], why);
}

static void intake_told(espy_cli *cli, const espy_modality *m, const espy_collected *g)
{
    espy_cli_progress_pause(cli);
    espy_cli_say(cli, "%zu %s%s with %zu %s%s (%zu new)", g->media, m->media,
                 g->media == 1 ? "" : "s", g->samples, m->sample, g->samples == 1 ? "" : "s",
                 g->fresh);
    if (g->elsewhere)
        espy_cli_say(cli, "%zu of them belong to another session and stay there", g->elsewhere);
}

/* The collection that the files come into, and its encoder: the one that is named, else the only
 * one of the modality, else a new one. */
static espy_err intake_collection(espy_cli *cli, const espy_modality *modality,
                                  espy_encoder **encoder, espy_collection *out)
{
    espy_ctx *cx = &cli->cx;
    espy_collection only = {0};
    espy_err e = ESPY_E_NOT_FOUND;
    ESPY_TRY(espy_cli_workspace(cli, true));
    if (!espy_cli_given(cli, "collection"))
        e = espy_workspace_collection_only(cx, &cli->ws, modality, &only);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        ESPY_TRY(espy_cli_encoder(cli, true, modality, encoder));
        return espy_cli_collection_new(cli, *encoder, out);
    }
    ESPY_TRY(e);
    ESPY_GO(espy_workspace_encoder(cx, &cli->ws, only.name, modality,
                                   espy_cli_given(cli, "encoder"), espy_cli_given(cli, "precision"),
                                   encoder));
    ESPY_GO(espy_workspace_collection(cx, &cli->ws, only.name, *encoder, out));
out:
    espy_collection_free(cx, &only);
    return e;
}

/* Encodes the files that were named and puts them into the session. */
static espy_err intake_files(intake *in, espy_collection *c)
{
    espy_cli *cli = in->cli;
    const espy_modality *modality;
    espy_encoder *encoder = NULL;
    espy_collected got = {0};
    const espy_collect_options o = {.session = espy_cli_text(cli, "session"),
                                    .date = espy_cli_text(cli, "date"),
                                    .progress = &cli->progress,
                                    .skipped = intake_skipped,
                                    .self = in};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_paths_modality(cli, &in->paths, &modality));
    ESPY_GO(intake_collection(cli, modality, &encoder, c));
    ESPY_GO(espy_flow_collect(&cli->cx, &cli->ws, c, encoder, (const char *const *)in->paths.at,
                              in->paths.n, &o, &got));
    intake_told(cli, espy_encoder_modality(encoder), &got);
    if (got.errors == in->paths.n)
        ESPY_GO(espy_fail(&cli->cx, ESPY_E_DATA, "none of the files could be used"));
out:
    espy_encoder_destroy(&cli->cx, &encoder);
    return e;
}

/* Makes *c tell the encoder that it is looked at through. */
static espy_err intake_through(espy_cli *cli, const espy_encoder *encoder, espy_collection *c)
{
    espy_ctx *cx = &cli->cx;
    char *name = espy_strdup(cx, espy_encoder_pack(encoder)->name);
    char *digest = espy_strdup(cx, espy_encoder_digest(encoder));
    char *precision = espy_strdup(cx, espy_encoder_precision_name(encoder));
    if (!name || !digest || !precision) {
        espy_free(cx, name);
        espy_free(cx, digest);
        espy_free(cx, precision);
        return cx->code;
    }
    espy_free(cx, c->encoder);
    espy_free(cx, c->encoder_digest);
    espy_free(cx, c->precision);
    c->encoder = name;
    c->encoder_digest = digest;
    c->precision = precision;
    return ESPY_E_OK;
}

/* Embeds what has no embedding under the pack. */
static espy_err intake_embed(espy_cli *cli, const char *pack, espy_collection *c)
{
    espy_ctx *cx = &cli->cx;
    /* the name alone does not tell which one, when a day is given: then everything */
    const char *session = espy_cli_text(cli, "date") ? NULL : espy_cli_text(cli, "session");
    espy_encoder *encoder = NULL;
    espy_embedded done = {0};
    espy_err e = espy_workspace_encoder(cx, &cli->ws, c->name, espy_modality_find(c->modality),
                                        pack, espy_cli_given(cli, "precision"), &encoder);
    ESPY_TRY(e);
    if (strcmp(espy_encoder_digest(encoder), c->encoder_digest) != 0) {
        ESPY_GO(espy_flow_embed(cx, &cli->ws, c, encoder, session, &cli->progress, &done));
        espy_cli_progress_pause(cli);
        espy_cli_say(cli, "%zu embedded with %s", done.samples, pack);
        if (done.errors)
            espy_cli_say(cli, "%zu left out: their media cannot be read; see espy doctor",
                         done.errors);
        ESPY_GO(intake_through(cli, encoder, c));
    }
out:
    espy_encoder_destroy(cx, &encoder);
    return e;
}

/* What is there, perhaps through another encoder. */
static espy_err intake_there(espy_cli *cli, espy_collection *out)
{
    espy_ctx *cx = &cli->cx;
    const char *model = espy_cli_text(cli, "model"), *given = espy_cli_given(cli, "encoder");
    char *pack = NULL;
    espy_err e = ESPY_E_OK;
    if (model && given)
        return espy_fail(cx, ESPY_E_ARG, "--model and --encoder both name an encoder; say one");
    ESPY_TRY(espy_cli_collection(cli, NULL, out));
    if (model)
        ESPY_TRY(espy_flow_model(cx, &cli->ws, model, &pack));
    if (pack || given)
        e = intake_embed(cli, pack ? pack : given, out);
    espy_free(cx, pack);
    return e;
}

espy_err espy_cli_intake(espy_cli *cli, espy_collection *out)
{
    intake in = {.cli = cli};
    if (espy_cli_text(cli, "date") && !espy_cli_text(cli, "session"))
        return espy_fail(&cli->cx, ESPY_E_ARG, "--date is the day of a --session; name that too");
    if (!cli->n_args)
        return intake_there(cli, out);
    if (espy_cli_text(cli, "model"))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "--model is for what the collection holds; new files take --encoder PACK");
    ESPY_TRY(espy_paths_expand(cli, cli->args, cli->n_args, &in.paths));
    espy_err e = intake_files(&in, out);
    espy_paths_free(cli, &in.paths);
    return e;
}

espy_err espy_cli_cosine(espy_cli *cli, const espy_collection *c, double (*of_floor)(double),
                         double *out)
{
    espy_pack *pack = NULL;
    if (espy_cli_text(cli, "threshold")) {
        *out = espy_cli_real(cli, "threshold");
        return ESPY_E_OK;
    }
    espy_err e = espy_pack_open(&cli->cx, c->encoder, cli->ws.dir, &pack);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(&cli->cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    *out = of_floor((double)pack->floor);
    espy_pack_destroy(&cli->cx, &pack);
    return ESPY_E_OK;
}
