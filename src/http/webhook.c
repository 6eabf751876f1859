/* SPDX-License-Identifier: Apache-2.0
 * http - webhooks (webhook.h). */
#include "http/webhook.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "flow/post.h"
#include "http/token.h"

enum { URL_MAX = 2048, HOST_MAX = 254 };

/* The host of a URL, without the brackets of an IPv6 address. */
static espy_err webhook_host(espy_ctx *cx, const char *url, char host[HOST_MAX])
{
    const size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                          : strncasecmp(url, "http://", 7) == 0 ? 7
                                                                : 0;
    if (!scheme)
        return espy_fail(cx, ESPY_E_ARG, "a webhook's URL begins with https:// or http://");
    const char *at = url + scheme;
    const size_t n = strcspn(at, "/?");
    if (memchr(at, '@', n))
        return espy_fail(cx, ESPY_E_ARG,
                         "a webhook's URL has no user or password; the receiver checks the "
                         "signature");
    const bool six = at[0] == '[';
    const size_t length = six ? strcspn(at + 1, "]/?") : strcspn(at, ":/?");
    const char *port = at + length + (six ? 2 : 0), *end = at + n;
    int64_t number;
    char digits[8] = "";
    if (length == 0 || length >= HOST_MAX || port > end || (six && port[-1] != ']'))
        return espy_fail(cx, ESPY_E_ARG, "a webhook's URL names no host");
    if (port < end && end - port < (int)sizeof digits)
        memcpy(digits, port + 1, (size_t)(end - port - 1));
    if (port < end && (*port != ':' || strspn(digits, "0123456789") != strlen(digits) ||
                       !espy_parse_int(digits, 1, 65535, &number)))
        return espy_fail(cx, ESPY_E_ARG, "the port of a webhook's URL is not 1 to 65535");
    memcpy(host, at + six, length);
    host[length] = '\0';
    return ESPY_E_OK;
}

/* "localhost" and every name below it, with or without the final dot. */
static bool webhook_localhost(const char *host)
{
    size_t n = strlen(host);
    n -= n > 0 && host[n - 1] == '.';
    return n >= 9 && strncasecmp(host + n - 9, "localhost", 9) == 0 &&
           (n == 9 || host[n - 10] == '.');
}

espy_err espy_webhook_check(espy_ctx *cx, const char *url, bool local)
{
    char host[HOST_MAX];
    bool address;
    const size_t n = strnlen(url, URL_MAX + 1);
    if (n > URL_MAX)
        return espy_fail(cx, ESPY_E_ARG, "a webhook's URL has at most %d bytes", URL_MAX);
    for (size_t i = 0; i < n; i++)
        if (url[i] <= ' ' || url[i] > '~' || url[i] == '\\' || url[i] == '#')
            return espy_fail(cx, ESPY_E_ARG,
                             "a webhook's URL is plain ASCII without blanks, backslash and "
                             "fragment; percent-encode the rest");
    ESPY_TRY(webhook_host(cx, url, host));
    const bool is_public = espy_address_public(host, &address);
    if (!local && (webhook_localhost(host) || (address && !is_public)))
        return espy_fail(cx, ESPY_E_ARG,
                         "%s is not a public address; webhooks into the own network have to be "
                         "allowed first",
                         host);
    return ESPY_E_OK;
}

void espy_webhook_sign(espy_span key, int64_t timestamp, espy_span body,
                       char out[ESPY_WEBHOOK_SIGNATURE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[ESPY_HMAC_BYTES];
    char time[24];
    const int n = snprintf(time, sizeof time, "%lld.", (long long)timestamp);
    const espy_span parts[] = {{(const uint8_t *)time, (size_t)n}, body};
    espy_hmac(key, parts, 2, mac);
    char *to = out + snprintf(out, ESPY_WEBHOOK_SIGNATURE, "sha256=");
    for (size_t i = 0; i < sizeof mac; i++) {
        *to++ = digits[mac[i] >> 4];
        *to++ = digits[mac[i] & 15];
    }
    *to = '\0';
}

double espy_webhook_delay(unsigned tried)
{
    static const double waits[ESPY_WEBHOOK_TRIES - 1] = {10, 60, 300, 900, 3600, 10800, 21600};
    return tried == 0 ? 0 : tried < ESPY_WEBHOOK_TRIES ? waits[tried - 1] : -1;
}

espy_webhook_end espy_webhook_judge(int status)
{
    if (status >= 200 && status < 300)
        return ESPY_WEBHOOK_DONE;
    const bool busy = status == 408 || status == 425 || status == 429;
    return status >= 300 && status < 500 && !busy ? ESPY_WEBHOOK_REFUSED : ESPY_WEBHOOK_AGAIN;
}

static espy_err webhook_word(espy_ctx *cx, const char *what, const char *word)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t n = strnlen(word, 101);
    if (n == 0 || n > 100 || strspn(word, allowed) != n)
        return espy_fail(cx, ESPY_E_ARG,
                         "the %s of a webhook has 1 to 100 letters, digits, '.', '_' and '-'",
                         what);
    return ESPY_E_OK;
}

espy_err espy_webhook_send(espy_ctx *cx, const espy_delivery *hook, int *status)
{
    char event[128], id[128], time[64], signature[128];
    const char *const headers[] = {
        "Content-Type: application/json", event, id, time, signature, NULL};
    const espy_post post = {hook->url, headers, hook->body, 5, 10, !hook->local};
    char value[ESPY_WEBHOOK_SIGNATURE];
    ESPY_TRY(espy_webhook_check(cx, hook->url, hook->local));
    ESPY_TRY(webhook_word(cx, "event", hook->event));
    ESPY_TRY(webhook_word(cx, "id", hook->id));
    espy_webhook_sign(hook->key, hook->timestamp, hook->body, value);
    snprintf(event, sizeof event, "X-Espy-Event: %s", hook->event);
    snprintf(id, sizeof id, "X-Espy-Delivery: %s", hook->id);
    snprintf(time, sizeof time, "X-Espy-Timestamp: %lld", (long long)hook->timestamp);
    snprintf(signature, sizeof signature, "X-Espy-Signature: %s", value);
    return espy_flow_post(cx, &post, status, NULL);
}
