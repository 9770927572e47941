"""wasmtime as a peer: a module in the original's raw form, instantiated afresh for each request.

wasmtime_peer.py serve PORT MODULE        a minimal HTTP server, one thread
wasmtime_peer.py loop RUNS MODULE FILE    in process: prints the microseconds of each run, one a line
"""

import selectors
import socket
import struct
import sys
import time

import wasmtime

PAGE = 65536


class Host:
    """Compiles once; `run` makes a store, a memory and an instance for one invocation."""

    def __init__(self, path):
        self.engine = wasmtime.Engine()
        with open(path, "rb") as file:
            self.module = wasmtime.Module(self.engine, file.read())

    def run(self, body):
        store = wasmtime.Store(self.engine)
        pages = 4 + (3 * len(body) + PAGE - 1) // PAGE
        memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(pages, None)))
        exports = wasmtime.Instance(store, self.module, [memory]).exports(store)
        system = exports["__dandelion_system_data"].value(store)
        # One input set `in` with the item `a`, one output set `out`, behind the module's own data.
        tables = 2 * PAGE
        names, sets, outputs, items, data = tables, tables + 16, tables + 64, tables + 112, tables + 256
        heap = data + len(body)
        memory.write(store, b"inaout", names)
        memory.write(store, struct.pack("<6I", names, 2, 0, 0, 0, 1), sets)
        memory.write(store, struct.pack("<6I", names + 3, 3, 0, 0, 0, 0), outputs)
        memory.write(store, struct.pack("<5I", names + 2, 1, data, len(body), 0), items)
        memory.write(store, body, data)
        words = (heap, pages * PAGE, 1, sets, 1, outputs, items, 0)
        memory.write(store, struct.pack("<i8I", -1, *words), system)
        exports["_start"](store)
        (output,) = struct.unpack("<I", memory.read(store, system + 32, system + 36))
        _, _, start, length, _ = struct.unpack("<5I", memory.read(store, output, output + 20))
        return bytes(memory.read(store, start, start + length))


def answer(connection, buffer, host):
    """Answers the requests that are complete in the buffer; gives what is left."""
    while (end := buffer.find(b"\r\n\r\n")) >= 0:
        length = 0
        for line in buffer[:end].lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if len(buffer) < end + 4 + length:
            break
        reply = host.run(bytes(buffer[end + 4 : end + 4 + length]))
        connection.setblocking(True)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply)
        connection.setblocking(False)
        buffer = buffer[end + 4 + length :]
    return buffer


def serve(port, module):
    host, selector = Host(module), selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    selector.register(listener, selectors.EVENT_READ, None)
    print("Socket ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ, [b""])
                continue
            try:
                received = key.fileobj.recv(1 << 20)
                if received:
                    key.data[0] = answer(key.fileobj, key.data[0] + received, host)
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()


def loop(runs, module, path):
    host = Host(module)
    with open(path, "rb") as file:
        body = file.read()
    for _ in range(runs):
        start = time.perf_counter_ns()
        host.run(body)
        print((time.perf_counter_ns() - start) / 1e3)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), sys.argv[3])
    else:
        loop(int(sys.argv[2]), sys.argv[3], sys.argv[4])
