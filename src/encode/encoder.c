/* SPDX-License-Identifier: Apache-2.0
 * encode - an encoder for faces: a pack's detector, landmarks, alignment and embedder in a row. */
#include <math.h>
#include <string.h>

#include "encode/align.h"
#include "encode/detect.h"
#include "encode/embed.h"
#include "encode/encode.h"
#include "encode/landmarks.h"
#include "media/media.h"

/* A crop may enlarge the decoded picture by this much before the file is decoded at a larger scale:
 * less than what bilinear sampling itself blurs. */
#define ENCODER_ENLARGE 1.05

struct espy_encoder {
    espy_pack *pack;
    espy_detector detector;
    espy_landmarker landmarks;
    const espy_align_ops *align;
    espy_embedder embedder;
    espy_precision precision, detector_precision;
    char digest[ESPY_DIGEST_HEX], detector_digest[ESPY_DIGEST_HEX];
};

/* ---- opening ------------------------------------------------------------------------------- */

static espy_err encoder_precision(espy_ctx *cx, espy_encoder *en, const char *word)
{
    static const char *const words[] = {"auto", "f32", "mixed", "bf16"};
    const bool native = espy_precision_native(ESPY_PRECISION_BF16);
    size_t i = 0;
    while (word && i < 4 && strcmp(words[i], word) != 0)
        i++;
    if (i == 4)
        return espy_fail(cx, ESPY_E_ARG, "precision \"%.20s\" is not one of auto, f32, mixed, bf16",
                         word);
    if (i >= 2 && !native)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "this CPU does not compute in bf16; use --precision f32");
    const bool mixed = i == 0 ? native && en->pack->bf16 : i >= 2;
    en->precision = mixed ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32;
    en->detector_precision = i == 3 ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32;
    return ESPY_E_OK;
}

static const char *encoder_word(espy_precision p)
{
    return p == ESPY_PRECISION_BF16 ? "bf16" : "f32";
}

static espy_err encoder_hash(espy_ctx *cx, const espy_json *o, char out[ESPY_DIGEST_HEX])
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 20);
    ESPY_TRY(espy_json_print(cx, o, 0, &b));
    espy_digest(b.data, b.size, out);
    espy_buf_free(cx, &b);
    return ESPY_E_OK;
}

/* The encoder digest is taken over this canonical text: all that an embedding depends on. */
static espy_err encoder_describe(espy_ctx *cx, espy_encoder *en)
{
    espy_err e;
    const char *precision = encoder_word(en->precision);
    espy_json *o = espy_json_object();
    ESPY_GO(espy_json_set(cx, o, "embedder", espy_json_of_string(en->embedder.digest)));
    ESPY_GO(espy_json_set(cx, o, "output", espy_json_of_int((int64_t)en->embedder.output)));
    ESPY_GO(espy_prep_describe(cx, &en->embedder.prep, o));
    ESPY_GO(espy_json_set(cx, o, "align", espy_json_of_string(en->align->name)));
    ESPY_GO(espy_json_set(cx, o, "revision", espy_json_of_int(ESPY_ALIGN_REVISION)));
    ESPY_GO(espy_json_set(cx, o, "precision", espy_json_of_string(precision)));
    e = encoder_hash(cx, o, en->digest);
out:
    espy_json_free(o);
    return e;
}

/* The same for what decides where faces are: settings and files of detector and landmarks. */
static espy_err encoder_describe_detector(espy_ctx *cx, espy_encoder *en)
{
    static const char *const blocks[] = {"detector", "landmarks"};
    espy_err e = ESPY_E_OK;
    espy_json *o = espy_json_object();
    for (size_t i = 0; i < 2; i++) {
        const espy_json *block = espy_json_get(en->pack->json, blocks[i]);
        if (block) /* borrowed in const, shared by reference and only read */
            ESPY_GO(espy_json_set(cx, o, blocks[i], espy_json_ref((espy_json *)(uintptr_t)block)));
    }
    for (size_t i = 0; i < en->pack->n_files; i++) {
        const espy_pack_file *f = &en->pack->files[i];
        if (strcmp(f->role, "embedder") != 0 && f->digest[0])
            ESPY_GO(espy_json_set(cx, o, f->role, espy_json_of_string(f->digest)));
    }
    ESPY_GO(espy_json_set(cx, o, "precision",
                          espy_json_of_string(encoder_word(en->detector_precision))));
    e = encoder_hash(cx, o, en->detector_digest);
out:
    espy_json_free(o);
    return e;
}

static espy_err encoder_align(espy_ctx *cx, espy_encoder *en)
{
    const char *name = espy_json_string(espy_json_get(en->pack->json, "align"), "");
    en->align = espy_align_find(name);
    if (en->align)
        return ESPY_E_OK;
    return espy_fail(
        cx, ESPY_E_FORMAT,
        "pack %s: \"align\" \"%.40s\" is not one of arcface, facenet, dlib, upright, box",
        en->pack->name, name);
}

espy_err espy_encoder_open(espy_ctx *cx, const char *pack, const char *workspace,
                           const char *precision, unsigned threads, espy_encoder **out)
{
    espy_err e;
    espy_encoder *en = espy_zalloc(cx, sizeof *en);
    if (!en)
        return cx->code;
    ESPY_GO(espy_pack_open(cx, pack, workspace, &en->pack));
    if (strcmp(en->pack->modality, "face") != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_UNSUPPORTED, "pack %s is for %ss; choose one for faces",
                          en->pack->name, en->pack->modality));
    ESPY_GO(encoder_precision(cx, en, precision));
    espy_net_options options = {
        .precision = en->precision, .executor = ESPY_EXEC_ONEDNN, .threads = threads, .tune = true};
    ESPY_GO(encoder_align(cx, en));
    ESPY_GO(espy_embedder_open(cx, en->pack, &options, &en->embedder));
    options.precision = en->detector_precision;
    ESPY_GO(espy_detector_open(cx, en->pack, &options, &en->detector));
    ESPY_GO(espy_landmarker_open(cx, en->pack, &options, &en->landmarks));
    ESPY_GO(encoder_describe(cx, en));
    ESPY_GO(encoder_describe_detector(cx, en));
    for (size_t i = 0; i < en->pack->n_files; i++)
        if (!en->pack->files[i].digest[0])
            espy_log(cx, ESPY_LOG_WARN,
                     "pack %s: the digest of %s is unknown, it is used unverified", en->pack->name,
                     en->pack->files[i].name);
    *out = en;
    en = NULL;
out:
    espy_encoder_destroy(cx, &en);
    return e;
}

void espy_encoder_destroy(espy_ctx *cx, espy_encoder **encoder)
{
    espy_encoder *en = *encoder;
    if (!en)
        return;
    espy_detector_close(cx, &en->detector);
    espy_landmarker_close(cx, &en->landmarks);
    espy_embedder_close(cx, &en->embedder);
    espy_pack_destroy(cx, &en->pack);
    espy_free(cx, en);
    *encoder = NULL;
}

const espy_pack *espy_encoder_pack(const espy_encoder *encoder)
{
    return encoder->pack;
}

size_t espy_encoder_dim(const espy_encoder *encoder)
{
    return encoder->embedder.dim;
}

const char *espy_encoder_precision_name(const espy_encoder *encoder)
{
    if (encoder->precision == encoder->detector_precision)
        return encoder_word(encoder->precision);
    return "mixed";
}

const char *espy_encoder_digest(const espy_encoder *encoder)
{
    return encoder->digest;
}

const char *espy_encoder_detector_digest(const espy_encoder *encoder)
{
    return encoder->detector_digest;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* What is known of one picture while its samples are made. */
typedef struct encoder_work {
    espy_image picture; /* perhaps at reduced scale */
    espy_faces faces;   /* first in the picture's own pixels, then in those of the full one */
    float (*dense)[ESPY_DENSE_POINTS][2]; /* per face, NULL without a landmark network */
    double (*m)[6];                       /* per sample, full picture to crop */
} encoder_work;

/* Keeps one face: the largest, or with `central` the one of largest area less twice the squared
 * distance of its middle from the picture's. */
static void encoder_one(espy_faces *f, const espy_image *im, bool central)
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

static espy_err encoder_landmarks(espy_ctx *cx, const espy_encoder *en, encoder_work *w)
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
static void encoder_to_full(encoder_work *w)
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

static espy_err encoder_samples(espy_ctx *cx, const espy_find_options *options,
                                const encoder_work *w, espy_samples *out)
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
static void encoder_whole(const espy_samples *s, int width, int height, double m[6])
{
    const double side = s->width > s->height ? s->width : s->height;
    const double k = (width < height ? width : height) / side;
    m[0] = m[4] = k;
    m[1] = m[3] = 0.0;
    m[2] = (0.5 + (side - s->width) / 2) * k - 0.5;
    m[5] = (0.5 + (side - s->height) / 2) * k - 0.5;
}

static espy_err encoder_crops(espy_ctx *cx, const espy_encoder *en, espy_span file, encoder_work *w,
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
            encoder_whole(s, width, height, w->m[i]);
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

espy_err espy_encoder_find(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                           const espy_find_options *options, espy_samples *out)
{
    static const espy_find_options usual = {0};
    espy_err e;
    encoder_work w = {0};
    espy_samples s = {0};
    options = options ? options : &usual;
    ESPY_GO(espy_cancelled(cx));
    ESPY_GO(
        espy_image_decode(cx, file, options->full_decode ? 0 : encoder->detector.side, &w.picture));
    ESPY_GO(espy_detector_find(cx, &encoder->detector, &w.picture, &w.faces));
    if (options->largest || options->central)
        encoder_one(&w.faces, &w.picture, options->central);
    ESPY_GO(encoder_landmarks(cx, encoder, &w));
    encoder_to_full(&w);
    ESPY_GO(encoder_samples(cx, options, &w, &s));
    if (!options->no_crops && s.n)
        ESPY_GO(encoder_crops(cx, encoder, file, &w, &s));
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

void espy_samples_free(espy_ctx *cx, espy_samples *s)
{
    for (size_t i = 0; i < s->n; i++)
        espy_image_free(cx, &s->at[i].crop);
    espy_free(cx, s->at);
    *s = (espy_samples){0};
}

espy_err espy_encoder_embed(espy_ctx *cx, const espy_encoder *encoder,
                            const espy_image *const *crops, size_t n, float *out)
{
    return espy_embedder_run(cx, &encoder->embedder, crops, n, out);
}
