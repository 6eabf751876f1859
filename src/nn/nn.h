/* SPDX-License-Identifier: Apache-2.0
 * nn - networks: an ONNX file becomes an immutable, thread-safe network that can be run.
 * Depends on: base, kern, gemm.
 *
 * The file is parsed into a typed graph (graph.h), simplified (constants folded, Conv+BatchNorm,
 * activations and residual sums fused) and compiled for an executor: `onednn` (blocked layouts,
 * weights reordered once) or `reference` (plain C, slow, the oracle of the tests). */
#ifndef ESPY_NN_NN_H
#define ESPY_NN_NN_H

#include "base/mem.h"

#define ESPY_NN_RANK 6

typedef enum espy_precision { ESPY_PRECISION_F32, ESPY_PRECISION_BF16 } espy_precision;
typedef enum espy_executor { ESPY_EXEC_ONEDNN, ESPY_EXEC_REFERENCE } espy_executor;

typedef struct espy_net espy_net;

typedef struct espy_net_options {
    espy_precision precision; /* BF16 only where espy_precision_native() says so */
    espy_executor executor;
    unsigned threads; /* threads inside one run; 0 and 1: one */
    bool tune;        /* time equivalent algorithms once and remember them in the cache folder */
} espy_net_options;

/* A dense f32 array, row-major. */
typedef struct espy_tensor {
    float *data;
    int rank;
    int64_t dims[ESPY_NN_RANK];
} espy_tensor;

/* Shape of a network's input or output as the file gives it; -1 where it is free. */
typedef struct espy_net_port {
    const char *name;
    int rank;
    int64_t dims[ESPY_NN_RANK];
} espy_net_port;

/* True where the CPU multiplies bf16 natively (avx512_core_bf16 or better). */
bool espy_precision_native(espy_precision p);

/* True where it is also quicker than f32, by what the CPU is: never by timing, so that a machine
 * always chooses alike. */
bool espy_precision_quicker(espy_precision p);

/* Parses and prepares; `onnx` is borrowed for the call.
 * Errors: FORMAT (not ONNX, inconsistent), UNSUPPORTED (names the operator and the node), LIMIT,
 * NOMEM. */
espy_err espy_net_load(espy_ctx *cx, espy_span onnx, const espy_net_options *options,
                       espy_net **out) ESPY_NODISCARD;
void espy_net_destroy(espy_ctx *cx, espy_net **net);

size_t espy_net_input_count(const espy_net *net);
size_t espy_net_output_count(const espy_net *net);
const espy_net_port *espy_net_input(const espy_net *net, size_t i);
const espy_net_port *espy_net_output(const espy_net *net, size_t i);

/* Runs on the given inputs (borrowed, in the file's order; free dimensions are taken from them) and
 * writes n_out tensors whose data the caller frees with espy_free().  May be called from many
 * threads at once; plans per input shape are compiled once and kept.
 * Errors: ARG (shape does not fit), UNSUPPORTED, NOMEM, CANCELLED. */
espy_err espy_net_run(espy_ctx *cx, const espy_net *net, const espy_tensor *in, size_t n_in,
                      espy_tensor *out, size_t n_out) ESPY_NODISCARD;

/* Multiply-adds of one run at these input shapes, for benchmarks (conv, gemm, matmul). */
espy_err espy_net_macs(espy_ctx *cx, const espy_net *net, const espy_tensor *in, size_t n_in,
                       double *out) ESPY_NODISCARD;

#endif
