/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/hmac.h"

#include <string.h>
#include <criterion/criterion.h>
#include <kaftan/task.h>

#include "base/mem.h"
#include "base/text.h"

Test(hmac, signs_as_java_does)
{
    static const struct { const char *key, *algorithm, *data, *mac; } cases[] = {
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "HmacSHA256", "[{\"a\":\"b\"}]",
          "Eroe1tB3QaSe5EJ0n/U/3E2UQZRh4D5G73yb9AU1xkM=" },
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "hmacsha256", "", "04tCCW2A9F+Ca0Sp1WB95ySWpBXT9KGoyI47udqNwcs=" },
        { "CRrcGbqGay/Br4Fg7gRjTY/Ww+pJSkrp0L3/+ecd+nc=", "HmacSHA256",
          "[{\"connector.class\":\"org.apache.kafka.connect.tools.VerifiableSourceConnector\",\"task.class\":"
          "\"org.apache.kafka.connect.tools.VerifiableSourceTask\",\"tasks.max\":\"1\",\"name\":\"ver\",\"topic\":\"t-ver\","
          "\"throughput\":\"1\",\"id\":\"0\"}]",
          "8nj4ouLt3nOg+OclnMOR84fPBAm6O1ycha+cRfmppnw=" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf key = BUF_INIT, mac = BUF_INIT, text = BUF_INIT;
        cr_assert(base64_decode(cases[i].key, strlen(cases[i].key), &key));
        cr_assert_null(hmac_sign(cases[i].algorithm, buf_slice(&key), slice_of(cases[i].data), &mac));
        base64_put(&text, mac.data, mac.len);
        cr_expect_str_eq(buf_text(&text), cases[i].mac);
        cr_expect(hmac_equal(buf_slice(&mac), buf_slice(&mac)));
        cr_expect_not(hmac_equal(buf_slice(&mac), buf_slice(&key)));
        buf_fini(&key);
        buf_fini(&mac);
        buf_fini(&text);
    }
}

Test(hmac, key_sizes)
{
    static const struct { const char *algorithm; int32_t bits; size_t bytes; } cases[] = {
        { "HmacSHA256", 0, 32 }, { "HmacSHA1", 0, 64 },   { "HmacMD5", 0, 64 }, { "HmacSHA512", 0, 64 },
        { "HmacSHA384", 0, 48 }, { "HmacSHA256", 128, 16 }, { "HmacSHA256", 8, 0 }, { "Nothing", 0, 0 },
        { "AES", 192, 24 },      { "AES", 100, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf key = BUF_INIT;
        struct kaftan_error *err = hmac_key(cases[i].algorithm, cases[i].bits, &key);
        cr_expect_eq(err == NULL, cases[i].bytes != 0, "%s", cases[i].algorithm);
        cr_expect_eq(key.len, cases[i].bytes, "%s", cases[i].algorithm);
        cr_expect_eq(hmac_key_size(cases[i].algorithm, cases[i].bits), cases[i].bytes);
        kaftan_error_free(err);
        buf_fini(&key);
    }
    cr_expect(hmac_known("HmacSHA512/256"));
    cr_expect_not(hmac_known("AES"));
}

Test(hmac, unknown_algorithm_is_an_error)
{
    struct buf mac = BUF_INIT;
    struct kaftan_error *err = hmac_sign("HmacNothing", slice_of("k"), slice_of(""), &mac);
    cr_assert_not_null(err);
    kaftan_error_free(err);
    err = hmac_sign("HmacSHA256", slice_of(""), slice_of(""), &mac);
    cr_assert_not_null(err);
    kaftan_error_free(err);
    cr_expect_eq(mac.len, 0);
}

Test(digest, sha256)
{
    static const uint8_t abc[4] = { 0xba, 0x78, 0x16, 0xbf };
    uint8_t digest[32];
    kaftan_sha256("abc", 3, digest);
    cr_expect_eq(memcmp(digest, abc, sizeof abc), 0);
    kaftan_sha256(NULL, 0, digest);
    cr_expect_eq(digest[0], 0xe3);
}
