"""TCP over the loopback until killed: short conversations, one after the other."""
import socket

server = socket.create_server(("127.0.0.1", 0))
while True:
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    for _ in range(50):
        client.sendall(b"x" * 700)
        peer.recv(700)
    client.close()
    peer.close()
