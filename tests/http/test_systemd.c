/* SPDX-License-Identifier: Apache-2.0
 * http/systemd: what the other side of the socket gets, and which descriptors are taken. */
#include "support/support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/systemd.h"

static void check_notify(const char *name)
{
    static const struct {
        espy_systemd_state state;
        const char *line, *text;
    } t[] = {{ESPY_SYSTEMD_READY, NULL, "READY=1"},
             {ESPY_SYSTEMD_READY, "two\nlines", "READY=1\nSTATUS=two\\x0alines"},
             {ESPY_SYSTEMD_STOPPING, "bye", "STOPPING=1\nSTATUS=bye"},
             {ESPY_SYSTEMD_RELOADING, NULL, "RELOADING=1\nMONOTONIC_USEC="}};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char got[600];
    espy_ctx cx;
    espy_ctx_init(&cx);
    memcpy(a.sun_path, name, strlen(name));
    if (name[0] == '@')
        a.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(espy_systemd_notify(&cx, t[i].state, t[i].line), ESPY_E_OK);
        const ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
        assert_true(n > 0);
        got[n] = '\0';
        if (t[i].state == ESPY_SYSTEMD_RELOADING)
            got[strlen(t[i].text)] = '\0'; /* the time follows */
        assert_string_equal(got, t[i].text);
    }
    close(fd);
}

static void test_notify(void **state)
{
    (void)state;
    char name[64], longest[200];
    espy_ctx cx;
    espy_ctx_init(&cx);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(espy_systemd_notify(&cx, ESPY_SYSTEMD_READY, NULL), ESPY_E_OK);
    check_notify(test_path("notify", ".sock"));
    snprintf(name, sizeof name, "@espy-test-%ld", (long)getpid());
    check_notify(name);
    setenv("NOTIFY_SOCKET", "@espy-nobody-listens", 1);
    assert_int_equal(espy_systemd_notify(&cx, ESPY_SYSTEMD_READY, NULL), ESPY_E_IO);
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = {"relative", "/", "@", "vsock:2:1", longest};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        espy_clear(&cx);
        setenv("NOTIFY_SOCKET", bad[i], 1);
        assert_int_equal(espy_systemd_notify(&cx, ESPY_SYSTEMD_READY, NULL), ESPY_E_ARG);
    }
    unsetenv("NOTIFY_SOCKET");
}

/* Runs in a child, whose descriptor 3 becomes `fd` (-1: closed); true: as it should be. */
static bool listen_as(int fd, bool own, const char *fds, espy_err want, int want_fd)
{
    const pid_t child = fork();
    if (child == 0) {
        char pid[32];
        int got = -2;
        espy_ctx cx;
        espy_ctx_init(&cx);
        if (fd != 3)
            close(3);
        if (fd >= 0 && fd != 3 && dup2(fd, 3) != 3)
            _exit(2);
        snprintf(pid, sizeof pid, "%ld", own ? (long)getpid() : 1L);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", fds, 1);
        const espy_err e = espy_systemd_listen(&cx, &got);
        const bool good = e == want && got == want_fd && !getenv("LISTEN_PID") &&
                          !getenv("LISTEN_FDS") &&
                          (got < 0 || (fcntl(got, F_GETFD) & FD_CLOEXEC)) &&
                          espy_systemd_listen(&cx, &got) == ESPY_E_OK && got == -1;
        _exit(!good);
    }
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0;
}

static void test_listen(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int good = socket(AF_INET, SOCK_STREAM, 0), idle = socket(AF_INET, SOCK_STREAM, 0),
              datagram = socket(AF_UNIX, SOCK_DGRAM, 0), file = open("/dev/null", O_RDONLY);
    int fd = 0;
    espy_ctx cx;
    espy_ctx_init(&cx);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    assert_int_equal(espy_systemd_listen(&cx, &fd), ESPY_E_OK);
    assert_int_equal(fd, -1);
    assert_int_equal(bind(good, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(good, 4), 0);
    assert_true(listen_as(good, true, "1", ESPY_E_OK, 3));
    assert_true(listen_as(good, false, "1", ESPY_E_OK, -1));
    assert_true(listen_as(good, true, "2", ESPY_E_ARG, -1));
    assert_true(listen_as(good, true, "0", ESPY_E_ARG, -1));
    assert_true(listen_as(good, true, "x", ESPY_E_ARG, -1));
    assert_true(listen_as(idle, true, "1", ESPY_E_ARG, -1));
    assert_true(listen_as(datagram, true, "1", ESPY_E_ARG, -1));
    assert_true(listen_as(file, true, "1", ESPY_E_ARG, -1));
    assert_true(listen_as(-1, true, "1", ESPY_E_ARG, -1));
    close(good);
    close(idle);
    close(datagram);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify),
        cmocka_unit_test(test_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
