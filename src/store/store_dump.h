/* SPDX-License-Identifier: Apache-2.0
 * store - what the files about dumps share. */
#ifndef ESPY_STORE_DUMP_INTERNAL_H
#define ESPY_STORE_DUMP_INTERNAL_H

#include "store/dump.h"
#include "store/store_internal.h"

#define DUMP_HEAD "store.json" /* the first part */

/* A table as it stands in parts.  kinds: one letter for each column. */
typedef struct espy_dump_table {
    const char *name, *columns, *kinds;
    const char *select, *insert;
} espy_dump_table;
extern const espy_dump_table espy_dump_tables[];
extern const size_t espy_dump_tables_n;

/* The parts that went by: a line "<SHA-256>  <name>" each, and what they held. */
typedef struct espy_dump_list {
    espy_buf sums;
    size_t rows, media, missing;
} espy_dump_list;
void espy_dump_list_init(espy_dump_list *l); /* sums: espy_buf_free() */
espy_err espy_dump_note(espy_ctx *cx, espy_dump_list *l, const char *name,
                        espy_span bytes) ESPY_NODISCARD;
void espy_dump_list_copied(const espy_dump_list *l, espy_copied *out);

/* EXISTS when the store holds anything; inside a transaction. */
espy_err espy_dump_empty(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
/* DIGEST when the store does not give these parts. */
espy_err espy_dump_prove(espy_ctx *cx, espy_store *st, const espy_progress *progress,
                         const espy_dump_list *wanted) ESPY_NODISCARD;

#endif
