# SPDX-License-Identifier: Apache-2.0
"""The same requests to the Java worker and to ours: the same statuses and, but for what may differ, the same bodies."""
import json
import os
import re

from harness.brokers import kafka_version
from harness.scenarios import Skip, scenario
from harness.worker import Rest, worker_properties

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
VALIDATE = "/connector-plugins/FileStreamSource/config/validate"

# rest-api: what may legitimately differ between two workers
OWN_WORDS = {"documentation", "recommended_values"}
OWN_VALUES = {"worker_id", "commit"}


def normal(value, key=None):
    """An answer without what is each worker's own: addresses, plugin versions, documentation, lists of classes."""
    if isinstance(value, dict):
        return {k: None if k in OWN_WORDS | OWN_VALUES else normal(v, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [normal(v) for v in value]
        # converters' and overrides' rows come in hash order from Java
        return sorted(items, key=json.dumps) if key in ("configs", "groups", "errors") else items
    if isinstance(value, str):
        value = re.sub(r"available connectors are: .*", "available connectors are: ...", value, flags=re.S)
        return "<version>" if value in ("4.3.1", "0.1.0") and key != "name" else value
    return value


def known_differences(body):
    """Java numbers a converter's keys within its groups by how often a group was met in the process, and shows its own
    defaults of client keys; neither means anything to a reader."""
    if isinstance(body, dict) and "configs" in body:
        for row in body["configs"]:
            if ".converter." in row["value"]["name"] or ".override." in row["value"]["name"]:
                row["definition"] = None
    return body


def requests(lines):
    """(method, path, body, state to wait for afterwards)"""
    config = {"connector.class": SOURCE, "topic": "lines-of-both", "file": lines}
    put = [
        {"connector.class": SOURCE, "name": "a", "topic": "t", "file": "/tmp/x"},
        {"connector.class": "FileStreamSource", "name": "a", "tasks.max": "0", "errors.tolerance": "x", "errors.retry.timeout": "y"},
        {"connector.class": SOURCE, "name": "", "tasks.max": "abc", "topic": "t", "key.converter": "Nope",
         "config.action.reload": "zz"},
        {"connector.class": SOURCE, "name": "a", "topic": "t", "key.converter": "org.apache.kafka.connect.json.JsonConverter",
         "key.converter.schemas.enable": "zz", "topic.creation.groups": "a,a", "offsets.storage.topic": "",
         "transaction.boundary": "q", "exactly.once.support": "required"},
        {"connector.class": SOURCE, "name": "a", "topic": "t", "nobody": None, "batch.size": None},
        {"connector.class": SOURCE, "name": "a", "topic": "t", "producer.override.linger.ms": "soon"},
        {"connector.class": SOURCE, "name": "a", "topic": "t", "producer.override.acks": "x", "consumer.override.max.poll.records": "x"},
        {"name": "a"},
        {"connector.class": "Nope"},
    ]
    for body in put:
        yield "PUT", VALIDATE, body, None
    yield "POST", "/connectors", {"name": "x", "config": {"connector.class": "Nope"}}, None
    yield "POST", "/connectors", {"name": "x", "config": {"connector.class": "Nope"}}, None  # worded differently the second time
    yield "POST", "/connectors", {"name": "x", "config": dict(config, **{"producer.override.enable.idempotence": "maybe"})}, None
    yield "POST", "/connectors", {"name": "x", "config": {"connector.class": SOURCE, "tasks.max": "0"}}, None
    yield "POST", "/connectors", {"name": "x", "config": {}}, None
    yield "POST", "/connectors", {"name": "x", "config": dict(config, name="y")}, None
    yield "POST", "/connectors", {"name": "x", "config": config}, "RUNNING"
    yield "POST", "/connectors", {"name": "x", "config": config}, None
    for path in ("/connectors", "/connectors?expand=info", "/connectors?expand=status", "/connectors?expand=x", "/connectors/x",
                 "/connectors/x/", "/connectors/x/config", "/connectors/x/tasks", "/connectors/x/status",
                 "/connectors/x/tasks/0/status", "/connectors/x/tasks/1/status", "/connectors/x/tasks/q/status", "/connectors/y",
                 "/connectors/y/status", "/connectors/nobody/topics", "/nothing", "/connectors/x/config/y", "/connectors/..",
                 "/connector-plugins/nobody/config", "/connector-plugins/FileStreamSource/config"):
        yield "GET", path, None, None
    yield "PUT", "/connectors/x/pause", None, "PAUSED"
    yield "GET", "/connectors/x/status", None, None
    yield "PUT", "/connectors/x/resume", None, "RUNNING"
    yield "PUT", "/connectors/x/stop", None, "STOPPED"
    yield "GET", "/connectors/x/status", None, None
    yield "GET", "/connectors/x/tasks", None, None
    yield "PUT", "/connectors/x/resume", None, "RUNNING"
    # Java restarts later than it answers: what shows the present state comes first, what shows the plan last.
    for path in ("/connectors/x/restart?onlyFailed=true", "/connectors/x/restart", "/connectors/nobody/restart",
                 "/connectors/x/tasks/0/restart", "/connectors/x/tasks/7/restart", "/connectors/x/restart?includeTasks=true"):
        yield "POST", path, None, "RUNNING"
    for method, path in (("PUT", "/connectors/nobody/pause"), ("PUT", "/connectors/nobody/resume"),
                         ("PUT", "/connectors/nobody/stop"), ("DELETE", "/connectors/nobody"), ("DELETE", "/connectors"),
                         ("POST", "/connectors/x"), ("GET", "/connectors/x/pause")):
        yield method, path, None, None
    yield "PUT", "/connectors/x/config", dict(config, topic="lines-of-both-2"), "RUNNING"
    yield "PUT", "/connectors/x/config", dict(config, name="z"), None
    yield "PATCH", "/connectors/x/config", {"topic": "lines-of-both-3"}, "RUNNING"
    yield "GET", "/connectors/x/config", None, None
    yield "DELETE", "/connectors/x", None, None


def settle(context, rest, state):
    def settled():
        status = rest.call("GET", "/connectors/x/status").json
        if not status or "connector" not in status:
            return False
        tasks = [t["state"] for t in status["tasks"]]
        return status["connector"]["state"] == state and tasks == ([] if state == "STOPPED" else [state])
    context.wait("x is %s" % state, settled, 90)


@scenario("differential", "one script of requests, the Java worker's answers and ours", weight=40)
def differential(context):
    if context.kafka.version != kafka_version():
        raise Skip("our answers are those of Kafka %s" % kafka_version())
    lines = os.path.join(context.work, "lines.txt")
    java = Rest(context.java(worker_properties(context.kafka.bootstrap, context.unique("java"))).port)
    ours = context.worker().rest
    compared = 0
    for method, path, body, state in requests(lines):
        theirs, mine = java.call(method, path, body), ours.call(method, path, body)
        what = "%s %s %s" % (method, path, json.dumps(body) if body else "")
        context.equal(mine.status, theirs.status, what)
        context.equal(known_differences(normal(mine.json)), known_differences(normal(theirs.json)), what)
        compared += 1
        if state:
            settle(context, java, state)
            settle(context, ours, state)
    context.note("requests=%d answered alike" % compared)
