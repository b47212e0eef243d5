"""Which processes write into the ledger now, so that an interrupted act is told from one under way.

A process names itself in every act that it intends. While it lives it holds a lock on a file of
that name; the operating system lets go of it however the process ends.
"""

import fcntl
import os
import socket
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

# A process of another machine cannot be asked; its acts count as interrupted after so long.
ELSEWHERE = timedelta(hours=1)


class Writers:
    """The locks below ``folder``; one for this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own: tuple[int, str, int] | None = None

    def name(self) -> str:
        """This process's name, its lock held from the first call on.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._own is None or self._own[0] != os.getpid():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            token = uuid4().hex
            draft = self.folder / f".{token}"  # under its name only once it is locked
            lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            draft.rename(self.folder / token)
            self._own = (os.getpid(), f"{socket.gethostname()}:{token}", lock)
        return self._own[1]

    def may_be_alive(self, writer: str, since: datetime, now: datetime) -> bool:
        """Whether a process of that name may still be at work on what it intended at ``since``."""
        host, _, token = writer.rpartition(":")
        if host != socket.gethostname():
            return now - since < ELSEWHERE
        return (self._own is not None and self._own[1] == writer) or _is_held(self.folder / token)

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
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
