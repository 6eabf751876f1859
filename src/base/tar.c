/* SPDX-License-Identifier: Apache-2.0
 * base - tar archives.  A file is a block of 512 bytes that tells its name and size, then its
 * bytes, filled up with zeros to whole blocks; two blocks of zeros end the archive (POSIX.1-2017,
 * pax, "ustar Interchange Format"). */
#include "base/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define TAR_BLOCK 512
#define TAR_MOST ((uint64_t)8 << 30) /* eleven octal digits */

/* The header's fields: offset and size. */
enum { TAR_SIZE = 124, TAR_SUM = 148, TAR_TYPE = 156, TAR_MAGIC = 257, TAR_PREFIX = 345 };

void espy_tar_close(espy_ctx *cx, espy_tar *t)
{
    if (t->fd >= 0)
        cx->io->close(t->fd);
    t->fd = -1;
}

/* -- writing ----------------------------------------------------------------------------------- */
/* The sum of a header's bytes, those of the sum itself taken as blanks. */
static unsigned tar_sum(const uint8_t h[TAR_BLOCK])
{
    unsigned sum = 0;
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= TAR_SUM && i < TAR_SUM + 8 ? ' ' : h[i];
    return sum;
}

espy_err espy_tar_create(espy_ctx *cx, const char *path, espy_tar *out)
{
    int fd = cx->io->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return espy_fail(cx, ESPY_E_IO, "cannot write %s: %s", path, strerror(errno));
    *out = (espy_tar){fd, path};
    return ESPY_E_OK;
}

espy_err espy_tar_add(espy_ctx *cx, espy_tar *t, const char *name, espy_span content)
{
    static const uint8_t zeros[TAR_BLOCK];
    char h[TAR_BLOCK] = {0};
    size_t n = strlen(name);
    if (n == 0 || n >= ESPY_TAR_NAME)
        return espy_fail(cx, ESPY_E_ARG, "%.40s: a name in an archive has 1 to 100 bytes", name);
    if (content.size >= TAR_MOST)
        return espy_fail(cx, ESPY_E_LIMIT, "%s: is too large for an archive", name);
    memcpy(h, name, n);
    snprintf(h + 100, 8, "%07o", 0600);
    snprintf(h + 108, 8, "%07o", 0);
    snprintf(h + 116, 8, "%07o", 0);
    snprintf(h + TAR_SIZE, 12, "%011llo", (unsigned long long)content.size);
    snprintf(h + 136, 12, "%011o", 0); /* dated 1970: same files, same archive */
    h[TAR_TYPE] = '0';
    memcpy(h + TAR_MAGIC, "ustar\00000", 8);
    snprintf(h + TAR_SUM, 8, "%06o", tar_sum((const uint8_t *)h));
    h[TAR_SUM + 7] = ' ';
    ESPY_TRY(espy_fd_write(cx, t->fd, t->path, h, sizeof h));
    ESPY_TRY(espy_fd_write(cx, t->fd, t->path, content.data, content.size));
    return espy_fd_write(cx, t->fd, t->path, zeros,
                         (TAR_BLOCK - content.size % TAR_BLOCK) % TAR_BLOCK);
}

espy_err espy_tar_finish(espy_ctx *cx, espy_tar *t)
{
    static const uint8_t zeros[2 * TAR_BLOCK];
    ESPY_TRY(espy_fd_write(cx, t->fd, t->path, zeros, sizeof zeros));
    if (cx->io->sync(t->fd) != 0)
        return espy_fail(cx, ESPY_E_IO, "%s: could not be written to the disk: %s", t->path,
                         strerror(errno));
    return ESPY_E_OK;
}

/* -- reading ----------------------------------------------------------------------------------- */
espy_err espy_tar_open(espy_ctx *cx, const char *path, espy_tar *out)
{
    int fd = -1;
    ESPY_TRY(espy_file_open(cx, path, &fd));
    *out = (espy_tar){fd, path};
    return ESPY_E_OK;
}

static espy_err tar_read(espy_ctx *cx, espy_tar *t, uint8_t *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t k = cx->io->read(t->fd, p + got, n - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return espy_fail(cx, ESPY_E_IO, "cannot read %s: %s", t->path, strerror(errno));
        if (k == 0)
            return espy_fail(cx, ESPY_E_FORMAT, "%s: is cut off, or no archive", t->path);
        got += (size_t)k;
    }
    return ESPY_E_OK;
}

/* An octal number that ends with a blank or zero; false when it is none. */
static bool tar_octal(const uint8_t *p, size_t n, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    while (i < n && p[i] == ' ')
        i++;
    size_t first = i;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(p[i] - '0');
    return i > first && (i == n || p[i] == ' ' || p[i] == '\0');
}

static bool tar_header(const uint8_t h[TAR_BLOCK], char name[ESPY_TAR_NAME], uint64_t *size)
{
    uint64_t sum;
    memcpy(name, h, ESPY_TAR_NAME - 1);
    name[ESPY_TAR_NAME - 1] = '\0';
    return memcmp(h + TAR_MAGIC, "ustar", 5) == 0 && tar_octal(h + TAR_SUM, 8, &sum) &&
           sum == tar_sum(h) && (h[TAR_TYPE] == '0' || h[TAR_TYPE] == '\0') &&
           h[TAR_PREFIX] == '\0' && name[0] != '\0' && tar_octal(h + TAR_SIZE, 12, size);
}

/* The bytes of a file as they come: a size that is claimed is not believed before they are there.
 */
static espy_err tar_content(espy_ctx *cx, espy_tar *t, uint64_t size, espy_buf *out)
{
    uint8_t chunk[64 * TAR_BLOCK];
    while (size > 0) {
        size_t want = size < sizeof chunk ? (size_t)size : sizeof chunk;
        size_t whole = (want + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
        espy_err e = tar_read(cx, t, chunk, whole);
        if (e == ESPY_E_OK)
            e = espy_buf_append(cx, out, chunk, want);
        if (e != ESPY_E_OK) {
            espy_buf_free(cx, out);
            return e;
        }
        size -= want;
    }
    return ESPY_E_OK;
}

espy_err espy_tar_next(espy_ctx *cx, espy_tar *t, size_t max, char name[ESPY_TAR_NAME],
                       espy_buf *content, bool *more)
{
    static const uint8_t zeros[TAR_BLOCK];
    uint8_t h[TAR_BLOCK];
    uint64_t size = 0;
    ESPY_TRY(tar_read(cx, t, h, sizeof h));
    *more = memcmp(h, zeros, sizeof h) != 0;
    if (!*more)
        return ESPY_E_OK;
    if (!tar_header(h, name, &size))
        return espy_fail(cx, ESPY_E_FORMAT, "%s: is no archive of plain files, or damaged",
                         t->path);
    if (size > max)
        return espy_fail(cx, ESPY_E_LIMIT, "%s: holds a file of %llu bytes; the limit is %zu",
                         t->path, (unsigned long long)size, max);
    espy_buf_init(content, max);
    return tar_content(cx, t, size, content);
}
