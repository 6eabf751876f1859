/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy train` and `espy enroll`: learn people from folders, or add a few pictures of one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/train_args.h"
#include "flow/learn.h"
#include "flow/models_folder.h"
#include "flow/trigger.h"
#include "head/head_parts.h"

/* One line per epoch. */
static void train_epoch(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    char line[160];
    espy_epoch_line(number, most, e, line);
    espy_cli_say(self, "%s", line);
}

static void train_say(void *self, const char *line)
{
    espy_cli_say(self, "%s", line);
}

/* 701380 as "701,380". */
static const char *train_thousands(size_t n, char out[32])
{
    char digits[24];
    size_t at = 0, length = (size_t)snprintf(digits, sizeof digits, "%zu", n);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* What was trained in epochs. */
static void train_network(const espy_cli *cli, const espy_head *head, size_t most)
{
    espy_head_network net;
    char all[32], trainable[32], dense[32];
    if (cli->json || !espy_head_mlp_network(head, &net))
        return;
    espy_mlp_count c = espy_mlp_parameters(net.mlp);
    espy_cli_say(cli, "%s after %zu epochs, best epoch %zu",
                 net.history->n < most ? "Stopped early" : "Trained to the end", net.history->n,
                 net.history->best + 1);
    espy_cli_say(cli, "Parameters: %s total, %s trainable, %s dense", train_thousands(c.all, all),
                 train_thousands(c.trainable, trainable), train_thousands(c.dense, dense));
}

static espy_err train_fit_options(espy_cli *cli, const espy_encoder *encoder, espy_fit_options *o)
{
    const espy_recipe recipe = {
        .head = espy_cli_text(cli, "head"),
        .seed = (uint64_t)espy_cli_int(cli, "seed"),
        .clusters = (size_t)espy_cli_int(cli, "clusters"),
        .epochs = (size_t)espy_cli_int(cli, "epochs"),
        .validation = espy_cli_real(cli, "validation"),
        .test_share = espy_cli_real(cli, "test-share"),
        .threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1,
        .epoch = cli->json ? NULL : train_epoch,
        .self = cli};
    return espy_recipe_fit(&cli->cx, &recipe, encoder, o);
}

/* What was learned, as one JSON object or a few lines. */
static espy_err train_tell(espy_cli *cli, const espy_renewal *r, const espy_ingest *ingest,
                           const double seconds[3])
{
    espy_ctx *cx = &cli->cx;
    const espy_training_set *set = &r->set;
    const espy_fit *fit = &r->fit;
    int64_t version = r->version;
    bool measured = fit->split.test_n > 0;
    if (!cli->json) {
        espy_cli_print("version %lld: %s, %zu labels, %zu samples", (long long)version,
                       fit->ops->name, set->n_labels, set->rows.n);
        if (ingest->n_skipped)
            espy_cli_print(", %zu %ss skipped", ingest->n_skipped, ingest->modality->media);
        if (measured)
            espy_cli_print("\naccuracy %.4f on %zu held-out samples", fit->metrics.accuracy,
                           fit->split.test_n);
        espy_cli_print("\nknown from probability %.2f and similarity %.2f on\n", fit->threshold,
                       fit->floor);
        if (ingest->used)
            espy_cli_print("encoding %.1f s (%zu new of %zu %ss), ", seconds[0], ingest->fresh,
                           ingest->used, ingest->modality->media);
        espy_cli_print("fitting %.2f s\n", seconds[1]);
        return ESPY_E_OK;
    }
    espy_json *o = NULL;
    ESPY_TRY(espy_learned_json(cx, r, ingest, seconds, &o));
    espy_err e = espy_cli_print_json(cli, o);
    espy_json_free(o);
    return e;
}

/* The gate said no: one line that says why, and exit status 1, for what was asked for, a version
 * that answers, is not there. */
static espy_err train_refused(espy_cli *cli, const espy_renewal *r)
{
    char why[700];
    espy_learned_refusal(r, why, sizeof why);
    return espy_fail(&cli->cx, ESPY_E_DATA, "%s (all the same: espy rollback %lld)", why,
                     (long long)r->version);
}

/* Fits all labelled samples of the collection, asks the gate (unless it is NULL), publishes and
 * tells. */
static espy_err train_collection(espy_cli *cli, const espy_collection *c,
                                 const espy_renew_options *how, const espy_ingest *ingest,
                                 double started, double encoded)
{
    espy_ctx *cx = &cli->cx;
    const espy_fit_options *o = how->fit;
    espy_renewal r = {0};
    const char *models = espy_cli_text(cli, "models");
    char *path = NULL;
    espy_err e = models ? espy_models_renew(cx, &cli->ws, c, models, how, &r, &path)
                        : espy_flow_renew(cx, &cli->ws, c, how, &r);
    ESPY_GO(e);
    if (path)
        espy_cli_say(cli, "Saved: %s", path);
    double now = espy_time_monotonic();
    double seconds[3] = {encoded - started, now - encoded, now - started};
    train_network(cli, r.fit.head, o->settings.epochs);
    if (espy_cli_flag(cli, "report") && r.fit.report.size)
        espy_cli_table(cli, (const char *)r.fit.report.data);
    ESPY_GO(train_tell(cli, &r, ingest, seconds));
    if (!r.promoted)
        e = train_refused(cli, &r);
    else if (!r.gate.passed)
        espy_log(cx, ESPY_LOG_WARN, "version %lld answers by force: %s", (long long)r.version,
                 r.gate.text);
out:
    espy_free(cx, path);
    espy_renewal_free(cx, &r);
    return e;
}

/* espy.conf's accuracy counts for commands without that option, too: enroll, when it fires. */
static espy_err train_gate_options(espy_cli *cli, const espy_encoder *encoder,
                                   espy_canaries *canaries, espy_gate_options *o)
{
    const double least =
        espy_cli_text(cli, "min-accuracy") ? espy_cli_real(cli, "min-accuracy") : -1;
    return espy_learn_gate(&cli->cx, &cli->ws, encoder, least, espy_cli_flag(cli, "force"),
                           canaries, o);
}

/* Brings the collection's samples up to date with the folder. */
static espy_err train_ingest(espy_cli *cli, const espy_collection *c, const espy_encoder *encoder,
                             const char *dir, const espy_dataset *data, espy_ingest *ingest)
{
    espy_ctx *cx = &cli->cx;
    const espy_told told = {train_say, cli};
    espy_ingest_options how = {.whole_if_none = espy_cli_flag(cli, "whole"),
                               .actor = "folder",
                               .progress = &cli->progress};
    espy_sources sources = {0};
    if (espy_cli_text(cli, "sources")) {
        ESPY_TRY(espy_sources_read(cx, espy_cli_text(cli, "sources"), &sources));
        how.sources = &sources;
    }
    espy_err e = espy_learn_folder(cx, &cli->ws, c, encoder, dir, data, &how, &told, ingest);
    espy_sources_free(cx, &sources);
    return e;
}

/* The kind of head that answers now, told of when it cannot go on. */
static espy_err train_live_head(espy_cli *cli, const espy_collection *c, char **head)
{
    const espy_told told = {train_say, cli};
    return espy_learn_head(&cli->cx, &cli->ws, c, &told, head);
}

/* By --encoder, else by what the folder holds. */
static espy_err train_modality(espy_cli *cli, const char *dir, const espy_modality **out)
{
    const espy_modality *found = NULL;
    if (!espy_cli_given(cli, "encoder")) {
        ESPY_TRY(espy_dataset_modality(&cli->cx, dir, &found));
        if (!found)
            return espy_dataset_nothing(&cli->cx, dir);
    }
    return espy_cli_modality(cli, found, out);
}

/* Options that not every head and every modality has; told before anything is learned. */
static espy_err train_check(espy_cli *cli, const espy_encoder *encoder, const espy_fit_options *o)
{
    const bool sounds = espy_encoder_modality(encoder)->hears;
    if (espy_cli_int(cli, "augment") && !sounds)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--augment is for recordings");
    if (espy_cli_text(cli, "models") && (!sounds || !o->head || strcmp(o->head, "mlp") != 0))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "--models keeps the networks of recordings; use --head mlp");
    return espy_cli_text(cli, "models") ? espy_models_ready(&cli->cx, espy_cli_text(cli, "models"))
                                        : ESPY_E_OK;
}

espy_err espy_cli_train_options(espy_cli *cli)
{
    if (espy_cli_text(cli, "models") && espy_cli_real(cli, "test-share") <= 0)
        return espy_fail(
            &cli->cx, ESPY_E_ARG,
            "--models keeps what was measured: give --test-share a share to hold back, "
            "0.2 for example");
    return ESPY_E_OK;
}

/* The trainer of one modality was given the other's pack. */
static espy_err train_modality_refused(espy_cli *cli, const espy_modality *wanted)
{
    return espy_fail(&cli->cx, ESPY_E_ARG, "--encoder %s: this encoder %s",
                     espy_cli_given(cli, "encoder"),
                     wanted->hears ? "hears no recordings" : "sees no pictures");
}

espy_err espy_cli_train(espy_cli *cli, const espy_train_how *how)
{
    espy_ctx *cx = &cli->cx;
    double started = espy_time_monotonic();
    const char *reason = espy_cli_text(cli, "reason");
    espy_encoder *encoder = NULL;
    espy_collection c = {0};
    espy_dataset data = {0};
    espy_ingest ingest = {0};
    espy_json *counts = NULL;
    char *head = NULL;
    espy_fit_options o;
    espy_gate_options gate;
    espy_canaries canaries = {0};
    const espy_modality *modality = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_cli_train_options(cli));
    if (how->dir) {
        ESPY_GO(how->modality ? espy_cli_modality(cli, how->modality, &modality)
                              : train_modality(cli, how->dir, &modality));
        if (how->modality && modality != how->modality)
            ESPY_GO(train_modality_refused(cli, how->modality));
        ESPY_GO(espy_learn_dataset(cx, how->dir, modality, &data));
        ESPY_GO(espy_learn_counts(cx, &data, &counts));
    }
    if (!how->dir) {
        ESPY_GO(espy_cli_modality(cli, how->modality, &modality));
        ESPY_GO(espy_cli_collection(cli, modality, &c));
        modality = modality ? modality : espy_modality_find(c.modality);
    }
    ESPY_GO(espy_cli_encoder(cli, how->dir != NULL, modality, &encoder));
    ESPY_GO(espy_cli_train_options(cli)); /* espy.conf counts now */
    ESPY_GO(train_fit_options(cli, encoder, &o));
    if (how->dir) {
        ESPY_GO(espy_cli_collection_new(cli, encoder, &c));
        ESPY_GO(train_ingest(cli, &c, encoder, how->dir, &data, &ingest));
    }
    if (!o.head && how->keep_head)
        ESPY_GO(train_live_head(cli, &c, &head));
    if (head)
        o.head = head;
    if (!o.head)
        o.head = how->head;
    ESPY_GO(train_check(cli, encoder, &o));
    ESPY_GO(train_gate_options(cli, encoder, &canaries, &gate));
    const espy_renew_options renew = {.fit = &o,
                                      .gate = &gate,
                                      .reason = reason ? reason : how->reason,
                                      .file_counts = counts,
                                      .encoder = encoder,
                                      .copies = (size_t)espy_cli_int(cli, "augment")};
    ESPY_GO(train_collection(cli, &c, &renew, &ingest, started, espy_time_monotonic()));
out:
    espy_canaries_free(cx, &canaries);
    espy_free(cx, head);
    espy_json_free(counts);
    espy_ingest_free(cx, &ingest);
    espy_dataset_free(cx, &data);
    espy_collection_free(cx, &c);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static espy_err train_cmd(espy_cli *cli)
{
    const char *dir = cli->n_args ? cli->args[0] : NULL;
    const espy_train_how how = {.dir = dir, .reason = "train", .keep_head = !dir};
    return espy_cli_train(cli, &how);
}

static const espy_option train_options[] = {ESPY_ENCODER_OPTIONS(NULL),
                                            ESPY_TRAIN_OPTIONS,
                                            ESPY_GATE_OPTIONS,
                                            ESPY_WHOLE_OPTION,
                                            ESPY_SOURCES_OPTION,
                                            ESPY_AUGMENT_OPTION,
                                            ESPY_MODELS_OPTION,
                                            {"report", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
                                             "also print precision, recall and F1 per label"},
                                            {0}};

const espy_command espy_command_train = {
    "train",
    "[DIR]",
    "Learn from a folder with one folder of photos per person, or of recordings per class",
    "Without DIR it learns from what the collection holds: what was grouped, assigned and named.\n"
    "A folder is named CODE_Name (STU001_John_Doe) or just Name.  Photos seen before are not "
    "encoded\n"
    "again.  The new version answers when it passes the quality gate: the accuracy asked for, not "
    "worse\n"
    "than the version that answers now, strangers not named.  One that does not is kept, with exit "
    "status 1.\n"
    "All versions are kept (espy versions, espy rollback).",
    train_options,
    0,
    1,
    train_cmd};

/* The dataset of one label with the files named. */
static espy_err enroll_dataset(espy_cli *cli, espy_dataset *out, const espy_modality **modality)
{
    espy_ctx *cx = &cli->cx;
    espy_dataset d = {0};
    espy_paths paths = {0};
    espy_err e = ESPY_E_OK;
    if (espy_label_unknown(cli->args[0]))
        return espy_fail(cx, ESPY_E_ARG,
                         "\"%s\" is what espy answers when it does not know; choose another label",
                         cli->args[0]);
    ESPY_GO(espy_paths_expand(cli, cli->args + 1, cli->n_args - 1, &paths));
    ESPY_GO(espy_paths_modality(cli, &paths, modality));
    ESPY_GO(espy_cli_modality(cli, *modality, modality));
    d.at = espy_array(cx, 1, sizeof *d.at);
    if (!d.at)
        ESPY_GO(cx->code);
    d.n = 1;
    ESPY_GO(espy_folder_name(cx, cli->args[0], ESPY_FOLDER_CODE, &d.at[0].code, &d.at[0].name));
    d.at[0].files = paths.at;
    d.at[0].n_files = d.files = paths.n;
    paths = (espy_paths){0};
    *out = d;
    d = (espy_dataset){0};
out:
    espy_paths_free(cli, &paths);
    espy_dataset_free(cx, &d);
    return e;
}

/* "x,y,width,height" of a face in the one picture that is named with it. */
static espy_err enroll_box(espy_cli *cli, const char *text, const espy_dataset *data, float box[4])
{
    espy_ctx *cx = &cli->cx;
    char *copy = espy_strdup(cx, text), *rest = copy;
    if (!copy)
        return cx->code;
    int n = 0;
    for (char *word; n < 5 && (word = strsep(&rest, ",")); n++) {
        double v;
        if (n == 4 || !espy_parse_real(word, n < 2 ? -1e6 : 1, 1e6, &v))
            n = 5;
        else
            box[n] = (float)v;
    }
    espy_free(cx, copy);
    if (n != 4)
        return espy_fail(cx, ESPY_E_ARG, "--box %s: \"x,y,width,height\" in pixels was expected",
                         text);
    if (data->files != 1)
        return espy_fail(cx, ESPY_E_ARG, "--box belongs to one picture, not to %zu", data->files);
    return ESPY_E_OK;
}

/* What was added without a training. */
static espy_err enroll_json(espy_cli *cli, const char *code, size_t added)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(code)));
    ESPY_GO(espy_json_set(cx, o, "added", espy_json_of_int((int64_t)added)));
    ESPY_GO(espy_json_set(cx, o, "version", espy_json_null_value()));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Whether --trigger N starts a training of what the collection holds now. */
static espy_err enroll_fires(espy_cli *cli, const espy_collection *c, bool *fires, int64_t *added)
{
    espy_ctx *cx = &cli->cx;
    espy_json *now = NULL, *last = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_cli_text(cli, "trigger"))
        return ESPY_E_OK;
    ESPY_GO(espy_trigger_count_store(cx, &cli->ws, c, &now));
    ESPY_GO(espy_trigger_last(cx, &cli->ws, c, false, &last));
    *fires = espy_trigger_decide(now, last, espy_cli_int(cli, "trigger"), added);
out:
    espy_json_free(now);
    espy_json_free(last);
    return e;
}

static espy_err enroll_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    double started = espy_time_monotonic();
    espy_encoder *encoder = NULL;
    espy_collection c = {0};
    espy_dataset data = {0};
    espy_ingest ingest = {0};
    espy_fit_options o;
    espy_gate_options gate;
    espy_canaries canaries = {0};
    const espy_modality *modality;
    const char *box_text = espy_cli_text(cli, "box");
    float box[4];
    char *head = NULL, reason[64] = "enroll";
    espy_label *labels = NULL;
    size_t n_labels = 0, n_all = 0;
    bool fires = false;
    int64_t added = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(enroll_dataset(cli, &data, &modality));
    ESPY_GO(espy_cli_encoder(cli, true, modality, &encoder));
    modality = espy_encoder_modality(encoder); /* standard input did not tell */
    ESPY_GO(train_fit_options(cli, encoder, &o));
    ESPY_GO(espy_cli_collection_new(cli, encoder, &c));
    espy_ingest_options how = {.actor = "user", .progress = &cli->progress};
    if (box_text && modality->hears)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "--box is for pictures"));
    if (box_text) {
        ESPY_GO(enroll_box(cli, box_text, &data, box));
        how.box = box;
    }
    ESPY_GO(espy_flow_ingest(cx, &cli->ws, &c, encoder, &data, &how, &ingest));
    for (size_t i = 0; i < ingest.n_skipped; i++)
        espy_cli_say(cli, "skipped %s: %s", ingest.skipped[i].path, ingest.skipped[i].reason);
    if (!ingest.used)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA, "no %s to enroll as %s was found; use a %s of one %s",
                          modality->sample, data.at[0].code, modality->media, modality->sample));
    ESPY_GO(espy_store_labels(cx, cli->ws.store, c.id, &labels, &n_all));
    for (size_t i = 0; i < n_all; i++)
        n_labels += !labels[i].deleted && !labels[i].grouped;
    bool wait = espy_cli_flag(cli, "no-train");
    if (wait && n_labels >= 2)
        ESPY_GO(enroll_fires(cli, &c, &fires, &added));
    if ((wait && !fires) || n_labels < 2) {
        if (cli->json) {
            ESPY_GO(enroll_json(cli, data.at[0].code, ingest.used));
            goto out;
        }
        espy_cli_print("%s: %zu %s%s added; ", data.at[0].code, ingest.used, modality->media,
                       ingest.used == 1 ? "" : "s");
        if (n_labels < 2)
            espy_cli_print("enroll a second %s, then they can be told apart\n", modality->owner);
        else
            espy_cli_print("espy train or the next enroll learns from them\n");
        goto out;
    }
    if (!o.head)
        ESPY_GO(train_live_head(cli, &c, &head));
    if (head)
        o.head = head;
    if (fires) {
        ESPY_GO(train_gate_options(cli, encoder, &canaries, &gate));
        espy_trigger_reason(added, reason);
    }
    const espy_renew_options renew = {
        .fit = &o, .gate = fires ? &gate : NULL, .reason = reason, .encoder = encoder};
    ESPY_GO(train_collection(cli, &c, &renew, &ingest, started, espy_time_monotonic()));
out:
    espy_canaries_free(cx, &canaries);
    espy_labels_free(cx, labels, n_all);
    espy_free(cx, head);
    espy_ingest_free(cx, &ingest);
    espy_dataset_free(cx, &data);
    espy_collection_free(cx, &c);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static const espy_option enroll_options[] = {
    ESPY_ENCODER_OPTIONS(NULL),
    ESPY_TRAIN_OPTIONS,
    {"box", "X,Y,W,H", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "the face at this place of one picture, instead of the largest (espy detect tells places)"},
    {"no-train", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "only keep the samples, learn later"},
    {"trigger", "N", ESPY_OPT_INT, 1, 1e9, NULL, NULL, "trigger",
     "with --no-train: learn once N samples are new since the last training"},
    {0}};

const espy_command espy_command_enroll = {
    "enroll",
    "CODE[_Name] FILE|DIR ...",
    "Add pictures of one person, or recordings of one class, and learn them at once",
    "The largest face of each picture is taken.  One picture is enough (head knn).  What is "
    "learned\n"
    "answers at once; a training that --trigger N starts asks the quality gate first, as espy "
    "train\n"
    "does.",
    enroll_options,
    2,
    -1,
    enroll_cmd};
