/* SPDX-License-Identifier: Apache-2.0
 * base/zip: round trips, the same bytes each time, and that no damaged or hostile archive is taken.
 * Foreign archives are in fuzz/corpus/zip (Python's zipfile, by fuzz/seeds.py). */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/zip.h"

static const espy_zip_member zip_members[] = {
    {"metadata.json", {(const uint8_t *)"{}", 2}},
    {"deep/er/empty", {NULL, 0}},
    {"J\u00fcrgen", {(const uint8_t *)"twelve bytes", 12}},
};
#define ZIP_MEMBERS (sizeof zip_members / sizeof zip_members[0])

static espy_err zip_read(espy_ctx *cx, espy_span archive, const char *name, size_t max,
                         espy_buf *out)
{
    espy_buf_init(out, max);
    espy_err e = espy_zip_read(cx, archive, name, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static espy_err zip_write(espy_ctx *cx, espy_buf *out)
{
    espy_buf_init(out, 4096);
    espy_err e = espy_zip_write(cx, zip_members, ZIP_MEMBERS, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf archive, again, b;
    test_memory_init(&cx, &m);
    assert_int_equal(zip_write(&cx, &archive), ESPY_E_OK);
    assert_int_equal(zip_write(&cx, &again), ESPY_E_OK);
    assert_int_equal(archive.size, again.size);
    assert_memory_equal(archive.data, again.data, archive.size);
    for (size_t i = 0; i < ZIP_MEMBERS; i++) {
        espy_span want = zip_members[i].content;
        assert_int_equal(zip_read(&cx, espy_span_of(&archive), zip_members[i].name, 12, &b),
                         ESPY_E_OK);
        assert_int_equal(b.size, want.size);
        if (want.size)
            assert_memory_equal(b.data, want.data, want.size);
        espy_buf_free(&cx, &b);
    }
    assert_int_equal(zip_read(&cx, espy_span_of(&archive), "J\u00fcrgen", 11, &b), ESPY_E_LIMIT);
    assert_non_null(strstr(cx.text, "11 bytes"));
    espy_clear(&cx);
    assert_int_equal(zip_read(&cx, espy_span_of(&archive), "none", 12, &b), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "holds no file none"));
    espy_buf_free(&cx, &again);
    espy_buf_free(&cx, &archive);
    assert_int_equal(m.live, 0);
}

static void test_refused_writes(void **state)
{
    (void)state;
    static const espy_zip_member twice[] = {{"a", {NULL, 0}}, {"a", {NULL, 0}}};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 4096);
    assert_int_equal(espy_zip_write(&cx, twice, 2, &b), ESPY_E_ARG);
    espy_clear(&cx);
    espy_buf_init(&b, 64);
    assert_int_equal(espy_zip_write(&cx, zip_members, ZIP_MEMBERS, &b), ESPY_E_LIMIT);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_too_many(void **state)
{
    (void)state;
    static espy_zip_member many[ESPY_ZIP_ENTRIES + 1];
    static char names[ESPY_ZIP_ENTRIES + 1][8];
    espy_ctx cx;
    test_memory m;
    espy_buf archive, b;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i <= ESPY_ZIP_ENTRIES; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        many[i].name = names[i];
    }
    for (size_t n = ESPY_ZIP_ENTRIES; n <= ESPY_ZIP_ENTRIES + 1; n++) {
        espy_buf_init(&archive, 1 << 20);
        assert_int_equal(espy_zip_write(&cx, many, n, &archive), ESPY_E_OK);
        assert_int_equal(zip_read(&cx, espy_span_of(&archive), "7", 1, &b),
                         n > ESPY_ZIP_ENTRIES ? ESPY_E_LIMIT : ESPY_E_OK);
        espy_buf_free(&cx, &archive);
    }
    assert_int_equal(m.live, 0);
}

static void test_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name;
        espy_err e;
        const char *text; /* of the file, or of the failure */
    } cases[] = {
        {"deflated.zip", "a", ESPY_E_OK, "one"},
        {"deflated.zip", "dir/b", ESPY_E_OK, "two two two two two two two two"},
        {"streamed.zip", "a", ESPY_E_OK, "one"},
        {"hostile-short.zip", "a", ESPY_E_FORMAT, "a"},
        {"hostile-long.zip", "a", ESPY_E_FORMAT, "a"},
        {"hostile-crc.zip", "a", ESPY_E_FORMAT, "a: "},
        {"hostile-bomb.zip", "a", ESPY_E_LIMIT, "larger than 4096 bytes"},
        {"encrypted.zip", "a", ESPY_E_UNSUPPORTED, "a: "},
        {"no.zip", "a", ESPY_E_FORMAT, "not a zip archive"},
    };
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[96] = "fuzz/corpus/zip/";
        espy_buf b;
        strcat(path, cases[i].file);
        espy_clear(&cx);
        espy_buf_init(&b, 4096);
        espy_err e = espy_zip_read_file(&cx, test_source(path), cases[i].name, &b);
        const char *text = e ? cx.text : (const char *)b.data;
        if (e != cases[i].e || !strstr(text, cases[i].text))
            print_error("%s: %d \"%s\"\n", cases[i].file, (int)e, text);
        assert_int_equal(e, cases[i].e);
        assert_non_null(strstr(text, cases[i].text));
        if (e)
            assert_non_null(strstr(cx.text, cases[i].file));
        espy_buf_free(&cx, &b);
    }
    assert_int_equal(m.live, 0);
}

/* Whatever bit is wrong and wherever the file ends: refused, or the content is right. */
static void test_damage(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf archive, b;
    test_memory_init(&cx, &m);
    assert_int_equal(zip_write(&cx, &archive), ESPY_E_OK);
    for (size_t n = 0; n < archive.size; n++) {
        espy_clear(&cx);
        assert_int_equal(zip_read(&cx, (espy_span){archive.data, n}, "J\u00fcrgen", 64, &b),
                         ESPY_E_FORMAT);
    }
    for (size_t bit = 0; bit < archive.size * 8; bit++) {
        archive.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        espy_clear(&cx);
        if (zip_read(&cx, espy_span_of(&archive), "J\u00fcrgen", 64, &b) == ESPY_E_OK) {
            assert_int_equal(b.size, 12);
            assert_memory_equal(b.data, "twelve bytes", 12);
            espy_buf_free(&cx, &b);
        } else {
            assert_true(cx.text[0] != '\0' && !strchr(cx.text, '\n'));
        }
        archive.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    espy_buf_free(&cx, &archive);
    assert_int_equal(m.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf archive, b;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, zip_write(&cx, &archive), espy_buf_free(&cx, &archive));
    assert_int_equal(zip_write(&cx, &archive), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &m, zip_read(&cx, espy_span_of(&archive), "J\u00fcrgen", 64, &b),
                    espy_buf_free(&cx, &b));
    espy_buf_free(&cx, &archive);
    assert_int_equal(m.live, 0);
}

/* The second opinion: Python's zipfile finds nothing wrong. */
static void test_python(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf archive;
    char path[128], command[512];
    test_memory_init(&cx, &m);
    if (system("python3 -c 'import zipfile' 2>/dev/null") != 0)
        skip();
    assert_int_equal(zip_write(&cx, &archive), ESPY_E_OK);
    snprintf(path, sizeof path, "%s/a.zip", test_folder());
    assert_int_equal(espy_file_write(&cx, path, archive.data, archive.size), ESPY_E_OK);
    snprintf(command, sizeof command,
             "python3 -c 'import zipfile\nz = zipfile.ZipFile(\"%s\")\n"
             "assert z.testzip() is None\n"
             "assert z.namelist() == [\"metadata.json\", \"deep/er/empty\", \"J\u00fcrgen\"]\n"
             "for i in z.infolist():\n"
             "    assert i.date_time == (1980, 1, 1, 0, 0, 0) and i.compress_type == 0, i'",
             path);
    assert_int_equal(system(command), 0);
    espy_buf_free(&cx, &archive);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused_writes),
        cmocka_unit_test(test_too_many),   cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_python),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
