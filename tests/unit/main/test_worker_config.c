/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's own keys: Java's stock files are taken, bad ones name every key. */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "config/props.h"
#include "config/worker.h"

static struct kaftan_error *load(const char *text, bool distributed,
                                 struct worker_config **ret)
{
    struct text_map *props = NULL;
    struct kaftan_error *err = props_parse(text, strlen(text), &props);
    cr_assert_null(err);
    err = worker_config_new(props, distributed, ret);
    text_map_unref(props);
    return err;
}

#define NEEDED                                                                 \
    "group.id=g\nkey.converter=k\nvalue.converter=v\n"                         \
    "config.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n"

Test(worker_config, fills_defaults)
{
    struct worker_config *c = NULL;
    cr_assert_null(load(NEEDED "listeners = http://a:1 , http://b:2\n", true, &c));
    const struct worker_values *v = worker_values(c);
    cr_expect_str_eq(v->group_id, "g");
    cr_expect_str_eq(v->connect_protocol, "sessioned");
    cr_expect_eq(v->session_timeout_ms, 10000);
    cr_expect_eq(v->flush_interval_ms, 60000);
    cr_expect_eq(v->offset_partitions, 25);
    cr_expect_eq(v->config_replication, 3);
    cr_expect_eq(v->listeners.count, 2);
    cr_expect_str_eq(v->listeners.items[1], "http://b:2");
    cr_expect_eq(v->advertised_port, 0);
    cr_expect(worker_config_distributed(c));
    worker_config_free(c);
}

/* The keys of the files that come with Kafka, as a user has them. */
Test(worker_config, takes_stock_files)
{
    static const char distributed[] =
        "# comment\nbootstrap.servers=localhost:9092\n"
        "group.id=connect-cluster\n"
        "key.converter=org.apache.kafka.connect.json.JsonConverter\n"
        "value.converter=org.apache.kafka.connect.json.JsonConverter\n"
        "key.converter.schemas.enable=true\n"
        "value.converter.schemas.enable=true\n"
        "offset.storage.topic=connect-offsets\n"
        "offset.storage.replication.factor=1\n#offset.storage.partitions=25\n"
        "config.storage.topic=connect-configs\n"
        "config.storage.replication.factor=1\n"
        "status.storage.topic=connect-status\n"
        "status.storage.replication.factor=1\n#status.storage.partitions=5\n"
        "offset.flush.interval.ms=10000\n#listeners=HTTP://:8083\n"
        "#plugin.path=/usr/local/share/java,/usr/local/share/kafka/plugins,\n";
    static const char standalone[] =
        "bootstrap.servers=localhost:9092\n"
        "key.converter=org.apache.kafka.connect.json.JsonConverter\n"
        "value.converter=org.apache.kafka.connect.json.JsonConverter\n"
        "key.converter.schemas.enable=true\n"
        "value.converter.schemas.enable=true\n"
        "offset.storage.file.filename=/tmp/connect.offsets\n"
        "offset.flush.interval.ms=10000\n"
        "plugin.path=/usr/local/share/java,\n";
    struct worker_config *c = NULL;
    cr_assert_null(load(distributed, true, &c));
    cr_expect_eq(worker_values(c)->flush_interval_ms, 10000);
    worker_config_free(c);
    cr_assert_null(load(standalone, false, &c));
    cr_expect_str_eq(worker_values(c)->offset_file, "/tmp/connect.offsets");
    worker_config_free(c);
}

/* Java compares these without regard to case, and finds a policy by any of its names. */
Test(worker_config, takes_javas_spellings)
{
    static const char *const policies[] = { "All", "NoneConnectorClientConfigOverridePolicy",
        "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy" };
    struct worker_config *c = NULL;
    cr_assert_null(load(NEEDED "connect.protocol=Compatible\nsecurity.protocol=ssl\nplugin.discovery=ONLY_SCAN\n", true, &c));
    cr_expect_str_eq(worker_values(c)->connect_protocol, "compatible");
    cr_expect_str_eq(worker_values(c)->security_protocol, "SSL");
    cr_expect_str_eq(text_map_get(worker_config_props(c), "security.protocol"), "SSL");
    worker_config_free(c);
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, NEEDED "connector.client.config.override.policy=%s\n", policies[i]);
        cr_assert_null(load(text, true, &c), "%s", policies[i]);
        worker_config_free(c);
    }
}

Test(worker_config, names_every_bad_key)
{
    static const struct {
        const char *text, *parts[3];
    } cases[] = {
        { "group.id=g\n",
          { "Missing required configuration \"key.converter\" which has no "
            "default value.",
            "\"config.storage.topic\"", "\"status.storage.topic\"" } },
        { NEEDED "offset.flush.interval.ms=x\nsession.timeout.ms=-1\n",
          { "Invalid value x for configuration offset.flush.interval.ms: Not "
            "a number of type LONG",
            "session.timeout.ms", "Value must be at least 1" } },
        { NEEDED "config.providers=file\nrest.extension.classes=a.B\n",
          { "config.providers", "rest.extension.classes", "a.B" } },
        { NEEDED "exactly.once.source.support=enabled\n",
          { "exactly.once.source.support", "disabled", "" } },
        { NEEDED "security.protocol=SASL_SSL\n",
          { "sasl.mechanism", "GSSAPI", "PLAIN" } },
        { NEEDED "connector.client.config.override.policy=com.acme.Mine\nconnect.protocol=x\n",
          { "Invalid value com.acme.Mine", "All, None, Principal", "eager, compatible, sessioned" } },
        { NEEDED "inter.worker.signature.algorithm=HmacSHA1\n",
          { "inter.worker.signature.algorithm", "must be present in inter.worker.verification.algorithms list", "HmacSHA1" } },
        { NEEDED "heartbeat.interval.ms=10000\n",
          { "heartbeat.interval.ms", "session.timeout.ms (10000)", "" } },
        { NEEDED "offset.storage.partitions=0\n"
                 "status.storage.replication.factor=-2\n"
                 "status.storage.topic=a/b\n",
          { "offset.storage.partitions", "status.storage.replication.factor",
            "Invalid value a/b for configuration status.storage.topic" } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct worker_config *c = NULL;
        struct kaftan_error *err = load(cases[i].text, true, &c);
        cr_assert_not_null(err, "accepted: %s", cases[i].text);
        cr_expect_null(c);
        for (size_t p = 0; p < 3; p++)
            cr_expect_not_null(
                strstr(kaftan_error_message(err), cases[i].parts[p]),
                "no '%s' in '%s'", cases[i].parts[p],
                kaftan_error_message(err));
        kaftan_error_free(err);
    }
}
