# SPDX-License-Identifier: Apache-2.0
"""Three workers are one cluster: work is spread, moves without loss, and any worker answers for all."""
import collections
import json
import time

from harness import kafka_io
from harness.children import Failure, wait_until
from harness.connectors import file_source, mqtt_source
from harness.scenarios import scenario

SHORT = {"session__timeout__ms": "2000", "heartbeat__interval__ms": "400"}
# For what must not depend on how busy the machine is: nobody is taken for dead, and a stop has the time it needs.
PATIENT = {"session__timeout__ms": "60000", "heartbeat__interval__ms": "400", "rebalance__timeout__ms": "60000",
           "task__shutdown__graceful__timeout__ms": "30000"}
REBALANCING = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"


class Cluster:
    """Workers of one group, w0, w1, ...; w0 is started first and leads. prepare(n, worker) sees each before its start."""

    def __init__(self, context, count=3, kafka=None, name="w", prepare=None, **properties):
        self.context = context
        self.group = context.unique("group")
        self.kafka = kafka or context.kafka
        self.workers = []
        self.aside = None  # a worker that cannot be asked, or would not know: frozen, cut off
        for n in range(count):
            worker = context.worker(kafka=self.kafka, group=self.group, name="%s%d" % (name, n), start=False, **dict(SHORT, **properties))
            worker.known_as = worker.port  # of the advertised URL
            if prepare:
                prepare(n, worker)
            self.workers.append(worker.start())
        self.joined(count)

    def __iter__(self):
        return iter(self.workers)

    def __getitem__(self, n):
        return self.workers[n]

    def others(self, *left_out):
        return [w for w in self.workers if w not in left_out]

    def rest(self):
        return next(w for w in self.workers if w.running() and w is not self.aside).rest

    def worker_of(self, worker_id):
        return next(w for w in self.workers if worker_id == "127.0.0.1:%d" % w.known_as)

    def leader(self):
        """The worker whose own URL is the leader's, as running workers see it."""
        def seen():
            for w in self.workers:
                if w.running() and w is not self.aside and w.rest.metric("_rebalance_leader_name", leader_name="http://127.0.0.1:%d/" % w.known_as):
                    return w
            return None
        return self.context.wait("a leader", seen)

    def joined(self, count):
        self.context.wait("%d members" % count, lambda: sum(1 for w in self.workers if w.running() and w.rest.healthy()) == count)

    def owners(self, names=None):
        """{(connector, task or -1): worker id} of what RUNS, or None while something does not."""
        answer = self.rest().call("GET", "/connectors?expand=status", seconds=20)
        if answer.status != 200:
            return None
        found = {}
        for name, entry in answer.json.items():
            if names is not None and name not in names:
                continue
            status = entry["status"]
            rows = [(-1, status["connector"])] + [(t["id"], t) for t in status["tasks"]]
            for task, row in rows:
                if row["state"] != "RUNNING":
                    return None
                found[name, task] = row["worker_id"]
        return found

    def counts(self, owners):
        return collections.Counter(owners.values())

    def settled(self, tasks, workers=None, seconds=90):
        """Waits until all run, on exactly these workers, spread evenly; gives the owners."""
        workers = list(workers or self.workers)
        wanted = {"127.0.0.1:%d" % w.known_as for w in workers}
        last = {}

        def spread():
            owners = self.owners()
            last["owners"] = owners
            if not owners or sum(1 for _, task in owners if task >= 0) != tasks:
                return None
            counts = self.counts(owners)
            if set(counts) != wanted:
                return None
            per_task = collections.Counter(w for (_, task), w in owners.items() if task >= 0)
            even = max(per_task.values()) - min(per_task.get(w, 0) for w in wanted) <= 1
            return owners if even else None
        try:
            return self.context.wait("work on %d workers" % len(workers), spread, seconds, 0.1)
        except Failure:
            self.context.note("last owners: %s" % last.get("owners"))
            raise

    def reports(self):
        """All that the status topic was ever told of connectors and tasks, in order per key: (key, state, worker id)."""
        found = []
        for record in kafka_io.records(self.kafka.bootstrap, self.group + "-status"):
            if record["key"].startswith("status-connector-") or record["key"].startswith("status-task-"):
                value = json.loads(record["payload"]) if record["payload"] else {}
                found.append((record["key"], value.get("state"), value.get("worker_id")))
        return found

    def starts(self):
        """How often each connector and task was started so far, as the status topic tells."""
        return collections.Counter(key for key, state, _ in self.reports() if state == "RUNNING")

    def lines(self, text, *left_out):
        """How many lines of the workers' logs hold a text."""
        return sum(text in line for w in self.others(*left_out) for line in w.child.text().splitlines())


class Load:
    """MQTT sources in a steady flow of numbered messages, each with a Kafka topic, and a proxy that counts, of its own.
    steady: publishers that go on after the MQTT broker's restart."""

    def __init__(self, context, cluster, rate=5000, names=("m0", "m1", "m2"), broker=None, steady=False, **config):
        self.context, self.cluster, self.names = context, cluster, list(names)
        self.broker = broker or context.mosquitto()
        self.kafka = cluster.kafka
        prefix = context.unique("load")
        self.proxies = {name: context.proxy(self.broker.port) for name in names}
        self.topics = {name: context.unique("topic") for name in names}
        filters = {name: "%s/%s/#" % (prefix, name) for name in names}
        for name in names:
            cluster.rest().create(name, mqtt_source(self.proxies[name].uri, filters[name], self.topics[name], mqtt__version="5", **config))
        for name in names:
            self.broker.wait_subscribed(filters[name])
        self.owners = cluster.settled(len(names))
        self.sends_to = {name: "%s/%s/x" % (prefix, name) for name in names}
        self.steady = steady
        if steady:
            self.publishers = {name: context.steady(self.broker, to, rate // len(names)) for name, to in self.sends_to.items()}
        else:
            self.publishers = {name: context.publisher(self.broker, to, rate=rate // len(names), size=100, window=1000)
                               for name, to in self.sends_to.items()}
        self.flowing()

    def flowing(self, names=None, more=100):
        """Waits until each connector has brought more messages than it had when this was called."""
        before = {name: kafka_io.count(self.kafka.bootstrap, self.topics[name]) for name in names or self.names}
        for name, count in before.items():
            self.context.wait_count(self.topics[name], count + more, kafka=self.kafka)

    def in_flight(self):
        return sum(proxy.in_flight() for proxy in self.proxies.values())

    def finish(self, bound=None, broker_ends=False, what=""):
        """Ends the flow; nothing may be lost or out of order, and each connector repeats at most what its proxy counted
        (or `bound`). Says all of it in one line."""
        sent = {name: p.stop() if self.steady else p.stop()["sent"] for name, p in self.publishers.items()}
        tallies, bounds, resent = [], [], 0
        for name, publisher in self.publishers.items():
            tallies.append(self.context.wait_all(self.topics[name], {self.sends_to[name]: sent[name]}, 240, self.kafka))
            again = publisher.resent if self.steady else 0  # by the publisher: the MQTT broker may have had them
            bounds.append(self.proxies[name].bound(broker_ends) + again if bound is None else bound)
            resent += again
        lost, in_kafka = sum(len(t.lost) for t in tallies), sum(t.in_kafka for t in tallies)
        self.context.note("%ssent=%d in_kafka=%d lost=%d duplicated=%d bound=%d out_of_order=%d%s" % (
            what and what + ": ", sum(t.sent for t in tallies), in_kafka, lost, sum(t.duplicated for t in tallies), sum(bounds),
            sum(t.out_of_order for t in tallies), " resent_by_publishers=%d" % resent if self.steady else ""))
        for tally, limit in zip(tallies, bounds):
            tally.require(limit)


def asked(rest, method, path, body=None):
    """An answer that is not "rebalancing": requests may meet a rebalance that takes longer than a worker waits."""
    def answer():
        found = rest.call(method, path, body)
        return None if found.status == 409 and found.json["message"] == REBALANCING else found
    return wait_until("%s %s" % (method, path), answer, 60, 0.1)


@scenario("C1", "three workers: spread, and any of them answers for all", tags=("cluster", "asan", "tsan"), weight=25)
def c1(context):
    cluster = Cluster(context)
    names = ["a", "b", "c"]
    lines = context.work + "/lines.txt"
    with open(lines, "w", encoding="ascii") as f:
        f.write("one\n")
    topic = context.unique("topic")
    for n, name in enumerate(names):  # each through another worker
        answer = cluster[n].rest.must("POST", "/connectors", {"name": name, "config": file_source(lines, topic)})
        context.equal(answer.status, 201, "status of POST through w%d" % n)
        context.equal(answer.headers.get("Location"), "http://127.0.0.1:%d/connectors/%s" % (cluster[n].port, name), "Location")
        context.equal(answer.json["name"], name, "name")
    owners = cluster.settled(3)
    context.equal(sorted(cluster.counts(owners).values()), [2, 2, 2], "work per worker")
    for w in cluster:
        context.equal(sorted(w.rest.get("/connectors").json), names, "connectors seen by " + w.name)
    taken = {"name": "a", "config": file_source(lines, topic)}
    context.equal({asked(w.rest, "POST", "/connectors", taken).body for w in cluster},
                  {b'{"error_code":409,"message":"Connector a already exists"}'}, "an existing name")
    context.equal({asked(w.rest, "DELETE", "/connectors/nobody").body for w in cluster},
                  {b'{"error_code":404,"message":"Connector nobody not found"}'}, "an unknown name")
    followers = [w for w in cluster if w is not cluster.leader()]
    context.equal(len(followers), 2, "followers")
    config = dict(file_source(lines, topic), name="b", note="changed")
    answer = followers[0].rest.must("PUT", "/connectors/b/config", config)
    context.equal((answer.status, answer.json["config"].get("note")), (200, "changed"), "PUT config through a follower")
    answer = followers[1].rest.must("PATCH", "/connectors/b/config", {"note": None})
    context.equal((answer.status, "note" in answer.json["config"]), (200, False), "PATCH config through a follower")
    cluster.settled(3)
    for w in cluster:  # wherever it runs
        for name in names:
            context.equal(w.rest.must("POST", "/connectors/%s/restart" % name).status, 204, "restart of %s by %s" % (name, w.name))
            context.equal(w.rest.must("POST", "/connectors/%s/tasks/0/restart" % name).status, 204, "task restart")
    answer = followers[0].rest.must("POST", "/connectors/c/restart?includeTasks=true&onlyFailed=false")
    context.equal((answer.status, answer.json["name"]), (202, "c"), "restart with tasks through a follower")
    cluster.settled(3)
    followers[1].rest.must("PUT", "/connectors/a/stop")
    cluster[0].rest.wait_state("a", "STOPPED", tasks=0)
    followers[0].rest.must("PUT", "/connectors/a/resume")
    cluster.settled(3)
    levels = followers[0].rest.call("PUT", "/admin/loggers/herder.group?scope=cluster", {"level": "DEBUG"})
    context.equal(levels.status, 204, "a level of the whole cluster")
    for w in cluster:
        context.wait("level on " + w.name, lambda w=w: w.rest.get("/admin/loggers/herder.group").json["level"] == "DEBUG")
    context.equal(followers[0].rest.call("PUT", "/admin/loggers/herder.tick", {"level": "DEBUG"}).json, ["herder.tick"], "changed")
    context.check(cluster.leader().rest.get("/admin/loggers/herder.tick").json.get("level") != "DEBUG", "a level went to another worker")
    for n, name in enumerate(names):
        context.equal(cluster[n].rest.must("DELETE", "/connectors/" + name).status, 204, "DELETE")
    for w in cluster:
        context.wait("nothing left on " + w.name, lambda w=w: w.rest.get("/connectors").json == [])
        w.stop()


@scenario("C2", "kill -9 of an owner, of the leader, of both, under 5,000 messages a second", tags=("cluster", "kills"), weight=45)
def c2(context):
    cluster = Cluster(context)
    load = Load(context, cluster)
    for _ in range(context.pick(1, 5)):
        for victims in ("owner", "leader", "both"):
            leader = cluster.leader()
            others = cluster.others(leader)
            dead = {"owner": others[:1], "leader": [leader], "both": [leader, others[0]]}[victims]
            alive = cluster.others(*dead)
            before = cluster.settled(3)
            for w in dead:
                w.kill()
            after = cluster.settled(3, alive)
            if sessions_lost(cluster) == 0:  # a machine that stands still for a whole session makes the living look dead
                stays = {what: owner for what, owner in before.items() if cluster.worker_of(owner) in alive}
                context.equal({what: after[what] for what in stays}, stays, "owners of what the dead did not have")
            load.flowing()
            for w in dead:
                w.start()
            cluster.settled(3)
            load.flowing()
    load.finish()


def sessions_lost(cluster, *left_out):
    """How often a worker learnt that the group does not count on it any more."""
    return cluster.lines("the group does not know this worker", *left_out) + cluster.lines("for a whole session", *left_out)


@scenario("C3", "SIGTERM and a rolling restart under 5,000 messages a second repeat nothing and move no more than they must",
          tags=("cluster", "asan"), weight=45)
def c3(context):
    cluster = Cluster(context, **PATIENT)
    load = Load(context, cluster)
    rounds = context.pick(1, 5)
    before = cluster.starts()
    for _ in range(rounds):
        for w in cluster:
            w.stop()
            cluster.settled(3, cluster.others(w))
            load.flowing()
            w.start()
            cluster.settled(3)
            load.flowing()
    load.finish(bound=0)
    # Each time a connector and a task leave with their worker, and a connector and a task come to it again.
    moves = cluster.starts() - before
    context.note("starts=%d" % sum(moves.values()))
    context.equal(sum(moves.values()), rounds * 3 * 4, "starts of connectors and tasks (%s)" % dict(moves))


@scenario("C4", "a worker that was frozen for three sessions does nothing in another's name", tags=("cluster",), weight=35)
def c4(context):
    cluster = Cluster(context)
    load = Load(context, cluster, rate=context.pick(1500, 5000))
    for n in range(context.pick(2, 6)):
        leader = cluster.leader()
        frozen = leader if n % 2 else cluster.others(leader)[0]
        frozen.freeze()
        until = time.monotonic() + 3 * int(SHORT["session__timeout__ms"]) / 1000
        cluster.aside = frozen
        cluster.settled(3, cluster.others(frozen))
        context.wait("three sessions", lambda until=until: time.monotonic() >= until)
        known = sessions_lost(cluster)
        frozen.thaw()
        cluster.aside = None
        context.wait("the frozen worker's notice", lambda known=known: sessions_lost(cluster) > known)
        load.flowing()
        cluster.settled(3)
        load.flowing()
    load.finish()
