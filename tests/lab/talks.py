"""One end of one connection, and the conversations of two: each is KIND_client(end, options) and KIND_server(end, options). TRUTH.md
says what they do."""
import errno
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

REQUEST, REPLY = 200, 500       # bytes, of a chat
ENDLESS_PIECE, ENDLESS_PAUSE = 1500, 0.002
ENDLESS_S = 5                   # a server that goes on sending does so at most this long
USER_TIMEOUT_MS = 2000          # its kernel gives up before a capture ends
SIZES = {"get": 300000, "put": 300000, "both": 300000, "half": 100000, "short": 4000, "short-client": 4000, "mixed": 4000,
         "abort": 20000, "server-abort": 20000, "client-unread": 20000, "server-unread": 20000, "late-data": 4000,
         "complete-abort": 4000, "stall": 500000}
ANNOUNCED = ("keepalive", "keepalive-dead", "idle", "open")  # the caller is told when these stand
# What a kernel may answer once the connection is gone without TIME_WAIT
GONE = ["late-segment"]


class Log:
    """Truth lines, whole, from many threads."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8") if path else None
        self.lock = threading.Lock()

    def write(self, line):
        if self.file:
            with self.lock:
                self.file.write(json.dumps(line) + "\n")
                self.file.flush()


class Over(Exception):
    """The connection ended otherwise than the conversation has it: reset, or nothing came in time."""


def plain(address):
    """An address as people write it: IPv4 in IPv6 is IPv4."""
    return [address[0].removeprefix("::ffff:"), address[1]] if address else None


class End:
    """One end of one connection: what it sent, read and did, and when."""

    def __init__(self, sock, end, log):
        self.socket, self.log = sock, log
        self.line = {"traffic": "connection", "end": end, "token": None, "kind": None, "local": None, "remote": None,
                     "start_ns": time.time_ns(), "connected_ns": None, "sent": 0, "received": 0, "shutdown_ns": None,
                     "eof_ns": None, "ended": "open", "end_ns": None, "error": None, "causes": []}
        self.done = False

    def connected(self):
        self.line.update(connected_ns=time.time_ns(), local=plain(self.socket.getsockname()), remote=plain(self.socket.getpeername()))

    def guard(self, call, *arguments):
        """Run a call of the socket; Over when the connection is at an end."""
        try:
            return call(*arguments)
        except TimeoutError as e:
            # with an errno the kernel gave the connection up, without one we lost patience
            self.line["ended"] = "given-up" if e.errno is None else "timeout"
            self.line["error"] = errno.errorcode.get(e.errno) if e.errno else None
            raise Over from e
        except OSError as e:
            self.line["ended"], self.line["error"] = "reset", errno.errorcode.get(e.errno)
            raise Over from e

    def send(self, n):
        """n bytes of the usual filling."""
        data = FILLING[:n] if n <= len(FILLING) else FILLING * (n // len(FILLING)) + FILLING[:n % len(FILLING)]
        self.send_bytes(data)

    def send_bytes(self, data):
        view = memoryview(data)
        while view:
            n = self.guard(self.socket.send, view[:1 << 18])
            self.line["sent"] += n
            view = view[n:]

    def read(self, n):
        """Exactly n bytes, fewer at the peer's end."""
        left = n
        while left > 0:
            data = self.guard(self.socket.recv, min(left, 1 << 16))
            if not data:
                self.line["eof_ns"] = time.time_ns()
                break
            self.line["received"] += len(data)
            left -= len(data)
        return n - left

    def read_all(self):
        while self.read(1 << 20) == 1 << 20:
            pass

    def read_line(self):
        text = b""
        while not text.endswith(b"\n") and len(text) < 200:
            data = self.guard(self.socket.recv, 1)
            if not data:
                self.line["eof_ns"] = time.time_ns()
                break
            self.line["received"] += 1
            text += data
        return text.decode("ascii", "replace").split()

    def finish_sending(self):
        self.line["shutdown_ns"] = time.time_ns()
        self.guard(self.socket.shutdown, socket.SHUT_WR)

    # ---- ends ----

    def close(self):
        """Orderly. Without having read the peer's end, its further data would meet nobody."""
        self.finish("close", [] if self.line["eof_ns"] else ["data-after-close"])

    def abort(self, cause="abort"):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.finish("abort", [cause] + GONE)

    def close_unread(self):
        """With data in the buffer that nobody reads: the kernel resets."""
        self.finish("unread", ["abort"] + GONE)

    def finish(self, ended, causes):
        """The first end counts. `end_ns` is read before the kernel is told, so never after what it sends then."""
        if self.done:
            return
        self.done = True
        self.line.update(ended=ended, causes=causes, end_ns=time.time_ns())
        self.socket.close()
        self.log.write(self.line)

    def leave_open(self):
        self.done = True
        self.line.update(end_ns=time.time_ns())
        self.log.write(self.line)

    def give_up(self):
        """What the path or the peer left us: close, whatever that makes the kernel do."""
        ended = self.line["ended"]
        if ended == "given-up":
            self.finish("timeout", ["abort", "data-after-close"] + GONE)
        elif ended == "timeout" and self.line["kind"].startswith("keepalive"):
            self.finish(ended, ["keepalive"] + GONE)
        else:
            self.finish(ended, GONE)


FILLING = random.Random(77).randbytes(1 << 20)


# ---- the conversations: KIND_client(end, options), KIND_server(end, options) ----


def get_client(e, o):
    e.read_all()
    e.close()


def get_server(e, o):
    e.send(o.size)
    e.finish_sending()
    e.read_all()
    e.close()


def put_client(e, o):
    e.send(o.size)
    e.finish_sending()
    e.read_all()
    e.close()


def put_server(e, o):
    e.read_all()
    e.send(100)
    e.close()


def both_ways(e, o):
    reader = threading.Thread(target=read_aside, args=(e,))
    reader.start()
    try:
        e.send(o.size)
        e.finish_sending()
    finally:
        reader.join()
    if not e.line["eof_ns"]:
        raise Over
    e.close()


def read_aside(e):
    try:
        e.read_all()
    except Over:
        pass


def chat_client(e, o):
    for _ in range(o.rounds):
        e.send(REQUEST)
        if e.read(REPLY) < REPLY:
            break
    e.finish_sending()
    e.read_all()
    e.close()


def chat_server(e, o):
    while e.read(REQUEST) == REQUEST:
        e.send(REPLY)
    e.close()


def short_client(e, o):
    e.read_all()
    e.close()


def short_server(e, o):
    e.send(o.size)
    e.close()


def short_client_client(e, o):
    e.read(o.size)
    e.finish_sending()
    e.read_all()
    e.close()


def short_client_server(e, o):
    e.send(o.size)
    e.read_all()
    e.close()


def mixed_client(e, o):
    e.read_all()
    if o.number % 3 == 2:
        e.abort("abort-after-complete")
    else:
        e.close()


def complete_abort_client(e, o):
    e.read_all()
    e.abort("abort-after-complete")


def abort_client(e, o):
    e.read(o.size)
    e.abort()


def abort_server(e, o):
    e.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    e.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    until = time.monotonic() + ENDLESS_S
    while time.monotonic() < until:
        e.send(ENDLESS_PIECE)
        time.sleep(ENDLESS_PAUSE)
    e.close()


def server_abort_server(e, o):
    e.send(o.size)
    time.sleep(0.05)
    e.abort()


def client_unread_client(e, o):
    e.read(100)
    time.sleep(0.2)
    e.close_unread()


def client_unread_server(e, o):
    e.send(o.size)
    e.read_all()
    e.close()


def server_unread_client(e, o):
    e.send(o.size)
    e.read_all()
    e.close()


def server_unread_server(e, o):
    time.sleep(0.2)
    e.close_unread()


def late_data_client(e, o):
    e.read(o.size)
    e.close()


def late_data_server(e, o):
    e.send(o.size)
    for _ in range(3):
        time.sleep(0.3)
        e.send(1000)
    e.close()


def half_client(e, o):
    put_client(e, o)


def half_server(e, o):
    e.read_all()
    time.sleep(0.1)
    e.send(o.size)
    e.close()


def stall_client(e, o):
    """Reads nothing for a while: the window closes, the server probes it, and it opens again."""
    time.sleep(o.gap)
    e.read_all()
    e.close()


def stall_server(e, o):
    e.socket.settimeout(o.gap + 10)
    get_server(e, o)


def trickle_client(e, o):
    e.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(o.rounds):
        e.send(1 + i * 37 % 300)
        time.sleep(0.001 * (i % 4))
    e.finish_sending()
    e.read_all()
    e.close()


def trickle_server(e, o):
    e.read_all()
    e.send(100)
    e.close()


def keep_alive(e):
    e.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
        e.socket.setsockopt(socket.IPPROTO_TCP, option, value)


def keepalive_client(e, o):
    keep_alive(e)
    e.read(100)
    o.announce()
    time.sleep(o.gap)
    e.finish_sending()
    e.read_all()
    e.close()


def keepalive_dead_client(e, o):
    keep_alive(e)
    e.read(100)
    o.announce()
    e.socket.settimeout(o.gap + 10)
    e.read_all()
    e.close()


def hundred_server(e, o):
    e.socket.settimeout(o.gap + 30)
    e.send(100)
    e.read_all()
    e.close()


def idle_client(e, o):
    e.read(100)
    o.announce()
    time.sleep(o.gap)
    e.send(REQUEST)
    e.read(REPLY)
    e.finish_sending()
    e.read_all()
    e.close()


def idle_server(e, o):
    e.socket.settimeout(o.gap + 30)
    e.send(100)
    e.read(REQUEST)
    e.send(REPLY)
    e.read_all()
    e.close()


def open_client(e, o):
    """A child keeps it open until its namespace is cleared."""
    e.read(100)
    o.announce()
    e.leave_open()
    sys.stdout.flush()
    if os.fork() == 0:
        devnull = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(devnull, fd)
        signal.pause()
        os._exit(0)


def refused_client(e, o):
    """Something in between answered in the server's name; now the server refuses."""
    e.line["peer_causes"] = ["refused"]
    e.read_all()
    e.close()


KINDS = {  # kind: client, server
    "get": (get_client, get_server),
    "put": (put_client, put_server),
    "both": (both_ways, both_ways),
    "chat": (chat_client, chat_server),
    "short": (short_client, short_server),
    "short-client": (short_client_client, short_client_server),
    "mixed": (mixed_client, short_server),
    "complete-abort": (complete_abort_client, short_server),
    "abort": (abort_client, abort_server),
    "server-abort": (get_client, server_abort_server),
    "client-unread": (client_unread_client, client_unread_server),
    "server-unread": (server_unread_client, server_unread_server),
    "late-data": (late_data_client, late_data_server),
    "half": (half_client, half_server),
    "stall": (stall_client, stall_server),
    "trickle": (trickle_client, trickle_server),
    "keepalive": (keepalive_client, hundred_server),
    "keepalive-dead": (keepalive_dead_client, hundred_server),
    "idle": (idle_client, idle_server),
    "open": (open_client, hundred_server),
    "refused": (refused_client, None),
}


def play(end, conversation, options):
    try:
        conversation(end, options)
    except Over:
        end.give_up()
