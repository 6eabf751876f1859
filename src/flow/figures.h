/* SPDX-License-Identifier: Apache-2.0
 * flow - what was measured of a fit, as version.json keeps it (docs/formats/version.md). */
#ifndef ESPY_FLOW_FIGURES_H
#define ESPY_FLOW_FIGURES_H

#include "base/json.h"
#include "flow/evaluate.h"

/* {"per_class", "confusion", "thresholds"} of a fit with a held-out part; the caller's.
 *   names      one per class;  strangers  whom the gate asked; NULL: nobody */
espy_err espy_figures_json(espy_ctx *cx, const char *const *names, const espy_fit *fit,
                           const espy_strangers *strangers, espy_json **out) ESPY_NODISCARD;

#endif
