/* SPDX-License-Identifier: Apache-2.0
 * kern - the loop over blocks, included by the file of each kind and CPU level, which has defined:
 *   NEAR_LANES                   words of a vector: 16 or 8
 *   NEAR_GROUP                   queries whose sums are in registers together
 *   NEAR_TAIL                    words of a code behind its values
 *   near_rows, near_sum          vectors of words, and of sums
 *   near_start(query, words)     what the sums of a query begin with
 *   near_load(p), near_fill(p)   words of rows from a block; one word of a query in every lane
 *   near_step(s, rows, query)    s + their products
 *   near_end(to, s, row_tails, tail)   writes scores; the tails are what stands behind the values
 */
#define NEAR_VECTORS (ESPY_NEAR_ROWS / NEAR_LANES)

static inline __attribute__((always_inline)) void near_group(const uint32_t *blocks, size_t n,
                                                             const uint32_t *queries, size_t words,
                                                             float *scores, const size_t group)
{
    const size_t stride = words + NEAR_TAIL;
    near_sum start[NEAR_GROUP];

    for (size_t q = 0; q < group; q++)
        start[q] = near_start(queries + q * stride, words);
    for (size_t b = 0; b < n; b++) {
        near_sum sum[NEAR_GROUP][NEAR_VECTORS];
        const uint32_t *at = blocks + b * stride * ESPY_NEAR_ROWS;
        float *to = scores + b * ESPY_NEAR_ROWS;
        for (size_t q = 0; q < group; q++)
            for (size_t v = 0; v < NEAR_VECTORS; v++)
                sum[q][v] = start[q];
        for (size_t w = 0; w < words; w++, at += ESPY_NEAR_ROWS) {
            near_rows rows[NEAR_VECTORS];
            for (size_t v = 0; v < NEAR_VECTORS; v++)
                rows[v] = near_load(at + v * NEAR_LANES);
            for (size_t q = 0; q < group; q++) {
                const near_rows query = near_fill(queries + q * stride + w);
                for (size_t v = 0; v < NEAR_VECTORS; v++)
                    sum[q][v] = near_step(sum[q][v], rows[v], query);
            }
        }
        for (size_t q = 0; q < group; q++)
            for (size_t v = 0; v < NEAR_VECTORS; v++)
                near_end(to + q * n * ESPY_NEAR_ROWS + v * NEAR_LANES, sum[q][v],
                         at + v * NEAR_LANES, queries + q * stride + words);
    }
}

static void near_tile(const uint32_t *blocks, size_t n, const uint32_t *queries, size_t nq,
                      size_t words, float *scores)
{
    const size_t stride = words + NEAR_TAIL, step = n * ESPY_NEAR_ROWS;
    size_t q = 0;

    for (; q + NEAR_GROUP <= nq; q += NEAR_GROUP)
        near_group(blocks, n, queries + q * stride, words, scores + q * step, NEAR_GROUP);
    for (; q < nq; q++)
        near_group(blocks, n, queries + q * stride, words, scores + q * step, 1);
}
