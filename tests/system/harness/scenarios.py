# SPDX-License-Identifier: Apache-2.0
"""What a scenario is, and what it is given: shared brokers, its own directory, and helpers that clean up by themselves."""
import json
import os
import re
import shutil
import signal
import threading
import time

from . import kafka_io
from .brokers import ROOT, JavaConnect, KafkaBroker, Mosquitto
from .children import PATIENCE, Child, Failure, free_port, run, wait_until
from .fake_mqtt import FakeBroker, SteadyPublisher
from .proxy import Proxy
from .worker import Worker, kaftan_program, worker_properties

_scenarios = []


class Skip(Exception):
    """The machine cannot provide what the scenario needs; the text says what."""


class Scenario:
    def __init__(self, function, name, title, **options):
        self.function = function
        self.name = name
        self.title = title
        self.tags = options.get("tags", ())
        self.weight = options.get("weight", 10)
        self.alone = options.get("alone", False)
        self.needs_kafka = options.get("kafka", True)
        self.only_on_request = options.get("only_on_request", False)
        self.only_long = options.get("only_long", False)


def scenario(name, title, **options):
    """tags: words to choose by; weight: seconds it takes, about; alone: not beside another; kafka=False: needs none;
    only_on_request: when it is named; only_long: then, too, and with --long."""
    def keep(function):
        _scenarios.append(Scenario(function, name, title, **options))
        return function
    return keep


def all_of_them():
    def order(s):
        found = re.match(r"S(\d+)(.*)", s.name)
        return (0, int(found.group(1)), found.group(2)) if found else (1, 0, s.name)
    return sorted(_scenarios, key=order)


class Shared:
    """What all scenarios of a run share."""

    def __init__(self, work, version=None):
        self.work = work
        self.version = version
        self.kafka = None

    def start_kafka(self):
        self.kafka = KafkaBroker(os.path.join(self.work, "shared"), version=self.version).start()

    def stop(self):
        if self.kafka:
            self.kafka.kill()


def referee(name):
    """mqtt_pub and mqtt_sub: of the build that the worker comes from, or of any other build."""
    for build in (os.path.dirname(os.path.dirname(kaftan_program())), os.path.join(ROOT, "build"), os.path.join(ROOT, "build-asan"),
                  os.path.join(ROOT, "build-tsan")):
        path = os.path.join(build, "tests", "system", "referee", name)
        if os.access(path, os.X_OK):
            return path
    raise Failure("no %s in a build directory: make tests/system/referee/%s" % (name, name))


class Publisher:
    """mqtt_pub as a child; finish() waits for its end, stop() asks it to end; both give its JSON."""

    def __init__(self, context, uri, topic, name, **options):
        argv = [referee("mqtt_pub"), "--uri", uri, "--topic", topic, "--client-id", name]
        for key, value in options.items():
            if value is True:
                argv += ["--" + key.replace("_", "-")]
            elif value not in (None, False):
                argv += ["--" + key.replace("_", "-"), str(value)]
        self.topic = topic
        self.topics = options.get("topics", 1)
        self.child = Child(name, argv, os.path.join(context.work, name + ".log"))

    def _result(self, seconds):
        status = self.child.wait(seconds)
        lines = [line for line in self.child.text().splitlines() if line.startswith("{")]
        if not lines:
            raise Failure("the publisher said nothing (status %s)\n%s" % (status, self.child.tail()))
        result = json.loads(lines[-1])
        if result["acknowledged"] != result["sent"]:
            raise Failure("the MQTT broker did not take all of the publisher's messages: %s" % result)
        return result

    def finish(self, seconds=300):
        return self._result(seconds)

    def stop(self, seconds=150):
        self.child.send(signal.SIGTERM)
        return self._result(seconds)

    def per_topic(self, sent, first=0):
        """{topic: messages} for `sent` messages given out in turn."""
        if "%d" not in self.topic:
            return {self.topic: first + sent}
        return {self.topic.replace("%d", str(t)): first + (sent - t + self.topics - 1) // self.topics
                for t in range(min(self.topics, sent))}


class Context:
    """Given to a scenario. Everything made through it ends with it."""

    def __init__(self, scenario_, work, shared, long):
        self.scenario = scenario_
        self.name = scenario_.name.lower().replace(" ", "-")
        self.work = work
        self.shared = shared
        self.long = long
        self.notes = []
        self.workers = []
        self._ends = []
        self._count = 0
        self._lock = threading.Lock()

    def note(self, text):
        self.notes.append(text)

    def pick(self, short, long):
        return long if self.long else short

    @property
    def kafka(self):
        return self.shared.kafka

    def at_end(self, function):
        self._ends.append(function)

    def unique(self, what):
        with self._lock:
            self._count += 1
            return "%s-%s-%d" % (self.name, what, self._count)

    # -- things ------------------------------------------------------------------------------------------
    def own_kafka(self, **options):
        broker = KafkaBroker(os.path.join(self.work, self.unique("broker")), **options).start()
        self.at_end(lambda: broker.child.running() and broker.kill())
        return broker

    def mosquitto(self, name="mosquitto", settings=None, **options):
        broker = Mosquitto(self.work, name, settings, **options).start()
        self.at_end(lambda: broker.child.running() and broker.kill())
        return broker

    def proxy(self, target, **options):
        proxy = Proxy(target, **options)
        self.at_end(proxy.close)
        return proxy

    def fake(self, behave):
        broker = FakeBroker(behave)
        self.at_end(broker.close)
        return broker

    def worker(self, kafka=None, group=None, name="worker", start=True, arguments=(), **properties):
        group = group or self.unique("group")
        kafka = kafka or self.kafka
        worker = Worker(self.work, worker_properties(kafka.bootstrap, group, **properties), name, arguments)
        worker.group = group
        self.workers.append(worker)
        self.at_end(worker.discard)
        return worker.start() if start else worker

    def java(self, properties, kafka=None, name="java-connect", start=True):
        worker = JavaConnect(self.work, properties, version=(kafka or self.kafka).version, name=name)
        self.at_end(lambda: worker.child and worker.child.running() and worker.kill())
        return worker.start() if start else worker

    def publisher(self, broker, topic, **options):
        publisher = Publisher(self, broker.uri, topic, self.unique("pub"), **options)
        self.at_end(lambda: publisher.child.running() and publisher.child.kill())
        return publisher

    def steady(self, broker, topic, rate):
        publisher = SteadyPublisher(broker.port, topic, rate, self.unique("steady"))
        self.at_end(lambda: setattr(publisher, "ending", True))
        return publisher

    def publish(self, broker, topic, payloads, qos=1, retain=False, version="mqttv311", extra=()):
        """A few messages with mosquitto_pub; payloads are text or bytes."""
        for payload in payloads:
            data = payload if isinstance(payload, bytes) else payload.encode()
            argv = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-V", version, "-q", str(qos), "-t", topic]
            argv += (["-r"] if retain else []) + list(extra)
            run(argv + (["-s"] if data else ["-n"]), data=data if data else None)

    def publish_lines(self, broker, topic, lines, qos=1):
        run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", str(qos), "-t", topic, "-l"],
            data="".join(line + "\n" for line in lines).encode())

    # -- checks ------------------------------------------------------------------------------------------
    def check(self, holds, text, *arguments):
        if not holds:
            raise Failure(text % arguments if arguments else text)

    def equal(self, found, wanted, what):
        if found != wanted:
            raise Failure("%s: found %r, wanted %r" % (what, found, wanted))

    def wait(self, what, predicate, seconds=60, every=0.1, child=None):
        return wait_until(what, predicate, seconds, every, child)

    def wait_count(self, topic, least, seconds=120, kafka=None):
        """Waits until a topic holds at least `least` records."""
        kafka = kafka or self.kafka
        last = [0]

        def enough():
            last[0] = kafka_io.count(kafka.bootstrap, topic)
            return last[0] >= least
        try:
            wait_until("%d records in %s" % (least, topic), enough, seconds, 0.2)
        except Failure as failure:
            raise Failure("%s: it has %d" % (failure, last[0])) from None
        return last[0]

    def wait_all(self, topic, sent, seconds=180, kafka=None):
        """Waits until every message sent is in the topic at least once; gives the tally, whether it is so or not."""
        kafka = kafka or self.kafka
        total = sum(sent.values())
        state = {"count": -1, "since": time.monotonic()}

        def whole():
            found = kafka_io.count(kafka.bootstrap, topic)
            now = time.monotonic()
            if found != state["count"]:
                state["count"], state["since"] = found, now
            quiet = now - state["since"] > 40 * PATIENCE  # nothing comes any more: no use in waiting on
            if found < total and not quiet:
                return False
            state["tally"] = kafka_io.Tally(sent, kafka_io.numbers(kafka.bootstrap, topic))
            return quiet or not state["tally"].lost
        try:
            wait_until("every message in %s" % topic, whole, seconds, 0.5)
        except Failure:
            state["tally"] = kafka_io.Tally(sent, kafka_io.numbers(kafka.bootstrap, topic))
        return state["tally"]

    def verify(self):
        """After a scenario passed: its workers end cleanly and their sanitizers said nothing."""
        for worker in self.workers:
            if worker.running():
                worker.stop()
            else:
                worker.check_log()

    def clean_up(self):
        problems = []
        for function in reversed(self._ends):
            try:
                function()
            except Exception as problem:
                problems.append("while cleaning up: %s" % problem)
        return problems


__all__ = ["scenario", "Skip", "Context", "Failure", "free_port", "shutil"]
