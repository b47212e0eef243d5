"""Runs every way on the same files and keeps what came of it as plain values.

A round is the floor, ours exact, ours from profiles, then one peer's way, each in a process of its
own; so a peer's ratio is taken over neighbours in time. What is not done within the limit is kept
as such, and so is what fails.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.drift import run_alone
from benchmarks.measure import load, run
from benchmarks.peers.pins import PEERS
from benchmarks.peers.protocol import read

OURS = {
    "floor": "floor: read and sum",
    "exact": "ours, exact KS + PSI",
    "profiles": "ours, from profiles",
}
EXTRA = {"everything": "ours, every statistic"}
ALONE = 3  # rounds where no peer is asked
Outcome = dict[str, Any]
Job = tuple[str, Path, str, str]  # name, interpreter, module, way


def compared(rows: int, pythons: dict[str, Path], limit: float) -> Iterator[dict[str, Any]]:
    """What is known after each round at one size."""
    with tempfile.TemporaryDirectory() as folder:
        run_alone("prepare", folder, rows)
        before = load()
        outcomes: list[Outcome] = []
        for number, group in enumerate(_rounds(rows, pythons)):
            for job in group:
                told = outcome(job, folder, limit)
                outcomes.append({"round": number, "name": job[0], **told})
            yield {"rows": rows, "load": [before, load()], "limit": limit, "outcomes": outcomes}


def outcome(job: Job, folder: str, limit: float) -> Outcome:
    """What one process told, or why it told nothing."""
    _, python, module, way = job
    try:
        done = run((str(python), "-m", module, way, folder), limit=limit)
        told = read(done.output)
    except TimeoutError:
        return {"over": limit}
    except (RuntimeError, ValueError) as error:
        return {"failed": str(error)[-300:]}
    return {"whole": done.seconds, "peak": done.peak, **told}


def _rounds(rows: int, pythons: dict[str, Path]) -> Iterator[list[Job]]:
    mine = [_own(way, name) for way, name in OURS.items()]
    extra = [_own(way, name) for way, name in EXTRA.items()]
    theirs: list[Job] = [
        (name, pythons[peer.distribution], peer.runner, way)
        for peer in PEERS
        if peer.distribution in pythons and rows <= peer.most
        for way, name in peer.ways.items()
    ]
    yield mine + extra
    if not theirs:
        for _ in range(ALONE - 1):
            yield mine + extra
    for job in theirs:
        yield [*mine, job]


def _own(way: str, name: str) -> Job:
    return name, Path(sys.executable), "benchmarks.peers.run_ours", way
