"""Small drawings of two distributions over each other, as SVG without scripts.

Colours are CSS custom properties, so that a drawing follows the page's light, dark or printed look;
the reference is filled and the current data a line, so that no one needs the colours. Every text is
escaped. No count of 1–10 rows can be read off: bins are joined until none holds one (PRI-08).
"""

import math
from collections.abc import Sequence
from html import escape

from clinical_assets.drift.distributions import Distribution
from clinical_assets.small_cells import is_small, joined_counts
from clinical_assets.visible import visible, visible_name

_WIDTH, _HEIGHT, _FLOOR, _PAD = 360.0, 150.0, 126.0, 8.0
_ROW, _NAME, _BAR = 30.0, 112.0, 134.0
_LONGEST = 16
_BLOCKS = "▁▂▃▄▅▆▇█"


def drawn(name: str, found: Distribution) -> str:
    """Both sides over each other; empty where nothing may be shown."""
    return bars(name, found) if found.levels else histogram(name, found) if found.edges else ""


def histogram(name: str, found: Distribution) -> str:
    """Share of the values per unit of the axis; empty where too few may be shown."""
    # Each side by itself: where one has no values nothing is told of the other's.
    spans = [joined_counts(counts) for counts in (found.reference, found.current)]
    heights = [_heights(found, side, spans[side]) for side in (0, 1)]
    if any(is_small(sum(counts)) for counts in (found.reference, found.current)):
        return ""
    highest = max(max(side, default=0.0) for side in heights)
    low, high = found.edges[0], found.edges[-1]

    def across(value: float) -> float:
        share = (value / 2 - low / 2) / (high / 2 - low / 2)  # the whole may be infinite
        return _PAD + share * (_WIDTH - 2 * _PAD)

    paths = [
        _steps(
            [across(found.edges[span.start]) for span in spans[side]] + [across(high)],
            [h / highest if highest else 0.0 for h in heights[side]],
        )
        for side in (0, 1)
    ]
    body = (
        f'<path d="{paths[0]}Z" class="was"/><path d="{paths[1]}" class="now"/>'
        f'<line x1="{_PAD:g}" y1="{_FLOOR:g}" x2="{_WIDTH - _PAD:g}" y2="{_FLOOR:g}" class="axis"/>'
    )
    body += "".join(_tick(across(value), text) for value, text in _ticks(found))
    return _svg(_WIDTH, _HEIGHT, _described(name, found), body)


def bars(name: str, found: Distribution) -> str:
    """A pair of bars for each level: the reference above, the current data below."""
    totals = found.totals
    rows = list(zip(found.levels, found.reference, found.current, strict=True))
    if found.unnamed and not any(map(is_small, found.other)):
        rows.append((f"{found.unnamed:,} other", *found.other))
    most = max(
        (n / t for _, *both in rows for n, t in zip(both, totals, strict=True) if t), default=1
    )
    body = ""
    for i, (level, *both) in enumerate(rows):
        top = i * _ROW + 4
        body += f'<text x="0" y="{top + 15:g}">{_short(level)}</text>'
        shares = [n / t if t else 0.0 for n, t in zip(both, totals, strict=True)]
        for k, share in enumerate(shares):
            wide = share / most * _BAR if most else 0.0
            look = ("was", "now-bar")[k]
            place = f'x="{_NAME:g}" y="{top + 11 * k:g}" width="{wide:.1f}" height="10"'
            body += f'<rect {place} class="{look}"/>'
        text = " → ".join(f"{share:.1%}" for share in shares)
        body += f'<text x="{_WIDTH:g}" y="{top + 15:g}" text-anchor="end">{text}</text>'
    return _svg(_WIDTH, len(rows) * _ROW + 4, _described(name, found), body)


def sparkline(values: Sequence[float | None]) -> str:
    """Values from 0 as blocks, the largest full; a dot where there is none.

    >>> sparkline([0, 0.5, None, 1])
    '▁▅·█'
    """
    most = max((value for value in values if value is not None), default=0.0)
    last = len(_BLOCKS) - 1
    return "".join(
        "·" if value is None else _BLOCKS[math.ceil(value / most * last) if most else 0]
        for value in values
    )


def _heights(found: Distribution, side: int, spans: Sequence[range]) -> list[float]:
    counts = (found.reference, found.current)[side]
    total = found.totals[side]
    first = found.edges
    bins = len(counts)
    unit = first[-1] / bins - first[0] / bins
    heights = []
    for span in spans:
        width = (first[span.stop] / unit - first[span.start] / unit) if unit else 1.0
        heights.append(sum(counts[span.start : span.stop]) / total / width if total else 0.0)
    return heights


def _steps(edges: Sequence[float], heights: Sequence[float]) -> str:
    """A path that starts and ends at the floor."""
    path = f"M{edges[0]:.1f} {_FLOOR:g}"
    for right, height in zip(edges[1:], heights, strict=True):
        path += f"V{_FLOOR - height * (_FLOOR - 10):.1f}H{right:.1f}"
    return f"{path}V{_FLOOR:g}"


def _ticks(found: Distribution) -> list[tuple[float, str]]:
    low, high = found.edges[0], found.edges[-1]
    if found.ends is not None:
        return [(low, found.ends[0]), (high, found.ends[1])]
    span = high - low
    if not math.isfinite(span) or span <= 0 or span < 1e-9 * max(abs(low), abs(high)):
        return [(low, f"{low:.4g}"), (high, f"{high:.4g}")]
    step = _round_step(span / 5)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(i * step, f"{i * step:.10g}".replace("-", "−")) for i in range(first, last + 1)]


def _round_step(least: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(least))
    return next((k * power for k in (1, 2, 5) if k * power >= least), 10 * power)


def _tick(x: float, text: str) -> str:
    anchor = "start" if x < 40 else "end" if x > _WIDTH - 40 else "middle"
    return (
        f'<line x1="{x:.1f}" y1="{_FLOOR:g}" x2="{x:.1f}" y2="{_FLOOR + 4:g}" class="axis"/>'
        f'<text x="{x:.1f}" y="{_FLOOR + 18:g}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _short(text: str) -> str:
    text = visible(text)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _described(name: str, found: Distribution) -> str:
    what = f"{len(found.levels)} levels" if found.levels else "Histogram"
    return (
        f"{what} of {visible_name(name)}: the reference filled, the current data as a line or solid"
        " bar"
    )


def _svg(width: float, height: float, label: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{body}</svg>"
    )
