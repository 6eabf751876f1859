/* SPDX-License-Identifier: Apache-2.0
 * Decoding, fit and warp against the aligned faces of the shared golden files (OpenCV). */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/dsp.h"
#include "media/media.h"

/* The five points of the ArcFace template, 112 x 112 (Deng et al. 2019). */
static const double template_points[10] = {38.2946, 51.6963, 73.5318, 51.5014, 56.0252,
                                           71.7366, 41.5493, 92.3655, 70.7299, 92.2041};

static void test_aligned(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    test_array affine = test_npy(test_shared("golden/embeddings/lfw10_affine.npy"));
    test_array points = test_npy(test_shared("golden/embeddings/lfw10_points.npy"));
    test_array faces = test_npy(test_shared("golden/embeddings/lfw10_aligned_rgb_u8.npy"));
    espy_buf names = test_read(&cx, test_shared("golden/embeddings/lfw10_files.txt"));
    double total = 0, fit_worst = 0;
    int largest = 0;
    char *line = (char *)names.data;
    for (size_t i = 0; i < faces.dims[0]; i++) {
        char *end = strchr(line, '\n'), path[512];
        if (end != NULL)
            *end = '\0';
        snprintf(path, sizeof path, "data/%s", line);
        line = end != NULL ? end + 1 : line;
        espy_buf file = test_read(&cx, test_shared(path));
        espy_image im, face;
        double m[6], fit[6], from[10];
        for (int k = 0; k < 6; k++)
            m[k] = affine.kind == 'd' ? ((double *)affine.data)[i * 6 + (size_t)k]
                                      : (double)((float *)affine.data)[i * 6 + (size_t)k];
        for (int k = 0; k < 10; k++)
            from[k] = points.kind == 'd' ? ((double *)points.data)[i * 10 + (size_t)k]
                                         : (double)((float *)points.data)[i * 10 + (size_t)k];
        assert_true(espy_fit_similarity(from, template_points, 5, fit));
        for (int k = 0; k < 6; k++)
            fit_worst = fmax(fit_worst, fabs(fit[k] - m[k]) / (k % 3 == 2 ? 100 : 1));
        assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &im), ESPY_E_OK);
        assert_int_equal(espy_image_warp(&cx, &im, m, 112, 112, &face), ESPY_E_OK);
        const uint8_t *want = (uint8_t *)faces.data + i * 112 * 112 * 3;
        for (int k = 0; k < 112 * 112 * 3; k++) {
            int d = abs(face.px[k] - want[k]);
            total += d;
            largest = d > largest ? d : largest;
        }
        espy_image_free(&cx, &face);
        espy_image_free(&cx, &im);
        espy_buf_free(&cx, &file);
    }
    double mean = total / (double)faces.n;
    printf("aligned faces: mean difference %.5f, largest %d; fit differs by %.2e\n", mean, largest,
           fit_worst);
    assert_true(mean < 0.05);
    assert_true(largest <= 2);
    assert_true(fit_worst < 1e-4);
    espy_buf_free(&cx, &names);
    test_array_free(&affine);
    test_array_free(&points);
    test_array_free(&faces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_aligned)};
    if (test_shared("golden/embeddings/lfw10_affine.npy") == NULL)
        test_skip_all("the shared golden files are not there (set ESPY_SHARED)");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
