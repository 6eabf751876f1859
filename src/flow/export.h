/* SPDX-License-Identifier: Apache-2.0
 * flow - a version as a file for other programs: Keras, ONNX runtimes, scikit-learn, numpy. */
#ifndef ESPY_FLOW_EXPORT_H
#define ESPY_FLOW_EXPORT_H

#include "flow/identify.h"

typedef enum espy_export_format {
    ESPY_EXPORT_KERAS,   /* heads: mlp */
    ESPY_EXPORT_ONNX,    /* mlp, logistic, svm */
    ESPY_EXPORT_SKLEARN, /* logistic, svm: S1's face_classifier_v1.pkl */
    ESPY_EXPORT_NPY      /* any: a folder with X.npy, y.npy (numbers), label_encoder_classes.npy */
} espy_export_format;

/* By name ("keras"), and by the suffix of a path (".keras", ".onnx", ".pkl"; npy has none).  False
 * when there is none. */
bool espy_export_format_find(const char *name, espy_export_format *out);
bool espy_export_format_of(const char *path, espy_export_format *out);
const char *espy_export_format_name(espy_export_format f);

/* Writes the version (opened without an encoder) to the path; a file is the old or the new one
 * after a crash, a folder is made.  Errors: UNSUPPORTED (the head has no such form: says which
 * have), IO, LIMIT, NOMEM. */
espy_err espy_flow_export(espy_ctx *cx, const espy_identifier *id, espy_export_format format,
                          const char *path) ESPY_NODISCARD;

#endif
