"""Private keys and service credentials in one file, encrypted with a passphrase.

What belongs here: packing a folder of keys and getting it back. What does not: backups, which
never hold any of this. The file is one line of JSON, which says how the key is derived (scrypt, RFC
7914, about 128 MiB of memory) and is authenticated with the rest, and the folder's files under
AES-256-GCM (NIST SP 800-38D). Keep it apart from the backup and from the passphrase.
"""

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from clinical_assets.canonical import canonical_json
from clinical_assets.errors import ClinicalError
from resources.blobs import disk_faults, flush
from resources.private_files import create_private

FORMAT = "clinical-keys/1"
LEAST_PASSPHRASE = 12
_COST = {"n": 2**17, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class PackedKeys:
    """An encrypted file of keys with its passphrase."""

    file: Path
    passphrase: str = field(repr=False)

    def unpack(self, folder: Path) -> int:
        """See :func:`unpack_keys`."""
        return unpack_keys(self.file, folder, self.passphrase)


def pack_keys(folder: Path, file: Path, passphrase: str) -> int:
    """Writes every file below ``folder`` into the encrypted ``file``; how many there were.

    Tokens of terminal sessions stay out: whoever has one acts as the person who is logged in.

    Raises:
        ClinicalError: the passphrase is short, the file exists, or a key cannot be read.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise ClinicalError(
            f"The passphrase has fewer than {LEAST_PASSPHRASE} characters",
            where=file.name,
            repair="Take several random words",
        )
    with disk_faults(folder):
        found = {
            path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            if not _is_token(path.relative_to(folder).as_posix())
        }
    salt, nonce = os.urandom(16), os.urandom(12)
    header = {"format": FORMAT, **_COST, "salt": salt.hex(), "nonce": nonce.hex()}
    first = canonical_json(header)
    sealed = AESGCM(_derived(passphrase, header)).encrypt(nonce, canonical_json(found), first)
    with disk_faults(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ClinicalError(
                "There is a file already, and it is not overwritten",
                where=str(file),
                repair="Name a file that does not exist yet",
            ) from None
        with os.fdopen(handle, "wb") as stream:
            stream.write(first + b"\n" + base64.b64encode(sealed) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        flush(file.parent)
    return len(found)


def unpack_keys(file: Path, folder: Path, passphrase: str) -> int:
    """Puts the files of an encrypted ``file`` below ``folder``; how many were new.

    A file that is there already stays as it is. Each comes whole or not at all, so that what could
    not be written for a full disk is written by the next attempt.

    Raises:
        ClinicalError: the passphrase is wrong, the file was changed, or the folder refuses.
    """
    with disk_faults(file):
        first, _, rest = file.read_bytes().partition(b"\n")
    try:
        header = json.loads(first)
        # Larger costs than are written here would be an attack on this machine's memory.
        if header["format"] != FORMAT or any(header[name] != _COST[name] for name in _COST):
            raise ValueError
        sealed = base64.b64decode(rest.strip(), validate=True)
        nonce = bytes.fromhex(header["nonce"])
        found = json.loads(AESGCM(_derived(passphrase, header)).decrypt(nonce, sealed, first))
    except InvalidTag:
        raise _unusable(file, "the passphrase is wrong, or the file was changed") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(file, f"it is not of format {FORMAT}") from None
    if any(".." in Path(path).parts or Path(path).is_absolute() for path in found):
        raise _unusable(file, "it names a file outside of the folder of keys")
    count = 0
    with disk_faults(folder):
        for path, data in found.items():
            if _is_token(path):
                continue
            target = folder / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            count += create_private(target, base64.b64decode(data))
            flush(target.parent)
        if folder.is_dir():
            flush(folder)
    return count


def _is_token(path: str) -> bool:
    return path.startswith("sessions/") and path.endswith(".token")


def _derived(passphrase: str, header: dict[str, Any]) -> bytes:
    salt = bytes.fromhex(str(header["salt"]))
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())


def _unusable(file: Path, reason: str) -> ClinicalError:
    return ClinicalError(
        f"The keys cannot be read: {reason}",
        where=file.name,
        repair="Check file and passphrase; nothing was written",
    )
