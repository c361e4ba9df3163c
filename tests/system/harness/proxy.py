# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy with faults, which also counts MQTT packets.

It stands between a worker and a broker and knows, for every connection, which QoS 1 and 2 messages the broker has sent
and the worker has not yet answered (PUBACK, PUBREC). What is open when a connection ends is what the broker may
deliver again: the bound for duplicates, counted by somebody who is neither of the two. A broker that drops a connection
(because its client is there once more) before it has read all answers resets it; then those unread are counted, too.
"""
import asyncio
import collections
import socket
import threading
import time

from .children import free_port, wait_until

DOWN = "down"  # broker to worker
UP = "up"      # worker to broker
CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK = range(1, 10)
DISCONNECT = 14
ANSWER_SIZE = 4  # the least a PUBACK has
NAMES = {1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP", 8: "SUBSCRIBE",
         9: "SUBACK", 10: "UNSUBSCRIBE", 11: "UNSUBACK", 12: "PINGREQ", 13: "PINGRESP", 14: "DISCONNECT", 15: "AUTH"}


class Packets:
    """Splits a byte stream into MQTT packets: (type, flags, start, body, end) of each whole one in the buffer."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        buffer, at, size = self.buffer, 0, len(self.buffer)
        while size - at >= 2:
            length, shift, i = 0, 0, at + 1
            while True:
                if i >= size:
                    length = -1
                    break
                byte = buffer[i]
                length |= (byte & 127) << shift
                shift += 7
                i += 1
                if byte < 128 or shift > 21:
                    break
            if length < 0 or i + length > size:
                break
            yield buffer[at] >> 4, buffer[at] & 15, at, i, i + length
            at = i + length
        if at:
            del buffer[:at]


class Side(asyncio.Protocol):
    def __init__(self, link, direction):
        self.link = link
        self.direction = direction  # of the data that this side receives
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(high=65536)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link.made(self)

    def data_received(self, data):
        self.link.received(self.direction, data)

    def eof_received(self):
        self.link.eof(self.direction)
        return True

    def connection_lost(self, error):
        if error and self is self.link.broker:
            self.link.reset_by_broker()
        self.link.lost()

    def pause_writing(self):
        self.link.hold(self, True)

    def resume_writing(self):
        self.link.hold(self, False)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.worker = Side(self, UP)
        self.broker = Side(self, DOWN)
        self.early = []
        self.closed = False
        self.ended_ways = set()
        self.bytes = {UP: 0, DOWN: 0}
        self.packets = {UP: Packets(), DOWN: Packets()}
        self.counts = {UP: collections.Counter(), DOWN: collections.Counter()}
        self.open = set()
        self.highest = 0
        self.unread = None  # answers that the broker had not read when the worker's side ended
        self.reset = False  # the broker will never have read them
        self.started = time.monotonic()
        self.mqtt = True

    def side(self, direction):
        """Where data of this direction goes to."""
        return self.broker if direction == UP else self.worker

    def made(self, side):
        if side is self.worker and self.closed:  # refused
            side.transport.abort()
        elif side is self.worker:
            loop = asyncio.get_running_loop()
            loop.create_task(self.connect(loop))
        else:
            for data in self.early:
                self.write(UP, data)
            self.early = []

    async def connect(self, loop):
        if self.proxy.silent:
            return
        try:
            await loop.create_connection(lambda: self.broker, "127.0.0.1", self.proxy.target)
        except OSError:
            self.close()

    def received(self, direction, data):
        proxy = self.proxy
        if self.closed:
            return
        if proxy.blackhole.get(direction):
            return
        self.bytes[direction] += len(data)
        if proxy.parse and self.mqtt:
            data = self.inspect(direction, data)
            if self.closed:
                return
        limit = proxy.cut_at.get(direction)
        if limit is not None and self.started >= proxy.cut_since and self.bytes[direction] >= limit:
            keep = len(data) - (self.bytes[direction] - limit)
            if keep > 0:
                self.write(direction, bytes(data[:keep]))
            proxy.cut_at.pop(direction, None)
            self.finish()
            return
        delay = proxy.delay.get(direction, 0)
        if delay:
            asyncio.get_running_loop().call_later(delay, self.write, direction, data)
        else:
            self.write(direction, data)

    def inspect(self, direction, data):
        """Counts whole packets; with a hook, passes on only what the hook lets through."""
        proxy, packets, hook = self.proxy, self.packets[direction], self.proxy.hook
        out = bytearray() if hook else None
        counts = self.counts[direction]
        for kind, flags, start, body, end in packets.feed(data):
            counts[kind] += 1
            buffer = packets.buffer
            if kind == PUBLISH and flags & 6 and direction == DOWN:
                at = body + 2 + (buffer[body] << 8 | buffer[body + 1])
                self.open.add(buffer[at] << 8 | buffer[at + 1])
                if len(self.open) > self.highest:
                    self.highest = len(self.open)
            elif (kind == PUBACK or kind == PUBREC) and direction == UP:
                self.open.discard(buffer[body] << 8 | buffer[body + 1])
            if proxy.record is not None:
                proxy.record.append((time.monotonic(), direction, bytes(buffer[start:end])))
            if hook:
                answer = hook(self, direction, kind, bytes(buffer[start:end]))
                if answer is None:
                    out += buffer[start:end]
                elif answer == "cut":
                    if out:
                        self.write(direction, bytes(out))
                    self.finish()
                    return b""
                elif answer == "cut-after":
                    self.write(direction, bytes(out + buffer[start:end]))
                    self.finish()
                    return b""
                else:
                    out += answer
        return bytes(out) if hook else data

    def write(self, direction, data):
        if not data:
            return
        target = self.side(direction).transport
        if target is None:
            self.early.append(data)
        elif not target.is_closing():
            target.write(data)

    def hold(self, full, paused):
        other = self.broker if full is self.worker else self.worker
        if other.transport and not other.transport.is_closing():
            if paused:
                other.transport.pause_reading()
            else:
                other.transport.resume_reading()

    def eof(self, direction):
        """A half-closed connection goes on in the other direction, as without a proxy."""
        if self.proxy.silent:
            return
        if self.closed:
            if direction == DOWN:
                self.broker.transport.close()
            return
        self.ended_ways.add(direction)
        target = self.side(direction).transport
        if len(self.ended_ways) == 2:
            self.lost()
        elif target and target.can_write_eof() and not target.is_closing():
            try:
                target.write_eof()
            except OSError:
                pass
        elif target is None:
            self.close()

    def finish(self):
        """Cuts the connection as a fault does: what was passed on may still arrive, then both ends see the close."""
        self.lost()

    def lost(self):
        if self.closed or self.proxy.silent:
            return
        self.closed = True
        if self.proxy.parse and self.broker.transport and not self.broker.transport.is_closing():
            self.unread = self.bytes_unread() // ANSWER_SIZE
        self.proxy.ended(self)
        if self.worker.transport:
            self.worker.transport.close()
        if self.broker.transport and not self.broker.transport.is_closing():
            self.part_from_broker()

    def part_from_broker(self):
        """Closing with unread data would reset the connection, and the broker might not read the acknowledgements that
        are counted here. So it is told of the end, and what it still says is read and thrown away until it closes."""
        transport = self.broker.transport
        try:
            transport.resume_reading()
            if transport.can_write_eof():
                transport.write_eof()
            asyncio.get_running_loop().call_later(5, self.give_up)
        except (OSError, RuntimeError):
            transport.close()

    def give_up(self):
        if not self.broker.transport.is_closing():
            self.reset = True
            self.broker.transport.close()

    def reset_by_broker(self):
        self.reset = True

    def bytes_unread(self):
        """What was written to the broker and has not been read by it: here, under way, and in its socket."""
        raw = self.broker.transport.get_extra_info("socket")
        if raw is None:
            return 0
        here, there = "0100007F:%04X" % raw.getsockname()[1], "0100007F:%04X" % self.proxy.target
        total = self.broker.transport.get_write_buffer_size()
        with open("/proc/net/tcp", encoding="ascii") as f:
            for line in f:
                fields = line.split()
                if fields[1:3] == [here, there]:
                    total += int(fields[4].split(":")[0], 16)
                elif fields[1:3] == [there, here]:
                    total += int(fields[4].split(":")[1], 16)
        return total

    def may_repeat(self):
        """How many messages the broker may deliver again after this connection."""
        if not self.reset:
            return len(self.open)
        return len(self.open) + self.unread if self.unread is not None else max(len(self.open), self.highest)

    close = lost


class Proxy:
    """Listens on `port` and connects to `target`; parse=False for anything but MQTT, or `link` for who reads it."""

    def __init__(self, target, port=None, parse=True, link=Link):
        self.target = target
        self.link = link
        self.port = port or free_port()
        self.parse = parse
        self.links = []
        self.total = 0
        self.hook = None        # hook(link, direction, type, bytes) -> None | bytes | "cut" | "cut-after"
        self.record = None      # a list: every packet as (time, direction, bytes)
        self.delay = {}         # direction -> seconds
        self.blackhole = {}     # direction -> True: read and thrown away
        self.cut_at = {}        # direction -> bytes of a connection after which it is cut
        self.cut_since = 0.0    # connections made before are not cut
        self.refusing = False   # accept and close at once
        self.silent = False     # see silence()
        self.finished = []      # ended connections
        self.counts = {UP: collections.Counter(), DOWN: collections.Counter()}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        self._ready.wait(30)

    @property
    def uri(self):
        return "tcp://127.0.0.1:%d" % self.port

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            self._loop.create_server(self._accept, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()

    def _accept(self):
        link = self.link(self)
        self.total += 1
        if self.refusing:
            link.closed = True
        else:
            with self._lock:
                self.links.append(link)
        return link.worker

    def ended(self, link):
        with self._lock:
            if link in self.links:
                self.links.remove(link)
                self.finished.append(link)
                for direction in (UP, DOWN):
                    self.counts[direction].update(link.counts[direction])

    def _do(self, function):
        done = threading.Event()

        def call():
            try:
                function()
            finally:
                done.set()
        self._loop.call_soon_threadsafe(call)
        done.wait(30)

    def cut_next(self, direction, at):
        """Cuts a connection that is yet to be made, after so many bytes in this direction."""
        self.cut_since = time.monotonic()
        self.cut_at[direction] = at

    def cut(self):
        """Cuts every connection now."""
        self._do(lambda: [link.finish() for link in list(self.links)])

    def refuse(self, on=True):
        self.refusing = on
        if on:
            self.cut()

    def swallow(self, direction, on=True):
        self._do(lambda: self.blackhole.__setitem__(direction, on))

    def silence(self, on=True):
        """A cut cable: nothing gets through any more, in both directions, and nobody is told, not even of the other side's
        close. When it is mended, what was connected meanwhile or before is dead."""
        def change():
            self.silent = on
            self.blackhole.update({UP: on, DOWN: on})
            if not on:
                for link in list(self.links):
                    link.finish()
        self._do(change)

    def connections(self):
        with self._lock:
            return len(self.links)

    def bound(self, broker_ends=False):
        """How many messages ended connections left unanswered, all together: the bound for duplicates. A broker that ends
        itself may not have read acknowledgements that passed here; then it is what was open at the most."""
        with self._lock:
            return sum(link.highest if broker_ends else link.may_repeat() for link in self.finished)

    def highest(self):
        with self._lock:
            return max([link.highest for link in self.finished + self.links] + [0])

    def seen(self, direction, kind):
        with self._lock:
            return self.counts[direction][kind] + sum(link.counts[direction][kind] for link in self.links)

    def in_flight(self):
        with self._lock:
            return sum(len(link.open) for link in self.links)

    def wait_connected(self, seconds=60):
        """Waits until a worker's SUBSCRIBE or a resumed session's CONNACK came through."""
        wait_until("a connection through the proxy", lambda: any(
            link.counts[DOWN][CONNACK] for link in list(self.links)), seconds)

    def wait_quiet(self, seconds=60):
        """Waits until the ended connections are known here too."""
        wait_until("connections of the proxy ended", lambda: self.connections() == 0, seconds)

    def close(self):
        self.silent = False
        self.refuse()
        self._do(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
