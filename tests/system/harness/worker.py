# SPDX-License-Identifier: Apache-2.0
"""The Kaftan worker as a child process, and a small REST client."""
import http.client
import json
import os
import signal
import urllib.parse

from .brokers import ROOT, write_properties
from .children import Child, Failure, free_port, wait_until


def kaftan_program():
    return os.path.abspath(os.environ.get("KAFTAN") or os.path.join(ROOT, "build", "src", "kaftan"))


def plugin_path():
    given = os.environ.get("KAFTAN_PLUGINS")
    if given:
        return given
    return os.path.join(os.path.dirname(os.path.dirname(kaftan_program())), "connectors", ".libs")


def worker_properties(bootstrap, group, **more):
    """What a small distributed worker needs; keyword a__b stands for the key a.b."""
    values = {
        "bootstrap.servers": bootstrap, "group.id": group,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "config.storage.topic": group + "-configs", "config.storage.replication.factor": "1",
        "offset.storage.topic": group + "-offsets", "offset.storage.replication.factor": "1",
        "offset.storage.partitions": "3",
        "status.storage.topic": group + "-status", "status.storage.replication.factor": "1",
        "status.storage.partitions": "2",
        "offset.flush.interval.ms": "1000",
        # a killed worker is missed soon, so that its successor need not wait for it
        "session.timeout.ms": "3000", "heartbeat.interval.ms": "500", "rebalance.timeout.ms": "10000",
        "scheduled.rebalance.max.delay.ms": "0",
    }
    for key, value in more.items():
        values[key.replace("__", ".")] = str(value)
    return values


class Answer:
    """Status, body and headers of a reply; json is None when the body is not JSON."""

    def __init__(self, status, body, headers):
        self.status = status
        self.body = body
        self.headers = headers
        try:
            self.json = json.loads(body.decode("utf-8")) if body else None
        except ValueError:
            self.json = None

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:600].decode("utf-8", "replace"))


class Rest:
    def __init__(self, port, host="127.0.0.1"):
        self.host = host
        self.port = port

    def call(self, method, path, body=None, headers=None, seconds=90):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            given = dict(headers or {})
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if body is not None:
                given.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, given)
            reply = connection.getresponse()
            return Answer(reply.status, reply.read(), dict(reply.getheaders()))
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def healthy(self):
        try:
            return self.call("GET", "/health", seconds=5).status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False

    def must(self, method, path, body=None, expect=(200, 201, 202, 204)):
        """A call that is repeated while the worker rebalances (409), as every tool does."""
        def attempt():
            try:
                answer = self.call(method, path, body)
            except (OSError, http.client.HTTPException):
                return None
            if answer.status == 409 or answer.status == 503:
                return None
            return answer
        answer = wait_until("%s %s" % (method, path), attempt, 60, 0.2)
        if answer.status not in expect:
            raise Failure("%s %s: %r" % (method, path, answer))
        return answer

    # -- connectors ---------------------------------------------------------------------------------------
    def create(self, name, config):
        return self.must("POST", "/connectors", {"name": name, "config": config}, (200, 201))

    def delete(self, name):
        return self.must("DELETE", "/connectors/" + urllib.parse.quote(name, ""), None, (204, 404))

    def status(self, name):
        try:
            answer = self.call("GET", "/connectors/%s/status" % urllib.parse.quote(name, ""), seconds=10)
        except (OSError, http.client.HTTPException):
            return None
        return answer.json if answer.status == 200 else None

    def wait_state(self, name, state="RUNNING", tasks=1, seconds=60, task_state=None):
        """Waits until the connector and at least `tasks` of its tasks have the state."""
        wanted = task_state or state
        last = {}

        def reached():
            found = self.status(name)
            last["status"] = found
            return found and found["connector"]["state"] == state and len(found["tasks"]) >= tasks and \
                all(t["state"] == wanted for t in found["tasks"])
        try:
            wait_until("%s %s" % (name, state), reached, seconds, 0.1)
        except Failure as failure:
            raise Failure("%s; last: %s" % (failure, json.dumps(last.get("status"))[:1500])) from None
        return last["status"]

    def wait_task(self, name, state, seconds=60):
        """Waits until any task of the connector has the state; gives that task."""
        def reached():
            found = self.status(name)
            return next((t for t in (found or {}).get("tasks", []) if t["state"] == state), None)
        try:
            return wait_until("a task of %s %s" % (name, state), reached, seconds, 0.1)
        except Failure as failure:
            raise Failure("%s; last: %s" % (failure, json.dumps(self.status(name))[:1500])) from None

    def metric(self, suffix, **labels):
        """Sum of the samples at /metrics whose name ends with suffix and whose labels hold the given ones."""
        total, found = 0.0, False
        for line in self.call("GET", "/metrics", seconds=20).body.decode("utf-8", "replace").splitlines():
            if not line or line.startswith("#"):
                continue
            name, _, value = line.rpartition(" ")
            base = name.split("{", 1)[0]
            if not base.endswith(suffix):
                continue
            if all('%s="%s"' % (k, v) in name for k, v in labels.items()):
                total += float(value)
                found = True
        return total if found else None


class Worker:
    """kaftan distributed worker.properties, on a port that stays its own over restarts."""

    def __init__(self, work, properties, name="worker", arguments=(), port=None):
        self.name = name
        self.work = os.path.join(work, name)
        os.makedirs(self.work, exist_ok=True)
        self.port = port or free_port()
        self.file = os.path.join(self.work, "worker.properties")
        self.log = os.path.join(self.work, "worker.log")
        self.arguments = list(arguments)
        self.rest = Rest(self.port)
        self.child = None
        self.environment = None  # variables beside the test's own
        self.kills = 0
        values = dict(properties)
        values.setdefault("listeners", "http://127.0.0.1:%d" % self.port)
        values.setdefault("plugin.path", plugin_path())
        self.properties = values
        write_properties(self.file, values)

    def start(self, wait=True):
        self.child = Child(self.name, [kaftan_program()] + self.arguments + ["distributed", self.file], self.log, self.environment)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=90):
        wait_until("%s ready" % self.name, self.rest.healthy, seconds, 0.02, self.child)

    def kill(self):
        self.kills += 1
        return self.child.kill()

    def stop(self, expect=0):
        """SIGTERM; a clean end has status 0 and nothing from a sanitizer in the log."""
        status = self.child.stop(60)
        self.check_log()
        if expect is not None and status != expect:
            raise Failure("%s ended with %s instead of %d after SIGTERM\n%s" % (self.name, status, expect, self.child.tail()))
        return status

    def check_log(self):
        text = self.child.text() if self.child else ""
        for sign in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer",
                     "assertion failed", "Assertion"):
            if sign in text:
                at = text.index(sign)
                raise Failure("%s: %s in its log:\n%s" % (self.name, sign, text[max(0, at - 200):at + 3000]))

    def freeze(self):
        self.child.freeze()

    def thaw(self):
        self.child.thaw()

    def running(self):
        return self.child is not None and self.child.running()

    def discard(self):
        """Ends the worker whatever state it is in."""
        if self.running():
            self.child.send(signal.SIGKILL)
            self.child.wait(30)
