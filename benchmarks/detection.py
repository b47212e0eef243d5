"""Detection quality: how often ours and each peer alarm, where something changed and where not.

Each repetition draws a reference of ten windows and one current window (:mod:`.peers.cases`). Every
tool decides one column at a time by its own default rule. Peers are run, not imitated. Power is the
share of repetitions that alarm; the expected delay in windows is its inverse where windows are
independent, as here.
"""

from benchmarks.measure import call
from benchmarks.peers.cases import CASES
from benchmarks.table import Table

# rows a window, repetitions of ours, repetitions of the peers
SIZES = ((100, 200, 50), (1000, 200, 50), (10_000, 50, 20), (100_000, 20, 4), (1_000_000, 4, 1))


def ours(rows: int, repetitions: int) -> dict[str, dict[str, float]]:
    """Alarms of our rules, by rule and case."""
    return dict(call("benchmarks.peers.deciding:rates", rows, repetitions))


def tables(quick: bool) -> list[Table]:
    """Ours alone, which needs nothing installed; the peers join in ``benchmarks.peers``."""
    sizes = ((100, 3, 0),) if quick else SIZES
    return [table(rows, mine, ours(rows, mine)) for rows, mine, _ in sizes]


def table(rows: int, repetitions: int, rates: dict[str, dict[str, float]]) -> Table:
    """One table a size: a row for each case, a column for each rule."""
    lines = tuple((case, *(_share(found.get(case)) for found in rates.values())) for case in CASES)
    title = f"Share of alarms, windows of {rows:,} rows"
    note = f"{repetitions} repetitions of ours. Expected delay in windows: one over the share."
    return Table(title, ("case", *rates), lines, note)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
