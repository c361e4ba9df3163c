# SPDX-License-Identifier: Apache-2.0
"""Requests between workers: every worker says the same, signatures count, levels of loggers reach the whole group."""
import base64
import hashlib
import hmac
import json
import urllib.parse

from harness import kafka_io
from harness.connectors import file_source
from harness.scenarios import scenario
from test_cluster import Cluster

ODD = "odd ;=+&{x}@:,'() \u00e9\u2192\U0001f600"  # what no worker takes (/, %, \) is left out


def path(name, rest=""):
    return "/connectors/" + urllib.parse.quote(name, "") + rest


def everywhere(cluster, method, target, body=None):
    """The answers of all workers to the same request, which must be one."""
    answers = [w.rest.call(method, target, body) for w in cluster]
    cluster.context.equal(len({(a.status, a.body) for a in answers}), 1, "answers to %s %s: %r" % (method, target, answers))
    return answers[0]


def odd_names(context, cluster, config):
    leader = cluster.leader()
    followers = [w for w in cluster if w is not leader]
    answer = followers[0].rest.must("PUT", path(ODD, "/config"), config)
    context.equal((answer.status, answer.json["name"]), (201, ODD), "PUT through a follower")
    cluster.rest().wait_state(ODD)
    for w in cluster:
        context.equal(w.rest.must("POST", path(ODD, "/restart")).status, 204, "restart")
        context.equal(w.rest.must("POST", path(ODD, "/tasks/0/restart")).status, 204, "restart of the task")
    cluster.rest().wait_state(ODD)
    context.equal(followers[1].rest.must("POST", path(ODD, "/restart?includeTasks=true")).status, 202, "restart of all")
    cluster.rest().wait_state(ODD)
    answer = followers[0].rest.must("PATCH", path(ODD, "/config"), {"note": "\u00e9\U0001f600\"\\"})
    context.equal(answer.json["config"]["note"], "\u00e9\U0001f600\"\\", "note")
    context.wait("the note, everywhere", lambda: all(
        w.rest.call("GET", path(ODD, "/config")).json.get("note") == "\u00e9\U0001f600\"\\" for w in cluster))
    context.equal(followers[1].rest.must("PUT", path(ODD, "/stop")).status, 204, "stop")
    context.equal(followers[0].rest.must("DELETE", path(ODD)).status, 204, "DELETE")
    context.wait("nobody knows it", lambda: all(ODD not in w.rest.get("/connectors").json for w in cluster))


def refusals(context, cluster, config):
    for method, target, body, status in [
            ("POST", "/connectors", {"name": "x", "config": {"name": "y"}}, 400),
            ("POST", "/connectors", {"name": "x", "config": {"connector.class": "none.Such"}}, 400),
            ("PATCH", path("kept", "/config"), {"tasks.max": "no"}, 400),
            ("PUT", path("x", "/config"), {"connector.class": config["connector.class"], "tasks.max": "no"}, 400),
            ("DELETE", path("x"), None, 404),
            ("PUT", path("x", "/stop"), None, 404),
            ("POST", path("x", "/restart"), None, 404),
            ("POST", path("x", "/restart?includeTasks=true"), None, 404),
            ("POST", path("x", "/tasks/0/restart"), None, 404),
            ("PATCH", path("x", "/config"), {"a": "b"}, 404),
            ("POST", "/connectors", {"name": "kept", "config": config}, 409)]:
        answer = everywhere(cluster, method, target, body)
        context.equal(answer.status, status, "%s %s" % (method, target))
        context.equal(answer.json["error_code"], answer.status, "error_code")
    leader = cluster.leader()
    for w in cluster:  # may not be passed on
        if w is not leader:
            answer = w.rest.call("DELETE", path("kept") + "?forward=false")
            context.equal((answer.status, answer.json["message"]), (409, "Cannot complete request because of a conflicting operation "
                                                                         "(e.g. worker rebalance)"), "forward=false")


def session_key(context, cluster):
    def newest():
        records = [r for r in kafka_io.records(cluster.kafka.bootstrap, cluster.group + "-configs") if r["key"] == "session-key"]
        return json.loads(records[-1]["payload"]) if records else None
    return base64.b64decode(context.wait("a session key", newest)["key"])


def internal_requests(context, cluster, config):
    key = session_key(context, cluster)
    leader = cluster.leader()
    tasks = json.dumps([dict(config, **{"task.class": "org.apache.kafka.connect.file.FileStreamSourceTask", "name": "kept"})])

    def send(rest, body, mac=None, algorithm="HmacSHA256", target=path("kept", "/tasks"), method="POST"):
        headers = {} if mac is None else {"X-Connect-Authorization": mac, "X-Connect-Request-Signature-Algorithm": algorithm}
        answer = rest.call(method, target, body, headers)
        return answer.status, answer.json["message"] if answer.json else None

    def sign(body):
        return base64.b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()).decode()
    missing = (400, "Internal request missing required signature")
    wrong = (403, "Internal request contained invalid signature.")
    for w in cluster:
        context.equal(send(w.rest, tasks), missing, "unsigned")
        context.equal(send(w.rest, tasks, sign(tasks + " ")), wrong, "signed over something else")
        context.equal(send(w.rest, tasks, "!!!!"), (400, "Illegal base64 character 21"), "no base64")
        context.equal(send(w.rest, tasks, sign(tasks), "HmacNone"), (400, "Algorithm HmacNone not available"), "algorithm")
        context.equal(send(w.rest, tasks, sign(tasks), "HmacSHA1")[0], 400, "an algorithm that is not accepted")
        context.equal(send(w.rest, "", sign(""))[0], 500, "no body")
    follower = next(w for w in cluster if w is not leader)
    context.equal(send(follower.rest, tasks, sign(tasks)), missing, "passed on without its signature")
    context.equal(send(leader.rest, tasks, sign(tasks), target=path("nobody", "/tasks"))[0], 404, "an unknown connector")
    context.equal(send(leader.rest, tasks, sign(tasks)), (204, None), "task configs, signed")
    context.equal(send(leader.rest, "", sign(""), target=path("nobody", "/fence"), method="PUT")[0], 404, "fence of nobody")
    cluster.rest().wait_state("kept")


def loggers(context, cluster):
    name = "org.apache.kafka.connect.runtime.WorkerSourceTask"
    answer = cluster[1].rest.call("PUT", "/admin/loggers/rest?scope=cluster", {"level": "debug"})
    context.equal((answer.status, answer.body), (204, b""), "scope cluster")
    cluster[2].rest.must("PUT", "/admin/loggers/%s?scope=cluster" % name, {"level": "TRACE"})

    def level(w, logger):
        found = w.rest.call("GET", "/admin/loggers/" + logger)
        return found.json["level"] if found.status == 200 else None
    context.wait("DEBUG everywhere", lambda: all(level(w, "rest.rest") == "DEBUG" for w in cluster))
    context.wait("Java's name everywhere", lambda: all(level(w, name) == "TRACE" for w in cluster))
    answer = cluster[0].rest.must("PUT", "/admin/loggers/rest", {"level": "INFO"})
    context.check("rest.rest" in answer.json and all(n.startswith("rest") for n in answer.json), "changed: %r" % answer.json)
    context.equal([level(w, "rest.rest") for w in cluster], ["INFO", "DEBUG", "DEBUG"], "levels after one worker's change")
    cluster[0].rest.must("PUT", "/admin/loggers/root?scope=CLUSTER", {"level": "INFO"})
    context.wait("INFO everywhere", lambda: all(level(w, "rest.rest") == level(w, "root") == "INFO" for w in cluster))


@scenario("C5", "requests between workers: odd names, equal refusals, signatures, levels for all", tags=("cluster", "asan", "tsan"),
          weight=20)
def c5(context):
    cluster = Cluster(context)
    lines = context.work + "/lines.txt"
    with open(lines, "w", encoding="ascii") as f:
        f.write("one\n")
    config = file_source(lines, context.unique("topic"))
    odd_names(context, cluster, config)
    cluster.rest().create("kept", config)
    cluster.rest().wait_state("kept")
    refusals(context, cluster, config)
    internal_requests(context, cluster, config)
    loggers(context, cluster)
