"""Joins stdin and stdout to a TCP port: a ProxyCommand for the tests."""

import os
import select
import socket
import sys

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
while True:
    for readable in select.select([0, connection], [], [])[0]:
        data = os.read(0, 65536) if readable == 0 else connection.recv(65536)
        if not data:
            sys.exit(0)
        if readable == 0:
            connection.sendall(data)
        else:
            os.write(1, data)
