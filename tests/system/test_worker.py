# SPDX-License-Identifier: Apache-2.0
"""The worker itself: REST, restarts, the Java worker before and after it, an older Kafka, wrong files and requests."""
import json
import os
import random
import shutil
import socket
import subprocess
import time

from harness import kafka_io
from harness.brokers import kafka_version, write_properties
from harness.children import Child, free_port, run
from harness.connectors import file_source, mqtt_source
from harness.scenarios import scenario
from harness.worker import Rest, kaftan_program, plugin_path, worker_properties
from test_delivery import create, killed_over_and_over


def append(path, first, count):
    with open(path, "a", encoding="ascii") as f:
        f.writelines("%d line\n" % n for n in range(first, first + count))


def file_tally(context, topic, total, kafka=None):
    """FileStreamSource gives no key: kcat shows an empty one."""
    return context.wait_all(topic, {"": total}, kafka=kafka)


@scenario("kill-any-moment", "kill -9 at any moment: connectors and offsets come back by themselves", tags=("tsan",), weight=45)
def kill_any_moment(context):
    broker = context.mosquitto()
    worker = context.worker(session__timeout__ms="2000", heartbeat__interval__ms="400")
    lines = os.path.join(context.work, "lines.txt")
    file_topic, mqtt_topic = context.unique("file"), context.unique("mqtt")
    append(lines, 0, 100)
    create(context, worker, "sensors", mqtt_source(broker.uri, "a/#", mqtt_topic), broker, "a/#")
    worker.rest.create("lines", file_source(lines, file_topic))
    written, published = 100, 0
    for _ in range(context.pick(8, 40)):
        until = time.monotonic() + random.uniform(0, 2.5)
        while time.monotonic() < until:
            append(lines, written, 50)
            written += 50
            context.publish(broker, "a/b", ["%d" % published])
            published += 1
        worker.kill()
        worker.start(wait=False)
    worker.wait_ready()
    worker.rest.wait_state("lines")
    worker.rest.wait_state("sensors")
    files, messages = file_tally(context, file_topic, written), context.wait_all(mqtt_topic, {"a/b": published})
    context.note("kills=%d file: %s mqtt: %s" % (worker.kills, files.text(), messages.text()))
    files.require(ordered=False)
    messages.require()
    context.equal(sorted(worker.rest.call("GET", "/connectors").json), ["lines", "sensors"], "connectors after the kills")


@scenario("java", "Java worker and ours in turn on the same internal topics: each continues the other's work", weight=45)
def java(context):
    group = context.unique("group")
    properties = worker_properties(context.kafka.bootstrap, group)
    lines = os.path.join(context.work, "lines.txt")
    topic = context.unique("topic")
    append(lines, 0, 100)
    first = context.java(properties, name="java-1")
    rest = Rest(first.port)
    rest.create("lines", file_source(lines, topic))
    rest.wait_state("lines")
    file_tally(context, topic, 100).require(0)
    theirs = rest.call("GET", "/connectors/lines").json
    first.stop()

    append(lines, 100, 100)
    ours = context.worker(group=group)
    ours.rest.wait_state("lines")
    file_tally(context, topic, 200).require(0)
    mine = ours.rest.call("GET", "/connectors/lines").json
    context.equal(mine["config"], theirs["config"], "the configuration that Java wrote")
    context.equal(mine["tasks"], theirs["tasks"], "its tasks")
    second_file = os.path.join(context.work, "second.txt")
    second_topic = context.unique("topic")
    append(second_file, 0, 50)
    ours.rest.create("second", file_source(second_file, second_topic))
    ours.rest.wait_state("second")
    ours.rest.must("PUT", "/connectors/second/pause")
    ours.rest.wait_state("second", "PAUSED")
    ours.stop()

    append(lines, 200, 100)
    append(second_file, 50, 50)
    last = context.java(properties, name="java-2")
    rest = Rest(last.port)
    rest.wait_state("lines")
    tally = file_tally(context, topic, 300)
    context.note(tally.text(0))
    tally.require(0)
    status = rest.wait_state("second", "PAUSED")
    context.check(status["type"] == "source", "Java says of a connector that we made: %s", json.dumps(status))
    rest.must("PUT", "/connectors/second/resume")
    file_tally(context, second_topic, 100).require(0)
    last.stop()


@scenario("kafka-3.9", "the main promises on a Kafka 3.9 broker", weight=60)
def kafka_39(context):
    kafka = context.own_kafka(version=kafka_version(old=True))
    killed_over_and_over(context, kafka, context.pick(4, 20), 500, "5", None)
    context.note("broker=%s" % kafka.version)


@scenario("rest", "the REST core, status by status", tags=("asan", "tsan", "quick"), weight=10)
def rest_matrix(context):
    worker = context.worker()
    rest = worker.rest
    lines = os.path.join(context.work, "lines.txt")
    append(lines, 0, 10)
    config = file_source(lines, context.unique("topic"))
    root = rest.get("/")
    context.equal((root.status, root.json["version"]), (200, kafka_version()), "GET /")
    context.check(root.json.get("kafka_cluster_id"), "GET / names no cluster: %r", root)
    context.equal(rest.get("/health").json.get("status"), "healthy", "GET /health")

    def expect(method, path, status, body=None, text=None, headers=None):
        answer = rest.call(method, path, body, headers)
        context.check(answer.status == status and (text is None or text in answer.body.decode("utf-8", "replace")),
                      "%s %s: found %r, wanted %d %s", method, path, answer, status, text or "")
        return answer
    expect("GET", "/connectors", 200, text="[]")
    expect("POST", "/connectors", 201, {"name": "lines", "config": config}, '"name":"lines"')
    rest.wait_state("lines")
    expect("POST", "/connectors", 409, {"name": "lines", "config": config}, "Connector lines already exists")
    context.equal(expect("GET", "/connectors", 200).json, ["lines"], "names")
    expanded = expect("GET", "/connectors?expand=info&expand=status", 200).json
    context.equal(sorted(expanded["lines"]), ["info", "status"], "expanded listing")
    context.equal(expect("GET", "/connectors/lines/config", 200).json, dict(config, name="lines"), "config")
    expect("GET", "/connectors/lines/status", 200, text='"state":"RUNNING"')
    context.equal(len(expect("GET", "/connectors/lines/tasks", 200).json), 1, "tasks")
    expect("GET", "/connectors/lines/tasks/0/status", 200, text='"state":"RUNNING"')
    expect("PUT", "/connectors/lines/config", 200, dict(config, **{"batch.size": "100"}))
    rest.wait_state("lines")
    rest.must("PUT", "/connectors/lines/pause", None, (202,))
    rest.wait_state("lines", "PAUSED")
    rest.must("PUT", "/connectors/lines/resume", None, (202,))
    rest.wait_state("lines")
    rest.must("PUT", "/connectors/lines/stop", None, (204,))
    rest.wait_state("lines", "STOPPED", tasks=0)
    rest.must("PUT", "/connectors/lines/resume", None, (202,))
    rest.wait_state("lines")
    rest.must("POST", "/connectors/lines/restart", None, (204,))
    rest.wait_state("lines")
    rest.must("POST", "/connectors/lines/tasks/0/restart", None, (204,))
    rest.wait_state("lines")
    rest.must("PUT", "/connectors/fresh/config", config, (201,))
    rest.wait_state("fresh")

    expect("GET", "/connectors/none", 404, text="Connector none not found")
    expect("GET", "/connectors/none/status", 404, text="No status found for connector none")
    expect("PUT", "/connectors/none/pause", 404, text="Unknown connector none")
    expect("POST", "/connectors/none/restart", 404, text="Unknown connector: none")
    expect("GET", "/nothing", 404, text='{"error_code":404,"message":"HTTP 404 Not Found"}')
    expect("DELETE", "/connectors", 405, text="HTTP 405 Method Not Allowed")
    expect("POST", "/connectors", 415, "x", "HTTP 415", {"Content-Type": "text/plain"})
    expect("POST", "/connectors", 500, '{"name": ')
    expect("POST", "/connectors", 500, '{"name": "x", "surplus": 1, "config": {}}', 'Unrecognized field')
    expect("POST", "/connectors", 400, {"name": "x", "config": {"name": "y", **config}}, "doesn't match connector name")
    expect("POST", "/connectors", 400, {"name": "x", "config": {"connector.class": "No.Such"}},
           "Failed to find any class that implements Connector and which name matches No.Such")
    expect("POST", "/connectors", 400, {"name": "x", "config": {"tasks.max": "1"}}, "contains no connector type")
    plugins = [p["class"] for p in expect("GET", "/connector-plugins", 200).json]
    for wanted in ("io.kaftan.mqtt.MqttSourceConnector", "io.confluent.connect.mqtt.MqttSourceConnector",
                   "org.apache.kafka.connect.file.FileStreamSourceConnector"):
        context.check(wanted in plugins, "%s is not among the plugins: %s", wanted, plugins)
    keys = [k["name"] for k in expect("GET", "/connector-plugins/io.kaftan.mqtt.MqttSourceConnector/config", 200).json]
    context.check("mqtt.server.uri" in keys and "mqtt.topics" in keys, "config keys: %s", keys)
    metrics = expect("GET", "/metrics", 200)
    context.check(metrics.headers.get("Content-Type", "").startswith("text/plain"), "metrics: %s", metrics.headers)
    context.check(b"kafka_connect_worker_connector_count" in metrics.body, "no connector count in /metrics")
    rest.must("DELETE", "/connectors/fresh", None, (204,))
    rest.must("DELETE", "/connectors/lines", None, (204,))
    context.wait("both are gone", lambda: rest.get("/connectors").json == [])
    expect("DELETE", "/connectors/lines", 404, text="Connector lines not found")
    context.note("ok")


def ends(context, arguments, seconds=30):
    """Runs the worker to its end: (status, output)."""
    log = os.path.join(context.work, context.unique("run") + ".log")
    child = Child("kaftan", [kaftan_program()] + arguments, log)
    context.at_end(lambda: child.running() and child.kill())
    return child.wait(seconds), child.text()


@scenario("bad-start", "wrong files, keys and topics: a message that names them, the right exit status", tags=("asan",), weight=20)
def bad_start(context):
    good = worker_properties(context.kafka.bootstrap, context.unique("group"))
    good["listeners"] = "http://127.0.0.1:%d" % free_port()

    def attempt(what, wanted_status, fragments, changes=None, text=None, path=None):
        if path is None:
            path = os.path.join(context.work, context.unique("worker") + ".properties")
            values = dict(good)
            for key, value in (changes or {}).items():
                values.pop(key, None)
                if value is not None:
                    values[key] = value
            write_properties(path, values)
            if text:
                with open(path, "a", encoding="utf-8") as f:
                    f.write(text)
        status, output = ends(context, ["distributed", path], 60)
        context.check(status in wanted_status, "%s: exit status %s instead of %s\n%s", what, status, wanted_status, output)
        for fragment in fragments:
            context.check(fragment in output, "%s: '%s' is not in\n%s", what, fragment, output)
    status, output = ends(context, ["--no-such-option"])
    context.check(status == 1 and output, "usage: exit status %s", status)
    attempt("unknown file", (1, 2, 3), ["/no/such/worker.properties"], path="/no/such/worker.properties")
    attempt("malformed escape", (1, 2, 3), ["line"], text="bad=\\u12zz\n")
    attempt("missing key", (1, 2, 3), ["group.id"], {"group.id": None})
    attempt("missing key", (1, 2, 3), ["offset.storage.topic"], {"offset.storage.topic": None})
    attempt("unknown converter", (2,), ["Invalid value no.Such for configuration value.converter: Class no.Such could not be found."],
            {"value.converter": "no.Such"})
    attempt("bad value", (1, 2, 3), ["offset.flush.interval.ms", "soon"], {"offset.flush.interval.ms": "soon"})
    standalone = os.path.join(context.work, "standalone.properties")
    write_properties(standalone, {"bootstrap.servers": context.kafka.bootstrap, "key.converter": good["key.converter"],
                                  "value.converter": good["value.converter"],
                                  "offset.storage.file.filename": os.path.join(context.work, "offsets"),
                                  "listeners": "http://127.0.0.1:%d" % free_port()})
    for name, text, fragment in (("none.json", None, "none.json"), ("comma.json", '{"name": "a",}', "comma.json: "),
                                 ("nameless.properties", "file=x\n", 'Missing required configuration "name"')):
        path = os.path.join(context.work, name)
        if text is not None:
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        status, output = ends(context, ["standalone", standalone, path])
        context.check(status == 3 and fragment in output, "connector file %s: exit status %s\n%s", name, status, output)
    attempt("no Kafka", (2,), ["Failed to connect to and describe Kafka cluster"],
            {"bootstrap.servers": "127.0.0.1:%d" % free_port(), "default.api.timeout.ms": "6000"})
    policy = context.unique("policy")
    context.kafka.create_topic(policy, 3, {"cleanup.policy": "delete"})
    attempt("wrong cleanup policy", (1,), ["Topic '%s' supplied via the 'offset.storage.topic' property is required to have "
                                           "'cleanup.policy=compact'" % policy], {"offset.storage.topic": policy})
    wide = context.unique("wide")
    context.kafka.create_topic(wide, 2, {"cleanup.policy": "compact"})
    attempt("config topic with two partitions", (1,), ["is required to have a single partition"], {"config.storage.topic": wide})
    context.note("rows=13")


@scenario("bad-requests", "huge bodies, slow clients, half requests disturb nobody", tags=("asan", "tsan"), weight=10)
def bad_requests(context):
    worker = context.worker()
    held = []
    try:
        for number in range(20):
            s = socket.create_connection(("127.0.0.1", worker.port))
            s.sendall((b"GET /connectors HTTP/1.1\r\nHost: x\r\n", b"POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: "
                       b"application/json\r\nContent-Length: 1000\r\n\r\n{\"name\"")[number % 2])
            held.append(s)
        before = worker.child.rss()
        started = time.monotonic()
        context.equal(worker.rest.get("/connectors").status, 200, "a request beside half ones")
        beside = time.monotonic() - started
        huge = b'{"name": "' + b"x" * (64 << 20) + b'"}'
        try:
            answer = worker.rest.call("POST", "/connectors", huge)
            context.check(answer.status >= 400, "a body of 64 MiB was taken: %r", answer)
            said = answer.status
        except OSError:
            said = "closed"  # refused in the middle of the body, as a server may
        growth = (worker.child.rss() - before) >> 20
        context.check(growth < 200, "RSS grew by %d MiB", growth)
        for garbage in (b"\r\n\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01", b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", worker.port)) as s:
                s.sendall(garbage)
        context.equal(worker.rest.get("/health").status, 200, "health afterwards")
        context.check(worker.running(), "the worker ended\n%s", worker.child.tail())
        context.note("beside=%.2fs huge_body=%s rss_growth=%dMiB" % (beside, said, growth))
    finally:
        for s in held:
            s.close()


PLUGIN = """
int nothing_of_ours = 1;
"""


@scenario("bad-plugins", "shared objects that are no plugins, and a jar: refused by name, the others load", weight=6)
def bad_plugins(context):
    plugins = os.path.join(context.work, "plugins")
    os.makedirs(plugins)
    good = []
    for path in plugin_path().split(","):
        for name in sorted(os.listdir(path)):
            if name.endswith(".so"):
                shutil.copy(os.path.join(path, name), plugins)
                good.append(name)
    source = os.path.join(context.work, "nothing.c")
    with open(source, "w", encoding="ascii") as f:
        f.write(PLUGIN)
    run(["gcc", "-shared", "-fPIC", "-o", os.path.join(plugins, "nothing.so"), source])
    with open(os.path.join(plugins, "text.so"), "w", encoding="ascii") as f:
        f.write("not an object\n")
    with open(os.path.join(plugins, "java.jar"), "wb") as f:
        f.write(b"PK\x03\x04")
    worker = context.worker(plugin__path=plugins)
    text = worker.child.text()
    for name in ("nothing.so", "text.so", "jar files"):
        context.check(name in text, "%s is not named in the log:\n%s", name, worker.child.tail(40))
    found = [p["class"] for p in worker.rest.get("/connector-plugins").json]
    context.check("io.kaftan.mqtt.MqttSourceConnector" in found, "plugins: %s", found)
    done = subprocess.run([kaftan_program(), "plugins"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60, check=False)
    context.equal(done.returncode, 0, "exit status of kaftan plugins")
    context.note("loaded=%d refused=2 jars=1" % len(good))


@scenario("standalone", "standalone: connectors from files, offsets in a file as Java writes it", weight=15)
def standalone(context):
    lines = os.path.join(context.work, "lines.txt")
    topic = context.unique("topic")
    port = free_port()
    file = os.path.join(context.work, "standalone.properties")
    write_properties(file, {
        "bootstrap.servers": context.kafka.bootstrap, "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter", "offset.flush.interval.ms": "500",
        "offset.storage.file.filename": os.path.join(context.work, "offsets"), "listeners": "http://127.0.0.1:%d" % port,
        "plugin.path": plugin_path()})
    connector = os.path.join(context.work, "lines.properties")
    write_properties(connector, dict(file_source(lines, topic), name="lines"))
    paused = os.path.join(context.work, "paused.json")
    with open(paused, "w", encoding="ascii") as f:
        json.dump({"name": "waits", "config": file_source(lines, context.unique("topic")), "initial_state": "PAUSED"}, f)
    rest = Rest(port)

    def start():
        child = Child("standalone", [kaftan_program(), "standalone", file, connector, paused], os.path.join(context.work, "standalone.log"))
        context.at_end(lambda: child.running() and child.kill())
        context.wait("standalone ready", rest.healthy, 60, child=child)
        return child
    append(lines, 0, 100)
    child = start()
    rest.wait_state("lines")
    rest.wait_state("waits", "PAUSED", tasks=0)
    file_tally(context, topic, 100).require(0)
    context.equal(child.stop(), 0, "exit status after SIGTERM")
    append(lines, 100, 100)
    child = start()
    tally = file_tally(context, topic, 200)
    context.equal(child.stop(), 0, "exit status after SIGTERM")
    with open(os.path.join(context.work, "offsets"), "rb") as f:
        context.check(f.read(6) == b"\xac\xed\x00\x05sr", "the offsets are no serialised Java object")
    context.note(tally.text(0))
    tally.require(0)


@scenario("stock-files", "Java's stock worker files are accepted unchanged but for their addresses", weight=8)
def stock_file(context):
    """The keys that Apache Kafka's sample file sets, with the brokers' address and free topics."""
    worker = context.worker(
        key__converter="org.apache.kafka.connect.json.JsonConverter", value__converter="org.apache.kafka.connect.json.JsonConverter",
        key__converter__schemas__enable="true", value__converter__schemas__enable="true", offset__flush__interval__ms="10000",
        ssl__keystore__type="JKS", metric__reporters="org.apache.kafka.common.metrics.JmxReporter",
        plugin__discovery="hybrid_warn")
    context.equal(worker.rest.get("/health").status, 200, "health")
    lines = os.path.join(context.work, "lines.txt")
    append(lines, 0, 2)
    topic = context.unique("topic")
    worker.rest.create("lines", {k: v for k, v in file_source(lines, topic).items() if k != "value.converter"})
    context.wait_count(topic, 2)
    found = kafka_io.records(context.kafka.bootstrap, topic)
    context.equal([json.loads(r["payload"])["payload"] for r in found], ["0 line", "1 line"], "values")
    context.note("sent=2 in_kafka=2 lost=0")
