"""Section 7.4: chains of fetch-and-compute phases; latency by phase, with cached and uncached images."""

from .. import load, stats
from ..bench import Unavailable, progress
from ..node import Node
from ..plot import line_plot
from ..report import Section
from ..storage import array_result, register_chain, start_storage

TITLE = "Section 7.4: chains of fetches and sandboxes"
PHASES = [2, 4, 8, 12, 16]
CLASSES = ["process", "kvm"]


def floor(bench, storage, requests):
    """Microseconds of one fetch of the array by the load generator itself."""
    kind = load.Kind("/array", method="GET")
    return load.client(bench, storage.port, kind, requests, 20, cpu=bench.load_cpu)["p50"]


def measure(bench, class_name, storage, requests):
    """{fresh: [(phases, p50 us)]}."""
    service = bench.write("service", f"http://127.0.0.1:{storage.port}/array")
    found = {False: [], True: []}
    with Node(bench, bench.node_cpu) as node:
        for phases in PHASES:
            name = f"Chain{phases}"
            register_chain(bench, node, class_name, name, phases)
            for fresh in found:
                path = f"/v1/invoke/{name}" + ("?fresh=true" if fresh else "")
                kind = load.Kind(path, service, array_result(bench))
                words = load.client(bench, node.port, kind, requests, 10, cpu=bench.load_cpu)
                found[fresh].append((phases, words["p50"]))
    return found


def run(bench):
    section, rows, series = Section(TITLE), [], {}
    requests = bench.scale(500, 60)
    with start_storage(bench, cpus={bench.load_cpu}) as storage:
        fetch = floor(bench, storage, requests)
        for class_name in CLASSES:
            progress(f"chains: {class_name}")
            try:
                found = measure(bench, class_name, storage, requests)
            except Unavailable as reason:
                rows.append([f"Dandelion {class_name}", f"unavailable: {reason}", *[""] * len(PHASES)])
                continue
            for fresh, points in found.items():
                title = f"Dandelion {class_name}, {'uncached' if fresh else 'cached'}"
                rows.append([title, *(median for _, median in points), stats.slope(points)])
                series[title] = points
    section.text(
        f"p50 in us of {requests} invocations, one at a time, that fetch 64 KiB and sum it up as often as the column"
        " says, each time in a sandbox of its own. Node and storage server on CPUs apart where there are two. One"
        f" fetch by the load generator itself takes {fetch:.0f} us. The last column is the slope."
    )
    section.table(["", *(f"{phases} phases" for phases in PHASES), "us for each phase"], rows)
    title = "Chains of phases, p50 in us"
    section.plot("chains", line_plot(title, "phases", "us", series), title)
    section.text("The paper's KVM backend adds 0.5 ms at 16 phases when images are not cached.")
    return section
