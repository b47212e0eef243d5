"""Peers are not installed here: what their runners must print, what becomes of it, the page."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import detection
from benchmarks.measure import ROOT, run
from benchmarks.peers import cases, comparing, deciding, history, installing, page, protocol, speed
from benchmarks.peers.pins import PEERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("peers")
    cases.prepare(str(made), 50, 1)
    return made


def _outcome(way: str, folder: Path) -> dict[str, Any]:
    job = (way, Path(sys.executable), "benchmarks.peers.run_ours", way)
    return comparing.outcome(job, str(folder), 60.0)


@pytest.mark.parametrize("way", ["floor", "exact", "profiles"])
def test_a_runner_prints_one_line_that_covers_every_column(way: str, folder: Path) -> None:
    told = _outcome(way, folder)
    assert told["covered"] == len(cases.CASES)
    assert told["whole"] > told["computing"] > 0
    assert told["peak"] > 10_000_000


def test_what_a_peer_prints_itself_is_kept_out_of_the_line(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from benchmarks.peers.protocol import main\n"
        "def way(run):\n"
        "    print('buy our cloud')\n"
        "    os.system('echo from below')\n"
        "    run.note('psi', 'x', float('nan'))\n"
        "    run.note('psi', 'y', 1)\n"
        "main({'way': way})\n"
    )
    told = protocol.read(run((sys.executable, "-c", code, "way", str(tmp_path))).output)
    assert told["found"] == {"psi": {"x": None, "y": 1.0}}
    assert told["covered"] == 1


@pytest.mark.parametrize("output", ["", "{}\n{}\n", '{"way": "x"}\n', "hello\n"])
def test_another_output_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match=r"one line|lacks|Expecting"):
        protocol.read(output)


def test_a_way_that_takes_too_long_is_ended_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_way.py").write_text(
        "import pathlib, sys, time\ntime.sleep(3)\npathlib.Path(sys.argv[2], 'done').touch()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = ("slow", Path(sys.executable), "slow_way", "way")
    assert comparing.outcome(job, str(tmp_path), 0.5) == {"over": 0.5}
    with pytest.raises(TimeoutError, match=r"not done after 0\.2 s"):
        run((sys.executable, "-c", "import time; time.sleep(9)"), limit=0.2)
    assert not (tmp_path / "done").exists()


def test_a_way_that_fails_is_told(tmp_path: Path) -> None:
    assert (
        "no_such_module"
        in comparing.outcome(
            ("none", Path(sys.executable), "no_such_module", "way"), str(tmp_path), 60.0
        )["failed"]
    )


def test_every_peer_has_a_runner_with_its_ways() -> None:
    for peer in PEERS:
        source = (ROOT / f"{peer.runner.replace('.', '/')}.py").read_text()
        assert all(f'"{way}": ' in source for way in (*peer.ways, "decide"))


def test_no_environment_is_made_within_the_repository() -> None:
    with pytest.raises(ValueError, match="not belong"):
        installing.install(PEERS[0], ROOT / "build")


def _speed() -> dict[str, Any]:
    def done(name: str, number: int, whole: float) -> dict[str, Any]:
        parts = {
            "loading": 1.0,
            "computing": whole - 2,
            "peak": 2**20,
            "covered": 40,
            "what": "it",
            "cpu": 1.0,
        }
        found = {"ks": {"x": 0.5 + whole / 1000, "y": None}}
        return {"name": name, "round": number, "whole": whole, "found": found, **parts}

    outcomes = [
        *(done(name, number, 4.0) for number in (0, 1) for name in comparing.OURS.values()),
        done("peer", 1, 10.0),
        {"name": "slow", "round": 0, "over": 300.0},
        {"name": "broken", "round": 0, "failed": "no | luck"},
    ]
    peers = {"peer": {"versions": {"peer": "1.0"}, "failure": ""}}
    head = {"machine": "2 cores", "date": "2026-11-26", "peers": peers}
    return {**head, "rows": 100, "load": ["1.0", "2.0"], "limit": 300.0, "outcomes": outcomes}


def test_slow_and_broken_ways_stay_in_the_table() -> None:
    rows = {row[0]: row[1:] for row in speed.speed_table(_speed()).rows}
    assert rows["peer"][:6] == ("10.0 s", "2.50×", "9.00 s", "3.00×", "8.00 s", "1.00 s")
    assert rows["peer"][-2] == "6e-03"
    assert rows["slow"][0] == "over 300 s"
    assert rows["broken"][-1] == "failed: no | luck"


def test_the_page_is_written_between_its_marks(tmp_path: Path) -> None:
    rates = {"ours": dict.fromkeys(cases.CASES, 0.5)}
    together = {"ours": {"no change": 0.0, "correlation": 1.0}}
    size = {"rows": 100, "repetitions": {"ours": 2, "peers": 0}, "rates": rates}
    size |= {"rules": {"peer": "p < 0.05"}, "failed": {}, "together": together}
    days = {str(day): float(day > 350) + 1 for day in range(1, 366)}
    found = history.summed({"profiling": days, "merging": days})
    assert found["growth"] == 2.0
    mine = found | {"recomputing": 1.0, "comparing": 0.1, "same": True}
    head = {k: _speed()[k] for k in ("machine", "date", "peers")}
    past = head | {"load": "1.0", "days": 365, "rows": 10, "ours": mine, "whylogs": {"over": 300.0}}
    for name, content in (
        ("speed-100", _speed()),
        ("detection", head | {"sizes": [size]}),
        ("history", past),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    target = tmp_path / "page.md"
    target.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.main(str(tmp_path), str(target))
    text = target.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    for words in ("| slow | over 300 s |", "no \\| luck", "day 365", "| whylogs | over 300 s |"):
        assert words in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("| peer |")}) == 2


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        page.placed("nothing", "new")


def test_repetitions_are_the_same_for_ours_and_for_the_files(folder: Path) -> None:
    import polars as pl

    reference, current = cases.pair("mean + 1 sd", 50, 0)
    assert len(reference) == cases.WINDOWS * len(current) == 500
    name = "mean + 1 sd|0"
    assert pl.read_parquet(folder / protocol.REFERENCE)[name].equals(reference)
    assert pl.read_parquet(folder / protocol.CURRENT)[name].equals(current)


def test_large_changes_alarm_and_none_does_not() -> None:
    reference, current = cases.pair("mean + 1 sd", 300, 0)
    assert deciding.by_plan(reference, current)
    assert deciding.by_calibration(reference, current, seed=0)
    same, also = cases.pair("no change, numbers", 300, 0)
    assert not deciding.by_plan(same, also)


def test_calibrated_thresholds_keep_their_budget_on_the_cases() -> None:
    alarms = [
        deciding.by_calibration(*cases.pair("no change, numbers", 100, number), seed=number)
        for number in range(60)
    ]
    assert sum(alarms) <= 9  # 3 expected; 10 or more has a chance of 1 in 1,000


def test_the_table_of_detection_has_every_case() -> None:
    found = detection.table(100, 2, {"ours": {"no change, text": 0.25}})
    assert [row[0] for row in found.rows] == list(cases.CASES)
    assert ("no change, text", "25%") in found.rows
