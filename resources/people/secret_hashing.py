"""Hashes of secrets, and secrets from the operating system's randomness.

What belongs here: making and checking hashes. What does not: which secret is good enough
(``clinical_assets/people/secrets_policy``). What people choose is hashed with argon2id, whose
parameters are the second recommendation of RFC 9106 (64 MiB, three passes, four lanes), above the
minimum that OWASP names. What this software makes has 256 random bits, so that nobody can guess it
whatever the hash costs: there SHA-256 does.
"""

import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_RANDOM = "sha256$"
_RANDOM_BYTES = 32
_ONE_TIME_BYTES = 15


@dataclass(frozen=True)
class SecretHashing:
    """Parameters of argon2id; smaller ones are for tests, and only by this constructor.

    Attributes:
        kibibytes, passes, lanes: memory, iterations, parallelism.
    """

    kibibytes: int = 65536
    passes: int = 3
    lanes: int = 4

    def hash(self, secret: str) -> str:
        """Hash of a secret that a person chose or typed."""
        return self._hasher.hash(_one_form(secret))

    def fits(self, kept: str, secret: str) -> bool:
        """Whether ``kept`` is the hash of ``secret``.

        An empty ``kept`` (there is no such account, or it has no secret) costs as much as a wrong
        secret: it is compared with the hash of something that nobody knows.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        if kept.startswith(_RANDOM):
            return hmac.compare_digest(kept, hash_of_random(secret))
        try:
            return self._hasher.verify(kept or self._nobodys, _one_form(secret)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher

        return PasswordHasher(
            time_cost=self.passes, memory_cost=self.kibibytes, parallelism=self.lanes
        )

    @cached_property
    def _nobodys(self) -> str:
        return self.hash(random_secret())


def random_secret() -> str:
    """A secret of 256 random bits, for services and sessions, as text."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def one_time_secret() -> str:
    """A secret of 120 random bits in groups that a person can type: ``k7f2-…``."""
    from base64 import b32encode

    text = b32encode(secrets.token_bytes(_ONE_TIME_BYTES)).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def _one_form(secret: str) -> str:
    """The same bytes however a keyboard composes its accents (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", secret)


def hash_of_random(secret: str) -> str:
    """Hash of a secret of :func:`random_secret`."""
    return _RANDOM + sha256(secret.encode()).hexdigest()
