/* SPDX-License-Identifier: Apache-2.0
 * index_vs_peers - the index beside FAISS's IndexFlatIP and hnswlib, by turns in one run.
 *
 *   index_vs_peers [--n N] [--dim D] [--threads T] [--rounds R] [--no-scan] [--no-graph]
 *                  [--links M] [--effort E] [--no-peer] [--kinds f32,bf16,int8,int8+f32]
 *
 * Vectors are those of made-up people: 20 around each centre, cosine about 0.6 between two of one
 * person; queries are further ones.  A pair of rounds, ours and the peer's one after the other,
 * gives one ratio, ours / theirs in queries a second; told are the median and the range.  On a
 * machine that others use too, and whose two cores are at times given the time of one, only these
 * ratios mean something; with two threads a probe says how many rounds had two cores. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/random.h"
#include "index/index.h"
#include "index_peers.h"

enum { BENCH_K = 10, BENCH_PERSON = 20, BENCH_QUERIES = 2048, BENCH_ROUNDS = 64, BENCH_SWEEP = 24 };
#define BENCH_COSINE 0.6
#define BENCH_TWO_CORES 1.77 /* as bench/common.py */

typedef struct bench {
    espy_ctx cx;
    size_t n, dim;
    unsigned threads, rounds;
    uint32_t links, effort;
    bool scan, graph, peer;
    const char *kinds; /* names between commas */
    float *vectors, *queries;
    int64_t *ids, *truth, *answer; /* truth, answer: queries x k */
    espy_hit *hits;
    size_t *found;
} bench;

static double bench_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

/* Seconds of the wall and of the process's CPU time on all cores. */
typedef struct bench_span {
    double wall, cpu;
} bench_span;

static bench_span bench_since(bench_span start)
{
    return (bench_span){bench_now() - start.wall,
                        bench_clock(CLOCK_PROCESS_CPUTIME_ID) - start.cpu};
}

static void bench_must(bench *b, espy_err e)
{
    if (e == ESPY_E_OK)
        return;
    fprintf(stderr, "index_vs_peers: %s\n", b->cx.text);
    exit(1);
}

static void *bench_room(bench *b, size_t n, size_t size)
{
    void *p = espy_array(&b->cx, n, size);
    if (!p)
        bench_must(b, b->cx.code);
    return p;
}

/* --- data ------------------------------------------------------------------------------------- */

static void bench_direction(espy_random *r, size_t dim, float *x)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) {
        x[i] = (float)espy_random_normal(r);
        sum += (double)x[i] * x[i];
    }
    for (size_t i = 0; i < dim; i++)
        x[i] = (float)(x[i] / sqrt(sum));
}

/* Vector `number` of a person. */
static void bench_vector(size_t dim, uint64_t person, uint64_t number, float *x)
{
    float centre[4096];
    espy_random r;
    double sum = 0;
    espy_random_seed(&r, 1, person);
    bench_direction(&r, dim, centre);
    espy_random_seed(&r, 2 + number, person);
    bench_direction(&r, dim, x);
    for (size_t i = 0; i < dim; i++) {
        x[i] = (float)(sqrt(BENCH_COSINE) * centre[i] + sqrt(1 - BENCH_COSINE) * x[i]);
        sum += (double)x[i] * x[i];
    }
    for (size_t i = 0; i < dim; i++)
        x[i] = (float)(x[i] / sqrt(sum));
}

static espy_err bench_fill(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)worker;
    bench *b = self;
    for (size_t i = item * 1000; i < (item + 1) * 1000 && i < b->n; i++) {
        b->ids[i] = (int64_t)i;
        bench_vector(b->dim, i / BENCH_PERSON, i % BENCH_PERSON, b->vectors + i * b->dim);
    }
    return ESPY_E_OK;
}

static void bench_data(bench *b)
{
    espy_random r;
    b->vectors = bench_room(b, b->n * b->dim, sizeof *b->vectors);
    b->queries = bench_room(b, BENCH_QUERIES * b->dim, sizeof *b->queries);
    b->ids = bench_room(b, b->n, sizeof *b->ids);
    b->truth = bench_room(b, BENCH_QUERIES * BENCH_K, sizeof *b->truth);
    b->answer = bench_room(b, BENCH_QUERIES * BENCH_K, sizeof *b->answer);
    b->hits = bench_room(b, BENCH_QUERIES * BENCH_K, sizeof *b->hits);
    b->found = bench_room(b, BENCH_QUERIES, sizeof *b->found);
    bench_must(b, espy_parallel(&b->cx, (b->n + 999) / 1000, bench_fill, b));
    espy_random_seed(&r, 3, 3);
    for (size_t i = 0; i < BENCH_QUERIES; i++)
        bench_vector(b->dim, espy_random_below(&r, (uint32_t)((b->n - 1) / BENCH_PERSON + 1)),
                     BENCH_PERSON + i, b->queries + i * b->dim);
}

/* --- two cores -------------------------------------------------------------------------------- */

static void *bench_spin(void *at)
{
    const double end = *(double *)at;
    double x = 1, turns = 0;
    while (bench_now() < end) {
        for (int i = 0; i < 2000; i++)
            x = x * 0.999 + 0.001;
        turns++;
    }
    *(volatile double *)at = x;
    *(double *)at = turns;
    return NULL;
}

/* Whether two threads get nearly twice the time of one. */
static bool bench_two_cores(void)
{
    double one = bench_now() + 0.01, a, c;
    pthread_t other;
    bench_spin(&one);
    a = c = bench_now() + 0.01;
    if (pthread_create(&other, NULL, bench_spin, &a) != 0)
        return false;
    bench_spin(&c);
    pthread_join(other, NULL);
    return a + c >= BENCH_TWO_CORES * one;
}

/* --- measuring -------------------------------------------------------------------------------- */

static int bench_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One search of the first n queries by one of the two. */
typedef struct bench_side {
    espy_index *ours; /* or: */
    void *flat, *hnsw;
    size_t effort;
} bench_side;

static void bench_ask(bench *b, const bench_side *s, size_t first, size_t n)
{
    const float *queries = b->queries + first * b->dim;
    int64_t *ids = b->answer + first * BENCH_K;
    const espy_index_query q = {.k = BENCH_K, .effort = s->effort};
    if (s->flat)
        peer_flat_search(s->flat, queries, n, BENCH_K, b->threads, ids);
    else if (s->hnsw)
        peer_hnsw_search(s->hnsw, queries, n, BENCH_K, s->effort, b->threads, ids);
    else {
        bench_must(b, espy_index_search(&b->cx, s->ours, queries, n, &q, b->hits + first * BENCH_K,
                                        b->found + first));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < BENCH_K; j++)
                ids[i * BENCH_K + j] =
                    j < b->found[first + i] ? b->hits[(first + i) * BENCH_K + j].id : -1;
    }
}

/* The time of `total` queries, `batch` at a time. */
static bench_span bench_time(bench *b, const bench_side *s, size_t total, size_t batch)
{
    const bench_span start = bench_since((bench_span){0});
    for (size_t at = 0; at < total; at += batch)
        bench_ask(b, s, at, total - at < batch ? total - at : batch);
    return bench_since(start);
}

static double bench_recall(bench *b, size_t total)
{
    size_t same = 0;
    for (size_t i = 0; i < total; i++)
        for (size_t j = 0; j < BENCH_K; j++)
            for (size_t l = 0; l < BENCH_K; l++)
                same += b->answer[i * BENCH_K + j] == b->truth[i * BENCH_K + l];
    return (double)same / (double)(total * BENCH_K);
}

/* n ratios: their median, least and greatest. */
static void bench_tell(const char *what, double *ratio, unsigned n)
{
    qsort(ratio, n, sizeof *ratio, bench_order);
    printf(" %s %.2f [%.2f..%.2f]", what, ratio[n / 2], ratio[0], ratio[n - 1]);
}

static void bench_pair_on(bench *b, const char *what, const bench_side *ours,
                          const bench_side *peer, size_t total, size_t batch)
{
    double wall[BENCH_ROUNDS], cpu[BENCH_ROUNDS], best[2] = {INFINITY, INFINITY};
    unsigned quiet = 0;
    for (unsigned r = 0; r < b->rounds; r++) {
        const bool before = b->threads == 1 || bench_two_cores();
        bench_span t[2] = {{0}}; /* ours, theirs */
        for (unsigned turn = 0; turn < 2; turn++) {
            const unsigned who = (r + turn) % 2;
            t[who] = bench_time(b, who ? peer : ours, total, batch);
            best[who] = fmin(best[who], t[who].wall);
        }
        wall[r] = t[1].wall / t[0].wall;
        cpu[r] = t[1].cpu / t[0].cpu;
        quiet += before && (b->threads == 1 || bench_two_cores());
    }
    printf("  %-36s %u threads: %8.0f /s, peer %8.0f /s at best, ratio %.2f; ratio", what,
           b->threads, (double)total / best[0], (double)total / best[1], best[1] / best[0]);
    bench_tell("of CPU", cpu, b->rounds);
    bench_tell("of wall", wall, b->rounds);
    if (b->threads > 1)
        printf("; %u of %u rounds had two cores", quiet, b->rounds);
    printf("\n");
    fflush(stdout);
}

/* Without a peer: how long one query takes. */
static void bench_alone(bench *b, const char *what, const bench_side *ours, size_t total,
                        size_t batch)
{
    double cpu[BENCH_ROUNDS];
    for (unsigned r = 0; r < b->rounds; r++)
        cpu[r] = bench_time(b, ours, total, batch).cpu / (double)total * 1e6;
    printf("  %-36s", what);
    bench_tell("microseconds of CPU a query", cpu, b->rounds);
    printf("\n");
    fflush(stdout);
}

/* On one thread and on all. */
static void bench_pair(bench *b, const char *what, const bench_side *ours, const bench_side *peer,
                       size_t total, size_t batch)
{
    const unsigned threads = b->threads;
    espy_pool *pool = b->cx.pool;
    if (!b->peer) {
        bench_alone(b, what, ours, total, batch);
        return;
    }
    b->cx.pool = NULL;
    b->threads = 1;
    bench_pair_on(b, what, ours, peer, total, batch);
    b->cx.pool = pool;
    b->threads = threads;
    if (threads > 1)
        bench_pair_on(b, what, ours, peer, total, batch);
}

/* --- the exact scan --------------------------------------------------------------------------- */

static espy_index *bench_build(bench *b, espy_near_kind kind, espy_index_method method, bool keep,
                               bench_span *span)
{
    espy_index *ix = NULL;
    const espy_index_options o = {kind, method, keep, b->links, b->effort};
    const bench_span start = bench_since((bench_span){0});
    bench_must(b, espy_index_create(&b->cx, b->dim, &o, &ix));
    bench_must(b, espy_index_add(&b->cx, ix, b->ids, b->vectors, b->n));
    *span = bench_since(start);
    return ix;
}

static void bench_truth(bench *b)
{
    bench_span span;
    const bench_side s = {.ours = bench_build(b, ESPY_NEAR_F32, ESPY_INDEX_SCAN, false, &span)};
    bench_ask(b, &s, 0, BENCH_QUERIES);
    memcpy(b->truth, b->answer, BENCH_QUERIES * BENCH_K * sizeof *b->truth);
    espy_index *ix = s.ours;
    espy_index_destroy(&b->cx, &ix);
}

static const struct {
    const char *name;
    espy_near_kind kind;
    bool keep;
} bench_kinds[] = {{"f32", ESPY_NEAR_F32, false},
                   {"bf16", ESPY_NEAR_BF16, false},
                   {"int8", ESPY_NEAR_INT8, false},
                   {"int8+f32", ESPY_NEAR_INT8, true}};

/* Whether kind k was asked for. */
static bool bench_wanted(const bench *b, size_t k)
{
    const size_t length = strlen(bench_kinds[k].name);
    for (const char *at = b->kinds; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, bench_kinds[k].name, length) == 0 && (!at[length] || at[length] == ','))
            return true;
    return false;
}

static void bench_scan(bench *b)
{
    bench_side peer = {0};
    if (b->peer) {
        peer.flat = peer_flat_create(b->dim, b->vectors, b->n);
        bench_ask(b, &peer, 0, 64);
        printf("exact scan against FAISS IndexFlatIP; agreement with it %.4f\n",
               bench_recall(b, 64));
    }
    for (size_t k = 0; k < sizeof bench_kinds / sizeof *bench_kinds; k++) {
        char what[64];
        bench_span span;
        if (!bench_wanted(b, k))
            continue;
        bench_side ours = {.ours = bench_build(b, bench_kinds[k].kind, ESPY_INDEX_SCAN,
                                               bench_kinds[k].keep, &span)};
        bench_ask(b, &ours, 0, 256);
        printf("  %s: recall@10 %.4f\n", bench_kinds[k].name, bench_recall(b, 256));
        snprintf(what, sizeof what, "%s, batch 1", bench_kinds[k].name);
        bench_pair(b, what, &ours, &peer, 16, 1);
        snprintf(what, sizeof what, "%s, batch 64", bench_kinds[k].name);
        bench_pair(b, what, &ours, &peer, 64, 64);
        espy_index_destroy(&b->cx, &ours.ours);
    }
    if (b->peer)
        peer_flat_destroy(peer.flat);
}

/* --- the graph -------------------------------------------------------------------------------- */

/* The least effort of the sweep with that recall; 0: none. */
static size_t bench_effort(bench *b, bench_side *s, double recall)
{
    s->effort = BENCH_K;
    for (size_t step = 0; step < BENCH_SWEEP; step++, s->effort = s->effort * 5 / 4 + 1) {
        bench_ask(b, s, 0, BENCH_QUERIES);
        if (bench_recall(b, BENCH_QUERIES) >= recall)
            return s->effort;
    }
    return 0;
}

static void bench_graph(bench *b)
{
    bench_span span, start = bench_since((bench_span){0});
    bench_side peer = {0};
    if (b->peer) {
        peer.hnsw = peer_hnsw_create(b->dim, b->vectors, b->n, b->links, b->effort, b->threads);
        start = bench_since(start);
        printf(
            "graph against hnswlib, M %u, efConstruction %u; it builds in %.1f s, %.1f s of CPU\n",
            b->links, b->effort, start.wall, start.cpu);
    }
    for (size_t k = 0; k < sizeof bench_kinds / sizeof *bench_kinds; k++) {
        if (!bench_wanted(b, k) || (bench_kinds[k].kind == ESPY_NEAR_INT8 && !bench_kinds[k].keep))
            continue; /* int8 alone does not reach a recall of 0.99 */
        bench_side ours = {.ours = bench_build(b, bench_kinds[k].kind, ESPY_INDEX_GRAPH,
                                               bench_kinds[k].keep, &span)};
        printf("  %s: built in %.1f s, %.1f s of CPU\n", bench_kinds[k].name, span.wall, span.cpu);
        fflush(stdout);
        for (size_t r = 0; r < 2; r++) {
            char what[96];
            const double recall = r ? 0.99 : 0.95;
            if (!bench_effort(b, &ours, recall) || (b->peer && !bench_effort(b, &peer, recall))) {
                printf("  recall %.2f is not reached\n", recall);
                continue;
            }
            snprintf(what, sizeof what, "%s, recall %.2f, ef %zu and %zu", bench_kinds[k].name,
                     recall, ours.effort, peer.effort);
            bench_pair(b, what, &ours, &peer, BENCH_QUERIES, BENCH_QUERIES);
        }
        espy_index_destroy(&b->cx, &ours.ours);
    }
    if (b->peer)
        peer_hnsw_destroy(peer.hnsw);
}

static void bench_options(bench *b, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        const size_t number = (size_t)strtoull(value, NULL, 10);
        if (strcmp(argv[i], "--no-scan") == 0)
            b->scan = false;
        else if (strcmp(argv[i], "--no-graph") == 0)
            b->graph = false;
        else if (strcmp(argv[i], "--no-peer") == 0)
            b->peer = false;
        else if (strcmp(argv[i], "--kinds") == 0 && i++)
            b->kinds = value;
        else if (strcmp(argv[i], "--n") == 0 && i++)
            b->n = number;
        else if (strcmp(argv[i], "--dim") == 0 && i++)
            b->dim = number;
        else if (strcmp(argv[i], "--threads") == 0 && i++)
            b->threads = (unsigned)number;
        else if (strcmp(argv[i], "--rounds") == 0 && i++)
            b->rounds = (unsigned)number;
        else if (strcmp(argv[i], "--links") == 0 && i++)
            b->links = (uint32_t)number;
        else if (strcmp(argv[i], "--effort") == 0 && i++)
            b->effort = (uint32_t)number;
        else {
            fprintf(stderr, "index_vs_peers: there is no option %s\n", argv[i]);
            exit(2);
        }
    }
    if (b->n < 1000 || b->dim < 1 || b->dim > 4096 || b->rounds < 1 || b->rounds > BENCH_ROUNDS ||
        b->threads < 1) {
        fprintf(stderr, "index_vs_peers: --n from 1000 on, --dim 1 to 4096, --rounds 1 to %d\n",
                BENCH_ROUNDS);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    bench b = {.n = 20000,
               .dim = 128,
               .threads = 2,
               .rounds = 9,
               .links = 16,
               .effort = 200,
               .scan = true,
               .graph = true,
               .peer = true};
    espy_ctx_init(&b.cx);
    bench_options(&b, argc, argv);
    bench_must(&b, espy_pool_create(&b.cx, b.threads, &b.cx.pool));
    bench_data(&b);
    printf("%zu vectors of %zu values, %u threads\n", b.n, b.dim, b.threads);
    bench_truth(&b);
    if (b.scan)
        bench_scan(&b);
    if (b.graph)
        bench_graph(&b);
    return 0;
}
