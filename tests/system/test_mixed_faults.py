# SPDX-License-Identifier: Apache-2.0
"""Groups of Java's workers and ours when something goes wrong: killed, frozen and cut off members, leaders of both kinds. Lines
flow all the while; the files that processes have open show who really runs a task."""
import base64
import json
import time

from harness.connectors import mqtt_source
from harness.proxy import Proxy
from harness.scenarios import scenario
from harness.worker import Worker
from test_mixed import Mixed, moved_file

# Short enough for a test, and long enough for a JVM on a busy machine.
SESSION = {"session__timeout__ms": "5000", "heartbeat__interval__ms": "500"}


def kind(member):
    return "ours" if isinstance(member, Worker) else "Java"


def ours_lead(group):
    """Java's workers leave and come back: who comes does not lead."""
    java = group.java_members()
    if group.leader() in java:
        for member in java:
            group.leave(member)
            group.settled()
        group.back(*java)
        group.settled()
    group.context.equal(kind(group.leader()), "ours", "leader")


def java_leads(group):
    ours = group.our_members()
    if group.leader() in ours:
        for member in ours:
            group.leave(member)
            group.settled()
        group.back(*ours)
        group.settled()
    group.context.equal(kind(group.leader()), "Java", "leader")


@scenario("mixed-java-leads", "2 Java and 1 of ours: frozen and killed members while Java leads, and the leader killed",
          tags=("cluster", "kills"), weight=50)
def mixed_java_leads(context):
    group = Mixed(context, 4, **SESSION)
    group.flow()
    j0 = group.java("j0")
    j0.wait_ready()
    group.create(j0)
    j1 = group.java("j1")
    k0 = group.ours("k0")
    group.ready()
    group.settled()
    context.equal(group.leader().name, "j0", "leader")
    group.freeze(k0)
    context.equal(group.leader().name, "j0", "leader")
    group.kill(k0)
    group.settled()
    group.back(k0)
    group.settled()
    if context.long:
        group.freeze(j1)
        group.kill(j1)
        group.settled()
        group.back(j1)
        group.settled()
        for member in (k0, j1):
            group.leave(member)
            group.settled()
            group.back(member)
            group.settled()
        group.kill(j1, k0)
        group.settled()
        group.back(j1, k0)
        group.settled()
    context.equal(group.leader().name, "j0", "leader")
    group.kill(j0)
    group.settled()
    context.note("next leader: %s" % kind(group.leader()))
    if context.long:
        group.back(j0)
        group.settled()
        group.kill(*(m for m in list(group.members) if m is group.leader() or m is k0))
        group.settled()
    group.tally()


def mqtt_while_only_ours(context, group):
    """The last Java worker has gone: MQTT sources beside the files, and one of ours is killed under load."""
    context.check(not group.java_members(), "Java is there")
    rest = group.members[0].rest
    broker = context.mosquitto()
    proxy = context.proxy(broker.port)
    topic = context.unique("mqtt")
    names = ["m0", "m1"]
    for name in names:
        rest.create(name, mqtt_source(proxy.uri, "load/%s/#" % name, topic, mqtt__version="5"))
    for name in names:
        broker.wait_subscribed("load/%s/#" % name)
    publishers = [context.publisher(broker, "load/%s/x" % name, rate=300, size=100, window=500) for name in names]
    context.wait_count(topic, 300)
    victim = next(m for m in group.members if rest.status("m0")["tasks"][0]["worker_id"].endswith(":%d" % m.port))
    group.extra = names
    group.kill(victim)
    group.settled()
    group.back(victim)
    group.settled()
    sent = {}
    for publisher in publishers:
        sent.update(publisher.per_topic(publisher.stop()["sent"]))
    tally = context.wait_all(topic, sent, 240)
    context.note("MQTT: " + tally.text(proxy.bound()))
    tally.require(proxy.bound())


@scenario("mixed-ours-lead", "1 Java and 2 of ours: frozen and killed members while one of ours leads, and the leader killed",
          tags=("cluster", "kills"), weight=50)
def mixed_ours_lead(context):
    group = Mixed(context, 4, **SESSION)
    group.flow()
    k0 = group.ours("k0")
    group.create(k0)
    k1 = group.ours("k1")
    j0 = group.java("j0")
    group.ready()
    group.settled()
    context.equal(group.leader().name, "k0", "leader")
    group.freeze(j0)
    context.equal(group.leader().name, "k0", "leader")
    if context.long:
        group.freeze(k1)
        ours_lead(group)
        group.freeze(group.leader())
        ours_lead(group)
        for member in (j0, k1, k0):
            group.leave(member)
            group.settled()
            group.back(member)
            group.settled()
        group.kill(k0, k1)
        group.settled()
        group.back(k0, k1)
        group.settled()
        ours_lead(group)
    leader = group.leader()
    group.kill(leader)
    group.settled()
    context.note("next leader: %s" % kind(group.leader()))
    group.back(leader)
    group.settled()
    group.kill(j0)
    group.settled()
    mqtt_while_only_ours(context, group)
    group.tally()


class Keys:
    """The group's session keys, as the config topic tells them."""

    def __init__(self, group):
        self.group = group

    def all(self):
        records = self.group.records(self.group.group + "-configs")
        return [json.loads(r["payload"]) for r in records if r["key"] == "session-key"]

    def rotated(self):
        """Waits for two more keys: the first may have been under way already."""
        known = len(self.all())
        self.group.context.wait("two more session keys", lambda: len(self.all()) >= known + 2)


@scenario("mixed-keys", "session keys of one kind sign and prove requests of the other, and are renewed", tags=("cluster",), weight=25)
def mixed_keys(context):
    group = Mixed(context, 2, inter__worker__key__ttl__ms="2000")
    group.write()
    keys = Keys(group)
    k0 = group.ours("k0")
    group.create(k0)
    j0 = group.java("j0")
    group.ready()
    group.settled()
    for _ in range(2):  # ours makes the key, Java signs
        context.equal(group.leader().name, "k0", "leader")
        keys.rotated()
        moved_file(group, j0.port, k0)
    group.settled()
    group.leave(k0)
    group.settled()
    k1 = group.ours("k1")
    group.settled()
    for _ in range(2):  # Java makes the key, ours signs
        context.equal(group.leader().name, "j0", "leader")
        keys.rotated()
        moved_file(group, k1.port, j0)
    group.settled()
    found = keys.all()
    context.equal({(k["algorithm"], len(base64.b64decode(k["key"]))) for k in found}, {("HmacSHA256", 32)}, "keys")
    context.equal(len({k["key"] for k in found}), len(found), "different keys")
    times = [k["creation-timestamp"] for k in found]
    context.equal(times, sorted(times), "their times")
    context.note("keys=%d" % len(found))
    group.tally()


@scenario("mixed-eager", "a Java worker that only speaks the eager protocol takes the group there, and away from it again",
          tags=("cluster",), weight=30)
def mixed_eager(context):
    group = Mixed(context, 3, **SESSION)
    group.flow()
    k0 = group.ours("k0")
    group.create(k0)
    k1 = group.ours("k1")
    group.settled()
    speaks = lambda name: all(m.rest.metric("_rebalance_connect_protocol", connect_protocol=name) for m in group.our_members())
    context.check(speaks("SESSIONED"), "not sessioned")
    group.properties["connect__protocol"] = "eager"
    j0 = group.java("j0")
    group.ready()
    group.settled()
    context.check(speaks("EAGER"), "not eager")
    context.equal(group.leader().name, "k0", "leader")
    moved_file(group, j0.port, k1)
    moved_file(group, k1.port, j0)
    group.settled()
    group.leave(k0)
    group.settled()
    group.kill(k1)  # it may lead, or Java
    group.settled()
    group.back(k1)
    group.settled()
    context.equal(group.leader().name, "j0", "leader")
    moved_file(group, k1.port, j0)
    group.settled()
    group.leave(j0)
    group.settled()
    context.check(speaks("SESSIONED"), "not sessioned again")
    group.tally()


DELAY_MS = 5000


def away(group, victim, comes_back):
    """A killed member's work waits for the delay; then it has it back or, when it stayed away, the others take it over. A leader
    of ours gives it back to who has come at once. Nobody else's work moves meanwhile."""
    context = group.context
    before = context.wait("owners", group.once)
    mine = [name for name in group.names if before[name, 0] == victim.port]
    context.check(mine, "%s has no task", victim.name)
    others = {name: [before[name, 0]] for name in group.names if name not in mine}
    waits = not comes_back or kind(group.leader()) == "Java"
    begun = time.monotonic()
    group.kill(victim)
    if comes_back:
        group.back(victim)

    def taken():
        for name, readers in others.items():
            context.equal(group.readers(name), readers, "readers of %s, which has no part in it" % name)
        return any(group.readers(name) for name in mine)
    context.wait("the work of %s" % victim.name, taken, 90, 0.05)
    took = time.monotonic() - begun
    least = (int(SESSION["session__timeout__ms"]) - int(SESSION["heartbeat__interval__ms"]) + DELAY_MS) / 1000
    context.check(took > least - 1 or not waits, "its work moved after %.1f s, without a delay", took)
    after = group.settled()
    if comes_back:
        context.equal(after, before, "owners")


@scenario("mixed-delay", "scheduled.rebalance.max.delay.ms: who comes back finds its work, who does not loses it; both kinds of leader",
          tags=("cluster",), weight=35)
def mixed_delay(context):
    group = Mixed(context, 3, scheduled__rebalance__max__delay__ms=DELAY_MS, **SESSION)
    group.flow()
    k0 = group.ours("k0")
    group.create(k0)
    j0 = group.java("j0")
    group.ready()
    group.settled()
    k1 = group.ours("k1")
    group.settled()
    context.equal(group.leader().name, "k0", "leader")
    away(group, k1, True)
    if context.long:
        away(group, j0, False)
        group.back(j0)
        group.settled()
    group.leave(k0)  # the leader's memory of a departure goes with it: no delay
    group.settled()
    java_leads(group)
    away(group, k1, False)
    if context.long:
        group.back(k0, k1)
        group.settled()
        away(group, k0, True)
    group.tally()


def restart_kafka(group, seconds):
    """A broker that goes and comes back after so long: what was under way may come twice, no line may lack."""
    stored = group.stored(group.members)
    group.kafka.stop()
    time.sleep(seconds)
    group.kafka.start()
    group.settled()
    group.excuse("Kafka away", stored)


@scenario("mixed-broker", "Kafka restarts under a mixed group, and one of ours is cut off from it", tags=("cluster",), weight=70,
          only_long=True)
def mixed_broker(context):
    kafka = context.own_kafka()
    proxy = Proxy(kafka.behind_port, kafka.proxy_port, parse=False)
    context.at_end(proxy.close)
    group = Mixed(context, 4, kafka, **SESSION)
    group.flow()
    j0 = group.java("j0")
    j0.wait_ready()
    group.create(j0)
    group.ours("k0")
    k1 = group.ours("k1", bootstrap__servers="127.0.0.1:%d" % proxy.port)
    group.settled()
    context.equal(group.leader().name, "j0", "leader")
    for seconds in context.pick([0], [0, 8]):
        restart_kafka(group, seconds)
    for _ in range(context.pick(1, 3)):
        stored = group.stored([k1])
        proxy.refuse()
        group.members.remove(k1)
        group.settled()
        context.wait("k1 gives up what others have", lambda: not any(group.reads(k1, name) for name in group.names))
        group.members.append(k1)
        proxy.refuse(False)
        group.settled()
        group.excuse("k1 cut off", stored)
    group.tally()
