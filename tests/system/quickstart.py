#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quick start's own part: brokers, worker, connector, messages. Called by tools/quickstart."""
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import kafka_io  # noqa: E402
from harness.brokers import KafkaBroker, Mosquitto  # noqa: E402
from harness.children import Failure, run, stop_all, wait_until  # noqa: E402
from harness.worker import Worker, worker_properties  # noqa: E402

MESSAGES = [
    ("sensors/kitchen/temperature", "21.5", ["-q", "1"]),
    ("sensors/kitchen/humidity", "48", ["-q", "2", "-r"]),
    ("sensors/cellar/state", '{"door": "open", "battery": 0.87}', ["-q", "1", "-V", "mqttv5", "-D", "publish", "user-property",
                                                                  "site", "home"]),
]


class Step:
    def __init__(self, text):
        self.text = text

    def __enter__(self):
        print("==> %s ..." % self.text, flush=True)
        self.started = time.monotonic()

    def __exit__(self, kind, *_):
        if kind is None:
            print("    done in %.1f s" % (time.monotonic() - self.started), flush=True)


def show(records):
    for r in records:
        print("    topic    %s (partition %d, offset %d)" % (r["topic"], r["partition"], r["offset"]))
        print("    key      %s" % r["key"])
        print("    headers  %s" % ", ".join("%s=%s" % h for h in r["headers"]))
        print("    value    %s\n" % r["payload"], flush=True)


def next_steps(kafka, mosquitto, worker):
    url = "http://127.0.0.1:%d" % worker.port
    print("""Everything goes on running. Try, in another terminal:

    mosquitto_pub -p {mqtt} -q 1 -t sensors/attic/temperature -m 17.0
    kcat -q -b {kafka} -C -t sensors -o beginning -e -f '%t  key=%k  headers=%h  value=%s\\n'
    curl -sS {url}/connectors/sensors/status
    curl -sS -X PUT {url}/connectors/sensors/pause      # publish meanwhile, then:
    curl -sS -X PUT {url}/connectors/sensors/resume     # nothing is lost: the broker kept it
    curl -sS {url}/metrics | grep mqtt
    kill -9 {pid}      # the worker; publish; then start it again:
    {program} distributed {file}

Ctrl-C here stops all that was started.""".format(mqtt=mosquitto.port, kafka=kafka.bootstrap, url=url, pid=worker.child.pid,
                                                   program=worker.child.argv[0], file=worker.file), flush=True)


def main():
    once = "--once" in sys.argv[1:]

    def interrupted(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    work = tempfile.mkdtemp(prefix="kaftan-quickstart-")
    status = 1
    try:
        status = demonstrate(work, once)
    except KeyboardInterrupt:
        status = 0 if not once else 130
    except Failure as failure:
        print("quick start FAILED: %s\nlogs: %s" % (failure, work), flush=True)
    finally:
        print("==> stopping what was started", flush=True)
        stop_all()
        if status == 0:
            shutil.rmtree(work, ignore_errors=True)
    return status


def demonstrate(work, once):
    with Step("prepare storage for Apache Kafka"):
        kafka = KafkaBroker(work)
    with Step("start Apache Kafka %s at %s" % (kafka.version, kafka.bootstrap)):
        kafka.start()
    mosquitto = Mosquitto(work)
    with Step("start Mosquitto at 127.0.0.1:%d" % mosquitto.port):
        mosquitto.start()
    worker = Worker(work, worker_properties(kafka.bootstrap, "quickstart"))
    with Step("start the worker, REST at http://127.0.0.1:%d" % worker.port):
        worker.start()
    config = {"connector.class": "io.kaftan.mqtt.MqttSourceConnector", "tasks.max": "1",
              "mqtt.server.uri": mosquitto.uri, "mqtt.topics": "sensors/#", "mqtt.qos": "2", "kafka.topic": "sensors"}
    print("==> POST /connectors\n%s" % "\n".join(
        "    " + line for line in json.dumps({"name": "sensors", "config": config}, indent=2).splitlines()), flush=True)
    worker.rest.create("sensors", config)
    worker.rest.wait_state("sensors")
    mosquitto.wait_subscribed("sensors/#")
    print("    the connector runs and has subscribed", flush=True)
    for topic, payload, options in MESSAGES:
        print("==> mosquitto_pub -p %d -t %s -m '%s' %s" % (mosquitto.port, topic, payload, " ".join(options)), flush=True)
        run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mosquitto.port), "-t", topic, "-m", payload] + options)
    with Step("wait until Kafka has them"):
        wait_until("%d records in Kafka" % len(MESSAGES), lambda: kafka_io.count(kafka.bootstrap, "sensors") >= len(MESSAGES), 60)
    records = kafka_io.records(kafka.bootstrap, "sensors")
    print("==> in Kafka (topic sensors):", flush=True)
    show(records)
    good = [(r["key"], r["payload"]) for r in records] == [(topic, payload) for topic, payload, _ in MESSAGES]
    if once:
        status = worker.stop(expect=None)
        good = good and status == 0
        print("quick start: %s (%d published, %d in Kafka, worker's exit status %d)" %
              ("PASSED" if good else "FAILED", len(MESSAGES), len(records), status), flush=True)
        return 0 if good else 1
    next_steps(kafka, mosquitto, worker)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
