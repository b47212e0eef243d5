"""Mutation test: each byte of a small export is flipped, one at a time, and every flip is found."""

import io

import pytest

from clinical_assets.ledger.exports.forms import FORMS
from clinical_assets.ledger.exports.manifest import read_manifest
from clinical_assets.ledger.exports.proving import Range, Selection
from clinical_assets.ledger.exports.record import Record
from clinical_assets.ledger.exports.views import View, Views
from clinical_assets.ledger.merkle import leaf_hash
from tests.unit.ledger.examples import KEY, note
from tests.unit.ledger.exports.folders import KEPT, Files, export, lines, rewritten, verify

SMALL = {"kept": KEPT[:2], "notes": [note(KEPT, 2)], "signers": [KEY]}
CORE = export(forms=[], **SMALL)  # type: ignore[arg-type]
ALL = export(**SMALL)  # type: ignore[arg-type]
VIEWS = sorted(set(ALL) - set(CORE))


def flipped(data: bytes, at: int) -> bytes:
    """The bytes with one bit of one byte turned; which bit, the place decides."""
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


@pytest.mark.parametrize("name", sorted(CORE))
def test_every_flip_in_what_is_verified_is_found(name: str) -> None:
    for at in range(len(CORE[name])):
        assert not verify({**CORE, name: flipped(CORE[name], at)}).passed, at


@pytest.mark.parametrize("name", ["entries.jsonl", "leaves.txt", "checkpoints.txt"])
def test_every_flip_is_found_though_the_manifest_was_written_anew(name: str) -> None:
    unsigned = {n: data for n, data in CORE.items() if n != "manifest.note"}
    for at in range(len(CORE[name])):
        report = verify(rewritten({**unsigned, name: flipped(CORE[name], at)}))
        assert not report.passed, at
        if name != "checkpoints.txt":  # the entry whose line it is in
            before = CORE[name][:at].count(b"\n")
            assert report.first_bad in (before, 0), (at, report.problems)


@pytest.mark.parametrize("name", VIEWS)
def test_every_flip_in_a_view_is_found_by_writing_it_again(name: str) -> None:
    manifest = read_manifest(ALL["manifest.json"])
    [form] = [FORMS[file.form] for file in manifest.files if file.name == name]
    bodies = [line.removesuffix(b"\n") for line in lines(ALL, "entries.jsonl")]
    records = [Record.of(body, leaf_hash(body)) for body in bodies]

    def equal(data: bytes) -> bool:
        views = Views(manifest.about, [View(form, io.BytesIO(data))])
        for record in records:
            views.entry(record)
        views.end()
        return not views.problems

    assert equal(ALL[name])
    for at in range(len(ALL[name])):
        assert not equal(flipped(ALL[name], at)), at


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [
        ALL,
        export(Range(3, 5), forms=["csv"]),
        export(Selection("some"), forms=["csv"], picked=lambda r: r.seq in (2, 6)),
    ],
    ids=["whole", "part", "picked"],
)
def test_every_flip_in_every_file_is_found(files: Files) -> None:
    for name, data in files.items():
        for at in range(len(data)):
            assert not verify({**files, name: flipped(data, at)}).passed, (name, at)
