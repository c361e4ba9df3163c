# SPDX-License-Identifier: Apache-2.0
"""The Kafka side with TLS and SASL: the group, the worker's own clients, its tasks' producers; what is refused, and how it is said."""
import base64
import http.server
import json
import os
import threading
import time

from harness import kafka_io
from harness.brokers import Certificates, SecureKafka, kafka_version
from harness.connectors import file_source
from harness.scenarios import scenario

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

    def works(self, worker, name):
        """Lines of a file arrive in Kafka, so the group, the stores and a task's producer are let in."""
        worker.wait_ready()
        path = os.path.join(self.context.work, name + ".txt")
        with open(path, "w", encoding="ascii") as f:
            f.write("".join("%s-%d\n" % (name, n) for n in range(20)))
        topic = "lines-" + name
        worker.rest.create(name, file_source(path, topic, topic__creation__default__replication__factor="1",
                                             topic__creation__default__partitions="1"))
        self.context.wait_count(topic, 20, kafka=self.kafka)
        found = [r["payload"] for r in kafka_io.records(self.kafka.bootstrap, topic)]
        self.context.equal(found, ["%s-%d" % (name, n) for n in range(20)], "lines of " + name)
        worker.stop()


def client_keys(certificates):
    """The properties of a client that shows a certificate, PEM texts in the values."""
    values = {"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.ca,
              "ssl.keystore.type": "PEM"}
    for key, name in (("ssl.keystore.key", "client.key"), ("ssl.keystore.certificate.chain", "client.pem")):
        with open(certificates.path(name), encoding="ascii") as f:
            values[key] = f.read().strip().replace("\n", "\\n\\\n")
    return prefixed(values)


def bearer(**more):
    values = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
              "sasl.jaas.config": 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required '
                                  'unsecuredLoginStringClaim_sub="alice";'}
    values.update(more)
    return prefixed(values)


class TokenEndpoint:
    """Gives tokens without a signature to who knows the client's secret."""

    def __init__(self, user):
        self.asked = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append((self.headers["Authorization"], body))
                now = int(time.time())
                token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (
                    {"alg": "none"}, {"sub": user, "iat": now, "exp": now + 3600})) + "."
                answer = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()
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


@scenario("security", "TLS, SASL PLAIN and OAUTHBEARER on every client of the worker; who is not let in is told why", weight=45)
def security(context):
    secure = Secure(context)
    kafka, certificates = secure.kafka, secure.certificates
    endpoint = TokenEndpoint("alice")
    context.at_end(endpoint.server.shutdown)
    workers = {
        "plain": secure.begin("plain", kafka.sasl_port, sasl("PLAIN")),
        "plain-tls": secure.begin("plain-tls", kafka.sasl_ssl_port, sasl("PLAIN", certificates=certificates)),
        "tls": secure.begin("tls", kafka.ssl_port, client_keys(certificates)),
        "bearer": secure.begin("bearer", kafka.sasl_port, bearer()),
        "token": secure.begin("token", kafka.sasl_port, bearer(**{
            "sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
            "sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                                'clientId="kaftan" clientSecret="hush" scope="connect";'})),
    }
    soon = {"default.api.timeout.ms": "6000"}
    refused = {
        "wrong-password": (secure.begin("wrong-password", kafka.sasl_port, dict(soon, **sasl("PLAIN", password="wrong"))),
                           "Authentication failed: Invalid username or password"),
        "unknown-ca": (secure.begin("unknown-ca", kafka.ssl_port, dict(soon, **prefixed({"security.protocol": "SSL"}))),
                       "certificate could not be verified"),
        "wrong-host": (secure.begin("wrong-host", kafka.stranger_port, dict(soon, **client_keys(certificates)), host="127.0.0.2"),
                       "certificate could not be verified"),
        "kerberos": (secure.begin("kerberos", kafka.sasl_port, dict(soon, **prefixed({"security.protocol": "SASL_PLAINTEXT"}))),
                     "Invalid value GSSAPI for configuration sasl.mechanism"),
    }
    for name, worker in workers.items():
        secure.works(worker, name)
    basic = "Basic " + base64.b64encode(b"kaftan:hush").decode()
    context.equal(endpoint.asked, [(basic, "grant_type=client_credentials&scope=connect")], "one login for all clients of a worker")
    for name, (worker, words) in refused.items():
        status = worker.child.wait(60)
        context.check(status not in (0, None), "%s ended with %s", name, status)
        context.check(words in worker.child.text(), "%s: nothing says %r:\n%s", name, words, worker.child.tail())
    few_rights(context, secure)


def few_rights(context, secure):
    """bob may use the worker's own topics, then the group as well, but never write to what his connector wants."""
    kafka = secure.kafka

    def allow(*rule):
        kafka.tool("org.apache.kafka.tools.AclCommand", "--bootstrap-server", kafka.bootstrap, "--add", "--allow-principal",
                   "User:bob", *rule)
    allow("--operation", "All", "--topic", "group-bob-", "--resource-pattern-type", "prefixed")
    worker = secure.begin("bob", kafka.sasl_port, sasl("PLAIN", user="bob"))
    context.equal(worker.child.wait(60), 1, "exit status without the group")
    wanted = "needs the operation Read on the resource Group group-bob"
    context.check(wanted in worker.child.text(), "nothing says %r:\n%s", wanted, worker.child.tail())
    allow("--operation", "Read", "--group", "group-bob")
    worker.start()
    path = os.path.join(context.work, "bob.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("one\n")
    worker.rest.create("bob", file_source(path, "not-for-bob"))
    trace = worker.rest.wait_task("bob", "FAILED")["trace"]
    context.check("needs the operation Write on the resource Topic not-for-bob" in trace, "the trace says: %s", trace)
    worker.stop()


@scenario("security-scram", "SASL SCRAM, by value and by JAAS file", weight=45)
def security_scram(context):
    # Brokers from 4.0 on refuse librdkafka before 2.6.1, which sends the nonce of SCRAM wrongly; Debian 12 has 2.0.2.
    secure = Secure(context, version=kafka_version(old=True))
    kafka = secure.kafka
    path = os.path.join(context.work, "jaas.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write('// for clients\nOther { some.Module required; };\nKafkaClient {\n    %s\n};\n' %
                jaas("SCRAM-SHA-512", "alice", SecureKafka.USERS["alice"]).replace(" username", "\n    username"))
    workers = {
        "scram256": secure.begin("scram256", kafka.sasl_ssl_port, sasl("SCRAM-SHA-256", certificates=secure.certificates)),
        "scram512": secure.begin("scram512", kafka.sasl_port, sasl("SCRAM-SHA-512", login=False),
                                 environment={"KAFKA_OPTS": "-Xmx1g -Djava.security.auth.login.config=" + path}),
    }
    for name, worker in workers.items():
        secure.works(worker, name)
