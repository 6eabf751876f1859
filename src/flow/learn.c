/* SPDX-License-Identifier: Apache-2.0
 * flow - what every training does beside the fit. */
#include "flow/learn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void espy_tell(const espy_told *told, const char *fmt, ...)
{
    char line[1000];
    va_list ap;
    if (!told || !told->say)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    told->say(told->self, line);
}

/* ---- the recipe ---------------------------------------------------------------------------- */

espy_recipe espy_recipe_usual(void)
{
    return (espy_recipe){.seed = 42,
                         .clusters = 3,
                         .epochs = 100,
                         .validation = 0.15,
                         .test_share = 0.2,
                         .threshold = -1};
}

espy_err espy_recipe_fit(espy_ctx *cx, const espy_recipe *recipe, const espy_encoder *encoder,
                         espy_fit_options *out)
{
    const espy_head_ops *ops;
    const espy_modality *m = espy_encoder_modality(encoder);
    const bool fixed = recipe->threshold >= 0;
    *out = (espy_fit_options){.head = recipe->head,
                              .settings = {.balanced = true,
                                           .scale = true,
                                           .seed = recipe->seed,
                                           .clusters = recipe->clusters,
                                           .epochs = recipe->epochs,
                                           .validation = recipe->validation,
                                           .epoch = recipe->epoch,
                                           .self = recipe->self},
                              .test_share = recipe->test_share,
                              .rule = fixed ? ESPY_THRESHOLD_FIXED : ESPY_THRESHOLD_FOLDS,
                              .percent = 99,
                              .threshold = fixed ? recipe->threshold : 0,
                              .usual = m->head,
                              .floor = (double)espy_encoder_pack(encoder)->floor,
                              .floor_loss = m->floor_loss};
    return recipe->head ? espy_head_choose(cx, recipe->head, &ops) : ESPY_E_OK;
}

void espy_epoch_line(size_t number, size_t most, const espy_mlp_epoch *e, char out[160])
{
    char held[64] = "";
    if (isfinite(e->val_loss))
        snprintf(held, sizeof held, ", val_loss: %.4f, val_acc: %.4f", (double)e->val_loss,
                 (double)e->val_accuracy);
    snprintf(out, 160, "Epoch %zu/%zu: loss: %.4f, acc: %.4f%s", number, most, (double)e->loss,
             (double)e->accuracy, held);
}

/* ---- the folder ---------------------------------------------------------------------------- */

espy_err espy_learn_counts(espy_ctx *cx, const espy_dataset *data, espy_json **out)
{
    espy_json *o = espy_json_object();
    for (size_t i = 0; i < data->n; i++) {
        espy_err e =
            espy_json_set(cx, o, data->at[i].code, espy_json_of_int((int64_t)data->at[i].n_files));
        if (e != ESPY_E_OK) {
            espy_json_free(o);
            return e;
        }
    }
    *out = o;
    return ESPY_E_OK;
}

espy_err espy_learn_dataset(espy_ctx *cx, const char *dir, const espy_modality *modality,
                            espy_dataset *out)
{
    ESPY_TRY(espy_dataset_read(cx, dir, ESPY_FOLDER_CODE, modality, NULL, out));
    for (size_t i = 0; i < out->n_empty; i++)
        espy_log(cx, ESPY_LOG_WARN, "%s holds no %s and is left out", out->empty[i],
                 modality->media);
    if (out->unknown)
        espy_log(cx, ESPY_LOG_WARN,
                 "%s is not learned: what is unknown is no label; move its files to the folder of "
                 "what they are",
                 out->unknown);
    return ESPY_E_OK;
}

espy_err espy_learn_folder(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, const char *dir, const espy_dataset *data,
                           const espy_ingest_options *how, const espy_told *told, espy_ingest *out)
{
    size_t gone = 0;
    const espy_modality *m = espy_encoder_modality(encoder);
    espy_tell(told, "%zu labels, %zu %ss; encoder %s (%s)", data->n, data->files, m->media,
              c->encoder, c->precision);
    ESPY_TRY(espy_flow_ingest(cx, ws, c, encoder, data, how, out));
    if (!out->used)
        return espy_fail(cx, ESPY_E_DATA, "no %s was found in any of %zu %ss (first: %s)",
                         m->sample, data->files, m->media, out->skipped[0].reason);
    for (size_t i = 0; i < out->n_skipped; i++)
        espy_tell(told, "skipped %s: %s", out->skipped[i].path, out->skipped[i].reason);
    if (!out->unreadable) /* else it cannot be told which files are gone */
        ESPY_TRY(espy_flow_forget(cx, ws, c, dir, out, &gone));
    if (gone)
        espy_tell(told, "%zu %ss are no longer in %s: not learned from any more", gone, m->media,
                  dir);
    return ESPY_E_OK;
}

/* ---- head and gate ------------------------------------------------------------------------- */

/* The version that answers now; its head is NULL when there is none or it is damaged. */
static espy_err learn_live(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           espy_version *out)
{
    int64_t live = 0;
    ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "live", &live));
    if (!live)
        return ESPY_E_OK;
    espy_err e = espy_store_version(cx, ws->store, c->id, live, out);
    if (e != ESPY_E_DIGEST && e != ESPY_E_FORMAT)
        return e;
    espy_clear(cx);
    return ESPY_E_OK;
}

espy_err espy_learn_head(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_told *told, char **head)
{
    espy_version v = {0};
    espy_label *labels = NULL;
    size_t n = 0;
    bool single = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(learn_live(cx, ws, c, &v));
    if (!v.head)
        goto out;
    ESPY_GO(espy_store_labels(cx, ws->store, c->id, &labels, &n));
    for (size_t i = 0; i < n; i++)
        single = single || labels[i].samples == 1;
    const espy_head_ops *ops = espy_head_find(v.head);
    if (single && !(ops && ops->few)) {
        espy_tell(told, "a label has one sample only: head knn instead of %s", v.head);
        goto out;
    }
    *head = v.head;
    v.head = NULL;
out:
    espy_labels_free(cx, labels, n);
    espy_version_free(cx, &v);
    return e;
}

espy_err espy_learn_threshold(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const espy_told *told, double *threshold)
{
    espy_version v = {0};
    ESPY_TRY(learn_live(cx, ws, c, &v));
    const char *rule = v.head ? espy_json_string(espy_json_get(v.json, "threshold_rule"), "") : "";
    if (strcmp(rule, "fixed") == 0) {
        *threshold = espy_json_number(espy_json_get(v.json, "threshold"), *threshold);
        espy_tell(told, "threshold %.2f, as chosen for version %lld", *threshold,
                  (long long)v.number);
    }
    espy_version_free(cx, &v);
    return ESPY_E_OK;
}

espy_err espy_learn_gate(espy_ctx *cx, const espy_workspace *ws, const espy_encoder *encoder,
                         double least, bool force, espy_canaries *canaries, espy_gate_options *out)
{
    const char *setting = espy_workspace_setting(ws, "min_accuracy");
    ESPY_TRY(espy_canaries_make(cx, encoder, canaries));
    *out = (espy_gate_options){.min_accuracy = fmax(least, 0),
                               .canaries = canaries->at,
                               .n_canaries = canaries->n,
                               .left_out = ESPY_GATE_LEFT_OUT,
                               .named = ESPY_GATE_NAMED,
                               .force = force};
    if (least < 0 && setting && !espy_parse_real(setting, 0, 1, &out->min_accuracy))
        return espy_fail(cx, ESPY_E_ARG, "min_accuracy: \"%s\" is not a number from 0 to 1",
                         setting);
    return ESPY_E_OK;
}

/* ---- what is told -------------------------------------------------------------------------- */

espy_err espy_learned_json(espy_ctx *cx, const espy_renewal *r, const espy_ingest *ingest,
                           const double seconds[3], espy_json **out)
{
    const espy_fit *fit = &r->fit;
    const bool measured = fit->split.test_n > 0;
    espy_json *o = espy_json_object(), *s = espy_json_object(), *gate = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, s, "encode", espy_json_of_float((float)seconds[0])));
    ESPY_GO(espy_json_set(cx, s, "fit", espy_json_of_float((float)seconds[1])));
    ESPY_GO(espy_json_set(cx, s, "total", espy_json_of_float((float)seconds[2])));
    ESPY_GO(espy_json_set(cx, o, "version", espy_json_of_int(r->version)));
    ESPY_GO(espy_json_set(cx, o, "head", espy_json_of_string(fit->ops->name)));
    ESPY_GO(espy_json_set(cx, o, "labels", espy_json_of_int((int64_t)r->set.n_labels)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)r->set.rows.n)));
    ESPY_GO(
        espy_json_set(cx, o, "skipped", espy_json_of_int(ingest ? (int64_t)ingest->n_skipped : 0)));
    ESPY_GO(espy_json_set(cx, o, "accuracy",
                          measured ? espy_json_of_number(fit->metrics.accuracy)
                                   : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, o, "threshold", espy_json_of_number(fit->threshold)));
    ESPY_GO(espy_json_set(cx, o, "floor", espy_json_of_number(fit->floor)));
    ESPY_GO(espy_json_set(cx, o, "seconds", espy_json_ref(s)));
    ESPY_GO(espy_json_set(cx, o, "promoted", espy_json_of_bool(r->promoted)));
    if (r->gate.n) {
        ESPY_GO(espy_gate_json(cx, &r->gate, &gate));
        ESPY_GO(espy_json_set(cx, o, "gate", espy_json_ref(gate)));
    }
    *out = o;
    o = NULL;
out:
    espy_json_free(gate);
    espy_json_free(s);
    espy_json_free(o);
    return e;
}

void espy_learned_refusal(const espy_renewal *r, char *out, size_t room)
{
    char live[64] = "nothing answers yet";
    if (r->live)
        snprintf(live, sizeof live, "version %lld goes on answering", (long long)r->live);
    snprintf(out, room, "version %lld is kept but does not answer: %s; %s", (long long)r->version,
             r->gate.text, live);
}

void espy_trigger_reason(int64_t added, char out[64])
{
    snprintf(out, 64, "trigger: %lld new samples", (long long)added);
}
