/* SPDX-License-Identifier: Apache-2.0
 * media - sound files by libsndfile. */
#include "media/sound.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define SOUND_PROBE 12     /* first bytes that tell the format */
#define SOUND_FRAMES 4096  /* read at a time */
#define SOUND_LOUDEST 1e3f /* full scale is 1; beyond this it is not sound in floating point */
#define SOUND_LATEST 1e9   /* seconds */

struct espy_sound_file {
    SNDFILE *handle;
    espy_sound_info info;
    int fd;          /* of a file on disk; -1: in memory */
    espy_span bytes; /* of a file in memory, */
    size_t at;
    espy_buf own;      /* perhaps kept here: what came through a pipe */
    sf_count_t frames; /* by the header; SF_COUNT_MAX when it does not say */
    sf_count_t from;   /* the place gone to last, and how many frames were read from there */
    sf_count_t read;
    bool ended;    /* at a place beyond the end, or of what can be read */
    char name[64]; /* for warnings */
    float *block;  /* SOUND_FRAMES x channels */
};

/* ---- formats ------------------------------------------------------------------------------- */

static bool sound_is(const uint8_t *p, size_t at, const char *magic)
{
    return memcmp(p + at, magic, strlen(magic)) == 0;
}

/* libsndfile reads two dozen formats; only those that people use are handed to it. */
static const char *sound_format(const uint8_t p[SOUND_PROBE])
{
    if ((sound_is(p, 0, "RIFF") || sound_is(p, 0, "RIFX") || sound_is(p, 0, "RF64")) &&
        sound_is(p, 8, "WAVE"))
        return "wav";
    if (sound_is(p, 0, "fLaC"))
        return "flac";
    if (sound_is(p, 0, "OggS"))
        return "ogg";
    if (sound_is(p, 0, "FORM") && (sound_is(p, 8, "AIFF") || sound_is(p, 8, "AIFC")))
        return "aiff";
    if (sound_is(p, 0, "ID3") || (p[0] == 0xff && (p[1] & 0xe0) == 0xe0))
        return "mp3";
    return NULL;
}

bool espy_sound_name(const char *path)
{
    static const char *const suffixes[] = {".wav",  ".flac", ".ogg",  ".oga",
                                           ".opus", ".mp3",  ".aiff", ".aif"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (espy_ends_with_nocase(path, suffixes[i]))
            return true;
    return false;
}

/* ---- where the bytes are -------------------------------------------------------------------- */

static sf_count_t bytes_length(void *self)
{
    const espy_sound_file *f = self;
    struct stat st;
    if (f->fd < 0)
        return (sf_count_t)f->bytes.size;
    return fstat(f->fd, &st) == 0 ? (sf_count_t)st.st_size : 0;
}

static sf_count_t bytes_seek(sf_count_t offset, int whence, void *self)
{
    espy_sound_file *f = self;
    if (f->fd >= 0)
        return (sf_count_t)lseek(f->fd, (off_t)offset, whence);
    sf_count_t from = whence == SEEK_CUR   ? (sf_count_t)f->at
                      : whence == SEEK_END ? (sf_count_t)f->bytes.size
                                           : 0;
    if (offset < -from || offset > (sf_count_t)f->bytes.size - from)
        return -1;
    f->at = (size_t)(from + offset);
    return (sf_count_t)f->at;
}

static sf_count_t bytes_read(void *to, sf_count_t n, void *self)
{
    espy_sound_file *f = self;
    if (n <= 0)
        return 0;
    if (f->fd >= 0) {
        sf_count_t got = 0;
        while (got < n) {
            const ssize_t k = read(f->fd, (uint8_t *)to + got, (size_t)(n - got));
            if (k == 0 || (k < 0 && errno != EINTR))
                break;
            got += k > 0 ? k : 0;
        }
        return got;
    }
    size_t left = f->bytes.size - f->at, take = (size_t)n < left ? (size_t)n : left;
    if (take == 0) /* there may be no bytes at all */
        return 0;
    memcpy(to, f->bytes.data + f->at, take);
    f->at += take;
    return (sf_count_t)take;
}

static sf_count_t bytes_tell(void *self)
{
    const espy_sound_file *f = self;
    return f->fd >= 0 ? (sf_count_t)lseek(f->fd, 0, SEEK_CUR) : (sf_count_t)f->at;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Without a handle libsndfile's text is one for all threads, and may be another file's. */
static espy_err sound_damaged(espy_ctx *cx, const espy_sound_file *f)
{
    return espy_fail(cx, ESPY_E_FORMAT, "%s: damaged (%s)", f->info.format,
                     f->handle ? sf_strerror(f->handle) : "its header cannot be read");
}

/* Whether what libsndfile found is what the first bytes said: behind an ID3 tag it would take
 * anything that it knows. */
static bool sound_container(const espy_sound_file *f, int format)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{"wav", SF_FORMAT_WAV},   {"wav", SF_FORMAT_WAVEX}, {"wav", SF_FORMAT_RF64},
                 {"flac", SF_FORMAT_FLAC}, {"ogg", SF_FORMAT_OGG},   {"mp3", SF_FORMAT_MPEG},
                 {"aiff", SF_FORMAT_AIFF}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((format & SF_FORMAT_TYPEMASK) == types[i].type)
            return strcmp(types[i].name, f->info.format) == 0;
    return false;
}

/* Of the codecs that a container may hold, those that people's programs write: the others are
 * decoded by code that hardly anybody runs. */
static bool sound_codec(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
    case SF_FORMAT_IMA_ADPCM:
    case SF_FORMAT_MS_ADPCM:
    case SF_FORMAT_VORBIS:
    case SF_FORMAT_OPUS:
    case SF_FORMAT_MPEG_LAYER_I:
    case SF_FORMAT_MPEG_LAYER_II:
    case SF_FORMAT_MPEG_LAYER_III:
        return true;
    default:
        return false;
    }
}

static espy_err sound_unknown(espy_ctx *cx, size_t size)
{
    if (size == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the file is empty");
    return espy_fail(cx, ESPY_E_FORMAT,
                     "not a sound espy can read: give WAV, FLAC, Ogg, Opus, MP3 or AIFF");
}

/* What the header says, once the library has read it. */
static espy_err sound_check(espy_ctx *cx, espy_sound_file *f, const SF_INFO *info)
{
    if (!f->handle)
        return sound_damaged(cx, f);
    if (!sound_container(f, info->format))
        return sound_unknown(cx, 1);
    if (!sound_codec(info->format))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "%s: holds a codec that is not read; save it as PCM or FLAC",
                         f->info.format);
    if (info->samplerate < ESPY_SOUND_RATE_LEAST || info->samplerate > ESPY_SOUND_RATE_MOST ||
        info->channels < 1 || info->channels > ESPY_SOUND_CHANNELS)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "%s: %d values a second in %d channels; %d to %d and at most %d are read",
                         f->info.format, info->samplerate, info->channels, ESPY_SOUND_RATE_LEAST,
                         ESPY_SOUND_RATE_MOST, ESPY_SOUND_CHANNELS);
    f->info.rate = info->samplerate;
    f->info.channels = info->channels;
    f->frames = info->frames >= 0 ? info->frames : SF_COUNT_MAX;
    f->info.seconds = f->frames < SF_COUNT_MAX ? (double)f->frames / info->samplerate : -1;
    f->block = espy_floats(cx, (size_t)SOUND_FRAMES * (size_t)info->channels);
    return f->block ? ESPY_E_OK : cx->code;
}

/* An MP3 may begin with a tag of any length, behind which libsndfile would take any format that it
 * knows: there must be a frame.  (ID3v2.4, section 3.1: four bytes of seven bits.) */
static bool sound_tagged(espy_sound_file *f, const uint8_t probe[SOUND_PROBE])
{
    uint8_t frame[2] = {0};
    sf_count_t size = 10;
    for (int i = 6; i < 10; i++)
        size += (sf_count_t)(probe[i] & 0x7f) << 7 * (9 - i);
    return bytes_seek(size, SEEK_SET, f) == size && bytes_read(frame, 2, f) == 2 &&
           frame[0] == 0xff && (frame[1] & 0xe0) == 0xe0;
}

/* Tells the format by the first bytes, then lets libsndfile read the header. */
static espy_err sound_begin(espy_ctx *cx, espy_sound_file *f)
{
    static SF_VIRTUAL_IO io = {bytes_length, bytes_seek, bytes_read, NULL, bytes_tell};
    SF_INFO info = {0};
    uint8_t probe[SOUND_PROBE] = {0};
    const size_t size = (size_t)bytes_read(probe, SOUND_PROBE, f);
    f->info.format = sound_format(probe);
    if (!f->info.format || (sound_is(probe, 0, "ID3") && !sound_tagged(f, probe)))
        return sound_unknown(cx, size);
    if (bytes_seek(0, SEEK_SET, f) != 0)
        return espy_fail(cx, ESPY_E_IO, "the file cannot be read from its beginning");
    f->handle = sf_open_virtual(&io, SFM_READ, &info, f);
    return sound_check(cx, f, &info);
}

static espy_err sound_make(espy_ctx *cx, int fd, espy_span bytes, espy_sound_file **out)
{
    espy_sound_file *f = espy_zalloc(cx, sizeof *f);
    if (!f)
        return cx->code;
    f->fd = fd;
    f->bytes = bytes;
    *out = f;
    return ESPY_E_OK;
}

espy_err espy_sound_open_memory(espy_ctx *cx, espy_span file, espy_sound_file **out)
{
    espy_sound_file *f = NULL;
    ESPY_TRY(sound_make(cx, -1, file, &f));
    espy_err e = sound_begin(cx, f);
    if (e == ESPY_E_OK)
        *out = f;
    else
        espy_sound_close(cx, &f);
    return e;
}

/* What cannot be gone back in, a pipe, is read into memory as far as the limit allows. */
static espy_err sound_source(espy_ctx *cx, const char *path, espy_sound_file *f)
{
    struct stat st;
    espy_buf own;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        espy_buf_init(&own, cx->max.file_bytes);
        ESPY_TRY(espy_file_read(cx, path, own.max, &own));
        f->own = own;
        f->bytes = espy_span_of(&f->own);
        return ESPY_E_OK;
    }
    return espy_file_open(cx, path, &f->fd);
}

espy_err espy_sound_open(espy_ctx *cx, const char *path, espy_sound_file **out)
{
    espy_sound_file *f = NULL;
    ESPY_TRY(sound_make(cx, -1, (espy_span){0}, &f));
    snprintf(f->name, sizeof f->name, "%s", espy_path_name(path));
    espy_err e = sound_source(cx, path, f);
    if (e == ESPY_E_OK)
        e = sound_begin(cx, f);
    if (e == ESPY_E_OK)
        *out = f;
    else
        espy_sound_close(cx, &f);
    return e;
}

void espy_sound_close(espy_ctx *cx, espy_sound_file **file)
{
    espy_sound_file *f = *file;
    if (!f)
        return;
    if (f->handle)
        sf_close(f->handle);
    if (f->fd >= 0)
        cx->io->close(f->fd);
    espy_buf_free(cx, &f->own);
    espy_free(cx, f->block);
    espy_free(cx, f);
    *file = NULL;
}

const espy_sound_info *espy_sound_info_of(const espy_sound_file *f)
{
    return &f->info;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* How many frames before a place decoding has to begin.  libsndfile 1.2 after a seek in Vorbis
 * mixes what it decoded before into the next blocks, and in MP3 of a varying bit rate it goes to a
 * place thousands of values away. */
static sf_count_t sound_lead(const espy_sound_file *f, sf_count_t frame)
{
    if (strcmp(f->info.format, "mp3") == 0)
        return frame;
    if (strcmp(f->info.format, "ogg") == 0)
        return frame < f->info.rate ? frame : f->info.rate;
    return 0;
}

espy_err espy_sound_seek(espy_ctx *cx, espy_sound_file *f, double seconds)
{
    if (!(seconds >= 0 && seconds <= SOUND_LATEST))
        return espy_fail(cx, ESPY_E_ARG, "%g s is not a time in a recording", seconds);
    const sf_count_t frame = (sf_count_t)floor(seconds * f->info.rate + 0.5);
    const sf_count_t lead = sound_lead(f, frame);
    f->from = frame;
    f->read = 0;
    f->ended = frame >= f->frames; /* not every format can be sent there */
    if (f->ended)
        return ESPY_E_OK;
    if (sf_seek(f->handle, frame - lead, SEEK_SET) < 0)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: the file does not let one begin at %g s",
                         f->info.format, seconds);
    for (sf_count_t left = lead, got = 1; left > 0 && got > 0; left -= got) {
        ESPY_TRY(espy_cancelled(cx));
        got = sf_readf_float(f->handle, f->block, left < SOUND_FRAMES ? left : SOUND_FRAMES);
    }
    return ESPY_E_OK;
}

/* Mixes frames to one channel; false when a value is no sound. */
static bool sound_mix(const float *block, size_t frames, size_t channels, float *out)
{
    bool fine = true;
    for (size_t i = 0; i < frames; i++) {
        float sum = 0;
        for (size_t c = 0; c < channels; c++)
            sum += block[i * channels + c];
        out[i] = sum / (float)channels;
        fine = fine && fabsf(out[i]) <= SOUND_LOUDEST;
    }
    return fine;
}

espy_err espy_sound_read(espy_ctx *cx, espy_sound_file *f, float *out, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n && !f->ended) {
        size_t want = n - *got < SOUND_FRAMES ? n - *got : SOUND_FRAMES;
        sf_count_t have = sf_readf_float(f->handle, f->block, (sf_count_t)want);
        if (have < 0 || sf_error(f->handle) != SF_ERR_NO_ERROR) {
            f->read += have > 0 ? have : 0;
            if (f->read == 0)
                return sound_damaged(cx, f);
            espy_log(cx, ESPY_LOG_WARN, "%s%s%s: cut or damaged: nothing is heard after %.1f s",
                     f->name, *f->name ? ": " : "", f->info.format,
                     (double)(f->from + f->read) / f->info.rate);
            f->ended = true;
            have = have > 0 ? have : 0;
        } else {
            f->read += have;
        }
        if (!sound_mix(f->block, (size_t)have, (size_t)f->info.channels, out + *got))
            return espy_fail(cx, ESPY_E_FORMAT,
                             "%s: holds values that are no sound (full scale is 1)",
                             f->info.format);
        *got += (size_t)have;
        if ((size_t)have < want)
            break;
    }
    return ESPY_E_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void sound_put(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

#define WAV_HEADER 44

/* One channel.  kind 1: whole numbers, 3: floating point. */
static void wav_header(uint8_t h[WAV_HEADER], uint32_t kind, uint32_t width, uint32_t rate,
                       uint32_t bytes)
{
    memcpy(h, "RIFF....WAVEfmt ", 16);
    sound_put(h + 4, WAV_HEADER - 8 + bytes, 4);
    sound_put(h + 16, 16, 4);
    sound_put(h + 20, kind, 2);
    sound_put(h + 22, 1, 2);
    sound_put(h + 24, rate, 4);
    sound_put(h + 28, rate * width, 4);
    sound_put(h + 32, width, 2);
    sound_put(h + 34, 8 * width, 2);
    memcpy(h + 36, "data", 4);
    sound_put(h + 40, bytes, 4);
}

espy_err espy_sound_to_wav(espy_ctx *cx, const float *x, size_t n, int rate, espy_buf *out)
{
    uint8_t header[WAV_HEADER];
    if (n > (UINT32_MAX - WAV_HEADER) / sizeof *x)
        return espy_fail(cx, ESPY_E_LIMIT, "a WAV file cannot hold %zu values", n);
    wav_header(header, 3, sizeof *x, (uint32_t)rate, (uint32_t)(n * sizeof *x));
    ESPY_TRY(espy_buf_append(cx, out, header, sizeof header));
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        uint8_t value[4];
        memcpy(&bits, &x[i], sizeof bits);
        sound_put(value, bits, 4);
        ESPY_TRY(espy_buf_append(cx, out, value, sizeof value));
    }
    return ESPY_E_OK;
}

espy_err espy_sound_copy_wav(espy_ctx *cx, espy_sound_file *f, espy_buf *out, double *seconds)
{
    enum { BLOCK = 4096 };
    float *x = espy_floats(cx, BLOCK);
    uint8_t header[WAV_HEADER] = {0}, *values = espy_array(cx, BLOCK, 2);
    const int rate = espy_sound_info_of(f)->rate;
    size_t got = BLOCK, total = 0;
    espy_err e = ESPY_E_OK;
    if (!x || !values)
        ESPY_GO(cx->code);
    if (out)
        ESPY_GO(espy_buf_append(cx, out, header, sizeof header));
    for (; got == BLOCK; total += got) {
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(espy_sound_read(cx, f, x, BLOCK, &got));
        for (size_t i = 0; i < got; i++) {
            const float v = fminf(fmaxf(roundf(x[i] * 32768), -32768), 32767);
            sound_put(values + 2 * i, (uint32_t)(int32_t)v & 0xffff, 2);
        }
        if (out)
            ESPY_GO(espy_buf_append(cx, out, values, 2 * got));
    }
    if (out && 2 * total > UINT32_MAX - WAV_HEADER)
        ESPY_GO(espy_fail(cx, ESPY_E_LIMIT, "a WAV file cannot hold %zu values", total));
    if (out)
        wav_header(out->data, 1, 2, (uint32_t)rate, (uint32_t)(2 * total));
    *seconds = (double)total / rate;
out:
    espy_free(cx, x);
    espy_free(cx, values);
    return e;
}
