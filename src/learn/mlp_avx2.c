/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of the perceptron for AVX2; compiled with -mavx2. */
#define LOOP(name) mlp_avx2_##name
#define LOOP_TABLE espy_mlp_columns_avx2
#include "learn/mlp_loop.h"
