"""The composition of a plan: which steps run, with what, and what they fetch.

Plans are items; the text depends on the shape of a query only, so that a node has few texts to register."""

import hashlib

TABLES = 8  # inputs t1 ... t8 of the operators' function
INPUTS = ["plan", "heads", "chunks", *(f"t{place + 1}" for place in range(TABLES))]


def is_part(step):
    """Whether a composition of its own does it, for each partition or around calls of functions."""
    return bool(step.groups or step.calls)


class Composition:
    """plan: steps. text: with `name`, the composition to invoke; inputs: names of its sets, each with items (name, key, bytes)."""

    def __init__(self, plan, storage, operators, inputs=None):
        """inputs: of users' functions, the names of their inputs; the first is the rows, the others have items bound to them."""
        self.plan, self.storage, self.operators, self.inputs_of = plan, storage, operators, inputs or {}
        self.inputs = {}
        self.declared = {f"function {operators}({', '.join(INPUTS)}) => (rows);": True}
        if storage.function:
            self.declared[f"function {storage.function}(requests) => (headers, bodies);"] = True
        parts = [self.part(place, step) for place, step in enumerate(plan) if is_part(step)]
        main = self.main()
        body = "\n".join([*parts, main])
        functions = "\n".join(self.declared)
        self.name = "query_" + hashlib.sha256((functions + body).encode()).hexdigest()[:16]
        self.text = functions + "\n\n" + body.replace("QUERY", self.name)

    def part(self, place, step):
        """What is done with a partition of a table: fetching its chunks, the plan, and the user's functions."""
        sources = [] if not step.groups else ["requests"] if self.storage.function else ["chunks"]
        tables = [f"t{number + 1}" for number in range(len(step.tables))]
        plans = [f"plan{number}" for number in range(len(step.calls))] + ["plan"]
        lines = [f"composition QUERY_{place}({', '.join([*sources, *plans, *tables])}) => (rows) {{"]
        chunks = ", chunks = all chunks" if step.groups else ""
        if step.groups and self.storage.function:
            lines.append(f"    {self.storage.function}(requests = each requests) => (heads = headers, chunks = bodies);")
            chunks = ", heads = all heads, chunks = all chunks"
        joined = "".join(f", {table} = all {table}" for table in tables)
        result = "rows" if not step.calls else "batch0"
        lines.append(f"    {self.operators}(plan = all {plans[0]}{chunks}{joined}) => ({result} = rows);")
        for number, call in enumerate(step.calls):
            others = "".join(f", bound{place}" for place in range(1, len(self.inputs_of.get(call.function, ["rows"]))))
            self.declared[f"function {call.function}(rows{others}) => (value);"] = True
            result = "rows" if number + 1 == len(step.calls) else f"batch{number + 1}"
            lines.append(f"    {call.function}(rows = all batch{number}) => (value{number} = value);")
            lines.append(f"    {self.operators}(plan = all {plans[number + 1]}, t1 = all batch{number}, t2 = all value{number}) => ({result} = rows);")
        return "\n".join([*lines, "}"])

    def main(self):
        lines = []
        for place, step in enumerate(self.plan):
            result = "rows" if step is self.plan[-1] else f"table{place}"
            plans = [(f"plan{number}", call.plan) for number, call in enumerate(step.calls)] + [("plan", step.plan)]
            for word, text in plans:
                self.inputs[f"{word}_{place}"] = [("plan", 0, text.encode())]
            arguments = [f"{word} = all {word}_{place}" for word, _ in plans]
            arguments += [f"t{number + 1} = all table{self.plan.index(table)}" for number, table in enumerate(step.tables)]
            function = self.operators
            if is_part(step):
                function = f"QUERY_{place}"
            if step.groups:
                self.inputs[f"source{place}"] = self.items(step)
                arguments.insert(0, f"{'requests' if self.storage.function else 'chunks'} = keyed source{place}")
            lines.append(f"    {function}({', '.join(arguments)}) => ({result} = rows);")
        return "\n".join([f"composition QUERY({', '.join(self.inputs)}) => (rows) {{", *lines, "}"])

    def items(self, step):
        """What a step's partitions begin with, keyed by the partition: requests for chunks, or the chunks."""
        take = self.storage.request if self.storage.function else self.storage.chunk
        return [(column, key, take(group["path"], *group["chunks"][column][:2])) for key, group in enumerate(step.groups) for column in step.columns]
