"""Windows judged by thresholds that are calibrated on the reference's own windows.

What belongs here: which statistics of which columns share the budget of false alarms, their
thresholds at each window's size, which crossings make an alarm, and how far all this can be relied
on. What does not: the calibration of one threshold (:mod:`.thresholds.calibrated`), and counting.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinical_assets.drift.areas import Counts
from clinical_assets.drift.sentences import change_of_missing
from clinical_assets.drift.thresholds.budget import crossing_for
from clinical_assets.drift.thresholds.calibrated import LEAST_WINDOWS, calibrate
from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.drift.thresholds.policy import Thresholds, title
from clinical_assets.drift.thresholds.rowwise import ROWWISE, Rowwise
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible_name

MISSING = "missing"
# The change of the share of missing values is the total variation of [missing, present].
_FUNCTIONS: Mapping[str, Rowwise] = {**ROWWISE, MISSING: ROWWISE["total_variation"]}
_ECHO = 3.0  # standard errors
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """One statistic of one column in one window.

    Attributes:
        crossed: whether it is above its threshold.
        alarm: whether it is, and so often of late that the plan calls it an alarm.
    """

    statistic: str
    value: float
    threshold: float
    crossed: bool
    alarm: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "statistic": self.statistic,
            "value": self.value,
            "threshold": self.threshold,
            "crossed": self.crossed,
            "alarm": self.alarm,
        }

    @property
    def reason(self) -> str:
        """In words."""
        if self.statistic == MISSING:
            return change_of_missing(self.value, self.threshold)
        return (
            f"its distribution changed ({title(self.statistic)} {self.value:.3f}, the threshold"
            f" {self.threshold:.3f})"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One statistic's counts by window, shape (windows, bins)."""

    column: str
    statistic: str
    reference: Counts
    current: Counts


@dataclass(frozen=True, slots=True)
class Calibration:
    """Every window judged, and what that rests on.

    Attributes:
        judged: by column, for each window what of it was judged.
        days: one false alarm in so many is to be expected.
        windows: of the reference.
        streams: statistics of columns that share the budget.
        crossing: probability that a window crosses one threshold where nothing changed.
        own: windows of the reference that cross, and how many there are, over all streams.
        echo: columns whose windows resemble the window before, with the correlation.
        left: why a statistic of a column is not judged, by both their names.
    """

    judged: Mapping[str, tuple[tuple[Judged, ...], ...]]
    days: float
    persistence: Persistence
    windows: int
    streams: int
    crossing: float
    own: tuple[int, int]
    echo: Mapping[str, float]
    left: Mapping[tuple[str, str], str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "one_false_alarm_in_days": self.days,
            "persistence": str(self.persistence),
            "reference_windows": self.windows,
            "statistics": self.streams,
            "crossing": self.crossing,
            "own_crossed": self.own[0],
            "own_windows": self.own[1],
            "own_expected": self.own[1] * self.crossing,
            "echo": dict(self.echo),
            "not_judged": [
                {"name": column, "statistic": statistic, "why": why}
                for (column, statistic), why in self.left.items()
            ],
        }

    def explain(self) -> str:
        """What the thresholds rest on, and what speaks against them."""
        expected = self.own[1] * self.crossing
        lines = [
            f"Thresholds are calibrated on {self.windows} windows of the reference, so that one "
            f"false alarm of any of {self.streams} statistics comes in {self.days:g} days; an "
            f"alarm is {self.persistence} windows that cross. Of the reference's own "
            f"{self.own[1]:,} values {self.own[0]:,} cross, {expected:.1f} are expected."
        ]
        if self.own[0] > expected + 3 * np.sqrt(expected) + 1:
            lines.append(
                "That is more than chance explains: windows differ in ways that the calibration "
                "does not know, such as few and very different patients, and false alarms will "
                "come more often than promised. Give longer windows."
            )
        if self.echo and self.persistence.n > 1:
            most = sorted(self.echo, key=lambda name: -self.echo[name])[:_NAMED]
            shown = ", ".join(f"{visible_name(n)} {self.echo[n]:.2f}" for n in most)
            lines.append(
                f"In {len(self.echo)} columns a window resembles the one before (correlation of "
                f"the reference's windows: {shown}), so that persistence forgives less there and "
                "false alarms may come more often than promised."
            )
        if self.left:
            names = list(dict.fromkeys(column for column, _ in self.left))
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            shown = "; ".join(
                f"{visible_name(n)}: {next(w for (c, _), w in self.left.items() if c == n)}"
                for n in names[:_NAMED]
            )
            lines.append(f"Not judged by such thresholds: {shown}{more}.")
        return " ".join(lines)


def judge(
    streams: Sequence[Stream],
    thresholds: Thresholds,
    days_per_window: float,
    *,
    seed: int,
    threads: int = 0,
) -> Calibration:
    """Judges the windows of the current data in their order.

    Windows without a value are passed over: they neither cross nor end a run of crossings.

    Raises:
        ClinicalError: no statistic of any column has eight windows in the reference, or the
            budget cannot be kept.
    """
    run = thresholds.windows(days_per_window)
    left = {(s.column, s.statistic): _few(s) for s in streams if _few(s)}
    able = [s for s in streams if (s.column, s.statistic) not in left]
    windows = max((_filled(s) for s in streams), default=0)
    if not able:
        raise ClinicalError(
            f"The reference holds {windows} windows with values, and at least {LEAST_WINDOWS} are "
            "needed to know how windows differ where nothing changed",
            repair="Give a reference over a longer time, shorter windows (--every), or constant "
            "thresholds",
            where="plan",
        )
    needed = thresholds.persistence
    if run <= needed.k:
        raise ClinicalError(
            f"A persistence of {needed} cannot make one false alarm in {run:g} windows",
            repair="Give a longer run or a smaller persistence",
            where="plan",
        )
    crossing = crossing_for(run, needed, len(able))
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(
            pool.map(lambda s: _judged(s, _Curve(s, run, needed, len(able), seed), needed), able)
        )
    length = len(able[0].current)
    by_column: dict[str, list[list[Judged]]] = {}
    for stream, (verdicts, _, _) in zip(able, found, strict=True):
        rows = by_column.setdefault(stream.column, [[] for _ in range(length)])
        for row, verdict in zip(rows, verdicts, strict=True):
            row.extend([verdict] if verdict else [])
    own = sum(crossed for _, (crossed, _), _ in found), sum(n for _, (_, n), _ in found)
    bound = _ECHO / np.sqrt(windows)
    echo = {
        s.column: e
        for s, (_, _, e) in zip(able, found, strict=True)
        if s.statistic != MISSING and e is not None and e > bound
    }
    judged = {name: tuple(map(tuple, rows)) for name, rows in by_column.items()}
    return Calibration(
        judged, thresholds.days, needed, windows, len(able), crossing, own, echo, left
    )


def alarms(crossed: Sequence[bool | None], persistence: Persistence) -> list[bool]:
    """Which windows are alarms; those that were not judged (None) are passed over.

    >>> alarms([True, None, True, False], Persistence(2, 2))
    [False, False, True, False]
    """
    raised = persistence.alarms(c for c in crossed if c is not None)
    return [c is not None and next(raised) for c in crossed]


class _Curve:
    """The threshold at any size of window: calibrated at powers of two, and in between taken as
    straight in 1 / rows, by which chance grows."""

    def __init__(
        self, stream: Stream, run: float, persistence: Persistence, streams: int, seed: int
    ) -> None:
        self.reference = _seen_once(stream) if stream.statistic == MISSING else stream.reference
        self._statistic = _FUNCTIONS[stream.statistic]
        self._budget: dict[str, Any] = {
            "run": run,
            "persistence": persistence,
            "columns": streams,
            "seed": seed,
        }
        self._known: dict[int, float] = {}
        self.echo: float | None = None

    def __call__(self, rows: int) -> float:
        power = rows.bit_length() - 1
        low, high = self._at(power), self._at(power + 1)
        weight = 2.0 - 2.0 ** (power + 1) / rows  # 0 at the lower power, 1 at the higher
        return low + (high - low) * weight

    def _at(self, power: int) -> float:
        if power not in self._known:
            found = calibrate(self.reference, 1 << power, self._statistic, **self._budget)
            self._known[power], self.echo = found.value, found.echo
        return self._known[power]


def _judged(
    stream: Stream, curve: _Curve, persistence: Persistence
) -> tuple[list[Judged | None], tuple[int, int], float | None]:
    """Each window; how many of the reference's own cross, and of how many; the echo."""
    statistic = _FUNCTIONS[stream.statistic]
    whole = curve.reference.sum(axis=0)
    held = stream.current.sum(axis=1)
    values = statistic(whole, np.where(held[:, None] > 0, stream.current, 1))
    limits = [curve(int(n)) if n else None for n in held]
    crossed = [None if t is None else bool(v > t) for v, t in zip(values, limits, strict=True)]
    raised = alarms(crossed, persistence)
    found = [
        None if t is None else Judged(stream.statistic, float(v), t, bool(c), a)
        for v, t, c, a in zip(values, limits, crossed, raised, strict=True)
    ]
    own = stream.reference[stream.reference.sum(axis=1) > 0]
    # Against the others; a value that only :func:`_seen_once` knows would be in one window of them.
    others = statistic(whole if stream.statistic == MISSING else whole - own, own)
    sizes = own.sum(axis=1)
    hits = sum(bool(v > curve(int(n))) for v, n in zip(others, sizes, strict=True))
    return found, (hits, len(own)), curve.echo


def _seen_once(stream: Stream) -> Counts:
    """The reference's windows; what was never missing, or never there, is taken as once so, because
    nothing shows that it cannot be."""
    counts = stream.reference.copy()
    first = int(np.argmax(counts.sum(axis=1) > 0))
    counts[first, counts.sum(axis=0) == 0] = 1
    return counts


def _filled(stream: Stream) -> int:
    return int(np.count_nonzero(stream.reference.sum(axis=1)))


def _few(stream: Stream) -> str:
    number = _filled(stream)
    return "" if number >= LEAST_WINDOWS else f"{number} windows of the reference hold values"
