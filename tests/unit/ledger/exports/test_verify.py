"""What an intruder does to an export is found, and the first entry concerned is named."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey, read, sign_text
from clinical_assets.ledger.exports.files import Folder, Memory
from clinical_assets.ledger.exports.manifest import note_text
from clinical_assets.ledger.exports.proving import Range, Selection
from clinical_assets.ledger.exports.verify import verify_export
from clinical_assets.ledger.verification import Row
from tests.unit.ledger.examples import KEY, ORIGIN, note, rows
from tests.unit.ledger.exports.folders import (
    ALL,
    KEPT,
    NOTES,
    Files,
    export,
    leaf_line,
    lines,
    rewritten,
    story,
    verify,
)

GOLDEN = Path(__file__).parents[3] / "golden/ledger-export-v1"
WHOLE = export()
SIGNED = export(signers=[KEY])
PART = export(Range(3, 7))
PICKED = export(Selection("numbers 2, 6 and 8"))
PICKED_SIGNED = export(Selection("numbers 2, 6 and 8"), signers=[KEY])
STRANGER = SigningKey.generate(ORIGIN)
FORGED = rows([replace(a, reason="another") if i == 1 else a for i, a in enumerate(story())])
FORGED_NOTES = [note(FORGED, 3), note(FORGED, 9)]


@pytest.mark.parametrize("which", ["range", "selection"])
def test_exports_of_version_1_verify_for_ever(which: str) -> None:
    """Also that every view is still written as the first version wrote it."""
    key = PublicKey.parse((GOLDEN / "key.txt").read_text())
    report = verify_export(Folder(GOLDEN / which), [key])
    assert report.problems == ()
    assert report.signed_by == (ORIGIN,)
    assert report.entries == {"range": 9, "selection": 3}[which]
    assert len(report.equal) == len(ALL)


def test_an_untouched_export_holds_and_says_what_it_cannot_show() -> None:
    report = verify(WHOLE, [NOTES[0]])
    assert report.passed
    assert report.first_bad is None
    assert (report.entries, report.checkpoints, report.witnessed) == (9, 3, 1)
    assert report.open_acts == (5,)
    assert set(report.equal) == set(WHOLE) - {
        "manifest.json",
        "manifest.sha256",
        "checkpoints.txt",
        "leaves.txt",
    }
    assert [limit.split(":")[0] for limit in report.limits] == ["The manifest is not signed"]
    signed = verify(SIGNED, [NOTES[0]])
    assert (signed.signed_by, signed.limits) == ((ORIGIN,), ())
    assert "No checkpoint from a witness" in verify(SIGNED).limits[0]
    assert "Nothing shows that the selection is complete" in verify(PICKED).limits


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_part_of_every_ledger_verifies_alone(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    kept = rows([story()[i % 9] for i in range(size)])
    sizes = data.draw(st.lists(st.integers(0, size), max_size=3))
    notes = [note(kept, s) for s in (*sizes, size)]
    first = data.draw(st.integers(0, size))
    end = data.draw(st.integers(first, size))
    part = export(Range(first, end), kept=kept, notes=notes, forms=["csv"])
    report = verify(part, notes)
    assert report.problems == ()
    assert report.entries == end - first
    picked = data.draw(st.sets(st.integers(0, size - 1)))
    some = export(
        Selection("some"), kept=kept, notes=notes, forms=[], picked=lambda r: r.seq in picked
    )
    report = verify(some, notes)
    assert report.problems == ()
    assert report.entries == len(picked)


def entry_changed(files: Files, at: int, old: bytes, new: bytes, *, leaf: bool) -> Files:
    kept, leaves = lines(files, "entries.jsonl"), lines(files, "leaves.txt")
    assert old in kept[at]
    kept[at] = kept[at].replace(old, new)
    if leaf:
        leaves[at] = leaf_line(kept[at].removesuffix(b"\n"))
    return {**files, "entries.jsonl": b"".join(kept), "leaves.txt": b"".join(leaves)}


def each(files: Files, change: Callable[[list[bytes]], Sequence[bytes]], *names: str) -> Files:
    return {**files, **{name: b"".join(change(lines(files, name))) for name in names}}


BOTH = ("entries.jsonl", "leaves.txt")
WITH_PROOFS = ("entries.jsonl", "proofs.jsonl")
# Each with a manifest that the intruder wrote anew; the entry that has to be named first.
ATTACKS: dict[str, tuple[Files, int]] = {
    "a changed byte": (entry_changed(WHOLE, 2, b"632", b"633", leaf=False), 2),
    "a changed byte and its leaf": (entry_changed(WHOLE, 2, b"632", b"633", leaf=True), 0),
    "no JSON": (entry_changed(WHOLE, 4, b"{", b"", leaf=True), 4),
    "another leaf": (each(WHOLE, lambda k: [*k[:5], k[4], *k[6:]], "leaves.txt"), 5),
    "a deleted row": (each(WHOLE, lambda k: [*k[:2], *k[3:]], *BOTH), 2),
    "the first row deleted": (each(WHOLE, lambda k: k[1:], *BOTH), 0),
    "swapped rows": (each(WHOLE, lambda k: [k[0], k[2], k[1], *k[3:]], *BOTH), 1),
    "an inserted row": (each(WHOLE, lambda k: [*k[:3], k[2], *k[3:]], *BOTH), 3),
    "a cut tail": (each(WHOLE, lambda k: k[:6], *BOTH), 6),
    "a longer tail": (each(WHOLE, lambda k: [*k, k[8].replace(b'"seq":8', b'"seq":9')], *BOTH), 9),
    "everything cut": (each(WHOLE, lambda k: [], *BOTH), 0),
    "two lines joined": (entry_changed(WHOLE, 3, b"}\n", b"}", leaf=False), 3),
    "a part: a changed byte": (entry_changed(PART, 2, b"632", b"633", leaf=True), 3),
    "a part: a deleted row": (each(PART, lambda k: [*k[:2], *k[3:]], *BOTH), 5),
    "a part: a cut tail": (each(PART, lambda k: k[:2], *BOTH), 5),
    "picked: a changed byte": (
        each(
            PICKED, lambda k: [k[0], k[1].replace(b"approval", b"Approval"), k[2]], WITH_PROOFS[0]
        ),
        6,
    ),
    "picked: a deleted row": (each(PICKED, lambda k: [k[0], k[2]], WITH_PROOFS[0]), 8),
    "picked: swapped rows": (each(PICKED, lambda k: [k[0], k[2], k[1]], *WITH_PROOFS), 6),
    "picked: an entry twice": (each(PICKED, lambda k: [*k, k[2]], *WITH_PROOFS), 8),
    "picked: a proof altered": (
        each(
            PICKED, lambda k: [k[0].replace(b'"proof":["', b'"proof":["00'), *k[1:]], "proofs.jsonl"
        ),
        2,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_with_a_fitting_manifest_is_found_and_its_entry_named(name: str) -> None:
    files, first = ATTACKS[name]
    report = verify(rewritten(files))
    assert not report.passed
    assert report.first_bad == first, [str(p) for p in report.problems]


def test_an_attack_with_a_fitting_number_of_entries_is_found() -> None:
    for name, (files, _) in ATTACKS.items():
        count = len(lines(files, "entries.jsonl"))
        assert not verify(rewritten(files, entries=count)).passed, name


VIEWS = sorted(set(WHOLE) - {"manifest.json", "manifest.sha256", "checkpoints.txt", *BOTH})


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("files", [WHOLE, PART, PICKED], ids=["whole", "part", "picked"])
def test_an_edited_view_is_found_though_its_digest_was_written_anew(
    files: Files, view: str
) -> None:
    seq = 6
    assert b"approval" in files[view]
    edited = {**files, view: files[view].replace(b"approval", b"review")}
    [problem] = verify(rewritten(edited)).problems
    assert (problem.seq, problem.what) == (seq, f"{view} does not show it as it is")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_was_cut_or_goes_on_is_found(view: str) -> None:
    for data in (WHOLE[view][:-1], WHOLE[view] + b"x", b"x" + WHOLE[view], b""):
        report = verify(rewritten({**WHOLE, view: data}))
        assert [view in p.what for p in report.problems] == [True]


def test_a_history_rewritten_with_all_hashes_is_found() -> None:
    forged = export(kept=FORGED, notes=FORGED_NOTES)
    assert verify(forged).passed  # by the stolen key
    old = {**forged, "checkpoints.txt": WHOLE["checkpoints.txt"]}
    report = verify(rewritten(old, tree=json.loads(WHOLE["manifest.json"])["tree"]))
    assert (report.first_bad, "another root" in report.problems[0].what) == (0, True)


@pytest.mark.parametrize("at", [0, 1], ids=["older", "newest"])
@pytest.mark.parametrize("what", [Range(), Range(0, 5), Range(4, 7), Range(5), Selection("x")])
def test_a_history_rewritten_with_the_stolen_key_is_found_by_a_witness(
    what: Range | Selection, at: int
) -> None:
    forged = export(what, kept=FORGED, notes=FORGED_NOTES)
    assert verify(forged, [FORGED_NOTES[at]]).passed
    report = verify(forged, [NOTES[at]])
    assert report.first_bad is not None
    assert "witnessed checkpoint" in report.problems[0].what


@pytest.mark.parametrize("what", [Range(), Range(2, 3), Selection("x")])
def test_a_tail_cut_with_its_checkpoints_is_found_by_a_witness(what: Range | Selection) -> None:
    short = export(what, kept=KEPT[:3], notes=NOTES[:1])
    assert verify(short).passed
    report = verify(short, [NOTES[1]])
    assert [str(p) for p in report.problems] == [
        "entry 3: is the first that is missing: a witness holds a checkpoint of 9 entries"
    ]


def test_a_witness_that_cannot_be_compared_is_no_pass() -> None:
    between = note(KEPT, 8)
    [problem] = verify(PART, [between]).problems
    assert "cannot be compared" in problem.what
    assert verify(export(Range(3, 7), notes=[*NOTES, between]), [between]).passed
    assert verify(WHOLE, [between]).passed


def test_a_wrong_key_is_found_and_no_key_of_the_export_is_believed() -> None:
    assert not verify(WHOLE, keys=[STRANGER]).passed
    assert not verify(WHOLE, keys=[]).passed
    forged_notes = [note(FORGED, 9, STRANGER)]
    forged = export(kept=FORGED, notes=forged_notes, key=STRANGER)
    assert verify(forged, keys=[STRANGER]).passed
    report = verify(forged)
    assert any("No known key signed" in p.what for p in report.problems)
    assert not verify(WHOLE, [note(KEPT, 3, STRANGER)]).passed


@pytest.mark.parametrize("what", [Range(), Range(3, 7), Selection("x")])
def test_entries_after_the_last_signed_checkpoint_are_not_taken(what: Range | Selection) -> None:
    """Whoever holds the database appends what he likes; only a checkpoint makes it count."""
    files = export(what, notes=[NOTES[0], note(KEPT, 9)])
    files["checkpoints.txt"] = NOTES[0].encode()
    report = verify(rewritten(files))
    assert [p.what.startswith("no checkpoint signed by a key") for p in report.problems] == [True]


def test_a_checkpoint_of_another_ledger_is_found() -> None:
    other = SigningKey.generate("other")
    report = verify(WHOLE, [note(KEPT, 3, other, "other")], keys=[KEY, other])
    assert "is of ledger 'other'" in report.problems[0].what
    renamed = verify(rewritten(WHOLE, origin="other"))
    assert any("is of ledger" in p.what for p in renamed.problems)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_a_missing_file_is_found(name: str) -> None:
    report = verify({n: data for n, data in SIGNED.items() if n != name})
    if name == "manifest.note":
        assert report.passed
        assert report.signed_by == ()
        return
    assert [p for p in report.problems if name in p.what]


@pytest.mark.parametrize(
    "name", ["notes.txt", "sub/entries.jsonl", "proofs.jsonl", "Entries.jsonl"]
)
def test_a_file_that_does_not_belong_is_found(name: str) -> None:
    assert [p.what for p in verify({**WHOLE, name: b""}).problems] == [
        f"{name!r} is no file of this export"
    ]


LISTED = json.loads(WHOLE["manifest.json"])["files"]
MANIFESTS: dict[str, dict[str, Any]] = {
    "another first": {"first": 1},
    "one entry less": {"entries": 8},
    "one entry more": {"entries": 10},
    "fewer than none": {"entries": -1},
    "another kind": {"kind": "selection"},
    "an older tree": {"tree": {"size": 3, "root": read(NOTES[0]).root.hex()}},
    "a short root": {"tree": {"size": 9, "root": "00"}},
    "a huge tree": {"tree": {"size": 2**53 - 1, "root": "0" * 64}},
    "a peak more": {"frontier": ["0" * 64]},
    "another time": {"exported_at": "2026-12-02T08:00:00.000000Z"},
    "no time": {"exported_at": "today"},
    "another software": {"software": "0.2.0"},
    "a selection that is none": {"selected_by": "everything"},
    "another format": {"format": "clinical-ledger-export/2"},
    "a member more": {"extra": 1},
    "entries unlisted": {"files": LISTED[1:]},
    "entries twice": {"files": [*LISTED, LISTED[0]]},
    "an unknown form": {"files": [LISTED[0] | {"form": "html/99"}, *LISTED[1:]]},
    "the form of another": {"files": [LISTED[0] | {"form": "csv/1"}, *LISTED[1:]]},
    "another media type": {"files": [LISTED[0] | {"media_type": "text/html"}, *LISTED[1:]]},
    "a part's media type": {"files": [*LISTED[:-1], LISTED[-1] | {"media_type": "text/html"}]},
    "a name that leaves": {"files": [LISTED[0] | {"name": "../entries.jsonl"}, *LISTED[1:]]},
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_an_altered_manifest_is_found_with_and_without_its_digest(name: str) -> None:
    again = rewritten(WHOLE, **MANIFESTS[name])
    assert not verify(again).passed
    assert not verify({**again, "manifest.sha256": WHOLE["manifest.sha256"]}).passed


def test_a_signed_manifest_binds_what_entries_do_not_show() -> None:
    fewer = each(PICKED_SIGNED, lambda k: [k[0], k[2]], *WITH_PROOFS)
    for view in set(fewer) & set(VIEWS):
        del fewer[view]
    files = [f for f in json.loads(fewer["manifest.json"])["files"] if f["name"] in fewer]
    cut = rewritten(fewer, entries=2, files=files)
    assert [p.what for p in verify(cut).problems] == [
        "manifest.note was signed for another manifest"
    ]
    unsigned = {n: d for n, d in cut.items() if n != "manifest.note"}
    report = verify(unsigned)
    assert report.passed  # nothing else could show it, and that is said
    assert "Nothing shows that the selection is complete" in report.limits


@pytest.mark.parametrize(
    "signature",
    [
        b"\xff",
        b"",
        sign_text(note_text(SIGNED["manifest.json"]), [STRANGER]).encode(),
        WHOLE["checkpoints.txt"],
    ],
)
def test_a_bad_signature_of_the_manifest_is_found(signature: bytes) -> None:
    report = verify({**SIGNED, "manifest.note": signature})
    assert [p for p in report.problems if "manifest.note" in p.what]
    assert report.signed_by == ()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIGNED)), st.binary(max_size=60), st.booleans())
def test_no_content_of_a_file_ends_the_verification_with_an_exception(
    name: str, data: bytes, fitting: bool
) -> None:
    changed = {**SIGNED, name: data}
    if fitting and not name.startswith("manifest."):
        changed = rewritten(changed)
    assert not verify(changed).passed


def test_a_folder_is_read_and_a_link_in_it_is_refused(tmp_path: Path) -> None:
    for name, data in WHOLE.items():
        (tmp_path / name).write_bytes(data)
    assert verify_export(Folder(tmp_path), [KEY.public]).passed
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/more.txt").write_bytes(b"")
    [problem] = verify_export(Folder(tmp_path), [KEY.public]).problems
    assert "empty/more.txt" in problem.what
    (tmp_path / "empty/more.txt").unlink()
    (tmp_path / "entries.csv").rename(tmp_path.parent / "elsewhere.csv")
    (tmp_path / "entries.csv").symlink_to(tmp_path.parent / "elsewhere.csv")
    report = verify_export(Folder(tmp_path), [KEY.public])
    assert any("not a regular file" in p.what for p in report.problems)
    with pytest.raises(ClinicalError, match="no folder"):
        verify_export(Folder(tmp_path / "nowhere"), [KEY.public])


def test_a_damaged_frontier_is_found() -> None:
    part = export(Range(3))
    peaks = json.loads(part["manifest.json"])["frontier"]
    report = verify(rewritten(part, frontier=[peaks[1], peaks[0]]))
    assert report.first_bad is not None
    [row] = [r for r in KEPT if r.seq == 3]
    assert isinstance(row, Row)
    assert verify_export(Memory(part), [KEY.public]).passed
