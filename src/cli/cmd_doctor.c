/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy doctor`: what this machine offers, which packs are there, whether the workspace is
 * whole. */
#include <string.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "kern/kern.h"

static void doctor_machine(const espy_cli *cli)
{
    unsigned cpu = espy_cpu_detect();
    espy_cli_print(
        "espy        %s\ncores       %u used, %u usable\nvectors     %s\nbf16        %s\n",
        espy_library_version(), espy_pool_size(cli->cx.pool), espy_cpu_count(),
        cpu & ESPY_CPU_AVX512 ? "AVX-512"
        : cpu & ESPY_CPU_AVX2 ? "AVX2"
                              : "none beyond the baseline",
        espy_precision_native(ESPY_PRECISION_BF16) ? "native" : "not native: f32 is used");
}

static espy_err doctor_packs(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    char *best = NULL;
    espy_workspace none = {.dir = ""};
    espy_err e = espy_workspace_default_pack(cx, cli->ws.dir ? &cli->ws : &none, &best);
    if (e == ESPY_E_NOT_FOUND) {
        espy_cli_print("packs       none; run: espy models fetch face-api\n");
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    espy_cli_print("packs       %s by default (espy models list)\n", best);
    espy_free(cx, best);
    return ESPY_E_OK;
}

static espy_err doctor_workspace(espy_cli *cli, size_t *harm)
{
    espy_ctx *cx = &cli->cx;
    espy_finding *found = NULL;
    espy_collection *c = NULL;
    size_t n = 0, n_c = 0;
    espy_err e = espy_cli_workspace(cli, false);
    if (e == ESPY_E_NOT_FOUND) {
        espy_cli_print("workspace   none here\n");
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_GO(e);
    espy_cli_print("workspace   %s\n", cli->ws.dir);
    ESPY_GO(espy_store_collections(cx, cli->ws.store, &c, &n_c));
    for (size_t i = 0; i < n_c; i++)
        espy_cli_print("collection  %s: encoder %s (%s)\n", c[i].name, c[i].encoder,
                       c[i].precision);
    ESPY_GO(espy_store_check(cx, cli->ws.store, &found, &n));
    for (size_t i = 0; i < n; i++) {
        espy_cli_print("%s %s: %s\n", found[i].harm ? "damage     " : "note       ", found[i].item,
                       found[i].text);
        *harm += found[i].harm;
    }
    if (!n)
        espy_cli_print("store       whole\n");
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
    doctor_machine(cli);
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
