/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a pack manifest from anybody.  It is refused with one line of text, or read; what
 * was read keeps its promises: plain file names, bounded sizes, the same digest of the same bytes.
 */
#undef NDEBUG /* what is promised is checked in every build */
#include <assert.h>
#include <string.h>

#include "encode/align.h"
#include "encode/detect.h"
#include "encode/encoder_ops.h"
#include "encode/listen.h"
#include "encode/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_settings(espy_ctx *cx, const espy_pack *p)
{
    espy_prep prep;
    espy_detector_settings set;
    if (espy_prep_read(cx, espy_json_get(p->json, "embedder"), "embedder", &prep) == ESPY_E_OK) {
        assert(prep.width >= 8 && prep.width <= ESPY_PREP_SIDE);
        assert(prep.height >= 8 && prep.height <= ESPY_PREP_SIDE);
    }
    espy_clear(cx);
    if (espy_detector_settings_read(cx, espy_json_get(p->json, "detector"), &set) == ESPY_E_OK)
        assert(set.step >= 32 && set.step <= ESPY_PREP_SIDE && set.step % 32 == 0);
    espy_clear(cx);
}

/* A sound encoder of a manifest without files, as the built-in pack is: refused, or its times make
 * sense and its memory is bounded.  It takes the pack over. */
static void fuzz_sound(espy_ctx *cx, espy_pack *p)
{
    espy_encoder begun = {.pack = p, .ops = &espy_encoder_sound}, *en = NULL;
    if (begun.ops->open(cx, &begun, 1, &en) != ESPY_E_OK) {
        assert(cx->text[0] && !strchr(cx->text, '\n') && !en);
        espy_clear(cx);
        espy_pack_destroy(cx, &p);
        return;
    }
    const espy_listen_times t = espy_encoder_times(en);
    assert(t.patch > 0 && t.step > 0 && t.step <= t.patch && t.clip > 0 && t.clip <= 60);
    static const uint8_t nothing[1];
    espy_listener *l = NULL;
    assert(espy_listener_open(cx, en, NULL, (espy_span){nothing, 1}, 0, 0, &l) == ESPY_E_FORMAT);
    espy_clear(cx);
    espy_encoder_destroy(cx, &en);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_pack *p = NULL;
    espy_ctx_init(&cx);
    if (espy_pack_parse(&cx, (espy_span){data, size}, "pack.json", &p) != ESPY_E_OK) {
        assert(cx.text[0] && !strchr(cx.text, '\n') && !p);
        return 0;
    }
    assert(p->dim >= 2 && (p->n_files >= 1 || strcmp(p->name, "melstats") == 0));
    for (size_t i = 0; i < p->n_files; i++) {
        assert(!strchr(p->files[i].name, '/') && p->files[i].name[0] != '.');
        assert(!p->files[i].digest[0] || espy_digest_valid(p->files[i].digest));
        assert(!p->files[i].path);
    }
    fuzz_settings(&cx, p);
    if (strcmp(p->modality, "sound") == 0 && p->n_files == 0)
        fuzz_sound(&cx, p);
    else
        espy_pack_destroy(&cx, &p);
    return 0;
}
