/* SPDX-License-Identifier: Apache-2.0
 * artifact - ONNX models (onnx_write.h).
 *
 * The messages are few and flat, so their fields are written here, in the order of their numbers in
 * onnx.proto, rather than through trees of generated structures.  Operators: the ONNX operator
 * reference, opset 13; SVMClassifier of ai.onnx.ml version 1. */
#include "artifact/onnx_write.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie");

#define ONNX_IR 7 /* goes with opset 13 */
#define ONNX_OPSET 13
#define ONNX_ML "ai.onnx.ml"
#define ONNX_ML_OPSET 2
#define ONNX_FILE_MAX ((size_t)1 << 31) /* protobuf's own limit */
#define ONNX_NAME 32

/* ---- protobuf ---- */

/* A message in the making: after the first failure every put does nothing, and e says why. */
typedef struct onnx_message {
    espy_ctx *cx;
    espy_buf bytes;
    espy_err e;
} onnx_message;

static onnx_message onnx_begin(espy_ctx *cx)
{
    onnx_message m = {.cx = cx};
    espy_buf_init(&m.bytes, ONNX_FILE_MAX);
    return m;
}

static void onnx_end(onnx_message *m)
{
    espy_buf_free(m->cx, &m->bytes);
}

static void onnx_raw(onnx_message *m, const void *p, size_t n)
{
    if (!m->e)
        m->e = espy_buf_append(m->cx, &m->bytes, p, n);
}

static void onnx_varint(onnx_message *m, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        b[n++] = (uint8_t)(v | 0x80);
    b[n++] = (uint8_t)v;
    onnx_raw(m, b, n);
}

static void onnx_int(onnx_message *m, unsigned field, uint64_t v)
{
    onnx_varint(m, field << 3);
    onnx_varint(m, v);
}

static void onnx_float(onnx_message *m, unsigned field, float v)
{
    onnx_varint(m, field << 3 | 5);
    onnx_raw(m, &v, sizeof v);
}

static void onnx_bytes(onnx_message *m, unsigned field, const void *p, size_t n)
{
    onnx_varint(m, field << 3 | 2);
    onnx_varint(m, n);
    onnx_raw(m, p, n);
}

static void onnx_text(onnx_message *m, unsigned field, const char *s)
{
    onnx_bytes(m, field, s, strlen(s));
}

/* Takes over `inner`: its bytes, or its failure. */
static void onnx_put(onnx_message *m, unsigned field, onnx_message *inner)
{
    if (!m->e)
        m->e = inner->e;
    onnx_bytes(m, field, inner->bytes.data, inner->bytes.size);
    onnx_end(inner);
}

/* ---- parts of a graph ---- */

/* NodeProto and TensorProto lists of a graph, kept apart because the nodes come first. */
typedef struct onnx_graph {
    onnx_message nodes, arrays;
    char last[ONNX_NAME]; /* the value that the next node takes */
    size_t values;        /* made so far, for their names */
    bool ml;              /* operators of ai.onnx.ml are used */
} onnx_graph;

enum { ONNX_FLOAT = 1, ONNX_INT64 = 7 }; /* TensorProto.DataType */

static void onnx_array(onnx_graph *g, const char *name, int type, const void *p, size_t bytes,
                       int rank, const size_t *dims)
{
    onnx_message t = onnx_begin(g->arrays.cx);
    for (int i = 0; i < rank; i++)
        onnx_int(&t, 1, dims[i]);
    onnx_int(&t, 2, (uint64_t)type);
    onnx_text(&t, 8, name);
    onnx_bytes(&t, 9, p, bytes);
    onnx_put(&g->arrays, 5, &t);
}

static void onnx_vector(onnx_graph *g, const char *name, const float *p, size_t n)
{
    onnx_array(g, name, ONNX_FLOAT, p, n * sizeof *p, 1, &n);
}

static void onnx_matrix(onnx_graph *g, const char *name, const float *p, size_t rows, size_t cols)
{
    const size_t dims[2] = {rows, cols};
    onnx_array(g, name, ONNX_FLOAT, p, rows * cols * sizeof *p, 2, dims);
}

/* In single precision. */
static void onnx_narrow(onnx_graph *g, const char *name, const double *p, size_t n)
{
    espy_ctx *cx = g->arrays.cx;
    float *v = espy_floats(cx, n);
    if (!v) {
        g->arrays.e = g->arrays.e ? g->arrays.e : cx->code;
        return;
    }
    for (size_t i = 0; i < n; i++)
        v[i] = (float)p[i];
    onnx_vector(g, name, v, n);
    espy_free(cx, v);
}

enum { /* AttributeProto.AttributeType */
       ONNX_A_FLOAT = 1,
       ONNX_A_INT = 2,
       ONNX_A_STRING = 3,
       ONNX_A_FLOATS = 6,
       ONNX_A_INTS = 7
};

static void onnx_attribute_float(onnx_message *node, const char *name, float v)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    onnx_float(&a, 2, v);
    onnx_int(&a, 20, ONNX_A_FLOAT);
    onnx_put(node, 5, &a);
}

static void onnx_attribute_int(onnx_message *node, const char *name, int64_t v)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    onnx_int(&a, 3, (uint64_t)v);
    onnx_int(&a, 20, ONNX_A_INT);
    onnx_put(node, 5, &a);
}

static void onnx_attribute_text(onnx_message *node, const char *name, const char *v)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    onnx_text(&a, 4, v);
    onnx_int(&a, 20, ONNX_A_STRING);
    onnx_put(node, 5, &a);
}

static void onnx_attribute_floats(onnx_message *node, const char *name, const float *v, size_t n)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        onnx_float(&a, 7, v[i]);
    onnx_int(&a, 20, ONNX_A_FLOATS);
    onnx_put(node, 5, &a);
}

static void onnx_attribute_doubles(onnx_message *node, const char *name, const double *v, size_t n)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        onnx_float(&a, 7, (float)v[i]);
    onnx_int(&a, 20, ONNX_A_FLOATS);
    onnx_put(node, 5, &a);
}

/* v NULL: 0, 1, ... */
static void onnx_attribute_ints(onnx_message *node, const char *name, const uint32_t *v, size_t n)
{
    onnx_message a = onnx_begin(node->cx);
    onnx_text(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        onnx_int(&a, 8, v ? v[i] : i);
    onnx_int(&a, 20, ONNX_A_INTS);
    onnx_put(node, 5, &a);
}

/* Opens a node that takes the last value and these arrays; attributes follow. */
static onnx_message onnx_node(onnx_graph *g, const char *const *arrays, size_t n)
{
    onnx_message node = onnx_begin(g->nodes.cx);
    onnx_text(&node, 1, g->last);
    for (size_t i = 0; i < n; i++)
        onnx_text(&node, 1, arrays[i]);
    return node;
}

/* Closes it.  Its fields are 1 input, 2 output, 4 operator, 5 attributes, 7 domain; attributes came
 * before the output here, which protobuf allows. */
static void onnx_node_end(onnx_graph *g, onnx_message *node, const char *op, const char *to)
{
    if (to)
        snprintf(g->last, sizeof g->last, "%s", to);
    else
        snprintf(g->last, sizeof g->last, "value_%zu", g->values++);
    onnx_text(node, 2, g->last);
    onnx_text(node, 4, op);
    onnx_put(&g->nodes, 1, node);
}

/* A node without attributes; a, b: further inputs or NULL. */
static void onnx_plain(onnx_graph *g, const char *op, const char *a, const char *b, const char *to)
{
    const char *const arrays[2] = {a, b};
    onnx_message node = onnx_node(g, arrays, !a ? 0 : !b ? 1 : 2);
    onnx_node_end(g, &node, op, to);
}

static const char onnx_input[] = "embedding", onnx_output[] = "probabilities";

/* ---- heads ---- */

static void onnx_scaler(onnx_graph *g, const espy_scaler *s)
{
    if (!s || !s->mean)
        return;
    onnx_narrow(g, "mean", s->mean, s->dim);
    onnx_narrow(g, "scale", s->scale, s->dim);
    onnx_plain(g, "Sub", "mean", NULL, NULL);
    onnx_plain(g, "Div", "scale", NULL, NULL);
}

static void onnx_layer(onnx_graph *g, const espy_mlp_layer *l, size_t number, bool last)
{
    char name[6][ONNX_NAME];
    static const char *const parts[6] = {"weights", "bias", "gamma", "beta", "mean", "variance"};
    for (int i = 0; i < 6; i++)
        snprintf(name[i], ONNX_NAME, "%s_%zu", parts[i], number);
    onnx_matrix(g, name[0], l->weights, l->in, l->out);
    onnx_vector(g, name[1], l->bias, l->out);
    onnx_plain(g, "Gemm", name[0], name[1], NULL);
    if (last) {
        onnx_message node = onnx_node(g, NULL, 0);
        onnx_attribute_int(&node, "axis", 1);
        onnx_node_end(g, &node, "Softmax", onnx_output);
        return;
    }
    onnx_plain(g, "Relu", NULL, NULL, NULL);
    if (!l->gamma)
        return;
    const float *const values[4] = {l->gamma, l->beta, l->mean, l->variance};
    const char *const arrays[4] = {name[2], name[3], name[4], name[5]};
    for (int i = 0; i < 4; i++)
        onnx_vector(g, arrays[i], values[i], l->out);
    onnx_message node = onnx_node(g, arrays, 4);
    onnx_attribute_float(&node, "epsilon", ESPY_MLP_EPSILON);
    onnx_node_end(g, &node, "BatchNormalization", NULL);
}

static void onnx_network(onnx_graph *g, const espy_head_network *n)
{
    onnx_narrow(g, "mean", &n->mean, 1);
    onnx_narrow(g, "std", &n->std, 1);
    onnx_plain(g, "Sub", "mean", NULL, NULL);
    onnx_plain(g, "Div", "std", NULL, NULL);
    for (size_t i = 0; i < n->mlp->n; i++)
        onnx_layer(g, &n->mlp->at[i], i, i + 1 == n->mlp->n);
}

/* Sigmoid of each class divided by their sum. */
static void onnx_logistic(onnx_graph *g, const espy_scaler *scaler, const espy_logistic *l)
{
    static const int64_t axis = 1;
    static const size_t one = 1;
    static const char *const arrays[] = {"coef", "intercept"};
    char sigmoid[ONNX_NAME];
    onnx_scaler(g, scaler);
    onnx_matrix(g, "coef", l->coef, l->classes, l->dim);
    onnx_narrow(g, "intercept", l->intercept, l->classes);
    onnx_array(g, "axes", ONNX_INT64, &axis, sizeof axis, 1, &one);
    onnx_message node = onnx_node(g, arrays, 2);
    onnx_attribute_int(&node, "transB", 1);
    onnx_node_end(g, &node, "Gemm", NULL);
    onnx_plain(g, "Sigmoid", NULL, NULL, NULL);
    memcpy(sigmoid, g->last, sizeof sigmoid);
    onnx_plain(g, "ReduceSum", "axes", NULL, "sum");
    memcpy(g->last, sigmoid, sizeof sigmoid);
    onnx_plain(g, "Div", "sum", NULL, onnx_output);
}

/* Coefficients, offsets and Platt's constants are libsvm's in both (learn/svm.h). */
static void onnx_svm(onnx_graph *g, const espy_scaler *scaler, const espy_svm *s)
{
    static const float kernel[3] = {0, 0, 0}; /* gamma, coef0, degree: a linear one has none */
    onnx_scaler(g, scaler);
    onnx_message node = onnx_node(g, NULL, 0);
    onnx_text(&node, 2, "label"); /* the first of two outputs; not one of the model */
    onnx_text(&node, 7, ONNX_ML);
    onnx_attribute_ints(&node, "classlabels_ints", NULL, s->classes);
    onnx_attribute_floats(&node, "coefficients", s->coef, (s->classes - 1) * s->n);
    onnx_attribute_floats(&node, "kernel_params", kernel, 3);
    onnx_attribute_text(&node, "kernel_type", "LINEAR");
    onnx_attribute_text(&node, "post_transform", "NONE");
    onnx_attribute_doubles(&node, "prob_a", s->prob_a, s->pairs);
    onnx_attribute_doubles(&node, "prob_b", s->prob_b, s->pairs);
    onnx_attribute_doubles(&node, "rho", s->intercept, s->pairs);
    onnx_attribute_floats(&node, "support_vectors", s->x, s->n * s->dim);
    onnx_attribute_ints(&node, "vectors_per_class", s->count, s->classes);
    onnx_node_end(g, &node, "SVMClassifier", onnx_output);
    g->ml = true;
}

/* The places of the centres, label by label, each label with as many as the richest has: its last
 * one is repeated, which changes no maximum.  As a matrix of dim x places. */
static void onnx_centers(onnx_graph *g, const espy_prototypes *p, size_t each)
{
    espy_ctx *cx = g->arrays.cx;
    size_t places = p->classes * each;
    float *at = espy_floats(cx, p->dim * places);
    if (!at) {
        g->arrays.e = g->arrays.e ? g->arrays.e : cx->code;
        return;
    }
    for (size_t c = 0; c < p->classes; c++)
        for (size_t k = 0; k < each; k++) {
            size_t last = p->start[c + 1] - 1, from = p->start[c] + k;
            const float *unit = p->unit + (from < last ? from : last) * p->dim;
            for (size_t d = 0; d < p->dim; d++)
                at[d * places + c * each + k] = unit[d];
        }
    onnx_matrix(g, "centers", at, p->dim, places);
    espy_free(cx, at);
}

/* Softmax over the labels of the largest cosine to their centres, divided by the temperature. */
static void onnx_prototypes(onnx_graph *g, const espy_scaler *scaler,
                            const espy_head_prototypes_parts *parts)
{
    static const uint32_t last = 2;
    static const size_t three = 3;
    const espy_prototypes *p = parts->model;
    const float temperature = (float)parts->temperature;
    size_t each = 1;
    for (size_t c = 0; c < p->classes; c++)
        if (p->start[c + 1] - p->start[c] > each)
            each = p->start[c + 1] - p->start[c];
    const int64_t shape[3] = {0, (int64_t)p->classes, (int64_t)each}; /* 0: as it is */
    onnx_scaler(g, scaler);
    onnx_centers(g, p, each);
    onnx_array(g, "shape", ONNX_INT64, shape, sizeof shape, 1, &three);
    onnx_vector(g, "temperature", &temperature, 1);
    onnx_message node = onnx_node(g, NULL, 0);
    onnx_attribute_int(&node, "axis", 1);
    onnx_attribute_int(&node, "p", 2);
    onnx_node_end(g, &node, "LpNormalization", NULL);
    onnx_plain(g, "MatMul", "centers", NULL, NULL);
    onnx_plain(g, "Reshape", "shape", NULL, NULL);
    node = onnx_node(g, NULL, 0);
    onnx_attribute_ints(&node, "axes", &last, 1);
    onnx_attribute_int(&node, "keepdims", 0);
    onnx_node_end(g, &node, "ReduceMax", NULL);
    onnx_plain(g, "Div", "temperature", NULL, NULL);
    node = onnx_node(g, NULL, 0);
    onnx_attribute_int(&node, "axis", 1);
    onnx_node_end(g, &node, "Softmax", onnx_output);
}

/* ---- the model ---- */

/* ValueInfoProto of a float array [N, columns]. */
static void onnx_port(onnx_message *graph, unsigned field, const char *name, size_t columns)
{
    onnx_message rows = onnx_begin(graph->cx), cols = onnx_begin(graph->cx),
                 shape = onnx_begin(graph->cx), tensor = onnx_begin(graph->cx),
                 type = onnx_begin(graph->cx), port = onnx_begin(graph->cx);
    onnx_text(&rows, 2, "N");
    onnx_int(&cols, 1, columns);
    onnx_put(&shape, 1, &rows);
    onnx_put(&shape, 1, &cols);
    onnx_int(&tensor, 1, ONNX_FLOAT);
    onnx_put(&tensor, 2, &shape);
    onnx_put(&type, 1, &tensor);
    onnx_text(&port, 1, name);
    onnx_put(&port, 2, &type);
    onnx_put(graph, field, &port);
}

static void onnx_property(onnx_message *model, const char *key, const char *value)
{
    onnx_message pair = onnx_begin(model->cx);
    onnx_text(&pair, 1, key);
    onnx_text(&pair, 2, value);
    onnx_put(model, 14, &pair);
}

static void onnx_labels(onnx_message *model, const char *const *labels, size_t n)
{
    espy_ctx *cx = model->cx;
    espy_err e = ESPY_E_OK;
    espy_buf text;
    espy_json *list = espy_json_array();
    espy_buf_init(&text, ONNX_FILE_MAX);
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_json_append(cx, list, espy_json_of_string(labels[i])));
    ESPY_GO(espy_json_print(cx, list, 0, &text));
    onnx_property(model, "labels", (const char *)text.data);
out:
    espy_json_free(list);
    espy_buf_free(cx, &text);
    if (!model->e)
        model->e = e;
}

static void onnx_opset(onnx_message *model, const char *domain, uint64_t version)
{
    onnx_message set = onnx_begin(model->cx);
    onnx_text(&set, 1, domain);
    onnx_int(&set, 2, version);
    onnx_put(model, 8, &set);
}

/* Takes over the graph's lists. */
static espy_err onnx_model(espy_ctx *cx, onnx_graph *g, const char *head, size_t dim,
                           size_t classes, const espy_onnx_facts *facts, espy_buf *out)
{
    onnx_message graph = g->nodes, model = onnx_begin(cx);
    onnx_text(&graph, 2, head);
    if (!graph.e)
        graph.e = g->arrays.e;
    onnx_raw(&graph, g->arrays.bytes.data, g->arrays.bytes.size);
    onnx_end(&g->arrays);
    onnx_port(&graph, 11, onnx_input, dim);
    onnx_port(&graph, 12, onnx_output, classes);
    onnx_int(&model, 1, ONNX_IR);
    onnx_text(&model, 2, "espy");
    onnx_text(&model, 3, ESPY_VERSION);
    onnx_put(&model, 7, &graph);
    onnx_opset(&model, "", ONNX_OPSET);
    if (g->ml)
        onnx_opset(&model, ONNX_ML, ONNX_ML_OPSET);
    onnx_labels(&model, facts->labels, classes);
    onnx_property(&model, "head", head);
    if (facts->encoder)
        onnx_property(&model, "encoder", facts->encoder);
    onnx_property(&model, "software_version", "espy " ESPY_VERSION);
    espy_err e = model.e;
    if (!e)
        e = espy_buf_append(cx, out, model.bytes.data, model.bytes.size);
    onnx_end(&model);
    return e;
}

static onnx_graph onnx_graph_begin(espy_ctx *cx)
{
    onnx_graph g = {.nodes = onnx_begin(cx), .arrays = onnx_begin(cx)};
    memcpy(g.last, onnx_input, sizeof onnx_input);
    return g;
}

espy_err espy_onnx_write_network(espy_ctx *cx, const espy_head_network *network,
                                 const espy_onnx_facts *facts, espy_buf *out)
{
    onnx_graph g = onnx_graph_begin(cx);
    onnx_network(&g, network);
    return onnx_model(cx, &g, "mlp", network->mlp->dim, network->mlp->classes, facts, out);
}

espy_err espy_onnx_write(espy_ctx *cx, const espy_head *head, const espy_onnx_facts *facts,
                         espy_buf *out)
{
    const espy_svm *svm = espy_head_svm_model(head);
    const espy_logistic *logistic = espy_head_logistic_model(head);
    const espy_scaler *scaler = espy_head_scaler(head);
    espy_head_network network;
    espy_head_prototypes_parts prototypes;
    bool centers = espy_head_prototypes_model(head, &prototypes);
    if (espy_head_mlp_network(head, &network))
        return espy_onnx_write_network(cx, &network, facts, out);
    if (!svm && !logistic && !centers)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "a %s head has no ONNX form, its samples stay in the store; train with "
                         "--head svm, logistic, mlp or prototypes",
                         head->ops->name);
    onnx_graph g = onnx_graph_begin(cx);
    if (svm)
        onnx_svm(&g, scaler, svm);
    else if (centers)
        onnx_prototypes(&g, scaler, &prototypes);
    else
        onnx_logistic(&g, scaler, logistic);
    return onnx_model(cx, &g, head->ops->name, head->dim, head->classes, facts, out);
}
