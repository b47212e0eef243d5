"""The content-addressed store: bytes by their SHA-256, written once, verified on every read.

What belongs here: whole files that must still be there in years (source files, model bytes,
records, cards). What does not: tables, which live in the lake, and names or meanings; whoever
keeps a digest knows what it stands for. Clauses: P11-01 (altered records are discerned), HIP-07.
"""

import re
from collections.abc import Mapping

from clinical_assets.canonical import sha256 as sha256_of
from clinical_assets.errors import ClinicalError
from resources.blobs import LocalBlobs, open_blobs

_DIGEST = re.compile(r"[0-9a-f]{64}")


class SnapshotStore:
    """Objects in ``<url>/<first two digits>/<digest>``.

    Args:
        url: a folder, or ``s3://bucket/prefix``.
        options: object-store options (endpoint, region); never credentials.

    Opening a local store removes temporary files that a writer killed over a day ago left.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._blobs = open_blobs(url, options)
        if isinstance(self._blobs, LocalBlobs):
            self._blobs.sweep()

    def put(self, data: bytes) -> str:
        """Store ``data``; its SHA-256. Storing the same bytes again changes nothing.

        Raises:
            ClinicalError: the store is full or cannot be written (nothing is left half-written),
                or an object of this digest is there with other bytes.
        """
        digest = sha256_of(data)
        if not self._blobs.create(_name(digest), data):
            self.get(digest)  # what was there already must be what was meant
        return digest

    def get(self, sha256: str) -> bytes:
        """The bytes whose SHA-256 this is.

        Raises:
            ClinicalError: there is no such object, or its bytes no longer have this digest.
        """
        data = self._blobs.read(_name(sha256))
        if data is None:
            raise ClinicalError(
                "The snapshot store holds no object of this SHA-256",
                where=f"{sha256} in {self.url}",
                repair="Check that CLINICAL_SNAPSHOTS_URL names the store that the run wrote to,"
                " or restore the object from a backup",
            )
        if sha256_of(data) != sha256:
            raise ClinicalError(
                f"An object of the snapshot store was changed or truncated: its {len(data)} bytes"
                " do not have the SHA-256 that it is stored under",
                where=f"{sha256} in {self.url}",
                repair="Keep the damaged file for the investigation, move it away and restore the"
                " object from a backup; a re-run stores it anew",
            )
        return data

    def has(self, sha256: str) -> bool:
        """Whether an object is stored under this digest (its bytes are not read)."""
        return self._blobs.exists(_name(sha256))

    def remove(self, sha256: str) -> None:
        """Take an object away for good; :mod:`resources.purging` alone decides that.

        Raises:
            ClinicalError: the store refuses, as one with object lock does; the object stays.
        """
        self._blobs.remove(_name(sha256))


def _name(sha256: str) -> str:
    if not _DIGEST.fullmatch(sha256):
        raise ClinicalError(
            "This is not a SHA-256: 64 lower-case hexadecimal digits are needed",
            where="snapshot store",
            repair="Pass the digest that put returned",
        )
    return f"{sha256[:2]}/{sha256}"
