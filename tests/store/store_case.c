/* SPDX-License-Identifier: Apache-2.0 */
#include "store_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/support.h"

const char *case_dir(espy_ctx *cx)
{
    static char at[2][256];
    static int turn, count;
    const char *root = getenv("TMPDIR");
    turn ^= 1;
    snprintf(at[turn], sizeof at[turn], "%s/espy-store-%ld-%d", root == NULL ? "/tmp" : root,
             (long)getpid(), count++);
    CASE_OK(cx, espy_dir_remove(cx, at[turn]));
    return at[turn];
}

int64_t case_collection(espy_ctx *cx, espy_store *st, const char *name)
{
    int64_t id = 0;
    CASE_OK(cx, espy_store_collection_create(cx, st, &case_template(name), &id));
    return id;
}

int64_t case_media(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest)
{
    char text[32], hex[ESPY_DIGEST_HEX];
    int64_t id = 0;
    int n = snprintf(text, sizeof text, "media %d", k);
    espy_digest(text, (size_t)n, hex);
    espy_span bytes = {(const uint8_t *)text, (size_t)n};
    CASE_OK(cx, espy_store_media(cx, st, collection, bytes, hex, "folder/photo.jpg", &id));
    if (digest != NULL)
        memcpy(digest, hex, sizeof hex);
    return id;
}

espy_scan case_scan(espy_ctx *cx, size_t n, size_t dim, int seed)
{
    espy_scan s = {.width = 640, .height = 480, .n = n, .dim = dim};
    s.at = espy_array(cx, n, sizeof *s.at);
    s.vectors = espy_floats(cx, n * dim);
    for (size_t i = 0; i < n; i++) {
        s.at[i] = (espy_scan_sample){.box = {100.0f * (float)i, 10, 50, 60.5f},
                                     .score = 0.75f,
                                     .sharpness = 1.5f,
                                     .embedding = s.vectors + i * dim};
        for (size_t k = 0; k < dim; k++)
            s.vectors[i * dim + k] = (float)(seed * 100 + (int)i) + (float)k / 16.0f;
    }
    return s;
}

int64_t case_sample(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest)
{
    int64_t media = case_media(cx, st, collection, k, digest);
    espy_scan s = case_scan(cx, 1, 4, k);
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "all", "enc", "det", &s));
    int64_t id = s.at[0].id;
    espy_scan_free(cx, &s);
    return id;
}

int64_t case_version(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                     const int64_t *samples, size_t n)
{
    int64_t number = 0;
    espy_json *json = espy_json_object();
    espy_span bytes = {(const uint8_t *)head, strlen(head)};
    CASE_OK(cx, espy_json_set(cx, json, "note", espy_json_of_string("test")));
    espy_err e =
        espy_store_version_add(cx, st, collection, "svm", json, bytes, samples, n, &number);
    espy_json_free(json);
    if (e != ESPY_E_OK)
        espy_clear(cx);
    return e == ESPY_E_OK ? number : -1;
}
