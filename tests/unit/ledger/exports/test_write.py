"""An export is written only if it will verify, and never over another."""

from dataclasses import replace
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.exports.files import Folder, Memory
from clinical_assets.ledger.exports.proving import Range, Selection, Source
from clinical_assets.ledger.exports.verify import verify_export
from clinical_assets.ledger.exports.write import write_export
from clinical_assets.ledger.merkle import leaf_hash
from clinical_assets.ledger.verification import Row
from tests.unit.ledger.examples import KEY, ORIGIN, note, rows
from tests.unit.ledger.exports.folders import AT, KEPT, NOTES, export, node_of, story, verify

KEYS: list[PublicKey] = [KEY.public]
WHOLE = Range()


def write(kept: list[Row], what: Range | Selection = WHOLE, notes: list[str] = NOTES) -> Memory:
    files = Memory()
    source = Source(ORIGIN, notes, KEYS, node_of(KEPT))
    write_export(files, source, what, kept, ["csv"], exported_at=AT, software="s")
    return files


def test_a_whole_ledger_needs_no_reader_of_its_tree() -> None:
    files = Memory()
    source = Source(ORIGIN, NOTES, KEYS)
    made = write_export(files, source, Range(), KEPT, [], exported_at=AT, software="s")
    assert (made.kind, made.first, made.entries, made.tree.size) == ("range", 0, 9, 9)
    assert verify_export(files, KEYS).passed
    with pytest.raises(ValueError, match="reader of its tree"):
        write_export(Memory(), source, Range(1), KEPT[1:], [], exported_at=AT, software="s")


def test_the_same_entries_give_the_same_bytes() -> None:
    assert export() == export()
    assert export(signers=[KEY])["manifest.note"] == export(signers=[KEY])["manifest.note"]


def test_only_the_forms_asked_for_are_written_and_the_entries_always() -> None:
    assert set(write(KEPT).content) == {
        "entries.jsonl",
        "entries.csv",
        "leaves.txt",
        "checkpoints.txt",
        "manifest.json",
        "manifest.sha256",
    }
    with pytest.raises(ClinicalError, match=r"not exported as 'pdf'.*Choose among jsonl, csv"):
        export(forms=["pdf"])


def test_old_keys_go_on_to_verify_after_a_rotation() -> None:
    new = SigningKey.generate(ORIGIN)
    notes = [NOTES[0], note(KEPT, 9, new)]
    files = Memory()
    source = Source(ORIGIN, notes, [KEY.public, new.public])
    write_export(files, source, Range(), KEPT, [], exported_at=AT, software="s")
    assert verify(files.content, keys=[KEY, new]).passed
    assert not verify(files.content, keys=[new]).passed


CHANGED = rows([replace(a, reason="other") if i == 4 else a for i, a in enumerate(story())])
SHORT = Row(4, KEPT[4].body[:-1], leaf_hash(KEPT[4].body[:-1]))


@pytest.mark.parametrize(
    ("kept", "what", "notes", "words"),
    [
        (KEPT, Range(), [], "no checkpoint was signed"),
        (KEPT, Range(0, 10), NOTES, "no checkpoint covers entries 0 to 9"),
        (KEPT[:3], Range(5, 3), NOTES, "no checkpoint covers"),
        (KEPT, Range(), NOTES[:1], "entry 3 stands where 3 belongs"),
        (KEPT[:8], Range(), NOTES, "entry 8 is missing"),
        (KEPT[1:], Range(), NOTES, "entry 1 stands where 0 belongs"),
        ([*KEPT[:2], *KEPT[3:]], Range(), NOTES, "entry 3 stands where 2 belongs"),
        (CHANGED, Range(), NOTES, "do not lead to the root"),
        (CHANGED[2:6], Range(2, 6), NOTES, "do not lead to the root"),
        ([CHANGED[4]], Selection("x"), NOTES, "entry 4 does not lead to the root"),
        ([KEPT[4], KEPT[2]], Selection("x"), NOTES, "entry 2 is not covered, or follows 4"),
        ([KEPT[4]], Selection("x"), NOTES[:1], "entry 4 is not covered"),
        ([*KEPT[:4], SHORT, *KEPT[5:]], Range(), NOTES, "cannot be read"),
    ],
)
def test_what_would_not_verify_is_not_exported(
    kept: list[Row], what: Range | Selection, notes: list[str], words: str
) -> None:
    with pytest.raises(ClinicalError, match=words):
        write(kept, what, notes)


def test_a_checkpoint_of_another_ledger_or_key_is_refused() -> None:
    other = SigningKey.generate("other")
    with pytest.raises(ClinicalError, match="of another ledger"):
        Source(ORIGIN, [note(KEPT, 9, other, "other")], [other.public])
    with pytest.raises(ClinicalError, match="No known key signed"):
        Source(ORIGIN, [note(KEPT, 9, other)], KEYS)


def test_a_folder_is_written_once(tmp_path: Path) -> None:
    target = tmp_path / "a/b"
    source = Source(ORIGIN, NOTES, KEYS)
    write_export(Folder.new(target), source, Range(), KEPT, ["html"], exported_at=AT, software="s")
    assert verify_export(Folder(target), KEYS).passed
    with pytest.raises(ClinicalError, match="empty folder"):
        Folder.new(target)
    with pytest.raises(FileExistsError):
        Folder(target).create("manifest.json")
