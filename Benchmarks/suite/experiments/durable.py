"""Durable invocations: accepting and ending them beside the disk's own syncs, and finding many again (decision 0039)."""

import os
import re
import selectors
import signal
import socket
import time
from datetime import datetime
from pathlib import Path

from .. import stats
from ..bench import Server, progress
from ..node import Node
from ..report import Section, Target

TITLE = "Durable invocations"
BODY = bytes(4096)
CONNECTIONS = 256
ASYNC = ["Prefer: respond-async", "Content-Type: application/octet-stream"]


def floor(folder, rounds):
    """Seconds that each of `rounds` appends of 4 KiB takes to be on disk, one after the other."""
    times = []
    descriptor = os.open(os.path.join(folder, "floor"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(rounds):
            begun = time.monotonic()
            os.write(descriptor, BODY)
            os.fdatasync(descriptor)
            times.append(time.monotonic() - begun)
    finally:
        os.close(descriptor)
    return times


def request(name, fields, body=BODY):
    head = f"POST /v1/invoke/{name} HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}\r\n"
    return (head + "".join(f"{field}\r\n" for field in fields) + "\r\n").encode() + body


class Exchange:
    """One connection that sends the same request again when it is answered."""

    def __init__(self, port, message):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message, self.answer = message, b""
        self.begun = 0

    def send(self):
        self.begun = time.monotonic()
        self.socket.sendall(self.message)

    def take(self):
        """The status when an answer is complete, else None."""
        self.answer += self.socket.recv(65536)
        head, mark, body = self.answer.partition(b"\r\n\r\n")
        if not mark or len(body) < int(re.search(rb"content-length: (\d+)", head).group(1)):
            return None
        self.answer = b""
        return int(head[9:12])


def drive(port, message, count, connections, expected, pause=0):
    """Seconds of `count` answers, and the time of all of them; `pause` seconds between an answer and the next request."""
    times, statuses = [], {}
    selector = selectors.DefaultSelector()
    begun, sent = time.monotonic(), 0
    for _ in range(min(connections, count)):
        exchange = Exchange(port, message)
        selector.register(exchange.socket, selectors.EVENT_READ, exchange)
        exchange.send()
        sent += 1
    while len(times) < count:
        for key, _ in selector.select():
            status = key.data.take()
            if status is None:
                continue
            times.append(time.monotonic() - key.data.begun)
            statuses[status] = statuses.get(status, 0) + 1
            if sent < count:
                time.sleep(pause)
                key.data.send()
                sent += 1
    took = time.monotonic() - begun
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    if set(statuses) != {expected}:
        raise RuntimeError(f"answers had the statuses {statuses}")
    return times, took


def wait_until_done(node):
    while node.metrics()["dandelion_durable_open"] > 0:
        time.sleep(0.05)


def stamp(line):
    """Seconds of a line of the node's log."""
    return datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()


def found_again(node):
    """Kills the node and starts it anew on its state; seconds from serving to having all invocations again, and their number."""
    os.kill(node.pid, signal.SIGKILL)
    node.process.wait()
    log = Path(node.state + ".again.log")
    with Server(node.arguments, node.port, log):
        for _ in range(6000):
            lines = log.read_text(errors="replace").splitlines()
            served = [stamp(line) for line in lines if "serving on" in line]
            for line in lines:
                match = re.search(r"durable invocations: (\d+) go on", line)
                if match and served:
                    return max(0, stamp(line) - served[0]), int(match.group(1))
            time.sleep(0.01)
    raise RuntimeError("the node did not find its invocations again")


def recovery(bench, count):
    """As `found_again`, with `count` invocations that wait behind one whose server does not answer."""
    silent = socket.create_server(("127.0.0.1", 0))
    target = f"POST http://127.0.0.1:{silent.getsockname()[1]}/ HTTP/1.1\n\n".encode()
    with silent, Node(bench, None, {"running": "1"}) as node:
        message = request("HTTP", ASYNC, target + bytes(4096 - len(target)))
        drive(node.port, message, count, CONNECTIONS, 202)
        return found_again(node)


def run(bench):
    section = Section(TITLE)
    count = bench.scale(30_000, 3000)
    with Node(bench) as node:
        node.compose("Same", "composition Same(a) => (a) {}")
        progress("durable: floor")
        syncs = floor(node.state, bench.scale(2000, 300))
        progress("durable: one at a time")
        few = bench.scale(1000, 200)
        plain, _ = drive(node.port, request("Same", []), few, 1, 200)
        # The end of one must not be under way when the next is accepted.
        kept, _ = drive(node.port, request("Same", ASYNC), few, 1, 202, pause=3 * stats.median(syncs))
        wait_until_done(node)
        progress("durable: rate")
        before = node.metrics()
        _, took = drive(node.port, request("Same", ASYNC), count, CONNECTIONS, 202)
        wait_until_done(node)
        after = node.metrics()
    commits, changes = (
        after[f"dandelion_durable_{name}_total"] - before[f"dandelion_durable_{name}_total"]
        for name in ("commits", "changes")
    )
    progress("durable: recovery")
    open_count = bench.scale(100_000, 5000)
    seconds, found = recovery(bench, open_count)
    sync, rate = stats.median(syncs) * 1e6, count / took
    beside = (stats.median(kept) - stats.median(plain)) * 1e6 - sync
    section.text(
        f"Inputs of 4 KiB, a composition that gives its input back. {count} were accepted over {CONNECTIONS} connections,"
        f" and run, at the same time; each sync of the disk served {changes / commits:.1f} changes. The client is a Python"
        " program on the same CPUs. A sync is an append of 4 KiB with fdatasync(2) to a file of the same folder in the same"
        f" run. Then {found} that had not ended were found again after a kill."
    )
    section.table(
        ["", "value"],
        [
            ["accepted for each second", rate],
            ["one sync of the disk, p50 us", sync],
            ["one accept, p50 us", stats.median(kept) * 1e6],
            ["one ordinary invocation, p50 us", stats.median(plain) * 1e6],
            ["an accept beside both, us", beside],
            [f"{found} found again, s", seconds],
        ],
    )
    section.targets = [
        Target("accepted for each second", rate, 3000, True),
        Target("us of an accept beside an ordinary invocation and a sync", beside, 100, False),
        Target(f"s until {open_count} are there again", seconds, 5 * open_count / 100_000, False),
    ]
    return section
