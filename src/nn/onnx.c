/* SPDX-License-Identifier: Apache-2.0
 * nn - reads an ONNX file (protobuf, opset 7 to 22) into a raw graph.
 *
 * The wire format is walked once before the generated parser sees it: nesting and the number of
 * messages are bounded there, because the parser recurses and allocates as the file tells it.
 * Operator meanings: the ONNX operator reference, onnx.ai/onnx/operators. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/graph_build.h"
#include "onnx.pb-c.h"

enum {
    ONNX_DEPTH = 16,        /* nested messages; a plain model needs 6 */
    ONNX_MESSAGES = 500000, /* messages in the file */
    ONNX_OPSET_MIN = 7,     /* from here on broadcasting is numpy's */
    ONNX_OPSET_MAX = 22
};

/* --- the walk before parsing ------------------------------------------------------------------ */

typedef enum scan_type {
    SCAN_LEAF,
    SCAN_MODEL,
    SCAN_TRAINING,
    SCAN_FUNCTION,
    SCAN_GRAPH,
    SCAN_ANNOTATION,
    SCAN_NODE,
    SCAN_ATTRIBUTE,
    SCAN_TENSOR,
    SCAN_SPARSE,
    SCAN_PORT,
    SCAN_TYPE,
    SCAN_TYPE_OF, /* Sequence and Optional */
    SCAN_TYPE_MAP,
    SCAN_TYPE_TENSOR,
    SCAN_SHAPE
} scan_type;

/* Fields that hold messages, from onnx.proto. */
static const struct {
    uint8_t type, field, inner;
} scan_fields[] = {
    {SCAN_MODEL, 7, SCAN_GRAPH},       {SCAN_MODEL, 8, SCAN_LEAF},
    {SCAN_MODEL, 14, SCAN_LEAF},       {SCAN_MODEL, 20, SCAN_TRAINING},
    {SCAN_MODEL, 25, SCAN_FUNCTION},   {SCAN_TRAINING, 1, SCAN_GRAPH},
    {SCAN_TRAINING, 2, SCAN_GRAPH},    {SCAN_TRAINING, 3, SCAN_LEAF},
    {SCAN_TRAINING, 4, SCAN_LEAF},     {SCAN_FUNCTION, 7, SCAN_NODE},
    {SCAN_FUNCTION, 9, SCAN_LEAF},     {SCAN_GRAPH, 1, SCAN_NODE},
    {SCAN_GRAPH, 5, SCAN_TENSOR},      {SCAN_GRAPH, 15, SCAN_SPARSE},
    {SCAN_GRAPH, 11, SCAN_PORT},       {SCAN_GRAPH, 12, SCAN_PORT},
    {SCAN_GRAPH, 13, SCAN_PORT},       {SCAN_GRAPH, 14, SCAN_ANNOTATION},
    {SCAN_ANNOTATION, 2, SCAN_LEAF},   {SCAN_NODE, 5, SCAN_ATTRIBUTE},
    {SCAN_ATTRIBUTE, 5, SCAN_TENSOR},  {SCAN_ATTRIBUTE, 6, SCAN_GRAPH},
    {SCAN_ATTRIBUTE, 10, SCAN_TENSOR}, {SCAN_ATTRIBUTE, 11, SCAN_GRAPH},
    {SCAN_ATTRIBUTE, 14, SCAN_TYPE},   {SCAN_ATTRIBUTE, 15, SCAN_TYPE},
    {SCAN_ATTRIBUTE, 22, SCAN_SPARSE}, {SCAN_ATTRIBUTE, 23, SCAN_SPARSE},
    {SCAN_TENSOR, 3, SCAN_LEAF},       {SCAN_TENSOR, 13, SCAN_LEAF},
    {SCAN_SPARSE, 1, SCAN_TENSOR},     {SCAN_SPARSE, 2, SCAN_TENSOR},
    {SCAN_PORT, 2, SCAN_TYPE},         {SCAN_TYPE, 1, SCAN_TYPE_TENSOR},
    {SCAN_TYPE, 4, SCAN_TYPE_OF},      {SCAN_TYPE, 5, SCAN_TYPE_MAP},
    {SCAN_TYPE, 8, SCAN_TYPE_TENSOR},  {SCAN_TYPE, 9, SCAN_TYPE_OF},
    {SCAN_TYPE_OF, 1, SCAN_TYPE},      {SCAN_TYPE_MAP, 2, SCAN_TYPE},
    {SCAN_TYPE_TENSOR, 2, SCAN_SHAPE}, {SCAN_SHAPE, 1, SCAN_LEAF},
};

typedef struct scan {
    const uint8_t *at, *end;
} scan;

static bool scan_varint(scan *s, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* False when the bytes are not a message of this type or the bounds are passed. */
static bool scan_message(scan s, scan_type type, int depth, size_t *messages)
{
    if (depth > ONNX_DEPTH || ++*messages > ONNX_MESSAGES)
        return false;
    while (s.at < s.end) {
        uint64_t tag, n = 0;
        if (!scan_varint(&s, &tag))
            return false;
        switch (tag & 7) {
        case 0:
            if (!scan_varint(&s, &n))
                return false;
            n = 0;
            break;
        case 1:
            n = 8;
            break;
        case 2:
            if (!scan_varint(&s, &n))
                return false;
            break;
        case 5:
            n = 4;
            break;
        default:
            return false;
        }
        if (n > (uint64_t)(s.end - s.at))
            return false;
        for (size_t i = 0; (tag & 7) == 2 && i < sizeof scan_fields / sizeof scan_fields[0]; i++) {
            if (scan_fields[i].type != type || scan_fields[i].field != tag >> 3)
                continue;
            const scan inner = {s.at, s.at + n};
            if (!scan_message(inner, (scan_type)scan_fields[i].inner, depth + 1, messages))
                return false;
        }
        s.at += n;
    }
    return true;
}

/* --- the reader ------------------------------------------------------------------------------- */

typedef struct name_slot {
    const char *name; /* borrowed from the parsed model */
    espy_vid value;
} name_slot;

typedef struct reader {
    espy_ctx *cx;
    espy_graph *g;
    int64_t opset;
    name_slot *names; /* open addressing */
    size_t name_mask;
} reader;

static void *onnx_alloc(void *cx, size_t size)
{
    return espy_alloc(cx, size);
}

static void onnx_free(void *cx, void *p)
{
    espy_free(cx, p);
}

/* What a message calls the node: its name, else its first output. */
static const char *onnx_label(const Onnx__NodeProto *n)
{
    if (n->name && n->name[0])
        return n->name;
    return n->n_output > 0 ? n->output[0] : "";
}

static const char *onnx_type(const Onnx__NodeProto *n)
{
    return n->op_type ? n->op_type : "";
}

#define onnx_bad(r, n, ...) onnx_fail_node(r, n, ESPY_E_FORMAT, __VA_ARGS__)
#define onnx_unsupported(r, n, ...) onnx_fail_node(r, n, ESPY_E_UNSUPPORTED, __VA_ARGS__)

static espy_err onnx_fail_node(reader *r, const Onnx__NodeProto *n, espy_err code, const char *what)
{
    return espy_fail(r->cx, code, "operator %.60s of node \"%.120s\": %s", onnx_type(n),
                     onnx_label(n), what);
}

static name_slot *onnx_slot(reader *r, const char *name)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        h = (h ^ (uint8_t)*c) * 1099511628211u;
    size_t i = (size_t)(h ^ (h >> 32)) & r->name_mask;
    while (r->names[i].name && strcmp(r->names[i].name, name) != 0)
        i = (i + 1) & r->name_mask;
    return &r->names[i];
}

static espy_err onnx_define(reader *r, const char *name, espy_vid *out)
{
    name_slot *s = onnx_slot(r, name);
    if (s->name)
        return espy_fail(r->cx, ESPY_E_FORMAT, "the network defines \"%.120s\" twice", name);
    ESPY_TRY(espy_graph_add_value(r->cx, r->g, name, out));
    s->name = name;
    s->value = *out;
    return ESPY_E_OK;
}

/* --- attributes ------------------------------------------------------------------------------- */

typedef enum attr_type {
    ATTR_FLOAT = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
    ATTR_INT = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
    ATTR_STRING = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
    ATTR_TENSOR = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR,
    ATTR_FLOATS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
    ATTR_INTS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
} attr_type;

static espy_err onnx_attr(reader *r, const Onnx__NodeProto *n, const char *name, attr_type type,
                          const Onnx__AttributeProto **out)
{
    *out = NULL;
    for (size_t i = 0; i < n->n_attribute; i++) {
        const Onnx__AttributeProto *a = n->attribute[i];
        if (!a->name || strcmp(a->name, name) != 0)
            continue;
        if (a->has_type && (int)a->type != (int)type)
            return espy_fail(r->cx, ESPY_E_FORMAT,
                             "attribute %s of node \"%.120s\" has another type than expected", name,
                             onnx_label(n));
        *out = a;
        return ESPY_E_OK;
    }
    return ESPY_E_OK;
}

/* An int between lo and hi; `otherwise` when absent. */
static espy_err onnx_int(reader *r, const Onnx__NodeProto *n, const char *name, int64_t lo,
                         int64_t hi, int64_t otherwise, int64_t *out)
{
    const Onnx__AttributeProto *a;
    ESPY_TRY(onnx_attr(r, n, name, ATTR_INT, &a));
    *out = a ? a->i : otherwise;
    if (*out < lo || *out > hi)
        return espy_fail(r->cx, ESPY_E_FORMAT, "attribute %s of node \"%.120s\" is out of range",
                         name, onnx_label(n));
    return ESPY_E_OK;
}

static espy_err onnx_axis(reader *r, const Onnx__NodeProto *n, int64_t otherwise, int *out)
{
    int64_t axis;
    ESPY_TRY(onnx_int(r, n, "axis", -ESPY_NN_RANK, ESPY_NN_RANK, otherwise, &axis));
    *out = (int)axis;
    return ESPY_E_OK;
}

static espy_err onnx_flag(reader *r, const Onnx__NodeProto *n, const char *name, bool otherwise,
                          bool *out)
{
    int64_t v;
    ESPY_TRY(onnx_int(r, n, name, 0, 1, otherwise, &v));
    *out = v != 0;
    return ESPY_E_OK;
}

static espy_err onnx_float(reader *r, const Onnx__NodeProto *n, const char *name, float otherwise,
                           float *out)
{
    const Onnx__AttributeProto *a;
    ESPY_TRY(onnx_attr(r, n, name, ATTR_FLOAT, &a));
    *out = a ? a->f : otherwise;
    return ESPY_E_OK;
}

static espy_err onnx_ints(reader *r, const Onnx__NodeProto *n, const char *name, espy_ints *out)
{
    const Onnx__AttributeProto *a;
    memset(out, 0, sizeof *out);
    ESPY_TRY(onnx_attr(r, n, name, ATTR_INTS, &a));
    if (!a)
        return ESPY_E_OK;
    if (a->n_ints > 2 * ESPY_NN_RANK)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED,
                         "attribute %s of node \"%.120s\" has more than %d entries", name,
                         onnx_label(n), 2 * ESPY_NN_RANK);
    out->set = true;
    out->n = (int)a->n_ints;
    for (int i = 0; i < out->n; i++)
        out->v[i] = a->ints[i];
    return ESPY_E_OK;
}

/* The attribute is one of the words; its index.  Index 0 is the default. */
static espy_err onnx_word(reader *r, const Onnx__NodeProto *n, const char *name,
                          const char *const *words, int *out)
{
    const Onnx__AttributeProto *a;
    ESPY_TRY(onnx_attr(r, n, name, ATTR_STRING, &a));
    *out = 0;
    if (!a)
        return ESPY_E_OK;
    for (int i = 0; words[i]; i++) {
        if (a->s.len == strlen(words[i]) && memcmp(a->s.data, words[i], a->s.len) == 0) {
            *out = i;
            return ESPY_E_OK;
        }
    }
    return espy_fail(r->cx, ESPY_E_UNSUPPORTED,
                     "operator %.60s of node \"%.120s\": %s = \"%.*s\" is not supported",
                     onnx_type(n), onnx_label(n), name, (int)(a->s.len < 40 ? a->s.len : 40),
                     (const char *)(a->s.data ? a->s.data : (const uint8_t *)""));
}

/* --- tensors ---------------------------------------------------------------------------------- */

/* IEEE 754 binary16 to binary32. */
static float onnx_half(uint16_t h)
{
    unsigned exponent = (h >> 10) & 31, fraction = h & 1023;
    float sign = h & 0x8000 ? -1.0f : 1.0f;
    if (exponent == 31)
        return fraction ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexpf((float)fraction, -24);
    return sign * ldexpf((float)(fraction | 1024), (int)exponent - 25);
}

/* Element types of the file: what they become here, bytes in raw_data. */
static bool onnx_dtype(int32_t data_type, espy_dt *t, size_t *raw)
{
    switch (data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        *t = ESPY_DT_F32, *raw = 4;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        *t = ESPY_DT_F32, *raw = 2;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        *t = ESPY_DT_F32, *raw = 8;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        *t = ESPY_DT_I64, *raw = 8;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        *t = ESPY_DT_I32, *raw = 4;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        *t = ESPY_DT_BOOL, *raw = 1;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        *t = ESPY_DT_U8, *raw = 1;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        *t = ESPY_DT_I8, *raw = 1;
        return true;
    default:
        return false;
    }
}

/* Elements given in raw_data, little-endian. */
static bool onnx_raw(const Onnx__TensorProto *t, size_t size, espy_const *c)
{
    if (t->raw_data.len != c->count * size)
        return false;
    const uint8_t *p = t->raw_data.data;
    if (size == espy_dt_size(c->dtype)) {
        if (c->count > 0)
            memcpy(c->data, p, t->raw_data.len);
        if (c->dtype == ESPY_DT_BOOL) /* any byte but 0 is true */
            for (size_t i = 0; i < c->count; i++)
                ((uint8_t *)c->data)[i] = ((uint8_t *)c->data)[i] != 0;
        return true;
    }
    for (size_t i = 0; i < c->count; i++) {
        double wide;
        if (size == 2) {
            ((float *)c->data)[i] = onnx_half((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
        } else {
            memcpy(&wide, p + 8 * i, sizeof wide);
            ((float *)c->data)[i] = (float)wide;
        }
    }
    return true;
}

/* Elements given in the typed lists. */
static bool onnx_listed(const Onnx__TensorProto *t, espy_const *c)
{
    const int32_t type = t->data_type;
    size_t have = c->dtype == ESPY_DT_I64                         ? t->n_int64_data
                  : type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT  ? t->n_float_data
                  : type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ? t->n_double_data
                                                                  : t->n_int32_data;
    if (have != c->count)
        return false;
    for (size_t i = 0; i < have; i++) {
        switch (c->dtype) {
        case ESPY_DT_F32:
            ((float *)c->data)[i] = type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? t->float_data[i]
                                    : type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE
                                        ? (float)t->double_data[i]
                                        : onnx_half((uint16_t)t->int32_data[i]);
            break;
        case ESPY_DT_I64:
            ((int64_t *)c->data)[i] = t->int64_data[i];
            break;
        case ESPY_DT_I32:
            ((int32_t *)c->data)[i] = t->int32_data[i];
            break;
        case ESPY_DT_BOOL:
            ((uint8_t *)c->data)[i] = t->int32_data[i] != 0;
            break;
        case ESPY_DT_U8:
            ((uint8_t *)c->data)[i] = (uint8_t)t->int32_data[i];
            break;
        case ESPY_DT_I8:
            ((int8_t *)c->data)[i] = (int8_t)t->int32_data[i];
            break;
        }
    }
    return true;
}

static espy_err onnx_tensor(reader *r, const Onnx__TensorProto *t, const char *name,
                            espy_const **out)
{
    espy_dt type;
    size_t raw;
    int64_t count;
    if (t->n_external_data > 0 ||
        (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL))
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED,
                         "tensor \"%.120s\" keeps its data in another file: save the network with "
                         "its data inside",
                         name);
    if (t->segment)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "tensor \"%.120s\" is stored in segments",
                         name);
    if (!onnx_dtype(t->data_type, &type, &raw))
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "tensor \"%.120s\" has the element type %d",
                         name, (int)t->data_type);
    if (t->n_dims > ESPY_NN_RANK)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "tensor \"%.120s\" has more than %d axes", name,
                         ESPY_NN_RANK);
    /* What the file holds bounds what is allocated. */
    size_t held = t->has_raw_data
                      ? t->raw_data.len / raw
                      : t->n_float_data + t->n_int32_data + t->n_int64_data + t->n_double_data;
    if (!espy_dims_count((int)t->n_dims, t->dims, ESPY_GRAPH_ELEMENTS, &count) ||
        (size_t)count != held)
        return espy_fail(r->cx, ESPY_E_FORMAT,
                         "tensor \"%.120s\" has not as many numbers as its dims say", name);
    espy_const *c;
    ESPY_TRY(espy_const_create(r->cx, type, (int)t->n_dims, t->dims, &c));
    if (!(t->has_raw_data ? onnx_raw(t, raw, c) : onnx_listed(t, c))) {
        espy_const_unref(r->cx, &c);
        return espy_fail(r->cx, ESPY_E_FORMAT,
                         "tensor \"%.120s\" has not as many numbers as its dims say", name);
    }
    *out = c;
    return ESPY_E_OK;
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* Appends a node that reads the operator's inputs, those beyond its list as absent up to n_in. */
static espy_err onnx_put_as(reader *r, const Onnx__NodeProto *n, const espy_node *model,
                            const espy_vid *in, int n_in, const char *output)
{
    espy_vid out;
    ESPY_TRY(onnx_define(r, output, &out));
    return espy_graph_add_node(r->cx, r->g, model, onnx_label(n), in, n_in, out);
}

static espy_err onnx_input(reader *r, const Onnx__NodeProto *n, size_t i, espy_vid *out)
{
    *out = ESPY_NONE;
    if (i >= n->n_input || n->input[i][0] == '\0')
        return ESPY_E_OK;
    const name_slot *s = onnx_slot(r, n->input[i]);
    if (!s->name)
        return espy_fail(r->cx, ESPY_E_FORMAT,
                         "node \"%.120s\" (%.60s) reads \"%.120s\", which no node before it gives",
                         onnx_label(n), onnx_type(n), n->input[i]);
    *out = s->value;
    return ESPY_E_OK;
}

enum { ONNX_INPUTS = 8 };

static espy_err onnx_put(reader *r, const Onnx__NodeProto *n, const espy_node *model, int n_in)
{
    espy_vid in[ONNX_INPUTS];
    for (int i = 0; i < n_in; i++)
        ESPY_TRY(onnx_input(r, n, (size_t)i, &in[i]));
    return onnx_put_as(r, n, model, in, n_in, n->output[0]);
}

/* A list for two spatial axes: 2 entries (or 4 for pads), or its default. */
static espy_err onnx_pair(reader *r, const Onnx__NodeProto *n, const char *name, int64_t lo,
                          int64_t otherwise, int64_t *begin, int64_t *end)
{
    espy_ints list;
    int want = end ? 4 : 2;
    ESPY_TRY(onnx_ints(r, n, name, &list));
    if (list.set && list.n != want)
        return onnx_unsupported(r, n, "only two spatial axes are supported");
    for (int i = 0; i < want; i++) {
        int64_t v = list.set ? list.v[i] : otherwise;
        if (v < lo || v > 1 << 20)
            return onnx_bad(r, n, "kernel, stride, dilation or padding is out of range");
        if (i < 2)
            begin[i] = v;
        else
            end[i - 2] = v;
    }
    return ESPY_E_OK;
}

static espy_err onnx_window(reader *r, const Onnx__NodeProto *n, espy_window *w)
{
    static const char *const pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    int mode;
    ESPY_TRY(onnx_pair(r, n, "kernel_shape", 1, 1, w->kernel, NULL));
    ESPY_TRY(onnx_pair(r, n, "strides", 1, 1, w->stride, NULL));
    ESPY_TRY(onnx_pair(r, n, "dilations", 1, 1, w->dilation, NULL));
    ESPY_TRY(onnx_pair(r, n, "pads", 0, 0, w->pad_begin, w->pad_end));
    ESPY_TRY(onnx_word(r, n, "auto_pad", pads, &mode));
    w->auto_pad = (espy_auto_pad)mode;
    return ESPY_E_OK;
}

static espy_err onnx_conv(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_CONV};
    (void)which;
    ESPY_TRY(onnx_window(r, n, &m.at.conv.window));
    espy_ints kernel;
    ESPY_TRY(onnx_ints(r, n, "kernel_shape", &kernel));
    if (!kernel.set) /* taken from the weights */
        m.at.conv.window.kernel[0] = m.at.conv.window.kernel[1] = 0;
    ESPY_TRY(onnx_int(r, n, "group", 1, 1 << 20, 1, &m.at.conv.group));
    return onnx_put(r, n, &m, 3);
}

static espy_err onnx_pool(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_POOL};
    bool include = false;
    int64_t order;
    ESPY_TRY(onnx_window(r, n, &m.at.pool.window));
    espy_ints kernel;
    ESPY_TRY(onnx_ints(r, n, "kernel_shape", &kernel));
    if (!kernel.set)
        return onnx_bad(r, n, "kernel_shape is missing");
    ESPY_TRY(onnx_flag(r, n, "ceil_mode", false, &m.at.pool.ceil_mode));
    if (which == ESPY_POOL_AVG)
        ESPY_TRY(onnx_flag(r, n, "count_include_pad", false, &include));
    ESPY_TRY(onnx_int(r, n, "storage_order", 0, 0, 0, &order));
    m.at.pool.kind = include ? ESPY_POOL_AVG_INCLUDE_PAD : (espy_pool_kind)which;
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_global_pool(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_POOL};
    m.at.pool.kind = (espy_pool_kind)which;
    m.at.pool.global = true;
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_gemm(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_GEMM};
    (void)which;
    ESPY_TRY(onnx_float(r, n, "alpha", 1, &m.at.gemm.alpha));
    ESPY_TRY(onnx_float(r, n, "beta", 1, &m.at.gemm.beta));
    ESPY_TRY(onnx_flag(r, n, "transA", false, &m.at.gemm.trans_a));
    ESPY_TRY(onnx_flag(r, n, "transB", false, &m.at.gemm.trans_b));
    return onnx_put(r, n, &m, 3);
}

/* Operators without attributes that keep their meaning. */
static espy_err onnx_plain(reader *r, const Onnx__NodeProto *n, int which)
{
    const espy_node m = {.op = (espy_op)which};
    return onnx_put(r, n, &m, n->n_input < ONNX_INPUTS ? (int)n->n_input : ONNX_INPUTS);
}

static espy_err onnx_matmul(reader *r, const Onnx__NodeProto *n, int which)
{
    const espy_node m = {.op = (espy_op)which};
    return onnx_put(r, n, &m, 3); /* the third is our bias, absent here */
}

static espy_err onnx_identity(reader *r, const Onnx__NodeProto *n, int which)
{
    const espy_node m = {.op = ESPY_OP_IDENTITY};
    (void)which;
    return onnx_put(r, n, &m, 1);
}

/* Dropout does nothing but in training. */
static espy_err onnx_dropout(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_vid training;
    ESPY_TRY(onnx_input(r, n, 2, &training));
    const espy_const *c = espy_graph_const(r->g, training);
    if (training != ESPY_NONE &&
        (!c || c->dtype != ESPY_DT_BOOL || c->count != 1 || *(const uint8_t *)c->data))
        return onnx_unsupported(r, n, "training_mode is not supported: export for inference");
    return onnx_identity(r, n, which);
}

static espy_err onnx_batch_norm(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_BATCH_NORM};
    bool training;
    (void)which;
    ESPY_TRY(onnx_float(r, n, "epsilon", 1e-5f, &m.at.batch_norm.eps));
    ESPY_TRY(onnx_flag(r, n, "training_mode", false, &training));
    if (training)
        return onnx_unsupported(r, n, "training_mode is not supported: export for inference");
    return onnx_put(r, n, &m, 5);
}

static espy_err onnx_unary(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_UNARY, .at.unary = {(espy_act_kind)which, 0, 0}};
    static const char *const exact[] = {"none", NULL};
    espy_act *act = &m.at.unary;
    int word;
    if (act->kind == ESPY_ACT_LEAKY_RELU) {
        ESPY_TRY(onnx_float(r, n, "alpha", 0.01f, &act->a));
    } else if (act->kind == ESPY_ACT_ELU) {
        ESPY_TRY(onnx_float(r, n, "alpha", 1, &act->a));
    } else if (act->kind == ESPY_ACT_HARD_SIGMOID) {
        ESPY_TRY(onnx_float(r, n, "alpha", 0.2f, &act->a));
        ESPY_TRY(onnx_float(r, n, "beta", 0.5f, &act->b));
    } else if (act->kind == ESPY_ACT_HARD_SWISH) {
        act->a = 1.0f / 6;
        act->b = 0.5f;
    } else if (act->kind == ESPY_ACT_GELU) {
        ESPY_TRY(onnx_word(r, n, "approximate", exact, &word));
    }
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_clip(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_CLIP};
    (void)which;
    if (r->opset >= 11)
        return onnx_put(r, n, &m, 3);
    m.op = ESPY_OP_UNARY;
    m.at.unary.kind = ESPY_ACT_CLIP;
    ESPY_TRY(onnx_float(r, n, "min", -FLT_MAX, &m.at.unary.a));
    ESPY_TRY(onnx_float(r, n, "max", FLT_MAX, &m.at.unary.b));
    return onnx_put(r, n, &m, 1);
}

/* Add, Max and the like: two operands, or a chain over any number of them. */
static espy_err onnx_binary(reader *r, const Onnx__NodeProto *n, int which)
{
    const espy_node m = {.op = ESPY_OP_BINARY, .at.binary = (espy_bin_kind)which};
    espy_vid in[2];
    if (n->n_input == 1)
        return onnx_identity(r, n, 0);
    ESPY_TRY(onnx_input(r, n, 0, &in[0]));
    for (size_t i = 1; i < n->n_input; i++) {
        ESPY_TRY(onnx_input(r, n, i, &in[1]));
        if (in[1] == ESPY_NONE)
            return onnx_bad(r, n, "lacks an input");
        if (i + 1 == n->n_input)
            return onnx_put_as(r, n, &m, in, 2, n->output[0]);
        espy_vid part;
        ESPY_TRY(espy_graph_add_value(r->cx, r->g, n->output[0], &part));
        ESPY_TRY(espy_graph_add_node(r->cx, r->g, &m, onnx_label(n), in, 2, part));
        in[0] = part;
    }
    return ESPY_E_OK;
}

static espy_err onnx_reduce(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_REDUCE};
    m.at.reduce.kind = (espy_reduce_kind)which;
    ESPY_TRY(onnx_ints(r, n, "axes", &m.at.reduce.list));
    ESPY_TRY(onnx_flag(r, n, "keepdims", true, &m.at.reduce.keep));
    ESPY_TRY(onnx_flag(r, n, "noop_with_empty_axes", false, &m.at.reduce.noop_if_empty));
    return onnx_put(r, n, &m, 2);
}

static espy_err onnx_reduce_prod(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_REDUCE_PROD};
    (void)which;
    ESPY_TRY(onnx_ints(r, n, "axes", &m.at.reduce.list));
    ESPY_TRY(onnx_flag(r, n, "keepdims", true, &m.at.reduce.keep));
    return onnx_put(r, n, &m, 2);
}

static espy_err onnx_softmax(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_SOFTMAX};
    const espy_node log_node = {.op = ESPY_OP_UNARY, .at.unary = {ESPY_ACT_LOG, 0, 0}};
    ESPY_TRY(onnx_axis(r, n, r->opset < 13 ? 1 : -1, &m.at.softmax.axis));
    m.at.softmax.flat = r->opset < 13;
    if (!which)
        return onnx_put(r, n, &m, 1);
    espy_vid in, part;
    ESPY_TRY(onnx_input(r, n, 0, &in));
    ESPY_TRY(espy_graph_add_value(r->cx, r->g, n->output[0], &part));
    ESPY_TRY(espy_graph_add_node(r->cx, r->g, &m, onnx_label(n), &in, 1, part));
    return onnx_put_as(r, n, &log_node, &part, 1, n->output[0]);
}

static espy_err onnx_layer_norm(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_LAYER_NORM};
    (void)which;
    ESPY_TRY(onnx_float(r, n, "epsilon", 1e-5f, &m.at.layer_norm.eps));
    ESPY_TRY(onnx_axis(r, n, -1, &m.at.layer_norm.axis));
    return onnx_put(r, n, &m, 3);
}

static espy_err onnx_l2_norm(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_L2_NORM};
    int64_t p;
    (void)which;
    ESPY_TRY(onnx_int(r, n, "p", 1, 2, 2, &p));
    if (p != 2)
        return onnx_unsupported(r, n, "only p = 2 is supported");
    ESPY_TRY(onnx_axis(r, n, -1, &m.at.l2_norm.axis));
    m.at.l2_norm.eps = FLT_MIN; /* a vector of zeros stays zero */
    return onnx_put(r, n, &m, 1);
}

/* Concat, Gather, Flatten, DequantizeLinear: one axis. */
static espy_err onnx_concat(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_CONCAT};
    espy_err e = ESPY_E_OK;
    (void)which;
    ESPY_TRY(onnx_axis(r, n, 0, &m.at.concat.axis));
    if (n->n_input > ESPY_GRAPH_NODES)
        return onnx_bad(r, n, "has too many inputs");
    espy_vid *in = espy_array(r->cx, n->n_input, sizeof *in);
    if (!in)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n->n_input && e == ESPY_E_OK; i++)
        e = onnx_input(r, n, i, &in[i]);
    if (e == ESPY_E_OK)
        e = onnx_put_as(r, n, &m, in, (int)n->n_input, n->output[0]);
    espy_free(r->cx, in);
    return e;
}

static espy_err onnx_gather(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_GATHER};
    (void)which;
    ESPY_TRY(onnx_axis(r, n, 0, &m.at.gather.axis));
    return onnx_put(r, n, &m, 2);
}

static espy_err onnx_flatten(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_FLATTEN};
    (void)which;
    ESPY_TRY(onnx_axis(r, n, 1, &m.at.flatten.axis));
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_dequantize(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_DEQUANTIZE};
    int64_t block;
    (void)which;
    ESPY_TRY(onnx_axis(r, n, 1, &m.at.dequantize.axis));
    ESPY_TRY(onnx_int(r, n, "block_size", 0, INT64_MAX, 0, &block));
    if (block != 0)
        return onnx_unsupported(r, n, "block_size is not supported");
    return onnx_put(r, n, &m, 3);
}

static espy_err onnx_reshape(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_RESHAPE};
    (void)which;
    ESPY_TRY(onnx_flag(r, n, "allowzero", false, &m.at.reshape.allow_zero));
    return onnx_put(r, n, &m, 2);
}

static espy_err onnx_squeeze(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = (espy_op)which};
    ESPY_TRY(onnx_ints(r, n, "axes", &m.at.axes));
    return onnx_put(r, n, &m, 2);
}

static espy_err onnx_transpose(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_TRANSPOSE};
    espy_ints perm;
    (void)which;
    ESPY_TRY(onnx_ints(r, n, "perm", &perm));
    if (perm.n > ESPY_NN_RANK)
        return onnx_bad(r, n, "perm is too long");
    m.at.transpose.n = perm.n;
    unsigned seen = 0;
    for (int i = 0; i < perm.n; i++) {
        if (perm.v[i] < 0 || perm.v[i] >= perm.n || (seen >> perm.v[i] & 1))
            return onnx_bad(r, n, "perm is not a permutation");
        seen |= 1u << perm.v[i];
        m.at.transpose.perm[i] = (int)perm.v[i];
    }
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_slice(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_SLICE};
    (void)which;
    if (r->opset >= 10)
        return onnx_put(r, n, &m, 5);
    ESPY_TRY(onnx_ints(r, n, "starts", &m.at.slice.starts));
    ESPY_TRY(onnx_ints(r, n, "ends", &m.at.slice.ends));
    ESPY_TRY(onnx_ints(r, n, "axes", &m.at.slice.axes));
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_split(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_SPLIT_PART};
    espy_vid in[2];
    (void)which;
    ESPY_TRY(onnx_axis(r, n, 0, &m.at.split.axis));
    ESPY_TRY(onnx_ints(r, n, "split", &m.at.split.sizes));
    ESPY_TRY(onnx_input(r, n, 0, &in[0]));
    ESPY_TRY(onnx_input(r, n, 1, &in[1]));
    if (n->n_output > 64)
        return onnx_unsupported(r, n, "more than 64 outputs");
    m.at.split.parts = (int)n->n_output;
    for (size_t i = 0; i < n->n_output; i++) {
        m.at.split.part = (int)i;
        if (n->output[i][0] != '\0')
            ESPY_TRY(onnx_put_as(r, n, &m, in, 2, n->output[i]));
    }
    return ESPY_E_OK;
}

static espy_err onnx_pad(reader *r, const Onnx__NodeProto *n, int which)
{
    static const char *const modes[] = {"constant", "reflect", "edge", NULL};
    espy_node m = {.op = ESPY_OP_PAD};
    int mode;
    (void)which;
    ESPY_TRY(onnx_word(r, n, "mode", modes, &mode));
    m.at.pad.mode = (espy_pad_mode)mode;
    ESPY_TRY(onnx_ints(r, n, "pads", &m.at.pad.list));
    ESPY_TRY(onnx_float(r, n, "value", 0, &m.at.pad.value));
    return onnx_put(r, n, &m, 4);
}

/* Resize (10, 11 and later) and Upsample (7, 9): in our graph x, scales, sizes. */
static espy_err onnx_resize(reader *r, const Onnx__NodeProto *n, int which)
{
    static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
    static const char *const coords[] = {"half_pixel", "pytorch_half_pixel", "asymmetric",
                                         "align_corners", NULL};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                         NULL};
    static const char *const policies[] = {"stretch", NULL};
    espy_node m = {.op = ESPY_OP_RESIZE};
    const Onnx__AttributeProto *a;
    espy_ints axes;
    bool antialias;
    int mode, coord, round, policy;
    espy_vid in[3];
    (void)which;
    ESPY_TRY(onnx_word(r, n, "mode", modes, &mode));
    ESPY_TRY(onnx_word(r, n, "coordinate_transformation_mode", coords, &coord));
    ESPY_TRY(onnx_word(r, n, "nearest_mode", rounds, &round));
    ESPY_TRY(onnx_word(r, n, "keep_aspect_ratio_policy", policies, &policy));
    ESPY_TRY(onnx_flag(r, n, "antialias", false, &antialias));
    ESPY_TRY(onnx_ints(r, n, "axes", &axes));
    if (antialias || axes.set)
        return onnx_unsupported(r, n, "antialias and axes are not supported");
    m.at.resize.linear = mode > 0;
    m.at.resize.coord = (espy_coord)coord;
    m.at.resize.nearest = (espy_nearest)round;
    ESPY_TRY(onnx_input(r, n, 0, &in[0]));
    if (strcmp(n->op_type, "Resize") == 0 && r->opset >= 11) {
        ESPY_TRY(onnx_input(r, n, 2, &in[1]));
        ESPY_TRY(onnx_input(r, n, 3, &in[2]));
        return onnx_put_as(r, n, &m, in, 3, n->output[0]);
    }
    m.at.resize.coord = ESPY_COORD_ASYMMETRIC;
    m.at.resize.nearest = ESPY_NEAREST_FLOOR;
    ESPY_TRY(onnx_attr(r, n, "scales", ATTR_FLOATS, &a));
    if (a && a->n_floats > ESPY_NN_RANK)
        return onnx_bad(r, n, "scales has too many entries");
    for (size_t i = 0; a && i < a->n_floats; i++)
        m.at.resize.scales[i] = a->floats[i];
    m.at.resize.n_scales = a ? (int)a->n_floats : 0;
    ESPY_TRY(onnx_input(r, n, 1, &in[1]));
    in[2] = ESPY_NONE;
    return onnx_put_as(r, n, &m, in, 3, n->output[0]);
}

static espy_err onnx_cast(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_CAST};
    int64_t to;
    size_t raw;
    (void)which;
    ESPY_TRY(onnx_int(r, n, "to", 0, 1000, 0, &to));
    if (!onnx_dtype((int32_t)to, &m.at.cast.to, &raw))
        return onnx_unsupported(r, n, "casts to a type that is not supported");
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_shape(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_SHAPE};
    (void)which;
    ESPY_TRY(onnx_int(r, n, "start", INT64_MIN, INT64_MAX, 0, &m.at.shape.start));
    ESPY_TRY(onnx_int(r, n, "end", INT64_MIN, INT64_MAX, INT64_MAX, &m.at.shape.end));
    return onnx_put(r, n, &m, 1);
}

static espy_err onnx_fill(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_node m = {.op = ESPY_OP_CONSTANT_OF_SHAPE};
    const Onnx__AttributeProto *a;
    (void)which;
    ESPY_TRY(onnx_attr(r, n, "value", ATTR_TENSOR, &a));
    if (a && a->t)
        ESPY_TRY(onnx_tensor(r, a->t, onnx_label(n), &m.at.fill.value));
    espy_err e = ESPY_E_OK;
    if (m.at.fill.value && m.at.fill.value->count != 1)
        e = onnx_bad(r, n, "value must be one number");
    if (e == ESPY_E_OK)
        e = onnx_put(r, n, &m, 1);
    espy_const_unref(r->cx, &m.at.fill.value); /* the node holds its own reference */
    return e;
}

static espy_err onnx_constant_ints(reader *r, const int64_t *v, size_t n, int rank,
                                   espy_const **out)
{
    const int64_t dims[1] = {(int64_t)n};
    ESPY_TRY(espy_const_create(r->cx, ESPY_DT_I64, rank, dims, out));
    if (n > 0)
        memcpy((*out)->data, v, n * sizeof *v);
    return ESPY_E_OK;
}

static espy_err onnx_constant_floats(reader *r, const float *v, size_t n, int rank,
                                     espy_const **out)
{
    const int64_t dims[1] = {(int64_t)n};
    ESPY_TRY(espy_const_create(r->cx, ESPY_DT_F32, rank, dims, out));
    if (n > 0)
        memcpy((*out)->data, v, n * sizeof *v);
    return ESPY_E_OK;
}

static espy_err onnx_constant(reader *r, const Onnx__NodeProto *n, int which)
{
    espy_const *c = NULL;
    espy_vid out;
    (void)which;
    if (n->n_attribute != 1 || !n->attribute[0]->name)
        return onnx_bad(r, n, "wants one attribute with its value");
    const Onnx__AttributeProto *a = n->attribute[0];
    if (strcmp(a->name, "value") == 0 && a->t)
        ESPY_TRY(onnx_tensor(r, a->t, onnx_label(n), &c));
    else if (strcmp(a->name, "value_int") == 0)
        ESPY_TRY(onnx_constant_ints(r, &a->i, 1, 0, &c));
    else if (strcmp(a->name, "value_ints") == 0)
        ESPY_TRY(onnx_constant_ints(r, a->ints, a->n_ints, 1, &c));
    else if (strcmp(a->name, "value_float") == 0)
        ESPY_TRY(onnx_constant_floats(r, &a->f, 1, 0, &c));
    else if (strcmp(a->name, "value_floats") == 0)
        ESPY_TRY(onnx_constant_floats(r, a->floats, a->n_floats, 1, &c));
    else
        return onnx_unsupported(r, n, "holds a kind of value that is not supported");
    espy_err e = onnx_define(r, n->output[0], &out);
    if (e == ESPY_E_OK)
        espy_graph_take_const(r->g, out, c);
    else
        espy_const_unref(r->cx, &c);
    return e;
}

/* --- the operators ---------------------------------------------------------------------------- */

typedef struct onnx_op {
    const char *name;
    uint8_t min_in;  /* inputs that must be there */
    uint16_t max_in; /* inputs that may be there */
    espy_err (*read)(reader *r, const Onnx__NodeProto *n, int which);
    int which;
} onnx_op;

static const onnx_op onnx_ops[] = {
    {"Abs", 1, 1, onnx_unary, ESPY_ACT_ABS},
    {"Add", 2, 2, onnx_binary, ESPY_BIN_ADD},
    {"AveragePool", 1, 1, onnx_pool, ESPY_POOL_AVG},
    {"BatchNormalization", 5, 5, onnx_batch_norm, 0},
    {"Cast", 1, 1, onnx_cast, 0},
    {"Ceil", 1, 1, onnx_unary, ESPY_ACT_CEIL},
    {"Clip", 1, 3, onnx_clip, 0},
    {"Concat", 1, UINT16_MAX, onnx_concat, 0},
    {"Constant", 0, 0, onnx_constant, 0},
    {"ConstantOfShape", 1, 1, onnx_fill, 0},
    {"Conv", 2, 3, onnx_conv, 0},
    {"DequantizeLinear", 2, 3, onnx_dequantize, 0},
    {"Div", 2, 2, onnx_binary, ESPY_BIN_DIV},
    {"Dropout", 1, 3, onnx_dropout, 0},
    {"Elu", 1, 1, onnx_unary, ESPY_ACT_ELU},
    {"Equal", 2, 2, onnx_plain, ESPY_OP_EQUAL},
    {"Erf", 1, 1, onnx_unary, ESPY_ACT_ERF},
    {"Exp", 1, 1, onnx_unary, ESPY_ACT_EXP},
    {"Expand", 2, 2, onnx_plain, ESPY_OP_EXPAND},
    {"Flatten", 1, 1, onnx_flatten, 0},
    {"Floor", 1, 1, onnx_unary, ESPY_ACT_FLOOR},
    {"Gather", 2, 2, onnx_gather, 0},
    {"Gelu", 1, 1, onnx_unary, ESPY_ACT_GELU},
    {"Gemm", 2, 3, onnx_gemm, 0},
    {"GlobalAveragePool", 1, 1, onnx_global_pool, ESPY_POOL_AVG},
    {"GlobalMaxPool", 1, 1, onnx_global_pool, ESPY_POOL_MAX},
    {"HardSigmoid", 1, 1, onnx_unary, ESPY_ACT_HARD_SIGMOID},
    {"HardSwish", 1, 1, onnx_unary, ESPY_ACT_HARD_SWISH},
    {"Identity", 1, 1, onnx_identity, 0},
    {"LayerNormalization", 2, 3, onnx_layer_norm, 0},
    {"LeakyRelu", 1, 1, onnx_unary, ESPY_ACT_LEAKY_RELU},
    {"Log", 1, 1, onnx_unary, ESPY_ACT_LOG},
    {"LogSoftmax", 1, 1, onnx_softmax, 1},
    {"LpNormalization", 1, 1, onnx_l2_norm, 0},
    {"MatMul", 2, 2, onnx_matmul, ESPY_OP_MATMUL},
    {"Max", 1, UINT16_MAX, onnx_binary, ESPY_BIN_MAX},
    {"MaxPool", 1, 1, onnx_pool, ESPY_POOL_MAX},
    {"Min", 1, UINT16_MAX, onnx_binary, ESPY_BIN_MIN},
    {"Mul", 2, 2, onnx_binary, ESPY_BIN_MUL},
    {"Neg", 1, 1, onnx_unary, ESPY_ACT_NEG},
    {"PRelu", 2, 2, onnx_plain, ESPY_OP_PRELU},
    {"Pad", 1, 4, onnx_pad, 0},
    {"Pow", 2, 2, onnx_binary, ESPY_BIN_POW},
    {"Range", 3, 3, onnx_plain, ESPY_OP_RANGE},
    {"Reciprocal", 1, 1, onnx_unary, ESPY_ACT_RECIPROCAL},
    {"ReduceL1", 1, 2, onnx_reduce, ESPY_REDUCE_L1},
    {"ReduceL2", 1, 2, onnx_reduce, ESPY_REDUCE_L2},
    {"ReduceMax", 1, 2, onnx_reduce, ESPY_REDUCE_MAX},
    {"ReduceMean", 1, 2, onnx_reduce, ESPY_REDUCE_MEAN},
    {"ReduceMin", 1, 2, onnx_reduce, ESPY_REDUCE_MIN},
    {"ReduceProd", 1, 2, onnx_reduce_prod, 0},
    {"ReduceSum", 1, 2, onnx_reduce, ESPY_REDUCE_SUM},
    {"ReduceSumSquare", 1, 2, onnx_reduce, ESPY_REDUCE_SUM_SQUARE},
    {"Relu", 1, 1, onnx_unary, ESPY_ACT_RELU},
    {"Reshape", 2, 2, onnx_reshape, 0},
    {"Resize", 1, 4, onnx_resize, 0},
    {"Shape", 1, 1, onnx_shape, 0},
    {"Sigmoid", 1, 1, onnx_unary, ESPY_ACT_SIGMOID},
    {"Size", 1, 1, onnx_plain, ESPY_OP_SIZE},
    {"Slice", 1, 5, onnx_slice, 0},
    {"Softmax", 1, 1, onnx_softmax, 0},
    {"Softplus", 1, 1, onnx_unary, ESPY_ACT_SOFTPLUS},
    {"Split", 1, 2, onnx_split, 0},
    {"Sqrt", 1, 1, onnx_unary, ESPY_ACT_SQRT},
    {"Squeeze", 1, 2, onnx_squeeze, ESPY_OP_SQUEEZE},
    {"Sub", 2, 2, onnx_binary, ESPY_BIN_SUB},
    {"Sum", 1, UINT16_MAX, onnx_binary, ESPY_BIN_ADD},
    {"Tanh", 1, 1, onnx_unary, ESPY_ACT_TANH},
    {"Transpose", 1, 1, onnx_transpose, 0},
    {"Unsqueeze", 1, 2, onnx_squeeze, ESPY_OP_UNSQUEEZE},
    {"Upsample", 1, 2, onnx_resize, 0},
    {"Where", 3, 3, onnx_plain, ESPY_OP_WHERE},
};

static espy_err onnx_node(reader *r, const Onnx__NodeProto *n)
{
    const char *domain = n->domain ? n->domain : "";
    const onnx_op *op = NULL;
    if (domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
        for (size_t i = 0; i < sizeof onnx_ops / sizeof onnx_ops[0] && !op; i++)
            if (strcmp(onnx_ops[i].name, onnx_type(n)) == 0)
                op = &onnx_ops[i];
    if (!op)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED,
                         "operator %.60s (domain \"%.60s\") of node \"%.120s\" is not supported",
                         onnx_type(n), domain[0] ? domain : "ai.onnx", onnx_label(n));
    if (n->n_output == 0 || n->output[0][0] == '\0')
        return onnx_bad(r, n, "has no output");
    if (n->n_input < op->min_in || n->n_input > op->max_in)
        return onnx_bad(r, n, "has the wrong number of inputs");
    for (size_t i = 0; i < op->min_in; i++)
        if (n->input[i][0] == '\0')
            return onnx_bad(r, n, "lacks an input");
    return op->read(r, n, op->which);
}

/* --- the model -------------------------------------------------------------------------------- */

static espy_err onnx_opset(reader *r, const Onnx__ModelProto *model)
{
    r->opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = model->opset_import[i];
        if (!o->domain || o->domain[0] == '\0' || strcmp(o->domain, "ai.onnx") == 0)
            r->opset = o->version;
    }
    if (r->opset < ONNX_OPSET_MIN || r->opset > ONNX_OPSET_MAX)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED,
                         "the network uses ONNX opset %lld: export it for opset %d to %d",
                         (long long)r->opset, ONNX_OPSET_MIN, ONNX_OPSET_MAX);
    return ESPY_E_OK;
}

/* Rank (-1 when not given) and dims (-1 where free) of an input or output. */
static espy_err onnx_declared(reader *r, const Onnx__ValueInfoProto *p, int *rank, int64_t *dims)
{
    const Onnx__TensorShapeProto *s = p->type->tensor_type->shape;
    *rank = -1;
    if (!s)
        return ESPY_E_OK;
    if (s->n_dim > ESPY_NN_RANK)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "\"%.120s\" has more than %d axes", p->name,
                         ESPY_NN_RANK);
    *rank = (int)s->n_dim;
    for (int i = 0; i < *rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = s->dim[i];
        bool given = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                     d->dim_value > 0;
        dims[i] = given ? d->dim_value : -1;
    }
    return ESPY_E_OK;
}

static espy_err onnx_port(reader *r, const Onnx__ValueInfoProto *p, espy_value *v)
{
    const Onnx__TypeProto *t = p->type;
    if (!t || t->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !t->tensor_type)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "input \"%.120s\" is not a tensor", v->name);
    if (t->tensor_type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "input \"%.120s\" is not of 32-bit floats",
                         v->name);
    v->dtype = ESPY_DT_F32;
    return onnx_declared(r, p, &v->rank, v->dims);
}

/* Outputs need no declared shape, so one that is missing or odd is only left open. */
static espy_err onnx_declare(reader *r, const Onnx__ValueInfoProto *p, size_t i)
{
    espy_net_port port = {.name = p->name ? p->name : "", .rank = -1};
    const Onnx__TypeProto *t = p->type;
    if (t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && t->tensor_type && p->name)
        ESPY_TRY(onnx_declared(r, p, &port.rank, port.dims));
    return espy_graph_declare_output(r->cx, r->g, i, &port);
}

static espy_err onnx_values(reader *r, const Onnx__GraphProto *gp)
{
    if (gp->n_sparse_initializer > 0)
        return espy_fail(r->cx, ESPY_E_UNSUPPORTED, "sparse initializers are not supported");
    for (size_t i = 0; i < gp->n_initializer; i++) {
        Onnx__TensorProto *t = gp->initializer[i];
        espy_const *c;
        espy_vid v;
        const char *name = t->name ? t->name : "";
        ESPY_TRY(onnx_define(r, name, &v));
        ESPY_TRY(onnx_tensor(r, t, name, &c));
        espy_graph_take_const(r->g, v, c);
        /* Not needed any more: the next ones take its place. */
        onnx_free(r->cx, t->raw_data.data);
        t->raw_data = (ProtobufCBinaryData){0, NULL};
    }
    return ESPY_E_OK;
}

/* Inputs (files before IR 4 list the initializers among them) and, after the nodes, outputs. */
static espy_err onnx_ports(reader *r, const Onnx__GraphProto *gp, espy_vid *in, size_t *n_in)
{
    for (size_t i = 0; i < gp->n_input; i++) {
        const char *name = gp->input[i]->name ? gp->input[i]->name : "";
        const name_slot *s = onnx_slot(r, name);
        if (s->name && r->g->values[s->value].data)
            continue;
        ESPY_TRY(onnx_define(r, name, &in[*n_in]));
        ESPY_TRY(onnx_port(r, gp->input[i], &r->g->values[in[*n_in]]));
        ++*n_in;
    }
    if (*n_in == 0)
        return espy_fail(r->cx, ESPY_E_FORMAT, "the network has no input");
    return ESPY_E_OK;
}

static espy_err onnx_outputs(reader *r, const Onnx__GraphProto *gp, espy_vid *out)
{
    if (gp->n_output == 0)
        return espy_fail(r->cx, ESPY_E_FORMAT, "the network has no output");
    for (size_t i = 0; i < gp->n_output; i++) {
        const char *name = gp->output[i]->name ? gp->output[i]->name : "";
        const name_slot *s = onnx_slot(r, name);
        if (!s->name)
            return espy_fail(r->cx, ESPY_E_FORMAT, "no node computes the output \"%.120s\"", name);
        out[i] = s->value;
    }
    return ESPY_E_OK;
}

/* Room for twice the names, so that probing always ends. */
static espy_err onnx_names(reader *r, const Onnx__GraphProto *gp)
{
    size_t n = gp->n_initializer + gp->n_input + 8, n_inputs = 0, room = 64;
    for (size_t i = 0; i < gp->n_node; i++) {
        n += gp->node[i]->n_output;
        n_inputs += gp->node[i]->n_input;
    }
    if (n_inputs > ESPY_GRAPH_INPUTS)
        return espy_fail(r->cx, ESPY_E_LIMIT, "the nodes of the network have more than %d inputs",
                         ESPY_GRAPH_INPUTS);
    while (room < 2 * n)
        room *= 2;
    r->name_mask = room - 1;
    r->names = espy_array(r->cx, room, sizeof *r->names);
    return r->names ? ESPY_E_OK : ESPY_E_NOMEM;
}

static espy_err onnx_build(reader *r, const Onnx__GraphProto *gp)
{
    espy_vid *in = NULL, *out = NULL;
    size_t n_in = 0;
    espy_err e;
    if (gp->n_node > ESPY_GRAPH_NODES)
        return espy_fail(r->cx, ESPY_E_LIMIT, "the network has more than %d nodes",
                         ESPY_GRAPH_NODES);
    ESPY_GO(onnx_names(r, gp));
    in = espy_array(r->cx, gp->n_input, sizeof *in);
    out = espy_array(r->cx, gp->n_output, sizeof *out);
    e = in && out ? ESPY_E_OK : ESPY_E_NOMEM;
    ESPY_GO(e);
    ESPY_GO(onnx_values(r, gp));
    ESPY_GO(onnx_ports(r, gp, in, &n_in));
    for (size_t i = 0; i < gp->n_node; i++)
        ESPY_GO(onnx_node(r, gp->node[i]));
    ESPY_GO(onnx_outputs(r, gp, out));
    ESPY_GO(espy_graph_set_ports(r->cx, r->g, in, n_in, out, gp->n_output));
    for (size_t i = 0; i < gp->n_output; i++)
        ESPY_GO(onnx_declare(r, gp->output[i], i));
out:
    espy_free(r->cx, in);
    espy_free(r->cx, out);
    espy_free(r->cx, r->names);
    return e;
}

espy_err espy_onnx_read(espy_ctx *cx, espy_span onnx, espy_graph **out)
{
    ProtobufCAllocator allocator = {onnx_alloc, onnx_free, cx};
    const scan whole = {onnx.data, onnx.data + onnx.size};
    Onnx__ModelProto *model = NULL;
    reader r = {.cx = cx};
    size_t messages = 0;
    espy_err e = ESPY_E_OK;
    if (onnx.size > cx->max.file_bytes)
        return espy_fail(cx, ESPY_E_LIMIT, "the network has more than %zu bytes",
                         cx->max.file_bytes);
    if (onnx.size == 0 || !scan_message(whole, SCAN_MODEL, 0, &messages))
        return espy_fail(cx, ESPY_E_FORMAT, "not an ONNX file, or damaged");
    model = onnx__model_proto__unpack(&allocator, onnx.size, onnx.data);
    if (!model) {
        if (cx->code == ESPY_E_NOMEM)
            return ESPY_E_NOMEM;
        return espy_fail(cx, ESPY_E_FORMAT, "not an ONNX file, or damaged");
    }
    if (!model->graph)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "the ONNX file holds no graph"));
    ESPY_GO(onnx_opset(&r, model));
    ESPY_GO(espy_graph_create(cx, &r.g));
    ESPY_GO(onnx_build(&r, model->graph));
    *out = r.g;
    r.g = NULL;
out:
    espy_graph_destroy(cx, &r.g);
    onnx__model_proto__free_unpacked(model, &allocator);
    return e;
}
