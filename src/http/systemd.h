/* SPDX-License-Identifier: Apache-2.0
 * http - what systemd wants to know and gives (sd_notify(3), sd_listen_fds(3)), by their documented
 * protocols.  Without systemd every call does nothing and succeeds.
 * Depends on: base. */
#ifndef ESPY_HTTP_SYSTEMD_H
#define ESPY_HTTP_SYSTEMD_H

#include "base/ctx.h"

typedef enum espy_systemd_state {
    ESPY_SYSTEMD_READY,
    ESPY_SYSTEMD_RELOADING, /* READY is to follow */
    ESPY_SYSTEMD_STOPPING
} espy_systemd_state;

/* Tells the state and one line for `systemctl status` (NULL: none) to $NOTIFY_SOCKET.
 * Errors: ARG (the address is none), IO. */
espy_err espy_systemd_notify(espy_ctx *cx, espy_systemd_state state,
                             const char *line) ESPY_NODISCARD;

/* The listening stream socket that systemd opened for this process (espy.socket); -1: none.  It is
 * the caller's, closed on exec.  The variables are removed, so call it once, with one thread.
 * Errors: ARG (more than one, or not a listening stream socket). */
espy_err espy_systemd_listen(espy_ctx *cx, int *fd) ESPY_NODISCARD;

#endif
