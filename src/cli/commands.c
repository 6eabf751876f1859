/* SPDX-License-Identifier: Apache-2.0
 * cli - the list of commands: one line each. */
#include "cli/cli.h"

#define COMMANDS(X)       \
    X(init)               \
    X(models_list)        \
    X(models_info)        \
    X(models_fetch)       \
    X(models_verify)      \
    X(train)              \
    X(retrain_clean)      \
    X(retrain_production) \
    X(retrain_sounds)     \
    X(retrain_characters) \
    X(test_characters)    \
    X(test)               \
    X(enroll)             \
    X(identify)           \
    X(compare)            \
    X(detect)             \
    X(embed)              \
    X(cluster)            \
    X(assign)             \
    X(label_list)         \
    X(label_rename)       \
    X(label_merge)        \
    X(label_split)        \
    X(label_set)          \
    X(label_reject)       \
    X(label_delete)       \
    X(label_erase)        \
    X(label_expire)       \
    X(label_undo)         \
    X(label_history)      \
    X(versions)           \
    X(rollback)           \
    X(trigger)            \
    X(evaluate)           \
    X(export)             \
    X(serve)              \
    X(user_add)           \
    X(user_list)          \
    X(user_password)      \
    X(user_role)          \
    X(user_disable)       \
    X(user_enable)        \
    X(user_delete)        \
    X(key_add)            \
    X(key_list)           \
    X(key_revoke)         \
    X(backup)             \
    X(restore)            \
    X(doctor)             \
    X(help)               \
    X(version)

#define COMMAND_DECLARE(name) extern const espy_command espy_command_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

const espy_command *const espy_commands[] = {
#define COMMAND_LIST(name) &espy_command_##name,
    COMMANDS(COMMAND_LIST)
#undef COMMAND_LIST
        NULL};
