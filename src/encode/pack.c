/* SPDX-License-Identifier: Apache-2.0
 * encode - packs: manifests and where their files are. */
#include "encode/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "encode/prep.h"

/* A manifest is a page of text; more is not one. */
#define PACK_MANIFEST_BYTES ((size_t)1 << 20)
#define PACK_FILES 16
#define PACK_NAME 200  /* bytes in a file or pack name */
#define PACK_TEXT 1000 /* bytes in a text for readers */
#define PACK_SCRIPTS "scripts/"
#define PACK_MAKE "make models "
#define PACK_DIM 8192
#define PACK_PARENTS 4 /* folders above the program that may be the source tree */

/* The one pack that needs no file: sounds can be learned on a machine that has no network at all.
 */
static const char pack_melstats[] =
    "{\"format\": 1, \"name\": \"melstats\", \"modality\": \"sound\","
    " \"summary\": \"built in: statistics of the log-mel spectrogram, no network\","
    " \"licence\": \"Apache-2.0\", \"commercial\": true, \"dim\": 92, \"floor\": 0.7,"
    " \"files\": []}";
#define PACK_BUILT_IN "melstats"

/* ---- folders ------------------------------------------------------------------------------- */

typedef struct pack_list {
    char **at;
    size_t n;
} pack_list;

/* Takes over `path`, which may be NULL when out of memory. */
static espy_err pack_list_take(espy_ctx *cx, pack_list *l, char *path)
{
    char **at = path ? espy_resize(cx, l->at, l->n + 1, sizeof *at) : NULL;
    if (!at) {
        espy_free(cx, path);
        return cx->code;
    }
    l->at = at;
    l->at[l->n++] = path;
    return ESPY_E_OK;
}

/* Adds folder/part when it is there and not yet listed. */
static espy_err pack_folder(espy_ctx *cx, pack_list *l, const char *folder, const char *part)
{
    char *path = part ? espy_path_join(cx, folder, part) : espy_strdup(cx, folder);
    if (!path)
        return cx->code;
    bool known = !espy_dir_exists(path);
    for (size_t i = 0; i < l->n && !known; i++)
        known = strcmp(l->at[i], path) == 0;
    if (known) {
        espy_free(cx, path);
        return ESPY_E_OK;
    }
    return pack_list_take(cx, l, path);
}

/* The source tree is recognised by its manifests.  Beside it may lie files for tests. */
static espy_err pack_tree(espy_ctx *cx, pack_list *l, const char *root)
{
    size_t before = l->n;
    ESPY_TRY(pack_folder(cx, l, root, "models/packs"));
    if (l->n > before)
        ESPY_TRY(pack_folder(cx, l, root, "../shared/models"));
    return ESPY_E_OK;
}

static espy_err pack_beside_program(espy_ctx *cx, pack_list *l)
{
    espy_err e = ESPY_E_OK;
    char *at = espy_path_program(cx);
    if (!at)
        return cx->code;
    for (int i = 0; i < PACK_PARENTS; i++) {
        char *slash = strrchr(at, '/');
        if (!slash || slash == at)
            break;
        *slash = '\0';
        ESPY_GO(pack_tree(cx, l, at));
        ESPY_GO(pack_folder(cx, l, at, "share/espy/models/packs"));
    }
out:
    espy_free(cx, at);
    return e;
}

espy_err espy_pack_folders(espy_ctx *cx, const char *workspace, char ***out, size_t *n)
{
    espy_err e;
    pack_list l = {0};
    const char *named = espy_env("ESPY_MODELS"), *root = espy_env("ESPY_SOURCE_ROOT");
    char *data = espy_path_data(cx);
    if (!data)
        return cx->code;
    if (named)
        ESPY_GO(pack_folder(cx, &l, named, NULL));
    if (workspace)
        ESPY_GO(pack_folder(cx, &l, workspace, "models"));
    ESPY_GO(pack_folder(cx, &l, data, "models"));
    if (root)
        ESPY_GO(pack_tree(cx, &l, root));
    ESPY_GO(pack_beside_program(cx, &l));
#ifdef ESPY_PACKS_DIR
    ESPY_GO(pack_folder(cx, &l, ESPY_PACKS_DIR, NULL));
#endif
    *out = l.at;
    *n = l.n;
    l = (pack_list){0};
    e = ESPY_E_OK;
out:
    espy_free(cx, data);
    espy_pack_names_free(cx, l.at, l.n);
    return e;
}

/* ---- reading a manifest -------------------------------------------------------------------- */

/* A name that cannot leave its folder. */
static bool pack_plain(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > PACK_NAME || name[0] == '.' || strchr(name, '/') || strchr(name, '\\'))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

static espy_err pack_plain_key(espy_ctx *cx, const espy_json *o, const char *key, char **out)
{
    const char *s;
    ESPY_TRY(espy_json_need_string(cx, o, key, &s));
    if (!pack_plain(s))
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "\"%s\" must be a plain name of at most %d bytes, without folders and without "
            "a leading dot",
            key, PACK_NAME);
    *out = espy_strdup(cx, s);
    return *out ? ESPY_E_OK : cx->code;
}

static espy_err pack_text_key(espy_ctx *cx, const espy_json *o, const char *key, bool needed,
                              char **out)
{
    const char *s = NULL;
    if (!needed && !espy_json_get(o, key))
        return ESPY_E_OK;
    ESPY_TRY(espy_json_need_string(cx, o, key, &s));
    *out = espy_strdup(cx, s);
    return *out ? ESPY_E_OK : cx->code;
}

static espy_err pack_file_read(espy_ctx *cx, const espy_json *o, espy_pack_file *f)
{
    static const char *const keys[] = {"role", "name",   "sha256", "bytes",
                                       "url",  "member", "source", NULL};
    int64_t bytes = 0;
    ESPY_TRY(espy_json_only(cx, o, "files[]", keys));
    ESPY_TRY(pack_plain_key(cx, o, "role", &f->role));
    ESPY_TRY(pack_plain_key(cx, o, "name", &f->name));
    ESPY_TRY(pack_text_key(cx, o, "url", false, &f->url));
    if (f->url && strncmp(f->url, "https://", 8) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "\"url\" of %s must begin with https://", f->name);
    if (espy_json_get(o, "member"))
        ESPY_TRY(pack_plain_key(cx, o, "member", &f->member));
    if (espy_json_get(o, "bytes"))
        ESPY_TRY(espy_json_need_int(cx, o, "bytes", 1, (int64_t)1 << 40, &bytes));
    f->bytes = (uint64_t)bytes;
    const espy_json *sha = espy_json_get(o, "sha256");
    if (!sha)
        return ESPY_E_OK;
    const char *hex = espy_json_string(sha, "");
    if (!espy_digest_valid(hex))
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "\"sha256\" of %s must be 64 lower-case hexadecimal digits; leave the key out "
            "when the digest is not known",
            f->name);
    memcpy(f->digest, hex, ESPY_DIGEST_HEX);
    return ESPY_E_OK;
}

static espy_err pack_files_read(espy_ctx *cx, espy_pack *p)
{
    const espy_json *list = espy_json_get(p->json, "files");
    size_t n = espy_json_count(list);
    size_t least = strcmp(p->name, PACK_BUILT_IN) == 0 ? 0 : 1;
    if (!espy_json_is_array(list) || n < least || n > PACK_FILES)
        return espy_fail(cx, ESPY_E_FORMAT, "\"files\" must be a list of 1 to %d objects",
                         PACK_FILES);
    p->files = espy_array(cx, n, sizeof *p->files);
    if (!p->files)
        return cx->code;
    p->n_files = n;
    for (size_t i = 0; i < n; i++) {
        ESPY_TRY(pack_file_read(cx, espy_json_at(list, i), &p->files[i]));
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->files[j].role, p->files[i].role) == 0)
                return espy_fail(cx, ESPY_E_FORMAT, "\"files\" names the role \"%s\" twice",
                                 p->files[i].role);
    }
    return ESPY_E_OK;
}

static espy_err pack_quality_read(espy_ctx *cx, espy_pack *p)
{
    static const char *const keys[] = {"min_side", "min_score", "min_sharpness", NULL};
    const espy_json *q = espy_json_get(p->json, "quality");
    const bool face = strcmp(p->modality, "face") == 0; /* sounds have no sides, but a level */
    double side, score, sharp;
    if (q)
        ESPY_TRY(espy_json_only(cx, q, "quality", keys));
    ESPY_TRY(espy_json_may_number(cx, q, "min_side", 0, 10000, face ? 32 : 0, &side));
    ESPY_TRY(espy_json_may_number(cx, q, "min_score", 0, 1, face ? 0 : 0.01, &score));
    ESPY_TRY(espy_json_may_number(cx, q, "min_sharpness", 0, 1e6, 0, &sharp));
    p->min_side = (float)side;
    p->min_score = (float)score;
    p->min_sharpness = (float)sharp;
    return ESPY_E_OK;
}

/* Texts for readers; a control character in them could write on somebody's terminal. */
static espy_err pack_optional_text(espy_ctx *cx, espy_pack *p)
{
    static const char *const keys[] = {"summary", "licence", "attribution", "notes", "get"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const espy_json *v = espy_json_get(p->json, keys[i]);
        const char *s = espy_json_string(v, v ? NULL : "");
        for (const char *c = s; c && *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                s = NULL;
        if (!s || strlen(s) > PACK_TEXT)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "\"%s\" must be one line of text of at most %d bytes", keys[i],
                             PACK_TEXT);
    }
    return ESPY_E_OK;
}

/* `fetch` runs a script of this name, so a manifest may name one of espy's own and nothing else; a
 * make line is only shown. */
static espy_err pack_get_read(espy_ctx *cx, const espy_pack *p)
{
    const char *get = espy_json_string(espy_json_get(p->json, "get"), NULL);
    if (!get || strncmp(get, PACK_MAKE, strlen(PACK_MAKE)) == 0 ||
        (strncmp(get, PACK_SCRIPTS, strlen(PACK_SCRIPTS)) == 0 &&
         pack_plain(get + strlen(PACK_SCRIPTS))))
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_FORMAT,
                     "\"get\" must be \"" PACK_SCRIPTS "NAME\" or \"" PACK_MAKE "PACK=NAME\"");
}

static espy_err pack_read_keys(espy_ctx *cx, espy_pack *p)
{
    static const char *const keys[] = {
        "format",   "name",  "summary",     "modality", "licence",     "commercial", "dim",
        "files",    "floor", "bf16",        "quality",  "detector",    "landmarks",  "align",
        "embedder", "notes", "attribution", "get",      "spectrogram", "clip",       NULL};
    int64_t format, dim;
    double floor;
    ESPY_TRY(espy_json_only(cx, p->json, "pack", keys));
    ESPY_TRY(espy_json_need_int(cx, p->json, "format", 1, 1, &format));
    ESPY_TRY(pack_plain_key(cx, p->json, "name", &p->name));
    ESPY_TRY(pack_text_key(cx, p->json, "summary", true, &p->summary));
    ESPY_TRY(pack_text_key(cx, p->json, "modality", true, &p->modality));
    if (strcmp(p->modality, "face") != 0 && strcmp(p->modality, "sound") != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "\"modality\" must be \"face\" or \"sound\"");
    ESPY_TRY(pack_text_key(cx, p->json, "licence", true, &p->licence));
    if (!espy_json_get(p->json, "commercial"))
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "\"commercial\" is missing: true when the licence allows commercial use, else "
            "false");
    ESPY_TRY(espy_json_may_bool(cx, p->json, "commercial", false, &p->commercial));
    ESPY_TRY(espy_json_need_int(cx, p->json, "dim", 2, PACK_DIM, &dim));
    p->dim = (size_t)dim;
    ESPY_TRY(espy_json_need_number(cx, p->json, "floor", -1, 1, &floor));
    p->floor = (float)floor;
    ESPY_TRY(espy_json_may_bool(cx, p->json, "bf16", false, &p->bf16));
    ESPY_TRY(pack_optional_text(cx, p));
    ESPY_TRY(pack_get_read(cx, p));
    ESPY_TRY(pack_quality_read(cx, p));
    return pack_files_read(cx, p);
}

espy_err espy_pack_parse(espy_ctx *cx, espy_span text, const char *path, espy_pack **out)
{
    espy_err e;
    espy_pack *p = espy_zalloc(cx, sizeof *p);
    if (!p)
        return cx->code;
    ESPY_GO(espy_json_parse(cx, text.data, text.size, &p->json));
    ESPY_GO(pack_read_keys(cx, p));
    *out = p;
    p = NULL;
out:
    espy_pack_destroy(cx, &p);
    return e == ESPY_E_OK || !path ? e : espy_fail_in(cx, "%s", path);
}

void espy_pack_destroy(espy_ctx *cx, espy_pack **pack)
{
    espy_pack *p = *pack;
    if (!p)
        return;
    for (size_t i = 0; i < p->n_files; i++) {
        espy_free(cx, p->files[i].role);
        espy_free(cx, p->files[i].name);
        espy_free(cx, p->files[i].url);
        espy_free(cx, p->files[i].member);
        espy_free(cx, p->files[i].path);
    }
    espy_free(cx, p->files);
    espy_free(cx, p->name);
    espy_free(cx, p->summary);
    espy_free(cx, p->modality);
    espy_free(cx, p->licence);
    espy_free(cx, p->manifest);
    espy_pack_names_free(cx, p->folders, p->n_folders);
    espy_json_free(p->json);
    espy_free(cx, p);
    *pack = NULL;
}

size_t espy_pack_missing(const espy_pack *pack)
{
    size_t n = 0;
    for (size_t i = 0; i < pack->n_files; i++)
        n += !pack->files[i].path;
    return n;
}

const espy_pack_file *espy_pack_file_find(const espy_pack *pack, const char *role)
{
    for (size_t i = 0; i < pack->n_files; i++)
        if (strcmp(pack->files[i].role, role) == 0)
            return &pack->files[i];
    return NULL;
}

/* ---- finding manifests --------------------------------------------------------------------- */

static int pack_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

espy_err espy_pack_names(espy_ctx *cx, const char *workspace, char ***out, size_t *n)
{
    espy_err e;
    pack_list folders = {0}, names = {0};
    espy_dir_list entries = {0};
    char *path = NULL;
    ESPY_GO(espy_pack_folders(cx, workspace, &folders.at, &folders.n));
    ESPY_GO(pack_list_take(cx, &names, espy_strdup(cx, PACK_BUILT_IN)));
    for (size_t i = 0; i < folders.n; i++) {
        if (espy_dir_read(cx, folders.at[i], &entries) != ESPY_E_OK) {
            if (cx->code == ESPY_E_NOMEM)
                ESPY_GO(cx->code);
            espy_clear(cx); /* a folder that cannot be read has no packs */
            continue;
        }
        for (size_t j = 0; j < entries.n; j++) {
            bool known = !entries.at[j].is_dir || !pack_plain(entries.at[j].name);
            for (size_t k = 0; k < names.n && !known; k++)
                known = strcmp(names.at[k], entries.at[j].name) == 0;
            if (known)
                continue;
            path = espy_sprintf(cx, "%s/%s/pack.json", folders.at[i], entries.at[j].name);
            if (!path)
                ESPY_GO(cx->code);
            if (espy_file_exists(path))
                ESPY_GO(pack_list_take(cx, &names, espy_strdup(cx, entries.at[j].name)));
            espy_free(cx, path);
            path = NULL;
        }
        espy_dir_list_free(cx, &entries);
    }
    if (names.n > 1)
        qsort(names.at, names.n, sizeof *names.at, pack_compare);
    *out = names.at;
    *n = names.n;
    names = (pack_list){0};
    e = ESPY_E_OK;
out:
    espy_free(cx, path);
    espy_dir_list_free(cx, &entries);
    espy_pack_names_free(cx, folders.at, folders.n);
    espy_pack_names_free(cx, names.at, names.n);
    return e;
}

void espy_pack_names_free(espy_ctx *cx, char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        espy_free(cx, names[i]);
    espy_free(cx, names);
}

/* The manifest's path: as given, or <folder>/<name>/pack.json. */
static espy_err pack_manifest(espy_ctx *cx, const char *name, const pack_list *folders, char **out)
{
    bool is_path = strchr(name, '/') || espy_ends_with_nocase(name, ".json");
    if (is_path) {
        *out =
            espy_dir_exists(name) ? espy_path_join(cx, name, "pack.json") : espy_strdup(cx, name);
        return *out ? ESPY_E_OK : cx->code;
    }
    if (!pack_plain(name))
        return espy_fail(cx, ESPY_E_ARG, "\"%.60s\" is not the name of a pack", name);
    for (size_t i = 0; i < folders->n; i++) {
        char *path = espy_sprintf(cx, "%s/%s/pack.json", folders->at[i], name);
        if (!path)
            return cx->code;
        if (espy_file_exists(path)) {
            *out = path;
            return ESPY_E_OK;
        }
        espy_free(cx, path);
    }
    return espy_fail(cx, ESPY_E_NOT_FOUND,
                     "there is no pack \"%.60s\"; `espy models list` shows those there are", name);
}

/* ---- finding files ------------------------------------------------------------------------- */

/* Sets f->path to folder/name when it is a file. */
static espy_err pack_try(espy_ctx *cx, const char *folder, const char *name, char **out)
{
    char *path = espy_path_join(cx, folder, name);
    if (!path)
        return cx->code;
    if (espy_file_exists(path))
        *out = path;
    else
        espy_free(cx, path);
    return ESPY_E_OK;
}

/* Looks through one folder for a file with this size (when known) and digest, by any name. */
static espy_err pack_by_digest(espy_ctx *cx, const char *folder, const espy_pack_file *f,
                               char **out)
{
    espy_err e = ESPY_E_OK;
    espy_dir_list entries = {0};
    char *path = NULL, digest[ESPY_DIGEST_HEX];
    ESPY_TRY(espy_dir_read(cx, folder, &entries));
    for (size_t i = 0; i < entries.n && !*out; i++) {
        const espy_dir_entry *d = &entries.at[i];
        if (d->is_dir ||
            (f->bytes ? d->size != f->bytes : !espy_ends_with_nocase(d->name, ".onnx")))
            continue;
        path = espy_path_join(cx, folder, d->name);
        if (!path)
            ESPY_GO(cx->code);
        e = espy_digest_file(cx, path, digest);
        if (e == ESPY_E_NOMEM)
            goto out;
        if (e != ESPY_E_OK) {
            espy_clear(cx); /* unreadable: not the one */
            e = ESPY_E_OK;
        } else if (strcmp(digest, f->digest) == 0) {
            *out = path;
            path = NULL;
        }
        espy_free(cx, path);
        path = NULL;
    }
out:
    espy_free(cx, path);
    espy_dir_list_free(cx, &entries);
    return e;
}

/* A folder and those directly in it. */
static espy_err pack_by_digest_below(espy_ctx *cx, const char *folder, const espy_pack_file *f,
                                     char **out)
{
    espy_err e;
    espy_dir_list entries = {0};
    char *path = NULL;
    ESPY_GO(pack_by_digest(cx, folder, f, out));
    ESPY_GO(espy_dir_read(cx, folder, &entries));
    for (size_t i = 0; i < entries.n && !*out; i++) {
        if (!entries.at[i].is_dir)
            continue;
        path = espy_path_join(cx, folder, entries.at[i].name);
        if (!path)
            ESPY_GO(cx->code);
        e = pack_by_digest(cx, path, f, out);
        if (e == ESPY_E_NOMEM)
            goto out;
        espy_clear(cx); /* one that cannot be read must not hide the next */
        e = ESPY_E_OK;
        espy_free(cx, path);
        path = NULL;
    }
out:
    espy_free(cx, path);
    espy_dir_list_free(cx, &entries);
    return e;
}

/* By name beside the manifest, in each folder and in the pack's own folder there; then by digest.
 */
static espy_err pack_locate(espy_ctx *cx, const espy_pack *p, const pack_list *folders,
                            bool by_digest, const espy_pack_file *f, char **out)
{
    espy_err e = ESPY_E_OK;
    char *own = NULL;
    *out = NULL;
    if (!by_digest && p->manifest) {
        own = espy_strndup(cx, p->manifest, (size_t)(espy_path_name(p->manifest) - p->manifest));
        if (!own)
            return cx->code;
        ESPY_GO(pack_try(cx, *own ? own : ".", f->name, out));
    }
    for (size_t i = 0; i < folders->n && !*out; i++) {
        if (by_digest) {
            espy_err err = pack_by_digest_below(cx, folders->at[i], f, out);
            if (err == ESPY_E_NOMEM)
                ESPY_GO(err);
            espy_clear(cx); /* what cannot be read is not what is looked for */
            continue;
        }
        ESPY_GO(pack_try(cx, folders->at[i], f->name, out));
        if (!*out) {
            espy_free(cx, own);
            own = espy_path_join(cx, folders->at[i], p->name);
            if (!own)
                ESPY_GO(cx->code);
            ESPY_GO(pack_try(cx, own, f->name, out));
        }
    }
out:
    espy_free(cx, own);
    return e;
}

espy_err espy_pack_open(espy_ctx *cx, const char *name, const char *workspace, espy_pack **out)
{
    espy_err e;
    espy_buf b;
    espy_pack *p = NULL;
    pack_list folders = {0};
    char *path = NULL;
    espy_buf_init(&b, PACK_MANIFEST_BYTES);
    ESPY_GO(espy_pack_folders(cx, workspace, &folders.at, &folders.n));
    if (strcmp(name, PACK_BUILT_IN) == 0) {
        ESPY_GO(espy_buf_text(cx, &b, pack_melstats));
    } else {
        ESPY_GO(pack_manifest(cx, name, &folders, &path));
        ESPY_GO(espy_file_read(cx, path, PACK_MANIFEST_BYTES, &b));
    }
    ESPY_GO(espy_pack_parse(cx, espy_span_of(&b), path, &p));
    p->manifest = path;
    path = NULL;
    for (size_t i = 0; i < p->n_files; i++) {
        espy_pack_file *f = &p->files[i];
        ESPY_GO(pack_locate(cx, p, &folders, false, f, &f->path));
        if (!f->path && f->digest[0])
            ESPY_GO(pack_locate(cx, p, &folders, true, f, &f->path));
    }
    p->folders = folders.at;
    p->n_folders = folders.n;
    folders = (pack_list){0};
    *out = p;
    p = NULL;
out:
    espy_buf_free(cx, &b);
    espy_free(cx, path);
    espy_pack_names_free(cx, folders.at, folders.n);
    espy_pack_destroy(cx, &p);
    return e;
}

/* ---- reading files ------------------------------------------------------------------------- */

static espy_err pack_absent(espy_ctx *cx, const espy_pack *p, const espy_pack_file *f)
{
    const char *get = espy_json_string(espy_json_get(p->json, "get"), NULL);
    if (get && strncmp(get, PACK_SCRIPTS, strlen(PACK_SCRIPTS)) != 0)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "pack %s lacks %s; get it with `%.100s`", p->name,
                         f->name, get);
    if (f->url || get)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "pack %s lacks %s; get it with `espy models fetch %s`", p->name, f->name,
                         p->name);
    return espy_fail(cx, ESPY_E_NOT_FOUND,
                     "pack %s lacks %s; docs/packs.md says how to get it and where to put it",
                     p->name, f->name);
}

espy_err espy_pack_read(espy_ctx *cx, const espy_pack *pack, const char *role, espy_buf *out)
{
    espy_err e;
    char digest[ESPY_DIGEST_HEX], *other = NULL;
    const espy_pack_file *f = espy_pack_file_find(pack, role);
    if (!f)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "pack %s names no file with the role \"%s\"; add one to \"files\"",
                         pack->name, role);
    if (!f->path)
        return pack_absent(cx, pack, f);
    ESPY_TRY(espy_file_read(cx, f->path, cx->max.file_bytes, out));
    espy_digest(out->data, out->size, digest);
    if (!f->digest[0] || strcmp(digest, f->digest) == 0)
        return ESPY_E_OK;
    espy_buf_free(cx, out);
    /* another file of this name; the right one may lie elsewhere */
    const pack_list folders = {pack->folders, pack->n_folders};
    ESPY_GO(pack_locate(cx, pack, &folders, true, f, &other));
    if (other)
        e = espy_file_read(cx, other, cx->max.file_bytes, out);
    else
        e = espy_fail(
            cx, ESPY_E_DIGEST,
            "%s is not the file that pack %s means (SHA-256 %.12s..., should be %.12s...); "
            "delete it and get it again with `espy models fetch %s`",
            f->path, pack->name, digest, f->digest, pack->name);
out:
    espy_free(cx, other);
    return e;
}
