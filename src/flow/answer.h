/* SPDX-License-Identifier: Apache-2.0
 * flow - samples and answers as JSON, the same for commands and requests (docs: DESIGN 9). */
#ifndef ESPY_FLOW_ANSWER_H
#define ESPY_FLOW_ANSWER_H

#include "flow/identify.h"

/* Sets a list of n numbers. */
espy_err espy_json_set_floats(espy_ctx *cx, espy_json *object, const char *key, const float *v,
                              size_t n) ESPY_NODISCARD;
/* {"box":..,"score":..,"points":..}, of a sound {"start":..,"end":..,"score":..}, and, when asked
 * for, "embedding". */
espy_err espy_sample_json(espy_ctx *cx, const espy_modality *modality, const espy_scan_sample *s,
                          size_t dim, bool points, bool embedding, espy_json **out) ESPY_NODISCARD;
/* The line of `identify` for one media; r NULL: samples alone, without decisions. */
espy_err espy_result_json(espy_ctx *cx, const espy_modality *modality, const char *path,
                          const espy_scan *scan, const espy_result *r,
                          espy_json **out) ESPY_NODISCARD;

#endif
