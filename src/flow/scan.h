/* SPDX-License-Identifier: Apache-2.0
 * flow - the encode step of the road: many files become scans (samples with embeddings), on all
 * cores, each file read once, nothing encoded twice.
 *
 * A file is one piece of work: read, decode, detect, align and embed happen in one thread, because
 * a batch of 16 crops is no quicker per crop than one crop at a time on a CPU (docs/decisions/001).
 */
#ifndef ESPY_FLOW_SCAN_H
#define ESPY_FLOW_SCAN_H

#include "base/progress.h"
#include "encode/encode.h"
#include "store/store.h"

typedef struct espy_scan_job {
    const espy_encoder *encoder;
    espy_find_options find;
    espy_store *store; /* NULL: nothing is looked up or kept */
    int64_t collection;
    const espy_progress *progress;
    const char *stage; /* name for the progress, e.g. "encoding" */
    bool again;        /* a person says what they show: where all was taken away, it comes back */
} espy_scan_job;

/* Receives the scan of file i, in order, in the calling thread.  The scan (borrowed) says in
 * `error` why a file could not be used.  fresh: it was encoded now and not taken from the store. */
typedef espy_err espy_scan_fn(espy_ctx *cx, void *self, size_t i, const espy_scan *scan,
                              bool fresh);

/* Scans n files.  A file that cannot be read or decoded is reported in its scan and does not stop
 * the rest.  What was scanned before a failure or an interruption stays in the store.
 * Errors: CANCELLED, STORE, NOMEM, and what `each` returns. */
espy_err espy_flow_scan(espy_ctx *cx, const espy_scan_job *job, const char *const *paths, size_t n,
                        espy_scan_fn *each, void *self) ESPY_NODISCARD;

/* One picture in memory; the scan is the caller's, espy_scan_free(). */
espy_err espy_flow_scan_memory(espy_ctx *cx, const espy_encoder *encoder,
                               const espy_find_options *find, espy_span file,
                               espy_scan *out) ESPY_NODISCARD;

/* How the store calls what was looked for: "largest", "largest+whole", "all", ... */
const char *espy_scan_mode(const espy_find_options *find);

/* Whether a kept scan will do.  One that found nothing, or an error, does not: another detector,
 * program or limit may find something; nor does one of which all was taken away, where it is to
 * come back (`again`). */
bool espy_scan_serves(const espy_scan *s, bool again);

/* Turns a failure that belongs to the file and not to the run (damaged, too large, unreadable) into
 * the scan's error text; any other is returned. */
espy_err espy_scan_excuse(espy_ctx *cx, espy_err e, espy_scan *scan) ESPY_NODISCARD;

#endif
