/* SPDX-License-Identifier: Apache-2.0
 * Whole encoders from files: parity with the golden detections and embeddings, reduced decoding,
 * the second look, batches.  Needs the networks and pictures of ../shared; says what it skips. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/detect.h"
#include "encode/encode.h"
#include "encode_case.h"
#include "media/media.h"
#include "support/support.h"

static espy_encoder *open_pack(espy_ctx *cx, const char *pack, const char *precision)
{
    espy_encoder *en = NULL;
    if (espy_encoder_open(cx, pack, NULL, precision, 1, &en) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return en;
}

/* A manifest in a temporary folder whose files are found in ../shared by their names; the path is
 * in a static buffer. */
static const char *write_manifest(espy_ctx *cx, const char *name, const char *detector,
                                  const char *block)
{
    static char path[300];
    char text[3000];
    snprintf(path, sizeof path, "/tmp/espy-test-%s", name);
    assert_int_equal(espy_dir_make(cx, path), ESPY_E_OK);
    snprintf(path, sizeof path, "/tmp/espy-test-%s/pack.json", name);
    snprintf(text, sizeof text,
             "{\"format\":1,\"name\":\"test-%s\",\"summary\":\"\",\"modality\":\"face\","
             "\"licence\":\"\",\"commercial\":false,\"dim\":128,\"floor\":0.3,\"files\":["
             "{\"role\":\"detector\",\"name\":\"%s\"},"
             "{\"role\":\"embedder\",\"name\":\"mobilefacenet.onnx\"}],"
             "\"detector\":{%s},\"align\":\"arcface\",\"embedder\":{\"input\":[112,112],"
             "\"mean\":[123.675,116.28,103.53],\"std\":[58.395,57.12,57.375]}}",
             name, detector, block);
    assert_int_equal(espy_file_write(cx, path, text, strlen(text)), ESPY_E_OK);
    return path;
}

static espy_samples find(espy_ctx *cx, const espy_encoder *en, const char *shared,
                         const espy_find_options *options)
{
    espy_samples s = {0};
    const char *path = test_shared(shared);
    assert_non_null(path);
    espy_buf file = test_read(cx, path);
    if (espy_encoder_find(cx, en, espy_span_of(&file), options, &s) != ESPY_E_OK)
        fail_msg("%s: %s", shared, cx->text);
    espy_buf_free(cx, &file);
    return s;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static double overlap(const espy_sample *a, const double b[4])
{
    const double x1 = fmax((double)a->box[0], b[0]), y1 = fmax((double)a->box[1], b[1]);
    const double x2 = fmin((double)(a->box[0] + a->box[2]), b[2]);
    const double y2 = fmin((double)(a->box[1] + a->box[3]), b[3]);
    if (x2 <= x1 || y2 <= y1)
        return 0;
    const double both = (x2 - x1) * (y2 - y1);
    return both / ((double)(a->box[2] * a->box[3]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

typedef struct parity {
    int golden, missing, extra, edges, beyond; /* counts; beyond: numbers outside the tolerance */
    double worst;                              /* largest deviation over its tolerance */
} parity;

/* Compares one golden face with ours: box edges and points within max(1.5 px, 2 % of the face). */
static void compare_face(const espy_json *o, const espy_sample *s, const double box[4], parity *p)
{
    const double tolerance = fmax(1.5, 0.02 * fmax(box[2] - box[0], box[3] - box[1]));
    for (size_t k = 0; k < 14; k++) {
        double want, got;
        if (k < 4) {
            want = box[k];
            got = (double)(k < 2 ? s->box[k] : s->box[k - 2] + s->box[k]);
        } else {
            const espy_json *point = espy_json_at(espy_json_get(o, "points"), (k - 4) / 2);
            want = espy_json_number(espy_json_at(point, k % 2), NAN);
            got = (double)s->points[(k - 4) / 2][k % 2];
        }
        p->worst = fmax(p->worst, fabs(got - want) / tolerance);
        p->edges++;
        p->beyond += !(fabs(got - want) <= tolerance);
    }
}

static parity detections(espy_ctx *cx, const espy_encoder *en, const char *detector, double sure)
{
    parity p = {0};
    espy_json *all = NULL;
    const espy_find_options options = {.full_decode = true, .no_crops = true};
    assert_int_equal(
        espy_json_load(cx, test_shared("golden/detections.json"), (size_t)1 << 24, &all),
        ESPY_E_OK);
    void *it = NULL;
    const char *name;
    const espy_json *picture;
    while (espy_json_next(espy_json_get(all, "images"), &it, &name, &picture)) {
        char path[300];
        snprintf(path, sizeof path, "data/%s", name);
        espy_samples s = find(cx, en, path, &options);
        const espy_json *list = espy_json_get(picture, detector);
        bool *used = calloc(s.n + 1, sizeof *used);
        for (size_t i = 0; i < espy_json_count(list); i++) {
            const espy_json *o = espy_json_at(list, i);
            double box[4], most = 0.5;
            size_t best = s.n;
            for (size_t k = 0; k < 4; k++)
                box[k] = espy_json_number(espy_json_at(espy_json_get(o, "box"), k), NAN);
            for (size_t j = 0; j < s.n; j++)
                if (!used[j] && overlap(&s.at[j], box) > most) {
                    most = overlap(&s.at[j], box);
                    best = j;
                }
            p.golden++;
            if (best < s.n) {
                used[best] = true;
                compare_face(o, &s.at[best], box, &p);
            } else if (espy_json_number(espy_json_get(o, "score"), 0) > sure) {
                p.missing++;
                print_message("%s: %s missed, score %.3f\n", name, detector,
                              espy_json_number(espy_json_get(o, "score"), 0));
            }
        }
        for (size_t j = 0; j < s.n; j++)
            if (!used[j] && (double)s.at[j].score > sure) {
                p.extra++;
                print_message("%s: %s extra, score %.3f\n", name, detector, (double)s.at[j].score);
            }
        free(used);
        espy_samples_free(cx, &s);
    }
    espy_json_free(all);
    print_message(
        "%s: %d faces, %d missing, %d extra, %d of %d numbers beyond tolerance, worst %.2f "
        "of it\n",
        detector, p.golden, p.missing, p.extra, p.beyond, p.edges, p.worst);
    return p;
}

static void test_detections(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    static const struct {
        const char *golden, *pack, *file;
    } cases[] = {
        {"scrfd_500m_kps", "mobilefacenet", NULL},
        {"scrfd_500m_kps", NULL, "scrfd_500m_kps.onnx"},
        {"scrfd_2.5g_kps", NULL, "scrfd_2.5g_kps.onnx"},
        {"mtcnn", "mobilefacenet-mtcnn", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *pack =
            cases[i].pack
                ? cases[i].pack
                : write_manifest(
                      &cx, cases[i].golden, cases[i].file,
                      "\"type\":\"scrfd\",\"input\":[640,640],\"mean\":127.5,\"std\":128");
        espy_encoder *en = open_pack(&cx, pack, "f32");
        const bool mtcnn = strcmp(cases[i].golden, "mtcnn") == 0;
        parity p = detections(&cx, en, cases[i].golden, mtcnn ? 0.8 : 0.52);
        assert_int_equal(p.missing, 0);
        assert_int_equal(p.extra, 0);
        assert_int_equal(p.beyond, 0);
        espy_encoder_destroy(&cx, &en);
    }
}

/* Detectors without golden detections find what SCRFD finds on an easy picture. */
static void test_other_detectors(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    static const struct {
        const char *name, *file, *block;
    } cases[] = {
        {"rfb", "version-RFB-320.onnx",
         "\"type\":\"rfb\",\"input\":[320,240],\"mean\":127,\"std\":128,\"min_score\":0.7,\"nms\":"
         "0.3,"
         "\"fit\":\"stretch\""},
        {"yunet", "face_detection_yunet_120x160.onnx",
         "\"type\":\"yunet\",\"input\":[160,120],\"order\":\"bgr\",\"min_score\":0.6,\"nms\":0.3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_encoder *en = open_pack(
            &cx, write_manifest(&cx, cases[i].name, cases[i].file, cases[i].block), "f32");
        espy_samples s = find(&cx, en, "data/faces/groups/deepinsight_t1.jpg", NULL);
        assert_in_range(s.n, 4, 6);
        for (size_t j = 0; j < s.n; j++) {
            assert_int_equal(s.at[j].crop.width, 112);
            assert_int_equal(s.at[j].has_points, strcmp(cases[i].name, "yunet") == 0);
            assert_true(s.at[j].sharpness > 0);
        }
        espy_samples_free(&cx, &s);
        espy_encoder_destroy(&cx, &en);
    }
}

/* Embeddings of the golden crops, and of faces found by ourselves in the files. */
static void check_embeddings(espy_ctx *cx, const char *pack, const char *golden,
                             const char *precision, double least_crop, double least_file)
{
    char name[200];
    snprintf(name, sizeof name, "golden/embeddings/lfw10_%s_raw.npy", golden);
    test_array want = test_npy(test_shared(name));
    test_array crops = test_npy(test_shared("golden/embeddings/lfw10_aligned_rgb_u8.npy"));
    espy_buf list = test_read(cx, test_shared("golden/embeddings/lfw10_files.txt"));
    espy_encoder *en = open_pack(cx, pack, precision);
    const size_t n = want.dims[0], dim = espy_encoder_dim(en);
    double worst_crop = 1, worst_file = 1, batch_error = 0;
    float *one = calloc(dim, sizeof *one), *many = calloc(n * dim, sizeof *many);
    espy_image *images = calloc(n, sizeof *images);
    assert_int_equal(want.dims[1], dim);
    for (size_t i = 0; i < n; i++) {
        images[i] = (espy_image){(uint8_t *)crops.data + i * 112 * 112 * 3, 112, 112, 112, 112};
    }
    if (case_embed(cx, en, images, n, many) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    char *line = strtok((char *)list.data, "\n");
    const espy_find_options options = {.full_decode = true, .largest = true};
    for (size_t i = 0; i < n; i++, line = strtok(NULL, "\n")) {
        const float *golden_row = (const float *)want.data + i * dim;
        worst_crop = fmin(worst_crop, cosine(many + i * dim, golden_row, dim));
        assert_float_equal(cosine(many + i * dim, many + i * dim, dim), 1, 1e-6);
        assert_int_equal(case_embed(cx, en, images + i, 1, one), ESPY_E_OK);
        for (size_t k = 0; k < dim; k++)
            batch_error = fmax(batch_error, (double)fabsf(one[k] - many[i * dim + k]));
        snprintf(name, sizeof name, "data/%s", line);
        espy_samples s = find(cx, en, name, &options);
        assert_int_equal(s.n, 1);
        const espy_image *crop = &s.at[0].crop;
        assert_int_equal(case_embed(cx, en, crop, 1, one), ESPY_E_OK);
        worst_file = fmin(worst_file, cosine(one, golden_row, dim));
        espy_samples_free(cx, &s);
    }
    print_message(
        "%s %s: least cosine from crops %.7f, from files %.6f, batch of 16 against 1: %.1e\n", pack,
        precision, worst_crop, worst_file, batch_error);
    assert_true(worst_crop >= least_crop);
    assert_true(worst_file >= least_file);
    assert_true(batch_error <= (strcmp(precision, "f32") == 0 ? 1e-5 : 2e-2));
    free(one);
    free(many);
    free(images);
    espy_encoder_destroy(cx, &en);
    espy_buf_free(cx, &list);
    test_array_free(&want);
    test_array_free(&crops);
}

static void test_embeddings(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    check_embeddings(&cx, "mobilefacenet", "mobilefacenet", "f32", 0.99999, 0.999);
    check_embeddings(&cx, "edgeface", "edgeface_xxs", "f32", 0.99999, 0.999);
    if (espy_precision_native(ESPY_PRECISION_BF16)) {
        check_embeddings(&cx, "mobilefacenet", "mobilefacenet", "auto", 0.999, 0.999);
        check_embeddings(&cx, "mobilefacenet", "mobilefacenet", "bf16", 0.999, 0.99);
    } else
        print_message("bf16 not checked: this CPU lacks it\n");
}

/* Pictures decoded at reduced scale lose no face that is not on the edge of being one. */
static void test_reduced(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "mobilefacenet", "f32");
    static const char *const folders[] = {"data/faces/groups", "data/faces/athletes/roger_federer",
                                          "data/faces/celebs5/val/ben_afflek"};
    const espy_find_options full = {.full_decode = true}, reduced = {0};
    size_t pictures = 0, faces = 0, lost = 0;
    double least = 1;
    float a[128], b[128];
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        char path[400];
        espy_dir_list list;
        if (!test_shared(folders[f]))
            continue;
        assert_int_equal(espy_dir_read(&cx, test_shared(folders[f]), &list), ESPY_E_OK);
        for (size_t i = 0; i < list.n; i++) {
            if (!espy_image_name(list.at[i].name))
                continue;
            snprintf(path, sizeof path, "%s/%s", folders[f], list.at[i].name);
            espy_samples x = find(&cx, en, path, &full), y = find(&cx, en, path, &reduced);
            assert_int_equal(x.width, y.width);
            assert_int_equal(x.height, y.height);
            pictures++;
            for (size_t j = 0; j < x.n; j++) {
                const espy_sample *s = &x.at[j];
                const double box[4] = {(double)s->box[0], (double)s->box[1],
                                       (double)(s->box[0] + s->box[2]),
                                       (double)(s->box[1] + s->box[3])};
                double most = 0;
                size_t best = 0;
                for (size_t k = 0; k < y.n; k++)
                    if (overlap(&y.at[k], box) > most) {
                        most = overlap(&y.at[k], box);
                        best = k;
                    }
                faces += s->score > 0.55f;
                lost += s->score > 0.55f && most < 0.5;
                if (most < 0.5 || s->box[2] < 60 || s->score < 0.7f)
                    continue;
                const espy_image *p = &s->crop, *q = &y.at[best].crop;
                assert_int_equal(case_embed(&cx, en, p, 1, a), ESPY_E_OK);
                assert_int_equal(case_embed(&cx, en, q, 1, b), ESPY_E_OK);
                least = fmin(least, cosine(a, b, 128));
            }
            espy_samples_free(&cx, &x);
            espy_samples_free(&cx, &y);
        }
        espy_dir_list_free(&cx, &list);
    }
    print_message("reduced decoding: %zu pictures, %zu faces, %zu lost, least cosine %.4f\n",
                  pictures, faces, lost, least);
    assert_int_equal(lost, 0);
    assert_true(least > 0.95);
    espy_encoder_destroy(&cx, &en);
}

/* Faces that fill the picture are found on the second look; without a face the whole picture stands
 * in only when it is asked for. */
static void test_second_look(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "mobilefacenet", "f32");
    const espy_find_options quick = {.no_crops = true};
    int n = 0, found = 0;
    for (int person = 1; person <= 40; person += 3)
        for (int k = 1; k <= 10; k += 3) {
            char path[100];
            snprintf(path, sizeof path, "data/faces/orl/s%d/%d.pgm", person, k);
            if (!test_shared(path))
                snprintf(path, sizeof path, "data/faces/orl/s%02d/%02d.pgm", person, k);
            if (!test_shared(path))
                continue;
            espy_samples s = find(&cx, en, path, &quick);
            n++;
            found += s.n > 0;
            assert_null(s.n ? s.at[0].crop.px : NULL);
            espy_samples_free(&cx, &s);
        }
    print_message("second look: %d of %d\n", found, n);
    assert_int_equal(found, n);

    espy_image grey;
    espy_buf png;
    espy_samples s;
    espy_buf_init(&png, 1 << 20);
    assert_int_equal(espy_image_create(&cx, 300, 200, &grey), ESPY_E_OK);
    memset(grey.px, 128, 300 * 200 * 3);
    assert_int_equal(espy_image_to_png(&cx, &grey, &png), ESPY_E_OK);
    assert_int_equal(espy_encoder_find(&cx, en, espy_span_of(&png), NULL, &s), ESPY_E_OK);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.width, 300);
    const espy_find_options whole = {.whole_if_none = true};
    assert_int_equal(espy_encoder_find(&cx, en, espy_span_of(&png), &whole, &s), ESPY_E_OK);
    assert_int_equal(s.n, 1);
    assert_true(s.at[0].whole);
    assert_int_equal(s.at[0].crop.width, 112);
    assert_int_equal(s.at[0].crop.px[3 * (56 * 112 + 56)], 128);
    assert_int_equal(s.at[0].crop.px[3 * (2 * 112 + 56)], 0);
    espy_samples_free(&cx, &s);
    espy_image_free(&cx, &grey);
    espy_buf_free(&cx, &png);
    espy_encoder_destroy(&cx, &en);
}

static espy_err find_bytes(espy_ctx *cx, const espy_encoder *en, espy_span file, espy_samples *out)
{
    return espy_encoder_find(cx, en, file, NULL, out);
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    espy_encoder *en = open_pack(&cx, "mobilefacenet", "f32");
    espy_buf file = test_read(&cx, test_shared("data/faces/lfw10/Tony_Blair/Tony_Blair_0003.jpg"));
    espy_samples s = {0};
    /* once first, so that the network's plans are made */
    assert_int_equal(find_bytes(&cx, en, espy_span_of(&file), &s), ESPY_E_OK);
    espy_samples_free(&cx, &s);
    TEST_FAULT_LOOP(&cx, &m, find_bytes(&cx, en, espy_span_of(&file), &s),
                    espy_samples_free(&cx, &s));
    assert_int_equal(find_bytes(&cx, en, (espy_span){file.data, 500}, &s), ESPY_E_FORMAT);
    espy_clear(&cx);
    atomic_bool stop = true;
    cx.cancel = &stop;
    assert_int_equal(find_bytes(&cx, en, espy_span_of(&file), &s), ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_clear(&cx);
    espy_buf_free(&cx, &file);
    espy_encoder_destroy(&cx, &en);
    assert_int_equal(m.live, 0);
    /* opening: each of the first allocations, then every 97th, so that it ends today */
    for (long n = 1;; n += n < 60 ? 1 : 97) {
        m.countdown = n;
        m.hit = 0;
        espy_err e = espy_encoder_open(&cx, "mobilefacenet", NULL, "f32", 1, &en);
        m.countdown = 0;
        if (e == ESPY_E_OK)
            espy_encoder_destroy(&cx, &en);
        else
            assert_int_equal(e, ESPY_E_NOMEM);
        assert_int_equal(m.live, 0);
        espy_clear(&cx);
        if (!m.hit)
            break;
    }
}

/* What is wrong with a pack is said, with the key and what to do. */
static void test_wrong_packs(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    static const struct {
        const char *name, *file, *block, *says;
    } cases[] = {
        {"type", "det_500m.onnx", "\"type\":\"magic\",\"input\":[640,640]", "detector.type"},
        {"family", "version-RFB-320.onnx", "\"type\":\"scrfd\",\"input\":[640,640]", "SCRFD"},
        {"size", "det_500m.onnx", "\"type\":\"scrfd\",\"input\":[99999,640]", "detector.input"},
        {"key", "det_500m.onnx", "\"type\":\"scrfd\",\"input\":[640,640],\"men\":3", "men"},
        {"absent", "no-such-file.onnx", "\"type\":\"scrfd\",\"input\":[640,640]", "no-such-file"},
        {"foreign", "MANIFEST.md", "\"type\":\"scrfd\",\"input\":[640,640]", "detector"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_encoder *en = NULL;
        const char *path = write_manifest(&cx, cases[i].name, cases[i].file, cases[i].block);
        espy_err e = espy_encoder_open(&cx, path, NULL, "f32", 1, &en);
        if (e == ESPY_E_OK || !strstr(cx.text, cases[i].says))
            fail_msg("%s: %d %s", cases[i].name, e, cx.text);
        assert_null(en);
        espy_clear(&cx);
    }
    assert_int_equal(m.live, 0);
    espy_encoder *en = NULL;
    assert_int_equal(espy_encoder_open(&cx, "mobilefacenet", NULL, "f16", 1, &en), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(m.live, 0);
}

/* Same settings, same digest; another alignment, precision or file, another one. */
static void test_digest(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *a = open_pack(&cx, "mobilefacenet", "f32"),
                 *b = open_pack(&cx, "mobilefacenet-mtcnn", "f32"),
                 *c = open_pack(&cx, "edgeface", "f32");
    assert_string_equal(espy_encoder_digest(a), espy_encoder_digest(b));
    assert_string_not_equal(espy_encoder_digest(a), espy_encoder_digest(c));
    assert_string_not_equal(espy_encoder_detector_digest(a), espy_encoder_detector_digest(b));
    assert_string_equal(espy_encoder_detector_digest(a), espy_encoder_detector_digest(c));
    espy_encoder_destroy(&cx, &a);
    espy_encoder_destroy(&cx, &b);
    espy_encoder_destroy(&cx, &c);
}

int main(void)
{
    if (!test_shared("models/det_500m.onnx") || !test_shared("data/faces"))
        test_skip_all("the networks and pictures of ../shared are not here");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detections),  cmocka_unit_test(test_other_detectors),
        cmocka_unit_test(test_embeddings),  cmocka_unit_test(test_reduced),
        cmocka_unit_test(test_second_look), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_wrong_packs), cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
