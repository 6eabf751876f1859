/* SPDX-License-Identifier: Apache-2.0
 * http - systemd's protocols (systemd.h). */
#include "http/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define SYSTEMD_FIRST 3 /* SD_LISTEN_FDS_START */

/* "/path", or "@name" for the abstract namespace. */
static espy_err systemd_address(espy_ctx *cx, const char *name, struct sockaddr_un *out,
                                socklen_t *size)
{
    const size_t n = strlen(name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof out->sun_path)
        return espy_fail(cx, ESPY_E_ARG, "NOTIFY_SOCKET=%s is not the address of a socket", name);
    memcpy(out->sun_path, name, n);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return ESPY_E_OK;
}

static espy_err systemd_send(espy_ctx *cx, const char *name, const char *text)
{
    struct sockaddr_un address;
    socklen_t size;
    ESPY_TRY(systemd_address(cx, name, &address, &size));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool sent = fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                                        (const struct sockaddr *)&address, size) >= 0;
    const int why = errno;
    if (fd >= 0)
        close(fd);
    return sent ? ESPY_E_OK
                : espy_fail(cx, ESPY_E_IO, "systemd cannot be told at %s: %s", name, strerror(why));
}

espy_err espy_systemd_notify(espy_ctx *cx, espy_systemd_state state, const char *line)
{
    static const char *const words[] = {"READY=1", "RELOADING=1", "STOPPING=1"};
    const char *name = espy_env("NOTIFY_SOCKET");
    char text[512], shown[256], since[64] = "";
    struct timespec t;
    if (!name)
        return ESPY_E_OK;
    if (state == ESPY_SYSTEMD_RELOADING && clock_gettime(CLOCK_MONOTONIC, &t) == 0)
        snprintf(since, sizeof since, "\nMONOTONIC_USEC=%lld",
                 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    snprintf(text, sizeof text, "%s%s%s%s", words[state], since, line ? "\nSTATUS=" : "",
             line ? espy_text_shown(line, shown, sizeof shown) : "");
    return systemd_send(cx, name, text);
}

static bool systemd_listens(int fd)
{
    int type = 0, on = 0;
    socklen_t n = sizeof type, m = sizeof on;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &m) == 0 && on;
}

espy_err espy_systemd_listen(espy_ctx *cx, int *fd)
{
    const char *pid = espy_env("LISTEN_PID"), *fds = espy_env("LISTEN_FDS");
    int64_t owner, n;
    *fd = -1;
    const bool ours = espy_parse_int(pid, 1, INT32_MAX, &owner) && owner == getpid() && fds;
    const bool good = ours && espy_parse_int(fds, 1, INT32_MAX - SYSTEMD_FIRST, &n) && n == 1 &&
                      systemd_listens(SYSTEMD_FIRST) &&
                      fcntl(SYSTEMD_FIRST, F_SETFD, FD_CLOEXEC) == 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!ours) /* meant for another process, or for nobody */
        return ESPY_E_OK;
    if (!good)
        return espy_fail(cx, ESPY_E_ARG,
                         "systemd is to hand over one listening stream socket; check the socket "
                         "unit");
    *fd = SYSTEMD_FIRST;
    return ESPY_E_OK;
}
