/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of logistic regression for AVX-512F; compiled with -mavx512f. */
#define LOOP(name) logistic_avx512_##name
#include "learn/logistic_loop.h"

const espy_logistic_sums espy_logistic_sums_avx512 = {
    logistic_avx512_slope,
    logistic_avx512_move,
    logistic_avx512_mass,
    logistic_avx512_residual,
};
