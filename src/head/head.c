/* SPDX-License-Identifier: Apache-2.0
 * head - the registry, made by the build from the option "heads". */
#include "head/head.h"

#include "head/head_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ESPY_HEAD(n) extern const espy_head_ops espy_head_##n;
#include "head/heads.inc"
#undef ESPY_HEAD

const espy_head_ops *const espy_heads[] = {
#define ESPY_HEAD(n) &espy_head_##n,
#include "head/heads.inc"
#undef ESPY_HEAD
    NULL};

const espy_head_ops *espy_head_find(const char *name)
{
    for (size_t i = 0; espy_heads[i]; i++)
        if (strcmp(espy_heads[i]->name, name) == 0)
            return espy_heads[i];
    return NULL;
}

espy_err espy_head_choose(espy_ctx *cx, const char *name, const espy_head_ops **out)
{
    char all[128] = "";

    *out = espy_head_find(name);
    if (*out)
        return ESPY_E_OK;
    for (size_t i = 0, n = 0; espy_heads[i] && n < sizeof all; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s",
                              i == 0              ? ""
                              : espy_heads[i + 1] ? ", "
                                                  : " or ",
                              espy_heads[i]->name);
    return espy_fail(cx, ESPY_E_ARG, "there is no head \"%s\"; choose %s", name, all);
}

void espy_head_destroy(espy_ctx *cx, espy_head **head)
{
    if (!*head)
        return;
    (*head)->ops->destroy(cx, *head);
    *head = NULL;
}

void espy_head_softmax(float *s, size_t n, double temperature)
{
    double sum = 0, top = s[0];

    for (size_t c = 1; c < n; c++)
        top = fmax(top, s[c]);
    for (size_t c = 0; c < n; c++)
        sum += exp(((double)s[c] - top) / temperature);
    for (size_t c = 0; c < n; c++)
        s[c] = (float)(exp(((double)s[c] - top) / temperature) / sum);
}

espy_err espy_head_scale(espy_ctx *cx, espy_rows *rows, espy_scaler *scaler, float **x)
{
    *x = espy_floats(cx, rows->n * rows->dim);
    if (!*x)
        return cx->code;
    ESPY_TRY(espy_scaler_fit(cx, rows->x, rows->n, rows->dim, scaler));
    espy_scaler_apply(scaler, rows->x, rows->n, *x);
    rows->x = *x;
    return ESPY_E_OK;
}
