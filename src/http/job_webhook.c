/* SPDX-License-Identifier: Apache-2.0
 * http - the job "webhook": one delivery, tried again by the schedule of webhook.h.  A receiver
 * that gives no answer is left alone for a while, whatever waits for it: the others are told
 * meanwhile. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/webhook.h"
#include "store/webhook.h"

#define DELIVERY_BODY ((size_t)1 << 20)
#define DELIVERY_AGE \
    86400.0 /* seconds; what waited for a silent receiver for so long is given up */

static espy_err delivery_result(espy_working *w, const char *outcome, int status, espy_json **out)
{
    espy_made m = espy_make_object(w->cx);
    espy_put_text(&m, "outcome", outcome);
    if (status)
        espy_put_int(&m, "status", status);
    return espy_made_end(&m, out);
}

/* Later, or never again. */
static espy_err delivery_again(espy_working *w, const char *why)
{
    const double wait = espy_webhook_delay((unsigned)(w->job->attempt - w->job->released));
    if (wait < 0)
        return espy_fail(w->cx, ESPY_E_IO, "given up after %d tries: %s", ESPY_WEBHOOK_TRIES, why);
    espy_working_log(w, "%s; again in %.0f s", why, wait);
    return espy_working_retry(w, true, wait);
}

/* Its receiver is left alone. */
static espy_err delivery_later(espy_working *w, double seconds)
{
    if (espy_time_now() - w->job->created > DELIVERY_AGE)
        return espy_fail(w->cx, ESPY_E_IO, "given up: the receiver has been silent for a day");
    return espy_working_retry(w, false, seconds);
}

static espy_err delivery_send(espy_working *w, const espy_webhook *to, espy_span body,
                              espy_json **result)
{
    espy_ctx *cx = w->cx;
    char id[32], hook[32], why[300];
    int status = 0;
    snprintf(id, sizeof id, "%lld", (long long)w->job->id);
    snprintf(hook, sizeof hook, "%lld", (long long)to->id);
    const double wait = espy_rate_try(w->serving->hooks, hook, "", espy_time_monotonic());
    if (wait > 0)
        return delivery_later(w, wait);
    const espy_delivery d = {.url = to->url,
                             .event = espy_json_string(espy_json_get(w->request, "event"), "event"),
                             .id = id,
                             .key = {(const uint8_t *)to->secret, strlen(to->secret)},
                             .body = body,
                             .timestamp = (int64_t)espy_time_now(),
                             .local = w->serving->options->private_hooks};
    espy_err e = espy_webhook_send(cx, &d, &status);
    if (e != ESPY_E_IO)
        espy_rate_passed(w->serving->hooks, hook, "");
    if (e == ESPY_E_IO) {
        snprintf(why, sizeof why, "%s", cx->text);
        espy_clear(cx);
        return delivery_again(w, why);
    }
    ESPY_TRY(e);
    snprintf(why, sizeof why, "the answer was %d", status);
    switch (espy_webhook_judge(status)) {
    case ESPY_WEBHOOK_DONE:
        return delivery_result(w, "delivered", status, result);
    case ESPY_WEBHOOK_REFUSED:
        return espy_fail(cx, ESPY_E_DATA, "%s: not tried again", why);
    case ESPY_WEBHOOK_AGAIN:
        break;
    }
    return delivery_again(w, why);
}

/* request: {"webhook": id, "event": action, "body": {...}} */
static espy_err run(espy_working *w, espy_json **result)
{
    espy_ctx *cx = w->cx;
    espy_webhook to = {0};
    espy_buf body;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&body, DELIVERY_BODY);
    e = espy_store_webhook_get(cx, w->ws->store,
                               espy_json_int(espy_json_get(w->request, "webhook"), 0), &to);
    if (e == ESPY_E_NOT_FOUND || (e == ESPY_E_OK && !to.enabled)) {
        espy_clear(cx);
        e = delivery_result(w, "the webhook is gone or disabled", 0, result);
        goto out;
    }
    ESPY_GO(e);
    ESPY_GO(espy_json_print(cx, espy_json_get(w->request, "body"), 0, &body));
    ESPY_GO(delivery_send(w, &to, espy_span_of(&body), result));
out:
    espy_buf_free(cx, &body);
    espy_webhook_free(cx, &to);
    return e;
}

const espy_job_kind espy_job_webhook = {"webhook", run};
