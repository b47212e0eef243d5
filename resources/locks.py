"""Locks between processes that end with the process, however it ends.

What belongs here: one holder at a time of a named lock on this machine's disk. What does not: locks
between machines; a shared MLflow server is asked by :mod:`resources.mlflow_registry` instead.

A lock is an exclusive SQLite transaction on a file of its own: the operating system releases it
when the process dies, and it works on every platform that Python's sqlite3 does.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from clinical_assets.errors import ClinicalError


@contextmanager
def held(path: Path, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Holds the lock ``path`` for the length of the block; the file stays.

    Raises:
        ClinicalError: another process holds it still after ``wait_seconds``, or the file cannot
            be written or is no lock.
    """
    with closing(_opened(path, wait_seconds)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ClinicalError(
                f"The lock was not free within {wait_seconds:g} seconds, or cannot be written",
                where=str(path),
                repair="Wait for the other process to end, check the folder, then run again",
            ) from error
        except sqlite3.Error as error:
            raise _damaged(path) from error
        yield


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock now.

    Raises:
        ClinicalError: the file is no lock, so that nobody can tell.
    """
    if not path.exists():
        return False
    with closing(_opened(path, 0.0)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
        except sqlite3.Error as error:
            raise _damaged(path) from error
    return False


def _opened(path: Path, wait_seconds: float) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise ClinicalError(
            f"The lock cannot be made ({type(error).__name__})",
            where=str(path),
            repair="Check that the disk is not full and that the folder can be written",
        ) from error


def _damaged(path: Path) -> ClinicalError:
    return ClinicalError(
        "The lock file is damaged: it is not what this software wrote",
        where=str(path),
        repair="Make sure that no other process is at work here, delete the file (it holds"
        " nothing), then run again",
    )
