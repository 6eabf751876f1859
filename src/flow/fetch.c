/* SPDX-License-Identifier: Apache-2.0
 * flow - fetching packs, by libcurl. */
#include "flow/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/zip.h"

#define FETCH_MAX ((curl_off_t)2 << 30)

typedef struct fetch_transfer {
    espy_ctx *cx;
    const espy_progress *progress;
    const char *stage;
    curl_off_t before; /* bytes that an earlier call left */
} fetch_transfer;

/* Called by libcurl about once a second and with every piece: progress, and the way to stop. */
static int fetch_step(void *self, curl_off_t total, curl_off_t now, curl_off_t up_total,
                      curl_off_t up)
{
    (void)up_total;
    (void)up;
    fetch_transfer *t = self;
    if (total > 0 && now < total)
        espy_progress_step(t->progress, t->stage, (size_t)(t->before + now) / 1024,
                           (size_t)(t->before + total) / 1024);
    return t->cx->cancel && atomic_load(t->cx->cancel) ? 1 : 0;
}

static espy_err fetch_failed(espy_ctx *cx, CURL *curl, CURLcode code, const char *url)
{
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return espy_cancelled(cx);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return espy_fail(cx, ESPY_E_IO,
                         "%s answered with status %ld; try again later or get it by hand", url,
                         status);
    return espy_fail(cx, ESPY_E_IO, "%s could not be fetched: %s", url, curl_easy_strerror(code));
}

/* Appends to PART until the whole file is there.  *again: the server cannot go on in the middle. */
static espy_err fetch_rest(espy_ctx *cx, const char *url, const char *part,
                           const espy_progress *progress, bool *again)
{
    struct stat st;
    fetch_transfer t = {cx, progress, espy_path_name(url), stat(part, &st) == 0 ? st.st_size : 0};
    FILE *f = fopen(part, "abe");
    CURL *curl = f ? curl_easy_init() : NULL;
    if (!curl) {
        if (f)
            fclose(f);
        return espy_fail(cx, ESPY_E_IO, "%s cannot be written", part);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 8L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 100L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "espy/" ESPY_VERSION);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, FETCH_MAX);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, t.before);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, fetch_step);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &t);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bool whole = status == 416; /* nothing left to send: an earlier call got everything */
    *again = code == CURLE_RANGE_ERROR && t.before > 0;
    espy_err e =
        code == CURLE_OK || whole || *again ? ESPY_E_OK : fetch_failed(cx, curl, code, url);
    curl_easy_cleanup(curl);
    if (fclose(f) != 0 && e == ESPY_E_OK)
        e = espy_fail(cx, ESPY_E_IO, "%s cannot be written; make room on the disk", part);
    return e;
}

static espy_err fetch_url(espy_ctx *cx, const char *url, const char *part,
                          const espy_progress *progress)
{
    bool again;
    ESPY_TRY(fetch_rest(cx, url, part, progress, &again));
    if (!again)
        return ESPY_E_OK;
    cx->io->unlink(part);
    return fetch_rest(cx, url, part, progress, &again);
}

/* Checks the digest; without one in the manifest says which it is. */
static espy_err fetch_verify(espy_ctx *cx, const espy_pack_file *file, const espy_buf *content)
{
    char digest[ESPY_DIGEST_HEX];
    espy_digest(content->data, content->size, digest);
    if (!file->digest[0]) {
        espy_log(cx, ESPY_LOG_WARN, "%s: the manifest knows no digest for it; this one is %s",
                 file->name, digest);
        return ESPY_E_OK;
    }
    if (strcmp(digest, file->digest) != 0)
        return espy_fail(cx, ESPY_E_DIGEST,
                         "%s from %s is not the file that the manifest names (%.12s, not %.12s)",
                         file->name, file->url, digest, file->digest);
    return ESPY_E_OK;
}

static espy_err fetch_file(espy_ctx *cx, const espy_pack_file *file, const char *dir,
                           const espy_progress *progress)
{
    char key[ESPY_DIGEST_HEX];
    espy_buf content;
    espy_err e = ESPY_E_OK;
    espy_digest(file->url, strlen(file->url), key);
    espy_buf_init(&content, cx->max.file_bytes);
    char *part = espy_sprintf(cx, "%s/.%.16s.part", dir, key);
    char *path = espy_path_join(cx, dir, file->name);
    if (!part || !path)
        ESPY_GO(cx->code);
    ESPY_GO(fetch_url(cx, file->url, part, progress));
    if (file->member)
        ESPY_GO(espy_zip_read_file(cx, part, file->member, &content));
    else
        ESPY_GO(espy_file_read(cx, part, content.max, &content));
    e = fetch_verify(cx, file, &content);
    ESPY_GO(e);
    ESPY_GO(espy_file_write(cx, path, content.data, content.size));
out:
    if (part && (e == ESPY_E_DIGEST || e == ESPY_E_FORMAT)) /* or the next call would resume it */
        cx->io->unlink(part);
    espy_buf_free(cx, &content);
    espy_free(cx, part);
    espy_free(cx, path);
    return e;
}

/* Archives stay until every file that comes out of them is there. */
static void fetch_tidy(espy_ctx *cx, const espy_pack *pack, const char *dir)
{
    for (size_t i = 0; i < pack->n_files; i++) {
        char key[ESPY_DIGEST_HEX];
        if (!pack->files[i].url)
            continue;
        espy_digest(pack->files[i].url, strlen(pack->files[i].url), key);
        char *part = espy_sprintf(cx, "%s/.%.16s.part", dir, key);
        if (part)
            cx->io->unlink(part);
        espy_free(cx, part);
    }
}

espy_err espy_flow_fetch(espy_ctx *cx, const espy_pack *pack, const char *given,
                         const espy_progress *progress)
{
    espy_err e = ESPY_E_OK;
    espy_buf manifest;
    espy_buf_init(&manifest, (size_t)16 << 20);
    char *data = espy_path_data(cx);
    char *dir = !data   ? NULL
                : given ? espy_strdup(cx, given)
                        : espy_sprintf(cx, "%s/models/%s", data, pack->name);
    char *copy = dir ? espy_path_join(cx, dir, "pack.json") : NULL;
    if (!copy)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < pack->n_files; i++)
        if (!pack->files[i].path && !pack->files[i].url)
            ESPY_GO(espy_fail(
                cx, ESPY_E_UNSUPPORTED, "pack %s: %s has no address to fetch it from; %s",
                pack->name, pack->files[i].name,
                espy_json_string(espy_json_get(pack->json, "notes"), "see docs/packs.md")));
    ESPY_GO(espy_dir_make(cx, dir));
    for (size_t i = 0; i < pack->n_files; i++)
        if (!pack->files[i].path)
            ESPY_GO(fetch_file(cx, &pack->files[i], dir, progress));
    if (pack->manifest && !espy_file_exists(copy)) {
        ESPY_GO(espy_file_read(cx, pack->manifest, manifest.max, &manifest));
        ESPY_GO(espy_file_write(cx, copy, manifest.data, manifest.size));
    }
    fetch_tidy(cx, pack, dir);
out:
    espy_buf_free(cx, &manifest);
    espy_free(cx, data);
    espy_free(cx, dir);
    espy_free(cx, copy);
    return e;
}
