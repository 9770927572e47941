"""Which tables a block has, what is known of each alone, and in which order they are joined."""

import dataclasses

from sqlglot import exp

from .block import Block
from .estimates import share_of_all
from .expressions import refuse


@dataclasses.dataclass
class Joined:
    """A table or a lookup that is joined. keys: (expression of what is there, expression of it); condition: what else must hold."""
    alias: str
    kind: str
    keys: list
    condition: exp.Expression | None = None


@dataclasses.dataclass
class Edge:
    """Two expressions of one table each that are equal. `used`: as a join's key."""
    condition: exp.Expression
    sides: dict  # alias -> expression
    used: bool = False


class Joins:
    """The tables and lookups of a block. main: the table whose rows the others are joined with; local: conditions of one table; edges:
    equalities of two; others: conditions of several tables, and those that call functions."""

    def __init__(self, block):
        self.block = block
        self.main = self.find_main()
        self.local = {alias: [] for alias in block.tables}
        self.edges, self.others = [], []
        for condition in block.conditions:
            self.sort_in(condition)

    def source(self, alias):
        """The manifest of a table; None: it is a block."""
        source = self.block.tables.get(alias)
        return None if source is None or isinstance(source, Block) else self.block.manifest["tables"][source]

    def rows(self, alias):
        return self.source(alias)["rows"] if self.source(alias) else 0

    def find_main(self):
        """The table whose partitions are scanned: the largest of those before the first left join, whose rows all count."""
        aliases = list(self.block.tables)
        first = next((place for place, alias in enumerate(aliases) if alias in self.block.left), len(aliases))
        return max(aliases[:first], key=lambda alias: (self.source(alias) is not None, self.rows(alias)))

    def aliases(self, node):
        return {self.block.column(column)[0] for column in node.find_all(exp.Column)}

    def sort_in(self, condition):
        aliases = self.aliases(condition)
        if condition.find(exp.Anonymous) or not aliases <= set(self.block.tables):
            self.others.append(condition)
        elif len(aliases) == 1 and not aliases & set(self.block.left):
            self.local[aliases.pop()].append(condition)
        elif edge := self.edge(condition):
            self.edges.append(edge)
        else:
            self.others.append(condition)

    def edge(self, condition):
        if not isinstance(condition, exp.EQ):
            return None
        sides = {}
        for side in (condition.this, condition.expression):
            aliases = self.aliases(side)
            if len(aliases) == 1:
                sides[aliases.pop()] = side
        return Edge(condition, sides) if len(sides) == 2 else None

    def conditions_of(self, alias):
        """What a table's own step filters by: of a left-joined one the parts of ON that are of it alone."""
        if alias in self.block.left:
            return [part for part in self.block.left[alias] if self.aliases(part) == {alias}]
        return self.local.get(alias, [])

    def order(self):
        """The other tables and the early lookups, in the order in which they are joined."""
        order, there = [], {self.main}
        waiting = [alias for alias in self.block.tables if alias != self.main]
        waiting += [lookup.alias for lookup in self.block.lookups if not lookup.late]
        while waiting:
            ready = [(self.rank(joined), place) for place, alias in enumerate(waiting) if (joined := self.ready(alias, there))]
            if not ready:
                refuse(self.block.tree, f"the condition of {waiting[0]}'s join has columns of a table that comes after it")
            joined = self.ready(waiting.pop(min(ready)[1]), there)
            there.add(joined.alias)
            order.append(joined)
            for edge in self.edges:
                if not edge.used and set(edge.sides) <= there:
                    edge.used = True
                    if joined.alias in self.block.left or not any(outer is edge.sides.get(alias) for outer, _ in joined.keys for alias in edge.sides):
                        self.others.append(edge.condition)
        return order

    def ready(self, alias, there):
        """How an alias is joined with what is there; None when that is not possible yet."""
        if lookup := self.block.lookup(alias):
            needed = [outer for outer, _ in lookup.keys] + ([lookup.condition] if lookup.condition is not None else [])
            if not set().union(*map(self.aliases, needed), set()) <= there | {alias}:
                return None
            return Joined(alias, lookup.kind, [(outer, exp.column(column, table=alias)) for outer, column in lookup.keys], lookup.condition)
        if alias in self.block.left:
            return self.ready_left(alias, there)
        return Joined(alias, "inner", self.keys([edge for edge in self.edges if not edge.used], alias, there))

    def ready_left(self, alias, there):
        parts = [part for part in self.block.left[alias] if self.aliases(part) != {alias}]
        if not all(self.aliases(part) <= there | {alias} for part in parts):
            return None
        edges = {id(part): edge for part in parts if (edge := self.edge(part)) and alias in edge.sides}
        rest = [part for part in parts if id(part) not in edges]
        condition = exp.and_(*(part.copy() for part in rest), copy=False) if rest else None
        return Joined(alias, "left", self.keys(edges.values(), alias, there), condition)

    @staticmethod
    def keys(edges, alias, there):
        """(outer, inner) of the edges between an alias and what is there."""
        found = []
        for edge in edges:
            if alias in edge.sides:
                [other] = set(edge.sides) - {alias}
                if other in there:
                    found.append((edge.sides[other], edge.sides[alias]))
        return found

    def rank(self, joined):
        """Those that drop the most rows first; left joins, which drop none, then; what goes with every row last."""
        if lookup := self.block.lookup(joined.alias):
            return 0, 0.3 if lookup.kind in ("semi", "anti") else 0.99, 0, joined.alias
        source, conditions = self.source(joined.alias), self.conditions_of(joined.alias)
        kept = share_of_all(source, conditions) if source else 0.5
        return 1 if joined.kind == "left" else 0 if joined.keys else 2, kept, self.rows(joined.alias), joined.alias
