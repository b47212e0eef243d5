"""Small files that only their owner may read: credentials, tokens, keys.

What belongs here: making one as a whole or not at all, of two makers the first wins; reading one
only where nobody else could have read or written it. What does not: what is in it.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from clinical_assets.errors import ClinicalError

_MOST_BYTES = 4096


def create_private(path: Path, data: bytes) -> bool:
    """Keeps ``data`` as ``path`` (mode 0600); False where there is a file, which stays.

    Raises:
        ClinicalError: the folder cannot be written.
    """
    return _write(path, data, replace=False)


def replace_private(path: Path, data: bytes) -> None:
    """Keeps ``data`` as ``path`` (mode 0600) in place of what was there.

    Raises:
        ClinicalError: the folder cannot be written.
    """
    _write(path, data, replace=True)


def read_private(path: Path, most: int = _MOST_BYTES) -> bytes | None:
    """The first ``most`` bytes of ``path``; None where there is none.

    Raises:
        ClinicalError: it cannot be read, is no plain file, belongs to somebody else, or others may
            read or write it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _unusable(path, "it is no plain file")
        if facts.st_uid not in (os.geteuid(), 0):
            raise _unusable(path, "it belongs to another user")
        if facts.st_mode & 0o077:
            raise _unusable(path, "others than its owner may use it")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes, *, replace: bool) -> bool:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(path)
                return True
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
            return True
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error


def _unusable(path: Path, reason: str) -> ClinicalError:
    return ClinicalError(
        f"A private file cannot be used: {reason}",
        where=str(path),
        repair="Give it and its folder to the user who runs this, readable by nobody else"
        " (chmod 600), and try again",
    )
