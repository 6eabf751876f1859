/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a pack manifest from anybody.  It is refused with one line of text, or read; what
 * was read keeps its promises: plain file names, bounded sizes, the same digest of the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "encode/align.h"
#include "encode/detect.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_pack *p = NULL;
    espy_ctx_init(&cx);
    if (espy_pack_parse(&cx, (espy_span){data, size}, "pack.json", &p) != ESPY_E_OK) {
        assert(cx.text[0] && !strchr(cx.text, '\n') && !p);
        return 0;
    }
    assert(p->dim >= 2 && p->n_files >= 1);
    for (size_t i = 0; i < p->n_files; i++) {
        assert(!strchr(p->files[i].name, '/') && p->files[i].name[0] != '.');
        assert(!p->files[i].digest[0] || espy_digest_valid(p->files[i].digest));
        assert(!p->files[i].path);
    }
    fuzz_settings(&cx, p);
    espy_pack_destroy(&cx, &p);
    return 0;
}
