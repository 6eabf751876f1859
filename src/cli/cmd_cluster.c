/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy cluster`: unlabelled samples become groups. */
#include <stdlib.h>
#include <string.h>

#include "cli/intake.h"
#include "flow/assign.h"
#include "flow/sheet.h"

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static espy_err cluster_method(espy_cli *cli, espy_group_method *out)
{
    const char *name = espy_cli_text(cli, "method");
    *out = strcmp(name, "dbscan") == 0 ? ESPY_GROUP_DBSCAN : ESPY_GROUP_AVERAGE;
    if (*out == ESPY_GROUP_AVERAGE && strcmp(name, "average") != 0)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--method %s: choose average or dbscan", name);
    if (*out == ESPY_GROUP_DBSCAN && espy_cli_given(cli, "max-clusters"))
        return espy_fail(&cli->cx, ESPY_E_ARG, "--max-clusters is for --method average");
    if (*out == ESPY_GROUP_AVERAGE && espy_cli_given(cli, "min-samples"))
        return espy_fail(&cli->cx, ESPY_E_ARG, "--min-samples is for --method dbscan");
    return ESPY_E_OK;
}

/* DBSCAN joins by single pairs, as assignment does, and not by means. */
static double (*cluster_cosine(espy_group_method m))(double)
{
    return m == ESPY_GROUP_DBSCAN ? espy_assign_cosine : espy_group_cosine;
}

static espy_err cluster_group_json(espy_ctx *cx, const espy_grouping *g, size_t i, espy_json *list)
{
    const espy_group *at = &g->at[i];
    espy_json *o = espy_json_object(), *samples = espy_json_array();
    espy_err e = espy_json_append(cx, list, espy_json_ref(o));
    ESPY_GO(e);
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(at->code)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(at->name)));
    ESPY_GO(espy_json_set(cx, o, "new", espy_json_of_bool(at->fresh)));
    ESPY_GO(espy_json_set(cx, o, "size", espy_json_of_int((int64_t)at->size)));
    for (size_t k = 0; k < g->pool.n; k++)
        if (g->group[k] == (int32_t)i)
            ESPY_GO(espy_json_append(cx, samples, espy_json_of_int(g->pool.at[k].sample)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_ref(samples)));
out:
    espy_json_free(o);
    espy_json_free(samples);
    return e;
}

static espy_err cluster_json(espy_cli *cli, const espy_collection *c, const espy_group_options *o,
                             const espy_grouping *g)
{
    espy_ctx *cx = &cli->cx;
    espy_json *v = espy_json_object(), *list = espy_json_array();
    size_t fresh = 0, rows = 0;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < g->n; i++) {
        fresh += g->at[i].fresh;
        rows += g->at[i].size;
        ESPY_GO(cluster_group_json(cx, g, i, list));
    }
    ESPY_GO(espy_json_set(cx, v, "collection", espy_json_of_string(c->name)));
    ESPY_GO(espy_json_set(cx, v, "session", espy_json_of_string(o->session)));
    ESPY_GO(espy_json_set(cx, v, "threshold", espy_json_of_float((float)o->threshold)));
    ESPY_GO(espy_json_set(cx, v, "samples", espy_json_of_int((int64_t)g->pool.n)));
    ESPY_GO(espy_json_set(cx, v, "compared", espy_json_of_int((int64_t)(rows + g->noise))));
    ESPY_GO(espy_json_set(cx, v, "noise", espy_json_of_int((int64_t)g->noise)));
    ESPY_GO(espy_json_set(cx, v, "clusters", espy_json_of_int((int64_t)g->n)));
    ESPY_GO(espy_json_set(cx, v, "labels_created",
                          espy_json_of_int(o->create_labels ? (int64_t)fresh : 0)));
    ESPY_GO(espy_json_set(cx, v, "labelled", espy_json_of_int((int64_t)g->filed)));
    ESPY_GO(espy_json_set(cx, v, "groups", espy_json_ref(list)));
    ESPY_GO(espy_cli_print_json(cli, v));
out:
    espy_json_free(list);
    espy_json_free(v);
    return e;
}

static int cluster_order(const void *a, const void *b)
{
    const espy_group *x = *(espy_group *const *)a, *y = *(espy_group *const *)b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The groups, largest first; those of one sample are only counted. */
static espy_err cluster_table(espy_cli *cli, const espy_group_options *o, const espy_grouping *g)
{
    espy_group **order = espy_array(&cli->cx, g->n, sizeof(espy_group *));
    size_t shown = 0;
    if (!order)
        return cli->cx.code;
    for (size_t i = 0; i < g->n; i++)
        order[i] = &g->at[i];
    if (g->n)
        qsort(order, g->n, sizeof(espy_group *), cluster_order);
    for (; shown < g->n && order[shown]->size > 1; shown++)
        espy_cli_print("%6zu  %-16s  %s%s\n", order[shown]->size, order[shown]->code,
                       order[shown]->name,
                       order[shown]->fresh && o->create_labels ? "  (new)" : "");
    if (shown < g->n)
        espy_cli_print("%6zu groups of one\n", g->n - shown);
    espy_free(&cli->cx, order);
    return ESPY_E_OK;
}

static espy_err cluster_text(espy_cli *cli, const espy_collection *c, const espy_group_options *o,
                             const espy_grouping *g)
{
    const espy_modality *m = espy_modality_find(c->modality);
    ESPY_TRY(cluster_table(cli, o, g));
    espy_cli_print("%zu group%s; %zu %s%s got another label", g->n, plural(g->n), g->filed,
                   m->sample, plural(g->filed));
    if (g->noise)
        espy_cli_print("; %zu like no other", g->noise);
    espy_cli_print("\n");
    if (g->too_many)
        espy_cli_say(cli, "more groups than --max-clusters: the others must stay apart");
    const espy_group *best = NULL;
    for (size_t i = 0; i < g->n; i++)
        if (g->at[i].fresh && (!best || g->at[i].size > best->size))
            best = &g->at[i];
    if (best && o->create_labels)
        espy_cli_say(cli, "name a group with: espy label rename %s NEW_CODE \"Full Name\"",
                     best->code);
    return ESPY_E_OK;
}

static espy_err cluster_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_grouping g = {0};
    espy_group_options o = espy_group_defaults();
    const char *sheet = espy_cli_text(cli, "sheet");
    espy_err e = ESPY_E_OK;
    ESPY_TRY(cluster_method(cli, &o.method));
    if (sheet)
        ESPY_TRY(espy_sheet_check(cx, sheet));
    o.session = espy_cli_text(cli, "session");
    o.date = espy_cli_text(cli, "date");
    o.max_clusters = espy_cli_text(cli, "max-clusters") ? (size_t)espy_cli_int(cli, "max-clusters")
                                                        : ESPY_GROUP_ANY_NUMBER;
    o.min_samples = (size_t)espy_cli_int(cli, "min-samples");
    o.include_identified = espy_cli_flag(cli, "include-identified");
    o.create_labels = !espy_cli_flag(cli, "no-labels");
    o.assign = o.create_labels && !espy_cli_flag(cli, "no-assign");
    o.progress = &cli->progress;
    ESPY_GO(espy_cli_intake(cli, &c));
    if (sheet && espy_modality_find(c.modality)->hears)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "--sheet is for pictures"));
    ESPY_GO(espy_cli_cosine(cli, &c, cluster_cosine(o.method), &o.threshold));
    ESPY_GO(espy_flow_group(cx, &cli->ws, &c, &o, &g));
    espy_cli_progress_pause(cli);
    if (cli->json)
        ESPY_GO(cluster_json(cli, &c, &o, &g));
    else if (g.pool.n == 0)
        espy_cli_print("there is nothing to group: name photos, or a folder of them\n");
    else
        ESPY_GO(cluster_text(cli, &c, &o, &g));
    if (sheet) {
        ESPY_GO(espy_flow_sheet(cx, &cli->ws, &c, &g, sheet));
        espy_cli_say(cli, "Drawn: %s", sheet);
    }
out:
    espy_grouping_free(cx, &g);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_option cluster_options[] = {
    ESPY_INTAKE_OPTIONS,
    {"threshold", "COS", ESPY_OPT_REAL, 0, 1, NULL, NULL, NULL,
     "least mean cosine within a group, higher makes more groups; else what suits the pack"},
    {"max-clusters", "N", ESPY_OPT_INT, 1, ESPY_GROUP_CLUSTERS_MAX, NULL, NULL, NULL,
     "join on, against the threshold, until there are no more groups than this"},
    {"method", "NAME", ESPY_OPT_TEXT, 0, 0, "average", NULL, NULL,
     "average: average linkage; dbscan: tells what is like no other"},
    {"min-samples", "N", ESPY_OPT_INT, 2, 1000000, "2", NULL, NULL,
     "dbscan: as many alike make a group"},
    {"include-identified", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "of a whole collection also the samples that have a name (in a session they always count)"},
    {"no-labels", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "only tell the groups"},
    {"no-assign", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL,
     "make the labels, but leave the samples as they are"},
    {"sheet", "OUT", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "draw the groups as rows of faces, a .jpg or .png"},
    {0}};

const espy_command espy_command_cluster = {
    "cluster",
    "[FILE|DIR ...]",
    "Group unlabelled samples into people, and make a label of each group",
    "Files come into the collection first (with --session: into that occasion).  Without files "
    "what\n"
    "is there is grouped.  Two faces of one photo are never one person; what people named or "
    "refused\n"
    "stays so; a group keeps its label from run to run.  Take a run back with `espy label undo`.\n"
    "\n"
    "Look at a --sheet first.  Two people in one group: raise --threshold.  One person in many\n"
    "groups: lower it, or merge them.  Cosines of 0.5 to 0.6 are usual for FaceNet; other packs "
    "differ,\n"
    "so the default depends on the pack (edgeface 0.37, mobilefacenet 0.40, face-api 0.94).  A "
    "class\n"
    "of 30 has room in --max-clusters 50: what is least unlike is joined until it holds.\n"
    "DBSCAN joins whoever is near one of a group: fewer people are torn apart, but in large\n"
    "collections people who are alike come together.",
    cluster_options,
    0,
    -1,
    cluster_cmd};
