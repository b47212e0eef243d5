"""Time stamps: real tokens verify, changed ones do not, and openssl agrees."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.timestamp import (
    TimestampRequest,
    check_answer,
    timestamp_request,
    verify_timestamp,
)
from tests.unit.ledger.authority import Authority, certificate
from tests.unit.ledger.examples import note, rows

NOTE = note(rows(), 6)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.fixture(scope="module")
def asked(authority: Authority) -> tuple[TimestampRequest, bytes]:
    request = timestamp_request(NOTE)
    return request, authority.answer(request.body)


def test_a_real_token_shows_when_the_note_existed(
    authority: Authority, asked: tuple[TimestampRequest, bytes]
) -> None:
    request, token = asked
    at = verify_timestamp(NOTE, token, authority.roots)
    assert at == check_answer(NOTE, request, token)
    assert at.tzinfo == UTC
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=10)


def test_openssl_verifies_the_same_files(
    authority: Authority, asked: tuple[TimestampRequest, bytes], tmp_path: Path
) -> None:
    (tmp_path / "note").write_bytes(NOTE.encode())
    (tmp_path / "token").write_bytes(asked[1])
    command = ["openssl", "ts", "-verify", "-data", "note", "-in", "token", "-CAfile"]
    done = subprocess.run(
        [*command, str(authority.folder / "roots.pem")], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_a_token_is_about_one_note(
    authority: Authority, asked: tuple[TimestampRequest, bytes]
) -> None:
    other = note(rows(), 5)
    with pytest.raises(ClinicalError, match="does not show that this note existed"):
        verify_timestamp(other, asked[1], authority.roots)
    with pytest.raises(ClinicalError, match="answered another request"):
        check_answer(other, asked[0], asked[1])
    with pytest.raises(ClinicalError, match="answered another request"):
        check_answer(NOTE, timestamp_request(NOTE), asked[1])


def test_only_trusted_authorities_count(asked: tuple[TimestampRequest, bytes]) -> None:
    _, stranger, _ = certificate("Another root", None, None)
    with pytest.raises(ClinicalError, match="not signed by an authority that you trust"):
        verify_timestamp(NOTE, asked[1], stranger)
    with pytest.raises(ClinicalError, match="no certificates in PEM form"):
        verify_timestamp(NOTE, asked[1], b"hello")


@pytest.mark.parametrize(
    "change",
    [
        lambda token: b"",
        lambda token: token[:-1],
        lambda token: b"<html></html>",
        lambda token: token[: len(token) // 2],
    ],
)
def test_what_is_no_token(
    authority: Authority,
    asked: tuple[TimestampRequest, bytes],
    change: Callable[[bytes], bytes],
) -> None:
    with pytest.raises(ClinicalError):
        verify_timestamp(NOTE, change(asked[1]), authority.roots)
    with pytest.raises(ClinicalError):
        check_answer(NOTE, asked[0], change(asked[1]))


def test_no_changed_byte_moves_the_time(
    authority: Authority, asked: tuple[TimestampRequest, bytes]
) -> None:
    """A changed token is refused, or the byte says nothing: the time stays what it was."""
    true, token, refused = verify_timestamp(NOTE, asked[1], authority.roots), asked[1], 0
    for place in range(0, len(token), 7):
        changed = bytearray(token)
        changed[place] ^= 1
        try:
            assert verify_timestamp(NOTE, bytes(changed), authority.roots) == true
        except ClinicalError:
            refused += 1
    assert refused > len(token) / 7 * 0.9


def test_a_refusal_is_told(authority: Authority) -> None:
    request = timestamp_request(NOTE)
    garbled = authority.answer(b"\x30\x03\x02\x01\x01")
    with pytest.raises(ClinicalError, match=r"refused the request \(status 2\)"):
        check_answer(NOTE, request, garbled)
    with pytest.raises(ClinicalError):
        verify_timestamp(NOTE, garbled, authority.roots)
