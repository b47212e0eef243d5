"""Checkpoints by syslog: what arrives at real sockets, and what is said of servers that fail."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, sign, verify
from resources.witnesses.syslog import SyslogWitness, message
from resources.witnesses.urls import witness_url
from tests.unit.ledger.examples import KEY, ORIGIN, note, rows
from tests.unit.resources.log_server import datagram_server, stream_server, tls_of

NOTE = note(rows(), 6)
AT = datetime(2026, 11, 24, 12, 0, 4, 5, tzinfo=UTC)
HEADER = re.compile(
    rb"<109>1 2026-11-24T12:00:04\.000005Z [!-~]{1,255} clinical-assets \d+ CHECKPOINT - "
)


def witness(url: str, timeout: float = 5.0) -> SyslogWitness:
    return SyslogWitness(witness_url(url), timeout=timeout, now=lambda: AT)


def note_in(data: bytes) -> str:
    header = HEADER.match(data)
    assert header is not None
    said = json.loads(data[header.end() :])
    assert set(said) == {"note", "origin", "root", "size"}
    return str(said["note"])


def test_a_message_is_one_line_of_ascii_that_holds_the_note() -> None:
    made = message(NOTE, AT, "höst name\n", 7)
    assert made.startswith(b"<109>1 2026-11-24T12:00:04.000005Z hstname clinical-assets 7 CHECK")
    assert note_in(made) == NOTE
    assert message(NOTE, AT, "", 7).split(b" ")[2] == b"-"


@given(
    origin=st.text(
        st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1
    ).filter(lambda text: text.strip() == text)
)
def test_no_ledgers_name_can_forge_a_line(origin: str) -> None:
    signed = sign(Checkpoint(origin, 3, bytes(32)), [KEY])
    made = message(signed, AT, "host", 7)
    assert all(32 <= byte < 127 for byte in made)
    assert note_in(made) == signed


def test_what_is_no_note_is_not_sent() -> None:
    with pytest.raises(ClinicalError, match="not a checkpoint"):
        witness("syslog+udp://localhost").publish("hello")


def test_by_tcp() -> None:
    with stream_server() as server:
        one = witness(f"syslog+tcp://127.0.0.1:{server.port}")
        one.publish(NOTE)
        one.publish(NOTE)
    assert [note_in(data) for data in server.messages] == [NOTE, NOTE]
    assert verify(note_in(server.messages[0]), [KEY.public]).size == 6
    assert one.notes(ORIGIN) == []


def test_by_udp_and_by_a_local_socket(tmp_path: Path) -> None:
    with datagram_server() as server:
        witness(f"syslog+udp://127.0.0.1:{server.port}").publish(NOTE)
    assert [note_in(data) for data in server.messages] == [NOTE]
    with datagram_server(tmp_path / "log") as server:
        witness(f"syslog+unix://{tmp_path}/log").publish(NOTE)
    assert [note_in(data) for data in server.messages] == [NOTE]


@pytest.mark.parametrize("behave", ["", "rude"])
def test_by_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behave: str) -> None:
    context, root = tls_of(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    with stream_server(context, behave=behave) as server:
        witness(f"syslog+tls://localhost:{server.port}").publish(NOTE)
    assert [note_in(data) for data in server.messages] == [NOTE]


def test_a_certificate_must_be_trusted_and_of_this_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, root = tls_of(tmp_path, "elsewhere.example")
    with stream_server(context) as server:
        one = witness(f"syslog+tls://localhost:{server.port}")
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        with pytest.raises(ClinicalError, match=r"did not take.*certificate"):
            one.publish(NOTE)
        monkeypatch.setenv("SSL_CERT_FILE", str(root))
        with pytest.raises(ClinicalError, match=r"did not take.*[Hh]ostname"):
            one.publish(NOTE)
    assert server.messages == []


@pytest.mark.parametrize("behave", ["hang", "die"])
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_does_not_end_well_has_not_taken_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behave: str, secure: bool
) -> None:
    context, root = tls_of(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    with stream_server(context if secure else None, behave=behave) as server:
        scheme = "tls" if secure else "tcp"
        one = witness(f"syslog+{scheme}://localhost:{server.port}", timeout=0.2)
        with pytest.raises(ClinicalError, match="did not take the checkpoint"):
            one.publish(NOTE)


@pytest.mark.parametrize(
    "url",
    [
        "syslog+tcp://127.0.0.1:9",
        "syslog+tls://127.0.0.1:9",
        "syslog+unix:///nowhere/log",
        "syslog+udp://no-such-host.invalid",
    ],
)
def test_a_server_that_is_not_there(url: str) -> None:
    with pytest.raises(ClinicalError, match="did not take the checkpoint") as caught:
        witness(url, timeout=0.5).publish(NOTE)
    assert caught.value.where == url
