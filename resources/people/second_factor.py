"""The second factor: codes of RFC 6238 (TOTP), whose keys are encrypted where they are kept.

What belongs here: making a key, encrypting it, which 30 seconds a code belongs to. What does not:
whether a code was used before, which the account knows. The key that encrypts lies in the folder of
keys, not in the database, and each encrypted one is bound to its account (AES-256-GCM).
"""

import base64
import hmac
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clinical_assets.errors import ClinicalError
from resources.private_files import create_private, read_private

SECONDS = 30
ISSUER = "clinical-assets"
_FILE = "second-factor.key"
_KEY_BYTES, _NONCE_BYTES = 32, 12


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Codes, with the encrypting key in the folder ``keys``."""

    keys: Path

    def new_key(self) -> str:
        """A new key in base32, as apps for such codes take it."""
        import pyotp

        return pyotp.random_base32()

    def address(self, key: str, id: str) -> str:
        """The ``otpauth://`` address that shows ``key`` to an app."""
        import pyotp

        return pyotp.TOTP(key).provisioning_uri(name=id, issuer_name=ISSUER)

    def step_of(self, key: str, code: str, at: datetime) -> int | None:
        """Number of the 30 seconds since 1970 that ``code`` belongs to: the present ones or their
        neighbours; None where it belongs to none of them.
        """
        import pyotp

        totp = pyotp.TOTP(key)
        given = "".join(code.split()).encode()
        now = int(at.timestamp()) // SECONDS
        found = None
        for step in (now - 1, now, now + 1):
            if hmac.compare_digest(totp.at(step * SECONDS).encode(), given):
                found = step
        return found

    def encrypt(self, key: str, id: str) -> str:
        """``key`` as it may lie in a database, for the account ``id`` only.

        Raises:
            ClinicalError: the folder of keys cannot be used.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        path = self.keys / _FILE
        create_private(path, os.urandom(_KEY_BYTES))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._encrypting()).encrypt(nonce, key.encode(), id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def decrypt(self, kept: str, id: str) -> str:
        """The key that :meth:`encrypt` encrypted.

        Raises:
            ClinicalError: the encrypting key is another, or is missing.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        data = base64.b64decode(kept)
        try:
            plain = AESGCM(self._encrypting()).decrypt(
                data[:_NONCE_BYTES], data[_NONCE_BYTES:], id.encode()
            )
        except InvalidTag:
            raise _lost(self.keys / _FILE) from None
        return plain.decode()

    def _encrypting(self) -> bytes:
        path = self.keys / _FILE
        found = read_private(path)
        if found is None or len(found) != _KEY_BYTES:
            raise _lost(path)
        return found


def _lost(path: Path) -> ClinicalError:
    return ClinicalError(
        "The second factors cannot be read: the key that encrypts them is missing or another",
        where=str(path),
        repair="Restore the file from the backup of the keys; else an administrator takes the"
        " second factors away with `clinical users reset --without-totp`",
    )
