/* SPDX-License-Identifier: Apache-2.0
 * store - finding the names of one label in texts and in JSON, and putting a token in their place.
 */
#include <string.h>
#include <strings.h>

#include "store/store_internal.h"

#define WORDS_SHORT 3 /* shorter names are looked for as whole texts only */
#define WORDS_TEXT_MAX ((size_t)64 << 20)

void espy_words_free(espy_ctx *cx, espy_words *w)
{
    for (size_t i = 0; i < w->names_n; i++)
        espy_free(cx, w->names[i]);
    for (size_t i = 0; i < w->others_n; i++)
        espy_free(cx, w->others[i]);
    espy_free(cx, w->labels);
    espy_free(cx, w->names);
    espy_free(cx, w->others);
}

bool espy_words_of(const espy_words *w, int64_t label)
{
    for (size_t i = 0; i < w->labels_n; i++)
        if (w->labels[i] == label)
            return true;
    return false;
}

/* -- names ------------------------------------------------------------------------------------- */
static espy_err words_list(espy_ctx *cx, char ***list, size_t *n, size_t *room, const char *text)
{
    if (text[0] == '\0')
        return ESPY_E_OK;
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i], text) == 0)
            return ESPY_E_OK;
    ESPY_TRY(espy_store_grow(cx, (void **)list, *n, room, sizeof **list));
    (*list)[*n] = espy_strdup(cx, text);
    return (*list)[(*n)++] == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
}

/* A name, and how a file would be called by it.  own: the label's, else another one's. */
espy_err espy_words_add(espy_ctx *cx, espy_words *w, const char *name, bool own)
{
    static const char *const words[] = {"folder", "user", "job", "cluster"};
    for (size_t i = 0; own && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return ESPY_E_OK; /* these words stand everywhere: they are not looked for */
    char *file = espy_strdup(cx, name);
    espy_err e = file == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    for (char *c = file; c != NULL && *c != '\0'; c++)
        *c = *c == ' ' ? '_' : *c;
    const char *const both[] = {name, file};
    for (size_t i = 0; i < 2 && e == ESPY_E_OK; i++)
        e = own ? words_list(cx, &w->names, &w->names_n, &w->names_room, both[i])
                : words_list(cx, &w->others, &w->others_n, &w->others_room, both[i]);
    espy_free(cx, file);
    return e;
}

static bool words_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (unsigned char)c >= 0x80;
}

/* Length of the longest of the names that stands at `at` as a word of its own; 0: none does. */
static size_t words_longest(char *const *names, size_t count, const char *text, const char *at)
{
    size_t best = 0;
    if (at > text && words_byte(at[-1]))
        return 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]);
        if (n <= best || strncasecmp(at, names[i], n) != 0 || words_byte(at[n]))
            continue;
        if (n >= WORDS_SHORT || (at == text && at[n] == '\0'))
            best = n;
    }
    return best;
}

/* What stands at `at`: *own, the length of a name of the label, or else the length of what is to be
 * left as it is: another label's name, in which this one's may lie, or one byte. */
static size_t words_step(const espy_words *w, const char *text, const char *at, bool *own)
{
    size_t mine = words_longest(w->names, w->names_n, text, at);
    size_t theirs = words_longest(w->others, w->others_n, text, at);
    *own = mine > 0 && mine >= theirs;
    return *own ? mine : theirs > 0 ? theirs : 1;
}

bool espy_words_in(const espy_words *w, const char *text)
{
    bool own = false;
    for (const char *p = text; *p != '\0' && !own;)
        p += words_step(w, text, p, &own);
    return own;
}

/* The text with the token for every name; caller owns. */
espy_err espy_words_text(espy_ctx *cx, const espy_words *w, const char *text, char **out)
{
    espy_buf b;
    espy_buf_init(&b, WORDS_TEXT_MAX);
    espy_err e = ESPY_E_OK;
    for (const char *p = text; *p != '\0' && e == ESPY_E_OK;) {
        bool own = false;
        size_t n = words_step(w, text, p, &own);
        e = own ? espy_buf_text(cx, &b, w->token) : espy_buf_append(cx, &b, p, n);
        p += n;
    }
    if (e == ESPY_E_OK) {
        *out = espy_strndup(cx, b.size > 0 ? (const char *)b.data : "", b.size);
        e = *out == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    }
    espy_buf_free(cx, &b);
    return e;
}

static espy_err words_json(espy_ctx *cx, const espy_words *w, const espy_json *v, espy_json **out);

static espy_err words_json_array(espy_ctx *cx, const espy_words *w, const espy_json *v,
                                 espy_json *to)
{
    for (size_t i = 0; i < espy_json_count(v); i++) {
        espy_json *item = NULL;
        ESPY_TRY(words_json(cx, w, espy_json_at(v, i), &item));
        ESPY_TRY(espy_json_append(cx, to, item));
    }
    return ESPY_E_OK;
}

static espy_err words_json_object(espy_ctx *cx, const espy_words *w, const espy_json *v,
                                  espy_json *to)
{
    void *it = NULL;
    const char *key;
    const espy_json *value;
    while (espy_json_next(v, &it, &key, &value)) {
        espy_json *item = NULL;
        ESPY_TRY(words_json(cx, w, value, &item));
        ESPY_TRY(espy_json_set(cx, to, key, item));
    }
    return ESPY_E_OK;
}

/* Whether the array is a row of changed labels, and whose: then the id decides and not the words.
 */
static bool words_label_row(const espy_json *v, int64_t *label)
{
    const bool is = espy_json_count(v) >= 5 && espy_json_is_int(espy_json_at(v, 0)) &&
                    espy_json_is_string(espy_json_at(v, 1)) &&
                    espy_json_is_string(espy_json_at(v, 2)) &&
                    espy_json_is_string(espy_json_at(v, 3));
    *label = is ? espy_json_int(espy_json_at(v, 0), 0) : 0;
    return is;
}

/* The codes and names of a row of changed labels: elements 1, 2, 6 and 7. */
static espy_err words_json_label(espy_ctx *cx, const espy_words *w, const espy_json *v,
                                 espy_json *to)
{
    for (size_t i = 0; i < espy_json_count(v); i++) {
        const espy_json *item = espy_json_at(v, i);
        bool name = i == 1 || i == 2 || i == 6 || i == 7;
        ESPY_TRY(espy_json_append(cx, to,
                                  name ? espy_json_of_string(w->token)
                                       : espy_json_ref((espy_json *)(uintptr_t)item)));
    }
    return ESPY_E_OK;
}

/* A copy of a value with the token for every name in its strings; keys are vocabulary. */
static espy_err words_json(espy_ctx *cx, const espy_words *w, const espy_json *v, espy_json **out)
{
    char *text = NULL;
    int64_t label = 0;
    espy_err e = ESPY_E_OK;
    if (espy_json_is_string(v)) {
        ESPY_TRY(espy_words_text(cx, w, espy_json_string(v, ""), &text));
        *out = espy_json_of_string(text);
        espy_free(cx, text);
    } else if (espy_json_is_array(v) && words_label_row(v, &label)) {
        const bool own = espy_words_of(w, label);
        *out = own ? espy_json_array() : espy_json_ref((espy_json *)(uintptr_t)v);
        if (own && *out != NULL)
            e = words_json_label(cx, w, v, *out);
    } else if (espy_json_is_array(v)) {
        *out = espy_json_array();
        e = words_json_array(cx, w, v, *out);
    } else if (espy_json_is_object(v)) {
        *out = espy_json_object();
        e = words_json_object(cx, w, v, *out);
    } else {
        *out = espy_json_ref((espy_json *)(uintptr_t)v);
    }
    if (e == ESPY_E_OK && *out == NULL)
        e = espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (e != ESPY_E_OK) {
        espy_json_free(*out);
        *out = NULL;
    }
    return e;
}

/* Whether a string of the value names the label; keys are vocabulary. */
bool espy_words_in_json(const espy_words *w, const espy_json *v)
{
    void *it = NULL;
    const char *key;
    const espy_json *value;
    int64_t label = 0;
    if (espy_json_is_string(v))
        return espy_words_in(w, espy_json_string(v, ""));
    if (espy_json_is_array(v) && words_label_row(v, &label))
        return espy_words_of(w, label) &&
               strcmp(espy_json_string(espy_json_at(v, 1), ""), w->token) != 0;
    for (size_t i = 0; espy_json_is_array(v) && i < espy_json_count(v); i++)
        if (espy_words_in_json(w, espy_json_at(v, i)))
            return true;
    while (espy_json_is_object(v) && espy_json_next(v, &it, &key, &value))
        if (espy_words_in_json(w, value))
            return true;
    return false;
}

/* Looks at one text, which is JSON or not; *to: what it becomes, NULL when it names nobody. */
espy_err espy_words_replace(espy_ctx *cx, const espy_words *w, const char *text, bool json,
                            char **to)
{
    espy_json *v = NULL, *changed = NULL;
    espy_buf out;
    espy_err e = ESPY_E_OK;
    *to = NULL;
    if (!json)
        return espy_words_in(w, text) ? espy_words_text(cx, w, text, to) : ESPY_E_OK;
    espy_buf_init(&out, WORDS_TEXT_MAX);
    ESPY_GO(espy_json_parse(cx, text, strlen(text), &v));
    if (!espy_words_in_json(w, v))
        goto out;
    ESPY_GO(words_json(cx, w, v, &changed));
    ESPY_GO(espy_json_print(cx, changed, 0, &out));
    *to = espy_strndup(cx, (const char *)out.data, out.size);
    e = *to == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
out:
    espy_buf_free(cx, &out);
    espy_json_free(v);
    espy_json_free(changed);
    return e;
}

/* Whether a code is one of the label's. */
bool espy_words_is(const espy_words *w, const char *text)
{
    for (size_t i = 0; i < w->names_n; i++)
        if (strcmp(w->names[i], text) == 0)
            return true;
    return false;
}
