/* SPDX-License-Identifier: Apache-2.0
 * artifact - the safe pickle reader (pickle.h).  Opcodes are those of CPython's pickletools,
 * protocol 4 is PEP 3154, protocol 5 PEP 574.
 *
 * P1  Every opcode consumes input and nothing jumps back, so the work is bounded by the input, but
 *     for what one opcode may do; that is bounded by P2.
 * P2  All values live in one arena whose size is bounded by the input's (vm_take), so that
 *     copies of copies end in LIMIT.
 * P3  Nothing is recursive, neither here nor in the freeing.
 * P4  No value is taken from below the latest mark. */
#include "artifact/pickle.h"

#include <string.h>

#include "base/text.h"

#define VM_CHUNK ((size_t)64 << 10)       /* of the arena */
#define VM_MEMORY_BASE ((size_t)32 << 20) /* arena of the smallest file */
#define VM_MEMORY_RATIO 4u                /* and this much more for each byte of input */
#define VM_NAME_SHOWN 60                  /* of a refused name */

typedef espy_pickle_value value;

typedef struct vm_chunk {
    struct vm_chunk *next;
} vm_chunk;

struct espy_pickle {
    vm_chunk *chunks;
    const value *root;
    value none, yes, no; /* values without content need no memory each */
};

typedef struct vm_state {
    espy_ctx *cx;
    const uint8_t *begin, *p, *end;
    vm_chunk *chunks;
    uint8_t *free; /* rest of the newest chunk */
    size_t left;
    size_t memory; /* arena bytes still allowed */
    value **stack;
    size_t n, room;
    size_t *marks; /* stack heights */
    size_t mark_n, mark_room;
    value **memo;
    size_t memo_n;   /* room; unused places are NULL */
    size_t memoized; /* places in use */
    espy_pickle *file;
} vm_state;

/* What a pickle may ask for. */
typedef enum vm_function {
    VM_RECONSTRUCT, /* an array to be filled by BUILD */
    VM_SCALAR,
    VM_FROMBUFFER,
    VM_NDARRAY,
    VM_DTYPE,
    VM_ENCODE,
    VM_COPYREG,
    VM_OBJECT,
    VM_SET,
    VM_DICT,
    VM_BYTES,
    VM_CLASS
} vm_function;

static const struct {
    const char *module, *name;
    vm_function function;
    espy_pickle_class class;
} vm_globals[] = {
    {"numpy.core.multiarray", "_reconstruct", VM_RECONSTRUCT, 0},
    {"numpy._core.multiarray", "_reconstruct", VM_RECONSTRUCT, 0},
    {"numpy.core.multiarray", "scalar", VM_SCALAR, 0},
    {"numpy._core.multiarray", "scalar", VM_SCALAR, 0},
    {"numpy.core.numeric", "_frombuffer", VM_FROMBUFFER, 0},
    {"numpy._core.numeric", "_frombuffer", VM_FROMBUFFER, 0},
    {"numpy", "ndarray", VM_NDARRAY, 0},
    {"numpy", "dtype", VM_DTYPE, 0},
    {"_codecs", "encode", VM_ENCODE, 0},
    {"copyreg", "_reconstructor", VM_COPYREG, 0},
    {"copy_reg", "_reconstructor", VM_COPYREG, 0},
    {"builtins", "object", VM_OBJECT, 0},
    {"__builtin__", "object", VM_OBJECT, 0},
    {"builtins", "set", VM_SET, 0},
    {"__builtin__", "set", VM_SET, 0},
    {"builtins", "frozenset", VM_SET, 0},
    {"__builtin__", "frozenset", VM_SET, 0},
    {"builtins", "bytes", VM_BYTES, 0},
    {"__builtin__", "bytes", VM_BYTES, 0},
    {"collections", "OrderedDict", VM_DICT, 0},
    {"sklearn.svm._classes", "SVC", VM_CLASS, ESPY_PICKLE_SVC},
    {"sklearn.svm.classes", "SVC", VM_CLASS, ESPY_PICKLE_SVC},
    {"sklearn.linear_model._logistic", "LogisticRegression", VM_CLASS, ESPY_PICKLE_LOGISTIC},
    {"sklearn.linear_model.logistic", "LogisticRegression", VM_CLASS, ESPY_PICKLE_LOGISTIC},
    {"sklearn.multiclass", "OneVsRestClassifier", VM_CLASS, ESPY_PICKLE_ONE_VS_REST},
    {"sklearn.preprocessing._data", "StandardScaler", VM_CLASS, ESPY_PICKLE_SCALER},
    {"sklearn.preprocessing.data", "StandardScaler", VM_CLASS, ESPY_PICKLE_SCALER},
    {"sklearn.preprocessing._label", "LabelEncoder", VM_CLASS, ESPY_PICKLE_LABEL_ENCODER},
    {"sklearn.preprocessing.label", "LabelEncoder", VM_CLASS, ESPY_PICKLE_LABEL_ENCODER},
    {"sklearn.preprocessing._label", "LabelBinarizer", VM_CLASS, ESPY_PICKLE_LABEL_BINARIZER},
    {"sklearn.preprocessing.label", "LabelBinarizer", VM_CLASS, ESPY_PICKLE_LABEL_BINARIZER},
    {"sklearn.cluster._kmeans", "KMeans", VM_CLASS, ESPY_PICKLE_KMEANS},
    {"sklearn.cluster.k_means_", "KMeans", VM_CLASS, ESPY_PICKLE_KMEANS},
};
#define VM_GLOBALS (sizeof vm_globals / sizeof vm_globals[0])

/* ---- memory ---- */

static espy_err vm_damaged(vm_state *vm, const char *what)
{
    return espy_fail(vm->cx, ESPY_E_FORMAT, "the pickle is damaged at byte %zu: %s",
                     (size_t)(vm->p - vm->begin), what);
}

/* Zeroed memory of the arena (rule P2); NULL with the reason noted. */
static void *vm_take(vm_state *vm, size_t size)
{
    size = (size + 15) & ~(size_t)15; /* sizes are bounded by the arena's, so this cannot wrap */
    if (size > vm->memory) {
        espy_fail(vm->cx, ESPY_E_LIMIT,
                  "the pickle unfolds to more than its size allows; it is not a model");
        return NULL;
    }
    vm->memory -= size;
    if (size > vm->left) {
        size_t room = size > VM_CHUNK ? size : VM_CHUNK;
        vm_chunk *c = espy_alloc(vm->cx, sizeof(max_align_t) + room);
        if (!c)
            return NULL;
        c->next = vm->chunks;
        vm->chunks = c;
        vm->free = (uint8_t *)c + sizeof(max_align_t);
        vm->left = room;
    }
    void *p = vm->free;
    memset(p, 0, size);
    vm->free += size;
    vm->left -= size;
    return p;
}

static espy_err vm_new(vm_state *vm, espy_pickle_kind kind, value **out)
{
    value *v = vm_take(vm, sizeof *v);
    if (!v)
        return vm->cx->code;
    v->kind = kind;
    *out = v;
    return ESPY_E_OK;
}

/* ---- stack, marks, memo ---- */

/* Lowest stack place that may be taken (rule P4). */
static size_t vm_floor(const vm_state *vm)
{
    return vm->mark_n ? vm->marks[vm->mark_n - 1] : 0;
}

/* One of the three growing arrays with room for `need` elements, new ones zeroed; NULL on failure,
 * `at` is then as before. */
static void *vm_grown(vm_state *vm, void *at, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return at;
    size_t more = *room ? *room * 2 : 64;
    if (more < need)
        more = need;
    uint8_t *p = espy_resize(vm->cx, at, more, size);
    if (!p)
        return NULL;
    memset(p + *room * size, 0, (more - *room) * size);
    *room = more;
    return p;
}

static espy_err vm_push(vm_state *vm, value *v)
{
    value **stack = vm_grown(vm, vm->stack, &vm->room, vm->n + 1, sizeof *stack);
    if (!stack)
        return vm->cx->code;
    vm->stack = stack;
    vm->stack[vm->n++] = v;
    return ESPY_E_OK;
}

static espy_err vm_pop(vm_state *vm, value **out)
{
    if (vm->n == vm_floor(vm))
        return vm_damaged(vm, "it takes a value that is not there");
    *out = vm->stack[--vm->n];
    return ESPY_E_OK;
}

static espy_err vm_top(vm_state *vm, value **out)
{
    if (vm->n == vm_floor(vm))
        return vm_damaged(vm, "it uses a value that is not there");
    *out = vm->stack[vm->n - 1];
    return ESPY_E_OK;
}

static espy_err vm_mark(vm_state *vm)
{
    size_t *marks = vm_grown(vm, vm->marks, &vm->mark_room, vm->mark_n + 1, sizeof *marks);
    if (!marks)
        return vm->cx->code;
    vm->marks = marks;
    vm->marks[vm->mark_n++] = vm->n;
    return ESPY_E_OK;
}

/* The values above the latest mark, which goes away with them; they stay valid until the next push.
 */
static espy_err vm_pop_mark(vm_state *vm, value ***at, size_t *n)
{
    if (vm->mark_n == 0)
        return vm_damaged(vm, "a mark is missing");
    size_t from = vm->marks[--vm->mark_n];
    *at = vm->stack + from;
    *n = vm->n - from;
    vm->n = from;
    return ESPY_E_OK;
}

static espy_err vm_put(vm_state *vm, uint64_t i)
{
    value *v = NULL;
    ESPY_TRY(vm_top(vm, &v));
    if (i >= (uint64_t)(vm->end - vm->begin)) /* each takes a byte at least */
        return vm_damaged(vm, "a memo number is too high");
    value **memo = vm_grown(vm, vm->memo, &vm->memo_n, (size_t)i + 1, sizeof *memo);
    if (!memo)
        return vm->cx->code;
    vm->memo = memo;
    vm->memoized += vm->memo[i] == NULL;
    vm->memo[i] = v;
    return ESPY_E_OK;
}

static espy_err vm_get(vm_state *vm, uint64_t i)
{
    if (i >= vm->memo_n || !vm->memo[i])
        return vm_damaged(vm, "it fetches a memo that was never stored");
    return vm_push(vm, vm->memo[i]);
}

/* ---- input ---- */

static espy_err vm_bytes(vm_state *vm, uint64_t n, espy_span *out)
{
    if (n > (uint64_t)(vm->end - vm->p))
        return vm_damaged(vm, "it is cut off, or a length is wrong");
    *out = (espy_span){vm->p, (size_t)n};
    vm->p += n;
    return ESPY_E_OK;
}

/* A little-endian number of `width` bytes. */
static espy_err vm_number(vm_state *vm, unsigned width, uint64_t *out)
{
    espy_span s = {0};
    ESPY_TRY(vm_bytes(vm, width, &s));
    *out = 0;
    for (unsigned i = 0; i < width; i++)
        *out |= (uint64_t)s.data[i] << (8 * i);
    return ESPY_E_OK;
}

/* Bytes that follow their own length. */
static espy_err vm_counted(vm_state *vm, unsigned width, espy_span *out)
{
    uint64_t n = 0;
    ESPY_TRY(vm_number(vm, width, &n));
    return vm_bytes(vm, n, out);
}

/* Up to and without the next newline. */
static espy_err vm_line(vm_state *vm, espy_span *out)
{
    const uint8_t *nl = memchr(vm->p, '\n', (size_t)(vm->end - vm->p));
    if (!nl)
        return vm_damaged(vm, "it is cut off");
    *out = (espy_span){vm->p, (size_t)(nl - vm->p)};
    vm->p = nl + 1;
    return ESPY_E_OK;
}

/* A line as a short C string, for numbers. */
static espy_err vm_short_line(vm_state *vm, char out[64])
{
    espy_span s = {0};
    ESPY_TRY(vm_line(vm, &s));
    if (s.size >= 64 || memchr(s.data, 0, s.size))
        return vm_damaged(vm, "a number is too long");
    memcpy(out, s.data, s.size);
    out[s.size] = '\0';
    return ESPY_E_OK;
}

/* ---- plain values ---- */

static espy_err vm_push_int(vm_state *vm, int64_t n)
{
    value *v = NULL;
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_INT, &v));
    v->as.number = n;
    return vm_push(vm, v);
}

static espy_err vm_push_real(vm_state *vm, double x)
{
    value *v = NULL;
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_REAL, &v));
    v->as.real = x;
    return vm_push(vm, v);
}

static espy_err vm_push_bytes(vm_state *vm, espy_span s)
{
    value *v = NULL;
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_BYTES, &v));
    v->as.bytes = s;
    return vm_push(vm, v);
}

static espy_err vm_push_text(vm_state *vm, espy_span s)
{
    value *v = NULL;
    if (!espy_utf8_valid((const char *)s.data, s.size))
        return vm_damaged(vm, "a text is not UTF-8");
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_TEXT, &v));
    v->as.bytes = s;
    return vm_push(vm, v);
}

/* BININT of 4 bytes is signed, the shorter ones are not; LONG1 and LONG4 are two's complement. */
static espy_err vm_push_unsigned(vm_state *vm, unsigned width)
{
    uint64_t n = 0;
    ESPY_TRY(vm_number(vm, width, &n));
    return vm_push_int(vm, width == 4 ? (int32_t)(uint32_t)n : (int64_t)n);
}

static espy_err vm_push_long(vm_state *vm, unsigned width)
{
    espy_span s = {0};
    ESPY_TRY(vm_counted(vm, width, &s));
    if (s.size > 8)
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED, "the pickle holds an integer of %zu bytes",
                         s.size);
    uint64_t n = s.size && s.data[s.size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = s.size; i-- > 0;)
        n = n << 8 | s.data[i];
    int64_t signed_n;
    memcpy(&signed_n, &n, sizeof n);
    return vm_push_int(vm, signed_n);
}

static espy_err vm_push_real_binary(vm_state *vm)
{
    espy_span s = {0};
    uint64_t bits = 0;
    double x;
    ESPY_TRY(vm_bytes(vm, 8, &s));
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | s.data[i];
    memcpy(&x, &bits, sizeof x);
    return vm_push_real(vm, x);
}

/* Protocol 0: "01" and "00" are the truth values; a long ends in L. */
static espy_err vm_push_int_line(vm_state *vm, bool is_long)
{
    char s[64];
    int64_t n;
    ESPY_TRY(vm_short_line(vm, s));
    size_t size = strlen(s);
    if (!is_long && strcmp(s, "01") == 0)
        return vm_push(vm, &vm->file->yes);
    if (!is_long && strcmp(s, "00") == 0)
        return vm_push(vm, &vm->file->no);
    if (is_long && size && s[size - 1] == 'L')
        s[size - 1] = '\0';
    if (!espy_parse_int(s, INT64_MIN, INT64_MAX, &n))
        return vm_damaged(vm, "a whole number cannot be read");
    return vm_push_int(vm, n);
}

static espy_err vm_push_real_line(vm_state *vm)
{
    char s[64];
    double x;
    ESPY_TRY(vm_short_line(vm, s));
    if (!espy_parse_real(s, -1.7976931348623157e308, 1.7976931348623157e308, &x))
        return vm_damaged(vm, "a number cannot be read");
    return vm_push_real(vm, x);
}

/* Appends a code point as UTF-8; false when it is none. */
static bool vm_utf8(uint32_t c, uint8_t **to)
{
    uint8_t *p = *to;
    if (c < 0x80) {
        *p++ = (uint8_t)c;
    } else if (c < 0x800) {
        *p++ = (uint8_t)(0xc0 | c >> 6);
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        if (c >= 0xd800 && c < 0xe000)
            return false;
        *p++ = (uint8_t)(0xe0 | c >> 12);
        *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        if (c > 0x10ffff)
            return false;
        *p++ = (uint8_t)(0xf0 | c >> 18);
        *p++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    *to = p;
    return true;
}

/* "\uXXXX" or "\UXXXXXXXX" at p; returns the bytes it takes, 0 when it is neither. */
static size_t vm_escape(const uint8_t *p, size_t n, uint32_t *c)
{
    static const char hex[] = "0123456789abcdef";
    if (n < 2 || p[0] != '\\' || (p[1] != 'u' && p[1] != 'U'))
        return 0;
    size_t digits = p[1] == 'u' ? 4 : 8;
    if (n < 2 + digits)
        return 0;
    *c = 0;
    for (size_t i = 2; i < 2 + digits; i++) {
        const char *digit = p[i] < '0' ? NULL : strchr(hex, p[i] | 0x20);
        if (!digit)
            return 0;
        unsigned v = (unsigned)(digit - hex);
        *c = *c << 4 | v;
    }
    return 2 + digits;
}

/* Protocol 0 text is "raw-unicode-escape": Latin-1 with escapes for the rest. */
static espy_err vm_push_text_line(vm_state *vm)
{
    espy_span s = {0};
    ESPY_TRY(vm_line(vm, &s));
    uint8_t *text = vm_take(vm, 2 * s.size + 1), *to = text;
    if (!text)
        return vm->cx->code;
    for (size_t i = 0; i < s.size;) {
        uint32_t c = s.data[i];
        size_t used = vm_escape(s.data + i, s.size - i, &c);
        if (!vm_utf8(c, &to))
            return vm_damaged(vm, "a text holds no valid Unicode");
        i += used ? used : 1;
    }
    return vm_push_text(vm, (espy_span){text, (size_t)(to - text)});
}

/* Python 2's str in protocol 0: quotes around, escapes inside (not read). */
static espy_err vm_push_quoted_line(vm_state *vm)
{
    espy_span s = {0};
    ESPY_TRY(vm_line(vm, &s));
    if (s.size < 2 || (s.data[0] != '\'' && s.data[0] != '"') || s.data[s.size - 1] != s.data[0])
        return vm_damaged(vm, "a text is not in quotes");
    if (memchr(s.data, '\\', s.size))
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "a pickle of Python 2 in protocol 0; save it with protocol 2");
    return vm_push_bytes(vm, (espy_span){s.data + 1, s.size - 2});
}

/* ---- containers ---- */

static espy_err vm_append(vm_state *vm, value *to, value *const *at, size_t n)
{
    if (to->as.items.n + n > to->as.items.room) {
        size_t room = to->as.items.room ? to->as.items.room * 2 : 4;
        if (room < to->as.items.n + n)
            room = to->as.items.n + n;
        value **grown = vm_take(vm, room * sizeof(value *));
        if (!grown)
            return vm->cx->code;
        if (to->as.items.n)
            memcpy(grown, to->as.items.at, to->as.items.n * sizeof(value *));
        to->as.items.at = grown;
        to->as.items.room = room;
    }
    if (n)
        memcpy(to->as.items.at + to->as.items.n, at, n * sizeof(value *));
    to->as.items.n += n;
    return ESPY_E_OK;
}

static espy_err vm_push_container(vm_state *vm, espy_pickle_kind kind, value *const *at, size_t n)
{
    value *v = NULL;
    if (kind == ESPY_PICKLE_DICT && n % 2)
        return vm_damaged(vm, "a key has no value");
    ESPY_TRY(vm_new(vm, kind, &v));
    ESPY_TRY(vm_append(vm, v, at, n));
    return vm_push(vm, v);
}

/* All values above the mark as a new container. */
static espy_err vm_collect(vm_state *vm, espy_pickle_kind kind)
{
    value **at = NULL;
    size_t n = 0;
    ESPY_TRY(vm_pop_mark(vm, &at, &n));
    return vm_push_container(vm, kind, at, n);
}

/* A tuple of the n topmost values. */
static espy_err vm_tuple(vm_state *vm, size_t n)
{
    if (vm->n - vm_floor(vm) < n)
        return vm_damaged(vm, "a tuple is larger than what is there");
    vm->n -= n;
    return vm_push_container(vm, ESPY_PICKLE_TUPLE, vm->stack + vm->n, n);
}

/* Adds n values to the container on top of the stack. */
static espy_err vm_extend(vm_state *vm, espy_pickle_kind kind, value *const *at, size_t n)
{
    value *to = NULL;
    ESPY_TRY(vm_top(vm, &to));
    if (to->kind != kind || (kind == ESPY_PICKLE_DICT && n % 2))
        return vm_damaged(vm, "values are added to something else than a container for them");
    return vm_append(vm, to, at, n);
}

static espy_err vm_extend_marked(vm_state *vm, espy_pickle_kind kind)
{
    value **at = NULL;
    size_t n = 0;
    ESPY_TRY(vm_pop_mark(vm, &at, &n));
    return vm_extend(vm, kind, at, n);
}

static espy_err vm_extend_top(vm_state *vm, espy_pickle_kind kind, size_t n)
{
    if (vm->n - vm_floor(vm) < n)
        return vm_damaged(vm, "it adds values that are not there");
    vm->n -= n;
    return vm_extend(vm, kind, vm->stack + vm->n, n);
}

/* ---- names ---- */

static bool vm_equal(espy_span s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

/* A refused name for an error text: printable and short. */
static void vm_show(espy_span s, char out[VM_NAME_SHOWN + 1])
{
    size_t n = s.size < VM_NAME_SHOWN ? s.size : VM_NAME_SHOWN;
    for (size_t i = 0; i < n; i++)
        out[i] = s.data[i] > 0x20 && s.data[i] < 0x7f ? (char)s.data[i] : '?';
    out[n] = '\0';
}

static espy_err vm_push_global(vm_state *vm, espy_span module, espy_span name)
{
    for (size_t i = 0; i < VM_GLOBALS; i++) {
        if (vm_equal(module, vm_globals[i].module) && vm_equal(name, vm_globals[i].name)) {
            value *v = NULL;
            ESPY_TRY(vm_new(vm, ESPY_PICKLE_GLOBAL, &v));
            v->as.global = (int)i;
            return vm_push(vm, v);
        }
    }
    char m[VM_NAME_SHOWN + 1], n[VM_NAME_SHOWN + 1];
    vm_show(module, m);
    vm_show(name, n);
    if (strncmp(m, "joblib.", 7) == 0)
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "the file was saved by joblib (it asks for \"%s.%s\"); load it in Python "
                         "and save it with pickle.dump",
                         m, n);
    return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                     "the pickle asks for \"%s.%s\", which espy does not run; it reads SVC, "
                     "LogisticRegression, OneVsRestClassifier, StandardScaler and LabelEncoder of "
                     "scikit-learn",
                     m, n);
}

static espy_err vm_global_lines(vm_state *vm)
{
    espy_span module = {0}, name = {0};
    ESPY_TRY(vm_line(vm, &module));
    ESPY_TRY(vm_line(vm, &name));
    return vm_push_global(vm, module, name);
}

static espy_err vm_global_stack(vm_state *vm)
{
    value *module = NULL, *name = NULL;
    ESPY_TRY(vm_pop(vm, &name));
    ESPY_TRY(vm_pop(vm, &module));
    if (module->kind != ESPY_PICKLE_TEXT || name->kind != ESPY_PICKLE_TEXT)
        return vm_damaged(vm, "a class is named by something else than text");
    return vm_push_global(vm, module->as.bytes, name->as.bytes);
}

static bool vm_is(const value *v, vm_function f)
{
    return v->kind == ESPY_PICKLE_GLOBAL && vm_globals[v->as.global].function == f;
}

/* ---- numpy ---- */

/* "f8", "U12", "O8" ... */
static espy_err vm_dtype(vm_state *vm, const value *args)
{
    value *v = NULL;
    if (args->as.items.n < 1 || (args->as.items.at[0]->kind != ESPY_PICKLE_TEXT &&
                                 args->as.items.at[0]->kind != ESPY_PICKLE_BYTES))
        return vm_damaged(vm, "an element type is not named by text");
    espy_span s = args->as.items.at[0]->as.bytes;
    char kind = s.size ? (char)s.data[0] : '?';
    size_t size = 0;
    bool ok = s.size >= 2 && s.size <= 8 && kind && strchr("fiubUO", kind);
    for (size_t i = 1; ok && i < s.size; i++) {
        ok = s.data[i] >= '0' && s.data[i] <= '9';
        size = size * 10 + (size_t)(s.data[i] - '0');
    }
    bool number = kind == 'i' || kind == 'u';
    ok = ok && (kind == 'f'   ? size == 4 || size == 8
                : number      ? size == 1 || size == 2 || size == 4 || size == 8
                : kind == 'b' ? size == 1
                              : size <= 65536);
    if (!ok) {
        char shown[VM_NAME_SHOWN + 1];
        vm_show(s, shown);
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "the pickle holds an array of numpy's type \"%s\", which is not read",
                         shown);
    }
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_DTYPE, &v));
    v->as.dtype = (espy_pickle_dtype){kind, kind == 'U' ? size * 4 : kind == 'O' ? 8 : size};
    return vm_push(vm, v);
}

/* Its state is (version, byte order, ...); only the order matters for the types that are read. */
static espy_err vm_build_dtype(vm_state *vm, const value *state)
{
    if (state->kind != ESPY_PICKLE_TUPLE || state->as.items.n < 2)
        return vm_damaged(vm, "an element type has no byte order");
    const value *order = state->as.items.at[1];
    if (espy_pickle_is_text(order, ">"))
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "the pickle holds big-endian arrays; save it on another machine");
    if (!espy_pickle_is_text(order, "<") && !espy_pickle_is_text(order, "|") &&
        !espy_pickle_is_text(order, "="))
        return vm_damaged(vm, "an element type has an unknown byte order");
    return ESPY_E_OK;
}

/* Shape, type and contents of an array, checked against each other. */
static espy_err vm_fill(vm_state *vm, espy_pickle_array *a, const value *shape, const value *dtype,
                        bool fortran, const value *data)
{
    if (shape->kind != ESPY_PICKLE_TUPLE || dtype->kind != ESPY_PICKLE_DTYPE)
        return vm_damaged(vm, "an array has no shape or no type");
    if (shape->as.items.n > ESPY_PICKLE_RANK)
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED, "the pickle holds an array of rank %zu",
                         shape->as.items.n);
    *a = (espy_pickle_array){.type = dtype->as.dtype, .n = 1, .fortran = fortran, .filled = true};
    a->rank = (int)shape->as.items.n;
    for (int i = 0; i < a->rank; i++) {
        const value *d = shape->as.items.at[i];
        if (d->kind != ESPY_PICKLE_INT || d->as.number < 0)
            return vm_damaged(vm, "an array's shape is not made of whole numbers");
        a->dims[i] = (size_t)d->as.number;
        if (!espy_mul_size(a->n, a->dims[i], &a->n))
            return vm_damaged(vm, "an array's shape is too large");
    }
    if (a->type.kind == 'O') {
        if (data->kind != ESPY_PICKLE_LIST || data->as.items.n != a->n)
            return vm_damaged(vm, "an array of objects does not have as many as its shape says");
        a->list = data;
        return ESPY_E_OK;
    }
    size_t bytes;
    if (data->kind != ESPY_PICKLE_BYTES || !espy_mul_size(a->n, a->type.size, &bytes) ||
        data->as.bytes.size != bytes)
        return vm_damaged(vm, "an array's shape does not match its bytes");
    a->data = data->as.bytes.data;
    return ESPY_E_OK;
}

/* (version, shape, type, columns first, contents) */
static espy_err vm_build_array(vm_state *vm, espy_pickle_array *a, const value *state)
{
    if (state->kind != ESPY_PICKLE_TUPLE || state->as.items.n != 5)
        return vm_damaged(vm, "an array's contents are not five values");
    value **s = state->as.items.at;
    bool fortran = s[3]->kind == ESPY_PICKLE_BOOL  ? s[3]->as.truth
                   : s[3]->kind == ESPY_PICKLE_INT ? s[3]->as.number != 0
                                                   : false;
    return vm_fill(vm, a, s[1], s[2], fortran, s[4]);
}

static espy_err vm_new_array(vm_state *vm, value **out)
{
    ESPY_TRY(vm_new(vm, ESPY_PICKLE_ARRAY, out));
    (*out)->as.array = vm_take(vm, sizeof(espy_pickle_array));
    return (*out)->as.array ? ESPY_E_OK : vm->cx->code;
}

static espy_err vm_reconstruct(vm_state *vm, const value *args)
{
    value *v = NULL;
    if (args->as.items.n != 3 || !vm_is(args->as.items.at[0], VM_NDARRAY))
        return vm_damaged(vm, "an array is built from something else");
    ESPY_TRY(vm_new_array(vm, &v));
    return vm_push(vm, v);
}

/* (bytes, type, shape, "C" or "F") */
static espy_err vm_frombuffer(vm_state *vm, const value *args)
{
    value *v = NULL, **a = args->as.items.at;
    if (args->as.items.n != 4)
        return vm_damaged(vm, "an array is built from something else");
    ESPY_TRY(vm_new_array(vm, &v));
    ESPY_TRY(vm_fill(vm, v->as.array, a[2], a[1], espy_pickle_is_text(a[3], "F"), a[0]));
    return vm_push(vm, v);
}

/* UTF-32 without the zeros at its end. */
static espy_err vm_scalar_text(vm_state *vm, espy_span s)
{
    size_t n = s.size / 4;
    uint8_t *text = vm_take(vm, s.size + 1), *to = text;
    if (!text)
        return vm->cx->code;
    for (uint32_t c = 0; n > 0; n--) {
        memcpy(&c, s.data + (n - 1) * 4, 4);
        if (c)
            break;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t c;
        memcpy(&c, s.data + i * 4, 4);
        if (!vm_utf8(c, &to))
            return vm_damaged(vm, "a text holds no valid Unicode");
    }
    return vm_push_text(vm, (espy_span){text, (size_t)(to - text)});
}

/* A number of numpy's: (type, bytes). */
static espy_err vm_scalar(vm_state *vm, const value *args)
{
    value **a = args->as.items.at;
    if (args->as.items.n != 2 || a[0]->kind != ESPY_PICKLE_DTYPE ||
        a[1]->kind != ESPY_PICKLE_BYTES || a[0]->as.dtype.kind == 'O' ||
        a[1]->as.bytes.size != a[0]->as.dtype.size)
        return vm_damaged(vm, "a number of numpy's is not made of its bytes");
    espy_span s = a[1]->as.bytes;
    char kind = a[0]->as.dtype.kind;
    if (kind == 'U')
        return vm_scalar_text(vm, s);
    if (kind == 'b')
        return vm_push(vm, s.data[0] ? &vm->file->yes : &vm->file->no);
    if (kind == 'f') {
        double d = 0;
        float f = 0;
        memcpy(s.size == 8 ? (void *)&d : (void *)&f, s.data, s.size);
        return vm_push_real(vm, s.size == 8 ? d : (double)f);
    }
    uint64_t n = kind == 'i' && s.data[s.size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = s.size; i-- > 0;)
        n = n << 8 | s.data[i];
    int64_t signed_n;
    memcpy(&signed_n, &n, sizeof n);
    return vm_push_int(vm, signed_n);
}

/* How protocols 0 to 2 carry bytes: text of characters below 256, encoded as Latin-1. */
static espy_err vm_encode(vm_state *vm, const value *args)
{
    value **a = args->as.items.at;
    if (args->as.items.n != 2 || a[0]->kind != ESPY_PICKLE_TEXT ||
        (!espy_pickle_is_text(a[1], "latin1") && !espy_pickle_is_text(a[1], "latin-1")))
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "the pickle encodes text in another way than Latin-1");
    espy_span s = a[0]->as.bytes;
    uint8_t *bytes = vm_take(vm, s.size);
    size_t n = 0;
    if (!bytes)
        return vm->cx->code;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        if (c >= 0x80) { /* valid UTF-8, so a second byte follows */
            if (c > 0xc3)
                return vm_damaged(vm, "bytes are made of characters above 255");
            c = (uint8_t)(c << 6 | (s.data[++i] & 0x3f));
        }
        bytes[n++] = c;
    }
    return vm_push_bytes(vm, (espy_span){bytes, n});
}

/* ---- calls ---- */

static espy_err vm_object(vm_state *vm, const value *class)
{
    value *v = NULL;
    if (class->kind != ESPY_PICKLE_GLOBAL)
        return vm_damaged(vm, "an object is made of something else than a class");
    switch (vm_globals[class->as.global].function) {
    case VM_DICT:
        return vm_push_container(vm, ESPY_PICKLE_DICT, NULL, 0);
    case VM_CLASS:
        ESPY_TRY(vm_new(vm, ESPY_PICKLE_OBJECT, &v));
        v->as.object.class = vm_globals[class->as.global].class;
        return vm_push(vm, v);
    case VM_RECONSTRUCT:
    case VM_SCALAR:
    case VM_FROMBUFFER:
    case VM_NDARRAY:
    case VM_DTYPE:
    case VM_ENCODE:
    case VM_COPYREG:
    case VM_OBJECT:
    case VM_SET:
    case VM_BYTES:
        break;
    }
    return vm_damaged(vm, "an object is made of something else than a class");
}

/* set() or set(list) */
static espy_err vm_set(vm_state *vm, const value *args)
{
    if (args->as.items.n == 0)
        return vm_push_container(vm, ESPY_PICKLE_SET, NULL, 0);
    const value *list = args->as.items.at[0];
    if (args->as.items.n != 1 || list->kind != ESPY_PICKLE_LIST)
        return vm_damaged(vm, "a set is made of something else than a list");
    return vm_push_container(vm, ESPY_PICKLE_SET, list->as.items.at, list->as.items.n);
}

static espy_err vm_reduce(vm_state *vm)
{
    value *args = NULL, *f = NULL;
    ESPY_TRY(vm_pop(vm, &args));
    ESPY_TRY(vm_pop(vm, &f));
    if (f->kind != ESPY_PICKLE_GLOBAL || args->kind != ESPY_PICKLE_TUPLE)
        return vm_damaged(vm, "it calls something that is not a function");
    size_t n = args->as.items.n;
    switch (vm_globals[f->as.global].function) {
    case VM_RECONSTRUCT:
        return vm_reconstruct(vm, args);
    case VM_SCALAR:
        return vm_scalar(vm, args);
    case VM_FROMBUFFER:
        return vm_frombuffer(vm, args);
    case VM_DTYPE:
        return vm_dtype(vm, args);
    case VM_ENCODE:
        return vm_encode(vm, args);
    case VM_COPYREG: /* (class, object, None) */
        if (n != 3 || !vm_is(args->as.items.at[1], VM_OBJECT))
            break;
        return vm_object(vm, args->as.items.at[0]);
    case VM_SET:
        return vm_set(vm, args);
    case VM_DICT:
        if (n != 0)
            break;
        return vm_push_container(vm, ESPY_PICKLE_DICT, NULL, 0);
    case VM_BYTES:
        if (n != 0)
            break;
        return vm_push_bytes(vm, (espy_span){vm->p, 0});
    case VM_NDARRAY:
    case VM_OBJECT:
    case VM_CLASS:
        break;
    }
    return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                     "the pickle calls %s.%s in a way that espy does not know",
                     vm_globals[f->as.global].module, vm_globals[f->as.global].name);
}

static espy_err vm_newobj(vm_state *vm)
{
    value *args = NULL, *class = NULL;
    ESPY_TRY(vm_pop(vm, &args));
    ESPY_TRY(vm_pop(vm, &class));
    if (args->kind != ESPY_PICKLE_TUPLE || args->as.items.n != 0)
        return vm_damaged(vm, "an object is made with arguments");
    return vm_object(vm, class);
}

static espy_err vm_build(vm_state *vm)
{
    value *state = NULL, *v = NULL;
    ESPY_TRY(vm_pop(vm, &state));
    ESPY_TRY(vm_top(vm, &v));
    if (v->kind == ESPY_PICKLE_ARRAY && !v->as.array->filled)
        return vm_build_array(vm, v->as.array, state);
    if (v->kind == ESPY_PICKLE_DTYPE)
        return vm_build_dtype(vm, state);
    if (v->kind != ESPY_PICKLE_OBJECT || state->kind != ESPY_PICKLE_DICT)
        return vm_damaged(vm, "attributes are given to something that has none");
    v->as.object.state = state;
    return ESPY_E_OK;
}

/* ---- the machine ---- */

static espy_err vm_memo_line(vm_state *vm, bool put)
{
    char s[64];
    int64_t n;
    ESPY_TRY(vm_short_line(vm, s));
    if (!espy_parse_int(s, 0, INT32_MAX, &n))
        return vm_damaged(vm, "a memo number cannot be read");
    return put ? vm_put(vm, (uint64_t)n) : vm_get(vm, (uint64_t)n);
}

static espy_err vm_memo_binary(vm_state *vm, unsigned width, bool put)
{
    uint64_t n = 0;
    ESPY_TRY(vm_number(vm, width, &n));
    return put ? vm_put(vm, n) : vm_get(vm, n);
}

static espy_err vm_counted_value(vm_state *vm, unsigned width, bool text)
{
    espy_span s = {0};
    ESPY_TRY(vm_counted(vm, width, &s));
    return text ? vm_push_text(vm, s) : vm_push_bytes(vm, s);
}

static espy_err vm_discard(vm_state *vm)
{
    value *v = NULL, **at = NULL;
    size_t n;
    /* POP right after a mark takes the mark. */
    if (vm->mark_n && vm->n == vm_floor(vm))
        return vm_pop_mark(vm, &at, &n);
    return vm_pop(vm, &v);
}

static espy_err vm_discard_marked(vm_state *vm)
{
    value **at = NULL;
    size_t n;
    return vm_pop_mark(vm, &at, &n);
}

static espy_err vm_duplicate(vm_state *vm)
{
    value *v = NULL;
    ESPY_TRY(vm_top(vm, &v));
    return vm_push(vm, v);
}

static espy_err vm_protocol(vm_state *vm)
{
    uint64_t n = 0;
    ESPY_TRY(vm_number(vm, 1, &n));
    if (n > 5)
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "pickle protocol %u is not read; save it with protocol 5 or lower",
                         (unsigned)n);
    return ESPY_E_OK;
}

/* A frame only groups opcodes; its length must lie within the file. */
static espy_err vm_frame(vm_state *vm)
{
    uint64_t n = 0;
    ESPY_TRY(vm_number(vm, 8, &n));
    if (n > (uint64_t)(vm->end - vm->p))
        return vm_damaged(vm, "it is cut off");
    return ESPY_E_OK;
}

static espy_err vm_refuse(vm_state *vm, uint8_t op)
{
    size_t at = (size_t)(vm->p - vm->begin) - 1;
    switch (op) {
    case 'P':
    case 'Q':
    case 0x82:
    case 0x83:
    case 0x84:
    case 'i':
    case 'o':
    case 0x92:
    case 0x97:
    case 0x98:
        return espy_fail(vm->cx, ESPY_E_UNSUPPORTED,
                         "the pickle uses opcode 0x%02x at byte %zu, which models do not need; "
                         "save it with pickle.dump(model, file, protocol=4)",
                         op, at);
    default:
        return espy_fail(vm->cx, ESPY_E_FORMAT,
                         "not a pickle, or damaged: opcode 0x%02x at byte %zu", op, at);
    }
}

/* One opcode but STOP. */
static espy_err vm_step(vm_state *vm, uint8_t op)
{
    switch (op) {
    case 0x80: /* PROTO */
        return vm_protocol(vm);
    case 0x95: /* FRAME */
        return vm_frame(vm);
    case '(': /* MARK */
        return vm_mark(vm);
    case '0': /* POP */
        return vm_discard(vm);
    case '1': /* POP_MARK */
        return vm_discard_marked(vm);
    case '2': /* DUP */
        return vm_duplicate(vm);
    case 'N': /* NONE */
        return vm_push(vm, &vm->file->none);
    case 0x88: /* NEWTRUE */
        return vm_push(vm, &vm->file->yes);
    case 0x89: /* NEWFALSE */
        return vm_push(vm, &vm->file->no);
    case 'I': /* INT */
        return vm_push_int_line(vm, false);
    case 'L': /* LONG */
        return vm_push_int_line(vm, true);
    case 'J': /* BININT */
        return vm_push_unsigned(vm, 4);
    case 'K': /* BININT1 */
        return vm_push_unsigned(vm, 1);
    case 'M': /* BININT2 */
        return vm_push_unsigned(vm, 2);
    case 0x8a: /* LONG1 */
        return vm_push_long(vm, 1);
    case 0x8b: /* LONG4 */
        return vm_push_long(vm, 4);
    case 'F': /* FLOAT */
        return vm_push_real_line(vm);
    case 'G': /* BINFLOAT */
        return vm_push_real_binary(vm);
    case 'S': /* STRING */
        return vm_push_quoted_line(vm);
    case 'V': /* UNICODE */
        return vm_push_text_line(vm);
    case 'U': /* SHORT_BINSTRING */
    case 'C': /* SHORT_BINBYTES */
        return vm_counted_value(vm, 1, false);
    case 'T': /* BINSTRING */
    case 'B': /* BINBYTES */
        return vm_counted_value(vm, 4, false);
    case 0x8e: /* BINBYTES8 */
    case 0x96: /* BYTEARRAY8 */
        return vm_counted_value(vm, 8, false);
    case 0x8c: /* SHORT_BINUNICODE */
        return vm_counted_value(vm, 1, true);
    case 'X': /* BINUNICODE */
        return vm_counted_value(vm, 4, true);
    case 0x8d: /* BINUNICODE8 */
        return vm_counted_value(vm, 8, true);
    case ')': /* EMPTY_TUPLE */
        return vm_tuple(vm, 0);
    case 0x85: /* TUPLE1, TUPLE2, TUPLE3 */
    case 0x86:
    case 0x87:
        return vm_tuple(vm, op - 0x84u);
    case 't': /* TUPLE */
        return vm_collect(vm, ESPY_PICKLE_TUPLE);
    case ']': /* EMPTY_LIST */
        return vm_push_container(vm, ESPY_PICKLE_LIST, NULL, 0);
    case 'l': /* LIST */
        return vm_collect(vm, ESPY_PICKLE_LIST);
    case 'a': /* APPEND */
        return vm_extend_top(vm, ESPY_PICKLE_LIST, 1);
    case 'e': /* APPENDS */
        return vm_extend_marked(vm, ESPY_PICKLE_LIST);
    case '}': /* EMPTY_DICT */
        return vm_push_container(vm, ESPY_PICKLE_DICT, NULL, 0);
    case 'd': /* DICT */
        return vm_collect(vm, ESPY_PICKLE_DICT);
    case 's': /* SETITEM */
        return vm_extend_top(vm, ESPY_PICKLE_DICT, 2);
    case 'u': /* SETITEMS */
        return vm_extend_marked(vm, ESPY_PICKLE_DICT);
    case 0x8f: /* EMPTY_SET */
        return vm_push_container(vm, ESPY_PICKLE_SET, NULL, 0);
    case 0x90: /* ADDITEMS */
        return vm_extend_marked(vm, ESPY_PICKLE_SET);
    case 0x91: /* FROZENSET */
        return vm_collect(vm, ESPY_PICKLE_SET);
    case 'c': /* GLOBAL */
        return vm_global_lines(vm);
    case 0x93: /* STACK_GLOBAL */
        return vm_global_stack(vm);
    case 'R': /* REDUCE */
        return vm_reduce(vm);
    case 0x81: /* NEWOBJ */
        return vm_newobj(vm);
    case 'b': /* BUILD */
        return vm_build(vm);
    case 'g': /* GET */
        return vm_memo_line(vm, false);
    case 'p': /* PUT */
        return vm_memo_line(vm, true);
    case 'h': /* BINGET */
        return vm_memo_binary(vm, 1, false);
    case 'q': /* BINPUT */
        return vm_memo_binary(vm, 1, true);
    case 'j': /* LONG_BINGET */
        return vm_memo_binary(vm, 4, false);
    case 'r': /* LONG_BINPUT */
        return vm_memo_binary(vm, 4, true);
    case 0x94: /* MEMOIZE */
        return vm_put(vm, vm->memoized);
    default:
        return vm_refuse(vm, op);
    }
}

static espy_err vm_run(vm_state *vm, value **root)
{
    while (vm->p < vm->end) {
        uint8_t op = *vm->p++;
        if (op == '.') {
            ESPY_TRY(vm_pop(vm, root));
            return ESPY_E_OK;
        }
        ESPY_TRY(vm_step(vm, op));
    }
    return vm_damaged(vm, "it is cut off");
}

static void vm_free_chunks(espy_ctx *cx, vm_chunk *c)
{
    while (c) {
        vm_chunk *next = c->next;
        espy_free(cx, c);
        c = next;
    }
}

espy_err espy_pickle_parse(espy_ctx *cx, espy_span bytes, espy_pickle **out)
{
    espy_err e = ESPY_E_OK;
    value *root = NULL;
    vm_state vm = {
        .cx = cx,
        .begin = bytes.data,
        .p = bytes.data,
        .end = bytes.data + bytes.size,
    };
    if (bytes.size == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the pickle is empty");
    size_t room;
    if (!espy_mul_size(bytes.size, VM_MEMORY_RATIO, &room) ||
        !espy_add_size(room, VM_MEMORY_BASE, &vm.memory))
        return espy_fail(cx, ESPY_E_LIMIT, "the pickle is too large");
    espy_pickle *p = espy_zalloc(cx, sizeof *p);
    if (!p)
        return cx->code;
    p->yes = (value){.kind = ESPY_PICKLE_BOOL, .as.truth = true};
    p->no = (value){.kind = ESPY_PICKLE_BOOL};
    vm.file = p;
    vm.stack = vm_grown(&vm, NULL, &vm.room, 1, sizeof *vm.stack); /* never NULL while it runs */
    if (!vm.stack) {
        e = cx->code;
        goto out;
    }
    ESPY_GO(vm_run(&vm, &root));
    p->root = root;
    p->chunks = vm.chunks;
    vm.chunks = NULL;
    *out = p;
    p = NULL;
out:
    vm_free_chunks(cx, vm.chunks);
    espy_free(cx, vm.stack);
    espy_free(cx, vm.marks);
    espy_free(cx, vm.memo);
    espy_free(cx, p);
    return e;
}

void espy_pickle_destroy(espy_ctx *cx, espy_pickle **p)
{
    if (!*p)
        return;
    vm_free_chunks(cx, (*p)->chunks);
    espy_free(cx, *p);
    *p = NULL;
}

const espy_pickle_value *espy_pickle_root(const espy_pickle *p)
{
    return p->root;
}

const espy_pickle_value *espy_pickle_get(const espy_pickle_value *v, const char *key)
{
    if (!v || v->kind != ESPY_PICKLE_DICT)
        return NULL;
    for (size_t i = v->as.items.n; i >= 2; i -= 2)
        if (espy_pickle_is_text(v->as.items.at[i - 2], key))
            return v->as.items.at[i - 1];
    return NULL;
}

bool espy_pickle_is_text(const espy_pickle_value *v, const char *s)
{
    return v && (v->kind == ESPY_PICKLE_TEXT || v->kind == ESPY_PICKLE_BYTES) &&
           vm_equal(v->as.bytes, s);
}
