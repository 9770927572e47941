"""The storage server of the experiments, and the chains of fetches that ask it."""

import struct

from .bench import Server, free_port
from .node import Node

ARRAY_BYTES = 64 * 1024


def array_file(bench):
    values = [(index * 2654435761) % 1000003 - 500000 for index in range(ARRAY_BYTES // 8)]
    return bench.once("array", lambda path: path.write_bytes(struct.pack(f"<{len(values)}q", *values)))


def array_result(bench):
    """What the function `phase` says about the array: sum, least and greatest of every 16th value."""

    def make(path):
        values = struct.unpack(f"<{ARRAY_BYTES // 8}q", array_file(bench).read_bytes())[::16]
        path.write_bytes(struct.pack("<3q", sum(values), min(values), max(values)))

    return bench.once("array-result", make)


def start_storage(bench, delay_us=0, routes=None, cpus=None, port=None):
    """Serves `/array` and the files of `routes` by path, each answer after the delay."""
    port = port or free_port()
    files = {"/array": array_file(bench), **(routes or {})}
    command = [bench.helper("peers/storage.c"), port, delay_us, *(f"{path}={file}" for path, file in files.items())]
    return Server(command, port, bench.work / "storage.log", cpus)


def chain(name, phases):
    """A composition of that many fetches, each summed up by a sandbox before the next."""
    lines = [
        "function phase(service, bodies) => (request, service, result);",
        "function HTTP(requests) => (headers, bodies);",
        f"composition {name}(service) => (result) {{",
        "    phase(service = all service) => (request0 = request, service0 = service);",
    ]
    for index in range(phases):
        last = index == phases - 1
        outputs = "result = result" if last else f"request{index + 1} = request, service{index + 1} = service"
        lines.append(f"    HTTP(requests = all request{index}) => (bodies{index} = bodies);")
        lines.append(f"    phase(service = all service{index}, bodies = all bodies{index}) => ({outputs});")
    return "\n".join([*lines, "}"])


def register_chain(bench, node: Node, class_name, name, phases):
    if not any(known == "phase" for known in getattr(node, "registered", [])):
        image = bench.function("Benchmarks/functions/phase.c")
        node.register("phase", image, class_name, "service,bodies", "request,service,result")
        node.registered = ["phase"]
    node.compose(name, chain(name, phases))
