/* SPDX-License-Identifier: Apache-2.0
 * http - the list of route tables, and finding a route. */
#include "http/route.h"

#include <stdio.h>
#include <string.h>

#include "http/call.h"
#include "http/request.h"
#include "http/tables.h"

#define TABLES(X) X(system) ESPY_HTTP_TABLES(X)

#define TABLE_DECLARE(name) extern const espy_route espy_routes_##name[];
TABLES(TABLE_DECLARE)
#undef TABLE_DECLARE

const espy_route *const espy_routes[] = {
#define TABLE_LIST(name) espy_routes_##name,
    TABLES(TABLE_LIST)
#undef TABLE_LIST
        NULL};

static bool method_fits(const char *route, const char *method)
{
    return strcmp(route, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

/* How many of a path's segments are parameters. */
static size_t route_parameters(const char *path)
{
    size_t n = 0;
    for (; *path; path++)
        n += *path == '{';
    return n;
}

/* The fewest parameters of any route that the path fits: a path that is named itself is not also a
 * parameter's value. */
static size_t route_least(const char *raw)
{
    size_t least = SIZE_MAX;
    for (const espy_route *const *table = espy_routes; *table; table++)
        for (const espy_route *r = *table; r->method; r++)
            if (route_parameters(r->path) < least && espy_path_fits(r->path, raw))
                least = route_parameters(r->path);
    return least;
}

const espy_route *espy_route_find(const char *method, const char *raw, char *allowed, size_t room)
{
    const size_t least = route_least(raw);
    const espy_route *found = NULL;
    size_t used = 0;
    allowed[0] = 0;
    for (const espy_route *const *table = espy_routes; *table; table++)
        for (const espy_route *r = *table; r->method; r++) {
            if (route_parameters(r->path) != least || !espy_path_fits(r->path, raw))
                continue;
            if (method_fits(r->method, method)) {
                found = r;
            } else {
                int n = snprintf(allowed + used, room - used, "%s%s", used ? ", " : "", r->method);
                used = n > 0 && (size_t)n < room - used ? used + (size_t)n : used;
            }
        }
    return found;
}

const espy_service *espy_service_of(const char *raw)
{
    static const struct {
        const char *prefix;
        const espy_service *service;
    } prefixes[] = {{"/api/attendance/", &espy_service_attendansee},
                    {"/api/auth/", &espy_service_attendansee},
                    {"/api/", &espy_service_smartattendance},
                    {"/upload", &espy_service_ecosight},
                    {"/retrain", &espy_service_ecosight},
                    {"/predict", &espy_service_ecosight},
                    {"/models", &espy_service_ecosight},
                    {"/training-history", &espy_service_ecosight}};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(raw, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
            return prefixes[i].service;
    return &espy_service_v1;
}
