#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: Kaftan's MQTT source beside a bare pipe, a bare producer and a bare subscriber, in the same run, on the
same brokers. Called by tools/bench, which builds first. Prints a Markdown table and writes JSON."""
import http.client
import json
import os
import statistics
import sys
import time

from common import HERE, arguments, guarded, machine, memory, merge, mib, note, publish, target_table, work_directory
from harness.brokers import KafkaBroker, Mosquitto
from harness.children import Child, run, wait_until
from harness.worker import Worker, worker_properties

BIN = os.path.abspath(os.environ.get("KAFTAN_BENCH") or os.path.join(HERE, "..", "..", "build", "tests", "bench"))
WINDOW = 2000  # Kaftan's default Receive Maximum; the pipe gets the same


def tool(name, *args):
    return [os.path.join(BIN, name)] + [str(a) for a in args]


def measured(argv, seconds=600):
    return json.loads(run(argv, seconds).decode().splitlines()[-1])


class Cpu:
    """CPU seconds of several processes between two moments."""

    def __init__(self, **children):
        self.children = children
        self.before = {name: c.cpu_seconds() for name, c in children.items()}

    def per_million(self, count):
        return {name: (c.cpu_seconds() - self.before[name]) * 1e6 / count for name, c in self.children.items()}


class Bench:
    def __init__(self, work, quick):
        self.work = work
        self.rounds = 3 if quick else 5
        self.fill = 150000 if quick else 400000
        self.flood = 80000 if quick else 200000
        self.seconds = 5 if quick else 15
        self.serial = 0
        self.kafka = KafkaBroker(work, heap=1024, extra={"log.message.timestamp.type": "LogAppendTime"}).start()
        self.mqtt = Mosquitto(work, settings={"autosave_interval": "0", "persistence": "false"}).start()

    # ---- helpers ----
    def topic(self):
        self.serial += 1
        name = "bench-%d" % self.serial
        # asking for it makes it
        wait_until("topic %s" % name, lambda: b"with 1 partitions" in run(["kcat", "-b", self.kafka.bootstrap, "-L", "-t", name]))
        return name

    def publish(self, topic, count, size, rate=0, **more):
        argv = tool("bench_publish", "--port", self.mqtt.port, "--topic", topic, "--count", count, "--size", size,
                    "--rate", rate)
        for key, value in more.items():
            argv += ["--" + key, str(value)]
        return argv

    def span(self, topic, count, start=0):
        return measured(tool("bench_kafka", "span", "--kafka", self.kafka.bootstrap, "--topic", topic, "--count", count,
                             "--from", start))["seconds"]

    def log(self, name):
        return os.path.join(self.work, name + ".log")

    def pipe(self, topic, client, kafka=True, count=0):
        argv = tool("bench_pipe", "--port", self.mqtt.port, "--id", client, "--filter", topic, "--to", topic, "--window",
                    WINDOW, "--count", count)
        if kafka:
            argv += ["--kafka", self.kafka.bootstrap]
        child = Child(client, argv, self.log(client))
        return child

    # ---- the four ----
    def producer(self, size):
        topic = self.topic()
        got = measured(tool("bench_kafka", "produce", "--kafka", self.kafka.bootstrap, "--topic", topic, "--count",
                            self.fill, "--size", size))
        return {"rate": self.fill / got["seconds"]}

    def subscriber(self, size):
        topic = self.topic()
        self._make_session(topic, "sub-" + topic)
        run(self.publish(topic, self.fill, size), 300)
        got = measured(tool("bench_pipe", "--port", self.mqtt.port, "--id", "sub-" + topic, "--filter", topic, "--window",
                            WINDOW, "--count", self.fill))
        return {"rate": self.fill / got["seconds"]}

    def _make_session(self, topic, client):
        """Leaves a subscribed session behind."""
        child = self.pipe(topic, client, kafka=False)
        self.mqtt.wait_subscribed(topic)
        child.stop()

    def drain_pipe(self, size):
        topic = self.topic()
        client = "pipe-" + topic
        self._make_session(topic, client)
        run(self.publish(topic, self.fill, size), 300)
        cpu = Cpu(mosquitto=self.mqtt.child, kafka=self.kafka.child)
        child = self.pipe(topic, client)
        mine = Cpu(peer=child)
        seconds = self.span(topic, self.fill)
        result = {"rate": self.fill / seconds, "cpu": dict(cpu.per_million(self.fill), **mine.per_million(self.fill)),
                  "memory": memory(child.pid)}
        child.stop()
        return result

    def flood_pipe(self, size):
        topic = self.topic()
        child = self.pipe(topic, "flood-" + topic)
        self.mqtt.wait_subscribed(topic)
        cpu = Cpu(peer=child, mosquitto=self.mqtt.child, kafka=self.kafka.child)
        run(self.publish(topic, self.flood, size), 300)
        seconds = self.span(topic, self.flood)
        result = {"rate": self.flood / seconds, "cpu": cpu.per_million(self.flood)}
        child.stop()
        return result

    def connector(self, topic, **more):
        config = {"connector.class": "io.kaftan.mqtt.MqttSourceConnector", "tasks.max": "1",
                  "mqtt.server.uri": "tcp://127.0.0.1:%d" % self.mqtt.port, "mqtt.topics": topic, "kafka.topic": topic,
                  "mqtt.headers": "none",
                  "key.converter": "org.apache.kafka.connect.storage.StringConverter",
                  "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter"}
        config.update(more)
        self.worker.rest.create(topic, config)
        self.worker.rest.wait_state(topic)
        self.mqtt.wait_subscribed(topic)

    def start_worker(self):
        properties = worker_properties(self.kafka.bootstrap, "bench", session__timeout__ms=30000,
                                       offset__flush__interval__ms=10000)
        self.worker = Worker(self.work, properties, name="kaftan").start()

    def drain_kaftan(self, size, **more):
        topic = self.topic()
        self.connector(topic, **more)
        rest = self.worker.rest
        # as the pipe's: the session is left, filled, then taken up again
        rest.must("PUT", "/connectors/%s/stop" % topic)
        wait_until("the task of %s is gone" % topic, lambda: not rest.status(topic)["tasks"], 60)
        run(self.publish(topic, self.fill, size), 300)
        cpu = Cpu(peer=self.worker.child, mosquitto=self.mqtt.child, kafka=self.kafka.child)
        rest.must("PUT", "/connectors/%s/resume" % topic)
        seconds = self.span(topic, self.fill)
        result = {"rate": self.fill / seconds, "cpu": cpu.per_million(self.fill), "memory": memory(self.worker.child.pid)}
        rest.delete(topic)
        return result

    def flood_kaftan(self, size):
        topic = self.topic()
        self.connector(topic)
        cpu = Cpu(peer=self.worker.child, mosquitto=self.mqtt.child, kafka=self.kafka.child)
        run(self.publish(topic, self.flood, size), 300)
        seconds = self.span(topic, self.flood)
        result = {"rate": self.flood / seconds, "cpu": cpu.per_million(self.flood)}
        self.worker.rest.delete(topic)
        return result

    def latency(self, who, rate, size=100):
        topic = self.topic()
        count = rate * self.seconds
        child = None
        if who == "pipe":
            child = self.pipe(topic, "lat-" + topic)
            self.mqtt.wait_subscribed(topic)
        else:
            self.connector(topic)
        # one record ahead, so that connections and topics are warm
        run(self.publish(topic, 100, size), 60)
        self.span(topic, 100)
        reader = Child("reader", tool("bench_kafka", "latency", "--kafka", self.kafka.bootstrap, "--topic", topic, "--count",
                                      count), self.log("reader-" + topic))
        wait_until("reader", lambda: "ready" in reader.text(), 30, 0.05, reader)
        run(self.publish(topic, count, size, rate), 300)
        reader.wait(120)
        result = json.loads(reader.text().splitlines()[-1])
        if child:
            child.stop()
        else:
            self.worker.rest.delete(topic)
        return result

    # ---- start ----
    def start_times(self):
        """Exec to /health 200, and to the first record of a connector that was there before; topics exist."""
        topic = self.topic()
        self.connector(topic)
        health, first = [], []
        for _ in range(self.rounds):
            # a calm exit: the group is empty when the next one joins
            self.worker.stop()
            probe = Child("probe", self.publish(topic, 10 * 60, 100, 10, id="probe-" + topic), self.log("probe"))
            start = self._end(topic)
            watch = Child("watch", tool("bench_kafka", "span", "--kafka", self.kafka.bootstrap, "--topic", topic,
                                        "--from", start, "--count", 1), self.log("watch-%d" % start))
            begun = time.monotonic()
            self.worker.start(wait=False)
            while not self._healthy():
                time.sleep(0.002)
            health.append(time.monotonic() - begun)
            watch.wait(60)
            first.append(time.monotonic() - begun)
            probe.kill()
        idle = memory(self.worker.child.pid)
        self.worker.rest.delete(topic)
        return {"health_ms": statistics.median(health) * 1000, "first_ms": statistics.median(first) * 1000, "idle": idle}

    def _end(self, topic):
        out = run(["kcat", "-b", self.kafka.bootstrap, "-Q", "-t", topic + ":0:-1"]).decode()
        return int(out.rsplit(" ", 1)[1])

    def _healthy(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.worker.port, timeout=5)
            c.request("GET", "/health")
            status = c.getresponse().status
            c.close()
            return status == 200
        except OSError:
            return False

    def idle_memory(self):
        """A worker without connectors."""
        properties = worker_properties(self.kafka.bootstrap, "bench-idle")
        worker = Worker(self.work, properties, name="idle").start()
        time.sleep(3)
        result = memory(worker.child.pid)
        worker.stop()
        return result

    # ---- everything ----
    def median_of(self, *functions):
        """Rounds in turn, so that all see the same machine: A B A B ...; medians of each figure."""
        results = [[] for _ in functions]
        for _ in range(self.rounds):
            for i, f in enumerate(functions):
                results[i].append(f())
        return [merge(r) for r in results]


def rows_of(r):
    """(name, value, target, met)"""
    rows = []
    for size in ("100", "1024"):
        d, c = r["drain"][size]["kaftan"], r["drain"][size]["pipe"]
        ratio = d["rate"] / c["rate"]
        cpu = d["cpu"]["peer"] / c["cpu"]["peer"] if c["cpu"]["peer"] else float("nan")  # a smoke run is over within a tick of the clock
        rows.append(("drain %s B: rate, Kaftan / pipe" % size, "%.2f" % ratio, ">= 0.80", ratio >= 0.80))
        rows.append(("drain %s B: CPU per message, Kaftan / pipe" % size, "%.2f" % cpu, "<= 1.50", cpu <= 1.50))
    for rate in sorted(r["latency"], key=int):
        ratio = r["latency"][rate]["kaftan"]["p99_us"] / r["latency"][rate]["pipe"]["p99_us"]
        rows.append(("latency p99 at %s msg/s, Kaftan / pipe" % rate, "%.2f" % ratio, "<= 1.50", ratio <= 1.50))
    rows.append(("idle worker, PSS", mib(r["idle"]["pss"]), "<= 20 MiB", r["idle"]["pss"] <= 20 << 20))
    peak = max(r["drain"][s]["kaftan"]["memory"]["rss"] for s in r["drain"])
    rows.append(("worker under load, RSS", mib(peak), "<= 120 MiB", peak <= 120 << 20))
    rows.append(("warm start to /health 200", "%.0f ms" % r["start"]["health_ms"], "<= 300 ms", r["start"]["health_ms"] <= 300))
    return rows


def report(r):
    out = target_table(rows_of(r))
    out += ["", "## Rates, QoS 1", "", "| run | size | msg/s | of the pipe | CPU s per million: self | Mosquitto | Kafka |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for kind in ("drain", "flood"):
        for size, both in r[kind].items():
            for who in ("pipe", "kaftan"):
                x = both[who]
                out.append("| %s, %s | %s | %d | %.2f | %.2f | %.2f | %.2f |" % (
                    kind, who, size, x["rate"], x["rate"] / both["pipe"]["rate"], x["cpu"]["peer"], x["cpu"]["mosquitto"],
                    x["cpu"]["kafka"]))
    for size, x in r["bare"].items():
        out.append("| bare producer into Kafka | %s | %d | | | | |" % (size, x["producer"]["rate"]))
        out.append("| bare subscriber of Mosquitto (drain) | %s | %d | | | | |" % (size, x["subscriber"]["rate"]))
    out += ["", "## Latency, publish to consumer, 100 B", "", "| run | msg/s | p50 | p99 | max |",
            "| --- | ---: | ---: | ---: | ---: |"]
    for rate, both in r["latency"].items():
        for who in ("pipe", "kaftan"):
            x = both[who]
            out.append("| %s | %s | %.1f ms | %.1f ms | %.1f ms |" % (who, rate, x["p50_us"] / 1e3, x["p99_us"] / 1e3,
                                                                    x["max_us"] / 1e3))
    out += ["", "## Memory and start", "", "| figure | value |", "| --- | ---: |",
            "| idle worker, no connector: PSS / RSS | %s / %s |" % (mib(r["idle"]["pss"]), mib(r["idle"]["rss"]))]
    for size, both in r["drain"].items():
        m = both["kaftan"]["memory"]
        out.append("| after a drain of %s B: PSS / RSS | %s / %s |" % (size, mib(m["pss"]), mib(m["rss"])))
    out += ["| exec to /health 200 (topics exist) | %.0f ms |" % r["start"]["health_ms"],
            "| exec to the first record (a probe every 100 ms) | %.0f ms |" % r["start"]["first_ms"], ""]
    return "\n".join(out)


def main():
    a = arguments(__doc__, "within five minutes", "a few messages through everything, no figures worth reading")
    with work_directory() as work:
        b = Bench(work, a.quick or a.smoke)
        if a.smoke:
            b.rounds, b.fill, b.flood, b.seconds = 1, 5000, 2000, 1
        r = {"machine": machine(), "rounds": b.rounds, "bare": {}, "drain": {}, "flood": {}, "latency": {}}
        b.start_worker()
        note("start, memory")
        r["start"] = b.start_times()
        r["idle"] = b.idle_memory()
        for size in (100, 1024):
            note("bare, %d B" % size)
            producer, subscriber = b.median_of(lambda: b.producer(size), lambda: b.subscriber(size))
            r["bare"][str(size)] = {"producer": producer, "subscriber": subscriber}
            note("drain, %d B" % size)
            pipe, kaftan = b.median_of(lambda: b.drain_pipe(size), lambda: b.drain_kaftan(size))
            r["drain"][str(size)] = {"pipe": pipe, "kaftan": kaftan}
            note("flood, %d B" % size)
            pipe, kaftan = b.median_of(lambda: b.flood_pipe(size), lambda: b.flood_kaftan(size))
            r["flood"][str(size)] = {"pipe": pipe, "kaftan": kaftan}
        for rate in (1000, 10000):
            note("latency at %d msg/s" % rate)
            pipe, kaftan = b.median_of(lambda: b.latency("pipe", rate), lambda: b.latency("kaftan", rate))
            r["latency"][str(rate)] = {"pipe": pipe, "kaftan": kaftan}
        b.worker.stop()
        b.mqtt.stop()
        b.kafka.stop()
    publish(r, report(r), rows_of(r), a.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
