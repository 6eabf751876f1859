/* SPDX-License-Identifier: Apache-2.0
 * artifact - arrays in HDF5 files, as h5py leaves them for Keras.  Private to this module.
 *
 * Reading (hdf5.c) is our own and bounded: superblock version 0 or 1, groups as symbol tables,
 * arrays in one piece.  Writing (hdf5_write.c) goes through libhdf5.  Why: docs/decisions/011.
 * Format: "HDF5 File Format Specification Version 3.0", whose section numbers hdf5.c gives. */
#ifndef ESPY_ARTIFACT_HDF5_H
#define ESPY_ARTIFACT_HDF5_H

#include "base/mem.h"

#define ESPY_HDF5_RANK 4

/* A file that was opened; nothing to free.  Immutable. */
typedef struct espy_hdf5 {
    espy_span bytes;           /* borrowed; up to the end that the file declares */
    uint64_t tree, heap;       /* of the root group */
    unsigned leaves, branches; /* most entries of a node: symbols, children */
} espy_hdf5;

typedef enum espy_hdf5_type {
    ESPY_HDF5_F32,
    ESPY_HDF5_F64,
    ESPY_HDF5_INT /* any size and sign: its values are not read */
} espy_hdf5_type;

typedef struct espy_hdf5_array {
    espy_hdf5_type type;
    int rank; /* 0: one value */
    size_t dims[ESPY_HDF5_RANK];
    size_t n;            /* elements */
    const uint8_t *data; /* n elements in C order, of any alignment; within the file */
    size_t bytes;
} espy_hdf5_array;

/* Errors: FORMAT (not HDF5, cut off), UNSUPPORTED (another version; says how to save it). */
espy_err espy_hdf5_open(espy_ctx *cx, espy_span bytes, espy_hdf5 *out) ESPY_NODISCARD;

/* Whether the path ("layers/dense/vars") leads to a group or an array.
 * Errors: FORMAT, UNSUPPORTED, LIMIT (a group larger than a network needs). */
espy_err espy_hdf5_has(espy_ctx *cx, const espy_hdf5 *h, const char *path,
                       bool *out) ESPY_NODISCARD;

/* The array under the path.  Errors: as above; also FORMAT when it is not there or is a group. */
espy_err espy_hdf5_array_at(espy_ctx *cx, const espy_hdf5 *h, const char *path,
                            espy_hdf5_array *out) ESPY_NODISCARD;

/* Copies the elements of an array of floating point numbers to single precision: `to` has room for
 * a->n.  UNSUPPORTED for whole numbers. */
espy_err espy_hdf5_floats(espy_ctx *cx, const espy_hdf5_array *a, const char *path,
                          float *to) ESPY_NODISCARD;

/* One array to be written. */
typedef struct espy_hdf5_item {
    const char *path; /* groups on the way are made */
    const float *data;
    int rank; /* 1 or 2 */
    size_t dims[2];
} espy_hdf5_item;

/* Appends a file with these arrays: same items, same bytes.  Safe from several threads.
 * Errors: ARG (a path twice), LIMIT (beyond out's maximum), NOMEM (also when libhdf5 fails). */
espy_err espy_hdf5_write(espy_ctx *cx, const espy_hdf5_item *items, size_t n,
                         espy_buf *out) ESPY_NODISCARD;

#endif
