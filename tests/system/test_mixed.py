# SPDX-License-Identifier: Apache-2.0
"""Java's workers and ours in one group: any of them leads, any of them runs what it is given, each piece of work runs once."""
import collections
import os

from harness import kafka_io
from harness.connectors import file_source
from harness.scenarios import scenario
from harness.worker import worker_properties

# A JVM on a busy machine pauses for longer than our own workers do.
PATIENT = {"session__timeout__ms": "10000", "heartbeat__interval__ms": "1000", "rebalance__timeout__ms": "30000"}


class Mixed:
    """A group of both kinds and FileStreamSource connectors, each with a file of its own."""

    def __init__(self, context, connectors, **properties):
        self.context = context
        self.group = context.unique("group")
        self.topic = context.unique("topic")
        self.properties = dict(PATIENT, **properties)
        self.names = ["f%d" % n for n in range(connectors)]
        self.lines = {name: 0 for name in self.names}
        self.members = []

    def java(self, name):
        """Begins to start; ready() waits."""
        worker = self.context.java(worker_properties(self.context.kafka.bootstrap, self.group, **self.properties), name=name,
                                   start=False)
        self.members.append(worker.start(wait=False))
        return worker

    def ours(self, name):
        worker = self.context.worker(group=self.group, name=name, **self.properties)
        self.members.append(worker)
        return worker

    def ready(self):
        for member in self.members:
            member.wait_ready()

    def leave(self, member):
        """An orderly end: what it ran is taken over by the others."""
        self.members.remove(member)
        member.stop()

    def path(self, name):
        return os.path.join(self.context.work, name + ".txt")

    def write(self, count=50):
        """More lines for every connector."""
        for name in self.names:
            with open(self.path(name), "a", encoding="ascii") as f:
                f.writelines("%s-%d\n" % (name, n) for n in range(self.lines[name], self.lines[name] + count))
            self.lines[name] += count

    def config(self, name, **more):
        return file_source(self.path(name), self.topic, **more)

    def owners(self):
        found = {}
        answer = self.members[0].rest.call("GET", "/connectors?expand=status", seconds=30)
        if answer.status != 200 or set(answer.json) != set(self.names):
            return None
        for name, entry in answer.json.items():
            rows = [(-1, entry["status"]["connector"])] + [(t["id"], t) for t in entry["status"]["tasks"]]
            if len(rows) != 2 or any(row["state"] != "RUNNING" for _, row in rows):
                return None
            for task, row in rows:
                found[name, task] = int(row["worker_id"].rsplit(":", 1)[1])
        return found

    def settled(self):
        """Waits until everything runs on just these members, each with its share, and every line has arrived once."""
        ports = {m.port for m in self.members}

        def spread():
            owners = self.owners()
            if not owners or set(owners.values()) != ports:
                return None
            counts = collections.Counter(owners.values())
            return owners if max(counts.values()) - min(counts.values()) <= 1 + (len(owners) % len(ports) > 0) else None
        owners = self.context.wait("work on all %d members" % len(ports), spread, 120, 0.2)
        self.arrived()
        return owners

    def arrived(self):
        self.context.wait_count(self.topic, sum(self.lines.values()))

    def tally(self):
        values = collections.Counter(r["payload"] for r in kafka_io.records(self.context.kafka.bootstrap, self.topic))
        wanted = {"%s-%d" % (name, n) for name in self.names for n in range(self.lines[name])}
        lost = len(wanted - set(values))
        again = sum(count - 1 for value, count in values.items() if value in wanted)
        self.context.note("lines=%d in_kafka=%d lost=%d duplicated=%d" % (len(wanted), sum(values.values()), lost, again))
        self.context.equal((lost, again), (0, 0), "lines lost, repeated")

    def leader_port(self):
        """As one of our own workers sees it."""
        ours = next(m for m in self.members if hasattr(m, "freeze"))
        for member in self.members:
            if ours.rest.metric("_rebalance_leader_name", leader_name="http://127.0.0.1:%d/" % member.port):
                return member.port
        return None


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
    owners = group.owners()
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
    group.context.wait("its line", lambda: any(
        r["payload"] == line for r in kafka_io.records(group.context.kafka.bootstrap, group.topic)), 60, 0.5)
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
          weight=90)
def mixed(context):
    group = Mixed(context, 4)
    group.write()
    j0 = group.java("j0")
    j0.wait_ready()
    for name in group.names:
        j0.rest.create(name, group.config(name))
    group.settled()
    j1 = group.java("j1")
    k0 = group.ours("k0")
    group.ready()
    group.write()
    group.settled()
    context.equal(group.leader_port(), j0.port, "leader")
    crossing_requests(group, k0, j0)
    crossing_requests(group, j1, k0)
    moved_file(group, k0.port, k0)
    group.write()
    group.settled()
    group.leave(j1)
    k1 = group.ours("k1")
    group.write()
    group.settled()
    context.equal(group.leader_port(), j0.port, "leader")
    java_only(group, j0, k1)
    group.write()
    group.settled()
    context.check(group.leader_port() in (k0.port, k1.port), "none of ours leads")
    j2 = group.java("j2")
    group.ready()
    group.write()
    group.settled()
    context.check(group.leader_port() in (k0.port, k1.port), "none of ours leads")
    crossing_requests(group, j2, k0)
    moved_file(group, j2.port, j2)
    group.leave(k0)
    group.write()
    group.settled()
    group.leave(k1)
    group.write()
    group.arrived()
    group.tally()


@scenario("mixed-compatible", "a member that only speaks `compatible` takes the group there, and away from it again", tags=("cluster",),
          weight=35)
def mixed_compatible(context):
    group = Mixed(context, 2)
    group.write()
    k0 = group.ours("k0")
    for name in group.names:
        k0.rest.create(name, group.config(name))
    group.settled()
    protocol = lambda name: k0.rest.metric("_rebalance_connect_protocol", connect_protocol=name)
    context.check(protocol("SESSIONED"), "not sessioned")
    group.properties["connect__protocol"] = "compatible"
    j0 = group.java("j0")
    group.ready()
    group.write()
    group.settled()
    context.check(protocol("COMPATIBLE"), "not compatible")
    moved_file(group, j0.port, k0)
    moved_file(group, k0.port, j0)
    group.settled()
    group.leave(j0)
    group.write()
    group.settled()
    context.check(protocol("SESSIONED"), "not sessioned again")
    group.tally()
