"""Private keys in a file: back with the passphrase, and with nothing else."""

import resource
import signal
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from resources.backups import keys as backup_keys
from resources.backups.keys import pack_keys, unpack_keys

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_keys, "_COST", {"n": 2**4, "r": 8, "p": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys/trusted").mkdir(parents=True)
    (tmp_path / "keys/signing.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    (tmp_path / "keys/trusted/a.pem").write_bytes(b"public")
    (tmp_path / "keys/.setup.lock").write_bytes(b"")
    return tmp_path / "keys"


def test_they_come_back_for_their_owner_alone(folder: Path, tmp_path: Path) -> None:
    assert pack_keys(folder, tmp_path / "k", WORDS) == 2
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (tmp_path / "k").read_bytes()
    assert unpack_keys(tmp_path / "k", tmp_path / "new", WORDS) == 2
    assert (tmp_path / "new/signing.pem").read_bytes() == b"-----BEGIN PRIVATE KEY-----"
    assert (tmp_path / "new/signing.pem").stat().st_mode & 0o777 == 0o600
    assert unpack_keys(tmp_path / "k", tmp_path / "new", WORDS) == 0


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    pack_keys(folder, tmp_path / "k", WORDS)
    with pytest.raises(ClinicalError, match="not overwritten"):
        pack_keys(folder, tmp_path / "k", WORDS)
    (tmp_path / "new").mkdir()
    (tmp_path / "new/signing.pem").write_bytes(b"mine")
    assert unpack_keys(tmp_path / "k", tmp_path / "new", WORDS) == 1
    assert (tmp_path / "new/signing.pem").read_bytes() == b"mine"


def test_a_wrong_or_short_passphrase(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ClinicalError, match="fewer than 12"):
        pack_keys(folder, tmp_path / "k", "short")
    pack_keys(folder, tmp_path / "k", WORDS)
    with pytest.raises(ClinicalError, match="passphrase is wrong"):
        unpack_keys(tmp_path / "k", tmp_path / "new", WORDS + "!")
    assert not (tmp_path / "new").exists()


def test_every_flipped_byte_is_found(folder: Path, tmp_path: Path) -> None:
    pack_keys(folder, tmp_path / "k", WORDS)
    data = (tmp_path / "k").read_bytes()
    for place in range(len(data) - 1):
        (tmp_path / "bad").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ClinicalError, match="cannot be read"):
            unpack_keys(tmp_path / "bad", tmp_path / "new", WORDS)
    assert not (tmp_path / "new").exists()


def test_tokens_of_sessions_stay_out(folder: Path, tmp_path: Path) -> None:
    (folder / "sessions").mkdir()
    (folder / "sessions/1000.token").write_bytes(b"live")
    assert pack_keys(folder, tmp_path / "k", WORDS) == 2
    assert unpack_keys(tmp_path / "k", tmp_path / "new", WORDS) == 2
    assert not (tmp_path / "new/sessions").exists()


def test_a_full_disk_leaves_no_half_of_a_key(folder: Path, tmp_path: Path) -> None:
    (folder / "signing.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----" * 500)
    pack_keys(folder, tmp_path / "k", WORDS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(ClinicalError):
            unpack_keys(tmp_path / "k", tmp_path / "new", WORDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "new/signing.pem").exists()
    assert unpack_keys(tmp_path / "k", tmp_path / "new", WORDS) >= 1
    kept = (tmp_path / "new/signing.pem").read_bytes()
    assert kept == (folder / "signing.pem").read_bytes()
