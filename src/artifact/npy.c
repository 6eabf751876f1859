/* SPDX-License-Identifier: Apache-2.0
 * artifact - numpy's array file (npy.h).
 *
 * Layout: "\x93NUMPY", version (2 bytes), header length (u16 in version 1, else u32), a Python
 * dictionary with descr, fortran_order and shape, spaces up to a multiple of 64, newline, elements.
 */
#include "artifact/npy.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are copied as they are stored");

#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAGIC_SIZE 6u
#define NPY_ALIGN 64u
#define NPY_HEADER_MAX 10000u /* numpy's own limit for what it reads */
#define NPY_WIDTH_MAX 65536u  /* code points of one text element */
#define NPY_GROWTH 21u /* numpy leaves room for the first dimension to grow to so many digits */

static const struct {
    const char *descr;
    size_t size;
} npy_types[] = {
    [ESPY_NPY_F32] = {"<f4", 4}, [ESPY_NPY_F64] = {"<f8", 8}, [ESPY_NPY_I32] = {"<i4", 4},
    [ESPY_NPY_I64] = {"<i8", 8}, [ESPY_NPY_U8] = {"|u1", 1},
};

/* ---- text elements ---- */

/* One code point of valid UTF-8; advances *s. */
static uint32_t npy_point(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    uint32_t c = p[0];
    int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    static const unsigned char mask[] = {0x7f, 0x1f, 0x0f, 0x07};
    c &= mask[more];
    for (int i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3fu);
    *s += more + 1;
    return c;
}

/* Writes one code point as UTF-8 and returns the bytes; 0 when it is none. */
static size_t npy_utf8(uint32_t c, char *p)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xc0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        if (c >= 0xd800 && c < 0xe000)
            return 0;
        p[0] = (char)(0xe0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 0x3f));
        p[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    if (c > 0x10ffff)
        return 0;
    p[0] = (char)(0xf0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 0x3f));
    p[2] = (char)(0x80 | (c >> 6 & 0x3f));
    p[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

espy_err espy_npy_text_width(espy_ctx *cx, const char *const *s, size_t n, size_t *width)
{
    *width = 1;
    for (size_t i = 0; i < n; i++) {
        if (!espy_utf8_valid(s[i], strlen(s[i])))
            return espy_fail(cx, ESPY_E_ARG, "text %zu of %zu is not UTF-8; rename its folder",
                             i + 1, n);
        size_t w = espy_utf8_length(s[i]);
        if (w > *width)
            *width = w;
    }
    return ESPY_E_OK;
}

espy_err espy_npy_text_put(espy_ctx *cx, espy_buf *out, const char *const *s, size_t n,
                           size_t width)
{
    static const uint32_t zero = 0;
    for (size_t i = 0; i < n; i++) {
        const char *p = s[i];
        size_t w = 0;
        for (; *p; w++) {
            uint32_t c = npy_point(&p);
            ESPY_TRY(espy_buf_append(cx, out, &c, sizeof c));
        }
        for (; w < width; w++)
            ESPY_TRY(espy_buf_append(cx, out, &zero, sizeof zero));
    }
    return ESPY_E_OK;
}

espy_err espy_npy_text_get(espy_ctx *cx, const uint8_t *p, size_t n, size_t width, char ***out)
{
    /* Pointers, then text: a code point takes 4 bytes at most in either form. */
    size_t head, text, total;
    if (width < 1 || width > NPY_WIDTH_MAX)
        return espy_fail(cx, ESPY_E_FORMAT, "text elements of %zu characters are not read", width);
    if (!espy_mul_size(n, sizeof(char *), &head) || !espy_mul_size(n, width * 4 + 1, &text) ||
        !espy_add_size(head, text, &total))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu text elements are too many", n);
    char **list = espy_alloc(cx, total);
    if (!list)
        return cx->code;
    char *to = (char *)list + head;
    for (size_t i = 0; i < n; i++, p += width * 4) {
        list[i] = to;
        size_t used = width;
        for (uint32_t c = 0; used > 0; used--) {
            memcpy(&c, p + (used - 1) * 4, sizeof c);
            if (c != 0)
                break;
        }
        for (size_t j = 0; j < used; j++) {
            uint32_t c;
            memcpy(&c, p + j * 4, sizeof c);
            size_t bytes = c == 0 ? 0 : npy_utf8(c, to);
            if (bytes == 0) {
                espy_free(cx, list);
                return espy_fail(cx, ESPY_E_FORMAT, "text element %zu holds no valid Unicode",
                                 i + 1);
            }
            to += bytes;
        }
        *to++ = '\0';
    }
    *out = list;
    return ESPY_E_OK;
}

/* ---- writing ---- */

static espy_err npy_head(espy_ctx *cx, espy_buf *out, const char *descr, int rank,
                         const size_t *dims)
{
    espy_err e = ESPY_E_OK;
    espy_buf h;
    espy_buf_init(&h, NPY_HEADER_MAX);
    ESPY_GO(espy_buf_printf(cx, &h, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr));
    for (int i = 0; i < rank; i++)
        ESPY_GO(espy_buf_printf(cx, &h, "%s%zu", i ? ", " : "", dims[i]));
    ESPY_GO(espy_buf_text(cx, &h, rank == 1 ? ",), }" : "), }"));
    if (rank > 0) {
        size_t digits = 1;
        for (size_t d = dims[0]; d >= 10; d /= 10)
            digits++;
        ESPY_GO(espy_buf_printf(cx, &h, "%*s", (int)(NPY_GROWTH - digits), ""));
    }
    size_t before = NPY_MAGIC_SIZE + 2 + sizeof(uint16_t);
    while ((before + h.size + 1) % NPY_ALIGN)
        ESPY_GO(espy_buf_text(cx, &h, " "));
    ESPY_GO(espy_buf_text(cx, &h, "\n"));
    uint16_t size = (uint16_t)h.size;
    ESPY_GO(espy_buf_append(cx, out, NPY_MAGIC "\x01\x00", NPY_MAGIC_SIZE + 2));
    ESPY_GO(espy_buf_append(cx, out, &size, sizeof size));
    ESPY_GO(espy_buf_append(cx, out, h.data, h.size));
out:
    espy_buf_free(cx, &h);
    return e;
}

static espy_err npy_put(espy_ctx *cx, espy_buf *out, espy_npy_type type, const void *p, int rank,
                        const size_t *dims)
{
    size_t bytes, n = 1;
    if (rank < 0 || rank > ESPY_NPY_RANK)
        return espy_fail(cx, ESPY_E_ARG, "arrays of rank %d are not written", rank);
    bool fits = true;
    for (int i = 0; i < rank; i++)
        fits = fits && espy_mul_size(n, dims[i], &n);
    if (!fits || !espy_mul_size(n, npy_types[type].size, &bytes))
        return espy_fail(cx, ESPY_E_LIMIT, "the array is too large to be written");
    ESPY_TRY(npy_head(cx, out, npy_types[type].descr, rank, dims));
    return espy_buf_append(cx, out, p, bytes);
}

espy_err espy_npy_put_f32(espy_ctx *cx, espy_buf *out, const float *x, int rank, const size_t *dims)
{
    return npy_put(cx, out, ESPY_NPY_F32, x, rank, dims);
}

espy_err espy_npy_put_i64(espy_ctx *cx, espy_buf *out, const int64_t *v, size_t n)
{
    return npy_put(cx, out, ESPY_NPY_I64, v, 1, &n);
}

espy_err espy_npy_put_text(espy_ctx *cx, espy_buf *out, const char *const *s, size_t n)
{
    size_t width;
    ESPY_TRY(espy_npy_text_width(cx, s, n, &width));
    espy_err e = ESPY_E_OK;
    char *descr = espy_sprintf(cx, "<U%zu", width);
    if (!descr)
        return cx->code;
    ESPY_GO(npy_head(cx, out, descr, 1, &n));
    ESPY_GO(espy_npy_text_put(cx, out, s, n, width));
out:
    espy_free(cx, descr);
    return e;
}

/* ---- reading ---- */

/* A scanner over the header's Python literal. */
typedef struct npy_scan {
    const char *p, *end;
} npy_scan;

static void npy_blanks(npy_scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

static bool npy_char(npy_scan *s, char c)
{
    npy_blanks(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* A quoted string without escapes. */
static bool npy_string(npy_scan *s, espy_span *out)
{
    char quote = '\'';
    if (!npy_char(s, quote)) {
        quote = '"';
        if (!npy_char(s, quote))
            return false;
    }
    const char *from = s->p;
    while (s->p < s->end && *s->p != quote && *s->p != '\\')
        s->p++;
    if (s->p == s->end || *s->p != quote)
        return false;
    *out = (espy_span){(const uint8_t *)from, (size_t)(s->p - from)};
    s->p++;
    return true;
}

static bool npy_is(espy_span s, const char *word)
{
    return s.size == strlen(word) && memcmp(s.data, word, s.size) == 0;
}

static bool npy_number(npy_scan *s, size_t *out)
{
    size_t v = 0;
    const char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        if (!espy_mul_size(v, 10, &v) || !espy_add_size(v, (size_t)(*s->p - '0'), &v))
            return false;
        s->p++;
    }
    *out = v;
    return s->p > from;
}

static bool npy_word(npy_scan *s, const char *word)
{
    size_t n = strlen(word);
    npy_blanks(s);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* "(3, 512)", "(3,)" or "()" */
static bool npy_shape(npy_scan *s, espy_npy *a)
{
    if (!npy_char(s, '('))
        return false;
    while (!npy_char(s, ')')) {
        if (a->rank == ESPY_NPY_RANK || !npy_number(s, &a->dims[a->rank]))
            return false;
        a->rank++;
        if (!npy_char(s, ','))
            return npy_char(s, ')');
        npy_blanks(s);
    }
    return true;
}

/* Element type and its size in bytes; false when it is none that we read. */
static bool npy_descr(espy_span d, espy_npy_type *type, size_t *size)
{
    for (size_t i = 0; i < sizeof npy_types / sizeof npy_types[0]; i++) {
        if (npy_is(d, npy_types[i].descr)) {
            *type = (espy_npy_type)i;
            *size = npy_types[i].size;
            return true;
        }
    }
    npy_scan s = {(const char *)d.data, (const char *)d.data + d.size};
    size_t width;
    if (!npy_word(&s, "<U") || !npy_number(&s, &width) || s.p != s.end || width < 1 ||
        width > NPY_WIDTH_MAX)
        return false;
    *type = ESPY_NPY_TEXT;
    *size = width * 4;
    return true;
}

static espy_err npy_dictionary(espy_ctx *cx, espy_span text, espy_npy *a, size_t *element)
{
    npy_scan s = {(const char *)text.data, (const char *)text.data + text.size};
    bool typed = false, shaped = false, ordered = false, fortran = false, ok = npy_char(&s, '{');
    while (ok && !npy_char(&s, '}')) {
        espy_span key, value;
        ok = npy_string(&s, &key) && npy_char(&s, ':');
        if (!ok)
            break;
        if (npy_is(key, "descr") && !typed) {
            typed = true;
            if (!npy_string(&s, &value) || !npy_descr(value, &a->type, element))
                return espy_fail(cx, ESPY_E_UNSUPPORTED,
                                 "not an array of <f4, <f8, <i4, <i8, |u1 or <U; save it with "
                                 "astype('float32') or as str");
        } else if (npy_is(key, "shape") && !shaped) {
            shaped = true;
            ok = npy_shape(&s, a);
        } else if (npy_is(key, "fortran_order") && !ordered) {
            ordered = true;
            fortran = npy_word(&s, "True");
            ok = fortran || npy_word(&s, "False");
        } else {
            ok = false;
        }
        if (ok && !npy_char(&s, ',')) {
            ok = npy_char(&s, '}');
            break;
        }
    }
    npy_blanks(&s);
    if (!ok || !typed || !shaped || !ordered || s.p != s.end)
        return espy_fail(cx, ESPY_E_FORMAT, "the .npy header is damaged");
    if (fortran && a->rank > 1)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "the array is in Fortran order; save it with numpy.ascontiguousarray()");
    return ESPY_E_OK;
}

/* Splits the file into header text and elements. */
static espy_err npy_split(espy_ctx *cx, espy_span bytes, espy_span *text, espy_span *elements)
{
    const size_t fixed = NPY_MAGIC_SIZE + 2;
    if (bytes.size < fixed + 2 || memcmp(bytes.data, NPY_MAGIC, NPY_MAGIC_SIZE) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "not an .npy file");
    unsigned version = bytes.data[NPY_MAGIC_SIZE];
    if (version < 1 || version > 3)
        return espy_fail(cx, ESPY_E_UNSUPPORTED, "version %u of the .npy format is not read",
                         version);
    size_t width = version == 1 ? 2 : 4, at = fixed + width;
    uint32_t head = 0;
    if (bytes.size < at)
        return espy_fail(cx, ESPY_E_FORMAT, "the .npy file is cut off");
    memcpy(&head, bytes.data + fixed, width);
    if (head > NPY_HEADER_MAX || head > bytes.size - at)
        return espy_fail(cx, ESPY_E_FORMAT, "the .npy header claims %u bytes; the file is damaged",
                         (unsigned)head);
    *text = (espy_span){bytes.data + at, head};
    *elements = (espy_span){bytes.data + at + head, bytes.size - at - head};
    return ESPY_E_OK;
}

espy_err espy_npy_parse(espy_ctx *cx, espy_span bytes, espy_npy *out)
{
    espy_span text = {0}, elements = {0};
    espy_npy a = {0};
    size_t size = 0, total;
    ESPY_TRY(npy_split(cx, bytes, &text, &elements));
    ESPY_TRY(npy_dictionary(cx, text, &a, &size));
    a.n = 1;
    bool fits = true;
    for (int i = 0; i < a.rank; i++)
        fits = fits && espy_mul_size(a.n, a.dims[i], &a.n);
    if (!fits || !espy_mul_size(a.n, size, &total) || total != elements.size)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the shape of the array does not match its %zu bytes; the file is cut off "
                         "or damaged",
                         elements.size);
    if (a.type == ESPY_NPY_TEXT) {
        char **list;
        ESPY_TRY(espy_npy_text_get(cx, elements.data, a.n, size / 4, &list));
        a.data = list;
    } else {
        a.data = espy_alloc(cx, total);
        if (!a.data)
            return cx->code;
        if (total)
            memcpy(a.data, elements.data, total);
    }
    *out = a;
    return ESPY_E_OK;
}

espy_err espy_npy_load(espy_ctx *cx, const char *path, espy_npy *out)
{
    espy_buf b;
    ESPY_TRY(espy_file_read(cx, path, cx->max.file_bytes, &b));
    espy_err e = espy_npy_parse(cx, espy_span_of(&b), out);
    espy_buf_free(cx, &b);
    return e ? espy_fail_in(cx, "%s", path) : ESPY_E_OK;
}

espy_err espy_npy_load_rows(espy_ctx *cx, const char *path, float **x, size_t *n, size_t *dim)
{
    espy_npy a = {0};
    espy_err e = ESPY_E_OK;
    bool finite = true;
    ESPY_TRY(espy_npy_load(cx, path, &a));
    if ((a.rank != 1 && a.rank != 2) || a.n == 0 ||
        (a.type != ESPY_NPY_F32 && a.type != ESPY_NPY_F64))
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT,
                          "%s holds no embeddings: an array of real numbers of shape (n, values) "
                          "or (values,) is needed",
                          path));
    float *to = espy_floats(cx, a.n);
    if (!to)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < a.n; i++) {
        to[i] = a.type == ESPY_NPY_F32 ? ((const float *)a.data)[i]
                                       : (float)((const double *)a.data)[i];
        finite = finite && isfinite(to[i]);
    }
    if (!finite) {
        espy_free(cx, to);
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "%s holds a value that is not a number", path));
    }
    *x = to;
    *dim = a.dims[a.rank - 1];
    *n = a.n / *dim;
out:
    espy_npy_free(cx, &a);
    return e;
}

void espy_npy_free(espy_ctx *cx, espy_npy *a)
{
    espy_free(cx, a->data);
    *a = (espy_npy){0};
}
