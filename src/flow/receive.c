/* SPDX-License-Identifier: Apache-2.0
 * flow - receive. */
#include "flow/receive.h"

#include "flow/scan.h"
#include "store/group.h"

void espy_received_free(espy_ctx *cx, espy_received *r)
{
    espy_scan_free(cx, &r->scan);
    *r = (espy_received){0};
}

/* What is known of the bytes: a scan that serves; any other is made again. */
static espy_err receive_known(espy_ctx *cx, espy_store *st, const espy_collection *c,
                              const espy_encoder *encoder, const char *digest, const char *mode,
                              bool again, espy_received *out)
{
    espy_err e = espy_store_scan_read(cx, st, c->id, digest, mode, espy_encoder_digest(encoder),
                                      &out->known, &out->scan);
    if (e == ESPY_E_OK && !out->known && out->scan.n) { /* of another collection */
        espy_scan_free(cx, &out->scan);
        e = espy_store_scan_get(cx, st, c->id, digest, mode, espy_encoder_digest(encoder),
                                &out->scan);
    }
    if (e == ESPY_E_NOT_FOUND)
        return ESPY_E_OK;
    ESPY_TRY(e);
    if (espy_scan_serves(&out->scan, again))
        out->media = out->scan.media;
    else
        espy_scan_free(cx, &out->scan);
    return ESPY_E_OK;
}

static espy_err receive_file(espy_ctx *cx, espy_store *st, const espy_collection *c,
                             const espy_encoder *encoder, espy_span bytes, const char *digest,
                             const char *mode, const espy_receive_options *o, espy_received *out)
{
    bool there = true;
    if (!out->media) {
        ESPY_TRY(espy_store_media(cx, st, c->id, bytes, digest, o->source, &out->media));
        out->scan.again = o->again;
        ESPY_TRY(espy_store_scan_put(cx, st, out->media, mode, espy_encoder_digest(encoder),
                                     espy_encoder_detector_digest(encoder), &out->scan));
    }
    if (!out->known || !o->probe)
        ESPY_TRY(espy_store_media_probe(cx, st, out->media, o->probe));
    if (o->session)
        ESPY_TRY(espy_store_media_session(cx, st, out->media, o->session, &there));
    out->elsewhere = !there;
    return ESPY_E_OK;
}

espy_err espy_flow_receive(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, espy_span bytes,
                           const espy_receive_options *options, espy_received *out)
{
    /* of a recording what training takes */
    const espy_find_options find = {.largest =
                                        options->largest || espy_encoder_modality(encoder)->hears};
    const char *mode = espy_scan_mode(&find);
    char digest[ESPY_DIGEST_HEX];
    espy_err e = ESPY_E_OK;
    *out = (espy_received){0};
    espy_digest(bytes.data, bytes.size, digest);
    ESPY_TRY(receive_known(cx, ws->store, c, encoder, digest, mode, options->again, out));
    if (!out->media)
        ESPY_TRY(espy_flow_scan_memory(cx, encoder, &find, bytes, &out->scan));
    if (options->shown && out->scan.n == 0)
        return ESPY_E_OK;
    e = espy_store_begin(cx, ws->store);
    if (e == ESPY_E_OK) {
        e = receive_file(cx, ws->store, c, encoder, bytes, digest, mode, options, out);
        if (e == ESPY_E_OK)
            e = espy_store_commit(cx, ws->store);
        if (e != ESPY_E_OK)
            espy_store_rollback(cx, ws->store);
    }
    if (e != ESPY_E_OK)
        espy_received_free(cx, out);
    return e;
}
