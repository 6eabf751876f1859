/* SPDX-License-Identifier: Apache-2.0
 * http - routes are tables.  From them come matching, checking of what was sent, /openapi.json,
 * docs/api.md and the tests that walk every route. */
#ifndef ESPY_HTTP_ROUTE_H
#define ESPY_HTTP_ROUTE_H

#include "base/json.h"

typedef struct espy_call espy_call;

/* -- fields: what a request brings ------------------------------------------------------------- */
typedef enum espy_field_place {
    ESPY_IN_PATH, /* {name} in the path: TEXT or INT */
    ESPY_IN_QUERY,
    ESPY_IN_BODY,  /* a member of the JSON object, or a field of an urlencoded or multipart form */
    ESPY_IN_EITHER /* in the body, or in the query where the body has none */
} espy_field_place;

typedef enum espy_field_type {
    ESPY_FIELD_TEXT,    /* lo..hi bytes of UTF-8 without control characters but line breaks */
    ESPY_FIELD_DATE,    /* YYYY-MM-DD, a day that there is; a TEXT otherwise */
    ESPY_FIELD_INT,     /* lo..hi */
    ESPY_FIELD_REAL,    /* lo..hi */
    ESPY_FIELD_BOOL,    /* in forms and queries: true, false, 1, 0, yes, no, on, off */
    ESPY_FIELD_IDS,     /* lo..hi positive whole numbers */
    ESPY_FIELD_NUMBERS, /* lo..hi finite numbers */
    ESPY_FIELD_TEXTS,   /* lo..hi texts */
    ESPY_FIELD_OBJECT,  /* any JSON object; in forms its text */
    ESPY_FIELD_FILE /* lo..hi files: parts with a file name; a base64 text, also as data: URL; or
                       the whole body where its content type is image, audio or octet-stream */
} espy_field_type;

typedef struct espy_field {
    const char *name; /* NULL ends a table */
    espy_field_place place;
    espy_field_type type;
    double lo, hi;
    bool required;
    const char
        *fallback;      /* JSON text of the default; NULL: none, the handler asks espy_call_has() */
    const char *one_of; /* TEXT: the texts that are allowed, "facenet|arcface"; NULL: any */
    const char *help;
} espy_field;

/* -- who may ----------------------------------------------------------------------------------- */
/* A caller has a set of these; a route needs one.  Administrators have all; instructors READ,
 * IDENTIFY, ENROLL; students SELF; every user SELF.  A key has a part of its owner's. */
typedef enum espy_may {
    ESPY_ANYONE = 0,
    ESPY_MAY_READ = 1,     /* look at what the collection holds */
    ESPY_MAY_IDENTIFY = 2, /* ask who it is */
    ESPY_MAY_ENROLL = 4,   /* media, labels, sessions, attendance, training */
    ESPY_MAY_ADMIN = 8,    /* users, keys of others, settings, erasing */
    ESPY_MAY_SELF = 16     /* the caller's own account; never with a key */
} espy_may;

/* Which workers do it. */
typedef enum espy_lane {
    ESPY_LANE_QUICK, /* asks the store */
    ESPY_LANE_LOGIN, /* hashes passwords */
    ESPY_LANE_INFER, /* encodes */
    ESPY_LANE_LONG,  /* groups, assigns, batches */
    ESPY_LANES
} espy_lane;

/* -- services: the four interfaces ------------------------------------------------------------- */
/* What went wrong, before it has a shape. */
typedef struct espy_fault {
    int status;
    const char *code; /* "not_found", ...: docs/api.md */
    const char *text;
    const espy_json *fields; /* {field: [texts]} of a request that was refused; NULL: none */
} espy_fault;

typedef struct espy_service {
    const char *name;  /* "v1", "attendansee", "smartattendance", "ecosight" */
    const char *title; /* for the documents */
    const char *error; /* the schema of its errors (schemas.c) */
    bool strict;       /* a field that is not in the table is refused */
    espy_err (*shape)(espy_ctx *cx, const espy_call *call, const espy_fault *fault,
                      espy_json **body);
} espy_service;
extern const espy_service espy_service_v1, espy_service_attendansee, espy_service_smartattendance,
    espy_service_ecosight;

/* -- routes ------------------------------------------------------------------------------------ */
typedef struct espy_route {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/v1/collections/{collection}"; a slash at the end may be left out or
                           added by the client */
    const espy_service *service;
    unsigned may; /* one of espy_may */
    espy_lane lane;
    const espy_field *fields; /* NULL: none */
    const char *summary;      /* one line */
    const char *answers; /* "200 Collection|404|409": statuses with the schema (schemas.c) or the
                            content type ("200 text/csv") of their body, each as often as it has
                            content types; those of 4xx and 5xx have
                            the service's error schema.  400, 401, 403, 413, 429, 500, 503 go
                            without saying where they can come. */
    espy_err (*run)(espy_call *call);
} espy_route;

/* Tables that end with a route whose method is NULL; the list ends with NULL. */
extern const espy_route *const espy_routes[];

/* The schemas that `answers` name, as JSON texts; a name of NULL ends the table. */
typedef struct espy_schema {
    const char *name, *json;
} espy_schema;
extern const espy_schema *const espy_schemas[];

#endif
