/* SPDX-License-Identifier: Apache-2.0
 * cli - files named as arguments, samples as JSON. */
#include "cli/media_args.h"

#include <math.h>
#include <string.h>

#include "base/file.h"

#define PATHS_DEPTH 16 /* of folders below one argument */

static espy_err paths_add(espy_ctx *cx, espy_paths *p, const char *path)
{
    if ((p->n & (p->n - 1)) == 0) { /* room for a power of two */
        char **at = espy_resize(cx, p->at, p->n ? p->n * 2 : 1, sizeof *at);
        if (!at)
            return cx->code;
        p->at = at;
    }
    p->at[p->n] = espy_strdup(cx, path);
    return p->at[p->n++] ? ESPY_E_OK : cx->code;
}

static espy_err paths_walk(espy_ctx *cx, espy_paths *p, const char *dir, int depth)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    char *inner = NULL;
    e = espy_dir_read(cx, dir, &list);
    if (e == ESPY_E_IO && depth > 0) { /* one closed folder does not hide the rest */
        espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    for (size_t i = 0; i < list.n; i++) {
        inner = espy_path_join(cx, dir, list.at[i].name);
        if (!inner)
            ESPY_GO(cx->code);
        if (list.at[i].is_dir && !list.at[i].is_link &&
            depth < PATHS_DEPTH) /* links make circles */
            ESPY_GO(paths_walk(cx, p, inner, depth + 1));
        else if (!list.at[i].is_dir && espy_modality_of_file(inner))
            ESPY_GO(paths_add(cx, p, inner));
        espy_free(cx, inner);
        inner = NULL;
    }
out:
    espy_free(cx, inner);
    espy_dir_list_free(cx, &list);
    return e;
}

espy_err espy_paths_expand(espy_cli *cli, char **args, int n, espy_paths *out)
{
    espy_ctx *cx = &cli->cx;
    espy_paths p = {0};
    espy_err e = ESPY_E_OK;
    for (int i = 0; i < n; i++) {
        size_t before = p.n;
        if (!espy_dir_exists(args[i])) {
            ESPY_GO(paths_add(cx, &p, args[i])); /* a missing file is reported in its turn */
            continue;
        }
        ESPY_GO(paths_walk(cx, &p, args[i], 0));
        if (p.n == before)
            ESPY_GO(
                espy_fail(cx, ESPY_E_DATA, "there is no picture and no recording in %s", args[i]));
    }
    *out = p;
    p = (espy_paths){0};
out:
    espy_paths_free(cli, &p);
    return e;
}

bool espy_path_named(const espy_cli *cli, const char *path)
{
    for (int i = 0; i < cli->n_args; i++)
        if (strcmp(cli->args[i], path) == 0)
            return true;
    return false;
}

int espy_paths_status(const espy_paths *p, size_t errors, size_t named)
{
    return named || errors == p->n;
}

void espy_paths_free(espy_cli *cli, espy_paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        espy_free(&cli->cx, p->at[i]);
    espy_free(&cli->cx, p->at);
    *p = (espy_paths){0};
}

espy_err espy_paths_modality(espy_cli *cli, const espy_paths *p, const espy_modality **out)
{
    *out = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const espy_modality *m = espy_modality_of_file(p->at[i]);
        if (m && *out && m != *out)
            return espy_fail(
                &cli->cx, ESPY_E_ARG,
                "pictures and recordings were named together; give one kind at a time");
        *out = m ? m : *out;
    }
    return ESPY_E_OK;
}

static espy_err encoder_precision(espy_cli *cli, const char **out)
{
    *out = espy_cli_text(cli, "precision");
    if (*out && strcmp(*out, "auto") != 0 && strcmp(*out, "f32") != 0 &&
        strcmp(*out, "mixed") != 0 && strcmp(*out, "bf16") != 0)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--precision %s: choose auto, f32, mixed or bf16",
                         *out);
    return ESPY_E_OK;
}

/* Forgets the pack that environment or espy.conf name when it is for another modality. */
static espy_err encoder_fits(espy_cli *cli, const espy_modality *modality, const char **name)
{
    espy_pack *pack = NULL;
    ESPY_TRY(espy_pack_open(&cli->cx, *name, cli->ws.dir, &pack));
    if (strcmp(pack->modality, modality->name) != 0)
        *name = NULL;
    espy_pack_destroy(&cli->cx, &pack);
    return ESPY_E_OK;
}

espy_err espy_cli_modality(espy_cli *cli, const espy_modality *of_files, const espy_modality **out)
{
    const char *name = espy_cli_given(cli, "encoder");
    espy_pack *pack = NULL;
    *out = of_files;
    if (!name)
        return ESPY_E_OK;
    ESPY_TRY(espy_pack_open(&cli->cx, name, cli->ws.dir, &pack));
    *out = espy_modality_find(pack->modality);
    espy_pack_destroy(&cli->cx, &pack);
    return ESPY_E_OK;
}

espy_err espy_cli_collection(espy_cli *cli, const espy_modality *modality, espy_collection *out)
{
    espy_ctx *cx = &cli->cx;
    const char *given = espy_cli_given(cli, "collection");
    const bool networks = espy_cli_text(cli, "models");
    ESPY_TRY(espy_cli_workspace(cli, false));
    if (!given)
        return espy_workspace_collection_only(
            cx, &cli->ws, !modality && networks ? espy_modality_find("sound") : modality, out);
    ESPY_TRY(espy_workspace_collection_existing(cx, &cli->ws, given, modality, out));
    const espy_modality *own = espy_modality_find(out->modality);
    if (!networks || !own || own->hears)
        return ESPY_E_OK;
    espy_collection_free(cx, out);
    return espy_fail(cx, ESPY_E_ARG,
                     "--models keeps the networks of recordings; collection \"%s\" is for %ss",
                     given, own->media);
}

espy_err espy_cli_encoder_alone(espy_cli *cli, const espy_modality *modality, espy_encoder **out)
{
    espy_ctx *cx = &cli->cx;
    espy_err e = espy_cli_workspace(cli, false);
    if (e == ESPY_E_OK)
        return espy_cli_encoder(cli, false, modality, out);
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(cx);
    const char *precision, *pack = espy_cli_text(cli, "encoder");
    char *chosen = NULL;
    espy_workspace none = {.dir = ""};
    ESPY_TRY(encoder_precision(cli, &precision));
    if (pack && modality && !espy_cli_given(cli, "encoder"))
        ESPY_TRY(encoder_fits(cli, modality, &pack));
    if (!pack)
        ESPY_TRY(espy_workspace_default_pack(
            cx, &none, modality ? modality : espy_modality_find("face"), &chosen));
    e = espy_encoder_open(cx, pack ? pack : chosen, NULL, precision ? precision : "auto", 1, out);
    espy_free(cx, chosen);
    return e;
}

/* A collection that was named may be for the other kind of files. */
static espy_err encoder_collection_fits(espy_ctx *cx, const espy_collection *c,
                                        const espy_modality *modality)
{
    const espy_modality *own = espy_modality_find(c->modality);
    if (!modality || !own || own == modality)
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_ARG,
                     "collection \"%s\" is for %ss, not for %ss; name another one (--collection)",
                     c->name, own->media, modality->media);
}

espy_err espy_cli_collection_name(espy_cli *cli, const espy_modality *modality, const char **out)
{
    espy_ctx *cx = &cli->cx;
    const char *named = espy_workspace_setting(&cli->ws, "collection"),
               *usual = espy_cli_fallback(cli, "collection");
    espy_collection c = {0};
    *out = espy_cli_given(cli, "collection");
    if (*out)
        return ESPY_E_OK;
    *out = usual ? usual : modality->collection;
    if (!named)
        return ESPY_E_OK;
    espy_err e = espy_store_collection(cx, cli->ws.store, named, &c);
    if (e == ESPY_E_NOT_FOUND)
        espy_clear(cx);
    else
        ESPY_TRY(e);
    if (e == ESPY_E_NOT_FOUND || strcmp(c.modality, modality->name) == 0)
        *out = named;
    espy_collection_free(cx, &c);
    return ESPY_E_OK;
}

espy_err espy_cli_collection_new(espy_cli *cli, const espy_encoder *encoder, espy_collection *out)
{
    const char *name;
    ESPY_TRY(espy_cli_collection_name(cli, espy_encoder_modality(encoder), &name));
    return espy_workspace_collection(&cli->cx, &cli->ws, name, encoder, out);
}

/* A collection that is there keeps its encoder unless the command line names another; environment
 * and espy.conf are for new ones, and for the modality of the pack that they name. */
espy_err espy_cli_encoder(espy_cli *cli, bool create, const espy_modality *modality,
                          espy_encoder **out)
{
    espy_ctx *cx = &cli->cx;
    const char *precision, *collection = espy_cli_given(cli, "collection"),
                           *pack = espy_cli_given(cli, "encoder");
    espy_collection c = {0};
    ESPY_TRY(espy_cli_workspace(cli, create));
    ESPY_TRY(encoder_precision(cli, &precision));
    if (create && modality)
        ESPY_TRY(espy_cli_collection_name(cli, modality, &collection));
    espy_err e = espy_workspace_collection_existing(cx, &cli->ws, collection, modality, &c);
    if (e == ESPY_E_OK)
        e = encoder_collection_fits(cx, &c, modality);
    espy_collection_free(cx, &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        pack = espy_cli_text(cli, "encoder");
        if (pack && modality && !espy_cli_given(cli, "encoder"))
            ESPY_TRY(encoder_fits(cli, modality, &pack));
    } else {
        ESPY_TRY(e);
        precision = espy_cli_given(cli, "precision");
    }
    return espy_workspace_encoder(cx, &cli->ws, collection, modality, pack, precision, out);
}
