/* SPDX-License-Identifier: Apache-2.0
 * base - files and folders. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int file_open(const char *path, int flags, unsigned mode)
{
    return open(path, flags, mode);
}

const espy_io espy_io_posix = {file_open, read, write, fsync, close, rename, unlink, syncfs};

static espy_err file_fail(espy_ctx *cx, const char *what, const char *path)
{
    int err = errno;
    espy_err code = err == ENOENT ? ESPY_E_NOT_FOUND : err == ENOMEM ? ESPY_E_NOMEM : ESPY_E_IO;
    const char *hint = err == ENOSPC   ? "; make room on the disk and try again"
                       : err == EACCES ? "; check who may read and write there"
                       : err == EROFS  ? "; choose a folder that can be written"
                                       : "";
    return espy_fail(cx, code, "cannot %s %s: %s%s", what, path, strerror(err), hint);
}

espy_err espy_file_read(espy_ctx *cx, const char *path, size_t max, espy_buf *out)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : cx->io->open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return file_fail(cx, "open", path);
    espy_err e = ESPY_E_OK;
    espy_buf b;
    struct stat st;
    espy_buf_init(&b, max);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        ESPY_GO(espy_fail(cx, ESPY_E_IO, "%s is a folder, a file is needed", path));
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        if ((uint64_t)st.st_size > max)
            ESPY_GO(espy_fail(cx, ESPY_E_LIMIT, "%s has %lld bytes; the limit is %zu", path,
                              (long long)st.st_size, max));
        b.room = (size_t)st.st_size + 1;
        b.data = espy_alloc(cx, b.room);
        if (!b.data) {
            e = cx->code;
            b.room = 0;
            goto out;
        }
    }
    for (;;) {
        uint8_t chunk[65536];
        /* straight into the buffer while the announced size lasts */
        bool direct = b.room > b.size + 1;
        ssize_t n = cx->io->read(fd, direct ? b.data + b.size : chunk,
                                 direct ? b.room - b.size - 1 : sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            ESPY_GO(file_fail(cx, "read", path));
        if (n == 0)
            break;
        if (direct)
            b.size += (size_t)n;
        else
            ESPY_GO(espy_buf_append(cx, &b, chunk, (size_t)n));
    }
    ESPY_GO(espy_buf_append(cx, &b, "", 0));
    *out = b;
    b = (espy_buf){0};
out:
    espy_buf_free(cx, &b);
    if (!from_stdin)
        cx->io->close(fd);
    return e;
}

espy_err espy_file_open(espy_ctx *cx, const char *path, int *fd)
{
    struct stat st;
    int opened = cx->io->open(path, O_RDONLY | O_CLOEXEC, 0);
    if (opened < 0)
        return file_fail(cx, "open", path);
    if (fstat(opened, &st) == 0 && S_ISDIR(st.st_mode)) {
        cx->io->close(opened);
        return espy_fail(cx, ESPY_E_IO, "%s is a folder, a file is needed", path);
    }
    *fd = opened;
    return ESPY_E_OK;
}

espy_err espy_fd_write(espy_ctx *cx, int fd, const char *path, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    while (n) {
        ssize_t k = cx->io->write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (k == 0)
                errno = EIO;
            return file_fail(cx, "write", path);
        }
        p += k;
        n -= (size_t)k;
    }
    return ESPY_E_OK;
}

espy_err espy_file_write(espy_ctx *cx, const char *path, const void *p, size_t n)
{
    return espy_file_write_parts(cx, path, &(espy_span){p, n}, 1);
}

espy_err espy_file_write_parts(espy_ctx *cx, const char *path, const espy_span *parts, size_t n)
{
    espy_err e = ESPY_E_OK;
    int fd = -1;
    bool there = false;
    /* named by thread, so that two that write one path do not write into one temporary file */
    char *tmp = espy_sprintf(cx, "%s.tmp%ld", path, (long)gettid());
    char *dir = tmp ? espy_strndup(cx, path, (size_t)(espy_path_name(path) - path)) : NULL;
    if (!dir) {
        e = cx->code;
        goto out;
    }
    fd = cx->io->open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        ESPY_GO(file_fail(cx, "write", path));
    there = true;
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_fd_write(cx, fd, path, parts[i].data, parts[i].size));
    if (cx->io->sync(fd) != 0)
        ESPY_GO(file_fail(cx, "sync", path));
    int closing = fd;
    fd = -1;
    if (cx->io->close(closing) != 0)
        ESPY_GO(file_fail(cx, "close", path));
    if (cx->io->rename(tmp, path) != 0)
        ESPY_GO(file_fail(cx, "write", path));
    there = false;
    ESPY_GO(espy_dir_sync(cx, *dir ? dir : "."));
out:
    if (fd >= 0)
        cx->io->close(fd);
    if (there)
        cx->io->unlink(tmp);
    espy_free(cx, tmp);
    espy_free(cx, dir);
    return e;
}

espy_err espy_file_append(espy_ctx *cx, const char *path, const void *p, size_t n)
{
    int fd = cx->io->open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return file_fail(cx, "write", path);
    espy_err e = espy_fd_write(cx, fd, path, p, n);
    if (cx->io->close(fd) != 0 && e == ESPY_E_OK)
        e = file_fail(cx, "close", path);
    return e;
}

bool espy_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool espy_dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

espy_err espy_dir_make(espy_ctx *cx, const char *path)
{
    char *p = espy_strdup(cx, path);
    if (!p)
        return cx->code;
    espy_err e = ESPY_E_OK;
    for (char *s = p + 1; e == ESPY_E_OK; s++) {
        if (*s && *s != '/')
            continue;
        char c = *s;
        *s = '\0';
        if (mkdir(p, 0755) != 0 && !(errno == EEXIST && espy_dir_exists(p)))
            e = file_fail(cx, "make folder", p);
        *s = c;
        if (!c)
            break;
    }
    espy_free(cx, p);
    return e;
}

espy_err espy_dir_sync(espy_ctx *cx, const char *path)
{
    int fd = cx->io->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return file_fail(cx, "open folder", path);
    /* some file systems cannot sync a folder and say EINVAL: nothing more can be done there */
    int bad = cx->io->sync(fd) != 0 && errno != EINVAL;
    espy_err e = bad ? file_fail(cx, "sync folder", path) : ESPY_E_OK;
    cx->io->close(fd);
    return e;
}

espy_err espy_dir_lock(espy_ctx *cx, const char *path, int *fd)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    bool told = false;
    int opened = cx->io->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (opened < 0)
        return file_fail(cx, "open folder", path);
    while (flock(opened, LOCK_EX | LOCK_NB) != 0) {
        espy_err e = errno == EWOULDBLOCK || errno == EINTR ? espy_cancelled(cx)
                                                            : file_fail(cx, "lock folder", path);
        if (e != ESPY_E_OK) {
            cx->io->close(opened);
            return e;
        }
        if (!told)
            espy_log(cx, ESPY_LOG_INFO, "another program works in %s: waiting for it", path);
        told = true;
        nanosleep(&pause, NULL);
    }
    *fd = opened;
    return ESPY_E_OK;
}

void espy_dir_unlock(espy_ctx *cx, int fd)
{
    if (fd >= 0)
        cx->io->close(fd);
}

espy_err espy_dir_remove(espy_ctx *cx, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        espy_err failed = errno == ENOENT ? ESPY_E_OK : file_fail(cx, "open folder", path);
        if (fd >= 0)
            close(fd);
        return failed;
    }
    espy_err e = ESPY_E_OK;
    for (struct dirent *at; e == ESPY_E_OK && (at = readdir(d));) {
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
            continue;
        char *inner = espy_path_join(cx, path, at->d_name);
        struct stat st;
        if (!inner)
            e = cx->code;
        else if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode))
            e = espy_dir_remove(cx, inner);
        else if (cx->io->unlink(inner) != 0 && errno != ENOENT)
            e = file_fail(cx, "delete", inner);
        espy_free(cx, inner);
    }
    closedir(d);
    if (e == ESPY_E_OK && rmdir(path) != 0 && errno != ENOENT)
        e = file_fail(cx, "delete folder", path);
    return e;
}

static int dir_order(const void *a, const void *b)
{
    return strcmp(((const espy_dir_entry *)a)->name, ((const espy_dir_entry *)b)->name);
}

static espy_err dir_add(espy_ctx *cx, const char *path, const char *name, espy_dir_list *l,
                        size_t *room)
{
    if (l->n == *room) {
        size_t more = *room ? *room * 2 : 64;
        espy_dir_entry *at = espy_resize(cx, l->at, more, sizeof *at);
        if (!at)
            return cx->code;
        l->at = at;
        *room = more;
    }
    char *inner = espy_path_join(cx, path, name);
    if (!inner)
        return cx->code;
    struct stat st;
    struct stat own;
    bool seen = stat(inner, &st) == 0 && lstat(inner, &own) == 0;
    espy_free(cx, inner);
    if (!seen || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
        return ESPY_E_OK; /* vanished, a dangling link, a device */
    char *copy = espy_strdup(cx, name);
    if (!copy)
        return cx->code;
    l->at[l->n++] =
        (espy_dir_entry){copy, S_ISDIR(st.st_mode), S_ISLNK(own.st_mode), (uint64_t)st.st_size};
    return ESPY_E_OK;
}

espy_err espy_dir_read(espy_ctx *cx, const char *path, espy_dir_list *out)
{
    DIR *d = opendir(path);
    if (!d)
        return file_fail(cx, "open folder", path);
    espy_err e = ESPY_E_OK;
    espy_dir_list l = {0};
    size_t room = 0;
    for (struct dirent *at; e == ESPY_E_OK && (at = readdir(d));)
        if (at->d_name[0] != '.')
            e = dir_add(cx, path, at->d_name, &l, &room);
    closedir(d);
    if (e != ESPY_E_OK) {
        espy_dir_list_free(cx, &l);
        return e;
    }
    if (l.n)
        qsort(l.at, l.n, sizeof *l.at, dir_order);
    *out = l;
    return ESPY_E_OK;
}

void espy_dir_list_free(espy_ctx *cx, espy_dir_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        espy_free(cx, l->at[i].name);
    espy_free(cx, l->at);
    *l = (espy_dir_list){0};
}

char *espy_path_join(espy_ctx *cx, const char *a, const char *b)
{
    size_t n = strlen(a);
    return espy_sprintf(cx, "%s%s%s", a, n && a[n - 1] != '/' ? "/" : "", b);
}

const char *espy_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *espy_path_suffix(const char *path)
{
    const char *name = espy_path_name(path), *dot = strrchr(name, '.');
    return dot && dot != name ? dot : name + strlen(name);
}

static char *path_home(espy_ctx *cx, const char *variable, const char *under_home)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    if (base && base[0] == '/')
        return espy_sprintf(cx, "%s/espy", base);
    return espy_sprintf(cx, "%s/%s/espy", home && *home ? home : "/tmp", under_home);
}

char *espy_path_cache(espy_ctx *cx)
{
    return path_home(cx, "XDG_CACHE_HOME", ".cache");
}

char *espy_path_data(espy_ctx *cx)
{
    return path_home(cx, "XDG_DATA_HOME", ".local/share");
}

const char *espy_env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

char *espy_path_program(espy_ctx *cx)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n > 1 ? espy_strndup(cx, path, (size_t)n - 1) : NULL;
}
