/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of the perceptron for AVX-512; compiled with -mavx512f. */
#define LOOP(name) mlp_avx512_##name
#define LOOP_TABLE espy_mlp_columns_avx512
#include "learn/mlp_loop.h"
