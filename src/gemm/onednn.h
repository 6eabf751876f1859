/* SPDX-License-Identifier: Apache-2.0
 * onednn - the one file that knows oneDNN's C interface, of which two shapes are in the field:
 * 2.6 (Debian 12: operation descriptors, memory descriptors by value) and 3.x (primitive
 * descriptors made directly, memory descriptors behind pointers).  What is used of it is the same
 * for both from here upwards; what only 2.6 has (Winograd in f32) is a question that can be asked.
 *
 * Every maker of a primitive descriptor answers UNSUPPORTED without noting a failure when the
 * library has nothing better than its "ref" code, so that a caller may try the next layout. */
#ifndef ESPY_GEMM_ONEDNN_H
#define ESPY_GEMM_ONEDNN_H

#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "base/ctx.h"

#define ESPY_DNN_V3 (DNNL_VERSION_MAJOR >= 3)

/* From the OpenMP standard (section 3.2); the library brings its runtime, but a compiler's omp.h
 * need not be installed (clang's is a package of its own). */
int omp_get_max_threads(void);
void omp_set_num_threads(int n);

/* oneDNN's status as ours; noted in cx with what was attempted. */
static inline espy_err espy_dnn_check(espy_ctx *cx, dnnl_status_t s, const char *what)
{
    if (s == dnnl_success)
        return ESPY_E_OK;
    if (s == dnnl_out_of_memory)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory in %s", what);
    return espy_fail(cx, ESPY_E_INTERNAL, "%s failed in oneDNN with status %d", what, (int)s);
}

/* Engines carry no state on the CPU: everybody makes his own and destroys it. */
static inline espy_err espy_dnn_engine(espy_ctx *cx, dnnl_engine_t *out)
{
    return espy_dnn_check(cx, dnnl_engine_create(out, dnnl_cpu, 0), "engine");
}

static inline espy_err espy_dnn_stream(espy_ctx *cx, dnnl_engine_t engine, dnnl_stream_t *out)
{
    return espy_dnn_check(cx, dnnl_stream_create(out, engine, dnnl_stream_in_order), "stream");
}

/* "MAJOR.MINOR.PATCH" parts of the library that is loaded, which may differ from the header. */
static inline const dnnl_version_t *espy_dnn_version(void)
{
    return dnnl_version();
}

/* Threads of the calling thread's next OpenMP regions; returns what it was, to be restored. */
static inline int espy_dnn_threads(int n)
{
    int before = omp_get_max_threads();
    if (n != before)
        omp_set_num_threads(n);
    return before;
}

/* ---- memory descriptors ----------------------------------------------------------------- */

typedef struct espy_dnn_md {
    dnnl_memory_desc_t d; /* 2.6: the description itself; 3.x: a pointer, NULL when empty */
} espy_dnn_md;

#if ESPY_DNN_V3
typedef const_dnnl_memory_desc_t espy_dnn_mdp; /* borrowed */
static inline espy_dnn_mdp espy_dnn_ref(const espy_dnn_md *m)
{
    return m->d;
}
static inline void espy_dnn_md_free(espy_dnn_md *m)
{
    if (m->d)
        dnnl_memory_desc_destroy(m->d);
    m->d = NULL;
}
static inline dnnl_status_t espy_dnn_md_copy(espy_dnn_md *m, espy_dnn_mdp from)
{
    return dnnl_memory_desc_clone(&m->d, from);
}
static inline dnnl_status_t espy_dnn_md_tag(espy_dnn_md *m, int rank, const dnnl_dims_t dims,
                                            dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(&m->d, rank, dims, type, tag);
}
static inline dnnl_status_t espy_dnn_md_strided(espy_dnn_md *m, int rank, const dnnl_dims_t dims,
                                                dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(&m->d, rank, dims, type, strides);
}
/* The part of `from` that begins at `offsets`; unimplemented when blocks would be cut. */
static inline dnnl_status_t espy_dnn_md_part(espy_dnn_md *m, const espy_dnn_md *from,
                                             const dnnl_dims_t dims, const dnnl_dims_t offsets)
{
    return dnnl_memory_desc_create_submemory(&m->d, from->d, dims, offsets);
}
static inline dnnl_data_type_t espy_dnn_md_type(espy_dnn_mdp m)
{
    dnnl_data_type_t t = dnnl_data_type_undef;
    dnnl_memory_desc_query(m, dnnl_query_data_type, &t);
    return t;
}
#else
typedef const dnnl_memory_desc_t *espy_dnn_mdp; /* borrowed */
static inline espy_dnn_mdp espy_dnn_ref(const espy_dnn_md *m)
{
    return &m->d;
}
static inline void espy_dnn_md_free(espy_dnn_md *m)
{
    memset(m, 0, sizeof *m);
}
static inline dnnl_status_t espy_dnn_md_copy(espy_dnn_md *m, espy_dnn_mdp from)
{
    m->d = *from;
    return dnnl_success;
}
static inline dnnl_status_t espy_dnn_md_tag(espy_dnn_md *m, int rank, const dnnl_dims_t dims,
                                            dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(&m->d, rank, dims, type, tag);
}
static inline dnnl_status_t espy_dnn_md_strided(espy_dnn_md *m, int rank, const dnnl_dims_t dims,
                                                dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(&m->d, rank, dims, type, strides);
}
/* The part of `from` that begins at `offsets`; unimplemented when blocks would be cut. */
static inline dnnl_status_t espy_dnn_md_part(espy_dnn_md *m, const espy_dnn_md *from,
                                             const dnnl_dims_t dims, const dnnl_dims_t offsets)
{
    return dnnl_memory_desc_init_submemory(&m->d, &from->d, dims, offsets);
}
static inline dnnl_data_type_t espy_dnn_md_type(espy_dnn_mdp m)
{
    return m->data_type;
}
#endif

static inline bool espy_dnn_md_equal(const espy_dnn_md *a, const espy_dnn_md *b)
{
    return dnnl_memory_desc_equal(espy_dnn_ref(a), espy_dnn_ref(b)) != 0;
}

static inline size_t espy_dnn_md_bytes(const espy_dnn_md *m)
{
    return dnnl_memory_desc_get_size(espy_dnn_ref(m));
}

static inline dnnl_status_t espy_dnn_memory(dnnl_memory_t *out, const espy_dnn_md *m,
                                            dnnl_engine_t engine, void *data)
{
    return dnnl_memory_create(out, espy_dnn_ref(m), engine, data);
}

/* ---- attributes ------------------------------------------------------------------------- */

/* What a primitive does to its result before it is written, in this order. */
#define ESPY_DNN_POSTS 4
typedef enum espy_dnn_post_kind {
    ESPY_DNN_SUM,     /* add what the destination holds */
    ESPY_DNN_ELTWISE, /* apply alg(alpha, beta) */
    ESPY_DNN_BINARY   /* combine with another tensor by alg; its memory is given to the run under
                         DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1 */
} espy_dnn_post_kind;

typedef struct espy_dnn_post {
    int n;
    struct {
        espy_dnn_post_kind kind;
        dnnl_alg_kind_t alg;
        float alpha, beta;
        const espy_dnn_md *other;
    } op[ESPY_DNN_POSTS];
} espy_dnn_post;

static inline dnnl_status_t espy_dnn_post_append(dnnl_post_ops_t ops, const espy_dnn_post *post,
                                                 int i)
{
    switch (post->op[i].kind) {
    case ESPY_DNN_BINARY:
        return dnnl_post_ops_append_binary(ops, post->op[i].alg, espy_dnn_ref(post->op[i].other));
#if ESPY_DNN_V3
    case ESPY_DNN_SUM:
        return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
    case ESPY_DNN_ELTWISE:
        return dnnl_post_ops_append_eltwise(ops, post->op[i].alg, post->op[i].alpha,
                                            post->op[i].beta);
#else
    case ESPY_DNN_SUM:
        return dnnl_post_ops_append_sum(ops, 1.0f);
    case ESPY_DNN_ELTWISE:
        return dnnl_post_ops_append_eltwise(ops, 1.0f, post->op[i].alg, post->op[i].alpha,
                                            post->op[i].beta);
#endif
    }
    return dnnl_invalid_arguments;
}

/* Attributes with scratchpads given by the caller, so that a run allocates nothing. */
static inline dnnl_status_t espy_dnn_attr(const espy_dnn_post *post, dnnl_primitive_attr_t *out)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success && post && post->n > 0) {
        s = dnnl_post_ops_create(&ops);
        for (int i = 0; i < post->n && s == dnnl_success; i++)
            s = espy_dnn_post_append(ops, post, i);
        if (s == dnnl_success)
            s = dnnl_primitive_attr_set_post_ops(attr, ops);
    }
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (s != dnnl_success && attr)
        dnnl_primitive_attr_destroy(attr);
    else
        *out = attr;
    return s;
}

/* ---- primitive descriptors -------------------------------------------------------------- */

/* Name of the code behind a descriptor, like "jit:avx512_core" or "brgconv:avx512_core_bf16". */
static inline const char *espy_dnn_impl(const_dnnl_primitive_desc_t pd)
{
    const char *name = "";
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success)
        return "";
    return name;
}

/* Takes the result of a maker: refuses "ref" code, frees the attributes. */
static inline espy_err espy_dnn_made(espy_ctx *cx, dnnl_status_t s, dnnl_primitive_attr_t attr,
                                     dnnl_primitive_desc_t pd, dnnl_primitive_desc_t *out)
{
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (s == dnnl_success && strncmp(espy_dnn_impl(pd), "ref", 3) == 0) {
        dnnl_primitive_desc_destroy(pd);
        return ESPY_E_UNSUPPORTED;
    }
    if (s == dnnl_unimplemented || s == dnnl_invalid_arguments)
        return ESPY_E_UNSUPPORTED;
    if (s != dnnl_success)
        return espy_dnn_check(cx, s, "primitive descriptor");
    *out = pd;
    return ESPY_E_OK;
}

/* Window of a convolution or pooling: two dimensions ([0], [1]), dilation 0 means dense (oneDNN's
 * count). */
typedef struct espy_dnn_window {
    dnnl_dims_t kernel, stride, dilate, pad_lo, pad_hi;
} espy_dnn_window;

/* Convolution; bias may be NULL.  Weights are OIHW, or gOIHW with rank 5. */
static inline espy_err espy_dnn_conv(espy_ctx *cx, dnnl_engine_t engine, dnnl_alg_kind_t alg,
                                     const espy_dnn_md *src, const espy_dnn_md *weights,
                                     const espy_dnn_md *bias, const espy_dnn_md *dst,
                                     const espy_dnn_window *w, const espy_dnn_post *post,
                                     dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    espy_dnn_mdp b = bias ? espy_dnn_ref(bias) : NULL;
    dnnl_status_t s = espy_dnn_attr(post, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_convolution_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, alg,
                                                           src->d, weights->d, b, dst->d, w->stride,
                                                           w->dilate, w->pad_lo, w->pad_hi, attr);
#else
    dnnl_convolution_desc_t d;
    if (s == dnnl_success)
        s = dnnl_dilated_convolution_forward_desc_init(&d, dnnl_forward_inference, alg, &src->d,
                                                       &weights->d, b, &dst->d, w->stride,
                                                       w->dilate, w->pad_lo, w->pad_hi);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Fully connected: src N x C (or N x C x H x W), weights O x C (x H x W). */
static inline espy_err espy_dnn_inner_product(espy_ctx *cx, dnnl_engine_t engine,
                                              const espy_dnn_md *src, const espy_dnn_md *weights,
                                              const espy_dnn_md *bias, const espy_dnn_md *dst,
                                              const espy_dnn_post *post, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    espy_dnn_mdp b = bias ? espy_dnn_ref(bias) : NULL;
    dnnl_status_t s = espy_dnn_attr(post, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_inner_product_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference,
                                                             src->d, weights->d, b, dst->d, attr);
#else
    dnnl_inner_product_desc_t d;
    if (s == dnnl_success)
        s = dnnl_inner_product_forward_desc_init(&d, dnnl_forward_inference, &src->d, &weights->d,
                                                 b, &dst->d);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Batched matrix product of equal rank; bias may be NULL. */
static inline espy_err espy_dnn_matmul(espy_ctx *cx, dnnl_engine_t engine, const espy_dnn_md *a,
                                       const espy_dnn_md *b, const espy_dnn_md *bias,
                                       const espy_dnn_md *dst, const espy_dnn_post *post,
                                       dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    espy_dnn_mdp bb = bias ? espy_dnn_ref(bias) : NULL;
    dnnl_status_t s = espy_dnn_attr(post, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_matmul_primitive_desc_create(&pd, engine, a->d, b->d, bb, dst->d, attr);
#else
    dnnl_matmul_desc_t d;
    if (s == dnnl_success)
        s = dnnl_matmul_desc_init(&d, &a->d, &b->d, bb, &dst->d);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Max or average pooling. */
static inline espy_err espy_dnn_pool(espy_ctx *cx, dnnl_engine_t engine, dnnl_alg_kind_t alg,
                                     const espy_dnn_md *src, const espy_dnn_md *dst,
                                     const espy_dnn_window *w, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_pooling_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, alg,
                                                       src->d, dst->d, w->stride, w->kernel,
                                                       w->dilate, w->pad_lo, w->pad_hi, attr);
#else
    dnnl_pooling_v2_desc_t d;
    if (s == dnnl_success)
        s = dnnl_pooling_v2_forward_desc_init(&d, dnnl_forward_inference, alg, &src->d, &dst->d,
                                              w->stride, w->kernel, w->dilate, w->pad_lo,
                                              w->pad_hi);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Element-wise function, in place when src and dst memories are the same. */
static inline espy_err espy_dnn_eltwise(espy_ctx *cx, dnnl_engine_t engine, dnnl_alg_kind_t alg,
                                        float alpha, float beta, const espy_dnn_md *data,
                                        dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_eltwise_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, alg,
                                                       data->d, data->d, alpha, beta, attr);
#else
    dnnl_eltwise_desc_t d;
    if (s == dnnl_success)
        s = dnnl_eltwise_forward_desc_init(&d, dnnl_forward_inference, alg, &data->d, alpha, beta);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Parametric ReLU with a slope per channel (or any shape that broadcasts). */
static inline espy_err espy_dnn_prelu(espy_ctx *cx, dnnl_engine_t engine, const espy_dnn_md *data,
                                      const espy_dnn_md *slopes, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_prelu_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, data->d,
                                                     slopes->d, data->d, attr);
#else
    dnnl_prelu_desc_t d;
    if (s == dnnl_success)
        s = dnnl_prelu_forward_desc_init(&d, dnnl_forward_inference, &data->d, &slopes->d);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* dst = post(a alg b), b broadcast where its dimensions are 1. */
static inline espy_err espy_dnn_binary(espy_ctx *cx, dnnl_engine_t engine, dnnl_alg_kind_t alg,
                                       const espy_dnn_md *a, const espy_dnn_md *b,
                                       const espy_dnn_md *dst, const espy_dnn_post *post,
                                       dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(post, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_binary_primitive_desc_create(&pd, engine, alg, a->d, b->d, dst->d, attr);
#else
    dnnl_binary_desc_t d;
    if (s == dnnl_success)
        s = dnnl_binary_desc_init(&d, alg, &a->d, &b->d, &dst->d);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Changes height and width by repeating or interpolating (half-pixel centres); the factors follow
 * from the dims. */
static inline espy_err espy_dnn_resample(espy_ctx *cx, dnnl_engine_t engine, dnnl_alg_kind_t alg,
                                         const espy_dnn_md *src, const espy_dnn_md *dst,
                                         const espy_dnn_post *post, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(post, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_resampling_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, alg,
                                                          NULL, src->d, dst->d, attr);
#else
    dnnl_resampling_desc_t d;
    if (s == dnnl_success)
        s = dnnl_resampling_forward_desc_init(&d, dnnl_forward_inference, alg, NULL, &src->d,
                                              &dst->d);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Softmax along one axis. */
static inline espy_err espy_dnn_softmax(espy_ctx *cx, dnnl_engine_t engine, const espy_dnn_md *data,
                                        int axis, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_softmax_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference,
                                                       dnnl_softmax_accurate, data->d, data->d,
                                                       axis, attr);
#else
    dnnl_softmax_v2_desc_t d;
    if (s == dnnl_success)
        s = dnnl_softmax_v2_forward_desc_init(&d, dnnl_forward_inference, dnnl_softmax_accurate,
                                              &data->d, &data->d, axis);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* (x - mean) / sqrt(variance + eps) over the last axis, then times DNNL_ARG_SCALE plus
 * DNNL_ARG_SHIFT (f32) when `affine`. */
static inline espy_err espy_dnn_layer_norm(espy_ctx *cx, dnnl_engine_t engine,
                                           const espy_dnn_md *data, float eps, bool affine,
                                           dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
    unsigned flags = affine ? (unsigned)dnnl_use_scale | (unsigned)dnnl_use_shift : 0;
#if ESPY_DNN_V3
    if (s == dnnl_success)
        s = dnnl_layer_normalization_forward_primitive_desc_create(
            &pd, engine, dnnl_forward_inference, data->d, data->d, NULL, eps, flags, attr);
#else
    dnnl_layer_normalization_desc_t d;
    if (s == dnnl_success)
        s = dnnl_layer_normalization_forward_desc_init(&d, dnnl_forward_inference, &data->d, NULL,
                                                       eps, flags);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL);
#endif
    return espy_dnn_made(cx, s, attr, pd, out);
}

/* Copy between layouts and types. */
static inline espy_err espy_dnn_reorder(espy_ctx *cx, dnnl_engine_t engine, const espy_dnn_md *src,
                                        const espy_dnn_md *dst, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = espy_dnn_attr(NULL, &attr);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, espy_dnn_ref(src), engine, espy_dnn_ref(dst),
                                               engine, attr);
    /* Unlike elsewhere the plain code is wanted here too: weights are reordered once. */
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (s == dnnl_unimplemented)
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(espy_dnn_check(cx, s, "reorder"));
    *out = pd;
    return ESPY_E_OK;
}

/* A description the primitive chose or was given, of kind dnnl_query_{src,weights,dst,...}_md. */
static inline dnnl_status_t espy_dnn_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what,
                                           espy_dnn_md *out)
{
    espy_dnn_mdp m = dnnl_primitive_desc_query_md(pd, what, 0);
    return m ? espy_dnn_md_copy(out, m) : dnnl_invalid_arguments;
}

#endif
