/* SPDX-License-Identifier: Apache-2.0
 * artifact - HDF5 files by libhdf5, in memory (hdf5.h).
 *
 * libhdf5 has one state for the whole process and is not safe from several threads as Debian builds
 * it, so calls are taken one at a time.  Times are not kept, so that the bytes are the same. */
#include <hdf5.h>
#include <pthread.h>

#include "artifact/hdf5.h"

#define WRITE_STEP ((size_t)1 << 20) /* bytes that the file in memory grows by */

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

/* Property lists of a file without disk, of groups made on the way, of arrays without times. */
typedef struct write_plan {
    hid_t access, link, array;
} write_plan;

static bool write_plan_make(write_plan *p)
{
    p->access = H5Pcreate(H5P_FILE_ACCESS);
    p->link = H5Pcreate(H5P_LINK_CREATE);
    p->array = H5Pcreate(H5P_DATASET_CREATE);
    return p->access >= 0 && p->link >= 0 && p->array >= 0 &&
           H5Pset_fapl_core(p->access, WRITE_STEP, false) >= 0 &&
           H5Pset_create_intermediate_group(p->link, 1) >= 0 &&
           H5Pset_obj_track_times(p->array, false) >= 0;
}

static void write_plan_free(write_plan *p)
{
    if (p->access >= 0)
        H5Pclose(p->access);
    if (p->link >= 0)
        H5Pclose(p->link);
    if (p->array >= 0)
        H5Pclose(p->array);
}

static bool write_item(hid_t file, const write_plan *p, const espy_hdf5_item *item)
{
    hsize_t dims[2] = {item->dims[0], item->rank > 1 ? item->dims[1] : 0};
    hid_t space = H5Screate_simple(item->rank, dims, NULL), set = -1;
    if (space >= 0)
        set = H5Dcreate2(file, item->path, H5T_IEEE_F32LE, space, p->link, p->array, H5P_DEFAULT);
    bool ok =
        set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, item->data) >= 0;
    if (set >= 0)
        ok = H5Dclose(set) >= 0 && ok;
    if (space >= 0)
        H5Sclose(space);
    return ok;
}

/* The bytes that the file would have on a disk. */
static espy_err write_image(espy_ctx *cx, hid_t file, espy_buf *out)
{
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 ? H5Fget_file_image(file, NULL, 0) : -1;
    if (size <= 0)
        return espy_fail(cx, ESPY_E_NOMEM, "the HDF5 file could not be made");
    if ((size_t)size > out->max - out->size)
        return espy_fail(cx, ESPY_E_LIMIT, "the HDF5 file is larger than %zu bytes",
                         out->max - out->size);
    uint8_t *bytes = espy_alloc(cx, (size_t)size);
    if (!bytes)
        return cx->code;
    espy_err e = H5Fget_file_image(file, bytes, (size_t)size) == size
                     ? espy_buf_append(cx, out, bytes, (size_t)size)
                     : espy_fail(cx, ESPY_E_NOMEM, "the HDF5 file could not be made");
    espy_free(cx, bytes);
    return e;
}

static espy_err write_file(espy_ctx *cx, const espy_hdf5_item *items, size_t n, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    hid_t file = -1;
    write_plan plan = {-1, -1, -1};
    if (write_plan_make(&plan))
        file = H5Fcreate("espy", H5F_ACC_TRUNC, H5P_DEFAULT, plan.access);
    if (file < 0)
        ESPY_GO(espy_fail(cx, ESPY_E_NOMEM, "the HDF5 file could not be made"));
    for (size_t i = 0; i < n; i++) {
        if (H5Lexists(file, items[i].path, H5P_DEFAULT) > 0)
            ESPY_GO(espy_fail(cx, ESPY_E_ARG, "two arrays %s in one file", items[i].path));
        if (!write_item(file, &plan, &items[i]))
            ESPY_GO(espy_fail(cx, ESPY_E_NOMEM, "array %s could not be made", items[i].path));
    }
    ESPY_GO(write_image(cx, file, out));
out:
    if (file >= 0)
        H5Fclose(file);
    write_plan_free(&plan);
    return e;
}

espy_err espy_hdf5_write(espy_ctx *cx, const espy_hdf5_item *items, size_t n, espy_buf *out)
{
    H5E_auto2_t said;
    void *said_to;
    pthread_mutex_lock(&write_lock);
    /* What fails is told by the context, not on standard error. */
    H5Eget_auto2(H5E_DEFAULT, &said, &said_to);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    espy_err e = write_file(cx, items, n, out);
    H5Eset_auto2(H5E_DEFAULT, said, said_to);
    pthread_mutex_unlock(&write_lock);
    return e;
}
