"""The real cloud's stand-in, in a network namespace of its own: every name is at 127.66.6.6, and whatever is asked or
connected there is written to the file that the argument names, a line each. A test sees that nothing was."""

import socket
import struct
import sys
import threading

ADDRESS = "127.66.6.6"
log = open(sys.argv[1], "a", buffering=1)


def listen(port):
    listener = socket.create_server((ADDRESS, port), backlog=50)
    while True:
        connection, _ = listener.accept()
        log.write(f"CONNECT {port}\n")
        connection.close()


for port in (443, 80):
    threading.Thread(target=listen, args=(port,), daemon=True).start()

resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
resolver.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, client = resolver.recvfrom(4096)
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += query[at] + 1
    name, kind = ".".join(labels).lower(), query[at + 2]
    if name.endswith(("qq.com", "qcloud.com", "imcloud.com")):
        log.write(f"QUERY {name} {kind}\n")
    found = kind == 1
    answer = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + bytes(4) + query[12 : at + 5]
    if found:
        answer += b"\xc0\x0c\x00\x01\x00\x01" + struct.pack(">IH", 5, 4) + socket.inet_aton(ADDRESS)
    resolver.sendto(answer, client)
