/* SPDX-License-Identifier: Apache-2.0
 * flow - a contact sheet of groups. */
#include "flow/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "dsp/dsp.h"
#include "media/media.h"

enum {
    FACE = 96,   /* side of a face as drawn, in pixels */
    ACROSS = 12, /* faces in a row */
    TEXT = 14,   /* height of a group's name */
    SMALL = 10,  /* and of a sample's number */
    GAP = 4,
    ALONE = FACE + SMALL + 3 * GAP, /* a row without a name */
    ROW = TEXT + GAP + ALONE,
    WIDTH = ACROSS * (FACE + GAP) + GAP
};

/* One face that is drawn: where it lies on the sheet. */
typedef struct sheet_face {
    size_t at; /* in the pool */
    int x, y;
} sheet_face;

static int sheet_group_order(const void *a, const void *b)
{
    const espy_group *x = *(espy_group *const *)a, *y = *(espy_group *const *)b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int sheet_media_order(const void *a, const void *b)
{
    const sheet_face *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* A square around the box, a quarter wider than it, scaled to FACE. */
static espy_err sheet_cut(espy_ctx *cx, const espy_image *photo, const float box[4],
                          espy_image *out)
{
    espy_image cut = {0};
    /* the box is in pixels of the full picture, which may have been decoded smaller */
    float scale = (float)photo->width / (float)photo->full_width;
    float side = 1.25f * fmaxf(box[2], box[3]) * scale;
    float x = (box[0] + box[2] / 2) * scale - side / 2,
          y = (box[1] + box[3] / 2) * scale - side / 2;
    int n = side < 1 ? 1 : (int)lroundf(side);
    ESPY_TRY(espy_image_crop(cx, photo, (int)lroundf(x), (int)lroundf(y), n, n, &cut));
    espy_err e = n > FACE ? espy_image_shrink(cx, &cut, FACE, FACE, out)
                          : espy_image_resize(cx, &cut, FACE, FACE, out);
    espy_image_free(cx, &cut);
    return e;
}

/* Draws the faces of one photo: faces[0 .. n - 1], all of the same media. */
static espy_err sheet_photo(espy_ctx *cx, espy_workspace *ws, const espy_sample_pool *pool,
                            const sheet_face *faces, size_t n, espy_image *sheet)
{
    static const uint8_t grey[3] = {90, 90, 90}, white[3] = {255, 255, 255};
    char digest[ESPY_DIGEST_HEX], number[32];
    espy_image photo = {0};
    espy_buf file;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&file, 0);
    ESPY_GO(espy_store_sample_media(cx, ws->store, pool->at[faces[0].at].sample, digest));
    ESPY_GO(espy_store_media_bytes(cx, ws->store, digest, cx->max.file_bytes, &file));
    ESPY_GO(espy_image_decode(cx, espy_span_of(&file), 0, &photo));
    for (size_t i = 0; i < n; i++) {
        const espy_pool_sample *s = &pool->at[faces[i].at];
        espy_image face = {0};
        ESPY_GO(sheet_cut(cx, &photo, s->box, &face));
        espy_draw_image(sheet, &face, faces[i].x, faces[i].y);
        espy_image_free(cx, &face);
        snprintf(number, sizeof number, "%lld", (long long)s->sample);
        espy_draw_text(sheet, faces[i].x, faces[i].y + FACE + GAP, SMALL, number, grey, white);
    }
out:
    espy_buf_free(cx, &file);
    espy_image_free(cx, &photo);
    return e;
}

/* A photo that cannot be read any more leaves its places empty. */
static espy_err sheet_photo_or_not(espy_ctx *cx, espy_workspace *ws, const espy_sample_pool *pool,
                                   const sheet_face *faces, size_t n, espy_image *sheet)
{
    espy_err e = sheet_photo(cx, ws, pool, faces, n, sheet);
    if (e != ESPY_E_NOT_FOUND && e != ESPY_E_DIGEST && e != ESPY_E_FORMAT && e != ESPY_E_LIMIT)
        return e;
    espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
    espy_clear(cx);
    return ESPY_E_OK;
}

/* Notes the faces of one group from (x, y) on, as many as fit into the row. */
static size_t sheet_row(const espy_grouping *g, const espy_group *of, int x, int y,
                        sheet_face *faces)
{
    size_t n = 0;
    for (size_t i = 0; i < g->pool.n && x + FACE <= WIDTH; i++) {
        if (g->group[i] < 0 || &g->at[g->group[i]] != of)
            continue;
        faces[n++] = (sheet_face){i, x, y};
        x += FACE + GAP;
    }
    return n;
}

/* The rows: names drawn, places of faces noted.  Groups of one share rows at the end. */
static size_t sheet_rows(const espy_grouping *g, espy_group *const *order, size_t rows,
                         espy_image *sheet, sheet_face *faces)
{
    static const uint8_t black[3] = {20, 20, 20}, white[3] = {255, 255, 255};
    char title[512];
    size_t n = 0;
    for (size_t k = 0; k < rows; k++) {
        int y = (int)k * ROW + GAP;
        snprintf(title, sizeof title, "%s  %s  (%zu)", order[k]->code, order[k]->name,
                 order[k]->size);
        espy_draw_text(sheet, GAP, y, TEXT, title, black, white);
        n += sheet_row(g, order[k], GAP, y + TEXT + GAP, faces + n);
    }
    if (rows < g->n)
        espy_draw_text(sheet, GAP, (int)rows * ROW + GAP, TEXT, "groups of one", black, white);
    for (size_t k = rows; k < g->n; k++) {
        int at = (int)(k - rows);
        n += sheet_row(g, order[k], GAP + at % ACROSS * (FACE + GAP),
                       (int)rows * ROW + at / ACROSS * ALONE + TEXT + 2 * GAP, faces + n);
    }
    return n;
}

static espy_err sheet_write(espy_ctx *cx, const espy_image *sheet, const char *path)
{
    espy_buf out;
    espy_buf_init(&out, (size_t)1 << 30);
    espy_err e = espy_ends_with_nocase(path, ".png") ? espy_image_to_png(cx, sheet, &out)
                                                     : espy_image_to_jpeg(cx, sheet, 90, &out);
    if (e == ESPY_E_OK)
        e = espy_file_write(cx, path, out.data, out.size);
    espy_buf_free(cx, &out);
    return e;
}

espy_err espy_sheet_check(espy_ctx *cx, const char *path)
{
    if (!espy_ends_with_nocase(path, ".jpg") && !espy_ends_with_nocase(path, ".jpeg") &&
        !espy_ends_with_nocase(path, ".png"))
        return espy_fail(cx, ESPY_E_ARG, "--sheet %s: a sheet is drawn as .jpg or .png", path);
    return ESPY_E_OK;
}

static espy_err sheet_height(espy_ctx *cx, size_t rows, size_t alone, int *out)
{
    enum { HIGHEST = 65000 }; /* of a JPEG file: 65535 */
    size_t high = rows * ROW + (alone + ACROSS - 1) / ACROSS * ALONE + (alone ? ROW - ALONE : 0);
    if (high + GAP > HIGHEST)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "%zu groups are too many for a sheet; draw a session of them",
                         rows + alone);
    *out = (int)high + GAP;
    return ESPY_E_OK;
}

espy_err espy_flow_sheet(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_grouping *g, const char *path)
{
    espy_image sheet = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_sheet_check(cx, path));
    if (espy_modality_find(c->modality)->hears)
        return espy_fail(cx, ESPY_E_ARG, "collection \"%s\" is of sounds: nothing to draw",
                         c->name);
    if (g->n == 0)
        return espy_fail(cx, ESPY_E_DATA, "there is no group to draw");
    espy_group **order = espy_array(cx, g->n, sizeof(espy_group *));
    sheet_face *faces = espy_array(cx, g->pool.n, sizeof *faces);
    size_t n = 0, rows = 0;
    int height = 0;
    if (!order || !faces)
        ESPY_GO(cx->code);
    for (size_t k = 0; k < g->n; k++)
        order[k] = &g->at[k];
    qsort(order, g->n, sizeof(espy_group *), sheet_group_order);
    while (rows < g->n && order[rows]->size > 1)
        rows++;
    ESPY_GO(sheet_height(cx, rows, g->n - rows, &height));
    ESPY_GO(espy_image_create(cx, WIDTH, height, &sheet));
    memset(sheet.px, 255, (size_t)sheet.width * (size_t)sheet.height * 3);
    n = sheet_rows(g, order, rows, &sheet, faces);
    if (n > 0) /* by sample, so that each photo is decoded once */
        qsort(faces, n, sizeof *faces, sheet_media_order);
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        while (end < n && g->pool.at[faces[end].at].media == g->pool.at[faces[i].at].media)
            end++;
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(sheet_photo_or_not(cx, ws, &g->pool, faces + i, end - i, &sheet));
    }
    ESPY_GO(sheet_write(cx, &sheet, path));
out:
    espy_image_free(cx, &sheet);
    espy_free(cx, faces);
    espy_free(cx, order);
    return e;
}
