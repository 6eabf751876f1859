/* SPDX-License-Identifier: Apache-2.0
 * gemm - matrix product by oneDNN's sgemm on fixed tiles of C, spread over the pool. */
#include "gemm/gemm.h"

#include "base/pool.h"
#include "gemm/onednn.h"

/* Tile of C.  Large enough that packing the operands (tile side / product) stays under 1 %, small
 * enough that two cores share a 500 x 500 product. */
#define GEMM_TILE_M 256
#define GEMM_TILE_N 512

typedef struct gemm_job {
    bool trans_a, trans_b;
    size_t m, n, k, lda, ldb, ldc, columns;
    float alpha, beta;
    const float *a, *b;
    float *c;
} gemm_job;

static espy_err gemm_done(espy_ctx *cx, dnnl_status_t s, size_t m, size_t n, size_t k)
{
    if (s == dnnl_success)
        return ESPY_E_OK;
    return espy_fail(cx, s == dnnl_out_of_memory ? ESPY_E_NOMEM : ESPY_E_INTERNAL,
                     "matrix product of %zu x %zu x %zu failed (oneDNN status %d)", m, n, k,
                     (int)s);
}

static espy_err gemm_tile(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)worker;
    const gemm_job *j = self;
    size_t i = item / j->columns * GEMM_TILE_M, o = item % j->columns * GEMM_TILE_N;
    size_t m = j->m - i < GEMM_TILE_M ? j->m - i : GEMM_TILE_M;
    size_t n = j->n - o < GEMM_TILE_N ? j->n - o : GEMM_TILE_N;
    const float *a = j->a + (j->trans_a ? i : i * j->lda);
    const float *b = j->b + (j->trans_b ? o * j->ldb : o);
    /* one thread per tile: the pool is the only source of threads */
    int threads = espy_dnn_threads(1);
    dnnl_status_t s =
        dnnl_sgemm(j->trans_a ? 'T' : 'N', j->trans_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n,
                   (dnnl_dim_t)j->k, j->alpha, a, (dnnl_dim_t)j->lda, b, (dnnl_dim_t)j->ldb,
                   j->beta, j->c + i * j->ldc + o, (dnnl_dim_t)j->ldc);
    (void)espy_dnn_threads(threads);
    return gemm_done(cx, s, m, n, j->k);
}

espy_err espy_gemm(espy_ctx *cx, bool trans_a, bool trans_b, size_t m, size_t n, size_t k,
                   float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                   float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return ESPY_E_OK;
    if (lda < (trans_a ? m : k) || ldb < (trans_b ? k : n) || ldc < n || k == 0)
        return espy_fail(cx, ESPY_E_ARG, "matrix product: row strides %zu, %zu, %zu are too small",
                         lda, ldb, ldc);
    gemm_job job = {trans_a, trans_b, m, n, k, lda, ldb, ldc, (n + GEMM_TILE_N - 1) / GEMM_TILE_N,
                    alpha,   beta,    a, b, c};
    size_t tiles = (m + GEMM_TILE_M - 1) / GEMM_TILE_M * job.columns;
    return espy_parallel(cx, tiles, gemm_tile, &job);
}

bool espy_gemm_bytes_ready(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa(), vnni = dnnl_cpu_isa_avx512_core_vnni;

    return (isa & vnni) == vnni;
}

espy_err espy_gemm_bytes(espy_ctx *cx, size_t m, size_t n, size_t k, const int8_t *a, size_t lda,
                         const int8_t *b, size_t ldb, int32_t *c, size_t ldc)
{
    int threads = espy_dnn_threads(1);
    const int32_t none = 0;
    dnnl_status_t s =
        dnnl_gemm_s8s8s32('N', 'T', 'F', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, 1, a,
                          (dnnl_dim_t)lda, 0, b, (dnnl_dim_t)ldb, 0, 0, c, (dnnl_dim_t)ldc, &none);
    (void)espy_dnn_threads(threads);
    return gemm_done(cx, s, m, n, k);
}
