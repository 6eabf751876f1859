/* SPDX-License-Identifier: Apache-2.0
 * Writes an index and what it answers, for check_index.py:
 *   index_run FOLDER f32|bf16|int8 scan|graph keep|bare DIM N
 * FOLDER gets vectors and queries (raw f32), ids (raw int64), the index, and of each query the ids
 * (raw int64) and cosines (raw f32) of its 5 hits.  Every ninth vector is taken out again. */
#include <stdio.h>

#include "base/file.h"
#include "index_case.h"

enum { RUN_QUERIES = 50, RUN_HITS = 5 };

static espy_err run_write(espy_ctx *cx, const char *folder, const char *name, const void *p,
                          size_t n)
{
    char *path = espy_path_join(cx, folder, name);
    espy_err e = path ? espy_file_write(cx, path, p, n) : cx->code;
    espy_free(cx, path);
    return e;
}

static espy_err run(espy_ctx *cx, char **argv)
{
    static const char *const kinds[] = {"f32", "bf16", "int8"};
    espy_index_options o = {.method =
                                strcmp(argv[3], "graph") == 0 ? ESPY_INDEX_GRAPH : ESPY_INDEX_SCAN,
                            .keep = strcmp(argv[4], "keep") == 0};
    index_case c = case_make(strtoul(argv[6], NULL, 10), strtoul(argv[5], NULL, 10), RUN_QUERIES);
    int64_t ids[RUN_QUERIES * RUN_HITS];
    float cosines[RUN_QUERIES * RUN_HITS];
    espy_index *ix = NULL;
    char *path = espy_path_join(cx, argv[1], "index");
    espy_err e = ESPY_E_OK;
    for (int kind = 0; kind < ESPY_NEAR_KINDS; kind++)
        if (strcmp(argv[2], kinds[kind]) == 0)
            o.kind = (espy_near_kind)kind;
    ESPY_GO(espy_index_create(cx, c.dim, &o, &ix));
    ESPY_GO(espy_index_add(cx, ix, c.ids, c.vectors, c.n));
    for (size_t i = 0; i < c.n; i += 9)
        ESPY_GO(espy_index_remove(cx, ix, c.ids[i]));
    ESPY_GO(espy_index_save(cx, ix, path));
    case_answer a = case_ask(cx, ix, &c, &(espy_index_query){.k = RUN_HITS});
    for (size_t i = 0; i < RUN_QUERIES * RUN_HITS; i++) {
        ids[i] = a.hits[i].id;
        cosines[i] = a.hits[i].cosine;
    }
    case_answer_free(&a);
    ESPY_GO(run_write(cx, argv[1], "vectors", c.vectors, c.n * c.dim * sizeof *c.vectors));
    ESPY_GO(run_write(cx, argv[1], "queries", c.queries, RUN_QUERIES * c.dim * sizeof *c.queries));
    ESPY_GO(run_write(cx, argv[1], "ids", c.ids, c.n * sizeof *c.ids));
    ESPY_GO(run_write(cx, argv[1], "hit_ids", ids, sizeof ids));
    ESPY_GO(run_write(cx, argv[1], "hit_cosines", cosines, sizeof cosines));
out:
    espy_index_destroy(cx, &ix);
    espy_free(cx, path);
    case_free(&c);
    return e;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (argc != 7 || run(&cx, argv) != ESPY_E_OK) {
        fprintf(stderr, "index_run: %s\n", argc == 7 ? cx.text : "six arguments are needed");
        return 1;
    }
    return 0;
}
