"""Runs ``clinical …`` and writes down when it began, when it ended and when it imported modules.

``python -m benchmarks.probe FILE demo --json`` behaves as ``clinical demo --json`` and leaves in
FILE a JSON object: ``command`` is ``[name, began, ended]`` in seconds since the epoch, ``imports``
a list of the same, one for each import statement of the main thread that no other import caused
and that took a tenth of a millisecond. Modules are imported where they are needed, so most imports
happen within Dagster's steps; without this list they would pass for real work.
"""

import builtins
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Span = tuple[str, float, float]
_SHORTEST = 1e-4


def record(spans: list[Span]) -> Callable[[], None]:
    """Adds to ``spans`` from now on; calling the result ends it."""
    original: Callable[..., Any] = builtins.__import__
    main = threading.main_thread()
    nested = False

    def timed(name: str, *arguments: Any, **keywords: Any) -> Any:
        nonlocal nested
        if nested or threading.current_thread() is not main:
            return original(name, *arguments, **keywords)
        nested = True
        began = time.time()
        try:
            return original(name, *arguments, **keywords)
        finally:
            nested = False
            if (ended := time.time()) - began >= _SHORTEST:
                spans.append((name, began, ended))

    def stop() -> None:
        builtins.__import__ = original

    builtins.__import__ = timed
    return stop


def main() -> None:
    """Hands the arguments after FILE to the command line."""
    file = Path(sys.argv.pop(1))
    spans: list[Span] = []
    began = time.time()
    stop = record(spans)
    try:
        from clinical_assets.cli import main as clinical

        clinical()
    finally:
        stop()
        command = ("command", began, time.time())
        file.write_text(json.dumps({"command": command, "imports": spans}))


if __name__ == "__main__":
    main()
