"""Drift over time: each window of the current data against the whole reference.

What belongs here: what is compared in a window, which windows alarm under the plan, and how sure
the whole comparison is, given how days differ. What does not: how rows are cut (:mod:`.cutting`),
how thresholds are calibrated and what they say (:mod:`.judging`).
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.causes import with_causes
from clinical_assets.drift.counted import Coder, counts_by, missing_by
from clinical_assets.drift.cutting import NO_TIME, Cut, cut
from clinical_assets.drift.decide import decided, require_no_unit
from clinical_assets.drift.judging import MISSING, Calibration, Judged, Stream, alarms, judge
from clinical_assets.drift.kinds import Column, paired
from clinical_assets.drift.mixing import Mix
from clinical_assets.drift.parts import FEWEST, Part, too_few
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.drift.samples import present
from clinical_assets.drift.seasonal import Years, with_seasons
from clinical_assets.drift.thresholds.bootstrap import LEAST_DAYS, Interval, block_bootstrap
from clinical_assets.drift.thresholds.rowwise import ROWWISE
from clinical_assets.drift.windowed import Found, measure_windows
from clinical_assets.errors import ClinicalError

_DRAWS = 1000
_MOST_DAYS = 800
Frame = pl.DataFrame | pl.LazyFrame


@dataclass(frozen=True, slots=True, eq=False)
class OverTime:
    """The current data over time.

    Attributes:
        windows: in order; at the end the rows that have no time, if there are any.
        intervals: of the whole comparison's PSI, 95 %, by column, where there are enough days.
        calibration: what calibrated thresholds rest on; None where thresholds are constant.
        alarmed: which rows of the current data lie in a window with an alarm.
        years: where to look for the same days a year before.
    """

    windows: tuple[Part, ...]
    intervals: Mapping[str, Interval]
    calibration: Calibration | None
    alarmed: NDArray[np.bool_]
    years: Years


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """One column in every window that is compared."""

    numbers: Sequence[Found]
    streams: tuple[Stream, ...] = ()
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What every column is asked.

    Attributes:
        before: the reference by time; None where its times are not needed or not known.
        places: the compared window of each current row; -1 in none.
        windows: how many are compared.
    """

    reference: pl.LazyFrame
    current: pl.LazyFrame
    before: Cut | None
    after: Cut
    places: NDArray[np.int64]
    windows: int
    plan: Plan
    seed: int
    intervals: bool

    def measured(self, column: Column) -> _Measured:
        """One column, both sides read once."""
        if column.obstacle:
            return _Measured([{} for _ in range(self.windows)])
        ours, theirs = (
            side.select(column.name).collect().to_series()
            for side in (self.reference, self.current)
        )
        kind, bins = column.kind, self.plan.bins
        numbers = measure_windows(ours, theirs, kind, self.places, self.windows, bins)
        calibrated = self.plan.thresholds.kind == "calibrated"
        if not calibrated and not self.intervals:
            return _Measured(numbers)
        coder = Coder.of(ours, kind, bins) if kind != "time" else None
        sides = (ours, theirs)
        if coder is None:
            streams = self._missing(column.name, *map(_absent, sides)) if calibrated else ()
            return _Measured(numbers, streams)
        codes = [coder.codes(side, kind) for side in sides]
        streams = self._streams(column, coder, *codes) if calibrated else ()
        drawn = self._interval(coder, *codes) if self.intervals and coder.complete else None
        return _Measured(numbers, streams, drawn)

    def _streams(
        self, column: Column, coder: Coder, ours: NDArray[np.int64], theirs: NDArray[np.int64]
    ) -> tuple[Stream, ...]:
        assert self.before is not None
        before = counts_by(ours, self.before.places, len(self.before.labels), coder.bins)
        after = counts_by(theirs, self.places, self.windows, coder.bins)
        asked = self.plan.thresholds.statistics
        names = [name for name in asked if name != "ks" or column.kind == "numeric"]
        return (
            *(Stream(column.name, name, before, after) for name in names),
            *self._missing(column.name, ours, theirs),
        )

    def _missing(
        self, name: str, ours: NDArray[np.int64], theirs: NDArray[np.int64]
    ) -> tuple[Stream, ...]:
        assert self.before is not None
        before = missing_by(ours, self.before.places, len(self.before.labels))
        return (Stream(name, MISSING, before, missing_by(theirs, self.places, self.windows)),)

    def _interval(
        self, coder: Coder, ours: NDArray[np.int64], theirs: NDArray[np.int64]
    ) -> Interval | None:
        after = _by_day(theirs, self.after, coder.bins)
        if len(after) < LEAST_DAYS:
            return None
        before = _by_day(ours, self.before, coder.bins) if self.before is not None else np.empty(0)
        if len(before) < LEAST_DAYS:
            before = counts_by(ours, np.zeros_like(ours), 1, coder.bins)[0]
        psi = ROWWISE["psi"]
        return block_bootstrap(before, after, psi, seed=self.seed, draws=_DRAWS)


def compare_windows(
    reference: Frame,
    current: Frame,
    time: str,
    plan: Plan | None = None,
    *,
    every: str = "",
    threads: int = 0,
) -> tuple[Part, ...]:
    """The windows of :func:`over_time`, alone; listed also where none has rows enough."""
    found = over_time(
        reference,
        current,
        time,
        plan,
        every=every,
        threads=threads,
        intervals=False,
        listed=True,
    )
    return found.windows


def over_time(
    reference: Frame,
    current: Frame,
    time: str,
    plan: Plan | None = None,
    *,
    every: str = "",
    seed: int = 0,
    threads: int = 0,
    intervals: bool = True,
    listed: bool = False,
) -> OverTime:
    """Holds each window of the current data against the whole reference, in order of time.

    Windows without rows between the first and the last are listed, too, and at the end the rows
    that have no time, if there are any. Windows of fewer than 30 rows are not compared, and passed
    over where the plan asks for k of n windows. The statistics are those of :mod:`.windowed`;
    causes are given where the reference has the same days a year before (:mod:`.seasonal`).

    Args:
        time: the column of dates or times; it is not compared itself. Where thresholds are
            calibrated the reference needs it, too.
        every: see :func:`.cutting.cut`.
        seed: of what is drawn for thresholds and intervals.
        intervals: whether intervals are wanted.
        listed: whether windows are listed where none has rows enough to be compared and thresholds
            are constant, which is otherwise refused: it must not be read as "no drift".

    Raises:
        ClinicalError: the current data has no such column, or it holds no times, or ``every`` is
            no length of time or makes more than 1,000 windows, or none of 30 rows; or thresholds
            cannot be calibrated; or the plan names a unit.
    """
    ours, theirs, plan = reference.lazy(), current.lazy(), plan or Plan()
    require_no_unit(plan, time)
    after = cut(theirs, time, every)
    obstacles = [too_few(int(n)) for n in after.rows]
    asked = [i for i, obstacle in enumerate(obstacles) if not obstacle]
    calibrated = plan.thresholds.kind == "calibrated"
    if not asked and (calibrated or not listed):
        raise _no_window(time, after, calibrated=calibrated)
    places = _renumbered(after.places, asked, len(obstacles))
    before = _before(ours, time, after.every, plan)
    task = _Task(ours, theirs, before, after, places, len(asked), plan, seed, intervals)
    schemas = ours.collect_schema(), theirs.collect_schema()
    columns = paired(*schemas, plan.columns)
    if before is not None:
        _demand_one_clock(columns, time)
    columns = tuple(c for c in columns if c.name != time)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        measured = list(pool.map(task.measured, columns))
    calibration = _calibration(measured, task, threads)
    judged = _judged(columns, measured, calibration, plan, len(asked))
    whole = int(ours.select(pl.len()).collect().item())
    found = [Comparison(judged[k], whole, int(after.rows[i])) for k, i in enumerate(asked)]
    years = Years(ours, theirs, time)
    windows = with_seasons(_parts(after, obstacles, found), after.places, years)
    alarmed = np.append([window.drifted for window in windows], False)[after.places]
    if after.untimed:
        why = "its rows belong to no window"
        windows.append(Part(NO_TIME, after.untimed, None, obstacle=why))
    drawn = {c.name: m.interval for c, m in zip(columns, measured, strict=True) if m.interval}
    return OverTime(tuple(windows), drawn, calibration, alarmed, years)


def with_windows(
    found: Comparison, over: OverTime, reference: Frame, current: Frame, mix: Mix | None = None
) -> Comparison:
    """The whole comparison with what its windows say: intervals, and where thresholds are
    calibrated the verdict: a column has drifted where a window of it is an alarm.

    Causes are then looked for in the rows of the windows with alarms. A season is told where the
    reference has the same days a year before.
    """
    columns = tuple(replace(c, interval=over.intervals.get(c.name)) for c in found.columns)
    ours, theirs = reference.lazy(), current.lazy()
    if over.calibration is None:
        past = over.years.before(np.ones(len(over.alarmed), dtype=np.bool_))
        if len(past) and any(column.drifted for column in columns):
            asked = with_causes(columns, ours, theirs, mix, year_before=_rows(ours, past))
            columns = tuple(map(_seasonal, columns, asked))
        return replace(found, columns=columns)
    columns = tuple(replace(c, reasons=_alarmed(over, c.name)) for c in columns)
    if over.alarmed.any():
        theirs = theirs.filter(pl.lit(pl.Series(over.alarmed)))
    past = over.years.before(over.alarmed)
    year = _rows(ours, past) if len(past) else None
    return replace(found, columns=with_causes(columns, ours, theirs, mix, year_before=year))


def _rows(frame: pl.LazyFrame, rows: NDArray[np.int64]) -> pl.LazyFrame:
    return frame.select(pl.all().gather(pl.Series(rows)))


def _seasonal(column: ColumnDrift, asked: ColumnDrift) -> ColumnDrift:
    """The causes that were known, unless a season, or what it hid, is likelier."""
    likelier = asked.evidence and asked.evidence[0]["kind"] in ("seasonal", "unit")
    return asked if likelier else column


def _alarmed(over: OverTime, name: str) -> tuple[str, ...]:
    """In how many windows a column alarmed, since when, and why the last time."""
    compared = [window for window in over.windows if window.comparison]
    found = [
        (window.label, column)
        for window in compared
        for column in (window.comparison.columns if window.comparison else ())
        if column.name == name and column.drifted
    ]
    if not found:
        return ()
    since, last = found[0][0], found[-1][1].reasons
    number = f"{len(found)} of {len(compared)} windows"
    return (f"an alarm in {number}, first from {since}, last because {', and '.join(last)}",)


def first_drift(windows: Sequence[Part]) -> dict[str, str]:
    """The first window in which each column drifted; columns that never did are left out."""
    found: dict[str, str] = {}
    for window in windows:
        for column in window.comparison.columns if window.comparison else ():
            if column.drifted:
                found.setdefault(column.name, window.label)
    return found


def _absent(series: pl.Series) -> NDArray[np.int64]:
    """-1 where a row has no value, 0 where it has one."""
    return present(series).astype(np.int64) - 1


def _parts(after: Cut, obstacles: Sequence[str], found: Sequence[Comparison]) -> list[Part]:
    """All windows; those without an obstacle have what was found of them, in order."""
    compared = iter(found)
    return [
        Part(label, int(rows), None if why else next(compared), obstacle=why)
        for label, rows, why in zip(after.labels, after.rows, obstacles, strict=True)
    ]


def _demand_one_clock(columns: Sequence[Column], time: str) -> None:
    if clock := next((c.obstacle for c in columns if c.name == time), ""):
        raise ClinicalError(
            f"The times of both tables cannot be held against each other: {clock}",
            where=f"--time {time}",
            repair="Give both times in one zone and of one type",
        )


def _no_window(time: str, after: Cut, *, calibrated: bool) -> ClinicalError:
    most = int(after.rows.max())
    return ClinicalError(
        f"No window of the current data has {FEWEST} rows (the most is {most}), so nothing can be"
        " judged over time",
        where=f"--time {time}, --every {after.every}",
        repair="Take a longer --every" + ("" if calibrated else ", or leave --time out"),
    )


def _by_day(codes: NDArray[np.int64], when: Cut, bins: int) -> NDArray[np.int64]:
    """Counts of each day that has values, or of each window where there are very many days."""
    number = int(when.days.max()) + 1
    places = when.days
    if number > _MOST_DAYS:
        number, places = len(when.labels), when.places
    counts = counts_by(codes, places, number, bins)
    return np.asarray(counts[counts.sum(axis=1) > 0])


def _renumbered(places: NDArray[np.int64], asked: Sequence[int], windows: int) -> NDArray[np.int64]:
    numbers = np.full(windows + 1, -1, dtype=np.int64)  # the last is for rows without a time
    numbers[list(asked)] = np.arange(len(asked))
    return np.asarray(numbers[places])


def _before(reference: pl.LazyFrame, time: str, every: str, plan: Plan) -> Cut | None:
    """The reference by time: needed for calibration, and useful for intervals."""
    if plan.thresholds.kind == "calibrated":
        return cut(reference, time, every, "reference")
    try:
        return cut(reference, time, every, "reference")
    except ClinicalError:
        return None


def _calibration(measured: Sequence[_Measured], task: _Task, threads: int) -> Calibration | None:
    if task.plan.thresholds.kind != "calibrated":
        return None
    streams = [stream for found in measured for stream in found.streams]
    length = task.after.days_per_window
    return judge(streams, task.plan.thresholds, length, seed=task.seed, threads=threads)


def _judged(
    columns: Sequence[Column],
    measured: Sequence[_Measured],
    calibration: Calibration | None,
    plan: Plan,
    windows: int,
) -> list[tuple[ColumnDrift, ...]]:
    """The columns of each window, with the plan's verdict."""
    if calibration is not None:
        verdicts = [_of(calibration, column, windows) for column in columns]
        reasons = [[tuple(j.reason for j in js if j.alarm) for js in by] for by in verdicts]
    else:
        verdicts = [[()] * windows for _ in columns]
        reasons = _constant(measured, plan, windows)
    return [
        tuple(
            ColumnDrift(
                c.name,
                c.kind,
                measured[k].numbers[w],
                reasons[k][w],
                c.obstacle,
                judged=verdicts[k][w],
            )
            for k, c in enumerate(columns)
        )
        for w in range(windows)
    ]


def _of(calibration: Calibration, column: Column, windows: int) -> list[tuple[Judged, ...]]:
    return list(calibration.judged.get(column.name, [()] * windows))


def _constant(
    measured: Sequence[_Measured], plan: Plan, windows: int
) -> list[list[tuple[str, ...]]]:
    """By the plan's own numbers, over all columns of all windows together; a column drifts where
    it does so in as many windows as the plan asks for."""
    flat = decided([m.numbers[w] for w in range(windows) for m in measured], plan)
    number = len(measured)
    found = []
    for k in range(number):
        mine = [flat[w * number + k] for w in range(windows)]
        raised = alarms([bool(reasons) for reasons in mine], plan.thresholds.persistence)
        found.append([reasons if here else () for reasons, here in zip(mine, raised, strict=True)])
    return found
