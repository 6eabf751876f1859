/* SPDX-License-Identifier: Apache-2.0
 * base - files and folders.  All outside effects go through the table espy_io of the context, so
 * that tests can fail or shorten the n-th call.  Errors name the path and what to do. */
#ifndef ESPY_BASE_FILE_H
#define ESPY_BASE_FILE_H

#include <sys/types.h>

#include "base/mem.h"

struct espy_io {
    int (*open)(const char *path, int flags, unsigned mode); /* as open(2) */
    ssize_t (*read)(int fd, void *p, size_t n);
    ssize_t (*write)(int fd, const void *p, size_t n);
    int (*sync)(int fd);
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*sync_all)(int fd); /* everything on the file system of fd, as syncfs(2); may be NULL */
};
extern const espy_io espy_io_posix;

/* Whole file into memory, at most `max` bytes (LIMIT beyond).  "-" reads standard input. */
espy_err espy_file_read(espy_ctx *cx, const char *path, size_t max, espy_buf *out) ESPY_NODISCARD;

/* Opens a file for reading piece by piece; *fd is the caller's, cx->io->close(). */
espy_err espy_file_open(espy_ctx *cx, const char *path, int *fd) ESPY_NODISCARD;

/* Crash-safe: written to a temporary name beside it, synced, renamed, folder synced.  After a crash
 * the old or the new content is there, never a mixture; on failure nothing is left behind. */
espy_err espy_file_write(espy_ctx *cx, const char *path, const void *p, size_t n) ESPY_NODISCARD;

/* The same of n pieces, one behind the other. */
espy_err espy_file_write_parts(espy_ctx *cx, const char *path, const espy_span *parts,
                               size_t n) ESPY_NODISCARD;

/* Writes all of it to an open file; path for the message. */
espy_err espy_fd_write(espy_ctx *cx, int fd, const char *path, const void *p,
                       size_t n) ESPY_NODISCARD;

/* Appends to a log-like file, creating it. */
espy_err espy_file_append(espy_ctx *cx, const char *path, const void *p, size_t n) ESPY_NODISCARD;

bool espy_file_exists(const char *path); /* regular file */
bool espy_dir_exists(const char *path);

/* Makes the folder and its parents; fine when it is there. */
espy_err espy_dir_make(espy_ctx *cx, const char *path) ESPY_NODISCARD;

/* Syncs a folder so that renames in it survive a crash. */
espy_err espy_dir_sync(espy_ctx *cx, const char *path) ESPY_NODISCARD;

/* Takes the folder for this process alone, waiting for who has it, until *fd is closed with
 * espy_dir_unlock() or the process ends.  Says so when it has to wait.  Errors: NOT_FOUND, IO,
 * CANCELLED. */
espy_err espy_dir_lock(espy_ctx *cx, const char *path, int *fd) ESPY_NODISCARD;
void espy_dir_unlock(espy_ctx *cx, int fd); /* -1: nothing to do */

/* Removes a folder and everything in it; does not follow links and refuses a link to a folder; fine
 * when it is not there. */
espy_err espy_dir_remove(espy_ctx *cx, const char *path) ESPY_NODISCARD;

typedef struct espy_dir_entry {
    char *name; /* without folder */
    bool is_dir, is_link;
    uint64_t size;
} espy_dir_entry;

typedef struct espy_dir_list {
    espy_dir_entry *at;
    size_t n;
} espy_dir_list;

/* Entries of one folder without those that start with '.', sorted by byte value of the name. */
espy_err espy_dir_read(espy_ctx *cx, const char *path, espy_dir_list *out) ESPY_NODISCARD;
void espy_dir_list_free(espy_ctx *cx, espy_dir_list *l);

/* "a/b" joined (caller owns); name part and suffix (".jpg", "" when none) point into path. */
char *espy_path_join(espy_ctx *cx, const char *a, const char *b);
const char *espy_path_name(const char *path);
const char *espy_path_suffix(const char *path);

/* The folder for caches ("$XDG_CACHE_HOME/espy" or "~/.cache/espy") and for data
 * ("$XDG_DATA_HOME/espy" or "~/.local/share/espy"); caller owns. */
char *espy_path_cache(espy_ctx *cx);
char *espy_path_data(espy_ctx *cx);

/* Value of an environment variable, NULL when it is unset or empty; borrowed. */
const char *espy_env(const char *name);

/* The folder of the running program; caller owns, NULL (nothing noted) when it cannot be told. */
char *espy_path_program(espy_ctx *cx);

#endif
