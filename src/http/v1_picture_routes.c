/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: photos and faces as JPEG, upright and as small as they are shown. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "dsp/dsp.h"
#include "http/bytes.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "media/media.h"

#define PICTURE_QUALITY 88
#define PICTURE_EDGE 0.2F /* of a face's longer side, around it */

/* NOT_FOUND in a collection of sounds. */
static espy_err picture_owner(espy_call *call, int64_t collection)
{
    espy_collection c = {0};
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)collection);
    ESPY_TRY(espy_call_collection(call, id, &c));
    const espy_modality *m = espy_modality_find(c.modality);
    espy_collection_free(call->cx, &c);
    return m && !m->hears ? ESPY_E_OK
                          : espy_fail(call->cx, ESPY_E_NOT_FOUND, "a sound has no picture");
}

/* By how much a picture may be reduced before a part of it, whose longer side has so many of its
 * pixels, is shown with at most `size`; size 0: as it is. */
static int picture_reduction(double pixels, int64_t size)
{
    return size ? espy_picture_reduction(pixels / (double)size) : 1;
}

/* What a picture is made of.  The program's version too: another may draw otherwise. */
typedef struct picture_tag {
    char text[ESPY_DIGEST_HEX + 2];
} picture_tag;

static picture_tag picture_tag_of(const char *digest, const float box[4], int reduction,
                                  int64_t size)
{
    char made[256];
    picture_tag tag;
    int n = snprintf(made, sizeof made, "%s %s %a %a %a %a %d %lld", espy_library_version(), digest,
                     (double)box[0], (double)box[1], (double)box[2], (double)box[3], reduction,
                     (long long)size);
    espy_digest(made, (size_t)n, tag.text + 1);
    tag.text[0] = '"';
    memcpy(tag.text + ESPY_DIGEST_HEX, "\"", 2);
    return tag;
}

/* Answers a picture, its longer side at most `size`; 0: as it is. */
static espy_err picture_reply(espy_call *call, const espy_image *im, int64_t size,
                              const picture_tag *tag)
{
    espy_ctx *cx = call->cx;
    espy_image small = {0};
    espy_buf out;
    espy_err e = ESPY_E_OK;
    int longer = im->width > im->height ? im->width : im->height;
    espy_buf_init(&out, (size_t)64 << 20);
    if (size && longer > size) {
        double k = (double)size / longer;
        ESPY_GO(espy_image_shrink(cx, im, (int)fmax(1, round(im->width * k)),
                                  (int)fmax(1, round(im->height * k)), &small));
        im = &small;
    }
    ESPY_GO(espy_image_to_jpeg(cx, im, PICTURE_QUALITY, &out));
    ESPY_GO(espy_reply_tag(call, tag->text));
    e = espy_reply_bytes(call, 200, "image/jpeg", &out);
out:
    espy_image_free(cx, &small);
    espy_buf_free(cx, &out);
    return e;
}

/* The box with a little around it, in pixels of a picture that may be reduced: x, y, right, bottom.
 */
static void picture_box(const float box[4], const espy_image *im, int at[4])
{
    const float edge = PICTURE_EDGE * fmaxf(box[2], box[3]);
    const float kx = (float)im->width / (float)im->full_width;
    const float ky = (float)im->height / (float)im->full_height;
    at[0] = (int)fmaxf(0, (box[0] - edge) * kx);
    at[1] = (int)fmaxf(0, (box[1] - edge) * ky);
    at[2] = (int)fminf((float)im->width, (box[0] + box[2] + edge) * kx);
    at[3] = (int)fminf((float)im->height, (box[1] + box[3] + edge) * ky);
}

static int sample_reduction(const espy_sample_info *s, int64_t size)
{
    const double pixels = (1 + 2 * (double)PICTURE_EDGE) * (double)fmaxf(s->box[2], s->box[3]);
    return picture_reduction(pixels, size);
}

static espy_err sample_draw(espy_call *call, const espy_sample_info *s, int64_t size,
                            const picture_tag *tag)
{
    espy_ctx *cx = call->cx;
    espy_pictures *pictures = call->serving->pictures;
    const espy_picture *whole = NULL;
    espy_image cut = {0};
    int at[4];
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_pictures_get(cx, pictures, call->ws->store, s->digest, sample_reduction(s, size),
                              &whole));
    picture_box(s->box, &whole->image, at);
    if (at[2] <= at[0] || at[3] <= at[1])
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "the sample lies outside its picture"));
    ESPY_GO(espy_image_crop(cx, &whole->image, at[0], at[1], at[2] - at[0], at[3] - at[1], &cut));
    e = picture_reply(call, &cut, size, tag);
out:
    espy_pictures_put(cx, pictures, &whole);
    espy_image_free(cx, &cut);
    return e;
}

static espy_err sample_picture(espy_call *call)
{
    const int64_t size = espy_call_int(call, "size");
    espy_sample_info s = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_sample_asked(call, &s));
    ESPY_GO(picture_owner(call, s.collection));
    const picture_tag tag = picture_tag_of(s.digest, s.box, sample_reduction(&s, size), size);
    e = espy_call_knows(call, tag.text) ? espy_reply_known(call, tag.text)
                                        : sample_draw(call, &s, size, &tag);
out:
    espy_sample_info_free(call->cx, &s);
    return e;
}

static espy_err media_draw(espy_call *call, const char *digest, int reduction, int64_t size,
                           const picture_tag *tag)
{
    espy_pictures *pictures = call->serving->pictures;
    const espy_picture *whole = NULL;
    espy_err e = espy_pictures_get(call->cx, pictures, call->ws->store, digest, reduction, &whole);
    if (e == ESPY_E_OK)
        e = picture_reply(call, &whole->image, size, tag);
    espy_pictures_put(call->cx, pictures, &whole);
    return e;
}

static espy_err media_picture(espy_call *call)
{
    static const float everything[4] = {0};
    const int64_t size = espy_call_int(call, "size");
    espy_media_info i = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_media_asked(call, &i));
    ESPY_GO(picture_owner(call, i.collection));
    const int64_t longer = i.width > i.height ? i.width : i.height; /* 0: not scanned yet */
    const int reduction = picture_reduction((double)longer, size);
    const picture_tag tag = picture_tag_of(i.digest, everything, reduction, size);
    e = espy_call_knows(call, tag.text) ? espy_reply_known(call, tag.text)
                                        : media_draw(call, i.digest, reduction, size, &tag);
out:
    espy_media_info_free(call->cx, &i);
    return e;
}

#define SIZE_FIELD(fallback, help)                                                   \
    {                                                                                \
        "size", ESPY_IN_QUERY, ESPY_FIELD_INT, 16, 2048, false, fallback, NULL, help \
    }
static const espy_field sample_fields[] = {
    ESPY_ID_FIELD("sample", "id of the sample"),
    SIZE_FIELD(NULL, "pixels that its longer side has at most; else as in the photo"),
    {0}};
static const espy_field media_fields[] = {
    ESPY_ID_FIELD("media", "id of the media"),
    SIZE_FIELD("1600", "pixels that its longer side has at most"),
    {0}};

const espy_route espy_routes_v1_picture[] = {
    {"GET", "/v1/samples/{sample}/picture", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_INFER,
     sample_fields, "The face", "200 image/jpeg|304|404", sample_picture},
    {"GET", "/v1/media/{media}/picture", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_INFER,
     media_fields, "A photo as JPEG, upright, whatever its format", "200 image/jpeg|304|404",
     media_picture},
    {0}};

const espy_schema espy_schemas_v1_picture[] = {{0}};
