/* SPDX-License-Identifier: Apache-2.0
 * flow - receive: one media in memory comes into a collection, as espy_flow_collect() brings files.
 */
#ifndef ESPY_FLOW_RECEIVE_H
#define ESPY_FLOW_RECEIVE_H

#include "flow/workspace.h"

typedef struct espy_receive_options {
    const char *source; /* where it came from, for people: a file name */
    int64_t session;    /* the occasion; 0: none */
    bool largest;       /* of a picture the largest face alone, as for training; else all faces */
    bool probe;         /* it is only asked about */
    bool shown;         /* what shows nothing is not kept: scan.n 0, and media 0 */
    bool again;         /* a person says what it shows: where all was taken away, it comes back */
} espy_receive_options;

typedef struct espy_received {
    int64_t media;
    bool known;     /* the collection had these bytes already */
    bool elsewhere; /* it is in another session, and stays there */
    espy_scan scan; /* its samples with their ids, labels and embeddings */
} espy_received;
void espy_received_free(espy_ctx *cx, espy_received *r);

/* Encodes the bytes, unless these are known, and files media and samples in one transaction.
 * A picture without a face is a success with scan.n 0.  Errors: FORMAT and LIMIT (it cannot be
 * read; nothing is stored), NOT_FOUND (session), STORE, NOMEM, CANCELLED. */
espy_err espy_flow_receive(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, espy_span bytes,
                           const espy_receive_options *options, espy_received *out) ESPY_NODISCARD;

#endif
