/* SPDX-License-Identifier: Apache-2.0
 * http - the job "expire": media that were kept long enough go. */
#include "base/text.h"
#include "http/runner.h"
#include "store/erase.h"

/* The moment so many days ago; 0 where the request does not tell. */
static double before(const espy_json *request, const char *key)
{
    double days = espy_json_number(espy_json_get(request, key), 0);
    return days > 0 ? espy_time_now() - 86400 * days : 0;
}

/* request: {"probes": days, "unknowns": days, "deleted": days}; what is missing stays for ever. */
static espy_err run(espy_working *w, espy_json **result)
{
    const espy_expiry ages = {.probes = before(w->request, "probes"),
                              .unknowns = before(w->request, "unknowns"),
                              .deleted = before(w->request, "deleted")};
    size_t removed = 0;
    ESPY_TRY(espy_store_expire(w->cx, w->ws->store, &ages, &removed));
    espy_json *o = espy_json_object();
    espy_err e = espy_json_set(w->cx, o, "removed", espy_json_of_int((int64_t)removed));
    if (e == ESPY_E_OK)
        *result = o;
    else
        espy_json_free(o);
    return e;
}

const espy_job_kind espy_job_expire = {"expire", run};
