"""The newest signed head of a ledger that this machine has seen, kept outside of its database.

What belongs here: keeping it, reading it. What does not:
holding a ledger against it (:mod:`.ledger_verifying`). An older copy of the database that is put
back holds together and is signed; only somebody who saw a later state can tell. So the head is kept
here after every act that gives or takes a right, a signature, a stage or a key: what undoes such an
act in silence is found by the next who asks, whether or not a checkpoint was published since.

It lies in the folder of keys, as ``ledger-seen-NAME.note``: whoever can write there can sign what
they like anyway. It is no secret.
"""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from resources.locks import held
from resources.private_files import read_private, replace_private

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

    def note(self, origin: str) -> str | None:
        """The note of ledger ``origin`` as it is kept, its signature unread; None without one."""
        try:
            found = read_private(self._path(origin))
        except ClinicalError:
            return None
        return None if found is None else found.decode("utf-8", "replace")

    def keep(self, note: str) -> None:
        """Keeps a head that is on disk, unless a later one is kept. Where the folder cannot be
        written, the act stands all the same: it is in the ledger already."""
        stated = read(note)
        with suppress(ClinicalError), held(self._folder / _LOCK, wait_seconds=_WAIT_SECONDS):
            if self._size(stated.origin) < stated.size:
                replace_private(self._path(stated.origin), note.encode())

    def begin_anew(self, note: str) -> None:
        """Keeps a head in place of a later one, whose loss is on record in the ledger by now."""
        with suppress(ClinicalError), held(self._folder / _LOCK, wait_seconds=_WAIT_SECONDS):
            replace_private(self._path(read(note).origin), note.encode())

    def _size(self, origin: str) -> int:
        kept = self.note(origin)
        try:
            return -1 if kept is None else read(kept).size
        except ClinicalError:
            return -1

    def _path(self, origin: str) -> Path:
        return self._folder / f"ledger-seen-{quote(origin, safe='')}.note"
