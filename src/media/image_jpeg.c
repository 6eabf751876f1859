/* SPDX-License-Identifier: Apache-2.0
 * media - JPEG by libjpeg-turbo, with its defaults (slow integer DCT, smooth chroma upsampling), so
 * that pixels equal those of other programs on the same library.
 *
 * libjpeg reports errors by leaving through error_exit().  Each call into it therefore runs as a
 * step under jpeg_run(), the one function with setjmp(): everything a step touches lives in the
 * reader or writer, never in locals that a longjmp would leave undefined. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE and size_t */
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "media/image_loader.h"

/* A progressive file may repeat scans without end at a few bytes each, and each costs a pass over
 * all coefficients.  Encoders write about 10; 100 leaves room for the odd one. */
#define JPEG_MAX_SCANS 100

#define JPEG_ROWS 8            /* rows asked for at once; libjpeg gives up to 4 */
#define JPEG_CHUNK (16u << 10) /* bytes handed on at once when writing */

typedef struct jpeg_guard {
    struct jpeg_error_mgr err; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    espy_ctx *cx;
    espy_err e;
} jpeg_guard;

typedef struct jpeg_reader {
    jpeg_guard guard;
    struct jpeg_decompress_struct c;
    struct jpeg_progress_mgr progress;
    espy_span file;
    const espy_image_header *h; /* pixels only */
    uint8_t *rgb;               /* pixels only: borrowed */
    uint8_t *cmyk;              /* one row, where the file is in CMYK */
} jpeg_reader;

typedef struct jpeg_writer {
    jpeg_guard guard;
    struct jpeg_compress_struct c;
    struct jpeg_destination_mgr to;
    const espy_image *im;
    int quality;
    espy_buf *out;
    uint8_t chunk[JPEG_CHUNK];
} jpeg_writer;

static jpeg_guard *jpeg_guard_of(j_common_ptr c)
{
    return (jpeg_guard *)c->err;
}

static void jpeg_leave(jpeg_guard *g, espy_err e)
{
    g->e = e;
    longjmp(g->jump, 1);
}

static void jpeg_error_exit(j_common_ptr c)
{
    jpeg_guard *g = jpeg_guard_of(c);
    if (g->err.msg_code == JERR_OUT_OF_MEMORY)
        jpeg_leave(g, espy_fail(g->cx, ESPY_E_NOMEM, "jpeg: out of memory"));
    if (g->err.msg_code == JERR_IMAGE_TOO_BIG)
        jpeg_leave(g, espy_fail(g->cx, ESPY_E_LIMIT, "jpeg: larger than %d pixels on a side",
                                (int)JPEG_MAX_DIMENSION));
    char text[JMSG_LENGTH_MAX];
    g->err.format_message(c, text);
    jpeg_leave(g, espy_fail(g->cx, ESPY_E_FORMAT, "jpeg: %s", text));
}

/* libjpeg only warns, and carries on with grey, where data are missing or garbled.  A picture with
 * a made-up part must not be learned from, so those warnings are errors; the harmless rest is not.
 */
static void jpeg_emit_message(j_common_ptr c, int level)
{
    jpeg_guard *g = jpeg_guard_of(c);
    if (level >= 0)
        return;
    switch (g->err.msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        jpeg_leave(g, espy_fail(g->cx, ESPY_E_FORMAT,
                                "jpeg: truncated: the file ends before its picture does"));
        break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        jpeg_error_exit(c);
        break;
    default:
        break;
    }
}

static void jpeg_output_message(j_common_ptr c)
{
    (void)c; /* the library never writes to the terminal */
}

static void jpeg_guard_init(jpeg_guard *g, espy_ctx *cx)
{
    g->cx = cx;
    jpeg_std_error(&g->err);
    g->err.error_exit = jpeg_error_exit;
    g->err.emit_message = jpeg_emit_message;
    g->err.output_message = jpeg_output_message;
}

/* Runs a step that may leave through jpeg_leave(). */
static espy_err jpeg_run(jpeg_guard *g, void (*step)(void *self), void *self)
{
    if (setjmp(g->jump) != 0)
        return g->e;
    step(self);
    return ESPY_E_OK;
}

/* Called once for each row of blocks. */
static void jpeg_watch(j_common_ptr c)
{
    jpeg_guard *g = jpeg_guard_of(c);
    if (((j_decompress_ptr)c)->input_scan_number > JPEG_MAX_SCANS)
        jpeg_leave(g, espy_fail(g->cx, ESPY_E_LIMIT, "jpeg: more than %d scans", JPEG_MAX_SCANS));
    espy_err e = espy_cancelled(g->cx);
    if (e != ESPY_E_OK)
        jpeg_leave(g, e);
}

static void jpeg_read_start(jpeg_reader *r)
{
    jpeg_create_decompress(&r->c);
    jpeg_mem_src(&r->c, r->file.data, (unsigned long)r->file.size);
}

static void jpeg_header_step(void *self)
{
    jpeg_reader *r = self;
    jpeg_read_start(r);
    jpeg_save_markers(&r->c, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&r->c, TRUE);
}

/* Ink to light.  Adobe's files hold the inks inverted, and say so with their marker. */
static void jpeg_cmyk_row(const uint8_t *cmyk, size_t n, bool inverted, uint8_t *rgb)
{
    const uint8_t flip = inverted ? 0 : 255;
    for (size_t i = 0; i < n; i++, cmyk += 4, rgb += 3) {
        unsigned k = cmyk[3] ^ flip;
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * k + 127) / 255);
    }
}

static void jpeg_pixels_step(void *self)
{
    jpeg_reader *r = self;
    jpeg_read_start(r);
    jpeg_read_header(&r->c, TRUE);
    r->c.progress = &r->progress;
    r->progress.progress_monitor = jpeg_watch;
    r->c.scale_num = 1;
    r->c.scale_denom = (unsigned)r->h->shrink;
    bool cmyk = r->c.jpeg_color_space == JCS_CMYK || r->c.jpeg_color_space == JCS_YCCK;
    r->c.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&r->c);

    size_t shrink = (size_t)r->h->shrink;
    size_t width = (r->h->width + shrink - 1) / shrink;
    size_t height = (r->h->height + shrink - 1) / shrink;
    if (r->c.output_width != width || r->c.output_height != height)
        jpeg_leave(&r->guard,
                   espy_fail(r->guard.cx, ESPY_E_INTERNAL, "jpeg: decoder gives %ux%u for %zux%zu",
                             r->c.output_width, r->c.output_height, width, height));
    if (cmyk) {
        r->cmyk = espy_alloc(r->guard.cx, width * 4);
        if (r->cmyk == NULL)
            jpeg_leave(&r->guard, ESPY_E_NOMEM);
    }
    while (r->c.output_scanline < r->c.output_height) {
        uint8_t *rgb = r->rgb + (size_t)r->c.output_scanline * width * 3;
        if (cmyk) {
            jpeg_read_scanlines(&r->c, &r->cmyk, 1);
            jpeg_cmyk_row(r->cmyk, width, r->c.saw_Adobe_marker, rgb);
            continue;
        }
        JSAMPROW rows[JPEG_ROWS];
        unsigned n = 0;
        while (n < JPEG_ROWS && r->c.output_scanline + n < r->c.output_height) {
            rows[n] = rgb + n * width * 3;
            n++;
        }
        jpeg_read_scanlines(&r->c, rows, n);
    }
    jpeg_finish_decompress(&r->c); /* reads on to the end marker: its absence is a truncation */
}

static bool jpeg_probe(espy_span file)
{
    return espy_image_starts(file, 0, "\xFF\xD8\xFF", 3);
}

static espy_err jpeg_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    jpeg_reader r = {.file = file};
    jpeg_guard_init(&r.guard, cx);
    r.c.err = &r.guard.err;
    espy_err e;
    ESPY_GO(jpeg_run(&r.guard, jpeg_header_step, &r));
    h->width = r.c.image_width;
    h->height = r.c.image_height;
    for (jpeg_saved_marker_ptr m = r.c.marker_list; m != NULL; m = m->next) {
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0) {
            ESPY_GO(espy_image_exif(cx, m->data, m->data_length, &h->orientation));
            break;
        }
    }
out:
    jpeg_destroy_decompress(&r.c);
    return e;
}

static espy_err jpeg_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    jpeg_reader r = {.file = file, .h = h, .rgb = rgb};
    jpeg_guard_init(&r.guard, cx);
    r.c.err = &r.guard.err;
    espy_err e = jpeg_run(&r.guard, jpeg_pixels_step, &r);
    jpeg_destroy_decompress(&r.c);
    espy_free(cx, r.cmyk);
    return e;
}

static void jpeg_to_init(j_compress_ptr c)
{
    jpeg_writer *w = c->client_data;
    w->to.next_output_byte = w->chunk;
    w->to.free_in_buffer = JPEG_CHUNK;
}

static void jpeg_to_append(jpeg_writer *w, size_t n)
{
    espy_err e = espy_buf_append(w->guard.cx, w->out, w->chunk, n);
    if (e != ESPY_E_OK)
        jpeg_leave(&w->guard, e);
}

static boolean jpeg_to_empty(j_compress_ptr c)
{
    jpeg_to_append(c->client_data,
                   JPEG_CHUNK); /* whole, whatever free_in_buffer says: libjpeg.txt */
    jpeg_to_init(c);
    return TRUE;
}

static void jpeg_to_end(j_compress_ptr c)
{
    jpeg_writer *w = c->client_data;
    jpeg_to_append(w, JPEG_CHUNK - w->to.free_in_buffer);
}

static void jpeg_write_step(void *self)
{
    jpeg_writer *w = self;
    jpeg_create_compress(&w->c);
    w->c.client_data = w;
    w->c.dest = &w->to;
    w->to.init_destination = jpeg_to_init;
    w->to.empty_output_buffer = jpeg_to_empty;
    w->to.term_destination = jpeg_to_end;
    w->c.image_width = (unsigned)w->im->width;
    w->c.image_height = (unsigned)w->im->height;
    w->c.input_components = 3;
    w->c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->c);
    jpeg_set_quality(&w->c, w->quality, TRUE);
    jpeg_start_compress(&w->c, TRUE);
    while (w->c.next_scanline < w->c.image_height) {
        JSAMPROW row = w->im->px + (size_t)w->c.next_scanline * (size_t)w->im->width * 3;
        jpeg_write_scanlines(&w->c, &row, 1);
    }
    jpeg_finish_compress(&w->c);
}

espy_err espy_image_to_jpeg(espy_ctx *cx, const espy_image *im, int quality, espy_buf *out)
{
    espy_buf bytes;
    espy_buf_init(&bytes, cx->max.file_bytes);
    if (quality < 1 || quality > 100)
        return espy_fail(cx, ESPY_E_ARG, "jpeg quality %d is not within 1..100", quality);
    if (im->width < 1 || im->height < 1)
        return espy_fail(cx, ESPY_E_ARG, "an empty picture cannot be written as JPEG");
    jpeg_writer *w = espy_zalloc(cx, sizeof(*w));
    if (w == NULL)
        return ESPY_E_NOMEM;
    w->im = im;
    w->quality = quality;
    w->out = &bytes;
    jpeg_guard_init(&w->guard, cx);
    w->c.err = &w->guard.err;
    espy_err e = jpeg_run(&w->guard, jpeg_write_step, w);
    jpeg_destroy_compress(&w->c);
    espy_free(cx, w);
    if (e != ESPY_E_OK)
        espy_buf_free(cx, &bytes);
    else
        *out = bytes;
    return e;
}

static const char *const jpeg_suffixes[] = {".jpg", ".jpeg", ".jpe", ".jfif", NULL};

const espy_image_loader espy_image_jpeg = {
    .name = "jpeg",
    .suffixes = jpeg_suffixes,
    .shrinks = true,
    .probe = jpeg_probe,
    .header = jpeg_header,
    .pixels = jpeg_pixels,
};
