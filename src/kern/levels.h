/* SPDX-License-Identifier: Apache-2.0
 * kern - each level overwrites the entries it has. */
#ifndef ESPY_KERN_LEVELS_H
#define ESPY_KERN_LEVELS_H

#include "kern/kern.h"

void espy_kern_avx2(espy_kern *k);
void espy_kern_avx512(espy_kern *k);

#endif
