# SPDX-License-Identifier: Apache-2.0
"""S26: key and trust stores of every kind that people have, and what is said about those that cannot be read."""
import os
import shutil

from harness.brokers import Certificates, shell_function
from harness.children import run
from harness.connectors import mqtt_source
from harness.scenarios import scenario

PASSWORD = "store-secret"


class Stores:
    """Stores made by keytool and openssl around the same client certificate and authority."""

    def __init__(self, certificates):
        self.certificates = certificates
        self.keytool = os.path.join(os.path.dirname(os.path.realpath(shell_function("java_pick"))), "keytool")

    def path(self, name):
        return self.certificates.path(name)

    def pkcs12(self, name, *options, key="client"):
        run(["openssl", "pkcs12", "-export", "-name", "client", "-inkey", self.path(key + ".key"), "-in",
             self.path("client.pem"), "-certfile", self.certificates.ca, "-passout", "pass:" + PASSWORD, "-out",
             self.path(name)] + list(options))
        return self.path(name)

    def converted(self, source, name, kind):
        run([self.keytool, "-importkeystore", "-noprompt", "-srckeystore", source, "-srcstoretype", "PKCS12", "-srcstorepass",
             PASSWORD, "-destkeystore", self.path(name), "-deststoretype", kind, "-deststorepass", PASSWORD, "-destkeypass",
             PASSWORD])
        return self.path(name)

    def trust(self, name, kind):
        run([self.keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", self.certificates.ca, "-keystore",
             self.path(name), "-storetype", kind, "-storepass", PASSWORD])
        return self.path(name)


def refusal(context, worker, name, config):
    """What the worker says about a configuration: at validation, or as the trace of the task that failed."""
    answer = worker.rest.must("PUT", "/connector-plugins/MqttSource/config/validate", dict(config, name=name))
    said = [text for entry in answer.json["configs"] for text in entry["value"]["errors"]]
    if said:
        return "\n".join(said)
    worker.rest.create(name, config)
    found = []

    def failed():
        status = worker.rest.status(name)
        found[:] = [t.get("trace", "") for t in (status or {}).get("tasks", []) if t["state"] == "FAILED"]
        if status and status["connector"]["state"] == "FAILED":
            found.append(status["connector"].get("trace", ""))
        return found
    context.wait("a refusal of " + name, failed)
    worker.rest.delete(name)
    return "\n".join(found)


@scenario("S26", "JKS, PKCS#12, PEM connect with mTLS; the others are refused with what to do", weight=25)
def s26(context):
    certificates = Certificates(context.work)
    stores = Stores(certificates)
    broker = context.mosquitto(certificates=certificates)
    worker = context.worker()
    topic = context.unique("topic")
    p12 = stores.pkcs12("client.p12")
    jks = stores.converted(p12, "client.jks", "JKS")
    trust_jks = stores.trust("trust.jks", "JKS")
    really_p12 = shutil.copy(p12, certificates.path("misnamed.jks"))
    uri = "ssl://localhost:%d" % broker.tls_port

    def keyed(keys, trust):
        return {"mqtt__ssl__key__store__path": keys, "mqtt__ssl__key__store__password": PASSWORD,
                "mqtt__ssl__trust__store__path": trust, "mqtt__ssl__trust__store__password": PASSWORD}
    good = {
        "jks": keyed(jks, trust_jks),
        "misnamed": keyed(really_p12, stores.trust("trust-p12.jks", "PKCS12")),
        "pem": {"mqtt__ssl__ca__path": certificates.ca, "mqtt__ssl__certificate__path": certificates.path("client.pem"),
                "mqtt__ssl__key__path": certificates.path("client.key")},
    }
    for name, keys in good.items():
        topic_filter = "tls/%s/#" % name
        worker.rest.create("tls-" + name, mqtt_source(uri, topic_filter, topic, **keys))
        worker.rest.wait_state("tls-" + name)
        broker.wait_subscribed(topic_filter)
        context.publish(broker, "tls/%s/a" % name, ["0"])
    context.wait_all(topic, {"tls/%s/a" % name: 1 for name in good}).require(0)

    jceks = stores.converted(p12, "client.jceks", "JCEKS")
    old = stores.pkcs12("old.p12", "-legacy", "-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40")
    only_trust = trust_jks
    odd = certificates.path("odd.bin")
    with open(odd, "wb") as f:
        f.write(b"\x00\x01\x02\x03 not a store")
    bad = {
        "missing": (keyed("/no/such/store", trust_jks), "cannot be read: No such file or directory"),
        "jceks": (keyed(jceks, trust_jks), "is a JCEKS keystore, which cannot be read here; convert it: keytool -importkeystore "
                  "-srckeystore %s -srcstoretype JCEKS -destkeystore store.p12 -deststoretype PKCS12" % jceks),
        "odd": (keyed(odd, trust_jks), "is neither PEM, PKCS#12 nor JKS (first bytes 00 01 02 03)"),
        "password": (dict(keyed(jks, trust_jks), mqtt__ssl__key__store__password="wrong-secret"),
                     "cannot be opened: the password is wrong or the file is damaged"),
        "rc2": (keyed(old, trust_jks), "uses encryption that OpenSSL 3 no longer offers (RC2-40); re-create it: openssl pkcs12 "
                "-legacy -in %s -out t.pem, then -export" % old),
        "no-key": (keyed(only_trust, trust_jks), "contains no private key"),
        "other-key": ({"mqtt__ssl__ca__path": certificates.ca, "mqtt__ssl__certificate__path": certificates.path("client.pem"),
                       "mqtt__ssl__key__path": certificates.path("stranger.key")},
                      "the private key does not belong to the certificate"),
    }
    for name, (keys, wanted) in bad.items():
        said = refusal(context, worker, "tls-bad-" + name, mqtt_source(uri, "tls/bad/#", topic, **keys))
        context.check(wanted in said, "store '%s' should be refused with '%s'; the worker said: %s", name, wanted, said)
        context.check(PASSWORD not in said and "wrong-secret" not in said, "a password is in the message: %s", said)
    context.check(PASSWORD not in worker.child.text(), "a password is in the log")
    context.note("connected=%d refused=%d sent=%d in_kafka=%d lost=0 duplicated=0 bound=0" %
                 (len(good), len(bad), len(good), len(good)))
