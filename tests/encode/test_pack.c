/* SPDX-License-Identifier: Apache-2.0
 * Pack manifests: the ones we ship, hostile ones, and how files are found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/align.h"
#include "encode/detect.h"
#include "encode/pack.h"
#include "encode/prep.h"
#include "support/support.h"

static const char good[] =
    "{\"format\": 1, \"name\": \"demo\", \"summary\": \"s\", \"modality\": \"face\","
    " \"licence\": \"MIT\", \"commercial\": true, \"dim\": 4, \"floor\": 0.3,"
    " \"files\": [{\"role\": \"embedder\", \"name\": \"net.onnx\", \"bytes\": 5,"
    "  \"sha256\": \"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}]}";

static espy_err parse(espy_ctx *cx, const char *text, espy_pack **out)
{
    return espy_pack_parse(cx, (espy_span){(const uint8_t *)text, strlen(text)}, NULL, out);
}

/* The good manifest with one piece of text replaced; caller frees. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    assert_non_null(at);
    char *s = calloc(1, sizeof good + strlen(to));
    memcpy(s, good, (size_t)(at - good));
    strcat(s, to);
    strcat(s, at + strlen(from));
    return s;
}

static void test_good(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_pack *p = NULL;
    test_memory_init(&cx, &m);
    assert_int_equal(parse(&cx, good, &p), ESPY_E_OK);
    assert_string_equal(p->name, "demo");
    assert_int_equal(p->dim, 4);
    assert_true(p->commercial);
    assert_false(p->bf16);
    assert_float_equal(p->min_side, 32, 0);
    assert_int_equal(p->n_files, 1);
    assert_non_null(espy_pack_file_find(p, "embedder"));
    assert_null(espy_pack_file_find(p, "detector"));
    espy_pack_destroy(&cx, &p);
    assert_null(p);
    TEST_FAULT_LOOP(&cx, &m, parse(&cx, good, &p), espy_pack_destroy(&cx, &p));
    assert_int_equal(m.live, 0);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"format\": 1", "\"format\": 2", "format"},
        {"\"format\": 1", "\"format\": true", "format"},
        {"\"name\": \"demo\"", "\"name\": \"../demo\"", "name"},
        {"\"name\": \"demo\"", "\"name\": \"\"", "name"},
        {"\"name\": \"demo\"", "\"name\": 3", "name"},
        {"\"summary\": \"s\"", "\"summary\": \"\\u001b[2J\"", "summary"},
        {"\"summary\": \"s\",", "", "summary"},
        {"\"modality\": \"face\"", "\"modality\": \"smell\"", "modality"},
        {"\"commercial\": true", "\"commercial\": \"yes\"", "commercial"},
        {"\"commercial\": true,", "", "commercial"},
        {"\"dim\": 4", "\"dim\": 99999999999", "dim"},
        {"\"dim\": 4", "\"dim\": -1", "dim"},
        {"\"dim\": 4", "\"dim\": 4.5", "dim"},
        {"\"floor\": 0.3", "\"floor\": 3", "floor"},
        {"\"floor\": 0.3", "\"flor\": 0.3", "flor"},
        {"\"files\": [{", "\"files\": [{\"x\": 1, ", "x"},
        {"\"role\": \"embedder\", ", "", "role"},
        {"net.onnx", "../net.onnx", "name"},
        {"net.onnx", "/etc/passwd", "name"},
        {"net.onnx", ".hidden", "name"},
        {"net.onnx", "a\\\\b", "name"},
        {"net.onnx", "a\\nb", "name"},
        {"\"bytes\": 5", "\"bytes\": -5", "bytes"},
        {"\"bytes\": 5", "\"bytes\": 5, \"url\": \"file:///etc/passwd\"", "url"},
        {"\"bytes\": 5", "\"bytes\": 5, \"member\": \"../x\"", "member"},
        {"2cf24dba", "2CF24DBA", "sha256"},
        {"2cf24dba", "2cf2", "sha256"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"quality\": 3", "quality"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"quality\": {\"min_side\": \"a\"}", "min_side"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"bf16\": 1", "bf16"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"get\": \"/bin/true\"", "get"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"get\": \"bin/true\"", "get"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"get\": \"scripts/../x\"", "get"},
        {"\"floor\": 0.3", "\"floor\": 0.3, \"get\": 1", "get"},
        {"{\"format\"", "[{\"format\"", "JSON"},
        {"}]}", "}", "JSON"},
    };
    espy_ctx cx;
    test_memory m;
    espy_pack *p = NULL;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = changed(cases[i].from, cases[i].to);
        espy_err e = parse(&cx, text, &p);
        if (e != ESPY_E_FORMAT || !strstr(cx.text, cases[i].says) || strchr(cx.text, '\n'))
            fail_msg("case %zu (%s): %d %s", i, cases[i].to, e, cx.text);
        assert_null(p);
        espy_clear(&cx);
        free(text);
    }
    for (size_t n = 0; n < strlen(good); n++) { /* every truncation */
        assert_int_equal(espy_pack_parse(&cx, (espy_span){(const uint8_t *)good, n}, "x", &p),
                         ESPY_E_FORMAT);
        espy_clear(&cx);
    }
    assert_int_equal(m.live, 0);
}

/* Every manifest of the source tree is sound: known parts, all roles there, digests well formed. */
static void test_shipped(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_dir_list list;
    assert_int_equal(espy_dir_read(&cx, test_source("models/packs"), &list), ESPY_E_OK);
    assert_true(list.n >= 9);
    for (size_t i = 0; i < list.n; i++) {
        espy_pack *p = NULL;
        if (espy_pack_open(&cx, list.at[i].name, NULL, &p) != ESPY_E_OK)
            fail_msg("%s", cx.text);
        assert_string_equal(p->name, list.at[i].name);
        assert_non_null(espy_pack_file_find(p, "embedder"));
        if (strcmp(p->modality, "sound") == 0) {
            espy_pack_destroy(&cx, &p);
            continue;
        }
        const char *type =
            espy_json_string(espy_json_get(espy_json_get(p->json, "detector"), "type"), "");
        size_t d = 0;
        while (espy_detectors[d] && strcmp(espy_detectors[d]->name, type) != 0)
            d++;
        assert_non_null(espy_detectors[d]);
        for (size_t r = 0; espy_detectors[d]->roles[r]; r++)
            assert_non_null(espy_pack_file_find(p, espy_detectors[d]->roles[r]));
        assert_non_null(espy_align_find(espy_json_string(espy_json_get(p->json, "align"), "")));
        espy_prep prep;
        assert_int_equal(espy_prep_read(&cx, espy_json_get(p->json, "embedder"), "embedder", &prep),
                         ESPY_E_OK);
        espy_pack_destroy(&cx, &p);
    }
    espy_dir_list_free(&cx, &list);
    espy_pack *built_in = NULL;
    assert_int_equal(espy_pack_open(&cx, "melstats", NULL, &built_in), ESPY_E_OK);
    assert_int_equal(built_in->n_files, 0);
    assert_null(built_in->manifest);
    espy_pack_destroy(&cx, &built_in);
    char **names;
    size_t n;
    assert_int_equal(espy_pack_names(&cx, NULL, &names, &n), ESPY_E_OK);
    assert_true(n >= 9);
    for (size_t i = 1; i < n; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    espy_pack_names_free(&cx, names, n);
}

static espy_prep prep_of(espy_ctx *cx, const char *text, espy_err want)
{
    espy_prep p = {0};
    espy_json *o = NULL;
    assert_int_equal(espy_json_parse(cx, text, strlen(text), &o), ESPY_E_OK);
    assert_int_equal(espy_prep_read(cx, o, "embedder", &p), want);
    espy_json_free(o);
    espy_clear(cx);
    return p;
}

/* Pixels to values: (p - mean) / std, in the order and layout the network wants. */
static void test_prep(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    uint8_t px[8 * 8 * 3];
    float out[8 * 8 * 3];
    for (int i = 0; i < 8 * 8 * 3; i++)
        px[i] = (uint8_t)i;
    const espy_image im = {px, 8, 8, 8, 8};
    const espy_prep a =
        prep_of(&cx, "{\"input\":[8,8],\"mean\":[1,2,3],\"std\":[2,4,8]}", ESPY_E_OK);
    espy_prep_fill(&a, &im, out);
    assert_float_equal(out[0 * 64 + 5], (15 - 1) / 2.0, 1e-6);
    assert_float_equal(out[1 * 64 + 5], (16 - 2) / 4.0, 1e-6);
    assert_float_equal(out[2 * 64 + 5], (17 - 3) / 8.0, 1e-6);
    /* mean and std are in the network's order: blue comes first here */
    const espy_prep b =
        prep_of(&cx, "{\"input\":[8,8],\"mean\":[1,2,3],\"std\":2,\"order\":\"bgr\"}", ESPY_E_OK);
    espy_prep_fill(&b, &im, out);
    assert_float_equal(out[0 * 64 + 5], (17 - 1) / 2.0, 1e-6);
    assert_float_equal(out[2 * 64 + 5], (15 - 3) / 2.0, 1e-6);
    const espy_prep c =
        prep_of(&cx, "{\"input\":[8,8],\"layout\":\"nhwc\",\"order\":\"bgr\"}", ESPY_E_OK);
    espy_prep_fill(&c, &im, out);
    assert_float_equal(out[3 * 5], 17, 0);
    assert_float_equal(out[3 * 5 + 2], 15, 0);
    static const char *const bad[] = {
        "{}",
        "{\"input\":[8]}",
        "{\"input\":[8,-8]}",
        "{\"input\":[8,1e9]}",
        "{\"input\":[8,99999]}",
        "{\"input\":\"8x8\"}",
        "{\"input\":[8,8],\"mean\":[1,2]}",
        "{\"input\":[8,8],\"mean\":\"1\"}",
        "{\"input\":[8,8],\"std\":0}",
        "{\"input\":[8,8],\"std\":[1,1,-1]}",
        "{\"input\":[8,8],\"order\":\"grb\"}",
        "{\"input\":[8,8],\"order\":1}",
        "{\"input\":[8,8],\"layout\":\"hwc\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        prep_of(&cx, bad[i], ESPY_E_FORMAT);
}

static void put(espy_ctx *cx, const char *dir, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(espy_file_write(cx, path, text, strlen(text)), ESPY_E_OK);
}

static espy_err read_embedder(espy_ctx *cx, const char *name, const char *workspace)
{
    espy_pack *p = NULL;
    espy_buf b;
    espy_buf_init(&b, 1000);
    ESPY_TRY(espy_pack_open(cx, name, workspace, &p));
    espy_err e = espy_pack_read(cx, p, "embedder", &b);
    if (e == ESPY_E_OK)
        assert_memory_equal(b.data, "hello", 5);
    espy_buf_free(cx, &b);
    espy_pack_destroy(cx, &p);
    return e;
}

static void test_files(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    char top[] = "/tmp/espy-pack-XXXXXX", dir[200], other[200];
    assert_non_null(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/models/demo", top);
    snprintf(other, sizeof other, "%s/models/other", top);
    assert_int_equal(espy_dir_make(&cx, dir), ESPY_E_OK);
    assert_int_equal(espy_dir_make(&cx, other), ESPY_E_OK);
    put(&cx, dir, "pack.json", good);

    assert_int_equal(read_embedder(&cx, "demo", top), ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "net.onnx"));
    espy_clear(&cx);
    put(&cx, dir, "net.onnx", "HELLO"); /* same size, wrong content */
    assert_int_equal(read_embedder(&cx, "demo", top), ESPY_E_DIGEST);
    assert_non_null(strstr(cx.text, "net.onnx"));
    espy_clear(&cx);
    put(&cx, other, "renamed.bin", "hello"); /* the right content elsewhere, by another name */
    assert_int_equal(read_embedder(&cx, "demo", top), ESPY_E_OK);
    char path[300];
    snprintf(path, sizeof path, "%s/net.onnx", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_embedder(&cx, "demo", top), ESPY_E_OK);
    put(&cx, dir, "net.onnx", "hello");
    assert_int_equal(read_embedder(&cx, "demo", top), ESPY_E_OK);
    assert_int_equal(read_embedder(&cx, dir, NULL), ESPY_E_OK); /* by folder and by path */
    snprintf(path, sizeof path, "%s/pack.json", dir);
    assert_int_equal(read_embedder(&cx, path, NULL), ESPY_E_OK);
    assert_int_equal(read_embedder(&cx, "absent", top), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    assert_int_equal(read_embedder(&cx, "..", top), ESPY_E_ARG);
    espy_clear(&cx);
    put(&cx, other, "pack.json", "{}");
    assert_int_equal(read_embedder(&cx, "other", top), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "other/pack.json"));
    espy_clear(&cx);

    espy_pack *p = NULL;
    TEST_FAULT_LOOP(&cx, &m, espy_pack_open(&cx, "demo", top, &p), espy_pack_destroy(&cx, &p));
    TEST_FAULT_LOOP(&cx, &m, read_embedder(&cx, "demo", top), (void)0);
    char **names = NULL;
    size_t n = 0;
    TEST_FAULT_LOOP(&cx, &m, espy_pack_names(&cx, top, &names, &n),
                    espy_pack_names_free(&cx, names, n));
    assert_int_equal(espy_dir_remove(&cx, top), ESPY_E_OK);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_hostile), cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_prep), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
