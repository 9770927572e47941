#!/usr/bin/env python3
"""What large items cost on their way: between two functions, to eight at once, and through HTTP, in memmoves of as many bytes.

- An edge is what a composition of a function that makes an item and one that reads it (a word of each page) takes longer than
  the same two sandboxes, of which the first does both and hands a small item on.
- The fan is the same with eight readers of the one item (`fan-out all`).
- HTTP: a body into a function that hands it back, beside a server in C that reads it once and writes it once
  (floors/echo_body.c), with the same client.

A memmove is measured in the same run, between buffers that have their pages. Prints Markdown. Usage:
edges.py [--classes kvm,process] [--sizes 4K,...] [--rounds N]; expects a built node, see `./dev build`.
"""
import argparse
import ctypes
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = "4K,64K,1M,2M,4M,16M,64M,256M,1G"
FAN = 8
MAKE, SUM, BOTH = 1, 2, 3


class Client:
    """One HTTP/1.1 connection that copies as little as Python can."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.buffer = bytearray(1 << 20)

    def request(self, method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.socket.sendall(head)
        if body:
            self.socket.sendall(body)
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.socket.recv(65536)
            if not part:
                sys.exit(f"{method} {path}: the connection was closed")
            received += part
        head, _, rest = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        if len(self.buffer) < length:
            self.buffer = bytearray(length)
        answer = memoryview(self.buffer)[:length]
        answer[: len(rest)] = rest
        done = len(rest)
        while done < length:
            count = self.socket.recv_into(answer[done:])
            if count == 0:
                sys.exit(f"{method} {path}: the connection was closed")
            done += count
        status = int(head.split()[1])
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {bytes(answer[:500])!r}")
        return head.decode(), answer


def total(head):
    """Microseconds in the node."""
    return float(re.search(r"(?i)server-timing:.*?total;dur=([0-9.]+)", head).group(1)) * 1000


def build(folder):
    sdk = folder / "sdk"
    subprocess.run([ROOT / "SDK/build.sh", "--freestanding", sdk], check=True, stdout=subprocess.DEVNULL)
    config = f"--config={sdk}/dandelion-freestanding.cfg"
    images = {}
    for name, source in [("edge", "Benchmarks/functions/edge.c"), ("echo", "Examples/functions/echo.c")]:
        subprocess.run(["clang", config, ROOT / source, "-o", folder / name], check=True)
        images[name] = (folder / name).read_bytes()
    floor = folder / "echo_body"
    subprocess.run(["clang", "-O2", ROOT / "Benchmarks/floors/echo_body.c", "-o", floor], check=True)
    return images, floor


def start_node(folder, executable):
    config = folder / "node.toml"
    text = (ROOT / "Config/dandelion.toml").read_text()
    text = text.replace('max_body = "64MiB"', 'max_body = "1200MiB"')
    text = re.sub(r"(?m)^\[classes\.(?:kvm|process)\]$", r'\g<0>\nmemory_limit = "3GiB"', text)
    config.write_text(text)
    node = subprocess.Popen(
        [executable, "serve", "--config", config, "--listen", "127.0.0.1:0", "--state", folder / "state"],
        stdout=subprocess.PIPE, stderr=open(folder / "log", "w"), text=True)
    for line in node.stdout:
        if line.startswith("Socket ready"):
            break
    found = re.search(r"serving on 127\.0\.0\.1:(\d+)", (folder / "log").read_text())
    if not found:
        sys.exit((folder / "log").read_text())
    return node, int(found.group(1))


def compositions():
    declared = "function edge(order, data) => (out); "
    first = "edge(order = all a) => (x = out); "
    fan = "".join(f"edge(order = all s, data = all x) => (r{i} = out); " for i in range(FAN))
    names = ", ".join(f"r{i}" for i in range(FAN))
    return {
        "Edge": f"{declared}composition Edge(a, s) => (r0) {{ {first}edge(order = all s, data = all x) => (r0 = out); }}",
        "Fan": f"{declared}composition Fan(a, s) => ({names}) {{ {first}{fan}}}",
    }


def form(**sets):
    parts = [
        b'--zz\r\nContent-Disposition: form-data; name="%s"; filename="i"\r\n\r\n%s\r\n' % (name.encode(), data)
        for name, data in sets.items()
    ]
    return b"".join(parts) + b"--zz--\r\n"


class Node(Client):
    def invoke(self, name, body):
        head = (
            f"POST /v1/invoke/{name} HTTP/1.1\r\nHost: node\r\nContent-Type: multipart/form-data; boundary=zz\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
        self.socket.sendall(head + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(65536)
        head, _, rest = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        while len(rest) < length:
            rest += self.socket.recv(65536)
        if int(head.split()[1]) != 200:
            sys.exit(f"{name}: {head!r} {rest[:500]!r}")
        return total(head.decode())


def difference(node, name, size, readers, rounds):
    """Median microseconds that handing the item on takes longer than keeping it in its function; in turns, warmed up."""
    apart = form(a=struct.pack("<3Q", MAKE, size, 0), s=struct.pack("<3Q", SUM, 0, 0))
    together = form(a=struct.pack("<3Q", BOTH, size, readers), s=struct.pack("<3Q", SUM, 0, 0))
    times = ([], [])
    for turn in range(rounds + 1):
        for which, body in enumerate((apart, together)):
            took = node.invoke(name, body)
            if turn > 0:
                times[which].append(took)
    return statistics.median(times[0]) - statistics.median(times[1])


def echo_time(client, path, body, rounds):
    times = []
    for turn in range(rounds + 1):
        begun = time.perf_counter_ns()
        _, answer = client.request("POST", path, body)
        took = (time.perf_counter_ns() - begun) / 1000
        if len(answer) != len(body) or answer[:64] != body[:64] or answer[-64:] != body[-64:]:
            sys.exit(f"{path} gave other bytes back")
        if turn > 0:
            times.append(took)
    return statistics.median(times)


def copy_time(size, rounds):
    """Microseconds of one memmove between buffers that have their pages."""
    source, target = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
    ctypes.memset(source, 1, size)
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter_ns()
        ctypes.memmove(target, source, size)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(times[1:])


def bytes_of(text):
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1])
    return int(text[:-1]) << unit if unit else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", default="kvm,process")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--node", default=ROOT / ".build/release/dandelion")
    options = parser.parse_args()
    sizes = [(text, bytes_of(text)) for text in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        images, floor = build(folder)
        node, port = start_node(folder, options.node)
        server = subprocess.Popen([floor], stdout=subprocess.PIPE, text=True)
        try:
            plain = Client(int(server.stdout.readline()))
            client = Node(port)
            for number, run_class in enumerate(options.classes.split(",")):
                memory = "memory=3GiB&replace=true"
                client.request("PUT", f"/v1/functions/edge?class={run_class}&inputs=order,data&outputs=out&{memory}", images["edge"])
                client.request("PUT", f"/v1/functions/echo?class={run_class}&inputs=in&outputs=out&{memory}", images["echo"])
                for composition, text in compositions().items() if number == 0 else ():
                    client.request("PUT", f"/v1/compositions/{composition}", text.encode())
                print(f"## Large items, class `{run_class}`, us\n")
                print("| bytes | one memmove | edge | in memmoves | fan to 8 | in memmoves | HTTP echo | in C | ratio |")
                print("|---|---|---|---|---|---|---|---|---|")
                for text, size in sizes:
                    rounds = max(3, min(options.rounds, options.rounds * (16 << 20) // size))
                    copy = copy_time(size, rounds)
                    edge = difference(client, "Edge", size, 1, rounds)
                    fan = difference(client, "Fan", size, FAN, rounds)
                    body = os.urandom(min(size, 1 << 20)) * (size // min(size, 1 << 20))
                    http, c = echo_time(client, "/v1/invoke/echo", body, rounds), echo_time(plain, "/", body, rounds)
                    print(
                        f"| {text} | {copy:.1f} | {edge:.0f} | {edge / copy:.2f} | {fan:.0f} | {fan / copy:.2f} "
                        f"| {http:.0f} | {c:.0f} | {http / c:.2f} |", flush=True)
                print()
        finally:
            server.kill()
            node.terminate()
            node.wait()


if __name__ == "__main__":
    main()
