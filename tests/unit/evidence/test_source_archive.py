"""The source archive: the same bytes for the same files, and safe reading."""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.source_archive import pack_source, read_source, unpack_source

FILES = [
    ("pkg/__init__.py", b"VALUE = 1\n", False),
    ("run.sh", b"#!/bin/sh\n", True),
    ("empty", b"", False),
    ("deep/" * 30 + "file.txt", b"long path", False),
    ("daten_für_alle.csv", "ä\r\n".encode(), False),
    ("big.bin", bytes(range(256)) * 1000, False),
]


def hostile(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue())


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_known_digest() -> None:
    """Fixed for ever: another digest here would change the digest of every later package."""
    archive = pack_source([("a/b.txt", b"hello\n", False), ("run.sh", b"#!/bin/sh\n", True)])
    assert (
        hashlib.sha256(archive).hexdigest()
        == "153badcfbf87c5afcc964fd623f96a7adfff27aa873f71688938103c36d2a029"
    )


def test_order_does_not_matter_and_round_trip() -> None:
    archive = pack_source(FILES)
    assert archive == pack_source(reversed(FILES))
    assert [tuple(f) for f in read_source(archive).values()] == sorted(FILES)


def test_the_standard_tools_read_it() -> None:
    archive = pack_source(FILES)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        assert tar.getnames() == sorted(path for path, _, _ in FILES)
        assert {m.mtime for m in tar} == {0}
        assert {(m.uid, m.gid, m.uname, m.gname) for m in tar} == {(0, 0, "", "")}
    assert len(gzip.decompress(archive)) % 10_240 == 0


def test_the_same_bytes_in_other_processes_and_hash_seeds() -> None:
    code = (
        "import hashlib; from clinical_assets.evidence.source_archive import pack_source;"
        "files = {(f'p{i}/f.txt', b'x' * i, False) for i in range(50)};"
        "print(hashlib.sha256(pack_source(files)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(digests) == 1


def test_unpack_writes_the_files_and_the_executable_bit(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    assert unpack_source(pack_source(FILES), folder) == tuple(sorted(p for p, _, _ in FILES))
    for path, data, executable in FILES:
        assert (folder / path).read_bytes() == data
        assert os.access(folder / path, os.X_OK) == executable
    with pytest.raises(ClinicalError, match="not empty"):
        unpack_source(pack_source(FILES), folder)


HOSTILE = {
    "traversal": hostile((entry("../evil"), b"x")),
    "absolute": hostile((entry("/tmp/evil"), b"x")),
    "backslash": hostile((entry("..\\evil"), b"x")),
    "symlink": hostile((entry("link", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "hard link": hostile((entry("a"), b"x"), (entry("b", tarfile.LNKTYPE, "a"), b"")),
    "device": hostile((entry("dev", tarfile.CHRTYPE), b"")),
    "fifo": hostile((entry("fifo", tarfile.FIFOTYPE), b"")),
    "twice": hostile((entry("a"), b"1"), (entry("a"), b"2")),
    "case": hostile((entry("a"), b"1"), (entry("A"), b"2")),
    "file as folder": hostile((entry("a"), b"1"), (entry("a/b"), b"2")),
    "nothing": hostile(),
    "no gzip": b"plain",
    "empty": b"",
    "no tar": gzip.compress(b"plain" * 1000),
    "cut short": pack_source(FILES)[:-100],
    "data behind": pack_source(FILES) + b"more",
    "flipped byte": pack_source(FILES)[:2000] + b"\x01" + pack_source(FILES)[2001:],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_and_write_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    with pytest.raises(ClinicalError):
        unpack_source(HOSTILE[name], folder)
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_cut_off() -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(ClinicalError, match="more than 1000000 bytes"):
        read_source(bomb, maximum_bytes=1_000_000)


@pytest.mark.parametrize("paths", [[], ["../x"], ["a", "A"], ["a", "a"]])
def test_packing_refuses_what_reading_would(paths: list[str]) -> None:
    with pytest.raises(ClinicalError):
        pack_source([(path, b"", False) for path in paths])


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}_){0,3}", fullmatch=True),
        st.tuples(st.binary(max_size=70_000), st.booleans()),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_whatever_is_packed_is_read_back(files: dict[str, tuple[bytes, bool]]) -> None:
    entries = [(f"x{i}/{path}", *files[path]) for i, path in enumerate(files)]
    assert [tuple(f) for f in read_source(pack_source(entries)).values()] == sorted(entries)
