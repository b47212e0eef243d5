"""Which processes write into the ledger now, so that an interrupted act is told from one under way.

A process names itself in every act that it intends. While it lives it holds a lock on a file of
that name; the operating system lets go of it however the process ends. The folder has a name of
its own, because a container may come back under another host name with the same folder.
"""

import fcntl
import os
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from resources.blobs import LocalBlobs
from resources.forks import renewed_after_fork

# A process of another machine cannot be asked; its acts count as interrupted after so long.
ELSEWHERE = timedelta(hours=1)
_FOLDER = ".folder"


class Writers:
    """The locks below ``folder``; one for this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own: tuple[str, int] | None = None
        self._naming = threading.Lock()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """A child is another writer, and must not hold its parent's lock beyond its end."""
        self._naming = threading.Lock()
        if self._own is not None:
            os.close(self._own[1])
            self._own = None

    def name(self) -> str:
        """This process's name, its lock held from the first call on.

        Raises:
            OSError, ClinicalError: the folder cannot be written.
        """
        with self._naming:
            if self._own is None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sweep()
                token = uuid4().hex
                draft = self.folder / f".{token}"  # under its name only once it is locked
                lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                fcntl.flock(lock, fcntl.LOCK_EX)
                draft.rename(self.folder / token)
                self._own = (f"{self._folder_name()}:{token}", lock)
            return self._own[0]

    def may_be_alive(self, writer: str, since: datetime, now: datetime) -> bool:
        """Whether a process of that name may still be at work on what it intended at ``since``."""
        place, _, token = writer.rpartition(":")
        if self._own is not None and self._own[0] == writer:
            return True
        if place != self._folder_name():
            return now - since < ELSEWHERE
        return token.isalnum() and _is_held(self.folder / token)

    def _folder_name(self) -> str:
        path = self.folder / _FOLDER
        if not path.exists():
            LocalBlobs(self.folder).create(_FOLDER, uuid4().hex.encode())
        return path.read_text()

    def _sweep(self) -> None:
        """Takes away the files of processes that have ended."""
        for path in self.folder.glob("[!.]*"):
            if not _is_held(path):
                with suppress(FileNotFoundError):
                    path.unlink()


def _is_held(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # two who ask do not mistake each other
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
