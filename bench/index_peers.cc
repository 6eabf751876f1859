/* SPDX-License-Identifier: Apache-2.0
 * The peers as their own documentation uses them: FAISS's threads by OpenMP and OpenBLAS, hnswlib's
 * by one std::thread each that takes the next row. */
#include "index_peers.h"

#include <atomic>
#include <thread>
#include <vector>

#include <faiss/IndexFlat.h>
#include <hnswlib/hnswlib.h>
#include <omp.h>

extern "C" void openblas_set_num_threads(int n);

void *peer_flat_create(size_t dim, const float *vectors, size_t n)
{
    auto *flat = new faiss::IndexFlatIP((faiss::Index::idx_t)dim);
    flat->add((faiss::Index::idx_t)n, vectors);
    return flat;
}

void peer_flat_search(void *flat, const float *queries, size_t n, size_t k, unsigned threads,
                      int64_t *ids)
{
    static std::vector<float> scores;
    scores.resize(n * k);
    omp_set_num_threads((int)threads);
    openblas_set_num_threads((int)threads);
    static_cast<faiss::IndexFlatIP *>(flat)->search((faiss::Index::idx_t)n, queries,
                                                    (faiss::Index::idx_t)k, scores.data(), ids);
}

void peer_flat_destroy(void *flat)
{
    delete static_cast<faiss::IndexFlatIP *>(flat);
}

template <class F> static void each(size_t n, unsigned threads, F work)
{
    std::atomic<size_t> next{0};
    auto run = [&] {
        for (size_t i; (i = next++) < n;)
            work(i);
    };
    std::vector<std::thread> others;
    for (unsigned t = 1; t < threads; t++)
        others.emplace_back(run);
    run();
    for (auto &t : others)
        t.join();
}

struct peer_hnsw {
    size_t dim;
    hnswlib::InnerProductSpace space;
    hnswlib::HierarchicalNSW<float> graph;
    peer_hnsw(size_t d, size_t n, size_t m, size_t effort)
        : dim(d), space(d), graph(&space, n, m, effort)
    {
    }
};

void *peer_hnsw_create(size_t dim, const float *vectors, size_t n, size_t m, size_t effort,
                       unsigned threads)
{
    auto *h = new peer_hnsw(dim, n, m, effort);
    h->graph.addPoint(vectors, 0);
    each(n - 1, threads, [&](size_t i) { h->graph.addPoint(vectors + (i + 1) * dim, i + 1); });
    return h;
}

void peer_hnsw_search(void *hnsw, const float *queries, size_t n, size_t k, size_t effort,
                      unsigned threads, int64_t *ids)
{
    auto *h = static_cast<peer_hnsw *>(hnsw);
    h->graph.setEf(effort);
    each(n, threads, [&](size_t i) {
        auto found = h->graph.searchKnn(queries + i * h->dim, k);
        for (size_t at = found.size(); !found.empty(); found.pop())
            ids[i * k + --at] = (int64_t)found.top().second;
    });
}

void peer_hnsw_destroy(void *hnsw)
{
    delete static_cast<peer_hnsw *>(hnsw);
}
