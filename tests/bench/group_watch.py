# SPDX-License-Identifier: Apache-2.0
"""Two witnesses of a rebalance who belong to neither worker: a proxy that reads the SyncGroup answers on their way from Kafka to a
worker, and a reader of the status topic. Both tell wall-clock seconds: the proxy's own, and the append time in Kafka, which is the
same machine's."""
import collections
import json
import os
import struct
import time

from harness.children import Child
from harness.proxy import DOWN, UP, Link

SYNC_GROUP = 14
FLEXIBLE = 4       # the first flexible version of SyncGroup
WITH_PROTOCOL = 5  # the first one that repeats the protocol's type and name

Sync = collections.namedtuple("Sync", "time link connectors tasks revoked")
Status = collections.namedtuple("Status", "time task state port")


class Fields:
    """Reads Kafka's primitive types from bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self, form):
        value = struct.unpack_from(">" + form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, length):
        value = self.data[self.at:self.at + max(length, 0)]
        self.at += max(length, 0)
        return value

    def string(self):
        return self.take(self.number("h")).decode()

    def compact(self):
        return self.take(self.varint() - 1)

    def tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def work_of(fields):
    """(connectors, tasks) of an array of ConnectorAssignment."""
    connectors = tasks = 0
    for _ in range(fields.number("i")):
        fields.string()
        for _ in range(fields.number("i")):
            if fields.number("i") < 0:
                connectors += 1
            else:
                tasks += 1
    return connectors, tasks


def parse_sync(answer, version):
    """(connectors, tasks, revoked) that the answer gives and takes; None when it is an error."""
    f = Fields(answer)
    f.number("i")  # the correlation id
    if version >= FLEXIBLE:
        f.tags()
    if version >= 1:
        f.number("i")  # throttled for so long
    if f.number("h") != 0:
        return None
    if version >= WITH_PROTOCOL:
        f.compact()
        f.compact()
    body = Fields(f.compact() if version >= FLEXIBLE else f.take(f.number("i")))
    body.number("h")  # version
    body.number("h")  # error
    body.string()     # leader
    body.string()     # its URL
    body.number("q")  # config offset
    connectors, tasks = work_of(body)
    return connectors, tasks, sum(work_of(body))


class KafkaLink(Link):
    """Splits both directions into Kafka's frames and writes down the SyncGroup answers in `proxy.syncs`."""

    def __init__(self, proxy):
        super().__init__(proxy)
        self.frames = {UP: bytearray(), DOWN: bytearray()}
        self.asked = {}  # correlation id -> version

    def inspect(self, direction, data):
        frames = self.frames[direction]
        frames += data
        at = 0
        while len(frames) - at >= 4:
            size = struct.unpack_from(">i", frames, at)[0]
            if len(frames) - at - 4 < size:
                break
            self.frame(direction, frames, at + 4, size)
            at += 4 + size
        del frames[:at]
        return data

    def frame(self, direction, frames, at, size):
        if direction == UP:
            key, version, correlation = struct.unpack_from(">hhi", frames, at)
            if key == SYNC_GROUP:
                self.asked[correlation] = version
        elif self.asked:
            version = self.asked.pop(struct.unpack_from(">i", frames, at)[0], None)
            found = None if version is None else parse_sync(bytes(frames[at:at + size]), version)
            if found:
                self.proxy.syncs.append(Sync(time.time(), self, *found))


class StatusTopic:
    """Every record of a status topic in the order of its append times, and who runs what now."""

    def __init__(self, bootstrap, topic, log):
        self.records = []
        self.last = {}  # (connector, task) -> Status; task -1 is the connector
        self._at = 0
        self._log = log
        self._child = Child("status reader", ["kcat", "-C", "-u", "-q", "-b", bootstrap, "-t", topic, "-o", "beginning",
                                              "-f", "%T\\t%k\\t%s\\n"], log)

    def read(self):
        """Takes in what has arrived; True when there was something."""
        with open(self._log, "rb") as f:
            f.seek(self._at)
            data = f.read()
        end = data.rfind(b"\n") + 1
        self._at += end
        for line in data[:end].decode("utf-8", "replace").splitlines():
            moment, key, value = line.split("\t", 2)
            status = self._status(float(moment) / 1000, key, value)
            if status:
                self.records.append(status)
                self.last[status.task] = status
        return end > 0

    @staticmethod
    def _status(moment, key, value):
        kind, _, name = key.partition("-")[2].partition("-")
        if kind not in ("connector", "task") or not value.startswith("{"):
            return None
        body = json.loads(value)
        connector, number = name.rsplit("-", 1) if kind == "task" else (name, "-1")
        return Status(moment, (connector, int(number)), body["state"], int(body["worker_id"].rsplit(":", 1)[1]))

    def since(self, moment, state=None):
        return [s for s in self.records if s.time >= moment and (state is None or s.state == state)]

    def close(self):
        self._child.kill()
        os.unlink(self._log)
