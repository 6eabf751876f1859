/* SPDX-License-Identifier: Apache-2.0
 * flow - the trigger. */
#include "flow/trigger.h"

#include <string.h>

#include "artifact/ecosight.h"
#include "base/file.h"
#include "base/text.h"
#include "flow/dataset.h"

static bool trigger_counts(const char *label)
{
    return !espy_equal_nocase(label, "unknown");
}

/* Counts from files may be anything; sums stay where they cannot overflow. */
static int64_t trigger_number(const espy_json *counts, const char *label)
{
    int64_t n = espy_json_int(espy_json_get(counts, label), 0);
    const int64_t most = (int64_t)1 << 40;
    return n < 0 ? 0 : n > most ? most : n;
}

bool espy_trigger_decide(const espy_json *current, const espy_json *last, int64_t least,
                         int64_t *added)
{
    void *it = NULL;
    const char *label;
    const espy_json *value;
    *added = 0;
    while (espy_json_next(current, &it, &label, &value))
        if (trigger_counts(label))
            *added += trigger_number(current, label) - trigger_number(last, label);
    return !espy_json_count(last) || *added >= least;
}

static espy_err trigger_add(espy_ctx *cx, espy_json *counts, const char *label, int64_t n)
{
    if (!trigger_counts(label))
        return ESPY_E_OK;
    return espy_json_set(cx, counts, label, espy_json_of_int(trigger_number(counts, label) + n));
}

static espy_err trigger_count_one(espy_ctx *cx, const char *dir, const char *name,
                                  const espy_modality *modality, espy_json *counts)
{
    espy_dir_list list = {0};
    char *code = NULL, *title = NULL, *path = espy_path_join(cx, dir, name);
    int64_t n = 0;
    espy_err e = ESPY_E_OK;
    if (!path)
        return cx->code;
    ESPY_GO(espy_dir_read(cx, path, &list));
    for (size_t i = 0; i < list.n; i++)
        n += !list.at[i].is_dir && modality && espy_modality_of_file(list.at[i].name) == modality;
    ESPY_GO(espy_folder_name(cx, name, ESPY_FOLDER_CODE, &code, &title));
    ESPY_GO(trigger_add(cx, counts, code, n));
out:
    espy_free(cx, code);
    espy_free(cx, title);
    espy_free(cx, path);
    espy_dir_list_free(cx, &list);
    return e;
}

espy_err espy_trigger_count_folder(espy_ctx *cx, const char *dir, const espy_modality *modality,
                                   espy_json **out)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    if (!espy_dir_exists(dir))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; it must hold one folder per label", dir);
    espy_json *counts = espy_json_object();
    ESPY_GO(espy_dir_read(cx, dir, &list));
    for (size_t i = 0; i < list.n; i++)
        if (list.at[i].is_dir)
            ESPY_GO(trigger_count_one(cx, dir, list.at[i].name, modality, counts));
    if (!counts)
        ESPY_GO(espy_fail(cx, ESPY_E_NOMEM, "out of memory"));
    *out = counts;
    counts = NULL;
out:
    espy_json_free(counts);
    espy_dir_list_free(cx, &list);
    return e;
}

espy_err espy_trigger_count_store(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                                  espy_json **out)
{
    espy_label *labels = NULL;
    size_t n = 0;
    espy_json *counts = espy_json_object();
    espy_err e = espy_store_labels(cx, ws->store, c->id, &labels, &n);
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++)
        if (!labels[i].deleted && !labels[i].grouped)
            e = trigger_add(cx, counts, labels[i].code, (int64_t)labels[i].samples);
    espy_labels_free(cx, labels, n);
    if (e == ESPY_E_OK && !counts)
        e = espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (e == ESPY_E_OK)
        *out = counts;
    else
        espy_json_free(counts);
    return e;
}

/* A counted member of the value, as a reference of the caller's own; NULL when it has none. */
static espy_json *trigger_own(const espy_json *v, const char *key)
{
    const espy_json *counts = espy_json_get(v, key);
    return espy_json_is_object(counts) ? espy_json_ref((espy_json *)(uintptr_t)counts) : NULL;
}

espy_err espy_trigger_last(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, bool files,
                           espy_json **out)
{
    espy_version *at = NULL;
    size_t n = 0;
    espy_json *found = NULL;
    ESPY_TRY(espy_store_versions(cx, ws->store, c->id, &at, &n)); /* newest first */
    for (size_t i = 0; files && i < n && !found; i++)
        found = trigger_own(at[i].json, "file_counts");
    for (size_t i = 0; i < n && !found; i++)
        found = trigger_own(at[i].json, "sample_counts");
    espy_versions_free(cx, at, n);
    *out = found;
    return ESPY_E_OK;
}

espy_err espy_trigger_last_of_log(espy_ctx *cx, const char *path, espy_json **out)
{
    espy_json *log = NULL;
    ESPY_TRY(espy_ecosight_log_load(cx, path, &log));
    const espy_json *entries = espy_ecosight_log_entries(log);
    size_t n = espy_json_count(entries);
    espy_err e = ESPY_E_OK;
    espy_json *found = n ? trigger_own(espy_json_at(entries, n - 1), "sample_counts") : NULL;
    if (n && !found)
        e = espy_fail(cx, ESPY_E_FORMAT, "%s: its last entry has no \"sample_counts\"", path);
    else
        *out = found;
    espy_json_free(log);
    return e;
}
