/* SPDX-License-Identifier: Apache-2.0
 * http - the files of handlers: each NAME has espy_routes_NAME and espy_schemas_NAME. */
#ifndef ESPY_HTTP_TABLES_H
#define ESPY_HTTP_TABLES_H

#define ESPY_HTTP_TABLES(X) \
    X(attendansee_auth)     \
    X(attendansee_classes)  \
    X(attendansee_crops)    \
    X(attendansee_group)    \
    X(attendansee_images)   \
    X(attendansee_sessions) \
    X(attendansee_students) \
    X(console)              \
    X(ecosight)             \
    X(smart_admin)          \
    X(smart_attendance)     \
    X(smart_auth)           \
    X(smart_debug)          \
    X(smart_instructor)     \
    X(smart_model)          \
    X(smart_students)       \
    X(v1_ask)               \
    X(v1_collections)       \
    X(v1_import)            \
    X(v1_key)               \
    X(v1_labels)            \
    X(v1_learn)             \
    X(v1_live)              \
    X(v1_media)             \
    X(v1_people)            \
    X(v1_picture)           \
    X(v1_review)            \
    X(v1_sessions)          \
    X(v1_system)

#endif
