# SPDX-License-Identifier: Apache-2.0
"""S39: the validation texts of the MQTT source, and several errors in one answer."""
from harness.connectors import mqtt_source
from harness.scenarios import scenario

TEMPLATE = "unknown variable 'tpoic' at position 3; known: topic, topic[n], topic[n..m], filter, header:, json:, client.id"


def invalid(key, value, text):
    return "Invalid value %s for configuration %s: %s" % (value, key, text)


# (changes, key that gets the error, the text; only its end where the value before it is not ours to choose)
ROWS = [
    ({"mqtt.server.uri": None}, "mqtt.server.uri", 'Missing required configuration "mqtt.server.uri" which has no default value.'),
    ({"mqtt.topics": None}, "mqtt.topics", 'Missing required configuration "mqtt.topics" which has no default value.'),
    ({"mqtt.server.uri": "http://h:1883"}, "mqtt.server.uri",
     invalid("mqtt.server.uri", "http://h:1883", "unknown scheme 'http', expected one of tcp, mqtt, ssl, tls, mqtts, ws, wss")),
    ({"mqtt.topics": "a/#/b"}, "mqtt.topics", invalid("mqtt.topics", "a/#/b", "'#' must be the last level")),
    ({"mqtt.topics": "a/b+/c"}, "mqtt.topics", invalid("mqtt.topics", "a/b+/c", "'+' must stand alone in its level")),
    ({"mqtt.topics": "$share/g"}, "mqtt.topics", invalid("mqtt.topics", "$share/g", "'$share' needs a group and a filter")),
    ({"mqtt.qos": "3"}, "mqtt.qos", invalid("mqtt.qos", "3", "Value must be no more than 2")),
    ({"kafka.topic": "x-${tpoic}"}, "kafka.topic",
     invalid("kafka.topic", "x-${tpoic}", TEMPLATE)),
    ({"mqtt.key": "x-${tpoic}"}, "mqtt.key", invalid("mqtt.key", "x-${tpoic}", TEMPLATE)),
    ({"mqtt.topic.map": "a/+"}, "mqtt.topic.map", invalid("mqtt.topic.map", "a/+", "expected filter=>template")),
    ({"mqtt.client.id.exact": "true", "mqtt.client.id": ""}, "mqtt.client.id.exact",
     "needs mqtt.sessions=1 (or one non-shared filter) and a non-empty mqtt.client.id"),
    ({"mqtt.no.local": "true", "mqtt.share.group": "g"}, "mqtt.no.local",
     "cannot be combined with a shared subscription ($share or mqtt.share.group)"),
]


def errors_of(context, worker, changes, plugin="MqttSource"):
    config = dict(mqtt_source("tcp://127.0.0.1:1883", "a/#", "t"), name="v")
    for key, value in changes.items():
        config.pop(key, None)
        if value is not None:
            config[key] = value
    answer = worker.rest.must("PUT", "/connector-plugins/%s/config/validate" % plugin, config)
    context.equal(answer.status, 200, "status of validate")
    found = {entry["value"]["name"]: entry["value"]["errors"] for entry in answer.json["configs"] if entry["value"]["errors"]}
    context.equal(answer.json["error_count"], sum(len(e) for e in found.values()), "error_count of %s: %s" % (changes, found))
    return found


@scenario("S39", "validation: every text, all errors in one answer", tags=("asan", "quick"), weight=5)
def s39(context):
    worker = context.worker()
    context.equal(errors_of(context, worker, {}), {}, "errors of a good configuration")
    for changes, key, wanted in ROWS:
        found = errors_of(context, worker, changes)
        context.check(any(text == wanted or text.endswith(wanted) for text in found.get(key, [])),
                      "%s should give on %s: %s\nfound: %s", changes, key, wanted, found)
    together = {"mqtt.server.uri": "http://h:1883", "mqtt.topics": "a/#/b", "mqtt.qos": "3", "mqtt.key": "x-${tpoic}"}
    found = errors_of(context, worker, together)
    context.equal(sorted(found), sorted(together), "keys with errors when several are wrong")
    config = dict(mqtt_source("tcp://127.0.0.1:1883", "a/#", "t"), **together)
    answer = worker.rest.call("POST", "/connectors", {"name": "several", "config": config})
    context.equal(answer.status, 400, "status of POST with several errors")
    context.check("contains the following 4 error(s):" in answer.json["message"], "message: %s", answer.json["message"])
    for key in together:
        context.check("for configuration %s:" % key in answer.json["message"], "%s is not named in: %s", key,
                      answer.json["message"])
    context.equal(worker.rest.call("GET", "/connectors").json, [], "connectors after a refused one")
    context.note("rows=%d" % len(ROWS))
