/* SPDX-License-Identifier: Apache-2.0
 * The peers of the index in C: FAISS's IndexFlatIP and hnswlib's HierarchicalNSW over inner
 * products.  They end the program when they fail. */
#ifndef ESPY_BENCH_INDEX_PEERS_H
#define ESPY_BENCH_INDEX_PEERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void *peer_flat_create(size_t dim, const float *vectors, size_t n);
void peer_flat_search(void *flat, const float *queries, size_t n, size_t k, unsigned threads,
                      int64_t *ids);
void peer_flat_destroy(void *flat);

void *peer_hnsw_create(size_t dim, const float *vectors, size_t n, size_t m, size_t effort,
                       unsigned threads);
void peer_hnsw_search(void *hnsw, const float *queries, size_t n, size_t k, size_t effort,
                      unsigned threads, int64_t *ids);
void peer_hnsw_destroy(void *hnsw);

#ifdef __cplusplus
}
#endif

#endif
