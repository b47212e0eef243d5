"""What a benchmark hands over to be printed, and how numbers are written in it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One printed table; the first column is a name, the others are numbers.

    Attributes:
        note: what a reader needs beside the numbers; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def show(tables: Sequence[Table]) -> None:
    """Prints the tables on standard output."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    if not console.is_terminal:  # in a file or a pipe rich would take 80 columns
        console = Console(highlight=False, width=140)
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for position, name in enumerate(table.columns):
            shown.add_column(name, justify="right" if position else "left")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        if table.note:
            console.print(table.note, style="dim")


def time_of(seconds: float) -> str:
    """Seconds with three digits, in the unit that reads best.

    >>> time_of(12.345), time_of(0.0123), time_of(0.0000456)
    ('12.3 s', '12.3 ms', '45.6 µs')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds * 1e6)} µs"


def memory_of(peaks: Sequence[float]) -> str:
    """Peak bytes as MiB; of a pair (before, after) the growth too.

    >>> memory_of([3 * 2**20]), memory_of([3 * 2**20, 5 * 2**20])
    ('3 MiB', '5 MiB (+2)')
    """
    *before, peak = (size / 2**20 for size in peaks)
    growth = "".join(f" (+{peak - earlier:.0f})" for earlier in before)
    return f"{peak:.0f} MiB{growth}"


def times(ratio: float) -> str:
    """A ratio.

    >>> times(12.34), times(0.05)
    ('12.3×', '0.050×')
    """
    return f"{_three_digits(ratio)}×"


def share(ratio: float) -> str:
    """A part of a whole in percent."""
    return f"{ratio:.0%}"


def _three_digits(value: float) -> str:
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{decimals}f}"
