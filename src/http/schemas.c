/* SPDX-License-Identifier: Apache-2.0
 * http - the schemas of answers (JSON Schema 2020-12, as OpenAPI 3.1 has them): the list of tables,
 * and those that belong to all. */
#include "http/route.h"
#include "http/tables.h"

static const espy_schema common[] = {
    {"Error", "{\"type\":\"object\",\"required\":[\"error\",\"request_id\"],\"properties\":{"
              "\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\",\"details\"],"
              "\"properties\":{\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
              "\"details\":{\"type\":\"object\"}}},\"request_id\":{\"type\":\"string\"}}}"},
    {"AttendanSeeError", "{\"type\":\"object\",\"description\":\"{field: [messages]}, {detail}, "
                         "{error} or {error, details}\"}"},
    {"SmartAttendanceError",
     "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":"
     "\"string\"},\"message\":{\"type\":\"string\"}}}"},
    {"EcoSightError", "{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{"
                      "\"type\":\"string\"}}}"},
    {"Health", "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{"
               "\"type\":\"string\"},\"version\":{\"type\":\"string\"}}}"},
    {0}};

#define TABLE_DECLARE(name) extern const espy_schema espy_schemas_##name[];
ESPY_HTTP_TABLES(TABLE_DECLARE)
#undef TABLE_DECLARE

const espy_schema *const espy_schemas[] = {common,
#define TABLE_LIST(name) espy_schemas_##name,
                                           ESPY_HTTP_TABLES(TABLE_LIST)
#undef TABLE_LIST
                                               NULL};
