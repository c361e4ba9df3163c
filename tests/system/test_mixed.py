# SPDX-License-Identifier: Apache-2.0
"""Java's workers and ours in one group: any of them leads, any of them runs what it is given, each piece of work runs once."""
import collections
import http.client
import json
import os
import threading
import time

from harness import kafka_io
from harness.brokers import JavaConnect
from harness.connectors import file_source
from harness.scenarios import Failure, scenario
from harness.worker import Worker, worker_properties

# A JVM on a busy machine pauses for longer than our own workers do.
PATIENT = {"session__timeout__ms": "10000", "heartbeat__interval__ms": "1000", "rebalance__timeout__ms": "30000"}


WIDTH = 12  # of a line with its end: a position in a file tells how many lines lie before it


def text_of(name, number):
    return ("%s-%0" + str(WIDTH - len(name) - 2) + "d") % (name, number)


class Mixed:
    """A group of both kinds and FileStreamSource connectors, each with a file of its own."""

    def __init__(self, context, connectors, kafka=None, **properties):
        self.context = context
        self.kafka = kafka or context.kafka
        self.group = context.unique("group")
        self.topic = context.unique("topic")
        self.properties = dict(PATIENT, **properties)
        self.names = ["f%d" % n for n in range(connectors)]
        self.extra = []  # other connectors with one task
        self.lines = {name: 0 for name in self.names}
        self.members = []
        self.may_repeat = []  # (fault, name, first, end): lines that a fault may bring twice
        self.writing = None
        self.lock = threading.Lock()

    # -- members ---------------------------------------------------------------------------------------------
    def java(self, name):
        """Begins to start; ready() waits."""
        worker = self.context.java(worker_properties(self.kafka.bootstrap, self.group, **self.properties), kafka=self.kafka, name=name,
                                   start=False)
        self.members.append(worker.start(wait=False))
        return worker

    def ours(self, name, **more):
        worker = self.context.worker(kafka=self.kafka, group=self.group, name=name, **dict(self.properties, **more))
        self.members.append(worker)
        return worker

    def ready(self):
        for member in self.members:
            member.wait_ready()

    def create(self, member):
        for name in self.names:
            member.rest.create(name, self.config(name))

    def leave(self, member):
        """An orderly end: what it ran is taken over by the others."""
        self.members.remove(member)
        member.stop()

    def back(self, *members):
        """They are started again, on their old ports."""
        for member in members:
            self.members.append(member.start(wait=False))
        self.ready()

    def java_members(self):
        return [m for m in self.members if isinstance(m, JavaConnect)]

    def our_members(self):
        return [m for m in self.members if isinstance(m, Worker)]

    def leader(self):
        """As our workers see it, who must be of one mind."""
        def seen():
            found = set()
            for ours in self.our_members():
                found.add(next((m for m in self.members if ours.rest.metric(
                    "_rebalance_leader_name", leader_name="http://127.0.0.1:%d/" % m.port)), None))
            return found.pop() if len(found) == 1 else None
        return self.context.wait("a leader that all see", seen)

    # -- lines -----------------------------------------------------------------------------------------------
    def path(self, name):
        return os.path.join(self.context.work, name + ".txt")

    def config(self, name, **more):
        return file_source(self.path(name), self.topic, **more)

    def write(self, count=50):
        """More lines for every connector."""
        with self.lock:
            for name in self.names:
                with open(self.path(name), "a", encoding="ascii") as f:
                    f.writelines(text_of(name, n) + "\n" for n in range(self.lines[name], self.lines[name] + count))
                self.lines[name] += count

    def flow(self, seconds=0.05):
        """From now on a line for every connector each so many seconds, until still()."""
        self.writing = threading.Event()

        def write_on():
            while not self.writing.wait(seconds):
                self.write(1)
        threading.Thread(target=write_on, name="lines", daemon=True).start()
        self.context.at_end(self.writing.set)

    def still(self):
        if self.writing:
            self.writing.set()

    def written(self):
        with self.lock:
            return dict(self.lines)

    def records(self, topic):
        """As many as there are now: kcat may wait for ever for the end of a topic that grows."""
        count = kafka_io.count(self.kafka.bootstrap, topic)
        return kafka_io.records(self.kafka.bootstrap, topic, limit=count) if count else []

    def values(self):
        return [r["payload"] for r in self.records(self.topic)]

    def arrived(self):
        """Waits until all lines that are written now are in Kafka; gives how often each is."""
        wanted = {text_of(name, n) for name, end in self.written().items() for n in range(end)}
        state = {}

        def all_there():
            state["values"] = self.values()
            state["lacking"] = wanted - set(state["values"])
            return not state["lacking"]
        try:
            self.context.wait("all %d lines in %s" % (len(wanted), self.topic), all_there, 120, 0.3)
        except Failure as failure:
            raise Failure("%s: %d lacking, first %s" % (failure, len(state["lacking"]), sorted(state["lacking"])[:5])) from None
        return collections.Counter(value for value in state["values"] if value in wanted)

    def calm(self):
        """No fault: what is written now arrives once. What comes twice is the work of two."""
        first = self.written()
        if self.writing and not self.writing.is_set():
            self.context.wait("lines", lambda: all(n >= first[name] + 10 for name, n in self.written().items()))
        else:
            self.write(10)
        counted = self.arrived()
        twice = [text for name, end in self.written().items() for text in (text_of(name, n) for n in range(first[name], end))
                 if counted[text] > 1]
        self.context.check(not twice, "read by two at once: %s", twice[:10])

    def committed(self):
        """{connector: lines of its file that its offset has behind it}, as the offsets topic tells; 0 without one."""
        found = {name: 0 for name in self.names}
        for record in self.records(self.group + "-offsets"):
            name, partition = json.loads(record["key"])
            if name in found and partition == {"filename": self.path(name)} and record["payload"]:
                found[name] = json.loads(record["payload"])["position"] // WIDTH
        return found

    def tally(self):
        self.still()
        self.arrived()
        order = self.values()
        wanted = {text_of(name, n) for name in self.names for n in range(self.lines[name])}
        excused = {text_of(name, n) for _, name, first, end in self.may_repeat for n in range(first, end)}
        counted = collections.Counter(value for value in order if value in wanted)
        lost = len(wanted - set(counted))
        again = sum(times - 1 for times in counted.values())
        wrong = sorted(value for value, times in counted.items() if times > 1 and value not in excused)
        firsts = {name: [v for v in dict.fromkeys(order) if v in wanted and v.startswith(name + "-")] for name in self.names}
        disorder = [name for name, found in firsts.items() if found != sorted(found)]
        self.context.note("lines=%d in_kafka=%d lost=%d duplicated=%d bound=%d" % (len(wanted), len(order), lost, again, len(excused)))
        by_fault = {}
        for fault, name, first, end in self.may_repeat:
            by_fault[fault] = by_fault.get(fault, 0) + sum(counted[text_of(name, n)] - 1 for n in range(first, end))
        if by_fault:
            self.context.note("(%s)" % ", ".join("%s %d" % item for item in by_fault.items()))
        self.context.equal((lost, wrong[:5], disorder), (0, [], []), "lines lost, repeated without a fault, out of order")

    # -- who runs what ---------------------------------------------------------------------------------------
    def owners(self, member):
        """{(connector, task or -1): port} as a member tells it, when all of it is RUNNING; else None."""
        found = {}
        try:
            answer = member.rest.call("GET", "/connectors?expand=status", seconds=30)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status != 200 or not set(self.names + self.extra) <= set(answer.json):
            return None
        for name in self.names + self.extra:
            status = answer.json[name].get("status")
            if not status:
                return None
            rows = [(-1, status["connector"])] + [(t["id"], t) for t in status["tasks"]]
            if len(rows) != 2 or any(row["state"] != "RUNNING" for _, row in rows):
                return None
            for task, row in rows:
                found[name, task] = int(row["worker_id"].rsplit(":", 1)[1])
        return found

    def reads(self, member, name):
        """Whether the member's process has the connector's file open, whatever the statuses say."""
        folder = "/proc/%d/fd" % member.child.pid
        try:
            descriptors = os.listdir(folder)
        except OSError:
            return False  # it has ended
        for fd in descriptors:
            try:
                if os.readlink(os.path.join(folder, fd)) == self.path(name):
                    return True
            except OSError:
                pass  # closed meanwhile
        return False

    def readers(self, name):
        return [member.port for member in self.members if self.reads(member, name)]

    def once(self):
        """The owners, when every member tells the same and the processes do just that; else None."""
        views = [self.owners(member) for member in self.members]
        self.last = views
        if not views[0] or any(view != views[0] for view in views):
            return None
        if any(self.readers(name) != [views[0][name, 0]] for name in self.names):
            return None
        for member in self.our_members():
            mine = [task for (_, task), port in views[0].items() if port == member.port]
            if (member.rest.metric("_worker_connector_count"), member.rest.metric("_worker_task_count")) != (
                    mine.count(-1), mine.count(0)):
                return None
        return views[0]

    def settled(self):
        """Waits until everything runs once, on just these members, each with its share, and the lines arrive."""
        ports = {m.port for m in self.members}

        def spread():
            owners = self.once()
            if not owners or set(owners.values()) != ports:
                return None
            for connectors in (True, False):
                counts = collections.Counter(port for (_, task), port in owners.items() if (task < 0) == connectors)
                if max(counts.values()) - min(counts[port] for port in ports) > 1:
                    return None
            return owners
        try:
            owners = self.context.wait("work on all %d members" % len(ports), spread, 120, 0.2)
        except Failure as failure:
            raise Failure("%s\n    owners: %s\n    readers: %s" % (
                failure, self.last, {name: self.readers(name) for name in self.names})) from None
        self.calm()
        return owners

    # -- faults ----------------------------------------------------------------------------------------------
    def stored(self, victims):
        """{connector: lines behind its offset} of what the victims read."""
        ports, committed = [v.port for v in victims], self.committed()
        owners = self.context.wait("everything runs once", self.once, 60)
        return {name: committed[name] for name in self.names if owners[name, 0] in ports}

    def excuse(self, fault, stored):
        """What came after the stored offsets until now may come twice, because of a fault."""
        end = self.written()
        self.may_repeat += [(fault, name, first, end[name]) for name, first in stored.items()]

    def kill(self, *victims):
        stored = self.stored(victims)
        for victim in victims:
            victim.kill()
            self.members.remove(victim)
        self.excuse("%s killed" % "+".join(v.name for v in victims), stored)

    def freeze(self, victim):
        """Stands still until the others have its work, which is longer than its session; then goes on."""
        stored, begun = self.stored([victim]), time.monotonic()
        victim.freeze()
        self.members.remove(victim)
        self.settled()
        if self.context.long:
            time.sleep(max(0.0, 3 * int(self.properties["session__timeout__ms"]) / 1000 - (time.monotonic() - begun)))
        victim.thaw()
        self.members.append(victim)
        self.settled()
        self.excuse("%s frozen" % victim.name, stored)


def crossing_requests(group, asked, other):
    """Requests to `asked` about work that another member has, and levels that go through the group."""
    context, rest = group.context, asked.rest
    for name in group.names:  # some run here, some there
        rest.must("POST", "/connectors/%s/restart" % name)
        rest.must("POST", "/connectors/%s/tasks/0/restart" % name)
    answer = rest.must("POST", "/connectors/f0/restart?includeTasks=true&onlyFailed=false")
    context.equal((answer.status, answer.json["name"]), (202, "f0"), "restart with its tasks")
    group.settled()
    rest.must("PUT", "/connectors/f1/pause")
    other.rest.wait_state("f1", "PAUSED")
    rest.must("PUT", "/connectors/f1/resume")
    other.rest.wait_state("f1")
    rest.must("PUT", "/connectors/f1/stop")
    other.rest.wait_state("f1", "STOPPED", tasks=0)
    rest.must("PUT", "/connectors/f1/resume")
    group.settled()
    logger = "org.apache.kafka.connect.runtime.WorkerSourceTask"
    for level in ("DEBUG", "INFO"):
        context.equal(rest.call("PUT", "/admin/loggers/%s?scope=cluster" % logger, {"level": level}).status, 204, "level")
        for member in group.members:
            context.wait("level on %s" % member.name, lambda member=member: (
                member.rest.get("/admin/loggers/" + logger).json or {}).get("level") == level)


def moved_file(group, owner_port, asked):
    """The file of a connector that `owner_port` runs is changed: its owner has the leader write new task configs."""
    owners = group.context.wait("everything runs once", group.once, 60)
    name = next((n for n in group.names if owners[n, -1] == owner_port), None)
    group.context.check(name is not None, "nothing runs there")
    line = "moved-%s-on-%d" % (name, owner_port)
    path = group.path(line)
    with open(path, "w", encoding="ascii") as f:
        f.write(line + "\n")
    asked.rest.must("PUT", "/connectors/%s/config" % name, group.config(name, file=path))
    group.context.wait("task config of %s" % name, lambda: any(
        t["config"].get("file") == path for t in (asked.rest.get("/connectors/%s/tasks" % name).json or [])
        if isinstance(t, dict)), 60)
    group.context.wait("its line", lambda: line in group.values(), 60, 0.5)
    asked.rest.must("PUT", "/connectors/%s/config" % name, group.config(name))


def failed(status):
    """The status, when the connector and all of its tasks have failed."""
    rows = [status["connector"]] + status["tasks"] if status else []
    return status if rows and all(row["state"] == "FAILED" for row in rows) else None


def java_only(group, java, ours):
    """The last Java worker leaves, and with it a class that none of our workers has."""
    sink = "org.apache.kafka.connect.file.FileStreamSinkConnector"
    java.rest.create("java-only", {"connector.class": sink, "tasks.max": "1", "topics": group.topic,
                                   "file": group.path("sink"), "value.converter": "org.apache.kafka.connect.storage.StringConverter"})
    group.context.wait("java-only", lambda: java.rest.status("java-only"), 60)
    group.leave(java)
    status = group.context.wait("java-only FAILED", lambda: failed(ours.rest.status("java-only")), 90)
    for row in [status["connector"]] + status["tasks"]:
        group.context.check("Failed to find any class that implements Connector and which name matches " + sink in row["trace"],
                            "the trace says: %s", row["trace"])
    ours.rest.delete("java-only")
    group.context.wait("java-only gone", lambda: "java-only" not in ours.rest.get("/connectors").json)


@scenario("mixed", "Java and ours in one group, leaders on both sides; the roll from Java to ours and back", tags=("cluster",),
          weight=70)
def mixed(context):
    group = Mixed(context, 4)
    group.flow()
    j0 = group.java("j0")
    j0.wait_ready()
    group.create(j0)
    group.settled()
    j1 = group.java("j1")
    k0 = group.ours("k0")
    group.ready()
    group.settled()
    context.equal(group.leader().name, "j0", "leader")
    crossing_requests(group, k0, j0)
    crossing_requests(group, j1, k0)
    moved_file(group, k0.port, k0)
    group.settled()
    group.leave(j1)
    k1 = group.ours("k1")
    group.settled()
    context.equal(group.leader().name, "j0", "leader")
    java_only(group, j0, k1)
    group.settled()
    context.check(group.leader() in (k0, k1), "none of ours leads")
    j2 = group.java("j2")
    group.ready()
    group.settled()
    context.check(group.leader() in (k0, k1), "none of ours leads")
    crossing_requests(group, j2, k0)
    moved_file(group, j2.port, j2)
    group.leave(k0)
    group.settled()
    group.leave(k1)
    group.settled()
    group.tally()


@scenario("mixed-compatible", "a member that only speaks `compatible` takes the group there, and away from it again", tags=("cluster",),
          weight=20)
def mixed_compatible(context):
    group = Mixed(context, 2)
    group.flow()
    k0 = group.ours("k0")
    group.create(k0)
    group.settled()
    protocol = lambda name: k0.rest.metric("_rebalance_connect_protocol", connect_protocol=name)
    context.check(protocol("SESSIONED"), "not sessioned")
    group.properties["connect__protocol"] = "compatible"
    j0 = group.java("j0")
    group.ready()
    group.settled()
    context.check(protocol("COMPATIBLE"), "not compatible")
    moved_file(group, j0.port, k0)
    moved_file(group, k0.port, j0)
    group.settled()
    group.leave(j0)
    group.settled()
    context.check(protocol("SESSIONED"), "not sessioned again")
    group.tally()
