/* SPDX-License-Identifier: Apache-2.0
 * media - WebP by libwebp.  Of an animation the first frame is taken, on a white canvas. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "media/image_loader.h"

static espy_err webp_truncated(espy_ctx *cx)
{
    return espy_fail(cx, ESPY_E_FORMAT, "webp: truncated: the file ends before its picture does");
}

/* The container, whole and checked.  libwebp gives no reason when it refuses one. */
static espy_err webp_open(espy_ctx *cx, espy_span file, WebPDemuxer **out)
{
    const WebPData data = {file.data, file.size};
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    WebPDemuxer *demux = WebPDemuxPartial(&data, &state);
    if (demux != NULL && state == WEBP_DEMUX_DONE) {
        *out = demux;
        return ESPY_E_OK;
    }
    WebPDemuxDelete(demux);
    if (state == WEBP_DEMUX_PARSE_ERROR)
        return espy_fail(cx, ESPY_E_FORMAT, "webp: damaged: its chunks do not fit together");
    return webp_truncated(cx);
}

static bool webp_probe(espy_span file)
{
    return espy_image_starts(file, 0, "RIFF", 4) && espy_image_starts(file, 8, "WEBP", 4);
}

static espy_err webp_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    WebPDemuxer *demux = NULL;
    WebPChunkIterator exif;
    ESPY_TRY(webp_open(cx, file, &demux));
    espy_err e = ESPY_E_OK;
    h->width = WebPDemuxGetI(demux, WEBP_FF_CANVAS_WIDTH);
    h->height = WebPDemuxGetI(demux, WEBP_FF_CANVAS_HEIGHT);
    if (WebPDemuxGetChunk(demux, "EXIF", 1, &exif)) {
        e = espy_image_exif(cx, exif.chunk.bytes, exif.chunk.size, &h->orientation);
        WebPDemuxReleaseChunkIterator(&exif);
    }
    WebPDemuxDelete(demux);
    return e;
}

/* Decodes one frame into memory of ours, `pitch` bytes a row. */
static espy_err webp_frame(espy_ctx *cx, const WebPIterator *frame, WEBP_CSP_MODE mode, uint8_t *px,
                           size_t pitch)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return espy_fail(cx, ESPY_E_INTERNAL, "webp: library and header differ in version");
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = px;
    config.output.u.RGBA.stride = (int)pitch;
    size_t last_row = (size_t)frame->width * (mode == MODE_RGBA ? 4 : 3);
    config.output.u.RGBA.size = pitch * (size_t)(frame->height - 1) + last_row;
    switch (WebPDecode(frame->fragment.bytes, frame->fragment.size, &config)) {
    case VP8_STATUS_OK:
        return ESPY_E_OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        return espy_fail(cx, ESPY_E_NOMEM, "webp: out of memory");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return webp_truncated(cx);
    case VP8_STATUS_INVALID_PARAM:
    case VP8_STATUS_BITSTREAM_ERROR:
    case VP8_STATUS_UNSUPPORTED_FEATURE:
    case VP8_STATUS_USER_ABORT:
        break;
    }
    return espy_fail(cx, ESPY_E_FORMAT, "webp: damaged picture data");
}

static espy_err webp_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    WebPDemuxer *demux = NULL;
    WebPIterator frame;
    uint8_t *rgba = NULL;
    ESPY_TRY(webp_open(cx, file, &demux));
    espy_err e;
    if (!WebPDemuxGetFrame(demux, 1, &frame)) {
        WebPDemuxDelete(demux);
        return espy_fail(cx, ESPY_E_FORMAT, "webp: no picture in the file");
    }
    size_t width = (size_t)frame.width, height = (size_t)frame.height;
    size_t x = (size_t)frame.x_offset, y = (size_t)frame.y_offset;
    if (frame.x_offset < 0 || frame.y_offset < 0 || frame.width < 1 || frame.height < 1 ||
        x + width > h->width || y + height > h->height) {
        e = espy_fail(cx, ESPY_E_FORMAT, "webp: the first frame lies outside the picture");
        goto out;
    }
    if (width != h->width || height != h->height)
        memset(rgb, 255, h->width * h->height * 3);
    uint8_t *at = rgb + (y * h->width + x) * 3;
    if (!frame.has_alpha) {
        ESPY_GO(webp_frame(cx, &frame, MODE_RGB, at, h->width * 3));
        goto out;
    }
    rgba = espy_alloc(cx, width * height * 4);
    if (rgba == NULL) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    ESPY_GO(webp_frame(cx, &frame, MODE_RGBA, rgba, width * 4));
    for (size_t row = 0; row < height; row++)
        espy_image_over_white(rgba + row * width * 4, width, at + row * h->width * 3);
out:
    espy_free(cx, rgba);
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(demux);
    return e;
}

static const char *const webp_suffixes[] = {".webp", NULL};

const espy_image_loader espy_image_webp = {
    .name = "webp",
    .suffixes = webp_suffixes,
    .probe = webp_probe,
    .header = webp_header,
    .pixels = webp_pixels,
};
