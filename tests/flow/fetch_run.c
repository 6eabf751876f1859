/* SPDX-License-Identifier: Apache-2.0
 * Fetches a pack as `espy models fetch NAME` does, into DIR, but asks by http where the manifest
 * says https: the server of tests/cli/fetch.py has no certificate that anybody trusts. */
#include <stdio.h>
#include <string.h>

#include "flow/fetch.h"

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_pack *pack = NULL;
    espy_ctx_init(&cx);
    if (argc != 3)
        return 2;
    espy_err e = espy_pack_open(&cx, argv[1], NULL, &pack);
    for (size_t i = 0; e == ESPY_E_OK && i < pack->n_files; i++) {
        char *s = pack->files[i].url ? strstr(pack->files[i].url, "https://127.0.0.1") : NULL;
        if (s)
            memmove(s + 4, s + 5, strlen(s + 5) + 1);
    }
    if (e == ESPY_E_OK)
        e = espy_flow_fetch(&cx, pack, argv[2], NULL);
    if (e != ESPY_E_OK)
        fprintf(stderr, "espy: %s\n", cx.text);
    espy_pack_destroy(&cx, &pack);
    return e == ESPY_E_OK ? 0 : 1;
}
