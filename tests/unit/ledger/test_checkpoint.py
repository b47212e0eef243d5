"""Checkpoints as C2SP defines them: a published key and note, round trips, every altered byte."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger import checkpoint as cp

# The example key and note of Go's package for signed notes, which the C2SP format describes.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


@pytest.fixture(scope="module")
def key() -> cp.SigningKey:
    return cp.SigningKey.generate("clinical.example/ledger")


@pytest.fixture(scope="module")
def note(key: cp.SigningKey) -> str:
    return cp.sign(cp.Checkpoint("clinical.example/ledger", 42, bytes(range(32))), [key])


def test_a_published_key_and_its_signature_are_read() -> None:
    public = cp.PublicKey.parse(NEUMANN)
    assert str(public) == NEUMANN
    blob = base64.b64decode(SIGNED)
    assert blob[:4] == public.key_id
    Ed25519PublicKey.from_public_bytes(public.raw).verify(blob[4:], SAID.encode())


def test_the_text_is_that_of_the_specification(note: str, key: cp.SigningKey) -> None:
    lines = note.split("\n")
    assert lines[:4] == [
        "clinical.example/ledger",
        "42",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "",
    ]
    assert lines[4].startswith("— clinical.example/ledger ")
    assert lines[5:] == [""]
    assert cp.verify(note, [key.public]) == cp.Checkpoint(
        "clinical.example/ledger", 42, bytes(range(32))
    )
    assert cp.read(note).size == 42


def test_no_changed_byte_of_a_note_is_accepted(note: str, key: cp.SigningKey) -> None:
    data = note.encode()
    for place in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[place] ^= flip
            with pytest.raises((ClinicalError, UnicodeDecodeError)):
                cp.verify(bytes(changed).decode(), [key.public])


def test_another_key_of_the_same_name_is_not_taken_for_it(note: str, key: cp.SigningKey) -> None:
    other = cp.SigningKey.generate(key.name)
    with pytest.raises(ClinicalError, match="No known key signed"):
        cp.verify(note, [other.public])


def test_after_a_rotation_either_key_verifies(key: cp.SigningKey) -> None:
    new = cp.SigningKey.generate("clinical.example/ledger")
    note = cp.sign(cp.Checkpoint("clinical.example/ledger", 7, bytes(32)), [key, new])
    assert cp.verify(note, [key.public]) == cp.verify(note, [new.public])


def test_a_key_survives_its_file_and_hides_its_secret(key: cp.SigningKey) -> None:
    again = cp.SigningKey.from_pem(key.name, key.pem)
    assert again.public == key.public
    secret = base64.b64encode(key.private.private_bytes_raw()).decode()
    assert secret not in repr(key)
    assert cp.PublicKey.parse(str(key.public)) == key.public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\nAAAA\n\n— k AAAAAAAAAA==\n",
        "a\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— k AAAAAAAAAA==\n",
        "a\n" + "1" * 5000 + "\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— k AAAAAAAAAA==\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\nk AAAAAAAAAA==\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str, key: cp.SigningKey) -> None:
    with pytest.raises(ClinicalError, match="not a checkpoint"):
        cp.verify(text, [key.public])


@pytest.mark.parametrize(
    "line", ["", "name", "a+00000000+AAAA", NEUMANN.replace("c7", "c8"), NEUMANN[:-1]]
)
def test_what_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(ClinicalError, match="not a public key"):
        cp.PublicKey.parse(line)


def test_a_file_that_is_no_key_is_refused() -> None:
    with pytest.raises(ClinicalError, match="not an Ed25519"):
        cp.SigningKey.from_pem("k", b"-----BEGIN NOTHING-----")
    with pytest.raises(ValueError, match="name"):
        cp.SigningKey.generate("a b")
