"""Detection quality of the peers beside ours: the same columns, each tool's own decision."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.detection import SIZES, ours
from benchmarks.measure import call, run
from benchmarks.peers.cases import alarms
from benchmarks.peers.pins import PEERS
from benchmarks.peers.protocol import read


def detect(pythons: dict[str, Path], limit: float) -> Iterator[dict[str, Any]]:
    """Size by size what was asked, the share of alarms by rule and case, and what failed."""
    for size in SIZES:
        yield _at(pythons, limit, *size)


def _at(
    pythons: dict[str, Path], limit: float, rows: int, mine: int, theirs: int
) -> dict[str, Any]:
    rates = ours(rows, mine)
    rules = {}
    failed = {}
    with tempfile.TemporaryDirectory() as folder:
        if theirs:
            call("benchmarks.peers.cases:prepare", folder, rows, theirs)
        for peer in PEERS if theirs else ():
            if peer.distribution not in pythons:
                continue
            command = (str(pythons[peer.distribution]), "-m", peer.runner, "decide", folder)
            try:
                answer = read(run(command, limit=limit).output)
            except (RuntimeError, TimeoutError) as error:
                failed[peer.distribution] = str(error)[-300:]
                continue
            rates[peer.distribution] = alarms(answer["found"]["drifted"])
            rules[peer.distribution] = answer["what"]
    return {
        "rows": rows,
        "repetitions": {"ours": mine, "peers": theirs},
        "rates": rates,
        "rules": rules,
        "failed": failed,
        "together": call("benchmarks.peers.deciding:together", rows, mine),
    }
