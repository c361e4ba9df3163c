/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <kaftan/task.h>

#include <openssl/evp.h>

#include "base/mem.h"

void kaftan_sha256(const void *data, size_t len, uint8_t ret[32])
{
    ASSERT(EVP_Digest(data, len, ret, NULL, EVP_sha256(), NULL) == 1);
}
