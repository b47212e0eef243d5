"""What writers of the lake that were killed left behind: rows that no version has.

What belongs here: finding and removing them, once a day for each table, when it is written to.
What does not: versions; a file that any commit of the log names stays for ever.

The cost follows what is new. Between two sweeps a write asks for one file's time. A sweep lists
the table's folder, and looks in the log, newest commit first, only for the files that were not
there at the sweep before: it stops where each is found. Only a file that no commit names makes it
read the whole log, and that file is gone afterwards.
"""

import re
import time

from resources.blobs import STALE_AFTER_SECONDS, Blobs, LocalBlobs
from resources.delta.log import DeltaLog

# The lake's own names alone: what other tools keep in the folder is theirs.
_OWN_FILE = re.compile(r"[0-9a-f]{32}\.parquet")
_MARK = ".swept"


def sweep(log: DeltaLog, blobs: Blobs) -> None:
    """Removes unfinished files and unnamed Parquet files older than a day, at most once a day.

    Raises:
        ClinicalError: the store or the log cannot be read; nothing that may be named is removed.
    """
    now = time.time()
    last = blobs.modified_at(_MARK)
    if last is not None and now - last < STALE_AFTER_SECONDS:
        return
    if isinstance(blobs, LocalBlobs):
        blobs.sweep()
    # What was older than a day at the last sweep was judged then; twice that, for clocks differ.
    since = 0.0 if last is None else last - 2 * STALE_AFTER_SECONDS
    found = {
        name
        for name, modified_at in blobs.listed()
        if _OWN_FILE.fullmatch(name) and since <= modified_at < now - STALE_AFTER_SECONDS
    }
    for name in _unnamed(log, found):
        blobs.remove(name)
    blobs.touch(_MARK)


def _unnamed(log: DeltaLog, files: set[str]) -> set[str]:
    """Those of ``files`` that no commit names; none where there is no log that could tell."""
    loaded = log.load() if files else None
    if loaded is None:  # a table whose log was lost may get it back from a backup
        return set()
    left = set(files)
    for version in range(loaded.version(), -1, -1):
        left -= log.files_named(version)
        if not left:
            break
    return left
