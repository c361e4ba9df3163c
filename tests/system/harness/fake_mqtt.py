# SPDX-License-Identifier: Apache-2.0
"""An MQTT broker that does what a test says, for faults that no real broker makes on request."""
import socket
import struct
import threading
import time

from .children import Failure, free_port, wait_until
from .proxy import CONNECT, DISCONNECT, PUBACK, PUBREC, PUBREL, SUBSCRIBE


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def length(value):
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (128 if value else 0))
        if not value:
            return bytes(out)


def packet(first, body):
    return bytes([first]) + length(len(body)) + body


class Peer:
    """A client's connection as the fake broker sees it."""

    def __init__(self, sock):
        self.sock = sock
        self.version = 4
        self.client_id = ""
        self.clean = False
        self.buffer = b""

    def _exactly(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def read(self, seconds=60):
        """One packet: (type, flags, body). EOFError when the client is gone, TimeoutError when it is silent."""
        self.sock.settimeout(seconds)
        first = self._exactly(1)[0]
        size, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return first >> 4, first & 15, self._exactly(size)

    def send(self, data):
        self.sock.sendall(data)

    def accept(self, present=False, code=0, properties=b""):
        """Reads CONNECT, answers CONNACK."""
        kind, _, body = self.read()
        if kind != CONNECT:
            raise Failure("the client began with packet type %d" % kind)
        at = 2 + struct.unpack(">H", body[:2])[0]
        self.version = body[at]
        self.clean = bool(body[at + 1] & 2)
        at += 4
        if self.version == 5:
            at += 1 + body[at]
        size = struct.unpack(">H", body[at:at + 2])[0]
        self.client_id = body[at + 2:at + 2 + size].decode()
        self.connack(present, code, properties)

    def connack(self, present, code=0, properties=b""):
        tail = length(len(properties)) + properties if self.version == 5 else b""
        self.send(packet(0x20, bytes([1 if present else 0, code]) + tail))

    def publish(self, topic, payload, qos=1, ident=1, dup=False, retain=False):
        body = text(topic) + (struct.pack(">H", ident) if qos else b"")
        body += b"\0" if self.version == 5 else b""
        self.send(packet(0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + payload))

    def pubrel(self, ident):
        self.send(packet(0x62, struct.pack(">H", ident)))

    def disconnect(self, reason):
        """DISCONNECT, and then waits for the client's end: closing with unread data could overtake the packet."""
        self.send(packet(0xE0, bytes([reason]) if self.version == 5 else b""))
        self.sock.shutdown(socket.SHUT_WR)
        try:
            while True:
                self.read(3)
        except (EOFError, OSError):
            pass

    def answer(self, kind, body):
        """The usual answers: SUBACK, UNSUBACK, PINGRESP. True when the packet was one of these."""
        five = self.version == 5
        if kind == SUBSCRIBE:
            at = 2
            if five:
                at += 1 + body[2]
            granted = b""
            while at < len(body):
                at += 2 + struct.unpack(">H", body[at:at + 2])[0]
                granted += bytes([body[at] & 3])
                at += 1
            self.send(packet(0x90, body[:2] + (b"\0" if five else b"") + granted))
            return True
        if kind == 10:
            self.send(packet(0xB0, body[:2] + (b"\0\0" if five else b"")))
            return True
        if kind == 12:
            self.send(b"\xd0\0")
            return True
        return False

    def subscribed(self, present=False):
        """CONNECT and SUBSCRIBE, as a session begins; a client with a known session may skip SUBSCRIBE."""
        self.accept(present)
        if not present:
            self.until(SUBSCRIBE)

    def until(self, wanted, seconds=60):
        """Reads and answers until a packet of the wanted type came; gives its body."""
        while True:
            kind, _, body = self.read(seconds)
            self.answer(kind, body)
            if kind == wanted:
                return body
            if kind == DISCONNECT:
                raise EOFError

    def acknowledgement(self, seconds=60):
        """The next PUBACK or PUBREC: its packet id. PUBREC is answered with PUBREL."""
        while True:
            kind, _, body = self.read(seconds)
            self.answer(kind, body)
            if kind in (PUBACK, PUBREC):
                ident = struct.unpack(">H", body[:2])[0]
                if kind == PUBREC:
                    self.pubrel(ident)
                return ident
            if kind == DISCONNECT:
                raise EOFError

    def serve(self):
        """Answers pings and so on until the client goes."""
        while True:
            kind, _, body = self.read(3600)
            if kind == DISCONNECT:
                return
            self.answer(kind, body)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class FakeBroker:
    """behave(peer, number) runs for every connection, number counting from 0; the connection ends when it returns."""

    def __init__(self, behave):
        self.behave = behave
        self.port = free_port()
        self.connections = 0
        self.problems = []
        self.peers = []
        self.open = True
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, name="fake broker", daemon=True).start()

    @property
    def uri(self):
        return "tcp://127.0.0.1:%d" % self.port

    def _accept(self):
        while self.open:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock)
            self.peers.append(peer)
            number, self.connections = self.connections, self.connections + 1
            threading.Thread(target=self._one, args=(peer, number), name="fake peer", daemon=True).start()

    def _one(self, peer, number):
        try:
            self.behave(peer, number)
        except (EOFError, OSError):
            pass
        except Exception as problem:  # the test's own thread reports it
            self.problems.append(problem)
        finally:
            peer.close()

    def wait_connections(self, count, seconds=60):
        wait_until("%d connections to the fake broker" % count, lambda: self.connections >= count, seconds)

    def close(self):
        self.open = False
        self.listener.close()
        for peer in self.peers:
            peer.close()
        if self.problems:
            raise self.problems[0]


class SteadyPublisher:
    """Publishes numbers at a slow, steady rate with QoS 1, whatever becomes of the broker: what was not answered is sent
    again, in order, on the next connection, and counted."""

    def __init__(self, port, topic, rate, client_id):
        self.port, self.topic, self.rate, self.client_id = port, topic, rate, client_id
        self.sent = 0
        self.resent = 0
        self.waiting = {}   # packet id -> number, in the order of sending
        self.ending = False
        self.thread = threading.Thread(target=self._run, name="steady publisher", daemon=True)
        self.thread.start()

    def _publish(self, sock, ident, number, dup):
        sock.sendall(packet(0x32 | (8 if dup else 0), text(self.topic) + struct.pack(">H", ident) + b"%d" % number))

    def _run(self):
        while not (self.ending and not self.waiting):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                    self._connected(sock)
            except (OSError, EOFError):
                time.sleep(0.1)

    def _connected(self, sock):
        sock.sendall(packet(0x10, text("MQTT") + bytes([4, 2]) + struct.pack(">H", 0) + text(self.client_id)))
        peer = Peer(sock)
        peer.read(10)
        for ident, number in self.waiting.items():
            self._publish(sock, ident, number, True)
            self.resent += 1
        due = time.monotonic()
        while not (self.ending and not self.waiting):
            while not self.ending and len(self.waiting) < 1000 and time.monotonic() >= due:
                ident = self.sent % 65535 + 1
                self.waiting[ident] = self.sent
                self.sent += 1
                self._publish(sock, ident, self.waiting[ident], False)
                due += 1 / self.rate
            try:
                kind, _, body = peer.read(0.005)
            except TimeoutError:
                continue
            if kind == PUBACK:
                self.waiting.pop(struct.unpack(">H", body[:2])[0], None)

    def stop(self, seconds=120):
        """Waits until everything sent is answered; gives how many numbers were sent."""
        self.ending = True
        self.thread.join(seconds)
        if self.waiting:
            raise Failure("the MQTT broker did not answer %d messages of the publisher" % len(self.waiting))
        return self.sent
