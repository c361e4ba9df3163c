/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_codec.h"

static size_t from_hex(const char *hex, uint8_t *ret)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        ret[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static struct kaftan_slice slice(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

static bool is(struct kaftan_slice s, const char *text)
{
    return s.ptr && s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static void expect_bytes(const uint8_t *have, size_t len, const char *hex)
{
    uint8_t want[256];
    size_t n = from_hex(hex, want);
    cr_assert_eq(len, n, "%zu bytes instead of %zu for %s", len, n, hex);
    cr_assert_arr_eq(have, want, n, "%s", hex);
}

Test(codec, encodes_connect)
{
    uint8_t buf[256];
    struct mqtt_connect c = { .version = MQTT_V311, .keep_alive_s = 60, .client_id = slice("c-0") };
    expect_bytes(buf, mqtt_encode_connect(&c, buf, sizeof buf), "100f00044d5154540400003c0003632d30");
    c.version = MQTT_V5;
    c.session_expiry_s = 604800;
    c.receive_maximum = 2000;
    expect_bytes(buf, mqtt_encode_connect(&c, buf, sizeof buf),
                 "101800044d5154540500003c081100093a802107d00003632d30");
    /* everything at once; sizes are told without a buffer as well */
    const struct kaftan_slice user[] = { slice("n"), slice("v") };
    const struct mqtt_will will = { slice("w/t"), slice("bye"), 1, true };
    c.clean = true;
    c.username = slice("u");
    c.password = slice("p");
    c.will = &will;
    c.maximum_packet_size = 65536;
    c.problem_info = true;
    c.user = user;
    c.user_count = 1;
    size_t size = mqtt_encode_connect(&c, NULL, 0);
    expect_bytes(buf, mqtt_encode_connect(&c, buf, sizeof buf),
                 "103700044d51545405ee003c1611"
                 "00093a802107d027000100001701"
                 "2600016e0001760003632d30000003772f7400036279650001750001" "70");
    cr_expect_eq(size, 57);
}

Test(codec, encodes_the_rest)
{
    uint8_t buf[64];
    const char *const filters[] = { "a/+", "b" };
    const uint32_t zero = 0;
    expect_bytes(buf, mqtt_encode_subscribe(MQTT_V5, 10, 1, filters, 1, 1, buf, sizeof buf),
                 "820b000a020b010003612f2b01");
    expect_bytes(buf, mqtt_encode_subscribe(MQTT_V311, 1, 0, filters, 2, 2, buf, sizeof buf),
                 "820c00010003612f2b0200016202");
    expect_bytes(buf, mqtt_encode_unsubscribe(MQTT_V5, 2, filters, 1, buf, sizeof buf), "a2080002000003612f2b");
    expect_bytes(buf, mqtt_encode_unsubscribe(MQTT_V311, 2, filters, 1, buf, sizeof buf), "a20700020003612f2b");
    expect_bytes(buf, mqtt_encode_disconnect(MQTT_V5, 0, &zero, buf, sizeof buf), "e00700051100000000");
    expect_bytes(buf, mqtt_encode_disconnect(MQTT_V5, 0, NULL, buf, sizeof buf), "e000");
    expect_bytes(buf, mqtt_encode_disconnect(MQTT_V5, 0x81, NULL, buf, sizeof buf), "e00181");
    expect_bytes(buf, mqtt_encode_disconnect(MQTT_V311, 0x81, NULL, buf, sizeof buf), "e000");
    mqtt_put_ack(buf, MQTT_PUBACK, 7);
    expect_bytes(buf, MQTT_ACK_SIZE, "40020007");
    mqtt_put_ack(buf, MQTT_PUBREL, 0x1234);
    expect_bytes(buf, MQTT_ACK_SIZE, "62021234");
    mqtt_put_ack_reason(buf, MQTT_PUBCOMP, 7, MQTT_ID_NOT_FOUND);
    expect_bytes(buf, MQTT_ACK_REASON_SIZE, "7003000792");
    mqtt_put_ping(buf);
    expect_bytes(buf, MQTT_PING_SIZE, "c000");
}

Test(codec, encoders_stay_in_their_buffer)
{
    uint8_t buf[64];
    struct mqtt_connect c = { .version = MQTT_V5, .client_id = slice("a-client") };
    size_t size = mqtt_encode_connect(&c, NULL, 0);
    for (size_t cap = 0; cap <= size; cap++) {
        memset(buf, 0xee, sizeof buf);
        cr_expect_eq(mqtt_encode_connect(&c, buf, cap), size);
        for (size_t i = cap; i < sizeof buf; i++)
            cr_expect_eq(buf[i], 0xee, "byte %zu with room for %zu", i, cap);
    }
    char *long_id = calloc(65536, 1);
    memset(long_id, 'x', 65536);
    c.client_id = (struct kaftan_slice){ long_id, 65536 };
    cr_expect_eq(mqtt_encode_connect(&c, NULL, 0), 0, "a string longer than 65535 bytes cannot be");
    free(long_id);
}

static enum mqtt_decoded decode(const char *hex, enum mqtt_version v, struct mqtt_packet *p, uint8_t *buf,
                                const char **why)
{
    size_t n = from_hex(hex, buf), used = 0;
    *why = NULL;
    enum mqtt_decoded d = mqtt_decode(buf, n, v, p, &used, why);
    if (d == MQTT_DONE)
        cr_expect_eq(used, n, "%s", hex);
    return d;
}

Test(codec, decodes_publish)
{
    uint8_t buf[256];
    const char *why;
    struct mqtt_packet p;
    static const char full[] =
        "32280003612f6200071e01010300106170706c69636174696f6e2f6a736f6e2600016b0001760b017b7d";
    cr_assert_eq(decode(full, MQTT_V5, &p, buf, &why), MQTT_DONE, "%s", why);
    cr_expect(p.type == MQTT_PUBLISH && p.qos == 1 && p.id == 7 && !p.dup && !p.retain);
    cr_expect(is(p.topic, "a/b"));
    cr_expect(is(p.payload, "{}"));
    cr_expect_eq(p.props.number[MQTT_PAYLOAD_FORMAT], 1);
    cr_expect(is(p.props.text[MQTT_CONTENT_TYPE], "application/json"));
    cr_expect_eq(p.props.number[MQTT_SUBSCRIPTION_ID], 1);
    cr_expect_eq(p.props.subscription_ids, 1);
    size_t pos = 0;
    struct kaftan_slice name, value;
    cr_assert(mqtt_user_property(&p.props, &pos, &name, &value));
    cr_expect(is(name, "k") && is(value, "v"));
    cr_expect_not(mqtt_user_property(&p.props, &pos, &name, &value));

    cr_assert_eq(decode("3c09000000090323000178", MQTT_V5, &p, buf, &why), MQTT_DONE, "%s", why);
    cr_expect(p.qos == 2 && p.dup && p.id == 9 && p.topic.len == 0 && is(p.payload, "x"));
    cr_expect_eq(p.props.number[MQTT_TOPIC_ALIAS], 1);
    cr_assert_eq(decode("30070003612f6230", MQTT_V311, &p, buf, &why), MQTT_MORE);
    cr_assert_eq(decode("31050003612f62", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_expect(p.retain && p.payload.len == 0 && p.payload.ptr && p.id == 0);
}

Test(codec, decodes_the_rest)
{
    uint8_t buf[64];
    const char *why;
    struct mqtt_packet p;
    cr_assert_eq(decode("40020007", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_expect(p.type == MQTT_PUBACK && p.id == 7 && p.reason == 0);
    cr_assert_eq(decode("7003000792", MQTT_V5, &p, buf, &why), MQTT_DONE);
    cr_expect(p.type == MQTT_PUBCOMP && p.reason == 0x92);
    cr_assert_eq(decode("62020007", MQTT_V5, &p, buf, &why), MQTT_DONE);
    cr_assert_eq(decode("20020100", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_expect(p.session_present && p.reason == 0 && !p.old_connack);
    cr_assert_eq(decode("20020005", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_expect_eq(p.reason, MQTT_NOT_AUTHORIZED);
    cr_assert_eq(decode("20020001", MQTT_V5, &p, buf, &why), MQTT_DONE);
    cr_expect(p.old_connack && p.reason == MQTT_UNSUPPORTED_VERSION);
    cr_assert_eq(decode("2006010003210014", MQTT_V5, &p, buf, &why), MQTT_DONE, "%s", why);
    cr_expect_eq(p.props.number[MQTT_RECEIVE_MAXIMUM], 20);
    cr_assert_eq(decode("9004000a0002", MQTT_V5, &p, buf, &why), MQTT_DONE, "%s", why);
    cr_expect(p.codes.len == 1 && p.codes.ptr[0] == 2);
    cr_assert_eq(decode("9004000a0080", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_assert_eq(decode("b002000a", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_assert_eq(decode("d000", MQTT_V311, &p, buf, &why), MQTT_DONE);
    cr_assert_eq(decode("e0018e", MQTT_V5, &p, buf, &why), MQTT_DONE);
    cr_expect_eq(p.reason, MQTT_TAKEN_OVER);
    cr_assert_eq(decode("e000", MQTT_V5, &p, buf, &why), MQTT_DONE);
}

Test(codec, lengths)
{
    static const struct { const char *hex; size_t body, header; } cases[] = {
        { "307f", 127, 2 }, { "308001", 128, 3 }, { "30ff7f", 16383, 3 },
        { "30808001", 16384, 4 }, { "30ffffff7f", 268435455, 5 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[8];
        size_t n = from_hex(cases[i].hex, buf), header = 0, body = 0;
        const char *why = NULL;
        cr_expect_eq(mqtt_frame(buf, n, &header, &body, &why), MQTT_DONE, "%s", cases[i].hex);
        cr_expect(body == cases[i].body && header == cases[i].header, "%s", cases[i].hex);
        for (size_t k = 0; k < n; k++)
            cr_expect_eq(mqtt_frame(buf, k, &header, &body, &why), MQTT_MORE, "%s cut at %zu", cases[i].hex, k);
    }
}

Test(codec, refuses)
{
    static const struct { enum mqtt_version v; const char *hex, *why; } cases[] = {
        { MQTT_V5, "30ffffffff01", "the remaining length takes more than four bytes" },
        { MQTT_V5, "0000", "packet type 0" },
        { MQTT_V5, "1000", "a broker never sends this packet" },
        { MQTT_V5, "820b000a020b010003612f2b01", "a broker never sends this packet" },
        { MQTT_V5, "c000", "a broker never sends this packet" },
        { MQTT_V5, "f000", "an authentication exchange nobody asked for" },
        { MQTT_V5, "41020007", "wrong flags in the fixed header" },
        { MQTT_V5, "60020007", "wrong flags in the fixed header" },
        { MQTT_V5, "3600", "QoS 3" },
        { MQTT_V5, "3800", "DUP with QoS 0" },
        { MQTT_V311, "32060001610000" "78", "packet identifier 0" },
        { MQTT_V311, "30030001" "00", "a text is not valid UTF-8" },
        { MQTT_V311, "30030001" "2b", "a topic contains a wildcard" },
        { MQTT_V311, "30030001" "23", "a topic contains a wildcard" },
        { MQTT_V311, "30030001" "ff", "a text is not valid UTF-8" },
        { MQTT_V311, "30050003eda080", "a text is not valid UTF-8" },
        { MQTT_V311, "30020000", "an empty topic" },
        { MQTT_V311, "30020005", "it ends too early" },
        { MQTT_V5, "300700016103" "020000", "it ends too early" },
        { MQTT_V5, "3009000161051100000000", "a property is out of place" },
        { MQTT_V5, "30080001610401010101", "a property is repeated" },
        { MQTT_V5, "3006000161020102", "a property is neither 0 nor 1" },
        { MQTT_V5, "300700016103230000", "a property is 0" },
        { MQTT_V5, "3006000161020b00", "a property is 0" },
        { MQTT_V5, "3006000161027f00", "a property is out of place" },
        { MQTT_V5, "200101", "it ends too early" },
        { MQTT_V5, "2003020000", "unknown acknowledge flags" },
        { MQTT_V5, "2003018700", "a refusal with a session" },
        { MQTT_V311, "2003000000", "bytes behind the end" },
        { MQTT_V311, "4003000700", "bytes behind the end" },
        { MQTT_V311, "40020000", "packet identifier 0" },
        { MQTT_V311, "9002000a", "no reason code" },
        { MQTT_V311, "9003000a03", "an unknown return code" },
        { MQTT_V5, "9004000a0003", "an unknown return code" },
        { MQTT_V311, "e000", "a broker never sends this packet" },
        { MQTT_V5, "d00100", "bytes behind the end" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[64];
        const char *why;
        struct mqtt_packet p;
        cr_expect_eq(decode(cases[i].hex, cases[i].v, &p, buf, &why), MQTT_BAD, "accepted: %s", cases[i].hex);
        if (why)
            cr_expect_str_eq(why, cases[i].why, "%s: %s", cases[i].hex, why);
    }
}

/* A packet that is cut anywhere is never complete, never wrong, and nothing behind it is read. */
Test(codec, every_truncation)
{
    static const struct { enum mqtt_version v; const char *hex; } packets[] = {
        { MQTT_V5, "32280003612f6200071e01010300106170706c69636174696f6e2f6a736f6e2600016b0001760b017b7d" },
        { MQTT_V5, "2006010003210014" },
        { MQTT_V5, "9004000a0002" },
        { MQTT_V5, "e0018e" },
        { MQTT_V311, "32080003612f6200017b" },
        { MQTT_V311, "20020100" },
        { MQTT_V5, "7003000792" },
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        uint8_t whole[128];
        size_t n = from_hex(packets[i].hex, whole);
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees a read past the end */
            struct mqtt_packet p;
            size_t used = 0;
            const char *why = NULL;
            memcpy(exact, whole, cut);
            cr_expect_eq(mqtt_decode(exact, cut, packets[i].v, &p, &used, &why), MQTT_MORE, "%s cut at %zu: %s",
                         packets[i].hex, cut, why ? why : "");
            free(exact);
        }
    }
}

Test(codec, head_of_a_large_publish)
{
    uint8_t buf[64];
    struct mqtt_packet p;
    size_t used = 0;
    const char *why = NULL;
    /* 200,000 bytes of body: topic `a/b`, id 7, no properties */
    size_t n = from_hex("32c09a0c0003612f62000700", buf);
    cr_assert_eq(mqtt_decode_publish_head(buf, n, MQTT_V5, &p, &used, &why), MQTT_DONE, "%s", why);
    cr_expect(is(p.topic, "a/b") && p.id == 7 && !p.payload.ptr);
    cr_expect_eq(used, n);
    cr_expect_eq(p.payload.len, 200000u - 8);
    for (size_t cut = 0; cut < n; cut++)
        cr_expect_eq(mqtt_decode_publish_head(buf, cut, MQTT_V5, &p, &used, &why), MQTT_MORE, "cut at %zu", cut);
    n = from_hex("32c09a0c0001" "00" "0007" "00", buf);
    cr_expect_eq(mqtt_decode_publish_head(buf, n, MQTT_V5, &p, &used, &why), MQTT_BAD);
}

static uint64_t hash_of(const char *hex, enum mqtt_version v)
{
    uint8_t buf[128];
    const char *why;
    struct mqtt_packet p;
    cr_assert_eq(decode(hex, v, &p, buf, &why), MQTT_DONE, "%s: %s", hex, why);
    return mqtt_content_hash(&p);
}

Test(codec, content_hash)
{
    uint64_t base = hash_of("32080003612f6200017b", MQTT_V311);
    cr_expect_eq(base, hash_of("3a080003612f6200017b", MQTT_V311), "DUP does not count");
    cr_expect_eq(base, hash_of("32080003612f6200027b", MQTT_V311), "the id is not content");
    cr_expect_neq(base, hash_of("34080003612f6200017b", MQTT_V311), "QoS counts");
    cr_expect_neq(base, hash_of("32080003612f6300017b", MQTT_V311), "the topic counts");
    cr_expect_neq(base, hash_of("32080003612f6200017c", MQTT_V311), "the payload counts");
    cr_expect_neq(hash_of("3208000261620001" "6363", MQTT_V311), hash_of("3208000361626300" "0163", MQTT_V311),
                  "where the topic ends counts");
    cr_expect_eq(hash_of("320d0001610001" "05" "0200000064" "7878", MQTT_V5),
                 hash_of("320d0001610001" "05" "0200000063" "7878", MQTT_V5), "message expiry counts down");
    cr_expect_neq(hash_of("320a0001610001" "02" "0101" "7878", MQTT_V5),
                  hash_of("320a0001610001" "02" "0100" "7878", MQTT_V5), "other properties count");
}

/* Whatever comes, the decoder ends within its bytes and says something. */
Test(codec, random_bytes)
{
    unsigned seed = 7;
    for (int round = 0; round < 200000; round++) {
        uint8_t buf[48];
        size_t len = (size_t)rand_r(&seed) % sizeof buf, used = 0;
        for (size_t i = 0; i < len; i++)
            buf[i] = (uint8_t)rand_r(&seed);
        if (len > 1 && rand_r(&seed) % 4 != 0)
            buf[1] = (uint8_t)(len - 2);
        if (len > 0 && rand_r(&seed) % 2 == 0)
            buf[0] = (uint8_t)(0x30 | (buf[0] & 3u));
        struct mqtt_packet p;
        const char *why = NULL;
        enum mqtt_decoded d = mqtt_decode(buf, len, round & 1 ? MQTT_V5 : MQTT_V311, &p, &used, &why);
        cr_assert(d != MQTT_DONE || (used > 0 && used <= len));
        cr_assert(d != MQTT_BAD || why);
        if (d == MQTT_DONE && p.type == MQTT_PUBLISH)
            (void)mqtt_content_hash(&p);
    }
}
