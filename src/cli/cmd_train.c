/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy train` and `espy enroll`: learn people from folders, or add a few pictures of one. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/media_args.h"
#include "flow/train.h"

#define TRAIN_OPTIONS                                                                             \
    {"head", "HEAD", ESPY_OPT_TEXT,                                                               \
     0,      0,      NULL,                                                                        \
     NULL,   "head", "svm, logistic, knn or mlp; else svm, or knn where a label has one sample"}, \
        {"threshold", "P",  ESPY_OPT_REAL,                                                        \
         0,           1,    NULL,                                                                 \
         NULL,        NULL, "least probability to be known, instead of the recommended one"},     \
        {"test-share",                                                                            \
         "F",                                                                                     \
         ESPY_OPT_REAL,                                                                           \
         0,                                                                                       \
         0.9,                                                                                     \
         "0.2",                                                                                   \
         NULL,                                                                                    \
         "test_share",                                                                            \
         "share of the samples held back to measure accuracy; 0: none"},                          \
    {                                                                                             \
        "seed", "N", ESPY_OPT_INT, 1, 2147483647, "42", NULL, "seed", "seed of split and solver"  \
    }

static espy_err train_fit_options(espy_cli *cli, const espy_encoder *encoder, espy_fit_options *o)
{
    const char *threshold = espy_cli_text(cli, "threshold");
    *o = (espy_fit_options){
        .head = espy_cli_text(cli, "head"),
        .settings = {.balanced = true, .scale = true, .seed = (uint64_t)espy_cli_int(cli, "seed")},
        .test_share = espy_cli_real(cli, "test-share"),
        .rule = threshold ? ESPY_THRESHOLD_FIXED : ESPY_THRESHOLD_FOLDS,
        .percent = 99,
        .threshold = threshold ? espy_cli_real(cli, "threshold") : 0,
        .floor = (double)espy_encoder_pack(encoder)->floor};
    const espy_head_ops *ops;
    return o->head ? espy_head_choose(&cli->cx, o->head, &ops) : ESPY_E_OK;
}

/* What was learned, as one JSON object or a few lines. */
static espy_err train_tell(espy_cli *cli, const espy_training_set *set, const espy_fit *fit,
                           const espy_ingest *ingest, int64_t version, const double seconds[3])
{
    espy_ctx *cx = &cli->cx;
    bool measured = fit->split.test_n > 0;
    if (!cli->json) {
        espy_cli_print("version %lld: %s, %zu labels, %zu samples", (long long)version,
                       fit->ops->name, set->n_labels, set->rows.n);
        if (ingest->n_skipped)
            espy_cli_print(", %zu pictures skipped", ingest->n_skipped);
        if (measured)
            espy_cli_print("\naccuracy %.4f on %zu held-out samples", fit->metrics.accuracy,
                           fit->split.test_n);
        espy_cli_print("\nknown from probability %.2f and similarity %.2f on\n", fit->threshold,
                       fit->floor);
        espy_cli_print("encoding %.1f s (%zu new of %zu pictures), fitting %.2f s\n", seconds[0],
                       ingest->fresh, ingest->used, seconds[1]);
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object(), *s = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, s, "encode", espy_json_of_float((float)seconds[0])));
    ESPY_GO(espy_json_set(cx, s, "fit", espy_json_of_float((float)seconds[1])));
    ESPY_GO(espy_json_set(cx, s, "total", espy_json_of_float((float)seconds[2])));
    ESPY_GO(espy_json_set(cx, o, "version", espy_json_of_int(version)));
    ESPY_GO(espy_json_set(cx, o, "head", espy_json_of_string(fit->ops->name)));
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)set->n_labels)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)set->rows.n)));
    ESPY_GO(espy_json_set(cx, o, "skipped", espy_json_of_int((int64_t)ingest->n_skipped)));
    ESPY_GO(espy_json_set(cx, o, "accuracy",
                          measured ? espy_json_of_number(fit->metrics.accuracy)
                                   : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(fit->threshold)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_number(fit->floor)));
    ESPY_GO(espy_json_set(cx, o, "seconds", espy_json_ref(s)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(s);
    espy_json_free(o);
    return e;
}

/* Fits all labelled samples of the collection, publishes and tells. */
static espy_err train_collection(espy_cli *cli, const espy_collection *c, espy_fit_options *o,
                                 const espy_ingest *ingest, const char *reason, double started,
                                 double encoded)
{
    espy_ctx *cx = &cli->cx;
    espy_training_set set = {0};
    espy_fit fit = {0};
    espy_err e = ESPY_E_OK;
    int64_t version;
    ESPY_GO(espy_training_set_load(cx, cli->ws.store, c, 0, &set));
    ESPY_GO(espy_flow_fit(cx, &set.rows, set.codes, o, &fit));
    ESPY_GO(espy_flow_publish(cx, &cli->ws, c, &set, &fit, o, reason, &version));
    double now = espy_time_monotonic();
    double seconds[3] = {encoded - started, now - encoded, now - started};
    if (espy_cli_flag(cli, "report") && fit.report.size)
        espy_cli_say(cli, "%s", (const char *)fit.report.data);
    ESPY_GO(train_tell(cli, &set, &fit, ingest, version, seconds));
out:
    espy_fit_free(cx, &fit);
    espy_training_set_free(cx, &set);
    return e;
}

static espy_err train_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    double started = espy_time_monotonic();
    espy_encoder *encoder = NULL;
    espy_collection c = {0};
    espy_dataset data = {0};
    espy_ingest ingest = {0};
    espy_fit_options o;
    size_t gone = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_dataset_read(cx, cli->args[0], ESPY_FOLDER_CODE, NULL, &data));
    for (size_t i = 0; i < data.n_empty; i++)
        espy_log(cx, ESPY_LOG_WARN, "%s holds no picture and is left out", data.empty[i]);
    ESPY_GO(espy_cli_encoder(cli, true, &encoder));
    ESPY_GO(train_fit_options(cli, encoder, &o));
    ESPY_GO(espy_workspace_collection(cx, &cli->ws, espy_cli_text(cli, "collection"), encoder, &c));
    espy_cli_say(cli, "%zu labels, %zu pictures; encoder %s (%s)", data.n, data.files, c.encoder,
                 c.precision);
    espy_ingest_options how = {.whole_if_none = espy_cli_flag(cli, "whole"),
                               .actor = "folder",
                               .progress = &cli->progress};
    ESPY_GO(espy_flow_ingest(cx, &cli->ws, &c, encoder, &data, &how, &ingest));
    if (!ingest.used)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA, "no face was found in any of %zu pictures (first: %s)",
                          data.files, ingest.skipped[0].reason));
    for (size_t i = 0; i < ingest.n_skipped; i++)
        espy_cli_say(cli, "skipped %s: %s", ingest.skipped[i].path, ingest.skipped[i].reason);
    if (!ingest.unreadable) /* else it cannot be told which photos are gone */
        ESPY_GO(espy_flow_forget(cx, &cli->ws, &c, cli->args[0], &ingest, &gone));
    if (gone)
        espy_cli_say(cli, "%zu photos are no longer in %s: not learned from any more", gone,
                     cli->args[0]);
    ESPY_GO(train_collection(cli, &c, &o, &ingest, "train", started, espy_time_monotonic()));
out:
    espy_ingest_free(cx, &ingest);
    espy_dataset_free(cx, &data);
    espy_collection_free(cx, &c);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static const espy_option train_options[] = {
    ESPY_ENCODER_OPTIONS(ESPY_DEFAULT_COLLECTION),
    TRAIN_OPTIONS,
    {"whole", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "use the whole picture where no face is found (pictures that are cropped already)"},
    {"report", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "also print precision, recall and F1 per label"},
    {0}};

const espy_command espy_command_train = {
    "train",
    "DIR",
    "Learn people from a folder with one folder of photos per person",
    "A folder is named CODE_Name (STU001_John_Doe) or just Name.  Photos seen before are not "
    "encoded\n"
    "again.  The new version answers at once; the ones before it are kept (espy versions).",
    train_options,
    1,
    1,
    train_cmd};

/* The head that answers now, so that adding a picture does not change the kind of model. */
static espy_err enroll_head(espy_cli *cli, const espy_collection *c, char **head)
{
    espy_ctx *cx = &cli->cx;
    int64_t live = 0;
    espy_version v = {0};
    ESPY_TRY(espy_store_alias(cx, cli->ws.store, c->id, "live", &live));
    if (!live)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_version(cx, cli->ws.store, c->id, live, &v));
    *head = v.head;
    v.head = NULL;
    espy_version_free(cx, &v);
    return ESPY_E_OK;
}

/* The dataset of one label with the files named. */
static espy_err enroll_dataset(espy_cli *cli, espy_dataset *out)
{
    espy_ctx *cx = &cli->cx;
    espy_dataset d = {0};
    espy_paths paths = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_paths_expand(cli, cli->args + 1, cli->n_args - 1, &paths));
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

static espy_err enroll_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    double started = espy_time_monotonic();
    espy_encoder *encoder = NULL;
    espy_collection c = {0};
    espy_dataset data = {0};
    espy_ingest ingest = {0};
    espy_fit_options o;
    const char *box_text = espy_cli_text(cli, "box");
    float box[4];
    char *head = NULL;
    espy_label *labels = NULL;
    size_t n_labels = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(enroll_dataset(cli, &data));
    ESPY_GO(espy_cli_encoder(cli, true, &encoder));
    ESPY_GO(train_fit_options(cli, encoder, &o));
    ESPY_GO(espy_workspace_collection(cx, &cli->ws, espy_cli_text(cli, "collection"), encoder, &c));
    espy_ingest_options how = {.actor = "user", .progress = &cli->progress};
    if (box_text) {
        ESPY_GO(enroll_box(cli, box_text, &data, box));
        how.box = box;
    }
    ESPY_GO(espy_flow_ingest(cx, &cli->ws, &c, encoder, &data, &how, &ingest));
    for (size_t i = 0; i < ingest.n_skipped; i++)
        espy_cli_say(cli, "skipped %s: %s", ingest.skipped[i].path, ingest.skipped[i].reason);
    if (!ingest.used)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                          "no face to enroll as %s was found; use a photo of one face",
                          data.at[0].code));
    ESPY_GO(espy_store_labels(cx, cli->ws.store, c.id, &labels, &n_labels));
    if (espy_cli_flag(cli, "no-train") || n_labels < 2) {
        if (cli->json) {
            ESPY_GO(enroll_json(cli, data.at[0].code, ingest.used));
            goto out;
        }
        espy_cli_print("%s: %zu picture%s added; %s\n", data.at[0].code, ingest.used,
                       ingest.used == 1 ? "" : "s",
                       n_labels < 2 ? "enroll a second person, then they can be told apart"
                                    : "espy train or the next enroll learns from them");
        goto out;
    }
    bool single = false;
    for (size_t i = 0; i < n_labels; i++)
        single = single || labels[i].samples == 1;
    ESPY_GO(enroll_head(cli, &c, &head));
    if (!o.head && !single)
        o.head = head;
    else if (!o.head && head && strcmp(head, "knn") != 0)
        espy_cli_say(cli, "somebody has one photo only: head knn instead of %s", head);
    ESPY_GO(train_collection(cli, &c, &o, &ingest, "enroll", started, espy_time_monotonic()));
out:
    espy_labels_free(cx, labels, n_labels);
    espy_free(cx, head);
    espy_ingest_free(cx, &ingest);
    espy_dataset_free(cx, &data);
    espy_collection_free(cx, &c);
    espy_encoder_destroy(cx, &encoder);
    return e;
}

static const espy_option enroll_options[] = {
    ESPY_ENCODER_OPTIONS(ESPY_DEFAULT_COLLECTION),
    TRAIN_OPTIONS,
    {"box", "X,Y,W,H", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "the face at this place of one picture, instead of the largest (espy detect tells places)"},
    {"no-train", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "only keep the samples, learn later"},
    {0}};

const espy_command espy_command_enroll = {
    "enroll",
    "CODE[_Name] FILE|DIR ...",
    "Add pictures of one person and learn them at once",
    "The largest face of each picture is taken.  One picture is enough (head knn).",
    enroll_options,
    2,
    -1,
    enroll_cmd};
