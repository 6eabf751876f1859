/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy assign`: unlabelled samples get the labels of people who are known. */
#include <stdlib.h>

#include "base/file.h"
#include "cli/intake.h"
#include "flow/assign.h"

/* Code and name of labels by id, for telling results. */
typedef struct assign_names {
    espy_label *at;
    size_t n;
} assign_names;

static int assign_label_order(const void *a, const void *b)
{
    int64_t x = ((const espy_label *)a)->id, y = ((const espy_label *)b)->id;
    return x < y ? -1 : x > y;
}

static const espy_label *assign_label(const assign_names *names, int64_t id)
{
    const espy_label key = {.id = id};
    return names->n ? bsearch(&key, names->at, names->n, sizeof *names->at, assign_label_order)
                    : NULL;
}

static espy_err assign_one_json(espy_cli *cli, const espy_assignment *a, const assign_names *names,
                                const char *source)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object(), *list = espy_json_array();
    const espy_label *l = assign_label(names, a->label);
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "sample", espy_json_of_int(a->sample)));
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(source)));
    ESPY_GO(
        espy_json_set(cx, o, "status", espy_json_of_string(espy_assign_status_name(a->status))));
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(l ? l->code : NULL)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(l ? l->name : NULL)));
    ESPY_GO(espy_json_set(cx, o, "confidence", espy_json_of_float(a->confidence)));
    for (size_t i = 0; i < a->nearest_n; i++) {
        const espy_label *near = assign_label(names, a->nearest[i].label);
        espy_json *v = espy_json_object();
        ESPY_GO(espy_json_append(cx, list, v));
        ESPY_GO(espy_json_set(cx, v, "label", espy_json_of_string(near ? near->code : NULL)));
        ESPY_GO(espy_json_set(cx, v, "name", espy_json_of_string(near ? near->name : NULL)));
        ESPY_GO(espy_json_set(cx, v, "similarity", espy_json_of_float(a->nearest[i].similarity)));
    }
    ESPY_GO(espy_json_set(cx, o, "k_nearest", espy_json_ref(list)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(list);
    espy_json_free(o);
    return e;
}

static espy_err assign_one(espy_cli *cli, const espy_assignment *a, const assign_names *names)
{
    const espy_label *l = assign_label(names, a->label);
    const espy_neighbour *near = a->nearest_n ? &a->nearest[0] : NULL;
    const espy_label *best = near ? assign_label(names, near->label) : NULL;
    char *source = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_sample_origin(&cli->cx, cli->ws.store, a->sample, &source));
    if (cli->json) {
        e = assign_one_json(cli, a, names, source);
    } else {
        espy_cli_print("%8lld  %-18s", (long long)a->sample, espy_assign_status_name(a->status));
        if (l && a->status != ESPY_ASSIGN_AMBIGUOUS)
            espy_cli_print("  %s (%s) %.2f", l->code, l->name, (double)a->confidence);
        else if (best)
            espy_cli_print("  nearest %s %.2f", best->code, (double)near->similarity);
        espy_cli_print("  %s\n", espy_path_name(source));
    }
    espy_free(&cli->cx, source);
    return e;
}

static espy_err assign_summary(espy_cli *cli, const espy_collection *c,
                               const espy_assign_options *o, const espy_assignments *a)
{
    espy_ctx *cx = &cli->cx;
    espy_json *v = NULL;
    espy_err e = ESPY_E_OK;
    if (!cli->json) {
        espy_cli_print("%zu sample%s: %zu assigned, %zu matched, %zu no match, %zu ambiguous, %zu "
                       "skipped\n",
                       a->n, a->n == 1 ? "" : "s", a->assigned, a->matched, a->no_match,
                       a->ambiguous, a->skipped);
        if (a->n && !a->references)
            espy_cli_say(cli, "nobody has a label yet: espy cluster, or espy train DIR");
        return ESPY_E_OK;
    }
    v = espy_json_object();
    ESPY_GO(espy_json_set(cx, v, "collection", espy_json_of_string(c->name)));
    ESPY_GO(espy_json_set(cx, v, "session", espy_json_of_string(o->session)));
    ESPY_GO(espy_json_set(cx, v, "threshold", espy_json_of_float((float)o->threshold)));
    ESPY_GO(espy_json_set(cx, v, "total", espy_json_of_int((int64_t)a->n)));
    ESPY_GO(espy_json_set(cx, v, "assigned", espy_json_of_int((int64_t)a->assigned)));
    ESPY_GO(espy_json_set(cx, v, "matched", espy_json_of_int((int64_t)a->matched)));
    ESPY_GO(espy_json_set(cx, v, "no_match", espy_json_of_int((int64_t)a->no_match)));
    ESPY_GO(espy_json_set(cx, v, "ambiguous", espy_json_of_int((int64_t)a->ambiguous)));
    ESPY_GO(espy_json_set(cx, v, "skipped", espy_json_of_int((int64_t)a->skipped)));
    ESPY_GO(espy_json_set(cx, v, "references", espy_json_of_int((int64_t)a->references)));
    ESPY_GO(espy_cli_print_json(cli, v));
out:
    espy_json_free(v);
    return e;
}

static espy_err assign_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_assignments a = {0};
    assign_names names = {0};
    espy_assign_options o = espy_assign_defaults();
    int64_t sample = espy_cli_int(cli, "sample");
    espy_err e = ESPY_E_OK;
    o.session = espy_cli_text(cli, "session");
    o.date = espy_cli_text(cli, "date");
    o.k = (size_t)espy_cli_int(cli, "k");
    o.margin = espy_cli_real(cli, "margin");
    o.voting = !espy_cli_flag(cli, "no-voting");
    o.average = espy_cli_flag(cli, "average");
    o.commit = !espy_cli_flag(cli, "dry-run");
    o.progress = &cli->progress;
    if (sample && o.session)
        return espy_fail(cx, ESPY_E_ARG, "--sample names one sample; leave out --session");
    if (sample) {
        o.samples = &sample;
        o.samples_n = 1;
    }
    ESPY_GO(espy_cli_intake(cli, &c));
    ESPY_GO(espy_cli_cosine(cli, &c, espy_assign_cosine, &o.threshold));
    ESPY_GO(espy_flow_assign(cx, &cli->ws, &c, &o, &a));
    ESPY_GO(espy_store_labels(cx, cli->ws.store, c.id, &names.at, &names.n));
    if (names.n)
        qsort(names.at, names.n, sizeof *names.at, assign_label_order);
    espy_cli_progress_pause(cli);
    for (size_t i = 0; i < a.n; i++)
        ESPY_GO(assign_one(cli, &a.at[i], &names));
    ESPY_GO(assign_summary(cli, &c, &o, &a));
out:
    espy_labels_free(cx, names.at, names.n);
    espy_assignments_free(cx, &a);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_option assign_options[] = {
    ESPY_INTAKE_OPTIONS,
    {"k", "N", ESPY_OPT_INT, 1, ESPY_ASSIGN_K_MAX, "5", NULL, NULL,
     "how many of the nearest labelled samples decide"},
    {"threshold", "COS", ESPY_OPT_REAL, 0, 1, NULL, NULL, NULL,
     "least cosine of a sample that counts; else what suits the pack"},
    {"margin", "COS", ESPY_OPT_REAL, 0, 1, "0.03", NULL, NULL,
     "ambiguous when another label is nearer than this to the winner; 0: never"},
    {"no-voting", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "the nearest one alone decides"},
    {"average", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "compare with the mean of each label, which has one vote then: add --no-voting"},
    {"dry-run", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "tell the matches, change nothing"},
    {"sample", "N", ESPY_OPT_INT, 0, 9e15, "0", NULL, NULL,
     "this sample only; 0: all that have no label"},
    {0}};

const espy_command espy_command_assign = {
    "assign",
    "[FILE|DIR ...]",
    "Give unlabelled samples the labels of the people they are most like",
    "The k nearest labelled samples vote; those below --threshold do not count, and the winner "
    "needs\n"
    "half of the rest.  What a person refused (espy label reject) is not suggested again.\n"
    "Take a run back with `espy label undo`.\n"
    "\n"
    "Strangers are named: raise --threshold.  People who are known are not: lower it, or label "
    "more\n"
    "of their samples.  Cosines of 0.6 to 0.7 are usual for FaceNet; other packs differ, so the "
    "default\n"
    "depends on the pack (edgeface 0.41, mobilefacenet 0.44, face-api 0.94).  Five to seven "
    "neighbours\n"
    "and voting suit people with several labelled samples each.",
    assign_options,
    0,
    -1,
    assign_cmd};
