/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: a zip archive of a folder per label comes in, as `espy train DIR` reads folders. */
#include <string.h>

#include "base/file.h"
#include "base/zip.h"
#include "flow/dataset.h"
#include "flow/receive.h"
#include "http/automatic.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/label.h"

#define IMPORT_FILES 20000
#define IMPORT_BYTES ((size_t)4 << 30) /* unpacked, in all; one file is in memory at a time */
#define IMPORT_TOLD 200                /* refused files that are told by name */

typedef struct import_run {
    espy_call *call;
    espy_collection c;
    const espy_encoder *encoder;
    int64_t added, known, refused;
    int64_t loose; /* of the refused: those in no folder */
    espy_made told;
} import_run;

static espy_err import_refused(import_run *run, const char *name, const char *why)
{
    if (run->refused++ >= IMPORT_TOLD)
        return ESPY_E_OK;
    espy_made m = espy_make_object(run->call->cx);
    espy_put_text(&m, "file", name);
    espy_put_text(&m, "error", why);
    espy_put_made(&run->told, NULL, &m);
    return run->told.e;
}

/* What systems put beside the files of people. */
static bool import_hidden(const char *name)
{
    return espy_path_name(name)[0] == '.' || strncmp(name, "__MACOSX/", 9) == 0 ||
           strstr(name, "/__MACOSX/") || strcmp(espy_path_name(name), "Thumbs.db") == 0;
}

/* The name of the folder that a file lies in: "a/b/c.jpg" gives "b"; false without one. */
static bool import_folder(const char *name, char *out, size_t room)
{
    const char *file = strrchr(name, '/');
    if (!file || file == name)
        return false;
    const char *from = file;
    while (from > name && from[-1] != '/')
        from--;
    size_t n = (size_t)(file - from);
    if (n == 0 || n >= room || from[0] == '.')
        return false;
    memcpy(out, from, n);
    out[n] = 0;
    return true;
}

/* Encodes a file and labels its largest sample. */
static espy_err import_file(import_run *run, const char *name, const char *folder, espy_span bytes)
{
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    espy_received got = {0};
    char *code = NULL, *shown = NULL;
    int64_t label = 0;
    const espy_receive_options o = {.source = espy_path_name(name), .largest = true};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_folder_name(cx, folder, ESPY_FOLDER_CODE, &code, &shown));
    ESPY_GO(espy_flow_receive(cx, call->ws, &run->c, run->encoder, bytes, &o, &got));
    if (got.scan.n == 0)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA, "%s", espy_encoder_modality(run->encoder)->nothing));
    ESPY_GO(espy_store_label_make(cx, call->ws->store, run->c.id, code, shown, &label));
    ESPY_GO(espy_store_label_set(cx, call->ws->store, run->c.id, label, &got.scan.at[0].id, 1));
    run->known += got.known;
    run->added += !got.known;
out:
    espy_received_free(cx, &got);
    espy_free(cx, code);
    espy_free(cx, shown);
    return e;
}

/* Failures that belong to a file and not to the import. */
static bool import_tolerable(espy_err e)
{
    return e == ESPY_E_FORMAT || e == ESPY_E_LIMIT || e == ESPY_E_UNSUPPORTED || e == ESPY_E_DATA ||
           e == ESPY_E_ARG;
}

static espy_err import_one(espy_ctx *cx, void *self, const char *name, espy_err e,
                           espy_span content)
{
    import_run *run = self;
    char folder[256], why[sizeof cx->text];
    if (import_hidden(name)) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    if (!import_folder(name, folder, sizeof folder)) {
        espy_clear(cx);
        run->loose++;
        return import_refused(run, name, "it lies in no folder, whose name would be its label");
    }
    if (espy_label_unknown(folder)) { /* nobody's, as for every training */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    if (e == ESPY_E_OK && espy_modality_of_file(name) != espy_encoder_modality(run->encoder))
        e = espy_fail(cx, ESPY_E_UNSUPPORTED, "not a %s by its name",
                      espy_encoder_modality(run->encoder)->media);
    if (e == ESPY_E_OK)
        e = import_file(run, name, folder, content);
    if (!import_tolerable(e))
        return e;
    memcpy(why, cx->text, sizeof why);
    espy_clear(cx);
    return import_refused(run, name, why);
}

/* What was imported before a failure stays, and the same archive again goes on from there. */
static espy_err import(espy_call *call)
{
    espy_ctx *cx = call->cx;
    import_run run = {.call = call, .told = espy_make_array(cx)};
    const espy_zip_limits limits = {IMPORT_FILES, cx->max.file_bytes, IMPORT_BYTES};
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_call_collection(call, espy_call_text(call, "collection"), &run.c));
    ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &run.c, &run.encoder));
    ESPY_GO(espy_zip_each(cx, espy_call_file(call, "file", 0)->bytes, &limits, import_one, &run));
    if (run.added + run.known == 0 && run.loose == run.refused)
        ESPY_GO(espy_refuse(call, 422, "nothing",
                            "the archive has no folder with files; make one folder per label"));
    if (run.added)
        espy_automatic_after(call, &run.c);
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "added", run.added);
    espy_put_int(&m, "known", run.known);
    espy_put_int(&m, "refused", run.refused);
    espy_put_made(&m, "items", &run.told);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, run.refused ? 207 : 201, o);
out:
    espy_json_free(run.told.v);
    espy_collection_free(cx, &run.c);
    return e;
}

static const espy_field import_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL,
     "a zip archive: one folder per label, named CODE_Name or as the label"},
    {0}};

const espy_route espy_routes_v1_import[] = {
    {"POST", "/v1/collections/{collection}/import", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_LONG, import_fields,
     "Bring a zip archive of a folder per label in; the largest sample of each file is labelled",
     "201 Imported|207 Imported|404|422", import},
    {0}};

const espy_schema espy_schemas_v1_import[] = {
    {"Imported",
     "{\"type\":\"object\",\"required\":[\"added\",\"known\",\"refused\",\"items\"],"
     "\"properties\":{\"added\":{\"type\":\"integer\"},\"known\":{\"type\":\"integer\"},"
     "\"refused\":{\"type\":\"integer\"},\"items\":{\"description\":\"the first of those that were "
     "refused\",\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"file\","
     "\"error\"]}}}}"},
    {0}};
