/* SPDX-License-Identifier: Apache-2.0
 * encode - encoders turn media into samples with embeddings: detect, align, embed.
 * Depends on: base, kern, gemm, media, dsp, nn.  An encoder is immutable and may be used by many
 * threads at once.
 *
 * An encoder is one pack (pack.h) of one modality.  Work is in two steps.  find: from media to
 * samples, which are the faces of a picture, each with its box, points, quality and aligned crop,
 * or the first seconds of a recording with their spectrogram.  embed: from n samples to n unit
 * vectors.  Long recordings are listened to piece by piece: listen.h. */
#ifndef ESPY_ENCODE_ENCODE_H
#define ESPY_ENCODE_ENCODE_H

#include "base/digest.h"
#include "base/image.h"
#include "encode/pack.h"
#include "nn/nn.h"

/* A kind of media, and what its things are called in texts for people. */
typedef struct espy_modality {
    const char *name;       /* "face", "sound" */
    const char *collection; /* the one that is meant when none is named: "faces", "sounds" */
    const char *media;      /* "picture", "recording"; takes an s */
    const char *sample;     /* "face", "sound"; takes an s */
    const char *nothing;    /* why a media without a sample has none */
    const char *owner;      /* whose samples a label has: "person", "class" */
    bool hears;             /* recordings; else it sees pictures */
    const char *head;       /* best measured for it (docs/accuracy.md): "svm", "logistic" */
    double floor_loss;      /* percent of known samples that a higher floor may cost: faces of one
                               person lie closer together than sounds of one class */
} espy_modality;
const espy_modality *espy_modality_find(const char *name); /* NULL when there is none */
/* By the suffix of its name; NULL when it is no media. */
const espy_modality *espy_modality_of_file(const char *path);

typedef struct espy_sample {
    float box[4];       /* face: x, y, width, height in pixels of the full upright picture; at the
                           edge it may reach outside.  sound: start, 0, length, 0 in seconds */
    float points[5][2]; /* left eye, right eye, nose, left and right mouth corner (as seen) */
    bool has_points;
    float score;     /* detector, 0..1; sound: largest magnitude of a mel band, at most 1 */
    float sharpness; /* variance of Laplacian over the box, scaled to a 112-pixel face;
                        0 when no crops were asked for, and for sounds */
    bool whole;      /* no face was found: the whole picture stands in */
    /* What embed() takes, owned: */
    espy_image crop; /* face: aligned, the embedder's input size */
    float *patches;  /* sound: n_patches spectrograms, each frames x bands */
    size_t n_patches;
} espy_sample;

typedef struct espy_samples {
    espy_sample *at;
    size_t n;
    int width, height; /* of the full upright picture; sound: milliseconds that were read, 0 */
} espy_samples;
void espy_samples_free(espy_ctx *cx, espy_samples *s);

typedef struct espy_find_options {
    bool largest;       /* keep the sample with the largest box only, and no silence (training) */
    bool central;       /* keep the sample nearest the middle only, by area less twice the squared
                           distance: sets cut around one person, such as LFW */
    bool whole_if_none; /* S1: use the whole picture when no face is found */
    bool full_decode;   /* never decode at reduced scale */
    bool no_crops;      /* detection only */
} espy_find_options;

typedef struct espy_encoder espy_encoder;

/* Opens a pack by name or by the path of its pack.json.
 *   precision  "f32"; "mixed": the embedder in bf16, the detector in f32; "bf16": both; "auto" or
 *              NULL: mixed where bf16 is native and the pack allows it, else f32
 *   threads    inside one network run
 * Errors: NOT_FOUND (names the pack and how to get it), DIGEST, FORMAT, UNSUPPORTED, NOMEM. */
espy_err espy_encoder_open(espy_ctx *cx, const char *pack, const char *workspace,
                           const char *precision, unsigned threads,
                           espy_encoder **out) ESPY_NODISCARD;
void espy_encoder_destroy(espy_ctx *cx, espy_encoder **encoder);

const espy_modality *espy_encoder_modality(const espy_encoder *encoder);
const espy_pack *espy_encoder_pack(const espy_encoder *encoder);
size_t espy_encoder_dim(const espy_encoder *encoder);
/* "f32", "mixed" or "bf16": what opens the same encoder again. */
const char *espy_encoder_precision_name(const espy_encoder *encoder);
/* SHA-256 over embedder bytes, canonical preprocessing and alignment, alignment code revision and
 * precision: what an embedding is keyed by.  Detector digest: kept on the sample. */
const char *espy_encoder_digest(const espy_encoder *encoder);
const char *espy_encoder_detector_digest(const espy_encoder *encoder);

/* Finds samples in a file's bytes.  No face is a success with n = 0.
 * Errors: FORMAT, LIMIT, NOMEM, CANCELLED. */
espy_err espy_encoder_find(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                           const espy_find_options *options, espy_samples *out) ESPY_NODISCARD;

/* Makes what embed() takes of samples that another encoder has found: boxes and points are given in
 * s, crops and sharpness are filled in.  Errors: UNSUPPORTED (sounds), FORMAT, LIMIT, NOMEM,
 * CANCELLED. */
espy_err espy_encoder_cut(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                          espy_samples *s) ESPY_NODISCARD;

/* Embeds samples that were found with crops: out has samples->n x dim floats, each row of unit
 * length. */
espy_err espy_encoder_embed(espy_ctx *cx, const espy_encoder *encoder, const espy_samples *samples,
                            float *out) ESPY_NODISCARD;

#endif
