#!/usr/bin/env python3
"""A proxy between two sockets: terminates every connection that it accepts and carries the bytes on in one of its own.

  relay.py PORT ADDRESS PORT

Half closes are handed on; a reset of one side becomes an abort of the other.
"""
import socket
import struct
import sys
import threading


def carry(source, sink):
    """True at the end of the data, False when either side broke."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
        return True
    except OSError:
        return False


def abort(sock):
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


def join(client, address):
    try:
        server = socket.create_connection(address, timeout=5)
        server.settimeout(None)
    except OSError:
        abort(client)
        return
    whole = []
    back = threading.Thread(target=lambda: whole.append(carry(server, client) or wake(client, server)))
    back.start()
    whole.append(carry(client, server) or wake(client, server))
    back.join()
    for sock in (client, server):
        if all(whole):
            sock.close()
        else:
            abort(sock)


def wake(*socks):
    """The other direction ends too. False, for the caller."""
    for sock in socks:
        try:
            sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass
    return False


def main():
    listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=256)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=join, args=(client, (sys.argv[2], int(sys.argv[3]))), daemon=True).start()


if __name__ == "__main__":
    main()
