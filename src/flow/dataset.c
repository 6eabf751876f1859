/* SPDX-License-Identifier: Apache-2.0
 * flow - reading a folder per label. */
#include "flow/dataset.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "media/media.h"

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
    bool split =
        bar && bar != folder && bar[1] && (rule == ESPY_FOLDER_FIRST || starts_with_code(folder));
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

static bool wanted(const char *name, const char *const *suffixes)
{
    if (!suffixes)
        return espy_image_name(name);
    for (; *suffixes; suffixes++)
        if (espy_ends_with_nocase(name, *suffixes))
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
                            const char *const *suffixes, espy_folder *out)
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
        if (list.at[i].is_dir || !wanted(list.at[i].name, suffixes))
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

espy_err espy_dataset_read(espy_ctx *cx, const char *dir, espy_folder_rule rule,
                           const char *const *suffixes, espy_dataset *out)
{
    espy_dataset d = {0};
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    size_t folders = 0;
    if (!espy_dir_exists(dir))
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no folder %s; it must hold one folder per person", dir);
    ESPY_GO(espy_dir_read(cx, dir, &list));
    d.at = espy_array(cx, list.n, sizeof *d.at);
    d.empty = d.at ? espy_array(cx, list.n, sizeof *d.empty) : NULL;
    if (!d.empty)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < list.n; i++) {
        if (!list.at[i].is_dir)
            continue;
        espy_folder *f = &d.at[d.n];
        folders++;
        ESPY_GO(folder_read(cx, dir, list.at[i].name, rule, suffixes, f));
        d.files += f->n_files;
        if (f->n_files) {
            d.n++;
            continue;
        }
        d.empty[d.n_empty] = f->path;
        f->path = NULL;
        d.n_empty++;
        folder_free(cx, f);
    }
    if (!folders)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                          "No student directories found in %s; make one folder per person in it",
                          dir));
    if (!d.files)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                          "No images found in dataset %s; put jpg, jpeg, png or bmp files into its "
                          "folders",
                          dir));
    ESPY_GO(dataset_unique(cx, &d));
    *out = d;
    d = (espy_dataset){0};
out:
    espy_dir_list_free(cx, &list);
    espy_dataset_free(cx, &d);
    return e;
}

void espy_dataset_free(espy_ctx *cx, espy_dataset *d)
{
    for (size_t i = 0; i < d->n; i++)
        folder_free(cx, &d->at[i]);
    for (size_t i = 0; i < d->n_empty; i++)
        espy_free(cx, d->empty[i]);
    espy_free(cx, d->empty);
    espy_free(cx, d->at);
    *d = (espy_dataset){0};
}
