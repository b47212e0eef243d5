"""Addresses of witnesses, and those that keep files: in a folder and in a bucket."""

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from clinical_assets.errors import ClinicalError
from resources.blobs import S3Blobs
from resources.witnesses.notes import NoteStore, slug
from resources.witnesses.timestamp import TimestampWitness
from resources.witnesses.urls import WitnessUrl, witness_url
from resources.witnesses.witness import Witness, open_witnesses, parse_witness
from tests.unit.ledger.examples import ORIGIN, note, rows
from tests.unit.resources.conftest import BUCKET
from tests.unit.resources.faults import fill, start, tiny_disk

ROWS = rows()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("folder:/a b/c", ("folder", "", "", 0, "/a b/c")),
        (" s3://bucket/prefix/ ", ("s3", "", "", 0, "s3://bucket/prefix/")),
        ("syslog+udp://host", ("syslog", "udp", "host", 514, "")),
        ("syslog+tcp://host", ("syslog", "tcp", "host", 601, "")),
        ("syslog+tls://[::1]", ("syslog", "tls", "::1", 6514, "")),
        ("syslog+tls://host:10514", ("syslog", "tls", "host", 10514, "")),
        ("syslog+unix:///dev/log", ("syslog", "unix", "", 0, "/dev/log")),
        ("tsa+https://host/tsr", ("timestamp", "", "", 0, "https://host/tsr")),
        ("tsa+http://host:8080", ("timestamp", "", "", 0, "http://host:8080")),
    ],
)
def test_addresses(text: str, expected: tuple[str, str, str, int, str]) -> None:
    assert witness_url(text) == WitnessUrl(expected[0], text.strip(), *expected[1:])  # type: ignore[arg-type]


def test_a_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert witness_url("folder:w").url == f"folder:{tmp_path}/w"
    assert witness_url("folder:~/w").target == str(Path.home() / "w")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hidden",
        "/hidden",
        "folder:",
        "s3://",
        "s3://key:hidden@bucket/x",
        "s3://bucket/x?secret=hidden",
        "s3+x://bucket",
        "syslog://hidden",
        "syslog+tls://hidden:port",
        "syslog+tls://host:99999",
        "syslog+tls://user:hidden@host",
        "syslog+tls://host/hidden",
        "syslog+unix://hidden",
        "syslog+unix:///",
        "tsa://hidden",
        "tsa+ftp://hidden",
        "tsa+https://u:hidden@host",
        "tsa+https://host?key=hidden",
        "tsa+https://host/\r\nX: hidden",
        "ftp://hidden",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ClinicalError, match="no address of a witness: it must hold") as caught:
        parse_witness(text)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(params=["folder", "s3"])
def witness(request: pytest.FixtureRequest, tmp_path: Path) -> Witness:
    if request.param == "folder":
        return parse_witness(f"folder:{tmp_path}/w")
    options: dict[str, str] = request.getfixturevalue("s3_options")
    return parse_witness(f"s3://{BUCKET}/{tmp_path.name}", s3_options=options)


def test_notes_come_back_by_size(witness: Witness) -> None:
    assert witness.notes(ORIGIN) == []
    sizes = [6, 2, 0, 5]
    for size in sizes:
        witness.publish(note(ROWS, size))
        witness.publish(note(ROWS, size))
    expected = [note(ROWS, size) for size in sorted(sizes)]
    assert witness.notes(ORIGIN) == expected
    assert witness.notes(ORIGIN, last=2) == expected[-2:]
    assert witness.notes(ORIGIN, last=9) == expected
    assert witness.notes("another") == []


def test_what_is_no_note_is_not_published(witness: Witness) -> None:
    with pytest.raises(ClinicalError, match="not a checkpoint"):
        witness.publish("hello")


def test_ledgers_of_like_names_lie_apart(tmp_path: Path) -> None:
    witness = parse_witness(f"folder:{tmp_path}")
    names = ["a/b", "a-b", "a.b", "../x", "A/b"]
    for name in names:
        witness.publish(note(ROWS, 1, origin=name))
    for name in names:
        assert witness.notes(name) == [note(ROWS, 1, origin=name)]
    assert len({slug(name) for name in names}) == len(names)
    assert {path.parent.parent for path in tmp_path.rglob("*.note")} == {tmp_path}


def test_a_file_is_written_once_and_its_change_is_told(tmp_path: Path) -> None:
    witness = parse_witness(f"folder:{tmp_path}")
    witness.publish(note(ROWS, 3))
    [path] = tmp_path.rglob("*.note")
    assert path.stat().st_mode & 0o222 == 0
    assert path.name.startswith("0000000000000003-")
    path.unlink()
    path.write_bytes(note(ROWS, 3).encode()[:-1] + b"\xff")
    with pytest.raises(ClinicalError, match="copy of a checkpoint was changed"):
        witness.publish(note(ROWS, 3))
    [found] = witness.notes(ORIGIN)  # whoever reads it holds it against its signature
    assert found != note(ROWS, 3)


def test_a_bucket_with_versions_and_lock_gets_each_note_once(s3_options: dict[str, str]) -> None:
    import boto3

    client: Any = boto3.client(
        "s3", endpoint_url=s3_options["aws_endpoint"], region_name=s3_options["aws_region"]
    )
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    witness = parse_witness("s3://locked/w", s3_options=s3_options)
    witness.publish(note(ROWS, 3))
    witness.publish(note(ROWS, 3))
    assert len(client.list_object_versions(Bucket="locked")["Versions"]) == 1
    assert witness.notes(ORIGIN) == [note(ROWS, 3)]


def test_every_upload_bears_a_checksum(s3_options: dict[str, str]) -> None:
    """S3 refuses an upload without one where a default retention is set (moto wants another)."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            seen.append((digest, self.headers["x-amz-checksum-sha256"]))
            self.send_response(200)
            self.send_header("ETag", '"e"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        options = {**s3_options, "aws_endpoint": f"http://127.0.0.1:{server.server_port}"}
        parse_witness("s3://b/w", s3_options=options).publish(note(ROWS, 3))
        thread.join()
    [(digest, header)] = seen
    assert header == digest


def test_a_bucket_that_is_not_there(s3_options: dict[str, str]) -> None:
    witness = parse_witness("s3://no-such-bucket/w", s3_options=s3_options)
    with pytest.raises(ClinicalError, match="NoSuchBucket"):
        witness.publish(note(ROWS, 3))


def test_tries_of_a_store_that_is_down_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    options = {"aws_endpoint": "http://127.0.0.1:9", "aws_region": "r", "aws_allow_http": "true"}
    with pytest.raises(ClinicalError, match="object store refused a request"):
        S3Blobs("s3://b/x", options, retry_seconds=0.05).create("n", b"")


def test_a_full_disk_and_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClinicalError, match="store cannot be used"):
        parse_witness(f"folder:{tmp_path}/file").publish(note(ROWS, 1))
    with tiny_disk(tmp_path / "disk") as disk:
        witness = parse_witness(f"folder:{disk}")
        witness.publish(note(ROWS, 1))
        filler = fill(disk)
        with pytest.raises(ClinicalError, match="full; nothing was stored"):
            witness.publish(note(ROWS, 2))
        assert witness.notes(ORIGIN) == [note(ROWS, 1)]
        filler.unlink()
        witness.publish(note(ROWS, 2))


def test_time_stamps_lie_beside_the_first_kept_notes(tmp_path: Path) -> None:
    texts = ["syslog+udp://h", "tsa+https://h", f"folder:{tmp_path}/a", f"folder:{tmp_path}/b"]
    opened = open_witnesses(texts)
    assert [one.name for one in opened] == texts
    assert isinstance(opened[1], TimestampWitness)
    assert opened[1].kept.url == f"{tmp_path}/a"
    with pytest.raises(ClinicalError, match="no place to be kept"):
        open_witnesses(["tsa+https://h"])


def test_an_attachment_stays_as_it_was_first(tmp_path: Path) -> None:
    store = NoteStore(str(tmp_path))
    store.attach(note(ROWS, 1), ".tsr", b"first")
    store.attach(note(ROWS, 1), ".tsr", b"second")
    assert store.attached(note(ROWS, 1), ".tsr") == b"first"
    assert store.attached(note(ROWS, 2), ".tsr") is None
    assert store.notes(ORIGIN) == []


PUBLISHER = """
import sys
from resources.witnesses.witness import parse_witness
from tests.unit.ledger.examples import KEY, ORIGIN
from clinical_assets.ledger.checkpoint import Checkpoint, sign
witness = parse_witness(sys.argv[1])
for size in range(20):
    witness.publish(sign(Checkpoint(ORIGIN, size, bytes(32)), [KEY]))
    witness.publish(sys.argv[2])
"""


def test_two_publishers_at_once(tmp_path: Path) -> None:
    shared = note(ROWS, 6)
    processes = [start(PUBLISHER, f"folder:{tmp_path}", shared) for _ in range(2)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    found = parse_witness(f"folder:{tmp_path}").notes(ORIGIN)
    assert len(found) == len(set(found)) == 41  # each process has a key of its own
    assert found.count(shared) == 1
