"""Small deterministic SVG drawings: line charts and a forest plot.

Colours are CSS custom properties with a fallback, so that a drawing follows the page's light or
dark scheme and still reads when it stands alone. Coordinates are rounded to a tenth of a pixel;
every text is escaped. Nothing here knows a metric: the figures of a card are composed in
:mod:`clinical_assets.evidence.card_figures`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

INK = "var(--ink, #1b2733)"
MUTED = "var(--muted, #5b6b7a)"
GRID = "var(--line, #d9e0e6)"
ACCENT = "var(--accent, #0b6e76)"
SECOND = "var(--second, #b4541a)"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of dots of a chart, in data units.

    ``marks`` draws a dot at each point; ``dashed`` and ``colour`` set the look; a series without
    a name is not in the legend.
    """

    name: str
    points: tuple[Point, ...]
    colour: str = ACCENT
    dashed: bool = False
    line: bool = True
    marks: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its label, its ends, and where the ticks stand."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line of a forest plot; without a value, ``text`` says why."""

    group: str
    label: str
    value: float | None
    lower: float | None
    upper: float | None
    size: str
    text: str


_WIDTH, _HEIGHT = 380.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 14.0, 14.0, 46.0


def line_chart(
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    legend_at: Literal["top", "bottom"] = "bottom",
) -> str:
    """A chart of lines and dots; points below or above the y axis' ends are cut off there.

    The legend stands at the right, at the top or the bottom, where the lines leave room.
    """

    def place(point: Point) -> Point:
        inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        across = (point[0] - x.low) / (x.high - x.low)
        up = (point[1] - y.low) / (y.high - y.low)
        return _LEFT + across * inner_w, _TOP + (1 - up) * inner_h

    parts = [_grid_line(place((x.low, t)), place((x.high, t))) for t in y.ticks]
    parts += [_grid_line(place((t, y.low)), place((t, y.high))) for t in x.ticks]
    for tick in y.ticks:
        left, top = place((x.low, tick))
        parts.append(_label(left - 7, top + 4, _tick(tick), "end"))
    for tick in x.ticks:
        left, top = place((tick, y.low))
        parts.append(_label(left, top + 17, _tick(tick), "middle"))
    parts.append(_label(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 8, x.label, "middle"))
    middle = _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2
    turned = f' transform="rotate(-90 14 {_n(middle)})"'
    parts.append(_label(14, middle, y.label, "middle", turned))
    for item in series:
        shown = [place(p) for p in clip_points(item.points, y.low, y.high)]
        parts.append(_polyline(item, shown) if item.line else "")
        if item.marks:
            inside = [place(p) for p in item.points if y.low <= p[1] <= y.high]
            parts += [_dot(p, item.colour) for p in inside]
    parts += _legend([s for s in series if s.name], legend_at)
    return _svg(title, description, _WIDTH, _HEIGHT, "".join(parts))


def even_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers that cover a range: steps of 1, 2 or 5 times a power of ten, at most seven.

    >>> even_ticks(0.62, 0.95), even_ticks(-0.05, 0.34)
    ((0.6, 0.7, 0.8, 0.9, 1.0), (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4))
    """
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= 6:
            break
    return tuple(round(i * step, 6) for i in range(first, max(last, first + 1) + 1))


def clip_points(points: Sequence[Point], low: float, high: float) -> tuple[Point, ...]:
    """The part of a line between two heights, with the crossing points put in.

    A line that leaves and comes back is joined along the edge.

    >>> clip_points([(0.0, 1.0), (1.0, -1.0)], 0.0, 2.0)
    ((0.0, 1.0), (0.5, 0.0))
    """
    shown: list[Point] = []
    for index, (px, py) in enumerate(points):
        if index:
            qx, qy = points[index - 1]
            crossings = [
                (qx + (px - qx) * (edge - qy) / (py - qy), edge)
                for edge in (low, high)
                if (qy - edge) * (py - edge) < 0
            ]
            shown += sorted(crossings, reverse=px < qx)
        if low <= py <= high:
            shown.append((px, py))
    return tuple(shown)


def forest_plot(
    title: str, description: str, axis: Axis, rows: Sequence[ForestRow], floor: float, whole: float
) -> str:
    """Estimates with intervals, one line each, over a shared axis.

    Args:
        floor: a limit drawn as a dashed line (the acceptance floor).
        whole: the estimate for everyone, drawn as a thin line.
    """
    width, row_height, top = 860.0, 26.0, 30.0
    left, right = 310.0, 640.0
    bottom = top + row_height * len(rows)

    def across(value: float) -> float:
        inside = min(max(value, axis.low), axis.high)
        return left + (inside - axis.low) / (axis.high - axis.low) * (right - left)

    parts = [_grid_line((across(t), top), (across(t), bottom)) for t in axis.ticks]
    parts += [_label(across(t), bottom + 17, _tick(t), "middle") for t in axis.ticks]
    parts.append(_label((left + right) / 2, bottom + 38, axis.label, "middle"))
    for value, colour, dash in ((floor, SECOND, ' stroke-dasharray="4 4"'), (whole, MUTED, "")):
        place = _n(across(value))
        parts.append(
            f'<line x1="{place}" y1="{_n(top)}" x2="{place}" y2="{_n(bottom)}"'
            f' style="stroke:{colour}"{dash}/>'
        )
    parts.append(_label(0, top - 12, "Subgroup", "start"))
    parts.append(_label(left - 12, top - 12, "People (events)", "end"))
    parts.append(_label(right + 18, top - 12, "Estimate (95 % interval)", "start"))
    previous = ""
    for index, row in enumerate(rows):
        middle = top + row_height * (index + 0.5)
        if row.group != previous:
            parts.append(_label(0, middle + 4, row.group, "start", ink=True))
        previous = row.group
        parts.append(_label(90, middle + 4, row.label, "start", ink=True))
        parts.append(_label(left - 12, middle + 4, row.size, "end"))
        parts.append(_label(right + 18, middle + 4, row.text, "start", ink=row.value is not None))
        parts.append(_whisker(row, middle, across))
    return _svg(title, description, width, bottom + 48, "".join(parts))


def _whisker(row: ForestRow, middle: float, across: Callable[[float], float]) -> str:
    if row.value is None:
        return ""
    line = ""
    if row.lower is not None and row.upper is not None:
        line = (
            f'<line x1="{_n(across(row.lower))}" y1="{_n(middle)}" x2="{_n(across(row.upper))}"'
            f' y2="{_n(middle)}" style="stroke:{ACCENT};stroke-width:2"/>'
        )
    size = 9.0
    return line + (
        f'<rect x="{_n(across(row.value) - size / 2)}" y="{_n(middle - size / 2)}"'
        f' width="{_n(size)}" height="{_n(size)}" style="fill:{ACCENT}"/>'
    )


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _tick(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.replace("-", "−") if float(text) else "0"


def _svg(title: str, description: str, width: float, height: float, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_n(width)} {_n(height)}"'
        f' font-family="system-ui, sans-serif" font-size="12">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>"
    )


def _grid_line(start: Point, end: Point) -> str:
    return (
        f'<line x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}"'
        f' style="stroke:{GRID}"/>'
    )


def _label(
    x: float, y: float, text: str, anchor: str, extra: str = "", *, ink: bool = False
) -> str:
    colour = INK if ink else MUTED
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" style="fill:{colour}"{extra}>'
        f"{escape(text)}</text>"
    )


def _polyline(series: Series, points: Sequence[Point]) -> str:
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    width = "1.4" if series.dashed else "2.2"
    return (
        f'<polyline points="{path}" fill="none" stroke-linejoin="round"'
        f' style="stroke:{series.colour};stroke-width:{width}"{dash}/>'
    )


def _dot(point: Point, colour: str) -> str:
    return f'<circle cx="{_n(point[0])}" cy="{_n(point[1])}" r="4" style="fill:{colour}"/>'


def _legend(series: Sequence[Series], where: str) -> list[str]:
    """Names under each other at the right of the plot, with a dash or dot of the colour."""
    parts: list[str] = []
    first = _TOP + 14 if where == "top" else _HEIGHT - _BOTTOM - 17 * len(series) + 3
    for index, item in enumerate(series):
        y = first + index * 17
        x = _WIDTH - _RIGHT - 8
        parts.append(_label(x - 26, y + 4, item.name, "end"))
        if item.line:
            sample = _polyline(item, [(x - 20, y), (x, y)])
            parts.append(sample)
        else:
            parts.append(_dot((x - 10, y), item.colour))
    return parts
