/* SPDX-License-Identifier: Apache-2.0
 * encode - any ONNX embedder, described by a manifest. */
#include "encode/embed.h"

#include <math.h>
#include <string.h>

/* Larger batches gain nothing measurable and cost memory. */
enum { EMBED_BATCH = 16, EMBED_OUTPUTS = 8 };

/* The output named in the manifest, or the only one, or the first with the pack's dimension. */
static espy_err embed_output(espy_ctx *cx, const espy_json *block, espy_embedder *m)
{
    const char *name = espy_json_string(espy_json_get(block, "output"), NULL);
    const size_t n = espy_net_output_count(m->net);
    size_t i = 0;
    if (n > EMBED_OUTPUTS)
        return espy_fail(cx, ESPY_E_FORMAT, "the embedder has %zu outputs, at most %d can be read",
                         n, EMBED_OUTPUTS);
    for (; i < n && n > 1; i++) {
        const espy_net_port *p = espy_net_output(m->net, i);
        if (name ? strcmp(p->name, name) == 0
                 : p->rank > 0 && p->dims[p->rank - 1] == (int64_t)m->dim)
            break;
    }
    if (i == n || (n == 1 && name && strcmp(espy_net_output(m->net, 0)->name, name) != 0))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the embedder has no output \"%.60s\"; set \"embedder.output\" to one of "
                         "the file's outputs (the first is \"%.60s\")",
                         name ? name : "with the pack's dim", espy_net_output(m->net, 0)->name);
    m->output = i;
    return ESPY_E_OK;
}

static espy_err embed_check(espy_ctx *cx, const espy_json *block, espy_embedder *m)
{
    const espy_net_port *in = espy_net_input(m->net, 0);
    const int64_t want[3][2] = {{3, 3}, {m->prep.height, m->prep.width}, {m->prep.width, 3}};
    if (espy_net_input_count(m->net) != 1 || in->rank != 4)
        return espy_fail(cx, ESPY_E_FORMAT, "the embedder must have one input of rank 4");
    int64_t side[3] = {want[0][0], want[1][0], want[2][0]};
    if (m->prep.nhwc) {
        side[0] = m->prep.height;
        side[1] = m->prep.width;
        side[2] = 3;
    }
    for (int d = 0; d < 3; d++)
        if (in->dims[d + 1] > 0 && in->dims[d + 1] != side[d])
            return espy_fail(
                cx, ESPY_E_FORMAT,
                "the embedder's file takes [%lld, %lld, %lld], the manifest says [%lld, "
                "%lld, %lld]; correct \"embedder.input\" or \"embedder.layout\"",
                (long long)in->dims[1], (long long)in->dims[2], (long long)in->dims[3],
                (long long)side[0], (long long)side[1], (long long)side[2]);
    m->batch = in->dims[0] > 0 ? 1 : EMBED_BATCH;
    if (in->dims[0] > 1)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the embedder's file has a fixed batch of %lld; export it with a free or "
                         "single batch",
                         (long long)in->dims[0]);
    return embed_output(cx, block, m);
}

espy_err espy_embedder_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_embedder *out)
{
    static const char *const keys[] = {"input", "mean", "std", "order", "layout", "output", NULL};
    espy_err e;
    espy_buf b;
    espy_embedder m = {.dim = pack->dim};
    espy_buf_init(&b, cx->max.file_bytes);
    const espy_json *block = espy_json_get(pack->json, "embedder");
    ESPY_GO(espy_json_only(cx, block, "embedder", keys));
    ESPY_GO(espy_prep_read(cx, block, "embedder", &m.prep));
    ESPY_GO(espy_pack_read(cx, pack, "embedder", &b));
    espy_digest(b.data, b.size, m.digest);
    ESPY_GO(espy_net_load(cx, espy_span_of(&b), options, &m.net));
    ESPY_GO(embed_check(cx, block, &m));
    *out = m;
    m.net = NULL;
out:
    espy_buf_free(cx, &b);
    espy_net_destroy(cx, &m.net);
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "pack %s, embedder", pack->name);
}

void espy_embedder_close(espy_ctx *cx, espy_embedder *m)
{
    espy_net_destroy(cx, &m->net);
}

static espy_err embed_batch(espy_ctx *cx, const espy_embedder *m, const espy_image *const *crops,
                            size_t n, float *out)
{
    espy_err e = ESPY_E_OK;
    const int64_t w = m->prep.width, h = m->prep.height;
    const size_t one = 3 * (size_t)w * (size_t)h, n_out = espy_net_output_count(m->net);
    espy_tensor in = {espy_floats(cx, n * one), 4, {(int64_t)n, 3, h, w}},
                got[EMBED_OUTPUTS] = {{0}};
    if (!in.data)
        return cx->code;
    if (m->prep.nhwc) {
        in.dims[1] = h;
        in.dims[2] = w;
        in.dims[3] = 3;
    }
    for (size_t i = 0; i < n; i++) {
        if (crops[i]->width != w || crops[i]->height != h)
            ESPY_GO(espy_fail(cx, ESPY_E_ARG,
                              "a crop of %dx%d was given to an embedder of %lldx%lld",
                              crops[i]->width, crops[i]->height, (long long)w, (long long)h));
        espy_prep_fill(&m->prep, crops[i], in.data + i * one);
    }
    ESPY_GO(espy_net_run(cx, m->net, &in, 1, got, n_out));
    const espy_tensor *v = &got[m->output];
    if (espy_tensor_count(v) != n * m->dim)
        ESPY_GO(
            espy_fail(cx, ESPY_E_FORMAT,
                      "the embedder gives %zu values for %zu pictures, the manifest says \"dim\": "
                      "%zu",
                      espy_tensor_count(v), n, m->dim));
    for (size_t i = 0; i < n; i++) {
        const float *row = v->data + i * m->dim;
        double sum = 0.0;
        for (size_t k = 0; k < m->dim; k++)
            sum += (double)row[k] * (double)row[k];
        if (!(sum > 1e-20 && isfinite(sum)))
            ESPY_GO(
                espy_fail(cx, ESPY_E_DATA,
                          "the embedder gave a vector without length; its file or its manifest's "
                          "preprocessing is wrong"));
        const double scale = 1.0 / sqrt(sum);
        for (size_t k = 0; k < m->dim; k++)
            out[i * m->dim + k] = (float)((double)row[k] * scale);
    }
out:
    espy_free(cx, in.data);
    espy_tensors_release(cx, got, EMBED_OUTPUTS);
    return e;
}

espy_err espy_embedder_run(espy_ctx *cx, const espy_embedder *m, const espy_image *const *crops,
                           size_t n, float *out)
{
    /* batches of 16, 8, 4, 2, 1: the network is compiled for five sizes at most */
    size_t batch = m->batch;
    for (size_t i = 0; i < n;) {
        while (batch > n - i)
            batch /= 2;
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(embed_batch(cx, m, crops + i, batch, out + i * m->dim));
        i += batch;
    }
    return ESPY_E_OK;
}
