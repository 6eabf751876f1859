/* SPDX-License-Identifier: Apache-2.0
 * kern - what each file of one kind and one CPU level gives. */
#ifndef ESPY_KERN_NEAR_LEVELS_H
#define ESPY_KERN_NEAR_LEVELS_H

#include "kern/near.h"

extern const espy_near espy_near_f32_avx2, espy_near_bf16_avx2, espy_near_int8_avx2;
extern const espy_near espy_near_f32_avx512, espy_near_bf16_avx512;
extern const espy_near espy_near_int8_vnni; /* AVX-512 with VNNI */
extern const espy_near espy_near_bf16_bf16; /* AVX-512 with BF16 */

#endif
