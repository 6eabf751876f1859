/* SPDX-License-Identifier: Apache-2.0
 * http - the job "retrain_sounds": EcoSight's training on its folder of recordings, as
 * `espy retrain sounds` does it (SPEC 6.5). */
#include "http/learning.h"
#include "http/serving.h"

#define SOUNDS_TEST_SHARE 0.15

/* request: see learning.h. */
static espy_err run(espy_working *w, espy_json **result)
{
    const espy_serve_options *o = w->serving->options;
    const espy_learning how = {.dir = o->sounds_dir,
                               .models = o->models_dir,
                               .head = "mlp",
                               .reason = "Manual trigger",
                               .test_share = SOUNDS_TEST_SHARE};
    return espy_learning_run(w, &how, result);
}

const espy_job_kind espy_job_retrain_sounds = {"retrain_sounds", run};
