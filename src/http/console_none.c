/* SPDX-License-Identifier: Apache-2.0
 * http - the files of a program without the console. */
#include "http/console.h"

const espy_console_file espy_console_files[] = {{0}};
