/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a tar archive from anybody.  It is refused with one line of text, or its files are
 * read within their bound; what was read is packed and read back unchanged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tar.h"

#define FUZZ_MOST 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory, by a name. */
static int fuzz_file(char name[32])
{
    int fd = memfd_create("tar", MFD_CLOEXEC);
    if (fd < 0)
        abort();
    snprintf(name, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* Reads all of an archive; `copy` gets every file again, where it is not NULL.  The number of
 * files, -1 when it is refused; *sum mixes what they hold. */
static int fuzz_read(espy_ctx *cx, const char *path, espy_tar *copy, uint64_t *sum)
{
    espy_tar t = {.fd = -1};
    char name[ESPY_TAR_NAME];
    int files = 0;
    bool more = true;
    espy_err e = espy_tar_open(cx, path, &t);
    for (*sum = 0; e == ESPY_E_OK && more;) {
        espy_buf b = {0};
        e = espy_tar_next(cx, &t, FUZZ_MOST, name, &b, &more);
        if (e != ESPY_E_OK || !more)
            break;
        files++;
        for (size_t i = 0; i < b.size; i++)
            *sum = *sum * 31 + b.data[i];
        for (const char *p = name; *p; p++)
            *sum = *sum * 31 + (uint8_t)*p;
        if (b.size > FUZZ_MOST ||
            (copy && espy_tar_add(cx, copy, name, espy_span_of(&b)) != ESPY_E_OK))
            abort();
        espy_buf_free(cx, &b);
    }
    espy_tar_close(cx, &t);
    return e == ESPY_E_OK ? files : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    char from[32], to[32];
    int in = fuzz_file(from), out = fuzz_file(to);
    uint64_t sum, again;
    espy_tar copy;
    espy_ctx_init(&cx);
    if (espy_fd_write(&cx, in, from, data, size) != ESPY_E_OK ||
        espy_tar_create(&cx, to, &copy) != ESPY_E_OK)
        abort();
    int files = fuzz_read(&cx, from, &copy, &sum);
    if (files < 0) {
        if (!cx.text[0] || strchr(cx.text, '\n'))
            abort();
    } else if (espy_tar_finish(&cx, &copy) != ESPY_E_OK ||
               fuzz_read(&cx, to, NULL, &again) != files || again != sum) {
        abort();
    }
    espy_tar_close(&cx, &copy);
    close(in);
    close(out);
    return 0;
}
