"""Groups and windows of a comparison as tables of texts, for the terminal and for the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clinical_assets.drift.drawing import sparkline
from clinical_assets.drift.judging import MISSING, Calibration, Judged
from clinical_assets.drift.parts import Part
from clinical_assets.drift.sentences import digits
from clinical_assets.drift.thresholds.policy import title
from clinical_assets.drift.windows import first_drift
from clinical_assets.visible import visible, visible_name

WORST = 12


@dataclass(frozen=True, slots=True)
class Table:
    """Texts with headings; ``right`` says which columns hold numbers."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence, and its tables."""

    title: str
    text: str
    tables: tuple[Table, ...]


def group_section(groups: Sequence[Part]) -> Section:
    """The groups by size, with the column that changed most in each."""
    heads = ("group", "rows", "against", "drifted", "largest change", "PSI", "verdict")
    rows = [
        (_name(part), _rows(part), part.against if part.comparison else "–", *_outcome(part))
        for part in groups
    ]
    return Section("Groups", _counted(groups, "groups"), (_table("Groups by size", heads, rows),))


def window_section(windows: Sequence[Part], calibration: Calibration | None = None) -> Section:
    """The windows in order, and the columns that changed most, over time."""
    if calibration is not None:
        return _judged_section(windows, calibration)
    heads = ("from", "rows", "drifted", "largest change", "PSI", "verdict")
    rows = [(_name(part), _rows(part), *_outcome(part)) for part in windows]
    over_time = _over_time(windows)
    tables = (*((over_time,) if over_time.rows else ()), _table("Windows", heads, rows))
    return Section("Over time", _counted(windows, "windows"), tables)


def _judged_section(windows: Sequence[Part], calibration: Calibration) -> Section:
    """The same with each window's own threshold."""
    heads = ("from", "rows", "crossed", "largest", "value", "threshold", "verdict")
    rows = [(_name(part), _rows(part), *_judgement(part)) for part in windows]
    over_time = _over_time(windows)
    tables = (*((over_time,) if over_time.rows else ()), _table("Windows", heads, rows))
    alarmed = sum(part.drifted for part in windows)
    compared = sum(part.comparison is not None for part in windows)
    text = f"{alarmed} of {compared} windows have an alarm. {calibration.explain()}"
    return Section("Over time", text, tables)


def _judgement(part: Part) -> tuple[str, ...]:
    """How many statistics crossed and alarmed, and the one that is furthest above its threshold."""
    if part.comparison is None:
        return "–", part.obstacle, "–", "–", "not compared"
    every = [(column.name, each) for column in part.comparison.columns for each in column.judged]
    if not every:
        return "0", "–", "–", "–", "not compared"
    name, most = max(every, key=lambda pair: _excess(pair[1]))
    crossed, alarmed = (sum(getattr(j, what) for _, j in every) for what in ("crossed", "alarm"))
    verdict = "alarm" if alarmed else "crossed" if crossed else "stable"
    what = "missing" if most.statistic == MISSING else title(most.statistic)
    largest = visible_name(name) if what == "PSI" else f"{visible_name(name)}, {what}"
    return str(crossed), largest, digits(most.value), digits(most.threshold), verdict


def _excess(judged: Judged) -> float:
    if judged.threshold > 0:
        return judged.value / judged.threshold
    return math.inf if judged.crossed else 0.0


def _over_time(windows: Sequence[Part]) -> Table:
    """The columns of the largest PSI: its course, and the first window of drift."""
    first = first_drift(windows)
    course: dict[str, list[float | None]] = {}
    for place, window in enumerate(windows):
        for column in window.comparison.columns if window.comparison else ():
            values = course.setdefault(column.name, [None] * len(windows))
            psi = column.statistics.get("psi")
            values[place] = None if psi is None else float(psi)
    worst = sorted(course, key=lambda name: (name not in first, -(_most(course[name]) or 0.0)))
    rows = [
        (
            visible_name(name),
            sparkline(course[name]),
            digits(_most(course[name])),
            first.get(name, "–"),
        )
        for name in worst[:WORST]
    ]
    heads = ("column", "PSI over time", "PSI", "first drift")
    return _table("Columns of the largest change", heads, rows)


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _outcome(part: Part) -> tuple[str, str, str, str]:
    if part.comparison is None:
        return "–", part.obstacle, "–", "not compared"
    ranked = part.comparison.ranked()
    drifted = sum(column.drifted for column in ranked)
    verdict = "drifted" if drifted else "stable"
    if not ranked or ranked[0].obstacle:
        return str(drifted), "–", "–", verdict
    return (
        str(drifted),
        visible_name(ranked[0].name),
        digits(ranked[0].statistics.get("psi")),
        verdict,
    )


def _counted(parts: Sequence[Part], what: str) -> str:
    drifted = sum(part.drifted for part in parts)
    compared = sum(part.comparison is not None for part in parts)
    text = f"{drifted} of {compared} {what} compared drifted"
    left = len(parts) - compared
    return f"{text}; {left} could not be compared." if left else f"{text}."


def _name(part: Part) -> str:
    return visible(part.label)


def _rows(part: Part) -> str:
    return f"{part.rows:,}" if part.comparison is not None or not part.rows else "few"


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    numbers = {"rows", "drifted", "PSI", "crossed", "value", "threshold"}
    return Table(caption, heads, tuple(rows), tuple(head in numbers for head in heads))
