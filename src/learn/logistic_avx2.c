/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of logistic regression for AVX2; compiled with -mavx2. */
#define LOOP(name) logistic_avx2_##name
#include "learn/logistic_loop.h"

const espy_logistic_sums espy_logistic_sums_avx2 = {
    logistic_avx2_slope,
    logistic_avx2_move,
    logistic_avx2_mass,
    logistic_avx2_residual,
};
