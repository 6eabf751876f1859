/* SPDX-License-Identifier: Apache-2.0
 * http/token: passwords, random tokens, HMAC, base64, JSON web tokens.  The tokens without another
 * source were made by Python's hmac with the key 00 01 .. 1f. */
#include "support/support.h"

#include <pthread.h>
#include <string.h>

#include "http/token.h"

static espy_span token_key(void)
{
    static uint8_t key[32];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    return (espy_span){key, sizeof key};
}

static void test_password(void **state)
{
    (void)state;
    char hash[ESPY_PASSWORD_HASH], other[ESPY_PASSWORD_HASH], longest[ESPY_PASSWORD_BYTES + 2];
    espy_password_gate *gate = NULL;
    bool good = true;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    assert_int_equal(espy_password_gate_create(&cx, 0, &gate), ESPY_E_ARG);
    TEST_FAULT_LOOP(&cx, &m, espy_password_gate_create(&cx, 1, &gate),
                    espy_password_gate_destroy(&cx, &gate));
    assert_int_equal(espy_password_gate_create(&cx, 1, &gate), ESPY_E_OK);
    assert_int_equal(espy_password_hash(&cx, gate, "correct horse", hash), ESPY_E_OK);
    assert_int_equal(espy_password_hash(&cx, gate, "correct horse", other), ESPY_E_OK);
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31), 0);
    assert_string_not_equal(hash, other); /* salted */
    assert_int_equal(espy_password_verify(&cx, gate, hash, "correct horse", &good), ESPY_E_OK);
    assert_true(good);
    static const char *const wrong[] = {"correct hors", "correct horse ", "", "Correct horse"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(espy_password_verify(&cx, gate, hash, wrong[i], &good), ESPY_E_OK);
        assert_false(good);
    }
    static const char *const broken[] = {NULL, "", "correct horse", "$argon2id$v=19$m=65536"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(espy_password_verify(&cx, gate, broken[i], "correct horse", &good),
                         ESPY_E_OK);
        assert_false(good);
    }
    memset(longest, 'x', sizeof longest);
    longest[ESPY_PASSWORD_BYTES + 1] = '\0';
    assert_int_equal(espy_password_hash(&cx, gate, longest, hash), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_password_hash(&cx, gate, "", hash), ESPY_E_ARG);
    assert_int_equal(espy_password_verify(&cx, gate, other, longest, &good), ESPY_E_OK);
    assert_false(good);
    espy_password_gate_destroy(&cx, &gate);
    espy_password_gate_destroy(&cx, &gate);
    assert_int_equal(m.live, 0);
}

typedef struct token_login {
    espy_password_gate *gate;
    const char *hash;
    bool good;
    espy_err e;
} token_login;

static void *token_login_run(void *self)
{
    token_login *l = self;
    espy_ctx cx;
    espy_ctx_init(&cx);
    l->e = espy_password_verify(&cx, l->gate, l->hash, "secret", &l->good);
    return NULL;
}

/* One at a time, 16 wait, who comes beyond them is refused at once. */
static void test_gate(void **state)
{
    (void)state;
    enum { N = 24 };
    char hash[ESPY_PASSWORD_HASH];
    espy_password_gate *gate = NULL;
    token_login logins[N];
    pthread_t threads[N];
    size_t good = 0, refused = 0;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_password_gate_create(&cx, 1, &gate), ESPY_E_OK);
    assert_int_equal(espy_password_hash(&cx, gate, "secret", hash), ESPY_E_OK);
    for (size_t i = 0; i < N; i++) {
        logins[i] = (token_login){gate, hash, false, ESPY_E_INTERNAL};
        assert_int_equal(pthread_create(&threads[i], NULL, token_login_run, &logins[i]), 0);
    }
    for (size_t i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        good += logins[i].e == ESPY_E_OK && logins[i].good;
        refused += logins[i].e == ESPY_E_LIMIT;
    }
    assert_int_equal(good + refused, N);
    assert_true(good >= 17);
    espy_password_gate_destroy(&cx, &gate);
}

static void test_random(void **state)
{
    (void)state;
    char a[ESPY_TOKEN_TEXT], b[ESPY_TOKEN_TEXT];
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_token_text(&cx, a), ESPY_E_OK);
    assert_int_equal(espy_token_text(&cx, b), ESPY_E_OK);
    assert_int_equal(strlen(a), ESPY_TOKEN_TEXT - 1);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     ESPY_TOKEN_TEXT - 1);
    assert_false(espy_token_equal(a, b));
    assert_true(espy_token_equal(a, a));
    assert_true(espy_token_equal("", ""));
    assert_false(espy_token_equal("abc", "abcd"));
    assert_false(espy_token_equal("abc", "abd"));
}

/* RFC 4231, test cases 2 and 6. */
static void test_hmac(void **state)
{
    (void)state;
    static const uint8_t two[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                  0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                  0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    static const uint8_t six[] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26,
                                  0xaa, 0xcb, 0xf5, 0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28,
                                  0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    static const char text[] = "what do ya want for nothing?";
    static const char large[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t mac[ESPY_HMAC_BYTES], key[131];
    const uint8_t *t = (const uint8_t *)text;
    espy_hmac((espy_span){(const uint8_t *)"Jefe", 4},
              (espy_span[]){{t, 5}, {t + 5, 0}, {t + 5, sizeof text - 6}}, 3, mac);
    assert_memory_equal(mac, two, sizeof mac);
    memset(key, 0xaa, sizeof key);
    espy_hmac((espy_span){key, sizeof key}, &(espy_span){(const uint8_t *)large, sizeof large - 1},
              1, mac);
    assert_memory_equal(mac, six, sizeof mac);
}

static espy_err token_decode(espy_ctx *cx, const char *text, size_t max, espy_buf *out)
{
    espy_buf_init(out, max);
    return espy_base64_decode(cx, text, strlen(text), out);
}

/* RFC 4648, section 10, and what clients send. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    static const struct {
        const char *text, *bytes;
    } loose[] = {{"Zg", "f"},
                 {" Zm9v\r\nYmFy\n", "foobar"},
                 {"data:image/png;base64,Zm9v", "foo"},
                 {"DATA:;BASE64,Zm8=", "fo"},
                 {"data:text/plain;charset=utf-8;base64,Zm8", "fo"},
                 {"data:image/png;base64,", ""},
                 {"_-8", "\xff\xef"},
                 {"/+8=", "\xff\xef"}};
    static const char *const bad[] = {
        "Z",    "Zg=a",  "Zm9v!",  "Zm9v.", "_+8",     "data:image/png,Zm9v",
        "Zh==", "data:", "data:x", ",",     "\u00e4AA"};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        espy_buf_init(&b, 100);
        const espy_span bytes = {(const uint8_t *)pairs[i][0], strlen(pairs[i][0])};
        assert_int_equal(espy_base64(&cx, bytes, false, &b), ESPY_E_OK);
        assert_string_equal(b.data ? (char *)b.data : "", pairs[i][1]);
        espy_buf_free(&cx, &b);
        assert_int_equal(token_decode(&cx, pairs[i][1], 100, &b), ESPY_E_OK);
        assert_string_equal(b.data ? (char *)b.data : "", pairs[i][0]);
        espy_buf_free(&cx, &b);
    }
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        assert_int_equal(token_decode(&cx, loose[i].text, 100, &b), ESPY_E_OK);
        assert_string_equal(b.data ? (char *)b.data : "", loose[i].bytes);
        espy_buf_free(&cx, &b);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(token_decode(&cx, bad[i], 100, &b), ESPY_E_FORMAT);
        espy_buf_free(&cx, &b);
        espy_clear(&cx);
    }
    assert_int_equal(token_decode(&cx, "Zm9vYmFy", 6, &b), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    for (size_t max = 0; max < 6; max++) {
        assert_int_equal(token_decode(&cx, "Zm9vYmFy", max, &b), ESPY_E_LIMIT);
        espy_buf_free(&cx, &b);
        espy_clear(&cx);
    }
    espy_buf_init(&b, 100); /* behind what is there */
    assert_int_equal(espy_buf_text(&cx, &b, "x."), ESPY_E_OK);
    assert_int_equal(espy_base64_decode(&cx, "Zm9v", 4, &b), ESPY_E_OK);
    assert_int_equal(espy_base64(&cx, (espy_span){(const uint8_t *)"\xff\xef", 2}, true, &b),
                     ESPY_E_OK);
    assert_string_equal((char *)b.data, "x.foo_-8");
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

/* RFC 7515, A.1: its key has 64 bytes, its header a line break. */
static void test_jwt_rfc(void **state)
{
    (void)state;
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char k[] =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"
        "TwjAzZr1Z9CAow";
    espy_ctx cx;
    test_memory m;
    espy_buf key;
    espy_json *claims = NULL;
    test_memory_init(&cx, &m);
    assert_int_equal(token_decode(&cx, k, 64, &key), ESPY_E_OK);
    assert_int_equal(espy_jwt_verify(&cx, token, espy_span_of(&key), 1300819379, &claims),
                     ESPY_E_OK);
    assert_string_equal(espy_json_string(espy_json_get(claims, "iss"), ""), "joe");
    espy_json_free(claims);
    assert_int_equal(espy_jwt_verify(&cx, token, espy_span_of(&key), 1300819380, &claims),
                     ESPY_E_DATA);
    espy_clear(&cx);
    assert_int_equal(espy_jwt_verify(&cx, token, token_key(), 0, &claims), ESPY_E_DIGEST);
    espy_buf_free(&cx, &key);
    assert_int_equal(m.live, 0);
}

static void test_jwt_refused(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        double now;
        espy_err e;
    } t[] = {
        /* {"alg":"HS256","typ":"JWT"} {"sub":"7","exp":2000} */
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
         "eyJzdWIiOiI3IiwiZXhwIjoyMDAwfQ.fTU6Br4N_jNDoCoxb_gBzVPUPnWvFf4CSF4ED2bLJNM",
         1999, ESPY_E_OK},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
         "eyJzdWIiOiI3IiwiZXhwIjoyMDAwfQ.fTU6Br4N_jNDoCoxb_gBzVPUPnWvFf4CSF4ED2bLJNM",
         2000, ESPY_E_DATA},
        /* {"exp":2000.5,"nbf":1000} */
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOjIwMDAuNSwibmJmIjoxMDAwfQ.6EGYZX1f5i44ojsqAafPxGzhIZ9V9frLOboMMYl2QAI",
         2000, ESPY_E_OK},
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOjIwMDAuNSwibmJmIjoxMDAwfQ.6EGYZX1f5i44ojsqAafPxGzhIZ9V9frLOboMMYl2QAI",
         1000, ESPY_E_OK},
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOjIwMDAuNSwibmJmIjoxMDAwfQ.6EGYZX1f5i44ojsqAafPxGzhIZ9V9frLOboMMYl2QAI",
         999, ESPY_E_DATA},
        /* no exp, exp a text, an array, cut JSON, nbf a text */
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJzdWIiOiI3In0.4P6-PEhI5-IZGs1mRJRYlG4vc06Ajbomp4NegsjXS0g",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOiIyMDAwIn0.wXsLNlt241MW3rkOW_mXULQkFpSzBNEWiVK1QJm0HaE",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9."
         "WzIwMDBd.Q_4DY-m55szpzM_hqG1v7H6BGQOhUSogEmsYkL_i9E4",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOjIwMDA.jGHt4-U5U8FoJQlbM_7TUQYIzIQpPvK7CYLodHmp2kY",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9."
         "eyJleHAiOjIwMDAsIm5iZiI6IngifQ.r9bdl31ZAca2hEBo9AQ1TmoZzfkOCWnLprhvCYXcvno",
         0, ESPY_E_FORMAT},
        /* none, hs256, HS512, crit: signed with the key all the same */
        {"eyJhbGciOiJub25lIn0."
         "eyJleHAiOjIwMDB9.Jr38dpkvUyLDhIfnWuwNhPxBsDSBCSgRZrX7cC5Hg0Y",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJoczI1NiJ9."
         "eyJleHAiOjIwMDB9.fjAaH1j9VXMe0ekDrBxVOrbVxJxkTR-4_mwx2M2cUFU",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzUxMiJ9."
         "eyJleHAiOjIwMDB9.OKxG2XxOpM5SKA1aUFeC4rqPEFXBdCy4IZQ6xB8RW98",
         0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiZXhwIl19."
         "eyJleHAiOjIwMDB9.D6162VFwWwQirOO3irELlwxK7VwVo95ZQBiYn7K-J7k",
         0, ESPY_E_FORMAT},
        /* {"alg":"none"} without a signature, and empty pieces */
        {"eyJhbGciOiJub25lIn0.eyJleHAiOjIwMDB9.", 0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjIwMDB9.", 0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjIwMDB9.AAAA", 0, ESPY_E_DIGEST},
        {"eyJhbGciOiJIUzI1NiJ9..AAAA", 0, ESPY_E_DIGEST},
        {"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjIwMDB9", 0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9.a.b.c", 0, ESPY_E_FORMAT},
        {"eyJhbGciOiJIUzI1NiJ9=.e30.AAAA", 0, ESPY_E_FORMAT},
        {"e30.e30.AAAA", 0, ESPY_E_FORMAT},
        {"", 0, ESPY_E_FORMAT},
        {"..", 0, ESPY_E_FORMAT},
        {"eyJh!.e30.AAAA", 0, ESPY_E_FORMAT},
    };
    static char large[ESPY_JWT_BYTES + 2];
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        espy_json *claims = NULL;
        espy_clear(&cx);
        assert_int_equal(espy_jwt_verify(&cx, t[i].token, token_key(), t[i].now, &claims), t[i].e);
        assert_true((claims != NULL) == (t[i].e == ESPY_E_OK));
        espy_json_free(claims);
    }
    espy_json *claims = NULL;
    memset(large, 'e', sizeof large - 1);
    espy_clear(&cx);
    assert_int_equal(espy_jwt_verify(&cx, large, token_key(), 0, &claims), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(
        espy_jwt_verify(&cx, t[0].token, (espy_span){token_key().data, 31}, 0, &claims),
        ESPY_E_ARG);
    assert_int_equal(m.live, 0);
}

static espy_err token_there_and_back(espy_ctx *cx, const espy_json *claims, espy_buf *token,
                                     espy_json **back)
{
    espy_buf_init(token, ESPY_JWT_BYTES);
    espy_err e = espy_jwt_sign(cx, claims, token_key(), token);
    if (e == ESPY_E_OK)
        e = espy_jwt_verify(cx, (char *)token->data, token_key(), 1999.5, back);
    if (e != ESPY_E_OK)
        espy_buf_free(cx, token);
    return e;
}

static void test_jwt_sign(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf token;
    espy_json *claims = espy_json_object(), *back = NULL;
    test_memory_init(&cx, &m);
    espy_buf_init(&token, ESPY_JWT_BYTES);
    assert_int_equal(espy_jwt_sign(&cx, claims, token_key(), &token), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_json_set(&cx, claims, "sub", espy_json_of_string("7")), ESPY_E_OK);
    assert_int_equal(espy_json_set(&cx, claims, "exp", espy_json_of_int(2000)), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &m, token_there_and_back(&cx, claims, &token, &back), {
        espy_json_free(back);
        espy_buf_free(&cx, &token);
    });
    assert_int_equal(token_there_and_back(&cx, claims, &token, &back), ESPY_E_OK);
    assert_string_equal(
        (char *)token.data,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJzdWIiOiI3IiwiZXhwIjoyMDAwfQ.fTU6Br4N_jNDoCoxb_gBzVPUPnWvFf4CSF4ED2bLJNM");
    espy_json_free(back);
    for (size_t i = 0; i < token.size; i++) { /* every character counts */
        const uint8_t c = token.data[i];
        token.data[i] = c == 'A' ? 'B' : 'A';
        espy_clear(&cx);
        assert_int_not_equal(espy_jwt_verify(&cx, (char *)token.data, token_key(), 1999, &back),
                             ESPY_E_OK);
        token.data[i] = c;
    }
    espy_buf_free(&cx, &token);
    espy_clear(&cx);
    static char many[ESPY_JWT_BYTES];
    memset(many, 'x', sizeof many - 1);
    assert_int_equal(espy_json_set(&cx, claims, "x", espy_json_of_string(many)), ESPY_E_OK);
    assert_int_equal(espy_jwt_sign(&cx, claims, token_key(), &token), ESPY_E_LIMIT);
    espy_json_free(claims);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password),    cmocka_unit_test(test_gate),
        cmocka_unit_test(test_random),      cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_base64),      cmocka_unit_test(test_jwt_rfc),
        cmocka_unit_test(test_jwt_refused), cmocka_unit_test(test_jwt_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
