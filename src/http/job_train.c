/* SPDX-License-Identifier: Apache-2.0
 * http - the job "train": a collection learns anew from the samples that it has. */
#include "flow/learn.h"
#include "http/learning.h"
#include "http/serving.h"

/* request: see learning.h; and "models": true keeps EcoSight's folder of networks, too. */
static espy_err run(espy_working *w, espy_json **result)
{
    const bool models = espy_json_bool(espy_json_get(w->request, "models"), false);
    const espy_learning how = {.models = models ? w->serving->options->models_dir : NULL,
                               .reason = "train",
                               .test_share = espy_recipe_usual().test_share};
    return espy_learning_run(w, &how, result);
}

const espy_job_kind espy_job_train = {"train", run};
