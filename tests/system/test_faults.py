# SPDX-License-Identifier: Apache-2.0
"""Brokers and payloads that misbehave: S12, S13, S15 to S19, S25, S38, and the rows about MQTT of the bad input table."""
import random
import socket
import threading
import time

from harness import kafka_io
from harness.children import run
from harness.connectors import JSON_CONVERTER, mqtt_source
from harness.proxy import DOWN, PUBLISH, Proxy
from harness.scenarios import Failure, scenario
from test_delivery import create


@scenario("S12", "taken over: FAILED after the third time; plain closes never fail a task", tags=("asan",), weight=40)
def s12(context):
    worker = context.worker()
    topic = context.unique("topic")

    def kicked(peer, number):
        peer.subscribed(number > 0)
        peer.disconnect(0x8E)
    thief = context.fake(kicked)
    worker.rest.create("kicked", mqtt_source(thief.uri, "a/#", topic, mqtt__client__id="s12", mqtt__version="5"))
    task = worker.rest.wait_task("kicked", "FAILED", 90)
    context.check("another client uses client id 's12-0' on" in task["trace"] and
                  "is the connector running in a second cluster with the same group.id and name?" in task["trace"],
                  "the trace says: %s", task["trace"])
    context.equal(thief.connections, 3, "connections until it failed")

    def flapping(peer, number):
        peer.subscribed(number > 0)
        if number < 4:
            return
        for ident in (1, 2, 3):
            peer.publish("a/b", b"%d" % (ident - 1), 1, ident)
        for _ in (1, 2, 3):
            peer.acknowledgement()
        peer.serve()
    flap = context.fake(flapping)
    worker.rest.create("flapping", mqtt_source(flap.uri, "a/#", topic, mqtt__client__id="s12b", mqtt__version="3.1.1"))
    flap.wait_connections(5, 120)
    tally = context.wait_all(topic, {"a/b": 3})
    tally.require(0)
    text = "connection closed right after CONNACK 3 times in 60 s: another client may use client id 's12b-0' on"
    context.equal(worker.child.text().count(text), 1, "WARN lines about the closes")
    worker.rest.wait_state("flapping")
    context.note(tally.text(0))


def poisoned(context, broker, count, bad):
    lines = ['{"n": %d}' % i if i != bad else '{"n": broken' for i in range(count)]
    context.publish_lines(broker, "json/a", lines)


@scenario("S13", "poison: fails, skips or dead-letters as configured", tags=("asan",), weight=20)
def s13(context):
    broker = context.mosquitto()
    worker = context.worker()
    count = context.pick(200, 1000)
    bad = count // 2
    results = []
    for tolerance, letters in (("none", False), ("all", False), ("all", True)):
        name = "poison-%s%s" % (tolerance, "-letters" if letters else "")
        topic, dead = context.unique("topic"), context.unique("dead")
        subscribed = broker.subscriptions("json/#")
        config = mqtt_source(broker.uri, "json/#", topic, mqtt__payload__format="json", errors__tolerance=tolerance,
                             errors__deadletterqueue__topic__name=dead if letters else None,
                             errors__deadletterqueue__topic__replication__factor=1 if letters else None, **JSON_CONVERTER)
        worker.rest.create(name, config)
        worker.rest.wait_state(name)
        broker.wait_subscribed("json/#", subscribed + 1)
        poisoned(context, broker, count, bad)
        if tolerance == "none":
            first = worker.rest.wait_task(name, "FAILED")["trace"]
            context.check("Cannot deliver MQTT message from topic 'json/a'" in first and "payload is not valid JSON" in first and
                          "set errors.tolerance=all" in first, "the trace says: %s", first)
            worker.rest.must("POST", "/connectors/%s/tasks/0/restart" % name)
            context.wait("the same message fails again", lambda: any(
                t["state"] == "FAILED" for t in worker.rest.status(name)["tasks"]) and
                worker.child.text().count("Cannot deliver MQTT message") >= 2)
        else:
            context.wait_count(topic, count - 1)
            context.wait("undeliverable-total 1", lambda: worker.rest.metric("_undeliverable_total", connector=name) == 1)
            context.equal(kafka_io.count(context.kafka.bootstrap, topic), count - 1, "records with tolerance all")
            if letters:
                context.wait_count(dead, 1)
                letter = kafka_io.records(context.kafka.bootstrap, dead)
                context.equal([(r["key"], r["payload"]) for r in letter], [("json/a", '{"n": broken')], "the dead letter")
            results.append("%s: %d records, %d dead letters" % (name, count - 1, 1 if letters else 0))
        worker.rest.delete(name)
    context.note("sent=%d lost=0 %s" % (3 * count, ", ".join(results)))


@scenario("S15", "oversize: skipped and counted, the connection stays", tags=("asan",), weight=8)
def s15(context):
    broker = context.mosquitto()
    proxy = context.proxy(broker.port)
    worker = context.worker()
    topic = context.unique("topic")
    create(context, worker, "oversize", mqtt_source(proxy.uri, "size/#", topic, mqtt__max__message__bytes=1048576,
                                                    errors__tolerance="all"), broker, "size/#")
    context.publish(broker, "size/a", ["0"])
    context.publish(broker, "size/a", [b"1" * (5 << 20)])
    context.publish(broker, "size/a", ["1", "2"])
    tally = context.wait_all(topic, {"size/a": 3})
    tally.require(0)
    context.wait("oversize-total 1", lambda: worker.rest.metric("_oversize_total", connector="oversize") == 1)
    context.equal(proxy.total, 1, "connections")
    # Larger than Kafka takes, though not than we do; and ones that fill a batch by themselves.
    context.publish(broker, "size/a", [b"x" * 1048500, b"3 " + b"y" * 300000, b"4 " + b"y" * 900000, b"5"])
    context.wait("the record that Kafka refuses is counted",
                 lambda: (worker.rest.metric("_undeliverable_total", connector="oversize") or 0) >= 2)
    context.wait_count(topic, 6)
    context.equal(proxy.total, 1, "connections after Kafka's refusal")
    context.note("sent=8 in_kafka=6 lost=0 duplicated=0 bound=0 oversize=1 refused_by_kafka=1")


@scenario("S16", "damaged headers and lengths on the wire", tags=("asan", "tsan"), weight=30)
def s16(context):
    broker = context.mosquitto()
    proxy = context.proxy(broker.port)
    worker = context.worker()
    topic = context.unique("topic")
    create(context, worker, "damage", mqtt_source(proxy.uri, "load/#", topic), broker, "load/#")
    state = {"armed": False, "done": 0}

    def damage(link, direction, kind, data):
        if direction != DOWN or kind != PUBLISH or not state["armed"]:
            return None
        state["armed"] = False
        state["done"] += 1
        way = state["done"] % 4
        if way == 0:
            return bytes([0x36 | data[0] & 9]) + data[1:]          # QoS 3
        if way == 1:
            return bytes([data[0] ^ 0xF0]) + data[1:]              # another type
        if way == 2:
            return data[:1] + b"\xff\xff\xff\xff\xff" + data[2:]   # a length of five bytes
        return data[:1] + bytes([data[1] - random.randrange(1, 20)]) + data[2:]  # cuts the payload behind the number
    proxy.hook = damage
    publisher = context.publisher(broker, "load/%d", topics=3, rate=500, size=100, window=500)
    rounds, pause = context.pick((8, 1.0), (12, 10.0))
    for _ in range(rounds):
        before = state["done"]
        state["armed"] = True
        context.wait("damage", lambda: state["done"] > before)
        # A damaged length that only cuts is noticed with the byte behind it, at the next message at the latest.
        context.wait("a new connection after the damage", lambda: proxy.total > state["done"], 90)
        until = time.monotonic() + pause
        while time.monotonic() < until:
            context.check(worker.running(), "the worker crashed\n%s", worker.child.tail())
            time.sleep(0.1)
    proxy.hook = None
    sent = publisher.stop()["sent"]
    tally = context.wait_all(topic, publisher.per_topic(sent))
    bound = proxy.bound() + state["done"]
    context.note("damages=%d connections=%d %s" % (state["done"], proxy.total, tally.text(bound)))
    tally.require(bound, strange=True, ordered=False)
    worker.rest.wait_state("damage")


def mosquitto_version():
    out = run(["mosquitto", "-h"], check=False).decode("utf-8", "replace")
    return out.split("\n", 1)[0].rsplit(" ", 1)[-1]


@scenario("S17", "the broker overruns our window", weight=10)
def s17(context):
    broker = context.mosquitto()
    proxy = context.proxy(broker.port)
    worker = context.worker()
    topic = context.unique("topic")
    create(context, worker, "overrun", mqtt_source(proxy.uri, "load/#", topic, mqtt__version="5", mqtt__receive__maximum=20,
                                                   producer__override__linger__ms=50), broker, "load/#")
    worker.rest.must("PUT", "/connectors/overrun/pause")
    worker.rest.wait_state("overrun", "PAUSED")
    publisher = context.publisher(broker, "load/%d", topics=3, count=3000, size=100, window=500)
    publisher.finish()
    worker.rest.must("PUT", "/connectors/overrun/resume")
    tally = context.wait_all(topic, publisher.per_topic(3000))
    tally.require(0)
    if proxy.highest() > 20:
        # A session's counts reach /metrics once a second.
        exceeded = context.wait("receive-maximum-exceeded-total above 0, the broker had %d in flight" % proxy.highest(),
                                lambda: worker.rest.metric("_receive_maximum_exceeded_total", connector="overrun"))
    elif mosquitto_version() == "2.0.11":
        raise Failure("Mosquitto 2.0.11 did not overrun the window: the scenario shows nothing")
    else:
        exceeded = 0
    context.note("%s highest_in_flight=%d exceeded=%d" % (tally.text(0), proxy.highest(), exceeded))


@scenario("S18", "a broker that resends on the same connection", tags=("asan",), weight=6)
def s18(context):
    worker = context.worker()
    topic = context.unique("topic")
    resent, answers = [], []

    def behave(peer, number):
        peer.subscribed(number > 0)
        waiting = {ident: b"%d" % (ident - 1) for ident in range(1, 6)}
        for ident, payload in waiting.items():
            peer.publish("a/b", payload, 1, ident)
        for _ in range(3):
            if len(answers) >= 5:
                break
            for ident, payload in waiting.items():
                peer.publish("a/b", payload, 1, ident, dup=True)
                resent.append(ident)
            try:
                while True:
                    answers.append(peer.acknowledgement(0.1))
            except TimeoutError:
                pass
        while True:
            answers.append(peer.acknowledgement(3600))
    broker = context.fake(behave)
    worker.rest.create("resend", mqtt_source(broker.uri, "a/#", topic, producer__override__linger__ms=1500))
    context.wait_all(topic, {"a/b": 5})
    context.check(resent, "nothing was resent: the scenario shows nothing")
    context.wait("duplicate-suppressed-total", lambda: (worker.rest.metric("_duplicate_suppressed_total", connector="resend")
                                                        or 0) >= 1)
    context.wait("all acknowledgements", lambda: len(set(answers)) == 5)
    tally = context.wait_all(topic, {"a/b": 5})
    # A message sent again while its acknowledgement is on the way meets a free id: it is produced and acknowledged
    # again, as it must be. That can be the last round, once.
    context.wait("their acknowledgements", lambda: len(answers) - 5 >= min(5, tally.duplicated))
    crossed = min(5, len(answers) - 5)
    context.note("%s resent=%d" % (tally.text(crossed), len(resent)))
    tally.require(crossed)


@scenario("S19", "packet id used again with another payload and DUP", tags=("asan",), weight=6)
def s19(context):
    worker = context.worker()
    topic = context.unique("topic")
    done = threading.Event()

    def behave(peer, number):
        peer.subscribed(number > 0)
        if number == 0:      # its acknowledgement is read by nobody
            peer.publish("a/b", b"0", 1, 7)
            peer.acknowledgement()
            return
        if number == 1:      # the same id, another message, and again the answer is lost
            peer.publish("a/b", b"1", 1, 7, dup=True)
            peer.acknowledgement()
            return
        if number == 2:
            peer.publish("a/b", b"2", 1, 7, dup=True)
            peer.acknowledgement()
            done.set()
        peer.serve()
    broker = context.fake(behave)
    worker.rest.create("reuse", mqtt_source(broker.uri, "a/#", topic))
    context.wait("all three answered", done.is_set)
    tally = context.wait_all(topic, {"a/b": 3})
    context.note(tally.text(0))
    tally.require(0)


def producer_cut(context, overflow, seconds, rate):
    broker = context.mosquitto(name="mosquitto-" + overflow)
    proxy = Proxy(context.kafka.behind_port, context.kafka.proxy_port, parse=False)
    budget, size = 8 << 20, 1024
    worker = context.worker(name="worker-" + overflow)
    topic = context.unique("topic")
    try:
        create(context, worker, overflow, mqtt_source(
            broker.uri, "load/#", topic, mqtt__qos=0, mqtt__buffer__max__bytes=budget, mqtt__qos0__overflow=overflow,
            producer__override__bootstrap__servers="127.0.0.1:%d" % proxy.port), broker, "load/#")
        publisher = context.publisher(broker, "load/%d", topics=3, rate=rate, size=size, qos=0, window=2000)
        context.wait_count(topic, 500)
        proxy.refuse()
        metric = "_qos0_dropped_total" if overflow == "drop" else "_reading_suspended_total"
        context.wait(metric, lambda: (worker.rest.metric(metric, connector=overflow) or 0) > 0, 120)
        start, held, high = worker.child.rss(), 0, 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            held = max(held, worker.rest.metric("_held_bytes", connector=overflow) or 0)
            high = max(high, worker.child.rss())
            time.sleep(0.2)
        context.check(held <= budget + 2 * size + 128, "%d bytes held, the budget is %d", held, budget)
        context.check((high - start) >> 20 < 32, "RSS grew by %d MiB with full buffers", (high - start) >> 20)
        before = kafka_io.count(context.kafka.bootstrap, topic)
        proxy.refuse(False)
        context.wait_count(topic, before + 1000)
        publisher.child.kill()
        worker.rest.wait_state(overflow)
        context.note("%s: held=%d budget=%d rss_growth=%dMiB" % (overflow, held, budget, (high - start) >> 20))
        worker.rest.delete(overflow)
    finally:
        proxy.close()


@scenario("S25", "memory is bounded while the producer is cut off", weight=45)
def s25(context):
    for overflow in ("block", "drop"):
        producer_cut(context, overflow, context.pick(6, 600), context.pick(5000, 50000))


@scenario("S38", "says that the window, not the network, limits it", weight=40)
def s38(context):
    """The broker is ours: Mosquitto 2.0.11 overruns max_inflight_messages with a live publisher, so nothing limits it."""
    window, seconds = 20, context.pick(30, 90)
    sent, ends = [], []

    def behave(peer, number):
        peer.subscribed(number > 0)
        ends.append(time.monotonic() + seconds)
        until, in_flight = ends[0], 0
        while time.monotonic() < until or in_flight:
            while in_flight < window and time.monotonic() < until:
                peer.publish("load/a", b"%d" % len(sent), 1, len(sent) % 65535 + 1)
                sent.append(1)
                in_flight += 1
            peer.acknowledgement()
            in_flight -= 1
        peer.serve()
    broker = context.fake(behave)
    worker = context.worker()
    topic = context.unique("topic")
    worker.rest.create("window", mqtt_source(broker.uri, "load/#", topic, mqtt__version="3.1.1",
                                             producer__override__linger__ms=250))
    text = "waits for Kafka: window of 20 is full"

    def full_ratio():
        return worker.rest.metric("_window_full_ratio", connector="window") or 0
    context.wait("the log line about the window", lambda: text in worker.child.text(), 70)
    # over a minute: a short run has been full for a part of it
    context.wait("window-full-ratio above 0.1", lambda: full_ratio() > 0.1)
    ratio = full_ratio()
    context.wait("the last message is acknowledged", lambda: ends and time.monotonic() > ends[0], 120)
    tally = context.wait_all(topic, {"load/a": len(sent)})
    context.note("%s window_full_ratio=%.2f" % (tally.text(0), ratio))
    tally.require(0)


@scenario("bad-mqtt", "MQTT broker absent, refusing, sending garbage, closing at any byte", tags=("asan",), weight=25)
def bad_mqtt(context):
    broker = context.mosquitto()
    worker = context.worker()
    topic = context.unique("topic")

    # Absent first: the task keeps trying and finds it when it comes.
    broker.stop()
    worker.rest.create("absent", mqtt_source(broker.uri, "absent/#", topic))
    worker.rest.wait_state("absent")
    context.wait("a failure to connect is counted",
                 lambda: (worker.rest.metric("_connect_failures_total", connector="absent") or 0) > 0)
    broker.start()
    broker.wait_subscribed("absent/#")
    context.publish(broker, "absent/a", ["0"])
    context.wait_all(topic, {"absent/a": 1}).require(0)

    # Garbage instead of CONNACK, then a refusal that no retry can help.
    def garbage(peer, number):
        peer.read()
        peer.send(bytes(random.randrange(256) for _ in range(64)))
    noise = context.fake(garbage)
    worker.rest.create("garbage", mqtt_source(noise.uri, "a/#", topic))
    noise.wait_connections(3)
    worker.rest.delete("garbage")

    def refusing(peer, number):
        peer.accept(code=0x85)
    stern = context.fake(refusing)
    worker.rest.create("refused", mqtt_source(stern.uri, "a/#", topic, mqtt__client__id="s", mqtt__version="5"))
    trace = worker.rest.wait_task("refused", "FAILED")["trace"]
    context.check("the broker rejects client id 's-0'; set mqtt.client.id" in trace, "the trace says: %s", trace)
    worker.rest.delete("refused")

    # Closing at any byte of what the broker says; in the end everything arrives.
    proxy = context.proxy(broker.port)
    create(context, worker, "cuts", mqtt_source(proxy.uri, "cuts/#", topic, mqtt__reconnect__backoff__ms=10,
                                                mqtt__reconnect__backoff__max__ms=50), broker, "cuts/#")
    last = context.pick(60, 160)
    for at in range(1, last, context.pick(3, 1)):
        proxy.cut_next(DOWN, at)
        # a new task connects at once; the old one would wait longer after each of these early closes
        worker.rest.must("POST", "/connectors/cuts/tasks/0/restart")
        # only now, so that it is the new connection that has it to say, and long enough to reach every cut
        context.publish(broker, "cuts/a", ["%d %s" % ((at - 1) // context.pick(3, 1), "x" * last)])
        context.wait("cut after %d bytes" % at, lambda: DOWN not in proxy.cut_at, 60)
    worker.rest.must("POST", "/connectors/cuts/tasks/0/restart")
    sent = len(range(1, last, context.pick(3, 1)))
    tally = context.wait_all(topic, {"absent/a": 1, "cuts/a": sent})
    context.note("%s cuts=%d" % (tally.text(proxy.bound()), sent))
    tally.require(proxy.bound(), ordered=False)
    worker.rest.wait_state("cuts")


@scenario("empty-payload", "empty payloads: empty value, tombstone or skipped", weight=6)
def empty_payload(context):
    broker = context.mosquitto()
    worker = context.worker()
    for way, wanted in (("bytes", ["", "end"]), ("null", [None, "end"]), ("skip", ["end"])):
        topic = context.unique("topic")
        topic_filter = "empty/%s/#" % way
        create(context, worker, "empty-" + way, mqtt_source(broker.uri, topic_filter, topic, mqtt__empty__payload=way), broker,
               topic_filter)
        context.publish(broker, "empty/%s/a" % way, [b""])
        context.publish(broker, "empty/%s/a" % way, ["end"])
        context.wait_count(topic, len(wanted))
        found = [r["payload"] for r in kafka_io.records(context.kafka.bootstrap, topic)]
        context.equal(found, wanted, "values with mqtt.empty.payload=" + way)
    context.note("bytes, null, skip")


@scenario("json", "JSON payloads: the text as it stands under JsonConverter without schemas", tags=("asan",), weight=6)
def json_payloads(context):
    broker = context.mosquitto()
    worker = context.worker()
    plain, strings = context.unique("plain"), context.unique("strings")
    create(context, worker, "plain", mqtt_source(broker.uri, "a/#", plain, mqtt__payload__format="json", errors__tolerance="all",
                                                 **JSON_CONVERTER),
           broker, "a/#")
    create(context, worker, "strings", mqtt_source(broker.uri, "b/#", strings, mqtt__payload__format="json",
                                                   **dict(JSON_CONVERTER, value__converter__schemas__enable="true")),
           broker, "b/#")
    text = '{"n": 1.50, "big": 1e3, "list": [1, 2]}'
    context.publish(broker, "a/x", [text, "{broken", "7"])
    context.publish(broker, "b/x", ['{"n": 1.50}'])
    context.wait_count(plain, 2)
    context.wait_count(strings, 1)
    context.equal([r["payload"] for r in kafka_io.records(context.kafka.bootstrap, plain)], [text, "7"], "unchanged")
    context.equal([r["payload"] for r in kafka_io.records(context.kafka.bootstrap, strings)],
                  ['{"schema":null,"payload":{"n":1.5}}'], "converted")
    context.wait("counted by reason", lambda: (worker.rest.metric("_undeliverable_by_reason_total", connector="plain",
                                                                  reason="payload is not valid JSON") or 0) >= 1)


@scenario("silent-peer", "a peer that accepts and says nothing holds nobody up", weight=8)
def silent_peer(context):
    worker = context.worker()
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        worker.rest.create("silent", mqtt_source("tcp://127.0.0.1:%d" % listener.getsockname()[1], "a/#",
                                                 context.unique("topic"), mqtt__connect__timeout__seconds=2))
        worker.rest.wait_state("silent")
        context.wait("the attempt is given up and counted",
                     lambda: (worker.rest.metric("_connect_failures_total", connector="silent") or 0) > 0, 60)
        worker.rest.delete("silent")
        context.wait("the connector is gone", lambda: worker.rest.call("GET", "/connectors").json == [])
    finally:
        listener.close()
    context.note("given up, deleted")
