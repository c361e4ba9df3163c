#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the worker group: Kaftan's workers, then Java's, with the same connectors on the same Kafka broker, in the
same run. Called by tools/bench group, which builds first. Prints a Markdown table and writes JSON."""
import collections
import os
import statistics
import sys
import time

from common import arguments, guarded, machine, memory, mib, note, publish, target_table, work_directory
from group_watch import KafkaLink, StatusTopic
from harness import kafka_io
from harness.brokers import JavaConnect, KafkaBroker
from harness.children import PATIENCE, Failure, wait_until
from harness.connectors import file_source
from harness.proxy import Proxy
from harness.worker import Worker, worker_properties

KINDS = ("kaftan", "java")


class Sizes:
    def __init__(self, quick, smoke):
        self.tasks = 4 if smoke else 100
        self.many = 12 if smoke else 1000
        self.rounds = 1 if smoke else 3 if quick else 5
        self.starts = 1 if smoke else self.rounds + 1  # the first one makes the topics, and does not count
        self.idle = 2 if smoke else 20 if quick else 60
        self.calm = 1 if smoke else 45   # before an idle worker is looked at: fast beats are over, clients without work at rest
        self.quiet = 1 if smoke else 4   # no status, no SyncGroup for so long: a group has settled (a heartbeat is 3 s)
        self.session = 3000 if smoke else 10000


class Group:
    """Workers of one kind in a group of their own, and a FileStreamSource connector with one task per file. Each file has a
    line, so that every task has sent something and its producer is connected."""

    def __init__(self, work, kafka, sizes, kind, tasks):
        self.kind, self.kafka, self.sizes = kind, kafka, sizes
        self.name = "%s-%d" % (kind, tasks)
        self.work = os.path.join(work, self.name)
        os.makedirs(self.work)
        self.names = ["f%d" % n for n in range(tasks)]
        self.proxy = Proxy(kafka.behind_port, kafka.proxy_port, link=KafkaLink)
        self.proxy.syncs = []
        self.status = None
        self.workers = {}

    # ---- workers ----
    def worker(self, name):
        if name not in self.workers:
            # Only the worker's own clients go through the proxy: those of 100 tasks would measure the proxy.
            properties = worker_properties(
                "127.0.0.1:%d" % self.proxy.port, self.name, producer__bootstrap__servers=self.kafka.bootstrap,
                admin__bootstrap__servers=self.kafka.bootstrap, session__timeout__ms=self.sizes.session,
                heartbeat__interval__ms=min(3000, self.sizes.session // 3), rebalance__timeout__ms=60000,
                offset__flush__interval__ms=10000, scheduled__rebalance__max__delay__ms=0)
            make = Worker if self.kind == "kaftan" else JavaConnect
            self.workers[name] = make(self.work, properties, name=name)
        return self.workers[name]

    def running(self):
        return [w for w in self.workers.values() if w.child and w.child.running()]

    def start(self, name):
        """Starts a worker; gives the moment of its exec."""
        worker, begun = self.worker(name), time.time()
        worker.start(wait=False)
        return begun

    def joined(self, begun, worker):
        """Seconds from exec to the first SyncGroup answer; nobody else is in the group."""
        return wait_until("%s joins" % worker.name, lambda: next(
            (s for s in self.proxy.syncs if s.time >= begun), None), 120, 0.01, worker.child).time - begun

    def watch(self):
        self.status = StatusTopic(self.kafka.bootstrap, self.name + "-status", os.path.join(self.work, "status.log"))

    def create(self):
        rest = self.running()[0].rest
        for name in self.names:
            path = os.path.join(self.work, name + ".txt")
            with open(path, "w", encoding="ascii") as f:
                f.write("line\n")
            rest.create(name, file_source(path, self.name + "-lines"))

    def settle(self, seconds=240):
        """Waits until everything runs on the workers that live, each with its share, and nothing moves any more."""
        ports = {w.port for w in self.running()}
        changed = [time.monotonic(), len(self.proxy.syncs)]

        def settled():
            if self.status.read() or len(self.proxy.syncs) != changed[1]:
                changed[:] = time.monotonic(), len(self.proxy.syncs)
            if time.monotonic() - changed[0] < self.sizes.quiet:
                return False
            return self.spread(ports)
        try:
            wait_until("%s settled" % self.name, settled, seconds, 0.1)
        except Failure as failure:
            states = collections.Counter((s.task[1] >= 0, s.state, s.port) for s in self.status.last.values())
            raise Failure("%s: %s on %s" % (failure, dict(states), sorted(ports))) from None

    def spread(self, ports):
        tasks = [s for s in self.status.last.values() if s.task[1] >= 0]
        if len(tasks) != len(self.names) or any(s.state != "RUNNING" or s.port not in ports for s in self.status.last.values()):
            return False
        counts = collections.Counter(s.port for s in tasks)
        return len(counts) == len(ports) and max(counts.values()) - min(counts.values()) <= 2

    def arrived(self):
        """Every task has sent its line."""
        wait_until("a line of each task", lambda: kafka_io.count(self.kafka.bootstrap, self.name + "-lines") >= len(self.names),
                   120, 0.5)

    # ---- figures ----
    def rebalanced(self, begun):
        """What happened since `begun`: from the last SyncGroup answer that gave work to the last task RUNNING, and the rest."""
        given = [s for s in self.proxy.syncs if s.time >= begun and s.tasks]
        ran = [s for s in self.status.since(begun, "RUNNING") if s.task[1] >= 0]
        if not given or not ran:
            raise Failure("%s: %d SyncGroup answers with tasks and %d tasks RUNNING after a rebalance" % (
                self.name, len(given), len(ran)))
        end = max(s.time for s in ran)
        result = {"work_ms": (end - max(s.time for s in given)) * 1000, "tasks": len({s.task for s in ran}),
                  "whole_ms": (end - begun) * 1000}
        still = self.stood_still(begun)
        if still:
            result["still_ms"] = {"median": statistics.median(still) * 1000, "max": max(still) * 1000}
        return result

    def stood_still(self, begun):
        """Of each moved task: from UNASSIGNED, the last word of its old owner, to RUNNING, the first of its new one."""
        stopped, times = {}, []
        for s in sorted(self.status.since(begun), key=lambda s: s.time):
            if s.task[1] >= 0 and s.state == "UNASSIGNED":
                stopped[s.task] = s
            elif s.task in stopped and s.state == "RUNNING" and s.port != stopped[s.task].port:
                times.append(s.time - stopped.pop(s.task).time)
        return times

    def exec_to_joined(self):
        """Of a worker whose group is empty and whose topics exist."""
        worker, times = self.worker("w1"), []
        for _ in range(self.sizes.starts):
            if worker.child:
                worker.stop()
            times.append(self.joined(self.start("w1"), worker) * 1000)
            worker.wait_ready()
        return statistics.median(times[1:] or times)

    def join_third(self):
        begun = self.start("w3")
        # until it runs something there is nothing to settle
        wait_until("work for w3", lambda: self.status.read() and any(
            s.port == self.worker("w3").port for s in self.status.since(begun, "RUNNING")), 180, 0.1, self.worker("w3").child)
        self.settle()
        return self.rebalanced(begun)

    def kill_third(self):
        begun = time.time()
        self.worker("w3").kill()
        self.settle()
        return self.rebalanced(begun)

    def take_up(self, rounds):
        """All work for one worker at once: the others have left in good order."""
        results = []
        for _ in range(rounds):
            for worker in self.running():
                worker.stop()
            begun = self.start("w1")
            wait_until("work for w1", lambda since=begun: self.status.read() and self.status.since(since, "RUNNING"), 180, 0.1,
                       self.worker("w1").child)
            self.settle()
            results.append(self.rebalanced(begun))
        return rounds_of(results)

    def idle(self):
        time.sleep(self.sizes.calm * PATIENCE)
        child = self.worker("w1").child
        before, begun = child.cpu_seconds(), time.monotonic()
        time.sleep(self.sizes.idle)
        spent = time.monotonic() - begun
        return {"cpu_percent": (child.cpu_seconds() - before) / spent * 100, "seconds": spent, "memory": memory(child.pid),
                "threads": len(os.listdir("/proc/%d/task" % child.pid)), "files": len(os.listdir("/proc/%d/fd" % child.pid))}

    def load(self):
        """Creates the connectors on w1; gives how long that took."""
        begun = time.monotonic()
        self.create()
        self.settle(600)
        took = time.monotonic() - begun - self.sizes.quiet
        self.arrived()
        return took

    def end(self):
        for worker in self.running():
            worker.stop()
        if self.status:
            self.status.close()
        self.proxy.close()


def rounds_of(results):
    """Median and worst of each figure."""
    first = results[0]
    if isinstance(first, dict):
        return {key: rounds_of([r[key] for r in results]) for key in first}
    return {"median": statistics.median(results), "max": max(results)}


def measure_small(group):
    """One kind of worker with 100 tasks."""
    sizes, result = group.sizes, {}
    note("%s: exec to joined, memory without tasks" % group.name)
    result["joined_ms"] = group.exec_to_joined()
    group.watch()
    time.sleep(sizes.quiet * PATIENCE)
    result["empty"] = memory(group.worker("w1").child.pid)
    note("%s: %d tasks on one worker" % (group.name, sizes.tasks))
    result["create_s"] = group.load()
    result["idle"] = group.idle()
    note("%s: a third worker joins, is killed" % group.name)
    group.start("w2")
    wait_until("a second worker", lambda: group.worker("w2").rest.healthy(), 120, 0.2, group.worker("w2").child)
    wait_until("work for w2", lambda: group.status.read() and any(
        s.port == group.worker("w2").port for s in group.status.records), 180, 0.1)
    group.settle()
    joins, kills = [], []
    for _ in range(sizes.rounds):
        joins.append(group.join_third())
        kills.append(group.kill_third())
    result["join"], result["kill"] = rounds_of(joins), rounds_of(kills)
    note("%s: one worker takes up all of it" % group.name)
    result["take_up"] = group.take_up(sizes.rounds)
    return result


def measure_many(group):
    """Kaftan alone with 1,000 tasks on one worker."""
    note("%s: tasks on one worker" % group.name)
    begun = group.start("w1")
    group.joined(begun, group.worker("w1"))
    group.worker("w1").wait_ready()
    group.watch()
    result = {"create_s": group.load(), "idle": group.idle()}
    result["take_up"] = group.take_up(1)
    return result


def rows_of(r):
    """(name, value, target, met)"""
    kaftan, java = (r[kind] for kind in KINDS)
    n, rows = r["tasks"], []
    for key, what in (("kill", "after a kill -9"), ("join", "after a third worker joins"), ("take_up", "one worker takes up all")):
        mine, theirs = kaftan[key]["work_ms"], java[key]["work_ms"]
        ratio = mine["median"] / max(theirs["median"], 1)
        rows.append(("rebalance work %s, Kaftan / Java" % what, "%.2f" % ratio, "<= 0.20", ratio <= 0.20))
        rows.append(("rebalance work %s, %d tasks, worst" % (what, n), "%.0f ms" % mine["max"], "<= 500 ms", mine["max"] <= 500))
    still = kaftan["join"]["still_ms"]["max"]["max"]
    rows.append(("a moved task stands still, worst", "%.0f ms" % still, "<= 1000 ms", still <= 1000))
    rss = kaftan["idle"]["memory"]["rss"]
    rows.append(("%d idle tasks, RSS" % n, mib(rss), "<= 150 MiB", rss <= 150 << 20))
    rss = r["many"]["idle"]["memory"]["rss"]
    rows.append(("%d tasks on one worker, RSS" % r["many_tasks"], mib(rss), "< 1024 MiB", rss < 1 << 30))
    ratio = kaftan["idle"]["cpu_percent"] / max(java["idle"]["cpu_percent"], 0.001)
    rows.append(("idle CPU with %d connectors, Kaftan / Java" % n, "%.2f" % ratio, "<= 0.20", ratio <= 0.20))
    return rows


def pair(figure):
    return "%.0f / %.0f ms" % (figure["median"], figure["max"])


def sizes_of(m):
    return "%s / %s" % (mib(m["rss"]), mib(m["pss"]))


def report(r):
    n = r["tasks"]
    figures = [
        ("exec to joined", lambda k: "%.0f ms" % k["joined_ms"]),
        ("a third joins two: work", lambda k: pair(k["join"]["work_ms"])),
        ("its exec to the last task RUNNING", lambda k: pair(k["join"]["whole_ms"])),
        ("a moved task stands still: median of its round", lambda k: pair(k["join"]["still_ms"]["median"])),
        ("longest of its round", lambda k: pair(k["join"]["still_ms"]["max"])),
        ("kill -9 of one of three: work", lambda k: pair(k["kill"]["work_ms"])),
        ("kill to the last task RUNNING", lambda k: pair(k["kill"]["whole_ms"])),
        ("one worker takes up all: work", lambda k: pair(k["take_up"]["work_ms"])),
        ("its exec to the last task RUNNING", lambda k: pair(k["take_up"]["whole_ms"])),
        ("creating the connectors, one after the other, to the last RUNNING", lambda k: "%.1f s" % k["create_s"]),
        ("no task: RSS / PSS", lambda k: sizes_of(k["empty"])),
        ("%d tasks: RSS / PSS" % n, lambda k: sizes_of(k["idle"]["memory"])),
        ("%d tasks: threads, open files" % n, lambda k: "%d, %d" % (k["idle"]["threads"], k["idle"]["files"])),
        ("%d tasks, idle: CPU" % n, lambda k: "%.2f %%" % k["idle"]["cpu_percent"]),
    ]
    out = target_table(rows_of(r))
    out += ["", "## %d connectors with a task each (median / worst of %d rounds)" % (n, r["rounds"]), "",
            "| figure | Kaftan | Java |", "| --- | ---: | ---: |"]
    out += ["| %s | %s | %s |" % (name, show(r["kaftan"]), show(r["java"])) for name, show in figures]
    many = r["many"]
    out += ["", "## Kaftan alone: %d connectors with a task each, one worker" % r["many_tasks"], "",
            "| figure | value |", "| --- | ---: |",
            "| creating the connectors, one after the other, to the last RUNNING | %.1f s |" % many["create_s"],
            "| takes up all: work | %.0f ms |" % many["take_up"]["work_ms"]["median"],
            "| its exec to the last task RUNNING | %.0f ms |" % many["take_up"]["whole_ms"]["median"],
            "| RSS / PSS | %s |" % sizes_of(many["idle"]["memory"]),
            "| threads, open files | %d, %d |" % (many["idle"]["threads"], many["idle"]["files"]),
            "| idle: CPU | %.2f %% |" % many["idle"]["cpu_percent"], ""]
    return "\n".join(out)


def main():
    a = arguments(__doc__, "three rounds, within ten minutes", "a few tasks through everything, no figures worth reading")
    sizes = Sizes(a.quick, a.smoke)
    with work_directory() as work:
        kafka = KafkaBroker(work, heap=1024, extra={"log.message.timestamp.type": "LogAppendTime",
                                                    "group.initial.rebalance.delay.ms": "0"}).start()
        r = {"machine": machine(), "rounds": sizes.rounds, "tasks": sizes.tasks, "many_tasks": sizes.many}
        plan = [(kind, kind, sizes.tasks, measure_small) for kind in KINDS] + [("many", "kaftan", sizes.many, measure_many)]
        for key, kind, tasks, measure in plan:
            group = Group(work, kafka, sizes, kind, tasks)
            r[key] = measure(group)
            group.end()
        kafka.stop()
    publish(r, report(r), rows_of(r), a.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
