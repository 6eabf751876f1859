/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy export`: a version for Keras, ONNX runtimes, scikit-learn or numpy. */
#include <stdint.h>

#include "cli/media_args.h"
#include "flow/export.h"

static espy_err export_format(espy_cli *cli, const char *path, espy_export_format *out)
{
    const char *name = espy_cli_text(cli, "format");
    if (name && !espy_export_format_find(name, out))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "there is no format \"%s\"; say keras, onnx, sklearn or npy", name);
    if (!name && !espy_export_format_of(path, out))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "%s has none of the suffixes .keras, .onnx and .pkl; say --format keras, "
                         "onnx, sklearn or npy (a folder)",
                         path);
    return ESPY_E_OK;
}

static espy_err export_said(espy_cli *cli, const espy_identifier *id, espy_export_format format)
{
    espy_ctx *cx = &cli->cx;
    const char *path = cli->args[0], *name = espy_export_format_name(format);
    if (!cli->json) {
        espy_cli_print("%s: version %lld of \"%s\" (%s, %zu labels) as %s\n", path,
                       (long long)id->version.number, id->collection.name, id->version.head,
                       id->head->classes, name);
        return ESPY_E_OK;
    }
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "path", espy_json_of_string(path)));
    ESPY_GO(espy_json_set(cx, o, "format", espy_json_of_string(name)));
    ESPY_GO(espy_json_set(cx, o, "collection", espy_json_of_string(id->collection.name)));
    ESPY_GO(espy_json_set(cx, o, "version", espy_json_of_int(id->version.number)));
    ESPY_GO(espy_json_set(cx, o, "head", espy_json_of_string(id->version.head)));
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)id->head->classes)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Everything, to another database. */
static espy_err export_all(espy_cli *cli, const char *to)
{
    espy_copied done;
    ESPY_TRY(espy_cli_workspace(cli, false));
    ESPY_TRY(espy_workspace_copy(&cli->cx, &cli->ws, to, espy_cli_given(cli, "media-dir"),
                                 &cli->progress, &done));
    ESPY_TRY(espy_cli_copied(cli, espy_store_url(to) ? "the database" : to, &done));
    if (espy_store_url(to))
        espy_cli_say(cli, "To use it, write \"store = ...\" with this address into %s/espy.conf",
                     cli->ws.dir);
    return ESPY_E_OK;
}

static espy_err export_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    const char *to = espy_cli_given(cli, "to");
    if ((to != NULL) == (cli->n_args == 1))
        return espy_fail(cx, ESPY_E_ARG,
                         "say either a file OUT for what was learned, or --to for everything");
    if (to)
        return export_all(cli, to);
    const espy_identify_options options = {.threshold = -1, .floor = -2}; /* the version's own */
    espy_identifier id = {0};
    espy_collection c = {0};
    espy_export_format format;
    espy_err e = ESPY_E_OK;
    ESPY_GO(export_format(cli, cli->args[0], &format));
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_identifier_open(cx, &cli->ws, c.name, espy_cli_int(cli, "version"), NULL, &options,
                                 &id));
    ESPY_GO(espy_flow_export(cx, &id, format, cli->args[0]));
    ESPY_GO(export_said(cli, &id, format));
out:
    espy_collection_free(cx, &c);
    espy_identifier_close(cx, &id);
    return e;
}

static const espy_option export_options[] = {
    {"version", "N", ESPY_OPT_INT, 0, INT32_MAX, "0", NULL, NULL,
     "the version to export; 0: the one that answers"},
    {"collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "collection",
     "the labels that are recognised together"},
    {"format", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "keras, onnx, sklearn or npy; default: by the suffix of OUT"},
    {"to", "PLACE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "copy the whole workspace to an empty database postgresql://... or to a new folder"},
    {"media-dir", "DIR", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "with --to: put photos and recordings there, as files"},
    {0}};

const espy_command espy_command_export = {
    "export",
    "[OUT]",
    "Write what was learned for Keras, ONNX, scikit-learn or numpy; or move to another database",
    "OUT.keras holds an mlp head; its input is (embedding - mean) / std, which stand in its "
    "metadata.json.\n"
    "OUT.onnx holds an mlp, logistic or svm head; its input is the embedding.\n"
    "OUT.pkl holds a logistic or svm head as scikit-learn keeps it, with scaler and labels.\n"
    "With --format npy OUT becomes a folder of X.npy, y.npy and label_encoder_classes.npy: what "
    "the "
    "version was trained on.\n"
    "With --to everything goes along, and the copy is read back and compared.  The workspace stays "
    "as "
    "it is.",
    export_options,
    0,
    1,
    export_cmd};
