/* SPDX-License-Identifier: Apache-2.0
 * http/webhook: which URLs are refused, the signature, the schedule.  The signature is what
 * `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret` prints.
 * With "send" or "post" and arguments sends one: for check_webhook.py. */
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow/post.h"
#include "http/webhook.h"

static void test_urls(void **state)
{
    (void)state;
    static const char *const good[] = {"https://example.org",
                                       "http://example.org:8080/a?b=c",
                                       "https://93.184.216.34/x",
                                       "HTTPS://[2606:2800:220:1::1]:443/",
                                       "https://xn--mller-kva.example/?to=a@b",
                                       "https://mylocalhost/"};
    static const char *const local[] = {"http://localhost/",
                                        "http://LOCALHOST.:80",
                                        "http://a.localhost/",
                                        "http://127.0.0.1/",
                                        "http://127.1/",
                                        "http://2130706433/",
                                        "http://0x7f.0.0.1/",
                                        "http://0/",
                                        "http://10.1.2.3/",
                                        "http://172.31.0.1/",
                                        "http://192.168.0.1/",
                                        "http://169.254.169.254/latest",
                                        "http://100.64.0.1/",
                                        "http://224.0.0.1/",
                                        "http://255.255.255.255/",
                                        "http://[::1]/",
                                        "http://[::]/",
                                        "http://[::ffff:10.0.0.1]/",
                                        "http://[64:ff9b::a00:1]/",
                                        "http://[fe80::1]/",
                                        "http://[fd00::1]:8080/",
                                        "http://[2002:a00:1::]/",
                                        "http://[2001:db8::1]/"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "//example.org",
                                      "ftp://example.org",
                                      "file:///etc/passwd",
                                      "gopher://example.org",
                                      "https:example.org",
                                      "https://",
                                      "https:///path",
                                      "https://:80/",
                                      "https://user@example.org",
                                      "https://user:pw@example.org/",
                                      "https://example.org:0/",
                                      "https://example.org:65536/",
                                      "https://example.org:/",
                                      "https://example.org:8o/",
                                      "https://example.org:00000080/",
                                      "https://example.org:+80/",
                                      "https://[::1/",
                                      "https://[]/",
                                      "https://[::1]x/",
                                      "https://a b/",
                                      "https://example.org/a#b",
                                      "https://example.org\\@10.0.0.1/",
                                      "https://example.org/\r\nX: y",
                                      "https://m\u00fcller/"};
    static char longest[2100];
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(espy_webhook_check(&cx, good[i], false), ESPY_E_OK);
        assert_int_equal(espy_webhook_check(&cx, good[i], true), ESPY_E_OK);
    }
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        espy_clear(&cx);
        assert_int_equal(espy_webhook_check(&cx, local[i], false), ESPY_E_ARG);
        assert_non_null(strstr(cx.text, "not a public address"));
        assert_int_equal(espy_webhook_check(&cx, local[i], true), ESPY_E_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        espy_clear(&cx);
        assert_int_equal(espy_webhook_check(&cx, bad[i], true), ESPY_E_ARG);
    }
    memset(longest, 'a', sizeof longest - 1);
    memcpy(longest, "https://a/", 10);
    espy_clear(&cx);
    assert_int_equal(espy_webhook_check(&cx, longest, true), ESPY_E_ARG);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const open[] = {
        "1.1.1.1",         "9.255.255.255", "11.0.0.0",    "100.63.255.255", "100.128.0.0",
        "172.15.255.255",  "172.32.0.0",    "192.0.1.1",   "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "2a00::1",       "2001:200::1", "::ffff:1.1.1.1", "64:ff9b::101:101"};
    static const char *const special[] = {"100.127.255.255", "198.19.255.255", "203.0.113.7",
                                          "2001::1",         "2001:1ff::1",    "3fff::1",
                                          "fec0::1",         "ff02::1",        "100::1",
                                          "64:ff9b:1::1",    "::1.1.1.1"};
    bool good;
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_true(espy_address_public(open[i], &good) && good);
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        assert_true(!espy_address_public(special[i], &good) && good);
    assert_true(!espy_address_public("example.org", &good) && !good);
    assert_true(!espy_address_public("", &good) && !good);
}

static void test_schedule(void **state)
{
    (void)state;
    char signature[ESPY_WEBHOOK_SIGNATURE];
    double all = 0;
    espy_webhook_sign((espy_span){(const uint8_t *)"secret", 6}, 1700000000,
                      (espy_span){(const uint8_t *)"{\"a\":1}", 7}, signature);
    assert_string_equal(signature,
                        "sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
    for (unsigned tried = 1; tried < ESPY_WEBHOOK_TRIES; tried++) {
        assert_true(espy_webhook_delay(tried) > espy_webhook_delay(tried - 1));
        all += espy_webhook_delay(tried);
    }
    assert_true(espy_webhook_delay(ESPY_WEBHOOK_TRIES) < 0);
    assert_true(espy_webhook_delay(1000) < 0);
    assert_true(all > 36000 && all < 43200); /* half a day at most */
    static const struct {
        int status;
        espy_webhook_end end;
    } t[] = {{200, ESPY_WEBHOOK_DONE},    {204, ESPY_WEBHOOK_DONE},    {301, ESPY_WEBHOOK_REFUSED},
             {400, ESPY_WEBHOOK_REFUSED}, {410, ESPY_WEBHOOK_REFUSED}, {408, ESPY_WEBHOOK_AGAIN},
             {429, ESPY_WEBHOOK_AGAIN},   {500, ESPY_WEBHOOK_AGAIN},   {503, ESPY_WEBHOOK_AGAIN},
             {0, ESPY_WEBHOOK_AGAIN}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(espy_webhook_judge(t[i].status), t[i].end);
}

static void test_words(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a\r\nX: y", "\u00e4"};
    int status;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < 4; i++) {
        const espy_delivery event = {
            .url = "http://127.0.0.1:1/", .event = bad[i], .id = "1", .local = true};
        const espy_delivery id = {
            .url = "http://127.0.0.1:1/", .event = "a", .id = bad[i], .local = true};
        espy_clear(&cx);
        assert_int_equal(espy_webhook_send(&cx, &event, &status), ESPY_E_ARG);
        espy_clear(&cx);
        assert_int_equal(espy_webhook_send(&cx, &id, &status), ESPY_E_ARG);
    }
    espy_clear(&cx);
    const espy_post broken = {.url = "http://127.0.0.1:1/",
                              .headers = (const char *const[]){"A: b\nC: d", NULL},
                              .seconds = 1};
    assert_int_equal(espy_flow_post(&cx, &broken, &status, NULL), ESPY_E_ARG);
}

/* A receiver that takes the connection and says nothing is not waited for once somebody cancels. */
static void test_cancel(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const atomic_bool cancel = true;
    char url[64];
    int status;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(a.sin_port));
    const espy_post post = {.url = url, .connect_seconds = 20, .seconds = 20};
    setenv("no_proxy", "127.0.0.1", 1);
    cx.cancel = &cancel;
    assert_int_equal(espy_flow_post(&cx, &post, &status, NULL), ESPY_E_CANCELLED);
    close(fd);
}

/* send URL local|public; post URL local|public SECONDS: prints the status and the bytes kept. */
static int webhook_run(char **argv)
{
    static const uint8_t body[] = "{\"version\":3}";
    const bool local = strcmp(argv[3], "local") == 0;
    int status = 0;
    espy_buf answer;
    espy_ctx cx;
    espy_err e;
    espy_ctx_init(&cx);
    espy_buf_init(&answer, ESPY_POST_ANSWER);
    if (strcmp(argv[1], "send") == 0) {
        const espy_delivery hook = {argv[2],
                                    "version.published",
                                    "d-1",
                                    {(const uint8_t *)"secret", 6},
                                    {body, sizeof body - 1},
                                    1700000000,
                                    local};
        e = espy_webhook_send(&cx, &hook, &status);
    } else {
        const espy_post post = {argv[2], NULL, {body, 0}, 5, argv[4][0] - '0', !local};
        e = espy_flow_post(&cx, &post, &status, &answer);
    }
    if (e == ESPY_E_OK)
        printf("%d %zu\n", status, answer.size);
    else
        printf("%s: %s\n", espy_err_text(e), cx.text);
    espy_buf_free(&cx, &answer);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),     cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_schedule), cmocka_unit_test(test_words),
        cmocka_unit_test(test_cancel),
    };
    if (argc > 3)
        return webhook_run(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
