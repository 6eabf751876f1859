/* SPDX-License-Identifier: Apache-2.0
 * kern - cosines between vectors that are kept in 4-byte words, in three kinds.
 *
 * A code is one vector of length 1.  Its values fill `words` words, a multiple of
 * ESPY_NEAR_ALIGN, zeros behind the last:
 *   F32   a value a word
 *   BF16  two values a word, the first in the low half (upper 16 bits of an f32)
 *   INT8  four values a word, -127..127, the first in the lowest byte; one more word behind them
 *         holds the f32 that they are to be multiplied by
 * A block is ESPY_NEAR_ROWS codes turned on their side: the first word of each, the second of
 * each, ...  so that a vector register holds one word of many codes and no sum crosses lanes.
 *
 * The order of additions differs between CPU levels and between one() and tile(), but in tile()
 * a score depends on its row and its query alone, not on their neighbours. */
#ifndef ESPY_KERN_NEAR_H
#define ESPY_KERN_NEAR_H

#include <stddef.h>
#include <stdint.h>

#define ESPY_NEAR_ROWS 32  /* codes of a block */
#define ESPY_NEAR_ALIGN 16 /* words: 64 bytes */

typedef enum espy_near_kind {
    ESPY_NEAR_F32,
    ESPY_NEAR_BF16,
    ESPY_NEAR_INT8,
    ESPY_NEAR_KINDS
} espy_near_kind;

typedef struct espy_near {
    /* The cosine of two codes. */
    float (*one)(const uint32_t *a, const uint32_t *b, size_t words);
    /* Cosines of n blocks, one behind the other, with nq codes, likewise:
     * scores[q * n * ESPY_NEAR_ROWS + row] */
    void (*tile)(const uint32_t *blocks, size_t n, const uint32_t *queries, size_t nq, size_t words,
                 float *scores);
} espy_near;

/* Words of a whole code. */
static inline size_t espy_near_stride(espy_near_kind kind, size_t words)
{
    return words + (kind == ESPY_NEAR_INT8);
}

/* Fills the table for a set of levels (kern.h). */
void espy_near_init(espy_near near[ESPY_NEAR_KINDS], unsigned cpu);

#endif
