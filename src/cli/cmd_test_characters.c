/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy test characters`: who is in pictures, by the character system's own model (S2). */
#include <stdio.h>
#include <string.h>

#include "artifact/npy.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/media_args.h"
#include "flow/characters.h"
#include "flow/scan.h"

typedef struct characters_run {
    espy_cli *cli;
    espy_characters *characters;
    size_t dim;                  /* of their embeddings */
    const char *path;            /* of the file that is answered */
    const char *const *pictures; /* those that are scanned together */
    size_t errors, named_errors;
} characters_run;

static bool characters_ready(const char *path)
{
    return espy_ends_with_nocase(path, ".npy");
}

/* One answer, beside the face's place or the row's number. */
static espy_err characters_one(characters_run *run, const float *x, size_t dim, espy_json *sample,
                               espy_json *samples, const char *place, const char **path)
{
    espy_cli *cli = run->cli;
    espy_ctx *cx = &cli->cx;
    espy_character_answer a = {0};
    espy_json *o = espy_json_ref(sample);
    espy_err e = ESPY_E_OK;
    double threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1;
    ESPY_GO(espy_characters_identify(cx, run->characters, x, dim, threshold, &a));
    *path = espy_character_path_name(a.path);
    ESPY_GO(espy_json_set(cx, o, "decision", espy_json_of_string(a.known ? "known" : "unknown")));
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(a.known ? a.name : NULL)));
    ESPY_GO(espy_json_set(cx, o, "similarity", espy_json_of_float(a.similarity)));
    ESPY_GO(espy_json_set(cx, o, "nearest", espy_json_of_string(a.name)));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(a.threshold)));
    ESPY_GO(espy_json_append(cx, samples, espy_json_ref(o)));
    if (!cli->json)
        espy_cli_print("  %-8s %s%s  similarity %.2f%s%s\n", a.known ? "known" : "unknown",
                       a.known || !a.name ? "" : "nearest ", a.name ? a.name : "nobody is near",
                       (double)a.similarity, place,
                       a.path == ESPY_CHARACTER_FALLBACK ? "  (fallback)" : "");
out:
    espy_json_free(o);
    espy_character_answer_free(cx, &a);
    return e;
}

static espy_err characters_line(characters_run *run, const char *decision, const char *error,
                                const char *path, espy_json *samples)
{
    espy_cli *cli = run->cli;
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    if (!cli->json)
        goto out;
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(run->path)));
    ESPY_GO(espy_json_set(cx, o, "decision", espy_json_of_string(decision)));
    ESPY_GO(espy_json_set(cx, o, "error", espy_json_of_string(error)));
    ESPY_GO(espy_json_set(cx, o, "path", espy_json_of_string(path)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_ref(samples)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

static espy_err characters_failed(characters_run *run, const char *error)
{
    espy_json *none = espy_json_array();
    run->errors++;
    run->named_errors += espy_path_named(run->cli, run->path);
    if (!run->cli->json)
        espy_cli_print("%s: error: %s\n", run->path, error);
    espy_err e = characters_line(run, "error", error, NULL, none);
    espy_json_free(none);
    return e;
}

static espy_err characters_faces(characters_run *run, const espy_scan *scan)
{
    espy_ctx *cx = &run->cli->cx;
    espy_json *samples = espy_json_array(), *sample = NULL;
    const char *path = NULL;
    espy_err e = ESPY_E_OK;
    if (!run->cli->json)
        espy_cli_print("%s: %zu face%s\n", run->path, scan->n, scan->n == 1 ? "" : "s");
    for (size_t i = 0; i < scan->n; i++) {
        const espy_scan_sample *s = &scan->at[i];
        char place[96];
        snprintf(place, sizeof place, "  at %.0f,%.0f %.0fx%.0f", (double)s->box[0],
                 (double)s->box[1], (double)s->box[2], (double)s->box[3]);
        ESPY_GO(
            espy_sample_json(cx, espy_modality_find("face"), s, scan->dim, false, false, &sample));
        ESPY_GO(characters_one(run, s->embedding, scan->dim, sample, samples, place, &path));
        espy_json_free(sample);
        sample = NULL;
    }
    ESPY_GO(characters_line(run, scan->n ? "faces" : "no_face", NULL, path, samples));
out:
    espy_json_free(sample);
    espy_json_free(samples);
    return e;
}

static espy_err characters_rows(characters_run *run, const float *x, size_t n, size_t dim)
{
    espy_ctx *cx = &run->cli->cx;
    espy_json *samples = espy_json_array(), *sample = NULL;
    const char *path = NULL;
    espy_err e = ESPY_E_OK;
    if (!run->cli->json)
        espy_cli_print("%s: %zu embedding%s\n", run->path, n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        char place[48];
        snprintf(place, sizeof place, "  row %zu", i);
        sample = espy_json_object();
        ESPY_GO(espy_json_set(cx, sample, "row", espy_json_of_int((int64_t)i)));
        ESPY_GO(characters_one(run, x + i * dim, dim, sample, samples, place, &path));
        espy_json_free(sample);
        sample = NULL;
    }
    ESPY_GO(characters_line(run, "embeddings", NULL, path, samples));
out:
    espy_json_free(sample);
    espy_json_free(samples);
    return e;
}

/* The failure of a file is told in its line; others end the command. */
static espy_err characters_excuse(characters_run *run, espy_err e)
{
    espy_scan scan = {0};
    ESPY_TRY(espy_scan_excuse(&run->cli->cx, e, &scan));
    e = characters_failed(run, scan.error);
    espy_free(&run->cli->cx, scan.error);
    return e;
}

static espy_err characters_array(characters_run *run)
{
    espy_ctx *cx = &run->cli->cx;
    float *x = NULL;
    size_t n, dim;
    espy_err e = espy_npy_load_rows(cx, run->path, &x, &n, &dim);
    if (e == ESPY_E_OK && dim != run->dim)
        e = espy_fail(cx, ESPY_E_FORMAT, "embeddings of %zu values, the characters have %zu", dim,
                      run->dim);
    e = e == ESPY_E_OK ? characters_rows(run, x, n, dim) : characters_excuse(run, e);
    espy_free(cx, x);
    return e;
}

static espy_err characters_scanned(espy_ctx *cx, void *self, size_t i, const espy_scan *scan,
                                   bool fresh)
{
    characters_run *run = self;
    (void)cx;
    (void)fresh;
    run->path = run->pictures[i];
    espy_cli_progress_pause(run->cli);
    return scan->error ? characters_failed(run, scan->error) : characters_faces(run, scan);
}

/* The encoder that made the model's embeddings, or the one that is named where the model does not
 * tell; another one would give answers that mean nothing. */
static espy_err characters_encoder(espy_cli *cli, const espy_character_facts *facts,
                                   const char *folder, espy_encoder **out)
{
    espy_ctx *cx = &cli->cx;
    const char *pack = espy_json_string(espy_json_get(facts->json, "encoder"), NULL);
    const char *digest = espy_json_string(espy_json_get(facts->json, "encoder_digest"), NULL);
    const char *precision = espy_json_string(espy_json_get(facts->json, "precision"), "auto");
    if (pack && !espy_cli_given(cli, "encoder"))
        ESPY_TRY(espy_encoder_open(cx, pack, NULL, precision, 1, out));
    else
        ESPY_TRY(espy_cli_encoder_alone(cli, espy_modality_find("face"), out));
    if (digest && strcmp(digest, espy_encoder_digest(*out)) != 0)
        return espy_fail(
            cx, ESPY_E_ARG,
            "%s was trained with encoder %s (%s), not with %s as it is here: leave out "
            "--encoder, or train again",
            folder, pack ? pack : "?", precision, espy_encoder_pack(*out)->name);
    if (facts->dim != espy_encoder_dim(*out))
        return espy_fail(cx, ESPY_E_ARG,
                         "%s was trained on embeddings of %zu values, encoder %s gives %zu; name "
                         "the right one with --encoder",
                         folder, facts->dim, espy_encoder_pack(*out)->name, espy_encoder_dim(*out));
    return ESPY_E_OK;
}

/* Pictures between files of embeddings go together, on all cores; answers come in the order given.
 */
static espy_err characters_ask(characters_run *run, const espy_character_facts *facts)
{
    espy_cli *cli = run->cli;
    espy_encoder *encoder = NULL;
    espy_paths paths = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_paths_expand(cli, cli->args, cli->n_args, &paths));
    for (size_t i = 0, n; i < paths.n; i += n) {
        run->path = paths.at[i];
        for (n = 0; i + n < paths.n && !characters_ready(paths.at[i + n]);)
            n++;
        if (n == 0) {
            n = 1;
            ESPY_GO(characters_array(run));
            continue;
        }
        if (!encoder)
            ESPY_GO(characters_encoder(cli, facts, espy_cli_text(cli, "cache"), &encoder));
        run->pictures = (const char *const *)paths.at + i;
        espy_scan_job job = {
            .encoder = encoder, .progress = n > 8 ? &cli->progress : NULL, .stage = "identifying"};
        ESPY_GO(espy_flow_scan(&cli->cx, &job, run->pictures, n, characters_scanned, run));
    }
    cli->exit_code = espy_paths_status(&paths, run->errors, run->named_errors);
out:
    espy_encoder_destroy(&cli->cx, &encoder);
    espy_paths_free(cli, &paths);
    return e;
}

static espy_err test_characters_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    characters_run run = {.cli = cli};
    espy_character_facts facts = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_characters_create(cx, espy_cli_text(cli, "cache"), &run.characters));
    ESPY_GO(espy_characters_facts(cx, run.characters, &facts));
    run.dim = facts.dim;
    ESPY_GO(characters_ask(&run, &facts));
out:
    espy_character_facts_free(cx, &facts);
    espy_characters_destroy(cx, &run.characters);
    return e;
}

static const espy_option test_characters_options[] = {
    {"cache", "DIR", ESPY_OPT_TEXT, 0, 0, ESPY_CHARACTERS_FOLDER, NULL, NULL,
     "folder that espy retrain characters, or the described system, left"},
    {"threshold", "S", ESPY_OPT_REAL, 0, 1, NULL, "FACE_SIMILARITY_THRESHOLD", NULL,
     "least similarity for a name; else the model's own, else 0.6"},
    {"encoder", "PACK", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_ENCODER", "encoder",
     "pack of networks, where the model does not tell which one it was trained with"},
    {"precision", "P", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "precision", "auto, f32, mixed or bf16"},
    {0}};

const espy_command espy_command_test_characters = {
    "test characters",
    "FILE|DIR ...",
    "Say which character is in pictures, by the model that espy retrain characters left",
    "A name is given when the largest cosine to a character's centres reaches the threshold.  "
    ".npy\n"
    "files are embeddings to be asked about.  Where the model is missing or damaged, the "
    "embeddings kept\n"
    "beside it answer by plain cosine, and the answer says \"fallback\".",
    test_characters_options,
    1,
    -1,
    test_characters_cmd};
