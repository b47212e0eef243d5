"""Publishing: a witness that holds another history stops it, with nothing signed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, sign
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.key_changes import probe_key, rotate_key
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.ledger_verifying import verify_own
from resources.witnesses import notes as notes_module
from resources.witnesses import witness as witness_module
from resources.witnesses.witness import parse_witness
from resources.witnessing import Witnessing


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger_at(f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys", tmp_path)
    opened.record("run.started", Subject("run", "r-1"), Nothing())
    return opened


@pytest.fixture
def witnessing(ledger: Ledger, tmp_path: Path) -> Witnessing:
    addresses = (f"folder:{tmp_path}/one", f"folder:{tmp_path}/two")
    return Witnessing.of(ledger, LedgerKeys(tmp_path / "keys"), addresses, {})


def kept(folder: Path) -> list[str]:
    """Checkpoints of the database, of both witnesses, and on their way."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        signed = [note for (note,) in database.execute("SELECT note FROM ledger_checkpoints")]
    return sorted([*signed, *(str(path) for path in folder.rglob("*.note"))])


def refused(witnessing: Witnessing) -> str:
    with pytest.raises(ClinicalError, match="has seen another history") as caught:
        witnessing.publish()
    return str(caught.value)


def test_what_a_witness_contradicts_is_not_signed_again(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    assert witnessing.publish().behind == ()
    origin, size = ledger.store.origin, ledger.store.head().size
    key = LedgerKeys(tmp_path / "keys").signing(origin)
    lies = [
        sign(Checkpoint(origin, size, bytes(32)), [key]),
        sign(Checkpoint(origin, size + 50, bytes(32)), [key]),
    ]
    other = parse_witness(f"folder:{tmp_path}/two")
    for number, lie in enumerate(lies, start=1):
        other.publish(lie)
        before = kept(tmp_path)
        refused(witnessing)
        assert "Nothing is published until it is looked into" in refused(witnessing)
        assert kept(tmp_path) == before
        found = ledger.reader.proven(Wanted(action="ledger.contradicted"))
        assert len(found) == number, "written down once for each contradiction"
        assert found[-1].act.outcome == "refused"
    assert len(ledger.reader.proven(Wanted(action="ledger.witnessed"))) == 2
    with pytest.raises(ClinicalError, match="another history"):
        rotate_key(witnessing, "yearly")
    assert kept(tmp_path) == before


def test_an_older_copy_that_was_put_back_is_not_signed_on_top_of(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        database.execute(f"VACUUM INTO '{tmp_path}/older.db'")
    ledger.record("run.started", Subject("run", "r-2"), Nothing())
    assert verify_own(ledger).passed
    ledger.store.engine.close()
    ledger_module._opened.clear()
    for extra in ("-wal", "-shm"):
        (tmp_path / f"ledger.db{extra}").unlink(missing_ok=True)
    (tmp_path / "older.db").replace(tmp_path / "ledger.db")
    where = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys", tmp_path
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        open_ledger_at(*where)
    again = open_ledger_at(*where, older=True)
    put_back = Witnessing.of(again, LedgerKeys(tmp_path / "keys"), (f"folder:{tmp_path}/one",), {})
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        put_back.publish()
    assert not list((tmp_path / "one").rglob("*.note"))


def test_what_no_trusted_key_signed_is_told_and_stops_nothing(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    """Whoever can write at a witness must neither stop releases nor hide what it holds."""
    witnessing.publish()
    origin, size = ledger.store.origin, ledger.store.head().size
    key = LedgerKeys(tmp_path / "keys").signing(origin)
    folder = next((tmp_path / "two").iterdir())
    (folder / f"{10**15}-garbage.note").write_bytes(b"\xff no checkpoint")
    stranger = SigningKey.generate(origin)
    other = parse_witness(f"folder:{tmp_path}/two")
    for number in range(7):
        other.publish(sign(Checkpoint(origin, 10**14 + number, bytes(32)), [stranger]))
    ledger.record("run.started", Subject("run", "r-2"), Nothing())
    published = witnessing.publish()
    assert published.size > size
    assert published.findings[-1] == "5 more such notes"
    assert "No known key signed the checkpoint of 100000000000000" in published.findings[0]
    assert all(finding in published.told for finding in published.findings)
    assert ledger.reader.proven(Wanted(action="ledger.contradicted")) == []
    assert len(witnessing.asked().notes) == 2 * 2 + 8
    assert len(witnessing.evidence().notes) == 2 * 2
    # A note of the ledger's own key is found below all of it.
    other.publish(sign(Checkpoint(origin, size + 500, bytes(32)), [key]))
    assert "is the first that is missing" in refused(witnessing)


def test_notes_of_a_stolen_key_and_old_ones_hide_no_newer_one(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    origin, keys = ledger.store.origin, LedgerKeys(tmp_path / "keys")
    for number in range(6):
        ledger.record("run.started", Subject("run", f"o-{number}"), Nothing())
        witnessing.publish()
    old = witnessing.asked().notes
    thief = keys.signing(origin)
    before, _ = rotate_key(witnessing, "stolen")
    lie = sign(Checkpoint(origin, 5000, bytes(32)), [keys.signing(origin)])
    parse_witness(f"folder:{tmp_path}/two").publish(lie)
    assert witnessing.contradictions()
    other = parse_witness(f"folder:{tmp_path}/two")
    for number in range(9):
        other.publish(sign(Checkpoint(origin, 10**15 + number, bytes(32)), [thief]))
    folder = next((tmp_path / "two").iterdir())
    for number, note in enumerate(old):  # good notes, under names that put them last
        (folder / f"{2 * 10**15 + number}-{number:064d}.note").write_text(note, encoding="utf-8")
    keys.withdraw(str(before))
    assert [p.seq for p in witnessing.contradictions()] == [ledger.store.head().size]


def test_a_flooded_witness_counts_as_silent(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (notes_module, witness_module):
        monkeypatch.setattr(module, "MOST_READ", 12)
    witnessing.publish()
    folder = next((tmp_path / "two").iterdir())
    for number in range(12):
        (folder / f"{10**15 + number}-x.note").write_text("x")
    published = witnessing.publish()
    assert published.silent == (f"folder:{tmp_path}/two",)


def test_a_witness_that_does_not_answer_does_not_agree(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "one").write_text("in the way")
    name = f"folder:{tmp_path}/one"
    published = witnessing.publish()
    assert published.silent == (name,)
    assert f"{name} did not say whether it agrees" in published.told
    acts = [e.act for e in ledger.reader.proven(Wanted(action="ledger.witnessed"))]
    assert ["did not answer" in act.reason for act in acts] == [True, False]


def test_a_silent_witness_stops_nobody(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path
) -> None:
    origin = ledger.store.origin
    (tmp_path / "one").write_text("in the way")
    published = witnessing.publish()
    assert [behind.witness for behind in published.behind] == [f"folder:{tmp_path}/one"]
    outcomes = [e.act.outcome for e in ledger.reader.proven(Wanted(action="ledger.witnessed"))]
    assert outcomes == ["failed", "done"]
    (tmp_path / "one").unlink()
    assert witnessing.publish().behind == ()
    assert len(parse_witness(f"folder:{tmp_path}/one").notes(origin)) == 2


def test_a_new_key_is_on_record_before_it_signs(
    witnessing: Witnessing, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, keys = ledger.store.origin, LedgerKeys(tmp_path / "keys")
    old, new = rotate_key(witnessing, "yearly")
    acts = [e.act for e in ledger.reader.proven(Wanted(subject_kind="key"))][1:]
    assert [(act.action, act.outcome, act.subject.id) for act in acts] == [
        ("key.created", "intended", str(new)),
        ("key.retired", "intended", str(old)),
        ("key.retired", "done", str(old)),
        ("key.created", "done", str(new)),
    ]
    assert acts[2].details == Change("ledger-signing key", str(old), str(new))
    assert {act.reason for act in acts} == {"yearly"}
    assert keys.signing(origin).public == new
    # Where it cannot be written down, no key is changed; where the change fails, that is told.
    append = ledger.store.append

    def full(acts: object) -> None:
        raise ClinicalError("full", repair="Free space")

    monkeypatch.setattr(ledger.store, "append", full)
    with pytest.raises(ClinicalError, match="full"):
        rotate_key(witnessing, "again")
    assert keys.signing(origin).public == new
    monkeypatch.setattr(ledger.store, "append", append)
    monkeypatch.setattr(LedgerKeys, "_put", full_disk)
    with pytest.raises(ClinicalError, match="full"):
        rotate_key(witnessing, "again")
    assert keys.signing(origin).public == new
    created, retired, *failed = ledger.reader.proven(Wanted(subject_kind="key"))[-4:]
    assert [entry.act.outcome for entry in failed] == ["failed", "failed"]
    assert {probe_key(keys, origin, entry) for entry in (created, retired)} == {"absent"}
    first = ledger.reader.proven(Wanted(subject_kind="key"))[1]
    assert probe_key(keys, origin, first) == "found"
    monkeypatch.undo()
    rotate_key(witnessing, "again")
    assert probe_key(keys, origin, first) == "cannot be told"  # trusted, and no longer in force


def full_disk(*_: object) -> None:
    raise ClinicalError("full", repair="Free space")
