/* SPDX-License-Identifier: Apache-2.0
 * encode - an encoder for sounds: log-mel patches, then a network or statistics.
 *
 * The defaults are YAMNet's front end (Plakal, Ellis 2020, AudioSet): 16 kHz, 25 ms frames every
 * 10 ms, 64 bands from 125 to 7500 Hz, log offset 0.001, patches of 96 frames every 48. */
#include "encode/encoder_sound.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"

#define SOUND_NAMES_BYTES ((size_t)4 << 20)
#define SOUND_CLIP_MOST 60.0 /* seconds */
/* A manifest may come from anybody: what memory one patch may take, as values of the recording and
 * of the spectrogram. */
#define SOUND_PATCH_VALUES ((size_t)1 << 20)
#define SOUND_PATCH_SIZE ((size_t)1 << 17)

size_t espy_patch_values(const encoder_sound *en)
{
    return (size_t)(en->frames - 1) * (size_t)en->spectrogram.hop + (size_t)en->spectrogram.window;
}

size_t espy_patch_step(const encoder_sound *en)
{
    return (size_t)en->step * (size_t)en->spectrogram.hop;
}

espy_patch espy_patch_hear(const encoder_sound *en, const float *patch)
{
    const size_t n = (size_t)en->frames * (size_t)en->spectrogram.bands;
    float top = patch[0];
    for (size_t i = 1; i < n; i++)
        top = top > patch[i] ? top : patch[i];
    const float level = fmaxf(expf(top) - en->spectrogram.offset, 0);
    return (espy_patch){level, level < en->base.pack->min_score};
}

espy_listen_times espy_encoder_times(const espy_encoder *encoder)
{
    const encoder_sound *en = (const encoder_sound *)encoder;
    const double rate = en->spectrogram.rate;
    return (espy_listen_times){(double)(en->frames * en->spectrogram.hop) / rate,
                               (double)espy_patch_step(en) / rate, en->clip};
}

int espy_encoder_rate(const espy_encoder *encoder)
{
    return ((const encoder_sound *)encoder)->spectrogram.rate;
}

size_t espy_encoder_scores(const espy_encoder *encoder)
{
    if (encoder->ops != &espy_encoder_sound)
        return 0;
    return ((const encoder_sound *)encoder)->embedder.scores;
}

const char *espy_encoder_score_name(const espy_encoder *encoder, size_t i)
{
    const size_t n = espy_encoder_scores(encoder);
    const encoder_sound *en = (const encoder_sound *)encoder;
    return i < n && en->names ? en->names[i] : "";
}

/* ---- opening ------------------------------------------------------------------------------- */

static espy_err sound_whole(espy_ctx *cx, const espy_json *block, const char *key, int lo, int hi,
                            int otherwise, int *out)
{
    int64_t v = otherwise;
    if (espy_json_get(block, key))
        ESPY_TRY(espy_json_need_int(cx, block, key, lo, hi, &v));
    *out = (int)v;
    return ESPY_E_OK;
}

/* A clip has fewer patches than are heard at a time, so that a listener knows it for one before it
 * has to answer. */
static espy_err sound_bounds(espy_ctx *cx, const encoder_sound *en)
{
    const size_t size = (size_t)en->frames * (size_t)en->spectrogram.bands;
    const double values = en->clip * en->spectrogram.rate;
    const double patches =
        (values - (double)espy_patch_values(en)) / (double)espy_patch_step(en) + 1;
    if (espy_patch_values(en) > SOUND_PATCH_VALUES || size > SOUND_PATCH_SIZE)
        return espy_fail(
            cx, ESPY_E_FORMAT,
            "a patch of %zu values and %d x %d of its spectrogram: at most %zu and %zu",
            espy_patch_values(en), en->frames, en->spectrogram.bands, SOUND_PATCH_VALUES,
            SOUND_PATCH_SIZE);
    if (patches > ESPY_LISTEN_BLOCK - 1)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "\"clip\": %g s are more than %d patches; make it shorter, or the step "
                         "longer",
                         en->clip, ESPY_LISTEN_BLOCK - 1);
    return ESPY_E_OK;
}

static espy_err sound_settings(espy_ctx *cx, encoder_sound *en)
{
    static const char *const keys[] = {"rate", "window", "hop",    "fft",  "bands", "low",
                                       "high", "offset", "frames", "step", NULL};
    const espy_json *json = en->base.pack->json, *b = espy_json_get(json, "spectrogram");
    espy_mel_options *o = &en->spectrogram;
    double low, high, offset;
    if (b)
        ESPY_TRY(espy_json_only(cx, b, "spectrogram", keys));
    ESPY_TRY(sound_whole(cx, b, "rate", 1000, 192000, 16000, &o->rate));
    ESPY_TRY(sound_whole(cx, b, "window", 2, ESPY_MEL_FFT, 400, &o->window));
    ESPY_TRY(sound_whole(cx, b, "hop", 1, ESPY_MEL_FFT, 160, &o->hop));
    ESPY_TRY(sound_whole(cx, b, "fft", 16, ESPY_MEL_FFT, 512, &o->fft));
    ESPY_TRY(sound_whole(cx, b, "bands", 1, ESPY_MEL_BANDS, 64, &o->bands));
    ESPY_TRY(espy_json_may_number(cx, b, "low", 0, 1e5, 125, &low));
    ESPY_TRY(espy_json_may_number(cx, b, "high", 1, 1e5, 7500, &high));
    ESPY_TRY(espy_json_may_number(cx, b, "offset", 1e-9, 1, 0.001, &offset));
    ESPY_TRY(sound_whole(cx, b, "frames", 2, 1024, 96, &en->frames));
    ESPY_TRY(sound_whole(cx, b, "step", 1, en->frames, en->frames / 2, &en->step));
    ESPY_TRY(espy_json_may_number(cx, json, "clip", 0.1, SOUND_CLIP_MOST, 4, &en->clip));
    o->low = (float)low;
    o->high = (float)high;
    o->offset = (float)offset;
    ESPY_TRY(sound_bounds(cx, en));
    return espy_mel_create(cx, o, &en->mel);
}

static espy_err sound_describe(espy_ctx *cx, encoder_sound *en)
{
    const espy_mel_options *o = &en->spectrogram;
    const struct {
        const char *key;
        double value;
    } facts[] = {{"rate", o->rate},
                 {"window", o->window},
                 {"hop", o->hop},
                 {"fft", o->fft},
                 {"bands", o->bands},
                 {"low", (double)o->low},
                 {"high", (double)o->high},
                 {"offset", (double)o->offset},
                 {"frames", en->frames},
                 {"step", en->step},
                 {"clip", en->clip},
                 {"silence", (double)en->base.pack->min_score},
                 {"revision", ESPY_HEAR_REVISION}};
    espy_err e;
    espy_json *all = espy_json_object();
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        ESPY_GO(espy_json_set(cx, all, facts[i].key, espy_json_of_number(facts[i].value)));
    ESPY_GO(espy_encoder_hash(cx, all, en->base.detector_digest));
    ESPY_GO(
        espy_json_set(cx, all, "embedder",
                      espy_json_of_string(en->embedder.net ? en->embedder.digest : "melstats")));
    ESPY_GO(espy_json_set(cx, all, "output", espy_json_of_int((int64_t)en->embedder.output)));
    ESPY_GO(espy_json_set(cx, all, "precision",
                          espy_json_of_string(espy_precision_word(en->base.precision))));
    e = espy_encoder_hash(cx, all, en->base.digest);
out:
    espy_json_free(all);
    return e;
}

/* The display name of a line "index,mid,name", where the name may be quoted; cut out in place.  It
 * is shown on terminals, so it has no control characters. */
static char *sound_name(char *line)
{
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    char *at = strchr(line, ',');
    at = at ? strchr(at + 1, ',') : NULL;
    if (!at)
        return line;
    at++;
    if (*at == '"') {
        at++;
        char *end = strrchr(at, '"');
        if (end)
            *end = '\0';
    }
    return at;
}

/* The file of names has a header line, then one line a score. */
static espy_err sound_names(espy_ctx *cx, encoder_sound *en)
{
    espy_err e;
    espy_buf b;
    espy_buf_init(&b, SOUND_NAMES_BYTES);
    if (!en->embedder.scores || !espy_pack_file_find(en->base.pack, "names"))
        return ESPY_E_OK;
    ESPY_GO(espy_pack_read(cx, en->base.pack, "names", &b));
    en->text = espy_strndup(cx, (const char *)b.data, b.size);
    en->names = en->text ? espy_array(cx, en->embedder.scores, sizeof *en->names) : NULL;
    if (!en->names)
        ESPY_GO(cx->code);
    size_t n = 0;
    char *rest = en->text;
    (void)strsep(&rest, "\n");
    for (char *line; n < en->embedder.scores && (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\r")] = '\0';
        en->names[n++] = sound_name(line);
    }
    if (n < en->embedder.scores)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "pack %s names %zu of %zu scores", en->base.pack->name,
                          n, en->embedder.scores));
out:
    espy_buf_free(cx, &b);
    return e;
}

static void sound_destroy(espy_ctx *cx, espy_encoder *encoder)
{
    encoder_sound *en = (encoder_sound *)encoder;
    espy_embedder_close(cx, &en->embedder);
    espy_mel_destroy(cx, &en->mel);
    espy_free(cx, (void *)en->names);
    espy_free(cx, en->text);
    espy_free(cx, en);
}

static espy_err sound_open(espy_ctx *cx, const espy_encoder *begun, unsigned threads,
                           espy_encoder **out)
{
    espy_err e;
    encoder_sound *en = espy_zalloc(cx, sizeof *en);
    if (!en)
        return cx->code;
    en->base = *begun;
    en->base.detector_precision = en->base.precision; /* there is no detector */
    ESPY_GO(sound_settings(cx, en));
    if (begun->pack->n_files) {
        espy_net_options options = {.precision = begun->precision,
                                    .executor = ESPY_EXEC_ONEDNN,
                                    .threads = threads,
                                    .tune = true};
        ESPY_GO(espy_embedder_open_patches(cx, begun->pack, &options, en->frames,
                                           en->spectrogram.bands, &en->embedder));
        ESPY_GO(sound_names(cx, en));
    } else if (begun->pack->dim != ESPY_STATS_DIM) {
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "pack %s has no files, so its dim is %d",
                          begun->pack->name, ESPY_STATS_DIM));
    }
    ESPY_GO(sound_describe(cx, en));
    *out = &en->base;
    en = NULL;
out:
    if (en)
        sound_destroy(cx, &en->base);
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "pack %s", begun->pack->name);
}

/* ---- embedding ----------------------------------------------------------------------------- */

typedef struct sound_job {
    const encoder_sound *en;
    const float *patches;
    size_t n, piece; /* patches in all, and in one piece of work */
    float *vectors, *scores;
} sound_job;

/* One run of the network, or the statistics of one piece. */
static espy_err sound_piece(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)worker;
    const sound_job *j = self;
    const encoder_sound *en = j->en;
    const size_t bands = (size_t)en->spectrogram.bands, one = (size_t)en->frames * bands;
    const size_t dim = en->base.pack->dim, scores = en->embedder.scores;
    const size_t end = (item + 1) * j->piece < j->n ? (item + 1) * j->piece : j->n;
    for (size_t i = item * j->piece; i < end;) {
        size_t batch = en->embedder.net ? en->embedder.batch : 1;
        while (batch > end - i) /* 16, 8, 4, 2, 1: the network is compiled for five sizes at most */
            batch /= 2;
        ESPY_TRY(espy_cancelled(cx));
        if (!en->embedder.net) {
            ESPY_TRY(espy_stats_embed(cx, j->patches + i * one, en->frames, (int)bands,
                                      j->vectors + i * dim));
        } else {
            espy_tensor in = {(float *)(uintptr_t)(j->patches + i * one),
                              4,
                              {(int64_t)batch, 1, en->frames, (int64_t)bands}};
            ESPY_TRY(espy_embedder_values(cx, &en->embedder, &in, j->vectors + i * dim,
                                          j->scores ? j->scores + i * scores : NULL));
        }
        i += batch;
    }
    return ESPY_E_OK;
}

espy_err espy_patches_embed(espy_ctx *cx, const encoder_sound *en, const float *patches, size_t n,
                            float *vectors, float *scores)
{
    enum { PIECE = 16 };
    sound_job job = {en, patches, n, PIECE, vectors, scores};
    return espy_parallel(cx, (n + PIECE - 1) / PIECE, sound_piece, &job);
}

/* ---- clips --------------------------------------------------------------------------------- */

/* The first seconds of a file are its one sample. */
static espy_err sound_find(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                           const espy_find_options *options, espy_samples *out)
{
    const encoder_sound *en = (const encoder_sound *)encoder;
    const size_t one = (size_t)en->frames * (size_t)en->spectrogram.bands;
    espy_patch heard[ESPY_LISTEN_BLOCK];
    espy_listener *l = NULL;
    espy_samples s = {0};
    espy_err e = ESPY_E_OK;
    float level = 0;
    s.at = espy_array(cx, 1, sizeof *s.at);
    if (!s.at)
        return cx->code;
    s.n = 1;
    ESPY_GO(espy_listener_open(cx, encoder, NULL, file, 0, en->clip, &l));
    for (size_t n = 1; n > 0;) {
        espy_sample *a = s.at;
        float *room =
            espy_resize(cx, a->patches, (a->n_patches + ESPY_LISTEN_BLOCK) * one, sizeof *room);
        if (!room)
            ESPY_GO(cx->code);
        a->patches = room;
        ESPY_GO(
            espy_listener_patches(cx, l, ESPY_LISTEN_BLOCK, room + a->n_patches * one, heard, &n));
        for (size_t i = 0; i < n; i++)
            level = fmaxf(level, heard[i].level);
        a->n_patches += n;
    }
    if (s.at->n_patches == 0)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "the file holds no sound: not one value"));
    s.width = (int)lround(espy_listener_heard(l) * 1000);
    s.at->box[2] = (float)espy_listener_heard(l);
    s.at->score = fminf(level, 1);
    if (options->largest && level < encoder->pack->min_score) {
        espy_free(cx, s.at->patches);
        s.at->patches = NULL;
        s.n = 0;
    }
    *out = s;
    s = (espy_samples){0};
out:
    espy_listener_close(cx, &l);
    espy_samples_free(cx, &s);
    return e;
}

static espy_err sound_embed(espy_ctx *cx, const espy_encoder *encoder, const espy_samples *samples,
                            float *out)
{
    const encoder_sound *en = (const encoder_sound *)encoder;
    const size_t one = (size_t)en->frames * (size_t)en->spectrogram.bands;
    const size_t dim = encoder->pack->dim;
    for (size_t i = 0; i < samples->n; i++) {
        const espy_sample *s = &samples->at[i];
        float *vectors = espy_floats(cx, s->n_patches * dim);
        espy_patch *heard = espy_array(cx, s->n_patches, sizeof *heard);
        espy_err e = ESPY_E_OK;
        if (!vectors || !heard)
            ESPY_GO(cx->code);
        for (size_t k = 0; k < s->n_patches; k++)
            heard[k] = espy_patch_hear(en, s->patches + k * one);
        ESPY_GO(espy_patches_embed(cx, en, s->patches, s->n_patches, vectors, NULL));
        ESPY_GO(espy_patches_mean(cx, vectors, heard, s->n_patches, dim, out + i * dim));
    out:
        espy_free(cx, vectors);
        espy_free(cx, heard);
        if (e != ESPY_E_OK)
            return e;
    }
    return ESPY_E_OK;
}

const espy_encoder_ops espy_encoder_sound = {
    .modality = {.name = "sound",
                 .collection = "sounds",
                 .media = "recording",
                 .sample = "sound",
                 .nothing = "silent: nothing in it is loud enough to be heard",
                 .owner = "class",
                 .hears = true,
                 .head = "logistic",
                 .floor_loss = 20},
    .open = sound_open,
    .find = sound_find,
    .embed = sound_embed,
    .destroy = sound_destroy,
};
