/* SPDX-License-Identifier: Apache-2.0
 * The face-api packs against what the package itself answers on its sample pictures
 * (face_api/golden.json).  Needs the converted pack: scripts/get-face-api.sh. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "encode_case.h"
#include "support/support.h"

enum { DIM = 128 };

typedef struct report {
    int faces, missing, extra, beyond;
    double worst;  /* box edge, over max(1.5 px, 2 % of the face) */
    double cosine; /* least, of descriptors */
} report;

/* The folder that holds the pack's files; NULL when it has not been made. */
static const char *pack_folder(espy_ctx *cx)
{
    static char at[600];
    espy_pack *p = NULL;
    if (espy_pack_open(cx, "face-api", NULL, &p) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    const espy_pack_file *f = espy_pack_file_find(p, "embedder");
    at[0] = '\0';
    if (f && f->path)
        snprintf(at, sizeof at, "%.*s", (int)(espy_path_name(f->path) - f->path), f->path);
    espy_pack_destroy(cx, &p);
    return at[0] ? at : NULL;
}

/* The manifest of a pack with another alignment, in a temporary folder. */
static const char *with_align(espy_ctx *cx, const char *pack, const char *align)
{
    static char path[200];
    espy_json *o = NULL;
    char from[100];
    snprintf(from, sizeof from, "models/packs/%s/pack.json", pack);
    assert_int_equal(espy_json_load(cx, test_source(from), 1 << 20, &o), ESPY_E_OK);
    assert_int_equal(espy_json_set(cx, o, "align", espy_json_of_string(align)), ESPY_E_OK);
    snprintf(path, sizeof path, "/tmp/espy-test-%s-%s", pack, align);
    assert_int_equal(espy_dir_make(cx, path), ESPY_E_OK);
    snprintf(path, sizeof path, "/tmp/espy-test-%s-%s/pack.json", pack, align);
    assert_int_equal(espy_json_save(cx, o, path), ESPY_E_OK);
    espy_json_free(o);
    return path;
}

static double overlap(const float a[4], const double b[4])
{
    const double w = fmin((double)(a[0] + a[2]), b[0] + b[2]) - fmax((double)a[0], b[0]);
    const double h = fmin((double)(a[1] + a[3]), b[1] + b[3]) - fmax((double)a[1], b[1]);
    if (w <= 0 || h <= 0)
        return 0;
    return w * h / ((double)(a[2] * a[3]) + b[2] * b[3] - w * h);
}

static double cosine(const float *a, const espy_json *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < DIM; i++) {
        const double v = espy_json_number(espy_json_at(b, i), NAN);
        ab += (double)a[i] * v;
        aa += (double)a[i] * (double)a[i];
        bb += v * v;
    }
    return ab / sqrt(aa * bb);
}

static void compare(espy_ctx *cx, const espy_encoder *en, const espy_json *face,
                    const espy_samples *s, bool *used, report *r)
{
    double box[4], most = 0.4;
    size_t best = s->n;
    for (size_t k = 0; k < 4; k++)
        box[k] = espy_json_number(espy_json_at(espy_json_get(face, "box"), k), NAN);
    for (size_t j = 0; j < s->n; j++)
        if (!used[j] && overlap(s->at[j].box, box) > most) {
            most = overlap(s->at[j].box, box);
            best = j;
        }
    r->faces++;
    if (best == s->n) {
        r->missing += espy_json_number(espy_json_get(face, "score"), 0) > 0.55;
        return;
    }
    used[best] = true;
    const espy_sample *a = &s->at[best];
    const double tolerance = fmax(1.5, 0.02 * fmax(box[2], box[3]));
    for (int k = 0; k < 4; k++) {
        const double want = k < 2 ? box[k] : box[k - 2] + box[k];
        const double got = (double)(k < 2 ? a->box[k] : a->box[k - 2] + a->box[k]);
        r->worst = fmax(r->worst, fabs(got - want) / tolerance);
        r->beyond += !(fabs(got - want) <= tolerance);
    }
    const espy_json *descriptor = espy_json_get(face, "descriptor");
    const espy_image *crop = &a->crop;
    float v[DIM];
    if (!descriptor)
        return;
    if (case_embed(cx, en, crop, 1, v) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    r->cosine = fmin(r->cosine, cosine(v, descriptor));
}

static report run(espy_ctx *cx, const char *pack, const char *folder, const char *list)
{
    report r = {.cosine = 1};
    espy_encoder *en = NULL;
    espy_json *all = NULL;
    const espy_find_options options = {.full_decode = true};
    if (espy_encoder_open(cx, pack, NULL, "f32", 1, &en) != ESPY_E_OK ||
        espy_json_load(cx, test_source("tests/encode/face_api/golden.json"), 1 << 24, &all))
        fail_msg("%s", cx->text);
    const espy_json *pictures = espy_json_get(all, "pictures");
    for (size_t i = 0; i < espy_json_count(pictures); i++) {
        const espy_json *p = espy_json_at(pictures, i), *faces = espy_json_get(p, list);
        char path[800];
        espy_samples s;
        snprintf(path, sizeof path, "%sphotos/%s", folder,
                 espy_json_string(espy_json_get(p, "file"), ""));
        espy_buf file = test_read(cx, path);
        if (espy_encoder_find(cx, en, espy_span_of(&file), &options, &s) != ESPY_E_OK)
            fail_msg("%s", cx->text);
        bool *used = calloc(s.n + 1, sizeof *used);
        for (size_t k = 0; k < espy_json_count(faces); k++)
            compare(cx, en, espy_json_at(faces, k), &s, used, &r);
        for (size_t j = 0; j < s.n; j++)
            r.extra += !used[j] && s.at[j].score > 0.55f;
        free(used);
        espy_samples_free(cx, &s);
        espy_buf_free(cx, &file);
    }
    espy_json_free(all);
    espy_encoder_destroy(cx, &en);
    print_message(
        "%s: %d faces, %d missing, %d extra, %d edges beyond tolerance (worst %.2f of it), "
        "least cosine %.5f\n",
        pack, r.faces, r.missing, r.extra, r.beyond, r.worst, r.cosine);
    return r;
}

static void test_package(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const char *folder = pack_folder(&cx);
    report r = run(&cx, with_align(&cx, "face-api", "upright"), folder, "faces");
    assert_int_equal(r.missing + r.extra, 0);
    assert_true(r.cosine > 0.99);
    r = run(&cx, "face-api-tiny", folder, "tiny");
    assert_int_equal(r.missing + r.extra, 0);
}

int main(void)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (!pack_folder(&cx))
        test_skip_all("the face-api pack is not here: run scripts/get-face-api.sh");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
