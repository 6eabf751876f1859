/* SPDX-License-Identifier: Apache-2.0
 * base/digest: the examples of FIPS 180-4. */
#include "support/support.h"

#include <string.h>

#include "base/digest.h"

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digest;
    } t[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char digest[ESPY_DIGEST_HEX];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        espy_digest(t[i].text, strlen(t[i].text), digest);
        assert_string_equal(digest, t[i].digest);
    }
    espy_digest(NULL, 0, digest);
    assert_string_equal(digest, t[0].digest);
}

static void test_file(void **state)
{
    (void)state;
    static const char want[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    espy_ctx cx;
    test_memory m;
    char digest[ESPY_DIGEST_HEX];
    test_memory_init(&cx, &m);
    uint8_t *a = espy_alloc(&cx, 1000000);
    char *path = espy_path_join(&cx, test_folder(), "million");
    memset(a, 'a', 1000000);
    espy_digest(a, 1000000, digest);
    assert_string_equal(digest, want);
    assert_int_equal(espy_file_write(&cx, path, a, 1000000), ESPY_E_OK);
    digest[0] = '\0';
    TEST_FAULT_LOOP(&cx, &m, espy_digest_file(&cx, path, digest), (void)0);
    assert_string_equal(digest, want);
    cx.max.file_bytes = 999999;
    assert_int_equal(espy_digest_file(&cx, path, digest), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_digest_file(&cx, test_source("absent"), digest), ESPY_E_NOT_FOUND);
    espy_free(&cx, a);
    espy_free(&cx, path);
    assert_int_equal(m.live, 0);
}

static void test_valid(void **state)
{
    (void)state;
    char digest[ESPY_DIGEST_HEX];
    espy_digest("x", 1, digest);
    assert_true(espy_digest_valid(digest));
    digest[5] = 'G';
    assert_false(espy_digest_valid(digest));
    digest[5] = 'A';
    assert_false(espy_digest_valid(digest)); /* lower case only */
    digest[63] = '\0';
    assert_false(espy_digest_valid(digest));
    assert_false(espy_digest_valid(""));
    assert_false(espy_digest_valid(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_file),
                                       cmocka_unit_test(test_valid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
