# SPDX-License-Identifier: Apache-2.0
"""Three workers are one cluster: work is spread, moves without loss, and any worker answers for all."""
import collections
import time

from harness import kafka_io
from harness.connectors import file_source, mqtt_source
from harness.proxy import DOWN, PUBLISH
from harness.scenarios import scenario
from harness.worker import Rest

SHORT = {"session__timeout__ms": "2000", "heartbeat__interval__ms": "400"}


class Cluster:
    """Workers of one group, w0, w1, ...; w0 is started first and leads."""

    def __init__(self, context, count=3, kafka=None, **properties):
        self.context = context
        self.group = context.unique("group")
        self.kafka = kafka or context.kafka
        self.workers = []
        self.frozen = None
        for n in range(count):
            self.workers.append(context.worker(kafka=self.kafka, group=self.group, name="w%d" % n, **dict(SHORT, **properties)))
        self.joined(count)

    def __iter__(self):
        return iter(self.workers)

    def __getitem__(self, n):
        return self.workers[n]

    def rest(self):
        return next(w for w in self.workers if w.running() and w is not self.frozen).rest

    def worker_of(self, worker_id):
        return next(w for w in self.workers if worker_id.endswith(":%d" % w.port))

    def leader(self):
        """The worker whose own URL is the leader's, as running workers see it."""
        def seen():
            for w in self.workers:
                if w.running() and w is not self.frozen and w.rest.metric("_rebalance_leader_name", leader_name="http://127.0.0.1:%d/" % w.port):
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
        workers = [w for w in (workers or self.workers)]
        wanted = {"127.0.0.1:%d" % w.port for w in workers}
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
        except Exception:
            self.context.note("last owners: %s" % last.get("owners"))
            raise


def make_sources(cluster, uri, names, topics, topic, **more):
    for name in names:
        cluster.rest().create(name, mqtt_source(uri, topics % name, topic, mqtt__version="5", **more))


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
    context.equal([w.rest.call("POST", "/connectors", {"name": "a", "config": file_source(lines, topic)}).status for w in cluster],
                  [409, 409, 409], "an existing name")
    context.equal({w.rest.call("DELETE", "/connectors/nobody").body for w in cluster},
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


def under_load(context, cluster, disturb, bound_zero=False, rate=None, qos=1):
    """Three MQTT sources in a steady flow, while `disturb` does what it does."""
    broker = context.mosquitto()
    proxy = context.proxy(broker.port)
    topic = context.unique("topic")
    names = ["m0", "m1", "m2"]
    make_sources(cluster, proxy.uri, names, "load/%s/#", topic)
    for name in names:
        broker.wait_subscribed("load/%s/#" % name)
    cluster.settled(3)
    publishers = [context.publisher(broker, "load/%s/x" % name, rate=rate or context.pick(500, 2000), size=100, window=1000, qos=qos)
                  for name in names]

    def flowing():
        before = kafka_io.count(cluster.kafka.bootstrap, topic)
        context.wait_count(topic, before + 300, kafka=cluster.kafka)
    flowing()
    disturb(flowing, proxy, broker)
    flowing()
    sent = {}
    for p in publishers:
        sent.update(p.per_topic(p.stop()["sent"]))
    tally = context.wait_all(topic, sent, 240, cluster.kafka)
    bound = 0 if bound_zero else proxy.bound()
    context.note(tally.text(bound))
    tally.require(bound)


@scenario("C2", "kill -9 of an owner, of the leader, of both", tags=("cluster", "kills"), weight=45)
def c2(context):
    cluster = Cluster(context)

    def disturb(flowing, proxy, broker):
        for _ in range(context.pick(1, 5)):
            for victims in ("owner", "leader", "both"):
                leader = cluster.leader()
                others = [w for w in cluster if w is not leader]
                dead = {"owner": others[:1], "leader": [leader], "both": [leader, others[0]]}[victims]
                for w in dead:
                    w.kill()
                cluster.settled(3, [w for w in cluster if w not in dead])
                flowing()
                for w in dead:
                    w.start()
                cluster.settled(3)
                flowing()
    under_load(context, cluster, disturb)


@scenario("C3", "SIGTERM and a rolling restart repeat nothing", tags=("cluster", "asan"), weight=45)
def c3(context):
    cluster = Cluster(context)

    def disturb(flowing, proxy, broker):
        for _ in range(context.pick(1, 5)):
            for w in cluster:
                w.stop()
                cluster.settled(3, [o for o in cluster if o is not w])
                flowing()
                w.start()
                cluster.settled(3)
                flowing()
    under_load(context, cluster, disturb, bound_zero=True)


@scenario("C4", "a worker that was frozen for three sessions does nothing in another's name", tags=("cluster",), weight=35)
def c4(context):
    cluster = Cluster(context)

    def disturb(flowing, proxy, broker):
        for n in range(context.pick(2, 6)):
            leader = cluster.leader()
            frozen = leader if n % 2 else next(w for w in cluster if w is not leader)
            frozen.freeze()
            begun = time.monotonic()
            cluster.frozen = frozen
            cluster.settled(3, [w for w in cluster if w is not frozen])
            time.sleep(max(0.0, 3 * 2.0 - (time.monotonic() - begun)))
            frozen.thaw()
            cluster.frozen = None
            flowing()
            cluster.settled(3)
            flowing()
    under_load(context, cluster, disturb)
