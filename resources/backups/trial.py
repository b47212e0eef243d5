"""A folder for trials below the store: what is put there is gone afterwards.

What belongs here: the folder. What does not: what is tried in it (:mod:`.drill`,
:mod:`.permission`).
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.blobs import STALE_AFTER_SECONDS, disk_faults
from resources.settings import Settings


@contextmanager
def trial_folder(settings: Settings) -> Iterator[Path]:
    """An empty folder below the store, so that what it holds of patients stays on that disk.

    Nobody but its owner can read it.

    Raises:
        ClinicalError: it cannot be made.
    """
    with disk_faults(settings.store):
        settings.store.mkdir(parents=True, exist_ok=True)
        for leftover in settings.store.glob(".drill-*"):  # of trials that were killed
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > STALE_AFTER_SECONDS:
                    shutil.rmtree(leftover, ignore_errors=True)
        made = tempfile.TemporaryDirectory(prefix=".drill-", dir=settings.store)
    with made as trial:
        yield Path(trial)
