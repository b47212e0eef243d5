"""Renders what the runs left as JSON into a page: ``python -m benchmarks.peers.page FOLDER PAGE``.

Only the part of the page between two marks is written, so that the words around it stay.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.detection import table as detection_table
from benchmarks.peers.cases import CORRELATION
from benchmarks.peers.speed import installed_table, speed_table
from benchmarks.table import Table, time_of, times

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main(folder: str, page: str) -> None:
    """Writes the measured part of ``page`` anew."""
    path = Path(page)
    path.write_text(placed(path.read_text(), measured(Path(folder))))


def placed(text: str, part: str) -> str:
    """``text`` with ``part`` between the marks.

    >>> placed("a\\n<!-- measured: begin -->\\nold\\n<!-- measured: end -->\\nb", "new")
    'a\\n<!-- measured: begin -->\\nnew\\n<!-- measured: end -->\\nb'

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{part.strip()}\n{END}{after}"


def measured(folder: Path) -> str:
    """Everything that was measured, as Markdown."""
    parts = []
    speeds = sorted(folder.glob("speed-*.json"), key=lambda path: _read(path)["rows"])
    found = [_read(path) for path in speeds]
    if found:
        parts += ["## Speed and memory", *map(_speed, found)]
    if (file := folder / "detection.json").is_file():
        parts += ["## Detection quality", *_detection(_read(file))]
    if (file := folder / "history.json").is_file():
        parts += ["## One day more", _history(_read(file))]
    peers = [installed_table(each["peers"]) for each in found[:1]]
    return "\n\n".join([*parts, *(["## What was installed"] if peers else []), *map(_table, peers)])


def _speed(found: dict[str, Any]) -> str:
    return f"{_table(speed_table(found))}\n\n{_run(found)}"


def _run(found: dict[str, Any]) -> str:
    return f"Run on {found['date']}: {found['machine']}."


def _detection(found: dict[str, Any]) -> Iterable[str]:
    rules: dict[str, str] = {}
    for size in found["sizes"]:
        number = size["repetitions"]
        table = detection_table(size["rows"], number["ours"], size["rates"])
        note = f"{number['ours']} repetitions of ours"
        note += f", {number['peers']} of the peers." if number["peers"] else "; peers not run."
        yield _table(Table(table.title, table.columns, table.rows, note))
        for name, why in size["failed"].items():
            yield f"{name} gave no answer at this size: {_cell(why)}"
        rules |= size["rules"]
    yield _table(_together(found["sizes"]))
    yield "\n".join(f"- {name}: {rule}." for name, rule in rules.items())


def _together(sizes: list[dict[str, Any]]) -> Table:
    rule, first = next(iter(sizes[0]["together"].items()))
    lines = tuple(
        (f"{s['rows']:,} rows", *(f"{share:.0%}" for share in s["together"][rule].values()))
        for s in sizes
    )
    title = f"Correlation of two columns, 0 → {CORRELATION:g}, each unchanged by itself: {rule}"
    return Table(title, ("window", *first), lines)


def _history(found: dict[str, Any]) -> str:
    lines = []
    for name in ("ours", "whylogs"):
        told = found.get(name, {})
        if "first" in told:
            days = [time_of(told[k]) for k in ("first", "last")]
            lines.append((name, *days, times(told["growth"]), time_of(told["merging"])))
        elif told:
            lines.append(
                (name, f"over {told['over']:g} s" if "over" in told else "failed", *[""] * 3)
            )
    columns = ("tool", "day 1", f"day {found['days']}", "growth", "of it merging")
    mine = found["ours"]
    same = "equals" if mine["same"] else "does NOT equal"
    note = (
        f"Profiling a day of {found['rows']:,} rows × 40 columns and adding it to the sum; medians "
        f"of 15 days at either end. Doing all {found['days']} days again takes ours "
        f"{time_of(mine['recomputing'])}, and the sum {same} that profile; comparing two profiles "
        f"takes {time_of(mine['comparing'])}. Load {found['load']} before. {_run(found)}"
    )
    return _table(Table("Adding a day to the history", columns, tuple(lines), note))


def _table(table: Table) -> str:
    head = f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}"
    rows = "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in table.rows)
    return f"**{table.title}**\n\n{head}\n{rows}" + (f"\n\n{table.note}" if table.note else "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
