"""The snapshot store: write once, verified on every read, whole or not at all."""

import errno
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from resources.blobs import INCOMING, LocalBlobs
from resources.snapshot_store import SnapshotStore
from tests.unit.resources.conftest import BUCKET
from tests.unit.resources.faults import kill_after, object_path, start, tiny_disk, watched_disk


def objects(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file()]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_bytes_come_back(tmp_path: Path, data: bytes) -> None:
    store = SnapshotStore(str(tmp_path / "s"))
    digest = store.put(data)
    assert digest == sha256(data)
    assert store.get(digest) == data
    assert store.has(digest)
    assert (tmp_path / "s" / digest[:2] / digest).read_bytes() == data


def test_putting_twice_writes_once(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    path = object_path(store, store.put(b"x"))
    before = path.stat()
    store.put(b"x")
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mode & 0o777 == 0o444
    assert objects(tmp_path) == [path]


def test_opening_makes_nothing(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "none"))
    assert not store.has("0" * 64)
    assert not (tmp_path / "none").exists()


def test_absent_object(tmp_path: Path) -> None:
    with pytest.raises(ClinicalError, match=r"holds no object of this SHA-256 \(0{64}"):
        SnapshotStore(str(tmp_path)).get("0" * 64)


@pytest.mark.parametrize("digest", ["", "abc", "0" * 63 + "G", "../" + "0" * 61, "A" * 64])
def test_no_digest(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ClinicalError, match="not a SHA-256"):
        SnapshotStore(str(tmp_path)).get(digest)


@pytest.mark.parametrize("damaged", [b"patient DatA", b"patient", b"", b"patient data+"])
def test_damaged_object_is_refused_and_not_quoted(tmp_path: Path, damaged: bytes) -> None:
    store = SnapshotStore(str(tmp_path))
    digest = store.put(b"patient data")
    object_path(store, digest).unlink()
    object_path(store, digest).write_bytes(damaged)
    for act in (lambda: store.get(digest), lambda: store.put(b"patient data")):
        with pytest.raises(ClinicalError, match="changed or truncated") as caught:
            act()
        assert "patient" not in str(caught.value)
    object_path(store, digest).unlink()  # as the message says: move it away, store it anew
    assert store.get(store.put(b"patient data")) == b"patient data"


def test_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        store = SnapshotStore(str(disk))
        kept = store.put(os.urandom(50_000))
        with pytest.raises(ClinicalError, match="full; nothing was stored"):
            store.put(os.urandom(400_000))
        assert objects(disk) == [object_path(store, kept)]
        again = store.put(os.urandom(50_000))  # room is there again
        assert len(store.get(kept)) == len(store.get(again)) == 50_000


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file")
    with pytest.raises(ClinicalError, match="store cannot be used") as caught:
        SnapshotStore(str(tmp_path / "s")).put(b"x")
    assert str(tmp_path / "s") in str(caught.value)


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT and some network mounts know no hard links; there a rename takes their place."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("resources.blobs.os.link", refuse)
    store = SnapshotStore(str(tmp_path))
    assert store.get(store.put(b"x")) == b"x"
    assert store.get(store.put(b"x")) == b"x"
    assert len(objects(tmp_path)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="open files are named under /proc")
def test_an_object_is_on_disk_before_its_name_and_its_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_disk(monkeypatch) as seen:
        name = LocalBlobs(tmp_path).path("ab/object")
        assert LocalBlobs(tmp_path).create("ab/object", b"data")
    *folders, (first, bytes_of), second, third = seen
    assert folders == [("fsync", tmp_path)]  # the new folder's own name
    assert (first, bytes_of.parent) == ("fsync", tmp_path / INCOMING)
    assert (second, third) == (("link", name), ("fsync", name.parent))


def test_old_leftovers_are_swept_and_young_ones_stay(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    digest = store.put(b"x")
    old, young = tmp_path / INCOMING / "old", tmp_path / INCOMING / "young"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    os.utime(object_path(store, digest), (0, 0))
    assert SnapshotStore(str(tmp_path)).get(digest) == b"x"
    assert not old.exists()
    assert young.exists()


WRITER = """
import hashlib, os, sys
from resources.snapshot_store import SnapshotStore
store = SnapshotStore(sys.argv[1])
print("began", flush=True)
while True:
    data = os.urandom(300_000)
    print("about " + hashlib.sha256(data).hexdigest(), flush=True)
    print("stored " + store.put(data), flush=True)
"""


def test_killed_writer_leaves_whole_objects_only(tmp_path: Path) -> None:
    stored = set()
    for round_ in range(5):
        lines = kill_after(start(WRITER, str(tmp_path)), 0.02 + 0.013 * round_)
        stored |= {line.split()[1] for line in lines if line.startswith("stored")}
    store = SnapshotStore(str(tmp_path))
    visible = {p.name for p in objects(tmp_path) if p.parent.name != INCOMING}
    assert stored <= visible
    assert stored
    for digest in visible:
        assert len(store.get(digest)) == 300_000
    LocalBlobs(tmp_path).sweep(older_than_seconds=-1)
    assert {p.name for p in objects(tmp_path)} == visible


RIVAL = """
import sys
from resources.snapshot_store import SnapshotStore
store = SnapshotStore(sys.argv[1])
print("began", flush=True)
for number in range(100):
    store.put(str(number).encode() * 1000)
"""


def test_two_writers_of_the_same_objects(tmp_path: Path) -> None:
    rivals = [start(RIVAL, str(tmp_path)) for _ in range(2)]
    for rival in rivals:
        rival.communicate()
    assert [r.returncode for r in rivals] == [0, 0]
    store = SnapshotStore(str(tmp_path))
    assert {store.get(p.name)[:1] for p in objects(tmp_path)} == set(map(str.encode, "0123456789"))
    assert len(objects(tmp_path)) == 100


def test_on_s3(s3_options: dict[str, str]) -> None:
    store = SnapshotStore(f"s3://{BUCKET}/snapshots", s3_options)
    digest = store.put(b"data")
    assert store.put(b"data") == digest
    assert store.get(digest) == b"data"
    assert store.has(digest)
    assert not store.has("0" * 64)
    with pytest.raises(ClinicalError, match="holds no object"):
        store.get("0" * 64)

    from obstore.store import S3Store

    bucket = S3Store(
        BUCKET,
        prefix="snapshots",
        endpoint=s3_options["aws_endpoint"],
        region=s3_options["aws_region"],
        client_options={"allow_http": True},
    )
    bucket.put(f"{digest[:2]}/{digest}", b"dat!")
    with pytest.raises(ClinicalError, match="changed or truncated"):
        store.get(digest)


def test_s3_bucket_that_does_not_exist(s3_options: dict[str, str]) -> None:
    store = SnapshotStore("s3://no-such-bucket/x", s3_options)
    for act in (lambda: store.put(b"x"), lambda: store.get("0" * 64)):
        with pytest.raises(ClinicalError, match="NoSuchBucket") as caught:
            act()
        assert "secret" not in str(caught.value)
