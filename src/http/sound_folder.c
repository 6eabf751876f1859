/* SPDX-License-Identifier: Apache-2.0
 * http - EcoSight's sounds. */
#include "http/sound_folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "flow/dataset.h"
#include "flow/trigger.h"
#include "http/serving.h"

/* -- the collection ---------------------------------------------------------------------------- */
/* The caller's.  espy.conf's encoder may be one of faces. */
static espy_err sounds_pack(espy_ctx *cx, espy_workspace *ws, char **name)
{
    const char *said = espy_workspace_setting(ws, "encoder");
    espy_pack *pack = NULL;
    if (said) {
        ESPY_TRY(espy_pack_open(cx, said, ws->dir, &pack));
        const bool hears = strcmp(pack->modality, "sound") == 0;
        espy_pack_destroy(cx, &pack);
        if (hears) {
            *name = espy_strdup(cx, said);
            return *name ? ESPY_E_OK : cx->code;
        }
    }
    return espy_workspace_default_pack(cx, ws, espy_modality_find("sound"), name);
}

espy_err espy_sounds_collection(espy_ctx *cx, espy_serving *serving, espy_workspace *ws, bool make,
                                espy_collection *out)
{
    const espy_encoder *encoder;
    char *pack = NULL;
    espy_err e = espy_workspace_collection_existing(cx, ws, NULL, espy_modality_find("sound"), out);
    if (e != ESPY_E_NOT_FOUND || !make)
        return e;
    espy_clear(cx);
    ESPY_TRY(sounds_pack(cx, ws, &pack));
    e = espy_models_pack(cx, serving->models, ws, pack, &encoder);
    if (e == ESPY_E_OK)
        e = espy_workspace_collection(cx, ws, NULL, encoder, out);
    espy_free(cx, pack);
    return e;
}

/* -- classes ----------------------------------------------------------------------------------- */
/* Names, each owned. */
typedef struct sounds_names {
    char **at;
    size_t n, room;
} sounds_names;

static void names_free(espy_ctx *cx, sounds_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        espy_free(cx, names->at[i]);
    espy_free(cx, names->at);
}

static bool names_has(const sounds_names *names, const char *name)
{
    size_t i = 0;
    while (i < names->n && strcmp(names->at[i], name) != 0)
        i++;
    return i < names->n;
}

/* Takes over the name, also on failure.  What can be no folder's name is passed over, and
 * "unknown". */
static espy_err names_take(espy_ctx *cx, sounds_names *names, char *name)
{
    if (!name)
        return cx->code;
    if (!*name || *name == '.' || strpbrk(name, "/\\") || espy_label_unknown(name) ||
        names_has(names, name)) {
        espy_free(cx, name);
        return ESPY_E_OK;
    }
    if (names->n == names->room) {
        const size_t room = names->room ? 2 * names->room : 16;
        char **more = espy_resize(cx, names->at, room, sizeof *more);
        if (!more) {
            espy_free(cx, name);
            return cx->code;
        }
        names->at = more;
        names->room = room;
    }
    names->at[names->n++] = name;
    return ESPY_E_OK;
}

/* Names with commas between. */
static espy_err names_split(espy_ctx *cx, sounds_names *names, const char *list)
{
    for (const char *p = list; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t n = strcspn(p, ","), end = n;
        while (end > 0 && strchr(" \t", p[end - 1]))
            end--;
        ESPY_TRY(names_take(cx, names, espy_strndup(cx, p, end)));
        p += n;
    }
    return ESPY_E_OK;
}

/* codes: those that the folders' names stand for. */
static espy_err names_folders(espy_ctx *cx, sounds_names *names, sounds_names *codes,
                              const char *dir)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    if (!espy_dir_exists(dir))
        return ESPY_E_OK;
    ESPY_TRY(espy_dir_read(cx, dir, &list));
    for (size_t i = 0; i < list.n; i++) {
        char *code = NULL, *title = NULL;
        if (!list.at[i].is_dir)
            continue;
        ESPY_GO(espy_folder_name(cx, list.at[i].name, ESPY_FOLDER_CODE, &code, &title));
        espy_free(cx, title);
        ESPY_GO(names_take(cx, codes, code));
        ESPY_GO(names_take(cx, names, espy_strdup(cx, list.at[i].name)));
    }
out:
    espy_dir_list_free(cx, &list);
    return e;
}

static espy_err names_labels(espy_ctx *cx, sounds_names *names, const sounds_names *codes,
                             espy_store *st, int64_t collection)
{
    espy_label *labels = NULL;
    size_t n = 0;
    espy_err e = espy_store_labels(cx, st, collection, &labels, &n);
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++)
        if (!labels[i].deleted && !labels[i].grouped && !names_has(codes, labels[i].code))
            e = names_take(cx, names, espy_strdup(cx, labels[i].code));
    espy_labels_free(cx, labels, n);
    return e;
}

static int names_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static espy_err names_json(espy_ctx *cx, const sounds_names *names, espy_json **out)
{
    espy_json *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; e == ESPY_E_OK && i < names->n; i++)
        e = espy_json_append(cx, list, espy_json_of_string(names->at[i]));
    if (e == ESPY_E_OK && list)
        *out = list;
    else
        espy_json_free(list);
    return list ? e : espy_fail(cx, ESPY_E_NOMEM, "out of memory");
}

espy_err espy_sounds_classes(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                             const espy_collection *c, espy_json **out)
{
    sounds_names names = {0}, codes = {0};
    const char *more = espy_workspace_setting(ws, "sound_classes");
    espy_err e = ESPY_E_OK;
    ESPY_GO(names_folders(cx, &names, &codes, serving->options->sounds_dir));
    if (c)
        ESPY_GO(names_labels(cx, &names, &codes, ws->store, c->id));
    if (more)
        ESPY_GO(names_split(cx, &names, more));
    if (names.n == 0)
        ESPY_GO(names_split(cx, &names, "clips,dog_bark,engine_idling,gun_shot"));
    qsort(names.at, names.n, sizeof *names.at, names_order);
    ESPY_GO(names_json(cx, &names, out));
out:
    names_free(cx, &names);
    names_free(cx, &codes);
    return e;
}

/* -- what is new ------------------------------------------------------------------------------- */
espy_err espy_sounds_look(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                          const espy_collection *c, int64_t least, espy_sounds_new *out)
{
    const char *dir = serving->options->sounds_dir;
    espy_json *counts = NULL, *last = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_dir_exists(dir))
        counts = espy_json_object();
    else
        ESPY_GO(espy_trigger_count_folder(cx, dir, espy_modality_find("sound"), &counts));
    if (c)
        ESPY_GO(espy_trigger_last(cx, ws, c, true, &last));
    *out = (espy_sounds_new){.counts = counts};
    out->retrain = espy_trigger_decide(counts, last, least, &out->added);
    counts = NULL;
out:
    espy_json_free(counts);
    espy_json_free(last);
    return e;
}
