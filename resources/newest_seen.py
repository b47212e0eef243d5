"""The newest signed head of a ledger that this machine has seen, kept outside of its database.

What belongs here: keeping it, reading it. What does not:
holding a ledger against it (:mod:`.ledger_memory`). An older copy of the database that is put
back holds together and is signed; only somebody who saw a later state can tell. So the head is kept
here after every act that gives or takes a right, a signature, a stage or a key: what undoes such an
act in silence is found by the next who asks, whether or not a checkpoint was published since.

It lies in the folder of keys, as ``ledger-seen-NAME.note``: whoever can write there can sign what
they like anyway. It is no secret.
"""

import logging
from pathlib import Path
from urllib.parse import quote

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from resources.locks import held
from resources.private_files import read_private, replace_private

Mark = tuple[int, int, int]
_LOG = logging.getLogger(__name__)
_LOCK = "ledger-seen.lock"
_WAIT_SECONDS = 5.0
DECISIVE = (
    "key.",
    "ledger.lost",
    "logout",
    "protocol.frozen",
    "registry.changed",
    "retention.",
    "session.ended",
    "signature.given",
    "stage.changed",
    "testset.opened",
    "user.",
)
"""How the names of acts begin after which the head is kept."""


class NewestSeen:
    """What is kept below ``folder``. Threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = False

    def mark(self, origin: str) -> Mark | None:
        """What changes whenever the note does; None without one. Costs one ``stat``."""
        try:
            found = self._path(origin).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def note(self, origin: str) -> str | None:
        """The note of ledger ``origin`` as it is kept, its signature unread; None without one.

        Raises:
            ClinicalError: it is there and cannot be relied upon: others may read or write it.
        """
        found = read_private(self._path(origin))
        return None if found is None else found.decode("utf-8", "replace")

    def keep(self, note: str, *, instead_of: str = "") -> bool:
        """Keeps a head that is on disk, unless a later one is kept.

        Args:
            note: of a ledger that was held against what is kept.
            instead_of: a note to be replaced though it is of more entries: its loss is on record.

        Returns:
            Whether this or a later one is kept now. Where it is not, the act stands all the same:
            it is in the ledger already.
        """
        stated = read(note)
        try:
            with held(self._folder / _LOCK, wait_seconds=_WAIT_SECONDS):
                kept = self.note(stated.origin)
                if kept is None or kept == instead_of or _size(kept) < stated.size:
                    replace_private(self._path(stated.origin), note.encode())
        except ClinicalError as error:
            if not self._told:  # once: a folder that is only read stays so
                _LOG.warning("What was written last is not remembered on this machine: %s", error)
            self._told = True
            return False
        self._told = False
        return True

    def _path(self, origin: str) -> Path:
        return self._folder / f"ledger-seen-{quote(origin, safe='')}.note"


def _size(note: str) -> int:
    try:
        return read(note).size
    except ClinicalError:
        return -1
