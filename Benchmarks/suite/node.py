"""The node under test."""

import http.client
import json
import os
import re
import tempfile
import urllib.parse
from pathlib import Path

from .bench import ROOT, Server, Unavailable, free_port

CLASSES = ["process", "kvm", "rwasm"]


def descendants(pid):
    """The process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += descendants(int(child))
        except OSError:
            continue
    return found


def memory(pid):
    """Proportional set size of a process and all below it, in bytes."""
    total = 0
    for each in descendants(pid):
        try:
            match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{each}/smaps_rollup").read_text(), re.M)
            total += int(match.group(1)) * 1024 if match else 0
        except OSError:
            continue
    return total


def cpu_seconds(pid):
    """CPU time of a process with its threads and of those below it, ended children included."""
    ticks = 0
    for each in descendants(pid):
        try:
            words = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(words[11]) + int(words[12]) + (int(words[13]) + int(words[14]) if each == pid else 0)
    return ticks / os.sysconf("SC_CLK_TCK")


def configuration(settings):
    """The development configuration with other values."""
    text = (ROOT / "Config/dandelion.toml").read_text()
    for key, value in settings.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
        if count != 1:
            raise RuntimeError(f"Config/dandelion.toml has {count} lines '{key} = ...'")
    return text


class Node(Server):
    """`dandelion serve` with the development configuration on a free port; state in a new folder. `settings` replaces
    values of keys that stand in that configuration, as text of TOML."""

    def __init__(self, bench, cpus=None, settings=None):
        port = free_port()
        state = tempfile.mkdtemp(dir=bench.work, prefix="state-")
        config = Path(state + ".toml")
        config.write_text(configuration(settings or {}))
        arguments = [bench.node, "serve", "--config", config, "--listen", f"127.0.0.1:{port}", "--state", state]
        self.arguments, self.state = arguments, state
        super().__init__(arguments, port, Path(state + ".log"), cpus)

    @property
    def pid(self):
        return self.process.pid

    def request(self, method, path, body=None, headers=None, timeout=240):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def put(self, path, body):
        status, _, reply = self.request("PUT", path, body)
        if status != 201:
            try:
                detail = json.loads(reply).get("detail", "")
            except ValueError:
                detail = reply[:200].decode(errors="replace")
            raise Unavailable(detail)

    def register(self, name, image, class_name, inputs, outputs, **parameters):
        query = urllib.parse.urlencode(
            {"class": class_name, "inputs": inputs, "outputs": outputs, **parameters}, safe=","
        )
        self.put(f"/v1/functions/{name}?{query}", Path(image).read_bytes())

    def compose(self, name, text):
        self.put(f"/v1/compositions/{name}", text.encode())

    def metrics(self):
        """The node's counters and gauges by name, labels included."""
        _, _, text = self.request("GET", "/metrics")
        pairs = (line.rsplit(" ", 1) for line in text.decode().splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


def stages(headers):
    """The stages of a reply's Server-Timing field, in microseconds."""
    return {name: float(value) * 1000 for name, value in re.findall(r"(\w+);dur=([\d.]+)", headers["Server-Timing"])}


def matmul_image(bench, class_name):
    return (
        bench.module("Examples/functions/matmul.c")
        if class_name == "rwasm"
        else bench.function("Examples/functions/matmul.c")
    )


def register_matmul(bench, node, class_name, name="matmul"):
    """Registers the matrix product in a class; raises Unavailable with the node's reason when it cannot run there."""
    node.register(name, matmul_image(bench, class_name), class_name, "in", "out")


def node_for_matmul(bench, class_name):
    """A node on one CPU with the matrix product registered in the class."""
    node = Node(bench, bench.node_cpu)
    try:
        register_matmul(bench, node, class_name)
    except BaseException:
        node.stop()
        raise
    return node
