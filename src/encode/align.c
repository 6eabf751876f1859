/* SPDX-License-Identifier: Apache-2.0
 * encode - from a face in a picture to the embedder's crop. */
#include "encode/align.h"

#include <math.h>
#include <string.h>

#include "dsp/dsp.h"

/* Five points, in units of the crop's side. */
typedef double align_template[5][2];

/* The reference points of ArcFace (Deng et al. 2019) and of SFace, on 112 x 112. */
static const align_template align_arcface = {{38.2946 / 112, 51.6963 / 112},
                                             {73.5318 / 112, 51.5014 / 112},
                                             {56.0252 / 112, 71.7366 / 112},
                                             {41.5493 / 112, 92.3655 / 112},
                                             {70.7299 / 112, 92.2041 / 112}};

/* FaceNet was trained on MTCNN boxes with a margin.  Mean MTCNN points of frontal faces, measured
 * about the box centre in units of its longer side, mirrored and averaged: eyes (0.172, -0.101),
 * nose (0, 0.106), mouth (0.160, 0.249).  The box takes 140 of 160 pixels: a margin of 20. */
#define ALIGN_FACENET(x, y)                              \
    {                                                    \
        0.5 + (x)*140.0 / 160.0, 0.5 + (y)*140.0 / 160.0 \
    }
static const align_template align_facenet = {
    ALIGN_FACENET(-0.172, -0.101), ALIGN_FACENET(0.172, -0.101), ALIGN_FACENET(0.0, 0.106),
    ALIGN_FACENET(-0.160, 0.249), ALIGN_FACENET(0.160, 0.249)};

/* dlib's chip: its mean face shape (eye centres, nose tip, mouth corners) with a quarter of the
 * shape's side as padding all round. */
#define ALIGN_DLIB(x, y)                       \
    {                                          \
        ((x) + 0.25) / 1.5, ((y) + 0.25) / 1.5 \
    }
static const align_template align_dlib = {
    ALIGN_DLIB(0.225492, 0.215990), ALIGN_DLIB(0.754761, 0.215990), ALIGN_DLIB(0.490127, 0.515625),
    ALIGN_DLIB(0.254149, 0.780233), ALIGN_DLIB(0.726104, 0.780233)};

/* Share of the longer box side added by the padded square (SPEC C-08). */
#define ALIGN_PAD 0.30

static bool align_similarity(const espy_align_face *face, const align_template to, int width,
                             int height, double m[6])
{
    double a[10], b[10];
    if (!face->points)
        return false;
    for (int i = 0; i < 5; i++) {
        a[2 * i] = (double)face->points[i][0];
        a[2 * i + 1] = (double)face->points[i][1];
        b[2 * i] = to[i][0] * width;
        b[2 * i + 1] = to[i][1] * height;
    }
    return espy_fit_similarity(a, b, 5, m);
}

static bool align_fit_arcface(const espy_align_face *face, int width, int height, double m[6])
{
    return align_similarity(face, align_arcface, width, height, m);
}

static bool align_fit_facenet(const espy_align_face *face, int width, int height, double m[6])
{
    return align_similarity(face, align_facenet, width, height, m);
}

static bool align_fit_dlib(const espy_align_face *face, int width, int height, double m[6])
{
    return align_similarity(face, align_dlib, width, height, m);
}

static void align_square(double x, double y, double side, int width, int height, double m[6])
{
    /* the square's first pixel is the crop's: centre to centre */
    const double s = (width < height ? width : height) / side;
    m[0] = s;
    m[1] = 0.0;
    m[2] = (0.5 - x) * s - 0.5;
    m[3] = 0.0;
    m[4] = s;
    m[5] = (0.5 - y) * s - 0.5;
}

static bool align_fit_box(const espy_align_face *face, int width, int height, double m[6])
{
    const double w = (double)face->box[2], h = (double)face->box[3];
    const double side = fmax(fmax(w, h), 1.0) * (1.0 + ALIGN_PAD);
    align_square((double)face->box[0] + (w - side) / 2, (double)face->box[1] + (h - side) / 2, side,
                 width, height, m);
    return true;
}

static void align_mean(const float (*p)[2], int from, int to, double out[2])
{
    out[0] = out[1] = 0.0;
    for (int i = from; i < to; i++)
        for (int c = 0; c < 2; c++)
            out[c] += (double)p[i][c] / (to - from);
}

/* The face-api package's own crop, upright: its side is the mean distance from the eyes to the
 * mouth over 0.45, the mean of the three centres lies at (0.5, 0.43).  Cut at the picture's edges
 * and centred in a square; sampled without half-pixel offset, as the package does. */
static bool align_fit_upright(const espy_align_face *face, int width, int height, double m[6])
{
    double eye[2][2], mouth[2];
    if (face->dense) {
        align_mean(face->dense, 36, 42, eye[0]);
        align_mean(face->dense, 42, 48, eye[1]);
        align_mean(face->dense, 48, 68, mouth);
    } else if (face->points) {
        align_mean(face->points, 0, 1, eye[0]);
        align_mean(face->points, 1, 2, eye[1]);
        align_mean(face->points, 3, 5, mouth);
    } else {
        return false;
    }
    const double far[2] = {hypot(mouth[0] - eye[0][0], mouth[1] - eye[0][1]),
                           hypot(mouth[0] - eye[1][0], mouth[1] - eye[1][1])};
    const double size = floor((far[0] + far[1]) / 2 / 0.45);
    const double x = floor(fmax(0.0, (eye[0][0] + eye[1][0] + mouth[0]) / 3 - 0.5 * size));
    const double y = floor(fmax(0.0, (eye[0][1] + eye[1][1] + mouth[1]) / 3 - 0.43 * size));
    const double w = fmin(size, face->width - x), h = fmin(size, face->height - y);
    const double side = fmax(w, h), s = (width < height ? width : height) / side;
    if (!(w >= 1.0 && h >= 1.0))
        return false;
    m[0] = m[4] = s;
    m[1] = m[3] = 0.0;
    m[2] = (floor((side - w) / 2) - x) * s;
    m[5] = (floor((side - h) / 2) - y) * s;
    return true;
}

static const espy_align_ops align_methods[] = {
    {"arcface", "five points to the ArcFace and SFace template", align_fit_arcface},
    {"facenet", "five points to an MTCNN box with a margin of an eighth", align_fit_facenet},
    {"dlib", "five points to dlib's face chip", align_fit_dlib},
    {"upright", "face-api's upright square from eyes and mouth", align_fit_upright},
    {"box", "the detector's box, padded by 30 % to a square", align_fit_box},
};

const espy_align_ops *const espy_aligns[] = {&align_methods[0], &align_methods[1],
                                             &align_methods[2], &align_methods[3],
                                             &align_methods[4], NULL};

const espy_align_ops *espy_align_find(const char *name)
{
    for (size_t i = 0; espy_aligns[i]; i++)
        if (strcmp(espy_aligns[i]->name, name) == 0)
            return espy_aligns[i];
    return NULL;
}

static bool align_usable(const double m[6])
{
    for (int i = 0; i < 6; i++)
        if (!isfinite(m[i]))
            return false;
    return espy_align_scale(m) > 1e-4 && espy_align_scale(m) < 1e4;
}

void espy_align_fit(const espy_align_ops *ops, const espy_align_face *face, int width, int height,
                    double m[6])
{
    if (!ops->fit(face, width, height, m) || !align_usable(m))
        align_fit_box(face, width, height, m);
}

double espy_align_scale(const double m[6])
{
    return sqrt(m[0] * m[0] + m[3] * m[3]);
}

/* Replaces m, which acts on p, by its action on q where p = (q + 0.5) * k + shift - 0.5. */
static void align_compose(double m[6], const double k[2], const double shift[2])
{
    const double half[2] = {0.5 * k[0] - 0.5 + shift[0], 0.5 * k[1] - 0.5 + shift[1]};
    for (int r = 0; r < 6; r += 3) {
        m[r + 2] += m[r] * half[0] + m[r + 1] * half[1];
        m[r] *= k[0];
        m[r + 1] *= k[1];
    }
}

/* Rectangle of the picture that a crop sees, a little larger, cut at the edges; false when empty.
 */
static bool align_seen(const espy_image *im, const double m[6], int width, int height, int margin,
                       int rect[4])
{
    const double det = m[0] * m[4] - m[1] * m[3];
    double lo[2] = {1e9, 1e9}, hi[2] = {-1e9, -1e9};
    for (int corner = 0; corner < 4; corner++) {
        const double u = (corner & 1 ? width : -1) - m[2], v = (corner & 2 ? height : -1) - m[5];
        const double p[2] = {(m[4] * u - m[1] * v) / det, (m[0] * v - m[3] * u) / det};
        for (int c = 0; c < 2; c++) {
            lo[c] = fmin(lo[c], p[c]);
            hi[c] = fmax(hi[c], p[c]);
        }
    }
    const int side[2] = {im->width, im->height};
    for (int c = 0; c < 2; c++) {
        rect[c] = (int)fmax(0.0, floor(lo[c]) - margin);
        rect[2 + c] = (int)fmin((double)side[c], ceil(hi[c]) + margin) - rect[c];
    }
    return rect[2] > 0 && rect[3] > 0;
}

espy_err espy_align_warp(espy_ctx *cx, const espy_image *im, const double m[6], int width,
                         int height, espy_image *out)
{
    espy_err e;
    espy_image cut = {0}, small = {0};
    double t[6];
    memcpy(t, m, sizeof t);
    const double k[2] = {im->full_width > 0 ? (double)im->full_width / im->width : 1.0,
                         im->full_height > 0 ? (double)im->full_height / im->height : 1.0};
    align_compose(t, k, (const double[2]){0.0, 0.0});
    const int shrink = (int)fmin(floor(1.0 / espy_align_scale(t)), 64.0);
    int r[4];
    if (shrink < 2 || !align_seen(im, t, width, height, shrink, r))
        return espy_image_warp(cx, im, t, width, height, out);
    /* whole blocks of shrink x shrink; what lies beyond the picture is black as it is for warps */
    const int w = (r[2] + shrink - 1) / shrink, h = (r[3] + shrink - 1) / shrink;
    ESPY_GO(espy_image_crop(cx, im, r[0], r[1], w * shrink, h * shrink, &cut));
    ESPY_GO(espy_image_shrink(cx, &cut, w, h, &small));
    align_compose(t, (const double[2]){shrink, shrink}, (const double[2]){r[0], r[1]});
    e = espy_image_warp(cx, &small, t, width, height, out);
out:
    espy_image_free(cx, &cut);
    espy_image_free(cx, &small);
    return e;
}

espy_err espy_align_sharpness(espy_ctx *cx, const espy_image *im, const float box[4], float *out)
{
    enum { SIDE = 112 };
    espy_image face = {0};
    double m[6];
    const double full[2] = {im->full_width > 0 ? im->full_width : im->width,
                            im->full_height > 0 ? im->full_height : im->height};
    double edge[4]; /* the box inside the picture: x1, y1, x2, y2 */
    for (int c = 0; c < 2; c++) {
        edge[c] = fmin(fmax((double)box[c], 0.0), full[c]);
        edge[2 + c] = fmin(fmax((double)box[c] + (double)box[2 + c], 0.0), full[c]);
    }
    const double w = edge[2] - edge[0], h = edge[3] - edge[1], side = fmax(w, h);
    *out = 0.0f;
    if (!(w >= 1.0 && h >= 1.0))
        return ESPY_E_OK;
    align_square(edge[0], edge[1], side, SIDE, SIDE, m);
    ESPY_TRY(espy_align_warp(cx, im, m, SIDE, SIDE, &face));
    *out = (float)espy_image_sharpness(&face, 0, 0, (int)(w / side * SIDE), (int)(h / side * SIDE));
    espy_image_free(cx, &face);
    return ESPY_E_OK;
}
