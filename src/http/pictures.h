/* SPDX-License-Identifier: Apache-2.0
 * http - pictures that were decoded a moment ago: whoever looks at the faces of a photo asks for
 * all of them at once.
 *
 *   P1  whoever asks for a picture that another thread is decoding waits for it
 *   P2  pictures beyond the room go, the one that nobody used longest first; those in use stay */
#ifndef ESPY_HTTP_PICTURES_H
#define ESPY_HTTP_PICTURES_H

#include "base/image.h"
#include "store/store.h"

#define ESPY_PICTURES_ROOM ((size_t)96 << 20) /* bytes of pixels */

typedef struct espy_pictures espy_pictures;
espy_err espy_pictures_create(espy_ctx *cx, size_t room, espy_pictures **out) ESPY_NODISCARD;
void espy_pictures_destroy(espy_ctx *cx, espy_pictures **pictures); /* nobody holds one any more */

typedef struct espy_picture {
    espy_image image; /* upright, immutable; full_width and full_height as in the file */
    /* of pictures.c: */
    char digest[ESPY_DIGEST_HEX];
    int reduction;
    size_t users;
    bool ready, failed, stale;
    struct espy_picture *next;
} espy_picture;

/* The largest of 1, 2, 4 and 8 that does not exceed `most`. */
int espy_picture_reduction(double most);

/* Thread-safe.  The picture with this digest; give it back with espy_pictures_put().
 *   reduction  1, 2, 4, 8: by how much its sides may be reduced; only JPEG is, others are whole
 * Errors: those of espy_store_media_bytes() and espy_image_decode(). */
espy_err espy_pictures_get(espy_ctx *cx, espy_pictures *p, espy_store *st, const char *digest,
                           int reduction, const espy_picture **out) ESPY_NODISCARD;
void espy_pictures_put(espy_ctx *cx, espy_pictures *p, const espy_picture **picture);

/* Drops all of them, those in use with their last user: somebody was erased. */
void espy_pictures_forget(espy_ctx *cx, espy_pictures *p);

#endif
