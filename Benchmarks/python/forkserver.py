"""A ready interpreter that answers each request in a child of its own: no isolation, and the least that a process costs.
Reads requests from standard input and writes answers: 4 bytes of length, then the bytes."""

import os
import struct
import sys
from json import dumps, loads

source, destination = sys.stdin.buffer, sys.stdout.buffer
while head := source.read(4):
    body = source.read(struct.unpack("<I", head)[0])
    child = os.fork()
    if child == 0:
        document = loads(body)
        document["sum"] = sum(item["n"] for item in document["items"])
        answer = dumps(document).encode()
        os.write(1, struct.pack("<I", len(answer)) + answer)
        os._exit(0)
    os.waitpid(child, 0)
