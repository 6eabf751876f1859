/* SPDX-License-Identifier: Apache-2.0
 * encode - encoders of every modality: opening by pack, what they have in common. */
#include <string.h>

#include "encode/encoder_ops.h"
#include "media/media.h"
#include "media/sound.h"

static const espy_encoder_ops *const encoder_kinds[] = {&espy_encoder_face, &espy_encoder_sound};
#define ENCODER_KINDS (sizeof encoder_kinds / sizeof *encoder_kinds)

static const espy_encoder_ops *encoder_kind(const char *modality)
{
    for (size_t i = 0; i < ENCODER_KINDS; i++)
        if (strcmp(encoder_kinds[i]->modality.name, modality) == 0)
            return encoder_kinds[i];
    return NULL;
}

const espy_modality *espy_modality_find(const char *name)
{
    const espy_encoder_ops *ops = encoder_kind(name);
    return ops ? &ops->modality : NULL;
}

const espy_modality *espy_modality_of_file(const char *path)
{
    if (espy_image_name(path))
        return &espy_encoder_face.modality;
    return espy_sound_name(path) ? &espy_encoder_sound.modality : NULL;
}

/* ---- opening ------------------------------------------------------------------------------- */

const char *espy_precision_word(espy_precision p)
{
    return p == ESPY_PRECISION_BF16 ? "bf16" : "f32";
}

static espy_err encoder_precision(espy_ctx *cx, espy_encoder *en, const char *word)
{
    static const char *const words[] = {"auto", "f32", "mixed", "bf16"};
    const bool native = espy_precision_native(ESPY_PRECISION_BF16);
    size_t i = 0;
    while (word && i < 4 && strcmp(words[i], word) != 0)
        i++;
    if (i == 4)
        return espy_fail(cx, ESPY_E_ARG, "precision \"%.20s\" is not one of auto, f32, mixed, bf16",
                         word);
    if (i >= 2 && !native)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "this CPU does not compute in bf16; use --precision f32");
    const bool mixed =
        i == 0 ? espy_precision_quicker(ESPY_PRECISION_BF16) && en->pack->bf16 : i >= 2;
    en->precision = mixed ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32;
    en->detector_precision = i == 3 ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32;
    return ESPY_E_OK;
}

espy_err espy_encoder_hash(espy_ctx *cx, const espy_json *o, char out[ESPY_DIGEST_HEX])
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 20);
    ESPY_TRY(espy_json_print(cx, o, 0, &b));
    espy_digest(b.data, b.size, out);
    espy_buf_free(cx, &b);
    return ESPY_E_OK;
}

espy_err espy_encoder_open(espy_ctx *cx, const char *pack, const char *workspace,
                           const char *precision, unsigned threads, espy_encoder **out)
{
    espy_encoder begun = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_pack_open(cx, pack, workspace, &begun.pack));
    begun.ops = encoder_kind(begun.pack->modality);
    if (!begun.ops)
        ESPY_GO(espy_fail(cx, ESPY_E_UNSUPPORTED, "pack %s is for %ss, which this program lacks",
                          begun.pack->name, begun.pack->modality));
    ESPY_GO(encoder_precision(cx, &begun, precision));
    ESPY_GO(begun.ops->open(cx, &begun, threads, out));
    for (size_t i = 0; i < begun.pack->n_files; i++)
        if (!begun.pack->files[i].digest[0])
            espy_log(cx, ESPY_LOG_WARN,
                     "pack %s: the digest of %s is unknown, it is used unverified",
                     begun.pack->name, begun.pack->files[i].name);
    return ESPY_E_OK;
out:
    espy_pack_destroy(cx, &begun.pack);
    return e;
}

void espy_encoder_destroy(espy_ctx *cx, espy_encoder **encoder)
{
    espy_encoder *en = *encoder;
    if (!en)
        return;
    espy_pack *pack = en->pack;
    en->ops->destroy(cx, en);
    espy_pack_destroy(cx, &pack);
    *encoder = NULL;
}

const espy_modality *espy_encoder_modality(const espy_encoder *encoder)
{
    return &encoder->ops->modality;
}

const espy_pack *espy_encoder_pack(const espy_encoder *encoder)
{
    return encoder->pack;
}

size_t espy_encoder_dim(const espy_encoder *encoder)
{
    return encoder->pack->dim;
}

const char *espy_encoder_precision_name(const espy_encoder *encoder)
{
    if (encoder->precision == encoder->detector_precision)
        return espy_precision_word(encoder->precision);
    return "mixed";
}

const char *espy_encoder_digest(const espy_encoder *encoder)
{
    return encoder->digest;
}

const char *espy_encoder_detector_digest(const espy_encoder *encoder)
{
    return encoder->detector_digest;
}

/* ---- work ---------------------------------------------------------------------------------- */

espy_err espy_encoder_find(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                           const espy_find_options *options, espy_samples *out)
{
    static const espy_find_options usual = {0};
    ESPY_TRY(espy_cancelled(cx));
    return encoder->ops->find(cx, encoder, file, options ? options : &usual, out);
}

espy_err espy_encoder_cut(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                          espy_samples *s)
{
    ESPY_TRY(espy_cancelled(cx));
    if (!encoder->ops->cut)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "%ss that one encoder has found are not embedded by another one; make a "
                         "collection for it",
                         encoder->ops->modality.sample);
    return encoder->ops->cut(cx, encoder, file, s);
}

espy_err espy_encoder_embed(espy_ctx *cx, const espy_encoder *encoder, const espy_samples *samples,
                            float *out)
{
    return encoder->ops->embed(cx, encoder, samples, out);
}

void espy_samples_free(espy_ctx *cx, espy_samples *s)
{
    for (size_t i = 0; i < s->n; i++) {
        espy_image_free(cx, &s->at[i].crop);
        espy_free(cx, s->at[i].patches);
    }
    espy_free(cx, s->at);
    *s = (espy_samples){0};
}
