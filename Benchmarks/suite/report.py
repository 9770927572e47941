"""What an experiment found: Markdown tables, plots and targets."""

from dataclasses import dataclass, field


def number(value, digits=3):
    """A number with that many significant digits, without an exponent; `-` for None."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:.10f}".rstrip("0").rstrip(".") if "e" in text else text


def table(head, rows):
    """A Markdown table; numbers are rounded to three significant digits."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


@dataclass
class Target:
    """A bound that a measured ratio is held against; `value` None: it could not be measured, for `reason`."""

    what: str
    value: float | None
    bound: float
    at_least: bool
    reason: str = ""

    @property
    def met(self):
        if self.value is None:
            return "not measured"
        return "yes" if (self.value >= self.bound if self.at_least else self.value <= self.bound) else "no"

    def row(self):
        bound = f"{'at least' if self.at_least else 'at most'} {number(self.bound)}"
        return [self.what, number(self.value), bound, self.met + (f": {self.reason}" if self.reason else "")]


def target_table(targets):
    return table(["target", "measured", "bound", "met"], [target.row() for target in targets])


@dataclass
class Section:
    """One experiment's results: paragraphs of Markdown, SVG files by name, targets."""

    title: str
    parts: list = field(default_factory=list)
    plots: dict = field(default_factory=dict)
    targets: list = field(default_factory=list)

    def text(self, paragraph):
        self.parts.append(paragraph)

    def table(self, head, rows):
        self.parts.append(table(head, rows))

    def plot(self, name, svg, caption):
        self.plots[name + ".svg"] = svg
        self.parts.append(f"![{caption}]({name}.svg)")

    def markdown(self):
        parts = [f"## {self.title}", *self.parts]
        if self.targets:
            parts.append(target_table(self.targets))
        return "\n\n".join(parts) + "\n"
