/* SPDX-License-Identifier: Apache-2.0
 * espy - recognise faces and sounds from a few labelled examples.
 *
 * The whole public interface: open a workspace, identify media, read the results.  Plain C17, and
 * C++ compiles it alone.  Functions that can fail return espy_err and leave one line of text that
 * says what to do in espy_error_text().
 *
 * Threads: an espy_engine may be used by one thread at a time; open one per thread to answer in
 * parallel.  Strings are UTF-8. */
#ifndef ESPY_ESPY_H
#define ESPY_ESPY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define ESPY_API
#elif defined(__GNUC__)
#define ESPY_API __attribute__((visibility("default")))
#else
#define ESPY_API
#endif

/* Every way espy can fail.  Values are stable: they are only ever appended.
 *   X(NAME, value, exit code of the program, text) */
#define ESPY_ERR_MAP(X)                                  \
    X(OK, 0, 0, "success")                               \
    X(NOMEM, 1, 1, "out of memory")                      \
    X(ARG, 2, 2, "invalid argument")                     \
    X(FORMAT, 3, 1, "malformed input")                   \
    X(LIMIT, 4, 1, "input exceeds a set limit")          \
    X(IO, 5, 1, "input or output failed")                \
    X(NOT_FOUND, 6, 1, "not found")                      \
    X(EXISTS, 7, 1, "already there")                     \
    X(UNSUPPORTED, 8, 1, "not supported")                \
    X(DIGEST, 9, 1, "content does not match its digest") \
    X(DATA, 10, 1, "the data do not allow this")         \
    X(STORE, 11, 1, "the store failed")                  \
    X(CANCELLED, 12, 130, "interrupted")                 \
    X(INTERNAL, 13, 1, "internal error")

typedef enum espy_err {
#define ESPY_ERR_ENUM(name, value, exit_code, text) ESPY_E_##name = value,
    ESPY_ERR_MAP(ESPY_ERR_ENUM)
#undef ESPY_ERR_ENUM
} espy_err;

/* Version of the library, "MAJOR.MINOR.PATCH". */
ESPY_API const char *espy_library_version(void);

/* Short text of a code, never NULL. */
ESPY_API const char *espy_err_text(espy_err e);

/* How one sample (one face, one stretch of sound) was answered. */
typedef enum espy_decision {
    ESPY_KNOWN = 0,       /* label is set */
    ESPY_UNKNOWN = 1,     /* nobody that was learned */
    ESPY_AMBIGUOUS = 2,   /* two labels are too close to choose */
    ESPY_POOR_QUALITY = 3 /* too small, too blurred or hardly a face */
} espy_decision;

/* One possible answer.  similarity: cosine to the nearest training sample of the label, -1..1.
 * probability: of the label under the head, 0..1; NaN where the head gives none. */
typedef struct espy_candidate {
    const char *label;
    const char *name;
    float similarity;
    float probability;
} espy_candidate;

/* One recognised sample.  All pointers belong to the result, which may outlive the engine. */
typedef struct espy_answer {
    float box[4]; /* face: x, y, width, height in pixels of the upright picture;
                     sound: start, 0, length, 0 in seconds */
    float score;  /* face: of the detector, 0..1; sound: how loud, 0..1 */
    espy_decision decision;
    const char *label; /* NULL unless known */
    const char *name;  /* NULL unless known */
    float similarity;  /* of the best candidate */
    float probability; /* of the best candidate */
    size_t candidate_count;
    const espy_candidate *candidates; /* best first */
} espy_answer;

typedef struct espy_engine espy_engine; /* an open workspace with its live version loaded */
typedef struct espy_result espy_result; /* the answers for one media */

/* Opens the live version of a collection in a workspace.
 *   workspace   directory; NULL: $ESPY_WORKSPACE, else the nearest .espy upwards
 *   collection  name; NULL: the workspace's only or default collection
 *   *out        on success owned by the caller, give to espy_close(); on failure it may still be
 *               set so that espy_error_text() can be asked; give it to espy_close() then too
 * Errors: NOT_FOUND, FORMAT, DIGEST, STORE, NOMEM. */
ESPY_API espy_err espy_open(const char *workspace, const char *collection, espy_engine **out);

/* Reads and answers one file, or one file's bytes (borrowed for the call).
 *   *out  on success owned by the caller, give to espy_result_free(); else not written
 * Errors: NOT_FOUND, IO, FORMAT, LIMIT, NOMEM.  A picture without a face is a success with 0
 * answers.  A recording of up to 4 seconds has one answer; a longer one, which is read piece by
 * piece, one for each stretch in which a known sound is heard. */
ESPY_API espy_err espy_identify_file(espy_engine *engine, const char *path, espy_result **out);
ESPY_API espy_err espy_identify_memory(espy_engine *engine, const void *bytes, size_t size,
                                       espy_result **out);

/* Number of answers, and the i-th (NULL when i is out of range). */
ESPY_API size_t espy_result_count(const espy_result *result);
ESPY_API const espy_answer *espy_result_at(const espy_result *result, size_t i);
ESPY_API void espy_result_free(espy_result *result);

/* The last failure of this engine in one line; "" when there was none.  Valid until the next call.
 */
ESPY_API const char *espy_error_text(const espy_engine *engine);

/* Frees everything; NULL is fine. */
ESPY_API void espy_close(espy_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
