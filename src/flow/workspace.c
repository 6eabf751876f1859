/* SPDX-License-Identifier: Apache-2.0
 * flow - finding, making and opening workspaces. */
#include "flow/workspace.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define CONF_MAX ((size_t)1 << 20)

static const char conf_template[] =
    "; espy.conf - settings of this workspace; an option on the command line wins over them.\n"
    ";\n"
    "; encoder = face-api      ; pack for new collections (espy models list)\n"
    "; precision = auto        ; auto, f32, mixed or bf16; fixed when a collection is made\n"
    "; threshold = 0.70        ; least probability to be known, instead of the version's own\n"
    "; floor = 0.45            ; least cosine to be known, instead of the version's own\n"
    "; non_commercial = yes    ; no: refuse packs whose licence forbids commercial use\n"
    "; timezone = Europe/Berlin ; of dates and schedules; else the system's\n"
    "; min_accuracy = 0.95     ; least accuracy of a version before it answers\n"
    "; trigger = 100           ; espy enroll --no-train: learn when so many are new\n"
    "; store = postgresql://user@host/database ; instead of store.db here\n"
    "; media_dir = /srv/media  ; media as files in a folder that all machines share\n"
    "; facenet = face-api      ; pack of 128 values that AttendanSee's \"facenet\" means\n"
    "; arcface = arcface-mbf   ; and of 512 values that its \"arcface\" means\n"
    "; keep_probes = 30        ; days that espy label expire leaves what was only asked about\n"
    "; keep_unknowns = 365     ; and media of which nobody has labelled a sample\n"
    "; keep_deleted = 30       ; and media that were taken away\n"
    "; threads = 0             ; 0: all cores this process may use\n";

/* The nearest folder upwards that holds ".espy"; NULL without failure when there is none. */
static char *workspace_upwards(espy_ctx *cx)
{
    char here[4096];
    if (!getcwd(here, sizeof here))
        return NULL;
    for (;;) {
        char *dir = espy_path_join(cx, here, ".espy");
        if (!dir || espy_dir_exists(dir))
            return dir;
        espy_free(cx, dir);
        char *slash = strrchr(here, '/');
        if (!slash || !here[1])
            return NULL;
        slash[slash == here] = '\0';
    }
}

espy_err espy_workspace_find(espy_ctx *cx, const char *given, char **dir)
{
    const char *env = getenv("ESPY_WORKSPACE");
    if (!given && env && *env)
        given = env;
    char *found = given ? espy_strdup(cx, given) : workspace_upwards(cx);
    if (!found && cx->code == ESPY_E_OK)
        found = espy_strdup(cx, ".espy");
    if (!found)
        return cx->code;
    *dir = found;
    return ESPY_E_OK;
}

typedef struct conf_reader {
    espy_ctx *cx;
    espy_workspace *ws;
} conf_reader;

static int conf_entry(void *self, const char *section, const char *key, const char *value)
{
    conf_reader *r = self;
    espy_workspace *ws = r->ws;
    espy_setting *at = espy_resize(r->cx, ws->settings, ws->n_settings + 1, sizeof *at);
    if (!at)
        return 0;
    ws->settings = at;
    espy_setting s = {espy_sprintf(r->cx, "%s%s%s", section, *section ? "." : "", key),
                      espy_strdup(r->cx, value)};
    if (!s.key || !s.value) {
        espy_free(r->cx, s.key);
        espy_free(r->cx, s.value);
        return 0;
    }
    at[ws->n_settings++] = s;
    return 1;
}

static espy_err workspace_settings(espy_ctx *cx, espy_workspace *ws)
{
    char *path = espy_path_join(cx, ws->dir, "espy.conf");
    if (!path)
        return cx->code;
    espy_err e = ESPY_E_OK;
    espy_buf text;
    espy_buf_init(&text, CONF_MAX);
    if (espy_file_exists(path)) {
        conf_reader r = {cx, ws};
        ESPY_GO(espy_file_read(cx, path, CONF_MAX, &text));
        int line = ini_parse_string((const char *)text.data, conf_entry, &r);
        if (cx->code != ESPY_E_OK)
            ESPY_GO(cx->code);
        if (line != 0)
            ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "%s, line %d: \"key = value\" was expected", path,
                              line));
    }
out:
    espy_buf_free(cx, &text);
    espy_free(cx, path);
    return e;
}

/* Faces, sounds and password hashes are nobody's business but the owner's. */
static espy_err workspace_dir(espy_ctx *cx, const char *dir)
{
    bool there = espy_dir_exists(dir);
    ESPY_TRY(espy_dir_make(cx, dir));
    if (!there && chmod(dir, 0700) != 0)
        return espy_fail(cx, ESPY_E_IO, "%s: cannot be kept from others", dir);
    return ESPY_E_OK;
}

static espy_err workspace_make(espy_ctx *cx, const char *dir)
{
    ESPY_TRY(workspace_dir(cx, dir));
    char *path = espy_path_join(cx, dir, "espy.conf");
    if (!path)
        return cx->code;
    espy_err e = ESPY_E_OK;
    if (!espy_file_exists(path))
        e = espy_file_write(cx, path, conf_template, sizeof conf_template - 1);
    espy_free(cx, path);
    return e;
}

espy_err espy_workspace_make(espy_ctx *cx, const char *given, const char *store,
                             const char *media_dir)
{
    char *dir = NULL, *path = NULL;
    espy_err e = ESPY_E_OK;
    espy_buf text;
    espy_buf_init(&text, CONF_MAX);
    if (store && !espy_store_url(store))
        return espy_fail(cx, ESPY_E_ARG,
                         "a store's address is postgresql://USER@HOST:PORT/DATABASE");
    ESPY_GO(espy_workspace_find(cx, given, &dir));
    path = espy_path_join(cx, dir, "espy.conf");
    if (!path)
        ESPY_GO(cx->code);
    if (espy_file_exists(path))
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS,
                          "%s is there already; change \"store\" and \"media_dir\" in it, or move "
                          "what the workspace holds with: espy export --to",
                          path));
    ESPY_GO(espy_buf_text(cx, &text, conf_template));
    if (store)
        ESPY_GO(espy_buf_printf(cx, &text, "store = %s\n", store));
    if (media_dir)
        ESPY_GO(espy_buf_printf(cx, &text, "media_dir = %s\n", media_dir));
    ESPY_GO(workspace_dir(cx, dir));
    ESPY_GO(espy_file_write(cx, path, text.data, text.size));
    if (chmod(path, 0600) != 0) /* an address may hold a password */
        e = espy_fail(cx, ESPY_E_IO, "%s: cannot be kept from others", path);
out:
    espy_buf_free(cx, &text);
    espy_free(cx, path);
    espy_free(cx, dir);
    return e;
}

/* The folder of media files that espy.conf names; relative ones start at the workspace. */
static espy_err workspace_media(espy_ctx *cx, const espy_workspace *ws, char **out)
{
    const char *dir = espy_workspace_setting(ws, "media_dir");
    if (!dir || !*dir)
        return ESPY_E_OK;
    *out = *dir == '/' ? espy_strdup(cx, dir) : espy_path_join(cx, ws->dir, dir);
    return *out ? ESPY_E_OK : cx->code;
}

espy_err espy_workspace_open(espy_ctx *cx, const char *given, bool create, espy_workspace *out)
{
    espy_workspace ws = {0};
    espy_err e = ESPY_E_OK;
    char *file = NULL, *media = NULL;
    ESPY_GO(espy_workspace_find(cx, given, &ws.dir));
    ESPY_GO(workspace_settings(cx, &ws));
    file = espy_path_join(cx, ws.dir, "store.db");
    if (!file)
        ESPY_GO(cx->code);
    espy_store_place place = {.dir = ws.dir, .url = espy_env("ESPY_STORE")};
    if (!place.url)
        place.url = espy_workspace_setting(&ws, "store");
    if (place.url && !*place.url)
        place.url = NULL;
    ws.created = place.url ? !espy_dir_exists(ws.dir) : !espy_file_exists(file);
    if (ws.created && !create && !place.url)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND,
                          "there is no workspace in %s; make one with: espy init %s", ws.dir,
                          ws.dir));
    if (ws.created)
        ESPY_GO(workspace_make(cx, ws.dir));
    ESPY_GO(workspace_media(cx, &ws, &media));
    place.media = media;
    ESPY_GO(espy_store_open_at(cx, &place, &ws.store));
    *out = ws;
    ws = (espy_workspace){0};
out:
    espy_free(cx, file);
    espy_free(cx, media);
    espy_workspace_close(cx, &ws);
    return e;
}

espy_err espy_workspace_copy(espy_ctx *cx, espy_workspace *ws, const char *to,
                             const char *media_dir, const espy_progress *progress, espy_copied *out)
{
    espy_store_place place = {.dir = ws->dir, .url = to, .media = media_dir};
    espy_store *target = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_store_url(to)) {
        place = (espy_store_place){.dir = to, .media = media_dir};
        ESPY_TRY(workspace_make(cx, to));
    }
    ESPY_GO(espy_store_open_at(cx, &place, &target));
    e = espy_store_copy(cx, ws->store, target, progress, out);
out:
    espy_store_close(cx, &target);
    return e;
}

void espy_workspace_close(espy_ctx *cx, espy_workspace *ws)
{
    espy_store_close(cx, &ws->store);
    for (size_t i = 0; i < ws->n_settings; i++) {
        espy_free(cx, ws->settings[i].key);
        espy_free(cx, ws->settings[i].value);
    }
    espy_free(cx, ws->settings);
    espy_free(cx, ws->dir);
    *ws = (espy_workspace){0};
}

const char *espy_workspace_setting(const espy_workspace *ws, const char *key)
{
    for (size_t i = ws->n_settings; i-- > 0;) /* the last one wins */
        if (strcmp(ws->settings[i].key, key) == 0)
            return ws->settings[i].value;
    return NULL;
}

bool espy_workspace_allows(const espy_workspace *ws, const espy_pack *pack)
{
    const char *allowed = espy_workspace_setting(ws, "non_commercial");
    return pack->commercial || !allowed || strcmp(allowed, "no") != 0;
}

espy_err espy_workspace_packs(espy_ctx *cx, const char *dir,
                              espy_err (*tell)(espy_ctx *cx, void *self, const espy_pack *pack),
                              void *self)
{
    char **names = NULL;
    size_t n = 0;
    espy_pack *p = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_pack_names(cx, dir, &names, &n));
    for (size_t i = 0; i < n; i++) {
        e = espy_pack_open(cx, names[i], dir, &p);
        if (e == ESPY_E_NOMEM)
            goto out;
        if (e != ESPY_E_OK) { /* somebody's broken manifest does not hide the others */
            espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
            espy_clear(cx);
            e = ESPY_E_OK;
            continue;
        }
        ESPY_GO(tell(cx, self, p));
        espy_pack_destroy(cx, &p);
    }
out:
    espy_pack_destroy(cx, &p);
    espy_pack_names_free(cx, names, n);
    return e;
}

espy_err espy_workspace_default_pack(espy_ctx *cx, const espy_workspace *ws,
                                     const espy_modality *modality, char **name)
{
    /* best measured accuracy first (docs/accuracy.md) */
    static const char *const faces[] = {"arcface-r50",   "arcface-mbf", "facenet",  "edgeface",
                                        "mobilefacenet", "sface",       "face-api", NULL};
    static const char *const sounds[] = {"yamnet", "yamnet-int8", "melstats", NULL};
    const char *const *order = modality->hears ? sounds : faces;
    for (size_t i = 0; order[i]; i++) {
        espy_pack *p = NULL;
        espy_err e = espy_pack_open(cx, order[i], ws->dir, &p);
        if (e == ESPY_E_NOT_FOUND) {
            espy_clear(cx);
            continue;
        }
        ESPY_TRY(e);
        bool good = !espy_pack_missing(p) && espy_workspace_allows(ws, p);
        espy_pack_destroy(cx, &p);
        if (good) {
            *name = espy_strdup(cx, order[i]);
            return *name ? ESPY_E_OK : cx->code;
        }
    }
    return espy_fail(cx, ESPY_E_NOT_FOUND,
                     "no pack of networks is installed; get one with: espy models fetch face-api");
}

espy_err espy_workspace_collection(espy_ctx *cx, espy_workspace *ws, const char *name,
                                   const espy_encoder *encoder, espy_collection *out)
{
    if (!name)
        name = espy_encoder_modality(encoder)->collection;
    const espy_pack *pack = espy_encoder_pack(encoder);
    espy_err e = espy_store_collection(cx, ws->store, name, out);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        const char *precision = espy_encoder_precision_name(encoder);
        espy_collection c = {.name = (char *)(uintptr_t)name,
                             .modality = pack->modality,
                             .encoder = pack->name,
                             .encoder_digest = (char *)(uintptr_t)espy_encoder_digest(encoder),
                             .precision = (char *)(uintptr_t)precision};
        int64_t id;
        ESPY_TRY(espy_store_collection_create(cx, ws->store, &c, &id));
        return espy_store_collection(cx, ws->store, name, out);
    }
    ESPY_TRY(e);
    if (strcmp(out->encoder_digest, espy_encoder_digest(encoder)) != 0) {
        e = espy_fail(
            cx, ESPY_E_ARG,
            "collection \"%s\" was made with encoder %s (%s), not with %s (%s); use another "
            "--collection NAME or --encoder %s",
            name, out->encoder, out->precision, pack->name, espy_encoder_precision_name(encoder),
            out->encoder);
        espy_collection_free(cx, out);
    }
    return e;
}

static bool collection_of(const espy_collection *c, const espy_modality *modality)
{
    return !modality || strcmp(c->modality, modality->name) == 0;
}

/* "this workspace holds birds, faces and sounds: ..." of the collections of the modality. */
static espy_err collection_doubt(espy_ctx *cx, const espy_collection *all, size_t n, size_t fit,
                                 const espy_modality *modality)
{
    espy_err e = ESPY_E_OK;
    char *names = espy_strdup(cx, "");
    for (size_t i = 0, at = 0; names && i < n; i++) {
        if (!collection_of(&all[i], modality))
            continue;
        at++;
        char *more = espy_sprintf(cx, "%s%s%s", names,
                                  at == 1     ? ""
                                  : at == fit ? " and "
                                              : ", ",
                                  all[i].name);
        espy_free(cx, names);
        names = more;
    }
    e = names ? espy_fail(cx, ESPY_E_ARG, "this workspace holds %s: say which with --collection",
                          names)
              : cx->code;
    espy_free(cx, names);
    return e;
}

/* The name meant by NULL.  sure: ARG when there are several. */
static espy_err collection_name(espy_ctx *cx, espy_workspace *ws, const espy_modality *modality,
                                bool sure, char **out)
{
    espy_err e = ESPY_E_OK;
    espy_collection *all = NULL;
    size_t n = 0, fit = 0;
    const char *named = espy_workspace_setting(ws, "collection"), *only = NULL, *chosen = NULL;
    ESPY_TRY(espy_store_collections(cx, ws->store, &all, &n));
    for (size_t i = 0; i < n; i++) {
        if (!collection_of(&all[i], modality))
            continue;
        only = all[i].name;
        fit++;
        if (named && strcmp(named, only) == 0)
            chosen = only;
    }
    if (!chosen && sure && fit > 1)
        ESPY_GO(collection_doubt(cx, all, n, fit, modality));
    if (!chosen)
        chosen = fit == 1 ? only : modality ? modality->collection : named ? named : "faces";
    *out = espy_strdup(cx, chosen);
    e = *out ? ESPY_E_OK : cx->code;
out:
    for (size_t i = 0; i < n; i++)
        espy_collection_free(cx, &all[i]);
    espy_free(cx, all);
    return e;
}

static espy_err collection_get(espy_ctx *cx, espy_workspace *ws, const char *given,
                               const espy_modality *modality, bool sure, espy_collection *out)
{
    char *name = NULL;
    if (!given) {
        ESPY_TRY(collection_name(cx, ws, modality, sure, &name));
        given = name;
    }
    espy_err e = espy_store_collection(cx, ws->store, given, out);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        e = espy_fail(
            cx, ESPY_E_NOT_FOUND,
            "there is no collection \"%s\" in %s; make it with: espy train DIR --collection %s",
            given, ws->dir, given);
    }
    espy_free(cx, name);
    return e;
}

espy_err espy_workspace_collection_existing(espy_ctx *cx, espy_workspace *ws, const char *given,
                                            const espy_modality *modality, espy_collection *out)
{
    return collection_get(cx, ws, given, modality, false, out);
}

espy_err espy_workspace_collection_only(espy_ctx *cx, espy_workspace *ws,
                                        const espy_modality *modality, espy_collection *out)
{
    return collection_get(cx, ws, NULL, modality, true, out);
}

espy_err espy_workspace_encoder(espy_ctx *cx, espy_workspace *ws, const char *collection,
                                const espy_modality *modality, const char *pack,
                                const char *precision, espy_encoder **out)
{
    espy_collection c = {0};
    char *chosen = NULL;
    espy_err e = espy_workspace_collection_existing(cx, ws, collection, modality, &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    ESPY_GO(e);
    if (!pack)
        pack = c.encoder;
    if (!pack) {
        ESPY_GO(espy_workspace_default_pack(
            cx, ws, modality ? modality : espy_modality_find("face"), &chosen));
        pack = chosen;
    }
    if (!precision && c.encoder && strcmp(pack, c.encoder) == 0)
        precision = c.precision;
    ESPY_GO(espy_encoder_open(cx, pack, ws->dir, precision ? precision : "auto", 1, out));
    if (!espy_workspace_allows(ws, espy_encoder_pack(*out))) {
        espy_encoder_destroy(cx, out);
        e = espy_fail(cx, ESPY_E_ARG,
                      "pack %s is for non-commercial use and espy.conf says non_commercial = no",
                      pack);
    }
out:
    espy_free(cx, chosen);
    espy_collection_free(cx, &c);
    return e;
}
