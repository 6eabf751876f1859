/* SPDX-License-Identifier: Apache-2.0
 * artifact - a head as an ONNX model, for runtimes that are not ours.
 * Depends on: base, head.
 *
 * Input `embedding` [N, dim] float, output `probabilities` [N, classes] float: the embedding as the
 * encoder gives it, normalised or scaled inside the model.  The class names stand in the model's
 * metadata under `labels`, a JSON list; beside it `head`, `encoder`, `software_version`. */
#ifndef ESPY_ARTIFACT_ONNX_WRITE_H
#define ESPY_ARTIFACT_ONNX_WRITE_H

#include "head/head_parts.h"

typedef struct espy_onnx_facts { /* borrowed */
    const char *const *labels;   /* of the classes, in order */
    const char *encoder;         /* that makes the embeddings; NULL: not said */
} espy_onnx_facts;

/* Appends the model of a head, opset 13 (svm also ai.onnx.ml 2): same head and facts, same bytes.
 *   mlp         Sub, Div, then Gemm, Relu, BatchNormalization ..., Gemm, Softmax
 *   logistic    Sub, Div, Gemm, Sigmoid, ReduceSum, Div
 *   svm         Sub, Div, SVMClassifier
 *   prototypes  Sub, Div, LpNormalization, MatMul, Reshape, ReduceMax, Div, Softmax
 * Errors: UNSUPPORTED (a head without such a form: knn), LIMIT (beyond out's maximum), NOMEM. */
espy_err espy_onnx_write(espy_ctx *cx, const espy_head *head, const espy_onnx_facts *facts,
                         espy_buf *out) ESPY_NODISCARD;

/* The same for a network that is not in a head. */
espy_err espy_onnx_write_network(espy_ctx *cx, const espy_head_network *network,
                                 const espy_onnx_facts *facts, espy_buf *out) ESPY_NODISCARD;

#endif
