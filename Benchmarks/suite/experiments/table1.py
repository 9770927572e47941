"""Table 1: where the time of one unloaded cold request goes, by backend."""

import http.client
import time

from .. import stats
from ..bench import Unavailable, progress
from ..node import CLASSES, node_for_matmul, stages
from ..report import Section

TITLE = "Table 1: latency breakdown of a cold start"
PAPER = (
    "The paper's totals in us: CHERI 89, rWasm 241, process 486, KVM 889 on Morello; rWasm 109, process 539, KVM 218 on"
    " x86."
)


def timelines(bench, node, requests):
    """The stages of each request, `client` being what the client saw, one keep-alive connection."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    body, found = bench.matrix(1).read_bytes(), []
    for _ in range(requests):
        start = time.perf_counter_ns()
        connection.request("POST", "/v1/invoke/matmul?fresh=true", body)
        reply = connection.getresponse()
        answer = reply.read()
        total = (time.perf_counter_ns() - start) / 1000
        if reply.status != 200:
            raise Unavailable(answer.decode(errors="replace")[:200])
        found.append({**stages(reply.headers), "client": total})
    connection.close()
    return found


def row(bench, class_name, requests):
    with node_for_matmul(bench, class_name) as node:
        timelines(bench, node, 20)
        measured = timelines(bench, node, requests)
    median = {name: stats.median([each.get(name, 0) for each in measured]) for name in measured[0]}
    inner = [median[name] for name in ("load", "input", "run", "output")]
    return [class_name, median["client"] - median["total"], *inner, median["total"] - sum(inner), median["client"]]


def run(bench):
    section = Section(TITLE)
    requests, rows = bench.scale(1000, 200), []
    for class_name in CLASSES:
        progress(f"table1: {class_name}")
        try:
            rows.append(row(bench, class_name, requests))
        except Unavailable as reason:
            rows.append([class_name, f"unavailable: {reason}", *[""] * 6])
    section.text(
        f"Medians of {requests} requests in us; unloaded, one connection, a fresh sandbox and the image read from the"
        ' state folder (the page cache) each time. "Marshal and network" is what a Python client saw beyond the'
        " node's own time."
    )
    head = ["backend", "marshal and network", "load from disk", "transfer input", "execute", "output", "other", "total"]
    section.table(head, rows)
    section.text(PAPER)
    return section
