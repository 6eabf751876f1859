/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - the executor on oneDNN: weights kept per network, memory planned per plan, runs
 * from any number of threads.
 *
 * A run takes a frame (memory, stream) from the plan's stock or makes one, so that the steady state
 * allocates nothing and concurrent runs never meet. */
#include "nn/exec_onednn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"

#define ESPY_ODN_ALIGN 64 /* bytes: a cache line and a 512-bit register */

static size_t onednn_align(size_t n)
{
    return (n + ESPY_ODN_ALIGN - 1) / ESPY_ODN_ALIGN * ESPY_ODN_ALIGN;
}

espy_err espy_odn_block_new(espy_ctx *cx, size_t bytes, espy_odn_block *out)
{
    size_t all;
    if (!espy_add_size(bytes, ESPY_ODN_ALIGN, &all))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu bytes do not fit in memory", bytes);
    out->base = espy_alloc(cx, all);
    if (!out->base)
        return ESPY_E_NOMEM;
    out->data = (uint8_t *)out->base + (ESPY_ODN_ALIGN - (uintptr_t)out->base % ESPY_ODN_ALIGN);
    return ESPY_E_OK;
}

/* --- weights --------------------------------------------------------------------------------- */

/* The parts one below the other, rows and inner parts rounded up with zeros. */
static void onednn_fill(const espy_odn_rows *r, float *out)
{
    int64_t at = 0;
    for (int p = 0; p < r->parts; p++) {
        const float *from = r->part[p] ? r->part[p]->data : NULL;
        for (int64_t i = 0; i < r->rows[p]; i++, at++)
            if (from)
                memcpy(out + at * r->all_inner * r->cells, from + i * r->inner * r->cells,
                       (size_t)(r->inner * r->cells) * sizeof(float));
    }
}

static bool onednn_rows_dense(const espy_odn_rows *r)
{
    return r->parts == 1 && r->part[0] && r->all_rows == r->rows[0] && r->all_inner == r->inner;
}

/* Makes sure of at least so much space for reorders. */
static espy_err onednn_space(espy_ctx *cx, espy_odn_state *st, size_t bytes)
{
    if (bytes <= st->space_bytes)
        return ESPY_E_OK;
    espy_free(cx, st->space.base);
    st->space = (espy_odn_block){0};
    st->space_bytes = 0;
    ESPY_TRY(espy_odn_block_new(cx, bytes, &st->space));
    st->space_bytes = bytes;
    return ESPY_E_OK;
}

/* Brings rows into layout `want`. */
static espy_err onednn_reorder(espy_ctx *cx, espy_odn_state *st, const espy_odn_rows *r,
                               const espy_dnn_md *want, void *to)
{
    float *dense = NULL;
    dnnl_engine_t engine = st->engine;
    espy_dnn_md from = {0};
    dnnl_memory_t a = NULL, z = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t prim = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_dims_t strides;
    espy_err e = ESPY_E_OK;
    void *data = NULL;
    if (onednn_rows_dense(r)) {
        data = r->part[0]->data;
    } else {
        data = dense = espy_floats(cx, (size_t)(r->all_rows * r->all_inner * r->cells));
        if (!dense)
            return ESPY_E_NOMEM;
        onednn_fill(r, dense);
    }
    int64_t step = 1;
    for (int i = r->rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= r->dims[i];
    }
    if (r->swapped) {
        strides[0] = 1;
        strides[1] = r->dims[0];
    }
    dnnl_status_t s = espy_dnn_md_strided(&from, r->rank, r->dims, dnnl_f32, strides);
    ESPY_GO(espy_dnn_check(cx, s, "memory description"));
    ESPY_GO(espy_dnn_reorder(cx, engine, &from, want, &pd));
    espy_dnn_md scratch = {0};
    ESPY_GO(espy_dnn_check(cx, dnnl_primitive_create(&prim, pd), "reorder"));
    ESPY_GO(espy_dnn_stream(cx, engine, &stream));
    s = espy_dnn_memory(&a, &from, engine, data);
    if (s == dnnl_success)
        s = espy_dnn_memory(&z, want, engine, to);
    ESPY_GO(espy_dnn_check(cx, s, "memory"));
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, z}};
    int n = 2;
    dnnl_memory_t sm = NULL;
    if (espy_dnn_query(pd, dnnl_query_scratchpad_md, &scratch) == dnnl_success &&
        espy_dnn_md_bytes(&scratch) > 0) {
        e = onednn_space(cx, st, espy_dnn_md_bytes(&scratch));
        s = e == ESPY_E_OK ? espy_dnn_memory(&sm, &scratch, engine, st->space.data)
                           : dnnl_out_of_memory;
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, sm};
    }
    if (s == dnnl_success)
        s = dnnl_primitive_execute(prim, stream, n, args);
    if (s == dnnl_success)
        s = dnnl_stream_wait(stream);
    if (sm)
        dnnl_memory_destroy(sm);
    espy_dnn_md_free(&scratch);
    e = espy_dnn_check(cx, s, "reorder of weights");
out:
    if (a)
        dnnl_memory_destroy(a);
    if (z)
        dnnl_memory_destroy(z);
    if (prim)
        dnnl_primitive_destroy(prim);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (stream)
        dnnl_stream_destroy(stream);
    espy_dnn_md_free(&from);
    espy_free(cx, dense);
    return e;
}

static bool onednn_weight_is(const espy_odn_weight *w, const espy_odn_rows *r,
                             const espy_dnn_md *want)
{
    if (w->parts != r->parts || w->swapped != r->swapped)
        return false;
    for (int p = 0; p < r->parts; p++)
        if (w->part[p] != r->part[p])
            return false;
    return espy_dnn_md_equal(&w->md, want);
}

static void onednn_weight_free(espy_ctx *cx, espy_odn_weight *w)
{
    for (int p = 0; p < w->parts; p++)
        espy_const_unref(cx, &w->part[p]);
    espy_dnn_md_free(&w->md);
    espy_free(cx, w->block.base);
}

espy_err espy_odn_weight_get(espy_ctx *cx, espy_odn_state *st, const espy_odn_rows *rows,
                             const espy_dnn_md *want, const void **data)
{
    for (size_t i = 0; i < st->n_weights; i++) {
        if (onednn_weight_is(&st->weights[i], rows, want)) {
            *data = st->weights[i].block.data;
            return ESPY_E_OK;
        }
    }
    if (st->n_weights == st->weight_room) {
        size_t room = st->weight_room ? 2 * st->weight_room : 64;
        void *p = espy_resize(cx, st->weights, room, sizeof *st->weights);
        if (!p)
            return ESPY_E_NOMEM;
        st->weights = p;
        st->weight_room = room;
    }
    espy_odn_weight w = {.parts = rows->parts, .swapped = rows->swapped};
    espy_err e =
        espy_dnn_check(cx, espy_dnn_md_copy(&w.md, espy_dnn_ref(want)), "memory description");
    if (e == ESPY_E_OK)
        e = espy_odn_block_new(cx, espy_dnn_md_bytes(want), &w.block);
    if (e == ESPY_E_OK)
        e = onednn_reorder(cx, st, rows, want, w.block.data);
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(cx, e, "oneDNN cannot bring weights into its own layout");
    for (int p = 0; p < rows->parts; p++)
        w.part[p] = rows->part[p] ? espy_const_ref(rows->part[p]) : NULL;
    if (e != ESPY_E_OK) {
        onednn_weight_free(cx, &w);
        return e;
    }
    st->weights[st->n_weights++] = w;
    *data = w.block.data;
    return ESPY_E_OK;
}

/* --- memory of a run ------------------------------------------------------------------------- */

static int onednn_root(const espy_odn_plan *p, int buf, size_t *shift)
{
    *shift = 0;
    while (p->bufs[buf].parent != ESPY_NONE) {
        *shift += p->bufs[buf].shift;
        buf = p->bufs[buf].parent;
    }
    return buf;
}

typedef struct onednn_by_size {
    int buf;
    size_t bytes;
} onednn_by_size;

static int onednn_larger(const void *a, const void *b)
{
    const onednn_by_size *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->buf < y->buf ? -1 : 1;
}

/* Places the buffers of the arena: the largest first, each at the lowest offset where no buffer
 * that lives at the same time lies (greedy by size, Pisarchyk & Lee 2020, "Efficient memory
 * management for deep neural net inference", section 5). */
static espy_err onednn_place(espy_ctx *cx, espy_odn_plan *p)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        for (int k = 0; k < p->steps[i].n_args; k++) {
            size_t shift;
            if (p->steps[i].arg[k].slot == ESPY_NONE)
                continue;
            espy_odn_buf *b =
                &p->bufs[onednn_root(p, p->slots[p->steps[i].arg[k].slot].buf, &shift)];
            if (b->first < 0)
                b->first = (int)i;
            b->last = (int)i;
        }
    }
    onednn_by_size *order = espy_array(cx, p->n_bufs + 1, sizeof *order);
    if (!order)
        return ESPY_E_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].home == ESPY_ODN_ARENA && p->bufs[i].parent == ESPY_NONE &&
            p->bufs[i].first >= 0)
            order[n++] = (onednn_by_size){(int)i, onednn_align(p->bufs[i].bytes)};
    qsort(order, n, sizeof *order, onednn_larger);
    p->arena = 0;
    for (size_t i = 0; i < n; i++) {
        espy_odn_buf *b = &p->bufs[order[i].buf];
        bool moved = true;
        b->offset = 0;
        while (moved) {
            moved = false;
            for (size_t k = 0; k < i; k++) {
                const espy_odn_buf *o = &p->bufs[order[k].buf];
                if (o->last < b->first || b->last < o->first ||
                    o->offset >= b->offset + order[i].bytes ||
                    b->offset >= o->offset + order[k].bytes)
                    continue;
                b->offset = o->offset + order[k].bytes;
                moved = true;
            }
        }
        if (b->offset + order[i].bytes > p->arena)
            p->arena = b->offset + order[i].bytes;
    }
    espy_free(cx, order);
    return ESPY_E_OK;
}

static void onednn_frame_destroy(espy_ctx *cx, const espy_odn_plan *p, espy_odn_frame *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->memory && i < p->n_slots; i++)
        if (f->memory[i])
            dnnl_memory_destroy(f->memory[i]);
    if (f->stream)
        dnnl_stream_destroy(f->stream);
    espy_free(cx, f->memory);
    espy_free(cx, f->arena.base);
    espy_free(cx, f);
}

/* Address of a slot in a run. */
static void *onednn_at(const espy_odn_plan *p, const espy_odn_frame *f, const float *const *in,
                       float *const *out, int slot)
{
    size_t shift;
    const espy_odn_buf *b = &p->bufs[onednn_root(p, p->slots[slot].buf, &shift)];
    union {
        const void *from;
        void *to;
    } u = {NULL};
    switch (b->home) {
    case ESPY_ODN_ARENA:
        u.to = (uint8_t *)f->arena.data + b->offset + shift;
        break;
    case ESPY_ODN_INPUT:
        u.from = (const uint8_t *)in[b->index] + shift;
        break;
    case ESPY_ODN_OUTPUT:
        u.to = (uint8_t *)out[b->index] + shift;
        break;
    case ESPY_ODN_CONST:
        u.from = (const uint8_t *)b->data + shift;
        break;
    }
    return u.to;
}

static bool onednn_outside(const espy_odn_plan *p, int slot)
{
    espy_odn_home h = p->bufs[p->slots[slot].buf].home;
    return h == ESPY_ODN_INPUT || h == ESPY_ODN_OUTPUT;
}

static espy_err onednn_frame_create(espy_ctx *cx, const espy_odn_plan *p, espy_odn_frame **out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_odn_frame *f = espy_zalloc(cx, sizeof *f);
    if (!f)
        return e;
    ESPY_GO(espy_odn_block_new(cx, p->arena, &f->arena));
    f->memory = espy_array(cx, p->n_slots + 1, sizeof(dnnl_memory_t));
    if (!f->memory) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    ESPY_GO(espy_dnn_stream(cx, p->state->engine, &f->stream));
    /* Only what primitives touch needs a memory object. */
    for (size_t i = 0; i < p->n_steps; i++) {
        const espy_odn_step *s = &p->steps[i];
        for (int k = 0; s->kind == ESPY_ODN_PRIMITIVE && k < s->n_args; k++) {
            int slot = s->arg[k].slot;
            if (f->memory[slot])
                continue;
            void *at =
                onednn_outside(p, slot) ? DNNL_MEMORY_NONE : onednn_at(p, f, NULL, NULL, slot);
            ESPY_GO(espy_dnn_check(
                cx, espy_dnn_memory(&f->memory[slot], &p->slots[slot].md, p->state->engine, at),
                "memory"));
        }
    }
    *out = f;
    return ESPY_E_OK;
out:
    onednn_frame_destroy(cx, p, f);
    return e;
}

static espy_err onednn_frame_take(espy_ctx *cx, const espy_odn_plan *p, espy_odn_frame **out)
{
    for (int i = 0; i < ESPY_ODN_STOCK; i++) {
        espy_odn_frame *f = atomic_exchange(&p->stock[i], NULL);
        if (f) {
            *out = f;
            return ESPY_E_OK;
        }
    }
    return onednn_frame_create(cx, p, out);
}

static void onednn_frame_give(espy_ctx *cx, const espy_odn_plan *p, espy_odn_frame *f)
{
    for (int i = 0; i < ESPY_ODN_STOCK; i++) {
        espy_odn_frame *none = NULL;
        if (atomic_compare_exchange_strong(&p->stock[i], &none, f))
            return;
    }
    onednn_frame_destroy(cx, p, f);
}

/* --- running --------------------------------------------------------------------------------- */

static espy_err onednn_step(espy_ctx *cx, const espy_odn_plan *p, const espy_odn_frame *f,
                            const espy_odn_step *s, const float *const *in, float *const *out)
{
    void *at[ESPY_ODN_ARGS] = {NULL};
    dnnl_exec_arg_t args[ESPY_ODN_ARGS];
    if (s->kind == ESPY_ODN_PRIMITIVE) {
        for (int k = 0; k < s->n_args; k++)
            args[k] = (dnnl_exec_arg_t){s->arg[k].key, f->memory[s->arg[k].slot]};
        dnnl_status_t st = dnnl_primitive_execute(s->primitive, f->stream, s->n_args, args);
        return st == dnnl_success ? ESPY_E_OK : espy_dnn_check(cx, st, "execution");
    }
    for (int k = 0; k < s->n_args; k++)
        if (s->arg[k].slot != ESPY_NONE)
            at[k] = onednn_at(p, f, in, out, s->arg[k].slot);
    switch (s->kind) {
    case ESPY_ODN_COPY:
        espy_odn_copy(s, at[0], at[1]);
        break;
    case ESPY_ODN_PICK:
        espy_odn_pick(s, at[0], at[1]);
        break;
    case ESPY_ODN_APPLY:
        espy_odn_apply(s, at[0]);
        break;
    case ESPY_ODN_DOTS:
        espy_odn_dots(&p->state->kern, s, at[0], at[1], at[2], at[3]);
        break;
    case ESPY_ODN_REFERENCE: {
        const espy_node *n = &p->g->nodes[s->node];
        const float *from[ESPY_ODN_ARGS] = {NULL};
        for (int k = 0; k + 1 < s->n_args; k++)
            from[k] = at[k];
        return espy_reference_node(cx, p->g, n, from, at[s->n_args - 1]);
    }
    case ESPY_ODN_PRIMITIVE:
        break;
    }
    return ESPY_E_OK;
}

/* Seconds of this thread's CPU, so that other load does not mislead; of the wall when more threads
 * than this one work. */
static double onednn_clock(const espy_odn_plan *p)
{
    struct timespec t;
    if (p->threads > 1 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return espy_time_monotonic();
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

espy_err espy_odn_execute(espy_ctx *cx, const espy_odn_plan *p, const float *const *in,
                          float *const *out, double *seconds)
{
    espy_odn_frame *f = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(onednn_frame_take(cx, p, &f));
    int threads = espy_dnn_threads(p->threads);
    for (size_t i = 0; i < p->n_slots; i++) {
        if (f->memory[i] && onednn_outside(p, (int)i))
            ESPY_GO(espy_dnn_check(
                cx, dnnl_memory_set_data_handle(f->memory[i], onednn_at(p, f, in, out, (int)i)),
                "memory"));
    }
    double before = seconds ? onednn_clock(p) : 0;
    for (size_t i = 0; i < p->n_steps; i++) {
        ESPY_GO(onednn_step(cx, p, f, &p->steps[i], in, out));
        if (seconds) {
            double now = onednn_clock(p);
            seconds[i] = now - before;
            before = now;
        }
    }
    e = espy_dnn_check(cx, dnnl_stream_wait(f->stream), "stream");
out:
    espy_dnn_threads(threads);
    onednn_frame_give(cx, p, f);
    return e;
}

/* --- compiling ------------------------------------------------------------------------------- */

void espy_odn_plan_destroy(espy_ctx *cx, espy_odn_plan **plan)
{
    espy_odn_plan *p = *plan;
    if (!p)
        return;
    for (int i = 0; p->stock && i < ESPY_ODN_STOCK; i++)
        onednn_frame_destroy(cx, p, atomic_load(&p->stock[i]));
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].primitive)
            dnnl_primitive_destroy(p->steps[i].primitive);
    for (size_t i = 0; i < p->n_slots; i++)
        espy_dnn_md_free(&p->slots[i].md);
    espy_free(cx, p->stock);
    espy_free(cx, p->bufs);
    espy_free(cx, p->slots);
    espy_free(cx, p->steps);
    espy_free(cx, p);
    *plan = NULL;
}

static void onednn_build_values(espy_odn_build *b)
{
    for (size_t i = 0; i < b->n_values; i++) {
        espy_odn_value *v = &b->values[i];
        const espy_value *from = &b->g->values[i];
        v->rank = from->rank;
        v->left = from->uses;
        for (int k = 0; k < from->rank; k++)
            v->dims[k] = from->dims[k];
    }
}

espy_err espy_odn_compile(espy_ctx *cx, espy_odn_state *st, const espy_graph *g,
                          const espy_odn_choice *choice, espy_odn_plan **out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_odn_build b = {.cx = cx, .state = st, .g = g, .choice = choice, .n_values = g->n_values};
    espy_odn_plan *p = b.plan = espy_zalloc(cx, sizeof *p);
    if (!p)
        return e;
    p->state = st;
    p->g = g;
    p->threads = st->options.threads > 1 ? (int)st->options.threads : 1;
    b.type = st->options.precision == ESPY_PRECISION_BF16 ? ESPY_ODN_BF16 : ESPY_ODN_F32;
    size_t room = g->n_values + g->n_nodes + 1; /* merged convolutions are values too */
    b.values = espy_array(cx, room, sizeof *b.values);
    b.leader = espy_array(cx, g->n_nodes + 1, sizeof *b.leader);
    b.merged = espy_array(cx, g->n_nodes + 1, sizeof *b.merged);
    p->stock = espy_array(cx, ESPY_ODN_STOCK, sizeof *p->stock);
    int threads = espy_dnn_threads(p->threads); /* primitives are laid out for so many */
    if (!b.values || !b.leader || !b.merged || !p->stock)
        goto out;
    for (int i = 0; i < ESPY_ODN_STOCK; i++)
        atomic_init(&p->stock[i], NULL);
    for (size_t i = 0; i < room; i++)
        for (int l = 0; l < ESPY_ODN_LAYOUTS; l++)
            for (int t = 0; t < ESPY_ODN_TYPES; t++)
                b.values[i].slot[l][t] = ESPY_NONE;
    for (size_t i = 0; i < g->n_nodes; i++)
        b.leader[i] = b.merged[i] = ESPY_NONE;
    onednn_build_values(&b);
    ESPY_GO(espy_odn_lower(&b));
    ESPY_GO(onednn_place(cx, p));
    *out = p;
    p = NULL;
out:
    espy_dnn_threads(threads);
    espy_free(cx, st->space.base);
    st->space = (espy_odn_block){0};
    st->space_bytes = 0;
    espy_free(cx, b.values);
    espy_free(cx, b.leader);
    espy_free(cx, b.merged);
    espy_odn_plan_destroy(cx, &p);
    return e;
}

/* --- the executor ---------------------------------------------------------------------------- */

/* Name of what oneDNN would run a bf16 convolution with; "" when it cannot. */
static void onednn_bf16_name(char *out, size_t room)
{
    espy_ctx cx;
    dnnl_engine_t engine = NULL;
    dnnl_primitive_desc_t pd = NULL;
    espy_dnn_md data = {0}, weights = {0};
    dnnl_dims_t dd = {1, 16, 8, 8}, wd = {16, 16, 3, 3};
    espy_dnn_window w = {.kernel = {3, 3}, .stride = {1, 1}, .pad_lo = {1, 1}, .pad_hi = {1, 1}};
    out[0] = '\0';
    espy_ctx_init(&cx);
    if (espy_dnn_engine(&cx, &engine) != ESPY_E_OK)
        return;
    if (espy_dnn_md_tag(&data, 4, dd, dnnl_bf16, dnnl_nChw16c) == dnnl_success &&
        espy_dnn_md_tag(&weights, 4, wd, dnnl_bf16, dnnl_format_tag_any) == dnnl_success &&
        espy_dnn_conv(&cx, engine, dnnl_convolution_direct, &data, &weights, NULL, &data, &w, NULL,
                      &pd) == ESPY_E_OK) {
        snprintf(out, room, "%s", espy_dnn_impl(pd));
        dnnl_primitive_desc_destroy(pd);
    }
    espy_dnn_md_free(&data);
    espy_dnn_md_free(&weights);
    dnnl_engine_destroy(engine);
}

/* bf16 is exact enough in its sums only where the CPU has the instruction: otherwise oneDNN
 * emulates it at a fraction of f32's speed. */
bool espy_precision_native(espy_precision precision)
{
    char name[128];
    if (precision == ESPY_PRECISION_F32)
        return true;
    onednn_bf16_name(name, sizeof name);
    return strstr(name, "bf16") || strstr(name, "fp16") || strstr(name, "amx");
}

/* Intel's cores without AMX have one unit for dot products in bf16 and two for f32, so there is
 * nothing to gain (measured: 95 and 102 GFLOP/s); AMD's from Zen 4 on double. */
bool espy_precision_quicker(espy_precision precision)
{
    char name[128];
    if (precision == ESPY_PRECISION_F32)
        return true;
    onednn_bf16_name(name, sizeof name);
    return espy_odn_cpu_is("Intel") ? strstr(name, "amx") != NULL
                                    : espy_precision_native(precision);
}

void espy_odn_state_clear(espy_ctx *cx, espy_odn_state *st)
{
    for (size_t i = 0; i < st->n_weights; i++)
        onednn_weight_free(cx, &st->weights[i]);
    espy_free(cx, st->weights);
    espy_odn_choice_free(cx, &st->learned);
    if (st->engine)
        dnnl_engine_destroy(st->engine);
}

static void onednn_destroy(espy_ctx *cx, void **state)
{
    espy_odn_state *st = *state;
    if (!st)
        return;
    espy_odn_state_clear(cx, st);
    espy_free(cx, st);
    *state = NULL;
}

static espy_err onednn_create(espy_ctx *cx, const espy_net_options *options, void **state)
{
    espy_odn_state *st = espy_zalloc(cx, sizeof *st);
    if (!st)
        return ESPY_E_NOMEM;
    st->options = *options;
    espy_kern_init(&st->kern, espy_cpu_detect());
    espy_err e = espy_dnn_engine(cx, &st->engine);
    if (e != ESPY_E_OK) {
        espy_free(cx, st);
        return e;
    }
    *state = st;
    return ESPY_E_OK;
}

static espy_err onednn_compile(espy_ctx *cx, void *state, const espy_graph *g, void **plan)
{
    espy_odn_state *st = state;
    espy_odn_plan *p = NULL;
    if (st->options.tune) {
        ESPY_TRY(espy_odn_tune(cx, st, g, &p));
    } else {
        espy_odn_choice c = {0};
        ESPY_TRY(espy_odn_choice_default(cx, st, g, &c));
        espy_err e = espy_odn_compile(cx, st, g, &c, &p);
        espy_odn_choice_free(cx, &c);
        ESPY_TRY(e);
    }
    *plan = p;
    return ESPY_E_OK;
}

static espy_err onednn_run(espy_ctx *cx, const void *plan, const float *const *in,
                           float *const *out)
{
    return espy_odn_execute(cx, plan, in, out, NULL);
}

static void onednn_plan_destroy(espy_ctx *cx, void **plan)
{
    espy_odn_plan *p = *plan;
    espy_odn_plan_destroy(cx, &p);
    *plan = NULL;
}

const espy_exec_ops espy_exec_onednn = {
    "onednn", onednn_create, onednn_destroy, onednn_compile, onednn_run, onednn_plan_destroy,
};
