/* SPDX-License-Identifier: Apache-2.0
 * encode - any ONNX embedder, described by a manifest. */
#include "encode/embed.h"

#include <math.h>
#include <string.h>

/* Larger batches gain nothing measurable and cost memory. */
enum { EMBED_BATCH = 16, EMBED_OUTPUTS = 8, EMBED_SCORES = 100000 };

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

/* The output of scores, which only networks that also classify have. */
static espy_err embed_scores(espy_ctx *cx, const espy_json *block, espy_embedder *m)
{
    const char *name = espy_json_string(espy_json_get(block, "scores"), NULL);
    const size_t n = espy_net_output_count(m->net);
    for (size_t i = 0; name && i < n; i++) {
        const espy_net_port *p = espy_net_output(m->net, i);
        if (strcmp(p->name, name) != 0)
            continue;
        if (p->rank != 2 || p->dims[1] < 1 || p->dims[1] > EMBED_SCORES)
            return espy_fail(cx, ESPY_E_FORMAT, "the output \"%.60s\" is not [N, scores]", name);
        m->scores = (size_t)p->dims[1];
        m->scores_at = i;
        return ESPY_E_OK;
    }
    if (name)
        return espy_fail(cx, ESPY_E_FORMAT, "the embedder has no output \"%.60s\" for \"scores\"",
                         name);
    return ESPY_E_OK;
}

/* The input must be [N, side[0], side[1], side[2]], free sides fit anything. */
static espy_err embed_check(espy_ctx *cx, const espy_json *block, const int64_t side[3],
                            espy_embedder *m)
{
    const espy_net_port *in = espy_net_input(m->net, 0);
    if (espy_net_input_count(m->net) != 1 || in->rank != 4)
        return espy_fail(cx, ESPY_E_FORMAT, "the embedder must have one input of rank 4");
    for (int d = 0; d < 3; d++)
        if (in->dims[d + 1] > 0 && in->dims[d + 1] != side[d])
            return espy_fail(cx, ESPY_E_FORMAT,
                             "the embedder's file takes [%lld, %lld, %lld], the manifest says "
                             "[%lld, %lld, %lld]; correct the manifest",
                             (long long)in->dims[1], (long long)in->dims[2], (long long)in->dims[3],
                             (long long)side[0], (long long)side[1], (long long)side[2]);
    m->batch = in->dims[0] > 0 ? 1 : EMBED_BATCH;
    if (in->dims[0] > 1)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the embedder's file has a fixed batch of %lld; export it with a free or "
                         "single batch",
                         (long long)in->dims[0]);
    ESPY_TRY(embed_output(cx, block, m));
    return embed_scores(cx, block, m);
}

/* Reads and loads the file; side: what the manifest says of the input. */
static espy_err embed_open(espy_ctx *cx, const espy_pack *pack, const espy_json *block,
                           const espy_net_options *options, const int64_t side[3], espy_embedder *m)
{
    espy_err e;
    espy_buf b;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_GO(espy_pack_read(cx, pack, "embedder", &b));
    espy_digest(b.data, b.size, m->digest);
    ESPY_GO(espy_net_load(cx, espy_span_of(&b), options, &m->net));
    ESPY_GO(embed_check(cx, block, side, m));
out:
    espy_buf_free(cx, &b);
    if (e != ESPY_E_OK)
        espy_net_destroy(cx, &m->net);
    return e;
}

espy_err espy_embedder_open(espy_ctx *cx, const espy_pack *pack, const espy_net_options *options,
                            espy_embedder *out)
{
    static const char *const keys[] = {"input", "mean", "std", "order", "layout", "output", NULL};
    espy_err e;
    espy_embedder m = {.dim = pack->dim};
    const espy_json *block = espy_json_get(pack->json, "embedder");
    ESPY_GO(espy_json_only(cx, block, "embedder", keys));
    ESPY_GO(espy_prep_read(cx, block, "embedder", &m.prep));
    const int64_t w = m.prep.width, h = m.prep.height;
    const int64_t planes[3] = {3, h, w}, pixels[3] = {h, w, 3};
    ESPY_GO(embed_open(cx, pack, block, options, m.prep.nhwc ? pixels : planes, &m));
    *out = m;
out:
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "pack %s, embedder", pack->name);
}

espy_err espy_embedder_open_patches(espy_ctx *cx, const espy_pack *pack,
                                    const espy_net_options *options, int frames, int bands,
                                    espy_embedder *out)
{
    static const char *const keys[] = {"output", "scores", NULL};
    const int64_t side[3] = {1, frames, bands};
    espy_err e;
    espy_embedder m = {.dim = pack->dim};
    const espy_json *block = espy_json_get(pack->json, "embedder");
    ESPY_GO(espy_json_only(cx, block, "embedder", keys));
    ESPY_GO(embed_open(cx, pack, block, options, side, &m));
    *out = m;
out:
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "pack %s, embedder", pack->name);
}

void espy_embedder_close(espy_ctx *cx, espy_embedder *m)
{
    espy_net_destroy(cx, &m->net);
}

espy_err espy_embedder_values(espy_ctx *cx, const espy_embedder *m, espy_tensor *in, float *vectors,
                              float *scores)
{
    espy_err e = ESPY_E_OK;
    espy_tensor got[EMBED_OUTPUTS] = {{0}};
    const size_t n = (size_t)in->dims[0];
    ESPY_GO(espy_net_run(cx, m->net, in, 1, got, espy_net_output_count(m->net)));
    const espy_tensor *v = &got[m->output], *s = &got[m->scores_at];
    if (espy_tensor_count(v) != n * m->dim)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT,
                          "the embedder gives %zu values for %zu inputs, the manifest says "
                          "\"dim\": %zu",
                          espy_tensor_count(v), n, m->dim));
    memcpy(vectors, v->data, n * m->dim * sizeof *vectors);
    if (scores && m->scores) {
        if (espy_tensor_count(s) != n * m->scores)
            ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "the embedder gives %zu scores for %zu inputs",
                              espy_tensor_count(s), n));
        memcpy(scores, s->data, n * m->scores * sizeof *scores);
    }
out:
    espy_tensors_release(cx, got, EMBED_OUTPUTS);
    return e;
}

espy_err espy_embedder_unit(espy_ctx *cx, float *rows, size_t n, size_t dim)
{
    for (size_t i = 0; i < n; i++) {
        float *row = rows + i * dim;
        double sum = 0.0;
        for (size_t k = 0; k < dim; k++)
            sum += (double)row[k] * (double)row[k];
        if (!(sum > 1e-20 && isfinite(sum)))
            return espy_fail(cx, ESPY_E_DATA,
                             "the embedder gave a vector without length; its file or its "
                             "manifest's preprocessing is wrong");
        const double scale = 1.0 / sqrt(sum);
        for (size_t k = 0; k < dim; k++)
            row[k] = (float)((double)row[k] * scale);
    }
    return ESPY_E_OK;
}

static espy_err embed_batch(espy_ctx *cx, const espy_embedder *m, const espy_image *const *crops,
                            size_t n, float *out)
{
    espy_err e = ESPY_E_OK;
    const int64_t w = m->prep.width, h = m->prep.height;
    const size_t one = 3 * (size_t)w * (size_t)h;
    espy_tensor in = {espy_floats(cx, n * one), 4, {(int64_t)n, 3, h, w}};
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
    ESPY_GO(espy_embedder_values(cx, m, &in, out, NULL));
    ESPY_GO(espy_embedder_unit(cx, out, n, m->dim));
out:
    espy_free(cx, in.data);
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
