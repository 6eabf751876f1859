/* SPDX-License-Identifier: Apache-2.0
 * artifact: the pickle reader.  Real files of two scikit-learn releases and hostile ones are in
 * fuzz/corpus/pickle (made by fuzz/seeds.py; "old": Python 3.11, numpy 1.24, scikit-learn 1.2;
 * "new": numpy 2.4, scikit-learn 1.9; the number is the protocol). */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "artifact/sk_model.h"

static espy_err pickle_parse(espy_ctx *cx, const char *bytes, size_t n, espy_sk_model *m)
{
    espy_clear(cx);
    return espy_sk_parse(cx, (espy_span){(const uint8_t *)bytes, n}, m);
}

static espy_buf pickle_seed(espy_ctx *cx, const char *name)
{
    char path[96] = "fuzz/corpus/pickle/";
    return test_read(cx, test_source(strcat(path, name)));
}

/* What scikit-learn itself answers to this row. */
static void test_answers(void **state)
{
    (void)state;
    static const float x[3] = {0.25f, -0.5f, 1.0f};
    static const struct {
        const char *name;
        size_t classes;
        double p[3];
    } cases[] = {
        {"svc2-old-0.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc2-old-2.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc2-old-5.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc3-old-4.pkl", 3, {0.1068040198456562, 0.54451622476084038, 0.34867975539350349}},
        {"rest3-old-4.pkl", 3, {0.0048081560408004811, 0.048511093476749569, 0.94668075048244993}},
        {"soft3-old-4.pkl", 3, {0.42988255363755246, 0.35998438340202021, 0.21013306296042739}},
        {"bare-old.pkl", 3, {0.097264279362501482, 0.54632388913734398, 0.35641183150015426}},
        {"svc2-new-0.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc2-new-2.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc2-new-5.pkl", 2, {0.7983034760877129, 0.20169652391228701}},
        {"svc3-new-4.pkl", 3, {0.1068040198456562, 0.54451622476084038, 0.34867975539350349}},
        {"rest3-new-4.pkl", 3, {0.004803167172096617, 0.04850857983307795, 0.94668825299482551}},
        {"soft3-new-4.pkl", 3, {0.42990015338220222, 0.35994315883892702, 0.21015668777887064}},
        {"bare-new.pkl", 3, {0.097264279362501482, 0.54632388913734398, 0.35641183150015426}},
    };
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        espy_sk_model m;
        double p[3];
        espy_buf b = pickle_seed(&cx, cases[i].name);
        assert_int_equal(espy_sk_parse(&cx, espy_span_of(&b), &m), ESPY_E_OK);
        espy_buf_free(&cx, &b);
        assert_int_equal(m.classes, cases[i].classes);
        assert_int_equal(m.dim, 3);
        assert_string_equal(m.labels[1], "A1");
        assert_int_equal(espy_sk_probabilities(&cx, &m, x, 1, p), ESPY_E_OK);
        for (size_t c = 0; c < m.classes; c++)
            assert_true(fabs(p[c] - cases[i].p[c]) < 1e-9);
        bool bare = strncmp(cases[i].name, "bare", 4) == 0;
        assert_true((m.metadata == NULL) == bare);
        assert_true((m.scaler.mean == NULL) == bare);
        if (!bare)
            assert_string_equal(espy_json_string(espy_json_get(m.extra, "detector"), ""), "x");
        espy_sk_free(&cx, &m);
    }
    assert_int_equal(mem.live, 0);
}

/* Each is refused, and the text names what it asked for. */
static void test_hostile(void **state)
{
    (void)state;
#define BYTES(s) s, sizeof s - 1
    static const struct {
        const char *bytes;
        size_t n;
        espy_err e;
        const char *text;
    } cases[] = {
        {BYTES("cos\nsystem\n(S'true'\ntR."), ESPY_E_UNSUPPORTED, "os.system"},
        {BYTES("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."), ESPY_E_UNSUPPORTED,
         "posix.system"},
        {BYTES("cbuiltins\neval\n(V1\ntR."), ESPY_E_UNSUPPORTED, "builtins.eval"},
        {BYTES("c__builtin__\ngetattr\n."), ESPY_E_UNSUPPORTED, "__builtin__.getattr"},
        {BYTES("\x80\x04\x8c\x02os\x8c\x0dsystem\nsystem\x93."), ESPY_E_UNSUPPORTED,
         "os.system?sys"},
        {BYTES("cnumpy\nload\n."), ESPY_E_UNSUPPORTED, "numpy.load"},
        {BYTES("csklearn.pipeline\nPipeline\n."), ESPY_E_UNSUPPORTED, "sklearn.pipeline.Pipeline"},
        {BYTES("cjoblib.numpy_pickle\nNumpyArrayWrapper\n."), ESPY_E_UNSUPPORTED, "pickle.dump"},
        {BYTES("(ios\nsystem\n."), ESPY_E_UNSUPPORTED, "0x69"},
        {BYTES("Pid\n."), ESPY_E_UNSUPPORTED, "0x50"},
        {BYTES("\x80\x02\x82\x01."), ESPY_E_UNSUPPORTED, "0x82"},
        {BYTES("\x80\x06."), ESPY_E_UNSUPPORTED, "protocol 6"},
        {BYTES("\x1f\x8b\x08\x00"), ESPY_E_UNSUPPORTED, "gzip"},
        {BYTES("x\x9c\x00"), ESPY_E_UNSUPPORTED, "joblib.load"},
        {BYTES(""), ESPY_E_FORMAT, "empty"},
        {BYTES("\x80\x04"), ESPY_E_FORMAT, "cut off"},
        {BYTES("\xff."), ESPY_E_FORMAT, "0xff"},
        {BYTES("."), ESPY_E_FORMAT, "not there"},
        {BYTES("N(."), ESPY_E_FORMAT, "not there"},   /* nothing above the mark */
        {BYTES("(t0R."), ESPY_E_FORMAT, "not there"}, /* a call of nothing */
        {BYTES("N(\x85."), ESPY_E_FORMAT, "tuple"},   /* from below the mark */
        {BYTES("t."), ESPY_E_FORMAT, "mark"},
        {BYTES("N)R."), ESPY_E_FORMAT, "not a function"},
        {BYTES("N)\x81."), ESPY_E_FORMAT, "class"},
        {BYTES("Nh\x00."), ESPY_E_FORMAT, "memo"},
        {BYTES("Nr\xff\xff\xff\x7f."), ESPY_E_FORMAT, "memo"},
        {BYTES("Np99999999999999999999\n."), ESPY_E_FORMAT, "memo"},
        {BYTES("g-1\n."), ESPY_E_FORMAT, "memo"},
        {BYTES("\x8e\xff\xff\xff\xff\xff\xff\xff\xff."), ESPY_E_FORMAT, "length"},
        {BYTES("\x95\xff\xff\xff\xff\xff\xff\xff\xff."), ESPY_E_FORMAT, "cut off"},
        {BYTES("X\x02\x00\x00\x00\xff\xff."), ESPY_E_FORMAT, "UTF-8"},
        {BYTES("\x8a\x09"
               "123456789."),
         ESPY_E_UNSUPPORTED, "9 bytes"},
        {BYTES("}(K\x01u."), ESPY_E_FORMAT, "container"}, /* a key without value */
        {BYTES("K\x01K\x02"
               "a."),
         ESPY_E_FORMAT, "container"},
        {BYTES("N}b."), ESPY_E_FORMAT, "attributes"},
        {BYTES("I1e\n."), ESPY_E_FORMAT, "number"},
        {BYTES("V\\ud800\n."), ESPY_E_FORMAT, "Unicode"},
        {BYTES("cnumpy\ndtype\n(X\x02\x00\x00\x00V8\x89\x88tR."), ESPY_E_UNSUPPORTED, "V8"},
        {BYTES("cnumpy\ndtype\n)R."), ESPY_E_FORMAT, "element type"},
        {BYTES("cnumpy\nndarray\n)R."), ESPY_E_UNSUPPORTED, "numpy.ndarray"},
        {BYTES("c_codecs\nencode\n(Va\nVutf-8\ntR."), ESPY_E_UNSUPPORTED, "Latin-1"},
        {BYTES("K\x01."), ESPY_E_FORMAT, "no classifier"},
        {BYTES("}."), ESPY_E_FORMAT, "no classifier"},
        {BYTES("csklearn.svm._classes\nSVC\n)\x81."), ESPY_E_UNSUPPORTED, "linear"},
        {BYTES("csklearn.svm._classes\nSVC\n."), ESPY_E_FORMAT, "no classifier"},
        {BYTES("csklearn.multiclass\nOneVsRestClassifier\n)\x81}b."), ESPY_E_FORMAT,
         "label_binarizer_"},
    };
#undef BYTES
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m;
    test_memory_init(&cx, &mem);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        espy_err e = pickle_parse(&cx, cases[i].bytes, cases[i].n, &m);
        if (e != cases[i].e || !strstr(cx.text, cases[i].text))
            print_error("case %zu: %d \"%s\", expected \"%s\"\n", i, (int)e, cx.text,
                        cases[i].text);
        assert_int_equal(e, cases[i].e);
        assert_non_null(strstr(cx.text, cases[i].text));
        assert_null(strchr(cx.text, '\n'));
    }
    assert_int_equal(mem.live, 0);
}

/* Small files that would unfold to gigabytes end in LIMIT. */
static void test_bombs(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m;
    espy_buf b;
    test_memory_init(&cx, &mem);
    espy_buf_init(&b, 1 << 24);
    /* One text of 64 KiB, encoded again and again. */
    assert_int_equal(espy_buf_text(&cx, &b,
                                   "c_codecs\nencode\nq\x01"
                                   "0X"),
                     ESPY_E_OK);
    assert_int_equal(espy_buf_append(&cx, &b, "\x00\x00\x01\x00", 4), ESPY_E_OK);
    for (int i = 0; i < 65536; i++)
        assert_int_equal(espy_buf_text(&cx, &b, "a"), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b,
                                   "\x8c\x06latin1\x86q\x02"
                                   "0"),
                     ESPY_E_OK);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(espy_buf_text(&cx, &b, "h\x01h\x02R0"), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "N."), ESPY_E_OK);
    assert_int_equal(pickle_parse(&cx, (char *)b.data, b.size, &m), ESPY_E_LIMIT);
    espy_buf_free(&cx, &b);
    /* Lists of lists of lists, each ten times: metadata with 10^40 values. */
    espy_buf_init(&b, 1 << 24);
    espy_buf seed = pickle_seed(&cx, "svc2-old-2.pkl");
    assert_int_equal(espy_buf_append(&cx, &b, seed.data, seed.size - 1), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "X\x08"), ESPY_E_OK);
    assert_int_equal(espy_buf_append(&cx, &b, "\x00\x00\x00", 3), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "metadata}]q\xf0"), ESPY_E_OK);
    for (int i = 0; i < 40; i++)
        assert_int_equal(espy_buf_text(&cx, &b,
                                       "0](h\xf0h\xf0h\xf0h\xf0h\xf0h\xf0h\xf0h\xf0h\xf0h"
                                       "\xf0"
                                       "eq\xf0"),
                         ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "0\x8c\x01kh\xf0ss."), ESPY_E_OK);
    assert_int_equal(pickle_parse(&cx, (char *)b.data, b.size, &m), ESPY_E_LIMIT);
    assert_non_null(strstr(cx.text, "metadata"));
    espy_buf_free(&cx, &b);
    espy_buf_free(&cx, &seed);
    assert_int_equal(mem.live, 0);
}

static void pickle_damage(espy_ctx *cx, const char *name, bool bits)
{
    espy_sk_model m;
    espy_buf b = pickle_seed(cx, name);
    for (size_t n = 0; n < b.size; n++)
        assert_int_not_equal(pickle_parse(cx, (char *)b.data, n, &m), ESPY_E_OK);
    for (size_t bit = 0; bits && bit < b.size * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (pickle_parse(cx, (char *)b.data, b.size, &m) == ESPY_E_OK)
            espy_sk_free(cx, &m);
        else
            assert_true(cx->text[0] != '\0' && !strchr(cx->text, '\n'));
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    espy_buf_free(cx, &b);
}

static void test_damaged(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    pickle_damage(&cx, "svc3-old-4.pkl", true);
    pickle_damage(&cx, "rest3-new-4.pkl", true);
    pickle_damage(&cx, "svc2-new-0.pkl", false);
    pickle_damage(&cx, "svc2-new-5.pkl", false);
    assert_int_equal(mem.live, 0);
}

static espy_err pickle_write(espy_ctx *cx, const espy_sk_model *m, espy_buf *b)
{
    espy_buf_init(b, 1 << 20);
    espy_err e = espy_sk_put_production(cx, m, m->metadata, b);
    if (e)
        espy_buf_free(cx, b);
    return e;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"svc3-old-4.pkl", "rest3-new-4.pkl", "svc2-new-0.pkl"};
    static const float x[3] = {0.25f, -0.5f, 1.0f};
    espy_ctx cx;
    test_memory mem;
    double p[3];
    test_memory_init(&cx, &mem);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        espy_sk_model m;
        espy_buf b = pickle_seed(&cx, names[i]), w;
        TEST_FAULT_LOOP(&cx, &mem, espy_sk_parse(&cx, espy_span_of(&b), &m), espy_sk_free(&cx, &m));
        assert_int_equal(espy_sk_parse(&cx, espy_span_of(&b), &m), ESPY_E_OK);
        TEST_FAULT_LOOP(&cx, &mem, espy_sk_probabilities(&cx, &m, x, 1, p), (void)0);
        TEST_FAULT_LOOP(&cx, &mem, pickle_write(&cx, &m, &w), espy_buf_free(&cx, &w));
        espy_sk_free(&cx, &m);
        espy_buf_free(&cx, &b);
    }
    assert_int_equal(mem.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_bombs),         cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
