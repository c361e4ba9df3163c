# SPDX-License-Identifier: Apache-2.0
"""Child processes that do not outlive the run, free ports, and waiting for a state.

A child is started with PR_SET_PDEATHSIG (setpriv), which fires when the *thread* that started it ends; so one thread
that lives as long as the run starts them all.
"""
import atexit
import concurrent.futures
import os
import random
import signal
import socket
import subprocess
import threading
import time

_spawner = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_lock = threading.Lock()
_alive = []
_ports = set()

# Deadlines are generous because the machine may be busy; on success nothing waits for them.
PATIENCE = float(os.environ.get("KAFTAN_TEST_PATIENCE", "1"))


class Failure(Exception):
    """A check that did not hold; the text says which."""


def free_port(host="127.0.0.1"):
    """A port below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    while True:
        port = random.randrange(15000, 32000)
        with _lock:
            if port in _ports:
                continue
            with socket.socket() as s:
                try:
                    s.bind((host, port))
                except OSError:
                    continue
            _ports.add(port)
            return port


def wait_until(what, predicate, seconds=60, every=0.05, child=None):
    """Calls predicate until it gives something true, which is returned. Fails after the deadline or when child ends."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        found = predicate()
        if found:
            return found
        if child is not None and not child.running():
            raise Failure("%s: %s ended with %s\n%s" % (what, child.name, child.process.returncode, child.tail()))
        if time.monotonic() > deadline:
            raise Failure("%s: not within %d s%s" % (what, seconds * PATIENCE, "\n" + child.tail() if child else ""))
        time.sleep(every)


def can_connect(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


class Child:
    """One process with its output in a file."""

    def __init__(self, name, argv, log, env=None, cwd=None):
        self.name = name
        self.log = log
        self.argv = argv
        self.started = time.monotonic()
        environment = dict(os.environ)
        environment.update(env or {})

        def start():
            with open(log, "ab") as out:
                return subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + argv, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=subprocess.STDOUT, env=environment, cwd=cwd)
        self.process = _spawner.submit(start).result()
        with _lock:
            _alive.append(self)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def send(self, number):
        if self.running():
            self.process.send_signal(number)

    def freeze(self):
        self.send(signal.SIGSTOP)

    def thaw(self):
        self.send(signal.SIGCONT)

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait(30)

    def stop(self, seconds=30):
        """SIGTERM, then SIGKILL after the deadline; gives the exit status."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except Failure:
            return self.kill()

    def wait(self, seconds=60):
        try:
            status = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("%s did not end within %d s\n%s" % (self.name, seconds * PATIENCE, self.tail())) from None
        with _lock:
            if self in _alive:
                _alive.remove(self)
        return status

    def text(self):
        try:
            with open(self.log, "rb") as f:
                return f.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def tail(self, lines=25):
        return "".join("    | %s\n" % line for line in self.text().splitlines()[-lines:])

    def rss(self):
        """Resident memory in bytes."""
        with open("/proc/%d/status" % self.pid, encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.pid, encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@atexit.register
def stop_all():
    for child in list(_alive):
        try:
            child.send(signal.SIGKILL)
            child.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            pass


def run(argv, seconds=120, check=True, data=None, env=None):
    """Runs a command to its end; gives its output as text."""
    environment = dict(os.environ)
    environment.update(env or {})
    done = subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds * PATIENCE,
                          stdin=None if data is not None else subprocess.DEVNULL, env=environment, check=False)
    if check and done.returncode != 0:
        raise Failure("%s: exit %d\n%s" % (" ".join(argv), done.returncode, done.stderr.decode("utf-8", "replace")[-2000:]))
    return done.stdout
