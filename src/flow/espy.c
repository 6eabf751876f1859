/* SPDX-License-Identifier: Apache-2.0
 * flow - the public interface (espy.h) over the road. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "flow/listen.h"
#include "flow/scan.h"

struct espy_engine {
    espy_ctx cx;
    espy_workspace ws;
    espy_encoder *encoder;
    espy_identifier identifier;
};

/* A number of espy.conf from lo to 1; *out stays when it is not set. */
static espy_err engine_setting(espy_ctx *cx, const espy_workspace *ws, const char *key, double lo,
                               double *out)
{
    const char *value = espy_workspace_setting(ws, key);
    if (value && !espy_parse_real(value, lo, 1, out))
        return espy_fail(cx, ESPY_E_ARG, "%s/espy.conf: %s = %s is not a number from %g to 1",
                         ws->dir, key, value, lo);
    return ESPY_E_OK;
}

static espy_err engine_open(espy_engine *en, const char *workspace, const char *collection)
{
    espy_ctx *cx = &en->cx;
    espy_identify_options o = {.threshold = -1, .floor = -2};
    ESPY_TRY(espy_workspace_open(cx, workspace, false, &en->ws));
    ESPY_TRY(engine_setting(cx, &en->ws, "threshold", 0, &o.threshold));
    ESPY_TRY(engine_setting(cx, &en->ws, "floor", -1, &o.floor));
    ESPY_TRY(espy_workspace_encoder(cx, &en->ws, collection, NULL, NULL, NULL, &en->encoder));
    return espy_identifier_open(cx, &en->ws, collection, 0, en->encoder, &o, &en->identifier);
}

espy_err espy_open(const char *workspace, const char *collection, espy_engine **out)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    *out = NULL;
    espy_engine *en = espy_zalloc(&cx, sizeof *en);
    if (!en)
        return ESPY_E_NOMEM;
    en->cx = cx;
    *out = en;
    return engine_open(en, workspace, collection);
}

/* path NULL: the bytes. */
static espy_err engine_listen(espy_engine *en, const char *path, espy_span file, espy_result **out)
{
    const espy_listen_options usual = {0};
    espy_ctx *cx = &en->cx;
    espy_scan scan = {0};
    ESPY_TRY(espy_listen(cx, &en->identifier, path, file, &usual, &scan, out));
    espy_err e = ESPY_E_OK;
    if (scan.error)
        e = espy_fail(cx, ESPY_E_FORMAT, "%s", scan.error);
    espy_scan_free(cx, &scan);
    return e;
}

static bool engine_hears(const espy_engine *en)
{
    return strcmp(espy_encoder_modality(en->encoder)->name, "sound") == 0;
}

static espy_err engine_ready(espy_engine *en)
{
    espy_clear(&en->cx);
    return en->identifier.head ? ESPY_E_OK
                               : espy_fail(&en->cx, ESPY_E_ARG, "the engine is not open");
}

espy_err espy_identify_memory(espy_engine *en, const void *bytes, size_t size, espy_result **out)
{
    espy_find_options find = {0};
    espy_scan scan = {0};
    espy_ctx *cx = &en->cx;
    ESPY_TRY(engine_ready(en));
    if (engine_hears(en))
        return engine_listen(en, NULL, (espy_span){bytes, size}, out);
    ESPY_TRY(espy_flow_scan_memory(cx, en->encoder, &find, (espy_span){bytes, size}, &scan));
    espy_err e = espy_identify_scan(cx, &en->identifier, &scan, out);
    espy_scan_free(cx, &scan);
    return e;
}

espy_err espy_identify_file(espy_engine *en, const char *path, espy_result **out)
{
    espy_ctx *cx = &en->cx;
    espy_buf b;
    ESPY_TRY(engine_ready(en));
    if (engine_hears(en))
        return engine_listen(en, path, (espy_span){0}, out);
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_TRY(espy_file_read(cx, path, cx->max.file_bytes, &b));
    espy_err e = espy_identify_memory(en, b.data, b.size, out);
    espy_buf_free(cx, &b);
    return e;
}

size_t espy_result_count(const espy_result *r)
{
    return r ? r->n : 0;
}

const espy_answer *espy_result_at(const espy_result *r, size_t i)
{
    return r && i < r->n ? &r->at[i] : NULL;
}

void espy_result_free(espy_result *r)
{
    if (!r)
        return;
    espy_ctx cx;
    espy_ctx_init(&cx);
    cx.memory = r->memory;
    espy_free(&cx, r->at);
    espy_free(&cx, r->candidates);
    espy_free(&cx, r->texts);
    espy_free(&cx, r);
}

const char *espy_error_text(const espy_engine *en)
{
    return en ? en->cx.text : "";
}

void espy_close(espy_engine *en)
{
    if (!en)
        return;
    espy_ctx *cx = &en->cx;
    espy_identifier_close(cx, &en->identifier);
    espy_encoder_destroy(cx, &en->encoder);
    espy_workspace_close(cx, &en->ws);
    espy_ctx last = *cx;
    espy_free(&last, en);
}
