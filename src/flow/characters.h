/* SPDX-License-Identifier: Apache-2.0
 * flow - the character system (S2): a folder with the model of some characters, which answers who
 * an embedding is, and is trained anew while it answers.  Files: docs/formats/characters.md.
 *
 * The folder is read when the first question comes, once.  Where its model is missing, damaged or
 * of another version, the embeddings kept beside it answer by plain cosine, and the answer says so.
 *
 *   C1  a snapshot (model, or embeddings alone) is immutable and counted; it goes with its last
 * user C2  `lock` guards which snapshot is the current one and nothing that takes long but the
 * first reading: training computes and writes without it, so that questions never wait for it C3  a
 * training that fails changes neither the files nor the current snapshot */
#ifndef ESPY_FLOW_CHARACTERS_H
#define ESPY_FLOW_CHARACTERS_H

#include "artifact/sk_characters.h"
#include "learn/rows.h"

#define ESPY_CHARACTERS_FOLDER "cache"
#define ESPY_CHARACTERS_MODEL "face_recognition_model.pkl"
#define ESPY_CHARACTERS_METADATA "face_recognition_model_metadata.json"
#define ESPY_CHARACTERS_EMBEDDINGS "face_recognition_embeddings.safetensors"
#define ESPY_CHARACTERS_THRESHOLD 0.6 /* least similarity of an answer */

typedef struct espy_characters espy_characters; /* may be used by many threads at once */

/* Embeddings to learn from, borrowed: rows in order of label, all labels with rows. */
typedef struct espy_character_data {
    espy_rows rows;                         /* one label is enough */
    const char *const *names;               /* rows.classes */
    const char *encoder;                    /* the pack that made them; NULL: not known */
    const char *precision, *encoder_digest; /* of it; or NULL */
} espy_character_data;

typedef struct espy_character_options {
    size_t clusters;  /* of a character at most; 0: 3 */
    double threshold; /* kept in the model; 0: 0.6 */
    uint64_t seed;    /* 0: 42 */
} espy_character_options;

/* What a threshold would do, by leaving out.  A face of somebody else is played by each embedding
 * whose character is left out altogether. */
typedef struct espy_character_threshold {
    double threshold;
    size_t right, unknown, wrong; /* of `asked` */
    size_t strangers_named;       /* of `strangers` */
} espy_character_threshold;
#define ESPY_CHARACTER_THRESHOLDS 11 /* 0.30, 0.35 .. 0.80 */

typedef struct espy_character_metrics {
    /* As the described system computes them, on scaled vectors.  The ratio says nothing about
     * quality: with C characters of equal size it is about -(C - 1) whatever the data (C-21). */
    double intra, inter, ratio;
    size_t characters, embeddings;
    /* On unit vectors without pairs of one with itself; NAN where there is no pair. */
    double intra_raw, inter_raw, separation; /* separation: intra_raw - inter_raw */
    /* Leave one out: each embedding whose character has another one is asked about after its
     * character was clustered without it; characters of more than 32 are asked about a fifth at a
     * time.  right + unknown + wrong = asked. */
    size_t asked, right, unknown, wrong;
    espy_character_threshold table[ESPY_CHARACTER_THRESHOLDS];
    size_t strangers; /* embeddings, where there are two characters at least */
    double suggested; /* least threshold of the table that names nobody wrongly; 0: none does */
} espy_character_metrics;

typedef enum espy_character_path {
    ESPY_CHARACTER_MODEL,
    ESPY_CHARACTER_FALLBACK
} espy_character_path;

typedef struct espy_character_answer {
    bool known;       /* similarity > 0 and >= the threshold */
    char *name;       /* owned: the nearest character, also when not known; NULL: none is near */
    float similarity; /* its cosine; 0 when name is NULL */
    double threshold; /* that was asked for */
    espy_character_path path;
} espy_character_answer;

/* Reads nothing and makes nothing yet. */
espy_err espy_characters_create(espy_ctx *cx, const char *folder,
                                espy_characters **out) ESPY_NODISCARD;
void espy_characters_destroy(espy_ctx *cx, espy_characters **c);

/* Learns, writes the folder's three files and answers by them from now on.  metrics: filled, or
 * NULL. Errors: DATA (fewer than two embeddings, what is not a number), LIMIT, IO, NOMEM,
 * CANCELLED; the earlier model then stays. */
espy_err espy_characters_train(espy_ctx *cx, espy_characters *c, const espy_character_data *data,
                               const espy_character_options *options,
                               espy_character_metrics *metrics) ESPY_NODISCARD;

/* Reads the folder unless that was done.  Errors: NOT_FOUND (neither model nor embeddings), or what
 * is wrong with the model when there are no embeddings to fall back on. */
espy_err espy_characters_load(espy_ctx *cx, espy_characters *c) ESPY_NODISCARD;

/* Whether a model (not embeddings alone) was trained or read; reads nothing. */
bool espy_characters_trained(espy_characters *c);

/* Who x is.  threshold < 0: the model's own.  *out: give to espy_character_answer_free().
 * Errors: those of load, ARG (not as many values as the characters have), DATA (not numbers). */
espy_err espy_characters_identify(espy_ctx *cx, espy_characters *c, const float *x, size_t dim,
                                  double threshold, espy_character_answer *out) ESPY_NODISCARD;
void espy_character_answer_free(espy_ctx *cx, espy_character_answer *a);

/* What is known of the current model; loads it first. */
typedef struct espy_character_facts {
    espy_json *json; /* owned: the plain entries of the model, or of the embeddings' file */
    size_t dim, characters;
    espy_character_path path;
    char *reason; /* owned: why there is no model; NULL when there is */
} espy_character_facts;
espy_err espy_characters_facts(espy_ctx *cx, espy_characters *c,
                               espy_character_facts *out) ESPY_NODISCARD;
void espy_character_facts_free(espy_ctx *cx, espy_character_facts *f);

/* The learning alone: nothing is written.  *out: the caller's. */
espy_err espy_characters_fit(espy_ctx *cx, const espy_character_data *data,
                             const espy_character_options *options, espy_sk_characters *out,
                             espy_character_metrics *metrics) ESPY_NODISCARD;

const char *espy_character_path_name(espy_character_path path); /* "model", "fallback" */

#endif
