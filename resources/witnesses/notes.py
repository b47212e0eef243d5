"""Checkpoints that a witness keeps: write-once files in a folder or in an S3 bucket.

What belongs here: their names, and reading them back. What does not: whether they are true
(:func:`clinical_assets.ledger.witnessed.contradictions`); whoever can write at the witness can put
anything there, so every note is held against its signature by whoever reads it.

Each ledger has a folder; a note is ``SIZE-SHA256.note``, 16 digits and the digest of its bytes,
and what belongs to it bears the same name with another ending. So nothing is ever overwritten, and
a bucket with object lock takes them.
"""

import re
from collections.abc import Callable, Mapping

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from resources.blobs import Blobs, open_blobs

NOTE = ".note"
# Several tries, but a store that is down must not hold up the other witnesses.
_RETRY_SECONDS = 15.0
Counts = Callable[[str], bool]
MOST_READ = 500
"""So many notes are read at most where only the last ones that count are asked for."""


def every(note: str) -> bool:
    """Whether a note counts, where each does."""
    del note
    return True


class NoteStore:
    """Notes below ``url``: a local folder, or ``s3://bucket/prefix`` with obstore's options."""

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        # A bucket with object lock demands a checksum of every upload.
        self._options = {**(options or {}), "aws_checksum_algorithm": "sha256"}

    def put(self, note: str) -> None:
        """Keeps a note; one that is there already stays as it is.

        Raises:
            ClinicalError: it is no checkpoint, cannot be stored, or other bytes bear its name.
        """
        self.attach(note, NOTE, note.encode())

    def attach(self, note: str, ending: str, data: bytes) -> None:
        """Keeps what belongs to a note, beside it; what is there already stays.

        Raises:
            ClinicalError: as :meth:`put`; of other endings than a note's, other bytes may stay.
        """
        blobs, name = self._of(read(note).origin), file_name(note)
        if blobs.create(name + ending, data) or ending != NOTE:
            return
        if blobs.read(name + ending) != data:
            raise ClinicalError(
                "A witness's copy of a checkpoint was changed or is damaged",
                where=f"{blobs.location}/{name}{ending}",
                repair="Keep the file as evidence, move it away, then publish again",
            )

    def attached(self, note: str, ending: str) -> bytes | None:
        """What was kept beside a note, None where there is none."""
        return self._of(read(note).origin).read(file_name(note) + ending)

    def notes(
        self,
        origin: str,
        *,
        last: int | None = None,
        counts: Counts = every,
    ) -> list[str]:
        """The notes of a ledger by size, or only the last ones; untrusted.

        Args:
            last: how many that count are read, from the largest on; what does not count is
                returned with them. At most :data:`MOST_READ` are read then.
            counts: whether a note counts. One under another's name never does, so that old notes
                cannot be put in the way of newer ones.

        Raises:
            ClinicalError: the folder or bucket cannot be read.
        """
        blobs = self._of(origin)
        names = sorted(name for name, _ in blobs.listed() if name.endswith(NOTE))
        wanted = len(names) if last is None else last
        found: list[str] = []
        for name in reversed(names if last is None else names[-MOST_READ:]):
            if not wanted:
                break
            data = blobs.read(name)
            if data is None:
                continue
            # What is no text is no checkpoint either: the reader is told, not spared.
            found.append(data.decode("utf-8", "replace"))
            if last is None or (_is_named(name, found[-1]) and counts(found[-1])):
                wanted -= 1
        return found[::-1]

    def _of(self, origin: str) -> Blobs:
        return open_blobs(f"{self.url}/{slug(origin)}", self._options, retry_seconds=_RETRY_SECONDS)


def file_name(note: str) -> str:
    """A note's name without its ending: sorted by name is sorted by size.

    Raises:
        ClinicalError: it is no checkpoint.
    """
    return f"{read(note).size:016d}-{sha256(note.encode())}"


def _is_named(name: str, note: str) -> bool:
    try:
        return name == file_name(note) + NOTE
    except ClinicalError:
        return False


def slug(text: str) -> str:
    """A folder's name for any text: readable, and different for different texts.

    >>> slug("clinical.example/ledger")
    'clinical.example-ledger-919eea29328b'
    """
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60]
    return f"{readable}-{sha256(text.encode())[:12]}"
