# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: arguments, memory of a process, medians, the table of targets, the harness of the system tests."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
from harness.children import Failure  # noqa: E402  (found by the line above)


def arguments(description, quick, smoke):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--quick", action="store_true", help=quick)
    p.add_argument("--json", default=None, help="file for the figures")
    p.add_argument("--smoke", action="store_true", help=smoke)
    return p.parse_args()


def work_directory():
    return tempfile.TemporaryDirectory(prefix="kaftan-bench-")


def machine():
    return {"cpus": os.cpu_count(), "kernel": platform.release()}


def note(text):
    print("    %s" % text, file=sys.stderr, flush=True)


def memory(pid):
    """RSS and PSS in bytes."""
    values = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        for line in f:
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                values[name.lower()] = int(rest.split()[0]) * 1024
    return values


def merge(rounds):
    """Medians of each figure over rounds that look alike."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: merge([r[key] for r in rounds]) for key in first}
    return statistics.median(rounds)


def mib(n):
    return "%.1f MiB" % (n / 1048576)


def target_table(rows):
    """rows: (name, value, target, met)"""
    out = ["## Targets", "", "| figure | value | target | met |", "| --- | ---: | ---: | --- |"]
    return out + ["| %s | %s | %s | %s |" % (a, b, c, "yes" if d else "**no**") for a, b, c, d in rows]


def publish(results, text, rows, path):
    """Prints the tables and the count of targets; writes the figures as JSON when a path is given."""
    print(text)
    if path:
        with open(path, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    print("%d of %d targets met" % (sum(1 for row in rows if row[3]), len(rows)))


def guarded(main):
    """The exit status of a benchmark: 1 and one line when it could not be measured. Targets do not count."""
    try:
        main()
    except (Failure, subprocess.SubprocessError) as e:
        print("bench: %s" % e, file=sys.stderr)
        return 1
    return 0
