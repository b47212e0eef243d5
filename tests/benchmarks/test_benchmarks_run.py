"""Every benchmark runs in its smallest case. No time is asserted: machines differ.

A whole ``clinical demo`` is the smallest case of its benchmark and therefore slow; how it is taken
apart is tested here on known times.
"""

import builtins
import importlib
import sys
from pathlib import Path

import pytest

from benchmarks import demo, diagnosis, probe, table
from benchmarks.__main__ import NAMES
from benchmarks.demo import Log, Span
from benchmarks.measure import in_turns, quantile, ratio, run

QUICK = ("start", "latency", "snapshots")


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
        if name != "demo"
    ],
)
def test_the_smallest_case_gives_tables(name: str) -> None:
    for found in importlib.import_module(f"benchmarks.{name}").tables(quick=True):
        assert found.rows
        assert {len(row) for row in found.rows} == {len(found.columns)}
        table.show([found])


def test_known_faults_are_named_first() -> None:
    columns, _ = diagnosis._columns()
    some = {name: columns[name] for name in ("Glucose", "SBP")}
    found = diagnosis.confusion(some, (2000,), 2, diagnosis._profiled)
    for fault in ("none", "unit", "missing", "stuck"):
        named = {cause: n for (_, put, cause), n in found.items() if put == fault}
        assert named == {fault: 4}


@pytest.mark.slow
def test_the_demo_is_taken_apart() -> None:
    parts, stated, slowest, imports = demo.tables(quick=True)
    assert len(parts.rows) == 10
    assert {name for name, _ in stated.rows} >= {"total", "imports", "dagster"}
    assert len(slowest.rows) == demo.SLOWEST
    assert len(imports.rows) == demo.SLOWEST
    assert {"mlflow", "skops", "sklearn"} & {row[0] for row in imports.rows}


def test_each_second_of_the_demo_is_in_one_part() -> None:
    log = Log(
        run=Span("run", 10, 90),
        resources=Span("resources", 11, 15),
        steps=(Span("candidate", 20, 60), Span("package", 70, 80)),
    )
    imports = (Span("dagster", 2, 5), Span("mlflow", 12, 14), Span("sklearn", 25, 35))
    parts = demo.parts(100, Span("command", 1, 97), log, imports)
    assert list(parts.values()) == [40, 15, 2, 26, 6, 7, 4]
    assert sum(parts.values()) == 100


def test_the_probe_counts_an_import_once_and_goes_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "probed_outer.py").write_text("import probed_inner\n")
    (tmp_path / "probed_inner.py").write_text("import time\ntime.sleep(0.01)\n")
    original = builtins.__import__
    spans: list[probe.Span] = []
    stop = probe.record(spans)
    try:
        __import__("probed_outer")
    finally:
        stop()
    assert builtins.__import__ is original
    ((name, began, ended),) = spans
    assert name == "probed_outer"
    assert ended - began >= 0.01


def test_a_command_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="ended with 3: no luck"):
        run([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])


def test_the_peak_is_of_the_command_and_not_of_its_parent() -> None:
    held = bytearray(b"x") * 100_000_000
    small = run([sys.executable, "-c", "pass"])
    large = run([sys.executable, "-c", "x = bytearray(b'x') * 50_000_000"])
    assert small.peak < 30_000_000 < 50_000_000 < large.peak < 90_000_000
    assert len(held) == 100_000_000


def test_turns_leave_the_first_round_out() -> None:
    seen: list[str] = []
    turns = in_turns({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 2)
    assert seen == ["a", "b"] * 3
    assert {name: len(found) for name, found in turns.items()} == {"a": 2, "b": 2}
    assert ratio({"a": [2.0, 9.0, 4.0], "b": [1.0, 3.0, 4.0]}, "a", "b") == 2.0


def test_quantiles_are_values_that_occurred() -> None:
    assert quantile([5.0, 1.0, 4.0, 2.0, 3.0], 0.5) == 3.0
    assert quantile([float(i) for i in range(1, 101)], 0.99) == 99.0
    assert quantile([7.0], 0.5) == 7.0


def test_numbers_are_written_with_their_unit() -> None:
    assert [table.time_of(s) for s in (123.4, 12.34, 0.0123, 4.56e-5)] == [
        "123 s",
        "12.3 s",
        "12.3 ms",
        "45.6 µs",
    ]
    assert table.times(0.05) == "0.050×"
    assert table.memory_of([3 * 2**20, 5 * 2**20]) == "5 MiB (+2)"
