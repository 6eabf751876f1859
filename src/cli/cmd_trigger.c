/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy trigger`: whether enough is new for a training; starts it, now or at appointed times.
 */
#include <stdio.h>

#include "cli/train_args.h"
#include "flow/learn.h"
#include "flow/schedule.h"
#include "flow/trigger.h"

/* What is there now, and what the last training had. */
typedef struct trigger_state {
    espy_json *current, *last; /* last NULL: nothing was trained yet */
    int64_t added, least;
    bool retrain;
} trigger_state;

static void trigger_free(trigger_state *t)
{
    espy_json_free(t->current);
    espy_json_free(t->last);
}

/* The collection, if there is one: a folder may be asked about before anything was made. */
static espy_err trigger_collection(espy_cli *cli, bool needed, const espy_modality *modality,
                                   espy_collection *c)
{
    espy_ctx *cx = &cli->cx;
    if (needed)
        return espy_cli_collection(cli, modality, c);
    espy_err e = espy_cli_workspace(cli, false);
    if (e == ESPY_E_OK)
        e = espy_workspace_collection_existing(cx, &cli->ws, espy_cli_given(cli, "collection"),
                                               modality, c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    return e;
}

static espy_err trigger_look(espy_cli *cli, trigger_state *t)
{
    espy_ctx *cx = &cli->cx;
    const char *dir = cli->n_args ? cli->args[0] : NULL, *log = espy_cli_text(cli, "log");
    const espy_modality *modality = NULL;
    espy_collection c = {0};
    espy_err e = ESPY_E_OK;
    if (dir && !espy_cli_given(cli, "encoder")) /* an empty folder may be anything's */
        ESPY_GO(espy_dataset_modality(cx, dir, &modality));
    ESPY_GO(espy_cli_modality(cli, modality, &modality));
    ESPY_GO(trigger_collection(cli, !dir, modality, &c));
    if (dir) {
        ESPY_GO(espy_trigger_count_folder(cx, dir, modality, &t->current));
    } else {
        ESPY_GO(espy_trigger_count_store(cx, &cli->ws, &c, &t->current));
    }
    if (log)
        ESPY_GO(espy_trigger_last_of_log(cx, log, &t->last));
    else if (c.id)
        ESPY_GO(espy_trigger_last(cx, &cli->ws, &c, dir != NULL, &t->last));
    t->least = espy_cli_text(cli, "min-new-samples") ? espy_cli_int(cli, "min-new-samples")
               : espy_cli_text(cli, "schedule")      ? ESPY_TRIGGER_SCHEDULED_SAMPLES
                                                     : ESPY_TRIGGER_SAMPLES;
    t->retrain = espy_trigger_decide(t->current, t->last, t->least, &t->added);
out:
    espy_collection_free(cx, &c);
    return e;
}

static espy_err trigger_tell(espy_cli *cli, const trigger_state *t)
{
    espy_ctx *cx = &cli->cx;
    if (!cli->json) {
        espy_cli_print("Retrain: %s, New samples: %lld\n", t->retrain ? "True" : "False",
                       (long long)t->added);
        return ESPY_E_OK;
    }
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "retrain", espy_json_of_bool(t->retrain)));
    ESPY_GO(espy_json_set(cx, o, "new_samples", espy_json_of_int(t->added)));
    ESPY_GO(espy_json_set(cx, o, "min_new_samples", espy_json_of_int(t->least)));
    ESPY_GO(espy_json_set(cx, o, "counts", espy_json_ref(t->current)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Looks, tells, and trains when it fires and that is wanted. */
static espy_err trigger_once(espy_cli *cli, bool train)
{
    trigger_state t = {0};
    char reason[64];
    espy_err e = ESPY_E_OK;
    ESPY_GO(trigger_look(cli, &t));
    ESPY_GO(trigger_tell(cli, &t));
    espy_trigger_reason(t.added, reason);
    const espy_train_how how = {
        .dir = cli->n_args ? cli->args[0] : NULL, .reason = reason, .keep_head = true};
    if (t.retrain && train)
        ESPY_GO(espy_cli_train(cli, &how));
out:
    trigger_free(&t);
    return e;
}

static espy_err trigger_due(espy_ctx *cx, void *self, int64_t due)
{
    (void)cx;
    (void)due;
    espy_err e = trigger_once(self, true);
    fflush(stdout); /* somebody may watch the output of a program that runs for weeks */
    return e;
}

static espy_err trigger_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    const char *text = espy_cli_text(cli, "schedule");
    espy_schedule schedule;
    ESPY_TRY(espy_cli_train_options(cli));
    if (!text)
        return trigger_once(cli, espy_cli_flag(cli, "train"));
    ESPY_TRY(espy_schedule_parse(cx, text, &schedule));
    /* opens the workspace now: its zone counts, and what is wrong is told at once */
    trigger_state t = {0};
    espy_err e = trigger_look(cli, &t);
    trigger_free(&t);
    ESPY_TRY(e);
    return espy_schedule_run(cx, &schedule, &espy_clock_real, trigger_due, cli);
}

static const espy_option trigger_options[] = {
    ESPY_ENCODER_OPTIONS(NULL),
    {"min-new-samples", "N", ESPY_OPT_INT, 0, 1e9, NULL, NULL, NULL,
     "new samples that are enough; else 100, with --schedule 50"},
    {"train", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "train when there are enough"},
    {"schedule", "WHEN", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "look at appointed times, such as \"sun 02:00\", and train when there are enough; runs until "
     "Ctrl-C"},
    {"log", "FILE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "a retraining_log.json whose last entry tells what was learned from, instead of the "
     "collection"},
    ESPY_TRAIN_OPTIONS,
    ESPY_GATE_OPTIONS,
    ESPY_WHOLE_OPTION,
    ESPY_SOURCES_OPTION,
    ESPY_AUGMENT_OPTION,
    ESPY_MODELS_OPTION,
    {0}};

const espy_command espy_command_trigger = {
    "trigger",
    "[DIR]",
    "Tell whether enough is new for a training, and start it",
    "Counts the files of each label's folder in DIR, or without DIR the labelled samples of the "
    "collection,\n"
    "and takes off what the last training had.  Before the first training it always fires.  The "
    "label\n"
    "\"unknown\" is not counted.  --schedule takes \"sun 02:00\", \"daily 02:00\" or \"mon,wed "
    "18:30\", in the\n"
    "zone of espy.conf's timezone.",
    trigger_options,
    0,
    1,
    trigger_cmd};
