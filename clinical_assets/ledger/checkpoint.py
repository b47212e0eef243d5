"""Checkpoints: a signed statement of how many entries the ledger holds and what their root is.

What belongs here: the text of a checkpoint (C2SP tlog-checkpoint), its Ed25519 signatures (C2SP
signed-note) and their verification. What does not: where keys and checkpoints are kept. Any
verifier of transparency logs can read what is written here.

A checkpoint's text is three lines: the ledger's name, the number of entries, the root in base64.
After an empty line follows one line a signature: an em dash, the key's name, and in base64 four
bytes that tell keys apart and the signature of the text.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from clinical_assets.errors import ClinicalError

_ED25519 = b"\x01"  # signature type of C2SP signed-note
_DASH = "\N{EM DASH} "
_KEY_BYTES = 32
_SIZE_DIGITS = 20  # those of 2**64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint states: the ledger's name, its number of entries, their Merkle root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed, the last one ended too."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that checkpoints are verified with, and the name that it signs under.

    Written as one line, ``name+keyid+base64``: the "vkey" of C2SP signed-note.
    """

    name: str
    raw: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell the keys of one name apart; no security rests on them."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.raw)}"

    @classmethod
    def parse(cls, line: str) -> "PublicKey":
        """The key that :meth:`__str__` wrote.

        Raises:
            ClinicalError: the line is no Ed25519 key, or its parts contradict each other.
        """
        name, _, rest = line.strip().partition("+")
        key_id, _, data = rest.partition("+")
        raw = _decoded(data)
        if raw is not None and raw[:1] == _ED25519 and len(raw) == 1 + _KEY_BYTES:
            key = cls(name, raw[1:])
            if _is_name(name) and key.key_id.hex() == key_id:
                return key
        raise ClinicalError(
            "This is not a public key of a ledger",
            where="expected one line: name+keyid+base64",
            repair="Take it from whom you trust: `clinical ledger key` prints it",
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs checkpoints. Its private part is secret and never shown.

    Attributes:
        public: what verifiers need.
    """

    name: str
    private: Ed25519PrivateKey
    public: PublicKey = field(init=False, compare=False)

    def __post_init__(self) -> None:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        object.__setattr__(self, "public", PublicKey(self.name, raw))

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new key from the operating system's randomness.

        Raises:
            ValueError: ``name`` is empty or holds white space or ``+``.
        """
        if not _is_name(name):
            raise ValueError("a key's name has no white space and no plus sign")
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> "SigningKey":
        """The key in an unencrypted PKCS #8 file.

        Raises:
            ClinicalError: the bytes are no Ed25519 private key.
        """
        try:
            found = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            found = None
        if not isinstance(found, Ed25519PrivateKey):
            raise ClinicalError(
                "This is not an Ed25519 private key in PEM form",
                where=f"signing key {name}",
                repair="Restore the key from its backup; the ledger's entries need no key",
            )
        return cls(name, found)

    @property
    def pem(self) -> bytes:
        """The private key as unencrypted PKCS #8, to be kept readable by its owner only."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def sign(checkpoint: Checkpoint, keys: Sequence[SigningKey]) -> str:
    """The signed note: the checkpoint's text, an empty line, one line for each key."""
    return sign_text(checkpoint.text, keys)


def sign_text(text: str, keys: Sequence[SigningKey]) -> str:
    """A signed note of any text that ends in a newline and holds no empty line."""
    lines = [text, "\n"]
    for key in keys:
        blob = key.public.key_id + key.private.sign(text.encode())
        lines.append(f"{_DASH}{key.name} {_base64(blob)}\n")
    return "".join(lines)


def read(note: str) -> Checkpoint:
    """What a note states, its signatures unread: for showing, never for trusting.

    Raises:
        ClinicalError: it is not a checkpoint.
    """
    text, _ = _divided(note)
    lines = text.split("\n")
    root = _decoded(lines[2]) if len(lines) >= 4 else None
    if root is None or len(root) != 32 or not lines[0] or not _is_size(lines[1]):
        raise _malformed()
    return Checkpoint(lines[0], int(lines[1]), root)


def verify(note: str, keys: Sequence[PublicKey]) -> Checkpoint:
    """What a note states, if one of ``keys`` signed it and none of them signed it wrongly.

    Signatures of keys that are not known are passed over, as C2SP signed-note demands: they may
    be those of witnesses.

    Raises:
        ClinicalError: it is not a checkpoint, no known key signed it, or a signature of a known
            key does not fit.
    """
    checkpoint = read(note)
    verify_text(note, keys, f"checkpoint of {checkpoint.size} entries")
    return checkpoint


def set_aside(
    notes: Sequence[str], keys: Sequence[PublicKey], withdrawn: Sequence[PublicKey]
) -> tuple[list[str], int]:
    """The notes without those that only withdrawn keys signed, and how many these were.

    Whoever stole such a key can sign anything with it, so that its word is neither for nor against
    a ledger. A note that is no checkpoint, or that no known key signed, stays among the others.
    """
    if not withdrawn:
        return list(notes), 0
    left = [note for note in notes if _counts(note, keys) or not _counts(note, withdrawn)]
    return left, len(notes) - len(left)


def _counts(note: str, keys: Sequence[PublicKey]) -> bool:
    try:
        verify(note, keys)
    except ClinicalError:
        return False
    return True


def verify_text(note: str, keys: Sequence[PublicKey], what: str) -> tuple[str, tuple[str, ...]]:
    """The text of a note called ``what``, and the names of the known keys that signed it.

    Raises:
        ClinicalError: as :func:`verify`.
    """
    text, signatures = _divided(note)
    known = {(key.name, key.key_id): key for key in keys}
    good: list[str] = []
    for name, blob in signatures:
        key = known.get((name, blob[:4]))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(blob[4:], text.encode())
        except InvalidSignature:
            raise ClinicalError(
                f"The {what} was not signed by {name} as it is",
                where=f"it begins {text.splitlines()[0]!r}",
                repair="Treat it as altered; take it again from its source or from a witness",
            ) from None
        good.append(name)
    if not good:
        raise ClinicalError(
            f"No known key signed the {what}",
            where=f"it begins {text.splitlines()[0]!r} and names "
            + (", ".join(f"{name}+{blob[:4].hex()}" for name, blob in signatures) or "no key"),
            repair="Give the public key that the ledger's owner handed you",
        )
    return text, tuple(good)


def _divided(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, found, tail = note.rpartition("\n\n")
    if not found or not tail.endswith("\n"):
        raise _malformed()
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        name, _, data = line.removeprefix(_DASH).partition(" ")
        blob = _decoded(data)
        if not line.startswith(_DASH) or not _is_name(name) or blob is None or len(blob) < 5:
            raise _malformed()
        signatures.append((name, blob))
    return text + "\n", signatures


def _is_name(name: str) -> bool:
    return "+" not in name and name.split() == [name]


def _is_size(text: str) -> bool:
    if len(text) > _SIZE_DIGITS:
        return False
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _base64(data) == text else None


def _malformed() -> ClinicalError:
    return ClinicalError(
        "This is not a checkpoint of a ledger",
        where="expected: name, size, root, an empty line, signatures",
        repair="Take the checkpoint from a witness, or export the ledger again",
    )
