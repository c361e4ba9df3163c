# SPDX-License-Identifier: Apache-2.0
"""Reading and writing Kafka topics with kcat, an independent client."""
import collections
import json

from .children import Failure, run, wait_until

# What kcat says of a broker that has only just started, or of one that has a new leader.
PASSING = ("Not leader for partition", "Leader not available", "Broker transport failure", "brokers are down", "Local: Timed out",
           "Failed to acquire metadata", "Unknown topic or partition")


def ask(argv):
    """What kcat answers, asked again while the broker is not ready yet."""
    refusal = [None]

    def answer():
        try:
            return (run(argv, 300),)
        except Failure as failure:
            if not any(text in str(failure) for text in PASSING):
                raise
            refusal[0] = failure
            return None
    try:
        return wait_until("an answer", answer, 60, 0.3)[0]
    except Failure:
        raise refusal[0] or Failure("no answer: %s" % " ".join(argv)) from None


def records(bootstrap, topic, committed=False, limit=None):
    """Every record of a topic: dicts with partition, offset, ts, key, headers and payload (text), as kcat -J gives them."""
    argv = ["kcat", "-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-o", "beginning", "-J",
            "-X", "isolation.level=" + ("read_committed" if committed else "read_uncommitted")]
    if limit:
        argv += ["-c", str(limit)]
    found = []
    for line in ask(argv).decode("utf-8", "replace").splitlines():
        item = json.loads(line)
        flat = item.get("headers") or []
        item["headers"] = list(zip(flat[0::2], flat[1::2]))
        found.append(item)
    return found


def numbers(bootstrap, topic, committed=False):
    """The number in front of each payload, as {number: times} and the list of (partition, number) in offset order."""
    argv = ["kcat", "-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-o", "beginning", "-f", "%p %k %s\\n",
            "-X", "isolation.level=" + ("read_committed" if committed else "read_uncommitted")]
    order = []
    for line in ask(argv).split(b"\n"):
        parts = line.split(b" ", 3)
        if len(parts) < 3:
            continue
        order.append((int(parts[0]), parts[1].decode("utf-8", "replace"), int(parts[2])))
    return order


def count(bootstrap, topic):
    """Records in a topic as its offsets tell (end minus beginning of each partition); 0 when it does not exist."""
    total = 0
    for partition in partitions(bootstrap, topic):
        ends = []
        for when in ("-2", "-1"):
            out = ask(["kcat", "-Q", "-b", bootstrap, "-t", "%s:%d:%s" % (topic, partition, when)]).decode()
            ends.append(int(out.strip().rsplit(" ", 1)[1]))
        total += ends[1] - ends[0]
    return total


def partitions(bootstrap, topic):
    out = json.loads(ask(["kcat", "-L", "-J", "-b", bootstrap, "-t", topic, "-m", "20"]).decode())
    for found in out.get("topics", []):
        if found["topic"] == topic and "error" not in found:
            return [p["partition"] for p in found["partitions"]]
    return []


def topics(bootstrap):
    out = json.loads(ask(["kcat", "-L", "-J", "-b", bootstrap, "-m", "20"]).decode())
    return [t["topic"] for t in out.get("topics", [])]


def produce(bootstrap, topic, lines, key=None):
    argv = ["kcat", "-P", "-b", bootstrap, "-t", topic] + (["-k", key] if key else [])
    run(argv, data="".join(line + "\n" for line in lines).encode())


class Tally:
    """What was sent against what is in Kafka, per MQTT topic (the record key)."""

    def __init__(self, sent, order):
        counted = collections.Counter((key, number) for _, key, number in order)
        wanted = set()
        for key, total in sent.items():
            wanted.update((key, n) for n in range(total))
        self.sent = len(wanted)
        self.in_kafka = len(order)
        self.lost = sorted(wanted - set(counted))
        self.strange = sorted(set(counted) - wanted)
        self.duplicated = sum(times - 1 for times in counted.values())
        last, self.out_of_order = {}, 0
        seen = set()
        for partition, key, number in order:
            # The first appearance of each number must come in order; repeats come again in their old order.
            if (key, number) in seen:
                continue
            seen.add((key, number))
            if number < last.get((partition, key), -1):
                self.out_of_order += 1
            last[(partition, key)] = number

    def text(self, bound=None):
        return "sent=%d in_kafka=%d lost=%d duplicated=%d%s out_of_order=%d" % (
            self.sent, self.in_kafka, len(self.lost), self.duplicated, "" if bound is None else " bound=%d" % bound,
            self.out_of_order)

    def require(self, bound=None, ordered=True, strange=False):
        problems = []
        if self.lost:
            problems.append("lost %d, first %s" % (len(self.lost), self.lost[:5]))
        if bound is not None and self.duplicated > bound:
            problems.append("%d duplicates, at most %d allowed" % (self.duplicated, bound))
        if ordered and self.out_of_order:
            problems.append("%d out of order" % self.out_of_order)
        if self.strange and not strange:
            problems.append("%d records nobody sent, first %s" % (len(self.strange), self.strange[:5]))
        if problems:
            raise Failure("%s (%s)" % ("; ".join(problems), self.text(bound)))
        return self.text(bound)
