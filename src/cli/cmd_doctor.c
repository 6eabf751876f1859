/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy doctor`: what this machine offers, which packs are there, whether the workspace is
 * whole. */
#include <stdarg.h>
#include <stdio.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "kern/kern.h"

/* One finding: "topic      text", or as JSON {"topic":..,"text":..}. */
static espy_err doctor_say(espy_cli *cli, const char *topic, const char *fmt, ...)
    ESPY_PRINTF(3, 4);

static espy_err doctor_say(espy_cli *cli, const char *topic, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (cli->json)
        return espy_cli_print_pairs(cli, (const char *const[]){"topic", topic, "text", text, NULL});
    espy_cli_print("%-11s %s\n", topic, text);
    return ESPY_E_OK;
}

static espy_err doctor_machine(espy_cli *cli)
{
    unsigned cpu = espy_cpu_detect();
    ESPY_TRY(doctor_say(cli, "espy", "%s", espy_library_version()));
    ESPY_TRY(doctor_say(cli, "cores", "%u used, %u usable", espy_pool_size(cli->cx.pool),
                        espy_cpu_count()));
    ESPY_TRY(doctor_say(cli, "vectors", "%s",
                        cpu & ESPY_CPU_AVX512 ? "AVX-512"
                        : cpu & ESPY_CPU_AVX2 ? "AVX2"
                                              : "none beyond the baseline"));
    return doctor_say(cli, "bf16", "%s",
                      espy_precision_native(ESPY_PRECISION_BF16) ? "native"
                                                                 : "not native: f32 is used");
}

static espy_err doctor_packs(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    char *best = NULL;
    espy_workspace none = {.dir = ""};
    static const char *const modalities[] = {"face", "sound"};
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < 2 && e == ESPY_E_OK; i++) {
        const espy_modality *m = espy_modality_find(modalities[i]);
        e = espy_workspace_default_pack(cx, cli->ws.dir ? &cli->ws : &none, m, &best);
        if (e == ESPY_E_NOT_FOUND) {
            espy_clear(cx);
            e = doctor_say(cli, m->collection, "no pack; run: espy models fetch face-api");
            continue;
        }
        ESPY_TRY(e);
        e = doctor_say(cli, m->collection, "pack %s by default (espy models list)", best);
        espy_free(cx, best);
    }
    return e;
}

static espy_err doctor_workspace(espy_cli *cli, size_t *harm)
{
    espy_ctx *cx = &cli->cx;
    espy_finding *found = NULL;
    espy_collection *c = NULL;
    size_t n = 0, n_c = 0;
    espy_err e = ESPY_E_OK;
    if (!cli->ws.store)
        return doctor_say(cli, "workspace", "none here");
    ESPY_GO(doctor_say(cli, "workspace", "%s", cli->ws.dir));
    if (espy_store_on_server(cli->ws.store))
        ESPY_GO(doctor_say(cli, "database", "%s", espy_store_shown(cli->ws.store)));
    ESPY_GO(espy_store_collections(cx, cli->ws.store, &c, &n_c));
    for (size_t i = 0; i < n_c; i++)
        ESPY_GO(doctor_say(cli, "collection", "%s: encoder %s (%s)", c[i].name, c[i].encoder,
                           c[i].precision));
    ESPY_GO(espy_store_check(cx, cli->ws.store, &found, &n));
    for (size_t i = 0; i < n; i++) {
        ESPY_GO(doctor_say(cli, found[i].harm ? "damage" : "note", "%s: %s", found[i].item,
                           found[i].text));
        *harm += found[i].harm;
    }
    if (!n)
        ESPY_GO(doctor_say(cli, "store", "whole"));
out:
    espy_findings_free(cx, found, n);
    for (size_t i = 0; i < n_c; i++)
        espy_collection_free(cx, &c[i]);
    espy_free(cx, c);
    return e;
}

static espy_err doctor_cmd(espy_cli *cli)
{
    size_t harm = 0;
    espy_err e = espy_cli_workspace(cli, false); /* first: its espy.conf may set the threads */
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(&cli->cx);
        e = ESPY_E_OK;
    }
    ESPY_TRY(doctor_machine(cli));
    ESPY_TRY(e);
    ESPY_TRY(doctor_workspace(cli, &harm));
    ESPY_TRY(doctor_packs(cli));
    cli->exit_code = harm ? 1 : 0;
    return ESPY_E_OK;
}

const espy_command espy_command_doctor = {"doctor",
                                          "",
                                          "Check machine, packs and workspace",
                                          "Exit status 1 when something is damaged.",
                                          NULL,
                                          0,
                                          0,
                                          doctor_cmd};
