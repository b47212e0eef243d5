"""Backups: whole or not there, verified offline, restored as they were, losses never hidden."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import MANIFEST, parse_backup_manifest
from clinical_assets.ledger.actions import Bytes, Nothing, Reconciled, Rows
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, read, sign
from clinical_assets.ledger.entry import Actor, Subject, read_entry
from clinical_assets.ledger.losses import losses_in, unexplained
from clinical_assets.ledger.verification import verify_ledger
from resources import ledger as ledger_module
from resources.actors import acting
from resources.backups import making, restoring
from resources.backups.drill import drill_backup
from resources.backups.files import file_sha256
from resources.backups.losses import acknowledge_loss
from resources.backups.making import Made, make_backup
from resources.backups.reader import verify_backup
from resources.backups.restoring import Restored, restore_backup
from resources.delta.lake import Lake
from resources.key_changes import rotate_key
from resources.ledger import Ledger, open_ledger
from resources.ledger_database import copy
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.ledger_memory import contradicts_seen
from resources.ledger_verifying import verify_own
from resources.package_store import PackageStore
from resources.people.claims import Claim
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore
from resources.witnesses.notes import NoteStore
from resources.witnessing import Witnessing
from tests.unit.resources.conftest import BUCKET
from tests.unit.resources.faults import object_path
from tests.unit.resources.small_store import (
    Filled,
    drop_database,
    fill,
    frame,
    postgresql_database,
    settings_of,
    words_in,
)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(copy, "SEGMENT", 4)
    yield
    ledger_module._opened.clear()


@pytest.fixture
def settings(tmp_path: Path, filled: Filled) -> Settings:
    shutil.copytree(filled.store, tmp_path / "store")
    return settings_of(tmp_path / "store")


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return open_ledger(settings)


@pytest.fixture
def made(settings: Settings, ledger: Ledger, tmp_path: Path) -> Made:
    return make_backup(settings, ledger, tmp_path / "backup")


def keys(ledger: Ledger):
    return list(ledger.store.keys.trusted())


def nobody_to_ask() -> Claim:
    raise AssertionError("Nobody is enrolled, so nobody is asked")


def restore(
    made: Made,
    target: Settings,
    trusted: list,
    **more: object,  # type: ignore[type-arg]
) -> Restored:
    arguments = {"keys": trusted, "claim": nobody_to_ask, "reason": "The disk failed", **more}
    return restore_backup(target, made.folder, lambda: open_ledger(target, older=True), **arguments)  # type: ignore[arg-type]


def more(ledger: Ledger, count: int) -> None:
    for number in range(count):
        ledger.record("run.started", Subject("run", f"later-{number}"), Nothing())


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): file_sha256(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith((".lock", "-shm"))
    }


def test_a_backup_holds_everything_and_says_so(made: Made, settings: Settings) -> None:
    stores = {path.split("/")[0] for path in made.manifest.files}
    assert stores == {"ledger", "lake", "snapshots", "packages", "mlflow", "dagster", "keys"}
    assert made.manifest.left_out == ()
    assert "mlflow/artifacts/1/card.md" in made.manifest.files
    assert sum(path.startswith("ledger/entries-") for path in made.manifest.files) > 1
    assert words_in(made.folder / "dagster/storage/runs.db") == "dagster"


def test_no_private_key_is_in_it(made: Made, settings: Settings) -> None:
    private = [p.read_bytes() for p in settings.keys.rglob("*.pem") if b"PRIVATE" in p.read_bytes()]
    assert private
    for path in made.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"PRIVATE" not in data
            assert not any(secret in data for secret in private)


def test_a_private_key_among_the_public_ones_is_refused(
    settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    shutil.copy(settings.keys / "package-signing.pem", settings.keys / "trusted/x.pem")
    with pytest.raises(ClinicalError, match="private key lies where only public"):
        make_backup(settings, ledger, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_it_is_written_down_before_and_after(made: Made, ledger: Ledger) -> None:
    before, after = ledger.reader.proven(Wanted(action="backup.made"))
    assert (before.act.outcome, after.act.outcome) == ("intended", "done")
    assert after.act.subject.sha256 == file_sha256(made.folder / MANIFEST)
    assert after.act.details.root == made.manifest.root
    assert after.act.details.size == made.manifest.size == before.seq + 1


def test_it_verifies_from_the_folder_alone(made: Made, ledger: Ledger, settings: Settings) -> None:
    trusted = keys(ledger)
    shutil.rmtree(settings.store)
    report = verify_backup(made.folder, trusted)
    assert (report.passed, report.established, report.problems) == (True, True, ())
    assert not verify_backup(made.folder).established
    assert verify_backup(made.folder).passed


def test_another_key_did_not_make_it(made: Made) -> None:
    stranger = SigningKey.generate(made.manifest.origin).public
    report = verify_backup(made.folder, [stranger])
    assert not report.passed
    assert "No known key signed" in report.problems[0]


def test_any_changed_missing_or_added_file_is_found(made: Made) -> None:
    for path in [*made.manifest.files, MANIFEST, "manifest.note"]:
        target = made.folder / path
        data, mode = target.read_bytes(), target.stat().st_mode
        target.chmod(0o600)
        target.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        assert not verify_backup(made.folder).passed, path
        target.unlink()
        assert not verify_backup(made.folder).passed, path
        target.write_bytes(data)
        target.chmod(mode)
    (made.folder / "ledger/more").write_text("x")
    assert verify_backup(made.folder).problems == ("ledger/more is not listed",)
    (made.folder / "ledger/more").unlink()
    (made.folder / "snapshots/link").symlink_to("/etc/hostname")
    assert verify_backup(made.folder).problems == ("snapshots/link is not listed",)
    (made.folder / "snapshots/link").unlink()
    assert verify_backup(made.folder).passed


def test_a_manifest_made_to_fit_is_not_signed(made: Made) -> None:
    card = made.folder / "mlflow/artifacts/1/card.md"
    card.write_text("A better card")
    old = made.manifest.files["mlflow/artifacts/1/card.md"]
    data = (made.folder / MANIFEST).read_bytes()
    forged = data.replace(old.sha256.encode(), file_sha256(card).encode())
    forged = forged.replace(b'{"bytes":%d' % old.bytes, b'{"bytes":%d' % card.stat().st_size)
    (made.folder / MANIFEST).write_bytes(forged)
    assert "The manifest is not the one that was signed" in verify_backup(made.folder).problems


def test_unsafe_names_are_refused() -> None:
    from clinical_assets.evidence.backup_manifest import FORMAT, BackupFile, BackupManifest

    for path in ("../x", "lake/../../x", "/etc/x", "lake//x", "lake/a\nb", "x", "other/x"):
        one = {path: BackupFile("a" * 64, 1)}
        manifest = BackupManifest(FORMAT, "t", "s", "o", 1, "r", one, ())
        with pytest.raises(ClinicalError, match="may not lie in a backup"):
            parse_backup_manifest(manifest.to_bytes())


def test_it_is_never_written_over_anything(made: Made, settings: Settings, ledger: Ledger) -> None:
    before = digests(made.folder)
    with pytest.raises(ClinicalError, match="something already"):
        make_backup(settings, ledger, made.folder)
    assert digests(made.folder) == before


def test_the_next_backup_links_what_is_unchanged(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    SnapshotStore(settings.snapshots_url).put(b"a new file")
    second = make_backup(settings, ledger, tmp_path / "second", previous=made.folder)
    assert verify_backup(second.folder, keys(ledger)).passed
    package = next(path for path in second.manifest.files if path.startswith("packages/"))
    assert (second.folder / package).samefile(made.folder / package)
    first = "ledger/entries-000000000000.jsonl"
    assert (second.folder / first).samefile(made.folder / first)
    # A file that decayed in the old backup is copied afresh.
    (made.folder / package).chmod(0o600)
    (made.folder / package).write_bytes(b"decayed")
    third = make_backup(settings, ledger, tmp_path / "third", previous=made.folder)
    assert verify_backup(third.folder, keys(ledger)).passed
    assert not (third.folder / package).samefile(made.folder / package)


def test_work_may_go_on_while_it_is_made(
    settings: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, store = Lake(settings.lake_url), SnapshotStore(settings.snapshots_url)

    def work(number: int) -> None:
        pin = lake.append("m/table", frame(number))
        about = Subject("table", pin.table, str(pin.version), pin.sha256)
        ledger.record("table.written", about, Rows(pin.rows))
        digest = store.put(b"%d" % number)
        ledger.record("snapshot.written", Subject("snapshot", digest, sha256=digest), Bytes(1))

    def copy_ledger(*arguments: object) -> object:
        work(100)
        copied = copy.copy_ledger(*arguments)  # type: ignore[arg-type]
        work(200)
        return copied

    monkeypatch.setattr(making, "copy_ledger", copy_ledger)
    made = make_backup(settings, ledger, tmp_path / "backup")
    drill = drill_backup(settings, made.folder, tmp_path / "trial", keys(ledger))
    assert drill.problems == ()
    # What was stored after the ledger was copied came along; what it names is all there.
    assert drill.record.table_versions == 6
    named = [read_entry(row.body).act for row in verify_backup(made.folder).copy.rows()]
    written = [act.subject.version for act in named if act.action == "table.written"]
    assert written == ["0", "1", "2", "3", "4"]
    for act in named:
        if act.action == "snapshot.written":
            assert f"snapshots/{act.subject.id[:2]}/{act.subject.id}" in made.manifest.files


def test_a_damaged_store_is_named_and_not_backed_up(
    settings: Settings, ledger: Ledger, tmp_path: Path, filled: Filled
) -> None:
    path = object_path(SnapshotStore(settings.snapshots_url), filled.snapshot)
    path.chmod(0o600)
    path.write_bytes(b"another file")
    with pytest.raises(ClinicalError, match=f"A store is damaged.*{filled.snapshot}"):
        make_backup(settings, ledger, tmp_path / "backup")
    assert list(tmp_path.glob("*backup*")) == []
    assert ledger.reader.proven(Wanted(action="backup.made"))[-1].act.outcome == "failed"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entries SET body = CAST(replace(body, 'm/table', 'm/tabla') AS BLOB)",
        "DELETE FROM ledger_entries WHERE seq = 3",
    ],
)
def test_a_changed_ledger_is_not_backed_up(
    settings: Settings, ledger: Ledger, tmp_path: Path, change: str
) -> None:
    file = settings.ledger_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as opened:
        for trigger in ("update", "delete"):
            opened.execute(f"DROP TRIGGER ledger_entries_no_{trigger}")
        opened.execute(change)
        opened.commit()
    with pytest.raises(ClinicalError):
        make_backup(settings, ledger, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_everything_comes_back(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, filled: Filled
) -> None:
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    done = restore(made, target, keys(ledger))
    assert (done.lost, done.aside) == (None, ())
    for name in ("lake", "snapshots", "packages"):
        old = {
            path: digest
            for path, digest in digests(settings.store / name).items()
            if not path.endswith(("_last_checkpoint", ".swept"))
        }
        assert digests(target.store / name) == old
    assert words_in(target.store / "mlflow/mlflow.db") == "mlflow"
    assert words_in(target.dagster_home / "storage/runs.db") == "dagster"
    lake = Lake(target.lake_url)
    assert lake.read("m/table")["row"].to_list() == [6, 7, 8, 9, 10, 11]
    assert SnapshotStore(target.snapshots_url).get(filled.snapshot)
    assert PackageStore(target.packages, target.keys).problems(filled.package) == ()
    lake.append("m/table", lake.read("m/table"))  # it goes on being used
    now = open_ledger(target)
    entries = [e.act for e in now.reader.proven(Wanted(action="backup.restored"))]
    assert [act.outcome for act in entries] == ["intended", "done"]
    assert entries[1].reason == "The disk failed"
    assert entries[1].details.size == made.manifest.size
    head = now.store.head()
    assert now.store.origin == ledger.store.origin
    report = verify_ledger(
        now.store.origin, now.reader.rows(), [*now.reader.notes(), head.note], keys(ledger)
    )
    assert report.passed
    assert head.size == made.manifest.size + 3  # the restore, and what became of the backup's act


@pytest.mark.parametrize("renamed", [False, True])
def test_the_act_that_made_the_backup_is_settled_by_its_restore(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, renamed: bool
) -> None:
    folder = made.folder.rename(tmp_path / "elsewhere") if renamed else made.folder
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    restore(replace(made, folder=folder), target, keys(ledger))
    now = open_ledger(target)
    assert now.reader.open_acts() == []
    intended = now.reader.proven(Wanted(action="backup.made"))
    assert [entry.act.outcome for entry in intended] == ["intended"]
    (told,) = now.reader.proven(Wanted(action="ledger.reconciled"))
    assert (told.act.act, told.act.outcome) == (intended[0].act.act, "interrupted")
    assert told.act.details == Reconciled("found")
    assert told.act.subject == Subject("backup", "backup", sha256=made.sha256)
    assert f"Entry {intended[0].seq} (backup.made)" in told.act.reason
    assert verify_own(now).passed


def test_a_restore_needs_a_key_a_reason_and_an_empty_place(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    trusted = keys(ledger)
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    with pytest.raises(ClinicalError, match="without a public key"):
        restore(made, target, [])
    with pytest.raises(ClinicalError, match="A reason is missing"):
        restore(made, target, trusted, reason=" ")
    before = digests(settings.store)
    with pytest.raises(ClinicalError, match="is not empty") as caught:
        restore(made, settings, trusted)
    for name in ("snapshots", "lake", "packages", "dagster", "mlflow.db", "ledger.db"):
        assert name in str(caught.value)
    assert digests(settings.store) == before


def test_a_damaged_backup_is_not_restored(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    (made.folder / "mlflow/artifacts/1/card.md").write_text("A better card")
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    with pytest.raises(ClinicalError, match=r"does not verify: mlflow/artifacts/1/card.md was"):
        restore(made, target, keys(ledger))
    assert not Path(target.ledger_url.removeprefix("sqlite:///")).exists()


def test_a_file_that_changes_after_it_was_verified_is_not_restored(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_then_change(folder: Path, trusted: list) -> object:  # type: ignore[type-arg]
        report = verify_backup(folder, trusted)
        (folder / "mlflow/artifacts/1/card.md").write_text("A better card")
        return report

    monkeypatch.setattr(restoring, "verify_backup", verify_then_change)
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    with pytest.raises(ClinicalError, match=r"changed while it was restored \(card.md\)"):
        restore(made, target, keys(ledger))
    assert not (target.store / "mlflow/artifacts/1/card.md").exists()


def contradicted(now: Ledger, witnessed: list[str]) -> tuple[int, bool]:
    """How many losses the ledger records, and whether it verifies beside the witness."""
    entries = now.reader.proven(Wanted(action="ledger.lost"))
    losses = losses_in(entries, now.reader.root)
    left = unexplained(witnessed, losses)
    rows, notes = now.reader.rows(), now.reader.notes()
    trusted = keys(now)
    report = verify_ledger(now.store.origin, rows, notes, trusted, witnessed=left)
    return len(losses), report.passed


def test_what_a_witness_saw_later_is_lost_by_name(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    early = ledger.store.checkpoint()
    more(ledger, 5)
    late = ledger.store.checkpoint()
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    done = restore(made, target, keys(ledger), witnessed=[early, late])
    assert done.lost is not None
    assert (done.lost.kept, done.lost.until) == (made.manifest.size, read(late).size)
    now = open_ledger(target)
    first = next(iter(now.reader.rows(made.manifest.size, made.manifest.size + 1)))
    assert b'"action":"ledger.lost"' in first.body  # before anything else is written
    more(now, 12)  # past the lost sizes: the same numbers with other roots
    assert contradicted(now, [early, late]) == (1, True)


def test_the_witnesses_of_the_installation_are_asked(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    more(ledger, 5)
    late = ledger.store.checkpoint()
    kept = NoteStore(str(tmp_path / "elsewhere"))
    kept.put(late)
    stranger = SigningKey.generate(ledger.store.origin)
    kept.put(sign(Checkpoint(ledger.store.origin, 10_000, b"\0" * 32), [stranger]))
    (tmp_path / "no-folder").write_text("")
    silent = f"folder:{tmp_path / 'no-folder'}"
    witnesses = (f"folder:{tmp_path / 'elsewhere'}", silent)
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    target = target.model_copy(update={"witnesses": witnesses})
    with pytest.raises(ClinicalError, match=r"hold 1 note\(s\) about entries after the backup"):
        restore(made, target, keys(ledger))
    assert not Path(target.ledger_url.removeprefix("sqlite:///")).exists()
    done = restore(made, target, keys(ledger), ignore_unknown_notes=True)
    assert done.unknown == 1
    told = open_ledger(target).reader.proven(Wanted(action="backup.restored"))[0].act.reason
    assert told == "The disk failed (1 later note(s) of unknown keys were ignored)"
    assert done.lost is not None
    assert (done.lost.kept, done.lost.until) == (made.manifest.size, read(late).size)
    assert done.silent == (silent,)
    assert contradicted(open_ledger(target), [late]) == (1, True)


def test_notes_of_a_key_that_came_after_the_backup_are_not_passed_over(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    trusted = keys(ledger)
    witnesses = (f"folder:{tmp_path / 'elsewhere'}",)
    witnessing = Witnessing.of(ledger, LedgerKeys(settings.keys), witnesses, {})
    _, new = rotate_key(witnessing, "yearly")
    more(ledger, 5)
    size = witnessing.publish().size
    target = settings_of(tmp_path / "restored").model_copy(update={"witnesses": witnesses})
    shutil.copytree(settings.keys / "services", target.keys / "services")
    with pytest.raises(ClinicalError, match="Was the key rotated after the backup"):
        restore(made, target, trusted)
    assert not Path(target.ledger_url.removeprefix("sqlite:///")).exists()
    done = restore(made, target, [*trusted, new])
    assert done.unknown == 0
    assert done.lost is not None
    assert (done.lost.kept, done.lost.until) == (made.manifest.size, size)
    # The private key was not restored: the loss is written before the new key is, all the same.
    first, second = open_ledger(target).reader.rows(made.manifest.size, made.manifest.size + 2)
    assert b'"action":"ledger.lost"' in first.body
    assert b'"action":"key.created"' in second.body


def test_what_was_verified_here_is_lost_by_name_and_keeps_nobody_out(
    made: Made, settings: Settings, ledger: Ledger
) -> None:
    more(ledger, 5)
    assert verify_own(ledger, searches=False).passed
    ledger.store.engine.close()
    ledger_module._opened.clear()
    Path(settings.ledger_url.removeprefix("sqlite:///")).unlink()  # nothing but the memory is left
    done = restore(made, settings, keys(ledger), replace=True)
    assert done.lost is not None
    assert done.lost.until >= made.manifest.size + 5
    assert contradicts_seen(open_ledger(settings)) == ""


def test_a_loss_that_comes_to_light_later_contradicts_until_it_is_answered_for(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    more(ledger, 5)
    late = ledger.store.checkpoint()
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    assert restore(made, target, keys(ledger)).lost is None
    now = open_ledger(target)
    more(now, 9)
    new = now.store.checkpoint()
    assert contradicted(now, [late, new]) == (0, False)
    lost = acknowledge_loss(now, [late, new], keys(now), reason="The witness was unreachable")
    assert (lost.kept, lost.until) == (made.manifest.size, read(late).size)
    assert contradicted(now, [late, new]) == (1, True)
    with pytest.raises(ClinicalError, match="no loss to answer for"):
        acknowledge_loss(now, [late, new], keys(now), reason="Again")


def test_replacing_moves_aside_and_the_replaced_ledger_is_a_witness(
    made: Made, settings: Settings, ledger: Ledger
) -> None:
    more(ledger, 3)
    size = ledger.store.head().size
    before = digests(settings.packages)
    ledger.store.engine.close()
    ledger_module._opened.clear()
    done = restore(made, settings, keys(ledger), replace=True)
    assert done.lost is not None
    assert done.lost.until == size
    assert len(done.aside) == 7
    assert all(path.exists() for path in done.aside)
    assert digests(next(p for p in done.aside if p.name.startswith("packages"))) == before
    old = next(path for path in done.aside if path.name.startswith("ledger.db"))
    with closing(sqlite3.connect(old)) as opened:
        assert opened.execute("SELECT count(*) FROM ledger_entries").fetchone() == (size,)


def test_a_backup_whose_entries_a_witness_contradicts_is_refused(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    forged = Checkpoint(made.manifest.origin, made.manifest.size - 1, b"\0" * 32)
    note = sign(forged, [ledger.store.keys.signing(made.manifest.origin)])
    target = settings_of(tmp_path / "restored", keys=settings.keys)
    with pytest.raises(ClinicalError, match="rewritten, not cut"):
        restore(made, target, keys(ledger), witnessed=[note])
    assert not Path(target.ledger_url.removeprefix("sqlite:///")).exists()


def test_the_drill_brings_everything_back(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINICAL_LEDGER_URL", "sqlite:////nowhere/ledger.db")
    before = digests(settings.store)
    drill = drill_backup(settings, made.folder, tmp_path / "trial", keys(ledger))
    assert drill.problems == ()
    record = drill.record
    assert record.before_sha256 == record.after_sha256
    assert (record.snapshots, record.packages, record.table_versions) == (1, 1, 4)
    assert record.databases == 2
    assert record.size == made.manifest.size
    assert digests(settings.store) == before


def test_the_drill_finds_what_does_not_come_back(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resources.backups import drill as drill_module

    def forgetful(place: Settings, folder: Path, manifest: object) -> None:
        original(place, folder, manifest)  # type: ignore[arg-type]
        (place.store / "mlflow/artifacts/1/card.md").write_text("another card")
        next((place.store / "lake/m/table").glob("*.parquet")).unlink()

    original = drill_module.put_back
    monkeypatch.setattr(drill_module, "put_back", forgetful)
    drill = drill_backup(settings, made.folder, tmp_path / "trial", keys(ledger))
    assert any("are not what they were" in problem for problem in drill.problems)
    assert any("lacks its file" in problem for problem in drill.problems)
    assert drill.record.before_sha256 != drill.record.after_sha256


def test_an_interrupted_restore_stays_open_and_is_done_again(
    made: Made, settings: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = settings_of(tmp_path / "restored", keys=settings.keys)

    def full(*arguments: object) -> None:
        raise ClinicalError("The disk is full", repair="-")

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "_place", full)
        with pytest.raises(ClinicalError, match="disk is full"):
            restore(made, target, keys(ledger))
    found = open_ledger(target).reader.proven(Wanted(action="backup.restored"))
    assert [entry.act.outcome for entry in found] == ["intended", "failed"]
    open_ledger(target).store.engine.close()
    ledger_module._opened.clear()
    done = restore(made, target, keys(ledger), replace=True)
    assert done.lost is not None  # the two entries of the first attempt, by its own signed head
    assert done.lost.until == made.manifest.size + 2
    assert digests(target.packages) == digests(settings.packages)


def test_stores_on_s3_are_backed_up_and_come_back(
    filled: Filled, tmp_path: Path, s3_options: dict[str, str]
) -> None:
    shutil.copytree(filled.store, tmp_path / "store")
    local = settings_of(tmp_path / "store")

    def on_s3(settings: Settings, prefix: str) -> Settings:
        urls = {
            "lake_url": f"s3://{BUCKET}/{prefix}/lake",
            "snapshots_url": f"s3://{BUCKET}/{prefix}/snapshots",
            "s3_endpoint": s3_options["aws_endpoint"],
            "s3_region": s3_options["aws_region"],
            "s3_allow_http": True,
        }
        return settings.model_copy(update=urls)

    first = on_s3(local, "first")
    pin = Lake(first.lake_url, first.s3_options).write("m/table", frame(0))
    kept = SnapshotStore(first.snapshots_url, first.s3_options).put(b"on S3")
    ledger = open_ledger(first)
    made = make_backup(first, ledger, tmp_path / "backup")
    drill = drill_backup(first, made.folder, tmp_path / "trial", keys(ledger))
    assert (drill.problems, drill.record.snapshots, drill.record.table_versions) == ((), 1, 1)
    second = on_s3(settings_of(tmp_path / "second", keys=local.keys), "second")
    restore(made, second, keys(ledger))
    assert Lake(second.lake_url, second.s3_options).read("m/table", pin).height == 3
    assert SnapshotStore(second.snapshots_url, second.s3_options).get(kept) == b"on S3"
    with pytest.raises(ClinicalError, match="cannot be moved aside"):
        restore(made, second, keys(ledger), replace=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from resources.backups import files, making
from resources.ledger import open_ledger
from resources.settings import Settings

settings = Settings.model_validate_json(sys.argv[1])
ledger = open_ledger(settings)
count, last = 0, -1

def counted(function):
    def call(*arguments, **more):
        global count
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        return function(*arguments, **more)
    return call

files.Copier.add = counted(files.Copier.add)
files.Copier.adopt = counted(files.Copier.adopt)
making.copy_sqlite = counted(making.copy_sqlite)
making.flush = counted(making.flush)
Path.rename = counted(Path.rename)
making.make_backup(settings, ledger, Path(sys.argv[2]) / "whole")
whole, killed = count, 0
for last in sorted({*range(1, whole, max(1, whole // 6)), *range(whole - 2, whole)}):
    if not (child := os.fork()):
        count = 0
        making.make_backup(settings, ledger, Path(sys.argv[2]) / f"killed-{last}")
        os._exit(0)
    killed += os.waitpid(child, 0)[1] == signal.SIGKILL
print(killed)
"""


def test_a_killed_backup_leaves_none_that_is_half(settings: Settings, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    backups = tmp_path / "backups"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, settings.model_dump_json(), str(backups)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) >= 7
    ledger = open_ledger(settings)
    named = sorted(path.name for path in backups.glob("[!.]*"))
    assert len(named) == 2  # killed after the rename, at the last flush: it is whole
    assert "whole" in named
    for name in named:
        assert verify_backup(backups / name, keys(ledger)).passed
    leftovers = list(backups.glob(".partial-*"))
    assert len(leftovers) == int(done.stdout) - 1
    head = ledger.store.head()
    outcomes = [e.act.outcome for e in ledger.reader.proven(Wanted(action="backup.made"))]
    assert outcomes.count("done") == 1
    assert len(ledger.reader.open_acts()) == int(done.stdout)
    report = verify_ledger(ledger.store.origin, ledger.reader.rows(), [head.note], keys(ledger))
    assert report.passed


SERVICE = Actor("service", "worker", "Worker", "service-credential")


def test_a_postgresql_ledger_comes_back_into_either_database(tmp_path: Path) -> None:
    names = [f"clinical_backup_{os.getpid()}_{n}" for n in ("a", "b")]
    try:
        with acting(SERVICE):  # nobody is enrolled by itself on PostgreSQL
            first, second = (postgresql_database(name) for name in names)
            settings = settings_of(tmp_path / "store", first)
            ledger, _, _ = fill(settings)
            made = make_backup(settings, ledger, tmp_path / "backup")
            assert verify_backup(made.folder, keys(ledger)).passed
            drill = drill_backup(settings, made.folder, tmp_path / "trial", keys(ledger))
            assert drill.problems == ()
            more(ledger, 4)
            late = ledger.store.checkpoint()
            with pytest.raises(ClinicalError, match="cannot be moved aside"):
                restore(made, settings, keys(ledger), replace=True)
            for url, store in ((second, "b"), (f"sqlite:///{tmp_path}/c/ledger.db", "c")):
                target = settings_of(tmp_path / store, url, keys=settings.keys)
                done = restore(made, target, keys(ledger), witnessed=[late])
                assert done.lost is not None
                now = open_ledger(target)
                more(now, 7)
                assert contradicted(now, [late]) == (1, True)
                now.store.engine.close()
            ledger.store.engine.close()
    finally:
        for name in names:
            drop_database(name)
