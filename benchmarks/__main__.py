"""``python -m benchmarks``: every benchmark, or those that ``--only`` names, as plain tables."""

import argparse
import importlib

from benchmarks.measure import load, machine
from benchmarks.table import show

NAMES = (
    "start",
    "latency",
    "snapshots",
    "lake",
    "ledger",
    "drift",
    "profiles",
    "diagnosis",
    "detection",
    "demo",
)


def main(arguments: list[str] | None = None) -> None:
    """Prints the machine, its load and the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="the smallest case of each")
    chosen = parser.parse_args(arguments)
    print(machine())
    for name in chosen.only or NAMES:
        print(f"\n{name}: load {load()} before it")
        show(importlib.import_module(f"benchmarks.{name}").tables(chosen.quick))


if __name__ == "__main__":
    main()
