/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - buffers, forms of values, and steps while a plan is being compiled. */
#include "nn/exec_onednn.h"

/* Makes room for one more element. */
static espy_err build_grow(espy_ctx *cx, void **at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return ESPY_E_OK;
    size_t more = *room ? 2 * *room : 64;
    void *p = espy_resize(cx, *at, more, size);
    if (!p)
        return ESPY_E_NOMEM;
    *at = p;
    *room = more;
    return ESPY_E_OK;
}

int64_t espy_odn_round(int64_t c)
{
    return (c + ESPY_ODN_BLOCK - 1) / ESPY_ODN_BLOCK * ESPY_ODN_BLOCK;
}

dnnl_data_type_t espy_odn_dt(espy_odn_type t)
{
    return t == ESPY_ODN_BF16 ? dnnl_bf16 : dnnl_f32;
}

espy_err espy_odn_describe(espy_odn_build *b, const espy_odn_value *v, espy_odn_layout layout,
                           espy_odn_type type, bool exact, espy_dnn_md *out)
{
    dnnl_dims_t dims = {1}, strides = {1};
    int rank = v->rank > 0 ? v->rank : 1;
    for (int i = 0; i < v->rank; i++)
        dims[i] = v->dims[i];
    if (layout == ESPY_ODN_PLAIN) {
        strides[rank - 1] = 1;
        for (int i = rank - 2; i >= 0; i--)
            strides[i] = strides[i + 1] * dims[i + 1];
        return espy_dnn_check(b->cx,
                              espy_dnn_md_strided(out, rank, dims, espy_odn_dt(type), strides),
                              "memory description");
    }
    if (layout == ESPY_ODN_BLOCKED && !exact)
        dims[1] = espy_odn_round(dims[1]);
    return espy_dnn_check(b->cx,
                          espy_dnn_md_tag(out, rank, dims, espy_odn_dt(type),
                                          layout == ESPY_ODN_BLOCKED ? dnnl_nChw16c : dnnl_nhwc),
                          "memory description");
}

espy_err espy_odn_buf_new(espy_odn_build *b, espy_odn_home home, size_t bytes, int *out)
{
    espy_odn_plan *p = b->plan;
    ESPY_TRY(build_grow(b->cx, (void **)&p->bufs, p->n_bufs, &p->buf_room, sizeof *p->bufs));
    p->bufs[p->n_bufs] =
        (espy_odn_buf){.home = home, .parent = ESPY_NONE, .bytes = bytes, .first = -1, .last = -1};
    *out = (int)p->n_bufs++;
    return ESPY_E_OK;
}

espy_err espy_odn_slot_new(espy_odn_build *b, int buf, espy_dnn_md *md, int *out)
{
    espy_odn_plan *p = b->plan;
    ESPY_TRY(build_grow(b->cx, (void **)&p->slots, p->n_slots, &p->slot_room, sizeof *p->slots));
    p->slots[p->n_slots] = (espy_odn_slot){.buf = buf, .md = *md};
    *md = (espy_dnn_md){0};
    *out = (int)p->n_slots++;
    return ESPY_E_OK;
}

espy_err espy_odn_slot_const(espy_odn_build *b, const void *data, espy_dnn_md *md, int *out)
{
    int buf;
    ESPY_TRY(espy_odn_buf_new(b, ESPY_ODN_CONST, espy_dnn_md_bytes(md), &buf));
    b->plan->bufs[buf].data = data;
    return espy_odn_slot_new(b, buf, md, out);
}

/* Slot of value v in a form over a buffer, and that form noted. */
static espy_err build_form(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                           espy_odn_type type, int buf, int *slot)
{
    espy_odn_value *val = &b->values[v];
    espy_dnn_md md = {0};
    espy_err e = espy_odn_describe(b, val, layout, type, false, &md);
    if (e == ESPY_E_OK)
        e = espy_odn_slot_new(b, buf, &md, slot);
    espy_dnn_md_free(&md);
    if (e != ESPY_E_OK)
        return e;
    bool any = false;
    for (int l = 0; l < ESPY_ODN_LAYOUTS; l++)
        for (int t = 0; t < ESPY_ODN_TYPES; t++)
            any = any || val->slot[l][t] != ESPY_NONE;
    if (!any) {
        val->layout = layout;
        val->type = type;
    }
    val->slot[layout][type] = *slot;
    return ESPY_E_OK;
}

static espy_err build_bytes(espy_odn_build *b, const espy_odn_value *v, espy_odn_layout layout,
                            espy_odn_type type, size_t *bytes)
{
    espy_dnn_md md = {0};
    ESPY_TRY(espy_odn_describe(b, v, layout, type, false, &md));
    *bytes = espy_dnn_md_bytes(&md);
    espy_dnn_md_free(&md);
    return ESPY_E_OK;
}

/* Buffer of value v in a form: at its destination when that wants just this form. */
static espy_err build_place(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                            espy_odn_type type, int *buf)
{
    const espy_odn_dest d = b->values[v].dest;
    size_t bytes = 0;
    ESPY_TRY(build_bytes(b, &b->values[v], layout, type, &bytes));
    if (d.kind == ESPY_ODN_NOWHERE || d.layout != layout || d.type != type)
        return espy_odn_buf_new(b, ESPY_ODN_ARENA, bytes, buf);
    if (d.kind == ESPY_ODN_TO_OUTPUT) {
        ESPY_TRY(espy_odn_buf_new(b, ESPY_ODN_OUTPUT, bytes, buf));
        b->plan->bufs[*buf].index = d.index;
        return ESPY_E_OK;
    }
    /* A part of a concatenation: the whole lies where the concatenation's output does. */
    const espy_node *cat = &b->g->nodes[d.index];
    espy_odn_value *whole = &b->values[cat->out];
    espy_odn_layout as =
        whole->rank == 4 && layout == ESPY_ODN_BLOCKED ? ESPY_ODN_BLOCKED : ESPY_ODN_PLAIN;
    int slot = whole->slot[as][type];
    if (slot == ESPY_NONE)
        ESPY_TRY(espy_odn_form_new(b, cat->out, as, type, &slot));
    size_t shift = 0;
    for (int i = 0; i < d.part; i++) {
        size_t part = 0;
        ESPY_TRY(build_bytes(b, &b->values[cat->in[i]], as, type, &part));
        shift += part;
    }
    int parent = b->plan->slots[slot].buf;
    ESPY_TRY(espy_odn_buf_new(b, b->plan->bufs[parent].home, bytes, buf));
    b->plan->bufs[*buf].index = b->plan->bufs[parent].index;
    b->plan->bufs[*buf].parent = parent;
    b->plan->bufs[*buf].shift = shift;
    b->plan->bufs[*buf].shared = true;
    b->plan->bufs[parent].shared = true;
    return ESPY_E_OK;
}

espy_err espy_odn_form_new(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                           espy_odn_type type, int *slot)
{
    int buf = ESPY_NONE;
    ESPY_TRY(build_place(b, v, layout, type, &buf));
    return build_form(b, v, layout, type, buf, slot);
}

espy_err espy_odn_form_alias(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                             espy_odn_type type, int buf, int *slot)
{
    b->plan->bufs[buf].shared = true;
    return build_form(b, v, layout, type, buf, slot);
}

/* True when two forms of a value are the same bytes. */
static bool build_same_bytes(const espy_odn_value *v, espy_odn_layout x, espy_odn_layout y)
{
    if (x == y)
        return true;
    if (v->rank != 4)
        return false;
    bool point = v->dims[2] == 1 && v->dims[3] == 1;
    if (x == ESPY_ODN_BLOCKED || y == ESPY_ODN_BLOCKED)
        return point && v->dims[1] % ESPY_ODN_BLOCK == 0;
    return point || v->dims[1] == 1;
}

/* The form from which another is made most cheaply: the same type and the first made, before
 * others. */
static bool build_source(const espy_odn_value *v, espy_odn_type type, espy_odn_layout *layout,
                         espy_odn_type *from)
{
    const espy_odn_type order[] = {type, type == ESPY_ODN_F32 ? ESPY_ODN_BF16 : ESPY_ODN_F32};
    for (int t = 0; t < ESPY_ODN_TYPES; t++) {
        *from = order[t];
        *layout = v->layout;
        if (v->slot[*layout][*from] != ESPY_NONE)
            return true;
        for (int l = 0; l < ESPY_ODN_LAYOUTS; l++) {
            *layout = (espy_odn_layout)l;
            if (v->slot[l][*from] != ESPY_NONE)
                return true;
        }
    }
    return false;
}

espy_err espy_odn_form_want(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                            espy_odn_type type, int *slot)
{
    const espy_odn_value *val = &b->values[v];
    espy_odn_layout have = ESPY_ODN_PLAIN;
    espy_odn_type from = ESPY_ODN_F32;
    *slot = val->slot[layout][type];
    if (*slot != ESPY_NONE)
        return ESPY_E_OK;
    if (val->rank != 4 && layout != ESPY_ODN_PLAIN)
        return espy_fail(b->cx, ESPY_E_INTERNAL, "a value of rank %d has no picture layout",
                         val->rank);
    if (!build_source(val, type, &have, &from))
        return espy_fail(b->cx, ESPY_E_INTERNAL, "value '%s' is read before it is computed",
                         v < (espy_vid)b->g->n_values ? b->g->values[v].name : "merged");
    int source = val->slot[have][from];
    if (from == type && build_same_bytes(val, have, layout))
        return espy_odn_form_alias(b, v, layout, type, b->plan->slots[source].buf, slot);

    espy_dnn_md a = {0}, z = {0};
    dnnl_primitive_desc_t pd = NULL;
    int s = ESPY_NONE, d = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_odn_describe(b, val, have, from, true, &a));
    ESPY_GO(espy_odn_describe(b, val, layout, type, true, &z));
    ESPY_GO(espy_dnn_reorder(b->cx, b->state->engine, &a, &z, &pd));
    ESPY_GO(espy_odn_form_new(b, v, layout, type, slot));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[source].buf, &a, &s));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[*slot].buf, &z, &d));
    e = espy_odn_step_primitive(b, pd, 2, (const int[][2]){{DNNL_ARG_FROM, s}, {DNNL_ARG_TO, d}});
    pd = NULL;
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&a);
    espy_dnn_md_free(&z);
    return e;
}

bool espy_odn_form_free(const espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                        espy_odn_type type)
{
    const espy_odn_value *val = &b->values[v];
    int slot = val->slot[layout][type];
    if (slot == ESPY_NONE || val->left != 1)
        return false;
    const espy_odn_buf *buf = &b->plan->bufs[b->plan->slots[slot].buf];
    return buf->home == ESPY_ODN_ARENA && !buf->shared && buf->parent == ESPY_NONE;
}

/* Root of a buffer and the distance from it. */
static int build_root(const espy_odn_build *b, int x, size_t *shift)
{
    *shift = 0;
    while (b->plan->bufs[x].parent != ESPY_NONE) {
        *shift += b->plan->bufs[x].shift;
        x = b->plan->bufs[x].parent;
    }
    return x;
}

bool espy_odn_same_place(const espy_odn_build *b, int x, int y)
{
    size_t sx, sy;
    int rx = build_root(b, x, &sx), ry = build_root(b, y, &sy);
    const espy_odn_buf *p = &b->plan->bufs[rx], *q = &b->plan->bufs[ry];
    if (sx != sy)
        return false;
    return rx == ry ||
           (p->home == ESPY_ODN_OUTPUT && q->home == ESPY_ODN_OUTPUT && p->index == q->index);
}

espy_err espy_odn_form_over(espy_odn_build *b, espy_vid v, espy_vid out, espy_odn_layout layout,
                            espy_odn_type type, int *slot)
{
    const espy_odn_dest d = b->values[out].dest;
    bool placed = d.kind != ESPY_ODN_NOWHERE && d.layout == layout && d.type == type;
    if (!placed && espy_odn_form_free(b, v, layout, type))
        return build_form(b, out, layout, type, b->plan->slots[b->values[v].slot[layout][type]].buf,
                          slot);
    return espy_odn_form_new(b, out, layout, type, slot);
}

espy_err espy_odn_step_new(espy_odn_build *b, espy_odn_kind kind, espy_odn_step **out)
{
    espy_odn_plan *p = b->plan;
    ESPY_TRY(build_grow(b->cx, (void **)&p->steps, p->n_steps, &p->step_room, sizeof *p->steps));
    *out = &p->steps[p->n_steps++];
    **out = (espy_odn_step){.kind = kind, .node = b->node};
    return ESPY_E_OK;
}

espy_err espy_odn_step_primitive(espy_odn_build *b, dnnl_primitive_desc_t pd, int n,
                                 const int (*args)[2])
{
    espy_odn_step *s = NULL;
    espy_dnn_md md = {0};
    espy_err e = ESPY_E_OK;
    int scratch = ESPY_NONE;
    if (espy_dnn_query(pd, dnnl_query_scratchpad_md, &md) == dnnl_success &&
        espy_dnn_md_bytes(&md) > 0) {
        int buf;
        ESPY_GO(espy_odn_buf_new(b, ESPY_ODN_ARENA, espy_dnn_md_bytes(&md), &buf));
        ESPY_GO(espy_odn_slot_new(b, buf, &md, &scratch));
    }
    ESPY_GO(espy_odn_step_new(b, ESPY_ODN_PRIMITIVE, &s));
    for (int i = 0; i < n; i++) {
        s->arg[s->n_args].key = args[i][0];
        s->arg[s->n_args++].slot = args[i][1];
    }
    if (scratch != ESPY_NONE) {
        s->arg[s->n_args].key = DNNL_ARG_SCRATCHPAD;
        s->arg[s->n_args++].slot = scratch;
    }
    e = espy_dnn_check(b->cx, dnnl_primitive_create(&s->primitive, pd), "primitive");
out:
    espy_dnn_md_free(&md);
    dnnl_primitive_desc_destroy(pd);
    return e;
}
