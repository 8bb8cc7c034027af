#!/usr/bin/env python3
"""Conversations on real TCP sockets, and what each end did in them. TRUTH.md says what the truth lines mean.

  traffic.py serve [--port N] [--truth FILE]
  traffic.py connect ADDR KIND [--port N] [--truth FILE] [--times N] [--parallel N] [--size BYTES] [--rounds N]
                     [--ports LOW-HIGH] [--gap SECONDS] [--patience SECONDS]

The client's first line names the conversation, so that one server plays them all. Exit status of connect: 0 whatever became
of the connections; 2 when it could not run.
"""
import argparse
import errno
import itertools
import os
import signal
import socket
import sys
import threading
import time

from talks import GONE, KINDS, SIZES, End, Log, Over, plain, play


# ---- the server ----


class Order:
    """What the client's first line asks for."""

    def __init__(self, words):
        self.token, self.kind = words[0], words[1]
        self.size, self.rounds, self.gap = int(words[2]), int(words[3]), float(words[4])


class Server:
    def __init__(self, options):
        self.options, self.log = options, Log(options.truth)
        self.busy, self.lock = set(), threading.Lock()

    def answer(self, sock):
        end = End(sock, "server", self.log)
        try:
            end.connected()
        except OSError:  # reset before we came to it: its addresses are gone, the client's line has them
            sock.close()
            return
        with self.lock:
            self.busy.add(end)
        sock.settimeout(self.options.patience)
        self.take_order(end)
        with self.lock:
            self.busy.discard(end)

    def take_order(self, end):
        try:
            words = end.read_line()
        except Over:
            end.give_up()
            return
        if len(words) != 5 or words[1] not in KINDS:
            end.close()
            return
        order = Order(words)
        end.line.update(token=order.token, kind=order.kind)
        play(end, KINDS[order.kind][1], order)

    def run(self):
        listener = socket.create_server(("::", self.options.port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print("ready", flush=True)
        try:
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self.answer, args=(sock,), daemon=True).start()
        except SystemExit:
            self.end()

    def end(self):
        """A moment for conversations that are nearly over; the rest is still open."""
        for _ in range(20):
            if not self.busy:
                break
            time.sleep(0.01)
        with self.lock:
            for end in self.busy:
                if not end.done:
                    end.line["ended"] = "open"
                    end.leave_open()
        os._exit(0)  # threads that wait for a peer would keep us


# ---- the client ----


class Client:
    def __init__(self, options):
        self.options, self.log = options, Log(options.truth)
        self.prefix = f"{os.getpid():x}-{options.kind}"
        self.numbers = itertools.count()
        self.ports = itertools.cycle(range(options.ports[0], options.ports[1] + 1)) if options.ports else None
        self.lock = threading.Lock()
        self.announced = False
        self.failed = None

    def announce(self):
        with self.lock:
            if not self.announced:
                print("connected", flush=True)
            self.announced = True

    def open_socket(self):
        family = socket.AF_INET6 if ":" in self.options.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(self.options.patience)
        if self.options.kind == "stall":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
        if self.ports:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with self.lock:
                port = next(self.ports)
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        return sock

    def reach(self, end):
        """True when connected; else the line is written."""
        o = self.options
        port = o.port + (o.kind == "refused")
        try:
            end.socket.connect((o.address, port))
            end.connected()
            return True
        except OSError as e:
            if e.errno == errno.EADDRNOTAVAIL:  # our own port is still in TIME_WAIT
                raise
            self.not_connected(end, e, port)
            return False

    def converse(self, number):
        o = self.options
        end = End(self.open_socket(), "client", self.log)
        end.line.update(token=f"{self.prefix}-{number}", kind=o.kind)
        if not self.reach(end):
            return
        order = argparse.Namespace(size=o.size, rounds=o.rounds, gap=o.gap, number=number, announce=self.announce)
        try:
            end.send_bytes(f"{end.line['token']} {o.kind} {o.size} {o.rounds} {o.gap}\n".encode())
            KINDS[o.kind][0](end, order)
        except Over:
            end.give_up()

    def not_connected(self, end, error, port):
        """Refused, or timed out; the addresses all the same."""
        refused = error.errno == errno.ECONNREFUSED
        end.line.update(error=errno.errorcode.get(error.errno), local=plain(end.socket.getsockname()),
                        remote=[self.options.address, port])
        if refused and self.options.kind == "refused":
            end.line["peer_causes"] = ["refused"]
        end.finish("refused" if refused else "timeout", GONE)

    def work(self):
        while (number := next(self.numbers)) < self.options.times:
            until = time.monotonic() + self.options.patience
            while not self.converse_now(number):
                if time.monotonic() > until:
                    self.failed = "no port of the range comes free"
                    return
                time.sleep(0.02)

    def converse_now(self, number):
        """False when the port cannot be had yet."""
        try:
            self.converse(number)
            return True
        except OSError as e:
            if e.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                raise
            return False

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(min(self.options.parallel, self.options.times))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failed:
            print(f"traffic.py: {self.failed}", file=sys.stderr)
        return 2 if self.failed else 0


def port_range(text):
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def main():
    parser = argparse.ArgumentParser()
    modes = parser.add_subparsers(dest="mode", required=True)
    serve, connect = modes.add_parser("serve"), modes.add_parser("connect")
    connect.add_argument("address")
    connect.add_argument("kind", choices=KINDS)
    for mode in (serve, connect):
        mode.add_argument("--port", type=int, default=8000)
        mode.add_argument("--truth")
        mode.add_argument("--patience", type=float, default=6)
    connect.add_argument("--times", type=int, default=1)
    connect.add_argument("--parallel", type=int, default=1)
    connect.add_argument("--size", type=int)
    connect.add_argument("--rounds", type=int, default=20)
    connect.add_argument("--ports", type=port_range)
    connect.add_argument("--gap", type=float, default=3.5)
    options = parser.parse_args()
    if options.mode == "serve":
        Server(options).run()
        return
    if options.size is None:
        options.size = SIZES.get(options.kind, 0)
    sys.exit(Client(options).run())


if __name__ == "__main__":
    main()
