"""Reads what callgrind (Debian: valgrind) wrote with --dump-instr=yes; the format is that of its manual, "Callgrind Format
Specification"."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

LINE, PAGE = 64, 4096
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}
COST = re.compile(r"(0x[0-9a-f]+|[+-]\d+|\*) (?:\S+) (\d+)$")
NAME = re.compile(r"(c?)(ob|fn|fi|fe|fl)=\((\d+)\)(?: (.*))?$")


@dataclass
class Counts:
    """Instructions executed: by address in each object, and by function; calls by (caller, called)."""

    objects: dict = field(default_factory=lambda: defaultdict(Counter))
    functions: Counter = field(default_factory=Counter)
    calls: Counter = field(default_factory=Counter)

    def instructions(self):
        return sum(sum(addresses.values()) for addresses in self.objects.values())

    def allocations(self):
        return sum(count for (_, called), count in self.calls.items() if called in ALLOCATORS)

    def touched(self, unit, requests):
        """{object: blocks of `unit` bytes with an instruction that ran in at least nine of ten requests}."""
        return {
            name: len({address // unit for address, count in addresses.items() if count >= 0.9 * requests})
            for name, addresses in self.objects.items()
        }


def read(path):
    counts, names = Counts(), {}
    object_name = function = called = None
    address, skips = 0, False
    for line in open(path):
        line = line.rstrip()
        if match := NAME.match(line):
            is_called, kind, number, text = match.groups()
            # Files share their numbers, whatever tells of them; so do objects, and functions.
            key = (kind if kind in ("ob", "fn") else "fl", number)
            if text:
                names[key] = text
            name = names.get(key, "")
            if is_called:
                called = name if kind == "fn" else called
            elif kind == "ob":
                object_name = name
            elif kind == "fn":
                function = name
        elif line.startswith("calls="):
            # A line with what the call cost follows, which is counted where it was spent.
            skips = True
            counts.calls[function, called] += int(line[6:].split()[0])
        elif match := COST.match(line):
            where, cost = match.groups()
            address = int(where, 16) if where.startswith("0x") else address + (0 if where == "*" else int(where))
            if not skips:
                counts.objects[object_name][address] += int(cost)
                counts.functions[function] += int(cost)
            skips = False
    return counts
