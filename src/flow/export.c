/* SPDX-License-Identifier: Apache-2.0
 * flow - export. */
#include "flow/export.h"

#include <string.h>

#include "artifact/keras.h"
#include "artifact/npy.h"
#include "artifact/onnx_write.h"
#include "artifact/smartattendance.h"
#include "base/file.h"
#include "base/text.h"

#define EXPORT_FILE_MAX ((size_t)1 << 31)

typedef espy_err export_fill(espy_ctx *cx, const espy_identifier *id, espy_buf *out);

static espy_err export_keras(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    espy_head_network network;
    bool sklearn = espy_head_svm_model(id->head) || espy_head_logistic_model(id->head);
    if (!espy_head_mlp_network(id->head, &network))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "a Keras file holds an mlp head, version %lld has %s; train with "
                         "--head mlp, or export it as onnx%s",
                         (long long)id->version.number, id->version.head,
                         sklearn ? " or sklearn" : "");
    const espy_keras_facts facts = {.labels = id->gallery.codes,
                                    .mean = network.mean,
                                    .std = network.std,
                                    .encoder = id->collection.encoder,
                                    .date = id->version.created};
    return espy_keras_write(cx, network.mlp, &facts, out);
}

static espy_err export_onnx(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    const espy_onnx_facts facts = {id->gallery.codes, id->collection.encoder};
    return espy_onnx_write(cx, id->head, &facts, out);
}

static espy_err export_sklearn(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    espy_json *metadata = NULL;
    espy_sk_model m;
    const espy_json *v = id->version.json;
    ESPY_TRY(espy_sk_from_head(cx, id->head, id->gallery.codes, &m));
    const espy_training_facts facts = {
        .model = &m,
        .n = id->gallery.rows.n,
        .accuracy = espy_json_number(espy_json_get(espy_json_get(v, "metrics"), "accuracy"), 0),
        .threshold = espy_json_number(espy_json_get(v, "threshold"), 0),
        .date = id->version.created,
        .embedder = id->collection.encoder,
        .pretrained = id->collection.encoder,
    };
    ESPY_GO(espy_artifact_production_metadata(cx, &facts, &metadata));
    ESPY_GO(espy_sk_put_production(cx, &m, metadata, out));
out:
    espy_json_free(metadata);
    espy_sk_free(cx, &m);
    return e;
}

static espy_err export_x(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    const espy_rows *r = &id->gallery.rows;
    return espy_npy_put_f32(cx, out, r->x, 2, (const size_t[]){r->n, r->dim});
}

static espy_err export_y(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    const espy_rows *r = &id->gallery.rows;
    int64_t *y = espy_array(cx, r->n, sizeof *y);
    if (!y)
        return cx->code;
    for (size_t i = 0; i < r->n; i++)
        y[i] = r->y[i];
    espy_err e = espy_npy_put_i64(cx, out, y, r->n);
    espy_free(cx, y);
    return e;
}

static espy_err export_classes(espy_ctx *cx, const espy_identifier *id, espy_buf *out)
{
    return espy_npy_put_text(cx, out, id->gallery.codes, id->gallery.n_labels);
}

static const struct {
    const char *name, *suffix;
    export_fill *fill; /* NULL: a folder */
} export_formats[] = {
    [ESPY_EXPORT_KERAS] = {"keras", ".keras", export_keras},
    [ESPY_EXPORT_ONNX] = {"onnx", ".onnx", export_onnx},
    [ESPY_EXPORT_SKLEARN] = {"sklearn", ".pkl", export_sklearn},
    [ESPY_EXPORT_NPY] = {"npy", NULL, NULL},
};
#define EXPORT_FORMATS (sizeof export_formats / sizeof export_formats[0])

bool espy_export_format_find(const char *name, espy_export_format *out)
{
    for (size_t i = 0; i < EXPORT_FORMATS; i++)
        if (strcmp(export_formats[i].name, name) == 0) {
            *out = (espy_export_format)i;
            return true;
        }
    return false;
}

bool espy_export_format_of(const char *path, espy_export_format *out)
{
    const char *suffix = espy_path_suffix(path);
    for (size_t i = 0; i < EXPORT_FORMATS; i++)
        if (export_formats[i].suffix && espy_equal_nocase(suffix, export_formats[i].suffix)) {
            *out = (espy_export_format)i;
            return true;
        }
    return false;
}

const char *espy_export_format_name(espy_export_format f)
{
    return export_formats[f].name;
}

static espy_err export_file(espy_ctx *cx, const espy_identifier *id, export_fill *fill,
                            const char *path)
{
    espy_buf b;
    espy_buf_init(&b, EXPORT_FILE_MAX);
    espy_err e = fill(cx, id, &b);
    if (e == ESPY_E_OK)
        e = espy_file_write(cx, path, b.data, b.size);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err export_folder(espy_ctx *cx, const espy_identifier *id, const char *folder)
{
    static const struct {
        const char *name;
        export_fill *fill;
    } files[] = {
        {"X.npy", export_x}, {"y.npy", export_y}, {"label_encoder_classes.npy", export_classes}};
    ESPY_TRY(espy_dir_make(cx, folder));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = espy_path_join(cx, folder, files[i].name);
        if (!path)
            return cx->code;
        espy_err e = export_file(cx, id, files[i].fill, path);
        espy_free(cx, path);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

espy_err espy_flow_export(espy_ctx *cx, const espy_identifier *id, espy_export_format format,
                          const char *path)
{
    export_fill *fill = export_formats[format].fill;
    return fill ? export_file(cx, id, fill, path) : export_folder(cx, id, path);
}
