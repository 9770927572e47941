"""Line plots as small SVG files."""

import math
from html import escape

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b", "#7f7f7f", "#bcbd22"]
WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 170, 30, 46


class Axis:
    """Maps values to a range of pixels, linearly or by logarithm, and chooses round ticks."""

    def __init__(self, values, start, end, log):
        self.log, self.start, self.end = log, start, end
        low, high = min(values), max(values)
        if log:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high) + 1e-9)
        else:
            low, high = min(0, low), high if high > min(0, low) else low + 1
        self.low, self.high = low, high

    def place(self, value):
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        value = math.log10(max(value, self.low)) if self.log else value
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self):
        if self.log:
            return [10**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        raw = (self.high - self.low) / 5
        unit = 10 ** math.floor(math.log10(raw))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
        return [index * step for index in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def label(value):
    return f"{value:g}"


def text(x, y, content, anchor="middle", extra=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {extra}>{escape(content)}</text>'


def grid(x_axis, y_axis):
    parts = []
    for tick in x_axis.ticks():
        x = x_axis.place(tick)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(text(x, HEIGHT - BOTTOM + 15, label(tick)))
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 5, y + 4, label(tick), "end"))
    return parts


def line(series, colour, x_axis, y_axis, marks):
    points = [(x_axis.place(x), y_axis.place(y)) for x, y in series]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    if marks:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    return parts


def line_plot(title, x_name, y_name, series, log_x=False, log_y=False, marks=True):
    """An SVG of named series: {name: [(x, y), ...]}; points without a value, or not positive on a log axis, are left
    out."""
    kept = {}
    for name, points in series.items():
        points = [(x, y) for x, y in points if x is not None and y is not None]
        kept[name] = [(x, y) for x, y in points if (x > 0 or not log_x) and (y > 0 or not log_y)]
    kept = {name: points for name, points in kept.items() if points}
    xs = [x for points in kept.values() for x, _ in points] or [0, 1]
    ys = [y for points in kept.values() for _, y in points] or [0, 1]
    x_axis = Axis(xs, LEFT, WIDTH - RIGHT, log_x and bool(kept))
    y_axis = Axis(ys, HEIGHT - BOTTOM, TOP, log_y and bool(kept))
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
            ' font-size="11">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 18, title, "start", 'font-size="13"'),
        *grid(x_axis, y_axis),
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="black"/>',
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_name),
        text(
            14,
            (TOP + HEIGHT - BOTTOM) / 2,
            y_name,
            extra=f'transform="rotate(-90 14 {(TOP + HEIGHT - BOTTOM) / 2:.0f})"',
        ),
    ]
    for index, (name, points) in enumerate(kept.items()):
        colour, y = COLOURS[index % len(COLOURS)], TOP + 8 + 16 * index
        parts += line(points, colour, x_axis, y_axis, marks)
        parts.append(f'<path d="M{WIDTH - RIGHT + 10} {y}h16" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(WIDTH - RIGHT + 30, y + 4, name, "start"))
    return "\n".join(parts) + "\n</svg>\n"
