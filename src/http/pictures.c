/* SPDX-License-Identifier: Apache-2.0
 * http - pictures that were decoded a moment ago. */
#include "http/pictures.h"

#include <pthread.h>
#include <string.h>

#include "media/media.h"

struct espy_pictures {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a picture is ready, or could not be decoded */
    size_t room;
    espy_picture *first; /* the one used last; those being decoded are among them */
};

espy_err espy_pictures_create(espy_ctx *cx, size_t room, espy_pictures **out)
{
    espy_pictures *p = espy_zalloc(cx, sizeof *p);
    if (!p)
        return cx->code;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->room = room;
    *out = p;
    return ESPY_E_OK;
}

static void picture_free(espy_ctx *cx, espy_picture *picture)
{
    espy_image_free(cx, &picture->image);
    espy_free(cx, picture);
}

void espy_pictures_destroy(espy_ctx *cx, espy_pictures **pictures)
{
    espy_pictures *p = *pictures;
    if (!p)
        return;
    while (p->first) {
        espy_picture *picture = p->first;
        p->first = picture->next;
        picture_free(cx, picture);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    espy_free(cx, p);
    *pictures = NULL;
}

int espy_picture_reduction(double most)
{
    int by = 8;
    while (by > 1 && !((double)by <= most))
        by /= 2;
    return by;
}

/* -- the list, all with the lock held ---------------------------------------------------------- */
static size_t picture_bytes(const espy_picture *picture)
{
    return (size_t)picture->image.width * (size_t)picture->image.height * 3;
}

/* One that was not reduced though it might have been serves whatever is asked for. */
static bool picture_serves(const espy_picture *at, const char *digest, int reduction)
{
    bool any = at->ready && at->reduction > 1 && at->image.width == at->image.full_width;
    return !at->stale && strcmp(at->digest, digest) == 0 && (any || at->reduction == reduction);
}

/* The picture, moved to the front of the list; NULL: it is not there. */
static espy_picture *pictures_find(espy_pictures *p, const char *digest, int reduction)
{
    for (espy_picture **at = &p->first; *at; at = &(*at)->next)
        if (picture_serves(*at, digest, reduction)) {
            espy_picture *found = *at;
            *at = found->next;
            found->next = p->first;
            p->first = found;
            return found;
        }
    return NULL;
}

/* Takes one out that must go: a stale one that nobody uses, or the last one beyond the room. */
static espy_picture *pictures_take(espy_pictures *p)
{
    espy_picture **victim = NULL;
    size_t bytes = 0;
    for (espy_picture **at = &p->first; *at; at = &(*at)->next) {
        bytes += picture_bytes(*at);
        if ((*at)->users == 0 && ((*at)->stale || bytes > p->room))
            victim = at;
    }
    espy_picture *taken = victim ? *victim : NULL;
    if (taken)
        *victim = taken->next;
    return taken;
}

static void pictures_sweep(espy_ctx *cx, espy_pictures *p)
{
    espy_picture *gone;
    do {
        pthread_mutex_lock(&p->lock);
        gone = pictures_take(p);
        pthread_mutex_unlock(&p->lock);
        if (gone)
            picture_free(cx, gone);
    } while (gone);
}

/* -- one picture ------------------------------------------------------------------------------- */
static espy_err picture_decode(espy_ctx *cx, espy_store *st, const char *digest, int reduction,
                               espy_image *out)
{
    espy_buf file;
    espy_image_info info;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&file, cx->max.file_bytes);
    ESPY_GO(espy_store_media_bytes(cx, st, digest, cx->max.file_bytes, &file));
    ESPY_GO(espy_image_probe(cx, espy_span_of(&file), &info));
    int longer = info.width > info.height ? info.width : info.height;
    ESPY_GO(
        espy_image_decode(cx, espy_span_of(&file), reduction > 1 ? longer / reduction : 0, out));
out:
    espy_buf_free(cx, &file);
    return e;
}

/* The picture that is there, once it is ready, or a new one that the caller has to decode. */
static espy_picture *pictures_enter(espy_pictures *p, espy_picture *fresh, bool *mine)
{
    espy_picture *found = pictures_find(p, fresh->digest, fresh->reduction);
    *mine = !found;
    if (!found) {
        fresh->next = p->first;
        p->first = found = fresh;
    }
    found->users++;
    while (!*mine && !found->ready && !found->failed)
        pthread_cond_wait(&p->changed, &p->lock);
    return found;
}

static void pictures_done(espy_pictures *p, espy_picture *picture, const espy_image *image)
{
    pthread_mutex_lock(&p->lock);
    picture->image = *image;
    picture->ready = image->px != NULL;
    picture->failed = picture->stale = !picture->ready;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

espy_err espy_pictures_get(espy_ctx *cx, espy_pictures *p, espy_store *st, const char *digest,
                           int reduction, const espy_picture **out)
{
    bool mine = false, failed;
    espy_image image = {0};
    espy_err e = ESPY_E_OK;
    do {
        espy_picture *fresh = espy_zalloc(cx, sizeof *fresh);
        if (!fresh)
            return cx->code;
        memcpy(fresh->digest, digest, strnlen(digest, sizeof fresh->digest - 1));
        fresh->reduction = reduction;
        pthread_mutex_lock(&p->lock);
        espy_picture *picture = pictures_enter(p, fresh, &mine);
        failed = picture->failed; /* by the thread that was waited for: it may go better here */
        pthread_mutex_unlock(&p->lock);
        if (mine) {
            e = picture_decode(cx, st, digest, reduction, &image);
            pictures_done(p, picture, &image);
            failed = e != ESPY_E_OK;
        } else {
            espy_free(cx, fresh);
        }
        *out = picture;
        if (failed)
            espy_pictures_put(cx, p, out);
    } while (failed && !mine);
    pictures_sweep(cx, p);
    return e;
}

void espy_pictures_put(espy_ctx *cx, espy_pictures *p, const espy_picture **picture)
{
    if (!*picture)
        return;
    pthread_mutex_lock(&p->lock);
    for (espy_picture *at = p->first; at; at = at->next)
        if (at == *picture)
            at->users--;
    pthread_mutex_unlock(&p->lock);
    *picture = NULL;
    pictures_sweep(cx, p);
}

void espy_pictures_forget(espy_ctx *cx, espy_pictures *p)
{
    pthread_mutex_lock(&p->lock);
    for (espy_picture *at = p->first; at; at = at->next)
        at->stale = true;
    pthread_mutex_unlock(&p->lock);
    pictures_sweep(cx, p);
}
