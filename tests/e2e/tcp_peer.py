#!/usr/bin/env python3
"""One end of a TCP conversation on real sockets, for the tests that go through kernel namespaces.

  tcp_peer.py serve ADDR PORT KIND      accept one connection, play the server of KIND
  tcp_peer.py connect ADDR PORT KIND    play the client

KIND: exchange  a request, a reply of 200 kB, an orderly close
      bulk      the same with 3 MB
      abort     the server sends 1,500 bytes every 2 ms; the client reads 20,000 and aborts (linger 0)
      refused   nobody serves; the client is refused or times out
"""
import socket
import struct
import sys
import time

ROUNDS = 400
REPLY = {"exchange": 200000, "bulk": 3000000}


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def serve(addr, port, kind):
    s = socket.socket(family(addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.listen(8)
    s.settimeout(10)
    print("ready", flush=True)
    c, _ = s.accept()
    s.close()
    c.settimeout(5)
    try:
        if kind in REPLY:
            c.recv(100)
            c.sendall(b"x" * REPLY[kind])
            c.shutdown(socket.SHUT_WR)
            while c.recv(4096):
                pass
        elif kind == "abort":
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 800)  # its kernel gives up before the capture ends
            for _ in range(ROUNDS):
                c.send(b"y" * 1500)
                time.sleep(0.002)
    except (ConnectionError, TimeoutError, socket.timeout):
        pass
    c.close()


def connect(addr, port, kind):
    s = socket.socket(family(addr), socket.SOCK_STREAM)
    s.settimeout(3)
    try:
        s.connect((addr, port))
    except (ConnectionError, TimeoutError, socket.timeout):
        if kind != "refused":
            raise
        return
    s.settimeout(5)
    if kind in REPLY:
        s.sendall(b"request" * 10)
        while s.recv(65536):
            pass
        s.close()
    elif kind == "abort":
        got = 0
        while got < 20000:
            got += len(s.recv(4096))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        time.sleep(1.0)


if __name__ == "__main__":
    {"serve": serve, "connect": connect}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), sys.argv[4])
