"""The table of speed, from the kept outcomes of one size."""

import statistics
from typing import Any

from benchmarks.peers.comparing import OURS
from benchmarks.table import Table, memory_of, time_of, times

FLOOR, EXACT = OURS["floor"], OURS["exact"]
COLUMNS = (
    *("way", "whole", "× ours", "loading + computing", "× ours", "computing", "CPU", "peak memory"),
    *("columns", "KS off by", "what"),
)


def speed_table(found: dict[str, Any]) -> Table:
    """A row for each way, slow and failed ones too."""
    names = list(dict.fromkeys(outcome["name"] for outcome in found["outcomes"]))
    lines = tuple(_line(name, found["outcomes"]) for name in names)
    before, after = found["load"]
    note = f"Load {before} before and {after} after. Medians; × ours: over ours, exact, beside it."
    return Table(f"{found['rows']:,} rows a side, 40 columns", COLUMNS, lines, note)


def installed_table(peers: dict[str, Any]) -> Table:
    """What was installed, or that it could not be."""
    lines = tuple(
        (name, ", ".join(f"{n} {v}" for n, v in told["versions"].items()) or told["failure"])
        for name, told in peers.items()
    )
    return Table("Peers", ("peer", "installed"), lines)


def _line(name: str, outcomes: list[dict[str, Any]]) -> tuple[str, ...]:
    mine = [outcome for outcome in outcomes if outcome["name"] == name]
    done = [outcome for outcome in mine if "whole" in outcome]
    if not done:
        over = next((o["over"] for o in mine if "over" in o), None)
        why = f"failed: {mine[0].get('failed', '')}" if over is None else ""
        return (name, f"over {over:g} s" if over else "failed", *[""] * (len(COLUMNS) - 3), why)
    beside = {o["round"]: o for o in outcomes if o["name"] == EXACT and "whole" in o}
    cells = [name]
    for measure in (_whole, _worked):
        pairs = [(measure(o), measure(beside[o["round"]])) for o in done if o["round"] in beside]
        ratio = statistics.median(a / b for a, b in pairs) if pairs else float("nan")
        cells += [time_of(statistics.median(measure(o) for o in done)), times(ratio)]
    computing = time_of(statistics.median(o["computing"] for o in done))
    cpu = time_of(statistics.median(o["cpu"] for o in done))
    peak = memory_of([max(o["peak"] for o in done)])
    off = _off(done[0], next(iter(beside.values()), done[0]))
    return (*cells, computing, cpu, peak, str(done[0]["covered"]), off, done[0]["what"])


def _off(outcome: dict[str, Any], exact: dict[str, Any]) -> str:
    """Largest difference of KS from the exact one, over the columns that have both."""
    theirs, ours = (o["found"].get("ks", {}) for o in (outcome, exact))
    both = [(theirs[c], ours[c]) for c in theirs if ours.get(c) is not None]
    gaps = [abs(a - b) for a, b in both if a is not None]
    return f"{max(gaps):.0e}" if gaps else ""


def _whole(outcome: dict[str, Any]) -> float:
    return float(outcome["whole"])


def _worked(outcome: dict[str, Any]) -> float:
    return float(outcome["loading"] + outcome["computing"])
