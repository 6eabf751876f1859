/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of the perceptron in plain C. */
#define LOOP(name) mlp_plain_##name
#define LOOP_TABLE espy_mlp_columns_plain
#include "learn/mlp_loop.h"
