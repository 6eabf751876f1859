/* SPDX-License-Identifier: Apache-2.0
 * flow - fetching packs and sending bytes, by libcurl. */
#include "flow/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/zip.h"
#include "flow/post.h"

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

/* ---- sending ---- */

/* Whether an IPv4 address (host byte order) is none of the special ones of RFC 6890. */
static bool address_public4(uint32_t a)
{
    static const struct {
        uint32_t net;
        int bits;
    } special[] = {
        {0x00000000, 8},  /* this network */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* behind a provider's NAT */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link-local: among them the clouds' metadata */
        {0xac100000, 12}, /* private */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0000200, 24}, /* documentation, with 198.51.100 and 203.0.113 */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarks */
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}, /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if ((a ^ special[i].net) >> (32 - special[i].bits) == 0)
            return false;
    return true;
}

/* The same for IPv6: of the global ones (2000::/3) without tunnels and documentation; one that
 * stands for an IPv4 address is what that is. */
static bool address_public6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    const unsigned first = (unsigned)a[0] << 8 | a[1], second = (unsigned)a[2] << 8 | a[3];
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return address_public4((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 |
                               (uint32_t)a[14] << 8 | a[15]);
    return first >> 13 == 1 && !(first == 0x2001 && (second < 0x200 || second == 0xdb8)) &&
           first != 0x2002 && !(first == 0x3fff && second < 0x1000);
}

bool espy_address_public(const char *text, bool *good)
{
    struct in_addr four;
    struct in6_addr six;
    *good = true;
    if (inet_aton(text, &four)) /* takes 127.1 and 0x7f000001 as well, as resolvers do */
        return address_public4(ntohl(four.s_addr));
    if (inet_pton(AF_INET6, text, &six) == 1)
        return address_public6(six.s6_addr);
    *good = false;
    return false;
}

typedef struct post_transfer {
    espy_ctx *cx;
    espy_buf *answer;
    size_t room;  /* what the answer may still take */
    bool refused; /* an address was not public */
} post_transfer;

/* Called by libcurl before it connects, with the address that the name resolved to. */
static curl_socket_t post_socket(void *self, curlsocktype purpose, struct curl_sockaddr *to)
{
    post_transfer *t = self;
    const struct sockaddr *a = &to->addr;
    const bool four = a->sa_family == AF_INET, six = a->sa_family == AF_INET6;
    (void)purpose;
    if (!(four &&
          address_public4(ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr))) &&
        !(six &&
          address_public6(((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr))) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t post_answer(char *data, size_t size, size_t n, void *self)
{
    post_transfer *t = self;
    const size_t all = size * n, kept = all < t->room ? all : t->room;
    if (kept && espy_buf_append(t->cx, t->answer, data, kept) != ESPY_E_OK)
        return 0;
    t->room -= kept;
    return all;
}

static int post_step(void *self, curl_off_t total, curl_off_t now, curl_off_t up_total,
                     curl_off_t up)
{
    const post_transfer *t = self;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up;
    return t->cx->cancel && atomic_load(t->cx->cancel) ? 1 : 0;
}

static espy_err post_headers(espy_ctx *cx, const espy_post *post, struct curl_slist **out)
{
    static const char *const own[] = {"Expect:", NULL}; /* no wait for "100 Continue" */
    const char *const *sets[] = {own, post->headers};
    for (size_t i = 0; i < 2; i++) {
        for (const char *const *h = sets[i]; h && *h; h++) {
            if (strpbrk(*h, "\r\n"))
                return espy_fail(cx, ESPY_E_ARG, "a header of a request has a line break");
            struct curl_slist *more = curl_slist_append(*out, *h);
            if (!more)
                return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
            *out = more;
        }
    }
    return ESPY_E_OK;
}

/* The path of a URL may be a secret, so only what stands before it is told. */
static espy_err post_failed(post_transfer *t, CURLcode code, const char *url)
{
    const char *host = strstr(url, "://");
    const int n =
        (int)strnlen(url, host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 40);
    if (t->cx->code != ESPY_E_OK)
        return t->cx->code;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return espy_cancelled(t->cx);
    if (code == CURLE_OUT_OF_MEMORY)
        return espy_fail(t->cx, ESPY_E_NOMEM, "out of memory");
    if (t->refused)
        return espy_fail(t->cx, ESPY_E_ARG,
                         "%.*s leads to an address that is not public; nothing was sent", n, url);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return espy_fail(t->cx, ESPY_E_ARG, "%.*s is not an http or https URL", n, url);
    return espy_fail(t->cx, ESPY_E_IO, "%.*s did not answer: %s", n, url, curl_easy_strerror(code));
}

espy_err espy_flow_post(espy_ctx *cx, const espy_post *post, int *status, espy_buf *answer)
{
    post_transfer t = {.cx = cx, .answer = answer, .room = answer ? ESPY_POST_ANSWER : 0};
    struct curl_slist *headers = NULL;
    long told = 0;
    espy_err e = ESPY_E_OK;
    CURL *curl = curl_easy_init();
    if (!curl)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (answer && answer->max - answer->size < t.room)
        t.room = answer->max - answer->size;
    ESPY_GO(post_headers(cx, post, &headers));
    curl_easy_setopt(curl, CURLOPT_URL, post->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                     post->body.size ? (const char *)post->body.data : "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.size);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(post->connect_seconds * 1000));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(post->seconds * 1000));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "espy/" ESPY_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, post_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, post_step);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &t);
    if (post->public_only) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, post_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &t);
    }
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        ESPY_GO(post_failed(&t, code, post->url));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &told);
    *status = (int)told;
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return e;
}
