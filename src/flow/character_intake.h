/* SPDX-License-Identifier: Apache-2.0
 * flow - what the character system learns from (S2): a folder per character, with pictures whose
 * good faces are embedded, or with embeddings that are ready. */
#ifndef ESPY_FLOW_CHARACTER_INTAKE_H
#define ESPY_FLOW_CHARACTER_INTAKE_H

#include "base/progress.h"
#include "flow/characters.h"
#include "flow/dataset.h"
#include "flow/train.h"

#define ESPY_CHARACTER_IMAGES 8
#define ESPY_CHARACTER_QUALITY 0.6

typedef struct espy_intake_options {
    size_t max_images;  /* of each character, the first ones by name; 0: 8 */
    double min_quality; /* of a face, 0..1; 0: all */
    const espy_progress *progress;
} espy_intake_options;

/* One character as it came in. */
typedef struct espy_intake_character {
    const char *name;         /* in the dataset */
    size_t pictures, files;   /* looked at: pictures, files of embeddings */
    size_t faces, embeddings; /* found; kept, ready ones included */
} espy_intake_character;

typedef struct espy_intake {
    espy_character_data data; /* of those that gave an embedding; borrows from what follows */
    const char **names;
    float *x;
    uint32_t *y;
    espy_intake_character *at; /* one per folder of the dataset */
    size_t n_at;
    espy_skip *skipped; /* files that gave none, in order, and why */
    size_t n_skipped;
} espy_intake;

/* Reads the folders: pictures, and .npy files of shape (n, dim) or (dim,).  The folder's whole name
 * is the character's.  Errors: as espy_dataset_read(). */
espy_err espy_intake_folders(espy_ctx *cx, const char *dir, espy_dataset *out) ESPY_NODISCARD;
/* Whether there are pictures, for which an encoder is needed. */
bool espy_intake_needs_encoder(const espy_dataset *folders);

/* Embeds all faces that pass the quality filter and takes the ready embeddings.  A file that cannot
 * be read is skipped.  `folders` must outlive *out.  encoder: NULL where none is needed.
 * Errors: DATA (embeddings of different sizes), CANCELLED, NOMEM. */
espy_err espy_intake_read(espy_ctx *cx, const espy_dataset *folders, const espy_encoder *encoder,
                          const espy_intake_options *options, espy_intake *out) ESPY_NODISCARD;
void espy_intake_free(espy_ctx *cx, espy_intake *r);

/* How good a face is in its picture, 0..1 (S2): mean of the detector's score and of
 *   0.3 min(1, 10 face area / picture area) + 0.3 min(1, variance of Laplacian / 100)
 *   + 0.2 (1 - |mean - 128| / 128) + 0.1 min(1, deviation / 50) + 0.1 (1 - 0.5 |w/h - 1|),
 * clamped, over the luma of the part of the box that lies in the picture.  im: at full size. */
double espy_face_quality(const espy_image *im, const float box[4], float score);

#endif
