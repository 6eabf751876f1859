/* SPDX-License-Identifier: Apache-2.0
 * flow - reading a folder per label. */
#include "flow/dataset.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters, then digits, then the underscore: "STU001_". */
static bool starts_with_code(const char *s)
{
    size_t letters = 0, digits = 0;
    while (is_letter(s[letters]))
        letters++;
    while (s[letters + digits] >= '0' && s[letters + digits] <= '9')
        digits++;
    return letters && digits && s[letters + digits] == '_';
}

espy_err espy_folder_name(espy_ctx *cx, const char *folder, espy_folder_rule rule, char **code,
                          char **name)
{
    const char *bar = strchr(folder, '_');
    bool split = bar && bar != folder && bar[1] && rule != ESPY_FOLDER_WHOLE &&
                 (rule == ESPY_FOLDER_FIRST || starts_with_code(folder));
    char *c = split ? espy_strndup(cx, folder, (size_t)(bar - folder)) : espy_strdup(cx, folder);
    char *n = c ? espy_strdup(cx, split ? bar + 1 : folder) : NULL;
    if (!n) {
        espy_free(cx, c);
        return cx->code;
    }
    for (char *p = n; *p; p++)
        if (*p == '_')
            *p = ' ';
    *code = c;
    *name = n;
    return ESPY_E_OK;
}

static bool wanted(const char *name, const espy_modality *modality, const char *const *suffixes)
{
    if (!suffixes)
        return espy_modality_of_file(name) == modality;
    for (; *suffixes; suffixes++)
        if (strcmp(*suffixes, "*") == 0 ? espy_modality_of_file(name) == modality
                                        : espy_ends_with_nocase(name, *suffixes))
            return true;
    return false;
}

static void folder_free(espy_ctx *cx, espy_folder *f)
{
    for (size_t i = 0; i < f->n_files; i++)
        espy_free(cx, f->files[i]);
    espy_free(cx, f->files);
    espy_free(cx, f->path);
    espy_free(cx, f->code);
    espy_free(cx, f->name);
    *f = (espy_folder){0};
}

static espy_err folder_read(espy_ctx *cx, const char *dir, const char *name, espy_folder_rule rule,
                            const espy_modality *modality, const char *const *suffixes,
                            espy_folder *out)
{
    espy_folder f = {0};
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    f.path = espy_path_join(cx, dir, name);
    if (!f.path)
        ESPY_GO(cx->code);
    ESPY_GO(espy_dir_read(cx, f.path, &list));
    f.files = espy_array(cx, list.n, sizeof *f.files);
    if (!f.files)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < list.n; i++) {
        if (list.at[i].is_dir || !wanted(list.at[i].name, modality, suffixes))
            continue;
        f.files[f.n_files] = espy_path_join(cx, f.path, list.at[i].name);
        if (!f.files[f.n_files++])
            ESPY_GO(cx->code);
    }
    ESPY_GO(espy_folder_name(cx, name, rule, &f.code, &f.name));
    *out = f;
    f = (espy_folder){0};
out:
    espy_dir_list_free(cx, &list);
    folder_free(cx, &f);
    return e;
}

static espy_err dataset_unique(espy_ctx *cx, const espy_dataset *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(d->at[i].code, d->at[j].code) == 0)
                return espy_fail(cx, ESPY_E_DATA,
                                 "%s and %s both carry the id %s; rename or merge one of them",
                                 d->at[j].path, d->at[i].path, d->at[i].code);
    return ESPY_E_OK;
}

bool espy_label_unknown(const char *code)
{
    return espy_equal_nocase(code, "unknown");
}

/* The folder that holds what nobody has named yet: its media must not become a label (C-25). */
static bool is_unknown(const char *name, espy_folder_rule rule)
{
    return rule != ESPY_FOLDER_FIRST && espy_label_unknown(name);
}

/* A folder's name becomes a label, which is told on terminals and in JSON. */
static espy_err folder_check(espy_ctx *cx, const espy_folder *f)
{
    char shown[512];
    const char *name = espy_path_name(f->path);
    const bool utf8 = espy_utf8_valid(name, strlen(name));
    bool control = false;
    for (const char *p = name; *p; p++)
        control = control || (unsigned char)*p < 0x20 || *p == 0x7f;
    if (utf8 && !control)
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_DATA, "the name of the folder %s %s; rename it",
                     espy_text_shown(f->path, shown, sizeof shown),
                     utf8 ? "has a control character" : "is not UTF-8");
}

static espy_err dataset_empty(espy_ctx *cx, const char *dir, espy_folder_rule rule,
                              const espy_modality *m, size_t folders)
{
    if (rule == ESPY_FOLDER_WHOLE)
        return espy_fail(cx, ESPY_E_DATA,
                         "%s holds no characters: make one folder for each, with pictures (jpg, "
                         "jpeg, png, bmp) or embeddings (npy) in it",
                         dir);
    const bool face = !m->hears; /* whose texts are S0's and S1's */
    if (!folders)
        return espy_fail(cx, ESPY_E_DATA,
                         "No %s directories found in %s; make one folder per %s in it",
                         face ? "student" : m->owner, dir, m->owner);
    return espy_fail(cx, ESPY_E_DATA, "No %s found in dataset %s; put %s files into its folders",
                     face ? "images" : "recordings", dir,
                     face ? "jpg, jpeg, png or bmp" : "wav, flac, ogg, opus or mp3");
}

espy_err espy_dataset_read(espy_ctx *cx, const char *dir, espy_folder_rule rule,
                           const espy_modality *modality, const char *const *suffixes,
                           espy_dataset *out)
{
    espy_dataset d = {0};
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    size_t folders = 0;
    if (!espy_dir_exists(dir))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; it must hold one folder per %s", dir,
                         modality->owner);
    ESPY_GO(espy_dir_read(cx, dir, &list));
    d.at = espy_array(cx, list.n, sizeof *d.at);
    d.empty = d.at ? espy_array(cx, list.n, sizeof *d.empty) : NULL;
    if (!d.empty)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < list.n; i++) {
        if (!list.at[i].is_dir)
            continue;
        espy_folder *f = &d.at[d.n];
        if (is_unknown(list.at[i].name, rule)) {
            espy_free(cx, d.unknown); /* unknown and Unknown may both be there */
            d.unknown = espy_path_join(cx, dir, list.at[i].name);
            if (!d.unknown)
                ESPY_GO(cx->code);
            continue;
        }
        folders++;
        ESPY_GO(folder_read(cx, dir, list.at[i].name, rule, modality, suffixes, f));
        d.files += f->n_files;
        if (f->n_files) {
            d.n++;
            ESPY_GO(folder_check(cx, f));
            continue;
        }
        d.empty[d.n_empty] = f->path;
        f->path = NULL;
        d.n_empty++;
        folder_free(cx, f);
    }
    if (!d.files)
        ESPY_GO(dataset_empty(cx, dir, rule, modality, folders));
    ESPY_GO(dataset_unique(cx, &d));
    *out = d;
    d = (espy_dataset){0};
out:
    espy_dir_list_free(cx, &list);
    espy_dataset_free(cx, &d);
    return e;
}

/* Looks into one folder; *found as in espy_dataset_modality(). */
static espy_err folder_modality(espy_ctx *cx, const char *path, const char *dir,
                                const espy_modality **found)
{
    espy_dir_list list = {0};
    espy_err e = espy_dir_read(cx, path, &list);
    for (size_t i = 0; e == ESPY_E_OK && i < list.n; i++) {
        const espy_modality *m = list.at[i].is_dir ? NULL : espy_modality_of_file(list.at[i].name);
        if (m && *found && m != *found)
            e = espy_fail(cx, ESPY_E_DATA,
                          "%s holds both pictures and recordings; name a pack for one of them "
                          "(--encoder), the others are then left out",
                          dir);
        if (m)
            *found = m;
    }
    espy_dir_list_free(cx, &list);
    return e;
}

espy_err espy_dataset_modality(espy_ctx *cx, const char *dir, const espy_modality **out)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    char *path = NULL;
    *out = NULL;
    if (!espy_dir_exists(dir))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; it must hold one folder per label", dir);
    ESPY_GO(espy_dir_read(cx, dir, &list));
    for (size_t i = 0; i < list.n; i++) {
        if (!list.at[i].is_dir)
            continue;
        path = espy_path_join(cx, dir, list.at[i].name);
        if (!path)
            ESPY_GO(cx->code);
        ESPY_GO(folder_modality(cx, path, dir, out));
        espy_free(cx, path);
        path = NULL;
    }
out:
    espy_free(cx, path);
    espy_dir_list_free(cx, &list);
    return e;
}

espy_err espy_dataset_nothing(espy_ctx *cx, const char *dir)
{
    return espy_fail(
        cx, ESPY_E_DATA,
        "no photos and no recordings found in %s; make one folder per label in it, with "
        "photos (jpg, jpeg, png, bmp) or recordings (wav, flac, ogg, opus, mp3)",
        dir);
}

/* ---- what a recording was cut from --------------------------------------------------------- */

typedef struct name_run {
    size_t from, to;
} name_run;

/* Matches a name against a pattern of d (digits), c (one digit), A (a capital letter) and what
 * stands for itself; run: where the first runs of digits lie. */
static bool name_matches(const char *name, size_t size, const char *pattern, name_run run[4])
{
    size_t at = 0;
    for (int runs = 0; *pattern; pattern++) {
        const size_t begin = at;
        if (*pattern == 'd' || *pattern == 'c') {
            while (at < size && name[at] >= '0' && name[at] <= '9' &&
                   (*pattern == 'd' || at == begin))
                at++;
            run[runs++] = (name_run){begin, at};
        } else if (*pattern == 'A') {
            at += at < size && name[at] >= 'A' && name[at] <= 'Z';
        } else {
            at += at < size && name[at] == *pattern;
        }
        if (at == begin)
            return false;
    }
    return at == size;
}

/* A date is not a source: everything of one year would be held to be one recording. */
static bool name_is_year(const char *name, const name_run *run)
{
    return run->to - run->from == 4 &&
           (strncmp(name + run->from, "19", 2) == 0 || strncmp(name + run->from, "20", 2) == 0);
}

/* Where NAME_augN... begins to be a copy's name, the last such place; `end` when it is none. */
static size_t name_copy(const char *name, size_t end)
{
    static const char mark[] = "_aug";
    for (size_t at = end; at-- > 1;)
        if (strncmp(name + at, mark, sizeof mark - 1) == 0 && name[at + sizeof mark - 1] >= '0' &&
            name[at + sizeof mark - 1] <= '9')
            return at;
    return end;
}

/* Length of the date and time, 20261125_233000_, that an upload's name begins with; 0: none. */
static size_t name_upload(const char *name, size_t size)
{
    static const char pattern[] = "dddddddd_dddddd_";
    const size_t length = sizeof pattern - 1;
    for (size_t i = 0; i < length; i++)
        if (i >= size || (pattern[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != '_'))
            return 0;
    return length;
}

espy_err espy_recording_of(espy_ctx *cx, const char *path, char **out)
{
    static const struct {
        const char *pattern;
        int source; /* which run of digits names it */
    } rules[] = {{"d-d-A-d", 1}, {"d-d-A", 1}, {"d-c-d-d", 0}};
    const char *name = espy_path_name(path), *folder = name;
    const size_t size = name_copy(name, (size_t)(espy_path_suffix(name) - name));
    const char *original = name + name_upload(name, size);
    name_run run[4];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (name_matches(original, size - (size_t)(original - name), rules[i].pattern, run) &&
            !name_is_year(original, &run[0])) {
            const name_run *r = &run[rules[i].source];
            *out = espy_strndup(cx, original + r->from, r->to - r->from);
            return *out ? ESPY_E_OK : cx->code;
        }
    if (folder > path) /* with the folder: names like 001 are taken in each */
        for (folder--; folder > path && folder[-1] != '/';)
            folder--;
    *out = espy_strndup(cx, folder, (size_t)(name - folder) + size);
    return *out ? ESPY_E_OK : cx->code;
}

void espy_dataset_free(espy_ctx *cx, espy_dataset *d)
{
    for (size_t i = 0; i < d->n; i++)
        folder_free(cx, &d->at[i]);
    for (size_t i = 0; i < d->n_empty; i++)
        espy_free(cx, d->empty[i]);
    espy_free(cx, d->unknown);
    espy_free(cx, d->empty);
    espy_free(cx, d->at);
    *d = (espy_dataset){0};
}
