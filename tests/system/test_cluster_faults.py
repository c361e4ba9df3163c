# SPDX-License-Identifier: Apache-2.0
"""Three workers while Kafka restarts, while one of them is cut off, and while the MQTT broker restarts: nothing is lost, and
nothing moves or stops that need not."""
import time

from harness.brokers import write_properties
from harness.connectors import file_source
from harness.scenarios import scenario
from test_cluster import PATIENT, Cluster, Load, sessions_lost

STARTED, ENDED = "runtime.task: task started", "runtime.task: task ended"
REBALANCED, OVER = "herder.group: rebalanced", "for a whole session"
# Short, so that others take over soon; a machine may stand still for some seconds all the same.
SESSION = {"session__timeout__ms": "6000"}


def kafka_away(context, kafka, patient, hasty, loads, longer=0, killed=False):
    """One outage of Kafka: longer than the session of one cluster, shorter than that of the other. Gives the seconds from
    Kafka's return until the tasks that had to stop run, and until their messages arrive again."""
    reports, rebalances, kept = patient.reports(), patient.lines(REBALANCED), patient.lines(ENDED)
    started, ended, over = hasty.lines(STARTED), hasty.lines(ENDED), hasty.lines(OVER)
    if killed:
        kafka.kill()
    else:
        kafka.stop()
    gone = time.monotonic()
    context.wait("the end of the hasty tasks", lambda: hasty.lines(ENDED) >= ended + 3, 120)
    context.wait("the length of the outage", lambda: time.monotonic() - gone >= longer, longer + 1)
    context.equal(patient.lines(ENDED), kept, "tasks that ended within their session")
    kafka.start()
    back = time.monotonic()
    context.wait("the hasty tasks", lambda: hasty.lines(STARTED) >= started + 3, 60, 0.02)
    running = time.monotonic() - back
    loads[1].flowing(more=1)
    arriving = time.monotonic() - back
    hasty.settled(3)
    loads[0].flowing()
    context.equal(patient.reports(), reports, "what the status topic was told of work within its session")
    context.equal(patient.lines(REBALANCED), rebalances, "rebalances of a group whose sessions went on")
    context.equal(patient.lines(ENDED), kept, "tasks that ended within their session")
    if hasty.lines(OVER) == over + 3:  # each worker has lost its session once
        context.equal(hasty.lines(STARTED), started + 3, "starts of tasks after the session")
    return running, arriving


@scenario("C6", "Kafka restarts: within the session nothing stops, after it everything runs again", tags=("cluster",), weight=60)
def c6(context):
    kafka = context.own_kafka()
    broker = context.mosquitto()
    patient = Cluster(context, kafka=kafka, name="patient", **dict(PATIENT, session__timeout__ms="240000",
                                                                   rebalance__timeout__ms="240000"))
    # With Java's delay for workers that stay away: nobody stays away here (D16).
    hasty = Cluster(context, kafka=kafka, name="hasty", scheduled__rebalance__max__delay__ms="300000", **SESSION)
    loads = [Load(context, patient, rate=600, broker=broker), Load(context, hasty, rate=600, broker=broker)]
    for longer, killed in context.pick([(0, False)], [(0, False), (0, True), (30, False), (30, True), (150, False)]):
        context.note("running_again_after=%.1fs messages_after=%.1fs" % kafka_away(context, kafka, patient, hasty, loads, longer, killed))
        for load in loads:
            load.flowing()
    loads[0].finish(bound=0, what="within the session")
    loads[1].finish(what="after it")


class CutCluster(Cluster):
    """Each worker has a way of its own to Kafka, and one by which the others reach it; both are proxies."""

    def __init__(self, context, **properties):
        kafka = context.kafka
        self.to_kafka, self.to_worker = {}, {}

        def prepare(n, worker):
            behind, proxied = kafka.ways[n]
            self.to_kafka[worker] = context.proxy(behind, port=proxied, parse=False)
            self.to_worker[worker] = context.proxy(worker.port, parse=False)
            worker.known_as = self.to_worker[worker].port
            worker.properties.update({"bootstrap.servers": "127.0.0.1:%d" % proxied, "rest.advertised.port": str(worker.known_as)})
            write_properties(worker.file, worker.properties)
        super().__init__(context, kafka=kafka, prepare=prepare, **properties)

    def must_keep(self, owners, lost, *left_out):
        """Nothing has moved since `owners`, unless a machine that stood still took a session from a worker."""
        now = self.owners({name for name, _ in owners})
        if sessions_lost(self, *left_out) == lost:
            self.context.equal({what: (now or {}).get(what) for what in owners}, owners, "owners of what need not move")


def cut(proxy, silently, on=True):
    if silently:
        proxy.silence(on)
    else:
        proxy.refuse(on)


def cut_from_kafka(context, cluster, load, victim, silently):
    """The others take over; the worker gives up its tasks and their MQTT sessions by itself, and takes part again later."""
    lost, before, ended = sessions_lost(cluster, victim), cluster.settled(3), victim.child.text().count(ENDED)
    cut(cluster.to_kafka[victim], silently)
    cluster.aside = victim
    cluster.settled(3, cluster.others(victim))
    cluster.must_keep({what: owner for what, owner in before.items() if cluster.worker_of(owner) is not victim}, lost, victim)
    load.flowing()
    context.wait("the end of its task", lambda: victim.child.text().count(ENDED) == ended + 1)
    context.wait("one MQTT connection per task", lambda: [p.connections() for p in load.proxies.values()] == [1, 1, 1])
    cut(cluster.to_kafka[victim], silently, False)
    cluster.aside = None
    cluster.settled(3)
    load.flowing()


def cut_from_mqtt(context, cluster, load, victim, silently):
    """Nothing moves, nothing stops: the task connects again, and its session brings what has waited."""
    lost, owners, reports = sessions_lost(cluster), cluster.settled(3), cluster.reports()
    name = next(name for (name, task), owner in owners.items() if task == 0 and cluster.worker_of(owner) is victim)
    context.wait("the task's metric", lambda: victim.rest.metric("_connected", connector=name) == 1)
    cut(load.proxies[name], silently)
    context.wait("the task's notice", lambda: victim.rest.metric("_connected", connector=name) == 0)
    load.flowing([other for other in load.names if other != name])
    cluster.must_keep(owners, lost)
    cut(load.proxies[name], silently, False)
    load.flowing()
    told = cluster.reports()
    if sessions_lost(cluster) == lost:
        context.equal(told, reports, "what the status topic was told meanwhile")


def cut_from_leader(context, cluster, load, silently):
    """Messages flow on, and every request is served but one that only this worker can fulfil."""
    lost, leader, owners = sessions_lost(cluster), cluster.leader(), cluster.settled(3)
    name, follower = next((name, cluster.worker_of(owner)) for (name, task), owner in owners.items()
                          if task == 0 and cluster.worker_of(owner) is not leader)
    cut(cluster.to_worker[follower], silently)
    answer = leader.rest.call("POST", "/connectors/%s/tasks/0/restart" % name)
    context.check(answer.status == 500 and "IO Error trying to forward REST request" in answer.json["message"],
                  "a restart that cannot be passed on: %r", answer)
    context.equal(follower.rest.must("GET", "/connectors/%s/config" % name).status, 200, "a request to the one that is cut off")
    load.flowing()
    cluster.must_keep(owners, lost)
    cut(cluster.to_worker[follower], silently, False)
    context.equal(leader.rest.must("POST", "/connectors/%s/tasks/0/restart" % name).status, 204, "a restart that is passed on")
    cluster.settled(3)


def cut_from_followers(context, cluster, load, leader, silently, names):
    """Messages flow on. What the others must tell the leader waits: here the task configs of new connectors."""
    lines = context.work + "/lines.txt"
    with open(lines, "a", encoding="ascii") as f:
        f.write("one\n")
    followers = cluster.others(leader)
    lost, owners = sessions_lost(cluster), cluster.settled(3)
    failures = cluster.lines("task configs could not be published")
    cut(cluster.to_worker[leader], silently)
    for name in names:  # as many as workers: each has one to run
        leader.rest.create(name, file_source(lines, context.unique("lines")))
    context.wait("followers that cannot reach the leader", lambda: cluster.lines("task configs could not be published") > failures, 120)
    load.flowing()
    for w in followers:
        answer = w.rest.call("DELETE", "/connectors/" + names[0])
        context.check(answer.status == 500 and "IO Error trying to forward REST request" in answer.json["message"],
                      "a request that cannot be passed on: %r", answer)
        context.wait("all connectors, seen by " + w.name, lambda w=w: sorted(w.rest.get("/connectors").json) == sorted(load.names + names))
    cluster.must_keep(owners, lost)
    cut(cluster.to_worker[leader], silently, False)
    cluster.settled(3 + len(names))
    for name in names:
        followers[0].rest.delete(name)
    cluster.settled(3)
    load.flowing()


@scenario("C7", "one of three workers is cut off from Kafka, from MQTT, from the others", tags=("cluster",), weight=60)
def c7(context):
    cluster = CutCluster(context, **SESSION)
    load = Load(context, cluster, rate=1500, mqtt__keepalive__interval__seconds=2)
    for silently in context.pick((True,), (True, False, True)):
        leader = cluster.leader()
        for victim in context.pick((leader,), list(cluster)):
            cut_from_kafka(context, cluster, load, victim, silently)
        for victim in context.pick(cluster.others(cluster.leader())[:1], list(cluster)):
            cut_from_mqtt(context, cluster, load, victim, silently)
    for n, silently in enumerate(context.pick((False,), (False, True))):
        cut_from_leader(context, cluster, load, silently)
        cut_from_followers(context, cluster, load, cluster.leader(), silently, ["new-%d-%d" % (n, i) for i in range(3)])
    load.finish()


@scenario("C8", "the MQTT broker and all three workers restart in turn under 5,000 messages a second", tags=("cluster",), weight=50)
def c8(context):
    cluster = Cluster(context, **PATIENT)
    load = Load(context, cluster, steady=True)
    rounds = context.pick(3, 20)
    for n in range(rounds):
        # As in S6: a broker that ends in a burst has not read our answers, and nobody can count a bound.
        context.wait("nothing queued", lambda: load.in_flight() < 300, 60, 0.01)
        load.broker.stop()
        worker = cluster[n % 3]
        worker.stop()
        cluster.settled(3, cluster.others(worker))
        failed = [s for w in cluster.others(worker) for s in [w.rest.call("GET", "/connectors?expand=status").json]
                  if "FAILED" in str(s)]
        context.equal(failed, [], "FAILED while the MQTT broker was away")
        load.broker.start()
        load.flowing()
        worker.start()
        cluster.settled(3)
        load.flowing()
    load.finish(broker_ends=True)
