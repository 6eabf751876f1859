/* SPDX-License-Identifier: Apache-2.0
 * http - EcoSight: a recording comes into the folder of its class. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "flow/dataset.h"
#include "http/automatic.h"
#include "http/eco.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/sound_folder.h"
#include "media/sound.h"

#define UPLOAD_STEM 160                /* bytes of a file's name that are kept */
#define UPLOAD_WAV ((size_t)512 << 20) /* of a recording that is kept as WAV */
#define UPLOAD_TRIES 10000             /* names of one second */

/* -- the class --------------------------------------------------------------------------------- */
static espy_err upload_refuse_class(espy_call *call, const char *name, const espy_json *classes)
{
    char list[300] = "unknown", shown[60];
    size_t used = strlen(list);
    for (size_t i = 0; i < espy_json_count(classes); i++) {
        const char *c = espy_json_string(espy_json_at(classes, i), "");
        int n = snprintf(list + used, sizeof list - used, ", %s", c);
        if (n < 0 || (size_t)n >= sizeof list - used) {
            list[used] = 0;
            break;
        }
        used += (size_t)n;
    }
    return espy_refuse(
        call, 400, NULL,
        "Unknown class \"%s\". Allowed: %s. To add one: sound_classes in espy.conf, or a "
        "folder of that name",
        espy_text_shown(name, shown, sizeof shown), list);
}

/* Whether the class is known; "unknown" is, too. */
static espy_err upload_class(espy_call *call, const espy_collection *c, const char *name)
{
    espy_json *classes = NULL;
    bool known = strcmp(name, "unknown") == 0;
    ESPY_TRY(espy_sounds_classes(call->cx, call->serving, call->ws, c, &classes));
    for (size_t i = 0; i < espy_json_count(classes) && !known; i++)
        known = strcmp(espy_json_string(espy_json_at(classes, i), ""), name) == 0;
    espy_err e = known ? ESPY_E_OK : upload_refuse_class(call, name, classes);
    espy_json_free(classes);
    return e;
}

/* -- the recording ----------------------------------------------------------------------------- */
/* What is kept: the bytes as they came where they are WAV, else the same sound as WAV, for the
 * described trainer and its trigger know these alone. */
static espy_err upload_decode(espy_call *call, espy_span bytes, espy_buf *wav, bool *as_it_is)
{
    espy_ctx *cx = call->cx;
    espy_sound_file *f = NULL;
    double seconds = 0;
    espy_err e = espy_sound_open_memory(cx, bytes, &f);
    if (e == ESPY_E_OK) {
        *as_it_is = strcmp(espy_sound_info_of(f)->format, "wav") == 0;
        e = espy_sound_copy_wav(cx, f, *as_it_is ? NULL : wav, &seconds);
    }
    espy_sound_close(cx, &f);
    if (e == ESPY_E_FORMAT) {
        char why[200];
        snprintf(why, sizeof why, "%s", cx->text);
        espy_clear(cx);
        return espy_refuse(call, 400, NULL, "the file is no recording that can be read: %s", why);
    }
    ESPY_TRY(e);
    return seconds > 0 ? ESPY_E_OK : espy_refuse(call, 400, NULL, "the file holds no sound");
}

/* The name without folders and suffix, cut at a whole character. */
static void upload_stem(const char *name, char out[UPLOAD_STEM + 1])
{
    for (const char *p = name; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    size_t n = espy_sound_name(name) ? (size_t)(espy_path_suffix(name) - name) : strlen(name);
    if (n > UPLOAD_STEM)
        for (n = UPLOAD_STEM; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    memcpy(out, name, n);
    out[n] = 0;
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '_';
    if (!n)
        snprintf(out, UPLOAD_STEM + 1, "recording");
}

/* A name that is free; the folder is locked. */
static espy_err upload_name(espy_ctx *cx, const char *dir, const char *file, char **path)
{
    char stem[UPLOAD_STEM + 1], stamp[32];
    upload_stem(file, stem);
    espy_time_stamp(espy_time_now(), stamp);
    for (int i = 1; i < UPLOAD_TRIES; i++) {
        *path = i == 1 ? espy_sprintf(cx, "%s/%s_%s.wav", dir, stamp, stem)
                       : espy_sprintf(cx, "%s/%s_%s_%d.wav", dir, stamp, stem, i);
        if (!*path)
            return cx->code;
        if (!espy_file_exists(*path))
            return ESPY_E_OK;
        espy_free(cx, *path);
        *path = NULL;
    }
    return espy_fail(cx, ESPY_E_EXISTS, "%s holds too many files of one second", dir);
}

static espy_err upload_keep(espy_call *call, const char *dir, const espy_upload *file,
                            espy_span bytes, char **path)
{
    espy_ctx *cx = call->cx;
    int lock = -1;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_dir_make(cx, dir));
    ESPY_TRY(espy_dir_lock(cx, dir, &lock));
    ESPY_GO(upload_name(cx, dir, file->file, path));
    ESPY_GO(espy_file_write(cx, *path, bytes.data, bytes.size));
out:
    espy_dir_unlock(cx, lock);
    return e;
}

/* -- the route --------------------------------------------------------------------------------- */
/* The file is kept, whatever becomes of this. */
static bool upload_fires(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    bool ordered = false, found = false;
    if (!espy_workspace_setting(call->ws, "trigger"))
        return false;
    espy_err e = espy_eco_collection(call, true, &c, &found);
    if (e == ESPY_E_OK)
        e = espy_automatic_uploaded(cx, call->serving, call->ws, &c, true, &ordered);
    if (e != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN, "upload: whether to retrain: %s", cx->text);
    espy_clear(cx);
    espy_collection_free(cx, &c);
    return ordered;
}

static espy_err upload_tell(espy_call *call, const char *class, const char *path, bool fires)
{
    espy_json *o = NULL;
    espy_made m = espy_make_object(call->cx);
    espy_put_bool(&m, "success", true);
    espy_put_text(&m, "message", "File uploaded successfully");
    espy_put_text(&m, "file_path", path);
    espy_put_text(&m, "class", class);
    espy_put_bool(&m, "retraining", fires);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_eco_reply(call, o);
}

espy_err espy_eco_upload(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    const char *class = espy_call_text(call, "class_name");
    espy_collection c = {0};
    bool found = false, as_it_is = false;
    char *dir = NULL, *path = NULL;
    espy_buf wav;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&wav, UPLOAD_WAV);
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    ESPY_GO(upload_class(call, found ? &c : NULL, class));
    ESPY_GO(upload_decode(call, file->bytes, &wav, &as_it_is));
    dir = espy_path_join(cx, call->serving->options->sounds_dir, class);
    if (!dir)
        ESPY_GO(cx->code);
    ESPY_GO(upload_keep(call, dir, file, as_it_is ? file->bytes : espy_span_of(&wav), &path));
    const bool fires = !espy_label_unknown(class) && upload_fires(call);
    ESPY_GO(upload_tell(call, class, path, fires));
out:
    espy_free(cx, dir);
    espy_free(cx, path);
    espy_buf_free(cx, &wav);
    espy_collection_free(cx, &c);
    return e;
}
