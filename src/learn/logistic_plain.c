/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of logistic regression in plain C. */
#define LOOP(name) logistic_plain_##name
#include "learn/logistic_loop.h"

const espy_logistic_sums espy_logistic_sums_plain = {
    logistic_plain_slope,
    logistic_plain_move,
    logistic_plain_mass,
    logistic_plain_residual,
};
