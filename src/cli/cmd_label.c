/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy label ...`: what people say about labels and samples. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/media_args.h"
#include "flow/collect.h"
#include "flow/dataset.h"
#include "flow/erase.h"
#include "store/erase.h"
#include "store/group.h"
#include "store/label.h"

#define LABEL_COLLECTION_OPTION                                              \
    {                                                                        \
        "collection", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "collection", \
            "the labels that are recognised together"                        \
    }

static const espy_option label_options[] = {LABEL_COLLECTION_OPTION, {0}};

static int label_sample_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The numbers of samples from argument `first` on, ascending, each once. */
static espy_err label_samples(espy_cli *cli, int first, int64_t **out, size_t *n)
{
    size_t count = (size_t)(cli->n_args - first);
    int64_t *list = espy_array(&cli->cx, count, sizeof *list);
    if (!list)
        return cli->cx.code;
    for (size_t i = 0; i < count; i++) {
        const char *text = cli->args[first + (int)i];
        if (!espy_parse_int(text, 1, INT64_MAX, &list[i])) {
            espy_free(&cli->cx, list);
            return espy_fail(&cli->cx, ESPY_E_ARG,
                             "\"%s\" is no sample: give its number (espy label list CODE)", text);
        }
    }
    qsort(list, count, sizeof *list, label_sample_order);
    *n = 0;
    for (size_t i = 0; i < count; i++)
        if (*n == 0 || list[*n - 1] != list[i])
            list[(*n)++] = list[i];
    *out = list;
    return ESPY_E_OK;
}

/* NEW as a folder would be called: "STU001_John_Doe" is code and name; a given name wins.
 * What is set is the caller's to free, also after a failure. */
static espy_err label_new_name(espy_cli *cli, const char *text, const char *given, char **code,
                               char **name)
{
    ESPY_TRY(espy_folder_name(&cli->cx, text, ESPY_FOLDER_CODE, code, name));
    size_t n = strlen(*code);
    if (n == 0 || (*code)[0] == '-' || (*code)[0] == ' ' || (*code)[n - 1] == ' ')
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "\"%s\" is no code: it neither begins with - nor begins or ends with a "
                         "blank",
                         *code);
    if (strspn(*name, " ") == strlen(*name)) { /* "STU001_": no name behind it */
        espy_free(&cli->cx, *name);
        *name = espy_strdup(&cli->cx, *code);
        if (!*name)
            return cli->cx.code;
    }
    if (espy_label_unknown(*code))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "nobody can be called \"%s\": it is what espy answers when it does not "
                         "know",
                         text);
    if (!given)
        return ESPY_E_OK;
    char *copy = espy_strdup(&cli->cx, given);
    espy_free(&cli->cx, *name);
    *name = copy;
    return copy ? ESPY_E_OK : cli->cx.code;
}

/* What a command did, for label_done(). */
typedef struct label_deed {
    const char *action; /* "rename" */
    const char *code;   /* of the label that it is about now; NULL: none */
    size_t samples;     /* that changed */
    size_t kept;        /* that were left as they are */
    bool relearn;       /* a version answers otherwise until it is trained again */
    const char *text;   /* for people; NULL: out of memory */
} label_deed;

static espy_err label_done_json(espy_cli *cli, const label_deed *d)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "action", espy_json_of_string(d->action)));
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(d->code)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)d->samples)));
    ESPY_GO(espy_json_set(cx, o, "kept", espy_json_of_int((int64_t)d->kept)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Tells what was done, and that a version still answers by what it learned. */
static espy_err label_done(espy_cli *cli, const espy_collection *c, const label_deed *d)
{
    int64_t live = 0;
    if (!d->text)
        return cli->cx.code;
    if (cli->json)
        return label_done_json(cli, d);
    espy_cli_print("%s\n", d->text);
    ESPY_TRY(espy_store_alias(&cli->cx, cli->ws.store, c->id, "live", &live));
    if (d->relearn && live)
        espy_cli_say(cli, "version %lld answers as it learned; learn this too with: espy train",
                     (long long)live);
    return ESPY_E_OK;
}

/* -- list -------------------------------------------------------------------------------------- */
static espy_err list_label_json(espy_cli *cli, const espy_label *l)
{
    espy_ctx *cx = &cli->cx;
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(l->code)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(l->name)));
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_of_int((int64_t)l->samples)));
    ESPY_GO(espy_json_set(cx, o, "group", espy_json_of_bool(l->grouped)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(o);
    return e;
}

/* Lets the labels count their samples of one session only. */
static espy_err list_of_session(espy_cli *cli, const espy_collection *c, int64_t session,
                                espy_label *at, size_t n)
{
    espy_sample_pool p = {0};
    ESPY_TRY(espy_store_pool(&cli->cx, cli->ws.store, c->id, session, c->encoder_digest, &p));
    for (size_t i = 0; i < n; i++) {
        at[i].samples = 0;
        for (size_t k = 0; k < p.n; k++)
            at[i].samples += p.at[k].label == at[i].id;
    }
    espy_sample_pool_free(&cli->cx, &p);
    return ESPY_E_OK;
}

/* The labels, with session != 0 those that are there. */
static espy_err list_labels(espy_cli *cli, const espy_collection *c, int64_t session)
{
    espy_label *at = NULL;
    size_t n = 0, shown = 0;
    ESPY_TRY(espy_store_labels(&cli->cx, cli->ws.store, c->id, &at, &n));
    espy_err e = session ? list_of_session(cli, c, session, at, n) : ESPY_E_OK;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
        if (at[i].deleted || (session && at[i].samples == 0))
            continue;
        shown++;
        if (cli->json)
            e = list_label_json(cli, &at[i]);
        else
            espy_cli_print("%6zu  %-16s  %s%s\n", at[i].samples, at[i].code, at[i].name,
                           at[i].grouped ? "  (group)" : "");
    }
    if (e == ESPY_E_OK && !shown)
        espy_cli_say(cli, session ? "nobody in this session has a label yet"
                                  : "this collection has no label yet");
    espy_labels_free(&cli->cx, at, n);
    return e;
}

static espy_err list_sample_json(espy_cli *cli, const espy_pool_sample *s, const char *source)
{
    espy_ctx *cx = &cli->cx;
    const char *by = s->actor[0] ? s->actor : NULL;
    espy_json *o = espy_json_object(), *box = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (int k = 0; k < 4; k++)
        ESPY_GO(espy_json_append(cx, box, espy_json_of_float(s->box[k])));
    ESPY_GO(espy_json_set(cx, o, "sample", espy_json_of_int(s->sample)));
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(source)));
    ESPY_GO(espy_json_set(cx, o, "box", espy_json_ref(box)));
    ESPY_GO(espy_json_set(cx, o, "by", espy_json_of_string(by)));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(box);
    espy_json_free(o);
    return e;
}

static espy_err list_sample(espy_cli *cli, const espy_collection *c, const espy_pool_sample *s)
{
    char *source = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_sample_origin(&cli->cx, cli->ws.store, s->sample, &source));
    if (cli->json)
        e = list_sample_json(cli, s, source);
    else if (espy_modality_find(c->modality)->hears)
        espy_cli_print("%8lld  %-6s  %.2f to %.2f s  %s\n", (long long)s->sample, s->actor,
                       (double)s->box[0], (double)(s->box[0] + s->box[2]), source);
    else
        espy_cli_print("%8lld  %-6s  at %.0f,%.0f %.0fx%.0f  %s\n", (long long)s->sample, s->actor,
                       (double)s->box[0], (double)s->box[1], (double)s->box[2], (double)s->box[3],
                       source);
    espy_free(&cli->cx, source);
    return e;
}

/* The samples of one label, or with 0 those that have none; with session != 0 of that only. */
static espy_err list_samples(espy_cli *cli, const espy_collection *c, int64_t session,
                             int64_t label)
{
    espy_sample_pool p = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_pool(&cli->cx, cli->ws.store, c->id, session, c->encoder_digest, &p));
    for (size_t i = 0; i < p.n && e == ESPY_E_OK; i++)
        if (p.at[i].label == label)
            e = list_sample(cli, c, &p.at[i]);
    espy_sample_pool_free(&cli->cx, &p);
    return e;
}

static espy_err label_list_cmd(espy_cli *cli)
{
    const char *name = espy_cli_text(cli, "session"), *date = espy_cli_text(cli, "date");
    espy_collection c = {0};
    espy_label l = {0};
    int64_t session = 0;
    espy_err e = ESPY_E_OK;
    if (date && !name)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--date is the day of a --session; name that too");
    if (cli->n_args && espy_cli_flag(cli, "nobody"))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "--nobody lists samples without a label; leave out %s", cli->args[0]);
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    if (name)
        ESPY_GO(espy_flow_session(&cli->cx, &cli->ws, &c, name, date, &session));
    if (espy_cli_flag(cli, "nobody"))
        ESPY_GO(list_samples(cli, &c, session, 0));
    else if (cli->n_args == 0)
        ESPY_GO(list_labels(cli, &c, session));
    else {
        ESPY_GO(espy_store_label_find(&cli->cx, cli->ws.store, c.id, cli->args[0], &l));
        ESPY_GO(list_samples(cli, &c, session, l.id));
    }
out:
    espy_label_free(&cli->cx, &l);
    espy_collection_free(&cli->cx, &c);
    return e;
}

static const espy_option label_list_options[] = {
    LABEL_COLLECTION_OPTION,
    {"nobody", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "the samples that have no label"},
    {"session", "NAME", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "only of this occasion: who was there"},
    {"date", "DAY", ESPY_OPT_TEXT, 0, 0, NULL, NULL, NULL,
     "of the session, YYYY-MM-DD; else the newest of that name"},
    {0}};
const espy_command espy_command_label_list = {
    "label list",
    "[CODE]",
    "List the labels, or the samples of one with their numbers",
    NULL,
    label_list_options,
    0,
    1,
    label_list_cmd};

/* -- rename, merge, split, delete -------------------------------------------------------------- */
static espy_err label_rename_cmd(espy_cli *cli)
{
    espy_collection c = {0};
    espy_label l = {0};
    char *code = NULL, *name = NULL, *what = NULL;
    const char *given = cli->n_args > 2 ? cli->args[2] : NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_label_find(&cli->cx, cli->ws.store, c.id, cli->args[0], &l));
    ESPY_GO(label_new_name(cli, cli->args[1], given, &code, &name));
    ESPY_GO(espy_store_label_rename(&cli->cx, cli->ws.store, c.id, l.id, code, name, "user"));
    what = espy_sprintf(&cli->cx, "%s is %s (%s) now", l.code, code, name);
    e = label_done(cli, &c, &(label_deed){"rename", code, l.samples, 0, false, what});
out:
    espy_free(&cli->cx, what);
    espy_free(&cli->cx, code);
    espy_free(&cli->cx, name);
    espy_label_free(&cli->cx, &l);
    espy_collection_free(&cli->cx, &c);
    return e;
}

const espy_command espy_command_label_rename = {
    "label rename",
    "CODE NEW [NAME]",
    "Give a label or a group another code and name",
    "NEW may tell both, as folders do: STU001_John_Doe.  A version that is trained already "
    "answers\n"
    "with the new name at once.",
    label_options,
    2,
    3,
    label_rename_cmd};

static espy_err merge_all(espy_cli *cli, const espy_collection *c, int64_t into, size_t *moved,
                          size_t *left)
{
    espy_ctx *cx = &cli->cx;
    espy_label from = {0};
    for (int i = 0; i + 1 < cli->n_args; i++) {
        size_t m = 0, l = 0;
        ESPY_TRY(espy_store_label_find(cx, cli->ws.store, c->id, cli->args[i], &from));
        espy_err e =
            espy_store_label_merge(cx, cli->ws.store, c->id, from.id, into, "user", &m, &l);
        espy_label_free(cx, &from);
        ESPY_TRY(e);
        *moved += m;
        *left += l;
    }
    return ESPY_E_OK;
}

/* Merges every label but the last into the last: all of them or none. */
static espy_err label_merge_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_label into = {0};
    size_t moved = 0, left = 0;
    char *what = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_label_find(cx, cli->ws.store, c.id, cli->args[cli->n_args - 1], &into));
    ESPY_GO(espy_store_begin(cx, cli->ws.store));
    e = merge_all(cli, &c, into.id, &moved, &left);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, cli->ws.store);
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, cli->ws.store);
        goto out;
    }
    if (left)
        espy_cli_say(cli, "%zu samples that were refused to %s have no label now", left, into.code);
    what = espy_sprintf(cx, "%zu sample%s came to %s (%s)", moved, moved == 1 ? "" : "s", into.code,
                        into.name);
    e = label_done(cli, &c, &(label_deed){"merge", into.code, moved, left, true, what});
out:
    espy_free(cx, what);
    espy_label_free(cx, &into);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_merge = {"label merge",
                                               "CODE ... INTO",
                                               "Make several labels one: the last one named",
                                               NULL,
                                               label_options,
                                               2,
                                               -1,
                                               label_merge_cmd};

static espy_err label_split_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_label l = {0};
    int64_t *samples = NULL, made = 0;
    size_t n = 0;
    char *code = NULL, *name = NULL, *what = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_label_find(cx, cli->ws.store, c.id, cli->args[0], &l));
    ESPY_GO(label_new_name(cli, cli->args[1], NULL, &code, &name));
    ESPY_GO(label_samples(cli, 2, &samples, &n));
    ESPY_GO(espy_store_label_split(cx, cli->ws.store, c.id, l.id, samples, n, code, name, "user",
                                   &made));
    what = espy_sprintf(cx, "%zu sample%s of %s are %s (%s) now", n, n == 1 ? "" : "s", l.code,
                        code, name);
    e = label_done(cli, &c, &(label_deed){"split", code, n, 0, true, what});
out:
    espy_free(cx, what);
    espy_free(cx, code);
    espy_free(cx, name);
    espy_free(cx, samples);
    espy_label_free(cx, &l);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_split = {
    "label split",
    "CODE NEW SAMPLE ...",
    "Take samples out of a label and make another label of them",
    NULL,
    label_options,
    3,
    -1,
    label_split_cmd};

static espy_err label_delete_cmd(espy_cli *cli)
{
    espy_collection c = {0};
    espy_label l = {0};
    char *what = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_label_find(&cli->cx, cli->ws.store, c.id, cli->args[0], &l));
    ESPY_GO(espy_store_label_delete(&cli->cx, cli->ws.store, c.id, l.id, "user"));
    what = espy_sprintf(&cli->cx, "%s (%s) is deleted; its %zu samples have no label", l.code,
                        l.name, l.samples);
    e = label_done(cli, &c, &(label_deed){"delete", l.code, l.samples, 0, true, what});
    if (e == ESPY_E_OK)
        espy_cli_say(cli, "take it back with: espy label undo");
out:
    espy_free(&cli->cx, what);
    espy_label_free(&cli->cx, &l);
    espy_collection_free(&cli->cx, &c);
    return e;
}

const espy_command espy_command_label_delete = {
    "label delete",
    "CODE",
    "Delete a label; its samples stay, without a label",
    "It can be undone, and no answer names the label meanwhile.  To remove the samples and media "
    "too,\n"
    "for good: espy label erase.",
    label_options,
    1,
    1,
    label_delete_cmd};

/* -- set, reject ------------------------------------------------------------------------------- */
/* The label of that code as it is; a code that nobody has makes one, called as a folder would be.
 */
static espy_err set_label(espy_cli *cli, const espy_collection *c, const char *text, int64_t *label,
                          char **code)
{
    espy_ctx *cx = &cli->cx;
    espy_label l = {0};
    char *name = NULL;
    espy_err e = espy_store_label_find(cx, cli->ws.store, c->id, text, &l);
    if (e == ESPY_E_OK) {
        *label = l.id;
        *code = l.code;
        l.code = NULL;
        espy_label_free(cx, &l);
        return ESPY_E_OK;
    }
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(cx);
    e = label_new_name(cli, text, NULL, code, &name);
    if (e == ESPY_E_OK)
        e = espy_store_label_make(cx, cli->ws.store, c->id, *code, name, label);
    espy_free(cx, name);
    return e;
}

static espy_err label_set_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    int64_t *samples = NULL, label = 0;
    size_t n = 0;
    char *code = NULL, *what = NULL;
    const bool nobody = strcmp(cli->args[0], "-") == 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(label_samples(cli, 1, &samples, &n));
    ESPY_GO(espy_store_begin(cx, cli->ws.store)); /* a label is made only for samples that are */
    if (!nobody)
        e = set_label(cli, &c, cli->args[0], &label, &code);
    if (e == ESPY_E_OK)
        e = espy_store_label_set(cx, cli->ws.store, c.id, label, samples, n);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, cli->ws.store);
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, cli->ws.store);
        goto out;
    }
    what = espy_sprintf(cx, "%zu sample%s: %s", n, n == 1 ? "" : "s",
                        nobody ? "nobody that is known" : code);
    e = label_done(cli, &c, &(label_deed){"set", code, n, 0, true, what});
out:
    espy_free(cx, what);
    espy_free(cx, code);
    espy_free(cx, samples);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_set = {
    "label set",
    "CODE|- SAMPLE ...",
    "Say whose these samples are; a code that is new makes a label, - says nobody known",
    "What a person says stays: neither grouping nor assignment changes it.",
    label_options,
    2,
    -1,
    label_set_cmd};

static espy_err label_reject_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_label l = {0};
    int64_t *samples = NULL;
    size_t n = 0;
    char *what = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_label_find(cx, cli->ws.store, c.id, cli->args[0], &l));
    ESPY_GO(label_samples(cli, 1, &samples, &n));
    ESPY_GO(espy_store_label_reject(cx, cli->ws.store, c.id, l.id, samples, n));
    what = espy_sprintf(cx, "%zu sample%s: not %s (%s)", n, n == 1 ? "" : "s", l.code, l.name);
    e = label_done(cli, &c, &(label_deed){"reject", l.code, n, 0, true, what});
out:
    espy_free(cx, what);
    espy_free(cx, samples);
    espy_label_free(cx, &l);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_reject = {
    "label reject",
    "CODE SAMPLE ...",
    "Say that these samples are not this person; it is never suggested for them again",
    NULL,
    label_options,
    2,
    -1,
    label_reject_cmd};

/* -- erase, expire ----------------------------------------------------------------------------- */
static void erase_told(espy_cli *cli, const espy_json *receipt)
{
    const espy_json *again = espy_json_get(receipt, "retrained");
    espy_cli_print("erased: %lld samples, %lld media removed, %lld blanked, %lld versions removed, "
                   "%lld texts changed, %lld left over\nreceipt %s\n",
                   (long long)espy_json_int(espy_json_get(receipt, "samples"), 0),
                   (long long)espy_json_int(espy_json_get(receipt, "media_removed"), 0),
                   (long long)espy_json_int(espy_json_get(receipt, "media_blanked"), 0),
                   (long long)espy_json_int(espy_json_get(receipt, "versions_removed"), 0),
                   (long long)espy_json_int(espy_json_get(receipt, "texts_changed"), 0),
                   (long long)espy_json_int(espy_json_get(receipt, "leftovers"), 0),
                   espy_json_string(espy_json_get(receipt, "token"), ""));
    if (espy_json_count(espy_json_get(receipt, "elsewhere")))
        espy_cli_say(cli,
                     "%zu labels of other collections had some of these samples: erase the "
                     "person there too (espy label list --collection NAME)",
                     espy_json_count(espy_json_get(receipt, "elsewhere")));
    for (size_t i = 0; i < espy_json_count(again); i++) {
        const espy_json *v = espy_json_at(again, i);
        const char *name = espy_json_string(espy_json_get(v, "collection"), "");
        int64_t version = espy_json_int(espy_json_get(v, "version"), 0);
        if (version)
            espy_cli_print("%s: version %lld learned without it and answers\n", name,
                           (long long)version);
        else
            espy_cli_say(cli, "%s: too little is left to learn from; it answers nothing", name);
    }
}

/* The label of the code, also one that was deleted. */
static espy_err erase_find(espy_cli *cli, const espy_collection *c, const char *code,
                           int64_t *label)
{
    espy_label *at = NULL;
    size_t n = 0;
    *label = 0;
    ESPY_TRY(espy_store_labels(&cli->cx, cli->ws.store, c->id, &at, &n));
    for (size_t i = 0; i < n; i++)
        if (strcmp(at[i].code, code) == 0)
            *label = at[i].id;
    espy_labels_free(&cli->cx, at, n);
    if (!*label)
        return espy_fail(&cli->cx, ESPY_E_NOT_FOUND,
                         "there is no label '%s'; see `espy label list`", code);
    return ESPY_E_OK;
}

static espy_err label_erase_cmd(espy_cli *cli)
{
    espy_collection c = {0};
    espy_json *receipt = NULL;
    int64_t label = 0;
    espy_err e = ESPY_E_OK;
    if (!espy_cli_flag(cli, "yes"))
        return espy_fail(&cli->cx, ESPY_E_ARG,
                         "erasing %s cannot be undone: say --yes, or use espy label delete",
                         cli->args[0]);
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(erase_find(cli, &c, cli->args[0], &label));
    ESPY_GO(espy_flow_erase(&cli->cx, &cli->ws, &c, label, &receipt));
    if (cli->json)
        ESPY_GO(espy_cli_print_json(cli, receipt));
    else
        erase_told(cli, receipt);
out:
    espy_json_free(receipt);
    espy_collection_free(&cli->cx, &c);
    return e;
}

static const espy_option label_erase_options[] = {
    LABEL_COLLECTION_OPTION,
    {"yes", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, NULL, "do it: it cannot be undone"},
    {0}};
const espy_command espy_command_label_erase = {
    "label erase",
    "CODE",
    "Erase a person for good: samples, media, vectors, names, and what was learned from them",
    "Photos that show others are kept with that face blanked.  Versions that learned from the "
    "person\n"
    "are removed, and the collection learns anew from what is left.  Events keep a token for the "
    "names.\n"
    "Files that you exported, and backups, are yours to delete.",
    label_erase_options,
    1,
    1,
    label_erase_cmd};

/* Seconds since 1970 before which something is old; 0: nothing is. */
static double expire_before(const espy_cli *cli, const char *option)
{
    return espy_cli_text(cli, option) ? espy_time_now() - espy_cli_real(cli, option) * 86400 : 0;
}

static espy_err label_expire_cmd(espy_cli *cli)
{
    size_t removed = 0;
    const espy_expiry before = {.probes = expire_before(cli, "probes"),
                                .unknowns = expire_before(cli, "unknowns"),
                                .deleted = expire_before(cli, "deleted")};
    ESPY_TRY(espy_cli_workspace(cli, false));
    if (before.probes == 0 && before.unknowns == 0 && before.deleted == 0)
        return espy_fail(
            &cli->cx, ESPY_E_ARG,
            "say how many days to keep: --probes DAYS, --unknowns DAYS, --deleted DAYS, or "
            "keep_probes, keep_unknowns and keep_deleted in espy.conf");
    ESPY_TRY(espy_store_expire(&cli->cx, cli->ws.store, &before, &removed));
    if (cli->json) {
        espy_json *o = espy_json_object();
        espy_err e = espy_json_set(&cli->cx, o, "removed", espy_json_of_int((int64_t)removed));
        if (e == ESPY_E_OK)
            e = espy_cli_print_json(cli, o);
        espy_json_free(o);
        return e;
    }
    espy_cli_print("%zu media removed\n", removed);
    return ESPY_E_OK;
}

static const espy_option label_expire_options[] = {
    {"probes", "DAYS", ESPY_OPT_REAL, 0, 36500, NULL, NULL, "keep_probes",
     "remove what was only asked about and is older"},
    {"unknowns", "DAYS", ESPY_OPT_REAL, 0, 36500, NULL, NULL, "keep_unknowns",
     "remove media of unknowns that are older"},
    {"deleted", "DAYS", ESPY_OPT_REAL, 0, 36500, NULL, NULL, "keep_deleted",
     "remove what was taken away longer ago"},
    {0}};
const espy_command espy_command_label_expire = {
    "label expire",
    "",
    "Remove media that were kept long enough: of unknowns, or taken away",
    "For a daily run.  Unknown is who has no label, or is in a group that nobody has named.  What\n"
    "anybody labelled stays, unless it was taken away; what a version learned from stays.  It "
    "cannot\n"
    "be undone.",
    label_expire_options,
    0,
    0,
    label_expire_cmd};

/* -- undo, history ----------------------------------------------------------------------------- */
static espy_err label_undo_cmd(espy_cli *cli)
{
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_undone u = {0};
    int64_t event = 0;
    char *what = NULL;
    espy_err e = ESPY_E_OK;
    if (cli->n_args && !espy_parse_int(cli->args[0], 1, INT64_MAX, &event))
        return espy_fail(cx, ESPY_E_ARG, "\"%s\" is no event: give its number (espy label history)",
                         cli->args[0]);
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_undo(cx, cli->ws.store, c.id, event, "user", &u));
    if (u.kept)
        espy_cli_say(cli, "%zu samples were changed or removed since and stay so", u.kept);
    what = espy_sprintf(cx, "event %lld (%s) is undone", (long long)u.event, u.action);
    e = label_done(cli, &c, &(label_deed){"undo", NULL, u.samples, u.kept, false, what});
out:
    espy_free(cx, what);
    espy_free(cx, u.action);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_undo = {
    "label undo",
    "[EVENT]",
    "Take back the last change of labels, or the one of that number",
    "Undone can be: rename, merge, split, delete, set, reject, runs of cluster and assign, and in\n"
    "the console \"Not a face\", deleted photos, recordings and sessions.\n"
    "Samples that were changed since stay as they are.",
    label_options,
    0,
    1,
    label_undo_cmd};

static espy_err history_json(espy_cli *cli, const espy_event *v, const espy_label *l)
{
    espy_ctx *cx = &cli->cx;
    char when[32];
    espy_json *o = espy_json_object(), *detail = NULL;
    espy_err e = ESPY_E_OK;
    espy_time_iso(v->time, when);
    ESPY_GO(espy_json_set(cx, o, "event", espy_json_of_int(v->id)));
    ESPY_GO(espy_json_set(cx, o, "time", espy_json_of_string(when)));
    ESPY_GO(espy_json_set(cx, o, "actor", espy_json_of_string(v->actor)));
    ESPY_GO(espy_json_set(cx, o, "action", espy_json_of_string(v->action)));
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(l ? l->code : NULL)));
    ESPY_GO(espy_json_set(cx, o, "sample",
                          v->sample ? espy_json_of_int(v->sample) : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, o, "undoable", espy_json_of_bool(v->undoable)));
    if (v->detail)
        ESPY_GO(espy_json_parse(cx, v->detail, strlen(v->detail), &detail));
    ESPY_GO(
        espy_json_set(cx, o, "detail", detail ? espy_json_ref(detail) : espy_json_null_value()));
    ESPY_GO(espy_cli_print_json(cli, o));
out:
    espy_json_free(detail);
    espy_json_free(o);
    return e;
}

/* How much an event changed, and which one an undo was about. */
static espy_err history_detail(espy_cli *cli, const espy_event *v)
{
    static const char *const lists[] = {"samples", "labels"};
    static const char *const words[] = {"sample", "label"};
    espy_json *detail = NULL;
    if (!v->detail)
        return ESPY_E_OK;
    ESPY_TRY(espy_json_parse(&cli->cx, v->detail, strlen(v->detail), &detail));
    for (size_t i = 0; i < 2; i++) {
        size_t n = espy_json_count(espy_json_get(detail, lists[i]));
        if (espy_json_is_array(espy_json_get(detail, lists[i])))
            espy_cli_print("  %zu %s%s", n, words[i], n == 1 ? "" : "s");
    }
    if (strcmp(v->action, "undo") == 0)
        espy_cli_print("  of event %lld",
                       (long long)espy_json_int(espy_json_get(detail, "event"), 0));
    espy_json_free(detail);
    return ESPY_E_OK;
}

static espy_err history_one(espy_cli *cli, const espy_event *v, const espy_label *labels, size_t n)
{
    const espy_label *l = NULL;
    char when[32];
    for (size_t i = 0; i < n && !l; i++)
        if (labels[i].id == v->label)
            l = &labels[i];
    if (cli->json)
        return history_json(cli, v, l);
    espy_time_local(v->time, when);
    espy_cli_print("%8lld  %s  %-6s  %-14s", (long long)v->id, when, v->actor, v->action);
    if (l)
        espy_cli_print("  %s", l->code);
    if (v->sample)
        espy_cli_print("  sample %lld", (long long)v->sample);
    ESPY_TRY(history_detail(cli, v));
    espy_cli_print("\n");
    return ESPY_E_OK;
}

static espy_err label_history_cmd(espy_cli *cli)
{
    enum { PAGE = 1000 };
    espy_ctx *cx = &cli->cx;
    espy_collection c = {0};
    espy_label *labels = NULL;
    espy_event *at = NULL;
    size_t n_labels = 0, n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_cli_collection(cli, NULL, &c));
    ESPY_GO(espy_store_labels(cx, cli->ws.store, c.id, &labels, &n_labels));
    for (int64_t after = 0;;) {
        ESPY_GO(espy_store_events(cx, cli->ws.store, c.id, after, PAGE, &at, &n));
        for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
            e = history_one(cli, &at[i], labels, n_labels);
        after = n ? at[n - 1].id : after;
        espy_events_free(cx, at, n);
        if (e != ESPY_E_OK || n < PAGE)
            break;
    }
out:
    espy_labels_free(cx, labels, n_labels);
    espy_collection_free(cx, &c);
    return e;
}

const espy_command espy_command_label_history = {
    "label history",
    "",
    "List what happened to the labels of a collection, oldest first, with the numbers to undo",
    NULL,
    label_options,
    0,
    0,
    label_history_cmd};
