/* SPDX-License-Identifier: Apache-2.0
 * http - libmicrohttpd, whose header appears in server.c alone. */
#ifndef ESPY_HTTP_SERVER_H
#define ESPY_HTTP_SERVER_H

#include "http/work.h"

typedef struct espy_server espy_server;

/* Begins to listen.  fd: a listening socket that is there already (systemd), or -1.
 * Errors: ARG (address, certificate without key), IO (address in use, files), NOMEM. */
espy_err espy_server_start(espy_ctx *cx, espy_serving *serving, espy_work *work, int fd,
                           espy_server **out) ESPY_NODISCARD;
uint16_t espy_server_port(const espy_server *server);
/* Cuts off whoever sends too slowly; to be called now and then. */
void espy_server_watch(espy_server *server);
/* Takes no more connections; those that are there go on, each to its next answer once
 * serving->stopping is set. */
void espy_server_quiesce(espy_server *server);
/* Whether a request has begun to arrive that has not been answered to its end. */
bool espy_server_busy(const espy_server *server);
/* After the workers and the hub have ended (E2). */
void espy_server_stop(espy_ctx *cx, espy_server **server);

#endif
