# SPDX-License-Identifier: Apache-2.0
"""The real things: Apache Kafka (KRaft, one node), Mosquitto, and the Java Connect worker, on free loopback ports."""
import glob
import os
import shutil
import subprocess

from .children import Child, can_connect, free_port, run, wait_until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

LOG4J = """status=error
name=kaftan-tests
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c{1})%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=OUT
"""


def shell_function(call):
    """Asks tools/lib.sh, where the facts about Java and Kafka's jars live."""
    done = subprocess.run(["bash", "-c", "set -eu; . tools/lib.sh; " + call], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip().splitlines()[-1]


def kafka_version(old=False):
    return shell_function('printf "%s\\n" "$KAFKA_OLD_VERSION"' if old else 'printf "%s\\n" "$KAFKA_VERSION"')


def write_properties(path, values):
    with open(path, "w", encoding="utf-8") as f:
        for key, value in values.items():
            f.write("%s=%s\n" % (key, value))


class Jvm:
    """Java and a class path with Kafka's jars."""

    def __init__(self, version, work):
        self.java = shell_function("java_pick")
        jars = shell_function('kafka_fetch %s; kafka_dir %s' % (version, version))
        self.classpath = ":".join(sorted(glob.glob(os.path.join(jars, "*.jar"))))
        self.log4j = os.path.join(work, "log4j2.properties")
        with open(self.log4j, "w", encoding="utf-8") as f:
            f.write(LOG4J)

    def argv(self, main, *args, heap=512):
        return [self.java, "-Xms%dm" % min(heap, 256), "-Xmx%dm" % heap, "-XX:+UseSerialGC", "-XX:-UsePerfData",
                "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true", "-Dlog4j2.configurationFile=" + self.log4j,
                "-cp", self.classpath, main] + list(args)


class KafkaBroker:
    """One broker that is its own controller. Stopped and started again, it keeps its port and its data."""

    def __init__(self, work, version=None, heap=512, extra=None):
        self.work = os.path.join(work, "kafka")
        os.makedirs(self.work, exist_ok=True)
        self.version = version or kafka_version()
        self.jvm = Jvm(self.version, self.work)
        self.heap = heap
        self.port = free_port()
        self.controller_port = free_port()
        # A second listener whose clients are told to come back through proxy_port, where a test may put a proxy.
        self.behind_port = free_port()
        self.proxy_port = free_port()
        # More of that kind, so that each worker of a cluster can have a way of its own.
        self.ways = [(free_port(), free_port()) for _ in range(3)]
        self.bootstrap = "127.0.0.1:%d" % self.port
        self.log = os.path.join(self.work, "kafka.log")
        self.file = os.path.join(self.work, "server.properties")
        self.child = None
        self._write(extra or {})
        run(self.jvm.argv("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", "a2FmdGFuLXRlc3QtMDAwMQ", "-c", self.file,
                          *self.format_arguments(), heap=128))

    def format_arguments(self):
        return ()

    def _write(self, extra):
        plain = [("PLAINTEXT", self.port, self.port), ("PROXIED", self.behind_port, self.proxy_port)]
        plain += [("WAY%d" % n, behind, proxied) for n, (behind, proxied) in enumerate(self.ways)]
        values = {
            "process.roles": "broker,controller", "node.id": "1",
            "controller.quorum.voters": "1@127.0.0.1:%d" % self.controller_port,
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join("%s://127.0.0.1:%d" % (name, port) for name, port, _ in plain) +
                         ",CONTROLLER://127.0.0.1:%d" % self.controller_port,
            "advertised.listeners": ",".join("%s://127.0.0.1:%d" % (name, port) for name, _, port in plain),
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join("%s:PLAINTEXT" % name for name, _, _ in plain) + ",CONTROLLER:PLAINTEXT",
            "log.dirs": os.path.join(self.work, "data"),
            "num.partitions": "1", "num.network.threads": "2", "num.io.threads": "4",
            "offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            # lets a test's worker notice a killed predecessor within seconds
            "group.min.session.timeout.ms": "500",
            "message.max.bytes": "1048588",
            "auto.create.topics.enable": "true",
        }
        values.update(extra)
        write_properties(self.file, values)

    def start(self):
        self.child = Child("kafka", self.jvm.argv("kafka.Kafka", self.file, heap=self.heap), self.log)
        self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if not can_connect(self.port):
                return False
            done = subprocess.run(["kcat", "-b", self.bootstrap, "-L", "-m", "3"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            return done.returncode == 0 and b"1 brokers" in done.stdout
        wait_until("Kafka %s ready" % self.version, ready, 120, 0.2, self.child)

    def stop(self):
        return self.child.stop(60)

    def kill(self):
        return self.child.kill()

    def freeze(self):
        self.child.freeze()

    def thaw(self):
        self.child.thaw()

    def tool(self, main, *args, seconds=120):
        return run(self.jvm.argv(main, *args, heap=128), seconds).decode()

    def create_topic(self, topic, partitions=1, configs=None):
        args = ["--bootstrap-server", self.bootstrap, "--create", "--topic", topic, "--partitions", str(partitions)]
        for key, value in (configs or {}).items():
            args += ["--config", "%s=%s" % (key, value)]
        self.tool("org.apache.kafka.tools.TopicCommand", *args)


class SecureKafka(KafkaBroker):
    """A broker that also listens for TLS and SASL, and asks its ACLs: on its plain port everybody may do everything.

    sasl: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsecured tokens), bare and over TLS; stranger_port is a TLS
    listener on 127.0.0.2, which the certificate does not name.
    """
    USERS = {"alice": "alice-secret", "bob": "bob-secret", "carol": "carol-secret"}
    SESSION_MS = 4000  # of an OAUTHBEARER login on the bare listener: then a client has to log in again (KIP-368)

    def __init__(self, work, certificates, **more):
        self.certificates = certificates
        self.ssl_port, self.sasl_port, self.sasl_ssl_port = free_port(), free_port(), free_port()
        self.stranger_port = free_port("127.0.0.2")
        run(["openssl", "pkcs12", "-export", "-passout", "pass:storage", "-in", certificates.path("server.pem"), "-inkey",
             certificates.path("server.key"), "-out", certificates.path("server.p12")])
        super().__init__(work, **more)

    def format_arguments(self):
        found = []
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            for user, password in self.USERS.items():
                found += ["--add-scram", "%s=[name=%s,password=%s]" % (mechanism, user, password)]
        return found

    def _write(self, extra):
        sasl = "org.apache.kafka.common.security."
        plain = sasl + "plain.PlainLoginModule required " + " ".join(
            'user_%s="%s"' % (user, password) for user, password in self.USERS.items()) + ";"
        values = {
            "listeners": "PLAINTEXT://127.0.0.1:%d,SSL://127.0.0.1:%d,SASL_PLAINTEXT://127.0.0.1:%d,SASL_SSL://127.0.0.1:%d,"
                         "STRANGER://127.0.0.2:%d,CONTROLLER://127.0.0.1:%d" %
                         (self.port, self.ssl_port, self.sasl_port, self.sasl_ssl_port, self.stranger_port, self.controller_port),
            "advertised.listeners": "PLAINTEXT://127.0.0.1:%d,SSL://127.0.0.1:%d,SASL_PLAINTEXT://127.0.0.1:%d,"
                                    "SASL_SSL://127.0.0.1:%d,STRANGER://127.0.0.2:%d" %
                                    (self.port, self.ssl_port, self.sasl_port, self.sasl_ssl_port, self.stranger_port),
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
                                              "SASL_SSL:SASL_SSL,STRANGER:SSL",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "ssl.keystore.type": "PKCS12", "ssl.keystore.location": self.certificates.path("server.p12"),
            "ssl.keystore.password": "storage", "ssl.truststore.type": "PEM", "ssl.truststore.location": self.certificates.ca,
            "ssl.client.auth": "requested",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:CN=client;User:alice",
        }
        for listener in ("sasl_plaintext", "sasl_ssl"):
            prefix = "listener.name.%s." % listener
            values[prefix + "plain.sasl.jaas.config"] = plain
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                values[prefix + mechanism + ".sasl.jaas.config"] = sasl + "scram.ScramLoginModule required;"
            values[prefix + "oauthbearer.sasl.jaas.config"] = \
                sasl + 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
        values["listener.name.sasl_plaintext.oauthbearer.connections.max.reauth.ms"] = str(self.SESSION_MS)
        values.update(extra)
        super()._write(values)


class Certificates:
    """A certificate authority with a server's and a client's certificate, made by openssl."""

    def __init__(self, work):
        self.dir = os.path.join(work, "certificates")
        os.makedirs(self.dir, exist_ok=True)
        self.ca = self.path("ca.pem")
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=kaftan test CA",
             "-keyout", self.path("ca.key"), "-out", self.ca])
        for name, subject in (("server", "/CN=localhost"), ("client", "/CN=client"), ("stranger", "/CN=stranger")):
            run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", self.path(name + ".key"),
                 "-out", self.path(name + ".csr")])
            extensions = self.path(name + ".ext")
            with open(extensions, "w", encoding="ascii") as f:
                f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            run(["openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.ca, "-CAkey", self.path("ca.key"),
                 "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", self.path(name + ".pem")])

    def path(self, name):
        return os.path.join(self.dir, name)


class Mosquitto:
    """One Mosquitto; settings are lines of its configuration that are added or that replace the defaults below."""

    def __init__(self, work, name="mosquitto", settings=None, certificates=None, port=None):
        self.name = name
        self.work = os.path.join(work, name)
        os.makedirs(self.work, exist_ok=True)
        self.port = port or free_port()
        self.tls_port = free_port() if certificates else None
        self.file = os.path.join(self.work, "mosquitto.conf")
        self.log = os.path.join(self.work, "mosquitto.log")
        self.store = os.path.join(self.work, "mosquitto.db")
        self.child = None
        values = {"per_listener_settings": "false", "user": "root" if os.geteuid() == 0 else None,
                  "persistence": "true", "persistence_location": self.work + "/", "autosave_interval": "1800",
                  "max_queued_messages": "0", "max_inflight_messages": "0", "max_queued_bytes": "0",
                  "allow_anonymous": "true", "sys_interval": "1", "set_tcp_nodelay": "true",
                  # not stdout, which it buffers when it is a file
                  "log_dest": "file " + os.path.join(self.work, "messages.log"), "connection_messages": "true"}
        types = ("notice", "warning", "error", "subscribe")
        values.update(settings or {})
        with open(self.file, "w", encoding="utf-8") as f:
            for key, value in values.items():
                if value is not None:
                    f.write("%s %s\n" % (key, value))
            for kind in types:
                f.write("log_type %s\n" % kind)
            f.write("listener %d 127.0.0.1\n" % self.port)
            if certificates:
                f.write("listener %d 127.0.0.1\n" % self.tls_port)
                f.write("cafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\n" %
                        (certificates.ca, certificates.path("server.pem"), certificates.path("server.key")))

    @property
    def uri(self):
        return "tcp://127.0.0.1:%d" % self.port

    @staticmethod
    def add_user(work, user, password):
        """A password file for the setting password_file."""
        path = os.path.join(work, "passwords")
        run(["mosquitto_passwd", "-b"] + ([] if os.path.exists(path) else ["-c"]) + [path, user, password])
        return path

    def start(self):
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.child = Child(self.name, [program, "-c", self.file], self.log)
        wait_until("%s listens" % self.name, lambda: can_connect(self.port), 30, 0.02, self.child)
        return self

    def subscriptions(self, topic_filter):
        """How often a client has subscribed to a filter, as the log tells ("<time>: <client> <qos> <filter>")."""
        ends = tuple(" %d %s" % (qos, topic_filter) for qos in (0, 1, 2))
        return sum(1 for line in self.messages().splitlines() if line.endswith(ends))

    def messages(self):
        try:
            with open(os.path.join(self.work, "messages.log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def wait_subscribed(self, topic_filter, times=1, seconds=60):
        wait_until("subscription to %s" % topic_filter, lambda: self.subscriptions(topic_filter) >= times, seconds)

    def stop(self):
        """SIGTERM: saves its sessions to the persistence file."""
        return self.child.stop(30)

    def kill(self):
        return self.child.kill()

    def freeze(self):
        self.child.freeze()

    def thaw(self):
        self.child.thaw()


class JavaConnect:
    """Apache Kafka's own Connect worker (distributed) with the given properties."""

    def __init__(self, work, properties, version=None, name="java-connect"):
        self.work = os.path.join(work, name)
        os.makedirs(self.work, exist_ok=True)
        self.name = name
        self.jvm = Jvm(version or kafka_version(), self.work)
        from .worker import Rest
        self.port = free_port()
        self.rest = Rest(self.port)
        self.file = os.path.join(self.work, "worker.properties")
        self.log = os.path.join(self.work, "worker.log")
        values = dict(properties)
        values["listeners"] = "http://127.0.0.1:%d" % self.port
        values["plugin.discovery"] = "service_load"
        write_properties(self.file, values)
        self.child = None

    def start(self, wait=True):
        self.child = Child(self.name, self.jvm.argv("org.apache.kafka.connect.cli.ConnectDistributed", self.file), self.log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=120):
        wait_until("%s ready" % self.name, self.rest.healthy, seconds, 0.2, self.child)

    def running(self):
        return self.child is not None and self.child.running()

    def stop(self):
        return self.child.stop(60)

    def kill(self):
        return self.child.kill()

    def freeze(self):
        self.child.freeze()

    def thaw(self):
        self.child.thaw()
