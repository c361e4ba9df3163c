/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/hmac.h"

#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/mem.h"

/* Key sizes are those Java's generators have without being told one. */
static const struct algorithm {
    const char *java, *openssl; /* openssl NULL: makes keys, signs nothing */
    int32_t key_bits;
} algorithms[] = {
    { "HmacSHA256", "SHA256", 256 },         { "HmacSHA1", "SHA1", 512 },
    { "HmacMD5", "MD5", 512 },               { "HmacSHA224", "SHA224", 224 },
    { "HmacSHA384", "SHA384", 384 },         { "HmacSHA512", "SHA512", 512 },
    { "HmacSHA512/224", "SHA512-224", 224 }, { "HmacSHA512/256", "SHA512-256", 256 },
    { "HmacSHA3-224", "SHA3-224", 224 },     { "HmacSHA3-256", "SHA3-256", 256 },
    { "HmacSHA3-384", "SHA3-384", 384 },     { "HmacSHA3-512", "SHA3-512", 512 },
    { "AES", NULL, 256 },
};

enum { KEY_LIMIT_BITS = 65536, AES_MIN_BITS = 128, AES_STEP_BITS = 64, AES_MAX_BITS = 256, HMAC_MIN_BITS = 40 };

static const struct algorithm *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (strcasecmp(algorithms[i].java, name) == 0)
            return &algorithms[i];
    return NULL;
}

bool hmac_known(const char *algorithm)
{
    const struct algorithm *a = find(algorithm);
    return a && a->openssl;
}

static bool size_fits(const struct algorithm *a, int32_t bits)
{
    if (bits == 0)
        return true;
    if (!a->openssl)
        return bits >= AES_MIN_BITS && bits <= AES_MAX_BITS && bits % AES_STEP_BITS == 0;
    return bits >= HMAC_MIN_BITS && bits <= KEY_LIMIT_BITS;
}

size_t hmac_key_size(const char *algorithm, int32_t size_bits)
{
    const struct algorithm *a = find(algorithm);
    if (!a || !size_fits(a, size_bits))
        return 0;
    int32_t bits = size_bits ? size_bits : a->key_bits;
    return (size_t)(bits + 7) / 8;
}

struct kaftan_error *hmac_key(const char *algorithm, int32_t size_bits, struct buf *ret)
{
    uint8_t key[KEY_LIMIT_BITS / 8];
    size_t size = hmac_key_size(algorithm, size_bits);
    if (!find(algorithm))
        return kaftan_error_new(KAFTAN_E_INVALID, "%s KeyGenerator not available", algorithm);
    if (size == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "a key of %d bits cannot be made for %s", (int)size_bits, algorithm);
    random_bytes(key, size);
    buf_put(ret, key, size);
    OPENSSL_cleanse(key, size);
    return NULL;
}

struct kaftan_error *hmac_sign(const char *algorithm, struct kaftan_slice key, struct kaftan_slice data, struct buf *ret)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const struct algorithm *a = find(algorithm);
    if (!a || !a->openssl)
        return kaftan_error_new(KAFTAN_E_INVALID, "Algorithm %s not available", algorithm);
    if (key.len == 0 || key.len > INT32_MAX)
        return kaftan_error_new(KAFTAN_E_INVALID, "nothing can be signed with a key of %zu bytes", key.len);
    const EVP_MD *md = EVP_get_digestbyname(a->openssl);
    if (!md || !HMAC(md, key.ptr, (int)key.len, (const unsigned char *)(data.len ? data.ptr : ""), data.len, mac, &len))
        return kaftan_error_new(KAFTAN_E_INVALID, "Algorithm %s not available", algorithm);
    buf_put(ret, mac, len);
    return NULL;
}

bool hmac_equal(struct kaftan_slice a, struct kaftan_slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
