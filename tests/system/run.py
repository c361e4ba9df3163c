#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the system tests: the real worker, the real Kafka and Mosquitto, driven through REST and topics only.

    tests/system/run.py [--long] [--jobs N] [--list] [--keep] [NAME...]

NAME is a scenario (S2), or a word that its title or a tag holds. One line per scenario, then a summary; a failed
scenario keeps its directory with every log. KAFTAN names the worker program, KAFTAN_PLUGINS its plugin directory.
"""
import argparse
import concurrent.futures
import glob
import importlib
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import scenarios  # noqa: E402
from harness.brokers import KafkaBroker, kafka_version  # noqa: E402
from harness.children import Failure, stop_all  # noqa: E402
from harness.worker import kaftan_program  # noqa: E402

_print = threading.Lock()


def say(line):
    with _print:
        print(line, flush=True)


def chosen(scenario, names, long=False):
    if not names:
        return not scenario.only_on_request and (long or not scenario.only_long)
    for name in names:
        if name == scenario.name or name in scenario.tags or (len(name) > 4 and name in scenario.title):
            return True
    return False


def one(scenario, shared, arguments, outcome):
    work = os.path.join(arguments.work, scenario.name)
    os.makedirs(work, exist_ok=True)
    context = scenarios.Context(scenario, work, shared, arguments.long)
    started = time.monotonic()
    verdict, text = "PASS", ""
    try:
        scenario.function(context)
        context.verify()
    except scenarios.Skip as skip:
        verdict, text = "SKIP", str(skip)
    except Failure as failure:
        verdict, text = "FAIL", str(failure)
    except Exception:  # a bug of the test is a failure like any other
        verdict, text = "FAIL", traceback.format_exc()
    finally:
        for problem in context.clean_up():
            if verdict == "PASS":
                verdict, text = "FAIL", problem
    seconds = time.monotonic() - started
    notes = " ".join(context.notes)
    if verdict == "PASS":
        say("PASS %s %s: %s (%.1fs)" % (scenario.name, scenario.title, notes, seconds))
        if not arguments.keep:
            shutil.rmtree(work, ignore_errors=True)
    elif verdict == "SKIP":
        say("SKIP %s %s: %s" % (scenario.name, scenario.title, text))
    else:
        say("FAIL %s %s: %s (%.1fs)\n%s\n    logs: %s" % (scenario.name, scenario.title, notes, seconds, text, work))
    outcome.append((verdict, scenario.name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--long", action="store_true", help="the full forms")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("KAFTAN_SYSTEM_JOBS", "2")))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the logs of passed scenarios too")
    parser.add_argument("--kafka", default=None, help="version of Kafka instead of the usual one")
    parser.add_argument("--work", default=None, help="where logs go (default: a new directory under the temporary one)")
    arguments = parser.parse_args()

    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "test_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    wanted = [s for s in scenarios.all_of_them() if chosen(s, arguments.names, arguments.long)]
    if arguments.list:
        for scenario in scenarios.all_of_them():
            print("%-6s %s [%s]" % (scenario.name, scenario.title, " ".join(scenario.tags)))
        return 0
    if not wanted:
        print("no scenario named %s" % " ".join(arguments.names))
        return 2
    if not os.access(kaftan_program(), os.X_OK):
        print("no worker at %s: build it, or set KAFTAN" % kaftan_program())
        return 2

    arguments.work = arguments.work or tempfile.mkdtemp(prefix="kaftan-system-")
    os.makedirs(arguments.work, exist_ok=True)
    started = time.monotonic()
    outcome = []
    shared = scenarios.Shared(arguments.work, arguments.kafka)
    say("system tests: %d scenarios, worker %s, logs in %s" % (len(wanted), kaftan_program(), arguments.work))
    try:
        if any(s.needs_kafka for s in wanted):
            shared.start_kafka()
            say("    Kafka %s runs (%.1fs)" % (shared.kafka.version, time.monotonic() - started))
        # The longest first, so that the end is not one scenario alone; what needs the machine for itself comes last.
        together = sorted([s for s in wanted if not s.alone], key=lambda s: -s.weight)
        with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
            for future in [pool.submit(one, s, shared, arguments, outcome) for s in together]:
                future.result()
        for scenario in wanted:
            if scenario.alone:
                one(scenario, shared, arguments, outcome)
    except Failure as failure:
        say("FAIL the brokers: %s" % failure)
        outcome.append(("FAIL", "brokers"))
    finally:
        shared.stop()
        stop_all()
    counts = {v: sum(1 for w, _ in outcome if w == v) for v in ("PASS", "FAIL", "SKIP")}
    bad = [name for verdict, name in outcome if verdict == "FAIL"]
    if bad:
        say("failed: %s (logs in %s)" % (" ".join(bad), arguments.work))
    elif not arguments.keep:
        shutil.rmtree(arguments.work, ignore_errors=True)
    say("system tests: %d passed, %d failed, %d skipped in %.0f s" %
        (counts["PASS"], counts["FAIL"], counts["SKIP"], time.monotonic() - started))
    return 1 if bad or len(outcome) != len(wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
