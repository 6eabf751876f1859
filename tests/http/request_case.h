/* SPDX-License-Identifier: Apache-2.0
 * A route with a field of every kind, for tests and fuzzing of what clients send. */
#ifndef ESPY_TESTS_REQUEST_CASE_H
#define ESPY_TESTS_REQUEST_CASE_H

#include <string.h>

#include "http/request.h"
#include "http/serving.h"

static const espy_field request_fields[] = {
    {"id", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 1000000, true, NULL, NULL, ""},
    {"name", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 20, true, NULL, NULL, ""},
    {"page", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 100, false, "7", NULL, ""},
    {"wanted", ESPY_IN_QUERY, ESPY_FIELD_IDS, 1, 5, false, NULL, NULL, ""},
    {"day", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, ""},
    {"words", ESPY_IN_QUERY, ESPY_FIELD_TEXTS, 1, 3, false, NULL, NULL, ""},
    {"k", ESPY_IN_EITHER, ESPY_FIELD_INT, 1, 20, false, "5", NULL, ""},
    {"share", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL, ""},
    {"model", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 20, false, "\"facenet\"", "facenet|arcface", ""},
    {"sure", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "true", NULL, ""},
    {"vector", ESPY_IN_BODY, ESPY_FIELD_NUMBERS, 2, 4, false, NULL, NULL, ""},
    {"detail", ESPY_IN_BODY, ESPY_FIELD_OBJECT, 0, 0, false, NULL, NULL, ""},
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 2, false, NULL, NULL, ""},
    {0}};
static const espy_route request_route = {"POST",
                                         "/things/{id}/of/{name}",
                                         &espy_service_v1,
                                         ESPY_ANYONE,
                                         ESPY_LANE_QUICK,
                                         request_fields,
                                         "",
                                         "200",
                                         NULL};

typedef struct request_case {
    espy_serve_options options;
    espy_serving serving;
    espy_call call;
} request_case;

static void request_begin(espy_ctx *cx, request_case *c)
{
    memset(c, 0, sizeof *c);
    c->options.limits = espy_http_limits_usual();
    c->options.limits.fields = 20;
    c->options.limits.json_depth = 8;
    c->serving.options = &c->options;
    c->call = (espy_call){
        .cx = cx, .serving = &c->serving, .route = &request_route, .service = &espy_service_v1};
}

#endif
