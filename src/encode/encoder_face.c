/* SPDX-License-Identifier: Apache-2.0
 * encode - an encoder for faces: a pack's detector, landmarks, alignment and embedder in a row. */
#include <math.h>
#include <string.h>

#include "encode/align.h"
#include "encode/detect.h"
#include "encode/embed.h"
#include "encode/encoder_ops.h"
#include "encode/landmarks.h"
#include "media/media.h"

/* A crop may enlarge the decoded picture by this much before the file is decoded at a larger scale:
 * less than what bilinear sampling itself blurs. */
#define ENCODER_ENLARGE 1.05

typedef struct encoder_face {
    espy_encoder base;
    espy_detector detector;
    espy_landmarker landmarks;
    const espy_align_ops *align;
    espy_embedder embedder;
} encoder_face;

/* ---- opening ------------------------------------------------------------------------------- */

/* The encoder digest is taken over this canonical text: all that an embedding depends on. */
static espy_err face_describe(espy_ctx *cx, encoder_face *en)
{
    espy_err e;
    const char *precision = espy_precision_word(en->base.precision);
    espy_json *o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "embedder", espy_json_of_string(en->embedder.digest)));
    ESPY_GO(espy_json_set(cx, o, "output", espy_json_of_int((int64_t)en->embedder.output)));
    ESPY_GO(espy_prep_describe(cx, &en->embedder.prep, o));
    ESPY_GO(espy_json_set(cx, o, "align", espy_json_of_string(en->align->name)));
    ESPY_GO(espy_json_set(cx, o, "revision", espy_json_of_int(ESPY_ALIGN_REVISION)));
    ESPY_GO(espy_json_set(cx, o, "precision", espy_json_of_string(precision)));
    e = espy_encoder_hash(cx, o, en->base.digest);
out:
    espy_json_free(o);
    return e;
}

/* The same for what decides where faces are: settings and files of detector and landmarks. */
static espy_err face_describe_detector(espy_ctx *cx, encoder_face *en)
{
    static const char *const blocks[] = {"detector", "landmarks"};
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object();
    for (size_t i = 0; i < 2; i++) {
        const espy_json *block = espy_json_get(en->base.pack->json, blocks[i]);
        if (block) /* borrowed in const, shared by reference and only read */
            ESPY_GO(espy_json_set(cx, o, blocks[i], espy_json_ref((espy_json *)(uintptr_t)block)));
    }
    for (size_t i = 0; i < en->base.pack->n_files; i++) {
        const espy_pack_file *f = &en->base.pack->files[i];
        if (strcmp(f->role, "embedder") != 0 && f->digest[0])
            ESPY_GO(espy_json_set(cx, o, f->role, espy_json_of_string(f->digest)));
    }
    ESPY_GO(espy_json_set(cx, o, "precision",
                          espy_json_of_string(espy_precision_word(en->base.detector_precision))));
    e = espy_encoder_hash(cx, o, en->base.detector_digest);
out:
    espy_json_free(o);
    return e;
}

static espy_err face_align(espy_ctx *cx, encoder_face *en)
{
    const char *name = espy_json_string(espy_json_get(en->base.pack->json, "align"), "");
    en->align = espy_align_find(name);
    if (en->align)
        return ESPY_E_OK;
    return espy_fail(
        cx, ESPY_E_FORMAT,
        "pack %s: \"align\" \"%.40s\" is not one of arcface, facenet, dlib, upright, box",
        en->base.pack->name, name);
}

static void face_destroy(espy_ctx *cx, espy_encoder *encoder)
{
    encoder_face *en = (encoder_face *)encoder;
    espy_detector_close(cx, &en->detector);
    espy_landmarker_close(cx, &en->landmarks);
    espy_embedder_close(cx, &en->embedder);
    espy_free(cx, en);
}

static espy_err face_open(espy_ctx *cx, const espy_encoder *begun, unsigned threads,
                          espy_encoder **out)
{
    espy_err e;
    encoder_face *en = espy_zalloc(cx, sizeof *en);
    if (!en)
        return cx->code;
    en->base = *begun;
    espy_net_options options = {.precision = begun->precision,
                                .executor = ESPY_EXEC_ONEDNN,
                                .threads = threads,
                                .tune = true};
    ESPY_GO(face_align(cx, en));
    ESPY_GO(espy_embedder_open(cx, begun->pack, &options, &en->embedder));
    options.precision = begun->detector_precision;
    ESPY_GO(espy_detector_open(cx, begun->pack, &options, &en->detector));
    ESPY_GO(espy_landmarker_open(cx, begun->pack, &options, &en->landmarks));
    ESPY_GO(face_describe(cx, en));
    ESPY_GO(face_describe_detector(cx, en));
    *out = &en->base;
    en = NULL;
out:
    if (en)
        face_destroy(cx, &en->base);
    return e;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* What is known of one picture while its samples are made. */
typedef struct face_work {
    espy_image picture; /* perhaps at reduced scale */
    espy_faces faces;   /* first in the picture's own pixels, then in those of the full one */
    float (*dense)[ESPY_DENSE_POINTS][2]; /* per face, NULL without a landmark network */
    double (*m)[6];                       /* per sample, full picture to crop */
} face_work;

/* Keeps one face: the largest, or with `central` the one of largest area less twice the squared
 * distance of its middle from the picture's. */
static void face_one(espy_faces *f, const espy_image *im, bool central)
{
    size_t best = 0;
    float most = -INFINITY;
    for (size_t i = 0; i < f->n; i++) {
        const float *b = f->at[i].box;
        const float x = (b[0] + b[2] - (float)im->width) / 2;
        const float y = (b[1] + b[3] - (float)im->height) / 2;
        const float area = (b[2] - b[0]) * (b[3] - b[1]);
        const float worth = central ? area - 2.0f * (x * x + y * y) : area;
        if (worth > most) {
            most = worth;
            best = i;
        }
    }
    if (f->n) {
        f->at[0] = f->at[best];
        f->n = 1;
    }
}

static espy_err face_landmarks(espy_ctx *cx, const encoder_face *en, face_work *w)
{
    if (!en->landmarks.net || w->faces.n == 0)
        return ESPY_E_OK;
    w->dense = espy_array(cx, w->faces.n, sizeof *w->dense);
    if (!w->dense)
        return cx->code;
    for (size_t i = 0; i < w->faces.n; i++)
        ESPY_TRY(
            espy_landmarker_find(cx, &en->landmarks, &w->picture, &w->faces.at[i], w->dense[i]));
    return ESPY_E_OK;
}

/* From the decoded picture's pixels to those of the full one. */
static void face_to_full(face_work *w)
{
    const espy_image *im = &w->picture;
    const float k[2] = {(float)im->full_width / (float)im->width,
                        (float)im->full_height / (float)im->height};
    for (size_t i = 0; i < w->faces.n; i++) {
        espy_face *f = &w->faces.at[i];
        for (int c = 0; c < 4; c++)
            f->box[c] *= k[c % 2];
        for (int p = 0; p < 5; p++)
            for (int c = 0; c < 2; c++)
                f->points[p][c] *= k[c];
        for (int p = 0; w->dense && p < ESPY_DENSE_POINTS; p++)
            for (int c = 0; c < 2; c++)
                w->dense[i][p][c] *= k[c];
    }
}

static espy_err face_samples(espy_ctx *cx, const espy_find_options *options, const face_work *w,
                             espy_samples *out)
{
    const espy_image *im = &w->picture;
    bool whole = w->faces.n == 0 && options->whole_if_none;
    out->width = im->full_width;
    out->height = im->full_height;
    if (w->faces.n == 0 && !whole)
        return ESPY_E_OK;
    out->at = espy_array(cx, whole ? 1 : w->faces.n, sizeof *out->at);
    if (!out->at)
        return cx->code;
    if (whole) {
        out->n = 1;
        out->at[0].whole = true;
        out->at[0].box[2] = (float)im->full_width;
        out->at[0].box[3] = (float)im->full_height;
    }
    for (size_t i = 0; i < w->faces.n; i++) {
        const espy_face *f = &w->faces.at[i];
        espy_sample *s = &out->at[out->n++];
        s->box[0] = f->box[0];
        s->box[1] = f->box[1];
        s->box[2] = f->box[2] - f->box[0];
        s->box[3] = f->box[3] - f->box[1];
        s->score = f->score;
        s->has_points = f->has_points;
        memcpy(s->points, f->points, sizeof s->points);
    }
    return ESPY_E_OK;
}

/* The whole picture, centred in a square without padding around it. */
static void face_whole(const espy_samples *s, int width, int height, double m[6])
{
    const double side = s->width > s->height ? s->width : s->height;
    const double k = (width < height ? width : height) / side;
    m[0] = m[4] = k;
    m[1] = m[3] = 0.0;
    m[2] = (0.5 + (side - s->width) / 2) * k - 0.5;
    m[5] = (0.5 + (side - s->height) / 2) * k - 0.5;
}

static espy_err face_crops(espy_ctx *cx, const encoder_face *en, espy_span file, face_work *w,
                           espy_samples *s)
{
    const int width = en->embedder.prep.width, height = en->embedder.prep.height;
    double most = 0.0;
    w->m = espy_array(cx, s->n, sizeof *w->m);
    if (!w->m)
        return cx->code;
    for (size_t i = 0; i < s->n; i++) {
        const espy_sample *a = &s->at[i];
        const espy_align_face face = {
            .box = {a->box[0], a->box[1], a->box[2], a->box[3]},
            .points = a->has_points ? (const float(*)[2])a->points : NULL,
            .dense = w->dense && a->has_points ? (const float(*)[2])w->dense[i] : NULL,
            .width = s->width,
            .height = s->height};
        if (a->whole)
            face_whole(s, width, height, w->m[i]);
        else
            espy_align_fit(en->align, &face, width, height, w->m[i]);
        most = fmax(most, espy_align_scale(w->m[i]));
    }
    /* the smallest face decides: no crop enlarges what the file holds more pixels of */
    const int longer = s->width > s->height ? s->width : s->height;
    const int have = w->picture.width > w->picture.height ? w->picture.width : w->picture.height;
    if (have < longer && most * longer > ENCODER_ENLARGE * have) {
        const double need = fmin(1.0, most) * longer;
        espy_image_free(cx, &w->picture);
        ESPY_TRY(espy_image_decode(cx, file, (int)ceil(need), &w->picture));
    }
    for (size_t i = 0; i < s->n; i++) {
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(espy_align_warp(cx, &w->picture, w->m[i], width, height, &s->at[i].crop));
        ESPY_TRY(espy_align_sharpness(cx, &w->picture, s->at[i].box, &s->at[i].sharpness));
    }
    return ESPY_E_OK;
}

static espy_err face_find(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                          const espy_find_options *options, espy_samples *out)
{
    const encoder_face *en = (const encoder_face *)encoder;
    espy_err e;
    face_work w = {0};
    espy_samples s = {0};
    ESPY_GO(espy_image_decode(cx, file, options->full_decode ? 0 : en->detector.side, &w.picture));
    ESPY_GO(espy_detector_find(cx, &en->detector, &w.picture, &w.faces));
    if (options->largest || options->central)
        face_one(&w.faces, &w.picture, options->central);
    ESPY_GO(face_landmarks(cx, en, &w));
    face_to_full(&w);
    ESPY_GO(face_samples(cx, options, &w, &s));
    if (!options->no_crops && s.n)
        ESPY_GO(face_crops(cx, en, file, &w, &s));
    *out = s;
    s = (espy_samples){0};
out:
    espy_image_free(cx, &w.picture);
    espy_faces_free(cx, &w.faces);
    espy_free(cx, w.dense);
    espy_free(cx, w.m);
    espy_samples_free(cx, &s);
    return e;
}

/* The faces as a detector would have told them: corners, in the picture's own pixels. */
static espy_err face_from_samples(espy_ctx *cx, const espy_samples *s, face_work *w)
{
    const espy_image *im = &w->picture;
    const float k[2] = {(float)im->width / (float)im->full_width,
                        (float)im->height / (float)im->full_height};
    for (size_t i = 0; i < s->n; i++) {
        const espy_sample *a = &s->at[i];
        espy_face f = {.box = {a->box[0] * k[0], a->box[1] * k[1], (a->box[0] + a->box[2]) * k[0],
                               (a->box[1] + a->box[3]) * k[1]},
                       .score = a->score,
                       .has_points = a->has_points};
        for (int p = 0; p < 5; p++)
            for (int c = 0; c < 2; c++)
                f.points[p][c] = a->points[p][c] * k[c];
        ESPY_TRY(espy_faces_add(cx, &w->faces, &f));
    }
    if (w->faces.n != s->n)
        return espy_fail(cx, ESPY_E_DATA, "a face of the store has no place in its picture");
    return ESPY_E_OK;
}

static espy_err face_cut(espy_ctx *cx, const espy_encoder *encoder, espy_span file, espy_samples *s)
{
    const encoder_face *en = (const encoder_face *)encoder;
    face_work w = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_image_decode(cx, file, en->detector.side, &w.picture));
    s->width = w.picture.full_width;
    s->height = w.picture.full_height;
    ESPY_GO(face_from_samples(cx, s, &w));
    ESPY_GO(face_landmarks(cx, en, &w));
    face_to_full(&w);
    ESPY_GO(face_crops(cx, en, file, &w, s));
out:
    espy_image_free(cx, &w.picture);
    espy_faces_free(cx, &w.faces);
    espy_free(cx, w.dense);
    espy_free(cx, w.m);
    return e;
}

static espy_err face_embed(espy_ctx *cx, const espy_encoder *encoder, const espy_samples *samples,
                           float *out)
{
    const encoder_face *en = (const encoder_face *)encoder;
    const espy_image **crops = espy_array(cx, samples->n, sizeof *crops);
    if (!crops)
        return cx->code;
    for (size_t i = 0; i < samples->n; i++)
        crops[i] = &samples->at[i].crop;
    espy_err e = espy_embedder_run(cx, &en->embedder, crops, samples->n, out);
    espy_free(cx, (void *)crops);
    return e;
}

const espy_encoder_ops espy_encoder_face = {
    .modality = {.name = "face",
                 .collection = "faces",
                 .media = "picture",
                 .sample = "face",
                 .nothing = "No face detected",
                 .owner = "person",
                 .hears = false,
                 .head = "svm",
                 .floor_loss = 5},
    .open = face_open,
    .find = face_find,
    .cut = face_cut,
    .embed = face_embed,
    .destroy = face_destroy,
};
