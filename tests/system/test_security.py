# SPDX-License-Identifier: Apache-2.0
"""The Kafka side with TLS and SASL: the group, the worker's own clients, its tasks' producers; what is refused, and how it is said."""
import base64
import ctypes
import http.server
import json
import os
import shutil
import subprocess
import threading
import time

from harness import kafka_io
from harness.brokers import Certificates, SecureKafka, kafka_version, shell_function
from harness.children import run, wait_until
from harness.connectors import file_source
from harness.scenarios import referee, scenario

STORE, KEY, WRONG, CLIENT = "store-7f3a", "key-9c1e", "wrong-5d2b", "client-4e8d"  # passwords, each to be found nowhere
# What must not be read in any log or answer: passwords, the client's secret as it travels, tokens, keys.
SECRETS = list(SecureKafka.USERS.values()) + [STORE, KEY, WRONG, CLIENT, base64.b64encode(("kaftan:" + CLIENT).encode()).decode(),
                                              "eyJhbGciOi", "PRIVATE KEY"]

MODULES = {"PLAIN": "plain.PlainLoginModule", "SCRAM-SHA-256": "scram.ScramLoginModule", "SCRAM-SHA-512": "scram.ScramLoginModule"}


def jaas(mechanism, user, password):
    return 'org.apache.kafka.common.security.%s required username="%s" password="%s";' % (MODULES[mechanism], user, password)


def prefixed(settings):
    """For the worker itself, and as Java wants it once more for its tasks' clients."""
    values = dict(settings)
    for prefix in ("producer.", "consumer.", "admin."):
        values.update({prefix + key: value for key, value in settings.items()})
    return values


def sasl(mechanism, user="alice", password=None, certificates=None, login=True):
    values = {"security.protocol": "SASL_SSL" if certificates else "SASL_PLAINTEXT", "sasl.mechanism": mechanism}
    if login:
        values["sasl.jaas.config"] = jaas(mechanism, user, password or SecureKafka.USERS[user])
    if certificates:
        values.update({"ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.ca})
    return prefixed(values)


class Secure:
    def __init__(self, context, version=None):
        self.context = context
        self.certificates = Certificates(context.work)
        self.kafka = SecureKafka(context.work, self.certificates, version=version).start()
        context.at_end(lambda: self.kafka.child.running() and self.kafka.kill())

    def begin(self, name, port, settings, host="127.0.0.1", environment=None):
        """A worker that begins to start."""
        properties = {key.replace(".", "__"): value for key, value in settings.items()}
        properties["bootstrap__servers"] = "%s:%d" % (host, port)
        worker = self.context.worker(kafka=self.kafka, group="group-" + name, name=name, start=False, **properties)
        worker.environment = environment
        return worker.start(wait=False)

    def feed(self, worker, name):
        """A connector that copies the lines of a file, 20 to begin with; gives the file's path."""
        worker.wait_ready()
        worker.rest.must("PUT", "/admin/loggers/root", {"level": "TRACE"})
        path = os.path.join(self.context.work, name + ".txt")
        with open(path, "w", encoding="ascii") as f:
            f.write("".join("%s-%d\n" % (name, n) for n in range(20)))
        worker.rest.create(name, file_source(path, "lines-" + name, topic__creation__default__replication__factor="1",
                                             topic__creation__default__partitions="1"))
        return path

    def arrived(self, name, lines):
        self.context.wait_count("lines-" + name, lines, kafka=self.kafka)
        found = [r["payload"] for r in kafka_io.records(self.kafka.bootstrap, "lines-" + name)]
        self.context.equal(found, ["%s-%d" % (name, n) for n in range(lines)], "lines of " + name)

    def works(self, worker, name):
        """Lines of a file arrive in Kafka, so the group, the stores and a task's producer are let in."""
        self.feed(worker, name)
        self.arrived(name, 20)
        self.no_secret(name + " /metrics", worker.rest.get("/metrics").body.decode())
        self.no_secret(name + " status", json.dumps(worker.rest.status(name)))
        worker.stop()

    def no_secret(self, where, text):
        for secret in SECRETS:
            self.context.check(secret not in text, "%s tells a secret (%s): ... %s ...", where, secret,
                               text[max(0, text.find(secret) - 300):][:600])

    def no_secret_in_logs(self):
        for worker in self.context.workers:
            with open(worker.log, encoding="utf-8", errors="replace") as f:
                self.no_secret(worker.log, f.read())

    def allow(self, user, *rule):
        self.kafka.tool("org.apache.kafka.tools.AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add", "--allow-principal",
                        "User:" + user, *rule)


def pem_text(certificates, name):
    """As it stands in a properties file, the lines glued together by the reader: blanks are left where the lines ended."""
    with open(certificates.path(name), encoding="ascii") as f:
        return f.read().strip().replace("\n", " \\\n    ")


def client_keys(certificates):
    """The properties of a client that shows a certificate, PEM texts in the values."""
    return prefixed({"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.keystore.type": "PEM",
                     "ssl.truststore.certificates": pem_text(certificates, "ca.pem"),
                     "ssl.keystore.key": pem_text(certificates, "client.key"),
                     "ssl.keystore.certificate.chain": pem_text(certificates, "client.pem")})


def client_stores(certificates):
    """The same in a PKCS#12 file and, where there is a keytool, a JKS one; the versions and suites of an old list."""
    path = certificates.path
    run(["openssl", "pkcs12", "-export", "-passout", "pass:" + STORE, "-in", path("client.pem"), "-inkey", path("client.key"), "-out",
         path("client.p12")])
    values = {"security.protocol": "SSL", "ssl.keystore.location": path("client.p12"), "ssl.keystore.password": STORE,
              "ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.ca, "ssl.enabled.protocols": "TLSv1.2,TLSv1.1,TLSv1",
              "ssl.cipher.suites": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_AES_256_GCM_SHA384"}
    keytool = os.path.join(os.path.dirname(os.path.realpath(shutil.which(shell_function("java_pick")))), "keytool")
    if os.access(keytool, os.X_OK):
        run([keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", certificates.ca, "-storetype", "JKS", "-storepass", STORE,
             "-keystore", path("trust.jks")])
        values.update({"ssl.truststore.type": "JKS", "ssl.truststore.location": path("trust.jks"), "ssl.truststore.password": STORE})
    return prefixed(values)


def sealed_key(certificates):
    """A PEM file whose key has a password of its own; the broker's name is not compared."""
    path = certificates.path
    run(["openssl", "pkcs8", "-topk8", "-in", path("client.key"), "-passout", "pass:" + KEY, "-out", path("client-sealed.key")])
    with open(path("client-sealed.pem"), "w", encoding="ascii") as out:
        for name in ("client-sealed.key", "client.pem"):
            with open(path(name), encoding="ascii") as f:
                out.write(f.read())
    return prefixed({"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.location": path("client-sealed.pem"),
                     "ssl.key.password": KEY, "ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.ca,
                     "ssl.endpoint.identification.algorithm": ""})


def bearer(**more):
    values = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "session.timeout.ms": "30000",
              "sasl.jaas.config": 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required '
                                  'unsecuredLoginStringClaim_sub="alice" unsecuredLoginLifetimeSeconds="6";'}
    values.update(more)
    return prefixed(values)


class TokenEndpoint:
    """Gives tokens without a signature, for a short time, to who knows the client's secret."""
    LIFE_S = 20

    def __init__(self, user):
        self.asked = []
        self.began = time.monotonic()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append((self.headers["Authorization"], body))
                now = int(time.time())
                token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (
                    {"alg": "none"}, {"sub": user, "iat": now, "exp": now + endpoint.LIFE_S})) + "."
                answer = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": endpoint.LIFE_S}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/token" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Feeder:
    """Appends lines to the files of connectors until it is told to stop."""

    def __init__(self, paths):
        self.lines = {name: 20 for name in paths}
        self.paths = paths
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.05):
            for name, path in self.paths.items():
                with open(path, "a", encoding="ascii") as f:
                    f.write("%s-%d\n" % (name, self.lines[name]))
                self.lines[name] += 1

    def finish(self):
        self.ending.set()
        self.thread.join()
        return self.lines


def file_of_a_token(context):
    """A token file that is written anew all the time, as an agent beside the worker would."""
    path = os.path.join(context.work, "token.jwt")
    ending = threading.Event()

    def write():
        while True:
            now = int(time.time())
            token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (
                {"alg": "none"}, {"sub": "alice", "iat": now, "exp": now + 30})) + "."
            with open(path + ".new", "w", encoding="ascii") as f:
                f.write(token)
            os.replace(path + ".new", path)
            if ending.wait(5):
                return
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    wait_until("a token file", lambda: os.path.exists(path))
    context.at_end(ending.set)
    return path


@scenario("security", "TLS, SASL PLAIN and OAUTHBEARER on every client of the worker; who is not let in is told why", weight=60)
def security(context):
    secure = Secure(context)
    kafka, certificates = secure.kafka, secure.certificates
    endpoint = TokenEndpoint("alice")
    context.at_end(endpoint.server.shutdown)
    long_lived = {
        "bearer": secure.begin("bearer", kafka.sasl_port, bearer()),
        "token": secure.begin("token", kafka.sasl_port, bearer(**{
            "sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
            "sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                                'clientId="kaftan" clientSecret="%s" scope="connect";' % CLIENT})),
        "token-file": secure.begin("token-file", kafka.sasl_port, bearer(**{
            "sasl.oauthbearer.token.endpoint.url": "file://" + file_of_a_token(context),
            "sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"})),
    }
    feeder = Feeder({name: secure.feed(worker, name) for name, worker in long_lived.items()})
    workers = {
        "plain": secure.begin("plain", kafka.sasl_port, sasl("PLAIN")),
        "plain-tls": secure.begin("plain-tls", kafka.sasl_ssl_port, sasl("PLAIN", certificates=certificates)),
        "tls": secure.begin("tls", kafka.ssl_port, client_keys(certificates)),
        "tls-stores": secure.begin("tls-stores", kafka.ssl_port, client_stores(certificates)),
        "tls-sealed": secure.begin("tls-sealed", kafka.stranger_port, sealed_key(certificates), host="127.0.0.2"),
    }
    soon = {"default.api.timeout.ms": "10000"}
    no_trust = "certificate could not be verified"
    refused = {
        "wrong-password": (secure.begin("wrong-password", kafka.sasl_port, sasl("PLAIN", password=WRONG)),
                           "Authentication failed: Invalid username or password"),
        "unknown-ca": (secure.begin("unknown-ca", kafka.ssl_port, dict(soon, **prefixed({"security.protocol": "SSL"}))), no_trust),
        "wrong-host": (secure.begin("wrong-host", kafka.stranger_port, dict(soon, **client_keys(certificates)), host="127.0.0.2"),
                       no_trust),
        "tls-at-plain": (secure.begin("tls-at-plain", kafka.port, dict(soon, **client_keys(certificates))),
                         "is its port one for TLS?"),
        "plain-at-tls": (secure.begin("plain-at-tls", kafka.ssl_port, dict(soon, **prefixed({"security.protocol": "PLAINTEXT"}))),
                         "does the port expect TLS or a login (security.protocol)?"),
        "login-at-plain": (secure.begin("login-at-plain", kafka.port, sasl("PLAIN")), "mechanism handshake failed"),
        "wrong-store": (secure.begin("wrong-store", kafka.ssl_port, prefixed({
            "security.protocol": "SSL", "ssl.keystore.location": certificates.path("client.p12"), "ssl.keystore.password": WRONG})),
            "for configuration ssl.keystore.location: cannot be opened: the password is wrong"),
        "kerberos": (secure.begin("kerberos", kafka.sasl_port, prefixed({"security.protocol": "SASL_PLAINTEXT"})),
                     "Invalid value GSSAPI for configuration sasl.mechanism"),
        "handler": (secure.begin("handler", kafka.sasl_port, dict(sasl("PLAIN"), **{"sasl.login.callback.handler.class": "org.example.H"})),
                    "Invalid value org.example.H for configuration sasl.login.callback.handler.class"),
        "jaas": (secure.begin("jaas", kafka.sasl_port, dict(sasl("PLAIN"), **{"sasl.jaas.config": 'x.PlainLoginModule required password="%s;' %
                                                                              WRONG})),
                 "Invalid value [hidden] for configuration sasl.jaas.config: the quote of the option password is not closed"),
    }
    scram = secure.begin("scram", kafka.sasl_port, sasl("SCRAM-SHA-256"))
    for name, worker in workers.items():
        secure.works(worker, name)
    for name, (worker, words) in refused.items():
        status = worker.child.wait(60)
        context.check(status not in (0, None), "%s ended with %s", name, status)
        context.check(words in worker.child.text(), "%s: nothing says %r:\n%s", name, words, worker.child.tail())
    scram_of_new_brokers(context, secure, scram)
    rights(context, secure)
    logins_anew(context, secure, long_lived, endpoint, feeder)
    secure.no_secret_in_logs()


def scram_of_new_brokers(context, secure, worker):
    """The group's own client logs in; librdkafka before 2.6.1 cannot at brokers of 4.x, and the worker has to say just that."""
    def login(mechanism, password):
        return subprocess.run([referee("group_login"), str(secure.kafka.sasl_port), mechanism, "alice", "some-group"],
                              input=password.encode() + b"\n", stdout=subprocess.PIPE, timeout=120, check=False).stdout.decode()
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        said = login(mechanism, SecureKafka.USERS["alice"])
        context.check(said.startswith("found "), "the group's client with %s: %s", mechanism, said)
        said = login(mechanism, WRONG)
        context.check("Authentication failed" in said, "the group's client with a wrong password: %s", said)
        secure.no_secret("group_login", said)
    if ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= 0x020601ff:
        secure.works(worker, "scram")
        return
    context.equal(worker.child.wait(60), 2, "exit status with a librdkafka that knows no SCRAM of 4.x")
    last = [line for line in worker.child.text().splitlines() if " ERROR " in line][-1]
    wanted = "librdkafka before 2.6.1 cannot authenticate with SCRAM at brokers of Kafka 4.0 and later"
    context.check(wanted in last, "the last error does not say %r: %s", wanted, last)


def rights(context, secure):
    """One right after another: each that is missing is named, with its resource. bob runs workers, carol may do nothing."""
    kafka = secure.kafka
    prefix = ("--resource-pattern-type", "prefixed")

    def topics(*numbers):
        return sum((["--topic", "group-r%d-" % n] for n in numbers), [])
    secure.allow("bob", "--operation", "Describe", *topics(1), *prefix)
    secure.allow("bob", "--operation", "Describe", "--operation", "Create", *topics(2, 3, 4), *prefix)
    secure.allow("bob", "--operation", "Read", "--operation", "DescribeConfigs", *topics(3, 4), *prefix)
    secure.allow("bob", "--operation", "Read", "--group", "group-r4")
    missing = ["Describe on the resource Topic group-r0-", "Create on the resource Topic group-r1-", "Read on the resource Topic group-r2-",
               "Read on the resource Group group-r3"]
    workers = [secure.begin("r%d" % n, kafka.sasl_port, sasl("PLAIN", user="bob")) for n in range(5)]
    for worker, words in zip(workers, missing):
        status = worker.child.wait(60)
        context.check(status not in (0, None), "without %s: ended with %s", words, status)
        errors = [line for line in worker.child.text().splitlines() if " ERROR " in line]
        context.check(errors and "needs the operation " + words in errors[-1], "the last error does not say %r: %s", words, errors[-1:])
    last = workers[4]
    words = "needs the operation Write on the resource Topic group-r4-configs"
    wait_until("an error that says " + words, lambda: words in last.child.text(), 60, 0.2, last.child)
    context.check(last.child.text().count("writing a new session key") < 50, "the leader asks without a pause")
    secure.allow("bob", "--operation", "Write", *topics(4), *prefix)  # then it goes on by itself
    last.wait_ready()
    path = os.path.join(context.work, "rights.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("one\n")

    def fails(name, words, **more):
        last.rest.create(name, file_source(path, "not-for-" + name, **more))
        trace = last.rest.wait_task(name, "FAILED")["trace"]
        context.check("needs the operation " + words in trace, "%s: the trace does not say %r: %s", name, words, trace)
        secure.no_secret(name, trace)
    carol = jaas("PLAIN", "carol", SecureKafka.USERS["carol"])
    kafka.create_topic("not-for-idempotent")  # which she may see; else the producer would stop at that
    secure.allow("carol", "--operation", "Describe", "--topic", "not-for-idempotent")
    last.rest.create("stranger", file_source(path, "t", errors__tolerance="all",
                                             producer__override__sasl__jaas__config=jaas("PLAIN", "carol", WRONG)))
    trace = last.rest.wait_task("stranger", "FAILED")["trace"]
    context.check("Authentication failed: Invalid username or password" in trace, "the trace of a wrong password: %s", trace)
    fails("bob", "Write on the resource Topic not-for-bob")
    fails("carol", "Write on the resource Topic not-for-carol", producer__override__sasl__jaas__config=carol)
    fails("idempotent", "IdempotentWrite on the resource Cluster kafka-cluster", producer__override__sasl__jaas__config=carol,
          producer__override__enable__idempotence="true")
    fails("maker", "Create on the resource Topic not-for-maker", admin__override__sasl__jaas__config=carol,
          topic__creation__default__replication__factor="1", topic__creation__default__partitions="1")
    config = dict(file_source(path, "t", name="v", producer__override__sasl__jaas__config=carol))
    answer = last.rest.call("PUT", "/connector-plugins/FileStreamSource/config/validate", config)
    context.equal(answer.status, 200, "validation")
    secure.no_secret("validation", answer.body.decode())
    last.stop()


def logins_anew(context, secure, workers, endpoint, feeder):
    """Sessions end after four seconds, tokens after a few more: nobody leaves the group, and each line arrives once."""
    def said(worker, words):
        return worker.child.text().count(words)
    joined = {name: said(worker, " joined group=") for name, worker in workers.items()}
    found = {name: said(worker, "coordinator found") for name, worker in workers.items()}
    wait_until("a second token", lambda: len(endpoint.asked) >= 2, 90, 0.2)
    for name, worker in workers.items():
        wait_until("logins of %s's group client" % name, lambda w=worker, n=name: said(w, "coordinator found") >= found[n] + 2, 90, 0.2)
    basic = "Basic " + base64.b64encode(("kaftan:" + CLIENT).encode()).decode()
    context.equal(set(endpoint.asked), {(basic, "grant_type=client_credentials&scope=connect")}, "requests for tokens")
    # a dozen clients with one login: a request each 16 s (80 % of a token's life)
    most = 2 + (time.monotonic() - endpoint.began) / 10
    context.check(len(endpoint.asked) <= most, "%d requests for tokens, and not %d at most", len(endpoint.asked), most)
    lines = feeder.finish()
    for name, worker in workers.items():
        secure.arrived(name, lines[name])
        context.equal(said(worker, " joined group="), joined[name], "rounds of the group of " + name)
        context.equal(worker.rest.status(name)["tasks"][0]["state"], "RUNNING", "task of " + name)
        worker.stop()
    context.note("%d lines over %d tokens" % (sum(lines.values()), len(endpoint.asked)))


@scenario("security-scram", "SASL SCRAM, by value and by JAAS file", weight=45)
def security_scram(context):
    # Brokers from 4.0 on refuse librdkafka before 2.6.1, which sends the nonce of SCRAM wrongly; Debian 12 has 2.0.2.
    secure = Secure(context, version=kafka_version(old=True))
    kafka = secure.kafka
    path = os.path.join(context.work, "jaas.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write('// for clients\nOther { some.Module required; };\nKafkaClient {\n    %s\n};\n' %
                jaas("SCRAM-SHA-512", "alice", SecureKafka.USERS["alice"]).replace(" username", "\n    username"))
    by_key = dict(sasl("SCRAM-SHA-256", login=False), **{"java.security.auth.login.config": path})
    workers = {
        "scram256": secure.begin("scram256", kafka.sasl_ssl_port, sasl("SCRAM-SHA-256", certificates=secure.certificates)),
        "scram512": secure.begin("scram512", kafka.sasl_port, sasl("SCRAM-SHA-512", login=False),
                                 environment={"KAFKA_OPTS": "-Xmx1g -Djava.security.auth.login.config=" + path}),
        "scram-key": secure.begin("scram-key", kafka.sasl_port, by_key),
    }
    wrong = secure.begin("wrong", kafka.sasl_port, sasl("SCRAM-SHA-512", password=WRONG))
    for name, worker in workers.items():
        secure.works(worker, name)
    context.equal(wrong.child.wait(60), 2, "exit status with a wrong password")
    context.check("Authentication failed" in wrong.child.text(), "the log says: %s", wrong.child.tail())
    secure.no_secret_in_logs()
