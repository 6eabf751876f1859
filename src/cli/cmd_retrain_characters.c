/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy retrain characters`: the described trainer of the character system (S2), from a
 * folder of pictures or ready embeddings per character to its three files. */
#include <math.h>

#include "base/text.h"
#include "cli/media_args.h"
#include "flow/character_intake.h"

enum { TABLE_STEP = 2 /* every other threshold of the table is shown */ };

/* What came in, for people. */
static void characters_intake_text(const espy_cli *cli, const espy_dataset *folders,
                                   const espy_intake *r)
{
    for (size_t i = 0; i < folders->n_empty; i++)
        espy_log(&cli->cx, ESPY_LOG_WARN, "%s holds neither pictures nor embeddings: left out",
                 folders->empty[i]);
    if (folders->unknown)
        espy_log(&cli->cx, ESPY_LOG_WARN, "%s is nobody's and is not learned", folders->unknown);
    for (size_t i = 0; i < r->n_skipped; i++)
        espy_log(&cli->cx, ESPY_LOG_WARN, "skipped %s: %s", r->skipped[i].path,
                 r->skipped[i].reason);
    for (size_t i = 0; i < r->n_at; i++) {
        const espy_intake_character *c = &r->at[i];
        if (!c->embeddings)
            espy_log(&cli->cx, ESPY_LOG_WARN, "%s gave no embedding and is left out", c->name);
        else if (c->files)
            espy_cli_say(cli, "  %-20s %zu embeddings from %zu pictures and %zu files", c->name,
                         c->embeddings, c->pictures, c->files);
        else
            espy_cli_say(cli, "  %-20s %zu of %zu faces in %zu pictures", c->name, c->embeddings,
                         c->faces, c->pictures);
    }
}

static void characters_table(const espy_character_metrics *m)
{
    static const char *const rows[] = {"named right", "unknown", "wrong name", "strangers named"};
    espy_cli_print("leave one out, at similarity  ");
    for (size_t k = 0; k < ESPY_CHARACTER_THRESHOLDS; k += TABLE_STEP)
        espy_cli_print("%7.2f", m->table[k].threshold);
    for (size_t row = 0; row < (m->strangers ? 4 : 3); row++) {
        espy_cli_print("\n  %-28s", rows[row]);
        for (size_t k = 0; k < ESPY_CHARACTER_THRESHOLDS; k += TABLE_STEP) {
            const espy_character_threshold *t = &m->table[k];
            const size_t counts[] = {t->right, t->unknown, t->wrong, t->strangers_named};
            espy_cli_print("%7zu", counts[row]);
        }
    }
    espy_cli_print("\n");
}

/* Every face is asked about without it, and once more as a stranger: without its character. */
static void characters_text(const espy_cli *cli, const espy_character_metrics *m,
                            const char *folder, double threshold, double seconds)
{
    espy_cli_print("%zu characters, %zu embeddings, %.1f s\n", m->characters, m->embeddings,
                   seconds);
    if (m->asked) {
        characters_table(m);
        espy_cli_print("leave one out, at the model's %.2f: %zu of %zu named right, %zu unknown, "
                       "%zu wrong\n",
                       threshold, m->right, m->asked, m->unknown, m->wrong);
    }
    if (m->suggested > 0)
        espy_cli_print("least similarity that names nobody wrongly here: %.2f\n", m->suggested);
    if (!isnan(m->separation))
        espy_cli_print("similarity within characters %.3f, between them %.3f: separation %.3f\n",
                       m->intra_raw, m->inter_raw, m->separation);
    espy_cli_print("saved in %s: %s, %s, %s\n", folder, ESPY_CHARACTERS_MODEL,
                   ESPY_CHARACTERS_METADATA, ESPY_CHARACTERS_EMBEDDINGS);
    espy_cli_say(cli,
                 "as the described system counts (scaled, with pairs of one with itself): "
                 "intra %.3f, inter %.3f, ratio %.3f",
                 m->intra, m->inter, m->ratio);
}

/* The model's own facts, with what this run did. */
static espy_err characters_json(espy_cli *cli, espy_characters *c, const espy_intake *r,
                                const char *folder, double seconds)
{
    espy_ctx *cx = &cli->cx;
    espy_character_facts facts = {0};
    espy_json *o = espy_json_object(), *skipped = espy_json_array();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_characters_facts(cx, c, &facts));
    ESPY_GO(espy_json_set(cx, o, "characters", espy_json_of_int((int64_t)facts.characters)));
    ESPY_GO(espy_json_set(cx, o, "embeddings", espy_json_of_int((int64_t)r->data.rows.n)));
    for (size_t i = 0; i < r->n_skipped; i++) {
        espy_json *one = espy_json_object();
        ESPY_GO(espy_json_append(cx, skipped, one));
        ESPY_GO(espy_json_set(cx, one, "path", espy_json_of_string(r->skipped[i].path)));
        ESPY_GO(espy_json_set(cx, one, "reason", espy_json_of_string(r->skipped[i].reason)));
    }
    ESPY_GO(espy_json_set(cx, o, "skipped", espy_json_ref(skipped)));
    static const char *const keys[] = {"training_metrics", "similarity_threshold",
                                       "threshold_table",  "max_clusters",
                                       "encoder",          "model_version"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ESPY_GO(espy_json_set(
            cx, o, keys[i],
            espy_json_ref((espy_json *)(uintptr_t)espy_json_get(facts.json, keys[i]))));
    ESPY_GO(espy_json_set(cx, o, "cache", espy_json_of_string(folder)));
    ESPY_GO(espy_json_set(cx, o, "seconds", espy_json_of_float((float)seconds)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(skipped);
    espy_json_free(o);
    espy_character_facts_free(cx, &facts);
    return e;
}

static espy_err retrain_characters_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    double started = espy_time_monotonic();
    const char *folder = espy_cli_text(cli, "cache");
    espy_dataset folders = {0};
    espy_encoder *encoder = NULL;
    espy_intake intake = {0};
    espy_characters *characters = NULL;
    espy_character_metrics metrics;
    const espy_character_options how = {.clusters = (size_t)espy_cli_int(cli, "clusters"),
                                        .threshold = espy_cli_real(cli, "threshold"),
                                        .seed = (uint64_t)espy_cli_int(cli, "seed")};
    const espy_intake_options o = {.max_images = (size_t)espy_cli_int(cli, "max-images"),
                                   .min_quality = espy_cli_real(cli, "min-quality"),
                                   .progress = &cli->progress};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_intake_folders(cx, cli->args[0], &folders));
    if (espy_intake_needs_encoder(&folders))
        ESPY_GO(espy_cli_encoder_alone(cli, espy_modality_find("face"), &encoder));
    espy_cli_say(cli, "%zu characters%s%s", folders.n, encoder ? "; encoder " : "",
                 encoder ? espy_encoder_pack(encoder)->name : "");
    ESPY_GO(espy_intake_read(cx, &folders, encoder, &o, &intake));
    espy_cli_progress_pause(cli);
    characters_intake_text(cli, &folders, &intake);
    ESPY_GO(espy_characters_create(cx, folder, &characters));
    ESPY_GO(espy_characters_train(cx, characters, &intake.data, &how, &metrics));
    double seconds = espy_time_monotonic() - started;
    if (cli->json)
        ESPY_GO(characters_json(cli, characters, &intake, folder, seconds));
    else
        characters_text(cli, &metrics, folder, how.threshold, seconds);
out:
    espy_characters_destroy(cx, &characters);
    espy_intake_free(cx, &intake);
    espy_encoder_destroy(cx, &encoder);
    espy_dataset_free(cx, &folders);
    return e;
}

static const espy_option retrain_characters_options[] = {
    {"cache", "DIR", ESPY_OPT_TEXT, 0, 0, ESPY_CHARACTERS_FOLDER, NULL, NULL,
     "where the model, its metadata and the embeddings go"},
    {"max-images", "N", ESPY_OPT_INT, 1, 100000, "8", NULL, NULL,
     "pictures of each character, the first ones by name"},
    {"clusters", "N", ESPY_OPT_INT, 1, 100, "3", NULL, NULL, "centres of a character at most"},
    {"min-quality", "Q", ESPY_OPT_REAL, 0, 1, "0.6", NULL, NULL,
     "least quality of a face, from its size, sharpness, light and the detector's score; 0: all"},
    {"threshold", "S", ESPY_OPT_REAL, 0.001, 1, "0.6", "FACE_SIMILARITY_THRESHOLD", NULL,
     "least similarity to a centre for a name; kept in the model"},
    {"seed", "N", ESPY_OPT_INT, 1, 2147483647, "42", NULL, NULL, "seed of the clustering"},
    {"encoder", "PACK", ESPY_OPT_TEXT, 0, 0, NULL, "ESPY_ENCODER", "encoder",
     "pack of networks to use, when there are pictures"},
    {"precision", "P", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "precision", "auto, f32, mixed or bf16"},
    {0}};

const espy_command espy_command_retrain_characters = {
    "retrain characters",
    "DIR",
    "Train the character system on a folder of pictures, or of ready embeddings, per character",
    "All faces that are good enough are learned, each folder's as those of one character.  .npy "
    "files\n"
    "of shape (n, values) or (values,) are embeddings that are ready.  Leaves\n"
    "cache/face_recognition_model.pkl, which scikit-learn opens, its metadata and the embeddings.  "
    "When\n"
    "training fails the earlier model stays.  Ask it with: espy test characters PICTURE",
    retrain_characters_options,
    1,
    1,
    retrain_characters_cmd};
