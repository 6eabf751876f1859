/* SPDX-License-Identifier: Apache-2.0
 * PNM files from memory. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_image(data, size, "pnm");
}
