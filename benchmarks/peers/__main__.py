"""``python -m benchmarks.peers``: installs the peers, runs them beside ours, prints, writes JSON.

``--json FOLDER`` takes ``speed-ROWS.json``, ``detection.json`` and ``history.json``, which
``python -m benchmarks.peers.page FOLDER docs/benchmarks.md`` makes the page of.
"""

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.detection import table
from benchmarks.measure import machine
from benchmarks.peers.comparing import compared
from benchmarks.peers.detecting import detect
from benchmarks.peers.history import history
from benchmarks.peers.installing import Installed, install
from benchmarks.peers.pins import PEERS
from benchmarks.peers.speed import installed_table, speed_table
from benchmarks.table import show

PARTS = ("speed", "detection", "history")


def main(arguments: list[str] | None = None) -> None:
    """Installs, runs, prints."""
    chosen = _parser().parse_args(arguments)
    with _folder(chosen.cache) as cache:
        wanted = [p for p in PEERS if not chosen.peer or p.distribution in chosen.peer]
        installed = {p.distribution: install(p, cache) for p in wanted}
        show([installed_table(_told(installed))])
        pythons = {name: i.python for name, i in installed.items() if not i.failure}
        head = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "peers": _told(installed)}
        if "speed" in chosen.part:
            for rows in chosen.rows:
                found = {}
                for found in compared(rows, pythons, chosen.limit):
                    _write(chosen.json, f"speed-{rows}", head | found)
                show([speed_table(found)])
        if "detection" in chosen.part:
            sizes: list[dict[str, Any]] = []
            for size in detect(pythons, chosen.limit):
                sizes.append(size)
                show([table(size["rows"], size["repetitions"]["ours"], size["rates"])])
                _write(chosen.json, "detection", head | {"sizes": sizes})
        if "history" in chosen.part:
            _write(chosen.json, "history", head | history(pythons, chosen.limit))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder for environments; else a temporary one")
    parser.add_argument("--json", type=Path, help="folder for the results")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for each process")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--peer", action="append", choices=[p.distribution for p in PEERS])
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000], help="a side"
    )
    return parser


@contextlib.contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache:
        yield cache
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _told(installed: dict[str, Installed]) -> dict[str, Any]:
    return {
        name: {"versions": found.versions, "failure": found.failure}
        for name, found in installed.items()
    }


def _write(folder: Path | None, name: str, found: dict[str, Any]) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
