"""A tool: bars as an SVG picture, which goes to the user; the model is told that it is drawn."""

import math
from html import escape

from dandelion import Item, ItemSet, Outputs, handler

WIDTH, BAR, GAP, LEFT, TOP = 640, 24, 10, 160, 50
MOST_BARS = 100


def problem_of(labels, values):
    if not isinstance(labels, list) or not isinstance(values, list) or len(labels) != len(values) or not 1 <= len(values) <= MOST_BARS:
        return f"'labels' and 'values' are lists of the same length, of 1 to {MOST_BARS}"
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in values):
        return "'values' are numbers"
    return None


def picture(title, labels, values):
    """Bars from left to right from the least of 0 and the values to the largest."""
    low, high = min(0, *values), max(0, *values)
    scale = (WIDTH - LEFT - 90) / ((high - low) or 1)
    zero = LEFT - low * scale
    height = TOP + len(values) * (BAR + GAP) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="14">',
             f'<text x="{WIDTH / 2:.0f}" y="28" text-anchor="middle" font-size="18">{escape(title)}</text>']
    for place, (label, value) in enumerate(zip(labels, values)):
        y, length = TOP + place * (BAR + GAP), abs(value) * scale
        start = zero if value >= 0 else zero - length
        parts += [f'<text x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(str(label))}</text>',
                  f'<rect x="{start:.1f}" y="{y}" width="{length:.1f}" height="{BAR}" fill="#4477aa"/>',
                  f'<text x="{max(start + length, zero) + 6:.1f}" y="{y + 17}">{value:g}</text>']
    return "\n".join([*parts, f'<line x1="{zero:.1f}" y1="{TOP - 6}" x2="{zero:.1f}" y2="{height - GAP + 6}" stroke="black"/>', "</svg>", ""])


@handler
def plot(plots: ItemSet) -> Outputs:
    call = plots.only
    given = call.json()
    labels, values = given.get("labels"), given.get("values")
    if problem := problem_of(labels, values):
        return Outputs(results=Item({"error": problem}, name=call.name))
    drawn = picture(str(given.get("title") or ""), labels, values)
    return Outputs(results=Item({"drawn": f"{len(values)} bars, which the user sees"}, name=call.name), pictures=Item(drawn, name=call.name))
