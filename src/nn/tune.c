/* SPDX-License-Identifier: Apache-2.0
 * tune - which algorithm for which convolution: a rule of thumb, or measured once per machine and
 * network and remembered in the cache folder.
 *
 * All candidates compute the same function within rounding (1e-5 in f32, 2e-3 in bf16), so what is
 * chosen changes speed only.  One file per decision, <cache>/tune/<SHA-256 of the key>.json:
 *   {"key": text that names CPU, library, network, shapes, precision and threads,
 *    "layout": espy_odn_layout, "algo": one digit per node of the graph (espy_odn_algo)} */
#include "nn/exec_onednn.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define TUNE_REVISION 2  /* of the candidates and of what a digit means */
#define TUNE_SECONDS 1.5 /* spent on runs of one plan's candidates, about */
#define TUNE_ROUNDS 12   /* at most */
#define TUNE_WINOGRAD_CELLS 64
#define TUNE_CANDIDATES 4
#define TUNE_SHAPES 3 /* measured per network and process; later ones take the last decision */
#define TUNE_FILE ((size_t)1 << 20)
#define TUNE_KEEP 0.98 /* a mixture must beat the best pure candidate by 2 % */

/* --- rule of thumb --------------------------------------------------------------------------- */

/* Winograd F(4x4, 3x3) (Lavin & Gray 2016) saves up to 4x the products and pays for its transforms
 * from half a block of channels on.  On the smallest pictures its weights, up to four
 * times as large, take longer to read and to prepare than it saves. */
static bool tune_winograd(const espy_odn_state *st, const espy_graph *g, const espy_node *n)
{
    const espy_window *w = &n->at.conv.window;
    if (ESPY_DNN_V3 || st->options.precision != ESPY_PRECISION_F32 || n->op != ESPY_OP_CONV)
        return false;
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1)
            return false;
    const espy_value *y = &g->values[n->out];
    return n->at.conv.group == 1 && g->values[n->in[0]].dims[1] > ESPY_ODN_BLOCK / 2 &&
           y->dims[2] * y->dims[3] >= TUNE_WINOGRAD_CELLS;
}

static espy_err tune_fill(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                          espy_odn_layout layout, bool winograd, espy_odn_choice *out)
{
    *out = (espy_odn_choice){.layout = layout, .n = g->n_nodes};
    out->algo = espy_array(cx, g->n_nodes + 1, sizeof *out->algo);
    if (!out->algo)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < g->n_nodes; i++) {
        out->algo[i] = layout == ESPY_ODN_NHWC ? ESPY_ODN_ALGO_NHWC : ESPY_ODN_ALGO_BLOCKED;
        if (winograd && tune_winograd(st, g, &g->nodes[i]))
            out->algo[i] = ESPY_ODN_ALGO_WINOGRAD;
    }
    return ESPY_E_OK;
}

espy_err espy_odn_choice_default(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                                 espy_odn_choice *out)
{
    return tune_fill(cx, st, g, ESPY_ODN_BLOCKED, true, out);
}

void espy_odn_choice_free(espy_ctx *cx, espy_odn_choice *c)
{
    espy_free(cx, c->algo);
    c->algo = NULL;
}

/* --- cache ----------------------------------------------------------------------------------- */

/* Brand of the CPU as it names itself, "" where it does not. */
static void tune_cpu(char out[49])
{
    memset(out, 0, 49);
#if defined(__x86_64__)
    unsigned r[12], eax = 0, ebx, ecx, edx;
    if (!__get_cpuid(0x80000000u, &eax, &ebx, &ecx, &edx) || eax < 0x80000004u)
        return;
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002u + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3]);
    memcpy(out, r, sizeof r);
#endif
}

bool espy_odn_cpu_is(const char *maker)
{
    char cpu[49];
    tune_cpu(cpu);
    return strstr(cpu, maker) != NULL;
}

/* Everything that a decision depends on.  Of the network that is its structure: values of weights
 * do not change times, and a large file's digest would take longer than loading it. */
static espy_err tune_key(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g, espy_buf *key)
{
    char cpu[49], shape[ESPY_DIGEST_HEX];
    const dnnl_version_t *v = espy_dnn_version();
    espy_buf b;
    espy_err e = ESPY_E_OK;
    tune_cpu(cpu);
    espy_buf_init(&b, TUNE_FILE);
    espy_buf_init(key, TUNE_FILE);
    for (size_t i = 0; i < g->n_nodes && e == ESPY_E_OK; i++) {
        const espy_node *n = &g->nodes[i];
        e = espy_buf_printf(cx, &b, "\n%d %d", (int)n->op, n->n_post);
        for (int k = -1; k < n->n_in && e == ESPY_E_OK; k++) {
            espy_vid at = k < 0 ? n->out : n->in[k];
            e = espy_buf_printf(cx, &b, " %d:", at);
            for (int d = 0; at != ESPY_NONE && d < g->values[at].rank && e == ESPY_E_OK; d++)
                e = espy_buf_printf(cx, &b, " %lld", (long long)g->values[at].dims[d]);
        }
    }
    if (e == ESPY_E_OK) {
        espy_digest(b.data, b.size, shape);
        e = espy_buf_printf(cx, key, "%d | %s | oneDNN %d.%d.%d %s | %s | %s | %u", TUNE_REVISION,
                            cpu, v->major, v->minor, v->patch, v->hash, shape,
                            st->options.precision == ESPY_PRECISION_BF16 ? "bf16" : "f32",
                            st->options.threads > 1 ? st->options.threads : 1);
    }
    espy_buf_free(cx, &b);
    return e;
}

/* Path of the decision's file; the folder is made when asked. */
static char *tune_path(espy_ctx *cx, const espy_buf *key, bool make)
{
    char digest[ESPY_DIGEST_HEX], *path = NULL;
    char *cache = espy_path_cache(cx);
    char *folder = cache ? espy_path_join(cx, cache, "tune") : NULL;
    espy_digest(key->data, key->size, digest);
    if (folder && (!make || espy_dir_make(cx, folder) == ESPY_E_OK))
        path = espy_sprintf(cx, "%s/%s.json", folder, digest);
    espy_free(cx, cache);
    espy_free(cx, folder);
    return path;
}

/* The remembered decision; false when there is none that fits.  What goes wrong stays in cx. */
static bool tune_recall(espy_ctx *cx, const espy_buf *key, const espy_graph *g, espy_odn_choice *c)
{
    espy_json *j = NULL;
    bool found = false;
    char *path = tune_path(cx, key, false);
    if (path && espy_file_exists(path) && espy_json_load(cx, path, TUNE_FILE, &j) == ESPY_E_OK) {
        const char *algo = espy_json_string(espy_json_get(j, "algo"), "");
        int64_t layout = espy_json_int(espy_json_get(j, "layout"), -1);
        found =
            strcmp(espy_json_string(espy_json_get(j, "key"), ""), (const char *)key->data) == 0 &&
            strlen(algo) == g->n_nodes && (layout == ESPY_ODN_BLOCKED || layout == ESPY_ODN_NHWC);
        for (size_t i = 0; i < g->n_nodes && found; i++)
            found = algo[i] >= '0' && algo[i] < '0' + ESPY_ODN_ALGOS;
        if (found) {
            c->layout = (espy_odn_layout)layout;
            c->n = g->n_nodes;
            c->algo = espy_array(cx, g->n_nodes + 1, sizeof *c->algo);
            for (size_t i = 0; i < g->n_nodes && c->algo; i++)
                c->algo[i] = (uint8_t)(algo[i] - '0');
            found = c->algo != NULL;
        }
    }
    espy_json_free(j);
    espy_free(cx, path);
    return found;
}

static espy_err tune_remember(espy_ctx *cx, const espy_buf *key, const espy_odn_choice *c)
{
    espy_err e = ESPY_E_NOMEM;
    char *path = tune_path(cx, key, true), *algo = espy_alloc(cx, c->n + 1);
    espy_json *j = espy_json_object();
    if (!path || !algo || !j)
        goto out;
    for (size_t i = 0; i < c->n; i++)
        algo[i] = (char)('0' + c->algo[i]);
    algo[c->n] = '\0';
    ESPY_GO(espy_json_set(cx, j, "key", espy_json_of_string((const char *)key->data)));
    ESPY_GO(espy_json_set(cx, j, "layout", espy_json_of_int(c->layout)));
    ESPY_GO(espy_json_set(cx, j, "algo", espy_json_of_string(algo)));
    e = espy_json_save(cx, j, path);
out:
    espy_json_free(j);
    espy_free(cx, algo);
    espy_free(cx, path);
    return e;
}

/* --- measuring ------------------------------------------------------------------------------- */

typedef struct tune_candidate {
    espy_odn_choice choice;
    espy_odn_plan *plan;
    double *step; /* seconds of the last run, per step */
    double *node; /* least seconds per node; [n_nodes] is what belongs to no node */
    double total;
} tune_candidate;

typedef struct tune_bench {
    espy_odn_state state; /* of its own: weights of candidates that lose go with it */
    const espy_graph *g;
    float **in, **out;
    tune_candidate at[TUNE_CANDIDATES];
    int n;
} tune_bench;

static void tune_bench_free(espy_ctx *cx, tune_bench *t)
{
    for (int i = 0; i < t->n; i++) {
        espy_odn_choice_free(cx, &t->at[i].choice);
        espy_odn_plan_destroy(cx, &t->at[i].plan);
        espy_free(cx, t->at[i].step);
        espy_free(cx, t->at[i].node);
    }
    for (size_t i = 0; t->in && i < t->g->n_inputs; i++)
        espy_free(cx, t->in[i]);
    for (size_t i = 0; t->out && i < t->g->n_outputs; i++)
        espy_free(cx, t->out[i]);
    espy_free(cx, t->in);
    espy_free(cx, t->out);
    espy_odn_state_clear(cx, &t->state);
}

/* Inputs of ordinary size: zeros and denormals have times of their own. */
static espy_err tune_bench_init(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                                tune_bench *t)
{
    *t = (tune_bench){.g = g, .state = {.options = st->options, .kern = st->kern}};
    ESPY_TRY(espy_dnn_engine(cx, &t->state.engine));
    t->in = espy_array(cx, g->n_inputs + 1, sizeof *t->in);
    t->out = espy_array(cx, g->n_outputs + 1, sizeof *t->out);
    if (!t->in || !t->out)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < g->n_inputs; i++) {
        size_t n = espy_value_count(&g->values[g->inputs[i]]);
        if (!(t->in[i] = espy_floats(cx, n)))
            return ESPY_E_NOMEM;
        for (size_t k = 0; k < n; k++)
            t->in[i][k] = (float)(k * 2654435761u % 2048) / 1024.0f - 1.0f;
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        if (!(t->out[i] = espy_floats(cx, espy_value_count(&g->values[g->outputs[i]]))))
            return ESPY_E_NOMEM;
    return ESPY_E_OK;
}

/* Adds a candidate; takes over its choice. */
static espy_err tune_add(espy_ctx *cx, tune_bench *t, espy_odn_choice *choice)
{
    tune_candidate *c = &t->at[t->n++];
    *c = (tune_candidate){.choice = *choice};
    choice->algo = NULL;
    ESPY_TRY(espy_odn_compile(cx, &t->state, t->g, &c->choice, &c->plan));
    c->step = espy_array(cx, c->plan->n_steps + 1, sizeof *c->step);
    c->node = espy_array(cx, t->g->n_nodes + 1, sizeof *c->node);
    if (!c->step || !c->node)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i <= t->g->n_nodes; i++)
        c->node[i] = 1e30;
    return ESPY_E_OK;
}

/* One run of a candidate; *seconds: all of it. */
static espy_err tune_run(espy_ctx *cx, tune_bench *t, tune_candidate *c, bool count,
                         double *seconds)
{
    size_t none = t->g->n_nodes, i = 0;
    ESPY_TRY(espy_cancelled(cx));
    ESPY_TRY(espy_odn_execute(cx, c->plan, (const float *const *)t->in, t->out, c->step));
    *seconds = 0;
    /* Steps of a node follow each other. */
    while (i < c->plan->n_steps) {
        int32_t node = c->plan->steps[i].node;
        size_t at = node == ESPY_NONE ? none : (size_t)node;
        double sum = 0;
        for (; i < c->plan->n_steps && c->plan->steps[i].node == node; i++)
            sum += c->step[i];
        *seconds += sum;
        if (count && sum < c->node[at])
            c->node[at] = sum;
    }
    return ESPY_E_OK;
}

/* Runs candidates [first, n) in turn; the totals are sums of each node's least time. */
static espy_err tune_measure(espy_ctx *cx, tune_bench *t, int first)
{
    double s = 0, all = 0;
    for (int i = first; i < t->n; i++) {
        ESPY_TRY(tune_run(cx, t, &t->at[i], false, &s));
        all += s;
    }
    int rounds = all > 0 ? (int)(TUNE_SECONDS / all) : 1;
    rounds = rounds < 2 ? 2 : rounds > TUNE_ROUNDS ? TUNE_ROUNDS : rounds;
    for (int r = 0; r < rounds; r++)
        for (int i = first; i < t->n; i++)
            ESPY_TRY(tune_run(cx, t, &t->at[i], true, &s));
    for (int i = first; i < t->n; i++) {
        t->at[i].total = 0;
        for (size_t k = 0; k <= t->g->n_nodes; k++)
            if (t->at[i].node[k] < 1e30)
                t->at[i].total += t->at[i].node[k];
    }
    return ESPY_E_OK;
}

static int tune_best(const tune_bench *t)
{
    int best = 0;
    for (int i = 1; i < t->n; i++)
        if (t->at[i].total < t->at[best].total)
            best = i;
    return best;
}

/* For each convolution the algorithm that was fastest where it was measured. */
static espy_err tune_mix(espy_ctx *cx, const tune_bench *t, bool *differs, espy_odn_choice *out)
{
    int best = tune_best(t);
    *differs = false;
    *out = (espy_odn_choice){.layout = t->at[best].choice.layout, .n = t->g->n_nodes};
    out->algo = espy_array(cx, t->g->n_nodes + 1, sizeof *out->algo);
    if (!out->algo)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < t->g->n_nodes; i++) {
        out->algo[i] = t->at[best].choice.algo[i];
        if (t->g->nodes[i].op != ESPY_OP_CONV)
            continue;
        double least = t->at[best].node[i];
        for (int k = 0; k < t->n; k++) {
            /* Another layout costs reorders that were not measured: it must be clearly faster. */
            double factor = t->at[k].choice.layout == out->layout ? 1.0 : 1.3;
            if (t->at[k].choice.algo[i] != out->algo[i] && factor * t->at[k].node[i] < least) {
                least = factor * t->at[k].node[i];
                out->algo[i] = t->at[k].choice.algo[i];
                *differs = true;
            }
        }
    }
    return ESPY_E_OK;
}

/* Measures the pure candidates and their mixture; the winner's choice is handed over. */
static espy_err tune_decide(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                            espy_odn_choice *out)
{
    tune_bench t;
    espy_odn_choice c = {0};
    bool winograd = false, mixed = false;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < g->n_nodes; i++)
        winograd = winograd || tune_winograd(st, g, &g->nodes[i]);
    ESPY_GO(tune_bench_init(cx, st, g, &t));
    ESPY_GO(tune_fill(cx, st, g, ESPY_ODN_BLOCKED, winograd, &c));
    ESPY_GO(tune_add(cx, &t, &c));
    if (winograd) {
        ESPY_GO(tune_fill(cx, st, g, ESPY_ODN_BLOCKED, false, &c));
        ESPY_GO(tune_add(cx, &t, &c));
    }
    ESPY_GO(tune_fill(cx, st, g, ESPY_ODN_NHWC, false, &c));
    ESPY_GO(tune_add(cx, &t, &c));
    ESPY_GO(tune_measure(cx, &t, 0));
    int best = tune_best(&t);
    ESPY_GO(tune_mix(cx, &t, &mixed, &c));
    if (mixed) {
        ESPY_GO(tune_add(cx, &t, &c));
        ESPY_GO(tune_measure(cx, &t, t.n - 1));
        if (t.at[t.n - 1].total < TUNE_KEEP * t.at[best].total)
            best = t.n - 1;
    }
    for (int i = 0; i < t.n; i++)
        espy_log(cx, ESPY_LOG_DEBUG, "tune: candidate %d of %d: %.3f ms%s", i + 1, t.n,
                 1e3 * t.at[i].total, i == best ? ", taken" : "");
    *out = t.at[best].choice;
    t.at[best].choice.algo = NULL;
out:
    espy_odn_choice_free(cx, &c);
    tune_bench_free(cx, &t);
    return e;
}

static espy_err tune_copy(espy_ctx *cx, const espy_odn_choice *from, espy_odn_choice *to)
{
    *to = (espy_odn_choice){0};
    uint8_t *algo = espy_array(cx, from->n + 1, sizeof *algo);
    if (!algo)
        return ESPY_E_NOMEM;
    memcpy(algo, from->algo, from->n * sizeof *algo);
    *to = (espy_odn_choice){.layout = from->layout, .algo = algo, .n = from->n};
    return ESPY_E_OK;
}

/* Measures, keeps the decision for other shapes of the network and writes it to the cache. */
static espy_err tune_learn(espy_ctx *cx, espy_odn_state *st, const espy_graph *g,
                           const espy_buf *key, espy_odn_choice *c)
{
    ESPY_TRY(tune_decide(cx, st, g, c));
    espy_odn_choice_free(cx, &st->learned);
    ESPY_TRY(tune_copy(cx, c, &st->learned));
    st->measured++;
    espy_ctx aside = espy_ctx_child(cx);
    if (tune_remember(&aside, key, c) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_INFO, "tuning is not remembered: %s", aside.text);
    return ESPY_E_OK;
}

espy_err espy_odn_tune(espy_ctx *cx, espy_odn_state *st, const espy_graph *g, espy_odn_plan **out)
{
    espy_odn_choice c = {0};
    espy_buf key = {0};
    espy_err e = ESPY_E_OK;
    bool convs = false;
    for (size_t i = 0; i < g->n_nodes; i++)
        convs = convs || g->nodes[i].op == ESPY_OP_CONV;
    if (!convs) {
        ESPY_GO(espy_odn_choice_default(cx, st, g, &c));
    } else {
        ESPY_GO(tune_key(cx, st, g, &key));
        espy_ctx aside = espy_ctx_child(cx); /* the cache's failures are not ours */
        if (!tune_recall(&aside, &key, g, &c)) {
            /* Pictures of every size must not cost a measurement each. */
            if (st->measured >= TUNE_SHAPES && st->learned.n == g->n_nodes)
                ESPY_GO(tune_copy(cx, &st->learned, &c));
            else
                ESPY_GO(tune_learn(cx, st, g, &key, &c));
        }
    }
    e = espy_odn_compile(cx, st, g, &c, out);
out:
    espy_odn_choice_free(cx, &c);
    espy_buf_free(cx, &key);
    return e;
}
