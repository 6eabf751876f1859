/* SPDX-License-Identifier: Apache-2.0
 * learn - the SMO loops in plain C, one sample at a time. */
#define LANES 1
#define vec double
#define LOAD(p) (*(p))
#define STORE(p, a) (*(p) = (a))
#define SET(x) ((double)(x))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define WIDEN(p) ((double)*(p))
#define TOP(a) (a)
#define EQ(a, b) ((unsigned)((a) == (b)))
#define FLANES 1
#define fvec float
#define FLOAD(p) (*(p))
#define FSTORE(p, a) (*(p) = (a))
#define FSET(x) (x)
#define FSUB(a, b) ((a) - (b))
#define FMUL(a, b) ((a) * (b))
#include "learn/smo_loop.h"

const espy_smo_ops espy_smo_plain = {smo_loop, smo_subtract, smo_invert};
